"""What is sent to the provider: paths, headers, parameters and bodies, and what the caller adds by remote_query."""

from __future__ import annotations

import json
import pickle
import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MappingError, QueryError, Source, load

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters:
  city: {type: string}
  tags: {type: array, items: {type: string}}
  people: {type: array, items: {type: object, fields: {id: {type: string}}}}
  next_cursor: {type: string}
  remote_query: {type: object}
fields:
  id: {type: string, required: true}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  all:
    for_each: {contact: items}
    response_mapping: {id: id}
"""

SCHEMA = {
    "type": "object",
    "properties": {
        "cursor": {"type": "string"},
        "city": {"type": "string"},
        "ids": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "integer"},
        "ratio": {"type": ["number", "null"]},
        "exact": {"type": "boolean"},
        "pairs": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "maybe": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/person"}}, {"type": "null"}]},
        "either": {"type": ["array", "string"]},
        "level": {"enum": [1, 2]},
        "free": {"type": "object"},
        "filter": {"$ref": "#/$defs/filter"},
    },
    "$defs": {
        "person": {"type": "object", "properties": {"tags": {"type": "array"}}},
        "filter": {
            "allOf": [
                {"type": "object", "properties": {"ids": {"type": "array", "items": {"type": "integer"}}}},
                {"properties": {"since": {"type": "string"}, "nested": {"$ref": "#/$defs/filter"}}},
            ]
        },
    },
}


@pytest.fixture
def make(tmp_path):
    """A mapper of one endpoint, made from the parts of its request and the schema of its body."""

    def make(schema=None, **parts):
        (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
        (tmp_path / "schemas/acme").mkdir(exist_ok=True)
        parts = {"path_mapping": "'\"/contacts\"'"} | parts
        if schema is not None:
            written = schema if isinstance(schema, str) else json.dumps(schema)
            (tmp_path / "schemas/acme/body.schema.json").write_text(written)
            parts["request_schema"] = "acme/body"
        path = tmp_path / "mapping.yaml"
        path.write_text(HEAD + "".join(f"    {key}: {text}\n" for key, text in parts.items()))
        return load(path)

    return make


#: Gong's mapping with a path that the caller chooses.
CHOSEN = Source("o.yaml", "endpoints: {aggregate: {path_mapping: '\"/\" & $query.remote_query.path'}}")

JANUARY = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}


def refused(mapper, query=None):
    """The one finding that says why the mapping's request cannot be sent, and what it marks."""
    with pytest.raises(EvaluationError) as caught:
        mapper.plan(query or {})
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.status) == ("D406", 500)
    return found, found.source.text[found.span.start : found.span.end]


def told(mapper, query):
    """The findings about a query that is refused, each as code, pointer and message."""
    with pytest.raises(QueryError) as caught:
        mapper.plan(query)
    return [(found.code, found.pointer, found.message) for found in caught.value.diagnostics]


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = ["/", "/v2/users", "/v2/users/", "/a.b/c..d/...", "/a;b=1/c,d", "/x%20y/%C3%A9", "/a:b@c!$&'()*+,=~", "/%2Fa"]

