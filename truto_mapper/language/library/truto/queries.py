"""Query strings with brackets, as the npm package `qs` reads and writes them: $parseQuery and $stringifyQuery."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, Final

from truto_mapper.language.library.truto.ecmascript import (
    is_falsy,
    is_index,
    option,
    ordered,
    refuse_value,
    text_of,
)
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Function, Native, Run, Walk, bounded
from truto_mapper.text.diagnostics import either
from truto_mapper.text.record import NamedTuple

#: How many items a list has at most; with more it becomes an object. How many brackets and parameters are read.
_ITEMS, _DEPTH, _PARAMETERS = 20, 5, 1000


class _Overflow(dict[str, Any]):
    """An object that was a list until it had too many items; `last` is its greatest index."""

    __slots__ = ("last",)
    last: int


def _checked(name: str, options: Any, known: frozenset[str]) -> dict[str, Any]:
    """The options of a function. Raises for one that it does not have."""
    if options is MISSING or is_falsy(options):
        return {}
    if not isinstance(options, dict):
        refuse("T0410", name, 2, "an object of options", options)
    for key, value in options.items():
        if key not in known or isinstance(value, Function):
            refuse_value(name, 2, f"an object of the options {either(sorted(known))}", options)
    return options


class _Reading(NamedTuple):
    """The options of $parseQuery."""

    allowDots: bool = False  # noqa: N815  (as callers write it)
    allowEmptyArrays: bool = False  # noqa: N815
    allowSparse: bool = False  # noqa: N815
    arrayLimit: int = _ITEMS  # noqa: N815
    comma: bool = False
    delimiter: str = "&"
    depth: int = _DEPTH
    duplicates: str = "combine"
    ignoreQueryPrefix: bool = False  # noqa: N815
    parameterLimit: int = _PARAMETERS  # noqa: N815
    parseArrays: bool = True  # noqa: N815
    strictNullHandling: bool = False  # noqa: N815


def parse_query(run: Run, text: Any = MISSING, options: Any = MISSING) -> dict[str, Any]:
    """The parameters of a query string as an object of texts, arrays and objects."""
    given = _checked("parseQuery", options, frozenset(_Reading._fields))
    how = _Reading(**{key: option(given, key, default) for key, default in _Reading._field_defaults.items()})
    run.spend(200 * len(text) if isinstance(text, (str, dict)) else 0)
    pairs = _pairs(run, text, how) if isinstance(text, str) else text if isinstance(text, dict) else {}
    found: Any = {}
    for key, value in pairs.items():
        run.tick()
        keys = _keys(key, how) if key else []
        if keys:
            found = _merged(found, _nested(keys, value, how), how)
    return _finished(found, how, Walk(run))  # type: ignore[no-any-return]


def _pairs(run: Run, text: str, how: _Reading) -> dict[str, Any]:
    """The names as they are written, with their values."""
    found: dict[str, Any] = {}
    whole = text.removeprefix("?") if how.ignoreQueryPrefix else text
    whole = re.sub("(?i)%5D", "]", re.sub("(?i)%5B", "[", whole))
    for part in (whole.split(how.delimiter) if how.delimiter else list(whole))[: how.parameterLimit]:
        run.tick((len(part) >> 6) + 1)
        brackets = part.find("]=")
        at = part.find("=") if brackets < 0 else brackets + 1
        key = _decoded(part if at < 0 else part[:at])
        value: Any = None if how.strictNullHandling else ""
        if at >= 0:
            written = part[at + 1 :]
            value = list(map(_decoded, written.split(","))) if how.comma and "," in written else _decoded(written)
        if "[]=" in part and isinstance(value, list):
            value = [value]
        if isinstance(value, list) and how.comma and len(value) > how.arrayLimit:
            value = _combined([], value, how)
        if key in found and (how.duplicates == "combine" or "[]=" in part):
            found[key] = _combined(found[key], value, how)
        elif key not in found or how.duplicates == "last":
            found[key] = value
    return ordered(found)


def _decoded(text: str) -> str:
    """A text without its escapes; the text itself where they are wrong."""
    blank = text.replace("+", " ")
    if "%" not in blank:
        return blank
    try:
        wrong = re.search("%(?![0-9A-Fa-f]{2})", blank)
        return blank if wrong else urllib.parse.unquote(blank, errors="strict")
    except UnicodeDecodeError:
        return blank


def _keys(text: str, how: _Reading) -> list[str]:
    """The parts of a name: `a[b][]` is `a`, `[b]`, `[]`. What is deeper than allowed is one part."""
    key = re.sub(r"\.([^.\[]+)", r"[\1]", text) if how.allowDots else text
    if how.depth <= 0:
        return [key]
    start = key.find("[")
    keys = [key[:start] if start >= 0 else key] if start else []
    while start >= 0 and len(keys) < how.depth + bool(key.find("[")):
        end = _closing(key, start)
        if end is None:
            return [*keys, f"[{key[start:]}]"]
        keys.append(key[start : end + 1])
        start = key.find("[", end + 1)
    return keys if start < 0 else [*keys, f"[{key[start:]}]"]


def _closing(key: str, start: int) -> int | None:
    """Where the bracket that opens at `start` is closed."""
    level = 0
    for place in range(start, len(key)):
        level += (key[place] == "[") - (key[place] == "]")
        if not level:
            return place
    return None


def _nested(keys: list[str], value: Any, how: _Reading) -> Any:
    """A value under the parts of its name."""
    for key in reversed(keys):
        inner = key[1:-1] if key.startswith("[") and key.endswith("]") else key
        if key == "[]" and how.parseArrays:
            is_empty = (
                how.allowEmptyArrays and value in ("", None) and not (value is None and not how.strictNullHandling)
            )
            value = value if isinstance(value, _Overflow) else [] if is_empty else _combined([], value, how)
        elif key != inner and is_index(inner) and how.parseArrays:
            value = [MISSING] * int(inner) + [value] if int(inner) < how.arrayLimit else _overflow({inner: value})
        else:
            value = {inner or ("0" if not how.parseArrays else inner): value}
    return value


def _overflow(fields: dict[str, Any]) -> _Overflow:
    made = _Overflow(fields)
    made.last = max((int(key) for key in fields if is_index(key)), default=-1)
    return made


def _as_object(items: list[Any]) -> dict[str, Any]:
    return {str(place): one for place, one in enumerate(items) if one is not MISSING}


def _limited(items: list[Any], how: _Reading) -> Any:
    return _overflow(_as_object(items)) if len(items) > how.arrayLimit else items


def _combined(one: Any, other: Any, how: _Reading) -> Any:
    """Two values of the same name."""
    if isinstance(one, _Overflow):
        return _overflow({**one, str(one.last + 1): other})
    first = one if isinstance(one, list) else [one]
    return _limited(first + (other if isinstance(other, list) else [other]), how)


def _merged(target: Any, source: Any, how: _Reading) -> Any:  # a case for each pair of kinds
    """What two names that begin alike have together."""
    if not isinstance(source, (dict, list)):
        if isinstance(target, list):
            return _overflow(_as_object([*target, source])) if len(target) > how.arrayLimit else [*target, source]
        if isinstance(target, _Overflow):
            return _overflow({**target, str(target.last + 1): source})
        return [target, source]
    if not isinstance(target, (dict, list)):
        if isinstance(source, _Overflow):
            return _overflow({"0": target} | {str(int(key) + 1): one for key, one in source.items() if is_index(key)})
        return _limited([target, *(source if isinstance(source, list) else [source])], how)
    if isinstance(target, list) and isinstance(source, list):
        return _merged_lists(target, source, how)
    found = _as_object(target) if isinstance(target, list) else dict(target)
    added = _as_object(source) if isinstance(source, list) else source
    for key, value in added.items():
        found[key] = _merged(found[key], value, how) if key in found else value
    found = ordered(found)
    return _overflow(found) if isinstance(target, _Overflow) or isinstance(source, _Overflow) else found


def _merged_lists(target: list[Any], source: list[Any], how: _Reading) -> list[Any]:
    found = list(target)
    for place, item in enumerate(source):
        if place >= len(found):
            found.append(item)
        elif found[place] is MISSING:
            found[place] = item
        elif item is MISSING:
            continue
        elif isinstance(found[place], (dict, list)) and isinstance(item, (dict, list)):
            found[place] = _merged(found[place], item, how)
        else:
            found.append(item)
    return found


def _finished(value: Any, how: _Reading, walk: Walk, depth: int = 0) -> Any:
    """Lists without their holes."""
    inner = walk.enter(depth, value) if isinstance(value, (list, dict)) else depth
    if isinstance(value, list):
        kept = [one for one in value if one is not MISSING or how.allowSparse]
        return [None if one is MISSING else _finished(one, how, walk, inner) for one in kept]
    return (
        {key: _finished(one, how, walk, inner) for key, one in ordered(value).items()}
        if isinstance(value, dict)
        else value
    )


# ------------------------------------------------------------------------------------------------------ writing


class _Writing(NamedTuple):
    """The options of $stringifyQuery."""

    addQueryPrefix: bool = False  # noqa: N815
    allowDots: bool = False  # noqa: N815
    allowEmptyArrays: bool = False  # noqa: N815
    arrayFormat: str = "indices"  # noqa: N815
    commaRoundTrip: bool = False  # noqa: N815
    delimiter: str = "&"
    encode: bool = True
    encodeValuesOnly: bool = False  # noqa: N815
    format: str = "RFC3986"
    indices: bool = True
    skipNulls: bool = False  # noqa: N815
    strictNullHandling: bool = False  # noqa: N815


_FORMS: Final = ("indices", "brackets", "repeat", "comma")


class _Writer:
    """Writes a query string."""

    def __init__(self, run: Run, how: _Writing) -> None:
        self.run, self.how = run, how
        self.walk = Walk(run)

    def value(self, text: str) -> str:
        return self._escaped(text) if self.how.encode else text

    def key(self, text: str) -> str:
        return self._escaped(text) if self.how.encode and not self.how.encodeValuesOnly else text

    def _escaped(self, text: str) -> str:
        is_old = self.how.format == "RFC1738"
        made = urllib.parse.quote(text, safe="()" if is_old else "", errors="replace")
        return made.replace("%20", "+") if is_old else made

    def parts(self, value: Any, name: str, depth: int = 0) -> Iterator[str]:
        """`name=value`, or those of everything within the value."""
        if isinstance(value, Native):
            value = value.held.written()
        if value is None and self.how.strictNullHandling:
            yield self.key(name)
        elif value is MISSING or isinstance(value, Function):
            return
        elif isinstance(value, list) and self.how.arrayFormat == "comma":
            yield from self._commas(value, name)
        elif isinstance(value, (list, dict)):
            yield from self._members(value, name, self.walk.enter(depth, value))
        else:
            yield f"{self.key(name)}={self.value(text_of(self.run, value))}"

    def _commas(self, items: list[Any], name: str) -> Iterator[str]:
        texts = [text_of(self.run, one) for one in items]
        joined = ",".join(map(self.value, texts) if self.how.encodeValuesOnly else texts)
        name += "[]" if self.how.commaRoundTrip and len(items) == 1 else ""
        if not items or (self.how.skipNulls and not joined):
            yield from [f"{name}[]"] if self.how.allowEmptyArrays else []
        elif not joined and self.how.strictNullHandling:
            yield self.key(name)
        else:
            yield f"{self.key(name)}={joined if self.how.encodeValuesOnly else self.value(joined)}"

    def _members(self, value: Any, name: str, depth: int) -> Iterator[str]:
        if not value and isinstance(value, list) and self.how.allowEmptyArrays:
            yield f"{name}[]"
        members = enumerate(value) if isinstance(value, list) else ordered(value).items()
        for key, one in members:
            if not (one is None and self.how.skipNulls):
                yield from self.parts(one, self._name(name, str(key), is_list=isinstance(value, list)), depth)

    def _name(self, name: str, key: str, *, is_list: bool) -> str:
        if is_list and self.how.arrayFormat != "indices":
            return name + ("[]" if self.how.arrayFormat == "brackets" else "")
        return f"{name}.{key}" if self.how.allowDots and not is_list else f"{name}[{key}]"


def stringify_query(run: Run, value: Any = MISSING, options: Any = MISSING) -> str:
    """An object as a query string; arrays have indexes in brackets if nothing else is asked for."""
    given = _checked("stringifyQuery", options, frozenset(_Writing._fields))
    how = _Writing(**{key: option(given, key, default) for key, default in _Writing._field_defaults.items()})
    form = how.arrayFormat if how.arrayFormat in _FORMS else "indices"
    how = how._replace(arrayFormat="repeat" if not how.indices and "arrayFormat" not in given else form)
    if how.format not in ("RFC3986", "RFC1738"):
        refuse_value("stringifyQuery", 2, 'an object with the format "RFC3986" or "RFC1738"', options)
    if not isinstance(value, (dict, list)) or isinstance(value, Native):
        return ""
    writer = _Writer(run, how)
    members = enumerate(value) if isinstance(value, list) else ordered(value).items()
    kept = ((str(key), one) for key, one in members if not (one is None and how.skipNulls))
    parts: list[str] = []
    for key, one in kept:
        parts.extend(writer.parts(one, key))
        bounded(len(parts))
    joined = how.delimiter.join(parts)
    return run.grown(f"?{joined}" if how.addQueryPrefix and joined else joined)  # type: ignore[no-any-return]
