"""The time and the memory of an evaluation, and of all evaluations of a page, are bounded whatever they evaluate."""

import ast
import itertools
import re
import sys
import tracemalloc
from collections import Counter

import pytest
from contacts import mapper_of
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.engine import per_page
from truto_mapper.language.compiler import compiler
from truto_mapper.language.expression import Expression
from truto_mapper.language.library import strings
from truto_mapper.language.runtime import sets, sorting
from truto_mapper.language.runtime.values import CHUNK, DEFAULT_DEPTH, MISSING, Budget, Run, Walk, equal
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.errors import EvaluationError, MapperError, MappingError

N = 3_000
#: Integers with one hash.
COLLIDING = [number * (2**61 - 1) for number in range(1, 200)]


@pytest.fixture
def clock(monkeypatch):
    """A clock on which a hundredth of a second passes when it is read. Gives how often it was."""
    return ticking(monkeypatch, 100)


def ticking(monkeypatch, rate):
    read = itertools.count()
    monkeypatch.setattr(Budget, "clock", staticmethod(lambda: next(read) / rate))
    return read


def failure(text, data=MISSING, timeout=5.0, **bindings):
    with pytest.raises(EvaluationError) as caught:
        Expression(text).evaluate(data, bindings, timeout=timeout)
    return caught.value


def value(text, data=MISSING, **bindings):
    return Expression(text).evaluate(data, bindings)


# Time

DATA = {
    "a": [{"i": -number} for number in range(N)],
    "l": list(range(N)),
    "m": [[number] for number in range(N)],
    "n": [[number] for number in range(N)],
    "s": [f"text {number}" for number in range(N)],
    "o": {f"key {number}": [number] for number in range(N)},
    "t": "ab" * 20_000,
}

#: Each one spends its time in loops of ours or of Python, at most N of them for each item of an array.
SLOW = [
    "$count(m[$ in $$.n])",
    "m[$ in $$.m]",
    "a[$$.m = $$.n]",
    "a[$$.m != $$.n]",
    "$count(l.($sum($$.l)))",
    "$count(l.($average($$.l)))",
    "$count(l.($max($$.l)))",
    "$count(l.($reverse($$.l)))",
    "$count(l.($distinct($$.m)))",
    "$count(l.($sort($$.s)))",
    "$count(l.($$.a^(i)))",
    "$count(l.($shuffle($$.l)))",
    "$count(l.($join($$.s)))",
    "$count(l.($string($$.m)))",
    "$count(l.($string($$.o)))",
    "l.($ & $$.m)",
    "$count(l.($split($$.t, 'b')))",
    "$count(l.($replace($$.t, 'b', 'c')))",
    "$count(l.($replace($$.t, /b/, 'c')))",
    "$count(l.($contains($$.t, /(a|b)*c/)))",
    "$count(l.($match($$.t, /a/)))",
    "$count(l.($trim($$.t)))",
    "$count(l.($uppercase($$.t)))",
    "$count(l.($encodeUrl($$.t)))",
    "$count(l.($base64encode($$.t)))",
    "$count(l.($keys($$.o)))",
    "$count(l.($merge([$$.o, $$.o])))",
    "$count(l.($spread($$.o)))",
    "$count(l.($clone($$.o)))",
    "$count(l.($$.o ~> |$|{'z': 1}|))",
    "$count(l.($zip($$.l, $$.l)))",
    "$count(l.($boolean($$.m)))",
    "l[$$.m and false]",
    "l.($$.a.i)",
    "l.($$.**)",
    "l.($$.o.*)",
    "$count(l.($lookup($$.a, 'i')))",
    "$count(l.($each($$.o, function($v){1})))",
    "$count(l.($sift($$.o, function($v){true})))",
    "$count(l.($map($$.l, function($v){1})))",
    "$count(l@$x.l@$y[$x > $y + 0])",
    "l.($$.a{$string(i): i})",
    "$count(l.($formatInteger(1999999, 'I')))",
    "$count(l.($parseInteger($pad('', 2000, 'm'), 'i')))",
    "$count(l.($toMillis($pad('', 2000, '1'), $pad('', 1998, '[MNn]-'))))",
    "$count(l.($eval('[' & $join([1..300].('1'), ',') & ']')))",
    "$reduce([1..200000], function($x, $y){ $x + $y })",
    "($f := function($n){ $f($n + 1) }; $f(1))",
]


