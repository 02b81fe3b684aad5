"""Compiled code against the interpreter, and against the reference implementation where it is installed.

The reference is the npm package `jsonata`, as `npm ci --prefix tests/bench` installs it. `differences.yaml` lists
where it differs and why, with examples; the random expressions are described in `expressions.txt`.
"""

import json
import math
import random
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from interpreter import Interpreted

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError, MappingError

HERE = Path(__file__).parent
NOW = "2026-01-31T09:30:00.000Z"
FIELDS = ("a", "b", "c", "items", "id")

# Documents: what APIs send, with everything that JSON allows mixed in.


def document(rng, depth=3):
    """A random JSON value."""
    kind = rng.random()
    if depth == 0 or kind < 0.4:
        return rng.choice([None, True, False, 0, 1, 2, 3, -1, 2.5, "", "x", "y", "a b", "10", "2026-01-31T09:30:00Z"])
    if kind < 0.6:
        return [document(rng, depth - 1) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    return {name: document(rng, depth - 1) for name in FIELDS if rng.random() < 0.6}


# Expressions, by the rules of a file.


@cache
def rules():
    """For each rule its alternatives, and their weights."""
    text = (HERE / "expressions.txt").read_text("utf-8")
    blocks = re.findall(r"^([a-z]+)\n((?:  .+\n)+)", text, re.MULTILINE)
    options = {rule: re.findall(r"^  (\d+) (.+)$", below, re.MULTILINE) for rule, below in blocks}
    return {
        rule: ([text for _, text in found], [int(weight) for weight, _ in found]) for rule, found in options.items()
    }


def expression(rng, depth, rule="expression"):
    [text] = rng.choices(*rules()["leaf" if rule == "expression" and depth < 0 else rule])
    return re.sub("‹([a-z]+)›", lambda m: expression(rng, depth - (m[1] == "expression"), m[1]), text)


def case(rng):
    return expression(rng, rng.choice([1, 2, 2, 3])), document(rng), {"x": document(rng), "y": document(rng, 1)}


@st.composite
def cases(draw):
    return case(random.Random(draw(st.integers(0, 2**48))))


# Results.


def outcome(kind, text, data, bindings):
    try:
        return kind(text).evaluate(data, {**bindings, "now": NOW})
    except (EvaluationError, MappingError) as error:
        return Failure(error.code)


class Failure:
    def __init__(self, code):
        self.code = code

    def __repr__(self):
        return self.code

    def __eq__(self, other):
        return isinstance(other, Failure) and other.code == self.code

    def __hash__(self):
        return hash(self.code)


def same(a, b):
    """Equal as JSON: a boolean is not a number, a number is a double, undefined is not null."""
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) in (int, float) and type(b) in (int, float):
        return math.isclose(a, b, rel_tol=1e-14, abs_tol=0)
    return type(a) is type(b) and a == b


# Against the interpreter.

#: Where the interpreter differs, by reason, and what shows it.
OF_THE_INTERPRETER = {
    "an array that a path begins with, and what is left of it, is another context there": r"\]\.",
    "it compares arrays and objects by what is in them in `in`": r" in ",
    "it takes the last of several undefined items for null": r"\]\[-?\d\]",
    "it collapses what a function gives to another again and again": r"\$(map|each|filter)\(|\$[hr] :=",
    "it groups what was not found for bindings as if it had been bound": r"[@#%].*\{",
    "an object that is put into itself is met earlier or later": r"~> \|",
    "it makes an object of an empty array that a path begins with": r"\)\{",
}


def is_known(text):
    return any(re.search(pattern, text) for pattern in OF_THE_INTERPRETER.values())


@given(cases())
@example(("a.b[c = 'x'].d", {"a": {"b": [{"c": "x", "d": None}]}}, {}))
@example(("$x[] ~> $map(function($v, $i) { $i })", None, {"x": ["a"]}))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_compiled_and_interpreted_expressions_give_the_same(drawn):
    text, data, bindings = drawn
    compiled, interpreted = (outcome(kind, text, data, bindings) for kind in (Expression, Interpreted))
    assert same(compiled, interpreted) or is_known(text)


