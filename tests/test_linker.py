"""Linking a mapping: its shape, its expressions, and that every name in it is known."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.mapping import linker
from truto_mapper.resource.spec import Resource, load_resource
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

RESOURCE = load_resource("conversational-intelligence/activity")

HEAD = """\
version: 1
integration: gong
unified_model: conversational-intelligence
resource: activity
method: list
"""


def text(endpoint="", response="id: id", *, top=""):
    """A mapping file with one endpoint."""

    def indented(lines):
        return "".join(f"    {line}\n" for line in lines.splitlines())

    path = "" if "path_mapping:" in endpoint else "    path_mapping: '\"/v2/users\"'\n"
    inner = f"    response_mapping:\n{''.join(f'      {line}' + chr(10) for line in response.splitlines())}"
    return f"{HEAD}{top}endpoints:\n  all:\n{path}{indented(endpoint)}{inner if response else ''}"


def linked(source, functions=None, resource=RESOURCE, find_schema=None):
    return linker.link(yaml_tree.parse(Source("m.yaml", source)), resource, functions or {}, find_schema)


def find_schema(name):
    return files.find(name, "schemas", ".schema.json")


def findings(source, **more):
    with pytest.raises(MappingError) as caught:
        linked(source, **more)
    return caught.value.diagnostics


def marked(diagnostic):
    return diagnostic.source.text[diagnostic.span.start : diagnostic.span.end]


def told(source, **more):
    return [(d.code, marked(d)) for d in findings(source, **more)]


# ── Fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_field_that_is_not_declared_is_named_with_the_nearest():
    found = findings(text(response="id: id\nmetric:\n  calls: 1\nuser: {nam: name}\nmetrics: {zzz: 1}"))
    assert [(d.code, marked(d), d.hint) for d in found] == [
        ("C201", "metric", "did you mean `metrics`?"),
        ("C201", "nam", "did you mean `name`?"),
        ("C201", "zzz", None),
    ]


@pytest.mark.parametrize(
    "expression",
    [
        '{"id": 1, "WRONG": 2}',
        'rows.{"id": 1, "WRONG": 2}',
        '(rows; {"WRONG": 2})',
        'x ? {"WRONG": 2}',
        'x ? {"id": 1} : {"WRONG": 2}',
        'x ?? {"WRONG": 2}',
        'x ?: {"WRONG": 2}',
        '{"id": 1, "emails": [{"email": 2}, {"WRONG": 3}]}',
        '{"emails": x.{"WRONG": $}}',
        '{"id": {"any": 1}.any, "WRONG": {"any": 2}}',
    ],
)
def test_the_keys_of_object_constructors_are_fields_too(expression):
    assert told(text(response=f"id: id\nuser: '{expression}'")) == [("C201", '"WRONG"')]


def test_a_record_written_as_one_expression_is_checked_as_well():
    source = text('response_mapping: \'{"id": id, "usr": {"id": 1}, "user": {"idd": 1}}\'', response="")
    assert told(source) == [("C201", '"usr"'), ("C201", '"idd"')]


def test_keys_that_no_one_can_know_are_not_refused():
    linked(text(response="id: id\nuser: '{$.kind: 1, \"id\": 2}'\nremote_data: '{\"anything\": 1}'"))
    linked(text(response="id: id\nremote_data: {any: thing, at: {all: [1, x]}}"))


@pytest.mark.parametrize(
    ("response", "mark", "hint"),
    [
        ("id: {a: b}", "{a: b}", "write one expression"),
        ("id: [a]", "[a]", "write one expression"),
        ("id: id\nuser: [a]", "[a]", "write a mapping of its fields, or one expression"),
        ("id: id\nuser: {emails: {email: a}}", "{email: a}", "write a list of its items, or one expression"),
        ("id: id\nuser: {emails: [[a]]}", "[a]", "write a mapping of its fields, or one expression"),
    ],
)
def test_a_structure_that_does_not_fit_the_field_is_refused(response, mark, hint):
    assert [(d.code, marked(d), d.hint) for d in findings(text(response=response))] == [("C205", mark, hint)]


def test_a_record_is_not_a_list():
    assert told(text("response_mapping: [id, user]", response="")) == [("C205", "[id, user]")]


def test_a_list_gives_an_array_item_by_item():
    linked(text(response="id: id\nuser:\n  id: id\n  emails:\n    - {email: first}\n    - second"))
    assert told(text(response="id: id\nuser: {emails: [{emal: first}]}")) == [("C201", "emal")]


# ── Variables, functions, settings ───────────────────────────────────────────────────────────────────────────────

PLACES = {
    "path_mapping": "query context cursor now",
    "query_mapping": "query context cursor now",
    "request_header_mapping": "query context cursor now",
    "request_body_mapping": "query context cursor now",
    "query_error": "query context cursor now",
    "query_note": "query context cursor now",
    "static_response": "query context cursor now",
    "when": "query context",
    "recognise": "context status headers response",
    "next_cursor": "query context cursor now status headers response",
    "page_number": "query context cursor now status headers response",
    "total": "query context cursor now status headers response",
    "empty_when": "query context cursor now status headers response",
    "error_when": "query context cursor now status headers response",
}
NAMES = ["query", "context", "cursor", "now", "status", "headers", "response", "row", "total"]


@pytest.mark.parametrize("place", PLACES)
def test_each_place_knows_its_own_variables_and_no_others(place):
    known = PLACES[place].split()
    endpoint = f"for_each: {{row: rows}}\nlet: {{total: 1}}\n{place}: $string([{', '.join('$' + n for n in NAMES)}])"
    assert told(text(endpoint)) == [("C202", f"${name}") for name in NAMES if name not in known]


def test_loops_and_lets_see_the_names_above_them():
    linked(text("for_each: {a: x, b: $a.y}\nlet: {c: $b, d: $c & $a}", "id: $d & $c & $b & $a"))
    assert told(text("for_each: {a: $b, b: x}\nlet: {c: $d, d: $e}")) == [
        ("C202", "$b"),
        ("C202", "$d"),
        ("C202", "$e"),
    ]


def test_a_variable_bound_by_the_expression_itself_is_known():
    linked(text(response="id: '($a := 1; $f := function($b) { $a + $b }; $f(2))'"))
    linked(text(response="id: $map(rows, function($v, $i) { $v & $i })[0]"))
    linked(text(response="id: rows@$r.x[$r.y = 1]#$i.($i & $$.z & $.q)"))


def test_errors_know_the_reply_and_not_the_paging():
    top = "error_mapping: {message: $cursor & $now, hint: $status & $headers.x & $response.y & $query.limit}\n"
    assert told(text(top=top)) == [("C202", "$cursor"), ("C202", "$now")]


def test_a_variable_that_is_bound_elsewhere_gets_no_lookalike():
    (found,) = findings(text("for_each: {user: users}\npath_mapping: $user.id"))
    assert found.hint == "it is bound elsewhere; available here: `$context`, `$cursor`, `$now`, `$query`"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("query", "already bound"),
        ("first-day", "not a valid variable name"),
        ("9a", "not a valid variable name"),
        ("é", "not a valid variable name"),
    ],
)
@pytest.mark.parametrize("where", ["for_each", "let"])
def test_a_name_that_cannot_be_bound_is_refused(where, name, why):
    (found,) = findings(text(f"{where}: {{{name}: x}}"))
    assert (found.code, marked(found)) == ("M106", name)
    assert why in found.message


def test_a_let_cannot_have_the_name_of_a_loop():
    assert told(text("for_each: {a: x}\nlet: {a: y}")) == [("M106", "a")]


def test_unknown_functions_are_named_with_the_nearest():
    found = findings(text(response="id: $uppercas(id) & $floordate(x)\nuser:\n  name: $map(x, $lowerCase)"))
    assert [(d.code, marked(d), d.hint) for d in found] == [
        ("C203", "$uppercas", "did you mean `$uppercase`?"),
        ("C203", "$floordate", "did you mean `$floorDate`?"),
        ("C202", "$lowerCase", "did you mean `$lowercase`?"),
    ]


def test_functions_of_the_caller_and_of_the_standard_are_known_by_name():
    linked(text(response="id: $mine(id) & $sum([1]) & $string($size(x))"), functions={"mine": str})
    linked(text(response="id: $map(x, $mine)[0] & $map(x, $uppercase)[0]"), functions={"mine": str})


@pytest.mark.parametrize("clock", ["$now()", "$millis()"])
def test_a_mapping_reads_no_clock(clock):
    (found,) = findings(text(response=f"id: $string({clock})"))
    assert (found.code, marked(found)) == ("C203", clock.removesuffix("()"))
    assert "$now, the time" in found.hint
    linked(text(response="id: $now"))
    assert told(text("when: $now > 1")) == [("C202", "$now")]


def test_query_parameters_and_settings_are_known_by_name():
    top = "context: {time_zone: {type: string}}\n"
    endpoint = "when: $query.aggregation_perod = $context.timezone and $query.users.id = $context.time_zone"
    found = findings(text(endpoint, "id: $query.limt", top=top))
    assert [(d.code, marked(d), d.hint) for d in found] == [
        ("C204", "aggregation_perod", "did you mean `aggregation_period`?"),
        ("C204", "timezone", "did you mean `time_zone`?"),
        ("C204", "limt", "did you mean `limit`?"),
    ]


def test_a_name_that_an_expression_takes_for_itself_has_fields_of_its_own():
    linked(text(response="id: '($query := {\"any\": 1}; $query.any)'"))


ZONE = "context: {time_zone: {type: string}}\n"


def days(parameters="{end_time: ceil}", zone="$context.time_zone"):
    return f"{ZONE}whole_days: {{time_zone: {zone}, parameters: {parameters}}}\n"


def test_whole_days_are_of_known_parameters_in_a_known_zone():
    mapping = linked(text(top=days("{start_time: floor, end_time: ceil_until_today}")))
    assert dict(mapping.whole_days.parameters) == {"start_time": "floor", "end_time": "ceil_until_today"}
    assert linked(text()).whole_days is None
    (found,) = findings(text(top=days("{end_tim: ceil}")))
    assert (found.code, marked(found), found.hint) == ("C204", "end_tim", "did you mean `end_time`?")
    (found,) = findings(text(top=days(zone="$context.tim_zone")))
    assert (found.code, marked(found), found.hint) == ("C204", "tim_zone", "did you mean `time_zone`?")
    assert told(text(top=days(zone="$cursor"))) == [("C202", "$cursor")]


@pytest.mark.parametrize(
    ("given", "mark", "message"),
    [
        ("{users: ceil}", "users", "`users` must have the format date-time to be a whole day"),
        ("{end_time: round}", "round", "expected `floor`, `ceil` or `ceil_until_today`, got `round`"),
        ("{}", "{}", "expected at least 1 of them, got a mapping"),
    ],
)
def test_a_parameter_that_cannot_be_a_whole_day_is_refused(given, mark, message):
    (found,) = findings(text(top=days(given)))
    assert (found.code, marked(found), found.message) == ("M106", mark, message)


def test_a_time_zone_of_the_reply_needs_one_to_be_compared_with():
    (found,) = findings(text("time_zone: timeZone", top=ZONE))
    assert (found.code, marked(found)) == ("M106", "time_zone")
    assert "whole_days" in found.hint
    linked(text("time_zone: timeZone", top=days()))


# ── Expressions ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_in_an_expression_is_marked_in_the_file():
    source = text("let:\n  a: |\n    $x ?\n      (1 +) : 2\n  b: 'it''s &'")
    found = findings(source)
    assert [d.source.position(d.span.start)[0] for d in found] == [source.split("(1 +)")[0].count("\n") + 1, 13]
    assert all(d.code.startswith("S0") and d.source.name == "m.yaml" for d in found)


@pytest.mark.parametrize("expression", ["$nope.x", "$nope(x)", "(1 +", "$query.limt"])
def test_a_mistake_behind_an_anchor_is_reported_once(expression):
    source = text(f"let:\n  a: &x {expression}\n  b: *x\n  c: *x", "id: *x\nuser: {name: *x}")
    assert len(findings(source)) == 1


def test_an_anchor_used_where_its_names_are_not_bound_is_reported():
    source = text("for_each: {row: rows}\nlet: {a: &x $row.id}\nnext_cursor: *x")
    assert told(source) == [("C202", "$row")]


def test_escapes_hide_the_position_of_an_expression():
    (found,) = findings(text('let: {a: "\\"x\\""}'))
    assert (found.code, marked(found)) == ("M107", '"\\"x\\""')
    linked(text('let: {a: "x.y"}'))
    linked(text(top='description: "a \\"note\\""\n'))


@pytest.mark.parametrize("given", ["", " null", " ~", " ''", " '  '", ' ""'])
def test_empty_text_is_not_an_expression(given):
    for source in (
        text(f"path_mapping:{given}"),
        text(f"when:{given}"),
        text(f"let:\n  a:{given}"),
        text(response=f"id: id\nuser:\n  id:{given}"),
        text(f"request_body_mapping:\n  - a:{given}"),
        text(top=f"error_mapping:\n  message:{given}\n"),
    ):
        (found,) = findings(source)
        assert found.code == "M106"
        assert found.message == "an expression is missing here"


@pytest.mark.parametrize(
    ("given", "value"), [("12", 12), ("true", True), ("-1.5", -1.5), ("'null'", None), ("'\"x\"'", "x")]
)
def test_numbers_and_booleans_of_yaml_are_expressions(given, value):
    (endpoint,) = linked(text(f"static_response: {given}")).endpoints
    assert endpoint.static_response.evaluate() == value


# ── Shape ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("source", "key", "hint"),
    [
        (text(top="contex: {}\n"), "contex", "did you mean `context`?"),
        (text("whenn: x"), "whenn", "did you mean `when`?"),
        (text(top="error_mapping: {mesage: x}\n"), "mesage", "did you mean `message`?"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_at_every_level(source, key, hint):
    (found,) = findings(source)
    assert (found.code, marked(found), found.hint) == ("M106", key, hint)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "expected a mapping, got nothing"),
        ("[]", "expected a mapping, got a list"),
        ("text", "expected a mapping, got `text`"),
        (HEAD, "`endpoints` is missing"),
        (HEAD + "endpoints: {}\n", "at least 1"),
        (HEAD + "endpoints: {all: {}}\n", "`path_mapping` is missing in `endpoints.all`"),
        (text().replace("version: 1", "version: 2"), "expected 1, got"),
        (text().replace("version: 1", "version: '1'"), "expected 1, got"),
        (text().replace("method: list", "method: put"), "expected `list`, `get`"),
        (text("request_method: get"), "got `get`"),
        (text("remote_query: body"), "there is no key `remote_query`"),
        (text("for_each: [a]"), "expected a mapping, got a list"),
        (text("when: {a: b}"), "got a mapping"),
        (text(top="context: {a: string}\n"), "expected a mapping, got `string`"),
    ],
)
def test_a_document_of_another_shape_is_refused_in_words(source, message):
    found = findings(source)
    assert {d.code for d in found} == {"M106"}
    assert message in "\n".join(d.message for d in found)


def test_a_setting_with_a_bad_schema_is_marked_where_it_is_bad():
    top = "context:\n  a: {type: strng}\n  b: {type: string, minLength: -1}\n  c: {type: string}\n"
    assert told(text(top=top)) == [("M108", "strng"), ("M108", "-1")]
    assert told(text(top="context: {a/b~c: {type: strng}}\n")) == [("M108", "strng")]
    assert told(text(top="context: {a: {type: string, pattern: '(?=x)'}}\n")) == [("M108", "'(?=x)'")]


def test_a_default_that_does_not_fit_its_own_schema_is_the_authors_mistake():
    top = "context:\n  a: {type: integer, default: UTC}\n  b: {type: array, items: {type: string}, default: [x, 1]}\n"
    assert told(text(top=top)) == [("M106", "UTC"), ("M106", "1")]


def test_a_source_schema_must_be_there():
    linked(text("source_schema: gong/aggregate"), find_schema=find_schema)
    (found,) = findings(text("source_schema: gong/agregate"), find_schema=find_schema)
    assert (found.code, marked(found), found.hint) == ("M105", "gong/agregate", "did you mean `gong/aggregate`?")
    linked(text("source_schema: gong/agregate"))


def test_all_findings_come_at_once_in_the_order_of_the_file():
    source = text(
        "path_mapping: $user\nfor_each: {user: $x}\nlet: {a: '1 +', b: $zap()}",
        'idd: 1\nmetrics: {calls_hosted: [1], x: "\\t"}\nuser: $query.us',
        top="context: {a: {type: strng}}\n",
    )
    found = findings(source)
    assert {d.code for d in found} >= {"C201", "C202", "C203", "C204", "C205", "M108", "S0207"}
    assert [d.span.start for d in found] == sorted(d.span.start for d in found)


WORDS = st.sampled_from(
    [
        "id",
        "user",
        "when",
        "all",
        "endpoints",
        "version",
        "context",
        "let",
        "for_each",
        "path_mapping",
        "response_mapping",
    ]
)
LEAVES = st.none() | st.integers(0, 2) | st.sampled_from(["id", "$user.x", "(", "list", "gong", "$now()", '"/x"', ""])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=10
)


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(TREES, st.sampled_from(["top", "endpoint", "response"]))
def test_any_document_links_or_is_a_mapping_error(tree, where):
    shape = yaml_tree.parse(Source("m.yaml", text())).plain()
    match where:
        case "top":
            shape = shape | tree if isinstance(tree, dict) else tree
        case "endpoint":
            shape["endpoints"]["all"] = shape["endpoints"]["all"] | tree if isinstance(tree, dict) else tree
        case "response":
            shape["endpoints"]["all"]["response_mapping"] = tree
    try:
        linked(json.dumps(shape))
    except MappingError as error:
        rendered = str(error)
        assert "m.yaml:" in rendered


def test_a_mapping_is_linked_to_the_resource_it_names(tmp_path):
    (tmp_path / "schemas" / "crm").mkdir(parents=True)
    spec = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /contact}}
parameters: {}
fields: {name: {type: string}}
response: {}
"""
    (tmp_path / "schemas" / "crm" / "contact.yaml").write_text(spec)
    file = tmp_path / "contact.yaml"
    source = text(response="name: n").replace("conversational-intelligence", "crm").replace("activity", "contact")
    file.write_text(source)
    assert load(file).resource == Resource.parse(Source("s", spec))
    file.write_text(source.replace("name:", "id:"))
    with pytest.raises(MappingError, match="C201"):
        load(file)


