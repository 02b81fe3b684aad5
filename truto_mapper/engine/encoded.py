"""The bytes of a page: what a service sends, in the format that the caller asked for."""

from __future__ import annotations

from typing import Any

from truto_mapper.engine import decimals, rendering, typed_json
from truto_mapper.engine.answer import Given
from truto_mapper.engine.page import (
    BEYOND,
    CsvResponse,
    ExactResponse,
    Page,
    ReadResponse,
    bounded,
    cursor_of,
    rendered,
)
from truto_mapper.engine.query import Query
from truto_mapper.engine.rendering import Format
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import NamedTuple

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
_BOM = b"\xef\xbb\xbf"


class Encoded(NamedTuple):
    """A page as bytes.

    `body` is the response in UTF-8 and `content_type` its media type. `count` is the number of records. `next_cursor`,
    `diagnostics` and `rejected` are those of the `Page`.
    """

    body: bytes
    content_type: str
    count: int  # type: ignore[assignment]  # a tuple's own method, which nobody needs here
    next_cursor: str | None
    diagnostics: tuple[Diagnostic, ...]
    rejected: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"<Encoded {self.content_type}: {len(self.body):,} bytes, {self.count} records>"


def format_of(query: Query | None, chosen: str | None) -> str:
    """The format that a page is rendered in."""
    return chosen or (query.parameters.get("truto_response_format") if query is not None else None) or "unified"


def encoded(page: Page[Any], chosen: Format | None, sent: Any) -> Encoded:
    """A page in a format; `sent` is the body that it was made of. Raises as `Page.render` does."""
    try:
        made, name = rendered(page, chosen)
    except BEYOND as error:
        raise bounded(error) from None
    is_mended = any(found.code == "P610" for found in page.diagnostics)
    if name == "raw" and isinstance(page.response, ReadResponse) and not is_mended:
        if isinstance(page.response, CsvResponse):
            return _encoded(page, sent.encode() if isinstance(sent, str) else bytes(sent), CSV)
        return _encoded(page, bytes(sent).removeprefix(_BOM), JSON)
    is_stream = name == "stream"
    kind = NDJSON if is_stream else JSON
    try:
        return _encoded(page, typed_json.write(made, lines=is_stream), kind)
    except typed_json.UndecidedError:
        pass
    try:
        dumps = decimals.dumps if isinstance(page.response, ExactResponse) else rendering.dumps
        text = "".join(f"{dumps(one)}\n" for one in made) if is_stream else dumps(made)
        return _encoded(page, text.encode(), kind)
    except BEYOND as error:
        raise bounded(error) from None


def _encoded(page: Page[Any], body: bytes, content_type: str) -> Encoded:
    return Encoded(body, content_type, len(page.records), page.next_cursor, page.diagnostics, _rejected(page))


def _rejected(page: Page[Any]) -> tuple[Any, ...]:
    """The rejected rows of a page, as `map` has them."""
    is_exact = page.rejected and isinstance(page.response, ExactResponse)
    return tuple(map(decimals.rounded, page.rejected)) if is_exact else page.rejected


def list_format(body: bytes, given: Given, chosen: str | None) -> str | None:
    """The format of a page that is the list of its whole records: one object, or lines. None for any other page."""
    query, _, status, _, _ = given
    if status != 200 or not isinstance(body, (bytes, bytearray)):
        return None
    name = format_of(query, chosen)
    if query is not None:
        asked = query.parameters
        is_part = query.offset or "truto_exclude_fields" in asked or "truto_key_by" in asked
        if is_part or (query.plan is not None and query.plan.raw):
            return None
    if name == "stream":
        return None if b"\n" in body or b"\r" in body else name  # its rows may be in several lines
    return name if name == "unified" else None


def encoded_list(page: Page[Any], name: str) -> Encoded:
    """A page of records that are made to be encoded. Raises `UndecidedError` for one that msgspec cannot encode."""
    records, _, diagnostics, *_ = page
    cursor = cursor_of(page)
    if name == "unified":
        body, kind = typed_json.write({"result": records, "next_cursor": cursor}), JSON
    else:
        body, kind = typed_json.write(records, lines=True), NDJSON
    return tuple.__new__(Encoded, (body, kind, len(records), cursor, diagnostics, _rejected(page)))
