"""JSON Schemas: what they refuse, with which message, and that no instance or schema crashes."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import COMPILED, RECORD, RESOURCE, changed

from truto_mapper.resource import validator
from truto_mapper.resource.generated import record_schema
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.surely import FORMATS, is_plain, surely_fits
from truto_mapper.text.errors import MappingError


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


def test_what_a_schema_refuses_altogether_is_refused_by_false():
    (problem,) = Schema({"properties": {"gone": False}}).problems({"gone": 1})
    assert (problem.keyword, problem.message) == ("false", "1 is refused by `false`")


def test_text_with_an_end_of_line_is_not_a_uuid():
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
#: Values of keywords, some of which the metaschema refuses.
KEYWORDS = {
    "type": LIMITS["type"] | st.lists(st.sampled_from(["string", "null"]), max_size=2) | st.just("text"),
    "required": st.lists(st.sampled_from(["a", "b", 1]), max_size=2),
    "enum": st.just([1, {}]) | st.just("a"),
    "pattern": st.sampled_from(["^a+$", "(", "a{2}", "(?<=a)b", 1]),
    "$id": st.sampled_from(["https://example.com/a", "a#", "a#b", 1]),
    "$ref": st.sampled_from(["#", "#/properties/a", 1]),
    "title": LIMITS["description"],
    "default": VALUES,
    "x-else": VALUES,
    **dict.fromkeys(["maxLength", "minItems", "maxProperties"], st.sampled_from([0, 3, 2.0, -1, "1", True, None])),
    **dict.fromkeys(["minimum", "maximum"], st.sampled_from([0, -1.5, "1", True, None])),
    **dict.fromkeys(["uniqueItems", "readOnly", "deprecated"], st.sampled_from([True, False, 1])),
}
ANY_SCHEMAS = st.recursive(
    st.booleans() | st.none() | st.dictionaries(st.sampled_from(sorted(KEYWORDS)), st.none(), max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries({key: KEYWORDS[key] for key in chosen})
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(["items", "additionalProperties", "not"], inner),
            **dict.fromkeys(["properties", "$defs"], st.dictionaries(st.sampled_from("ab"), inner, max_size=2) | inner),
            **dict.fromkeys(["anyOf", "oneOf"], st.lists(inner, max_size=2) | inner),
        },
    ),
    max_leaves=4,
)  # fmt: skip


def test_a_plain_schema_is_one_that_the_metaschema_does_not_refuse():
    plain = Counter[bool]()

    @settings(max_examples=600, deadline=None)
    @given(ANY_SCHEMAS)
    def judge(schema):
        plain[is_plain(schema)] += 1
        assert not is_plain(schema) or not list(validator.refusals(schema))

    judge()
    assert min(plain[True], plain[False]) > 100


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


@settings(max_examples=250, deadline=None)
@given(SCHEMAS, VALUES)
def test_a_check_without_jsonschema_agrees_with_jsonschema(schema, value):
    try:
        Schema(schema)
    except MappingError:
        assert not is_plain(schema)
        return
    assert validator.compiled(schema, FORMATS).is_valid(value) or not surely_fits(value, schema)


def test_each_missing_property_is_a_problem_of_its_own():
    schema = Schema({"type": "object", "required": ["a", "b"]})
    assert [problem.missing for problem in schema.problems({})] == ["a", "b"]


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


def test_of_several_forms_those_that_have_words_are_named():
    (problem,) = Schema({"anyOf": [{"not": {}}, {"type": "string"}]}).problems(5)
    assert problem.message == "expected a string, got 5"


def test_an_instance_may_be_nested_64_levels_deep():
    deepest: Any = []
    for _ in range(64):
        deepest = [deepest]
    assert Schema(RECURSIVE).problems(deepest) == []
    assert len(Schema(RECURSIVE).problems([deepest])) == 1


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
        ({"pattern": "("}, "/pattern", 'expected a regular expression without lookaround and backreferences, got "("'),
        ({"minLength": -1}, "/minLength", "expected at least 0, got -1"),
        ({"items": {"$ref": "#/$defs/x"}}, "/items/$ref", '"#/$defs/x" is not in this schema'),
        (
            {"$ref": "https://example.com/x"},
            "/$ref",
            '"https://example.com/x" is not in this schema',
        ),
        ({"$ref": "#"}, "/$ref", '"#" is a circular reference'),
        (
            {"$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}},
            "/$defs/a/anyOf/0/not/$ref",
            '"#/$defs/a" is a circular reference',
        ),
        ({"items": {"$id": "urn:x"}}, "/items/$id", "`$id` is only allowed at the top"),
        ([], "", "expected an object or true or false, got []"),
    ],
)
def test_an_invalid_json_schema_is_refused(schema, pointer, message):
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


def test_words_that_are_data_in_a_json_schema_are_not_references():
    assert Schema({"default": {"$ref": "#/x"}, "enum": [{"$ref": "#/x"}]}).valid({"$ref": "#/x"})


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 5_000 + "!"),
        ({"pattern": r"^(\w|\w\w)*$"}, "a" * 5_000 + "!"),
        ({"type": "object", "patternProperties": {"^(a|aa)+$": False}}, {"a" * 5_000 + "!": 1}),
        ({"patternProperties": {"^(a|aa)+$": True}, "additionalProperties": {"type": "null"}}, {"a" * 5_000 + "!": 1}),
        ({"propertyNames": {"pattern": "^(.*a){10}$"}}, {"a" * 5_000 + "!": 1}),
        ({"items": {"anyOf": [{"pattern": "^(a*)*$"}, {"type": "null"}]}}, ["a" * 5_000 + "!"]),
    ],
)
def test_a_pattern_that_backtracks_for_ever_elsewhere_ends(schema, instance):
    ends_at_once = bool(schema.get("patternProperties")) and "additionalProperties" not in schema
    assert Schema(schema).valid(instance) is ends_at_once


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(", "[z-a]", "a{2000}", "\ud800"])
@pytest.mark.parametrize("where", ["pattern", "patternProperties"])
def test_a_pattern_that_re2_does_not_know_is_refused_with_its_place(pattern, where):
    with pytest.raises(MappingError) as refused:
        Schema({"properties": {"x": {where: pattern if where == "pattern" else {pattern: {}}}}})
    (found,) = refused.value.diagnostics
    assert (found.code, found.pointer) == ("M108", f"/properties/x/{where}")
    assert "expected a regular expression without lookaround and backreferences, got " in found.message


def test_a_pattern_matches_as_in_javascript():
    assert Schema({"pattern": "Z$"}).valid("1Z")
    assert not Schema({"pattern": "Z$"}).valid("1Z\n")
    assert Schema({"pattern": r"^\d$"}).valid("7")
    assert not Schema({"pattern": r"^\d$"}).valid("٧")
    assert Schema({"pattern": r"^\u00e9$"}).valid("é")
    assert Schema({"pattern": "a"}).valid("\ud800a")
    assert Schema({"pattern": "a"}).valid(5)


def test_unevaluated_properties_and_patterns_are_not_combined():
    with pytest.raises(MappingError, match="`unevaluatedProperties` cannot be combined with `patternProperties`"):
        Schema({"patternProperties": {"a": {}}, "allOf": [{"unevaluatedProperties": False}]})
    assert Schema({"unevaluatedProperties": False, "properties": {"a": {}}}).problems({"b": 1})
