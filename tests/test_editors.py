"""The JSON Schemas for editors allow the files that load, and refuse the usual mistakes. Checked with jsonschema."""

from pathlib import Path

import jsonschema
import pytest

from truto_mapper import Source, load
from truto_mapper.authoring import golden
from truto_mapper.mapping import document, editors
from truto_mapper.resource import document as resource_document
from truto_mapper.resource.spec import load_resource
from truto_mapper.text import files, yaml_tree

HOME = files.home()
ACTIVITY = load_resource("conversational-intelligence/activity")
SCHEMAS = {
    "mapping": document.json_schema(),
    "resource": resource_document.json_schema(),
    "overlay": editors.overlay_schema(),
    "case": golden.json_schema(),
    "activity": editors.mapping_schema(ACTIVITY),
}


def fits(kind, text):
    value = yaml_tree.parse(Source("example.yaml", text)).plain() if isinstance(text, str) else text
    return jsonschema.Draft202012Validator(SCHEMAS[kind]).is_valid(value)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_for_editors_is_valid_and_has_no_titles_of_classes(kind):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])
    assert not [node for node in nodes(SCHEMAS[kind]) if isinstance(node.get("title"), str)]


def nodes(schema):
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(inner)


def test_the_shipped_files_fit():
    mapping = (HOME / "mappings/gong/activity.yaml").read_text("utf-8")
    assert fits("mapping", mapping)
    assert fits("activity", mapping)
    assert fits("resource", (HOME / "schemas/conversational-intelligence/activity.yaml").read_text("utf-8"))
    for case in sorted(HOME.glob("mappings/gong/activity/*/case.yaml")):
        assert fits("case", case.read_text("utf-8")), case


OVERLAYS = {
    "a new expression": "endpoints: {aggregate: {response_mapping: {metrics: {calls_hosted: $counts.x}}}}",
    "null for a field": "endpoints: {aggregate: {response_mapping: {metrics: {calls_hosted: null}}}}",
    "null for a key": "endpoints: {aggregate: {next_cursor: null, let: {counts: null}}}",
    "null for an endpoint": "endpoints: {by_period: null}",
    "part of a setting": "context: {time_zone: {default: Europe/Berlin}}",
    "null in a setting": "context: {time_zone: {default: null}}",
    "the mapping that it is for": "{version: 1, integration: gong, error_mapping: null}",
    "part of the whole days": "whole_days: {time_zone: '\"UTC\"'}",
}


@pytest.mark.parametrize("text", OVERLAYS.values(), ids=OVERLAYS)
def test_an_overlay_may_have_any_part_of_a_mapping_and_null(text):
    assert fits("overlay", text)


def test_an_overlay_that_loads_fits():
    text = "endpoints:\n  aggregate:\n    response_mapping: {metrics: {scorecards_filled: null}}\n"
    load("gong/activity", overlays=[Source("acme.yaml", text)])
    assert fits("overlay", text)


MISTAKES = [
    ("overlay", "endpoint: {aggregate: {}}"),
    ("overlay", "endpoints: {aggregate: {path_maping: x}}"),
    ("overlay", "endpoints: {aggregate: {path_mapping: null}}"),
    ("overlay", "endpoints: null"),
    ("overlay", "endpoints: {aggregate: {request_method: FETCH}}"),
    ("overlay", "version: 2"),
    ("case", "{}"),
    ("case", "description: ''"),
    ("case", "{description: x, status: '404'}"),
    ("case", "{description: x, querry: a}"),
    ("case", "{description: x, on_invalid: ignore}"),
    ("case", "{description: x, raises: KeyError}"),
    ("case", "{description: x, raises: {error: QueryError, text: y}}"),
    ("case", "{description: x, headers: {a: 1}}"),
    ("mapping", "{version: 1, integration: gong, unified_model: m, resource: r}"),
    ("resource", "{version: 1}"),
]


@pytest.mark.parametrize(("kind", "text"), MISTAKES)
def test_the_usual_mistakes_do_not_fit(kind, text):
    assert not fits(kind, text)


@pytest.mark.parametrize(
    "text",
    [
        "description: x",
        "{description: x, query: 'a=1', now: '2026-01-01T00:00:00Z', context: {time_zone: UTC}, status: 404}",
        "{description: x, query: {users: ['1']}, method: get, id: '7', format: stream, overlays: [a.yaml]}",
        "{description: x, raises: ProviderError, headers: {retry-after: '3'}}",
        "{description: x, raises: {error: ProviderError, retry_after: null, codes: [P601]}}",
    ],
)
def test_a_case_has_the_keys_of_the_page_about_the_format(text):
    assert fits("case", text)


def mapped(**keys):
    endpoint = {"path_mapping": '"/x"', "response_mapping": {"id": "id"}} | keys
    head = {"version": 1, "integration": "gong", "unified_model": "conversational-intelligence", "resource": "activity"}
    return head | {"endpoints": {"all": endpoint}}


def test_the_schema_of_a_resource_s_mappings_knows_its_fields():
    assert fits("activity", mapped(response_mapping={"id": "id", "user": {"id": "x"}, "metrics": "$merge([a, b])"}))
    assert fits("activity", mapped(response_mapping="$row"))
    assert fits("activity", mapped(response_mapping={"user": {"emails": [{"email": "x"}]}}))
    assert not fits("activity", mapped(response_mapping={"ident": "id"}))
    assert not fits("activity", mapped(response_mapping={"user": {"idd": "id"}}))
    assert not fits("activity", mapped(response_mapping={"id": None}))
    assert not fits("activity", mapped() | {"resource": "activities"})
    assert not fits("activity", mapped(method="delete"))


def test_the_schema_of_a_resource_s_mappings_describes_fields_and_parameters():
    endpoint = SCHEMAS["activity"]["$defs"]["EndpointDocument"]["properties"]
    fields = endpoint["response_mapping"]["anyOf"][0]["properties"]
    assert fields["start_time"]["description"].startswith("string, date-time. When the counted period begins")
    assert fields["user"]["anyOf"][0]["properties"]["id"]["description"] == "required string. Identifies the user."
    assert "day | week | month | total" in fields["aggregation_period"]["description"]
    assert "remote_data" not in fields
    assert "$query.start_time, $query.end_time" in endpoint["when"]["description"]
    days = SCHEMAS["activity"]["$defs"]["WholeDaysDocument"]["properties"]["parameters"]
    assert [*days["properties"]] == ["start_time", "end_time"]


def test_every_key_of_a_case_is_described():
    for node in nodes(SCHEMAS["case"]):
        for name, one in node.get("properties", {}).items():
            assert one.get("description"), name


def test_the_files_for_editors_are_beside_the_schemas():
    assert {path.name for path in Path(HOME / "schemas").glob("*.json")} == {
        "case.schema.json",
        "mapping.schema.json",
        "overlay.schema.json",
        "resource.schema.json",
    }
