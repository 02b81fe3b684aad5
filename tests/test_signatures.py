"""Signatures mean what jsonata-python takes them to mean."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonata.signature import Signature

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.runtime.signatures import parse_signature
from truto_mapper.text.errors import EvaluationError

TYPES = st.sampled_from([*"bnsloafjx", "(sf)", "(nsb)", "(oa)", "a<s>", "a<o>", "a<(sn)>", "f<s:o>", "f<a<n>:n>"])
MARKS = st.sampled_from(["", "", "", "-", "?", "+", "-?"])
SIGNATURES = st.builds(
    "<{}{}>".format,
    st.lists(st.builds(str.__add__, TYPES, MARKS), max_size=4).map("".join),
    st.sampled_from(["", ":s", ":a<n>", ":(sn)"]),
)


def assert_same(text, arguments):
    ours, theirs = parse_signature(text), Signature(text, "f")
    for one, other in zip(ours.parameters, theirs._params, strict=True):
        assert (one.type, one.regex, one.subtype, bool(one.context)) == (
            other.type, other.regex, other.subtype, other.context
        )  # fmt: skip
    found, other = ours.regex.fullmatch(arguments), theirs._regex.fullmatch(arguments)
    assert (found and found.groups()) == (other and other.groups())


@given(SIGNATURES, st.text("bnsloafm", max_size=5))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_a_signature_has_the_parameters_and_matches_the_arguments_that_the_library_gives_it(text, arguments):
    assert_same(text, arguments)


@given(st.text("bnslofajx(sf)<>-?+:", max_size=8).map("<{}>".format), st.text("bnsloafm", max_size=4))
@settings(max_examples=800, deadline=None, derandomize=True)
def test_any_text_that_the_parser_accepts_is_read_likewise(text, arguments):
    try:
        Signature(text, "f")
    except Exception:  # noqa: BLE001  # the library's refusals have many classes
        assume(False)
    assume(not re.search(r"[?+-][)>]*\+", text))  # repeats of Python that ECMAScript does not have
    assert_same(text, arguments)


@pytest.mark.parametrize("name", STANDARD)
def test_the_signatures_of_the_standard_functions_are_read_likewise(name):
    assert_same(STANDARD[name].signature, "s")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("$uppercase(1)", "T0410", "argument 1 of $uppercase must be a string, not 1"),
        ("$uppercase($sum)", "T0410", "argument 1 of $uppercase must be a string, not a function"),
        ('$substring("a", "x")', "T0410", 'argument 2 of $substring must be a number, not "x"'),
        ('$substring("a", 1, "x")', "T0410", 'argument 3 of $substring must be a number, not "x"'),
        ("$substring('a', 1, 2, 3)", "T0410", "$substring takes 3 arguments here, but argument 4 is 3"),
        ("$random(1)", "T0410", "$random takes no arguments here, but argument 1 is 1"),
        ("$map([1])", "T0410", "argument 2 of $map must be a function, but it is missing"),
        ("$map([1], null)", "T0410", "argument 2 of $map must be a function, not null"),
        ("$replace(1, 'a', 'b')", "T0410", "argument 1 of $replace must be a string, not 1"),
        ("$replace('a', [], 'b')", "T0410", "argument 2 of $replace must be a string or a function, not []"),
        ("$sift([1, $sum], $sum)", "T0410", 'argument 1 of $sift must be an object, not [1, "a function"]'),
        (
            "$uppercase()",
            "T0411",
            'argument 1 of $uppercase is left out, and the context must be a string, not {"a": 1}',
        ),
        ("$fromMillis('x')", "T0411", 'argument 1 of $fromMillis must be a number, not "x"'),
        ("$power(1)", "T0411", 'argument 1 of $power is left out, and the context must be a number, not {"a": 1}'),
        ("$append()", "T0410", "argument 1 of $append must be a value, but it is missing"),
        ("$sum(['a'])", "T0412", 'argument 1 of $sum must be an array of numbers, but its item 0 is "a"'),
        ("$sum('a')", "T0412", 'argument 1 of $sum must be an array of numbers or a number, not "a"'),
        (
            "function($a, $b)<a<s>n>{1}([2], 3)",
            "T0412",
            "argument 1 of the function must be an array of strings, but its item 0 is 2",
        ),
        ("$floorDate('2026-01-31T09:30:00Z', 'UTC', 'day', 1)", "T0410", "$floorDate takes 3 arguments here"),
    ],
)
def test_a_refused_argument_is_named_with_its_value_and_what_is_expected(text, code, said):
    with pytest.raises(EvaluationError) as caught:
        Expression(text).evaluate({"a": 1})
    assert caught.value.code == code
    assert said in caught.value.diagnostics[0].message