NO_PATHS = {
    "": "begins with a slash",
    "users": "begins with a slash",
    "https://evil.example/x": "begins with a slash",
    "\\x": "begins with a slash",
    "//evil.example/x": "empty part",
    "/v2//users": "empty part",
    "/v2/../../admin": "`..`",
    "/v2/./x": "`..`",
    "/v2/..": "`..`",
    "/%2e%2e/x": "`..`",
    "/.%2E/x": "`..`",
    "/%252e%252e/x": "`..`",
    "/..;a=1/x": "`..`",
    "/..%2fx": "`..`",
    "/..%5cx": "`..`",
    "/a\r\nHost: evil": "must not contain",
    "/a\x00": "must not contain",
    "/a%0d%0ab": "control",
    "/a%00": "control",
    "/a\x7f": "must not contain",
    "/a\\b": "must not contain",
    "/a?b=1": "`?`",
    "/a#b": "`#`",
    "/a b": "must not contain",
    "/é": "must not contain",
    "/%zz": "must not contain",
    "/%": "must not contain",
    "/a[b]": "must not contain",
    '/"': "must not contain",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_a_url_is_sent_as_it_is(make, path):
    assert make(path_mapping="$query.city").plan({"city": path}).path == path


@pytest.mark.parametrize(("path", "why"), NO_PATHS.items(), ids=ascii)
def test_a_path_that_could_lead_anywhere_else_is_refused(make, path, why):
    found, marked = refused(make(path_mapping="$query.city"), {"city": path})
    assert why in found.message
    assert marked == "$query.city"


def test_a_text_in_a_path_is_escaped_by_the_mapping(make):
    with_text = make(path_mapping="'\"/cities/\" & $query.city'")
    assert "$encodeUrlComponent" in refused(with_text, {"city": "a b"})[0].hint
    escaped = make(path_mapping="'\"/cities/\" & $encodeUrlComponent($query.city)'")
    assert escaped.plan({"city": "a b/é?"}).path == "/cities/a%20b%2F%C3%A9%3F"
    refused(escaped, {"city": "../admin"})


ANYWHERE = load("gong/activity", overlays=[CHOSEN])


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(st.text(st.sampled_from("/.%25eEfF\\;?#a \r\x00é"), max_size=12))
def test_whatever_a_path_is_made_of_it_stays_below_the_base_url(text):
    try:
        path = ANYWHERE.plan(JANUARY | {"remote_query": {"path": text}}).path
    except EvaluationError:
        return
    assert path == "/" + text
    assert path.isascii()
    for _ in range(3):
        assert not {"..", "."} & set(re.split(r"[/\\]", path))
        path = unquote(path)


# ── Headers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["", "a b", "é", "x" * 5_000])
def test_a_header_is_latin_1(make, value):
    assert make(request_header_mapping="{X-City: $query.city}").plan({"city": value}).headers == {"X-City": value}


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\n", "\x00", "\x7f", "é世", " a", "a "])
def test_a_header_that_cannot_be_written_is_refused(make, value):
    found, marked = refused(make(request_header_mapping="{X-City: $query.city}"), {"city": value})
    assert "X-City" in found.message
    assert marked == "$query.city"


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "authorization", "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "Proxy-Anything"),
        *("Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "a b", "a:b", "X\\n", "ü", ""),
    ],
)
def test_a_header_that_is_no_business_of_a_mapping_is_refused(make, name):
    found, marked = refused(make(request_header_mapping=f'\'{{"{name}": "x"}}\''))
    assert "header" in found.message
    assert marked == f'{{"{name}": "x"}}'


@pytest.mark.parametrize("value", ["null", "[1]", "{}"])
def test_a_header_is_a_single_value(make, value):
    assert "single value" in refused(make(request_header_mapping=f"{{X-A: '{value}'}}"))[0].message


def test_a_header_is_not_sent_twice(make):
    assert "twice" in refused(make(request_header_mapping="{X-A: 1, x-a: 2}"))[0].message
    assert make(request_header_mapping="{X-A: 1, X-B: true}").plan({}).headers == {"X-A": "1", "X-B": "true"}


# ── Parameters and bodies ────────────────────────────────────────────────────────────────────────────────────────


def test_parameters_are_texts_in_brackets(make):
    asked = "{a: 1, b: true, c: $query.tags, d: {e: {f: $query.city}, g: '[1,2]'}, h: '[{\"i\": 1}]', j: 'null'}"
    assert make(query_mapping=asked).plan({"city": "Bonn", "tags": ["x", "y"]}).params == {
        "a": "1",
        "b": "true",
        "c": ["x", "y"],
        "d[e][f]": "Bonn",
        "d[g]": ["1", "2"],
        "h[0][i]": "1",
        "j": "",
    }


@pytest.mark.parametrize("value", ["a\r\nb", "\x00", "\x7f"])
def test_a_parameter_with_control_characters_is_refused(make, value):
    found, marked = refused(make(query_mapping="{city: $query.city}"), {"city": value})
    assert '"city"' in found.message
    assert marked == "$query.city"
    ((code, pointer, _),) = told(make(), {"remote_query": {"a": value}})
    assert (code, pointer) == ("Q504", "/remote_query")


