"""Tries of the mock Gong for `fuzz.py`: hostile calls are refused, and companies of any size agree with themselves."""

import asyncio
import copy
import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import test_mock_gong
from mock_company import Asker

from truto_mapper.edges.mock import KEY, SECRET, gong
from truto_mapper.edges.mock.requests import SCOPES, Credential

ZONES = [
    "America/New_York",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "US/Pacific",
    "UTC",
]
PATHS = [path for path, _, _ in test_mock_gong.ROWS.values()]
PATHS += [
    "/v2/users",
    "/v2/users/extensive",
    "/v2/users/1",
    "/v2/users/%2e%2e",
    "/v2/users/%00",
    "/v2",
    "/",
    "//",
    "/v2/é",
]
METHODS = ["POST"] * 6 + ["GET"] * 4 + ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]


def company(rng):
    """A mock, its clock, and what asks it."""
    zone = rng.choice(ZONES)
    now = datetime(rng.choice([2017, 2021, 2026]), 1, 1, 7, tzinfo=ZoneInfo(zone)) + timedelta(
        hours=rng.randrange(8000)
    )
    users = rng.choice([1, 2, 3, 5, 20, 101, 120])
    return gong(seed=rng.randrange(9), users=users, zone=zone, limits=False, now=lambda: now), now


def span(rng, now):
    first = date(2015, 12, 1) + timedelta(rng.randrange((now.date() - date(2015, 12, 1)).days))
    return {"fromDate": str(first), "toDate": str(min(first + timedelta(rng.randint(1, 60)), now.date()))}


def agreeing(rng):
    """Hold that the days of a company sum to totals, and that its periods are those of its days."""
    app, now = company(rng)
    with asyncio.Runner() as runner:
        ask, asked = Asker(app, runner), span(rng, now)
        test_mock_gong.agree(ask, asked)
        test_mock_gong.agree_by_period(ask, asked, rng.choice(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]), rng.choice)


def hostile(rng, nasty):
    """Hold that a call is answered or refused in Gong's form, whatever it is."""
    app, now = company(rng)
    body = {"filter": span(rng, now), "aggregationPeriod": "WEEK"}
    for _ in range(rng.randint(0, 3)):
        place = rng.choice([body, body["filter"]]) if isinstance(body.get("filter"), dict) else body
        place[rng.choice([*place, "cursor", "userIds", "createdFromDateTime", "includeAvatars", "filter"])] = nasty()
    more = {"content": written(rng, body)} if rng.random() < 0.8 else {}
    params = {name: rng.choice(TEXTS) for name in ("cursor", "includeAvatars") if rng.random() < 0.2}
    headers = {"X-Mock-Fault": rng.choice(FAULTS)} if rng.random() < 0.2 else {}
    auth = (KEY, SECRET) if rng.random() < 0.9 else rng.choice([None, ("", ""), ("é", "\0"), (KEY, SECRET * 999)])
    with asyncio.Runner() as runner:
        ask = Asker(app, runner)
        reply = ask(rng.choice(METHODS), rng.choice(PATHS), auth=auth, headers=headers, params=params, **more)
    assert reply.status_code < 500, reply.text
    if reply.request.method != "HEAD":
        assert reply.headers["x-traceid"] == reply.json()["requestId"]
        assert (reply.status_code == 200) != bool(reply.json().get("errors"))


FAULTS = [
    "429",
    "",
    "{",
    "{fault: 429, retry_after: -1}",
    "changed",
    "repeat-cursor",
    "gzip",
    "a: b",
    "é".encode(),
    "null",
]


TEXTS = ["", "true", "FALSE", "maybe", "e30.e30.", "...", "é", "\0", "a" * 3000, "[]", "-1"]


def written(rng, body):
    """A body as bytes: as JSON, cut, or with something else in it."""
    try:
        data = json.dumps(copy.deepcopy(body)).encode()
    except (TypeError, ValueError, RecursionError):
        return b"\xff" + repr(type(body)).encode()
    roll = rng.random()
    if roll < 0.1:
        return data[: rng.randrange(len(data))]
    return data.replace(b"2026", b"20" + rng.choice([b"26", b"99", b"\xc3", b"0"])) if roll < 0.3 else data


def narrow(rng):
    """Hold that a token has the scopes that it was given, and no others."""
    scopes = rng.sample(SCOPES, rng.randint(0, 4))
    app = gong(users=3, limits=False, credentials=[Credential.bearer("t", scopes)])
    with asyncio.Runner() as runner:
        reply = Asker(app, runner)("GET", "/v2/users", auth=None, headers={"Authorization": "Bearer t"})
    assert (reply.status_code == 401) != ("api:users:read" in scopes)
