"""Cursors that carry the provider's cursor and an offset, sealed over the question."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import QueryError

#: What a cursor of ours begins with; a provider's own cursor passes verbatim.
MARK = "truto1."

#: These choose how an answer is cut and shown, not what is asked.
_PRESENTATION = frozenset(
    {
        "limit",
        "next_cursor",
        "truto_response_format",
        "truto_key_by",
        "truto_ignore_limit",
        "truto_ignore_remote_data",
        "truto_exclude_fields",
        "truto_skip_api_call",
    }
)


def split_cursor(text: str | None, question: Mapping[str, Any]) -> tuple[str | None, int]:
    """The provider's cursor and the offset into its page. Raises `QueryError` Q506."""
    found = _unsealed(text[len(MARK) :], question) if text is not None else None
    is_ours = text is not None and text.startswith(MARK)
    if is_ours != (found is not None):
        message = "next_cursor was altered, or was given for another question"
        hint = "pass it back as it came, with the same period and filters, or leave it out to begin again"
        raise QueryError(Diagnostic("Q506", message, pointer="/next_cursor", hint=hint))
    return found or (text, 0)


def _unsealed(text: str, question: Mapping[str, Any]) -> tuple[str | None, int] | None:
    """What a cursor of ours says, if it is just as it was given out."""
    body, _, seal = text.partition(".")
    try:
        payload = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    if base64_(payload.encode()) != body or seal != seal_(question, payload):
        return None
    cursor, offset = json.loads(payload)
    return cursor, offset


def seal_(question: Mapping[str, Any], payload: str) -> str:
    """Ties a cursor to what was asked. It guards against mistakes, it is no signature."""
    import hashlib  # noqa: PLC0415  # what only a cut page needs does not make every start slower

    asked = {name: value for name, value in question.items() if name not in _PRESENTATION}
    text = json.dumps([asked, payload], sort_keys=True)
    return base64_(hashlib.sha256(text.encode()).digest()[:12])


def base64_(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
