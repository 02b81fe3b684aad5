"""Credentials, hidden wherever a request, a reply or a message is shown: by name, by value and by look.

A value under a name that sounds like a credential is hidden, and so is its text wherever else it occurs. A text that
looks like a credential is hidden under any name.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from truto_mapper.engine.query import Query
from truto_mapper.text.diagnostics import Diagnostic

HIDDEN = "[redacted]"

# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

#: The words of a name: `apiKey`, `APIKey`, `api-key` and `API_KEY` are all `api` and `key`.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

#: A name with one of these words is that of a credential.
_WORDS = {"auth", "oauth", "authentication", "pwd", "passcode", "jwt", "sig", "hmac", "bearer", "csrf", "xsrf", "otp"}
_WORDS |= {"totp", "assertion", "pat", "sas", "saml"}

#: A name with one of these anywhere, also where words are written together, as in `accesstoken`.
_PARTS = {"authorization", "cookie", "token", "secret", "password", "passwd", "passphrase", "credential", "session"}
_PARTS |= {
    "sessid",
    "signature",
    "apikey",
    "accesskey",
    "privatekey",
    "sharedkey",
    "signingkey",
    "sshkey",
    "connectionstring",
}

#: A name that ends with one of these words; a key is none if it is one of a table or of a cache.
_ENDS = {"key", "keys", "pass", "pin", "sid"}
_PLAIN_KEYS = {
    "primary",
    "foreign",
    "sort",
    "partition",
    "cache",
    "idempotency",
    "unique",
    "public",
    "natural",
    "group",
}
_PLAIN_KEYS |= {"object", "row", "external", "issue", "project", "field", "column"}


def is_secret(name: object) -> bool:
    """Whether a name sounds like that of a credential."""
    if not isinstance(name, str):
        return False
    return _is_secret(name) if len(name) <= _KNOWN else _is_secret.__wrapped__(name)


#: The longest name that it is remembered of whether it sounds like that of a credential.
_KNOWN = 50


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if not _WORDS.isdisjoint(words) or any(part in joined for part in _PARTS):
        return True
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] not in _ENDS:
        return False
    return words != ["keys"] and (len(words) == 1 or words[-2] not in _PLAIN_KEYS)


# ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────

#: A shorter value than the first is hidden under its name only, a shorter one than the second where it is a whole word.
_SHORTEST, _DISTINCT = 3, 8


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _secrets(holders: Sequence[Any]) -> Iterator[str]:
    """The texts below the names of credentials in JSON values and query strings, or in what a `Query` was made of.

    A value may be what a caller gave: nested without end, or one part in many places. Each part is looked at once.
    """
    ahead = [(one, False) for holder in holders for one in _opened(holder)]
    known: dict[tuple[int, bool], Any] = {}
    while ahead:
        value, hides = ahead.pop()
        if value.__class__ is dict or isinstance(value, (list, tuple, Mapping)):
            if value and (id(value), hides) not in known:
                known[id(value), hides] = value
                for name, item in value.items() if value.__class__ is dict else _items(value):
                    if item is None or item is True or item is False:
                        continue  # they are no credentials
                    below = hides or is_secret(name if name.__class__ is str else _text(name))
                    if below or item.__class__ not in _SCALARS:
                        ahead.append((item, below))
        elif hides and isinstance(value, (str, bytes, int, float)) and not isinstance(value, bool):
            with suppress(ValueError):  # an integer of more digits than Python writes
                yield from _texts(str(_text(value)).strip())


def _opened(holder: Any) -> tuple[Any, ...]:
    """A holder of credentials as JSON values."""
    if isinstance(holder, Query):
        return holder.parameters, holder.sent, holder.plan and holder.plan.settings
    return (dict(parse_qsl(holder)) if isinstance(holder, str) else holder,)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    """The values in an object or array, each with its name, if it has one; headers may be pairs."""
    if isinstance(value, Mapping):
        yield from value.items()
    else:
        yield from ((None, item) for item in value)
        if len(value) == 2:
            yield value[0], value[1]


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


#: What a cookie says about itself.
_OF_COOKIES = {"path", "domain", "expires", "max-age", "samesite"}


def _texts(text: str) -> Iterator[str]:
    """The texts in a credential: itself, what follows its scheme, the parts of a Basic one, the values of cookies."""
    yield text
    scheme, _, rest = text.partition(" ")
    yield rest.strip()
    if scheme.lower() == "basic":
        yield from _decoded(rest.strip())
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        yield value if name.lower() not in _OF_COOKIES else ""


def _decoded(text: str) -> tuple[str, ...]:
    try:
        pair = base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ()
    return pair, *pair.split(":", 1)


def _forms(text: str) -> set[str]:
    """A text as it is, in a URL, in a form and in JSON."""
    plain = text.encode(errors="replace").decode()
    return {text, quote(plain, safe=""), quote(plain), quote_plus(plain), json.dumps(text)[1:-1]}


# ── Looks ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Each repetition begins where a word begins or has a bound, so that a search takes time linear in the text.
_JWT = re.compile(r"(?:(?<![\w-])|(?<=%20)|(?<=%3D)|(?<=%3d))eyJ[\w-]{4,}(?:\.[\w-]*){2,4}")
_SCHEME = re.compile(r"(?i)(?<![\w-])(bearer|basic)((?:\s|%20|\+){1,3})([\w.~+/=%-]{6,})")
_USER = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_PAIR = re.compile(r"""(?<![\w.-])([\w.-]{1,64})((?:\]|%5D)?=["']?|["']\s?:\s?["'])([^\s&"'<>;,]+)""")
#: A colon behind a quotation mark. It is looked for by the colon, which is three times as fast.
_BETWEEN = re.compile(r""":(?:(?<=["']:)|(?<=["']\s:))""")
_PROSE = re.compile(r"(?i)(?:tokens?|auth\w*|credentials?|schemes?|formats?)\W*\Z")
_ENCODED = re.compile(r"[0-9=]|[a-z][A-Z]")


def _scheme(found: re.Match[str]) -> str:
    scheme, space, rest = found.groups()
    is_one = _ENCODED.search(rest) if scheme.lower() == "basic" else not _PROSE.match(rest)
    return f"{scheme}{space}{HIDDEN}" if is_one else found[0]


def _pair(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{HIDDEN}" if is_secret(found[1]) else found[0]


#: How many texts of findings are known to have no credentials.
_MAX_HARMLESS = 1_000

_NOTHING: frozenset[str | None] = frozenset({None})


class Redaction:
    """Hides credentials: those of `holders`, which are JSON values and query strings, and what looks like one."""

    def __init__(self, *holders: Any, known: Iterable[str] = ()) -> None:
        """`known` are credentials themselves."""
        found = {text for text in (*_secrets(holders), *known) if len(text) >= _SHORTEST}
        forms = sorted({form for text in found for form in _forms(text)}, key=lambda one: (-len(one), one))
        self.secrets = sorted(found)
        whole = (rf"(?<![^\W_]){re.escape(one)}(?![^\W_])" if len(one) < _DISTINCT else re.escape(one) for one in forms)
        self._pattern = re.compile("|".join(whole)) if forms else None
        self._harmless = _NOTHING

    def of(self, value: Any) -> Any:
        """A JSON value with its credentials hidden; the value itself stays as it is."""
        if isinstance(value, Mapping):
            return {name: HIDDEN if _hides(name, item) else self.of(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """A text with its credentials hidden."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, self._uncut(text))
        # Finding out that a text has none of them takes a tenth of the time.
        text = _JWT.sub(HIDDEN, text) if "eyJ" in text else text
        text = _SCHEME.sub(_scheme, text) if "ba" in (low := text.lower()) or "bearer" in low else text
        text = _USER.sub(HIDDEN, text) if "://" in text else text
        return _PAIR.sub(_pair, text) if "=" in text or _BETWEEN.search(text) else text

    def url(self, path: str, params: Mapping[str, Any]) -> str:
        """The path and query string of a request."""
        query = urlencode(self.of(params), doseq=True)
        return f"{self.text(path)}?{query}" if query else self.text(path)

    def diagnostics(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Findings with the credentials in their messages and hints hidden."""
        found = tuple(found)
        texts = {one.message for one in found} | {one.hint for one in found}
        if texts <= self._harmless:
            return found
        hidden = {text: shown for text in texts if text and (shown := self.text(text)) != text}
        known = self._harmless if len(self._harmless) < _MAX_HARMLESS else _NOTHING
        self._harmless = known | (texts - hidden.keys())
        if not hidden:
            return found
        parts = ((one, hidden.get(one.message, one.message), hidden.get(one.hint or "", one.hint)) for one in found)
        return tuple(replace(one, message=message, hint=hint) for one, message, hint in parts)

    def _uncut(self, text: str) -> str:
        """A text without the beginnings of credentials that were cut to fit into a message."""
        before, *rest = text.split("…")
        parts = [before]
        for part in rest:
            parts[-1] = self._without_start(parts[-1])
            parts.append(part)
        return "…".join(parts)

    def _without_start(self, text: str) -> str:
        """A text without the start of a credential at its end."""
        for secret in self.secrets:
            for size in range(min(len(secret), len(text), 200), _SHORTEST, -1):
                if text.endswith(secret[:size]):
                    return text[:-size] + HIDDEN
        return text


def redaction_of(
    found: Iterable[Diagnostic], settings: Mapping[str, Any], headers: Any, query: Query | None
) -> Redaction:
    """Hides the credentials in findings of a page. Those of its query are looked for once."""
    if query is None:
        return Redaction(settings, headers)
    if query.redaction is None:
        object.__setattr__(query, "redaction", Redaction(query))
    hidden: Redaction = query.redaction
    is_planned = query.plan is not None and settings is query.plan.settings
    holders = [*([headers] if headers else ()), *(() if is_planned else [settings])]
    if holders and (more := {text for text in _secrets(holders) if len(text) >= _SHORTEST}):
        said = "\n".join(text for one in found for text in (one.message, one.hint) if text)
        if any(_may_be_in(said, text) for text in more):
            hidden = Redaction(known=more.union(hidden.secrets))
    return hidden


#: The longest beginning of a text that is the same in all its forms.
_SAME = re.compile(r"[A-Za-z0-9_.~-]*")


def _may_be_in(said: str, secret: str) -> bool:
    """Whether a form of a credential, or what is left of one that was cut, may be in a text."""
    same: Any = _SAME.match(secret)
    return len(same[0]) < _SHORTEST or same[0][:_SHORTEST] in said


def _hides(name: object, value: Any) -> bool:
    """Whether a value is hidden for its name: null, true and false say only whether there is a credential."""
    return value is not None and not isinstance(value, bool) and is_secret(name)
