"""The files that are generated from a resource."""

from __future__ import annotations

import json
from pathlib import Path

import openapi_spec_validator
import pytest
from mypy import api as mypy
from records import DEBUG, NAME, RECORD, RESOURCE, STORED

from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.openapi import artefacts, openapi, typed_dicts
from truto_mapper.resource.spec import Resource, load_resource
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.source import Source

ROOT = Path(__file__).parents[1]
SHIPPED = {name: path for name, path in files.shipped("schemas", ".yaml").items() if "/" in name}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_files_generated_from_a_shipped_resource_are_fresh(name):
    resource, refresh = load_resource(name), f"run: truto-mapper schema {name} --write"
    committed = {path.name: path.read_text() for path in SHIPPED[name].parent.glob(f"{resource.resource}.*.json")}
    assert committed == artefacts(resource), refresh
    types = ROOT / "truto_mapper" / "resource" / f"{resource.resource}.py"
    assert types.read_text() == typed_dicts(resource), refresh
    openapi_spec_validator.validate(openapi(resource))


@pytest.mark.parametrize(
    ("title", "name"), [("User", "User"), ("Call log", "CallLog"), ("2nd", "People"), ("Überweisung", "People")]
)
def test_a_type_is_called_by_the_title_where_that_can_be_a_name(title, name):
    spec = {"version": 1, "unified_model": "crm", "resource": "people", "title": title, "integrations": []}
    methods = {"list": {"http_method": "GET", "path": "/people"}}
    resource = Resource.of(spec | {"methods": methods, "parameters": {}, "fields": {}, "response": {}})
    assert f"class {name}(TypedDict):" in typed_dicts(resource)


def test_generated_types_import_what_they_use():
    def imported(field):
        spec = {"version": 1, "unified_model": "crm", "resource": "deal", "title": "Deal", "integrations": []}
        shape = {"parameters": {}, "fields": {"a": field}, "response": {}}
        methods = {"list": {"http_method": "GET", "path": "/deal"}}
        text = typed_dicts(Resource.of(spec | shape | {"methods": methods}))
        return text.splitlines()[2]

    assert imported({"type": "string", "required": True}) == "from typing import TypedDict"
    assert imported({"type": "any"}) == "from typing import Any, NotRequired, TypedDict"


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
