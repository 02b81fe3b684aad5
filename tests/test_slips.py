"""What is valid, but was probably meant to be something else."""

import pytest

from truto_mapper import Expression
from truto_mapper.authoring.check.slips import slips

SETTINGS = {"query": ["start_time", "users"], "context": ["time_zone"]}


def told(text):
    found = list(slips(Expression(text), SETTINGS))
    assert all(one.severity == "warning" for one in found)
    return [(one.code, text[one.span.start : one.span.end], one.hint) for one in found]


SLIPS = [
    ("($x := 2; $x = 1; $x)", [("C218", "$x = 1", "`=` compares: write `$x := 1`")]),
    ("($x := 2; $x = $f($x); $x)", [("C218", "$x = $f($x)", "`=` compares: write `$x := $f($x)`")]),
    ("(a.b; c)", [("C218", "a.b", "remove it, or bind it: `$name := …`")]),
    ("($x := 1; $x + 1; 5)", [("C218", "$x + 1", "remove it, or bind it: `$name := …`")]),
    ('"Hello ${name}"', [("C219", '"Hello ${name}"', 'write `"Hello " & name`')]),
    ('"${a} and ${b.c}!"', [("C219", '"${a} and ${b.c}!"', 'write `a & " and " & b.c & "!"`')]),
    ('"/users/{{ $query.users }}"', [("C219", '"/users/{{ $query.users }}"', 'write `"/users/" & $query.users`')]),
    ('"${a ? 1 : 2}x"', [("C219", '"${a ? 1 : 2}x"', 'write `(a ? 1 : 2) & "x"`')]),
    ("`Hello ${name}`", [("C219", "`Hello ${name}`", 'write `"Hello " & name`')]),
    ("a = True", [("C219", "True", "write `true`")]),
    ("a = None", [("C219", "None", "write `null`")]),
    ("a ? NULL : b", [("C219", "NULL", "write `null`")]),
    ("a != undefined", [("C219", "undefined", "write `$exists(…)` or `$not($exists(…))`")]),
    ("“Ada”", [("C219", "“Ada”", 'write `"Ada"`, or backquotes around the name')]),
    ("a = ‘b’", [("C219", "‘b’", "write `'b'`, or backquotes around the name")]),
    ("a–b", [("C219", "a–b", "write `a-b`, or backquotes around the name")]),
    ("a\u00a0& b", [("C219", "a\u00a0", "write `a `, or backquotes around the name")]),
    ("a.b\u200b", [("C219", "b\u200b", "remove it")]),
    ("f'x'", [("C219", "f'x'", "write the quotes around all of the text")]),
    ("query.start_time", [("C219", "query", "write `$query.start_time`")]),
    ("users[zone = context.time_zone]", [("C219", "context", "write `$context.time_zone`")]),
    ("a.[0]", [("C221", "[0]", "write `a[0]` to select an item")]),
    ("a.b.[1]", [("C221", "[1]", "write `a.b[1]` to select an item")]),
    ('a["b"]', [("C221", '"b"', "write `.b` for the field")]),
    ("a['b c']", [("C221", "'b c'", "write `` .`b c` `` for the field")]),
    ('{\\"id\\": 1}', [("C219", '\\"id\\"', 'write `"id"`')]),
    ("`${a}-${b}`", [("C219", "`${a}-${b}`", 'write `a & "-" & b`')]),
    ('f#$i.["k"]', [("C221", '["k"]', 'write `[["k"]]` for an array of arrays')]),
    ("f#$i.[k, $i]", [("C221", "[k, $i]", "write `[[k, $i]]` for an array of arrays")]),
    ("a@$v.[$v.b]", [("C221", "[$v.b]", "write `[[$v.b]]` for an array of arrays")]),
    ("m[$$.i][0]", [("C221", "0", "write `(m[$$.i])[0]`")]),
    ("$map(a, function($v, $i) { $$.m[$i][0] })", [("C221", "0", "write `(m[$i])[0]`")]),
    ("$size($count.callsAsHost)", [("C219", "$count", "write `$count(…)`")]),
    ("$length[0]", [("C219", "$length", "write `$length(…)`")]),
    ("function($a) { $a.b }.c", [("C219", "function($a) { $a.b }", "call it: `(function(…) { … })(…)`")]),
    ("$length > 200", [("C219", "$length", "write `$length(…)`")]),
    ('"a" & $now', [("C219", "$now", "write `$now(…)`")]),
    ("$count", [("C219", "$count", "write `$count(…)`")]),
    ('($known := {"a": 1}; $lookup(known, kind))', [("C219", "known", "write `$known`")]),
    ("$map(a, function($v) { v.b })", [("C219", "v", "write `$v`")]),
    ('{"id": a, "id": b}', [("C219", '"id"', "remove one of them, or rename it")]),
    ("m[$n - 1][0]", [("C221", "0", "write `(m[$n - 1])[0]`")]),
    ('$fromMillis(a, "[Y]-[m01]-[D01]")', [("C219", '"[Y]-[m01]-[D01]"', "write `M` for the month")]),
    ('$dtFromFormat(a, "yyyy-mm-dd HH:mm")', [("C219", '"yyyy-mm-dd HH:mm"', "write `M` for the month")]),
    ('$toMillis(a, "[M]/[D]/[Y] [H]:[M01]")', [("C219", '"[M]/[D]/[Y] [H]:[M01]"', "write `m` for minutes")]),
    ('a ~> $toMillis("[Y]-[M]-[D] [h]:[m]")', [("C219", '"[Y]-[M]-[D] [h]:[m]"', "write `H` for the hour of the day")]),
    ('$dtFromIso(a).toFormat("h:m")', [("C219", '"h:m"', "write `H` for the hour of the day")]),
    ("a.b ?: $number(a.b) / 100", [("C219", "a.b", "write `a.b ? $number(a.b) / 100`")]),
    ('a ?? "no " & a', [("C219", "a", 'write `a ? "no " & a`')]),
    ('rows^("name")', [("C222", '"name"', "write `name` for the field")]),
    ("rows^(>name, 1)", [("C222", "1", "write a field")]),
    ("rows[$count(rows)].a", [("C221", "$count(rows)", "write `[-1]`")]),
    ("$filter(a, function($v) { $ != null })", [("C219", "$", "`$` is what is around the call: write `$v`")]),
    ("$map(a, function($v, $i) { {'id': $w.id} })", [("C219", "{'id': $w.id}", "read `$v`")]),
    ("$each(a, function($v, $k) { {'name': $k} })", [("C219", "{'name': $k}", "read `$v`")]),
    ("$join([a, b][$ != null])", [("C219", "$join([a, b][$ != null])", 'write `$join(…, " ")`')]),
    (
        "$sort(a, function($v) { $v.b })",
        [("C219", "function($v) { $v.b }", "write `…^(…)` to sort by a key")],
    ),
    (
        "$reduce(a, function($s, $v) { $max([$s, $v.b]) })",
        [
            (
                "C219",
                "$reduce(a, function($s, $v) { $max([$s, $v.b]) })",
                "give what it begins with as a third argument: `, 0)`",
            )
        ],
    ),
    ('$reduce(a, function($s, $v) { $s + $v.b }, "")', [("C219", '""', "write `0`")]),
    ("($s := 1; ($s = $s + 1) ? a)", [("C219", "$s = $s + 1", "write `$s + 1`, or bind it: `$s := …`")]),
    ("$round(a.b) * 100", [("C219", "$round(a.b) * 100", "write `$round(a.b * 100)`")]),
    ("[a.b, c, a.b]", [("C219", "a.b", "one of them should be another value")]),
    ("a.b + a.b", [("C219", "a.b + a.b", "one of them should be another value")]),
    (
        "$encodeUrlComponent($encodeUrlComponent(a))",
        [("C219", "$encodeUrlComponent(a)", "write `$encodeUrlComponent` once")],
    ),
    ('$contains(a, "/not found/i")', [("C219", '"/not found/i"', "write `/not found/i`")]),
    (
        '$encodeUrlComponent(a & "/notes")',
        [("C219", '"/notes"', "write it behind the call: `$encodeUrlComponent(…) & …`")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), SLIPS, ids=[text for text, _ in SLIPS])
def test_a_slip_is_told_with_what_to_write(text, expected):
    assert told(text) == expected


FINE = [
    "a ?? b[a = 1]",
    '$join([a, " ", b])',
    "$join(a)",
    "$sort(a, function($v, $w) { $v.b > $w.b })",
    "$reduce(a, function($s, $v) { $v.b > $s.b ? $v : $s })",
    "$reduce(a, function($s, $v) { $s + $v })",
    "$reduce(a, function($s, $v) { $s + $v.b }, 0)",
    '$reduce(a, function($s, $v) { $s & $v.b }, "")',
    "$round(a / 60) * 60",
    "$each(a, function($v, $k) { $k })",
    "a ?: a.b",
    "rows^(name)",
    "rows[$count(rows) - 1]",
    "rows[$count(others)]",
    "$map(a, function($v, $i) { $i })",
    '$map(a, function($v) { "x" })',
    "$reduce(a, function($v, $w) { $w })",
    '$contains(a, "/users/")',
    '$encodeUrlComponent(owner & "/" & name)',
    '$fromMillis(a, "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z")',
    '$dtFromFormat(a, "HH:mm dd/MM/yyyy")',
    "$dtFromFormat(a, \"d LLL yyyy 'at' h:mm a\")",
    '$toMillis(a, "[h]:[m] [P]")',
    '$fromMillis(a, "[Y]-[d] [H01][m01]")',
    "$map(a, $string)",
    "a ~> $uppercase",
    "($f := $count; $f(a))",
    "$exists($count)",
    "(function($a) { $a.b })(c).d",
    "($status := status; $status)",
    "($known := {}; $lookup($known, known))",
    "$map(a, function($v, $i) { $v.i })",
    "$map(a, function($v, $i) { $v & $v.i })",
    "$reduce(a, function($sum, $v) { $sum + $v })",
    "($count := 1; $count > 0)",
    '{"a": b, "c": {"a": b}}',
    "($x := 1; $x)",
    "($f(1); $x)",
    "($x := 1; $x = 1)",
    '"costs ${"',
    '"{{}} ${} {a}"',
    '"${not an expression}"',
    "`a b`.`“c”`",
    '"“quoted”"',
    "a.True",
    "`True`",
    "True.b",
    "query.other",
    "query",
    "$query.start_time",
    "a[0]",
    "a.[b]",
    "a.[b, 0]",
    "a.[1, b].c",
    "a[b = 1][0]",
    "a[b][0]",
    "a[$exists(b)][0]",
    "a[$][0]",
    "a.b[0][1]",
    "a#$i.b",
    "a#$i.[[b]]",
    "a#$i.{'b': $i}",
    "a.{'b': 'c'}",
    "a.'b'",
    "résumé & 名前",
    "名称（全称）",
    "/“/",
]


@pytest.mark.parametrize("text", FINE)
def test_what_has_a_meaning_of_its_own_is_not_told(text):
    assert told(text) == []
