"""The spec of the unified resource against the API page, and mistakes in a spec."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from records import NAME, RESOURCE

from truto_mapper.resource.field import Field
from truto_mapper.resource.spec import Resource, load_resource
from truto_mapper.text import files
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

ROOT = Path(__file__).parents[1]
PAGE = ROOT.parent / "shared" / "spec" / "list-activity.txt"
#: What the library takes and the page does not list: paging, the period's length, and what `debug` speaks of.
OURS = ["aggregation_period", "limit", "next_cursor", "truto_skip_api_call"]
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
    assert body[0] == told("result", replace(RESOURCE.response["result"], required=False), "object[]")
    assert list(flat(RESOURCE.fields)) == body[1 : [fact.name for fact in body].index("next_cursor")]


def test_the_envelope_is_that_of_the_page_save_that_the_cursor_is_always_there():
    body = section("body")
    around = {"next_cursor": replace(RESOURCE.response["next_cursor"], required=False)}
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


@pytest.mark.parametrize(
    ("load", "name", "message", "hint"),
    [
        (
            load_resource,
            "conversational-intelligence/activty",
            'there is no schema "conversational-intelligence/activty"',
            f"did you mean `{NAME}`?",
        ),
        (
            lambda name: files.find(name, "schemas", ".schema.json"),
            "gong/agregate",
            'there is no schema "gong/agregate"',
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
    assert load_resource(path) == RESOURCE
    with pytest.raises(MappingError, match="M105"):
        load_resource(tmp_path / "none.yaml")


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
        ("a: {type: string, required: 'yes'}", "'yes'", "expected true or false or `create`, got `'yes'`", None),
        ("a: {type: string, description: 5}", "5", "expected text, got `5`", None),
        (
            "a-b: {type: string}",
            "a-b",
            "`a-b` is not a valid key in `fields`: text matching ^[A-Za-z_][A-Za-z0-9_]*$",
            None,
        ),
        (
            "a: {type: integer, format: uuid}",
            "uuid",
            "`format` is for the type string, but this one is integer",
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
        ("a: {type: array}", "{type: array}", "an array needs `items`", None),
        (
            "a: {type: string, supported_in: [gang]}",
            "gang",
            "`gang` is not one of the integrations of this resource",
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
    (found,) = findings(spec(line, DATES))
    assert found[1:] == (marked, message, hint)


@pytest.mark.parametrize(
    ("written", "said", "hint"),
    [
        ("date-time", "`date-time` is not a type", "write `type: string` and `format: date-time`"),
        ("uuid", "`uuid` is not a type", "write `type: string` and `format: uuid`"),
        ("int", "`int` is not a type", "write `type: integer`"),
        ("list", "`list` is not a type", "write `type: array` and `items`"),
        ("[string, 'null']", "a field has one type", "write `type: string` and `nullable: true`"),
        ("[integer, string]", "a field has one type", "write `type: integer`"),
    ],
)
def test_what_other_schemas_call_a_type_is_refused_with_what_to_write(written, said, hint):
    assert [found[1:] for found in findings(spec(f"a: {{type: {written}}}"))] == [(written, said, hint)]


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
