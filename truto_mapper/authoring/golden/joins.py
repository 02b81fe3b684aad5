"""The files of a case for its joins: `users-1.request.json` is expected, `users-1.payload.json` or `.txt` given."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from truto_mapper.engine.page import SENT, Page, Request, Response
from truto_mapper.engine.stream import Exchange
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError

_REQUEST = re.compile(r"([A-Za-z_]\w*)-([1-9][0-9]*)\.request\.json", re.ASCII)
_PAYLOAD = re.compile(r"([A-Za-z_]\w*)-([1-9][0-9]*)\.payload\.(?:json|txt)", re.ASCII)

#: Responses by the join's name and the number of the request.
Replies = Mapping[tuple[str, int], Response]


def is_of_join(name: str) -> bool:
    """Whether a file is a request of a join, or a reply to one."""
    return bool(_REQUEST.fullmatch(name) or _PAYLOAD.fullmatch(name))


def requests(names: Iterable[str]) -> list[str]:
    """The files among some that are requests of joins, in the order of the requests."""
    found = ((name, _REQUEST.fullmatch(name)) for name in names)
    return [name for _, _, name in sorted((one[1], int(one[2]), name) for name, one in found if one)]


def requests_in(folder: Path) -> list[str]:
    """The expected requests of joins in the folder of a case."""
    return requests(path.name for path in folder.glob("*.request.json"))


def replies_in(folder: Path, settings: Mapping[str, Sequence[Any]], read: Callable[[Path], Any]) -> Replies:
    """The replies to joins in the folder of a case; `settings` have the status and headers of each."""
    found = {}
    for path in sorted(folder.glob("*.payload.*")):
        if one := _PAYLOAD.fullmatch(path.name):
            found[one[1], int(one[2])] = path.read_bytes() if path.suffix == ".txt" else read(path)
    about = {(name, n): one for name, some in settings.items() for n, one in enumerate(some, 1)}
    made = {}
    for key in found.keys() | about.keys():
        one = about.get(key)
        made[key] = Response(found.get(key), one.status if one else 200, one.headers if one else {})
    return made


def in_order(replies: Replies) -> dict[str, list[Response]]:
    """Replies by their join, as `Mapper.map` takes them."""
    made: dict[str, list[Response]] = {}
    for name, number in sorted(replies):
        made.setdefault(name, []).append(replies[name, number])
    return made


def answered(
    exchange: Exchange[Any], payload: Response, replies: Replies, show: Callable[[str, dict[str, Any]], None]
) -> Page[Any]:
    """The page of an exchange whose first request is asked; `show` is told the file of each request of a join.

    Raises what the exchange does, and `MappingError` G707 for a request without a reply and a reply without a request.
    """
    asked: dict[str, int] = {}
    item = payload
    try:
        while True:
            request: Request = exchange.send(item)
            name = request.join or ""
            number = asked[name] = asked.get(name, 0) + 1
            show(f"{name}-{number}.request.json", {part: getattr(request, part) for part in SENT})
            if (name, number) not in replies:
                raise MappingError(_without_reply(name, number))
            item = replies[name, number]
    except StopIteration as end:
        page: Page[Any] = end.value
    if spare := sorted(key for key in replies if key[1] > asked.get(key[0], 0)):
        raise MappingError([_without_request(*key, asked.get(key[0], 0)) for key in spare])
    return page


def _without_reply(name: str, number: int) -> Diagnostic:
    hint = f"add {name}-{number}.payload.json with the provider's reply"
    return Diagnostic("G707", f"the case has no reply to request {number} of join `{name}`", hint=hint)


def _without_request(name: str, number: int, asked: int) -> Diagnostic:
    message = f"the case has a reply {number} to join `{name}`, which sends {asked} request{'s' * (asked != 1)}"
    return Diagnostic("G707", message, hint=f"remove {name}-{number}.payload.json, and its place in `joins`")
