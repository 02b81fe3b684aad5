"""Functions of texts: $jsonParse, $toNumber, $wrap, $diceCoefficient, $mostSimilar, $trutoJoin, $trutoBase64…."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any, Final, NoReturn

from truto_mapper.language.library.truto.ecmascript import (
    exact_text,
    is_falsy,
    is_nothing,
    number_of,
    refuse_value,
    text_of,
    utf8,
)
from truto_mapper.language.library.truto.lists import cast
from truto_mapper.language.library.truto.objects import values
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import CHUNK, MAX_DATA_NESTING, MISSING, Run, bounded, fail

#: The bytes that a character of JSON may become.
_PARSED: Final = 16
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


def json_parse(run: Run, text: Any = MISSING) -> Any:
    """What a text of JSON says; null for any other text."""
    written = exact_text(run, text)
    bounded(len(written))
    run.spend(len(written) * _PARSED)
    try:
        found = json.loads(written, parse_constant=_refuse_constant)
        if _HALF.search(written):
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        fail("D407", f"the JSON is nested more than {MAX_DATA_NESTING} levels deep")
    except ValueError:
        return None
    run.budget.check()
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def to_number(run: Run, value: Any = MISSING) -> int | float:
    """A value as a number: 0 for null and an empty text, NaN for what is no number."""
    return number_of(run, value)


def wrap(run: Run, value: Any = MISSING, start: Any = MISSING, end: Any = MISSING) -> str:
    """A value as text between two others; the end is like the start if it is not given."""
    parts = (start, value, start if is_falsy(end) else end)
    return run.grown("".join(text_of(run, one) for one in parts))  # type: ignore[no-any-return]


def truto_join(run: Run, items: Any = MISSING, separator: Any = MISSING) -> str:
    """The items as text with a separator between them; null is an empty text."""
    between = "," if separator is MISSING else exact_text(run, separator)
    texts = [text_of(run, one) for one in run.each(cast(items))] if not is_nothing(items) else []
    bounded(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def truto_base64encode(run: Run, value: Any = MISSING, for_url: Any = False) -> str:
    """The UTF-8 of a text as Base64; with `-` and `_` and without padding if it is for a URL."""
    text = "" if value is MISSING else exact_text(run, value)
    bounded(len(text) * 4 / 3)
    return encoded(utf8(text), "base64" if for_url is MISSING or is_falsy(for_url) else "")


def encoded(data: bytes, form: str) -> str:
    """Bytes as Base64, in the form for URLs if it is any other than `base64`."""
    if form == "base64":
        return base64.b64encode(data).decode("ascii")
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def truto_base64decode(run: Run, value: Any = MISSING, for_url: Any = False) -> str:
    """The text whose UTF-8 is written in Base64, with or without padding."""
    text = re.sub(r"[ \t\n\f\r]", "", exact_text(run, value))
    if for_url is not MISSING and not is_falsy(for_url):
        text = text.translate({ord("-"): "+", ord("_"): "/"})
    digits = re.sub(r"==?$", "", text) if len(text) % 4 == 0 else text
    if len(digits) % 4 == 1 or not re.fullmatch(r"[A-Za-z0-9+/]*", digits):
        hint = "with `true` as argument 2, it reads the form for URLs" if re.search("[-_]", text) else None
        refuse_value("trutoBase64decode", 1, "a text in Base64", value, hint)
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("utf-8", "replace").removeprefix("\ufeff")


# ------------------------------------------------------------------------------------------------- similar texts


def dice_coefficient(run: Run, one: Any = MISSING, other: Any = MISSING) -> int | float:
    """How similar two texts are, from 0 to 1, by the pairs of letters a to z and digits that they share."""
    if not isinstance(one, (list, dict)) and type(one) is type(other) and one == other:
        return 1
    for index, text in enumerate((one, other), 1):
        if not isinstance(text, str):
            refuse("T0410", "diceCoefficient", index, "a text", text)
    return _similarity(run, _pairs(one), _pairs(other))


def _pairs(text: str) -> Counter[str]:
    """The pairs of neighbours among a text's letters and digits, in lower case."""
    bounded(len(text))
    kept = re.sub(r"[^a-z0-9]", "", text.lower())
    return Counter([kept]) if len(kept) == 1 else Counter(a + b for a, b in pairwise(kept))


def _similarity(run: Run, one: Counter[str], other: Counter[str]) -> float:
    size = one.total() + other.total()
    run.tick((size >> 4) + 1)
    return 2 * (one & other).total() / size if size else 0


def most_similar(run: Run, value: Any = MISSING, among: Any = MISSING, least: Any = MISSING) -> Any:
    """The most similar of some texts, if it is at least so similar; else the text itself."""
    if not isinstance(value, str):
        refuse("T0410", "mostSimilar", 1, "a text", value)
    pairs, best, found = _pairs(value), 0.0, ""
    for one in run.each(values(run, among)):
        if not isinstance(one, str):
            refuse("T0410", "mostSimilar", 2, "an array of texts", one, "but one of its items is")
        run.tick((len(one) >> 2) % CHUNK + 1)
        similarity = _similarity(run, pairs, _pairs(one))
        if similarity > best:
            best, found = similarity, one
    return found if best >= (0.8 if least is MISSING else number_of(run, least)) else value
