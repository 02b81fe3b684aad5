"""Gong's user activity, planned and mapped by hand: plain Python from Gong's facts and the API page, with no engine.

The output of the package and its mapping file must be equal. It takes a query as a dict and knows valid queries and the
ways in which a valid one cannot be planned; it knows what Gong sends, with keys that are absent or null.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

COUNTS = {
    "calls_hosted": "callsAsHost",
    "calls_attended": "callsAttended",
    "calls_listened_own": "ownCallsListenedTo",
    "calls_listened_others": "othersCallsListenedTo",
    "feedback_given": "callsGaveFeedback",
    "feedback_received": "callsReceivedFeedback",
    "feedback_requested": "callsRequestedFeedback",
    "comments_given": "callsCommentsGiven",
    "comments_received": "callsCommentsReceived",
    "calls_shared_internally": "callsSharedInternally",
    "calls_shared_externally": "callsSharedExternally",
    "scorecards_filled": "callsScorecardsFilled",
    "scorecards_received": "callsScorecardsReceived",
    "calls_marked_feedback_given": "callsMarkedAsFeedbackGiven",
    "calls_marked_feedback_received": "callsMarkedAsFeedbackReceived",
}

#: Where each endpoint has its rows, and where a row has its numbers.
ROWS = {
    "aggregate": ("usersAggregateActivityStats", "userAggregateActivityStats"),
    "aggregate-by-period": ("usersAggregateActivity", "userAggregateActivity"),
    "day-by-day": ("usersDetailedActivities", "userDailyActivityStats"),
}

#: Old names of zones, as far as the tests use them.
ALIASES = {"US/Pacific": "America/Los_Angeles", "Asia/Calcutta": "Asia/Kolkata", "Etc/UTC": "UTC"}


class RefusedError(Exception):
    """Gong cannot answer the query."""


# ------------------------------------------------------------------------------------------------------ days


def day_of(moment: str, zone: str) -> date:
    """The day on which a moment falls in a zone."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date()


def begins_a_day(moment: str, zone: str) -> bool:
    """Whether a moment is the first of its day; where midnight is skipped, that is 01:00."""
    day = day_of(moment, zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))  # in a gap, the moment the gap begins
    return datetime.fromisoformat(moment).astimezone(UTC) == midnight.astimezone(UTC)


def days(query: dict, context: dict, now: str | None) -> tuple[date, date]:
    """The first day and the day after the last: Gong counts whole days, none of them later than yesterday."""
    zone = context.get("time_zone", "UTC")
    first, last = day_of(query["start_time"], zone), day_of(query["end_time"], zone)
    if not begins_a_day(query["end_time"], zone):
        last += timedelta(days=1)
    return first, last if now is None else min(last, day_of(now, zone))


def notes(query: dict, context: dict, now: str | None) -> list[str]:
    """The parameters that were changed to whole days, or that could not be cut to today."""
    zone = context.get("time_zone", "UTC")
    cut = now is not None and days(query, context, now) != days(query, context, None)
    changed = [] if begins_a_day(query["start_time"], zone) else ["start_time"]
    return [*changed, "end_time"] if cut or now is None or not begins_a_day(query["end_time"], zone) else changed


def first_of(day: date, unit: str) -> date:
    """The first day of the week or month that a day is in; the day itself for days."""
    back = {"week": day.weekday(), "month": day.day - 1}.get(unit, 0)
    return day - timedelta(days=back)


def cuts(query: dict, context: dict, now: str | None) -> list[str]:
    """Which of the first and last week or month the request cuts."""
    if endpoint(query, context) != "aggregate-by-period":
        return []
    unit, zone = query["aggregation_period"], context.get("time_zone", "UTC")
    first, last = days(query, context, now)
    grows = now is not None and last >= day_of(now, zone)
    whole = grows or first_of(last, unit) == last
    return [*([] if first_of(first, unit) == first else ["first"]), *([] if whole else ["last"])]


# -------------------------------------------------------------------------------------------------- requests


def endpoint(query: dict, context: dict) -> str:
    """The last part of the path of the endpoint that serves the query."""
    period = query.get("aggregation_period", "total")
    if period == "total":
        return "aggregate"
    return "day-by-day" if period == "day" and context.get("detailed", False) else "aggregate-by-period"


def plan(query: dict, context: dict, now: str | None) -> dict:
    """The request for a query. Raises `RefusedError`."""
    if datetime.fromisoformat(query["start_time"]) >= datetime.fromisoformat(query["end_time"]):
        raise RefusedError("the period is empty")
    first, last = days(query, context, now)
    if first >= last:
        raise RefusedError("there is no whole day before today")
    asked = {"fromDate": first.isoformat(), "toDate": last.isoformat()}
    if "users" in query:
        ids = [str(user["id"] if isinstance(user, dict) else user) for user in query["users"]]
        if not ids:
            raise RefusedError("an empty list would mean everybody")
        asked["userIds"] = list(dict.fromkeys(ids))
    body = {"filter": asked}
    if query.get("next_cursor"):
        body["cursor"] = query["next_cursor"]
    if endpoint(query, context) == "aggregate-by-period":
        body["aggregationPeriod"] = query["aggregation_period"].upper()
    beyond = added(body, query.get("remote_query", {}), endpoint(query, context))
    return {
        "method": "POST",
        "path": "/v2/stats/activity/" + endpoint(query, context),
        "params": dict(parameters(beyond)),
        "headers": {},
        "body": body,
    }


#: What Gong's requests may hold besides what a mapping sends.
FILTERS = {"fromDate", "toDate", "userIds", "createdFromDateTime", "createdToDateTime"}