def test_a_body_that_cannot_be_written_names_its_expression(make):
    found, marked = refused(make(request_body_mapping='{a: 1, b: \'$substring("🎉", 0, 1) & "\\uD83C"\'}'))
    assert "surrogate" in found.message
    assert marked.startswith("$substring")


@pytest.mark.parametrize("key", ["query_mapping", "request_body_mapping"])
def test_a_part_that_is_contained_many_times_is_bounded_by_what_is_written(make, key):
    doubled = '$reduce([1..60], function($a, $n) { {"a": $a, "b": $a} }, "x")'
    mapper = make(**{key: f"{{all: '{doubled}'}}"})
    with pytest.raises(EvaluationError) as caught:
        mapper.plan({})
    (found,) = caught.value.diagnostics
    assert found.code == "D2014"
    assert found.source.text[found.span.start : found.span.end] == doubled


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("{ids: $query.people.id}", {"ids": ["7"]}),
        ("{ids: '[$query.people.id]'}", {"ids": ["7"]}),
        ("{pairs: '$query.people.[id, \"x\"]'}", {"pairs": [["7", "x"]]}),
        ("{pairs: $query.people.id}", {"pairs": [["7"]]}),
        ("{maybe: '$query.people.{\"tags\": id}'}", {"maybe": [{"tags": ["7"]}]}),
        ("{maybe: 'null'}", {"maybe": None}),
        ("{either: $query.people.id}", {"either": "7"}),
        (
            "{filter: {ids: 7, nested: {nested: {ids: 8}}}}",
            {"filter": {"ids": [7], "nested": {"nested": {"ids": [8]}}}},
        ),
        ('\'{"filter": {"ids": 7}}\'', {"filter": {"ids": [7]}}),
        ("{unknown: $query.people.id}", {"unknown": "7"}),
        ('{city: \'["a", "b"]\'}', {"city": ["a", "b"]}),
    ],
    ids=str,
)
def test_arrays_stay_arrays_where_the_schema_allows_nothing_else(make, body, sent):
    assert make(SCHEMA, request_body_mapping=body).plan({"people": ["7"]}).body == sent


@pytest.mark.parametrize("people", [["1"], ["1", "2"], ["1", "2", "3"]], ids=len)
def test_a_list_of_any_length_is_the_same_list(make, people):
    mapper = make(SCHEMA, request_body_mapping="{ids: $query.people.id, pairs: '$query.people.[id, id]'}")
    assert mapper.plan({"people": people}).body == {"ids": people, "pairs": [[one, one] for one in people]}


def test_a_schema_that_refers_to_itself_is_followed_only_so_far(make):
    circle = {"properties": {"a": {"$ref": "#/properties/a"}}, "type": "object"}
    assert make(circle, request_body_mapping="{a: 1}").plan({}).body == {"a": 1}
    wide = {
        "type": "object",
        "anyOf": [{"$ref": "#"}, {"$ref": "#"}],
        "allOf": [{"$ref": "#"}] * 9,
        "properties": {"a": {"$ref": "#"}},
    }
    assert make(wide, request_body_mapping="{a: {a: 1}}").plan({}).body == {"a": {"a": 1}}
    for odd in ({"type": {}}, {"properties": 5}, {"allOf": {}}, {"$ref": "x"}, {"$ref": "#/nowhere"}, {"items": 5}):
        assert make({"$schema": "x"} | odd, request_body_mapping="{a: 1}").plan({"remote_query": {"b": "2"}})


def test_a_request_schema_that_is_missing_or_no_object_is_refused(make):
    with pytest.raises(MappingError, match="there is no schema"):
        make(request_schema="acme/nothing")
    with pytest.raises(MappingError, match="not a JSON object") as caught:
        make('{"type": "object"')
    assert caught.value.code == "M108"


# ── remote_query ─────────────────────────────────────────────────────────────────────────────────────────────────


def remote(mapper, text):
    request = mapper.plan("&".join(f"remote_query{part}" for part in text.split("&")))
    return request.body, request.params


