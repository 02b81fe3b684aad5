"""What the schema of an endpoint's replies declares differently about what the mapping reads."""

from collections.abc import Iterator

from truto_mapper.authoring.diff.changes import Change, change
from truto_mapper.authoring.sources import reply_reads
from truto_mapper.engine.source_types import reply_type
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import NEVER, NONE, Type, in_words
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.pointers import dotted


def replies(old: Endpoint, new: Endpoint) -> Iterator[Change]:
    """One change for each place that is read; B318 where replies may hold what they could not hold before."""
    if old.source is None or new.source is None or old.source.text == new.source.text:
        return
    before, after = reply_type(old), reply_type(new)
    for path, read in {one.path: one for one in reversed([*reply_reads(new)])}.items():
        was, now = _at(before, path), _at(after, path)
        if was is not None and now is not None and (said := _difference(was, now)):
            code, severity = ("B308", "note") if _is_within(now, was) else ("B318", "warning")
            message = f"`{new.name}` reads `{dotted(path)}`, and its schema changed: {said}"
            yield change(read.diagnostic(code, message, severity=severity))


def _at(kind: Type, path: NamePath) -> Type | None:
    """The type of a place; None if its schema does not tell, `NEVER` if it declares no such field."""
    for name in path:
        while kind.items is not None:
            kind = kind.items
        if kind.properties is None:
            return None
        kind = kind.properties.get(name, NEVER)
        if kind is NEVER:
            return kind
    return kind


def _difference(was: Type, now: Type) -> str | None:
    """What changed, in words."""
    if NEVER in (was, now):
        return None if was == now else "it is declared now" if was is NEVER else "it is no longer declared"
    if was.kinds != now.kinds:
        return f"{_words(was)} → {_words(now)}"
    if was.values != now.values:
        return f"{_listed(was)} → {_listed(now)}"
    return None if was.format == now.format else f"format {was.format or 'none'} → {now.format or 'none'}"


def _words(kind: Type) -> str:
    absent = [word for name, word in (("null", "null"), ("undefined", "absent")) if name in kind.kinds]
    return " or ".join([*([in_words(kind.without(NONE))] if kind.solid else []), *absent])


def _listed(kind: Type) -> str:
    return "any value" if kind.values is None else "one of " + ", ".join(map(excerpt, kind.values))


def _is_within(now: Type, was: Type) -> bool:
    """Whether every value of a type is one of another."""
    if now is NEVER or not now.kinds <= was.kinds | ({"integer"} if "number" in was.kinds else set()):
        return was is NEVER and now is not NEVER
    values = was.values is None or (now.values is not None and {*now.values} <= {*was.values})
    return values and was.format in (None, now.format)
