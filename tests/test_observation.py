"""A schema inferred from samples: it allows them, and says no more than they show."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper.authoring import observation, starting
from truto_mapper.edges.cli import app
from truto_mapper.resource.json_schema import Schema


def inferred(*bodies):
    made = starting.schema_of(starting.seen_in(bodies))
    assert Schema(made).problems(bodies[0]) == []
    return {key: value for key, value in made.items() if key not in ("$schema", "$comment")}


def of(*values):
    """The schema of a value that has these values in several replies."""
    return inferred(*({"v": value} for value in values))["properties"]["v"]


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        ([1, 2], {"type": "integer"}),
        ([1, 2.5], {"type": "number"}),
        ([1.0], {"type": "integer"}),
        ([True], {"type": "boolean"}),
        (["x", None], {"type": ["string", "null"]}),
        (["x", 1], {"type": ["string", "integer"]}),
        ([None], {}),
        ([[]], {"type": "array"}),
        ([[1, None]], {"type": "array", "items": {"type": ["integer", "null"]}}),
        (["2024-01-02"], {"type": "string", "format": "date"}),
        (["2024-02-30"], {"type": "string"}),
        (["2024-01-02T03:04:05+02:00", None], {"type": ["string", "null"], "format": "date-time"}),
        (["2024-01-02T03:04:05"], {"type": "string"}),
        (["2024-01-02", "2024-01-02T03:04:05Z"], {"type": "string"}),
        (["550e8400-e29b-41d4-a716-446655440000"], {"type": "string", "format": "uuid"}),
        (["12.50"], {"type": "string"}),
    ],
)
def test_values_have_the_types_and_formats_that_all_of_them_share(values, schema):
    assert of(*values) == schema


def test_a_field_is_required_if_all_of_several_objects_have_it():
    assert inferred({"a": 1, "b": None}, {"b": 2})["required"] == ["b"]
    assert "required" not in inferred({"a": 1})


def test_an_enumeration_needs_few_values_and_says_how_many_were_seen():
    assert of(*(["WON", "LOST"] * 6), None) == {
        "type": ["string", "null"],
        "enum": ["LOST", "WON", None],
        "$comment": "guessed: 2 values in 12",
    }
    assert "enum" not in of(*(["WON", "LOST"] * 5))
    assert "enum" not in of(*(f"v{n % 13}" for n in range(200)))
    assert "enum" not in of(*(["1", "2"] * 20))
    assert "enum" not in inferred(*({"name": name} for name in ["Ada", "Bob"] * 20))["properties"]["name"]


def test_names_that_are_data_are_no_fields():
    by_id = {"12345": {"name": "a"}, "67890": {"name": None}}
    assert inferred({"v": by_id})["properties"]["v"] == {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": ["string", "null"]}},
        },
    }
    many = {f"n{n}": n for n in range(200)}
    assert inferred(many) == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_format_is_that_of_all_values_however_many_there_are():
    days = [f"20{n // 365:02}-01-{n % 28 + 1:02}" for n in range(3_000)]
    assert inferred({"v": days})["properties"]["v"]["items"]["format"] == "date"
    assert "format" not in inferred({"v": [*days, "soon"]})["properties"]["v"]["items"]


def test_a_schema_is_no_deeper_than_schemas_may_be():
    deep = 1
    for _ in range(200):
        deep = {"a": [deep]}
    inferred(deep)


def test_a_name_that_no_file_can_hold_is_left_out():
    assert inferred({"\ud800": 1, "a": 2})["properties"] == {"a": {"type": "integer"}}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["2024-01-02", "ON", "OFF", "12/31/2024", "550e8400-e29b-41d4-a716-446655440000"])
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers().map(str), inner),
    max_leaves=25,
)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_an_inferred_schema_is_valid_and_allows_what_it_was_inferred_from(bodies):
    checker = Schema(starting.schema_of(starting.seen_in(bodies)))
    assert [problem for body in bodies for problem in checker.problems(body)] == []


@given(VALUES, VALUES)
def test_what_is_merged_is_what_is_seen_at_both_places(one, other):
    apart, together = observation.Seen(), observation.Seen()
    apart.reply("0", one)
    more = observation.Seen()
    more.reply("1", other)
    apart.merge(more)
    together.reply("0", one)
    together.reply("1", other)
    assert apart == together


def test_the_command_infers_from_files_ndjson_and_stdin(tmp_path):
    (tmp_path / "one.json").write_text('[{"id": 1}]')
    (tmp_path / "more.ndjson").write_text('[{"id": 2}]\n[{"id": null}]\n')
    paths = [str(tmp_path / name) for name in ("one.json", "more.ndjson")]
    done = CliRunner().invoke(app, ["schema", "--infer", *paths, "-"], input='[{"id": 3, "x": "y"}]')
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Inferred from 4 replies: verify required, enum and format.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": ["integer", "null"]}, "x": {"type": "string"}},
        },
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--infer", "--check"], "cannot be combined"),
        (["--infer", "--kind", "list"], "nor --infer with --kind"),
        (["--infer"], "cannot read x.json"),
    ],
)
def test_wrong_usage_of_infer_is_told(arguments, said):
    done = CliRunner().invoke(app, ["schema", "x.json", *arguments])
    assert (done.exit_code, said in done.output) == (2, True)
