"""Records, normalized and unified, and the schemas of the resource that they fit."""

from __future__ import annotations

import copy

from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.openapi import KINDS
from truto_mapper.resource.spec import load_resource

NAME = "conversational-intelligence/activity"
RESOURCE = load_resource(NAME)
RECORD = {
    "id": "5-total-2026-01-01-2026-02-01",
    "user": {"id": "12345678901234567890", "name": "Jo", "emails": [{"email": "jo@example.com", "is_primary": True}]},
    "start_time": "2026-01-01T00:00:00-08:00",
    "end_time": "2026-02-01T00:00:00.5Z",
    "aggregation_period": "total",
    "metrics": dict.fromkeys(RESOURCE.fields["metrics"].fields, 7),
    "created_at": "2026-02-01T00:00:00Z",
    "updated_at": "2026-02-01T00:00:00+05:30",
    "remote_data": {"anything": [1, {"deep": None}]},
}
STORED = {
    **{name: None for name in RESOURCE.fields if name != "remote_data"},
    "id": "1",
    "user": {"id": "1", "name": None, "emails": []},
    "start_time": "2026-01-01T08:00:00Z",
    "metrics": dict.fromkeys(RESOURCE.fields["metrics"].fields) | {"calls_hosted": 1},
}
DEBUG = {
    "requestUrl": "https://api.gong.io/v2",
    "requestOptions": {"method": "POST"},
    "data": [1],
    "responseHeaders": {},
    "nextCursor": None,
    "isLooping": False,
    "isEmptyResult": False,
    "resultCount": 1,
}
COMPILED = {kind: Schema(generate(RESOURCE)) for kind, generate in KINDS.items() if kind != "openapi"}


def changed(record, path, value):
    """A copy of a record with another value at a dotted path; `...` removes it."""
    record = copy.deepcopy(record)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    holder = record
    for part in way:
        holder = holder[part]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return record
