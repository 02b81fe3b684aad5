"""Replies as Gong sends them, made from a seed: every field is there, with all fifteen counts and 19-digit user ids.

Gong's own pages end at 100 users; 10,000 show what grows faster than the page.
"""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from random import Random

from byhand import COUNTS

CONTEXT = {"time_zone": "America/Los_Angeles"}
PERIODS = {"aggregate": "total", "by-period": "week"}
MONDAYS = ("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02")

FIRST = ("Ada", "Amélie", "Björn", "Chidi", "Grace", "Haruki", "Ines", "Jadwiga", "Noor", "Oluwaseun", "Priya", "Wei")
LAST = ("Abara", "Hopper", "Ibsen", "Kowalska", "Lovelace", "Marín", "Nakamura", "Okafor", "Patel", "Zhang")


def query(kind: str) -> dict:
    """The unified query that a page of this kind answers."""
    return {"start_time": moment(MONDAYS[0]), "end_time": moment(MONDAYS[-1]), "aggregation_period": PERIODS[kind]}


def page(kind: str, users: int, seed: int = 2026) -> dict:
    """A reply of that many users: one row each, or four weeks each."""
    rng = Random(f"{seed}/{kind}/{users}")
    return envelope(rng, users) | (aggregate(rng, users) if kind == "aggregate" else by_period(rng, users))


def envelope(rng: Random, users: int) -> dict:
    cursor = "eyJhbGciOiJIUzI1NiJ9." + "".join(rng.choices("ABCDEFGHabcdefgh0123456789_-", k=180))
    records = {"totalRecords": 3 * users, "currentPageSize": users, "currentPageNumber": 0, "cursor": cursor}
    return {"requestId": f"{rng.getrandbits(64):x}", "records": records}


def aggregate(rng: Random, users: int) -> dict:
    return {
        "timeZone": CONTEXT["time_zone"],
        "fromDateTime": moment(MONDAYS[0]),
        "toDateTime": moment(MONDAYS[-1]),
        "usersAggregateActivityStats": [user(rng) | {"userAggregateActivityStats": counts(rng)} for _ in range(users)],
    }


def by_period(rng: Random, users: int) -> dict:
    return {"usersAggregateActivity": [user(rng) | {"userAggregateActivity": weeks(rng)} for _ in range(users)]}


def weeks(rng: Random) -> list[dict]:
    return [{"fromDate": moment(first), "toDate": moment(last), **counts(rng)} for first, last in pairwise(MONDAYS)]


def user(rng: Random) -> dict:
    address = f"{rng.choice(FIRST)}.{rng.choice(LAST)}{rng.randrange(1000)}@example.com".lower()
    return {"userId": str(rng.randrange(10**18, 10**19)), "userEmailAddress": address}


def counts(rng: Random) -> dict:
    """Mostly small numbers, now and then a large one."""
    return {name: int(rng.expovariate(1 / 12)) for name in COUNTS.values()}


def spoiled(kind: str, body: dict, spoil: Callable[[dict], None], every: int) -> dict:
    """A copy of a reply in which every nth row is spoiled."""
    body = deepcopy(body)
    for counts in rows(kind, body)[every // 2 :: every]:
        spoil(counts)
    return body


def rows(kind: str, body: dict) -> list[dict]:
    """The counts of each record to be."""
    if kind == "aggregate":
        return [user["userAggregateActivityStats"] for user in body["usersAggregateActivityStats"]]
    return [week for user in body["usersAggregateActivity"] for week in user["userAggregateActivity"]]


def odd(counts: dict) -> None:
    """Valid, but not as the others: one count is null, another is absent."""
    counts["callsAttended"] = None
    del counts["callsScorecardsFilled"]


def invalid(counts: dict) -> None:
    counts["callsAttended"] = "three"


def moment(day: str) -> str:
    return f"{day}T00:00:00-08:00"
