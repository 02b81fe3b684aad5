"""The fast path gives the same records as the exact path, and leaves doubtful rows to it."""

import ast
import copy
import os
import pickle
import subprocess
import sys

import pytest
import source
from contacts import mapper_of
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MapperError, Source, load
from truto_mapper.engine.exact import ExactPage
from truto_mapper.engine.fused import MANY, Fused
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.odd_rows import OddRows
from truto_mapper.language.runtime.values import Budget

GONG = load("gong/activity")
PERIOD = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
QUERIES = {
    "usersAggregateActivityStats": GONG.plan(PERIOD).query,
    "usersAggregateActivity": GONG.plan(PERIOD + "&aggregation_period=week").query,
    "usersDetailedActivities": GONG.plan(PERIOD + "&aggregation_period=day", context={"detailed": True}).query,
}


def exact(mapper, *args, **options):
    """What a mapper gives if its functions leave every row to the exact path."""

    def in_doubt(self, rows, key, page, budget, remote_data):  # noqa: ARG001
        count = len(rows) - rows.count(None)
        return [None] * count, range(count), None, False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fused, "records", in_doubt)
        patch.setattr(OddRows, "outcome_of", lambda *_: None)
        return outcome(mapper, *args, **options)


def outcome(mapper, body, **options):
    """The page or the error, as far as a caller can tell them apart."""
    try:
        page = mapper.map(copy.deepcopy(body), **options)
    except MapperError as error:
        return type(error), str(error)
    return page.records, page.next_cursor, page.rejected, [d.render() for d in page.diagnostics]


class Comparison:
    """Compares both paths, and counts the rows for which that says something: those that generated code mapped."""

    def __init__(self, monkeypatch):
        self.rows = self.compared = self.exactly = 0
        map_exactly = ExactPage.examined

        def counted(page, row):
            self.exactly += 1
            return map_exactly(page, row)

        monkeypatch.setattr(ExactPage, "examined", counted)

    def compare(self, mapper, reply, **options):
        self.exactly = 0
        found = outcome(mapper, reply, **options)
        exactly, self.exactly = self.exactly, 0
        assert found == exact(mapper, reply, **options)
        self.rows += self.exactly
        self.compared += len(found[0]) + len(found[2]) - exactly if len(found) == 4 else 0


@pytest.fixture
def comparison(monkeypatch):
    return Comparison(monkeypatch)


def mostly(usual, odd, share=8):
    """The usual value, and now and then an odd one."""
    return st.integers(1, share).flatmap(lambda number: odd if number == share else usual)


def with_one_odd(usual, odd, share=8):
    """The usual object of some fields; now and then one of them is odd or is left out."""
    names = st.sampled_from(sorted(usual))
    changed = st.tuples(st.fixed_dictionaries(usual), names, odd | st.just(...)).map(changed_object)
    return mostly(st.fixed_dictionaries(usual), changed, share)


def changed_object(change):
    usual, name, value = change
    return {key: value if key == name else one for key, one in usual.items() if key != name or value is not ...}


