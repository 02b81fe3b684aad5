"""The unified resource against the API page, what is generated from it, and validation."""

from __future__ import annotations

import copy
import json
import pickle
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import openapi_spec_validator
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mypy import api as mypy
from pydantic_core import PydanticCustomError

from truto_mapper.resource.generated import list_schema, normalized_schema, query_schema, record_schema
from truto_mapper.resource.json_schema import Schema, is_plain, surely_fits
from truto_mapper.resource.openapi import KINDS, artefacts, openapi, typed_dicts
from truto_mapper.resource.spec import Field, Resource, load_resource, load_source_schema
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source

ROOT = Path(__file__).parents[1]
PAGE = ROOT.parent / "shared" / "spec" / "list-activity.txt"
NAME = "conversational-intelligence/activity"
RESOURCE = load_resource(NAME)

#: What the library takes and the page does not list: paging, the period's length, and what `debug` speaks of.
OURS = ["aggregation_period", "limit", "next_cursor", "truto_skip_api_call"]


# ── The API page, fact by fact ───────────────────────────────────────────────────────────────────────────────────

TYPE = re.compile(r"(string|object|boolean|integer|number|array|object\[\])(?: · (uuid|date-time))?")
NAMED = re.compile(r"[A-Za-z]+(?:_[a-z]+)*")


@dataclass
class Fact:
    """What the page says about one parameter or field."""

    name: str
    type: str | None
    format: str | None = None
    required: bool = False
    enum: list[str] = field(default_factory=list)
    default: str | None = None
    example: str | None = None
    supported_in: list[str] = field(default_factory=list)
    required_in: list[str] = field(default_factory=list)


def page():
    if not PAGE.exists():
        pytest.skip(f"the API page is not at hand: {PAGE}")
    text = re.sub(r"[ \u00a0]+", " ", PAGE.read_text())
    return "\n".join(line.rstrip() for line in text.splitlines())


def facts(lines):
    """The entries of a section: a name, its type below it, and what is said until the next name."""
    starts = [i for i in range(len(lines)) if begins(lines, i)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield fact(lines[start], lines[start + 1 : end])


def begins(lines, i):
    """Whether an entry begins here. One has no type (`data`): its name stands right above the next entry."""
    below = lines[i + 1] if i + 1 < len(lines) else ""
    if not NAMED.fullmatch(lines[i]) or TYPE.fullmatch(lines[i]):
        return False
    return bool(TYPE.fullmatch(below)) or begins(lines, i + 1) if below else False


def fact(name, body):
    kind = TYPE.fullmatch(body[0]) if body else None
    found = Fact(name, kind[1] if kind else None, kind[2] if kind else None)
    heading = ""
    for line in body[1:]:
        if bullet := re.fullmatch(r"\s*• (\w+)", line):
            lists = {"All possible enum values:": found.enum, "Supported in": found.supported_in}
            (lists | {"Required in": found.required_in})[heading].append(bullet[1])
        elif line.startswith("Example: "):
            found.example = line.removeprefix("Example: ")
        elif default := re.fullmatch(r"Defaults to (\w+)\.", line):
            found.default = default[1]
        elif line:
            found.required |= line.startswith("REQUIRED")
            heading = line
    return found


def section(title):
    parameters, body = page().split("\nQuery parameters\n", 1)[1].split("\nResponse Body\n", 1)
    return list(facts({"parameters": parameters, "body": body}[title].splitlines()))


def told(name, declared: Field, array="array"):
    """What our spec says, as the page would; it writes an array as `array` or as `object[]`."""
    kind = {"any": None, "array": array}.get(declared.type, declared.type)
    default = declared.default if isinstance(declared.default, str) else None
    integrations = [[name.capitalize() for name in names] for names in (declared.supported_in, declared.required_in)]
    example = as_query(name, declared.example)
    return Fact(name, kind, declared.format, declared.required, [*declared.enum], default, example, *integrations)


def as_query(name, example):
    if isinstance(example, list):
        return "&".join(f"{name}[]={item}" for item in example)
    if isinstance(example, dict):
        return "&".join(f"{name}[{key}]={value}" for key, value in example.items())
    return example


def flat(fields):
    """Fields in the order of the page, which writes what an object holds below it."""
    for name, declared in fields.items():
        yield told(name, declared, "object[]")
        yield from flat(declared.items.fields if declared.items else declared.fields)


def test_the_parser_of_the_page_finds_what_a_reader_finds():
    parameters, body = section("parameters"), section("body")
    assert len(parameters) == 10
    assert len(body) == 40
    assert parameters[1].enum == ["unified", "raw", "normalized", "stream", "debug"]
    assert parameters[1].default == "unified"
    assert next(f for f in body if f.name == "aggregation_period").enum == ["day", "week", "month", "total"]


def test_the_parameters_are_those_of_the_page():
    ours = [told(name, declared) for name, declared in RESOURCE.parameters.items() if name not in OURS]
    assert ours == section("parameters")


def test_the_record_is_that_of_the_page():
    body = section("body")
    assert body[0] == told("result", RESOURCE.response["result"].model_copy(update={"required": False}), "object[]")
    assert list(flat(RESOURCE.fields)) == body[1 : [fact.name for fact in body].index("next_cursor")]


def test_the_envelope_is_that_of_the_page_save_that_the_cursor_is_always_there():
    body = section("body")
    around = {"next_cursor": RESOURCE.response["next_cursor"].model_copy(update={"required": False})}
    around["debug"] = RESOURCE.response["debug"]
    assert list(flat(around)) == body[[fact.name for fact in body].index("next_cursor") :]


def test_the_endpoint_is_that_of_the_page():
    lines = page().splitlines()
    method = RESOURCE.methods["list"]
    assert f"{method.http_method} {method.path}" in lines
    start = lines.index("Integrations supported") + 1
    listed = [line.strip(" •").lower() for line in lines[start : lines.index("", start)]]
    assert list(RESOURCE.integrations) == listed


def test_objects_hold_their_own_fields_and_nothing_else():
    holders = {name: list(f.fields) for name, f in RESOURCE.fields.items() if f.fields}
    assert list(holders) == ["user", "metrics"]
    assert holders["user"] == ["id", "name", "emails"]
    assert len(holders["metrics"]) == 15
    assert list(RESOURCE.fields["user"].fields["emails"].items.fields) == ["email", "is_primary"]


def test_our_own_parameters_are_the_few_that_the_design_adds():
    assert [name for name in RESOURCE.parameters if name in OURS] == OURS
    assert RESOURCE.parameters["aggregation_period"].enum == RESOURCE.fields["aggregation_period"].enum
    assert RESOURCE.parameters["aggregation_period"].default == "total"
    assert RESOURCE.parameters["limit"].minimum == 1


def test_everything_is_described_in_our_own_words():
    def described(fields):
        for declared in fields.values():
            yield declared.description
            yield from described(declared.items.fields if declared.items else declared.fields)

    def phrases(text):
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}

    texts = [t for part in (RESOURCE.parameters, RESOURCE.fields, RESOURCE.response) for t in described(part)]
    assert all(texts)
    assert set().union(*map(phrases, texts)) & phrases(page()) == set()