@pytest.mark.parametrize("text", SLOW)
def test_every_loop_looks_at_the_clock(text, clock):
    found = failure(text, DATA, timeout=0.2)
    assert next(clock) <= 22
    is_large = "$spread" in text or "@" in text  # many small objects
    assert found.code == "D1012" or (is_large and found.code == "D2014")


#: Each one finds values by their hashes: it looks at the clock about as often as a few passes over the data do.
HASHED = [
    "$count(l[($ + 9007199254740993) in $$.l])",
    "$count(l@$x.l@$y[$x * 2305843009213693951 = $y * 2305843009213693951])",
    "$count(a[i in $$.l])",
    "$count(l[(-$) in $$.l])",
    "$count(s[('x' & $) in $$.s])",
    "$count(s[$ in $$.s])",
    "$count($reduce(l, function($a, $v){ ($v % 10) in $a ? $a : $append($a, $v % 10) }, []))",
    "$count($distinct(a.(i % 7)))",
    "$count($distinct(m))",
    "$count(l@$x.l@$y[$x = $y])",
    "$count(l@$x.l@$y[$string($x) = $string(-$y)])",
    "$count(l@$x.$$.a[$x = -i])",
    "$count(a@$x.a@$y[$x.i = $y.i and $x.i < $y.i])",
    "$count(a@$x.$$.a@$y[$x.i = $y.i].$$.l@$z[$z = -$y.i].{'z': $z})",
]


@pytest.mark.parametrize("text", HASHED)
def test_what_is_found_by_hash_takes_time_linear_in_the_data(text, clock):
    assert isinstance(Expression(text).evaluate(DATA, timeout=60.0), int)
    assert next(clock) < 1_000


@pytest.mark.parametrize("text", ["a.[$, [$]]", "a.{'x': {'y': $}}", "a[[1, 2, 3]]", "a.*.*", "a[$ = 'x']"])
def test_an_expression_on_its_own_looks_at_the_clock_even_in_a_single_pass(text, clock):
    found = failure(text, {"a": [0] * 1_000_000}, timeout=0.2)
    assert found.code == "D1012"
    assert next(clock) <= 22


def test_many_numbers_of_a_predicate_count_as_work(clock):
    assert failure("l[$$.l]", {"l": list(range(N))}, timeout=0.2).code == "D1012"
    assert next(clock) <= 22


def test_what_is_long_but_no_loop_is_refused_before_it_begins():
    assert failure("$contains(t, /(a?){1000}b/)", {"t": "a" * 1_000_000}).code == "D1012"
    assert value("$contains(t, /(a?){1000}b/)", {"t": "a" * 100}) is False
    literals = "[" + ",".join("1" * 20_000) + "]"
    assert len(value("$eval(t)", {"t": literals})) == 20_000
    assert failure("$eval(t)", {"t": literals}, timeout=1.0).code == "D1012"
    assert failure("$eval(t)", {"t": ".".join("a" * 6000)}).code in ("D1012", "D3120")
    assert failure("$eval(t)", {"t": "[" + ",".join("a" * 6000) + "]"}).code == "D1012"


def test_a_search_of_a_long_text_says_what_it_would_take():
    found = failure("$match(t, /(a|b)*a(a|b){30}c/)", {"t": "ab" * 3_000_000})
    assert "searching 6,000,000 characters for this regular expression may take longer than 5 seconds" in str(found)


GROWING = {
    "steps with %": lambda n: "a." * n + "%." * n + "b",
    "paths with %": lambda n: " & ".join(["a.b.c.%.%.d"] * n),
    "assignments of paths": lambda n: "(" + ";".join(["$a := b.c[d]"] * n) + ")",
    "fields": lambda n: "{" + ",".join(f'"k{i}": a.b' for i in range(n)) + "}",
    "variables": lambda n: "(" + ";".join(f"$v{i} := $v{i // 2} + 1" for i in range(n)) + ")",
    "lambdas": lambda n: "[" + ",".join(["$map(a, function($x) { $x.b })"] * n) + "]",
    "conditions": lambda n: "".join(f'c = "{i}" ? a{i} : ' for i in range(n)) + "z",
    "predicates": lambda n: "a" + "[b = 1][0]" * n,
    "joins": lambda n: "a" + "".join(f".b@$v{i}[c = $v{i // 2}]" for i in range(n)),
}


