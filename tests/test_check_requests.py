"""What a request is made of: texts in its path, and days that `whole_days` states."""

import pytest

from truto_mapper import load
from truto_mapper.authoring import check

MAPPING = """\
version: 1
integration: gong
unified_model: conversational-intelligence
resource: activity
method: list
context:
  zone: {type: string, format: time-zone, default: UTC}
  account: {type: string}
  region: {type: string, pattern: '^[a-z]+$'}
  size: {type: integer}
whole_days: {time_zone: $context.zone, parameters: {start_time: floor, end_time: ceil_until_today}}
endpoints:
  all:
    source_schema: gong/aggregate
    path_mapping: |
      PATH
    query_mapping:
      from: |
        FROM
      to: |
        TO
    for_each: {user: usersAggregateActivityStats}
    response_mapping: {id: '$string($user.userId[$ != null])'}
"""
PATH, FROM = '"/v1/users"', "$floorDate($query.start_time, $context.zone)"
TO = "$ceilDate($query.end_time, $context.zone, $now)"


@pytest.fixture
def told(tmp_path):
    """Finds what is wrong with the paths, texts and days of a mapping: code, message and hint."""

    def found(path=PATH, start=FROM, end=TO):
        text = MAPPING.replace("PATH", path).replace("FROM", start).replace("TO", end)
        (tmp_path / "acme.yaml").write_text(text, "utf-8")
        every = check.check(load(tmp_path / "acme.yaml"))
        return [(one.code, one.message, one.hint) for one in every if one.code in ("C232", "C236", "C243")]

    return found


def test_a_request_that_is_right_is_right(told):
    assert told() == []


ESCAPED = [
    '"/v1/" & $encodeUrlComponent($context.account)',
    '"/v1/" & $query.integrated_account_id',
    '"/v1/" & $query.aggregation_period',
    '"/v1/" & $context.region & "/" & $context.size',
    '"/v1/" & $floorDate($query.start_time, $context.zone)',
    '($a := $encodeUrlComponent($context.account); "/v1/" & $a)',
    '"/v1/" & ($context.account = "a" ? "b" : "c")',
    '"/v1/" & $replace($context.account, /[^a-z]/, "")',
]


@pytest.mark.parametrize("path", ESCAPED)
def test_a_path_of_what_needs_no_escape_is_right(path, told):
    assert told(path) == []


UNESCAPED = {
    '"/v1/" & $context.account': "$context.account",
    '"/v1/" & $uppercase($context.account)': "$context.account",
    '"/v1/" & ($context.account ?? "me")': "$context.account",
    '"/v1/" & ($context.size > 1 ? $query.users[0].id : "me")': "$query.users[0].id",
    '$join(["/v1", $context.account], "/")': "$context.account",
    '($a := $context.account; "/v1/" & $a & "/x")': "$context.account",
    '"/v1/" & $context.zone': "$context.zone",
}


@pytest.mark.parametrize("path", UNESCAPED)
def test_a_text_in_a_path_must_be_escaped(path, told):
    text = UNESCAPED[path]
    message = f"`{text}` may contain `/`, `?` or `#`, which change the path"
    assert told(path) == [("C236", message, f"write `$encodeUrlComponent({text})`")]


DAYS = [
    {"start": "$floorDate($query.start_time, $context.zone, 'week')"},
    {"start": "($z := $context.zone; $floorDate($query.start_time, $z))"},
    {"start": "$floorDate($query.start_time, $context.zone ?? 'UTC')"},
    {"start": "$floorDate($now, $context.zone)"},
    {"end": "$floorDate($query.end_time, $context.zone) = $query.end_time ? 'a' : 'b'"},
    {"end": "($to := $query.end_time; $ceilDate($to, $context.zone, $now))"},
]


@pytest.mark.parametrize("days", DAYS, ids=lambda days: next(iter(days.values())))
def test_days_as_they_are_stated_are_right(days, told):
    assert [code for code, _, _ in told(**days) if code == "C243"] == []


OTHER = [
    ({"start": "$ceilDate($query.start_time, $context.zone)"}, "but $ceilDate rounds the other way"),
    ({"end": "$floorDate($query.end_time, $context.zone)"}, "but $floorDate rounds the other way"),
    ({"start": "$floorDate($query.start_time, 'UTC')"}, "`whole_days` counts in $context.zone"),
    ({"start": "$floorDate($query.start_time, $context.account)"}, "`whole_days` counts in $context.zone"),
    ({"start": "$floorDate($now, 'UTC')"}, "`whole_days` counts in $context.zone"),
    ({"end": "$ceilDate($query.end_time, $context.zone)"}, "`whole_days` cuts `end_time` to today, but this does not"),
]


@pytest.mark.parametrize(("days", "message"), OTHER)
def test_days_that_differ_from_what_is_stated_are_told(days, message, told):
    (said,) = [said for code, said, _ in told(**days) if code == "C243"]
    assert message in said