def test_without_a_schema_everything_becomes_parameters_as_the_caller_wrote_it(make):
    written = "[x][y]=1&[z][]=1&[z][]=2&[b]=true&[n]=01&[e]="
    assert remote(make(), written) == (
        None,
        {"x[y]": "1", "z[]": ["1", "2"], "b": "true", "n": "01", "e": ""},
    )
    assert list(make().plan("remote_query[b]=1&remote_query[a]=2").params) == ["b", "a"]


def test_what_the_schema_declares_goes_into_the_body_and_the_rest_into_parameters(make):
    mapper = make(SCHEMA)
    assert remote(mapper, "[city]=Bonn&[foo]=bar") == ({"city": "Bonn"}, {"foo": "bar"})
    assert remote(mapper, "[filter][since]=1&[filter][foo]=bar") == ({"filter": {"since": "1"}}, {"filter[foo]": "bar"})
    assert remote(mapper, "[free][any][thing]=1") == ({"free": {"any": {"thing": "1"}}}, {})
    assert remote(make(SCHEMA, request_body_mapping="{city: '\"Bonn\"'}"), "[size]=5") == (
        {"city": "Bonn", "size": 5},
        {},
    )


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("[size]=5", {"size": 5}),
        ("[size]=12345678901234567890", {"size": 12345678901234567890}),
        ("[size]=5.0", {"size": 5}),
        ("[size]=05", {"size": "05"}),
        ("[size]=5.5", {"size": "5.5"}),
        ("[size]=", {"size": ""}),
        ("[size]=٣", {"size": "٣"}),
        ("[ratio]=0.5", {"ratio": 0.5}),
        ("[ratio]=1e3", {"ratio": 1000}),
        ("[ratio]=0.12345678901234567890", {"ratio": "0.12345678901234567890"}),
        ("[ratio]=NaN", {"ratio": "NaN"}),
        ("[exact]=true", {"exact": True}),
        ("[exact]=1", {"exact": "1"}),
        ("[city]=5", {"city": "5"}),
        ("[level]=2", {"level": 2}),
        ("[level]=high", {"level": "high"}),
        ("[ids]=5", {"ids": ["5"]}),
        ("[ids][]=5&[ids][]=6", {"ids": ["5", "6"]}),
        ("[ids][0]=5&[ids][30]=6", {"ids": ["5", "6"]}),
        ("[filter][ids]=5", {"filter": {"ids": [5]}}),
        ("[filter][nested][ids][]=5&[filter][nested][ids][]=6", {"filter": {"nested": {"ids": [5, 6]}}}),
        ("[pairs][0][]=a&[pairs][0][]=b", {"pairs": [["a", "b"]]}),
    ],
)
def test_text_becomes_the_type_that_the_schema_declares_if_nothing_is_lost(make, written, body):
    assert remote(make(SCHEMA), written) == (body, {})


BODY = "{city: $query.city, cursor: $cursor, filter: {ids: $query.people.id}, size: 5}"


@pytest.mark.parametrize(
    ("written", "place", "source"),
    [
        ("[city]=x", "/city", "from city"),
        ("[city][a]=x", "/city/a", "from city"),
        ("[cursor]=x", "/cursor", "from next_cursor"),
        ("[filter][ids]=1", "/filter/ids", "from people"),
        ("[filter]=x", "/filter", "from people"),
        ("[filter][]=x", "/filter", "from people"),
        ("[size]=6", "/size", "sets"),
    ],
)
def test_what_the_mapping_sets_is_not_replaced(make, written, place, source):
    mapper = make(SCHEMA, request_body_mapping=BODY)
    query = f"city=Bonn&people=1&remote_query{written}"
    ((code, pointer, message),) = told(mapper, query)
    assert (code, pointer) == ("Q517", f"/remote_query{place}")
    assert message.endswith(source)


def test_what_the_mapping_could_set_but_does_not_may_be_given(make):
    mapper = make(SCHEMA, request_body_mapping=BODY)
    assert remote(mapper, "[city]=x&[filter][ids]=1")[0] == {"size": 5, "city": "x", "filter": {"ids": [1]}}
    empty = {"people": ["7"], "remote_query": {"filter": {}, "free": {}}}
    assert mapper.plan(empty).body == {"filter": {"ids": ["7"]}, "free": {}, "size": 5}