@pytest.mark.parametrize("form", GROWING.values(), ids=GROWING)
def test_the_code_of_a_longer_text_is_longer_in_proportion(form):
    def calls(text):
        """How many Python functions are called to read and compile a text."""
        counted = Counter()
        sys.setprofile(lambda _frame, event, _value: counted.update([event]) if event == "call" else None)
        try:
            made = Expression(text)
            program = compiler.program(made.node, made.placer, {})
        finally:
            sys.setprofile(None)
        return counted["call"], sum(1 for _ in ast.walk(program.tree))

    short, long = calls(form(60)), calls(form(120))
    assert all(one * 2.3 > two for one, two in zip(short, long, strict=True))


def test_a_table_of_literals_is_one_constant():
    for text in ('{"a": 1' + "".join(f', "k{i}": "v{i}"' for i in range(1000)) + "}", "[1" + ', "x"' * 1000 + "]"):
        made = Expression(f"$map([1, 2], function($i) {{ {text} }})")
        one, other = made.evaluate()
        assert one == other == Expression(text).evaluate()
        assert one is not other
        assert len(compiler.program(Expression(text).node, made.placer, {}).tree.body[0].body) < 5


def test_an_expression_is_bounded_in_what_it_takes_to_compile():
    with pytest.raises(MappingError, match="more than 10,000 names, operators, calls") as caught:
        Expression("[" + ",".join("a" * 10_001) + "]")
    assert caught.value.code == "M104"
    with pytest.raises(MappingError, match="more than 10,000 names, operators, calls"):
        Expression("a" + "[0]" * 10_001)
    assert Expression("[" + ",".join("1" * 15_000) + "]").node is not None
    with pytest.raises(MappingError, match="too many lambdas, groups, sorts, transforms, @, # and % to compile"):
        value("[" + ",".join(["a{b: c, d: c}"] * 1_300) + "]")
    with pytest.raises(MappingError, match="the parents of the % are more than 500,000 steps away"):
        Expression("(b)" + ".a" * 800 + ".%" * 800)
    many = "(" + ";".join(f"$a{number} := 1" for number in range(400)) + ";" + ";".join(["$eval('1')"] * 100) + ")"
    with pytest.raises(MappingError, match="see more than 20,000 variables") as caught:
        value(many)
    assert caught.value.code == "M104"


def test_equal_hashes_make_nothing_slow():
    walk = Walk()
    for made in (
        COLLIDING,
        [[one] for one in COLLIDING],
        [{"k": one} for one in COLLIDING],
        [[1, one] for one in COLLIDING],
    ):
        assert len({hash(sets.frozen(one, walk)) for one in made}) == len(made)
        assert value("$count($distinct($))", [*made, *made]) == len(made)


@pytest.mark.parametrize("text", ["$count(items[i in $list])", "$count(items@$x.keys@$y[$x.i = $y])"])
def test_equal_hashes_of_numbers_are_no_keys(text):
    keys = list(COLLIDING)
    assert value(text, {"items": [{"i": one} for one in COLLIDING], "keys": keys}, list=keys) == len(COLLIDING)
    assert {sets.key_of(one) for one in COLLIDING} == {MISSING}


def test_numbers_are_distinct_as_before():
    numbers = [1, 1.0, True, 2**61, 2.0**61, 0.5, [1], [1.0], [True], {"a": 1}, {"a": 1.0}, "1", ["1"]]
    assert value("$distinct($)", numbers) == [1, True, 2**61, 0.5, [1], [True], {"a": 1}, "1", ["1"]]


@given(
    st.lists(st.one_of(st.integers(-3, 3), st.sampled_from([2**53, 2**53 + 1, 2.0**53, True, False, None, "1", [1]])))
)
def test_a_value_is_in_an_array_if_it_equals_an_item(among):
    run = Run(Budget(), DEFAULT_DEPTH)
    for one in [1, 1.0, 2**53, 2**53 + 1, 2.0**53, True, False, "1", None]:
        assert sets.included(one, among, run) == any(equal(one, item) for item in among)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=40), st.booleans())
def test_an_array_that_is_sorted_in_parts_is_sorted_and_stable(pairs, reverse):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_SORTED", 4)
        made = sorting.in_order(Run(Budget(), DEFAULT_DEPTH), pairs, lambda pair: pair[0], reverse=reverse)
    assert made == sorted(pairs, key=lambda pair: pair[0], reverse=reverse)