# ── Generated files ──────────────────────────────────────────────────────────────────────────────────────────────

REFRESH = f"run: truto-mapper schema {NAME} --write"


def test_the_generated_schemas_are_fresh():
    folder = ROOT / "schemas" / "conversational-intelligence"
    committed = {path.name: path.read_text() for path in folder.glob("activity.*.json")}
    assert committed == artefacts(RESOURCE), REFRESH


def test_the_generated_types_are_fresh():
    assert (ROOT / "truto_mapper" / "resource" / "activity.py").read_text() == typed_dicts(RESOURCE), REFRESH


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openapi"])
def test_a_generated_schema_is_valid_and_says_what_it_is(kind):
    schema = KINDS[kind](RESOURCE)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:truto-mapper:{NAME}:{kind}"
    assert schema["title"] == "Activity"
    assert schema["description"]


def test_the_openapi_document_is_valid():
    openapi_spec_validator.validate(openapi(RESOURCE))


def operation():
    return openapi(RESOURCE)["paths"]["/unified/conversational-intelligence/activity"]["get"]


def test_the_openapi_document_has_every_parameter_written_as_a_query_string_has_it():
    parameters = {parameter["name"]: parameter for parameter in operation()["parameters"]}
    assert [name.removesuffix("[]") for name in parameters] == list(RESOURCE.parameters)
    required = [name for name, parameter in parameters.items() if parameter["required"]]
    assert required == ["integrated_account_id", "start_time", "end_time"]
    assert parameters["remote_query"]["style"] == "deepObject"
    assert parameters["users[]"]["schema"]["items"]["type"] == "string"
    assert "users[0][id]=1&users[1][id]=2" in parameters["users[]"]["description"]
    assert "truto_exclude_fields[]=id&" in parameters["truto_exclude_fields[]"]["description"]


def test_the_openapi_document_has_every_answer():
    responses = operation()["responses"]
    assert list(responses) == ["200", "400", "401", "403", "404", "429", "500", "502"]
    assert list(responses["429"]["headers"]) == ["Retry-After"]
    assert list(responses["200"]["content"]) == ["application/json", "application/x-ndjson"]


