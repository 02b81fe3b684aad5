"""Numbers and dates by picture strings. The expected results are in `pictures.yaml`, to which anyone can add a row."""

import math
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import data_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Failure, by_the_reference, outcome, same, with_reference

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.date_pictures import format_date_time, parse_date_time
from truto_mapper.language.library.dates import to_millis
from truto_mapper.language.library.pictures import format_integer, format_number, parse_integer
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.runtime.writing import to_json
from truto_mapper.text.errors import EvaluationError

ROWS = data_files.read("pictures.yaml")
INTEGERS = (
    "0",
    "0000",
    "#,##0",
    "0'000",
    "#,##,##0",
    "٠",
    "#٬##٠",
    "0;o",
    "#,##0;o",
    "A",
    "a",
    "I",
    "i",
    "w",
    "W",
    "Ww",
)
INTEGERS += ("w;o", "Ww;o")
DATES = ("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001]Z", "[Y0001][M01][D01][H01][m01][s01] [f001]")
DATES += ("[D1o] [MNn] [YI] [h]:[m]:[s].[f001] [P]", "[FNn], the [Dwo] of [MNn,3-3], [Yw]; [Hw]:[mw]:[sW] [f001]")
DATES += ("[Y]-[M]-[D] [H]:[m]:[s].[f001] [z]", "[d] of [Y]")


def stated(row):
    return Failure(row["code"]) if "code" in row else MISSING if "undefined" in row else row["result"]


def code(function, *args):
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


def never():
    raise AssertionError("the clock was looked at")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["expr"])
def test_a_picture_has_the_result_of_its_row(row):
    found = outcome(Expression, row["expr"], None, {})
    assert same(found, stated(row)), found


@with_reference
def test_the_reference_agrees_with_every_row_that_does_not_say_why_it_differs():
    found = by_the_reference([(row["expr"], None, {}) for row in ROWS], mended=False)
    for row, theirs in zip(ROWS, found, strict=True):
        assert same(theirs, stated(row)) is ("differs" not in row), (row, theirs)


@pytest.mark.parametrize(
    ("text", "picture"),
    [("apples", "0"), ("", "0"), ("12", "٠"), ("mmxxvi", "I"), ("Q", "i"), ("umpteen", "w"), ("", "w"), ("th", "0;o")],
)
def test_a_text_that_represents_no_integer_is_not_a_number(text, picture):
    assert math.isnan(parse_integer(text, picture))


@pytest.mark.parametrize("text", ["99999999", "-00"])
def test_a_year_outside_the_calendar_is_not_a_number_and_no_year_is_nothing(text):
    found = parse_date_time(text, "[Y]", never)
    assert found is None if text.startswith("-") else math.isnan(found)


def test_numbers_that_are_none_and_endless_ones_have_their_marks():
    assert format_number(math.nan, "$0.00") == "NaN"
    assert format_number(math.inf, "$0.00") == "$Infinity"
    assert format_number(-math.inf, "0;(0)", {"infinity": "∞"}) == "(∞)"
    assert format_number(1e308, "0%") == "Infinity%"


def test_integers_keep_every_digit():
    assert format_number(9007199254740993, "#,##0.0") == "9,007,199,254,740,993.0"
    assert format_integer(5890840712243076123, "#,##0") == "5,890,840,712,243,076,123"
    assert parse_integer("5890840712243076123", "0") == 5890840712243076123


def test_numbers_without_a_fraction_are_text_with_every_digit():
    assert to_json(12345678901234567890.0) == "12345678901234567000"
    assert to_json(123456789012345.67) == "123456789012346"


def test_the_clock_is_looked_at_for_what_comes_before_the_rest_of_a_date_alone():
    assert parse_date_time("2026", "[Y]", never) == 1767225600000
    assert parse_date_time("10:20", "[H]:[m]", lambda: 1769851800000) == 1769854800000
    assert parse_date_time("soon", "[H]:[m]", never) is None
    assert code(parse_date_time, "2026-W10", "[X]-W[W]", never) == "D3136"
    with pytest.raises(AssertionError):
        parse_date_time("10:20", "[H]:[m]", never)


