"""Functions of strings: $substring, $trim, $pad, $join, Base64 and URL encoding."""

from __future__ import annotations

import base64
import math
import re
import urllib.parse
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.calls import defined
from truto_mapper.language.runtime.values import CHUNK, MISSING, SMALL, Run, bounded, fail


def substring(text: str, start: Any = MISSING, length: Any = MISSING) -> str:
    if start is MISSING:
        return text if length is MISSING else ""
    if start != start or length != length:  # noqa: PLR0124  (NaN)
        return text if length is MISSING else ""
    first = 0 if len(text) + start < 0 else min(start, len(text))
    if length is MISSING:
        return text[int(first) :]
    if length <= 0:
        return ""
    length = min(length, len(text))
    return text[int(first) : int(first + length if first >= 0 else len(text) + first + length)]


def substring_before(text: str, chars: Any = MISSING) -> str:
    return text if chars is MISSING else text.partition(chars)[0] if chars else ""


def substring_after(text: str, chars: Any = MISSING) -> str:
    return text[text.index(chars) + len(chars) :] if chars is not MISSING and chars in text else text


def trim(run: Run, text: Any) -> Any:
    if text is MISSING:
        return MISSING
    if len(text) < CHUNK and text.isprintable():  # its only white space is blanks
        return " ".join(text.split())
    parts: list[str] = []
    for start in run.each(range(0, len(text), CHUNK)):
        part = re.sub(r"[ \t\n\r]+", " ", text[start : start + CHUNK])
        part = part.removeprefix(" ") if not parts or parts[-1].endswith(" ") else part
        parts += [part] if part else []
    return "".join(parts).removesuffix(" ")


def pad(text: Any, width: Any = MISSING, char: Any = MISSING) -> Any:
    if text is MISSING or width is MISSING or width != width:  # noqa: PLR0124  (NaN)
        return text
    if math.isinf(width):
        refuse("D2014", "pad", 2, "a number of characters", width)
    bounded(abs(width))
    missing = abs(int(width)) - len(text)
    padding = ((char or " ") * -(-missing // len(char or " ")))[: max(missing, 0)]
    return text + padding if width > 0 else padding + text


def join(texts: Any, separator: Any = MISSING) -> Any:
    if texts is MISSING:
        return MISSING
    between = separator or ""
    if len(texts) <= SMALL:
        return between.join(texts)
    parts: list[str] = []
    length = 0
    for start in range(0, len(texts), _PART):  # what is counted is still in the cache of the machine
        part = texts[start : start + _PART]
        length += sum(map(len, part)) + len(part) * len(between)
        bounded(length)
        parts.append(between.join(part))
    return between.join(parts)


#: So many texts are joined at once.
_PART: Final = 512


def base64_encode(text: str) -> str:
    bounded(len(text) * 4 / 3)
    # Only the low byte of each code unit is encoded, as in the reference.
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")[::2]).decode("ascii")


def base64_decode(text: str) -> str:
    # Only the low byte of each code unit is read, as in the reference.
    read = text.encode("utf-16-le", "surrogatepass")[::2].decode("latin-1")
    digits = re.sub(r"[^A-Za-z0-9+/]", "", read.partition("=")[0].translate({45: "+", 95: "/"}))
    digits = digits[: -1 if len(digits) % 4 == 1 else None]
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1")


#: The longest text that is written or read as a part of a URL, in characters.
MAX_URL: Final = 1_000_000
_COMPONENT: Final = "~()*!.'"
_RESERVED: Final = ";/?:@&=+$,#"
_KEPT_ESCAPE: Final = "(?i)%(" + "|".join(f"{ord(char):02X}" for char in _RESERVED) + ")"


def _checked(function: Callable[[str], str], name: str) -> Callable[[Any], Any]:
    def checked(text: Any) -> Any:
        if len(text) > MAX_URL:
            fail("D2014", f"the text given to ${name} has more than {MAX_URL:,} characters")
        try:
            return function(text)
        except UnicodeError:
            refuse("D3140", name, 1, "a valid URL", text)

    return defined(checked)


def _unquoted(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise UnicodeError
    return urllib.parse.unquote(text, errors="strict")


encode_url_component = _checked(partial(urllib.parse.quote, safe=_COMPONENT), "encodeUrlComponent")
encode_url = _checked(partial(urllib.parse.quote, safe=_COMPONENT + _RESERVED), "encodeUrl")
decode_url_component = _checked(_unquoted, "decodeUrlComponent")
decode_url = _checked(lambda text: _unquoted(re.sub(_KEPT_ESCAPE, r"%25\1", text)), "decodeUrl")