def component(name):
    """A component of the OpenAPI document as a schema of its own."""
    components = json.dumps(openapi(RESOURCE)["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    return Schema({"$ref": f"#/$defs/{name}", "$defs": json.loads(components)})


def test_a_refusal_fits_the_openapi_document():
    where = Source("mapping.yaml", "a: b\n")
    node = yaml_tree.parse(where)
    found = [node.at(["a"]).diagnostic("M106", "no", hint="yes"), Diagnostic("Q502", "no", "note", pointer="/a")]
    body = {"error": {"status": 400, "message": "no", "diagnostics": [d.as_dict() for d in found]}}
    assert component("Error").problems(body) == []
    assert not component("Error").valid({"error": {"status": 400, "message": "no"}})


RECORD = {
    "id": "5-total-2026-01-01-2026-02-01",
    "user": {"id": "12345678901234567890", "name": "Jo", "emails": [{"email": "jo@example.com", "is_primary": True}]},
    "start_time": "2026-01-01T00:00:00-08:00",
    "end_time": "2026-02-01T00:00:00.5Z",
    "aggregation_period": "total",
    "metrics": dict.fromkeys(RESOURCE.fields["metrics"].fields, 7),
    "created_at": "2026-02-01T00:00:00Z",
    "updated_at": "2026-02-01T00:00:00+05:30",
    "remote_data": {"anything": [1, {"deep": None}]},
}
STORED = {
    **{name: None for name in RESOURCE.fields if name != "remote_data"},
    "id": "1",
    "user": {"id": "1", "name": None, "emails": []},
    "start_time": "2026-01-01T08:00:00Z",
    "metrics": dict.fromkeys(RESOURCE.fields["metrics"].fields) | {"calls_hosted": 1},
}
DEBUG = {
    "requestUrl": "https://api.gong.io/v2",
    "requestOptions": {"method": "POST"},
    "data": [1],
    "responseHeaders": {},
    "nextCursor": None,
    "isLooping": False,
    "isEmptyResult": False,
    "resultCount": 1,
}


@pytest.mark.parametrize("kind", ["ActivityList", "ActivityDebug", "NormalizedActivityList"])
@pytest.mark.parametrize("shape", [lambda record: [record], lambda _: [], lambda record: {"a": record}])
def test_an_answer_fits_the_openapi_document(kind, shape):
    body = {"result": shape(STORED if kind.startswith("Normalized") else RECORD), "next_cursor": None}
    body |= {"debug": DEBUG} if kind == "ActivityDebug" else {}
    assert component(kind).problems(body) == []


def test_an_answer_in_the_debug_format_says_debug_even_if_it_is_null():
    body = {"result": [], "next_cursor": None}
    assert [problem.missing for problem in component("ActivityDebug").problems(body)] == ["debug"]
    assert component("ActivityDebug").valid(body | {"debug": None})


def test_generation_gives_the_same_text_each_time():
    again = Resource.parse(Source("again", (ROOT / "schemas" / f"{NAME}.yaml").read_text()))
    assert artefacts(again) == artefacts(RESOURCE)


SNIPPET = """
from truto_mapper.resource.activity import Activity, ActivityUser, ActivityUserEmail, ActivityMetrics
def use(record: Activity) -> int:
    {statement}
"""


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ('return record["metrics"]["calls_hosted"]', None),
        ('return len(record["user"]["emails"][0]["email"])', None),
        ('return record["metrics"]["calls_hostd"]', 'no key "calls_hostd"'),
        ('record["aggregation_period"] = "year"; return 1', 'expected "Literal['),
        ('a: Activity = {"id": "1"}; return 1', None),
        ("a: Activity = {}; return 1", 'Missing key "id"'),
    ],
)
def test_a_type_checker_knows_the_record(tmp_path, monkeypatch, statement, complaint):
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    (tmp_path / "snippet.py").write_text(SNIPPET.format(statement=statement))
    cache = str(tmp_path.parent / "mypy")  # shared by the cases of this test
    said, _, status = mypy.run(["--strict", "--config-file=", f"--cache-dir={cache}", str(tmp_path / "snippet.py")])
    assert (status == 0) == (complaint is None), said
    assert complaint is None or complaint in said


# ── Records, accepted and refused ────────────────────────────────────────────────────────────────────────────────

COMPILED = {kind: Schema(generate(RESOURCE)) for kind, generate in KINDS.items() if kind != "openapi"}


def changed(record, path, value):
    """A copy of a record with another value at a dotted path; `...` takes it away."""
    record = copy.deepcopy(record)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    holder = record
    for part in way:
        holder = holder[part]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", ""),
        ("user", ...),
        ("user.name", ...),
        ("user.emails", []),
        ("user.emails.0", {}),
        ("metrics", {}),
        ("metrics.calls_hosted", 10**30),
        ("metrics.calls_hosted", 3.0),
        ("metrics.calls_hosted", -1),
        ("start_time", ...),
        ("start_time", "2024-02-29T23:59:59.123456789-00:00"),
        ("remote_data", {}),
        ("remote_data", ...),
    ],
)
def test_a_record_is_accepted(path, value):
    record = changed(RECORD, path, value)
    assert COMPILED["record"].problems(record) == []
    assert COMPILED["record"].valid(record)


