"""One pass gives what the exact path gives; what it cannot prove it leaves to it."""

import ast
import copy
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MapperError, Source, load
from truto_mapper.engine.exact import ExactPage
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.mapper import Mapper

GONG = load("gong/activity")
PERIOD = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
QUERIES = {
    "usersAggregateActivityStats": GONG.plan(PERIOD).query,
    "usersAggregateActivity": GONG.plan(PERIOD + "&aggregation_period=week").query,
    "usersDetailedActivities": GONG.plan(PERIOD + "&aggregation_period=day", context={"detailed": True}).query,
}


def exact(mapper, *args, **options):
    """What a mapper gives if its functions leave every row to the exact path."""

    def in_doubt(self, rows, key, page, *, remote_data):  # noqa: ARG001
        count = len(rows) - rows.count(None)
        return [None] * count, range(count), None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fused, "records", in_doubt)
        return outcome(mapper, *args, **options)


def outcome(mapper, body, **options):
    """The page or the error, as far as a caller can tell them apart."""
    try:
        page = mapper.map(copy.deepcopy(body), **options)
    except MapperError as error:
        return type(error), str(error)
    return page.records, page.next_cursor, page.rejected, [d.render() for d in page.diagnostics]


SCALARS = st.none() | st.booleans() | st.integers(-3, 2**60) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(SCALARS | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
DATES = st.sampled_from(["2026-01-05T00:00:00-08:00", "2026-01-12T000:00:00-08:00", "2026-02-30T00:00:00Z", "soon", ""])
COUNTS = st.integers(0, 9) | ANYTHING
METRICS = ("callsAsHost", "callsAttended", "callsGaveFeedback", "callsScorecardsFilled")
EVERY = [e.text.removeprefix("$counts.") for e in GONG.mapping.endpoints[0].response["metrics"].values()]
ALL = st.fixed_dictionaries(dict.fromkeys(EVERY, st.integers(0, 9)))


def sometimes(fields):
    return st.fixed_dictionaries({}, optional=fields)


STATS = st.one_of(
    sometimes(dict.fromkeys(METRICS, COUNTS)),
    st.fixed_dictionaries(dict.fromkeys(METRICS, st.integers(0, 9))),
    ALL,
    st.builds(dict.__or__, ALL, st.dictionaries(st.sampled_from(EVERY), ANYTHING, max_size=1)),
    ANYTHING,
)
ROWS = sometimes(
    {
        **dict.fromkeys(METRICS, COUNTS | st.lists(st.integers(0, 9), max_size=3)),
        "fromDate": DATES | ANYTHING,
        "toDate": DATES,
    }
)
WEEKS = st.builds(dict.__or__, ALL, st.fixed_dictionaries({"fromDate": DATES, "toDate": DATES}))
USERS = {
    "userId": st.sampled_from(["1", "22"]) | ANYTHING,
    "userEmailAddress": st.sampled_from(["a@example.com", ""]) | ANYTHING,
}


def replies(name, inner, rows):
    whole = st.fixed_dictionaries({**USERS, inner: rows})
    users = st.lists(whole | whole | sometimes({**USERS, inner: rows}) | ANYTHING, max_size=4) | ANYTHING
    page = {
        "fromDateTime": DATES | ANYTHING,
        "toDateTime": DATES,
        "records": sometimes({"cursor": st.text(max_size=2)}),
    }
    return sometimes(page).flatmap(lambda head: users.map(lambda found: head | {name: found}))


REPLIES = st.one_of(
    replies("usersAggregateActivityStats", "userAggregateActivityStats", STATS),
    replies(
        "usersAggregateActivity", "userAggregateActivity", st.lists(ROWS | WEEKS | ANYTHING, max_size=3) | ANYTHING
    ),
    replies("usersDetailedActivities", "userDailyActivityStats", st.lists(ROWS, max_size=3)),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(reply=REPLIES, on_invalid=st.sampled_from(["raise", "discard_value", "discard_record"]), asked=st.booleans())
def test_for_any_reply_one_pass_gives_what_the_exact_path_gives(reply, on_invalid, asked):
    options = {"on_invalid": on_invalid}
    if asked:
        options["query"] = next((query for name, query in QUERIES.items() if name in reply), None)
    assert outcome(GONG, reply, **options) == exact(GONG, reply, **options)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(rows=st.lists(st.fixed_dictionaries({**USERS, "userAggregateActivityStats": STATS}), max_size=4))
def test_the_code_that_expects_gives_what_the_code_that_assumes_nothing_gives(rows):
    function = GONG._functions["aggregate"]._function
    page = ("total", "2026-01-01", "2026-02-01", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "total")
    assert function(rows, True, (True, *page)) == function(rows, True, (False, *page))


def user(number, **more):
    counts = dict.fromkeys(METRICS, number)
    return {"userId": str(number), "userEmailAddress": "a@example.com", "userAggregateActivityStats": counts} | more


def test_rows_without_doubt_never_meet_the_exact_path(monkeypatch):
    monkeypatch.setattr(ExactPage, "outcome", None)
    page = GONG.map({"usersAggregateActivityStats": [user(1), user(2)]}, query=QUERIES["usersAggregateActivityStats"])
    assert [record["metrics"]["calls_hosted"] for record in page.records] == [1, 2]


def test_an_endpoint_that_is_only_known_by_its_query_is_mapped_in_one_pass_too(tmp_path, monkeypatch):
    """And a reply may be of an endpoint that has no `recognise`."""
    (tmp_path / "schemas/crm").mkdir(parents=True)
    (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
    (tmp_path / "acme.yaml").write_text(CONTACTS.replace("    recognise: $exists(data)\n", "") + "      id: key\n")
    mapper = load(tmp_path / "acme.yaml")
    monkeypatch.setattr(ExactPage, "outcome", None)
    page = mapper.map({"data": [{"key": "a"}]}, query=mapper.plan({}).query)
    assert page.records == ({"id": "a", "remote_data": {"key": "a"}},)


def test_only_the_row_in_doubt_meets_the_exact_path(monkeypatch):
    seen = []
    outcome = ExactPage.outcome
    monkeypatch.setattr(ExactPage, "outcome", lambda self, row: seen.append(row.item.path) or outcome(self, row))
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


def test_what_is_kept_of_a_page_is_of_its_texts():
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


def test_what_is_kept_stays_small():
    """Pages with ever other texts, or very long ones, do not fill the memory."""
    mapper = load("gong/activity")
    for day in range(200):
        rows = [{"fromDate": f"{day}-{number}", "toDate": "x" * 50_000} for number in range(10)]
        body = {"usersAggregateActivity": [{"userId": "1", "userAggregateActivity": rows}]}
        mapper.map(body, query=QUERIES["usersAggregateActivity"], on_invalid="discard_value")
        head = {"fromDateTime": str(day), "toDateTime": "y" * 50_000 * (day % 3)}
        mapper.map(head | {"usersAggregateActivityStats": [user(1)]}, on_invalid="discard_value")
    assert len(pickle.dumps([f._page.known for f in mapper._functions.values()])) < 5_000_000


CONTACTS = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  all:
    path_mapping: '"/contacts"'
    recognise: $exists(data)
    for_each: {contact: data}
    let:
      labels: labels
      more: $append(labels, home.street)
    response_mapping:
"""
SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters: {limit: {type: integer}}
fields:
  id: {type: string, required: true}
  age: {type: integer, minimum: 1}
  born: {type: string, format: date-time}
  tags: {type: array, items: {type: string}}
  home: {type: object, fields: {street: {type: string, required: true}, floor: {type: integer}}}
  phones: {type: array, items: {type: object, fields: {number: {type: string}, kind: {type: string, enum: [work]}}}}
  notes: {type: any}
  remote_data: {type: object}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""
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
USUAL = {
    "key": "k",
    "age": 3,
    "born": "2026-01-05T00:00:00Z",
    "labels": ["a"],
    "home": {"street": "s", "floor": 1, "tags": ["q"]},
    "phones": [{"number": "1", "kind": "work"}],
}
UNUSUAL = st.sampled_from(
    [None, ..., "", 0, 2.0, True, [], ["a", None], [[]], {}, {"street": 1}, [{"number": "1"}, None]]
)


@pytest.fixture
def contact_mapper(tmp_path):
    """A mapper of contacts with the given response mapping; `head` is the text of the mapping above it."""

    def make(fields, head=CONTACTS, **options):
        (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
        lines = "".join(f"      {name}: '{text}'\n" for name, text in fields.items())
        (tmp_path / "acme.yaml").write_text(head + lines)
        return load(tmp_path / "acme.yaml", **options)

    return make


def contacts(draw):
    values = {name: draw(st.just(usual) | st.just(usual) | UNUSUAL) for name, usual in USUAL.items()}
    return {name: value for name, value in values.items() if value is not ...}


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_for_any_mapping_one_pass_gives_what_the_exact_path_gives(data, tmp_path):
    chosen = {name: data.draw(st.sampled_from(some)) for name, some in EXPRESSIONS.items()}
    lines = [f"      {name}: '{text}'\n" for name, text in chosen.items()]
    (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
    (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
    (tmp_path / "acme.yaml").write_text(CONTACTS + "".join(lines))
    mapper = load(tmp_path / "acme.yaml")
    reply = {
        "data": data.draw(st.lists(st.composite(contacts)() | UNUSUAL.filter(lambda one: one is not ...), max_size=6))
    }
    for on_invalid in ("raise", "discard_value"):
        assert outcome(mapper, reply, on_invalid=on_invalid) == exact(mapper, reply, on_invalid=on_invalid)
    assert "not one function" not in mapper.show()


@pytest.mark.parametrize(
    "text", ["*", "**.key", "$string()", "$keys()[0]", '$lookup("key")', "$eval($lowercase(label))"]
)
def test_a_value_that_depends_on_the_row_without_naming_it_is_computed_for_each_row(text, contact_mapper):
    mapper = contact_mapper({"id": "key", "age": f"$length($string({text}))"})
    reply = {"data": [{"key": "a", "label": "KEY"}, {"key": "b", "label": "KEY"}]}
    assert all("age" in record for record in mapper.map(reply).records)
    assert outcome(mapper, reply) == exact(mapper, reply)


SHOW = "from truto_mapper import load; print(load('gong/activity').show())"


def test_the_same_mapping_always_becomes_the_same_code():
    def shown(seed):
        env = os.environ | {"PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, env=env).stdout

    assert shown("1") == shown("2") == GONG.show() + "\n"


@pytest.mark.parametrize(
    ("first_day", "count"),
    [('$contains($start, "01-05") ? $substring($start, 0, 10)', 6), ("$length($start)", 0)],  # numbers cannot be joined
)
def test_what_a_text_of_the_row_gives_may_be_nothing_or_no_text(first_day, count):
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
    names = [node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    assert names == ["rows", "rows", "rows"]
    assert "not one function" not in code


def test_the_generated_code_stands_at_the_lines_of_the_mapping():
    source = GONG.mapping.root.source
    tree = GONG._functions["aggregate"].tree
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    assert all("$join([$user.userId" in source.line(line) for line in lines)
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