# ── Paths over nothing ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "mark", "hint"),
    [
        ("query.start_time", "query.start_time", "write `$query.start_time`"),
        ("query.users.id", "query.users.id", "write `$query.users.id`"),
        ("query.users[id = 1]", "query.users[id = 1]", "write `$query.users[id = 1]`"),
        ("start_time", "start_time", "write `$query.start_time`"),
        ("cursor", "cursor", "write `$cursor`"),
        ("region", "region", "write `$context.region`"),
        ("$floorDate(start_time, 'UTC')", "start_time", "write `$query.start_time`"),
        ("$query.limit ? limit : 1", "limit", "write `$query.limit`"),
        ("limit > 1 ? 1", "limit", "write `$query.limit`"),
        ("-limit", "limit", "write `$query.limit`"),
        ("[limit]", "limit", "write `$query.limit`"),
        ('{"a": {"b": limit}}', "limit", "write `$query.limit`"),
        ("($x := limit; $x)", "limit", "write `$query.limit`"),
        ("limit ~> $string", "limit", "write `$query.limit`"),
        ("$map([1], function($v) { limit })", "limit", "write `$query.limit`"),
        ("$query.users[id = $$.id]", "$$", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("$$.x", "$$.x", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("$", "$", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("$.x", "$.x", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("x.y", "x.y", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("'*'", "*", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("'**.x'", "**.x", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("$uppercase()", "$uppercase()", "available here: `$context`, `$cursor`, `$now`, `$query`"),
        ("$contains('a')", '$contains("a")', "write all of its arguments"),
        ("active", "active", "a variable begins with `$`; text needs quotes of its own: '\"active\"'"),
    ],
)
def test_a_path_of_a_request_begins_with_a_variable(expression, mark, hint):
    written = expression if expression.startswith("'") else "'" + expression.replace("'", '"') + "'"
    source = text(f"request_body_mapping: {{a: {written}}}", top="context: {region: {type: string}}\n")
    assert [(d.code, marked(d), d.hint) for d in findings(source)] == [("C217", mark, hint)]


@pytest.mark.parametrize(
    "expression",
    [
        "$query.start_time",
        "$query.users.id",
        "$query.users[id = $query.limit]",
        "$query.users.{'a': id}",
        "$query.users^(id).id",
        "$query.users.$string(id)",
        "$query.users#$i.{'i': $i, 'id': id}",
        "$query.users{id: $count($)}",
        "$map($query.users, function($u) { $u.id })",
        "$query ~> |users|{'id': id}|",
        "($q := $query; $q.limit)",
        "{'a': 1}.a",
        "[1, 2].$string($)",
        "$sort([2, 1], function($l, $r) { $l > $r })",
        "$query.limit ~> $string()",
        "$query.users.id.$uppercase()",
        "($string := function() { 1 }; $string())",
        "$now",
        "true",
    ],
)
def test_what_follows_a_value_has_something_to_look_in(expression):
    linked(text("request_body_mapping: |\n  " + expression.replace("'", '"')))


@pytest.mark.parametrize(
    ("endpoint", "top", "mark"),
    [
        ("when: aggregation_period = 'day'", "", "aggregation_period"),
        ("query_error: limit > 5 ? 'x'", "", "limit"),
        ("static_response: limit", "", "limit"),
        ("path_mapping: limit", "", "limit"),
        ("query_mapping: {a: limit}", "", "limit"),
        ("request_header_mapping: {A: limit}", "", "limit"),
        ("", "whole_days: {time_zone: zone, parameters: {start_time: floor}}\n", "zone"),
    ],
)
def test_every_expression_that_is_evaluated_before_the_reply_is_checked(endpoint, top, mark):
    assert told(text(endpoint.replace("'", '"'), top=top)) == [("C217", mark)]


def test_expressions_of_the_reply_have_the_reply():
    linked(text("recognise: $exists(rows)\nnext_cursor: cursor\nempty_when: errors\nlet: {a: query.b}"))


def test_an_alias_in_a_request_and_in_a_record_is_checked_as_part_of_the_request():
    assert told(text("request_body_mapping: {a: &a limit}\nlet: {b: *a}")) == [("C217", "limit")]