@pytest.mark.parametrize(
    ("path", "value", "pointer", "keyword", "message"),
    [
        ("id", ..., "", "required", "`id` is missing"),
        ("id", None, "/id", "type", "expected a string, got null"),
        ("id", 5, "/id", "type", "expected a string, got 5"),
        ("user.id", ..., "/user", "required", "`id` is missing"),
        ("user", None, "/user", "type", "expected an object, got null"),
        ("user.emails", {}, "/user/emails", "type", "expected an array, got {}"),
        ("user.emails.0.is_primary", 1, "/user/emails/0/is_primary", "type", "expected true or false, got 1"),
        ("user.phone", "1", "/user/phone", "additionalProperties", "there is no `phone` in the schema"),
        ("a/b~c", "1", "/a~1b~0c", "additionalProperties", "there is no `a/b~c` in the schema"),
        (
            "aggregation_period",
            "year",
            "/aggregation_period",
            "enum",
            'expected "day", "week", "month" or "total", got "year"',
        ),
        ("metrics.calls_hosted", True, "/metrics/calls_hosted", "type", "expected an integer, got true"),
        ("metrics.calls_hosted", "7", "/metrics/calls_hosted", "type", 'expected an integer, got "7"'),
        ("metrics.calls_hosted", 7.5, "/metrics/calls_hosted", "type", "expected an integer, got 7.5"),
        ("metrics.calls_hosted", float("nan"), "/metrics/calls_hosted", "type", "expected an integer, got NaN"),
        ("metrics.calls_hosted", float("inf"), "/metrics/calls_hosted", "type", "expected an integer, got Infinity"),
        ("remote_data", [], "/remote_data", "type", "expected an object, got []"),
    ],
)
def test_a_record_is_refused_in_plain_words(path, value, pointer, keyword, message):
    record = changed(RECORD, path, value)
    (problem,) = COMPILED["record"].problems(record)
    assert (problem.pointer, problem.keyword, problem.message) == (pointer, keyword, message)
    assert not COMPILED["record"].valid(record)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00Z\n",
        "2026-02-30T00:00:00Z",
        "2026-01-01 00:00:00",
        "2019-01-21T000:00:00-08:00",
        "2026-01-01T00:00:00+0100",
        "",
    ],
)
def test_a_date_time_has_a_day_that_exists_and_an_offset(text):
    (problem,) = COMPILED["record"].problems(changed(RECORD, "start_time", text))
    assert (problem.pointer, problem.keyword) == ("/start_time", "format")
    assert problem.message.startswith("expected a date-time with an offset, as in 2026-01-31T09:30:00Z, got ")


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("uuid", ["62f44730-dd91-461e-bd6a-aedd9e0ad79d"], ["62f44730dd91461ebd6aaedd9e0ad79d", "", "x\n"]),
        ("time-zone", ["Europe/Berlin", "UTC", "US/Pacific"], ["Mars/Base", "../etc/passwd", "", "Europe", "UTC\n"]),
        ("date", ["2026-01-31"], ["2026-1-31", "20260131", "2026-02-30", "2026-01-31\n"]),
    ],
)
def test_formats_are_asserted(form, good, bad):
    schema = Schema({"format": form})
    assert [text for text in good if not schema.valid(text)] == []
    assert [text for text in bad if schema.valid(text)] == []
    assert schema.valid(5)


def test_a_uuid_with_an_end_of_line_is_none():
    assert not Schema({"format": "uuid"}).valid("62f44730-dd91-461e-bd6a-aedd9e0ad79d\n")


ATOMS = st.sampled_from(["", "a", "UTC", "2026-01-31T00:00:00Z", 0, 1, True, False, None, 1.0])
VALUES = st.recursive(ATOMS, lambda v: st.lists(v, max_size=2) | st.dictionaries(st.sampled_from("ab"), v, max_size=2))
LIMITS = {
    "type": st.sampled_from(["string", "boolean", "integer", "array", "object", "number", "null", ["string", "null"]]),
    "format": st.sampled_from(["date-time", "time-zone", "uuid", "date", "else"]),
    "enum": st.lists(ATOMS, min_size=1, max_size=3),
    "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
    "additionalProperties": st.booleans(),
    "description": st.just("x") | st.just(1),
    "default": VALUES,
    "minLength": st.just(1),
}
SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional=LIMITS),
    lambda s: st.fixed_dictionaries(
        {"type": st.sampled_from(["array", "object"])},
        optional={
            "items": s | st.booleans(),
            "properties": st.dictionaries(st.sampled_from("ab"), s | st.booleans(), max_size=2),
            **{key: LIMITS[key] for key in ("required", "additionalProperties")},
        },
    ),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(SCHEMAS, VALUES)
def test_what_is_said_without_jsonschema_is_what_it_says(schema, value):
    try:
        exact = Schema(schema)
    except MappingError:
        assert not is_plain(schema)
        return
    assert exact.valid(value) or not surely_fits(value, schema)


def test_every_problem_is_found_at_once():
    record = changed(changed(changed(RECORD, "id", ...), "user.id", ...), "metrics.calls_hosted", "x")
    found = [(problem.pointer, problem.missing) for problem in COMPILED["record"].problems(record)]
    assert sorted(found, key=str) == [("", "id"), ("/metrics/calls_hosted", None), ("/user", "id")]


