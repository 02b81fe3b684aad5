"""Where types make JSONata do what few expect: only if a schema says so, and nothing in the expression tests it."""

import re

import data_files
import pytest

from truto_mapper import Expression
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.surprises import Surprises
from truto_mapper.language import types
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError

ITEM = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "rank": {"type": "integer"},
        "note": {"type": ["string", "null"]},
        "mixed": {"type": ["string", "integer"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["id", "items"],
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string"},
        "other": {"type": "string"},
        "nick": {"type": ["string", "null"]},
        "size": {"type": ["integer", "null"]},
        "items": {"type": "array", "items": ITEM},
        "maybe": {"type": ["array", "null"], "items": ITEM},
        "head": {**ITEM, "type": ["object", "null"]},
        "free": {},
    },
}


def told(text):
    expression, found = Expression(text), []

    def surprise(severity, code, node, _, hint):
        found.append((severity, code, text[node.span.start : node.span.end], hint))

    row = types.from_schema(SCHEMA, SCHEMA)
    query = types.Type(frozenset({"object"}), properties={"zone": types.union(types.STRING, types.UNDEFINED)})
    scope = TypeScope({"row": row, "$": row, "query": query}, row)
    Surprises(lambda *_: None, surprise, lambda node: written(expression, node)).infer_all(expression.node, scope)
    return found


def unequal(left, right='"x"'):
    return [("warning", "C220", f"{left} != {right}", f"write `$not({left} = {right})` if it is to be true there")]


def never(text):
    return [("warning", "C227", text, "turn the condition round, or swap the branches")]


NOTE = 'write `(items[id = "x"].note != null ? items[id = "x"].note : "")`'
BOTH = "write `nick != null and nick = size`"
EMPTY = '($row.nick ?: "")'
SURPRISES = [
    ('status != "x"', unequal("status")),
    ('$row.status != "x" ? 1 : 2', unequal("$row.status")),
    ('"x" != status', unequal('"x"', "status")),
    ('$query.zone != "x"', unequal("$query.zone")),
    ("items[rank != 1]", [("note", "C220", "rank != 1", "write `rank = 1 ? false : true` to keep these rows")]),
    ("id != status", unequal("id", "status")),
    ("status = other", [("note", "C220", "status = other", None)]),
    ("$not(status = other)", []),
    ("status = ()", [("warning", "C220", "status = ()", "write `$not($exists(status))`")]),
    ('items.id in ["a", "b"]', [("warning", "C205", "items.id", 'ask for each of them: `items.id[$ in ["a", "b"]]`')]),
    ('$row.items.id in "a"', [("warning", "C205", "$row.items.id", 'ask for each of them: `$row.items.id[$ in "a"]`')]),
    ('status != "" ? other', unequal("status", '""')),
    ('status != "x" ? status', unequal("status")),
    ('"a" & nick', [("warning", "C223", "nick", 'write `(nick ?: "")`')]),
    ('$row.nick & "a" & id', [("warning", "C223", "$row.nick", f"write `{EMPTY}`")]),
    ("size & 'px'", [("warning", "C223", "size", 'write `(size != null ? size : "")`')]),
    ("items.(note & '!')", [("warning", "C223", "note", 'write `(note ?: "")`')]),
    ("items^(rank)", [("note", "C222", "rank", "give them a value: `^(rank ?? …)`")]),
    ("items^(>note, id)", [("warning", "C222", "note", "select the rows first: `[note != null]`")]),
    ("items^(mixed)", [("warning", "C222", "mixed", "write `$string(mixed)`")]),
    (
        "$sort(items, function($l, $r) { $l.rank > $r.rank })",
        [("note", "C222", "$l.rank", "give it a value: `($l.rank ?? …)`")],
    ),
    ("items.rank[0]", [("warning", "C221", "0", "write `(items.rank)[0]`")]),
    ("$row.items.id[-1]", [("warning", "C221", "-1", "write `($row.items.id)[-1]`")]),
    ("nick ?? other", [("warning", "C228", "nick", "write `nick[$ != null] ?? other`")]),
    ('nick ?? "x"', [("note", "C228", "nick", 'write `nick[$ != null] ?? "x"`')]),
    ("id ?? other", [("warning", "C211", "other", "swap the sides if this is the better value")]),
    ("nick = null ? $string(nick)", never("nick")),
    ("nick != null ? id : $string(nick)", never("nick")),
    ('$not(nick) ? {"id": nick}', never("nick")),
    ('nick ? 1 : "none " & nick', never("nick")),
    ("$not($exists(status)) ? $uppercase(status)", never("status")),
    ("$exists(status) or $length(status) > 1", never("status")),
    ("items[note = null].$string(note)", never("note")),
    ("size != null ? 1 : size + 1", never("size")),
    ("$not($exists($query.zone)) ? [$uppercase($query.zone)]", never("$query.zone")),
    ("id[0]", [("warning", "C221", "0", "write `$substring(id, 0, 1)` for a character")]),
    (r"$match(id, /a(\d)/).groups[1]", [("warning", "C221", "1", "the first group is `[0]`")]),
    ('items[id = "x"].note & "!"', [("warning", "C223", 'items[id = "x"].note', NOTE)]),
    ('$count(maybe[id = "a"])', []),
    ('$exists($row.maybe) ? $count($row.maybe[id != "a"])', []),
    ("$count(maybe[$ != 1])", [("warning", "C224", "maybe[$ != 1]", "write `$count((maybe[$ != 1])[$ != null])`")]),
    ("items[rank]", [("warning", "C221", "rank", "write `[rank != 0]` for a condition")]),
    ("$exists(size) ? {'size': size}", []),
    ('items{"rank": $count($)}', [("warning", "C219", '"rank"', "write `rank` for the field")]),
    ('items{"rank": $sum(rank)}', []),
    ("{'a': nick = size}", [("note", "C220", "nick = size", None), ("warning", "C220", "nick = size", BOTH)]),
    ("$map(maybe, function($v) { {'a': $v.id} })", [("warning", "C229", "maybe", "write `maybe ? $map(…)`")]),
    ("maybe ? $map(maybe, function($v) { {'a': $v.id} })", []),
    (
        '$digest("SHA-256", id)',
        [("warning", "C225", '"SHA-256"', "the text comes first, then the name of the algorithm")],
    ),
    ('$replace("-", "", id)', [("warning", "C225", '"-"', "the text comes first, then what it may have")]),
]


