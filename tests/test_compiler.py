import ast
import os
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import get_args

import pytest
from test_expression import TEXTS

from truto_mapper.language import nodes
from truto_mapper.language.compiler import compiler, placer
from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import LIBRARY, NAMESPACE
from truto_mapper.language.runtime.values import MISSING, Budget, Run
from truto_mapper.text.errors import EvaluationError, MapperError
from truto_mapper.text.source import Source, Span

MORE = (
    '$user.id ? $join([$user.id, $period], "_")',
    "$query.users ? [$distinct($query.users.id)]",
    "($f := function($n){ $n = 0 ? 'done' : $f($n - 1) }; $f(3))",
    "$eval('a')",
    "1 ~> $string",
    "[1..a]",
    "[a, 1..2]",
    "[a, $x].b.[c]",
    "($clone := $f; $ ~> |a|{}|)",
    "a[$x]{b: $f(c != d)}",
    "a.b@$v{c: $v}",
    "a.b.{'c': %.d}",
    "a.*",
    "$count(**) + $count(a.*) + **.b",
    "a@$v.b@$w[$v.c = $w.c].d",
    "{'a': $f(sum(b))[0], 'a': [[1][0]]}",
    "a & b & c & d & e & f & g & h & i",
    "$round($lookup(a, b), 1) & $number($lookup(a, b)[0])",
    "$reduce(a, function($x, $y) { $append($x, $y) })[0] & $reduce(a, function($x, $y) { $merge([$x, $y]) })",
    "a ~> $map(function($x, $i) { [$x, $i] }) ~> $map($string) ~> $reduce(function($x, $y) { $x & $y })",
    "a.$each(function($v, $k) { $k & $v }) ~> $single(function($x) { $x = 'b' })",
    "a.{b: c}",
    "$uppercase(a) & $substringBefore(b, '-') & $length(a)",
    "[$string(a)].b",
    "a^(b)[0].c",
    "($v := a; $size($v))",
    "function($clone) { a ~> |b|{}| }",
)


def tree(text, **more):
    expression = Expression(text, **more)
    return compiler.program(expression.node, expression.placer, {}).tree


# What is generated


@pytest.mark.parametrize("text", [*TEXTS, *MORE])
def test_the_same_expression_gives_the_same_code(text):
    assert ast.dump(tree(text), include_attributes=True) == ast.dump(tree(text), include_attributes=True)


def test_another_process_with_another_hash_seed_generates_the_same_code():
    code = (
        "import ast, hashlib, sys; from truto_mapper.language.expression import Expression\n"
        "from truto_mapper.language.compiler.compiler import program\n"
        f"es = [Expression(t) for t in {[*TEXTS, *MORE]!r}]\n"
        "dumps = [ast.dump(program(e.node, e.placer, {}).tree, include_attributes=True) for e in es]\n"
        "print(hashlib.sha256(''.join(dumps).encode()).hexdigest())"
    )
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("text", [*TEXTS, *MORE])
def test_generated_code_names_nothing_but_its_own_locals_and_the_namespace(text):
    made = tree(text)
    own = {node.id for node in ast.walk(made) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(made) if isinstance(node, ast.arg)}
    own |= {node.name for node in ast.walk(made) if isinstance(node, ast.FunctionDef)}
    used = {node.id for node in ast.walk(made) if isinstance(node, ast.Name)}
    assert used - own <= NAMESPACE.keys()
    assert not own & NAMESPACE.keys()
    methods = {node.attr for node in ast.walk(made) if isinstance(node, ast.Attribute)}
    ours = {"begin", "body", "counted", "each", "end", "grown"}
    assert methods - ours <= {"__class__", "append", "get", "lower", "partition", "upper"}
    assert not [node for node in ast.walk(made) if isinstance(node, (ast.Import, ast.ImportFrom, ast.Global))]


def test_everything_in_the_namespace_is_called_by_some_code():
    expression = Expression("$f(a / b)", functions={"f": abs})
    given_a_function = compiler.program(expression.node, expression.placer, {"f": "caller_0"}).tree
    trees = [given_a_function, *map(tree, [*TEXTS, *MORE])]
    used = {node.id for made in trees for node in ast.walk(made) if isinstance(node, ast.Name)}
    assert {name for name in NAMESPACE.keys() - used if not name.startswith("f_")} == set()


