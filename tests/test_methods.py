"""The methods of a resource: get, create, update and delete beside list."""

from __future__ import annotations

import json
from pathlib import Path

import openapi_spec_validator
import pytest
from typer.testing import CliRunner

from truto_mapper import EvaluationError, MapperError, MappingError, ProviderError, QueryError, Response, load
from truto_mapper.authoring import check, coverage, golden
from truto_mapper.authoring.diff.mappings import mappings as changed_mappings
from truto_mapper.authoring.diff.specs import resources as changed_specs
from truto_mapper.authoring.explain import explain
from truto_mapper.edges import cli
from truto_mapper.resource.openapi import artefacts, openapi
from truto_mapper.resource.spec import Resource
from truto_mapper.text.source import Source

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
description: A person.
integrations: [acme]
methods:
  list: {http_method: GET, path: /unified/crm/contact}
  get: {http_method: GET, path: "/unified/crm/contact/{id}"}
  create: {http_method: POST, path: /unified/crm/contact}
  update: {http_method: PATCH, path: "/unified/crm/contact/{id}"}
  delete: {http_method: DELETE, path: "/unified/crm/contact/{id}"}
parameters:
  stage: {type: string, methods: [list]}
  limit: {type: integer, minimum: 1, methods: [list]}
  next_cursor: {type: string, methods: [list]}
  truto_response_format: {type: string, enum: [unified, raw, normalized, stream, debug]}
  truto_exclude_fields: {type: array, items: {type: string}}
  remote_query: {type: object}
fields:
  id: {type: string, required: true, read_only: true}
  name: {type: string, required: create}
  title: {type: string, nullable: true}
  stage: {type: string, enum: [new, won]}
  score: {type: number, minimum: 0}
  emails:
    type: array
    items:
      type: object
      fields:
        email: {type: string, required: true}
        verified: {type: boolean, read_only: true}
  created_at: {type: string, format: date-time, read_only: true}
  remote_data: {type: any}
response:
  result: {type: array, items: {type: object}}
  next_cursor: {type: string, nullable: true}
"""

MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
error_mapping: {message: message, request_id: request}
endpoints:
  all:
    path_mapping: '"/contacts"'
    for_each: {c: data}
    next_cursor: next
    response_mapping: &record
      id: $string(id)
      name: name
      title: title
      stage: stage
      emails: mails.{"email":$}
  one:
    method: get
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    query_mapping: {full: 'true'}
    response_mapping: *record
  new:
    method: create
    request_method: POST
    path_mapping: '"/contacts"'
    request_body_mapping:
      name: $body.name
      title: $body.title
      mails: $body.emails.email
    response_mapping:
      id: $string(id)
      name: name ?? $body.name
  change:
    method: update
    request_method: PATCH
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    request_body_mapping: {name: $body.name, title: $body.title}
    response_mapping: {id: $id, name: $body.name}
  gone:
    method: delete
    request_method: DELETE
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    error_when: error
"""


