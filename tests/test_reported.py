"""What users of JSONata engines have reported: `reported.yaml`, by ours and by the reference implementation."""

import data_files
import pytest
from reference import by_the_reference, outcome, same, with_reference
from test_equivalence import DIFFERENCES, expected

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING

REPORTED = data_files.read("reported.yaml")


@pytest.mark.parametrize("reported", REPORTED, ids=lambda one: one["behaviour"])
def test_what_was_reported_is_right(reported):
    found = outcome(Expression, reported["expression"], reported.get("data", MISSING), {})
    assert same(found, expected(reported)), found


@with_reference
def test_the_reference_gives_the_same_where_no_reason_says_otherwise():
    drawn = [(one["expression"], one.get("data"), {}) for one in REPORTED]
    found = zip(REPORTED, by_the_reference(drawn, mended=False), strict=True)
    assert [(one, theirs) for one, theirs in found if same(theirs, expected(one)) is ("differs" in one)] == []


def test_each_reason_is_one_of_the_listed_differences():
    reasons = {one["reason"] for one in DIFFERENCES}
    assert {one["differs"] for one in REPORTED if "differs" in one} <= reasons