@given(st.text("a \t\n", max_size=30))
def test_a_text_that_is_trimmed_in_parts_is_trimmed(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strings, "CHUNK", 3)
        made = strings.trim(Run(Budget(), DEFAULT_DEPTH), text)
    assert made == re.sub(r"[ \t\n]+", " ", text).removeprefix(" ").removesuffix(" ")


def test_long_texts_are_sorted_with_a_look_at_the_clock(clock):
    long = "a" * 20_000
    texts = [long + str(number * 7919 % 100) for number in range(100)]
    assert failure("$sort($)", texts, timeout=0.01).code == "D1012"
    assert next(clock) < 10


# Memory

BIG = "$s := $pad('', 9000000, 'x'); "
LARGE = [
    "($s := $pad('', 1000000, 'x'); $string([1..3000].($s)))",
    "($s := $pad('', 1000000, 'x'); $string([1..3000].{'a': $s}, true))",
    f"({BIG}{' & '.join(['$s'] * 100)})",
    f"({BIG}$join([{', '.join(['$s'] * 100)}], ','))",
    "($x := [1..900000]; [" + ", ".join(["$x"] * 100) + "])",
    "($x := [1..100000]; $count([1..3000].($x)))",
    "$split($pad('', 10000000, 'é'), '')",
    "$base64encode($pad('', 9999999, 'x'))",
    "$encodeUrl($pad('', 9999999, 'é'))",
    "$replace($pad('', 1000000, 'a'), 'a', $pad('', 1000, 'b'))",
    "$replace($pad('', 100000, 'a'), /(a*)/, $pad('', 10000, '$1'))",
    "($a := 'xxxxxxxxxx'; " + "$a := $a & $a; " * 40 + "$a)",
    "($a := 'xxxxxxxxxx'; " + "$a := $join([$a, $a], ''); " * 40 + "$a)",
    "($a := [1]; " + "$a := [$a, $a]; " * 40 + "$a)",
    "[1..100000].($$ & 'x')",
    "[1..100000].$uppercase($$)",
    "[1..100000].{'a': $$ & 'x'}",
    "$map([1..100000], function($n){ $substring($$, 1) })",
    "$reduce([1..20000], function($a, $n){ [$a, $$ & $n] }, [])",
    "$reduce([1..20000], function($a, $n){ {'a': [[$a]], 'b': [$$ & $n]} }, [])",
]


