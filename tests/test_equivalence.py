"""Expressions give what they give in the reference implementation, the npm package `jsonata`.

`differences.yaml` lists where it differs and why, `agreements.yaml` what both give in odd cases; the random expressions
are described in `expressions.txt`.
"""

import random
from pathlib import Path

import data_files
import pytest
from random_expressions import case
from reference import Failure, by_the_reference, is_coded, outcome, same, with_reference

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING

HERE = Path(__file__).parent

DIFFERENCES = data_files.read("differences.yaml")
#: How many random expressions both evaluate.
EXPRESSIONS = 1000


@with_reference
def test_compiled_expressions_and_the_reference_agree():
    drawn = [case(random.Random(f"reference {number}")) for number in range(EXPRESSIONS)]
    found = zip(drawn, by_the_reference(drawn, mended=True), strict=True)
    pairs = [(one, outcome(Expression, *one), theirs) for one, theirs in found if is_coded(theirs)]
    assert [one for one in pairs if not same(*one[1:])] == []
    assert len(pairs) > EXPRESSIONS * 0.99


def expected(found):
    return Failure(found["code"]) if "code" in found else found.get("result", MISSING)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one["expression"])
def test_a_difference_from_the_reference_is_as_it_is_described(difference):
    found = outcome(Expression, difference["expression"], difference.get("data", MISSING), {})
    assert same(found, expected(difference["ours"])), found


@with_reference
@pytest.mark.parametrize("mended", [False, True])
def test_the_reference_differs_as_it_is_described(mended):
    listed = [one for one in DIFFERENCES if not mended or one.get("mended")]
    found = by_the_reference([(one["expression"], one.get("data"), {}) for one in listed], mended=mended)
    pairs = zip(listed, found, strict=True)
    key = "ours" if mended else "reference"
    assert [(one, theirs) for one, theirs in pairs if not same(theirs, expected(one[key]))] == []


AGREEMENTS = data_files.read("agreements.yaml")


@pytest.mark.parametrize("group", AGREEMENTS, ids=lambda one: one["about"])
def test_expressions_give_what_the_reference_gives(group):
    found = [(one, outcome(Expression, one["expression"], one.get("data"), {})) for one in group["cases"]]
    assert [(one, ours) for one, ours in found if not same(ours, expected(one))] == []


@with_reference
def test_the_reference_gives_what_is_expected_of_both():
    cases = [one for group in AGREEMENTS for one in group["cases"]]
    found = by_the_reference([(one["expression"], one.get("data"), {}) for one in cases], mended=False)
    pairs = zip(cases, found, strict=True)
    assert [(one, theirs) for one, theirs in pairs if not same(theirs, expected(one))] == []


def test_every_difference_from_the_reference_is_documented():
    page = (HERE.parent / "docs/jsonata.md").read_text("utf-8")
    assert [one for one in DIFFERENCES if f"{one['reason']} `{one['expression']}`" not in page] == []
