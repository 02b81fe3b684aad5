"""What callers pass beside a query: choices, and the parts of a response. What is invalid is a `QueryError` Q515."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, get_args

from truto_mapper.engine.page import OnInvalid, Response
from truto_mapper.engine.query import OnUnknown
from truto_mapper.mapping.shape import shape
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError, QueryError
from truto_mapper.text.source import Source

_MAX_NUMBER = 2**63
_CHOICES = {"on_invalid": get_args(OnInvalid), "on_unknown": get_args(OnUnknown)}


def check_choices(on_invalid: object, on_unknown: object) -> None:
    """Refuse an unknown choice before anything is dropped because of it."""
    for name, chosen in (("on_invalid", on_invalid), ("on_unknown", on_unknown)):
        if chosen not in _CHOICES[name]:
            hint = did_you_mean(chosen, _CHOICES[name]) if isinstance(chosen, str) else None
            known = ", ".join(_CHOICES[name])
            refuse(f"{name} must be one of {known}, this is {excerpt(chosen)}", hint)


def refuse(message: str, hint: str | None = None) -> NoReturn:
    raise QueryError(Diagnostic("Q515", message, hint=hint))


def functions_of(given: Any) -> dict[str, Callable[..., Any]]:
    """The caller's functions by name."""
    if not isinstance(given, Mapping):
        refuse(f"functions must be an object of functions by name, this is {excerpt(given)}")
    for name, function in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            refuse(f"functions: {excerpt(name)} is not the name of a function", "such as `slug`, called as $slug(…)")
        if not callable(function):
            refuse(f"functions: ${name} must be a function, this is {excerpt(function)}")
    return dict(given)


def checked(response: object) -> Response:
    """A response with its status as an integer and its headers by name."""
    if not isinstance(response, Response):
        refuse(f"send a Response, not a value of type {type(response).__name__}", "Response(body, status, headers)")
    return Response(response.body, status_of(response.status), headers_of(response.headers))


def status_of(given: Any) -> int:
    """An HTTP status as an integer; its three digits may be text."""
    is_text = isinstance(given, str) and len(given) == 3 and given.isascii() and given.isdigit()
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if not (is_text or is_number) or not 100 <= int(given) <= 999:
        refuse(f"a status must be an HTTP status from 100 to 999, this is {excerpt(given)}")
    return int(given)


def headers_of(given: Any) -> dict[str, Any]:
    """Headers by their lower-case names; the values of one name are joined by commas (RFC 9110, section 5.3)."""
    if given.__class__ is dict:
        plain = {name.lower(): text for name, text in given.items() if name.__class__ is text.__class__ is str}
        if len(plain) == len(given):  # every name and value is a text, and no name occurs twice
            return plain
    found: dict[str, Any] = {}
    for name, value in _pairs(given):
        key = _text(name, "a header's name").lower()
        for one in value if isinstance(value, (list, tuple)) else (value,):
            text = _text(one, f"the header {key}")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _pairs(given: Any) -> Iterator[tuple[Any, Any]]:
    """Each header with its value, however the headers are held."""
    if given is None:
        return
    items = None if isinstance(given, type) else getattr(given, "items", None)
    pairs = items() if callable(items) else given
    for pair in pairs if isinstance(pairs, Iterable) and not isinstance(pairs, (str, bytes)) else (None,):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            refuse(
                f"headers must be an object or pairs of a name and a value, not a value of type {type(given).__name__}"
            )
        yield pair[0], pair[1]


def _text(given: Any, what: str) -> str:
    """A part of a header as text."""
    if isinstance(given, (bytes, bytearray)):
        return bytes(given).decode("latin-1")
    if isinstance(given, (int, float)) and not isinstance(given, bool) and abs(given) < _MAX_NUMBER:
        return str(given)
    if not isinstance(given, str):
        refuse(f"{what} must be text, not a value of type {type(given).__name__}")
    return given


def overlays_of(overlays: Any) -> Iterator[Source]:
    """The texts of overlays. Raises `MappingError` M105 for what is neither a `Path` nor a `Source`."""
    is_several = isinstance(overlays, Iterable) and not isinstance(overlays, (str, bytes, Path, Source))
    for one in overlays if is_several else (overlays,):
        if not isinstance(one, (Path, Source)):
            path = excerpt(one) if isinstance(one, str) else "…"
            hint = f"give the path of a file as Path({path}), or a text as Source(name, text)"
            message = f"the overlay {excerpt(one)} is neither a Path nor a Source"
            raise MappingError(Diagnostic("M105", message, hint=hint))
        yield one if isinstance(one, Source) else files.read(one, kind=files.Kind("an overlay", shape()["properties"]))