def test_reading_part_of_a_date_needs_now_and_says_so():
    assert Expression("$toMillis('2026', '[Y]')").evaluate(None) == 1767225600000
    with pytest.raises(EvaluationError) as caught:
        Expression("$toMillis('10:20', '[H]:[m]')").evaluate(None)
    assert caught.value.code == "D3137"
    assert "`now`" in caught.value.diagnostics[0].hint


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (format_number, (1, "0" * 100_000)),
        (format_number, (1, "0", {"minus-sign": "-" * 100_000})),
        (format_number, (10**400, "0")),
        (format_number, (10**6000, "#,##0.0e0")),
        (format_integer, (math.nan, "0")),
        (format_integer, (10**6000, "w")),
        (format_integer, (1e308, "I")),
        (parse_integer, ("9" * 1000, "0")),
        (parse_integer, ("Z" * 1000, "A")),
        (parse_integer, ("trillion " * 100 + "trillion", "w")),
        (parse_integer, ("9" * 100_000, "0")),
        (format_date_time, (0, "[Y,999999999]")),
        (format_date_time, (0, "[Y,*-999999999]")),
        (format_date_time, (math.inf,)),
        (format_date_time, (8_640_000_000_000_001,)),
        (format_date_time, (10**6000,)),
        (format_number, (1, "." * 900 + "#" * 900)),
        (format_number, (1, "0" * 900 + "#" * 900 + "e")),
        (parse_date_time, ("a" * 2000, "[MN]" * 500, lambda: 0)),
        (parse_date_time, ("1" * 2000, "[Y,999]" * 280, lambda: 0)),
        (parse_date_time, ("\ud800", "[Y]", never)),
        (parse_date_time, ("1", "[Y]\ud800", never)),
        (parse_date_time, ("0" * 1000 + "x", "[Y]0" * 200, never)),
        (parse_date_time, ("one " * 400, "[Dw] [Mw] [Yw]" * 100, lambda: 0)),
    ],
)
def test_long_work_ends_with_a_code_or_after_a_bounded_number_of_lines(function, args):
    codes = []

    def work():
        try:
            function(*args)
        except EvaluationError as error:
            codes.append(error.code)

    assert lines_run(work) < 60_000
    assert set(codes) <= {"D2014", "D1001", "D3081", "D3090", "D3093"}


def lines_run(function):
    """How many lines of Python run in a call; a clock would measure what else the machine does."""
    lines = 0

    def trace(_frame, event, _arg):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines


def test_a_message_quotes_the_picture_and_says_what_to_do():
    for call, quoted in [
        (lambda: format_number(1, "0.0.0"), '"0.0.0"'),
        (lambda: format_integer(1, "Ⅷ"), '"Ⅷ"'),
        (lambda: format_date_time(0, "[Y]-[q1]"), '"[q1]"'),
        (lambda: format_date_time(0, "[YN]"), '"[YN]"'),
        (lambda: format_date_time(0, "[Z00000]"), '"[Z00000]"'),
        (lambda: format_date_time(0, "[Y", None), '"[Y"'),
        (lambda: format_date_time(0, None, "Europe/Dublin"), '"Europe/Dublin"'),
    ]:
        with pytest.raises(EvaluationError) as caught:
            call()
        (diagnostic,) = caught.value.diagnostics
        assert quoted in diagnostic.message
        assert diagnostic.hint


# Properties.

numbers = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e21, -0.0, 5e-324, 1e308])
)
number_pictures = st.text("0#.,%‰e;-x1٠ ", max_size=12) | st.text(max_size=8)
integer_pictures = st.text("0#,;ocAaIiWw:٠1", max_size=6) | st.sampled_from(INTEGERS) | st.text(max_size=5)
markers = st.builds(
    "[{}{}{}]".format, st.sampled_from("YMDdFWwXxHhPmsfZzCEq"), st.text("01#nNwWiIAaotc:,*-2", max_size=5), st.just("")
)
date_pictures = st.lists(markers | st.text("[]-/: TZ", max_size=3), max_size=6).map("".join) | st.text(max_size=8)
marks = st.sampled_from(
    ["decimal-separator", "grouping-separator", "exponent-separator", "percent", "zero-digit", "digit"]
)
marks |= st.sampled_from(["per-mille", "pattern-separator", "minus-sign", "infinity", "NaN", "other"])
options = st.none() | st.dictionaries(
    marks, st.text("0#.,%e;x٠A", max_size=2) | st.characters() | st.none(), max_size=3
)


