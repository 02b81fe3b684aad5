"""Long chains of operators are no nesting: they parse, compile and evaluate whatever their length."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import MISSING
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.nodes import children, walk
from truto_mapper.language.parser import _Parser
from truto_mapper.language.trace import Trace
from truto_mapper.text.errors import MapperError, MappingError

DATA = {"a": 1, "s": "x", "l": [[1], [2, 3]], "no": False, "zero": 0, "o": {"o": {"o": {}}}}
#: Chains: the text before, the text that is repeated, the text behind, how often, and the value.
CHAINS = {
    "sum": ("1", "+1", "", 5000, 5001),
    "differences and products": ("1", "-a*2", "", 2000, -3999),
    "text": ("s", " & s", "", 4000, "x" * 4001),
    "text and comparisons": ("s", " & s = a & s", "", 30, False),
    "or": ("no", " or no", " or a", 1000, True),
    "or, none": ("no", " or zero", "", 1000, False),
    "and": ("a", " and a", "", 1000, True),
    "equal": ("a", "=a", "", 60, False),
    "in": ("[a", " in [a]", "]", 60, [False]),
    "functions": ("s", " ~> $uppercase", "", 400, "X"),
    "calls of functions": ("s", " ~> $trim()", "", 400, "x"),
    "arrays of functions": ("a[]", " ~> $map(function($x) { $x })", "", 40, [1]),
    "conditions": ("", 'a = 2 ? "two" : ', "a = 1 ? 'one'", 400, "one"),
    "conditions, the first": ("a = 1 ? 'one' : ", 'a = 2 ? "two" : ', "0", 400, "one"),
    "conditions, none": ("", 'a = 2 ? "two" : ', "a = 3 ? 'three'", 400, MISSING),
    "coalescing": ("", "nothing ?? ", "a", 400, 1),
    "coalescing, the first": ("zero ?? ", "nothing ?? ", "a", 400, 0),
    "defaults": ("", "zero ?: ", "a", 400, 1),
    "branches of all kinds": ("", "nothing ?? zero ?: no ? 2 : ", "a", 100, 1),
    "assignments": ("(", "$v := ", "a; $v)", 1000, 1),
    "assignments in a condition": ("(", "no ? 1 : $v := ", "a; $v)", 20, 1),
    "names": ("o", ".o", "", 1000, MISSING),
    "names of the input": ("$", ".$", ".a", 1000, 1),
    "predicates": ("a", "[0][$ != 2]", "", 500, 1),
    "calls": ("($f := function($x) { $f }; $type($f", "(1)", "))", 500, "function"),
    "calls with predicates": ("($f := function($x) { $f }; $type($f", "(1)[0]", "))", 200, "function"),
    "sorts": ("l.$", "^($)", "[0]", 200, 1),
    "blocks": ("(", "a;", "a)", 2000, 1),
    "arrays": ("[", "a,", "a]", 2000, [1] * 2001),
    "brackets around chains": ("((((((((((1", "+1", "))))))))))", 30, 31),
    "a chain in each of many brackets": ("", "(", "1" + ("+1" * 21 + ")") * 45, 45, 946),
    "comments": ("a", " /* + */ + a", "", 1000, 1001),
}


@pytest.mark.parametrize(("before", "one", "behind", "times", "expected"), CHAINS.values(), ids=CHAINS)
def test_a_long_chain_is_evaluated(before, one, behind, times, expected):
    assert Expression(before + one * times + behind).evaluate(DATA) == expected


@pytest.mark.parametrize(("before", "one", "behind", "times", "expected"), CHAINS.values(), ids=CHAINS)
def test_a_long_chain_is_traced(before, one, behind, times, expected):  # noqa: ARG001
    trace = Trace()
    Expression(before + one * min(times, 100) + behind).evaluate_in(Scope(DATA, trace=trace))
    (evaluation,) = trace.evaluations
    assert evaluation.error is None
    assert list(evaluation.walk())[-1].value == evaluation.value


def _depth(symbol, below):
    """How deep a tree nests, without recursion."""
    waiting, deepest, seen = [(symbol, 1)], 0, set()
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in below(one) if id(child) not in seen]
        seen |= {id(child) for child in below(one)}
    return deepest


def _symbols(one):
    held = one if isinstance(one, list) else vars(one).values()
    return [child for child in held if isinstance(child, list) or hasattr(child, "nud")]


@pytest.mark.parametrize(("before", "one", "behind", "times", "expected"), CHAINS.values(), ids=CHAINS)
def test_neither_symbols_nor_nodes_of_a_chain_nest_deeply(before, one, behind, times, expected):  # noqa: ARG001
    text = before + one * times + behind
    parser = _Parser(text)
    assert _depth(parser._read(), _symbols) < 400
    assert _depth(Expression(text).node, children) < 200


@pytest.mark.parametrize(
    "text", ["1" + "+1" * 3000 + ")", "1" + "+1" * 3000 + "+", "a ? b : " * 3000 + "%", "a." * 3000 + "1"]
)
def test_a_chain_with_a_mistake_is_refused_for_the_mistake(text):
    with pytest.raises(MappingError) as caught:
        Expression(text)
    assert caught.value.code in ("S0201", "S0207", "S0213", "S0217")


OPERANDS = [
    "a",
    "s",
    "nothing",
    "zero",
    "no",
    "l",
    "'t'",
    "2",
    "(a + a)",
    "(no ? a : s)",
    "$v",
    "($v := a)",
    "$sum(l)",
    "-a",
]
OPERATORS = [
    "+",
    "-",
    "*",
    "&",
    "=",
    "<",
    " or ",
    " and ",
    " in ",
    " ?? ",
    " ?: ",
    " ~> $f ~> ",
    " ? s : ",
    " ? nothing ?? a : ",
]


@st.composite
def chains(draw):
    operators = draw(
        st.lists(st.sampled_from(draw(st.sampled_from([OPERATORS, OPERATORS[-5:], OPERATORS[:4]]))), max_size=30)
    )
    text = draw(st.sampled_from(OPERANDS))
    for operator in operators:
        text += operator + draw(st.sampled_from(OPERANDS))
    return text


def _outcome(text):
    """The value or the error of a text, and the values of its parts."""
    trace = Trace()
    try:
        value = Expression(f"($v := 3; $f := function($x) {{ $x }}; {text})").evaluate_in(Scope(DATA, trace=trace))
    except MapperError as error:
        value = error.code, error.span, str(error)
    events = [event for one in trace.evaluations for event in one.walk()]
    seen = {(event.node.span, repr(event.value)) for event in events if isinstance(event.value, (str, int, list))}
    return repr(value), seen


def test_a_chain_means_the_same_whatever_its_parts(monkeypatch):
    compared = set()

    @settings(max_examples=150, deadline=None)
    @given(chains())
    def same(text):
        monkeypatch.setattr(nodes, "MAX_NESTED", 20)
        whole = _outcome(text)
        monkeypatch.setattr(nodes, "MAX_NESTED", 2)
        assert _outcome(text) == whole
        compared.add((any(isinstance(one, nodes.Hole) for one in walk(Expression(text).node)), whole[0]))

    same()
    assert len(compared) > 8
