"""The HTTP header `Link` (RFC 8288): targets and how they are related to the reply."""

from __future__ import annotations

import re

#: RFC 8288 §3: `<target>` and its parameters. Between two links are commas, and before the first may be some.
_TARGET = re.compile(r"[ \t,]*<([^>]*)>")
_PARAMETER = re.compile(r'[ \t]*;[ \t]*([^ \t=;,"<>]*)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\.)*"|[^ \t;,"]*))?')
_END = re.compile(r"[ \t]*(?:,[ \t,]*|\Z)")
_ESCAPE = re.compile(r"\\(.)")


def targets(header: str, relation: str) -> list[str]:
    """The targets of the links with a relation, in order, each once. Raises `ValueError` for what is no list of links.

    A relation is named in any case and among others. Links that are about something else than the reply (`anchor`) do
    not count.
    """
    found: dict[str, None] = {}
    at = 0
    while at < len(header.rstrip(" \t,")):
        target = _TARGET.match(header, at)
        if target is None:
            raise ValueError(header[at:])
        at, parameters = target.end(), dict[str, str]()
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            parameters.setdefault(parameter[1].lower(), _unquoted(parameter[2] or ""))  # the first of a name counts
        end = _END.match(header, at)
        if end is None:
            raise ValueError(header[at:])
        at = end.end()
        if relation in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
            found[target[1].strip()] = None
    return list(found)


def _unquoted(value: str) -> str:
    return _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value
