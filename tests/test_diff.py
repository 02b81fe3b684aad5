"""Two versions of a resource or of a mapping: what changed, whom it breaks, and what was approved."""

import copy
import functools
import json
import shutil
import subprocess
from pathlib import Path

import data_files
import edits
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper import MappingError, Source, load
from truto_mapper.authoring import diff, golden
from truto_mapper.authoring.diff import expressions
from truto_mapper.edges import cli
from truto_mapper.resource.generated import query_schema, record_schema
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text import files

HEAD = {
    "version": 1,
    "unified_model": "crm",
    "resource": "deal",
    "title": "Deal",
    "integrations": ["acme", "zeta"],
    "methods": {"list": {"http_method": "GET", "path": "/crm/deal"}},
    "response": {"result": {"type": "array", "items": {"type": "object"}}},
}


def spec(parameters=None, fields=None, **more):
    body = HEAD | {"parameters": parameters or {}, "fields": fields or {"id": {"type": "string"}}} | more
    return Source("deal.yaml", yaml.safe_dump(body, sort_keys=False))


# ── Verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────

CHANGES = data_files.read("spec_changes.yaml")
VERDICTS = {"error": "breaking", "warning": "risky", "note": "compatible"}
SHIPPED_SPEC = files.find("conversational-intelligence/activity", "schemas", ".yaml")
SMALL = {"parameters": {name: {"type": "string", "format": "date-time"} for name in ("since", "until")}}


def holding(place, field):
    """The small spec with a field at a place, or without it."""
    held = {"id": {"type": "string"}} | ({"f": field} if field else {})
    match place:
        case "object":
            return spec({"o": {"type": "object", "fields": held}})
        case "items":
            return spec({"o": {"type": "array", "items": {"type": "object", "fields": held}}})
        case "response":
            return spec(response=HEAD["response"] | held)
    return spec(**{place: held})


def versions(row):
    """The two specs of a row."""
    if "replace" in row:
        text = SHIPPED_SPEC.text
        assert row["replace"] in text
        return SHIPPED_SPEC, Source("new.yaml", text.replace(row["replace"], row["by"], 1))
    if "edit" in row:
        return spec(**SMALL), spec(**SMALL | row["edit"])
    return holding(row["place"], row["old"]), holding(row["place"], row["new"])


@pytest.mark.parametrize("row", CHANGES, ids=str)
def test_a_change_of_a_spec_has_the_verdict_of_an_expert(row):
    found = [change.found for change in diff.resources(*versions(row))]
    worst = [VERDICTS[severity] for severity in VERDICTS if any(one.severity == severity for one in found)]
    assert (worst or ["nothing"])[0] == row["verdict"], [one.message for one in found]
    codes = {one.code for one in found if VERDICTS[one.severity] == row["verdict"]}
    assert row.get("code") in codes or not found
    assert all(one.span is not None for one in found)


def test_a_field_within_others_is_named_with_its_path():
    old = {"user": {"type": "object", "fields": {"mails": {"type": "array", "items": {"type": "string"}}}}}
    new = copy.deepcopy(old)
    new["user"]["fields"]["mails"]["items"]["type"] = "integer"
    (change,) = diff.resources(spec(fields=old), spec(fields=new))
    assert change.found.message == "`user.mails[]`: type string → integer"
    assert change.found.source.text[change.found.span.start :].startswith("items:")


def test_a_field_that_a_body_may_have_now_is_a_note():
    methods = HEAD["methods"] | {"create": {"http_method": "POST", "path": "/crm/deal"}}
    kept, given = (spec(fields={"f": {"type": "string", "read_only": one}}, methods=methods) for one in (True, False))
    (change,) = diff.resources(kept, given)
    assert (change.found.code, change.found.message) == ("B308", "a body to create: `f` was added")
    (change,) = diff.resources(given, kept)
    assert (change.found.code, change.found.message) == ("B303", "a body to create: `f` was removed")


def test_a_new_period_breaks_callers_who_asked_for_an_empty_one():
    dates = {name: {"type": "string", "format": "date-time"} for name in ("since", "until")}
    free, bound = spec(dates), spec(dates, periods=[{"start": "since", "end": "until"}])
    (change,) = diff.resources(free, bound)
    assert (change.found.code, change.found.message) == ("B304", "`since` must be before `until`")
    assert change.found.source.name == "deal.yaml"
    (change,) = diff.resources(bound, free)
    assert (change.found.code, change.found.message) == ("B308", "`since` may be after `until`")
    assert diff.resources(bound, bound) == []