def made(function, *args):
    """The result, or None where it is refused with a code."""
    try:
        return function(*args)
    except EvaluationError:
        return None


@given(numbers, number_pictures, options)
@settings(max_examples=300, deadline=None)
def test_any_number_in_any_picture_is_text_or_a_coded_error(number, picture, given_options):
    assert isinstance(made(format_number, number, picture, given_options), str | None)


@given(numbers, integer_pictures, st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_integer_in_any_picture_is_text_or_a_coded_error_and_any_text_a_number(number, picture, text):
    written = made(format_integer, number, picture)
    assert isinstance(written, str | None)
    for one in (text, written or ""):
        assert isinstance(made(parse_integer, one, picture), int | float | None)


@given(
    numbers | st.integers(-(10**16), 10**16),
    date_pictures,
    st.none() | st.sampled_from(["+0530", "-0330", "x", "0"]),
    st.text(max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_any_moment_in_any_picture_is_text_or_a_coded_error_and_any_text_a_moment(moment, picture, zone, text):
    written = made(format_date_time, moment, picture, zone)
    assert isinstance(written, str | None)
    for one in (text, written or ""):
        assert isinstance(made(parse_date_time, one, picture, lambda: 0), int | float | None)


@pytest.mark.parametrize("picture", INTEGERS)
@given(number=st.integers(1, 10**6) | st.integers(1, 3000))
@settings(max_examples=60, deadline=None)
def test_an_integer_is_read_as_it_was_written(picture, number):
    assert parse_integer(format_integer(number, picture), picture) == number


@pytest.mark.parametrize("picture", DATES)
@given(
    millis=st.integers(-59_000_000_000_000, 253_402_000_000_000),  # of the years 100 to 9999: others lose their century
    zone=st.sampled_from(["0000", "+0530", "-0330"]),
)
@settings(max_examples=60, deadline=None)
def test_a_moment_is_read_as_it_was_written(picture, millis, zone):
    millis -= millis % 86_400_000 if "[d]" in picture else 0
    text = format_date_time(millis, picture, zone if "[z]" in picture else None)
    assert parse_date_time(text, picture, never) == millis


CYCLE = 146_097 * 86_400_000  # after 400 years dates are on the same days of the week


@given(
    millis=st.integers(-62_135_596_800_000, 253_402_300_799_999),  # Python's calendar
    picture=date_pictures
    | st.sampled_from([None, *DATES, "[Y0001]-[M01]-[D01]", "[H01]:[m01]:[s01]", "[X] [W] [x] [w] [d]"]),
    zone=st.none() | st.sampled_from(["0000", "+0530", "-0330", "+1400"]),
    cycles=st.sampled_from([-600, 600]),
)
@settings(max_examples=300, deadline=None)
def test_a_moment_outside_pythons_calendar_is_written_as_the_same_one_of_another_year(millis, picture, zone, cycles):
    picture = (picture or DATES[0]).replace("Y", "M").replace("X", "W")
    far = made(format_date_time, millis + cycles * CYCLE, picture, zone)
    assert far == made(format_date_time, millis, picture, zone)


@given(millis=st.integers(-62_135_596_800_000, 253_402_300_799_999))
@settings(max_examples=300, deadline=None)
def test_a_moment_in_iso_8601_is_as_python_writes_and_reads_it(millis):
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)).isoformat(timespec="milliseconds")
    text = text.replace("+00:00", "Z")
    assert format_date_time(millis) == text
    for form in (text, text.replace("Z", "+0000"), text.replace("Z", "000Z")):
        assert to_millis(None, form) == millis


@given(numbers | st.floats(-1e6, 1e6).map(lambda number: round(number, 3)), st.integers(0, 8))
@settings(max_examples=300, deadline=None)
def test_a_number_with_decimals_is_rounded_in_decimal_digits_half_to_even(number, places):
    exact = Decimal(repr(number))
    if abs(exact) < 1e15 and len(exact.as_tuple().digits) < 17:
        rounded = exact.quantize(Decimal(1).scaleb(-places))
        written = format_number(number, "0." + "0" * places if places else "0")
        assert Decimal(written) == rounded, written
