"""Imports of Truto's mappings: what they become, whether that gives the same, and what is not carried over."""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

import imports
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from imports import CASES, HERE, find_spec
from random_expressions import FIELDS, cases
from random_imports import mappings
from reference import Failure, outcome, same
from typer.testing import CliRunner

from truto_mapper import MISSING, Expression
from truto_mapper.authoring import check, importing
from truto_mapper.authoring.importing import tables
from truto_mapper.authoring.importing.expressions import Target, Translator
from truto_mapper.edges import cli
from truto_mapper.edges.cli import import_command
from truto_mapper.engine import parts
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.errors import MapperError, MappingError, ProviderError
from truto_mapper.text.source import Source


def package():
    """The folder whose `node_modules` have Truto's package, that of $TRUTO_JSONATA if it is set; None without one."""
    folder = Path(os.environ.get("TRUTO_JSONATA", HERE / "bench"))
    return folder if (folder / "node_modules/@truto/truto-jsonata").is_dir() else None


with_package = pytest.mark.skipif(
    shutil.which("node") is None or package() is None,
    reason="imports are not compared with Truto's own engine: that needs Node and "
    "`npm install --no-save --prefix tests/bench @truto/truto-jsonata@3.0.6`",
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


# ── The cases ────────────────────────────────────────────────────────────────────────────────────────────────────


@each_case
def test_a_case_becomes_these_files(case, accept):
    for one in imports.imported(case):
        layer = Path(one.path).suffixes[0] if one.path.startswith("overlays/") else ""
        path = case / f"imported{layer}{'.yaml' if layer != '.yaml' else ''}"
        if accept:
            path.write_text(one.text, "utf-8")
        assert path.read_text("utf-8") == one.text


@each_case
def test_a_case_passes_check(case, tmp_path):
    made = imports.mapper(case, tmp_path)
    assert [one.render() for one in check.check(made) if one.severity == "error"] == []


@each_case
def test_a_case_gives_what_the_original_gives(case, tmp_path):
    made = imports.mapper(case, tmp_path)
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    inputs = imports.about(case)[1]
    found = [
        imports.differences(imports.answered(made, one), theirs, made.resource)
        for one, theirs in zip(inputs, expected, strict=True)
    ]
    assert found == [[] for _ in inputs]


@each_case
@with_package
def test_the_original_gives_what_is_stored(case, accept):
    found = imports.in_node(package())[case]
    assert not [one for one in found if "failed" in one]
    if accept:
        (case / "expected.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert json.loads((case / "expected.json").read_text("utf-8")) == found


@each_case
def test_what_an_import_says_is_a_comment_in_its_file_too(case):
    for one in imports.imported(case):
        for found in one.findings:
            said = words(found.message.partition(": ")[2])
            assert said[1:] in words(one.text), found.render()


def words(text):
    return re.sub(r"[#\s]+", " ", text)


# ── One mapping ──────────────────────────────────────────────────────────────────────────────────────────────────


def row(config, method="list", resource="contacts", **more):
    names = {"unified_model_name": "crm", "resource_name": resource, "integration_name": "acme"}
    return {**names, "method_name": method, "config": config, **more}


def imported(*documents, **options):
    """The first file that documents become."""
    sources = [Source(f"{number}.json", json.dumps(one, indent=1)) for number, one in enumerate(documents)]
    return importing.imported(sources, find_spec, importing.Options(**options))[0]


def endpoint(config, method="list", name=None, **options):
    """An endpoint that a mapping becomes, as data."""
    text = imported(row(config, method), **options).text
    return yaml.safe_load(text)["endpoints"][name or method]


def field(expression, method="get", **options):
    """What the expression of a field becomes, in an object constructor."""
    return endpoint({"response_mapping": f'{{"id": response.id, "name": {expression}}}'}, method, **options)[
        "response_mapping"
    ].get("name")


RENAMED = [
    ("response.first", "$response.first"),
    ("response", "$response"),
    ("$.response.first", "$response.first"),
    ("$$.response.first", "$response.first"),
    ("`response`.`first name`", "$response.`first name`"),
    ("response.response.query", "$response.response.query"),
    ("response.people[query = 1].context", "$response.people[query = 1].context"),
    ("response.people.(query & $$.query.status)", "$response.people.(query & $query.status)"),
    ("response.people[0].{'a': headers, 'b': $$.headers.x}", "$response.people[0].{'a': headers, 'b': $headers.x}"),
    ("$map(response.x, function($p) { $p & query.status })", "$map($response.x, function($p) { $p & $query.status })"),
    ("$map(response.x, function($id) { $id & query.a })", "$map($response.x, function($id2) { $id2 & $query.a })"),
    ("($id := response.id; $id & query.status)", "($id2 := $response.id; $id2 & $query.status)"),
    ("response.x^(query).id", "$response.x^(query).id"),
    ("response.x{query: context}", "$response.x{query: context}"),
    ("response.a /* query */ & ' query '", "$response.a /* query */ & ' query '"),
    ("response.a ? 'query' : undefined", "$response.a ? 'query'"),
    ("[response.a, undefined]", "[$response.a, ()]"),
    ("$exists(query.next_cursor) ? 'next'", "$exists($cursor) ? 'next'"),
    ("headers.`x-id`", "$headers.`x-id`"),
    ("context.site & '/' & response.id", "$context.site & '/' & $response.id"),
    ("$now()", "$now"),
    ("$millis() & ''", "$toMillis($now) & ''"),
    ("$now('[Y]')", "$fromMillis($toMillis($now), '[Y]')"),
    ("$join(response.names)", "$trutoJoin($response.names)"),
    ("$join(['a', 'b' & response.x], ', ')", "$join(['a', 'b' & $response.x], ', ')"),
    ("response.names ~> $join('-')", "$response.names ~> $trutoJoin('-')"),
    ("$map(response.ids, $string)", "$map($response.ids, $trutoString)"),
    ("$string('a' & response.x)", "$string('a' & $response.x)"),
    ("($join := function($x) { $x }; $join(response.a))", "($join := function($x) { $x }; $join($response.a))"),
    ("response.$sift(function($v) { $v != null })", "$response.$sift(function($v) { $v != null })"),
    ("response.$sift(function($v) { $v.a })", "$response.$trutoSift(function($v) { $v.a })"),
    ("$base64encode(response.x)", "$trutoBase64encode($response.x)"),
    ("response.x ~> |$|{'query': context}|", "$response.x ~> |$|{'query': context}|"),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours"), RENAMED, ids=[theirs for theirs, _ in RENAMED])
def test_bindings_become_variables_where_they_are_the_root_of_a_path(theirs, ours):
    table = tables.of_reply("$response", ("next_cursor",), is_http=False, has_body=False)
    assert translated(theirs, table, tables.TAKEN).text == ours


def translated(text, table, taken):
    translator = Translator(Expression(text), taken)
    return translator.part(translator.node, table)


@given(cases())
def test_any_expression_gives_the_same_with_variables_for_the_names_at_its_root(case):
    text, data, _ = case
    table = {(name,): Target(f"${name}") for name in FIELDS}
    try:
        made = translated(text, table, frozenset(FIELDS))
    except MappingError:
        return  # the expression is none
    data = data if isinstance(data, dict) else {"a": data}
    if not made.problems and not re.search(r"\$(join|string|sift|base64encode|now|millis|eval)\b|%", text):
        assert same(outcome(Expression, made.text, MISSING, data), outcome(Expression, text, data, {}))


THINGS = """\
version: 1
unified_model: crm
resource: thing
title: Thing
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/thing}}
parameters: {limit: {type: integer}}
fields:
  id: {type: string, required: true}
  f: {type: any}
  g: {type: any}
  h: {type: object, fields: {x: {type: any}, y: {type: any}}}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""


@settings(max_examples=50)
@given(mappings())
def test_any_mapping_of_a_shape_that_authors_write_gives_what_its_expression_gives(case):
    text, is_item, reply = case
    spec, row_ = (
        Source("thing.yaml", THINGS),
        row({"path_mapping": '"/x"', "response_mapping": text}, resource="things"),
    )
    options = importing.Options(rows="rows" if is_item else None, reading=None if is_item else "array")
    made = importing.imported([Source("a.json", json.dumps(row_))], lambda *_: spec, options)[0]
    items = reply["rows"] if is_item else [reply]
    theirs = [outcome(Expression, text, {"response": one}, {}) for one in items]
    fails = any(isinstance(one, Failure) for one in theirs)
    if fails or any(one.code == "I901" or one.severity == "error" for one in made.findings):
        return  # neither has records, or a part was not carried over
    mapper = Mapper(parts.made([Source("m.yaml", made.text)], lambda _: spec, None, {}), None)
    with contextlib.suppress(ProviderError):  # nothing that the mapping reads is in the reply
        records = mapper.map(reply, query=mapper.plan("").query).records
        assert [imports.record_of(one, mapper.resource.fields) for one in rows_of(theirs)] == [
            imports.record_of(one, mapper.resource.fields) for one in records
        ]


def rows_of(values):
    """The records that values hold: an item each, a list, or a page with its cursor."""
    found = [one.get("result", MISSING) if isinstance(one, dict) and "next_cursor" in one else one for one in values]
    listed = (one if isinstance(one, list) else [one] for one in found)
    return [one for some in listed for one in some if one is not MISSING and one is not None]


def test_the_reading_of_response_is_found_or_forced():
    whole = 'response.records.{"id": Id}'
    assert endpoint({"response_mapping": whole})["for_each"] == {"contact": "records"}
    assert endpoint({"response_mapping": 'response.{"id": Id}'})["for_each"] == {"contact": "$"}
    assert endpoint({"response_mapping": 'response.attributes.{"id": Id}'})["for_each"] == {"contact": "$"}
    assert endpoint({"response_mapping": whole}, rows="data")["for_each"] == {"contact": "data"}
    assert endpoint({"response_mapping": whole, "response_mapping_method": "item"})["for_each"] == {"contact": "$"}
    assert endpoint({"response_mapping": whole}, reading="item", rows="data")["response_mapping"].strip() == (
        '$contact.records.{"id": Id}'
    )
    assert endpoint({"response_mapping": '{"id": response.Id}'}, reading="array")["for_each"] == {
        "contact": '{"id": $.Id}'.replace("$.", "")
    }


ROWS = [
    ("[response.rows.{'id': a}]", "rows", None),
    ("response.rows.{'id': a}[]", "rows", None),
    ("$append([], response.rows.{'id': a})", "rows", None),
    ("response.rows.(b ? null : {'id': a})", "rows[b ? false : true]", "$exists(rows)"),
    ("response.rows.(b = 1 ? {'id': a})", "rows[b = 1]", "$exists(rows)"),
    ("response.rows.(b = 1 ? null : {'id': a})", "rows[$not(b = 1)]", "$exists(rows)"),
    ("response.rows.(b ? (c ? {'id': a} : null))", "rows[b ? true : false][c ? true : false]", "$exists(rows)"),
    ("response.rows[b = 1].{'id': a}", "rows[b = 1]", True),
    ("$filter(response.rows, function($r) { $r.b }).{'id': a}", "$filter(rows, function($r) { $r.b })", True),
    ("response.rows ? response.rows.{'id': a} : []", "rows ? rows : []", True),
    ("($x := response.rows; $x.{'id': a})", "rows", None),
    ("($x := response.data; $x.rows.{'id': a})", "($x := data; $x.rows)", True),
    ("{'result': response.rows.{'id': a}, 'next_cursor': response.next}", "rows", None),
    ("response.{'id': a}", "$", None),
    ("response[b = 1].{'id': a}", "$[b = 1]", True),
    ("response.rows#$i.{'id': a & $i}", "rows#$i.{'id': a & $i}", True),
    ("response.body.rows.{'id': a}", "rows", None),
    ("$map(response.body.rows, function($r) { {'id': $r.a} })", "rows", None),
    ("$filter([response.rows.{'id': a}], $boolean)", "$filter([rows.{'id': a}], $boolean)", True),
    ("$sort(response.rows.{'id': a ? a : null})", "($sort(rows.{'id': a ? a : null}))[$ != null]", True),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "rows", "recognise"), ROWS, ids=[theirs for theirs, *_ in ROWS])
def test_the_rows_of_a_list_are_a_loop(theirs, rows, recognise):
    made = endpoint({"response_mapping": theirs})
    assert (next(iter(made["for_each"].values())).strip(), made.get("recognise")) == (rows, recognise)


def test_a_function_over_the_rows_names_the_row():
    made = endpoint({"response_mapping": "$map(response.rows, function($r) { $r.x = 1 ? null : {'id': $r.a} })"})
    assert made["for_each"] == {"r": "$filter(rows, function($r) { $not($r.x = 1) })"}
    assert made["response_mapping"] == {"id": "$r.a"}
    with_index = endpoint({"response_mapping": "$map(response.rows, function($r, $i) { {'id': $r.a & $i} })"})
    assert with_index["response_mapping"] == "$contact"


def test_a_page_gives_its_cursor_and_nothing_else():
    text = "{'result': response.rows.{'id': a}, 'next_cursor': response.meta.next, 'count': response.n}"
    made = imported(row({"response_mapping": text}))
    assert "next_cursor: meta.next\n" in made.text
    assert "`list.count`: not carried over: a page has no such value here" in said(made)


def said(made):
    return " | ".join(one.message for one in made.findings)


def test_variables_of_a_block_are_names_of_let_and_functions_stay_where_they_are_called():
    text = (
        "($s := context.site; $f := function($x) { $x & $s }; response.rows.($a := b; {'id': $f($a), 'name': $a & c}))"
    )
    made = endpoint({"response_mapping": text})
    assert made["let"] == {"s": "$context.site", "a": "b"}
    assert made["response_mapping"] == {"id": "($f := function($x) { $x & $s }; $f($a))", "name": "$a & c"}


def test_objects_that_are_merged_are_one_if_no_key_occurs_twice():
    assert endpoint({"response_mapping": "$merge([{'id': response.a}, {'name': response.b}])"}, "get")[
        "response_mapping"
    ] == {"id": "$response.a", "name": "$response.b"}
    twice = "$merge([{'id': response.a}, {'id': response.b}])"
    made = endpoint({"response_mapping": twice}, "get")["response_mapping"]
    assert made.strip() == "$merge([{'id': $response.a}, {'id': $response.b}])"


def test_a_record_under_a_condition_stays_whole_where_it_is_the_only_one():
    made = endpoint({"response_mapping": "response.a ? {'id': response.b} : null"}, "get")
    assert made["response_mapping"].strip() == "$response.a ? {'id': $response.b} : null"


NULLS = [
    "(response.a = 1 ? null : $merge([response, {'id': response.id}]))",
    "($f := function($x) { $x.a = 1 ? null : {'id': $x.id} }; $f(response))",
    "response.a = 1 ? (response.b ? {'id': 'b'} : null) : $merge([response])",
    "$map(response.data, function($r) { $r.a = 1 ? null : $merge([$r, {}]) })",
    "($f := function($x) { $x.a = 1 ? null : {'id': $x.id} }; $map(response.data, function($r) { $f($r) }))",
    "response.data.($x := $; a = 1 ? null : $merge([$x, {}]))",
    "response.data.(a = 1 ? null : b = 1 ? null : {'id': id})",
]


@pytest.mark.parametrize("text", NULLS)
def test_a_null_drops_the_record_however_it_is_made(text):
    made = imported(row({"response_mapping": text, "path_mapping": '"/x"'}), rows="" if "data" in text else "data")
    spec = find_spec("crm", "contacts")
    mapper = Mapper(parts.made([Source("m.yaml", made.text)], lambda _: spec, None, {}), None)
    reply = {"data": [{"id": "1"}, {"id": "2", "a": 1}, {"id": "3", "a": 2}]}
    records = mapper.map(reply, query=mapper.plan("").query).records
    assert [one["id"] for one in records] == ["1", "3"]


def test_what_the_spec_does_not_declare_is_left_out_with_the_reason():
    emails = '[{"email": response.m, "type": "work"}]'
    text = f'{{"id": response.id, "nme": response.n, "emails": {emails}, "owner": {{"rank": 1}}}}'
    made = imported(row({"response_mapping": text}, "get"))
    assert yaml.safe_load(made.text)["endpoints"]["get"]["response_mapping"] == {
        "id": "$response.id",
        "emails": '[{"email": $response.m}]',
    }
    assert "`get.response_mapping.nme`: not carried over: `nme` is not a field that crm/contact declares" in said(made)
    assert "`get.response_mapping.emails`: left out of it: `type`, which the spec does not declare" in said(made)
    assert "#   nme: $response.n\n" in made.text


def test_a_parameter_that_the_spec_does_not_declare_is_left_out_where_it_is_read():
    made = imported(
        row({"query_mapping": '{"a": query.colour, "b": query.limit}', "response_mapping": "response.{'id': id}"})
    )
    assert yaml.safe_load(made.text)["endpoints"]["list"]["query_mapping"] == {"b": "$query.limit"}
    assert "there is no query parameter `colour`" in said(made)


NOT_HERE = {
    "before": ([{"type": "request", "config": {}}], "there are no steps before a request"),
    "after": ([{"type": "request"}], "there are no steps after a reply"),
    "side_load": ({"owner": {"response_mapping": "response.x"}}, "a further request for records is a `join` here"),
    "is_partial_expression": (
        "$exists(data.next)",
        "`next_cursor` or `pagination` says here whether more pages follow",
    ),
    "file_upload": (True, "a mapping does not upload files"),
    "response_header_mapping": ("headers", "the reply's headers are not mapped"),
    "resource": ([{"when": "x", "resource": "y"}], "it is no key of a mapping that is known here"),
    "query": ("page=1", "it is no key of a mapping that is known here"),
    "wibble": (1, "it is no key of a mapping that is known here"),
}


@pytest.mark.parametrize("key", NOT_HERE)
def test_a_key_without_a_counterpart_is_a_comment_with_the_reason(key):
    value, reason = NOT_HERE[key]
    made = imported(row({"response_mapping": "response.{'id': id}", key: value}))
    assert f"# Not carried over: {reason}" in made.text
    assert f"#   {key}: {json.dumps(value)}\n" in made.text
    assert f"`list.{key}`: not carried over: {reason}" in said(made)


LEFT_OUT = [
    ("query_mapping", '{"a": before.step.id}', "it needs the result of a `before` step"),
    ("request_header_mapping", '{"a": headers.b}', "it needs the request's own headers"),
    ("request_header_mapping", '{"a": $sign(requestBody)}', "it needs the finished request body"),
    ("query_mapping", '{"a": $keys($)}', "reads Truto's input as a whole"),
    ("query_mapping", '{"a": $uuid()}', "$uuid"),
    ("query_mapping", '{"a": $contains(query.status, /a(?=b)/)}', "this regular expression is not valid in RE2 syntax"),
    ("query_mapping", '{"a": $customFunction(query.status)}', "there is no function $customFunction"),
]


@pytest.mark.parametrize(("key", "text", "reason"), LEFT_OUT, ids=[text for _, text, _ in LEFT_OUT])
def test_an_expression_that_cannot_work_here_is_a_comment_with_the_reason(key, text, reason):
    made = imported(row({"response_mapping": "response.{'id': id}", key: text}))
    assert key not in yaml.safe_load(made.text)["endpoints"]["list"]
    assert reason in said(made)
    assert [one for one in made.findings if one.severity == "error"] == []


def test_a_name_that_truto_does_not_bind_is_undefined_and_said():
    made = imported(row({"response_mapping": '{"id": response.id, "name": first & $nobody}'}, "get"))
    assert "name: () & " in made.text
    assert "Truto does not bind `first` here, so it is always undefined" in said(made)


def test_headers_merged_with_those_of_the_client_are_the_mapping_s_own():
    made = endpoint(
        {"request_header_mapping": "$merge([headers, {'x-a': context.a}])", "response_mapping": "response.{'id': id}"}
    )
    assert made["request_header_mapping"] == {"x-a": "$context.a"}


def test_constants_are_sent_and_the_mapping_s_own_values_replace_them():
    config = {"query": {"a": 1, "b": "x", "site": "{{context.site}}"}, "query_mapping": '{"b": query.status}'}
    made = endpoint({**config, "response_mapping": "response.{'id': id}"})
    assert made["query_mapping"] == {"a": 1, "site": "$context.site", "b": "$query.status"}
    config["query_mapping"] = 'query.status ? {"b": 1} : {"c": 2}'
    made = endpoint({**config, "response_mapping": "response.{'id': id}"})
    assert made["query_mapping"].startswith('$merge([{"a": 1, "b": "x"')


def test_an_error_mapping_gives_the_message():
    whole = imported(
        row(
            {
                "error_mapping": 'error.code = 1 ? {"message": error.text} : {"message": "no"}',
                "response_mapping": "response.{'id': id}",
            }
        )
    )
    assert yaml.safe_load(whole.text)["error_mapping"]["message"].strip() == (
        '(code = 1 ? {"message": text} : {"message": "no"}).message'
    )
    parts = imported(
        row(
            {
                "error_mapping": '{"status": 422, "message": error[0].text, "code": error.c}',
                "response_mapping": "response.{'id': id}",
            }
        )
    )
    assert yaml.safe_load(parts.text)["error_mapping"] == {"message": "$[0].text"}
    assert "`error_mapping.status`: not carried over: the status is the provider's own" in said(parts)


PAGES = [
    ({"format": "cursor", "config": {"cursor_path": "meta.next"}}, {"next_cursor": "meta.next"}),
    (
        {"format": "cursor", "config": {"cursor_path": "meta.next", "cursor_param": "after"}},
        {"next_cursor": "meta.next", "pagination": {"format": "cursor", "parameter": "after"}},
    ),
    ({"format": "page", "config": {"page_param": "p"}}, {"pagination": {"format": "page", "parameter": "p"}}),
    ({"format": "offset", "config": {"offset_param": "o"}}, {"pagination": {"format": "offset", "parameter": "o"}}),
    ({"format": "link_header"}, {"pagination": {"format": "link_header"}}),
    ({"format": "dynamic", "config": {"get_pagination_values_expression": "1"}}, {}),
]


@pytest.mark.parametrize(("theirs", "ours"), PAGES, ids=[json.dumps(theirs) for theirs, _ in PAGES])
def test_the_pagination_of_an_integration_is_that_of_the_endpoint(theirs, ours):
    integration = {"pagination": theirs, "resources": {"contacts": {"list": {"path": "/c", "response_path": "data"}}}}
    made = imported(row({"response_mapping": '{"id": response.id}'}), integration)
    found = yaml.safe_load(made.text)["endpoints"]["list"]
    assert {key: found[key] for key in ("next_cursor", "pagination") if key in found} == ours
    assert bool(ours) or "`list.pagination`: not carried over: `dynamic` is no pagination here" in said(made)


def test_what_an_integration_says_of_requests_and_failures_is_carried_over_or_said():
    proxy = {"path": "v1/people/{{context.team}}?expand=all", "headers": {"x-api": "2"}, "api_response_format": "xml"}
    integration = {
        "error_expression": "status >= 400 or $exists(data.error)",
        "resources": {"contacts": {"list": proxy}},
    }
    made = imported(row({"response_mapping": "response.rows.{'id': id}"}), integration)
    found = yaml.safe_load(made.text)["endpoints"]["list"]
    assert found["path_mapping"] == '"/v1/people/" & $encodeUrlComponent($string($context.team))'
    assert found["query_mapping"] == {"expand": '"all"'}
    assert found["request_header_mapping"] == {"x-api": '"2"'}
    assert found["error_when"] == "$status >= 400 or $exists(error)"
    assert "`list.api_response_format`: not carried over: the integration says so" in said(made)


def test_a_choice_of_resources_becomes_endpoints_with_conditions():
    resource = {"expression": "query.status ? (query.status = 'a' ? 'x' : 'y') : 'z'", "resources": ["x", "y", "z"]}
    made = yaml.safe_load(imported(row({"resource": resource, "response_mapping": "response.{'id': id}"})).text)
    assert {name: one["when"].strip() for name, one in made["endpoints"].items()} == {
        "list_x": "(query.status ? (query.status = 'a' ? 'x' : 'y') : 'z') = \"x\"".replace("query", "$query"),
        "list_y": "(query.status ? (query.status = 'a' ? 'x' : 'y') : 'z') = \"y\"".replace("query", "$query"),
        "list_z": "(query.status ? (query.status = 'a' ? 'x' : 'y') : 'z') = \"z\"".replace("query", "$query"),
    }


def test_what_is_left_out_has_no_anchor_that_the_rest_needs():
    text = "response.{'id': id, 'name': name, 'status': s, 'first_name': f}"
    made = imported(row({"response_mapping": text, "path_mapping": "before.x"}), row({"response_mapping": text}, "get"))
    assert "without its `path_mapping` this cannot work" in said(made)
    assert yaml.safe_load(made.text)["endpoints"]["get"]["response_mapping"]["name"] == "name"


def test_a_text_over_several_lines_keeps_them():
    made = field('"a\n     b\n\n   c" & response.x')
    assert Expression(made).evaluate(None, {"response": {"x": "!"}}) == "a\n     b\n\n   c!"


def test_a_parent_that_a_binding_would_be_is_not_carried_over():
    made = imported(
        row({"response_mapping": "{'id': response.id, 'name': response.a.(%.b), 'status': response.(%.b)}"}, "get")
    )
    assert yaml.safe_load(made.text)["endpoints"]["get"]["response_mapping"] == {
        "id": "$response.id",
        "name": "$response.a.(%.b)",
    }


def test_the_readings_of_the_command_are_those_of_the_import():
    assert import_command.READINGS == importing.READINGS


def test_a_method_that_does_not_exist_here_is_a_comment():
    made = imported(row({"response_mapping": "response.{'id': id}"}), row({"response_mapping": "response"}, "search"))
    assert list(yaml.safe_load(made.text)["endpoints"]) == ["list"]
    assert "`search`: not carried over: `search` is no method of a resource here" in said(made)


def test_an_override_becomes_an_overlay_that_null_removes_from():
    override = {
        "unified_model_override": {
            "crm": {"contacts": {"list": {"query_mapping": None, "response_mapping": "{'name': response.nick}"}}}
        }
    }
    made = imported(override)
    assert made.path == "overlays/crm/contact.account.yaml"
    assert yaml.safe_load(made.text)["endpoints"] == {
        "list": {"query_mapping": None, "response_mapping": {"name": "$contact.nick"}}
    }


def test_without_a_spec_everything_is_written_and_nothing_checked():
    made = importing.imported(
        [Source("a.json", json.dumps(row({"response_mapping": "response.{'x': id}"})))], lambda *_: None
    )[0]
    assert yaml.safe_load(made.text)["endpoints"]["list"]["response_mapping"] == {"x": "id"}
    assert made.findings[-1].message == "there is no spec crm/contacts: nothing was checked"


BROKEN = {
    '{"resource_name": "contacts",': "M101",
    "a: [": "M101",
    "[]": "I903",
    '{"a": 1}': "I903",
    '{"resources": {"a": {"list": {"path": "/a"}}}}': "I903",
    '{"response_mapping": "response.{}"}': "I903",
    json.dumps(row({"response_mapping": 'response.{"id": id'})): "S0203",
    json.dumps(row({"response_mapping": "response.(a b)"}), indent=1): "S0202",
    json.dumps({**row({}), "config": 7}): "I903",
    '{"unified_model_override": {"crm": {"contacts": {"list": 7}}}}': "I903",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_error_at_its_line_that_says_what_to_do(text):
    with pytest.raises(MappingError) as caught:
        importing.imported([Source("theirs.json", text)], find_spec)
    (found,) = caught.value.diagnostics
    assert (found.code, found.source.name) == (BROKEN[text], "theirs.json")


def test_a_mistake_in_an_expression_is_shown_at_its_place_in_the_file():
    text = json.dumps(row({"response_mapping": '{"id": response.id,\n "näme": response..x}'}), indent=1)
    with pytest.raises(MappingError) as caught:
        importing.imported([Source("theirs.json", text)], find_spec)
    (found,) = caught.value.diagnostics
    assert text[found.span.start : found.span.end] in ("..", ".", "..x", "x", "response..x")


KEYS = ["config", "cells", "result", "response_mapping", "query_mapping", "method_name", "resource", "expression"]
KEYS += ["unified_model_override", "list", "resources", "path", "body", "before", "error_mapping"]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner), max_leaves=12
)


@given(JSON)
def test_any_document_is_imported_or_refused(document):
    options = importing.Options(model="crm", resource="contact", integration="acme")
    with contextlib.suppress(MapperError):
        importing.imported([Source("a.json", json.dumps(document))], find_spec, options)


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────


def run(*arguments):
    return CliRunner().invoke(cli.app, ["import", *map(str, arguments)])


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(imports.SPECS, tmp_path / "schemas")
    (tmp_path / "contacts.json").write_text(json.dumps(row({"response_mapping": "response.rows.{'id': id}"})))
    override = {"unified_model_override": {"crm": {"contacts": {"list": {"response_mapping": "{'name': response.n}"}}}}}
    (tmp_path / "account.json").write_text(json.dumps(override))
    return tmp_path


@pytest.mark.usefixtures("project")
def test_the_mapping_goes_to_stdout_and_what_is_to_be_said_to_stderr():
    done = run("contacts.json")
    assert done.exit_code == 0
    assert yaml.safe_load(done.stdout)["resource"] == "contact"
    assert "warning[I902]: `list.path_mapping`: a guess" in done.stderr


@pytest.mark.usefixtures("project")
def test_several_files_are_written_below_a_folder_and_never_replaced():
    assert "say where to write them with --out FOLDER" in run("contacts.json", "account.json").stderr
    done = run("contacts.json", "account.json", "--out", ".")
    assert (done.exit_code, done.stdout.split()) == (
        0,
        ["mappings/acme/contact.yaml", "overlays/acme/contact.account.yaml"],
    )
    assert CliRunner().invoke(cli.app, ["check", "mappings/acme/contact.yaml"]).exit_code == 0
    assert "mappings/acme/contact.yaml exists already" in run("contacts.json", "account.json", "--out", ".").stderr


@pytest.mark.usefixtures("project")
def test_an_override_alone_is_checked_with_its_mapping():
    run("contacts.json", "--out", ".")
    done = run("account.json", "--base", "mappings/acme/contact.yaml")
    assert (done.exit_code, yaml.safe_load(done.stdout)["endpoints"]["list"]) == (
        0,
        {"response_mapping": {"name": "$contact.n"}},
    )


def test_the_options_say_what_a_file_does_not(project):
    (project / "bare.yaml").write_text("response_mapping: |\n  {'id': response.id}\n")
    assert "the file does not say the model" in run("bare.yaml").stderr
    done = run("bare.yaml", "--model", "crm", "--resource", "contacts", "--method", "get", "--integration", "acme")
    assert (done.exit_code, yaml.safe_load(done.stdout)["endpoints"]["get"]["response_mapping"]) == (
        0,
        {"id": "$response.id"},
    )


def test_a_broken_file_is_reported_and_exits_1(project):
    (project / "broken.json").write_text('{"a": ')
    done = run("broken.json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[M101]: not valid JSON" in done.stderr