@pytest.fixture
def project(tmp_path):
    """A function that writes a project, with edits of its mapping and spec, and returns its mapper."""

    def made(*edits, spec=()):
        for folder in ("schemas/crm", "mappings/acme"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas/crm/contact.yaml").write_text(_edited(SPEC, spec))
        path = tmp_path / "mappings/acme/contact.yaml"
        path.write_text(_edited(MAPPING, edits))
        return load(path, cache=False)

    return made


def _edited(text, edits):
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def answered(mapper, response, query="", **asked):
    """The request of an exchange, and its page."""
    exchange = mapper.exchange(query, **asked)
    request = next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(response)
    return request, end.value.value


def refused(call, *given, **asked):
    with pytest.raises(MapperError) as caught:
        call(*given, **asked)
    return caught.value


BODY = {"id": 7, "name": "Ann", "mails": ["a@x.io", "b@x.io"]}
RECORD = {"id": "7", "name": "Ann", "emails": [{"email": "a@x.io"}, {"email": "b@x.io"}]}


# get


def test_get_asks_for_one_id_and_gives_the_record_itself(project):
    request, page = answered(project(), Response(BODY), method="get", id="7")
    assert (request.method, request.path, request.params) == ("GET", "/contacts/7", {"full": "true"})
    assert page.records == ({**RECORD, "remote_data": BODY},)
    assert page.record == page.render() == {**RECORD, "remote_data": BODY}
    assert (page.method, page.next_cursor) == ("get", None)


@pytest.mark.parametrize("given", [7, "7"])
def test_an_id_may_be_text_or_an_integer_and_is_bound_as_text(project, given):
    assert project().plan("", method="get", id=given).path == "/contacts/7"


def test_an_id_goes_into_the_path_as_the_mapping_writes_it(project):
    mapper = project()
    assert mapper.plan("", method="get", id="a/b?c#é").path == "/contacts/a%2Fb%3Fc%23%C3%A9"
    unescaped = project(('"/contacts/" & $encodeUrlComponent($id)\'\n    query', '"/contacts/" & $id\'\n    query'))
    assert refused(unescaped.plan, "", method="get", id="a?b").code == "D406"


def test_each_format_of_a_single_record(project):
    mapper = project()
    query = "truto_exclude_fields=emails"
    _, page = answered(mapper, Response(BODY, 200, {"x-id": "r1"}), query, method="get", id="7")
    assert page.render("unified") == {"id": "7", "name": "Ann", "remote_data": BODY}
    assert page.render("normalized")["title"] is None
    assert json.loads(page.render("stream")) == page.render("unified")
    assert page.render("raw") == BODY
    debug = page.render("debug")
    assert debug["result"] == page.render("unified")
    assert list(debug) == ["result", "debug"]
    assert debug["debug"]["requestUrl"] == "/contacts/7?full=true"
    assert list(debug["debug"]) == ["requestUrl", "requestOptions", "data", "responseHeaders"]
    encoded = mapper.map_bytes(json.dumps(BODY).encode(), query=page.query)
    assert json.loads(encoded.body) == page.render()
    assert encoded.count == 1


def test_a_refusal_of_get_keeps_its_status(project):
    error = refused(answered, project(), Response({"message": "no such contact"}, 404), method="get", id=7)
    assert isinstance(error, ProviderError)
    assert (error.status, error.code) == (404, "P601")
    assert "no such contact" in str(error)


WITH_LOOP = ("query_mapping: {full: 'true'}", "for_each: {c: data}")


def test_a_reply_to_get_without_a_record_is_a_404_and_one_with_several_a_502(project):
    mapper = project(WITH_LOOP)
    error = refused(answered, mapper, Response({"data": []}), method="get", id=7)
    assert (error.code, error.status) == ("P611", 404)
    error = refused(answered, mapper, Response({"data": [BODY, BODY]}), method="get", id=7)
    assert (error.code, error.status) == ("P611", 502)
    _, page = answered(mapper, Response({"data": [BODY]}), method="get", id=7)
    assert page.record["id"] == "7"


def test_a_refusal_that_means_no_records_is_a_404_of_get(project):
    mapper = project((WITH_LOOP[0], "empty_when: $status in [204, 410]"))
    for response in (Response({"message": "gone"}, 410), Response(b"", 204)):
        error = refused(answered, mapper, response, method="get", id=7)
        assert (error.code, error.status) == ("P611", 404)


def test_an_invalid_record_of_get_is_told_or_discarded(project):
    mapper = project()
    error = refused(answered, mapper, Response({**BODY, "stage": "lost"}), method="get", id=7)
    assert isinstance(error, EvaluationError)
    _, page = answered(mapper, Response({"name": "Ann"}), method="get", id=7, on_invalid="discard_record")
    assert (page.record, page.render(), len(page.rejected)) == (None, None, 1)
    _, page = answered(mapper, Response({**BODY, "stage": "lost"}), method="get", id=7, on_invalid="discard_value")
    assert page.record == {**RECORD, "remote_data": {**BODY, "stage": "lost"}}


def test_a_stored_reply_is_mapped_as_that_of_a_method(project):
    mapper = project()
    assert mapper.map(BODY, method="get").record["id"] == "7"
    assert mapper.map({"x": 1}, method="update", id=9, on_invalid="discard_record").record == {
        "id": "9",
        "remote_data": {"x": 1},
    }
    assert json.loads(mapper.map_bytes(json.dumps(BODY).encode(), method="get").body)["id"] == "7"


# create, update, delete


def test_create_sends_the_mapped_body_and_gives_the_new_record(project):
    body = {"name": "Ann", "emails": [{"email": "a@x.io"}]}
    request, page = answered(project(), Response({"id": 8}, 201), method="create", body=body)
    assert (request.method, request.path) == ("POST", "/contacts")
    assert request.body == {"name": "Ann", "mails": "a@x.io"}
    assert page.render() == {"id": "8", "name": "Ann", "remote_data": {"id": 8}}


@pytest.mark.parametrize("reply", [b"", None, {}])
def test_an_empty_reply_to_update_is_a_record_of_what_is_known(project, reply):
    request, page = answered(project(), Response(reply, 204), method="update", id="a/b", body={"name": "Bo"})
    assert (request.method, request.path, request.body) == ("PATCH", "/contacts/a%2Fb", {"name": "Bo"})
    assert page.record == {"id": "a/b", "name": "Bo", "remote_data": {}}


def test_a_null_of_the_body_is_sent_where_the_field_may_be_null(project):
    request = project().plan("", method="update", id=1, body={"title": None})
    assert request.body == {"title": None}
    assert "expected a string, got null" in str(refused(project().plan, "", method="update", id=1, body={"name": None}))


@pytest.mark.parametrize("response", [Response(b"", 204), Response({"ok": True}), Response([], 200), Response(None)])
def test_delete_gives_nothing(project, response):
    request, page = answered(project(), response, method="delete", id=7)
    assert (request.method, request.path, request.body) == ("DELETE", "/contacts/7", None)
    assert (page.records, page.render(), page.diagnostics) == ((), None, ())
    assert page.render("debug")["result"] is None


@pytest.mark.parametrize("body", [b"OK", "OK", b"<html>"])
def test_a_text_in_answer_to_delete_is_told_where_it_could_be_a_failure(project, body):
    _, page = answered(project(), Response(body), method="delete", id=7)
    assert [(one.code, one.severity) for one in page.diagnostics] == [("P602", "warning")]
    _, page = answered(project(("    error_when: error\n", "")), Response(body, 202), method="delete", id=7)
    assert (page.render(), page.diagnostics) == (None, ())


@pytest.mark.parametrize("response", [Response({"message": "no"}, 403), Response({"error": "no", "message": "no"})])
def test_a_refusal_of_delete_is_an_error(project, response):
    error = refused(answered, project(), response, method="delete", id=7)
    assert (type(error), error.code) == (ProviderError, "P601")


# What callers do wrong


def test_every_problem_of_a_body_is_told_with_its_place(project):
    body = {"id": "7", "nam": 1, "score": -1, "stage": "x", "emails": [{"e": 1}, {"email": "a", "verified": True}]}
    error = refused(project().plan, "", method="create", body=body)
    assert isinstance(error, QueryError)
    assert {one.code for one in error.diagnostics} == {"Q518"}
    assert {one.pointer for one in error.diagnostics} == {
        "",
        "/id",
        "/nam",
        "/score",
        "/stage",
        "/emails/0",
        "/emails/0/e",
        "/emails/1/verified",
    }
    hints = {one.pointer: one.hint for one in error.diagnostics}
    assert hints["/nam"] == "did you mean `name`?"


def test_an_update_needs_no_field_but_whole_objects(project):
    assert project().plan("", method="update", id=1, body={}).body == {}
    error = refused(project().plan, "", method="update", id=1, body={"emails": [{}]})
    assert [(one.code, one.pointer) for one in error.diagnostics] == [("Q518", "/emails/0")]


LOOP = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "needs a body"),
        ([1], "must be an object"),
        ("{}", "must be an object"),
        ({"name": float("nan")}, "JSON has no such value: nan"),
        ({"name": "\ud800"}, "half of a surrogate pair"),
        ({"name": {1, 2}}, "a set has no order"),
        ({1: "x"}, "a name must be text"),
        ({"emails": LOOP}, "nested too deeply"),
        ({"name": b"x"}, "JSON has no such value"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(project, body, says):
    error = refused(project().plan, "", method="create", body=body)
    assert (type(error), error.status, error.code) == (QueryError, 400, "Q518")
    assert says in str(error)


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"method": "get"}, "Q519", "`get` needs the id"),
        ({"method": "get", "id": ""}, "Q519", "id must be text"),
        ({"method": "get", "id": True}, "Q519", "id must be text"),
        ({"method": "get", "id": 1.5}, "Q519", "id must be text"),
        ({"method": "get", "id": "x" * 3000}, "Q519", "id must be text"),
        ({"method": "get", "id": 10**5000}, "Q519", "id must be text"),
        ({"method": "get", "id": "a\nb"}, "Q519", "control characters"),
        ({"method": "get", "id": ".."}, "Q519", "must not have `.` or `..` as a part"),
        ({"method": "get", "id": "a/../b"}, "Q519", "must not have `.` or `..` as a part"),
        ({"method": "get", "id": "\ud800"}, "Q519", "half of a surrogate pair"),
        ({"id": 7}, "Q519", "`list` takes no id"),
        ({"method": "create", "body": {"name": "x"}, "id": 7}, "Q519", "`create` takes no id"),
        ({"method": "get", "id": 7, "body": {}}, "Q519", "`get` takes no body"),
        ({"method": "put", "id": 7}, "Q519", "no method"),
        ({"method": "delete"}, "Q519", "`delete` needs the id"),
    ],
)
def test_what_a_method_does_not_take_or_lacks_is_refused(project, asked, code, says):
    error = refused(project().plan, "", **asked)
    assert (type(error), error.code) == (QueryError, code)
    assert says in str(error)


