"""How many times as long a page of 100 users of gong/activity takes with the rows of a join as without.

`one` is a user with one e-mail address, `three` one with two aliases; `hand` does the same by hand, without checks.
`plain` is a mapping that takes one value as it is from the join, the first name: what a join costs itself. The reply to
the join is read already, because that belongs to its request.
"""

import json
import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time

import byhand
import pages
import yaml
from rounds import interleaved, ratio

from truto_mapper import load

ROOT = Path(__file__).parents[2]

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


class OnLines(yaml.SafeDumper):
    """Writes every expression on a line, because it cannot have escapes."""


OnLines.add_representer(str, lambda self, text: self.represent_scalar("tag:yaml.org,2002:str", " ".join(text.split())))


def plain_mapper():
    """A mapper of gong/activity whose records have the first name of the join, and no more of it."""
    mapping = yaml.safe_load((ROOT / "mappings/gong/activity.yaml").read_text())
    for endpoint in mapping["endpoints"].values():
        for name in ("primary", "name", "emails"):
            del endpoint["let"][name]
        own = '$user.userEmailAddress.($ ? {"email": $, "is_primary": true})'
        endpoint["response_mapping"]["user"] |= {"emails": own, "name": "$profile.firstName"}
    with TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "schemas", Path(folder, "schemas"))
        path = Path(folder, "activity.yaml")
        path.write_text(yaml.dump(mapping, Dumper=OnLines, width=10_000, sort_keys=False))
        return load(path)


def plainly_by_hand(kind, body, replies):
    """As `byhand`, with the first names of users."""
    made = byhand.MAPS[kind](body, pages.PERIODS[kind])
    users = {one["id"]: one for reply in replies for one in reply["users"]}
    for record in made["result"]:
        found = users.get(record["user"]["id"])
        record["user"]["name"] = found and found["firstName"]
    return made


def contestants(kind, mapper, aliases, by_hand):
    """A page of a kind with the rows of a join, by how many aliases users have, and `without`."""
    body = pages.page(kind, 100)
    on, off = (
        mapper.plan(pages.query(kind), context=pages.CONTEXT | {"user_names": one}).query for one in (True, False)
    )
    sent, hand = json.dumps(body).encode(), partial(byhand.MAPS[kind], period=pages.PERIODS[kind])
    found = {("hand", "without"): Timed(hand, body)}
    joins = {name: _joined(kind, body, several) for name, several in aliases.items()}
    for name, joined in [("without", None), *joins.items()]:
        query = off if joined is None else on
        found["map", name] = Timed(mapper.map, body, query=query, joined=joined)
        found["map_bytes", name] = Timed(mapper.map_bytes, sent, query=query, joined=joined)
        if joined is not None:
            made, expected = by_hand(kind, body, joined["users"]), found["map", name].call().render()
            assert [one["user"] for one in made["result"]] == [one["user"] for one in expected["result"]]
            found["hand", name] = Timed(by_hand, kind, body, joined["users"])
    return found


def _joined(kind, body, aliases):
    return {"users": [{"users": [profile(row, aliases) for row in body[ROWS[kind]]]}]}


def main():
    for mapper, aliases, hand in (
        (plain_mapper(), {"plain": 0}, plainly_by_hand),
        (load("gong/activity"), {"one": 0, "three": 2}, by_hand),
    ):
        for kind in ROWS:
            samples = interleaved(contestants(kind, mapper, aliases, hand), 25)
            for how in ("map", "map_bytes", "hand"):
                told = (f"{name} {ratio(samples[how, name], samples[how, 'without']):.2f}" for name in aliases)
                print(f"{kind}, {how}: {', '.join(told)}")  # noqa: T201


if __name__ == "__main__":
    main()
