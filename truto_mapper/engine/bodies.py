"""A provider's body: its bytes → JSON, and JSON that can be written as UTF-8 whatever it holds.

RFC 8259 §8.1: JSON is sent in UTF-8. §4: names should be unique; where one is repeated, the last one counts, as in
ECMAScript. §7 lets a text hold half of a surrogate pair, which no encoding can write: it becomes U+FFFD.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from truto_mapper.engine import rendering, typed_json
from truto_mapper.engine.decimals import Exact, noting
from truto_mapper.language.runtime.values import MAX_WRITTEN
from truto_mapper.text.diagnostics import Diagnostic, excerpt, shortened
from truto_mapper.text.errors import EvaluationError, ProviderError
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.pointers import Steps, json_pointer
from truto_mapper.text.source import SURROGATE

Bytes = bytes | bytearray

#: One escape of a JSON text. The group is that of half of a surrogate pair without the other half.
_ESCAPE = lazy_pattern(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def read(
    body: Bytes, status: int, exact: list[Exact] | None = None, *, may_be_text: bool = False
) -> tuple[Any, tuple[Diagnostic, ...]]:
    """A body as JSON, that of a refusal as text if it is not JSON, and a warning (P610) if it was mended.

    No bytes are None, as JSON's null is. Numbers are floats; those that keep more digits are added to `exact`, if that
    is given.
    Raises `ProviderError` P602 for any other body that is not JSON in UTF-8.
    """
    as_float = None if exact is None else noting(exact)
    try:
        return typed_json.read(body, as_float), ()
    except typed_json.UndecidedError:
        pass
    if not body.strip():
        return None, ()
    try:
        text = body.decode()
        whole = mended(text) if "\\" in text else text
        value = rendering.loads(whole.removeprefix("\ufeff"), as_float)
    except (ValueError, RecursionError) as error:
        if may_be_text or not 200 <= status < 300:
            return _shown(body).strip() or None, ()
        message = f"the provider's answer cannot be read as JSON ({_reason(body, error)}): {excerpt(_shown(body[:80]))}"
        raise ProviderError(Diagnostic("P602", message)) from None
    return value, () if whole is text else (_half(),)


def _half() -> Diagnostic:
    message = "the reply has halves of surrogate pairs, which are not characters: each became U+FFFD"
    return Diagnostic("P610", message, "warning")


def mended(text: str) -> str:
    """A JSON text with U+FFFD for each escaped half of a surrogate pair; the same object if there is none."""
    if not re.search(r"\\u[dD][89a-fA-F]", text) or not any(found[1] for found in _ESCAPE.finditer(text)):
        return text
    return _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text)


#: The longest body that an error has, in characters.
MAX_QUOTED = 10_000


def quoted(body: Any) -> Any:
    """A body as an error shows it: JSON that can be written, or else text; a long one is text that is cut."""
    if isinstance(body, (bytes, bytearray)):
        body = _shown(body[: 4 * MAX_QUOTED]) if len(body) > MAX_QUOTED else read(body, 0, may_be_text=True)[0]
    text = body if isinstance(body, str) else excerpt(body, MAX_QUOTED + 1)
    if isinstance(body, str) or len(text) > MAX_QUOTED:
        return shortened(_whole(text), MAX_QUOTED)
    try:
        return writable(body)
    except EvaluationError:
        return text


def _encoding(body: Bytes) -> str:
    """The encoding of a JSON text, known from its first bytes."""
    return json.detect_encoding(bytes(body[:4]))


def _shown(body: Bytes) -> str:
    """A body as text, whatever its bytes are."""
    return codecs.decode(bytes(body), _encoding(body), "replace")


def _reason(body: Bytes, error: Exception) -> str:
    if _encoding(body) not in ("utf-8", "utf-8-sig"):
        return f"it is encoded in {_encoding(body)[:6].upper()}, and JSON must be UTF-8"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8: byte 0x{body[error.start]:02x} at {error.start}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).removesuffix(" (char 0)")


class _Length:
    """A file that only counts what is written to it."""

    written = 0

    def write(self, data: Any) -> None:
        self.written += len(data)
        if self.written > MAX_WRITTEN:
            raise EvaluationError(Diagnostic("D2014", f"the page holds more than {MAX_WRITTEN:,} bytes", pointer=""))


class _NoReductions(dict[type, Any]):
    """Refuses to pickle anything but Python's own types of values."""

    def __missing__(self, kind: type) -> Any:
        raise TypeError


