"""What an endpoint reads by name: of a reply, and of the query that the reply answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from truto_mapper.engine.source_types import reply_type
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, expressions


def has_some(endpoint: Endpoint, body: Any) -> bool:
    """Whether a reply has any of the top-level names that an endpoint reads or its source schema declares.

    One that reads none, as the reply to an update, takes any reply for its own. An array is one's own if it is read as
    a whole.
    """
    paths, declared = list(_paths(endpoint)), reply_type(endpoint).properties or ()
    names = {*declared, *(path[1] for path in paths if len(path) > 1)}
    if not names and endpoint.method != "list":
        return True
    is_read = any(len(path) == 1 for path in paths)
    return bool(body) and (is_read or (isinstance(body, dict) and not names.isdisjoint(body)))


def query_names(endpoint: Endpoint) -> list[str]:
    """The parameters of the query that the rows and records of an endpoint are made of."""
    found = {read.path for one in _of_records(endpoint) for read in reads(one) if read.path[0] == "query"}
    return sorted({f"`{path[1]}`" if len(path) > 1 else "the whole query" for path in found})


def _of_records(endpoint: Endpoint) -> Iterator[Expression]:
    for _, one in (*endpoint.for_each, *endpoint.let):
        yield one
    yield from expressions(endpoint.response)


def _paths(endpoint: Endpoint) -> Iterator[tuple[str, ...]]:
    """The paths that an endpoint reads of a reply, each after the name of the variable. `$` is the row in a record."""
    whole = [endpoint.recognise, endpoint.next_cursor, endpoint.time_zone]
    whole += [one for _, one in endpoint.for_each[:1]] or list(_of_records(endpoint))
    for one in filter(None, whole):
        yield from (read.path for read in reads(one) if read.path[0] in ("$", "response"))
    for one in _of_records(endpoint):
        yield from (read.path for read in reads(one) if read.path[0] == "response")
