"""Where expressions are in the structure of a mapping, and the text of findings that say so.

A place is the name of what an expression gives: `response_mapping.user.id`, `error_mapping.hint`. It has no line, no
index and no name of a variable or endpoint, so it survives another layout, an anchor, and a `let` that is extracted,
inlined or renamed: a `let` gives what the fields give that read it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import SINGLE, Endpoint, Mapping, leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, keys_of

#: The keys of the document whose attributes of an `Endpoint` have other names.
KEYS = {
    "path": "path_mapping",
    "params": "query_mapping",
    "headers": "request_header_mapping",
    "body": "request_body_mapping",
    "response": "response_mapping",
}

#: The codes whose messages begin with a field of the record.
_OF_FIELDS = ("D401", "D402", "D403", "D408")

_IN = "   = in: "


def readers(endpoint: Endpoint, name: str) -> list[Expression]:
    """The expressions of the record that use a `let` or the items of a loop, perhaps through another `let`."""
    names = {name}
    for other, one in (*endpoint.for_each, *endpoint.let):
        names |= {other} if names & _variables(one) else set()
    return [one for _, _, one in leaves(endpoint.response) if names & _variables(one)]


def _variables(expression: Expression) -> set[str]:
    return {one.name for one in expression.variables}


def places(endpoint: Endpoint) -> Iterator[tuple[str, Expression]]:
    """Each expression of an endpoint with what it gives."""
    for part in SINGLE:
        if (one := getattr(endpoint, part)) is not None:
            yield KEYS.get(part, part), one
    for part in ("params", "headers", "body", "response"):
        for path, _, one in leaves(getattr(endpoint, part)):
            yield dotted((KEYS[part], *keys_of(path))), one
    for _, one in endpoint.for_each:
        yield "for_each", one
    for join in endpoint.joins:
        for key, one in join.expressions:
            yield f"join.{join.name}.{KEYS.get(key, key)}", one
    of_field = {one: dotted(("response_mapping", *keys_of(path))) for path, _, one in leaves(endpoint.response)}
    for name, one in endpoint.let:
        for reader in readers(endpoint, name):
            yield of_field[reader], one


def _everywhere(mapping: Mapping, endpoint: Endpoint | None) -> Iterator[tuple[str, Expression]]:
    for one in mapping.endpoints if endpoint is None else (endpoint,):
        yield from places(one)
    for name, expression in mapping.errors.items():
        yield f"error_mapping.{name}", expression
    if mapping.whole_days is not None:
        yield "whole_days.time_zone", mapping.whole_days.time_zone


def located(found: Diagnostic, mapping: Mapping, endpoint: Endpoint | None) -> list[str]:
    """The places that a finding is about; none if it is about no expression of the mapping."""
    if found.source is None or found.span is None:
        return []
    if found.code in _OF_FIELDS and (field := re.match(r"`([^`]+)`", found.message)):
        return [f"response_mapping.{field[1]}"]
    name, start = found.source.name, found.span.start
    return [
        place
        for place, one in _everywhere(mapping, endpoint)
        if one.source.name == name and one.span.start <= start <= one.span.end
    ]


def said(found: Iterable[Diagnostic], mapping: Mapping, endpoint: Endpoint | None) -> str:
    """The text of findings without lines and excerpts. What one expression says of several fields is one finding."""
    made: dict[str, set[str]] = {}
    for one in found:
        at = located(one, mapping, endpoint)
        message = re.sub(r"^`[^`]+`: ", "", one.message) if at else one.message  # the place names the field
        text = replace(one, source=None, span=None, message=message, hint=_bare(one.hint, mapping)).render()
        made.setdefault(text, set()).update(at)
    return "\n".join(f"{text}\n{_IN}{', '.join(sorted(at))}\n" if at else f"{text}\n" for text, at in made.items())


def _bare(hint: str | None, mapping: Mapping) -> str | None:
    """A hint that names schemas as `schemas/gong/aggregate.schema.json`, wherever the working directory is."""
    for name in (one.source.name for one in mapping.endpoints if one.source is not None and hint):
        hint = (hint or "").replace(name, "schemas/" + name.rpartition("schemas/")[2])
    return hint


def split(text: str) -> list[dict[str, str]]:
    """The findings of a text that `said` has made, in an order that does not depend on the text's."""
    return sorted(map(_parts, filter(None, map(str.strip, text.split("\n\n")))), key=lambda one: [*one.values()])


def _parts(block: str) -> dict[str, str]:
    head, *more = block.split("\n")
    finding, _, message = head.partition(": ")
    found = {"finding": finding, "message": message}
    for line in more:
        name, _, value = line.strip().removeprefix("= ").partition(": ")
        found[name] = value
    return found


def joined(found: Iterable[dict[str, str]]) -> str:
    """The text of findings that `split` has taken apart."""
    return "\n".join(_block(dict(one)) for one in found)


def _block(one: dict[str, str]) -> str:
    head = f"{one.pop('finding')}: {one.pop('message')}\n"
    return head + "".join(f"   = {name}: {value}\n" for name, value in one.items())
