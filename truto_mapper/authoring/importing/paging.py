"""The pagination of an integration becomes `pagination` and `next_cursor` of an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from truto_mapper.authoring.importing.writing import Entry, scalar

#: The settings that name the HTTP query parameter of each format.
_PARAMETERS = {"cursor": ("cursor_param", "cursor_parameter"), "page": ("page_param",), "offset": ("offset_param",)}

_UNSENT = "A guess: Truto's pagination sends the cursor; say with `pagination` in which parameter"


def pages(given: Any, *, is_sent: bool) -> Iterator[Entry]:
    """The entries of a `pagination` of Truto's; `is_sent` if the mapping itself puts the cursor into the request."""
    if not isinstance(given, dict):
        return
    kind, config = given.get("format"), given.get("config") or {}
    if kind not in (*_PARAMETERS, "link_header") or not isinstance(config, dict):
        reason = f"Not carried over: `{kind}` is no pagination here. Write `next_cursor` or `pagination`."
        yield Entry("pagination", json.dumps(given, ensure_ascii=False), (reason,), left_out=True, is_plain=True)
        return
    named = next((config[one] for one in _PARAMETERS.get(kind, ()) if isinstance(config.get(one), str)), None)
    parameter = None if is_sent else named
    if kind != "cursor" or parameter is not None:
        parts = [("format", str(kind)), *([("parameter", parameter)] if parameter is not None else [])]
        yield Entry("pagination", tuple(Entry(key, scalar(value), is_plain=True) for key, value in parts))
    path = config.get("cursor_path")
    if kind == "cursor" and isinstance(path, str) and path:
        yield Entry("next_cursor", path, () if is_sent or parameter is not None else (f"{_UNSENT}.",))