def test_each_missing_property_is_a_problem_of_its_own():
    schema = Schema({"type": "object", "required": ["a", "b"]})
    assert [problem.missing for problem in schema.problems({})] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "value"), [("user", None), ("metrics", None), ("user.emails", [{"email": None, "is_primary": None}])]
)
def test_a_normalized_record_has_null_where_there_is_no_value(path, value):
    assert COMPILED["normalized"].problems(changed(STORED, path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("id", None, "/id"),
        ("user.id", None, "/user/id"),
        ("created_at", ..., ""),
        ("user.name", ..., "/user"),
        ("metrics.calls_hosted", ..., "/metrics"),
        ("user.emails", None, "/user/emails"),
        ("user.emails", [None], "/user/emails/0"),
        ("user.emails", [{"email": "a"}], "/user/emails/0"),
        ("start_time", "2026-01-01T00:00:00-08:00", "/start_time"),
        ("remote_data", {}, "/remote_data"),
        ("aggregation_period", "year", "/aggregation_period"),
    ],
)
def test_a_normalized_record_is_complete_and_in_utc(path, value, pointer):
    (problem,) = COMPILED["normalized"].problems(changed(STORED, path, value))
    assert problem.pointer == pointer


def test_the_fields_of_the_normalized_schema_stand_in_the_order_of_the_spec():
    schema = normalized_schema(RESOURCE)
    assert list(schema["properties"]) == [name for name in RESOURCE.fields if name != "remote_data"]
    assert list(schema["properties"]["metrics"]["properties"]) == list(RESOURCE.fields["metrics"].fields)
    assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("result", [[RECORD], [], {}, {"a": RECORD}])
@pytest.mark.parametrize("more", [{}, {"debug": None}, {"debug": DEBUG}])
def test_a_list_is_an_array_or_an_object_of_records(result, more):
    assert COMPILED["list"].problems({"result": result, "next_cursor": "x"} | more) == []


def test_a_problem_in_a_list_leads_to_its_record():
    bad = changed(RECORD, "user.id", 5)
    assert [p.pointer for p in COMPILED["list"].problems({"result": [bad], "next_cursor": 1})] == [
        "/result/0/user/id",
        "/next_cursor",
    ]
    assert [p.pointer for p in COMPILED["list"].problems({"result": {"k": bad}, "next_cursor": None})] == [
        "/result/k/user/id"
    ]


QUERY = {
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-02-01T00:00:00Z",
    "users": [{"id": "1"}],
    "truto_exclude_fields": ["id"],
    "remote_query": {"foo": {"bar": "1"}},
    "limit": 1,
    "truto_ignore_limit": True,
}


def test_a_parsed_query_needs_no_account_but_the_period():
    assert COMPILED["query"].problems(QUERY) == []
    assert [p.missing for p in COMPILED["query"].problems({})] == ["start_time", "end_time"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("limit", 0, "expected at least 1, got 0"),
        ("limit", "5", 'expected an integer, got "5"'),
        ("integrated_account_id", "1", 'expected a UUID, got "1"'),
        ("users", ["1"], 'expected an object, got "1"'),
        ("users", [{}], "`id` is missing"),
        (
            "truto_response_format",
            "xml",
            'expected "unified", "raw", "normalized", "stream" or "debug", got "xml"',
        ),
        ("truto_skip_api_call", "true", 'expected true or false, got "true"'),
        ("user", [], "there is no `user` in the schema"),
    ],
)
def test_a_parsed_query_is_refused_in_plain_words(name, value, message):
    assert [problem.message for problem in COMPILED["query"].problems(QUERY | {name: value})] == [message]


def test_the_query_schema_has_the_defaults():
    defaults = {name: s["default"] for name, s in query_schema(RESOURCE)["properties"].items() if "default" in s}
    assert defaults == {
        "truto_response_format": "unified",
        "truto_ignore_limit": False,
        "truto_ignore_remote_data": False,
        "aggregation_period": "total",
        "truto_skip_api_call": False,
    }


# ── Any JSON at all ──────────────────────────────────────────────────────────────────────────────────────────────

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["day", "1", "2026"])
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
PATHS = ["id", "user", "user.id", "user.emails", "user.emails.0", "user.emails.0.email", "metrics", "start_time", "x"]
RULES = Schema(
    {
        "type": ["object", "array", "number", "string"],
        "patternProperties": {"^a": {"type": "integer", "multipleOf": 3, "exclusiveMinimum": 0}},
        "additionalProperties": {"$ref": "#"},
        "items": {"$ref": "#"},
        "uniqueItems": True,
        "maxLength": 3,
        "maximum": 1000,
        "not": {"const": 5},
        "anyOf": [{"minItems": 1}, {"enum": [1, "x"]}, {"dependentRequired": {"b": ["c"]}}],
    }
)


@given(instance=ANYTHING, kind=st.sampled_from([*COMPILED, "rules"]))
def test_validation_never_raises_and_agrees_with_itself(instance, kind):
    schema = RULES if kind == "rules" else COMPILED[kind]
    problems = schema.problems(instance)
    assert schema.valid(instance) == (not problems)
    assert all(problem.message and isinstance(problem.pointer, str) for problem in problems)


@given(path=st.sampled_from(PATHS), value=ANYTHING)
def test_a_problem_lies_where_the_record_was_changed(path, value):
    problems = COMPILED["record"].problems(changed(RECORD, path, value))
    assert all(f"{problem.pointer}/".startswith(f"/{path.replace('.', '/')}/") for problem in problems)