def is_plain(values: Mapping[str, Any]) -> bool:
    """Whether an object with declared names has ASCII texts, true, false and null alone."""
    return all(
        one is True or one is False or one is None or (one.__class__ is str and one.isascii())
        for one in values.values()
    )


def is_surely_writable(value: Any) -> bool:
    """Whether `json.dumps` and UTF-8 can surely write a value. Raises D2014 for one that is too long to be written.

    Pickling takes a tenth of the time that writing takes. Without memory a pickle has each part as often as JSON has
    it: in protocol 4 Python writes it piece by piece, in protocol 2 it shows what JSON lacks.
    """
    import pickle  # noqa: PLC0415  # it does not slow down every start

    out = io.BytesIO()
    counting, pickler = pickle.Pickler(_Length(), 4), pickle.Pickler(out, 2)
    counting.fast = pickler.fast = True
    pickler.dispatch_table = _NO_REDUCTIONS
    try:
        counting.dump(value)
        pickler.dump(value)
    except EvaluationError:
        raise
    except Exception:  # noqa: BLE001  # objects may raise anything; `writable` says what is wrong with them
        return False
    pickled = out.getvalue()
    found = (sign for first, sign in _FOREIGN if first in pickled)  # looking for one byte first takes less time
    return b"__builtin__\n" not in pickled and not any(sign.search(pickled) for sign in found)


_NO_REDUCTIONS = _NoReductions()

#: What is in the pickle of halves of surrogate pairs, of NaN and infinity (a double that begins with 0x7FF or 0xFFF),
#: and of an integer of more than 255 bytes.
_FOREIGN = [
    (b"\xed", lazy_pattern(rb"\xed[\xa0-\xbf]")),
    (b"G", lazy_pattern(rb"G[\x7f\xff]")),
    (b"\x8b", lazy_pattern(rb"\x8b[^X}\](].\x00\x00")),
]


def _write(value: Any) -> None:
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def writable(value: Any) -> Any:
    """A value that `json.dumps` and UTF-8 can write: itself, or a copy with U+FFFD for halves of surrogate pairs.

    Raises `EvaluationError` D407 for a number or an object that JSON does not have, and Python's errors for a value
    that is nested too deeply or a number with too many digits.
    """
    try:
        _write(value)
    except UnicodeEncodeError:
        return _whole(value)
    except (TypeError, ValueError):
        _refuse_foreign(value, ())
        raise
    return value


def _whole(value: Any) -> Any:
    """A copy without halves of surrogate pairs."""
    if isinstance(value, str):
        return SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole(name): _whole(child) for name, child in value.items()}
    return [_whole(child) for child in value] if isinstance(value, (list, tuple)) else value


def _is_scalar(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, (str, int, type(None)))


def _refuse_foreign(value: Any, path: Steps) -> None:
    """Raise D407 for the first part of a value that is not JSON."""
    if isinstance(value, dict):
        for name, child in value.items():
            _refuse_foreign(name if not isinstance(name, str) else None, (*path, excerpt(name)))
            _refuse_foreign(child, (*path, str(name)))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            _refuse_foreign(child, (*path, index))
    elif not _is_scalar(value):
        what = value if isinstance(value, float) else f"a value of type {type(value).__name__}"
        message = f"the result holds {what}, which is not JSON: give `map` the provider's bytes, or plain JSON values"
        raise EvaluationError(Diagnostic("D407", message, pointer=json_pointer(path)))
