"""Functions called with odd arguments, at random (see `odd_arguments.py`) and as listed in `argument_mistakes.yaml`."""

import random

import data_files
import pytest
from odd_arguments import LISTED, call, differing, evaluated, is_unclear
from reference import HERE, with_reference

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.text.errors import EvaluationError

TEXTS = [call(random.Random(f"odd {number}")) for number in range(4000)]


def test_a_result_is_plain_json_and_a_wrong_argument_has_a_code_and_a_message_of_its_own():
    assert [(text, *evaluated(text)) for text in TEXTS if is_unclear(text, *evaluated(text))] == []


def test_every_function_is_called_with_too_few_and_with_too_many_arguments():
    for name in LIBRARY:
        for given in ("", "null, null, null, null, null"):
            text = f"${name}({given})"
            assert not is_unclear(text, *evaluated(text)), evaluated(text)


@with_reference
def test_functions_and_the_reference_agree_999_times_in_1000():
    count, different = differing(TEXTS)
    assert count > len(TEXTS) * 0.9
    assert len(different) <= count / 1000, different


@pytest.mark.parametrize("reason", LISTED)
def test_a_difference_that_is_not_counted_is_listed(reason):
    assert f"- reason: {reason}" in (HERE / "differences.yaml").read_text("utf-8")


MISTAKES = data_files.read("argument_mistakes.yaml")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one["expression"])
def test_a_mistake_in_an_argument_says_what_was_given_and_what_is_expected(mistake):
    with pytest.raises(EvaluationError) as caught:
        Expression(mistake["expression"]).evaluate()
    assert caught.value.code == mistake["code"]
    assert caught.value.diagnostics[0].message.startswith(mistake["message"])
    assert mistake.get("hint") in (None, caught.value.diagnostics[0].hint)