def test_a_method_takes_only_its_own_parameters(project):
    error = refused(project().plan, "limit=5&stage=x&foo=1", method="get", id=7)
    assert [one.message for one in error.diagnostics] == [
        "`get` of crm/contact does not take limit",
        "`get` of crm/contact does not take stage",
        'crm/contact has no query parameter "foo"',
    ]


def test_a_method_that_the_mapping_lacks_is_refused(project):
    mapper = project((MAPPING[MAPPING.index("  gone:") :], ""))
    error = refused(mapper.plan, "", method="delete", id=7)
    assert (error.code, error.status) == ("Q519", 400)
    assert "does not map `delete`, only list, get, create, update" in str(error)


def test_a_planned_query_keeps_its_method_and_refuses_another(project):
    mapper = project()
    query = mapper.plan("", method="get", id=7).query
    assert mapper.plan(query).path == "/contacts/7"
    assert mapper.map(BODY, query=query).record["id"] == "7"
    assert refused(mapper.map, BODY, query=query, method="list").code == "Q515"


def test_a_remote_query_goes_along_with_every_method(project):
    query = {"remote_query": {"expand": "owner"}}
    assert project().plan(query, method="get", id=7).params == {"full": "true", "expand": "owner"}


# Specs and mappings


@pytest.mark.parametrize(
    ("edits", "spec", "says"),
    [
        ([("method: get", "method: fetch")], (), "expected `list`, `get`"),
        ([("    response_mapping: {id: $id, name: $body.name}\n", "")], (), "`response_mapping` is missing"),
        ([("error_when: error", "response_mapping: {id: $id}")], (), "`response_mapping` is never used"),
        ([("{full: 'true'}", "{stage: $query.stage}")], (), "this method takes no query parameter `stage`"),
        ([("query_mapping: {full: 'true'}", "next_cursor: next")], (), "`next_cursor` is for `list`"),
        ([("{id: $id, name: $body.name}", "{id: $id, name: $bod.name}")], (), "$bod is not bound here"),
        ([("id: $string(id)\n      name: name\n", "id: $id\n      name: name\n")], (), "$id is not bound here"),
        ([("\"/contacts\"'\n    for_each", "\"/contacts\" & $body.x'\n    for_each")], (), "$body is not bound here"),
        ([], [('get: {http_method: GET, path: "/unified/crm/contact/{id}"}', "get: {http_method: GET, path: /x}")],
         "the path of `get` needs `{id}` once"),
        ([], [("path: /unified/crm/contact}\n  get", 'path: "/unified/{id}"}\n  get')], "the path of `list` has no"),
        ([], [('/{id}"}\n  create', '/{key}/{id}"}\n  create')], "nothing else in braces"),
        ([], [("methods: [list]}\n  limit", "methods: [find]}\n  limit")], "expected `list`, `get`"),
        ([], [("delete: {http", "list: {http")], "given twice"),
        ([], [("enum: [unified", "read_only: true, enum: [unified")], "`read_only` is for fields"),
        ([], [("limit: {type", "limit: {required: create, type")], "`required: create` is for fields"),
        ([], [("title: {type: string", "title: {methods: [get], type: string")], "`methods` is for parameters"),
    ],
)  # fmt: skip
def test_a_mistake_about_methods_is_refused_with_its_place(project, edits, spec, says):
    with pytest.raises(MappingError) as caught:
        project(*edits, spec=spec)
    found = [one for one in caught.value.diagnostics if says in one.message or says in str(one.hint)]
    assert found, str(caught.value)
    assert all(one.span is not None for one in found)