def test_compiled_and_interpreted_expressions_agree_999_times_in_1000():
    drawn = [case(random.Random(f"interpreter {number}")) for number in range(2000)]
    pairs = [[outcome(kind, *one) for kind in (Expression, Interpreted)] for one in drawn]
    different = [(one, pair) for one, pair in zip(drawn, pairs, strict=True) if not same(*pair)]
    assert len(different) <= 2, different


# Against the reference.

DIFFERENCES = yaml.safe_load((HERE / "differences.yaml").read_text("utf-8"))
#: How many random expressions both evaluate.
EXPRESSIONS = 6000

with_reference = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "bench/node_modules/jsonata").is_dir(),
    reason=f"{EXPRESSIONS:,} random expressions and {len(DIFFERENCES)} known differences are not compared with "
    "the reference: that needs Node and `npm ci --prefix tests/bench`",
)


def by_the_reference(drawn, *, steady):
    keys = ("text", "data", "bindings")
    lines = "\n".join(json.dumps({**dict(zip(keys, one, strict=True)), "steady": steady}) for one in drawn)
    command = ["node", HERE / "reference.js", NOW]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    for found in map(json.loads, done.stdout.splitlines()):
        yield Failure(found["code"]) if "code" in found else found.get("value", MISSING)


def is_coded(found):
    """Whether the reference did not fail by an error of JavaScript's, or by running on and on."""
    return not isinstance(found, Failure) or (re.fullmatch(r"[A-Z]\d{4}", found.code) and found.code != "D2015")


def reason(text):
    return next((one["reason"] for one in DIFFERENCES if "pattern" in one and re.search(one["pattern"], text)), None)


def ends(text):
    """Whether the reference terminates: where it evaluates a regular expression twice, it may not."""
    return not re.search(r"/.*\?[?:]", text)


@with_reference
def test_compiled_expressions_and_the_reference_agree_999_times_in_1000():
    drawn = [case(random.Random(f"reference {number}")) for number in range(EXPRESSIONS)]
    drawn = [one for one in drawn if ends(one[0])]
    found = zip(drawn, by_the_reference(drawn, steady=True), strict=True)
    pairs = [(one, outcome(Expression, *one), theirs) for one, theirs in found if is_coded(theirs)]
    different = [(reason(one[0]), one, ours, theirs) for one, ours, theirs in pairs if not same(ours, theirs)]
    assert [one for one in different if one[0] is None] == []
    assert len(different) <= len(pairs) / 1000, different


def expected(found):
    return Failure(found["code"]) if "code" in found else found.get("result", MISSING)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one["expression"])
def test_a_difference_from_the_reference_is_as_it_is_described(difference):
    found = outcome(Expression, difference["expression"], difference.get("data", MISSING), {})
    assert same(found, expected(difference["ours"])), found


@with_reference
def test_the_reference_differs_as_it_is_described():
    drawn = [(one["expression"], one.get("data"), {}) for one in DIFFERENCES]
    found = by_the_reference(drawn, steady=False)
    pairs = zip(DIFFERENCES, found, strict=True)
    assert [(one, theirs) for one, theirs in pairs if not same(theirs, expected(one["reference"]))] == []


AGREEMENTS = yaml.safe_load((HERE / "agreements.yaml").read_text("utf-8"))


@pytest.mark.parametrize("group", AGREEMENTS, ids=lambda one: one["about"])
def test_expressions_give_what_the_reference_gives(group):
    found = [(one, outcome(Expression, one["expression"], one.get("data"), {})) for one in group["cases"]]
    assert [(one, ours) for one, ours in found if not same(ours, expected(one))] == []


@with_reference
def test_the_reference_gives_what_is_expected_of_both():
    cases = [one for group in AGREEMENTS for one in group["cases"]]
    found = by_the_reference([(one["expression"], one.get("data"), {}) for one in cases], steady=False)
    pairs = zip(cases, found, strict=True)
    assert [(one, theirs) for one, theirs in pairs if not same(theirs, expected(one))] == []


def test_every_difference_from_the_reference_is_documented():
    page = (HERE.parent / "docs/jsonata.md").read_text("utf-8")
    assert [one for one in DIFFERENCES if f"{one['reason']} `{one['expression']}`" not in page] == []