SCALARS = st.none() | st.booleans() | st.integers(-3, 2**60) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(SCALARS | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
METRICS = ("callsAsHost", "callsAttended", "callsGaveFeedback", "callsScorecardsFilled")
EVERY = [e.text.removeprefix("$counts.") for e in GONG.mapping.endpoints[0].response["metrics"].values()]
DATE = st.sampled_from(["2026-01-05T00:00:00-08:00", "2026-01-12T000:00:00-08:00"])
ODD = ANYTHING | st.sampled_from(["2026-02-30T00:00:00Z", "soon", "", []])
COUNTS = dict.fromkeys(EVERY, st.integers(0, 9))
CALLS = dict.fromkeys(METRICS, st.lists(st.integers(0, 9), max_size=3))
PERIOD_OF = {"fromDate": DATE, "toDate": DATE}
USER = {"userId": st.sampled_from(["1", "22"]), "userEmailAddress": st.sampled_from(["a@example.com", ""])}
HEAD = {"fromDateTime": DATE, "toDateTime": DATE, "records": st.fixed_dictionaries({"cursor": st.text(max_size=2)})}


def few_counts(counts):
    """All counts, or some of them."""
    return st.one_of(st.fixed_dictionaries(counts), st.fixed_dictionaries({}, optional=counts))


def replies(name, inner, rows):
    users = st.lists(mostly(with_one_odd({**USER, inner: rows}, ODD, 16), ODD, 30), max_size=8)
    head = with_one_odd(HEAD, ODD)
    return st.builds(lambda head, users: head | {name: users}, head, mostly(users, ODD, 30))


def periods(counts):
    counted = st.builds(dict.__or__, few_counts(counts), with_one_odd(PERIOD_OF, ODD, 16))
    return st.lists(counted, max_size=3)


STATS = st.one_of(few_counts(COUNTS), with_one_odd(COUNTS, ODD))
REPLIES = st.one_of(
    replies("usersAggregateActivityStats", "userAggregateActivityStats", STATS),
    replies("usersAggregateActivity", "userAggregateActivity", periods(COUNTS)),
    replies("usersDetailedActivities", "userDailyActivityStats", periods(CALLS)),
)

#: After an error there are no records to compare, so it is the rarest choice.
CHOICES = ["discard_value", "discard_record", "discard_value", "discard_record", "discard_value", "raise"]


def test_for_any_reply_the_fast_path_gives_what_the_exact_path_gives(comparison):
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(reply=REPLIES, on_invalid=st.sampled_from(CHOICES), asked=st.booleans())
    def test(reply, on_invalid, asked):
        options = {"on_invalid": on_invalid}
        if asked:
            options["query"] = next((query for name, query in QUERIES.items() if name in reply), None)
        comparison.compare(GONG, reply, **options)

    test()
    assert comparison.rows > 1000
    assert comparison.compared > 0.75 * comparison.rows, comparison.compared


def test_the_code_that_expects_gives_what_the_code_that_assumes_nothing_gives():
    function, of_lacking = GONG._functions["aggregate"]._function, GONG._functions["aggregate"]._of_lacking
    assert of_lacking is not function
    days = "2026-01-01", "2026-02-01"
    page = ("total", *days, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "total", "_total_2026-01-01_2026-02-01")
    mapped = doubted = 0

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(rows=st.lists(with_one_odd({**USER, "userAggregateActivityStats": STATS}, ODD), max_size=8))
    def test(rows):
        nonlocal mapped, doubted
        records, doubtful, _ = function(rows, True, (True, *page), Budget())
        assert (records, doubtful) == function(rows, True, (False, *page), Budget())[:2]
        assert (records, doubtful) == of_lacking(rows, True, (True, *page), Budget())[:2]
        mapped, doubted = mapped + len(records) - len(doubtful), doubted + len(doubtful)

    test()
    assert mapped > 500
    assert mapped > 0.75 * (mapped + doubted)


@pytest.mark.parametrize("lacking", [{"callsAttended": None}, dict.fromkeys(EVERY), {"userEmailAddress": None}, {}])
def test_pages_of_rows_that_lack_something_get_a_function_of_their_own(lacking):
    mapper, counts = load("gong/activity"), {name: 1 for name in EVERY if name not in lacking}
    address = lacking.get("userEmailAddress", "")
    users = [{"userId": f"{n}", "userEmailAddress": address, "userAggregateActivityStats": counts} for n in range(40)]
    reply = {"fromDateTime": "2026-01-05T00:00:00Z", "toDateTime": "2026-02-02T00:00:00Z"}
    reply |= {"usersAggregateActivityStats": users}
    pages = [mapper.map(reply) for _ in range(MANY + 2)]
    assert list(pages[0].records) == list(exact(mapper, reply)[0])
    assert all((page.records, page.diagnostics) == (pages[0].records, pages[0].diagnostics) for page in pages)
    function = mapper._functions["aggregate"]
    assert ("_of_lacking" in vars(function)) == (function.unusual > MANY) == bool(lacking)
    user = {"userId": "1", "userEmailAddress": "", "userAggregateActivityStats": dict.fromkeys(EVERY, 1)}
    usual = reply | {"usersAggregateActivityStats": [user]}
    for _ in range(MANY):
        assert mapper.map(usual).records[0]["metrics"]["calls_attended"] == 1
    assert function.unusual == 0
    without_period = {"usersAggregateActivityStats": users}
    assert [len(mapper.map(without_period).records) for _ in range(MANY)] == [40] * MANY
    assert function.unusual == 0  # nothing else would map it faster


def user(number, **more):
    counts = dict.fromkeys(METRICS, number)
    return {"userId": str(number), "userEmailAddress": "a@example.com", "userAggregateActivityStats": counts} | more


def test_rows_without_doubt_never_meet_the_exact_path(monkeypatch):
    monkeypatch.setattr(ExactPage, "examined", None)
    page = GONG.map({"usersAggregateActivityStats": [user(1), user(2)]}, query=QUERIES["usersAggregateActivityStats"])
    assert [record["metrics"]["calls_hosted"] for record in page.records] == [1, 2]


def test_an_endpoint_that_is_only_known_by_its_query_is_mapped_in_one_pass_too(tmp_path, monkeypatch):
    """And a reply may be of an endpoint that has no `recognise`."""
    mapper_of(tmp_path, {"id": "key"})
    path = tmp_path / "acme.yaml"
    path.write_text(path.read_text().replace("    recognise: $exists(data)\n", ""))
    mapper = load(path)
    monkeypatch.setattr(ExactPage, "examined", None)
    page = mapper.map({"data": [{"key": "a"}]}, query=mapper.plan({}).query)
    assert page.records == ({"id": "a", "remote_data": {"key": "a"}},)


def test_only_the_row_in_doubt_meets_the_exact_path(monkeypatch):
    seen = []
    outcome = ExactPage.examined
    monkeypatch.setattr(ExactPage, "examined", lambda self, row: seen.append(row.item.path) or outcome(self, row))
    body = {"usersAggregateActivityStats": [user(1), user(2, userAggregateActivityStats={"callsAsHost": 3.0}), user(3)]}
    page = GONG.map(body, query=QUERIES["usersAggregateActivityStats"])
    assert seen == [("usersAggregateActivityStats", 1)]
    assert [one["id"][0] for one in page.records] == ["1", "2", "3"]


def test_records_share_nothing_that_can_be_changed_but_the_providers_own():
    week = {"fromDate": "2026-01-05T00:00:00Z", "toDate": "2026-01-12T00:00:00Z", "callsAsHost": 1}
    body = {
        "usersAggregateActivity": [
            {"userId": "1", "userEmailAddress": "a@example.com", "userAggregateActivity": [week, week]}
        ]
    }
    one, two = GONG.map(body, query=QUERIES["usersAggregateActivity"]).records
    one["user"]["emails"][0]["email"] = "changed"
    one["metrics"]["calls_hosted"] = 9
    again = GONG.map(body, query=QUERIES["usersAggregateActivity"]).records[0]
    assert two["user"] == again["user"] == {"id": "1", "emails": [{"email": "a@example.com", "is_primary": True}]}
    assert two["metrics"] == again["metrics"] == {"calls_hosted": 1}


def test_cached_values_of_a_page_depend_on_its_texts():
    """Pages of other periods, queries, contexts and times do not get each other's values."""
    body = {"usersAggregateActivityStats": [user(1)]}
    shown = []
    for start in ("2026-01-01", "2026-01-02"):
        for zone in ("UTC", "Asia/Tokyo"):
            query = f"start_time={start}T20:00:00Z&end_time=2026-02-01T00:00:00Z"
            shown.append(GONG.map(body, query=query, context={"time_zone": zone}).records[0]["id"])
    assert shown == [
        "1_total_2026-01-01_2026-02-01",
        "1_total_2026-01-02_2026-02-02",
        "1_total_2026-01-02_2026-02-01",
        "1_total_2026-01-03_2026-02-02",
    ]


def test_cached_values_stay_small():
    """Pages with ever other texts, or very long ones, do not fill the memory."""
    mapper = load("gong/activity")
    for day in range(255):
        rows = [{"fromDate": f"{day}-{number}", "toDate": "x" * 50_000} for number in range(3)]
        body = {"usersAggregateActivity": [{"userId": "1", "userAggregateActivity": rows}]}
        mapper.map(body, query=QUERIES["usersAggregateActivity"], on_invalid="discard_value")
        head = {"fromDateTime": str(day), "toDateTime": "y" * 50_000 * (day % 5)}
        mapper.map(head | {"usersAggregateActivityStats": [user(1)]}, on_invalid="discard_value")
    assert len(pickle.dumps([f.page_values.known for f in mapper._functions.values()])) < 5_000_000


EXPRESSIONS = {
    "id": ["key", "$contact.key", '"x"', "$string(key)", 'key ? $join([key, "a"], "-")', "$uppercase(key)"],
    "age": ["age", "3", "age ? age", "$number(age)", "$count(tags)"],
    "born": ["born", '$replace(born, "x", "y")', "born[$ != null]"],
    "tags": [
        "labels",
        "$labels",
        "$more",
        "[key]",
        "home.tags",
        "labels[$ != null]",
        '$exists(key) ? ["a"]',
        "key.($)",
    ],
    "home": [
        "home",
        '{"street": home.street}',
        'key ? {"street": key}',
        '{"floor": age}',
        'home.{"street": street, "floor": floor}',
    ],
    "phones": [
        "phones",
        'phones.{"number": number, "kind": kind}',
        'key.($ ? {"number": $, "kind": "work"})',
        'key.{"number": $}',
        '$contact.key.($ ? {"number": $uppercase($), "kind": $contact.born})',
        '$labels.($ ? {"number": $})',
        '[{"number": key}]',
    ],
    "notes": ["home", "labels", "$more", '{"a": key, "b": phones}'],
}
#: Those that give something invalid for a usual row.
UNFIT = ("$count(tags)", "home", '{"floor": age}', EXPRESSIONS["phones"][4])
USUAL = {
    "key": "k",
    "age": 3,
    "born": "2026-01-05T00:00:00Z",
    "labels": ["a"],
    "home": {"street": "s", "floor": 1, "tags": ["q"]},
    "phones": [{"number": "1", "kind": "work"}],
}
UNUSUAL = st.sampled_from([None, "", 0, 2.0, True, [], ["a", None], [[]], {}, {"street": 1}, [{"number": "1"}, None]])
LET = "{labels: labels, more: '$append(labels, home.street)'}"


@pytest.fixture
def contact_mapper(tmp_path):
    """Makes a mapper of contacts from the text of the expression of each field."""

    def make(fields):
        return mapper_of(tmp_path, {name: f"'{text}'" for name, text in fields.items()}, let=LET)

    return make


def test_for_any_mapping_the_fast_path_gives_what_the_exact_path_gives(comparison, contact_mapper):
    usual = {name: st.just(value) for name, value in USUAL.items()}
    rows = st.lists(mostly(with_one_odd(usual, UNUSUAL), UNUSUAL, 20), max_size=8)
    fitting = {name: st.sampled_from([t for t in texts if t not in UNFIT]) for name, texts in EXPRESSIONS.items()}

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(with_one_odd(fitting, st.just(""), 16), st.sampled_from(["home", "labels", "$count(tags)"]), rows)
    def test(fields, unfit, rows):
        mapper = contact_mapper({"id": "key"} | {name: text or unfit for name, text in fields.items()})
        assert outcome(mapper, {"data": rows}) == exact(mapper, {"data": rows})
        for on_invalid in ("discard_value", "discard_record"):
            comparison.compare(mapper, {"data": rows}, on_invalid=on_invalid)
        assert "not one function" not in mapper.show()

    test()
    assert comparison.rows > 500
    assert comparison.compared > 0.75 * comparison.rows, comparison.compared


def test_a_row_that_is_not_an_object_makes_no_record_even_if_nothing_of_it_is_read(contact_mapper):
    mapper = contact_mapper({"id": '"x"'})
    reply = {"data": [None, {}, 7, []]}
    assert len(mapper.map({"data": [None, {}]}).records) == 1
    assert outcome(mapper, reply, on_invalid="discard_record") == exact(mapper, reply, on_invalid="discard_record")
    assert len(mapper.map(reply, on_invalid="discard_record").rejected) == 2


@pytest.mark.parametrize(
    ("key", "phones"),
    [
        ("a", [{"number": "a"}]),
        (["a", "b"], [{"number": "a"}, {"number": "b"}]),
        ([], []),
        (None, []),
        (..., None),
    ],
    ids=str,
)
def test_an_array_of_constructed_objects_has_one_for_each_value(key, phones, contact_mapper):
    mapper = contact_mapper({"id": '"x"', "phones": 'key.{"number": $}'})
    (record,) = mapper.map({"data": [{} if key is ... else {"key": key}]}).records
    assert record.get("phones") == phones


#: Loops over plain paths, with their replies; each row is `{"key": …}`.
LOOPS = {
    "one name": ("{contact: data}", {"data": [{"key": "a"}, None, {"key": "b"}]}),
    "two names": ("{contact: data.items}", {"data": {"items": [{"key": "a"}, {"key": "b"}]}}),
    "the reply by its name": ("{contact: $.data.items}", {"data": {"items": [{"key": "a"}, {"key": "b"}]}}),
    "two loops": (
        "{group: data.groups, contact: $group.items}",
        {"data": {"groups": [{"items": [{"key": "a"}, None]}, None, {}, {"items": None}, {"items": [{"key": "b"}]}]}},
    ),
    "two loops, the inner by a bare name": (
        "{group: data, contact: items}",
        {"data": [{"items": [{"key": "a"}, {"key": "b"}]}]},
    ),
}


@pytest.mark.parametrize(("for_each", "reply"), LOOPS.values(), ids=LOOPS)
def test_plain_loops_take_the_fast_path(for_each, reply, tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key"}, for_each)
    comparison.compare(mapper, reply)
    assert (comparison.rows, comparison.compared) == (2, 2)


def test_a_row_without_an_object_to_look_into_takes_the_fast_path(tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key", "nick": "home.street"})
    comparison.compare(mapper, {"data": [{"key": "a"}, {"key": "b", "home": None}, {"key": "c", "home": []}]})
    assert (comparison.rows, comparison.compared) == (3, 2)


@pytest.mark.parametrize(
    "reply",
    [
        {"data": {"items": {"key": "a"}}},
        {"data": [{"items": [{"key": "a"}]}, {"items": [{"key": "b"}]}]},
        {"data": {"items": "a"}},
        {"data": "a"},
        {"data": {}},
        {"data": {"items": None}},
    ],
    ids=str,
)
def test_rows_in_another_shape_than_a_list_are_the_same_on_both_paths(reply, tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key"}, "{contact: data.items}")
    comparison.compare(mapper, reply)


@pytest.mark.parametrize(
    "groups", [{"items": [{"key": "a"}]}, [[{"items": [{"key": "a"}]}]], [5], [{"items": {"key": "a"}}]], ids=str
)
def test_two_loops_over_another_shape_are_the_same_on_both_paths(groups, tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key"}, "{group: data, contact: $group.items}")
    comparison.compare(mapper, {"data": groups})


@pytest.mark.parametrize(
    ("let", "tags"),
    [("'labels[$ != \"b\"]'", ["a"]), ("'$split(key, \"-\")'", ["1", "2"]), ("'$uppercase(key)'", ["1-2"])],
)
def test_a_let_of_any_type_stays_on_the_fast_path_and_is_not_shared(let, tags, tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key", "tags": "$some", "notes": "$some"}, let=f"{{some: {let}}}")
    reply = {"data": [{"key": "1-2", "labels": ["a", "b"]}, {"key": "1-2", "labels": ["a", "b"]}]}
    comparison.compare(mapper, reply)
    assert comparison.compared == 2
    one, two = mapper.map(reply).records
    assert one["tags"] == two["tags"] == tags
    assert one["notes"] is not two["notes"] or isinstance(one["notes"], str)


EMPTIED = {
    'labels[$ = "x"]': [],
    'labels[$ = "x"].$uppercase()': [],
    'key ? labels[$ = "x"]': [],
    "$nothing": [],
    "labels": ["a"],
    "phones[].number": [],
    "missing[]": None,
    "home.tags": None,
    "flag ? labels": None,
}


@pytest.mark.parametrize(("text", "tags"), EMPTIED.items())
def test_an_array_that_may_be_empty_is_left_to_the_exact_path(text, tags, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "tags": f"'{text}'"}, let="{nothing: 'labels[$ = home.street]'}")
    (record,) = mapper.map({"data": [{"key": "1", "labels": ["a"], "home": {"street": "s"}, "phones": []}]}).records
    assert record.get("tags") == tags


UNFUSABLE = {
    "a computed loop": ({"id": "key"}, "{contact: 'data[active]'}", "for_each is not one or two plain paths"),
    "three loops": ({"id": "key"}, "{a: data, b: $a.b, c: $b.c}", "for_each is not one or two plain paths"),
    "a long inner loop": ({"id": "key"}, "{a: data, b: $a.b.c}", "the inner for_each is not one name below the outer"),
    "a list in YAML": ({"id": "key", "tags": "[key]"}, "{contact: data}", "tags is a list in YAML"),
    "its own remote_data": (
        {"id": "key", "remote_data": "$contact"},
        "{contact: data}",
        "response_mapping is not an object of all required fields, or maps remote_data",
    ),
}


@pytest.mark.parametrize(("fields", "for_each", "reason"), UNFUSABLE.values(), ids=UNFUSABLE)
def test_a_mapping_that_cannot_be_one_function_says_why_and_is_mapped_exactly(fields, for_each, reason, tmp_path):
    mapper = mapper_of(tmp_path, fields, for_each)
    assert f"# not one function: {reason}\n" in mapper.show() + "\n"
    row = {"key": "a", "active": True, "b": {"key": "a", "c": {"key": "a"}}}
    assert [record["id"] for record in mapper.map({"data": [row]}).records] == ["a"]


SHOW = "from truto_mapper import load; print(load('gong/activity').show())"


def test_the_same_mapping_always_becomes_the_same_code():
    def shown(seed):
        env = os.environ | {"PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, env=env).stdout

    assert shown("1") == shown("2") == GONG.show() + "\n"


@pytest.mark.parametrize(
    ("first_day", "count"),
    [('$contains($start, "01-05") ? $substring($start, 0, 10)', 2), ("$length($start)", 0)],  # numbers cannot be joined
)
def test_a_value_computed_from_a_text_of_the_row_may_be_absent_or_not_text(first_day, count):
    overlay = Source("overlay.yaml", f"endpoints: {{by_period: {{let: {{first_day: '{first_day}'}}}}}}")
    mapper = load("gong/activity", overlays=[overlay])
    days = ("2026-01-05", "2026-01-12", "2026-01-19")
    periods = [{"fromDate": f"{day}T00:00:00Z", "toDate": "2026-02-01T00:00:00Z"} for day in (*days, "soon", *days)]
    body = {"usersAggregateActivity": [{"userId": "1", "userAggregateActivity": periods}]}
    options = {"query": QUERIES["usersAggregateActivity"], "on_invalid": "discard_record"}
    assert outcome(mapper, body, **options) == exact(mapper, body, **options)
    assert len(mapper.map(body, **options).records) == count


def test_the_shipped_mapping_is_one_function_an_endpoint():
    code = GONG.show()
    names = [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert [name for name in names if name == "rows"] == ["rows", "rows", "rows"]
    assert "not one function" not in code


def test_the_generated_code_has_the_lines_of_the_mapping():
    source = GONG.mapping.root.source
    tree = GONG._functions["aggregate"].tree
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    assert all("$join([$string($user.userId)" in source.line(line) for line in lines)
    assert lines


def test_a_traceback_through_generated_code_names_the_mapping():
    mapper = GONG
    function = mapper._functions[mapper._mapping.endpoints[0].name]._function
    assert function.__code__.co_filename == "mappings/gong/activity.yaml"


def test_a_mapper_that_was_used_still_pickles():
    GONG.map({"usersAggregateActivityStats": [user(1)]})
    assert isinstance(pickle.loads(pickle.dumps(GONG)), Mapper)


def test_invalid_values_are_found_in_one_pass_too():
    body = {"usersAggregateActivityStats": [user(1), user(2, userAggregateActivityStats=dict.fromkeys(METRICS, "x"))]}
    query = QUERIES["usersAggregateActivityStats"]
    with pytest.raises(EvaluationError) as caught:
        GONG.map(body, query=query)
    assert len(caught.value.diagnostics) == len(METRICS)
    assert exact(GONG, body, query=query) == (EvaluationError, str(caught.value))


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"age": "age"}, [{"age": 0}, {"age": 1}]),
        ({"phones": '\'p.{"number": x}{"number": number}\''}, [{"p": {"x": "a"}}, {"p": [{"x": "a"}, {"x": "b"}]}]),
    ],
)
def test_what_is_checked_and_grouped_is_so_in_one_pass_too(fields, rows, tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key", **fields})
    for row in rows:
        comparison.compare(mapper, {"data": [row | {"key": "1"}]}, on_invalid="discard_value")


NUMBERS = [(1, 1), (1.5, 1.5), (0, 0), (True, None), ("1", None), (None, None)]
NUMBERS += [(float("inf"), None), (float("-inf"), None), (float("nan"), None)]


@pytest.mark.parametrize(("given", "kept"), NUMBERS)
def test_a_number_is_an_integer_or_a_finite_float(given, kept, contact_mapper):
    mapper = contact_mapper({"id": "key", "score": "score"})
    page = mapper.map({"data": [{"key": "a", "score": given}]}, on_invalid="discard_value")
    assert page.records[0].get("score") == kept


#: A row, and what a field is mapped to from it in one pass; `...` for a field that the record does not have.
IN_ONE_PASS = {
    "null for any value": ("notes", "null", ...),
    "null for text": ("nick", "null", ...),
    "null in an object": ("home", '{"street": key, "floor": null}', {"street": "k"}),
    "an object of nulls": ("mails", 'key.($ ? {"address": $ & "!"})', [{"address": "k!"}]),
    "an empty object": ("info", "{}", {}),
    "a null in a free object": ("info", '{"a": null}', {"a": None}),
    "an empty array": ("notes", "[]", []),
    "a boolean": ("active", "yes", True),
    "a fraction": ("score", "part", 2.5),
    "a whole number": ("score", "whole", 3),
    "a whole number in an object": ("info", "sizes", {"a": 3, "b": [2, 0]}),
    "a negative zero": ("score", "-0.0", 0),
    "a function for each item": ("tags", "$map(labels, $uppercase)", ["A", "B"]),
    "whether there is a function": ("active", "$exists($uppercase)", True),
    "a function instead of a value": ("nick", '$uppercase ? "yes" : key', "k"),
    "a function as a value": ("notes", "$uppercase", ...),
    "a let of a let that is a path": ("nick", "$loud", "K"),
    "a let of a let that is a path to an object": ("nick", "$street", "S"),
    "a computed key": ("home", '$contact.{$string("street"): key & "", "floor": 1}', {"street": "k", "floor": 1}),
    "a computed key below a text": (
        "phones",
        '$contact.key.{$string("number"): $, "kind": "work"}',
        [{"number": "k", "kind": "work"}],
    ),
    "a computed key under a condition": ("mails", 'key.($ ? {$string("address"): $})', [{"address": "k"}]),
    "an array of one text": ("notes", "key[]", ["k"]),
    "text that becomes an array within an expression": ("nick", "$string(key[])", '["k"]'),
    "a let that is an array": ("notes", "$listed", ["k"]),
    "a field that is an array anyway": ("tags", "key[]", ["k"]),
    "an array of null": ("tags", "gone[]", []),
    "keys that are numbers": ("info", '{"1": key, "01": key}', {"1": "k", "01": "k"}),
    "a group of an array": ("info", "labels{$: 1}", {"a": 1, "b": 1}),
}
FULL = {
    "key": "k",
    "yes": True,
    "part": 2.5,
    "whole": 3.0,
    "sizes": {"a": 3.0, "b": [2.0, -0.0]},
    "labels": ["a", "b"],
    "home": {"street": "s"},
    "gone": None,
}


@pytest.mark.parametrize(("name", "text", "value"), IN_ONE_PASS.values(), ids=IN_ONE_PASS)
def test_generated_code_maps_it_to_the_same_as_the_exact_path(name, text, value, tmp_path, comparison):
    let = "{listed: 'key[]', plain: key, loud: $uppercase($plain), house: home, street: $uppercase($house.street)}"
    mapper = mapper_of(tmp_path, {"id": "key", name: f"'{text}'"}, let=let)
    comparison.compare(mapper, {"data": [FULL, FULL]})
    assert comparison.compared == comparison.rows == 2
    one, two = mapper.map({"data": [FULL, FULL]}).records
    assert repr(one.get(name, ...)) == repr(two.get(name, ...)) == repr(value)


def test_null_for_what_is_required_is_reported(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "'null'"})
    page = mapper.map({"data": [FULL]}, on_invalid="discard_value")
    assert (page.records, [one.code for one in page.diagnostics]) == ((), ["D402"])


def test_an_array_of_one_text_is_not_a_text(tmp_path):
    page = mapper_of(tmp_path, {"id": "key", "nick": "'key[]'"}).map({"data": [FULL]}, on_invalid="discard_value")
    assert ["nick" in record for record in page.records] == [False]
    assert [one.code for one in page.diagnostics] == ["D401"]


def test_a_repeated_constant_key_is_an_error_on_both_paths(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "info": """'{"a": 1, "a": 2}'"""})
    found = outcome(mapper, {"data": [FULL]}, on_invalid="discard_value")
    assert found == exact(mapper, {"data": [FULL]}, on_invalid="discard_value")
    assert "D1009" in found[-1][0]


def test_computed_keys_lose_no_values_of_the_shipped_mapping():
    fields = {
        "emails": """'$user.userEmailAddress.{$string("email"): $, "is_primary": true}'""",
        "id": """'$user.{$string("id"): userId & ""}.id'""",
    }
    lines = ", ".join(f"{name}: {text}" for name, text in fields.items())
    overlay = Source("overlay.yaml", f"endpoints: {{aggregate: {{response_mapping: {{user: {{{lines}}}}}}}}}")
    body = {"usersAggregateActivityStats": [user(1), user(2)]}
    page = load("gong/activity", overlays=[overlay]).map(body, query=QUERIES["usersAggregateActivityStats"])
    emails = [{"email": "a@example.com", "is_primary": True}]
    assert [record["user"] for record in page.records] == [{"id": "1", "emails": emails}, {"id": "2", "emails": emails}]


def test_fields_of_an_object_that_declares_none_may_be_written_in_yaml(tmp_path, comparison):
    mapper = mapper_of(tmp_path, {"id": "key", "info": "{a: key, b: {c: home.street, d: 'null'}}"})
    comparison.compare(mapper, {"data": [FULL]})
    assert comparison.compared == 1
    assert mapper.map({"data": [FULL]}).records[0]["info"] == {"a": "k", "b": {"c": "s"}}


@pytest.mark.parametrize("map_it", [outcome, exact])
def test_a_record_shares_nothing_with_the_reply_but_its_remote_data(map_it, contact_mapper):
    mapper = contact_mapper({"id": "key", "info": "home", "notes": "labels"})
    body = {"data": [{"key": "k", "home": {"a": {"b": 1}}, "labels": [[1]]}]}
    pages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copy, "deepcopy", lambda value: value)
        patch.setattr(
            mapper, "map", lambda *args, **options: pages.append(Mapper.map(mapper, *args, **options)) or pages[0]
        )
        map_it(mapper, body)
    (record,) = pages[0].records
    record["info"]["a"]["b"] = record["notes"][0][0] = "changed"
    assert body == {"data": [{"key": "k", "home": {"a": {"b": 1}}, "labels": [[1]]}]}


CURSORS = {"$uppercase": None, "about.missing": None, "about.list[0]": "a", '$join(about.list, "")': "ab"}


@pytest.mark.parametrize(("text", "cursor"), CURSORS.items())
def test_the_cursor_is_the_value_of_its_expression(text, cursor, tmp_path):
    mapper_of(tmp_path, {"id": "key"})
    path = tmp_path / "acme.yaml"
    path.write_text(path.read_text().replace("    for_each:", f"    next_cursor: '{text}'\n    for_each:"))
    page = load(path).map({"data": [FULL], "about": {"list": ["a", "b"]}})
    assert page.next_cursor == cursor


@pytest.mark.parametrize(("labels", "nick"), [(["a"], "some"), ([""], "none"), ([], "none"), (["", "a"], "some")])
def test_an_array_that_its_schema_declares_is_true_if_an_item_is(labels, nick, tmp_path):
    mapper = source.mapper_of(tmp_path, {"id": "$string(key)", "nick": '\'labels ? "some" : "none"\''})
    (record,) = mapper.map({"data": [{"key": "1", "labels": labels}]}).records
    assert record["nick"] == nick
