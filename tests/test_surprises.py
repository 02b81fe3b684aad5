"""Where types make JSONata do what few expect: only if a schema says so, and nothing in the expression tests it."""

import pytest

from truto_mapper import Expression
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.surprises import Surprises
from truto_mapper.language import types
from truto_mapper.language.facts import TypeScope

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


EMPTY = '($row.nick ?: "")'
SURPRISES = [
    ('status != "x"', unequal("status")),
    ('$row.status != "x" ? 1 : 2', unequal("$row.status")),
    ('"x" != status', unequal('"x"', "status")),
    ('$query.zone != "x"', unequal("$query.zone")),
    ("items[rank != 1]", unequal("rank", "1")),
    ("id != status", unequal("id", "status")),
    ("status = other", [("note", "C220", "status = other", None)]),
    ("status = ()", [("warning", "C220", "status = ()", "write `$not($exists(status))`")]),
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
    ("items[rank]", [("warning", "C221", "rank", "write `[rank != 0]` for a condition")]),
]


@pytest.mark.parametrize(("text", "expected"), SURPRISES, ids=[text for text, _ in SURPRISES])
def test_a_surprise_is_told_with_what_to_write(text, expected):
    assert told(text) == expected


FINE = [
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
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_certain_tested_or_unknown_is_not_told(text):
    assert told(text) == []