def test_a_method_that_the_resource_lacks_is_refused(project):
    edits = ('  delete: {http_method: DELETE, path: "/unified/crm/contact/{id}"}\n', "")
    with pytest.raises(MappingError) as caught:
        project(spec=[edits])
    assert "crm/contact has no method `delete`" in str(caught.value)


def test_the_method_of_a_mapping_is_that_of_its_endpoints(project):
    mapper = project(
        (MAPPING[MAPPING.index("  all:") : MAPPING.index("  one:")], ""),
        (MAPPING[MAPPING.index("  new:") :], ""),
        ("endpoints:", "method: get\nendpoints:"),
        ("    method: get\n", ""),
        ("*record", "{id: $id}"),
    )
    assert mapper.plan("", method="get", id=7).path == "/contacts/7"
    assert refused(mapper.plan, "").code == "Q519"


# Generated documents


def test_the_openapi_document_has_every_method():
    resource = Resource.parse(Source("contact.yaml", SPEC))
    document = openapi(resource)
    openapi_spec_validator.validate(document)
    found = {(path, verb): one for path, verbs in document["paths"].items() for verb, one in verbs.items()}
    assert [one["operationId"] for one in found.values()] == [
        "list_contact",
        "create_contact",
        "get_contact",
        "update_contact",
        "delete_contact",
    ]
    get = found["/unified/crm/contact/{id}", "get"]
    assert [one["name"] for one in get["parameters"]][:2] == ["id", "truto_response_format"]
    body = found["/unified/crm/contact/{id}", "patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/UpdateContact"}
    assert "204" in found["/unified/crm/contact/{id}", "delete"]["responses"]