def test_a_removed_integration_breaks_its_callers():
    (change,) = diff.resources(spec(), spec(integrations=["acme"]))
    assert (change.found.code, change.found.message) == ("B305", "the integration `zeta` was removed")


# ── For any ──────────────────────────────────────────────────────────────────────────────────────────────────────

FIELDS = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "any"])},
    optional={"required": st.booleans(), "nullable": st.booleans()},
).flatmap(
    lambda field: st.fixed_dictionaries(
        {name: st.just(value) for name, value in field.items()},
        optional={
            "string": {"enum": st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1)},
            "integer": {"minimum": st.integers(0, 3)},
            "number": {"minimum": st.integers(0, 3)},
        }.get(field["type"], {}),
    )
)
PAIRS = st.dictionaries(st.sampled_from(["f", "g"]), FIELDS, min_size=1).flatmap(
    lambda old: st.tuples(
        st.just(old), st.fixed_dictionaries({}, optional={n: st.just(f) | FIELDS for n, f in old.items()})
    )
)
NAMED = st.dictionaries(st.sampled_from(["f", "g", "h"]), FIELDS, min_size=1)
VALUES = st.none() | st.sampled_from(["a", "b", "c", "d", ""]) | st.integers(-1, 4) | st.just(1.5) | st.booleans()
RECORDS = st.dictionaries(st.sampled_from(["f", "g", "h"]), VALUES)


def breaks(changes):
    return any(one.found.severity == "error" for one in changes)


@given(PAIRS, RECORDS)
@settings(deadline=None, max_examples=120)
def test_without_a_break_for_readers_every_record_of_the_new_is_one_of_the_old(pair, record):
    old, new = pair
    if breaks(diff.resources(spec(fields=old), spec(fields=new or None))):
        return
    before, after = (record_schema(Resource.parse(spec(fields=fields or None))) for fields in (old, new))
    known = {name: value for name, value in record.items() if name in old}  # a reader looks at what it knows
    if Schema(after, generated=True).valid(record):
        assert Schema(before, generated=True).valid(known)


@given(PAIRS, RECORDS)
@settings(deadline=None, max_examples=120)
def test_without_a_break_for_callers_every_query_of_the_old_is_one_of_the_new(pair, query):
    old, new = pair
    if breaks(diff.resources(spec(parameters=old), spec(parameters=new))):
        return
    before, after = (query_schema(Resource.parse(spec(parameters=one))) for one in (old, new))
    if Schema(before, generated=True).valid(query):
        assert Schema(after, generated=True).valid(query)


@given(NAMED, NAMED)
@settings(deadline=None)
def test_a_resource_differs_from_itself_in_nothing_however_it_is_laid_out(fields, parameters):
    flowing = Source("deal.yaml", "# another layout\n" + json.dumps(yaml.safe_load(spec(parameters, fields).text)))
    assert diff.resources(spec(parameters, fields), flowing) == []


# ── A mapping ────────────────────────────────────────────────────────────────────────────────────────────────────

SHIPPED = files.find("gong/activity", "mappings", ".yaml").text


@functools.cache
def shipped():
    """The shipped mapping."""
    return load("gong/activity")


def once(function, known):
    """The function, with what it gives for values known to be constant kept, by the identity of its arguments."""
    kept = {}

    def asked(*given):
        if not known(given[-1]):
            return function(*given)
        key = tuple(map(id, given))
        if key not in kept:
            kept[key] = given, function(*given)  # an argument that is kept shares its id with no other
        return kept[key][1]

    return asked


@pytest.fixture(autouse=True, scope="module")
def _shipped_once():
    """What the shipped mapping computes, and what its cases give, is the same in each test."""
    mapper, endpoints = shipped(), shipped().mapping.endpoints
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "run", once(golden.run, lambda one: one is mapper))
        places = once(expressions._places, lambda one: any(one is each for each in endpoints))
        patch.setattr(expressions, "_places", places)
        yield


def changed(tmp_path, *edits, text=SHIPPED):
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "new.yaml"
    path.write_text(text, "utf-8")
    return load(path)