@pytest.mark.parametrize("body", ['\'{"cursor": $cursor, "city": "Bonn"}\'', "{cursor: '$number($cursor)'}"])
def test_the_cursor_is_kept_on_the_first_page_however_it_is_written(make, body):
    mapper = make(SCHEMA, request_body_mapping=body)
    assert [code for code, *_ in told(mapper, "remote_query[cursor]=1")] == ["Q517"]


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("{city: $query.city}", "[city]=x"),
        ("{city: $query.city}", "[city][]=x"),
        ("{city: $query.city}", "[city][a]=x"),
        ("{'a[b]': $query.city}", "[a][b]=x"),
        ("{'a[b][]': $query.city}", "[a][b]=x"),
        ("{a: {b: $query.city}}", "[a][b]=x"),
        ("{a: {b: $query.city}}", "[a]=x"),
        ("'{\"a\": $query.city}'", "[a]=x"),
        ("{page: $cursor}", "[page]=x"),
    ],
)
def test_the_parameters_of_the_mapping_are_not_replaced_either(make, asked, written):
    mapper = make(query_mapping=asked)
    assert [code for code, *_ in told(mapper, f"city=Bonn&remote_query{written}")] == ["Q517"]


def test_parameters_that_come_to_have_the_same_name_are_all_sent(make):
    mapper = make(query_mapping="{a: {b: 1}, 'a[b]': 2}")
    assert mapper.plan({}).params == {"a[b]": ["1", "2"]}
    assert make().plan({"remote_query": {"a": {"b": 1}, "a[b]": [2, 3]}}).params["a[b]"] == "1"


def test_a_parameter_beside_those_of_the_mapping_may_be_added(make):
    mapper = make(query_mapping="{a: {b: $query.city}}")
    assert remote(mapper, "[a][c]=1&[ab]=2")[1] == {"a[c]": "1", "ab": "2"}
    assert mapper.plan("city=Bonn&remote_query[a][c]=1").params == {"a[b]": "Bonn", "a[c]": "1"}


def test_a_pickled_mapper_sends_the_same(make):
    mapper = make(SCHEMA, request_body_mapping="{ids: $query.people.id}")
    again = pickle.loads(pickle.dumps(mapper))
    query = "people=1&remote_query[city]=Bonn&remote_query[foo]=bar"
    assert again.plan(query).body == mapper.plan(query).body == {"ids": ["1"], "city": "Bonn"}
    assert again.plan(query).params == {"foo": "bar"}


# ── Gong ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("period", ["total", "day", "week", "month"])
@pytest.mark.parametrize("detailed", [True, False])
def test_gong_gets_a_list_of_users_and_nothing_that_it_does_not_know(period, detailed):
    query = JANUARY | {"users": ["7"], "aggregation_period": period, "remote_query": {"foo": "bar"}}
    request = load("gong/activity").plan(query, context={"detailed": detailed})
    assert request.body["filter"] == {"fromDate": "2026-01-01", "toDate": "2026-02-01", "userIds": ["7"]}
    assert request.params == {"foo": "bar"}
    assert "foo" not in request.body


def test_months_are_not_quarters():
    query = JANUARY | {"aggregation_period": "month", "remote_query": {"aggregationPeriod": "QUARTER"}}
    ((code, pointer, message),) = told(load("gong/activity"), query)
    assert (code, pointer) == ("Q517", "/remote_query/aggregationPeriod")
    assert "from aggregation_period" in message


def test_an_end_that_cannot_be_cut_to_today_is_noted():
    gong = load("gong/activity")
    (note,) = gong.plan(JANUARY).diagnostics
    assert (note.code, note.severity, note.pointer) == ("Q510", "note", "/end_time")
    assert "not cut to today, because `now` is not given" in note.message
    assert gong.plan(JANUARY, now="2026-03-01T00:00:00Z").diagnostics == ()
