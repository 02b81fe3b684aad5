"""Gong's users and interactions, and the users of a page of statistics, mapped by hand: no engine, as in `independent`.

It knows what Gong sends, with keys that are absent or null. `Company` is a small Gong: its endpoints agree with each
other, and answer the same request in the same way.
"""

from collections.abc import Iterator
from random import Random

import independent
from independent import mended, present

#: The metrics of interactions by Gong's names; any other name is an additional metric.
FIELDS = {
    "Longest Monologue": "longest_monologue",
    "Longest Customer Story": "longest_customer_story",
    "Interactivity": "interactivity",
    "Patience": "patience",
    "Question Rate": "question_rate",
}

NOTHING_FOUND = {"requestId": "r", "errors": ["No users found corresponding to the provided filters"]}


def text_of(identity) -> str | None:
    """An id, which may come as an integer."""
    return None if identity is None or identity == "" else str(identity)


def name(user: dict) -> str | None:
    """The first and the last name, without spaces that say nothing; None for none."""
    words = [word for key in ("firstName", "lastName") for word in (user.get(key) or "").split()]
    return " ".join(words) or None


def unique(addresses: list) -> list[str]:
    """The addresses that are some, each once, whatever its case."""
    found: dict[str, str] = {}
    for one in addresses:
        if one is not None and one.strip():
            found.setdefault(one.lower(), one)
    return list(found.values())


def emails(addresses: list, primary: str | None) -> list[dict]:
    return [{"email": one, "is_primary": one == primary} for one in unique(addresses)]


# ----------------------------------------------------------------------------------------------------- users


def user_plan(query: dict) -> dict:
    params = {"cursor": query["next_cursor"]} if query.get("next_cursor") else {}
    return {
        "method": "GET",
        "path": "/v2/users",
        "params": {**params, "includeAvatars": "false"},
        "headers": {},
        "body": None,
    }


def user(raw: dict, query: dict) -> dict | None:
    """A unified user; None for one without an id."""
    if text_of(raw.get("id")) is None:
        return None
    held = [raw.get("emailAddress"), raw.get("emailAliases"), raw.get("trustedEmailAddress")]
    told = [held[0], *(held[1] or []), held[2]]
    made = {
        "id": text_of(raw["id"]),
        "name": name(raw),
        "emails": None if held == [None] * 3 else emails(told, held[0]),
        "created_at": raw.get("created"),
        "remote_data": None if query.get("truto_ignore_remote_data") else raw,
    }
    return present(made)


def users(body: dict, query: dict) -> list[dict | None]:
    return [user(raw, query) for raw in body.get("users") or [] if raw is not None]


# ---------------------------------------------------------------------------------------------- interactions


def interaction_plan(query: dict, context: dict, now: str | None) -> dict:
    return independent.plan(query, context, now) | {"path": "/v2/stats/interaction"}


def metrics(stats: list | None) -> dict | None:
    """The first value of each name with a field; everything else in the order in which it comes, repetitions last."""
    if stats is None:
        return None
    told = [(one.get("name"), one.get("value")) for one in stats if one is not None]
    made: dict = {}
    more = [present({"name": of, "value": value}) for of, value in told if of not in FIELDS]
    for of, field in FIELDS.items():
        first, *again = [value for other, value in told if other == of and value is not None] or [None]
        made[field] = first
        more += [{"name": of, "value": value} for value in again]
    return present(made) | {"additional_metrics": [one for one in more if one]}


def interaction(raw: dict, body: dict, query: dict, context: dict) -> dict | None:
    """One unified record; None without the user's id."""
    identity = text_of(raw.get("userId"))
    if identity is None:
        return None
    first, last = independent.days(query, context, None)
    made = {
        "id": f"{identity}_total_{first}_{last}",
        "user": present({"id": identity, "emails": independent.emails(raw.get("userEmailAddress"))}),
        "start_time": mended(body.get("fromDateTime")),
        "end_time": mended(body.get("toDateTime")),
        "timezone": body.get("timeZone"),
        "aggregation_period": "total",
        "metrics": metrics(raw.get("personInteractionStats")),
        "remote_data": None if query.get("truto_ignore_remote_data") else raw,
    }
    return present(made)


