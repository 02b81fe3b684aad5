"""What HTTP can carry: why a path, a header, a query parameter or a body cannot be sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.source import is_unicode

#: RFC 3986 §3.3: the characters of a path, and escapes of others.
_PATH = lazy_pattern(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
#: RFC 9110 §5.6.2: a token.
_TOKEN = lazy_pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f-\x9f]")

#: Headers that the client sets: credentials, the body's length, and those of one connection (RFC 9110 §7.6.1).
_OF_THE_CLIENT = frozenset({"authorization", "cookie", "host", "content-length", "transfer-encoding", "connection"})
_OF_THE_CLIENT |= {"keep-alive", "te", "trailer", "upgrade", "expect"}

_ENCODE = "pass a text through $encodeUrlComponent before it becomes part of the path"

Fault = tuple[str, str | None]


def path_fault(path: Any) -> Fault | None:
    """Why a path cannot be sent, and a hint; None if it can."""
    if not isinstance(path, str) or not path.startswith("/"):
        shown = "undefined" if path is MISSING else excerpt(path)
        return f"a path must be text that begins with a slash, this is {shown}", None
    if "?" in path or "#" in path:
        return f"a path ends before `?` and `#`: {excerpt(path)}", f"query_mapping has the parameters; or {_ENCODE}"
    if not _PATH.fullmatch(path):
        wrong = path[_PATH.match(path).end()]  # type: ignore[union-attr]  # it matches the empty text
        return f"a path must not contain {excerpt(wrong)} as it is: {excerpt(path)}", _ENCODE
    if "//" in path:
        return f"a path must not have an empty part: {excerpt(path)}", "is a value empty here?"
    for text in _decoded(path):
        if any(part.partition(";")[0] in (".", "..") for part in re.split(r"[/\\]", text)):
            return f"a path must not have `.` or `..` as a part, escaped or not: {excerpt(path)}", None
        if _CONTROL.search(text):
            return f"a path must not contain control characters, escaped or not: {excerpt(path)}", None
    return None


def _decoded(path: str) -> Iterator[str]:
    """A path as servers may read it: as it is, unescaped, and unescaped again."""
    for _ in range(3):
        yield path
        path = unquote(path, errors="replace")
    yield path


def header_fault(name: str, value: Any) -> str | None:
    """Why a header cannot be sent; None if it can."""
    if not _TOKEN.fullmatch(name):
        return f"{excerpt(name)} is not the name of a header"
    if name.lower() in _OF_THE_CLIENT or name.lower().startswith("proxy-"):
        return f"the header {name} is set by the client that sends the request, not by a mapping"
    if value is None or isinstance(value, (dict, list)):
        return f"the header {name} must be a single value, this is {excerpt(value)}"
    if isinstance(value, str) and (
        _CONTROL.search(value) or value.strip(" ") != value or max(value, default="") > "\xff"
    ):
        return (
            f"the header {name} must hold Latin-1 without control characters and outer spaces, this is {excerpt(value)}"
        )
    return None


def parameter_fault(name: str, value: Any) -> str | None:
    """Why an HTTP query parameter, a text or a list of texts, cannot be sent; None if it can."""
    if not name or name.startswith("["):
        return f"a parameter needs a name, this is {excerpt(name)}"
    for text in (name, *(value if isinstance(value, list) else [value])):
        if _CONTROL.search(text) or not is_unicode(text):
            return f"the parameter {excerpt(name)} must not contain control characters, this is {excerpt(text)}"
    return None


def body_fault(body: Any) -> str | None:
    """Why a body cannot be written as JSON; None if it can."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return f"half of a surrogate pair is not a character: {excerpt(body)}"
    except (ValueError, TypeError, RecursionError):
        return f"the body must be JSON, this is {excerpt(body)}"
    return None
