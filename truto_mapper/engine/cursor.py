"""Our cursors: where the next page begins, sealed over the question that it belongs to."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn, TypeAlias

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import ProviderError, QueryError
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import is_unicode
from truto_mapper.text.timestamps import in_calendar, instant, is_date_time

#: The secret keys of a mapper's cursors: one, or several. The first one seals, all of them verify.
CursorKey: TypeAlias = bytes | str | Sequence[bytes | str]

#: The start of every cursor: the version of its format.
MARK = "truto2."
_MARK = MARK.encode()

#: The most characters of what a cursor holds, and of the time in it; the fewest bytes of a key.
MAX_PAYLOAD = 65_536
MAX_MOMENT = 64

#: For how many questions and keys a begun hash is kept.
MAX_BEGUN = 64

#: The most characters of an ASCII cursor that surely can be carried.
MAX_CHECKED = 10_000
MIN_KEY = 16

#: Parameters that choose how a page is cut and shown, not which records it has. A cursor is valid whatever they are.
_PRESENTATION = {"limit", "next_cursor", "truto_response_format", "truto_key_by", "truto_exclude_fields"}
_PRESENTATION |= {"truto_ignore_limit", "truto_ignore_remote_data", "truto_skip_api_call"}

#: How the first ids of a page are told, by their number.
_TOLD = (None, "1%05x----------", "2%05x%05x-----", "3%05x%05x%05x")

_MAX_COUNT = 2**53
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_DIGEST = lazy_pattern(r"[A-Za-z0-9_-]{16}", re.ASCII)
_BEGINNING = lazy_pattern(r"1[0-9a-f]{5}-{10}|2[0-9a-f]{10}-{5}|3[0-9a-f]{15}")


class Position(NamedTuple):
    """Where a page begins.

    `cursor` is the provider's, None for its first page. `offset` rows of its page were returned before; `digest` is
    the digest of their ids, and without an offset the `beginning` of the page before. `now` is the time that the first
    page was planned at, None if it was not known. `taken` is how many records a stream had already given.
    """

    cursor: str | None = None
    offset: int = 0
    digest: str | None = None
    now: str | None = None
    taken: int = 0


#: What a position holds: a plain tuple is made faster.
Parts: TypeAlias = tuple[str | None, int, str | None, str | None, int]


class Question:
    """What a cursor belongs to: the query, the endpoints that serve it, and the account's settings."""

    def __init__(self, parameters: Mapping[str, Any], endpoints: Sequence[str], settings: Mapping[str, Any]) -> None:
        self._parts = parameters, endpoints, settings

    @cached_property
    def text(self) -> bytes:
        parameters, endpoints, settings = self._parts
        asked = {name: value for name, value in parameters.items() if name not in _PRESENTATION}
        return _canonical([asked, endpoints, settings])


class Cursors:
    """Seals and opens the cursors of one mapping. Its `repr` does not show the keys.

    With keys the seal is an HMAC: nobody else can make a cursor. Without one it is a digest, which catches mistakes but
    not forgery. `scope` names the mapping.
    """

    def __init__(self, scope: str, keys: tuple[bytes, ...] = ()) -> None:
        self._scope, self._keys = f"{MARK}{scope}\n".encode(), keys
        #: Hashes of the scope and a question by its text and the key, to go on with. They save a page of one row 10 %.
        self._begun: dict[tuple[bytes, bytes | None], Any] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cursors) and (self._scope, self._keys) == (other._scope, other._keys)

    def __hash__(self) -> int:
        return hash(self._scope)

    def sealed(self, position: Parts, question: Question) -> str:
        """The cursor of a position. Raises `ProviderError` P602 if the provider's cursor cannot be carried."""
        body, cursor = _body(position), position[0] or ""
        if len(body) > MAX_PAYLOAD or not (cursor.isascii() or is_unicode(cursor)):
            why = f"has {len(cursor):,} characters, more than a cursor can carry"
            why = why if is_unicode(cursor) else "holds half of a surrogate pair"
            raise ProviderError(Diagnostic("P602", f"the provider's cursor {why}: {excerpt(cursor)}"))
        seal = self._seal(body, question, self._keys[0] if self._keys else None)
        return b"".join((_MARK, body, b".", seal)).decode()

    def opened(self, text: str | None, question: Question, now: str | None) -> Position:
        """The position of a cursor; that of the first page, at `now`, for None. Raises `QueryError` Q506."""
        if text is None:
            return Position(now=now)
        body = self._verified(text, question)
        position = None if body is None else _position(body)
        if position is None:
            refuse()
        return position

    def _verified(self, text: str, question: Question) -> bytes | None:
        """The body of a cursor if its seal is right."""
        from hmac import compare_digest  # noqa: PLC0415  # as in `_hmac`

        if not text.isascii() or not text.startswith(MARK) or len(text) > 2 * MAX_PAYLOAD:
            return None
        body, _, seal = text.encode()[len(MARK) :].partition(b".")
        seals = [self._seal(body, question, key) for key in self._keys or (None,)]
        return body if any(compare_digest(seal, one) for one in seals) else None

    def _seal(self, body: bytes, question: Question, key: bytes | None) -> bytes:
        begun = self._begun.get((question.text, key))
        if begun is None:
            start = b"%b%b\n" % (self._scope, question.text)
            begun = _sha256(start) if key is None else _hmac(key, start)
            if len(self._begun) >= MAX_BEGUN:
                self._begun.clear()
            self._begun[question.text, key] = begun
        hashed = begun.copy()
        hashed.update(body)
        return _base64(hashed.digest()[:18])


