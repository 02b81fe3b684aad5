"""What asks for a page of an endpoint that declares its `pagination`."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from truto_mapper.engine import cursor as cursors
from truto_mapper.engine import sendable
from truto_mapper.engine.query_values import listed
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import NUMBERED, Endpoint, Join
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.lazy_pattern import lazy_pattern

#: The number of a page or an offset, and, where a total says which page is the last, the rows before it.
_NUMBER = lazy_pattern(r"(0|[1-9][0-9]{0,14})(?:/(0|[1-9][0-9]{0,14}))?", re.ASCII)

#: The most parameters of a link.
_MAX_PARTS: Final = 1_000


def check(endpoint: Endpoint, given: str | None) -> None:
    """Raise `QueryError` Q506 for a provider's cursor that this endpoint's pages cannot have given."""
    pages = endpoint.pagination
    if given is None or pages is None or pages.format == "cursor":
        return
    if pages.format in NUMBERED:
        found = _NUMBER.fullmatch(given)
        if found is None or int(found[1]) <= pages.first or (found[2] is not None) != counts_before(endpoint):
            cursors.refuse()
        return
    try:
        parameters_of(given)
    except ValueError:
        cursors.refuse()


def params(endpoint: Endpoint | Join, made: dict[str, Any], cursor: Any) -> dict[str, Any]:
    """The HTTP query parameters of a page: those of the mapping, and those of its pagination."""
    pages = endpoint.pagination
    assert pages is not None  # noqa: S101  # for mypy: nobody else asks
    if pages.format == "link_header" and cursor is not MISSING:
        return parameters_of(cursor)
    own = {} if pages.parameter is None or cursor is MISSING else {pages.parameter: str(cursor)}
    own |= {} if pages.size_parameter is None else {pages.size_parameter: str(pages.size)}
    for name, text in own.items():
        fault = sendable.parameter_fault(name, text)
        fault = f"the parameter {excerpt(name)} is what `pagination` sends" if name in made else fault
        if fault:
            raise EvaluationError(endpoint.path.diagnostic("D406", fault))
    return made | own


def parameters_of(query: str) -> dict[str, Any]:
    """The parameters of a URL's query, each a text or several. Raises `ValueError` for one that cannot be sent."""
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARTS):
        if sendable.parameter_fault(name, text):
            raise ValueError(name)
        found[name] = [*listed(found[name]), text] if name in found else text
    if not found:
        raise ValueError(query)
    return found


def counts_before(endpoint: Endpoint) -> bool:
    """Whether a cursor has the number of rows before its page."""
    return endpoint.pagination is not None and endpoint.pagination.format == "page" and endpoint.total is not None