def test_the_schemas_of_bodies_leave_out_what_is_read_only():
    made = artefacts(Resource.parse(Source("contact.yaml", SPEC)))
    create, update = (json.loads(made[f"contact.{kind}.schema.json"]) for kind in ("create", "update"))
    assert list(create["properties"]) == list(update["properties"]) == ["name", "title", "stage", "score", "emails"]
    assert (create["required"], update["required"]) == (["name"], [])
    items = update["properties"]["emails"]["items"]
    assert (list(items["properties"]), items["required"]) == (["email"], ["email"])
    assert json.loads(made["contact.record.schema.json"])["required"] == ["id"]


def test_a_resource_without_a_list_has_no_documents_of_one():
    edit = SPEC.index("  list:"), SPEC.index("  get:")
    text = (SPEC[: edit[0]] + SPEC[edit[1] :]).replace(", methods: [list]", "")
    made = artefacts(Resource.parse(Source("contact.yaml", text)))
    assert "contact.list.schema.json" not in made
    openapi_spec_validator.validate(json.loads(made["contact.openapi.json"]))


# Golden cases, explanations and commands

CASES = {
    "get": ({"method": "get", "id": "7"}, BODY, None),
    "create": ({"method": "create"}, {"id": 8}, {"name": "Ann", "emails": [{"email": "ann@x.io"}]}),
    "delete": ({"method": "delete", "id": "7"}, {"done": True}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_a_method_is_recorded_and_passes(project, tmp_path, name):
    project()
    path = tmp_path / "mappings/acme/contact.yaml"
    settings, payload, body = CASES[name]
    given = {"description": "x"} | settings | ({} if body is None else {"body": body})
    made = golden.record(path, name, payload, given)
    files = {one.name for one in made.case.folder.iterdir()}
    assert files == {"case.yaml", "payload.json", "request.json", "response.json"} | ({"body.json"} if body else set())
    report = golden.run_all([path])
    assert (report.diagnostics, len(report.passed)) == ([], 1)
    request = json.loads((made.case.folder / "request.json").read_text())
    if body:
        aliased = json.loads((made.case.folder / "body.json").read_text())
        assert aliased["name"] != "Ann"
        assert request["body"]["name"] == aliased["name"]


def test_a_case_tells_what_is_wrong_with_its_body(project, tmp_path):
    project()
    folder = tmp_path / "mappings/acme/contact/new"
    folder.mkdir(parents=True)
    (folder / "case.yaml").write_text("description: x\nmethod: create\n")
    (folder / "body.json").write_text('{"nam": "Ann"}')
    (found,) = golden.run_all([tmp_path / "mappings/acme/contact.yaml"]).diagnostics
    assert "fails with Q518" in found.message


def explained(mapper, pointer, reply, **asked):
    query = mapper.plan("", **asked).query
    found, _ = explain(mapper, reply, pointer, query=query)
    return {one.pointer: one for one in found}


def test_a_value_of_a_single_record_is_explained(project):
    mapper = project()
    found = explained(mapper, "/name", BODY, method="get", id="7")
    assert list(found) == ["/name"]
    assert [read.place for read in found["/name"].reads] == ["/name"]
    assert list(explained(mapper, "", BODY, method="get", id="7"))[:2] == ["/id", "/name"]


def test_a_value_of_a_request_with_a_body_is_explained(project):
    body = {"name": "Ann", "emails": [{"email": "ann@x.io"}]}
    found = explained(project(), "/request/body", {}, method="create", body=body)
    assert found["/request/body/name"].value == "Ann"
    text = "\n".join(one.render() for one in found.values())
    assert '$body.name = "Ann"' in text
    assert "$body.emails.0.email" in text
    path = explained(project(), "/request/path", {}, method="get", id="a/b")["/request/path"]
    assert 'from: $id = "a/b"' in path.render()


def test_coverage_counts_the_endpoints_of_each_method(project, tmp_path):
    mapper = project()
    path = tmp_path / "mappings/acme/contact.yaml"
    before = {unit.name: unit.hits for unit in coverage.measure(mapper, []).units}
    for name, (settings, payload, body) in CASES.items():
        golden.record(path, name, payload, {"description": "x", "body": body} | settings)
    found = coverage.measure(mapper, map(golden.read, golden.folders(path)))
    hits = {unit.name: unit.hits for unit in found.units}
    assert hits.keys() == before.keys()
    assert hits["all: name"]  # it shares its response mapping with `one`
    assert hits["one: its reply"]
    assert hits["new: id"]
    assert not hits["all: data"]


SUM = ("request_body_mapping: {name: $body.name", "request_body_mapping: {name: $sum($body.name)")
PATH = '"/contacts/" & $encodeUrlComponent($id)\'\n    query', '"/contacts/" & $id\'\n    query'
TWICE = "  twice:\n    method: get\n    path_mapping: '\"/x\"'\n    response_mapping: {id: $id}\n  new:\n"


@pytest.mark.parametrize(
    ("edit", "code", "says"),
    [
        (("name: $body.name\n      title", "name: $body.nam\n      title"), "C206", "nam"),
        (("      title: $body.title\n", ""), "C244", "never has `title`, `stage` or `score` of the body"),
        (("name: $body.name}\n  gone", "name: $body.emails}\n  gone"), "C207", "name"),
        (PATH, "C236", "$id"),
        (SUM, "C208", "$sum"),
        (("  new:\n", TWICE), "C210", "`twice` serves no query"),
    ],
)
def test_check_knows_ids_bodies_and_methods(project, edit, code, says):
    found = check.check(project(edit))
    assert [one for one in found if one.code == code and says in one.message], [one.render() for one in found]


def test_check_finds_nothing_wrong_with_right_methods(project):
    assert not [one for one in check.check(project()) if one.severity == "error"]
    assert "gone" not in str([one.message for one in check.check(project())])


def changes(old, new):
    found = changed_specs(Source("old.yaml", old), Source("new.yaml", new))
    return [(one.found.severity, one.found.code, one.found.message) for one in found]


B303, B304, B305 = (("error", code) for code in ("B303", "B304", "B305"))
GONE = '  delete: {http_method: DELETE, path: "/unified/crm/contact/{id}"}\n'


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "stage: {type: string, enum",
            "stage: {required: create, type: string, enum",
            [(*B304, "a body to create: `stage`: required no → yes")],
        ),
        (
            "score: {type: number",
            "score: {read_only: true, type: number",
            [
                (*B303, "a body to create: `score` was removed"),
                (*B303, "a body to update: `score` was removed"),
            ],
        ),
        ("name: {type: string, required: create}", "name: {type: string}", []),
        ("stage: {type: string, methods: [list]}", "stage: {type: string, methods: [list, get]}", []),
        (
            "truto_exclude_fields: {type: array",
            "truto_exclude_fields: {methods: [list], type: array",
            [(*B304, "`truto_exclude_fields`: methods all → list")],
        ),
        (GONE, "", [(*B305, "the method `delete`: DELETE /unified/crm/contact/{id} → removed")]),
    ],
)
def test_diff_knows_methods_and_bodies(old, new, found):
    assert old in SPEC
    breaking = [one for one in changes(SPEC, SPEC.replace(old, new, 1)) if one[0] == "error"]
    assert breaking == found
    assert changes(SPEC, SPEC) == []


