"""A small resource and a mapping with joins, and a provider that answers their requests."""

import json

from truto_mapper import Page, Request, Response, load

SPEC = """\
version: 1
unified_model: crm
resource: deal
title: Deal
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/deal}, get: {http_method: GET, path: "/unified/crm/deal/{id}"}}
parameters:
  limit: {type: integer}
  next_cursor: {type: string}
  truto_ignore_limit: {type: boolean, default: false}
  truto_ignore_remote_data: {type: boolean, default: false}
  truto_skip_api_call: {type: boolean, default: false}
  truto_response_format: {type: string, default: unified}
fields:
  id: {type: string, required: true}
  amount: {type: integer}
  owner: {type: object, fields: {id: {type: string}, name: {type: string}, age: {type: integer}, mail: {type: string}}}
  emails: {type: array, items: {type: string}}
  notes: {type: array, items: {type: object, fields: {text: {type: string}}}}
  title: {type: string}
  stage: {type: string, enum: [open, won, lost]}
  remote_data: {type: object}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: deal
"""

MAPPING = (
    HEAD
    + """\
context: {with_owners: {type: boolean, default: true}}
error_mapping: {message: error, request_id: requestId}
endpoints:
  all:
    path_mapping: '"/deals"'
    query_mapping: {page: $cursor}
    source_schema: acme/deals
    for_each: {deal: items}
    next_cursor: next
    join:
      users:
        run_if: $context.with_owners
        ids: items.ownerId
        batch: 3
        source_schema: acme/users
        request_method: POST
        path_mapping: '"/users/search"'
        request_schema: acme/users-request
        request_body_mapping: {filter: {ids: $ids}, cursor: $cursor}
        rows: users
        key: $string(id)
        next_cursor: next
        empty_when: $status = 404
    let:
      user: $lookup($joined.users, $string(ownerId))
    response_mapping:
      id: $string(id)
      amount: amount
      owner:
        id: 'ownerId != null ? $string(ownerId)'
        name: $user.firstName
        age: $user.age
        mail: contact
      title: $uppercase($lookup($joined.users, $string(ownerId)).title)
"""
)

DEALS = {
    "type": "object",
    "properties": {
        "items": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "amount": {"type": ["integer", "null"]},
                    "ownerId": {"type": ["integer", "string", "null"]},
                    "contact": {"type": ["string", "null"]},
                },
            },
        },
        "next": {"type": ["string", "null"]},
    },
}
USERS = {
    "type": "object",
    "properties": {
        "users": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": ["integer", "string"]},
                    "firstName": {"type": ["string", "null"]},
                    "age": {"type": ["integer", "null"]},
                    "title": {"type": ["string", "null"]},
                },
            },
        },
        "next": {"type": ["string", "null"]},
    },
}
REQUEST = {
    "type": "object",
    "properties": {
        "filter": {
            "type": "object",
            "properties": {"ids": {"type": "array", "items": {"type": ["string", "integer"]}}},
        },
        "cursor": {"type": "string"},
    },
}


def mapper_of(folder, *replaced, mapping=MAPPING, spec=SPEC, **options):
    """A mapper of deals; `replaced` are pairs of texts in the mapping."""
    for old, new in replaced:
        assert old in mapping, old
        mapping = mapping.replace(old, new)
    (folder / "schemas/crm").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/acme").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/crm/deal.yaml").write_text(spec)
    for name, schema in (("deals", DEALS), ("users", USERS), ("users-request", REQUEST)):
        (folder / f"schemas/acme/{name}.schema.json").write_text(json.dumps(schema))
    (folder / "acme.yaml").write_text(mapping)
    return load(folder / "acme.yaml", **options)


def driven(conversation, send):
    """Everything that an exchange or a stream gives: its requests, and its pages, that of an exchange included."""
    requests, pages = [], []
    try:
        item = next(conversation)
        while True:
            if isinstance(item, Request):
                requests.append(item)
                item = conversation.send(send(item))
            else:
                assert isinstance(item, Page)
                pages.append(item)
                item = next(conversation)
    except StopIteration as end:
        return requests, [*pages, *([end.value] if end.value is not None else [])]


def company(users, deals, *, size=None):
    """A provider with users by id and pages of deals; the users come in pages of a `size`."""

    def send(request):
        if request.join is None:
            at = int(request.params.get("page", 0))
            more = {"next": str(at + 1)} if at + 1 < len(deals) else {}
            return Response({"items": deals[at], **more})
        found = [users[str(one)] for one in request.body["filter"]["ids"] if str(one) in users]
        if not found:
            return Response({"error": "no such users", "requestId": "r-1"}, 404)
        start = int(request.body.get("cursor", 0))
        stop = len(found) if size is None else start + size
        return Response({"users": found[start:stop], **({"next": str(stop)} if stop < len(found) else {})})

    return send
