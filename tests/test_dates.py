from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper.language.library.dates import ceil_date, floor_date
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.timestamps import instant, is_date_time, is_time_zone, same_zone


def code(function, *args):
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T09:30:00Z",
        "2026-01-31t09:30:00z",
        "2026-01-31T09:30:00.123456789+05:30",
        "2024-02-29T23:59:59-23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_date_time_has_an_offset(text):
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T09:30:00",
        "2026-01-31 09:30:00Z",
        "2026-01-31T09:30Z",
        "2026-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:59:60Z",
        "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+0530",
        "2026-01-31T09:30:00Z\n",
        " 2026-01-31T09:30:00Z",
        "２０26-01-31T09:30:00Z",
        "2026-01-31T09:30:00.Z",
        "",
        None,
        20260131,
    ],
)
def test_text_that_only_resembles_a_date_time_is_refused(text):
    assert not is_date_time(text)


def test_an_instant_keeps_its_offset_and_cuts_below_the_microsecond():
    moment = instant("2026-01-31T09:30:00.1234569-05:30")
    assert moment.isoformat() == "2026-01-31T09:30:00.123456-05:30"
    assert instant("2026-01-31T09:30:00.5Z") == datetime(2026, 1, 31, 9, 30, 0, 500000, UTC)


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(0), timedelta(hours=23)))
@settings(deadline=None)
def test_every_date_time_is_read_as_python_reads_it(moment, offset):
    text = moment.isoformat().replace("+00:00", f"+{offset.seconds // 3600:02}:{offset.seconds // 60 % 60:02}")
    assert instant(text) == datetime.fromisoformat(text)


def test_other_text_is_not_an_instant():
    assert code(instant, "yesterday") == "D3110"


@pytest.mark.parametrize(
    ("timestamp", "zone", "floor", "ceil"),
    [
        ("2026-01-31T09:30:00Z", "UTC", "2026-01-31", "2026-02-01"),
        ("2026-01-31T00:00:00Z", "UTC", "2026-01-31", "2026-01-31"),
        ("2026-01-31T00:00:00.000001Z", "UTC", "2026-01-31", "2026-02-01"),
        ("2026-01-31T00:00:00Z", "America/Los_Angeles", "2026-01-30", "2026-01-31"),
        ("2026-01-31T00:00:00-08:00", "America/Los_Angeles", "2026-01-31", "2026-01-31"),
        ("2026-01-31T23:00:00Z", "Asia/Tokyo", "2026-02-01", "2026-02-02"),
        # In Santiago the clocks went from 23:59:59 to 01:00 on 2023-09-03: that day begins at 01:00.
        ("2023-09-03T04:00:00Z", "America/Santiago", "2023-09-03", "2023-09-03"),
        ("2023-09-03T05:00:00Z", "America/Santiago", "2023-09-03", "2023-09-04"),
        # In Havana midnight came twice on 2023-11-05; the day begins with the first.
        ("2023-11-05T04:00:00Z", "America/Havana", "2023-11-05", "2023-11-05"),
        ("2023-11-05T05:00:00Z", "America/Havana", "2023-11-05", "2023-11-06"),
        # Samoa left out 2011-12-30.
        ("2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31", "2011-12-31"),
    ],
)
def test_a_moment_is_floored_and_raised_to_days_of_the_zone(timestamp, zone, floor, ceil):
    assert floor_date(timestamp, zone) == floor
    assert ceil_date(timestamp, zone) == ceil


def test_a_day_is_not_raised_past_that_of_now():
    assert ceil_date("2026-01-31T09:30:00Z", "UTC", "2026-01-31T10:00:00Z") == "2026-01-31"
    assert ceil_date("2026-01-31T09:30:00Z", "UTC", "2026-02-03T10:00:00Z") == "2026-02-01"
    assert ceil_date("2026-01-31T09:30:00Z", "Asia/Tokyo", "2026-01-31T20:00:00Z") == "2026-02-01"
    assert ceil_date("2026-01-31T09:30:00Z", "UTC", None) == "2026-02-01"


