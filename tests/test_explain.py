"""Every output value has a reason, and every absent one too: which part of its expression was undefined first."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper import MapperError, MappingError, Source, load
from truto_mapper.authoring import golden, mapping_files
from truto_mapper.authoring.explain import explain, table
from truto_mapper.edges import cli
from truto_mapper.language.runtime.values import MISSING

GONG = load("gong/activity")
QUERY = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
COUNTS = {"callsAsHost": 3, "callsAttendd": 4, "callsGaveFeedback": None}
USERS = [{"userId": "1", "userEmailAddress": None, "userAggregateActivityStats": COUNTS}, {"userId": "2"}]
REPLY = {"timeZone": "UTC", "fromDateTime": "2026-01-01T00:00:00Z", "usersAggregateActivityStats": USERS}
STATS = "/usersAggregateActivityStats/0/userAggregateActivityStats"


def explained(pointer, body=REPLY, mapper=GONG, **options):
    (found,), _ = explain(mapper, body, pointer, **{"query": QUERY, **options})
    return found


def marked(found):
    """The text that the caret stands under."""
    return found.source.text[found.span.start : found.span.end]


# ── What is there ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_has_its_line_its_expression_and_what_it_read():
    found = explained("/result/0/metrics/calls_hosted")
    assert found.render().splitlines() == [
        "/result/0/metrics/calls_hosted = 3",
        "   --> mappings/gong/activity.yaml:126:23",
        "    |",
        "126 |         calls_hosted: $counts.callsAsHost",
        "    |                       ^^^^^^^^^^^^^^^^^^^",
        "    = through: $counts (activity.yaml:105: userAggregateActivityStats)",
        f"    = from: {STATS}/callsAsHost = 3",
    ]


def test_what_came_through_names_is_followed_to_where_it_was_read():
    found = explained("id")
    assert [one.name for one in found.via] == ["user", "period", "first_day", "last_day"]
    assert [str(one) for one in found.reads] == [
        '/usersAggregateActivityStats/0/userId = "1"',
        '$query.start_time = "2026-01-01T00:00:00Z"',
        '$context.time_zone = "UTC", the default',
        '$query.end_time = "2026-02-01T00:00:00Z"',
    ]


def test_the_layer_is_the_overlay_that_has_the_expression():
    text = "endpoints: {aggregate: {response_mapping: {metrics: {calls_hosted: 1 + $counts.callsAsHost}}}}\n"
    found = explained("metrics.calls_hosted", mapper=load("gong/activity", overlays=[Source("acme.yaml", text)]))
    assert (found.value, found.line, found.as_dict()["layer"]) == (4, "acme.yaml:1", "acme.yaml")


def test_the_request_and_the_cursor_are_explained_too():
    found = explained("/request/body/filter/fromDate", context={"time_zone": "Europe/Berlin"})
    assert found.value == "2026-01-01"
    assert [str(one) for one in found.reads][1] == '$context.time_zone = "Europe/Berlin"'
    assert explained("/request/body/filter/userIds").why == "$query has no `users`"
    assert explained("/next_cursor").why == "the reply has no `records`"


def test_a_nested_parameter_is_explained_by_its_name_in_brackets():
    asked = "endpoints: {aggregate: {query_mapping: {page: {of: $query.limit}, each: [1, $query.limit]}}}"
    mapper = load("gong/activity", overlays=[Source("o.yaml", asked)])
    for place in ("page[of]", "each/1"):
        found = explained(f"/request/params/{place}", mapper=mapper, query=QUERY + "&limit=7")
        assert (found.value, marked(found)) == ("7", "$query.limit")


def test_a_part_of_the_request_is_explained_by_its_endpoint_above_at_or_below_an_expression():
    query = QUERY + "&aggregation_period=week&users[]=7"
    assert explained("/request/path", query=query).value == "/v2/stats/activity/aggregate-by-period"
    below = explained("/request/body/filter/userIds/0", query=query)
    assert (below.value, below.pointer, below.reads[0].place) == (
        "7",
        "/request/body/filter/userIds/0",
        "$query.users.0.id",
    )
    found, _ = explain(GONG, REPLY, "/request/body/filter", query=query)
    assert [one.name for one in found] == ["body.filter.fromDate", "body.filter.toDate", "body.filter.userIds"]
    with pytest.raises(MappingError, match="`by_period` sends nothing there"):
        explained("/request/body/filter/teams", query=query)


def test_an_item_of_an_array_is_explained_by_its_index():
    body = json.loads(json.dumps(REPLY))
    body["usersAggregateActivityStats"][0]["userEmailAddress"] = "ann@acme.test"
    found = explained("/result/0/user/emails/0/email", body)
    assert (found.value, found.name, found.pointer) == (
        "ann@acme.test",
        "user.emails.email",
        "/result/0/user/emails/0/email",
    )
    assert explained("/result/0/user/emails/1/email", body).value is MISSING


def test_a_part_that_a_request_does_not_have_is_refused_with_the_nearest_one():
    with pytest.raises(MappingError, match=r'a request has no "bodi"[^§]*did you mean `body`'):
        explained("/request/bodi")


def test_the_row_itself_is_what_remote_data_is():
    assert explained("remote_data").reads[0].place == "/usersAggregateActivityStats/0"
    assert "truto_ignore_remote_data" in explained("remote_data", query=QUERY + "&truto_ignore_remote_data=true").why


def test_text_lists_six_places_and_counts_the_others_but_json_has_all(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(
        MAPPING % "$count([$user.a, $user.b, $user.c, $user.d, $user.e, $user.f, $user.g, $user.h]) & ''", "utf-8"
    )
    found = explained(
        "aggregation_period", {"users": [dict.fromkeys("abcdefgh", 1) | {"id": "1"}]}, load(path), query=None
    )
    lines = found.render().splitlines()
    assert [line.strip() for line in lines if "= from:" in line][-2:] == [
        "= from: /users/0/f = 1",
        "= from: 2 more places",
    ]
    assert len(found.as_dict()["reads"]) == 8


def test_a_name_that_has_no_value_is_shown_on_the_way(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(
        (MAPPING % "$kind ?? 'total'").replace(
            "    response_mapping", "    let: {kind: $user.kind}\n    response_mapping"
        )
    )
    found = explained("aggregation_period", {"users": [{"id": "1"}]}, load(path), query=None)
    assert str(found.via[0]) == "$kind = nothing (acme.yaml:11: $user.kind)"
    assert found.as_dict()["via"][0] == {"name": "kind", "place": "acme.yaml:11", "expression": "$user.kind"}


def test_a_constant_and_several_places_fit_on_a_line(tmp_path):
    path, a, b = tmp_path / "acme.yaml", "$user.a", "$user.b"
    path.write_text(
        (MAPPING % '"total"').replace(
            "id: $user.id", f"id: {a} & {b} & $user.c\n      user: {{id: {a} & {b}, name: {a}}}"
        )
    )
    found, _ = explain(load(path), {"users": [{"a": "1", "b": "2", "c": "3"}]})
    lines = {line.split()[0]: line for line in table(found).splitlines()}
    assert lines["id"].endswith("← /users/0/a and 2 more")
    assert lines["user.id"].endswith("← /users/0/a and 1 more")
    assert lines["user.name"].endswith("← /users/0/a")
    assert lines["aggregation_period"].endswith("a constant")
    assert lines["end_time"].endswith("the endpoint `all` has no expression for it")


# ── What is not ──────────────────────────────────────────────────────────────────────────────────────────────────

ABSENT = [
    ("metrics.calls_attended", "callsAttended", f"{STATS} has no `callsAttended`"),
    ("metrics.feedback_given", "callsGaveFeedback", f"{STATS}/callsGaveFeedback is null, which counts as no value"),
    (
        "/result/1/metrics/calls_hosted",
        "userAggregateActivityStats",
        "/usersAggregateActivityStats/1 has no `userAggregateActivityStats`",
    ),
    ("end_time", "toDateTime", "the reply has no `toDateTime`"),
]


@pytest.mark.parametrize(("pointer", "text", "why"), ABSENT, ids=[case[0] for case in ABSENT])
def test_an_absent_value_names_what_was_undefined_first_and_why(pointer, text, why):
    found = explained(pointer)
    assert found.value is MISSING
    assert (marked(found), found.why) == (text, why)


def test_a_key_that_is_nearly_the_one_looked_up_is_named():
    assert explained("metrics.calls_attended").hint == "it has `callsAttendd`"


def test_an_absent_value_is_shown_with_the_reason_and_the_hint():
    found = explained("metrics.calls_attended")
    assert [line.strip() for line in found.render().splitlines() if "= why" in line or "= hint" in line] == [
        f"= why: {STATS} has no `callsAttended`",
        "= hint: it has `callsAttendd`",
    ]
    assert {"why", "hint"} <= found.as_dict().keys()
    assert not {"why", "hint"} & explained("metrics.calls_hosted").as_dict().keys()


REASONS = {
    "$user.list[x > 5].x": ("[x > 5]", "none of 2 items matches the predicate"),
    "$user.list[7].x": ("[7]", "there is no item 7"),
    "$user.list.y": ("y", "/users/0/list/0 and /users/0/list/1 has no `y`"),
    "$user.none.y": ("none", "/users/0 has no `none`"),
    "$user.text.y": ("y", '`y` is looked up in "abc", which is not an object'),
    "$user.empty.y": ("y", "`y` is looked up in an empty array"),
    "$user.gone.y": ("y", "`y` is looked up in null"),
    "($x := $user.nope; $x)": ("nope", "/users/0 has no `nope`"),
    "$user.id ? $user.nope : 1": ("nope", "/users/0 has no `nope`"),
    "$lookup($user, 'nope')": ("$lookup($user, 'nope')", "$lookup gave nothing"),
    "$uppercase($user.nope)": ("nope", "/users/0 has no `nope`"),
    "$user.nope ?? $user.never": ("nope", "/users/0 has no `nope`"),
    "$cursor": ("$cursor", "there is no cursor: this is the first page"),
    '$user.text - 1 & ""': ("$user.text - 1", 'the left side of `-` must be a number, not "abc"'),
    "null": ("null", "it is null, which counts as no value"),
}
MAPPING = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
endpoints:
  all:
    recognise: $exists(users)
    path_mapping: '"/users"'
    for_each: {user: users}
    response_mapping:
      id: $user.id
      aggregation_period: |
        %s
"""