def test_text_of_an_expression_is_nothing_but_a_constant():
    hostile = "__import__('os').system('false')"
    for text in (f'"{hostile}"', f"`{hostile}`", f'{{"{hostile}": 1}}', "$`x y`", f"a.`{hostile}`[b = '{hostile}']"):
        try:
            made = tree(text)
        except Exception:  # noqa: BLE001
            continue
        assert all(hostile not in str(n.id) for n in ast.walk(made) if isinstance(n, ast.Name))


def test_python_warns_of_no_code_whatever_literals_an_expression_has():
    literals = ("1", "2.5", '"a"', "null", "true", "[]", "{}", "/a/", "a")
    operators = ("=", "!=", "<", "+", "%", "&", "and", "or", "in", "..", "??", "?:", "~>")
    pairs = [(one, other) for one in literals for other in literals]
    texts = [f"{one} {operator} {other}" for one, other in pairs for operator in operators]
    few = [(one, other) for one, other in pairs if {one, other} <= {"2.5", '"a"', "null", "a"}]
    texts += [f"${name}([{one}, {other}], {other})" for name in LIBRARY for one, other in few]
    compared = 0
    for text in texts:
        with suppress(MapperError):  # a few are no expression
            made = tree(text)
            compile(made, "", "exec")  # a warning is an error here
            compared += 1
    assert compared > 2_500


def test_every_kind_of_node_is_handled():
    within = {nodes.Filter, nodes.Group, nodes.Index, nodes.Placeholder, nodes.Sort, nodes.Term}
    assert compiler.VALUES.keys() | within == set(get_args(nodes.Node))
    assert not compiler.VALUES.keys() & within
    assert compiler.RAW_VALUES.keys() == compiler.VALUES.keys()


def test_several_expressions_can_be_spliced_into_one_function():
    source = Source("m.yaml", "id: $user.id\nname: $user.name ?? $other")
    first = Expression("$user.id", source=source, offsets=tuple(range(4, 12)))
    second = Expression("$user.name ?? $other", source=source, offsets=tuple(range(19, 39)))
    numbers, names = count(1), {"user": "user", "other": "other"}
    body, values = [], []
    for one in (first, second):
        made = compiler.emit(one.node, names, "row", one.placer, temporaries=numbers, small=names)
        assert not made.runs
        body += made.statements
        values.append(made.value)
    arguments = ast.arguments([], [ast.arg(name) for name in ("row", "user", "other")], None, [], [], None, [])
    result = ast.Return(ast.List(values, ast.Load()))
    function = ast.FunctionDef("both", arguments, [*body, result], [], None, None)
    module = ast.fix_missing_locations(ast.Module([function], []))
    namespace = {**NAMESPACE, "__builtins__": {}}
    exec(compile(module, source.name, "exec"), namespace)
    assert namespace["both"]({}, {"id": 7}, "x") == [7, "x"]


# Where it stands


def failing(text, data=MISSING, bindings=None, **more):
    with pytest.raises(EvaluationError) as caught:
        Expression(text, **more).evaluate(data, bindings)
    return caught.value


def test_a_report_points_into_the_file_that_holds_the_expression():
    lines = ["key: |", "  $x.a &", '  "é😀" & (1 +', "  $x.b)", "other: 1"]
    source = Source("mäp.yaml", "\n".join(lines))
    offsets, text = [], ""
    for number in (1, 2, 3):
        start = source.start(number + 1) + 2
        line = lines[number][2:] + "\n"
        text += line
        offsets += range(start, start + len(line))
    error = failing(text, bindings={"x": {"b": "?"}}, source=source, offsets=tuple(offsets))
    assert error.code == "T2002"
    assert source.text[error.span.start : error.span.end] == "1 +\n  $x.b"
    assert source.position(error.span.start) == (3, 11)


def test_a_plain_traceback_points_at_the_line_and_column_of_the_author():
    source = Source("map.yaml", 'a: 1\nb: "é" & (2 - $x)')
    expression = Expression('"é" & (2 - $x)', source=source, offsets=tuple(range(8, 22)))
    try:
        expression.compiled.function(MISSING, Run(Budget(), 10), "text")
    except EvaluationError as error:
        frames = traceback.extract_tb(error.__traceback__)
    (frame,) = (f for f in frames if f.filename == "map.yaml")
    before = 'b: "é" & ('.encode()
    assert (frame.lineno, frame.colno, frame.end_colno) == (2, len(before), len(before) + len("2 - $x"))


