"""Regular expressions are RE2's, with the escapes of JavaScript."""

import pytest

from truto_mapper.language.expression import Expression
from truto_mapper.text.errors import MappingError
from truto_mapper.text.regex import PatternError, compile_pattern, literal


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        (r"\u0041", "A", True),
        (r"\\u0041", "A", False),
        (r"\\u0041", r"\u0041", True),
        (r"\\\u0041", r"\A", True),
        (r"[\u00e9-\u00ea]", "é", True),
        (r"\.", "a", False),
        (r"\\.", r"\a", True),
    ],
)
def test_an_escaped_character_is_found_and_an_escaped_backslash_is_a_backslash(pattern, text, is_found):
    assert Expression(f"$contains($, /{pattern}/)").evaluate(text) is is_found


@pytest.mark.parametrize("text", ["a.b", r"\u0041", "(?i)", "é\n[", ""])
def test_the_pattern_of_a_text_matches_just_that(text):
    assert compile_pattern(literal(text)).fullmatch(text)
    assert not compile_pattern(literal(text)).fullmatch(text + "x")


@pytest.mark.parametrize("function", [compile_pattern, literal])
def test_half_of_a_surrogate_pair_is_not_a_pattern(function):
    with pytest.raises(PatternError, match="surrogate"):
        function("\ud800")


def test_a_regular_expression_with_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(MappingError, match="half of a surrogate pair is not a character"):
        Expression("/\ud800/")


def test_a_pattern_of_very_many_groups_is_refused_because_a_search_would_take_gigabytes():
    assert Expression(f"$contains($, /{'(a?)' * 500}b/)").evaluate("aab") is True
    with pytest.raises(MappingError, match="20,000 groups, which is too many") as caught:
        Expression(f"$match($, /{'(a?)' * 20_000}/)").evaluate("aa")
    assert caught.value.code == "S0302"
