"""Fetching through the service while the provider fails: complete, or an error from which a caller can go on."""

import asyncio
import json
import random

import calling
import calling_service
import pytest

from truto_mapper import Source
from truto_mapper.edges import mock

NEW_YEAR = calling.PERIOD | {"aggregation_period": "total"}


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 6])
def test_under_random_faults_a_fetch_is_complete_or_an_error_from_which_it_can_go_on(seed):
    calling_service.check(random.Random(seed))


@pytest.fixture
def service(request):
    """A service over a mock with 230 users and some faults."""
    faults = Source("faults.yaml", f"rules: [{{{request.param}}}]")
    gong = mock.gong(users=230, limits=False, now=lambda: calling.NOON, faults=faults)
    made = calling_service.Service(random.Random(1), gong, "America/New_York")
    yield made
    made.close()


def called(service, more, headers=()):
    status, body, is_whole = asyncio.run(service.called(NEW_YEAR | more, headers))
    return status, body.decode(), is_whole


@pytest.mark.parametrize("service", ["fault: repeat-cursor, calls: [2]"], indirect=True)
def test_a_cursor_that_leads_back_is_an_error_not_the_last_page(service):
    _, body, _ = called(service, {})
    status, body, _ = called(service, {"next_cursor": json.loads(body)["next_cursor"]})
    (found,) = json.loads(body)["diagnostics"]
    assert (status, found["code"], found["hint"]) == (502, "P604", "records would be missing: start again")


@pytest.mark.parametrize("limit", [None, 150])
@pytest.mark.parametrize("service", ["fault: 500, calls: [2, 3]"], indirect=True)
def test_a_stream_that_broke_goes_on_from_its_last_cursor(service, limit):
    stream, wanted = {"truto_response_format": "stream"}, [(b"prefer", b"respond-async, Cursors")]
    stream |= {"limit": limit} if limit else {}
    status, body, is_whole = called(service, stream, wanted)
    *records, last = map(json.loads, body.splitlines())
    assert (status, is_whole, len(records), [*last]) == (200, False, 100, ["next_cursor"])
    status, body, is_whole = called(service, stream | last, wanted)
    rest = [one for one in map(json.loads, body.splitlines()) if [*one] != ["next_cursor"]]
    assert is_whole
    assert [one["id"] for one in records + rest] == calling.truth(230, "total")[:limit]


@pytest.mark.parametrize("service", ["fault: repeat-cursor, calls: [2]"], indirect=True)
def test_a_page_that_leads_back_comes_to_who_goes_on(service):
    stream, wanted = {"truto_response_format": "stream"}, [(b"prefer", b"cursors")]
    _, body, is_whole = called(service, stream, wanted)
    first, rest = body[: body.index('{"next_cursor"')].splitlines(), body[body.index('{"next_cursor"') :].splitlines()
    assert (is_whole, len(first), len(rest)) == (False, 100, 1)
    _, body, is_whole = called(service, stream | json.loads(rest[0]), wanted)
    second = [one for one in body.splitlines() if not one.startswith('{"next_cursor"')]
    assert is_whole
    assert [json.loads(one)["id"] for one in first + second] == calling.truth(230, "total")


@pytest.mark.parametrize("service", ["fault: 500, calls: [9]"], indirect=True)
def test_without_the_preference_a_stream_has_records_alone(service):
    _, body, _ = called(service, {"truto_response_format": "stream"})
    assert [json.loads(line)["id"] for line in body.splitlines()] == calling.truth(230, "total")
