"""The parts of a URL, as https://url.spec.whatwg.org/ reads it: $parseUrl."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from truto_mapper.language.library.truto.ecmascript import exact_text, refuse_value
from truto_mapper.language.runtime.values import MISSING, Function, Native, Run, fail

#: The schemes with a host, and the port of each that is not written.
_SPECIAL: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "file": ""}
#: The longest URL that is read.
MAX_URL: Final = 100_000

#: What `quote` leaves as it is, besides letters, digits and `_.-~`: of each part of a URL.
_OPAQUE: Final = "".join(map(chr, range(32, 127)))
_FRAGMENT: Final = re.sub(r"""[ "<>`]""", "", _OPAQUE)
_QUERY: Final = re.sub(r"""[ "#<>]""", "", _OPAQUE)
_PATH: Final = re.sub(r"[?^`{}]", "", _QUERY)
_USER: Final = re.sub(r"[/:;=@\[\\\]|]", "", _PATH)

_CONTROLS: Final = "".join(map(chr, range(33)))
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_FORBIDDEN: Final = re.compile(r"[\0-\x20#%/:<>?@\[\\\]^|\x7f]")


class _WrongURLError(ValueError):
    """The text is no URL."""


@dataclass(frozen=True, slots=True)
class URL:
    """The parts of a URL. `host` is None for one without a host, such as `mailto:a@b.co`."""

    scheme: str
    username: str
    password: str
    host: str | None
    port: str
    path: str
    query: str
    fragment: str

    @property
    def where(self) -> str:
        return (self.host or "") + (f":{self.port}" if self.port else "")

    def written(self) -> str:
        user = self.username + (f":{self.password}" if self.password else "")
        start = "" if self.host is None else f"//{user}{'@' if user else ''}{self.where}"
        dotted = "/." if self.host is None and self.path.startswith("//") else ""
        return f"{self.scheme}:{start}{dotted}{self.path}{self.query}{self.fragment}"

    def look(self, name: str) -> Any:
        is_web = self.scheme in _SPECIAL and self.scheme != "file"
        parts: dict[str, Any] = {
            "href": self.written,
            "origin": lambda: f"{self.scheme}://{self.where}" if is_web else "null",
            "protocol": lambda: f"{self.scheme}:",
            "username": lambda: self.username,
            "password": lambda: self.password,
            "host": lambda: self.where,
            "hostname": lambda: self.host or "",
            "port": lambda: self.port,
            "pathname": lambda: self.path,
            "search": lambda: self.query if len(self.query) > 1 else "",
            "hash": lambda: self.fragment if len(self.fragment) > 1 else "",
            "searchParams": lambda: _parameters(self.query[1:]),
            "toString": lambda: _method("toString", self.written),
        }
        return parts[name]() if name in parts else MISSING


def _method(name: str, body: Callable[..., Any]) -> Function:
    """A function among the fields of an object; surplus arguments are ignored."""
    count = 0 if name in ("toString", "keys", "values", "entries") else 1
    return Function(name, lambda *given: body(*given[:count]), 1)


def _parameters(query: str) -> dict[str, Any]:
    """What a query has: functions that read it, and how many parameters there are."""
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=None)

    def every(name: Any = MISSING) -> list[str]:
        return [value for key, value in pairs if key == name]

    bodies: dict[str, Callable[..., Any]] = {
        "get": lambda name=MISSING: next(iter(every(name)), None),
        "getAll": every,
        "has": lambda name=MISSING: bool(every(name)),
        "keys": lambda: [key for key, _ in pairs],
        "values": lambda: [value for _, value in pairs],
        "entries": lambda: [[key, value] for key, value in pairs],
        "toString": lambda: urllib.parse.urlencode(pairs).replace("~", "%7E").replace("%2A", "*"),
    }
    return {name: _method(name, body) for name, body in bodies.items()} | {"size": len(pairs)}


def parse_url(run: Run, text: Any = MISSING) -> Native:
    """The parts of a URL, and functions that read its query."""
    given = exact_text(run, text)
    if len(given) > MAX_URL:
        fail("D2014", f"the text given to $parseUrl has more than {MAX_URL:,} characters")
    try:
        return Native(_url(re.sub(r"[\t\n\r]", "", given.strip(_CONTROLS))))
    except _WrongURLError as error:
        hint = str(error) or None
        return refuse_value("parseUrl", 1, "a URL with its scheme, such as https://example.com/a?b=c", text, hint)


def _escape(text: str, kept: str) -> str:
    return urllib.parse.quote(text, safe=kept, errors="replace")


