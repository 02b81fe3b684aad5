"""The files that are generated from a resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import openapi_spec_validator
import pytest
from answers import answers, chosen, document, operations, schema_of
from records import DEBUG, NAME, RECORD, RESOURCE, STORED

from truto_mapper import ProviderError, QueryError, Response, load
from truto_mapper.resource.openapi import Served, artefacts, openapi, service, typed_dicts
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
    assert list(responses) == [
        "200",
        "400",
        "401",
        "403",
        "404",
        "406",
        "413",
        "429",
        "500",
        "502",
        "503",
        "504",
        "default",
    ]
    assert list(responses["200"]["content"]) == ["application/json", "application/x-ndjson", "*/*"]
    assert list(responses["200"]["headers"]) == ["x-request-id", *RATES, "x-diagnostic-codes"]
    problems = openapi(RESOURCE)["components"]["responses"]
    assert list(problems["Problem429"]["headers"]) == ["x-request-id", *RATES, "retry-after"]
    assert list(problems["Problem401"]["content"]) == ["application/problem+json"]


RATES = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
MAPPERS = [load(f"gong/{name}") for name in ("activity", "interactions", "users")]
SERVICE = document(MAPPERS)
OPERATIONS = operations(SERVICE)


@cache
def component(*names):
    return schema_of(SERVICE, *names)


def names_at(operation_id, media="application/json"):
    """The components of the answers of an operation."""
    schema = OPERATIONS[operation_id]["responses"]["200"]["content"][media]["schema"]
    return [one["$ref"].rpartition("/")[2] for one in schema["anyOf"]]


def test_the_document_of_a_service_is_valid_and_the_same_in_any_order():
    openapi_spec_validator.validate(SERVICE)
    assert document(MAPPERS[::-1]) == SERVICE
    assert list(OPERATIONS) == ["list_activity", "list_interactions", "list_users", "get_users"]
    assert (SERVICE["servers"], SERVICE["security"]) == ([{"url": "https://unified.example.com"}], [{"bearer": []}])


def test_every_component_has_its_own_title():
    for made in (SERVICE, openapi(RESOURCE)):
        assert {name: one["title"] for name, one in made["components"]["schemas"].items()} == {
            name: name for name in made["components"]["schemas"]
        }


#: Golden cases about replies that are not what the provider's schema says.
WRONG = {"invalid-discard-record", "invalid-discard-value", "invalid-row", "metric-without-name", "no-user-id", "no-id"}
WRONG |= {"nulls-everywhere", "get-invalid-discard-value"}


def test_each_page_of_the_golden_cases_fits_the_schema_of_its_format():
    seen, bad = set(), []
    for case, operation_id, query, body in answers(ROOT / "mappings"):
        name = chosen(SERVICE, OPERATIONS[operation_id], query, body)
        seen.add(name)
        if name.endswith("Lines"):
            line = SERVICE["components"]["schemas"][name]["contentSchema"]["$ref"].rpartition("/")[2]
            found = [one for text in body.splitlines() for one in component(line).problems(json.loads(text))]
        else:
            found = component(name).problems(body)
        if found and not (name.startswith("Raw") and case.removesuffix(" as raw") in WRONG):
            bad.append((case, name, found[0]))
    assert bad == []
    assert {"ActivityList", "DebugActivityPartMap", "NormalizedUserMap", "RawGetUser", "UserPartLines"} <= seen


FITTING = [
    (RECORD, {"Activity", "ActivityPart"}),
    (STORED, {"NormalizedActivity", "NormalizedActivityPart"}),
    ({"user": {"id": "1"}}, {"ActivityPart", "NormalizedActivityPart"}),
]


@pytest.mark.parametrize(("record", "kinds"), FITTING)
@pytest.mark.parametrize("ending", ["List", "Map"])
def test_an_answer_of_one_format_is_none_of_the_others(record, kinds, ending):
    body = {"result": [record] if ending == "List" else {"a": record}, "next_cursor": None}
    assert {name for name in names_at("list_activity") if component(name).valid(body)} == {
        f"{k}{ending}" for k in kinds
    }
    debug = {f"Debug{kind}{ending}" for kind in kinds if not kind.startswith("Normalized")}
    body |= {"debug": DEBUG}
    assert {name for name in names_at("list_activity") if component(name).valid(body)} == debug


@pytest.mark.parametrize(
    "body",
    [
        {"result": [], "next_cursor": None, "more": 1},
        {"result": [{"id": 1}], "next_cursor": None},
        {"result": 5, "next_cursor": None},
        {"result": [], "next_cursor": 7},
        {"result": [{"id": "1", "nickname": "x"}], "next_cursor": None},
        {"requestId": 5},
        [{"id": "1"}],
        "text",
    ],
)
def test_an_answer_that_no_format_has_fits_none(body):
    assert not any(component(name).valid(body) for name in names_at("list_activity"))


def test_an_answer_in_the_debug_format_says_debug_even_if_it_is_null():
    body = {"result": [], "next_cursor": None}
    assert [problem.message for problem in component("DebugActivityList").problems(body)] == ["`debug` is missing"]
    assert component("DebugActivityList").valid(body | {"debug": None})
    assert not component("ActivityList").valid(body | {"debug": None})


def test_one_record_is_itself_or_null_if_nothing_was_asked():
    assert component("User").valid({"id": "1"})
    assert not component("User").valid({"name": "Jo"})
    assert component("UserPart").valid({"name": "Jo"})
    assert component("DebugUser").valid({"result": {"id": "1"}, "debug": {"requestUrl": "/v2/users/1"}})
    assert component("NoUser").valid(None)
    assert not component("User", "UserPart", "NormalizedUser").valid(None)


def test_the_bodies_of_the_provider_are_those_that_the_mapping_knows():
    raw = SERVICE["components"]["schemas"]["RawActivityList"]
    assert [one.get("$ref", "").rpartition("/")[2] for one in raw["anyOf"]][:3] == [
        "GongAggregate",
        "GongByPeriod",
        "GongDayByDay",
    ]
    assert openapi(RESOURCE)["components"]["schemas"]["RawActivityList"].get("anyOf") is None


def test_an_error_is_a_problem_of_the_document():
    where = Source("mapping.yaml", "a: b\n")
    node = yaml_tree.parse(where)
    found = [node.at(["a"]).diagnostic("M106", "no", hint="yes"), Diagnostic("Q502", "no", "note", pointer="/a")]
    refused = ProviderError(Diagnostic("P601", "busy"), status=503)
    refused.response = Response("<html>", 503)
    for error in (QueryError(found), refused, ProviderError(Diagnostic("P604", "no end"))):
        assert component("Problem").problems(error.problem()) == []
    assert not component("Problem").valid({"status": 400, "message": "no"})


def test_a_resource_of_several_integrations_is_there_once_and_titles_that_are_taken_get_the_model_before_them():
    other = RESOURCE._replace(unified_model="crm", methods={"list": RESOURCE.methods["list"]._replace(path="/crm/a")})
    known = Served(RESOURCE, None, {"list": {"a/b": {"$defs": {"c/d": {"type": "string"}}, "$ref": "#/$defs/c~1d"}}})
    made = service(
        [Served(other), known, Served(RESOURCE, None, {"list": {"a/b": {"properties": {"x": {"$ref": "#"}}}}})]
    )
    openapi_spec_validator.validate(made)
    assert list(operations(made)) == ["list_activity", "list_crm_activity"]
    schemas = made["components"]["schemas"]
    assert {"ConversationalIntelligenceActivityList", "CrmActivityList"} <= schemas.keys()
    assert schemas["AB"] == {"title": "AB", "$ref": "#/components/schemas/ABCD"}
    assert schemas["AB2"] == {"title": "AB2", "properties": {"x": {"$ref": "#/components/schemas/AB2"}}}
    half = service([known, Served(RESOURCE)])  # one integration's replies are not known
    assert "anyOf" not in half["components"]["schemas"]["RawActivityList"]


def test_a_resource_with_all_methods_has_the_bodies_that_they_take():
    made = document([load(ROOT / "examples/mappings/harbor/contact.yaml")])
    openapi_spec_validator.validate(made)
    assert {"CreateContact", "UpdateContact"} <= made["components"]["schemas"].keys()
    assert "204" in operations(made)["delete_contact"]["responses"]


def test_generation_gives_the_same_text_each_time():
    again = Resource.parse(Source("again", (ROOT / "schemas" / f"{NAME}.yaml").read_text()))
    assert artefacts(again) == artefacts(RESOURCE)


SNIPPET = """
from truto_mapper.resource.activity import Activity, ActivityUser, ActivityUserEmail, ActivityMetrics
def use(record: Activity) -> int:
    {statement}
"""


STATEMENTS = {
    'return record["metrics"]["calls_hosted"]': None,
    'return len(record["user"]["emails"][0]["email"])': None,
    'return record["metrics"]["calls_hostd"]': 'no key "calls_hostd"',
    'record["aggregation_period"] = "year"; return 1': 'expected "Literal[',
    'a: Activity = {"id": "1"}; return 1': None,
    "a: Activity = {}; return 1": 'Missing key "id"',
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says of each statement. It is another process, for mypy changes how its own collects garbage."""
    folder = tmp_path_factory.mktemp("snippets")
    files = {statement: folder / f"of_{number}.py" for number, statement in enumerate(STATEMENTS)}
    for statement, file in files.items():
        file.write_text(SNIPPET.format(statement=statement))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", folder / "cache"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run([*command, *files.values()], capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    return {statement: [one for one in lines if f"{file.name}:" in one] for statement, file in files.items()}


@pytest.mark.parametrize(("statement", "complaint"), STATEMENTS.items())
def test_a_type_checker_knows_the_record(statement, complaint, complaints):
    said = "\n".join(complaints[statement])
    assert complaint in said if complaint is not None else not said