MAPPING_CHANGES = data_files.read("mapping_changes.yaml")
CASES = [golden.read(folder) for folder in golden.folders(files.home() / "mappings/gong/activity.yaml")]


class Unaliased(yaml.SafeDumper):
    """Writes each expression where it is used, in single quotes: not in double ones with escapes."""

    def ignore_aliases(self, data):  # noqa: ARG002  # as the base class calls it
        return True


Unaliased.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else "'")
)


def edited(tmp_path, replaced):
    """The shipped mapping, edited everywhere."""
    return changed(tmp_path, text=edits.edited(SHIPPED, list(replaced.items())))


def test_an_equal_expression_is_no_change(tmp_path):
    rows = {str(one): list(one.items()) for one in MAPPING_CHANGES["equal"]}
    new = {titles: changed(tmp_path, text=text) for titles, text in edits.together(SHIPPED, rows).items()}
    found = {titles: [one.found.message for one in diff.mappings(shipped(), one)] for titles, one in new.items()}
    assert {titles: messages for titles, messages in found.items() if messages} == {}


@pytest.mark.parametrize("replaced", MAPPING_CHANGES["agreeing"], ids=str)
def test_an_expression_that_gives_the_same_in_each_case_is_a_note(replaced, tmp_path):
    old, new = shipped(), edited(tmp_path, replaced)
    texts = diff.mappings(old, new)
    assert {one.found.severity for one in texts} == {"warning"}
    found = diff.behaviour(old, new, CASES, texts)
    assert {one.found.severity for one in found} == {"note"}
    assert all("cases that evaluate it give the same" in one.found.hint for one in found)
    assert [one.fingerprint for one in found] == [one.fingerprint for one in texts]


def told(changes):
    """The messages of the changes that are not notes."""
    return [one.found.message for one in changes if one.found.severity != "note"]


@pytest.mark.parametrize("row", MAPPING_CHANGES["different"], ids=str)
def test_a_change_of_what_a_mapping_does_is_at_least_a_warning(row, tmp_path):
    messages = told(diff.mappings(shipped(), edited(tmp_path, row["edit"])))
    assert any(row["at"] in message.replace("`", "").split(": ")[-1] for message in messages), messages


@pytest.mark.parametrize("row", MAPPING_CHANGES["unseen"][::2], ids=str)
def test_a_change_of_a_value_that_cases_do_not_show_stays_a_warning(row, tmp_path):
    old, new = shipped(), edited(tmp_path, row["edit"])
    messages = told(diff.behaviour(old, new, CASES, diff.mappings(old, new)))
    assert any(row["at"] in message for message in messages), messages


def test_another_order_of_endpoints_is_a_note_if_the_cases_use_each_of_them(tmp_path):
    expanded = yaml.safe_load(SHIPPED)
    endpoints = expanded["endpoints"]
    expanded["endpoints"] = {name: endpoints[name] for name in ("by_period", "day_by_day", "aggregate")}
    old = shipped()
    new = changed(tmp_path, text=yaml.dump(expanded, sort_keys=False, Dumper=Unaliased, width=1000))
    cases = [one for one in CASES if one.name != "reply-unrecognised"]  # its error lists the endpoints in their order
    found = diff.behaviour(old, new, cases, diff.mappings(old, new))
    assert [(one.found.severity, one.found.code) for one in found] == [("note", "B311")]
    (one,) = diff.behaviour(old, new, CASES[:5], diff.mappings(old, new))
    assert one.found.severity == "warning"


def test_a_mapping_for_something_else_is_another_one(tmp_path):
    new = changed(tmp_path, ("integration: gong", "integration: gang"))
    (one,) = (change.found for change in diff.mappings(shipped(), new))
    said = "the mapping is for the integration `gang`, not `gong`"
    assert (one.code, one.severity, one.message) == ("B317", "error", said)


def test_an_endpoint_that_only_has_another_name_is_not_removed(tmp_path):
    new = changed(tmp_path, ("  by_period:\n", "  periods:\n"))
    (one,) = (change.found for change in diff.mappings(shipped(), new))
    said = "the endpoint `by_period` is called `periods`: cursors that callers hold are refused"
    assert (one.code, one.severity, one.message) == ("B311", "warning", said)


