"""Our cursors: the provider's cursor and an offset into its page, sealed over the query they belong to."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import QueryError

#: The start of every cursor of ours. A cursor without it is the provider's own and is passed on unchanged.
MARK = "truto1."

#: Parameters that choose how a page is cut and shown, not which records it has. A cursor is valid whatever they are.
_PRESENTATION = {"limit", "next_cursor", "truto_response_format", "truto_key_by", "truto_exclude_fields"}
_PRESENTATION |= {"truto_ignore_limit", "truto_ignore_remote_data", "truto_skip_api_call"}


def join_cursor(cursor: str | None, offset: int, parameters: Mapping[str, Any]) -> str:
    """A cursor for the rest of a provider's page: the page's own cursor and how many of its records were returned."""
    payload = json.dumps([cursor, offset], separators=(",", ":"))
    return f"{MARK}{_base64(payload.encode())}.{_seal(parameters, payload)}"


def split_cursor(text: str | None, parameters: Mapping[str, Any]) -> tuple[str | None, int]:
    """The provider's cursor and the offset into its page. Raises `QueryError` Q506."""
    if text is None:
        return None, 0
    found = _unsealed(text[len(MARK) :], parameters)
    if text.startswith(MARK) != (found is not None):
        message = "next_cursor was altered, or belongs to another query"
        hint = "pass it back unchanged, with the same period and filters, or leave it out to start again"
        raise QueryError(Diagnostic("Q506", message, pointer="/next_cursor", hint=hint))
    return found or (text, 0)


def _unsealed(text: str, parameters: Mapping[str, Any]) -> tuple[str | None, int] | None:
    """What a cursor of ours holds, None unless it is exactly as it was given out for this query."""
    body, _, seal = text.partition(".")
    try:
        payload = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    if _base64(payload.encode()) != body or seal != _seal(parameters, payload):
        return None
    cursor, offset = json.loads(payload)
    return cursor, offset


def _seal(parameters: Mapping[str, Any], payload: str) -> str:
    """A digest that ties a cursor to its query. It catches mistakes; it is not a signature."""
    import hashlib  # noqa: PLC0415  # only a cut page needs it, so it does not slow down every start

    asked = {name: value for name, value in parameters.items() if name not in _PRESENTATION}
    text = json.dumps([asked, payload], sort_keys=True)
    return _base64(hashlib.sha256(text.encode()).digest()[:12])


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