@pytest.mark.parametrize("text", LARGE)
def test_no_evaluation_takes_much_memory(text):
    expression = Expression(text)
    _ = expression.compiled
    tracemalloc.start()
    try:
        with pytest.raises(EvaluationError) as caught:
            expression.evaluate("a" * 60_000, timeout=60.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "D2014"
    assert peak < 400_000_000


#: Each makes numbers, short texts or functions, which count with the array that they are in.
LOOPING = [
    "$map([1..20000], function(){ $map([1..60], function($n){ $n * 1.5 }) })",
    "[1..120000].($ * 1.5)",
    "$map([1..80000], function($n){ 'text ' & $n })",
    "[1..60000].$uppercase('a text of some length that the function makes anew')",
    "[1..40000].($power(10, 300) + $)",
    "[1..60000].function($n){ $n }",
    "[1..60000]{$string($): $ * 1.5}",
    "$reduce([1..120000], function($a, $n){ $append($a, $n * 1.5) }, [])",
    "[" + ", ".join(["[[1..18000].($ * 1.5)]"] * 20) + "]",
]


@pytest.mark.parametrize("text", LOOPING)
def test_no_loop_takes_much_memory(text, monkeypatch):
    monkeypatch.setattr("truto_mapper.language.runtime.values.MAX_SPENT", 5_000_000)
    expression = Expression(text)
    _ = expression.compiled
    tracemalloc.start()
    try:
        with pytest.raises(EvaluationError) as caught:
            expression.evaluate(timeout=60.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "D2014"
    assert peak < 10_000_000


def test_a_long_array_of_the_input_is_read_at_the_cost_of_its_results():
    numbers = list(range(1_000_000))
    assert value("[$count(l.($ * 1.5)), $count(l[$ > 5]), $sum(l.($ + 1))]", {"l": numbers})[:2] == [10**6, 10**6 - 6]
    assert value("$count([1..10000000])") == 10_000_000


def test_a_long_padding_is_only_as_long_as_it_must_be():
    tracemalloc.start()
    made = value("$pad('', 10000000, $pad('', 300, 'x'))")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(made), peak < 40_000_000) == (10_000_000, True)


@pytest.mark.parametrize(
    "text", ["x * x", "x * y", "x % y", "x / y", "1 % x", "$round(x, -2)", "$reduce([x, y], $product)"]
)
def test_integers_beyond_a_double_are_refused_where_their_digits_would_take_long(text):
    data = {"x": 10**2_000, "y": 10**1_000}
    assert failure(f"($product := function($a, $b) {{ $a * $b }}; {text})", data).code == "D1001"
    assert value("[$round(x, 2), x + 1, x - y]", data) == [10**2_000, 10**2_000 + 1, 10**2_000 - 10**1_000]


def test_the_items_to_sort_count_as_memory_before_they_are_sorted():
    assert failure("$sort([1..5000000], function($l, $r){$l < $r})").code == "D2014"


def test_what_is_replaced_does_not_count():
    assert value("$count($reduce([1..8000], function($a, $n){ $append($a, $n) }, []))") == 8_000
    assert value("$length($reduce([1..4000], function($a, $n){ $a & $pad('', 60, 'x') }, ''))") == 240_000


# What is written

FOLDED = "$reduce([1..40], function($a, $n){ {'a': $a, 'b': $a} }, 1)"


@pytest.mark.parametrize(
    "text",
    [FOLDED, "$reduce([1..40], function($a, $n){ [[$a], [$a]] }, 1)", "[1..1000].{'a': $$}", "[[1..1000].$$, 1]"],
)
def test_a_result_is_bounded_as_it_is_written(text):
    assert failure(text, "x" * 1_000_000, timeout=60.0).code == "D2014"


def test_a_message_quotes_the_start_of_a_value_that_is_long_when_written():
    folded = 1
    for _ in range(60):
        folded = {"a": folded, "b": folded}
    assert failure("$x + 1", x=folded).code == "T2001"
    assert len(excerpt(folded)) == len(excerpt("x" * 1_000)) == 60
    assert len(str(failure("$x + 1", x="y" * 100_000))) < 2_000


def rows(count, **more):
    return {"data": [{"key": f"{number}", "text": f"text {number}", "n": number, **more} for number in range(count)]}


def lets(first, step, times=40):
    """A chain of `let`s and the name of the last; `@` is the one before."""
    steps = [f"x{number + 1}: '{step.replace('@', f'$x{number}')}'" for number in range(times)]
    return "{x0: '" + first + "', " + ", ".join(steps) + "}", f"$x{times}"


@pytest.mark.parametrize("field", ["notes", "nick"])
@pytest.mark.parametrize(
    ("first", "step"),
    [
        ("key & text", "@ & @"),
        ("key & text", '$join([@, @], "")'),
        ("[key, text]", "[@, @]"),
        ("[key, text]", '{"a": @, "b": @}'),
        ("$response.data[0].text", "@ & @"),
        ("text", "@ & @"),
    ],
)
def test_lets_that_double_are_stopped(tmp_path, monkeypatch, field, first, step):
    monkeypatch.setattr("truto_mapper.language.runtime.values.MAX_VISITS", 5_000)
    chain, last = lets(first, step)
    mapper = mapper_of(tmp_path, {"id": "key", field: last}, let=chain)
    for on_invalid in ("raise", "discard_record"):
        found, records = outcome(mapper, rows(3), on_invalid=on_invalid)
        assert {one.code for one in found} <= {"D2014", "D1012", "D401"}
        assert all(len(one.get(field, "")) < 1000 for one in records)


def outcome(mapper, body, **options):
    try:
        page = mapper.map(body, **options)
    except EvaluationError as error:
        return error.diagnostics, ()
    return page.diagnostics, page.records


def test_a_folded_value_of_a_record_is_refused_on_both_paths(tmp_path, monkeypatch):
    mapper = mapper_of(tmp_path, {"id": "key", "notes": f'"{FOLDED}"'})
    monkeypatch.setattr("truto_mapper.language.runtime.values.MAX_VISITS", 20_000)
    page = mapper.map(rows(3), on_invalid="discard_value")
    assert {one.code for one in page.diagnostics} == {"D2014"}
    assert page.diagnostics[0].source is not None
    assert [sorted(one) for one in page.records] == [["id", "remote_data"]] * 3


@pytest.mark.parametrize(
    "text", ["$response", "'[$response.data.text]'", "'$string($response)'", "$response.data.text"]
)
def test_what_every_record_repeats_counts_as_often(tmp_path, monkeypatch, text):
    monkeypatch.setattr("truto_mapper.language.runtime.values.MAX_WRITTEN", 200_000)
    mapper = mapper_of(tmp_path, {"id": "key", "notes": text, "nick": "text"})
    assert len(mapper.map(rows(20)).records) == 20
    with pytest.raises(EvaluationError) as caught:
        mapper.map(rows(300))
    assert (caught.value.code, "200,000 characters as JSON" in str(caught.value)) == ("D2014", True)


# A page

SLOW_FIELDS = {
    "each row": "'key & $string($count([1..1000].($ * 2)))'",
    "each text of a row": "'$uppercase(text) & $string($count([1..1000].($ * 2)))'",
    "each row and page": "'$count($response.data.($response.data[n = -$contact.n])) & key'",
    "the page": "'$string($count([1..1000000].($ * 2)))'",
}


@pytest.mark.parametrize("name", SLOW_FIELDS)
@pytest.mark.parametrize("on_invalid", ["raise", "discard_value", "discard_record"])
def test_all_evaluations_of_a_page_have_one_deadline(tmp_path, monkeypatch, name, on_invalid):
    clock = ticking(monkeypatch, 100)
    mapper = mapper_of(tmp_path, {"id": "key", "nick": SLOW_FIELDS[name]})
    count = 400
    with pytest.raises(EvaluationError) as caught:
        mapper.map(rows(count), on_invalid=on_invalid)
    assert caught.value.code == "D1012"
    assert next(clock) / 100 < 2 * (5 + count / 1000)


@pytest.mark.usefixtures("clock")
def test_a_page_has_time_for_its_rows_and_the_next_page_begins_again(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "nick": "'$uppercase(text)'"})
    for _ in range(5):
        assert len(mapper.map(rows(100)).records) == 100


