"""The words of a name, in one form each: `callsGaveFeedback` and `feedback_given` share two."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

Words = frozenset[str]

#: A run of capitals before a word, a word, capitals, or digits.
_PARTS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Z]+|\d+")

#: Words that say nothing alone.
_SMALL = frozenset({"an", "as", "at", "by", "for", "in", "is", "of", "on", "the", "was"})

#: Words for the same thing.
_SAME = [
    "start begin began begun from since after",
    "end finish until till to before",
    "give gave given giver",
    "receive got recipient receiver",
    "send sent sender",
    "create creator",
    "update modify modified modification change",
    "id ids",
    "mail email",
    "phone telephone",
    "last final",
    "due outstanding",
    "win won",
    "lose lost loss",
    "min minimum",
    "max maximum",
    "message msg",
    "description desc",
    "amount amt",
    "latitude lat",
    "longitude lon lng",
    "url link href uri",
    "birth born",
    "hire join",
    "terminate termination left leave",
]

#: Words that often stand for each other, though they do not mean the same.
_KIN = [
    "name title label display fullname", "description text body content detail note memo comment message",
    "title summary subject headline", "id key uuid guid ref reference login username handle", "city town locality",
    "postal post zip", "author by creator writer", "street line", "state province region", "amount sum total",
    "quantity qty count", "currency iso", "due deadline", "phone mobile tel",
]  # fmt: skip

#: Words that exclude each other: a name with one of them does not mean a value that is named by the other.
_OPPOSITES = [
    "start end", "give receive", "send receive", "internal external", "own other", "first last", "min max",
    "win lose", "inbound outbound", "incoming outgoing", "source target", "source destination",
    "latitude longitude", "open close", "upload download", "read write", "buy sell",
    "debit credit", "old new", "first end", "last start", "width height", "left right",
    "hire terminate", "home work", "mobile home", "mobile work", "mobile fax", "personal work", "primary secondary",
    "billing shipping", "gross net", "planned actual", "estimated actual", "arrival departure",
]  # fmt: skip

#: Words that say that `from` and `to` beside them are of a time.
_OF_TIME = frozenset({"date", "day", "time", "datetime", "period", "at", "month", "week", "timestamp"})

#: Words after which a last `from` or `to` is a bound.
_BOUNDED = frozenset(
    word
    for line in (
        "changed closed completed created dated ended finished hired issued modified occurred opened ordered",
        "paid posted published registered started submitted updated valid",
    )
    for word in line.split()
)

#: Words that are written as one: `firstname`, `lastmodifieddate`.
_JOINED = re.compile(
    r"(first|last|middle|full|nick|user|display|mobile|work|home|office|job|company|account|owner|birth|hire|start|end"
    r"|sub|grand|create|created|modify|modified|update|updated|close|closed|zip|post|phone|email)"
    r"(?=(?:created|modified|updated)?(?:name|date|time|phone|title|code|id|at|by|number|url|type|count|address|total)$)"
)

_ENDING = re.compile(r"(?<=[a-z]{3})(?:ings?|ed|es|s|ions?|ly)$")
_DOUBLE = re.compile(r"([bdfgmnprst])\1$")


def _stem(word: str) -> str:
    """A word without its ending."""
    return _DOUBLE.sub(r"\1", _ENDING.sub("", re.sub("(?<=[a-z]{2})ies$", "y", word))).rstrip("e")


_FORMS = {form: _stem(words.split()[0]) for words in _SAME for one in words.split() for form in (one, _stem(one))}
_ENDS = frozenset((_FORMS["start"], _FORMS["end"]))
_APART = [frozenset(_FORMS.get(one, _stem(one)) for one in pair.split()) for pair in _OPPOSITES]

_GROUPS = [frozenset(_FORMS.get(one, _stem(one)) for one in group.split()) for group in _KIN]
_OPPOSED = frozenset(word for pair in _APART for word in pair)


#: Names of persons: their words mean something else in other names.
_GIVEN = re.compile(r"given_?(?=name)|fore(?=name)", re.IGNORECASE)
_FAMILY = re.compile(r"family_?(?=name)|sur(?=name)", re.IGNORECASE)


def parts(name: str) -> list[str]:
    """The words of a name as they are written, in lower case."""
    return [one.lower() for one in _PARTS.findall(name)]


def letters(name: str) -> str:
    """A name in lower case without what joins its words."""
    return name.replace("_", "").replace("-", "").lower()


@lru_cache(maxsize=4096)
def words(name: str) -> Words:
    """The words of a name, without small ones and single letters, each in one form."""
    name = _FAMILY.sub("last_", _GIVEN.sub("first_", name))
    parts = [one for part in _PARTS.findall(name) if len(part) > 1 for one in _JOINED.sub(r"\1 ", part.lower()).split()]
    of_time = not _OF_TIME.isdisjoint(parts)
    kept = [
        part
        for number, part in enumerate(parts)
        if part not in _SMALL and (part not in ("to", "from") or of_time or number == 0 or _is_bound(parts, number))
    ]
    forms = {part: _FORMS.get(part) or _FORMS.get(_stem(part)) or _stem(part) for part in kept or parts}
    *before, last = forms or ("",)
    if before and forms[last] in _ENDS and before[-1] in _BOUNDED and forms[before[-1]] in _ENDS:
        forms[before[-1]] = before[-1]  # `finishedFrom` is a start
    return frozenset(forms.values())


@lru_cache(maxsize=4096)
def kin(name: str) -> Words:
    """The words of a name, and the number of each group of words that often stand for one of them."""
    found = words(name)
    return found | {f"~{number}" for number, group in enumerate(_GROUPS) if found & group}


def are_kin(one: str, other: str) -> bool:
    """Whether two names have the same words, or such as often stand for them."""
    mine, theirs = words(one), words(other)
    pairs = ((mine, theirs), (theirs, mine))
    return all(some and all(word in rest or _groups(word) & _groups_of(rest) for word in some) for some, rest in pairs)


def _groups(word: str) -> frozenset[int]:
    return frozenset(number for number, group in enumerate(_GROUPS) if word in group)


def _groups_of(some: Words) -> frozenset[int]:
    return frozenset(number for word in some for number in _groups(word))


def _is_bound(parts: Sequence[str], number: int) -> bool:
    """Whether a last `from` or `to` is a bound: `issued_to`, but not `assigned_to`."""
    return number == len(parts) - 1 and parts[number - 1] in _BOUNDED


def words_of(names: Iterable[str]) -> Words:
    """The words of several names."""
    return frozenset(word for name in names for word in words(name))


def as_bounds(found: Words) -> Words:
    """The words of a parameter of a request: `timeMax` is an end."""
    bounds = {_FORMS["min"]: _FORMS["start"], _FORMS["max"]: _FORMS["end"]}
    is_of_time = not found.isdisjoint(words_of([*_OF_TIME, "created", "updated"]))
    return frozenset(bounds.get(word, word) for word in found) if is_of_time else found


#: Words of names for the beginning and the end of the same.
_PERIODS = [
    tuple(map(words, pair.split()))
    for pair in ("start end", "arrival departure", "min max", "hire terminate", "depart return")
]


def is_period(first: str, last: str) -> bool:
    """Whether two names are those of the beginning and of the end of the same."""
    begin, end = words(first), words(last)
    return any((begin - end, end - begin) == one for one in _PERIODS)


def are_opposites(one: Words, other: Words) -> bool:
    """Whether one of two names has a word, and the other only its opposite."""
    mine, theirs = (one - other) & _OPPOSED, (other - one) & _OPPOSED
    return bool(mine and theirs) and any(len(pair & mine) == len(pair & theirs) == 1 for pair in _APART)