def test_few_cases_do_not_make_a_change_a_note(tmp_path):
    edits = {"recognise: $exists(usersAggregateActivityStats)": "recognise: $count(usersAggregateActivityStats) > 0"}
    old, new = shipped(), edited(tmp_path, edits)
    cases = [one for one in CASES if one.name == "one-user"]
    assert {one.found.severity for one in diff.behaviour(old, new, cases, diff.mappings(old, new))} == {"warning"}


def test_layout_and_comments_are_not_changes(tmp_path):
    new = changed(
        tmp_path,
        ("$exists(usersAggregateActivity)", "$exists( usersAggregateActivity ) /* rows */"),
        (
            "        calls_hosted: $counts.callsAsHost\n",
            "        # as Gong counts\n        calls_hosted: $counts  .callsAsHost\n",
        ),
    )
    found = diff.mappings(shipped(), new)
    assert found == []
    assert diff.mappings(shipped(), changed(tmp_path)) == []


def test_a_removed_expression_is_shown_at_its_old_place_and_a_new_one_at_its_new_place(tmp_path):
    new = changed(
        tmp_path,
        ("        calls_attended: $counts.callsAttended\n", "        comments_given: 1\n"),
        ("        comments_given: $counts.callsCommentsGiven\n", ""),
    )
    found = {one.found.message: one.found.source.name for one in diff.mappings(shipped(), new)}
    assert found["`aggregate` no longer gives `metrics.calls_attended`"] == "mappings/gong/activity.yaml"
    assert found["`aggregate` computes `metrics.comments_given` differently, and so does `by_period`"] == str(
        tmp_path / "new.yaml"
    )


def test_a_field_that_gets_an_expression_breaks_nobody(tmp_path):
    old = changed(tmp_path, ("        comments_given: $counts.callsCommentsGiven\n", ""))
    found = {(one.found.code, one.found.message) for one in diff.mappings(old, shipped())}
    names = ("aggregate", "by_period")
    assert found == {("B308", f"`{name}` now gives `metrics.comments_given`") for name in names}


def test_reordered_and_removed_endpoints_are_reported(tmp_path):
    one, other = (
        f"  {name}:\n    path_mapping: '\"/{name}\"'\n    response_mapping: {{id: id}}\n" for name in ("one", "other")
    )
    head = (
        "version: 1\nintegration: acme\nunified_model: conversational-intelligence\nresource: activity\nmethod: list\n"
    )
    texts = [head + "endpoints:\n" + "".join(order) for order in ((one, other), (other, one), (other,))]
    old, swapped, less = (changed(tmp_path, text=text) for text in texts)
    (found,) = diff.mappings(old, swapped)
    assert found.found.message == "the endpoints are tried in a different order: other, one"
    (found,) = diff.mappings(old, less)
    assert (found.found.message, found.found.severity) == ("the endpoint `one` was removed", "error")


