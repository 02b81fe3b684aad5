"""Headers of the provider that are passed on: its rate limits, under one set of names, and its content type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_NAME = re.compile(r"(?:x-)?rate-?limit-(limit|remaining|reset)")
_NUMBER = re.compile(r"\s*(\d{1,15})(?:\.\d+)?\s*(?:[,;].*)?", re.ASCII | re.DOTALL)

#: A member of the structured fields `RateLimit` and `RateLimit-Policy` of the IETF's draft, and their older form.
_MEMBER = re.compile(r"(?:^|[;,\s])(limit|remaining|reset|q|r|t)\s*=\s*(\d{1,15})", re.ASCII)
_MEANING = {"q": "limit", "r": "remaining", "t": "reset"}

#: From which number on a reset is a moment in seconds since 1970, and from which in milliseconds.
_EPOCH, _EPOCH_MS = 1_000_000_000, 1_000_000_000_000

_MEDIA_TYPE = re.compile(
    r"""[\w.+-]{1,100}/[\w.+-]{1,100}(?:\s*;\s*[\w-]{1,50}=(?:[\w.+:-]{1,100}|"[\w .+:/-]{1,100}")){0,5}""", re.ASCII
)


def normalised(headers: Mapping[str, str], now: datetime) -> list[tuple[bytes, bytes]]:
    """The limits that a provider's headers (names in lower case) tell.

    `ratelimit-reset` is in seconds from now, whatever the provider counts: seconds, a moment since 1970 in seconds or
    milliseconds, or a date.
    """
    found: dict[str, int] = {}
    for name in ("ratelimit-policy", "ratelimit"):
        for key, value in _MEMBER.findall(headers.get(name, "")):
            found.setdefault(_MEANING.get(key, key), int(value))
    for name, value in headers.items():
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        number = _reset(value, now.timestamp()) if match[1] == "reset" else _number(value)
        if number is not None:
            found[match[1]] = number
    return [
        (b"ratelimit-" + name.encode(), b"%d" % found[name])
        for name in ("limit", "remaining", "reset")
        if name in found
    ]


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def _reset(text: str, now: float) -> int | None:
    """Seconds until a reset."""
    number = _number(text)
    if number is None:
        at = _moment(text)
    elif number >= _EPOCH_MS:
        at = number / 1000
    elif number >= _EPOCH:
        at = float(number)
    else:
        return number
    return None if at is None else max(0, round(at - now))


def _moment(text: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text.strip())
        except (ValueError, OverflowError):
            continue
        return moment.timestamp() if moment.tzinfo else None
    return None


def media_type(text: str) -> str:
    """A provider's content type if it is a plain one, else that of bytes: it goes out as a header."""
    return text if _MEDIA_TYPE.fullmatch(text) else "application/octet-stream"