def test_no_timestamp_has_no_date():
    for nothing in (MISSING, None):
        assert floor_date(nothing, "UTC") is MISSING
        assert ceil_date(nothing, "nowhere") is MISSING


@pytest.mark.parametrize("function", [floor_date, ceil_date])
def test_a_bad_argument_of_a_date_function_has_a_code(function):
    assert code(function, 17, "UTC") == "T0410"
    assert code(function, "2026-01-31", "UTC") == "D3110"
    assert code(function, "2026-01-31T09:30:00Z", "Mars/Olympus") == "D3137"
    assert code(function, "2026-01-31T09:30:00Z", MISSING) == "T0410"
    assert code(function, "0001-01-01T00:00:00Z", "America/Los_Angeles") == "D3137"
    assert code(function, "9999-12-31T23:59:59Z", "Asia/Tokyo") == "D3137"


def test_the_ends_of_the_calendar_are_days_too():
    assert floor_date("9999-12-31T23:59:59Z", "UTC") == "9999-12-31"
    assert code(ceil_date, "9999-12-31T23:59:59Z", "UTC") == "D3137"
    assert ceil_date("0001-01-01T00:00:00Z", "UTC") == "0001-01-01"


@pytest.mark.parametrize("name", ["UTC", "Europe/Dublin", "US/Pacific", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_an_iana_name_is_a_time_zone(name):
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "America",
        "Europe/Dublin\0",
        "posix/UTC",
        "Ü",
        None,
        3,
        [],
    ],
)
def test_nothing_else_is_a_time_zone(name):
    assert not is_time_zone(name)


@given(st.text())
@settings(deadline=None)
def test_asking_for_a_time_zone_never_fails(name):
    assert is_time_zone(name) in (True, False)


def test_aliases_are_the_same_zone_and_neighbours_are_not():
    assert same_zone("US/Pacific", "America/Los_Angeles")
    assert same_zone("UTC", "Etc/UTC")
    assert not same_zone("America/Phoenix", "America/Denver")
    assert not same_zone("UTC", "Europe/London")
    assert not same_zone("UTC", "nowhere")


# ── Units ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "week", "month", "quarter", "year"),
    [
        ("2026-01-05", "2026-01-05", "2026-01-01", "2026-01-01", "2026-01-01"),
        ("2026-01-04", "2025-12-29", "2026-01-01", "2026-01-01", "2026-01-01"),
        ("2026-06-30", "2026-06-29", "2026-06-01", "2026-04-01", "2026-01-01"),
        ("2024-02-29", "2024-02-26", "2024-02-01", "2024-01-01", "2024-01-01"),
        ("2026-12-31", "2026-12-28", "2026-12-01", "2026-10-01", "2026-01-01"),
        ("0001-01-03", "0001-01-01", "0001-01-01", "0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-27", "9999-12-01", "9999-10-01", "9999-01-01"),
    ],
)
def test_a_day_is_in_a_week_from_monday_a_month_a_quarter_and_a_year(day, week, month, quarter, year):
    moment = f"{day}T12:00:00Z"
    units = {"day": day, "week": week, "month": month, "quarter": quarter, "year": year}
    assert {unit: floor_date(moment, "UTC", unit) for unit in units} == units
    assert floor_date(moment, "UTC", MISSING) == floor_date(moment, "UTC", None) == day


def test_a_unit_begins_in_the_zone():
    assert floor_date("2026-02-01T03:00:00Z", "America/New_York", "month") == "2026-01-01"
    assert floor_date("2026-01-31T23:30:00Z", "Europe/Berlin", "month") == "2026-02-01"
    assert floor_date(MISSING, "UTC", "week") is MISSING


@pytest.mark.parametrize(("unit", "expected"), [("weeks", "D3137"), ("WEEK", "D3137"), ("", "D3137"), (7, "T0410")])
def test_any_other_unit_is_refused(unit, expected):
    assert code(floor_date, "2026-01-05T00:00:00Z", "UTC", unit) == expected