def keys_of(given: CursorKey | None) -> tuple[bytes, ...]:
    """The keys in `load`'s `cursor_key`. Raises `QueryError` Q515, which does not quote them."""
    if given is None:
        return ()
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    keys = tuple(_key(one) for one in several)
    if not keys or any(len(key) < MIN_KEY for key in keys):
        message = f"cursor_key must be a key of at least {MIN_KEY} bytes, or a list of such keys"
        raise QueryError(Diagnostic("Q515", message, hint="make one with secrets.token_bytes(32)"))
    return keys


def _key(given: object) -> bytes:
    """A key as bytes; no bytes for what cannot be one."""
    if isinstance(given, str):
        return given.encode(errors="surrogatepass")
    return bytes(given) if isinstance(given, (bytes, bytearray)) else b""


def digest_of(value: Any) -> str:
    """A short digest of a JSON value."""
    return _base64(_sha256(_canonical(value)).digest()[:12]).decode()


def beginning(ids: Iterable[Any]) -> str | None:
    """A short text that tells the first ids of a page. None without ids."""
    first = list(islice(ids, len(_TOLD) - 1))
    told = _TOLD[len(first)]
    return None if told is None or None in first else told % tuple(map(_hashed, first))


def _hashed(one: Any) -> int:
    text = one if one.__class__ is str else str(one)
    return binascii.crc32(text.encode("utf-8", "backslashreplace")) & 0xFFFFF


def begins_like(ids: Iterable[Any], other: str) -> bool:
    """Whether a page, or the first part of one, begins with the same ids as the page of another `beginning`."""
    own = beginning(ids)
    return own is not None and own[0] <= other[0] and other[1:].startswith(own[1:].rstrip("-"))


# Imported late, because only a page that is not the last needs them: they do not slow down every start.


def _sha256(data: bytes) -> Any:
    from hashlib import sha256  # noqa: PLC0415

    return sha256(data)


def _hmac(key: bytes, data: bytes) -> Any:
    from hmac import new  # noqa: PLC0415

    return new(key, data, "sha256")


def is_moment(text: object) -> bool:
    """Whether a text can be the time `now`."""
    return isinstance(text, str) and len(text) <= MAX_MOMENT and is_date_time(text) and in_calendar(instant(text))


def _body(position: Parts) -> bytes:
    cursor, offset, rows, now, taken = position
    written = "null" if cursor is None else encode_basestring_ascii(cursor)
    digest = "null" if rows is None else f'"{rows}"'  # neither this nor a time has anything to escape
    moment = "null" if now is None else f'"{now}"'
    return _base64(f"[{written},{offset},{digest},{moment},{taken}]".encode())


def _position(body: bytes) -> Position | None:
    """What the body of a cursor holds, None unless we can have written it exactly so."""
    try:
        found = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != len(Position._fields):
        return None
    position = Position(*found)
    return position if _is_possible(position) and _body(position) == body else None


def _is_possible(position: Position) -> bool:
    """Whether each part of a position has a type and a value that it can have."""
    cursor, offset, rows, now, taken = position
    return (
        (cursor is None or (isinstance(cursor, str) and cursor != "" and is_unicode(cursor)))
        and all(type(one) is int and 0 <= one < _MAX_COUNT for one in (offset, taken))
        and (_is_digest(rows) if offset else rows is None or (cursor is not None and _is_digest(rows, _BEGINNING)))
        and (now is None or is_moment(now))
    )


def _is_digest(value: Any, form: re.Pattern[str] = _DIGEST) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _canonical(value: Any) -> bytes:
    """A value as JSON, the same for equal values; what is not JSON is shown as Python shows it."""
    try:
        return json.dumps(value, sort_keys=True, default=repr).encode()
    except (TypeError, ValueError):  # keys that cannot be sorted; an object that contains itself
        return repr(value).encode(errors="backslashreplace")


def _base64(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE).rstrip(b"=")


def refuse() -> NoReturn:
    """Raise `QueryError` Q506 for a cursor that is not one of ours."""
    message = "next_cursor was altered, or belongs to another query or account"
    hint = "pass it back unchanged, with the same parameters and context, or leave it out to start again"
    raise QueryError(Diagnostic("Q506", message, pointer="/next_cursor", hint=hint))