SETTINGS = {
    "region: {type: string, default: eu}": [],
    "region: {type: [string, boolean], default: eu}": [
        ("B308", 'the setting `region`: type "string" → ["string", "boolean"]')
    ],
    "region: {type: integer, default: 1}": [
        ("B306", 'the setting `region`: default "eu" → 1'),
        ("B316", 'the setting `region`: type "string" → "integer"'),
    ],
    "region: {type: string, default: eu, maxLength: 2}": [("B316", "the setting `region`: maxLength none → 2")],
    "region: {type: string, default: us}": [("B306", 'the setting `region`: default "eu" → "us"')],
    "region: {type: string}": [("B306", 'the setting `region`: default "eu" → none')],
    "region: {type: string, default: eu, enum: [eu]}": [("B316", 'the setting `region`: enum none → ["eu"]')],
    "region: {type: string, default: eu, description: Where.}": [],
    "area: {type: string}": [("B308", "the setting `area` was added"), ("B316", "the setting `region` was removed")],
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_changed_is_reported_with_both_values(setting, tmp_path):
    old, new = (
        changed(tmp_path, ("  detailed:\n", f"  {one}\n  detailed:\n"))
        for one in ("region: {type: string, default: eu}", setting)
    )
    assert [(one.found.code, one.found.message) for one in diff.mappings(old, new)] == SETTINGS[setting]


DAYS = [
    ("time_zone: $context.time_zone", "time_zone: $context.time_zone /* ours */", []),
    ("start_time: floor", 'start_time: "floor"', []),
    ("time_zone: $context.time_zone", "time_zone: '\"UTC\"'", ["the request's days are in a different time zone"]),
    ("start_time: floor", "start_time: ceil", ["the request's days: `start_time` floor → ceil"]),
    ("    start_time: floor\n", "", ["the request's days: `start_time` floor → none"]),
]


@pytest.mark.parametrize(("was", "now", "messages"), DAYS)
def test_days_that_the_provider_gets_differently_are_reported(was, now, messages, tmp_path):
    head, days, rest = SHIPPED.partition("whole_days:")
    new = changed(tmp_path, text=head + days + rest.replace(was, now, 1))
    found = [one.found for one in diff.mappings(shipped(), new)]
    assert [one.message for one in found] == messages
    assert all((one.code, one.severity) == ("B312", "warning") and one.span for one in found)


def test_a_mapping_that_begins_or_stops_to_ask_for_whole_days_is_reported(tmp_path):
    head = "version: 1\nintegration: acme\nunified_model: conversational-intelligence\nresource: activity\n"
    head += "method: list\nendpoints: {all: {path_mapping: '\"/all\"', response_mapping: {id: id}}}\n"
    days = "whole_days: {time_zone: '\"UTC\"', parameters: {end_time: ceil}}\n"
    without, asking = (changed(tmp_path, text=text) for text in (head, head + days))
    (begun,), (ended,) = diff.mappings(without, asking), diff.mappings(asking, without)
    assert begun.found.message == "the request's days: `end_time` none → ceil"
    assert ended.found.message == "the request's days: `end_time` ceil → none"


def test_errors_that_are_read_differently_are_reported(tmp_path):
    new = changed(tmp_path, ("  request_id: requestId\n", "  request_id: id\n"))
    (one,) = (change.found for change in diff.mappings(shipped(), new))
    assert (one.code, one.message) == ("B313", "the provider's errors are read differently: request_id")


def test_an_endpoint_that_is_new_or_called_differently_is_reported(tmp_path):
    new = changed(
        tmp_path,
        (
            "request_method: POST\n    path_mapping: '\"/v2/stats/activity/aggregate\"'",
            "request_method: GET\n    path_mapping: '\"/v2/stats/activity/aggregate\"'",
        ),
        (
            "endpoints:\n",
            "endpoints:\n  other:\n    path_mapping: '\"/other\"'\n    when: 'false'\n    response_mapping: {id: id}\n",
        ),
    )
    found = [(one.found.code, one.found.severity, one.found.message) for one in diff.mappings(shipped(), new)]
    assert found == [
        ("B312", "warning", "`aggregate`: request_method POST → GET"),
        ("B308", "note", "the endpoint `other` was added"),
    ]


SETTING_PAIRS = [
    ("type: integer, minimum: 3", "type: integer, minimum: 1", "note"),
    ("type: integer, minimum: 1", "type: integer, minimum: 3", "error"),
    ("type: integer, maximum: 3", "type: integer", "note"),
    ("type: integer", "type: number", "note"),
    ("type: number", "type: integer", "error"),
    ("type: string, enum: [a, b]", "type: string, enum: [b, a, c]", "note"),
    ("type: string, enum: [a, b]", "type: string, enum: [a]", "error"),
    ("type: string, enum: [a, b]", "type: string", "note"),
    ("type: string", "type: string, format: time-zone", "error"),
    ("type: string, format: time-zone", "type: string", "note"),
    ("type: string", "", "note"),
    ("", "type: string", "error"),
]


@pytest.mark.parametrize(("was", "now", "severity"), SETTING_PAIRS)
def test_a_setting_that_takes_more_values_breaks_no_account(was, now, severity, tmp_path):
    old, new = (changed(tmp_path, ("  detailed:\n", f"  area: {{{one}}}\n  detailed:\n")) for one in (was, now))
    (one,) = diff.mappings(old, new)
    assert one.found.severity == severity


def copied(tmp_path, **edits):
    """The shipped mapping beside copies of its schemas, of which some are edited: by name, (old, new)."""
    shutil.copytree(files.home() / "schemas", tmp_path / "schemas", dirs_exist_ok=True)
    for name, (old, new) in edits.items():
        path = tmp_path / "schemas" / "gong" / f"{name}.schema.json"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    return changed(tmp_path)


def test_a_schema_of_replies_that_declares_what_is_read_differently_is_reported(tmp_path):
    new = copied(tmp_path, aggregate=('"userEmailAddress"', '"userMail"'))
    (one,) = (change.found for change in diff.mappings(shipped(), new))
    assert (one.code, one.severity) == ("B318", "warning")
    place = "usersAggregateActivityStats.userEmailAddress"
    assert one.message == f"`aggregate` reads `{place}`, and its schema changed: it is no longer declared"
    assert one.source.text[one.span.start : one.span.end] == "userEmailAddress"


def test_a_schema_of_replies_that_promises_more_is_a_note_and_what_nobody_reads_is_nothing(tmp_path):
    new = copied(tmp_path, aggregate=('"requestId": {\n      "type": [', '"requestID": {\n      "type": ['))
    assert diff.mappings(shipped(), new) == []


def test_a_request_schema_that_changes_is_reported(tmp_path):
    def told(new):
        return [(one.found.code, one.found.message) for one in diff.mappings(shipped(), new)]

    assert told(changed(tmp_path, ("gong/aggregate-request", "gong/by-period-request"))) == [
        ("B312", "`aggregate`: request_schema gong/aggregate-request → gong/by-period-request")
    ]
    (tmp_path / "schemas" / "gong").mkdir(parents=True)
    (tmp_path / "schemas" / "gong" / "aggregate-request.schema.json").write_text('{"type": "object"}')
    assert told(changed(tmp_path)) == [("B312", "`aggregate`: the schema gong/aggregate-request has changed")]


def test_a_case_that_begins_or_stops_to_fail_is_reported(tmp_path):
    old, new = shipped(), changed(tmp_path, ('"/v2/stats/activity/aggregate"', '$error("no")'))
    folder = files.home() / "mappings" / "gong" / "activity" / "one-user"
    (worse,) = diff.behaviour(old, new, [golden.read(folder)])
    assert (worse.found.code, worse.found.severity) == ("B322", "error")
    assert worse.found.message.startswith("the case one-user fails now: ")
    (better,) = diff.behaviour(new, old, [golden.read(folder)])
    assert (better.found.code, better.found.message) == ("B308", "the case one-user no longer fails")


def judged(old, new, cases=CASES):
    return [one.found for one in diff.behaviour(old, new, cases, diff.mappings(old, new))]


def test_the_values_of_a_new_field_are_part_of_the_note_about_it(tmp_path):
    old = changed(tmp_path, text=SHIPPED.replace("        comments_given: $counts.callsCommentsGiven\n", ""))
    found = judged(old, shipped())
    assert {(one.code, one.severity) for one in found} == {("B308", "note")}
    assert any("the cases show metrics.comments_given: (nothing) → 6" in one.hint for one in found)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("  detailed:\n", "  area: {type: string, default: eu}\n  detailed:\n"), "the setting `area` was added with"),
        (("  aggregate:\n", "  totals:\n"), "the endpoint `aggregate` is called `totals`: cursors"),
    ],
)
def test_a_change_that_refuses_all_cursors_is_told_once_where_it_is(edit, message, tmp_path):
    found = judged(shipped(), changed(tmp_path, edit))
    (one,) = [one for one in found if "[P603]" not in one.message]  # names the endpoints
    assert one.severity == "warning"
    assert one.message.startswith(message)
    assert "cursors that callers hold are refused" in f"{one.message} {one.hint}"


