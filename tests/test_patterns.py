"""Regular expressions are RE2's, with the escapes of JavaScript; Python's `re` may search where it gives the same."""

import random
import re
from collections import Counter

import pytest

from truto_mapper.language.expression import Expression
from truto_mapper.text.backtracking import plan
from truto_mapper.text.ecmascript import translated
from truto_mapper.text.errors import EvaluationError, MappingError
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


# Where `re` searches in place of RE2, both find the same.

ATOMS = [
    r"\d",
    r"\w",
    r"\s",
    r"\D",
    r"\W",
    r"\S",
    "[a-c]",
    "[^a]",
    "[ab0]",
    r"[^\d]",
    r"[\s\w-]",
    "[-a]",
    "[a-]",
    r"\.",
]
ATOMS += [*"ab0.ks_S-,é]}", r"\n", r"\t", "[^s]", "[j-l]", "[é-ë]", r"\u0061", r"\/", "[^,]", "[A-Z]", r"\-", r"[\]]"]
ATOMS += [r"[^\s]", "[+*]", "(?i)", r"\1", r"\p{L}", "[[:alpha:]]", "x{,2}", r"\b*", r"\x41", r"\Q"]
REPEATS = ["", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,1}", "*?", "+?", "??", "{1,2}?", "++"]
CHARACTERS = "aab b0x \n\tksSKſKİıé.,-_/ABZ12+]\u2028\v\f\r\xa0٠"


def random_pattern(rng, depth=2):
    parts = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.random()
        if depth and kind < 0.25:
            parts.append(f"{rng.choice(['(', '(?:'])}{random_pattern(rng, depth - 1)}){rng.choice(['', '', '?', '*'])}")
        else:
            parts.append(rng.choice(["^", "$", r"\b"]) if kind < 0.33 else rng.choice(ATOMS) + rng.choice(REPEATS))
    return "".join(parts) + (f"|{random_pattern(rng, depth - 1)}" if depth and rng.random() < 0.2 else "")


def all_of(match):
    return match and (match.span(), match.groups(), [match.span(group) for group in range(match.re.groups + 1)])


def until_empty(matches):
    """The matches up to the first empty one, behind which nothing is looked for."""
    found = []
    for match in matches:
        found.append(all_of(match))
        if match.start() == match.end():
            break
    return found


def test_pythons_re_finds_what_re2_finds_wherever_it_may_search():
    rng, counted = random.Random("patterns"), Counter()
    for _ in range(2000):
        flags = rng.choice(["", "", "i", "m", "im"])
        try:
            pattern = compile_pattern(random_pattern(rng), flags)
        except PatternError:
            continue
        for _ in range(6):
            text = "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(0, 10)))
            quick, by_re2 = pattern._engine(text), pattern._by_re2
            counted[quick is not by_re2] += 1
            assert until_empty(quick.finditer(text)) == until_empty(by_re2.finditer(text))
            assert all_of(quick.fullmatch(text)) == all_of(by_re2.fullmatch(text))
            assert all_of(quick.search(text, 2)) == all_of(by_re2.search(text, 2))
    assert counted[True] > 2000
    assert counted[False] > 500


@pytest.mark.parametrize(
    "pattern", [*map(re.escape, "aksiz09_@"), "[a-z]", "[^ik]", r"\w", r"\W", r"\d", r"\s", r"\S", "."]
)
@pytest.mark.parametrize("flags", ["", "i"])
def test_a_character_is_in_a_set_for_both(pattern, flags):
    compiled = compile_pattern(pattern, flags)
    for code in [*range(0x250), 0x2028, 0x2126, 0x212A, 0x660, 0xFF11, 0x1F600]:
        assert (compiled.search(chr(code)) is None) == (compiled._by_re2.search(chr(code)) is None), code


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "(a*)*b", "(a|a)*b", "(?:a|ab)+c", "(a?){30}b", r"(.*)(.*)(.*)x", r"\d+\d+\d+x", "a*a*a*b"),
        *(
            "(a|b|ab)*",
            "(?:x+y?)*z",
            "a?" * 30 + "a" * 30,
            "(a|b|c)" * 7,
            "x" * 1_001,
            r"(a)\1",
            "(?=a)",
            "(?i)a",
            r"\p{L}",
        ),
    ],
)
def test_what_may_take_re_long_or_mean_something_else_is_left_to_re2(pattern):
    assert plan(translated(pattern), "") is None


@pytest.mark.parametrize(
    ("pattern", "degree"),
    [
        *(
            ("abc", 1),
            (r"\d{4}-\d{2}", 1),
            (r"^\d+$", 1),
            (r"[0-9]+", 2),
            (r"(\w+)@(\w+)\.com", 2),
            (r"^(.*)-(\d+)$", 2),
        ),
        *((r"\s+", 2), (r"(\w+) (\w+)", 2), (r"^(\d+)(?:th|st|nd|rd)$", 1), (r"a.*b", 3), ("(a+)?b", 2)),
    ],
)
def test_the_steps_of_re_grow_with_a_power_of_the_length(pattern, degree):
    found = plan(translated(pattern), "")
    assert found.degree == degree
    assert found.factor * found.reach(500_000) ** degree <= 500_000


def test_a_long_text_is_searched_by_re2():
    pattern = compile_pattern("[0-9]+x")
    assert pattern._engine("1" * 50) is not pattern._by_re2
    assert pattern._engine("1" * 5_000) is pattern._by_re2


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("$replace($, /b/, '$')", "a$c"),
        ("$replace($, /b/, '\\\\1\\\\g<0>')", r"a\1\g<0>c"),
        ("$replace($, /(b)(x)?/, '[$1$2$3$$$0]')", "a[b$b]c"),
        ("$replace($, /[abc]/, '$0$0')", "aabbcc"),
        ("$replace($, /b/, '-', 0)", "abc"),
        ("$replace($, /[abc]/, '-', 2)", "--c"),
        ("$replace($, /[abc]/, function($m) { $uppercase($m.match) })", "ABC"),
        ("$split($, /b/)", ["a", "c"]),
        ("$match($, /[ab]/).match", ["a", "b"]),
        ("$contains($, /B/i)", True),
    ],
)
@pytest.mark.parametrize("length", [0, 100_000])
def test_texts_are_replaced_alike_whatever_their_length(expression, result, length):
    rest = "\n" * length  # RE2 searches it if it is long
    found = Expression(expression).evaluate(f"abc{rest}")
    if isinstance(found, str):
        assert found == result + rest
    elif expression.startswith("$split"):
        assert found == [result[0], result[1] + rest]
    else:
        assert found == result


@pytest.mark.parametrize("call", ["$contains($, /b/)", "$replace($, /b/, 'x')", "$match($, /b/)", "$split($, /b/)"])
@pytest.mark.parametrize("length", [0, 100_000])
def test_half_of_a_surrogate_pair_is_not_searched(call, length):
    with pytest.raises(EvaluationError, match="half of a surrogate pair") as caught:
        Expression(call).evaluate("b\ud800" + "\n" * length)
    assert caught.value.code == "D3137"


@pytest.mark.parametrize(
    "call", ["$match($, /b?/, 1)", "$split($, /b?/, 1)", "$replace($, /b?/, 'x', 1)", "$match($, /b?/)"]
)
def test_one_more_match_is_looked_for_than_are_wanted_and_may_not_be_empty(call):
    with pytest.raises(EvaluationError) as caught:
        Expression(call).evaluate("abc")
    assert caught.value.code == "D1004"
    assert Expression("$match($, /a?/, 1).match").evaluate("a") == "a"
