"""What the people of the mock's company do on each day: one log that every endpoint counts from.

Nothing is built ahead. A day's activity is a function of the seed, the user and the day; many days of a user are bytes,
one a day, so that a year is made and counted in microseconds.

A call belongs to its host and its day and has a number there, from 0. Whatever is done to the calls of a host on a day
is done to the first so many of them. Who is given something, and who gives it, is read from the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import accumulate
from operator import add
from zoneinfo import ZoneInfo

from truto_mapper.edges.mock.people import Role, User, identity, people
from truto_mapper.text.record import NamedTuple

#: The fifteen counts, in Gong's order.
COUNTS: tuple[str, ...] = ("callsAsHost", "callsGaveFeedback", "callsRequestedFeedback", "callsReceivedFeedback")
COUNTS += ("ownCallsListenedTo", "othersCallsListenedTo", "callsSharedInternally", "callsSharedExternally")
COUNTS += ("callsAttended", "callsCommentsGiven", "callsCommentsReceived", "callsMarkedAsFeedbackGiven")
COUNTS += ("callsMarkedAsFeedbackReceived", "callsScorecardsFilled", "callsScorecardsReceived")

#: The count in which a call may count more than once: it counts scorecards.
SCORECARDS = "callsScorecardsFilled"

#: What one does to the calls of another: the count of who does it, of whose calls they are, and which of the partners.
_GIVEN = {
    "callsGaveFeedback": ("callsReceivedFeedback", 0),
    "callsCommentsGiven": ("callsCommentsReceived", 1),
    "callsMarkedAsFeedbackGiven": ("callsMarkedAsFeedbackReceived", 0),
    SCORECARDS: ("callsScorecardsReceived", 2),
}

_RECEIVED = {receiving: (name, partner) for name, (receiving, partner) in _GIVEN.items()}

#: What one does to one's own calls.
_OWN = ("callsRequestedFeedback", "callsSharedInternally", "callsSharedExternally")

#: The days of a period: the number of the first one, and that of the one after the last.
Span = tuple[int, int]

_NONE: list[str] = []

#: How many days are made at once, and the bytes of a week, from Monday: work is done on five of its days.
_BLOCK, _WEEK = 512, b"\xff" * 5 + b"\0\0"


def _table(*weights: int) -> bytes:
    """What a random byte becomes: 0 with the first of the weights in 256, 1 with the second, and so on."""
    bounds = list(accumulate(weights))
    return bytes(next((n for n, bound in enumerate(bounds) if byte < bound), len(weights)) for byte in range(256))


_HOSTS: dict[Role, bytes] = {
    "seller": _table(50, 60, 60, 40, 25, 15),
    "manager": _table(190, 46, 16),
    "rare": _table(252, 3),
    "quiet": _table(256),
    "avatar": _table(256),
}
_DOES: dict[Role, bytes] = {
    "seller": _table(180, 50, 20),
    "manager": _table(90, 90, 50, 20),
    "rare": _table(252, 4),
    "quiet": _table(256),
    "avatar": _table(200, 56),
}


class Source(NamedTuple):
    """Calls of one host in a list of a user: on each day the first `same` of this day, and `before` of the day before.

    Without `before` the day before has none in the list.
    """

    host: User
    same: bytes
    before: bytes | None = None

    def totals(self, spans: Sequence[Span]) -> list[int]:
        """How many calls there are in each span; a call counts once, on however many of its days it is in the list."""
        if len(spans) == len(self.same):  # each is one day
            return [*self.same] if self.before is None else [*map(add, self.same, self.before)]
        return [self._total(start, stop) for start, stop in spans]

    def _total(self, start: int, stop: int) -> int:
        if self.before is None:
            return sum(self.same[start:stop])
        again = self.before[start + 1 : stop]
        return self.before[start] + sum(map(max, self.same[start : stop - 1], again)) + self.same[stop - 1]

    def calls(self) -> Iterator[tuple[int, int, int]]:
        """Each call in the list by the day in whose list it is, the day on which it was, and its number there."""
        for day, many in enumerate(self.same):
            for number in range(many):
                yield day, day, number
        for day, many in enumerate(self.before or ()):
            for number in range(many):
                yield day, day - 1, number


class Days:
    """What a user does from one day to another; days are numbered from 0."""

    def __init__(self, company: Company, user: User, first: int, last: int) -> None:
        self._company, self._first, self._size = company, first, last - first
        self._lists = [[*company.sources(user, name, first, last)] for name in COUNTS]
        self._extra = Source(user, company.extra_scorecards(user, first, last))

    def counts(self, spans: Sequence[Span]) -> Iterator[tuple[int, ...]]:
        """The fifteen counts of each span, in their order."""
        columns = []
        for name, sources in zip(COUNTS, self._lists, strict=True):
            counted = [*sources, self._extra] if name == SCORECARDS else sources
            totals = [one.totals(spans) for one in counted] or [[0] * len(spans)]
            columns.append(totals[0] if len(totals) == 1 else [*map(sum, zip(*totals, strict=True))])
        return zip(*columns, strict=True)

    def calls(self) -> Iterator[tuple[list[str], ...]]:
        """The ids of the calls in the fifteen lists of each day."""
        columns = [[_NONE] * self._size for _ in COUNTS]
        for column, sources in zip(columns, self._lists, strict=True):
            for source in sources:
                for day, on, number in source.calls():
                    column[day] = [*column[day], self._company.call(source.host, self._first + on, number)]
        return zip(*columns, strict=True)


class Company:
    """One company under a seed. Days are ordinals in its own zone, `first` included and `last` not."""

    def __init__(self, seed: int, size: int, zone: str) -> None:
        self.seed, self.size, self.zone_name, self.zone = seed, size, zone, ZoneInfo(zone)
        self.users = tuple(people(seed, size))
        self.by_id = {user.id: user for user in self.users}
        step = 1 + identity(seed, 0) % max(1, size - 1)
        self._steps = [1 + (step + number - 1) % max(1, size - 1) for number in range(3)]
        self._hosted = lru_cache(maxsize=4096)(self._hosts)
        self.midnight = lru_cache(maxsize=4096)(self._midnight)

    def today(self, now: datetime) -> int:
        return now.astimezone(self.zone).toordinal()

    def _midnight(self, day: int) -> str:
        """When a day begins, with the offset of that moment. Where the clocks skip midnight, it begins later."""
        begun = datetime.combine(date.fromordinal(day), time(), self.zone)
        return begun.astimezone(UTC).astimezone(self.zone).isoformat()

    def call(self, host: User, day: int, number: int) -> str:
        """The id of a call of a day."""
        return str(identity(self.seed, ((host.number << 22) + day << 4) + number))

    def was_active(self, user: User, first: int, last: int) -> bool:
        """Whether a user has any activity from one day to another."""
        first, last = max(first, user.hired), last if user.left is None else min(last, user.left)
        if first >= last or user.role == "quiet":
            return False
        if any(self._hosted(user, first, min(last, first + 28))):
            return True
        sources = (source for name in COUNTS for source in self.sources(user, name, first, last))
        return any(any(one.same) or any(one.before or b"") for one in sources)

    def was_host(self, user: User, first: int, last: int) -> bool:
        """Whether a user hosts a call from one day to another."""
        return any(self._hosted(user, first, last))

    def sources(self, user: User, name: str, first: int, last: int) -> Iterator[Source]:
        """Whose calls are in a list of a user, and how many of each day."""
        if name == "callsAsHost":
            yield Source(user, self._hosted(user, first, last))
        elif name in _OWN:
            yield Source(user, self._does(user, name, user, first, last))
        elif name == "ownCallsListenedTo":
            yield self._listened(user, name, user, first, last)
        elif name == "othersCallsListenedTo":
            yield from (self._listened(user, name, host, first, last) for host in self._hears(user))
        elif name == "callsAttended":
            yield from (Source(host, self._does(user, name, host, first, last)) for host in self._attends(user))
        elif name in _GIVEN:
            partner = _GIVEN[name][1]
            for host in self._partners(user)[partner : partner + 1] if not user.is_avatar else ():
                yield Source(host, self._does(user, name, host, first, last))
        elif not user.is_avatar:
            doing, partner = _RECEIVED[name]
            giver = self.users[(user.number - self._steps[partner]) % self.size]
            if giver is not user:
                yield Source(user, self._does(giver, doing, user, first, last))

    def extra_scorecards(self, user: User, first: int, last: int) -> bytes:
        """How many scorecards a user fills in on each day beyond the first on a call."""
        (filled, *_) = *self.sources(user, SCORECARDS, first, last), Source(user, bytes(last - first))
        return _least(self._noise(user, "extra", first, last).translate(_DOES["seller"]), filled.same)

    def weights(self, user: User, first: int, last: int) -> tuple[bytes, bytes]:
        """How many calls a user hosts on each day, and a random byte for each day."""
        return self._hosted(user, first, last), self._noise(user, "interaction", first, last)

    def _partners(self, user: User) -> Sequence[User]:
        """The three users whose calls a user deals with; fewer in a very small company."""
        found = [self.users[(user.number + step) % self.size] for step in self._steps]
        return [] if user in found else found

    def _attends(self, user: User) -> Sequence[User]:
        """The hosts of the calls that a user takes part in."""
        return () if user.is_avatar else tuple(dict.fromkeys(self._partners(user)[:2]))

    def _hears(self, user: User) -> Sequence[User]:
        """The hosts of the calls that a user plays; an avatar is Gong's support, and plays those of many."""
        if not user.is_avatar:
            return self._partners(user)[2:]
        return tuple(dict.fromkeys(self.users[(user.number * 7 + more) % self.size] for more in range(10)))

    def _hosts(self, user: User, first: int, last: int) -> bytes:
        """How many calls a user hosts on each day."""
        planned = self._noise(user, "hosts", first, last).translate(_HOSTS[user.role])
        return _masked(planned, _week(first, last), _employed(user, first, last))

    def _does(self, user: User, name: str, host: User, first: int, last: int) -> bytes:
        """To how many calls of a host a user does something, on the day of the call."""
        planned = self._noise(user, name, first, last).translate(_DOES[user.role])
        return _least(_masked(planned, _employed(user, first, last)), self._hosted(host, first, last))

    def _listened(self, user: User, name: str, host: User, first: int, last: int) -> Source:
        """The calls that a user plays: on their day, and again or for the first time on the day after."""
        planned = self._noise(user, f"{name} later", first, last).translate(_DOES[user.role])
        later = _masked(planned, _employed(user, first, last))
        same = self._does(user, name, host, first, last)
        return Source(host, same, _least(later, self._hosted(host, first - 1, last - 1)))

    def _noise(self, user: User, name: str, first: int, last: int) -> bytes:
        """A random byte for each day."""
        blocks = range(first // _BLOCK, (last - 1) // _BLOCK + 1)
        made = b"".join(
            hashlib.shake_128(f"{self.seed}:{user.number}:{name}:{block}".encode()).digest(_BLOCK) for block in blocks
        )
        start = first - blocks.start * _BLOCK
        return made[start : start + last - first]


def _week(first: int, last: int) -> bytes:
    """All bits for each day on which work is done."""
    start = (first - 1) % 7  # the day with the ordinal 1 is a Monday
    return (_WEEK * ((last - first) // 7 + 2))[start : start + last - first]


def _employed(user: User, first: int, last: int) -> bytes:
    """All bits for each day on which a user has a seat."""
    begin = min(max(user.hired, first), last)
    end = last if user.left is None else min(max(user.left, begin), last)
    return bytes(begin - first) + b"\xff" * (end - begin) + bytes(last - end)


def _masked(days: bytes, *masks: bytes) -> bytes:
    found = int.from_bytes(days)
    for mask in masks:
        found &= int.from_bytes(mask)
    return found.to_bytes(len(days))


def _least(one: bytes, other: bytes) -> bytes:
    """The lesser of each two bytes, which are below 128: computed at once, on numbers with as many bytes."""
    high = int.from_bytes(b"\x80" * len(one))
    left, right = int.from_bytes(one), int.from_bytes(other)
    is_right = ((left | high) - right & high) // 128 * 255  # all bits of each byte in which it is not greater
    return (right & is_right | left & ~is_right).to_bytes(len(one))