@pytest.mark.parametrize("expression", REASONS)
def test_each_way_to_be_undefined_has_its_words(expression, tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(MAPPING % expression, "utf-8")
    user = {"id": "1", "list": [{"x": 1}, {"x": 2}], "text": "abc", "empty": [], "gone": None}
    found = explained("aggregation_period", {"users": [user]}, load(path), query=None)
    assert (marked(found).strip(), found.why) == REASONS[expression]


def test_a_value_that_was_left_out_says_what_was_wrong_with_it():
    body = {"usersAggregateActivityStats": [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": "many"}}]}
    assert explained("metrics.calls_hosted", body).why == (
        '`metrics.calls_hosted`: the provider\'s schema declares an integer here, this is a string: "many"; '
        "it was left out"
    )


def test_a_field_without_an_expression_says_so():
    assert explained("created_at").why == "the endpoint `aggregate` has no expression for it"


# ── For any ──────────────────────────────────────────────────────────────────────────────────────────────────────


def at(value, pointer):
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value.get(part, MISSING)
    return value


def hold(mapper, body, settings_):
    page = mapper.map(body, on_invalid="discard_value", **settings_)
    for index in range(len(page.records)):
        found, _ = explain(mapper, body, f"/result/{index}", **settings_)
        shown = {one.name: one.value for one in found}
        assert shown == {name: value_at(page.records[index], name) for name in shown}
        for one in found:
            assert one.value is not MISSING or one.why
            for read in one.reads:
                if not read.document:
                    assert at(body, read.place) == read.value


def value_at(record, name):
    for part in name.split("."):
        record = record.get(part, MISSING) if isinstance(record, dict) else MISSING
    return record


CASES = [golden.read(folder) for path in mapping_files.mappings("gong/activity") for folder in golden.folders(path)]
MAPPED = [
    one for one in CASES if isinstance(one.payload, dict) and one.settings.status == 200 and not one.settings.raises
]


@pytest.mark.parametrize("case", MAPPED, ids=lambda case: case.name)
def test_every_value_of_every_case_is_explained_by_what_the_payload_holds(case):
    one = case.settings
    try:
        hold(GONG, case.payload, {"query": one.query, "context": one.context, "now": one.now})
    except MapperError as error:
        if error.code != "E801":  # a page without records
            raise


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_for_any_removed_part_of_a_payload_the_missing_values_say_why(data):
    body = json.loads(json.dumps(REPLY))
    for _ in range(data.draw(st.integers(1, 4))):
        holder = data.draw(st.sampled_from([body, *users_of(body)]))
        if holder:
            key = data.draw(st.sampled_from(sorted(holder)))
            holder[key] = data.draw(st.sampled_from([None, [], {}, "text", 7]))
    try:
        hold(GONG, body, {"query": QUERY})
    except MapperError:
        return  # of a payload that is none


def users_of(body):
    users = body["usersAggregateActivityStats"]
    rows = [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    return rows + [one for user in rows if isinstance(one := user.get("userAggregateActivityStats"), dict)]


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def payload(tmp_path):
    path = tmp_path / "reply.json"
    path.write_text(json.dumps(REPLY))
    return str(path)


def run(*arguments):
    return CliRunner().invoke(cli.app, ["explain", "gong/activity", *arguments])


def test_without_a_pointer_each_field_of_the_first_record_has_a_line(payload):
    done = run(payload, "--query", QUERY)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert any(
        line.split() == f"metrics.calls_hosted 3 activity.yaml:126 ← {STATS}/callsAsHost".split() for line in lines
    )
    assert any(line.startswith("end_time") and "the reply has no `toDateTime`" in line for line in lines)


def test_as_json_a_value_names_its_layer_line_and_places(payload):
    (found,) = json.loads(run(payload, "metrics.calls_attended", "--format", "json").stdout)
    assert found["present"] is False
    assert (found["line"], found["expression"]) == (127, "callsAttended")
    assert found["reads"] == [{"place": f"{STATS}/callsAttended", "present": False}]
    (found,) = json.loads(run(payload, "metrics.calls_hosted", "--format", "json").stdout)
    assert (found["present"], found["value"]) == (True, 3)


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/result/9/id", "the page has 2 records, counted from 0"),
        (f"/result/{'9' * 5000}/id", "the page has 2 records, counted from 0"),
        ("metrics.call_hosted", "did you mean `calls_hosted`?"),
        ("/results/0", "did you mean `result`?"),
        ("/request/body", "the request is not known without a query"),
    ],
)
def test_a_pointer_that_leads_nowhere_is_an_error(payload, pointer, said):
    done = run(payload, pointer)
    assert done.exit_code == 1
    assert "error[E801]" in done.stderr
    assert said in done.stderr


def test_a_rejected_record_is_reported_with_the_reason():
    body = {"usersAggregateActivityStats": [{"userAggregateActivityStats": {}}]}
    with pytest.raises(MappingError) as caught:
        explained("/result/0/id", body)
    first, *rest = caught.value.diagnostics
    assert first.message == '"/result/0/id" leads nowhere: the page has no records; 1 rejected'
    assert "D402" in {one.code for one in rest}


def test_pointers_into_a_page_by_key_use_the_keys():
    query = QUERY + "&truto_key_by=user.id"
    found = explained("/result/2/user/id", query=query)
    assert (found.value, found.pointer) == ("2", "/result/2/user/id")
    assert explained("user.id", query=query).pointer == "/result/1/user/id"
    assert {one.pointer.split("/")[2] for one in explain(GONG, REPLY, "/result", query=query)[0]} == {"1"}
    with pytest.raises(MappingError, match="no record has the key"):
        explained("/result/3/user/id", query=query)