def added(body: dict, remote: dict, kind: str) -> dict:
    """Add to a body what Gong's requests may hold; the rest is returned. Raises `RefusedError`."""
    known = {"filter", "cursor"} | ({"aggregationPeriod"} if kind == "aggregate-by-period" else set())
    beyond = {name: value for name, value in remote.items() if name not in known}
    for name in known & remote.keys() - {"filter"}:
        if name in body or name == "cursor":
            raise RefusedError(f"{name} is not the caller's")
        body[name] = remote[name]
    inner = remote.get("filter", {})
    if not isinstance(inner, dict):
        raise RefusedError("the filter is not the caller's as a whole")
    for name, value in inner.items():
        if name in body["filter"]:
            raise RefusedError(f"{name} is not the caller's")
        if name in FILTERS:
            body["filter"][name] = value if name != "userIds" or isinstance(value, list) else [value]
        else:
            beyond.setdefault("filter", {})[name] = value
    return beyond


def parameters(value, name=""):
    """Parameters with names in brackets; lists of single values only."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from parameters(inner, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        if value:
            yield f"{name}[]", [text(one) for one in value]
    else:
        yield name, text(value)


def text(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# --------------------------------------------------------------------------------------------------- replies


def rows(body: dict, query: dict, context: dict) -> list[tuple[dict, dict]]:
    """The provider's own record and the numbers for each unified record, in order."""
    kind = endpoint(query, context)
    outer, inner = ROWS[kind]
    users = [user for user in body.get(outer) or [] if user is not None]
    if kind == "aggregate":
        return [(user, user.get(inner) or {}) for user in users]
    return [({**user, inner: [row]}, row) for user in users for row in user.get(inner) or [] if row is not None]


def record(raw: dict, numbers: dict, body: dict, query: dict, context: dict, now: str | None) -> dict | None:
    """One unified record; None without the user's id or the first day, for then it has no id itself."""
    kind = endpoint(query, context)
    if raw.get("userId") is None:
        return None
    held, names = (body, ("fromDateTime", "toDateTime")) if kind == "aggregate" else (numbers, ("fromDate", "toDate"))
    start, end = (mended(held.get(name)) for name in names)
    period, user_id = query.get("aggregation_period", "total"), str(raw["userId"])
    if kind == "aggregate":
        span = [day.isoformat() for day in days(query, context, None)]
    else:
        span = [start and start[:10], end and cut_at(end[:10], period, context, now)]
    if span[0] is None:
        return None
    made = {
        "id": "_".join(part for part in (user_id, period, *span) if part is not None),
        "user": {"id": user_id, "emails": emails(raw.get("userEmailAddress"))},
        "start_time": start,
        "end_time": end,
        "aggregation_period": period,
        "metrics": {name: counted(numbers.get(theirs), kind) for name, theirs in COUNTS.items()},
        "remote_data": None if query.get("truto_ignore_remote_data") else raw,
    }
    made["user"], made["metrics"] = present(made["user"]), present(made["metrics"]) or None
    return present(made)


def cut_at(last: str, period: str, context: dict, now: str | None) -> str | None:
    """The day at which the request cut a period; None where the period is whole, or still grows."""
    day = date.fromisoformat(last)
    grows = now is not None and day >= day_of(now, context.get("time_zone", "UTC"))
    return None if grows or first_of(day, period) == day else last


def present(fields: dict) -> dict:
    """The entries that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def emails(address: str | None) -> list[dict] | None:
    if address is None:
        return None
    return [{"email": address, "is_primary": True}] if address else []


def counted(value, kind: str) -> int | None:
    """Day by day Gong lists the calls instead of counting them."""
    return len(value) if kind == "day-by-day" and value is not None else value


def mended(moment: str | None) -> str | None:
    """Gong's example has a three-digit hour, T000:00:00."""
    wrong = moment is not None and moment[11:12] == "0" and moment[14:15] == ":"
    return moment[:11] + moment[12:] if wrong else moment


def page(body: dict, query: dict, context: dict, now: str | None) -> list[dict | None]:
    """The unified records of a reply, None for one that cannot be."""
    return [record(raw, numbers, body, query, context, now) for raw, numbers in rows(body, query, context)]


def next_cursor(body: dict, sent: str | None) -> str | None:
    """Gong's cursor; None on the last page, and when Gong gives back the one it was sent."""
    cursor = (body.get("records") or {}).get("cursor") or None
    return None if cursor == (sent or None) else cursor


def zones_differ(body: dict, query: dict, context: dict) -> bool:
    """Whether the reply is in another zone than its days were asked in. Only aggregate names one; rows have offsets."""
    kind, planned = endpoint(query, context), context.get("time_zone", "UTC")
    if kind != "aggregate":
        kept = [row for raw, row in rows(body, query, context) if None not in (raw.get("userId"), row.get("fromDate"))]
        told = [mended(row.get(name)) for row in kept for name in ("fromDate", "toDate")]
        given = [datetime.fromisoformat(moment) for moment in told if moment is not None]
        before = timedelta(microseconds=1)  # where the clocks skip midnight, a day begins in the offset before
        zones = [
            {(moment.astimezone(UTC) - one).astimezone(ZoneInfo(planned)).utcoffset() for one in (before, 0 * before)}
            for moment in given
        ]
        return any(moment.utcoffset() not in zone for moment, zone in zip(given, zones, strict=True))
    named = body.get("timeZone")
    return named is not None and ALIASES.get(named, named) != ALIASES.get(planned, planned)
