"""How many calls a provider takes: `rate_limits`, such as `3/second`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from truto_mapper.mapping.linked import RateLimit
from truto_mapper.text.diagnostics import excerpt

if TYPE_CHECKING:
    from truto_mapper.text.errors import Findings
    from truto_mapper.text.yaml_tree import Node

#: The units of time, in seconds.
UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

#: `3/second`, `100/10 seconds`.
_LIMIT = re.compile(rf"([1-9]\d{{0,8}})/(?:([1-9]\d{{0,5}}) )?({'|'.join(UNITS)})s?")

_HINT = "calls and a time, such as `3/second`, `100/10 seconds` or `10000/day`"


def parsed(text: str) -> RateLimit | None:
    """A limit; None if the text is not one."""
    found = _LIMIT.fullmatch(text)
    return None if found is None else RateLimit(int(found[1]), int(found[2] or 1) * UNITS[found[3]])


def linked_limits(node: Node | None, findings: Findings) -> tuple[RateLimit, ...]:
    """The limits of a mapping; each that cannot be read is an M106."""
    made = []
    for one in [] if node is None else node.value:
        limit = parsed(one.value)
        if limit is None:
            findings.found.append(one.diagnostic("M106", f"this is no rate limit: {excerpt(one.value)}", hint=_HINT))
        else:
            made.append(limit)
    return tuple(made)