def test_an_endpoint_that_serves_another_method_breaks(project):
    before = project()
    edit = ("error_when: error", "response_mapping: {id: $id}")
    after = project(("    method: delete\n", "    method: update\n"), edit)
    found = [(one.found.code, one.found.message) for one in changed_mappings(before, after)]
    assert ("B311", "the endpoint `gone` serves `update`, not `delete`") in found


def test_the_commands_take_a_method_an_id_and_a_body(project, tmp_path, monkeypatch):
    project()
    monkeypatch.chdir(tmp_path)
    Path("body.json").write_text('{"name": "Ann"}')
    Path("reply.json").write_text('{"id": 8}')

    def run(*arguments):
        done = CliRunner().invoke(cli.app, arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    create = ("--method", "create", "--body", "body.json")
    assert run("plan", "acme/contact", *create)["body"] == {"name": "Ann"}
    assert run("map", "acme/contact", "reply.json", *create)["name"] == "Ann"
    assert run("plan", "acme/contact", "--method", "get", "--id", "7")["path"] == "/contacts/7"
    assert run("map", "acme/contact", "reply.json", "--method", "delete", "--id", "7") is None
    shown = run("explain", "acme/contact", "reply.json", "/name", *create, "--format", "json")
    assert shown[0]["value"] == "Ann"
    refused = CliRunner().invoke(cli.app, ["plan", "acme/contact", "--method", "get"])
    assert (refused.exit_code, "Q519" in refused.stderr) == (1, True)