def test_a_value_that_the_clock_stopped_is_not_kept(tmp_path, monkeypatch):
    mapper = mapper_of(
        tmp_path, {"id": "key", "nick": "'$uppercase(text)'", "notes": "'$string($count([1..5000].(1)))'"}
    )
    with monkeypatch.context() as patch:
        ticking(patch, 0.01)
        with pytest.raises(EvaluationError, match="longer than"):
            mapper.map(rows(3))
    assert [one["nick"] for one in mapper.map(rows(3)).records] == ["TEXT 0", "TEXT 1", "TEXT 2"]


def test_what_is_kept_of_a_page_is_bounded_in_bytes(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "nick": "'$pad(text, 50000)'"})
    mapper.map(rows(100))
    (fused,) = mapper._functions.values()
    (memo,) = [one for made, *_ in fused.page_values.known.values() for one in made if isinstance(one, dict)]
    kept = sum(len(text) + len(made[-1]) for text, made in memo.items())
    assert 0 < kept < per_page.MAX_BYTES
    assert memo.bytes <= per_page.MAX_BYTES


def test_a_long_value_of_a_page_is_not_kept(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "nick": "'$pad($response.name, 900000)'"})
    assert len(mapper.map({**rows(3), "name": "x"}).records[0]["nick"]) == 900_000
    assert [fused.page_values.known for fused in mapper._functions.values()] == [{}]


def test_the_request_of_a_query_has_one_deadline(tmp_path, clock):
    mapper = mapper_of(tmp_path, {"id": "key"})
    assert mapper.plan({}).path == "/contacts"
    assert next(clock) < 50


# Functions of the caller


def mapped(tmp_path, function, fields=None, body=None, **options):
    fields = {"id": "key", "notes": "$mine($contact)"} if fields is None else fields
    return mapper_of(tmp_path, fields, functions={"mine": function}).map(body or rows(2), **options)


def test_a_function_of_the_caller_cannot_change_what_it_is_given(tmp_path):
    def change(row):
        row["key"] = "changed"
        row.clear()
        return 1

    body = rows(2)
    assert [one["id"] for one in mapped(tmp_path, change, body=body).records] == ["0", "1"]
    assert body == rows(2)
    given = {"a": [1]}
    value_of = Expression("$mine(a) & $mine($)", functions={"mine": lambda one: one.clear() or "x"})
    assert value_of.evaluate(given) == "xx"
    assert given == {"a": [1]}