def test_cursors_that_are_refused_for_another_reason_are_one_warning(tmp_path):
    schema = files.home() / "schemas/conversational-intelligence/activity.yaml"
    (tmp_path / "schemas/conversational-intelligence").mkdir(parents=True)
    text = schema.read_text("utf-8").replace("parameters:\n", "parameters:\n  area: {type: string, default: eu}\n", 1)
    (tmp_path / "schemas/conversational-intelligence/activity.yaml").write_text(text, "utf-8")
    (one,) = judged(shipped(), changed(tmp_path))
    assert (one.code, one.severity) == ("B321", "warning")
    assert one.message.startswith("cursors that callers hold are refused, as in the cases ")


def test_cases_that_fail_for_one_reason_are_one_finding(tmp_path):
    new = changed(tmp_path, ("    default: UTC\n", ""))
    setting, failing = judged(shipped(), new)
    assert failing.message.startswith("the cases absent-rows, bare-ids, clipped-total and ")
    assert (failing.code, failing.severity, setting.code) == ("B322", "error", "B306")


# ── Fingerprints and approvals ───────────────────────────────────────────────────────────────────────────────────


def test_a_fingerprint_survives_other_lines_and_another_layout():
    old, new = {"f": {"type": "integer"}}, {"f": {"type": "number"}}
    (one,) = diff.resources(spec(fields=old), spec(fields=new))
    moved = Source("elsewhere.yaml", "# moved\n\n" + json.dumps(yaml.safe_load(spec(fields=new).text)))
    (other,) = diff.resources(spec(fields=old), moved)
    assert one.fingerprint == other.fingerprint
    (third,) = diff.resources(spec(fields=old), spec(fields={"f": {"type": "any"}}))
    assert third.fingerprint != one.fingerprint