RECURSIVE = {"type": ["array", "object"], "items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_a_very_deep_instance_is_a_problem_not_a_crash(wrap):
    deep: Any = []
    for _ in range(50_000):
        deep = wrap(deep)
    schema = Schema(RECURSIVE)
    assert [problem.message for problem in schema.problems(deep)] == ["nested more than 64 levels deep"]
    assert not schema.valid(deep)
    assert Schema({"type": "string"}).problems(deep)
    assert COMPILED["record"].valid(changed(RECORD, "remote_data", {"deep": deep}))


@pytest.mark.parametrize(
    "schema", [{"type": "string"}, {"maximum": 5}, {"enum": [1]}, {"multipleOf": 0.5}, {"const": 1}, {"not": {}}]
)
def test_a_number_beyond_all_bounds_is_a_problem_not_a_crash(schema):
    huge = 10**5000 + 1
    compiled = Schema(schema)
    assert compiled.valid(huge) == (not compiled.problems(huge))


def test_a_schema_may_contain_itself():
    assert Schema(RECURSIVE).valid([[], {"a": [[]]}])
    assert [p.pointer for p in Schema(RECURSIVE).problems([[], {"a": [[], 5]}])] == ["/1/a/1"]


@pytest.mark.parametrize("schema", [{"enum": [1, []]}, {"const": [[]]}, {"uniqueItems": True}, {"type": "string"}])
def test_a_very_deep_instance_can_be_compared_without_a_crash(schema):
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    compiled, twice = Schema(schema), [deep, [deep]]
    assert compiled.valid(twice) == (not compiled.problems(twice))


def test_a_schema_survives_pickling():
    again = pickle.loads(pickle.dumps(COMPILED["record"]))
    assert again.problems({}) == COMPILED["record"].problems({})
    assert again.schema == record_schema(RESOURCE)


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        (
            {"properties": {"a/b": {"type": "strin"}}},
            "/properties/a~1b/type",
            'expected "array", "boolean", "integer", "null", "number", "object" or "string" or an array, got "strin"',
        ),
        ({"required": "a"}, "/required", 'expected an array, got "a"'),
        ({"pattern": "("}, "/pattern", 'expected a regular expression, got "("'),
        ({"minLength": -1}, "/minLength", "expected at least 0, got -1"),
        ({"items": {"$ref": "#/$defs/x"}}, "/items/$ref", '"#/$defs/x" leads nowhere within it'),
        (
            {"$ref": "https://example.com/x"},
            "/$ref",
            '"https://example.com/x" leads nowhere within it',
        ),
        ({"$ref": "#"}, "/$ref", '"#" leads back to itself'),
        (
            {"$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}},
            "/$defs/a/anyOf/0/not/$ref",
            '"#/$defs/a" leads back to itself',
        ),
        ({"items": {"$id": "urn:x"}}, "/items/$id", "an `$id` below the top"),
        ([], "", "expected an object or true or false, got []"),
    ],
)
def test_what_is_no_json_schema_is_refused(schema, pointer, message):
    with pytest.raises(MappingError) as caught:
        Schema(schema)
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer, found.message) == ("M108", pointer, f"not a valid JSON Schema: {message}")


@pytest.mark.parametrize(
    ("schema", "instance", "message"),
    [
        ({"not": {"const": 5}}, 5, "5 is refused by `not`"),
        ({"const": "x"}, "y", 'expected "x", got "y"'),
        ({"type": ["integer", "null"]}, "y", 'expected an integer or null, got "y"'),
        ({"anyOf": [{"type": "null"}, {"minimum": 3}]}, 2, "expected null or at least 3, got 2"),
        ({"oneOf": [{}, {"minimum": 1}]}, 2, "expected exactly one of several forms, got 2"),
        ({"minItems": 1}, [], "expected at least 1 items, got []"),
        ({"uniqueItems": True}, [1, 1], "expected no item twice, got [1, 1]"),
        ({"pattern": "^a"}, "b", 'expected text matching ^a, got "b"'),
        ({"enum": []}, "b", 'expected nothing, got "b"'),
        ({"exclusiveMaximum": 3}, 3, "expected less than 3, got 3"),
        ({"maxLength": 60}, "x" * 99, f'expected at most 60 characters, got "{"x" * 58}…'),
    ],
)
def test_a_problem_says_what_would_have_been_right(schema, instance, message):
    assert [problem.message for problem in Schema(schema).problems(instance)] == [message]


def test_a_json_schema_that_is_nested_too_deeply_is_refused():
    deep = {"type": "string"}
    for _ in range(5_000):
        deep = {"items": deep}
    with pytest.raises(MappingError, match="not a valid JSON Schema: nested too deeply"):
        Schema(deep)


def test_every_mistake_of_a_json_schema_is_told_at_once():
    with pytest.raises(MappingError) as caught:
        Schema({"minLength": -1, "required": "a"})
    assert {found.pointer for found in caught.value.diagnostics} == {"/minLength", "/required"}


def test_words_that_are_data_in_a_json_schema_are_no_references():
    assert Schema({"default": {"$ref": "#/x"}, "enum": [{"$ref": "#/x"}]}).valid({"$ref": "#/x"})


