"""A call of a standard function by its name gives what the function gives as a value, for arguments of any class."""

import ast
import re
from itertools import product

import pytest
from test_equivalence import outcome, same

from truto_mapper.language.compiler import compiler
from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.runtime.signatures import parse_signature
from truto_mapper.language.runtime.values import MISSING, Budget

VALUES = (
    MISSING, None, True, False, 0, -1, 3, 2.5, -0.5, 1e300, 2**60, "", "a", "a-b", " 7  x ", "12", "-3.50", "x" * 65,
    "é" * 1_001, [], [1], ["a", "b"], [[]], {}, {"a": 1}, [{"a": 2}, {"b": 3}],
)  # fmt: skip
#: Functions of one argument and of several are given each value and each pair of values.
CALLABLE = sorted(STANDARD.keys() - {"eval", "error", "assert", "now", "millis", "random", "shuffle"})


TEXTS = """$substring(a, 1, 2); $substring(a, 0, -1); $substring(a, -2); $substring(a, 1.5); $substring(a, 2, true); \
$substringBefore(a, "-"); $substringBefore(a, ""); $substringAfter(a, "-"); $pad(a, 5, "#"); $pad(a, -70); \
$contains(a, "a"); $contains(a, /A/i); $match(a, /[ab]/); $replace(a, /a/, "$0$0"); \
$replace(a, "a", "bb", 1); $split(a, "-"); $split(a, /-/, 1); $lookup(a, "a"); $round(a, 1); $power(a, 2); \
$formatBase(a, 16); $formatNumber(a, "#0.0"); $uppercase($string(a)); $string(a) & a; $fromMillis(a); \
$toMillis(a); $not(a); $boolean(a) ? 1 : 2; $not(a) and true; $number(a) + 1"""


def both_ways(name, count):
    """A call by the function's name, and by a variable that holds the function."""
    given = ", ".join(f"$p{number}" for number in range(count))
    return Expression(f"[[${name}({given})]]"), Expression(f"($g := ${name}; [[$g({given})]])")


@pytest.mark.parametrize("name", CALLABLE)
def test_a_call_by_name_gives_what_the_function_gives(name):
    most = min(len(parse_signature(STANDARD[name].signature or "").parameters), 2)
    for count in range(most + 1):
        expressions = both_ways(name, count)
        for arguments in product(VALUES, repeat=count):
            bindings = {f"p{number}": one for number, one in enumerate(arguments) if one is not MISSING}
            direct, generic = (outcome(lambda one: one, each, "7", bindings) for each in expressions)
            assert same(direct, generic), (arguments, direct, generic)


@pytest.mark.parametrize("text", TEXTS.split("; "))
def test_a_call_with_constants_gives_what_the_function_gives(text):
    names = sorted(name for name in STANDARD if f"${name}(" in text)
    by_value = re.sub(r"\$(\w+)\(", r"$g_\1(", text)
    bound = "; ".join(f"$g_{name} := ${name}" for name in names)
    for value in VALUES:
        data = {} if value is MISSING else {"a": value}
        direct, generic = (outcome(Expression, one, data, {}) for one in (text, f"({bound}; {by_value})"))
        assert same(direct, generic), (value, direct, generic)
    assert names


def calls(text):
    """The names of the runtime functions that the code of an expression calls."""
    expression = Expression(text)
    made = compiler.program(expression.node, expression.placer, {}).tree
    return {node.func.id for node in ast.walk(made) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_a_call_with_constants_that_fit_is_never_fitted():
    assert not calls('$uppercase("a") & $substring("abc", 1, 2) & $round(1.25, 1)') & {"invoke", "invoked"}


def test_a_call_whose_context_may_be_needed_is_fitted():
    assert "invoke" in calls('$contains("a")')


def test_long_texts_that_a_direct_call_makes_are_counted(monkeypatch):
    spent = []
    monkeypatch.setattr(Budget, "spend", lambda _, size: spent.append(size))
    Expression("[1..20].$pad('x', 500)").evaluate()
    assert sum(spent) > 20 * 500
    spent.clear()
    Expression("[1..20].$uppercase($$)").evaluate("x" * 900)
    assert sum(spent) > 20 * 900


def test_a_long_text_given_to_a_quick_function_is_counted_as_work(monkeypatch):
    looks = []
    monkeypatch.setattr(Budget, "check", lambda _: looks.append(1))
    Expression("[1..50].$length($$)").evaluate("x" * 100_000)
    assert len(looks) >= 50