def approvals(*entries):
    return Source("ok.yaml", yaml.safe_dump({"approved": list(entries)}))


def test_an_approved_change_is_not_reported_and_an_approval_needs_a_reason():
    (change,) = diff.resources(spec(fields={"f": {"type": "integer"}}), spec(fields={"f": {"type": "number"}}))
    entry = {"fingerprint": change.fingerprint, "reason": "Everybody reads numbers."}
    assert diff.unapproved([change], approvals(entry)) == []
    with pytest.raises(MappingError, match="reason"):
        diff.unapproved([change], approvals({"fingerprint": change.fingerprint}))


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────


def run(*arguments):
    return CliRunner().invoke(cli.app, ["diff", *map(str, arguments)])


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of git with a resource in its first commit, and another version of it at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    Path("schemas").mkdir()
    Path("schemas/deal.yaml").write_text(spec(fields={"f": {"type": "integer"}}).text)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *arguments], check=True)
    Path("schemas/deal.yaml").write_text(spec(fields={"g": {"type": "number"}}).text)
    return tmp_path


def test_a_revision_of_git_is_compared_and_named_as_it_was_given(repository):
    assert repository
    done = run("HEAD:schemas/deal.yaml", "schemas/deal.yaml")
    assert done.exit_code == 1
    assert "error[B301]: `f` was removed\n  --> HEAD:schemas/deal.yaml:" in done.stderr
    assert "  --> schemas/deal.yaml:" in done.stderr
    assert done.stdout == "1 breaking, 0 risky, 1 compatible\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nope:schemas/deal.yaml", "is neither a file nor a git revision"),
        ("HEAD:schemas/deel.yaml", 'revision "HEAD" has no file "schemas/deel.yaml"'),
        ("--output=x:schemas/deal.yaml", "No such option"),
    ],
)
def test_a_name_that_is_not_a_version_is_refused(repository, name, said):
    assert repository
    done = run(name, "schemas/deal.yaml")
    assert done.exit_code == 2
    assert said in done.stderr


def test_approvals_beside_the_new_file_are_taken(repository):
    first = json.loads(run("HEAD:schemas/deal.yaml", "schemas/deal.yaml", "--format", "json").stdout)[0]
    fingerprint = first["hint"].rpartition(" ")[2]
    Path("schemas/.truto-approvals.yaml").write_text(
        approvals({"fingerprint": fingerprint, "reason": "f is no more."}).text
    )
    done = run("HEAD:schemas/deal.yaml", "schemas/deal.yaml")
    assert (done.exit_code, done.stdout) == (0, "0 breaking, 0 risky, 1 compatible\n")
    assert repository


def test_golden_cases_show_the_effect_of_a_change_of_a_mapping(tmp_path):
    new = tmp_path / "new.yaml"
    new.write_text(SHIPPED.replace("calls_hosted: $counts.callsAsHost", "calls_hosted: $counts.callsAttended"), "utf-8")
    done = run("gong/activity", new, "--cases", "gong/activity")
    assert done.exit_code == 1
    assert "error[B322]: metrics.calls_hosted" in done.stderr
    assert run("gong/activity", "gong/activity").stdout == "nothing changed\n"
