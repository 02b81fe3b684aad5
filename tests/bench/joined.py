"""How many times as long a page of 100 users of gong/activity takes with the rows of a join as without.

`one` is a user with one e-mail address, `three` one with two aliases; `hand` does the same by hand, without checks. The
reply to the join is read already, because that belongs to its request.
"""

import json
from functools import partial
from time import thread_time

import byhand
import pages
from rounds import interleaved, ratio

from truto_mapper import load

ROWS = {"aggregate": "usersAggregateActivityStats", "by-period": "usersAggregateActivity"}


class Timed:
    """A function with its arguments, timed by the processor's clock of this thread."""

    def __init__(self, function, *arguments, **named):
        self.call = partial(function, *arguments, **named)

    def seconds(self, times):
        started = thread_time()
        for _ in range(times):
            self.call()
        return (thread_time() - started) / times


def profile(row, aliases):
    """A user as Gong's users API shows it."""
    address = row["userEmailAddress"]
    first, _, last = address.partition("@")[0].partition(".")
    more = [f"{n}.{address}" for n in range(aliases)]
    made = {"id": row["userId"], "emailAddress": address, "emailAliases": more, "trustedEmailAddress": None}
    return made | {"firstName": first.title(), "lastName": last.title(), "title": "Sales", "active": True}


def by_hand(kind, body, replies):
    """What `byhand` makes of a page, with the names and addresses of users."""
    made = byhand.MAPS[kind](body, pages.PERIODS[kind])
    users = {one["id"]: one for reply in replies for one in reply["users"]}
    for record in made["result"]:
        user, (own,) = record["user"], record["user"]["emails"]
        found = users[user["id"]]
        user["name"] = " ".join(f"{found['firstName'] or ''} {found['lastName'] or ''}".split())
        every = (found["emailAddress"], *found["emailAliases"], found["trustedEmailAddress"], own["email"])
        first = {}
        for one in every:
            if one and one.strip():
                first.setdefault(one.lower(), one)
        user["emails"] = [{"email": one, "is_primary": one == every[0]} for one in first.values()]
    return made


def contestants(kind):
    body, mapper = pages.page(kind, 100), load("gong/activity")
    on, off = (
        mapper.plan(pages.query(kind), context=pages.CONTEXT | {"user_names": one}).query for one in (True, False)
    )
    sent, found = json.dumps(body).encode(), {}
    for name, aliases in (("without", None), ("one", 0), ("three", 2)):
        joined = (
            aliases if aliases is None else {"users": [{"users": [profile(row, aliases) for row in body[ROWS[kind]]]}]}
        )
        query = off if joined is None else on
        found["map", name] = Timed(mapper.map, body, query=query, joined=joined)
        found["map_bytes", name] = Timed(mapper.map_bytes, sent, query=query, joined=joined)
        hand = partial(byhand.MAPS[kind], period=pages.PERIODS[kind])
        if joined is not None:
            made, expected = (
                one["result"] for one in (by_hand(kind, body, joined["users"]), found["map", name].call().render())
            )
            assert [one["user"] for one in made] == [one["user"] for one in expected]
        found["hand", name] = Timed(hand, body) if joined is None else Timed(by_hand, kind, body, joined["users"])
    return found


def main():
    for kind in ROWS:
        samples = interleaved(contestants(kind), 25)
        for how in ("map", "map_bytes", "hand"):
            told = (f"{name} {ratio(samples[how, name], samples[how, 'without']):.2f}" for name in ("one", "three"))
            print(f"{kind}, {how}: {', '.join(told)}")  # noqa: T201


if __name__ == "__main__":
    main()