def _url(text: str) -> URL:
    found = _URL.fullmatch(text)
    if found is None:
        raise _WrongURLError
    scheme, rest, query, fragment = found[1].lower(), found[2], found[3], found[4]
    is_special = scheme in _SPECIAL
    search = "" if query is None else "?" + _escape(query, _QUERY.replace("'", "") if is_special else _QUERY)
    after = search, "" if fragment is None else "#" + _escape(fragment, _FRAGMENT)
    if is_special:
        rest = rest.replace("\\", "/")
        slashes = len(rest) - len(rest.lstrip("/"))
        rest = rest[min(slashes, 2) :] if scheme == "file" else rest.lstrip("/")
    elif not rest.startswith("//"):
        path = _path(rest, is_special=False) if rest.startswith("/") else _escape(rest, _OPAQUE)
        return URL(scheme, "", "", None, "", path, *after)
    else:
        rest = rest[2:]
    authority, slash, path = rest.partition("/")
    user, _, place = authority.rpartition("@")
    name, _, password = user.partition(":")
    host, port = _host_and_port(place, scheme)
    whole = _path(slash + path, is_special=is_special)
    return URL(scheme, _escape(name, _USER), _escape(password, _USER), host, port, whole, *after)


def _host_and_port(text: str, scheme: str) -> tuple[str, str]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", text, re.DOTALL)
    port = (found[2] or "").lstrip("0") or ("0" if found[2] else "") if found else ""
    if found is None or int(port or "0") > 65535:
        raise _WrongURLError("its port is a number up to 65535")
    name = found[1]
    if name.startswith("["):
        host = _ipv6(name[1:-1])
    elif scheme in _SPECIAL:
        host = _domain(name) if name or scheme != "file" else ""
    else:
        host = _escape(name, _OPAQUE)
        if _FORBIDDEN.search(host.replace("%", "")):
            raise _WrongURLError
    return host, "" if port == _SPECIAL.get(scheme) else port


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise _WrongURLError("what is in brackets must be an IPv6 address") from None
    mapped = address.ipv4_mapped  # Python writes ::ffff:1.2.3.4 with dots
    return f"[::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}]" if mapped else f"[{address.compressed}]"


def _domain(text: str) -> str:
    """A host name in ASCII, an IPv4 address with four numbers."""
    name = ".".join(map(_label, re.split("[.。．｡]", urllib.parse.unquote(text, errors="replace"))))
    if not name or _FORBIDDEN.search(name):
        raise _WrongURLError(f"its host is {'missing' if not name else 'not the name of a host'}")
    last = name.removesuffix(".").rpartition(".")[2]
    is_number = last.isdigit() or re.fullmatch(r"0[xX][0-9A-Fa-f]*", last)
    return _ipv4(name.removesuffix(".")) if is_number else name


def _label(label: str) -> str:
    """A part of a host name in ASCII, as RFC 3492 says. Unicode's IDNA keeps ß and ς."""
    folded = "".join(c if c in "ßς" else unicodedata.normalize("NFKC", c).casefold() for c in label)
    folded = unicodedata.normalize("NFC", folded.replace("\u00ad", "").replace("\u200b", ""))
    return folded if folded.isascii() else f"xn--{folded.encode('punycode').decode('ascii')}"


def _ipv4(text: str) -> str:
    parts = text.split(".")
    bases = [16 if one.startswith(("0x", "0X")) else 8 if len(one) > 1 and one[0] == "0" else 10 for one in parts]
    try:
        numbers = [int(one[2:] or "0" if base == 16 else one, base) for one, base in zip(parts, bases, strict=True)]
    except ValueError:
        raise _WrongURLError("its host is not an IPv4 address") from None
    *first, last = numbers
    if len(parts) > 4 or any(one > 255 for one in first) or last >= 256 ** (5 - len(parts)):
        raise _WrongURLError("its host is not an IPv4 address")
    return str(ipaddress.IPv4Address(sum(one << 24 - 8 * place for place, one in enumerate(first)) + last))


def _path(text: str, *, is_special: bool) -> str:
    """A path without its dots, escaped."""
    kept: list[str] = []
    parts = text.split("/")[1:] if text.startswith("/") else [text] if text else []
    for place, part in enumerate(parts):
        dots = re.sub("(?i)%2e", ".", part)
        if dots == "..":
            kept = kept[:-1]
        elif dots != ".":
            kept.append(_escape(part, _PATH))
        if dots in (".", "..") and place == len(parts) - 1:
            kept.append("")
    return "/" + "/".join(kept) if kept or is_special else ""
