"""Decides which engines are timed on a page: those that are installed and give the same records as ours."""

import json
from collections.abc import Iterator
from typing import Any

import pages
from elsewhere import AbsentError, Elsewhere, InvalidError
from engines import Engine, Here

from truto_mapper import EvaluationError

NO_DAY = "2026-02-30T00:00:00-08:00"


class UnfitError(Exception):
    """An engine is not timed; the message says why."""


def admitted(engine: Engine, kind: str, body: dict, expected: dict) -> Here | Elsewhere:
    """An engine at work on a page, with the expected output. Raises `UnfitError`."""
    contestant = started(engine, kind, body)
    try:
        replies = [without(engine.unlike, unsealed(reply)) for reply in (contestant.reply(), expected)]
        difference = next(differences(*replies), None)
    except Exception as error:  # noqa: BLE001  # a peer may fail in its own way
        difference = f"it fails with {type(error).__name__}: {error}"
    if difference is None:
        return contestant
    contestant.close()
    raise UnfitError(f"not timed, {difference}")


def started(engine: Engine, kind: str, body: dict) -> Here | Elsewhere:
    try:
        return engine.start(kind, body)
    except (AbsentError, ImportError) as error:
        raise UnfitError(f"absent: {error}") from None


def unsealed(reply: Any) -> Any:
    """A reply with whether there is a next cursor instead of the cursor: ours is sealed, theirs is the provider's."""
    return reply | {"next_cursor": bool(reply["next_cursor"])} if isinstance(reply, dict) else reply


def without(name: str, reply: Any) -> Any:
    """A reply whose records lack a field."""
    if not name:
        return reply
    records = [{key: value for key, value in record.items() if key != name} for record in reply["result"]]
    return reply | {"result": records}


def differences(theirs: Any, ours: Any, at: str = "$") -> Iterator[str]:
    """Where two JSON values differ. 3 and 3.0 differ, and so do null and absent."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for name, value in ours.items():
            yield from differences(theirs[name], value, f"{at}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, value in enumerate(ours):
            yield from differences(theirs[index], value, f"{at}[{index}]")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield f"its reply has at {at} {shown(theirs)} instead of {shown(ours)}"


def shown(value: Any) -> str:
    return json.dumps(value, default=repr)[:80]


def is_lenient(engine: Engine, kind: str) -> bool:
    """Whether an engine that checks its reply accepts a day that does not exist."""
    if not engine.checks:
        return False
    contestant = engine.start(kind, spoiled(kind))
    try:
        contestant.reply()
    except (InvalidError, EvaluationError):
        return False
    finally:
        contestant.close()
    return True


def spoiled(kind: str) -> dict:
    body = pages.page(kind, 1)
    row = body if kind == "aggregate" else body["usersAggregateActivity"][0]["userAggregateActivity"][0]
    row["fromDateTime" if kind == "aggregate" else "fromDate"] = NO_DAY
    return body
