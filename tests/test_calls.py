"""A transform changes only its own copy."""

import copy
import random

from contacts import mapper_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_expressions import document, expression
from reference import Failure, outcome

from truto_mapper.language.expression import Expression
from truto_mapper.text.errors import MapperError

TRANSFORMS = 500


def transform(rng):
    """A random transform, whose pattern may select anything, with the input and the bindings."""
    return expression(rng, 1, "transform"), document(rng), {"x": document(rng), "y": document(rng, 2)}


def evaluated(drawn):
    """The result of an expression, once it is known that the input and the bindings are as before."""
    text, data, bindings = drawn
    before = copy.deepcopy((data, bindings))
    found = outcome(Expression, text, data, bindings)
    assert repr((data, bindings)) == repr(before), text
    return found


@given(st.integers(0, 2**48).map(random.Random).map(transform))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_transform_changes_the_input_or_the_bindings(drawn):
    evaluated(drawn)


def test_transforms_that_are_compared_mostly_have_a_value():
    drawn = [transform(random.Random(f"transform {number}")) for number in range(TRANSFORMS)]
    found = [evaluated(one) for one in drawn]
    again = [evaluated(one) for one in drawn]
    assert repr(found) == repr(again)
    assert sum(not isinstance(one, Failure) for one in found) > TRANSFORMS / 2


def test_no_transform_of_a_mapping_changes_the_reply(tmp_path):
    mapped = 0
    for number in range(100):
        rng = random.Random(f"mapping {number}")
        text = expression(rng, 0, "transform").replace("$x", "$response").replace("$y", "$contact")
        reply = {"data": [document(rng) for _ in range(3)], "a": document(rng), "items": document(rng)}
        before = repr(reply)
        try:
            mapper = mapper_of(tmp_path, {"id": "'\"1\"'", "notes": "'" + text.replace("'", "''") + "'"})
            pages = [mapper.map(reply, on_invalid="discard_value").records for _ in range(2)]
            assert repr(pages[0]) == repr(pages[1])
            mapped += len(pages[0])
        except MapperError:  # such as a mapping that names an unknown variable
            pass
        assert repr(reply) == before, text
    assert mapped > 80
