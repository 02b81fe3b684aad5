"""The mock of any mapping: what golden cases recorded, else samples of the provider's schemas."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_company import Asker

import truto_mapper
from truto_mapper import load
from truto_mapper.authoring import golden
from truto_mapper.edges.mock.replay import replay
from truto_mapper.edges.mock.samples import sample
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text import files
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

ROOT = Path(truto_mapper.__file__).parents[1]
MAPPINGS = sorted([*(files.home() / "mappings").glob("*/*.yaml"), *(ROOT / "examples/mappings").glob("*/*.yaml")])
if not (ROOT / "examples").is_dir():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

CONTACTS = ROOT / "examples" / "mappings" / "harbor" / "contact.yaml"


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def contacts(runner):
    return Asker(replay(CONTACTS), runner)


def asked(path):
    """The requests that the cases of a mapping expect and answer, with the case."""
    for folder in golden.folders(path):
        case = golden.read(folder)
        if case.is_answered and "request.json" in case.expected:
            yield case, json.loads(case.expected["request.json"])


def by_name(path):
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", MAPPINGS, ids=by_name)
def test_what_a_case_expects_is_answered_with_a_reply_to_the_same_request(runner, path):
    ask, payloads = Asker(replay(path), runner), {}
    for case, request in asked(path):
        payloads.setdefault(json.dumps(request, sort_keys=True), []).append((case.settings.status, case.payload))
    for request in [*payloads][::8]:
        sent = json.loads(request)
        body = {} if sent["body"] is None else {"json": sent["body"]}
        reply = ask(sent["method"], sent["path"], params=sent["params"], **body)
        found = [payload for status, payload in payloads[request] if status == reply.status_code]
        assert found
        assert any(one == (reply.content if isinstance(one, bytes) else one and reply.json()) for one in found)


@pytest.mark.parametrize("path", MAPPINGS, ids=by_name)
def test_samples_fit_their_schemas(path):
    for endpoint in load(path).mapping.endpoints:
        for one in (endpoint, *endpoint.joins):
            if one.source is not None:
                schema = json.loads(one.source.text)
                assert Schema(schema).problems(sample(schema)) == []


def test_a_sample_of_the_whole_mapping_is_one_record_and_the_last_page(runner):
    ask = Asker(replay(files.home() / "mappings/gong/activity.yaml"), runner)
    query = "start_time=2024-01-01T00:00:00Z&end_time=2024-01-05T00:00:00Z&aggregation_period=total"
    (page,) = ask.pages(load("gong/activity"), query, on_invalid="discard_value")
    assert len(page.records) == 1


def test_a_case_is_chosen_by_its_name(contacts):
    known = {case.name for case, _ in asked(CONTACTS)}
    for case, request in asked(CONTACTS):
        reply = contacts(request["method"], request["path"], headers={"X-Mock-Case": case.name})
        assert reply.status_code == case.settings.status
    reply = contacts("GET", "/", headers={"X-Mock-Case": "nonsense"})
    assert reply.status_code == 404
    assert min(known) in reply.text


def test_what_no_endpoint_asks_for_is_a_404_that_says_what_is_asked_for(contacts):
    reply = contacts("GET", "/nowhere")
    assert reply.status_code == 404
    assert "No endpoint of the mapping asks for GET /nowhere" in reply.text
    assert "/api/contacts" in reply.text


def test_a_body_that_is_not_json_is_compared_as_text(contacts):
    reply = contacts("POST", "/api/contacts", content=b"name=Ada")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")


def test_an_id_may_hold_what_a_path_encodes(contacts):
    reply = contacts("GET", "/api/contacts/a%2Fb%3Fc")
    assert (reply.status_code, "id" in reply.text) == (200, True)
    assert contacts("GET", "/api/contacts/a/b").status_code == 404


def test_a_deletion_without_a_case_has_no_body(contacts):
    reply = contacts("DELETE", "/api/contacts/unheard-of")
    assert (reply.status_code, reply.content) == (204, b"")


def test_what_has_neither_a_case_nor_a_schema_in_json_says_so(runner):
    ask = Asker(replay(ROOT / "examples/mappings/tally/employee.yaml"), runner)
    reply = ask("GET", "/exports/employees.csv", params={"colour": "red"})
    assert reply.status_code == 404
    assert "no golden case has this request" in reply.text


def test_faults_strike_here_too(runner):
    ask = Asker(replay(CONTACTS, faults=Source("f.yaml", "rules: [{path: /api/*, fault: 503}]")), runner)
    assert ask("GET", "/api/contacts").status_code == 503
    assert ask("GET", "/nowhere").status_code == 404


def test_a_refusal_has_the_words_that_a_case_recorded(runner):
    ask = Asker(replay("gong/users"), runner)
    reply = ask("GET", "/v2/users", headers={"X-Mock-Fault": "{fault: 429, retry_after: 9}"})
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "9")
    assert reply.json() == {"requestId": "4al018gzaztcr8nbukw", "errors": ["API request limit exceeded"]}


def test_a_fault_of_pages_is_refused_where_there_are_none(contacts):
    reply = contacts("GET", "/api/contacts", headers={"X-Mock-Fault": "changed"})
    assert (reply.status_code, "only the mock of Gong" in reply.text) == (400, True)
    with pytest.raises(MappingError) as found:
        replay(CONTACTS, faults=Source("f.yaml", "rules:\n  - {fault: repeat-cursor}\n"))
    assert "f.yaml:2:13" in str(found.value)


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": ["null", "string"], "format": "date-time"},
            {"type": "string", "pattern": "^[0-9]{1,20}$"},
            {"type": "string", "minLength": 50},
            {"type": "integer", "minimum": 7},
            {"type": "number", "maximum": -2},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": [None, "a", 1]},
            {"const": {"a": []}},
            {},
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries(
            {"properties": st.dictionaries(st.sampled_from("abc"), inner), "required": st.just(["a"])}
        ).filter(lambda one: "a" in one["properties"]),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=1)}),
    ),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None)
@given(SCHEMAS)
def test_a_sample_fits_whatever_the_schema_is(schema):
    assert Schema(schema).problems(sample(schema)) == []


def test_a_schema_that_refers_to_itself_has_a_sample():
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}, "children": {"items": {"$ref": "#"}}}}
    assert Schema(schema).problems(sample(schema)) == []


def test_what_ends_a_list_is_left_out_of_a_sample():
    schema = {"properties": {"next": {"type": "string"}, "rows": {"items": {"type": "string"}}}}
    assert sample(schema, {("next",)}) == {"rows": ["text"]}