# ── Finding resources and source schemas ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("load", "name", "message", "hint"),
    [
        (
            load_resource,
            "conversational-intelligence/activty",
            'there is no schema "conversational-intelligence/activty", and no such file',
            f"did you mean `{NAME}`?",
        ),
        (
            load_source_schema,
            "gong/agregate",
            'there is no schema "gong/agregate", and no such file',
            "did you mean `gong/aggregate`?",
        ),
    ],
)
def test_a_name_that_nothing_ships_under_is_refused_with_the_nearest(load, name, message, hint):
    with pytest.raises(MappingError) as caught:
        load(name)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.hint) == ("M105", message, hint)


def test_a_resource_can_be_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text((ROOT / "schemas" / f"{NAME}.yaml").read_text())
    assert load_resource(str(path)) == RESOURCE
    with pytest.raises(MappingError, match="M105"):
        load_resource(str(tmp_path / "none.yaml"))


def test_a_source_schema_can_be_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.schema.json"
    path.write_text('{"type": "strin"}')
    with pytest.raises(MappingError, match="M108"):
        load_source_schema(str(path))


# ── Resource specs, and documents held to a model ────────────────────────────────────────────────────────────────

SPEC = """\
version: 1
unified_model: crm
resource: deal
title: Deal
integrations: [gong]
methods: {list: {http_method: GET, path: /unified/crm/deal}}
parameters: {}
fields:
  id: {type: string, required: true}
  @
response:
  result: {type: array, required: true, items: {type: object}}
"""


def findings(text):
    """What is said about a spec: line, marked text, message, hint."""
    source = Source("deal.yaml", text)
    with pytest.raises(MappingError) as caught:
        Resource.parse(source)
    return [shown(source, found) for found in caught.value.diagnostics]


def shown(source, found):
    assert found.code == "M106"
    line, _ = source.position(found.span.start)
    return line, source.text[found.span.start : found.span.end], found.message, found.hint


def spec(line="", text=SPEC):
    return text.replace("@", line)


def test_a_small_resource_is_read_with_its_order():
    resource = Resource.parse(Source("deal.yaml", spec("a: {type: integer, minimum: 0, default: 3}")))
    assert resource.name == "crm/deal"
    assert list(resource.fields) == ["id", "a"]
    assert (resource.fields["a"].minimum, resource.fields["a"].default) == (0, 3)
    assert resource == pickle.loads(pickle.dumps(resource))


@pytest.mark.parametrize(
    ("line", "marked", "message", "hint"),
    [
        (
            "a: {type: strng}",
            "strng",
            "expected `string`, `integer`, `number`, `boolean`, `object`, `array` or `any`, got `strng`",
            "did you mean `string`?",
        ),
        ("a: {typ: string}", "typ", "there is no key `typ` in `fields.a`", "did you mean `type`?"),
        ("a: {}", "a", "`type` is missing in `fields.a`", None),
        ("a: string", "string", "expected a mapping, got `string`", None),
        ("a:", "a", "expected a mapping, got nothing", None),
        ("a: {type: string, required: 'yes'}", "'yes'", "expected true or false, got `'yes'`", None),
        ("a: {type: string, description: 5}", "5", "expected text, got `5`", None),
        (
            "a-b: {type: string}",
            "a-b",
            "`a-b` is no good key in `fields`: text matching ^[A-Za-z_][A-Za-z0-9_]*$",
            None,
        ),
        (
            "a: {type: integer, format: uuid}",
            "uuid",
            "`format` goes with the type string, and this one is integer",
            None,
        ),
        (
            "a: {type: string, enum: [x, 5]}",
            "[x, 5]",
            "this does not fit the field: expected a string, got 5",
            None,
        ),
        ("a: {type: string, enum: [x, x]}", "[x, x]", '"x" is listed twice', None),
        (
            "a: {type: string, enum: [x], default: y}",
            "y",
            'this does not fit the field: expected "x", got "y"',
            None,
        ),
        (
            "a: {type: integer, minimum: 1, default: 0}",
            "0",
            "this does not fit the field: expected at least 1, got 0",
            None,
        ),
        (
            "a: {type: string, format: uuid, example: '1'}",
            "'1'",
            'this does not fit the field: expected a UUID, got "1"',
            None,
        ),
        (
            "a: {type: array, items: {type: string}, example: [x, 1]}",
            "[x, 1]",
            "this does not fit the field at 1: expected a string, got 1",
            None,
        ),
        ("a: {type: array}", "{type: array}", "an array says what its `items` are", None),
        (
            "a: {type: string, supported_in: [gang]}",
            "gang",
            "`gang` is not among the integrations of this resource",
            "did you mean `gong`?",
        ),
    ],
)
def test_a_mistake_in_a_spec_is_told_where_it_stands(line, marked, message, hint):
    assert findings(spec(line)) == [(10, marked, message, hint)]


DATES = (
    spec()
    .replace(
        "parameters: {}\n",
        "parameters:\n  since: {type: string, format: date-time}\n  until: {type: string, format: date-time}\n"
        "  limit: {type: integer}\nperiods:\n  - @\n",
    )
    .replace("  \n", "")
)