def test_a_function_of_the_caller_cannot_change_what_it_returned(tmp_path):
    kept = {"a": [1]}
    records = mapped(tmp_path, lambda _: kept).records
    kept["a"].append(2)
    assert [one["notes"] for one in records] == [{"a": [1]}] * 2
    records[0]["notes"]["a"].append(3)
    assert (records[1]["notes"], kept) == ({"a": [1]}, {"a": [1, 2]})


class SilentError(Exception):
    def __str__(self):
        raise ValueError


class Endless(list):
    def __iter__(self):
        return itertools.repeat(1)


def fails(error):
    def function(*_):
        raise error

    return function


def cyclic(*_):
    made = []
    made.append(made)
    return made


BAD = {
    "raises": fails(ValueError("no")),
    "raises one of ours": fails(MapperError([])),
    "raises silently": fails(SilentError()),
    "raises for memory": fails(MemoryError()),
    "contains itself": cyclic,
    "no JSON": lambda *_: object(),
    "calls without end": lambda *_: BAD["calls without end"](),
    "a set": lambda *_: {1},
    "a key": lambda *_: {1: 2},
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("text", ["$mine($contact)", "'$map([1], $mine)'", "$mine($response)"])
def test_a_function_of_the_caller_that_fails_is_named_with_its_expression(tmp_path, name, text):
    with pytest.raises(EvaluationError) as caught:
        mapped(tmp_path, BAD[name], {"id": "key", "notes": text})
    assert caught.value.code in ("D3137", "D407")
    assert "$mine" in str(caught.value)
    assert "acme.yaml:" in str(caught.value)


def test_a_function_of_the_caller_may_call_the_mapper(tmp_path, monkeypatch):
    monkeypatch.setattr(Budget, "timeout", 0.3)
    held = []
    mapper = mapper_of(tmp_path, {"id": "$again(key)"}, functions={"again": lambda key: held[0](key) or None})
    held.append(lambda key: key if key == "inner" else mapper.map({"data": [{"key": "inner"}]}).records[0]["id"])
    assert [one["id"] for one in mapper.map(rows(2)).records] == ["inner", "inner"]
    held[0] = lambda key: mapper.map({"data": [{"key": f"{key}x"}]})
    with pytest.raises(EvaluationError, match=r"\$again failed|longer than") as caught:
        mapper.map({"data": [{"key": "outer"}]})
    assert caught.value.code in ("D3137", "D1012")  # there is no end to it


def test_a_class_of_the_caller_becomes_plain_json():
    made = Expression(
        "$mine()", functions={"mine": lambda *_: {"a": Endless([1]), "b": type("T", (str,), {})("t")}}
    ).evaluate()
    assert (made, type(made["a"]), type(made["b"])) == ({"a": [1], "b": "t"}, list, str)


def test_chunks_are_as_small_as_the_bounds_need():
    assert CHUNK <= 10_000


@pytest.mark.parametrize("part", ["request_body_mapping", "query_mapping", "query_error"])
def test_what_is_sent_or_told_is_bounded_as_it_is_written(tmp_path, monkeypatch, part):
    monkeypatch.setattr("truto_mapper.language.runtime.values.MAX_VISITS", 20_000)
    mapper_of(tmp_path, {"id": "key"})
    text = (tmp_path / "acme.yaml").read_text()
    line = f'    {part}: "{FOLDED}"\n'
    path = tmp_path / "folded.yaml"
    path.write_text(text.replace("    recognise:", f"{line}    recognise:"))
    mapper = load(path)
    with pytest.raises(MapperError) as caught:
        mapper.plan({})
    assert [one.code for one in caught.value.diagnostics] == ["D2014"]
    assert "folded.yaml:" in str(caught.value)


def test_values_that_pages_share_are_computed_within_the_bounds_of_the_page_that_asks(monkeypatch):
    budgets = []
    values = per_page.Memo.values
    monkeypatch.setattr(
        per_page.Memo, "values", lambda self, page, text: budgets.append(page.budget) or values(self, page, text)
    )
    mapper = load("gong/activity")
    for day in ("05", "12"):
        period = {"fromDate": f"2026-01-{day}T00:00:00Z", "toDate": "2026-01-19T00:00:00Z"}
        mapper.map({"usersAggregateActivity": [{"userId": "1", "userAggregateActivity": [period]}]})
    assert len(budgets) == 3
    assert len({id(one) for one in budgets}) == 2