def interactions(body: dict, query: dict, context: dict) -> list[dict | None]:
    rows = [row for row in body.get("peopleInteractionStats") or [] if row is not None]
    return [interaction(row, body, query, context) for row in rows]


# ------------------------------------------------------------------------------------------ the users of a page


def known(replies: list[dict]) -> dict[str, dict]:
    """The users of the replies of the users API by id; the first one counts."""
    found: dict[str, dict] = {}
    for body in replies:
        for one in body.get("users") or []:
            if one is not None and one.get("id") is not None:
                found.setdefault(str(one["id"]), one)
    return found


def with_user(record: dict, raw: dict, people: dict[str, dict]) -> dict:
    """A record with what the users API knows of its user. One whom it omits keeps what the statistics know."""
    person = people.get(record["user"]["id"])
    if person is None:
        return record
    given = raw.get("userEmailAddress")
    primary = person.get("emailAddress") or given
    held = [person.get(key) for key in ("emailAddress", "emailAliases", "trustedEmailAddress")]
    told = [primary, *(held[1] or []), held[2], given]
    found = None if [*held, given] == [None] * 4 else emails(told, primary)
    return record | {"user": present({**record["user"], "name": name(person), "emails": found})}


class Company:
    """A Gong with so many users. Some of them are avatars, whom its users API leaves out."""

    PAGE = 100

    def __init__(self, size: int, seed: int = 1) -> None:
        rng = Random(seed)
        self.users = [self._user(rng, number) for number in range(size)]
        self.avatars = {one["id"] for one in self.users if rng.random() < 0.1}
        self.requests: list[str] = []

    @staticmethod
    def _user(rng: Random, number: int) -> dict:
        identity = str(rng.randrange(10**17, 10**20))
        mail = f"user{number}@example.com"
        return {
            "id": identity,
            "emailAddress": rng.choice([mail, mail.upper(), None]),
            "emailAliases": rng.choice([[], None, [f"u{number}@example.com", mail, None]]),
            "trustedEmailAddress": rng.choice([None, None, mail, f"trusted{number}@example.com"]),
            "firstName": rng.choice([f"First{number}", None, " ", f" First{number} "]),
            "lastName": rng.choice([f"Last{number}", f"van  Last{number}", None, ""]),
        }

    def answer(self, path: str, body: dict) -> tuple[dict, int]:
        """The reply to a request, and its status."""
        self.requests.append(path)
        if path == "/v2/users/extensive":
            asked = set(body["filter"]["userIds"])
            kept = [one for one in self.users if one["id"] in asked - self.avatars]
            return self._page(kept, "users", body) if kept else (NOTHING_FOUND, 404)
        return self._page(list(self._rows(path)), self._outer(path), body)

    def _page(self, rows: list, outer: str, body: dict) -> tuple[dict, int]:
        at = int(body.get("cursor", "page-0").removeprefix("page-"))
        shown = rows[at * self.PAGE : (at + 1) * self.PAGE]
        records = {"totalRecords": len(rows), "currentPageSize": len(shown), "currentPageNumber": at}
        records |= {"cursor": f"page-{at + 1}"} if (at + 1) * self.PAGE < len(rows) else {}
        return {"requestId": "r", "records": records, outer: shown}, 200

    def _outer(self, path: str) -> str:
        kind = path.rpartition("/")[2]
        return "peopleInteractionStats" if kind == "interaction" else independent.ROWS[kind][0]

    def _rows(self, path: str) -> Iterator[dict]:
        kind = path.rpartition("/")[2]
        for number, one in enumerate(self.users):
            row = {"userId": one["id"], "userEmailAddress": f"user{number}@example.com"}
            if kind == "interaction":
                yield row | {"personInteractionStats": [{"name": "Patience", "value": number / 10}]}
                continue
            day = {"fromDate": "2026-03-02T00:00:00Z", "toDate": "2026-03-09T00:00:00Z"}
            counts = {"callsAsHost": [str(number)] if kind == "day-by-day" else number}
            yield row | {independent.ROWS[kind][1]: counts if kind == "aggregate" else [counts | day]}