def test_two_parameters_may_form_a_period():
    (period,) = Resource.parse(Source("deal.yaml", spec("{start: since, end: until}", DATES))).periods
    assert (period.start, period.end) == ("since", "until")


@pytest.mark.parametrize(
    ("line", "marked", "message", "hint"),
    [
        ("{start: sinc, end: until}", "sinc", "there is no parameter `sinc`", "did you mean `since`?"),
        ("{start: since, end: limit}", "limit", "`limit` must have the format date-time to be part of a period", None),
        ("{start: since, end: since}", "since", "a period starts and ends with two different parameters", None),
        ("{start: since}", "start", "`end` is missing in `periods.0`", None),
    ],
)
def test_a_period_is_of_two_date_times(line, marked, message, hint):
    assert findings(spec(line, DATES))[0][1:] == (marked, message, hint)


def test_all_mistakes_of_a_spec_are_told_at_once_in_the_order_of_the_text():
    text = (
        spec("a: {type: strng, requird: true, supported_in: [gang]}")
        .replace("title: Deal", "titel: Deal")
        .replace("version: 1", "version: 2")
    )
    assert [(line, marked) for line, marked, _, _ in findings(text)] == [
        (1, "2"),
        (4, "titel"),
        (10, "strng"),
        (10, "requird"),
        (10, "gang"),
    ]


def test_a_missing_key_that_was_only_misspelt_is_not_told_again():
    (found,) = findings(spec().replace("title: Deal", "titel: Deal"))
    assert found == (4, "titel", "there is no key `titel` here", "did you mean `title`?")


def test_an_empty_spec_is_told_what_it_lacks():
    messages = [message for *_, message, _ in findings("{}")]
    assert "`version` is missing" in messages
    assert [message for *_, message, _ in findings("")] == ["expected a mapping, got nothing"]


class Leaf(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    size: Annotated[int, pydantic.Field(ge=1)] = 1
    name: str | None = None

    @pydantic.field_validator("name")
    @classmethod
    def is_no_robot(cls, name):
        if name == "robot":
            raise ValueError("robots have no name")
        return name


class Robot(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def is_no_person(cls, name):
        raise PydanticCustomError("person", "{name} is a person", {"name": name, "hint": "name it R2"})


def test_a_model_can_give_a_hint_of_its_own():
    source = Source("robot.yaml", "name: Jo")
    with pytest.raises(MappingError) as caught:
        shaped(yaml_tree.parse(source), Robot)
    (found,) = caught.value.diagnostics
    assert shown(source, found) == (1, "Jo", "Jo is a person", "name it R2")


class Tree(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    kind: Literal["oak", "elm"]
    leaf: Leaf | str | list[str] = "green"
    leaves: dict[str, Leaf] = {}
    twigs: list[Leaf] = []
    long_name: str = pydantic.Field("", alias="long-name")


def misfit(text):
    source = Source("tree.yaml", text)
    with pytest.raises(MapperError) as caught:
        shaped(yaml_tree.parse(source), Tree)
    return [shown(source, found)[1:] for found in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("leaf: 5", ("5", "expected a mapping, text or a list, got `5`", None)),
        ("leaf: {siz: 5}", ("siz", "there is no key `siz` in `leaf`", "did you mean `size`?")),
        ("leaf: {size: 0}", ("0", "expected at least 1, got `0`", None)),
        ("leaf: [a, 5]", ("5", "expected text, got `5`", None)),
        ("leaf: {name: robot}", ("robot", "robots have no name", None)),
        ("leaves: {a: {size: x}}", ("x", "expected an integer, got `x`", None)),
        ("leaves: {a: {nam: x}}", ("nam", "there is no key `nam` in `leaves.a`", "did you mean `name`?")),
        ("twigs: [{nam: x}]", ("nam", "there is no key `nam` in `twigs.0`", "did you mean `name`?")),
        ("twigs: {a: b}", ("{a: b}", "expected a list, got a mapping", None)),
        ("twigs: [1]", ("1", "expected a mapping, got `1`", None)),
        ("long_name: x", ("long_name", "there is no key `long_name` here", "did you mean `long-name`?")),
        ("long-name: [x]", ("[x]", "expected text, got a list", None)),
        ("long-name: true", ("true", "expected text, got `true`", None)),
        (f"leaves: {'x' * 99}", ("x" * 99, f"expected a mapping, got `{'x' * 59}…`", None)),
    ],
)
def test_a_document_is_told_in_plain_words_what_its_model_wants(line, found):
    assert misfit(f"kind: oak\n{line}\n") == [found]


def test_a_document_that_has_the_shape_is_its_model():
    tree = shaped(yaml_tree.parse(Source("t", "kind: elm\nleaf: {size: 2}\nlong-name: x\n")), Tree)
    assert tree == Tree(kind="elm", leaf=Leaf(size=2), **{"long-name": "x"})


def test_the_list_schema_defines_the_record_once():
    schema = list_schema(RESOURCE)
    assert schema["$defs"]["activity"]["properties"] == record_schema(RESOURCE)["properties"]