@pytest.mark.parametrize(("text", "expected"), SURPRISES, ids=[text for text, _ in SURPRISES])
def test_a_surprise_is_told_with_what_to_write(text, expected):
    assert told(text) == expected


FINE = [
    'status != "" ? status',
    '"a" in items.id',
    "id in items.id",
    'items.id[$ in ["a", "b"]]',
    'id != "x"',
    'free != "x"',
    'status = "x"',
    '$not(status = "x")',
    "status != null",
    '$exists(status) and status != "x"',
    'status ? status != "x" : 1',
    '(status ?? "") != "x"',
    '$not($exists(status)) or status != "x"',
    'items.tags != "x"',
    "id = status",
    "free = status",
    '"a" & status',
    '"a" & id & free',
    '"a" & (nick ?: "")',
    'nick ? "a" & nick : ""',
    'nick != null ? "a" & nick : ""',
    "items^(id)",
    "items^(rank ?? 0)",
    "items[note != null]^(note)",
    "items^(free)",
    "$sort(items, function($l, $r) { $l.id > $r.id })",
    "$sort(items.id)",
    "(items.rank)[0]",
    "items[0].rank",
    "items.tags[0]",
    "items[rank = 1]",
    "items[$$.size]",
    "free.a[0]",
    r"$match(id, /a(\d)/).groups[0]",
    r"$match(id, /a(\d)/)[0].groups[-1]",
    r"$replace(id, /a(\d)/, '$1$$2')",
    "$sum(items.rank ?? 0)",
    "$count(status) > 0",
    '$row.head[id != "x"]',
    "(nick ?? other) != null ? 1",
    "nick[$ != null] ?? other",
    "nick ?: other",
    "nick ?? null",
    'id ?? "x"',
    "status ?? id",
    "nick = null ? nick : $uppercase(nick)",
    "nick ? $uppercase(nick) : nick",
    '$not($exists(status)) or $uppercase(status) = "X"',
    "$not(nick) ? $exists(nick)",
    "$not(free) ? $string(free)",
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_certain_tested_or_unknown_is_not_told(text):
    assert told(text) == []


NULLS = data_files.read("nulls.yaml")

#: Variables that may be null, and a list with null in it.
MAY_BE_NULL = {"t": {"type": ["string", "null"]}, "n": {"type": ["integer", "null"]}}
MAY_BE_NULL["l"] = {"type": ["array", "null"], "items": {"type": "string"}}
MAY_BE_NULL["i"] = {"type": "array", "items": {"type": ["string", "null"]}}
MAY_BE_NULL["o"] = {"type": ["object", "null"], "properties": {"a": {"type": "string"}}}


def codes_for(text):
    """The codes of what is told about an expression of variables that may be null, without notes."""
    expression, found = Expression(text), []
    kinds = {name: types.from_schema(schema, schema, (name,)) for name, schema in MAY_BE_NULL.items()}

    def surprise(severity, code, *_):
        found.extend([code] if severity != "note" else [])

    Surprises(lambda code, *_: found.append(code), surprise, lambda node: written(expression, node)).infer_all(
        expression.node, TypeScope(kinds, types.ANY)
    )
    return found


def outcome(text):
    given = dict.fromkeys(MAY_BE_NULL) | {"i": ["a", None]}
    try:
        value = Expression(text).evaluate(MISSING, given)
    except EvaluationError as error:
        return error.code
    return "absent" if value is MISSING else value


@pytest.mark.parametrize("row", NULLS, ids=lambda row: row["text"])
def test_what_null_does_is_told_where_it_fails_counts_or_becomes_text(row):
    assert outcome(row["text"]) == row["gives"]
    assert codes_for(row["text"]) == ([row["says"]] if row["says"] else [])


EXCLUDED = [row for row in NULLS if row["says"] and 'floorDate("' not in row["text"]]  # its zone must not be absent


@pytest.mark.parametrize("row", EXCLUDED, ids=lambda row: row["text"])
def test_null_that_a_predicate_excludes_is_not_told(row):
    assert codes_for(re.sub(r"\$([tnlio])\b", r"$\1[$ != null]", row["text"])) == []


TESTED = [
    "$t ? $uppercase($t)",
    "$t != null ? $uppercase($t)",
    "null != $t ? $uppercase($t)",
    "$t = null ? 1 : $uppercase($t)",
    "$not($t = null) ? $uppercase($t)",
    "$not($t) ? 1 : $uppercase($t)",
    "$boolean($t) ? $uppercase($t)",
    '$type($t) = "string" ? $uppercase($t)',
    '$type($t) = "null" ? 1 : $uppercase($t)',
    '$t = "a" ? $uppercase($t)',
    '$t in ["a", "b"] ? $uppercase($t)',
    "$n != null and $n > 1",
    "$n = null or $n > 1",
    "($n != null) ? $n + 1",
    "($is := $t != null; $is ? $uppercase($t))",
    "($v := $t; $v ? $uppercase($v))",
    "($v := $t; $t ? $uppercase($v))",
    "$t ? $uppercase($t) : {}.x",
    "($is := $t != null; $o.($is ? $uppercase($t)))",
    "$i[$ != null].$uppercase($)",
    "$map($i[$ != null], function($v) { $uppercase($v) })",
    "$filter($i, function($v) { $v != null }).$uppercase($)",
    "$map($i, function($v) { $v ? $uppercase($v) })",
    "$assert($t != null) ?? $uppercase($t)",
]


@pytest.mark.parametrize("text", TESTED)
def test_null_that_an_enclosing_test_excludes_is_not_told(text):
    assert codes_for(text) == []


PASSES = [
    "$exists($t) ? $uppercase($t)",
    '$t != "" ? $uppercase($t)',
    "$t = null ? $uppercase($o.a) : 1 + $n",
    '($t ?? "") & $uppercase($t)',
    "$n or $uppercase($t) = 'A'",
    "$map($i, $uppercase)[$n > 1]",
]


@pytest.mark.parametrize("text", PASSES)
def test_a_test_that_null_passes_excludes_nothing(text):
    assert codes_for(text) != []


ARGUMENTS = data_files.read("arguments.yaml")

#: Variables for arguments that can never work.
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
CALL = {"type": "object", "properties": {"who": {"type": "string"}, "minutes": {"type": "integer"}}}
KNOWN = {name: {"type": "string", "format": name} for name in ("date", "date-time", "time-zone")}
LISTS = {"l": {"type": "array", "items": CALL}, "i": {"type": "array", "items": {"type": "string"}}}
GIVEN = {"t": {"type": "string"}, "n": {"type": "integer"}, "b": {"type": "boolean"}, "o": PERSON, **LISTS}
GIVEN |= {"d": KNOWN["date-time"], "day": KNOWN["date"], "zone": KNOWN["time-zone"]}
GIVEN |= {"k": {"type": "string", "enum": ["a", "b"]}, "id": {"type": ["string", "integer"]}}


@pytest.mark.parametrize(
    "text",
    [
        '[$t, $o][$type($) = "string"].$trim($)',
        '$map([$t, $o], function($x) { $type($x) = "string" ? $trim($x) : $x.name })',
        "$map([$t, $o], function($x) { $x.name ? $x.name : $trim($x) })",
        "[$t, $o].($exists(name) ? name : $trim($))",
        "$sum($append($i, $n))",
    ],
)
def test_a_value_of_one_of_several_types_may_be_given_where_its_type_was_asked_for(text):
    kinds = {name: types.from_schema(schema, schema, (name,)) for name, schema in GIVEN.items()}
    expression, found = Expression(text), []
    judge = Surprises(lambda *told: found.append(told), lambda *told: found.append(told), lambda _: "…")
    judge.infer_all(expression.node, TypeScope(kinds, kinds["o"]))
    assert found == []


@pytest.mark.parametrize("row", ARGUMENTS, ids=lambda row: row["text"])
def test_arguments_that_can_never_work_are_all_told_at_their_places(row):
    expression, found = Expression(row["text"]), []
    kinds = {name: types.from_schema(schema, schema, (name,)) for name, schema in GIVEN.items()}

    def tell(code, node, message, *_):
        found.append(f"{code} ‹{row['text'][node.span.start : node.span.end]}› {message}")

    def surprise(severity, code, node, message, _):
        if severity != "note":
            tell(code, node, message)

    judge = Surprises(tell, surprise, lambda node: written(expression, node))
    judge.infer_all(expression.node, TypeScope(kinds, kinds["o"]))
    assert list(dict.fromkeys(found)) == row["says"]
    assert row["says"]


def test_a_sort_may_be_followed_by_a_number():
    assert told("$row.items^(id)[0].id") == []