def test_a_failure_within_a_lambda_is_marked_there():
    text = "$map([1, 2], function($v) { $v > 1 ? $v + 'a' : $v })"
    error = failing(text)
    assert text[error.span.start : error.span.end] == "$v + 'a'"


# What is hostile


HOSTILE = {
    "$f := function($n){ 1 + $f($n + 1) }; $f(1)": "D1011",
    "$f := function($n){ $f($n + 1) }; $f(1)": "D1012",
    "$f := function($s){ $f($s & $s) }; $f('x')": "D2014",
    "$f := function($s){ $f([$s, $s]) }; $f([1, 2])": "D2014",
    "$f := function($s){ $f($append($s, $s)) }; $f([1, 2])": "D2014",
    "$f := function($n){ $f($n * $n) }; $f(12345)": "D1001",
    "[1..1e9]": "D2014",
    "$map([1..1000], function($i){ [1..1e7] })": "D2014",
    "$map([1..1000], function($i){ $pad('x', 1e7) })": "D2014",
    "[1..1000].$pad('x', 1e7)": "D2014",
    "$x := [1..1000]; $x.($x.($x.($x[$ = 0])))": "D1012",
    "$x := [1..1000]; $x.($x.($x))": "D2014",
    "$x := [1..3000]; $count($x[$x[$x[$ = 0]]])": "D1012",
    '$count([0..9999999][$ != 1].($string() & "x"))': "D2014",
    "$f := function($n){ $sort([1, 2], function($l, $r){ $f(1) }) }; $f(1)": "D1011",
    "$f := function(){ $replace('a', /a/, $f) }; $f()": "D1011",
}


def test_a_hostile_expression_is_stopped_within_a_gigabyte():
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "from truto_mapper.language.expression import Expression\n"
        "from truto_mapper.text.errors import EvaluationError\n"
        "for text in sys.argv[1:]:\n"
        "    try: print(text, Expression(f'({text})').evaluate(timeout=1.0))\n"
        "    except EvaluationError as error: print(error.code, flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", program, *HOSTILE], capture_output=True, text=True, check=False)
    codes = dict(zip(HOSTILE, done.stdout.splitlines(), strict=False))
    late = {text: "D1012" for text in HOSTILE if codes.get(text) == "D1012"}  # a slow machine is stopped by the clock
    assert codes == HOSTILE | late, done.stderr


def nested(opening, closing, times, inner="1"):
    return opening * times + inner + closing * times


@pytest.mark.parametrize(
    "text",
    [
        nested("(", ")", 60),
        nested("[", "]", 60),
        nested("(true ? ", ")", 40),
        nested("a.(", ")", 40, "b"),
        nested("a[", "]", 40, "b"),
        nested('{"a": ', "}", 40),
        nested("$map([1], function($x) { ", " })", 25),
        nested("$not(", ")", 40),
        nested("a{'b': ", "}", 30),
        "1" + " + 1" * 60,
        "a" + ".b" * 120,
        "a" + "[0]" * 60,
    ],
)
def test_deep_expressions_compile(text):
    assert Expression(text).evaluate({"a": {"b": 1}}) is not None


def test_threads_that_share_an_expression_compile_and_run_it_together():
    rows = [{"items": [{"n": n} for n in range(20)], "base": i} for i in range(200)]
    text = "($t := $sum(items.n); $map(items, function($v){ $v.n + $$.base + $t }) ~> $sum)"
    alone = [Expression(text).evaluate(row) for row in rows]
    for _ in range(5):
        shared = Expression(text)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(shared.evaluate, rows)) == alone


def test_a_span_is_found_again_from_its_place():
    source = Source("f", "aé😀\n  bc\n")
    places = placer.Placer(source, lambda span: span)
    for start in range(len(source.text)):
        for end in range(start, len(source.text)):
            place = places.place(Span(start, end))
            position = (place["lineno"], place["end_lineno"], place["col_offset"], place["end_col_offset"])
            assert placer.span_at(source, position) == Span(start, end)
    assert placer.span_at(source, (1, 1, None, None)) is None
