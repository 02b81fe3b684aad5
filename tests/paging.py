"""A small resource and a mapping that pages, for tests of cursors and streams, and a provider that answers it."""

from truto_mapper import Encoded, Page, Request, Response, load

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters:
  city: {type: string}
  limit: {type: integer}
  next_cursor: {type: string}
  integrated_account_id: {type: string}
  truto_ignore_limit: {type: boolean, default: false}
  truto_ignore_remote_data: {type: boolean, default: false}
  truto_skip_api_call: {type: boolean, default: false}
  truto_exclude_fields: {type: array, items: {type: string}}
fields:
  id: {type: string, required: true}
  age: {type: integer}
  asked_at: {type: string}
  remote_data: {type: object}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
context: {tenant: {type: string, default: main}, deep: {type: boolean, default: false}, any: {}}
error_mapping: {message: error}
endpoints:
  deep:
    when: $context.deep
    path_mapping: '"/deep"'
    query_mapping: {page: $cursor}
    for_each: {contact: items}
    next_cursor: next
    response_mapping: {id: id & "", age: age}
  all:
    path_mapping: '"/contacts"'
    query_mapping: {page: $cursor, size: $query.limit, now: $now}
    empty_when: $status = 404
    for_each: {contact: items}
    next_cursor: next
    page_number: number
    total: total
    response_mapping:
      id: id & ""
      age: age
      asked_at: $now
"""


def mapper_of(folder, *replaced, spec=SPEC, mapping=MAPPING, **options):
    """A mapper of contacts; `replaced` are pairs of texts in the mapping."""
    for old, new in replaced:
        assert old in mapping
        mapping = mapping.replace(old, new)
    (folder / "schemas/crm").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/crm/contact.yaml").write_text(spec)
    (folder / "acme.yaml").write_text(mapping)
    return load(folder / "acme.yaml", **options)


def provider(sizes, **more):
    """The replies of a provider by their cursor: pages with so many contacts, numbered from 1 on."""
    numbers = iter(range(1, 10_000))
    return {
        f"c{at}" if at else None: {"items": [{"id": next(numbers), "age": 30} for _ in range(size)]}
        | ({"next": f"c{at + 1}"} if at + 1 < len(sizes) else {})
        | {name: give(at) for name, give in more.items()}
        for at, size in enumerate(sizes)
    }


def answered(pages, request):
    """The provider's response; a page that is an exception is one that never arrives."""
    body = pages[request.params.get("page")]
    if isinstance(body, BaseException):
        raise body
    return body if isinstance(body, Response) else Response(body)


def exchanged(mapper, pages, query, **options):
    """The page of one exchange."""
    exchange = mapper.exchange(query, **options)
    try:
        exchange.send(answered(pages, next(exchange)))
    except StopIteration as end:
        return end.value
    raise AssertionError("an exchange is one request")


def driven(stream, send, limit=3_000):
    """Each page of a stream; `send` answers its requests."""
    item = next(stream, None)
    for _ in range(limit):
        if item is None:
            return
        if isinstance(item, Request):
            item = stream.send(send(item))
        else:
            assert isinstance(item, (Page, Encoded))
            yield item
            item = next(stream, None)
    raise AssertionError("the stream does not come to an end")


def ids(pages):
    return [record["id"] for page in pages for record in page.records]


def streamed(mapper, pages, query, **options):
    """The ids of all records of a stream."""
    return ids(driven(mapper.stream(query, **options), lambda request: answered(pages, request)))


def looped(mapper, pages, query, **options):
    """The ids of all records, page by page with `next_cursor`."""
    found = [exchanged(mapper, pages, query, **options)]
    while found[-1].next_cursor is not None:
        assert len(found) < 1_000, "the cursors do not come to an end"
        found.append(exchanged(mapper, pages, {**query, "next_cursor": found[-1].next_cursor}, **options))
    return ids(found)
