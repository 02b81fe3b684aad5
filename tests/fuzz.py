"""Hostile inputs by the thousand: `python tests/fuzz.py --tries 20000 [--seed 1] [--only cursors]`.

Each try holds what the library promises for any input: nothing but `MapperError` leaves it, the input is unchanged,
records fit their schema and can be written, no row is lost, and no try takes more than twice the bound of its page.
A failure is printed with its seed, with which it can be repeated.
"""

# ruff: noqa: E501  # lists of inputs

import argparse
import copy
import datetime as dt
import decimal
import json
import random
import sys
import time
import traceback
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path

import calling
import joining
import mock_tries
import paging
import test_methods
import test_pagination

from truto_mapper import Expression, Mapper, MapperError, Response, Source, load
from truto_mapper.engine import parts
from truto_mapper.engine.page import Page
from truto_mapper.resource import generated, json_schema
from truto_mapper.text import files

ROOT = Path(__file__).parents[1]
GONG = load("gong/activity")
KEYED = load("gong/activity", cursor_key="a key of more than sixteen bytes")
RECORD = json_schema.Schema(generated.record_schema(GONG.resource), generated=True)
NAMES = [*json.loads((ROOT / "schemas/gong/aggregate.schema.json").read_text("utf-8"))["$defs"]["counts"]["properties"]]
SPEC = files.read(ROOT / "schemas/conversational-intelligence/activity.yaml")
PERIOD = {"start_time": "2026-01-05T00:00:00Z", "end_time": "2026-01-19T00:00:00Z"}
NOW = "2026-02-01T12:00:00Z"

#: Seconds: twice the bound of a page.
BOUND = 10.0

NASTY = [
    None, True, False, 0, -1, 1, 7, 2**53, 2**64, -(2**70), 10**30, 0.5, -0.0, 1e308, 5e-324, "", "x", "0", "null", " ",
    "\0", "\r\n", "é", "\U0001f600", "\u2028", "a" * 3000, "2026-01-05T00:00:00Z", "2026-02-30T00:00:00Z", "T000:00:00",
    "2026-01-05T000:00:00-08:00", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00Z", [], {}, [[]], [None], [{}], {"a": {}},
    [1, "x", None], {"cursor": []}, {"id": None}, "America/Los_Angeles", "Mars/Olympus", "../../etc/passwd", "truto1.", "%00",
]  # fmt: skip

#: What a parser never gives, but a caller may pass.
FOREIGN = [
    float("nan"), float("inf"), "\ud800", b"bytes", bytearray(b"x"), (1, 2), {1, 2}, {1: 2}, {None: 1}, object(), len,
    decimal.Decimal(1), dt.datetime(2026, 1, 5), dt.datetime(2026, 1, 5, tzinfo=dt.UTC),  # noqa: DTZ001
    dt.date(2026, 1, 5), range(3), 1j, Counter("ab"), 10**5000, type("Text", (str,), {})("t"),
]  # fmt: skip


class BrokenError(AssertionError):
    """A promise that was broken."""


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def nasty(rng, foreign=0.1):
    roll = rng.random()
    if roll < foreign:
        return rng.choice(FOREIGN)
    if roll < foreign + 0.01:
        return deep(rng.choice([10, 300, 3000]))
    return copy.deepcopy(rng.choice(NASTY))


def places(value, path=()):
    yield path
    if len(path) > 50:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def mutated(rng, value, foreign=0.1):
    """The value with one change somewhere."""
    path = rng.choice(list(places(value)))
    if not path:
        return nasty(rng, foreign) if rng.random() < 0.2 else value
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    kind, last = rng.random(), path[-1]
    if kind < 0.15:
        del holder[last]
    elif kind < 0.3 and isinstance(holder, dict):
        holder[f"{last}s" if isinstance(last, str) else "x"] = holder.pop(last)
    elif kind < 0.4:
        holder[last] = [holder[last]]
    elif kind < 0.5 and isinstance(holder, list):
        holder.append(holder[last])
    else:
        holder[last] = nasty(rng, foreign)
    return value


def counts(rng):
    return {name: rng.randrange(5) for name in NAMES if rng.random() < 0.95}


def user(rng):
    return {"userId": str(rng.randrange(10**18, 10**19)), "userEmailAddress": rng.choice([None, "a@example.com"])}


def weeks(rng, value):
    days = pairwise(["2026-01-05", "2026-01-12", "2026-01-19"])
    return [{"fromDate": f"{a}T00:00:00Z", "toDate": f"{b}T00:00:00Z", **value(rng)} for a, b in days]


def calls(rng):
    return {name: ["1"] * rng.randrange(3) for name in NAMES}


def page(rng, kind, users=None, cursor=None, number=0):
    users = rng.randrange(5) if users is None else users
    records = {"totalRecords": 1000, "currentPageSize": users, "currentPageNumber": number}
    body = {"requestId": "r", "records": records | ({"cursor": cursor} if cursor else {})}
    if kind == "total":
        body |= {"timeZone": "UTC", "fromDateTime": PERIOD["start_time"], "toDateTime": PERIOD["end_time"]}
        rows = [user(rng) | {"userAggregateActivityStats": counts(rng)} for _ in range(users)]
        return body | {"usersAggregateActivityStats": rows}
    if kind == "week":
        rows = [user(rng) | {"userAggregateActivity": weeks(rng, counts)} for _ in range(users)]
        return body | {"usersAggregateActivity": rows}
    rows = [user(rng) | {"userDailyActivityStats": weeks(rng, calls)} for _ in range(users)]
    return body | {"usersDetailedActivities": rows}


def context(kind):
    return {"detailed": kind == "day"}


def written(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def checked(found, rows=None):
    """Hold what is promised for a page."""
    for record in found.records:
        if RECORD.problems(record):
            raise BrokenError(f"invalid: {RECORD.problems(record)}")
    if rows is not None and len(found.records) + len(found.rejected) != rows:
        raise BrokenError(f"{rows} rows became {len(found.records)} records and {len(found.rejected)} rejected")
    for choice in ("unified", "normalized", "debug", "raw", "stream"):
        try:
            written(found.render(choice))
        except MapperError:
            continue


def rows_of(body):
    """How many records a reply should have if its rows are where they belong, else None."""
    for outer, inner in (("usersAggregateActivityStats", None), ("usersAggregateActivity", "userAggregateActivity"),
                         ("usersDetailedActivities", "userDailyActivityStats")):  # fmt: skip
        rows = body.get(outer) if isinstance(body, dict) else None
        if isinstance(rows, list):
            rows = [row for row in rows if row is not None]
            if inner is None:
                return len(rows)
            if all(isinstance(row, dict) and isinstance(row.get(inner), list) for row in rows):
                return sum(one is not None for row in rows for one in row[inner])
    return None


def payloads(rng):
    kind = rng.choice(["total", "week", "day"])
    body = page(rng, kind)
    for _ in range(rng.randrange(1, 4)):
        body = mutated(rng, body)
    before = copy.deepcopy(body) if is_copyable(body) else None
    request = GONG.plan(PERIOD | {"aggregation_period": kind}, context=context(kind), now=NOW)
    choice = rng.choice(["raise", "discard_value", "discard_record"])
    given = body
    if rng.random() < 0.3:
        try:
            given = json.dumps(body).encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"]), "surrogatepass")
        except (TypeError, ValueError, RecursionError):
            given = b"\xff{" + repr(kind).encode()
    query = request.query if rng.random() < 0.9 else None
    status = rng.choice([200, 200, 200, 200, 404, 500, 204, 429])
    try:
        found = GONG.map(given, query=query, status=status, on_invalid=choice)
    finally:
        if before is not None and json.dumps(before, default=class_name) != json.dumps(body, default=class_name):
            raise BrokenError(f"the payload was changed: {before!r:.1500} {body!r:.1500}")
    checked(found, rows_of(body) if given is body and found.endpoint and status == 200 else None)


def class_name(value):
    return type(value).__name__


def is_copyable(value):
    try:
        copy.deepcopy(value)
        json.dumps(value, default=class_name)
    except (RecursionError, TypeError, ValueError):
        return False
    return True


QUERY = [
    "start_time=2026-01-05T00:00:00Z", "end_time=2026-01-19T00:00Z", "users[]=1", "users=1,2", "users[0][id]=7", "limit=5",
    "aggregation_period=week", "truto_key_by=id", "truto_exclude_fields[]=id", "remote_query[foo]=bar", "next_cursor=x",
    "remote_query[filter][userIds][]=3", "remote_query[a][b][]=2", "truto_response_format=raw", "truto_ignore_limit=true",
    "integrated_account_id=62f44730-dd91-461e-bd6a-aedd9e0ad79d", "truto_skip_api_call=1",
]  # fmt: skip
PIECES = [
    "[",
    "]",
    "[]",
    "=",
    "&",
    "%",
    "%5B",
    "%00",
    "+",
    "é",
    "__proto__",
    "0",
    "9999999999",
    ",",
    ";",
    "..",
    "\r\n",
    "T",
    "-",
]


def queries(rng):
    chosen = rng.sample(QUERY, rng.randrange(2, len(QUERY)))
    if rng.random() < 0.5:
        text = "&".join(chosen)
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(PIECES) + text[at + rng.randrange(3) :]
        query = text
    else:
        query = PERIOD | {"aggregation_period": "week", "limit": 5, "users": ["1", {"id": "2"}], "truto_key_by": "id"}
        query |= {"remote_query": {"a": {"b": [1]}}, "truto_exclude_fields": ["id"], "next_cursor": "x"}
        for name in rng.sample(sorted(query), rng.randrange(1, 6)):
            del query[name]
        query = mutated(rng, query)
    request = GONG.plan(query, now=rng.choice([None, NOW, nasty(rng)]), context=rng.choice([None, {}]))
    written(request.body)
    if not request.path.startswith("/") or "\n" in json.dumps([*request.headers.items()], default=str):
        raise BrokenError(f"unsafe request {request!r}")


def contexts(rng):
    given = {"time_zone": "Europe/Berlin", "detailed": True}
    given = mutated(rng, given, 0.3)
    before = repr(given) if is_copyable(given) else None
    GONG.plan(PERIOD, context=given, now=NOW)
    if before is not None and repr(given) != before:
        raise BrokenError("the context was changed")


def cursors(rng):
    mapper = rng.choice([GONG, KEYED])
    query = PERIOD | {"limit": 2}
    request = mapper.plan(query, now=NOW)
    found = mapper.map(page(rng, "total", users=5, cursor="abc"), query=request.query)
    text = found.next_cursor
    at = rng.randrange(len(text))
    forged = rng.choice([
        text[:at] + rng.choice("AZaz09-_.=+/é\n") + text[at + 1 :], text[:at], text[at:], text + text, text.upper(),
        "abc", nasty(rng), text + "A", text.replace(".", ""), text[::-1],
    ])  # fmt: skip
    changed = rng.random() < 0.3
    if changed:
        query, forged = query | {"end_time": "2026-01-26T00:00:00Z"}, text
    try:
        again = mapper.plan(query | {"next_cursor": forged}, now=NOW)
    except MapperError as error:
        if forged in (None, "") or (forged == text and not changed):
            raise BrokenError("a right cursor was refused") from error
        return
    if forged not in (None, "", text) or changed:
        raise BrokenError(f"accepted {forged!r} for {text!r}: {again.body}")


def headers(rng):
    given = {"retry-after": "5", "x-traceid": "t"}
    given = mutated(rng, given, 0.4) if rng.random() < 0.8 else rng.choice([[("Retry-After", "5")], nasty(rng), b"x"])
    body = rng.choice([{"requestId": "r", "errors": ["no"]}, b"<html>", None, nasty(rng)])
    GONG.map(
        body,
        status=rng.choice([429, 404, 500, 200, 302, "200", "x", None, 10**9, -1, 2.0]),
        headers=given,
        query=PERIOD,
    )


def mappings(rng):
    text = (ROOT / "mappings/gong/activity.yaml").read_text("utf-8")
    lines = text.splitlines(keepends=True)
    for _ in range(rng.randrange(1, 3)):
        number = rng.randrange(len(lines))
        line = lines[number]
        at = rng.randrange(len(line) + 1)
        lines[number] = rng.choice([
            line[:at] + rng.choice(["$", "(", ")", "{", "}", "'", '"', ":", "&", "*x", "~>", "\t", "é", "[", "..", "|"]) + line[at:],
            line[:at] + line[at + 1 :], "", line + line, line[: at // 2 * 2] + "\n",
        ])  # fmt: skip
    sources = [Source("fuzzed.yaml", "".join(lines))]
    mapper = Mapper(
        parts.made(sources, lambda _: SPEC, partial(files.find, folder="schemas", ending=".schema.json"), {})
    )
    request = mapper.plan(PERIOD | {"aggregation_period": "week"}, now=NOW)
    checked(mapper.map(page(rng, "week"), query=request.query, on_invalid="discard_record"))


class Provider:
    """Answers with pages of some users, until a fault is due."""

    def __init__(self, rng):
        self.rng, self.size, count = rng, rng.randrange(1, 6), rng.randrange(12)
        self.everyone = [user(rng) | {"userAggregateActivityStats": counts(rng)} for _ in range(count)]
        self.fault = self.due = rng.choice([None, None, "status", "shape", "same cursor", "send"])

    def page(self, sent):
        start = 0 if sent is None else int(sent[1:])
        body = page(self.rng, "total", users=0, number=start // self.size)
        body["records"]["totalRecords"] = len(self.everyone)
        body["usersAggregateActivityStats"] = copy.deepcopy(self.everyone[start : start + self.size])
        if start + self.size < len(self.everyone):
            body["records"]["cursor"] = f"c{start + self.size}"
        return body

    def answer(self, request):
        body, fault = self.page(request.body.get("cursor")), self.due
        if fault is None or self.rng.random() > 0.3:
            return Response(body)
        self.due = None
        body["records"]["cursor"] = request.body.get("cursor") or "c0"
        faults = {"status": Response({"errors": ["wait"]}, 429, {"Retry-After": "1"}), "shape": Response(b"<html>")}
        return faults.get(fault) or (Response(body) if fault == "same cursor" else nasty(self.rng))


def followed(stream, provider, got):
    """Drive a stream to its end, or to its error."""
    item = next(stream)
    while True:
        if isinstance(item, Page):
            got += [record["user"]["id"] for record in item.records]
            item = next(stream)
        else:
            item = stream.send(provider.answer(item))


def streams(rng):
    """Follow a provider with faults, resume at the failed page, and count the records."""
    provider, limit, got = Provider(rng), rng.choice([None, None, 1, 2, 3, 7, 50]), []
    query = PERIOD | ({} if limit is None else {"limit": limit})
    stream = GONG.stream(query, now=NOW)
    for _ in range(60):
        try:
            followed(stream, provider, got)
        except StopIteration:
            break
        except MapperError:
            if provider.fault == "same cursor":
                return
        try:
            next(stream)
            raise BrokenError("a failed stream went on")
        except StopIteration:
            raise BrokenError("a failed stream looks complete") from None
        except MapperError:
            stream = GONG.stream(query | ({"next_cursor": stream.cursor} if stream.cursor else {}), now=NOW)
    wanted = [one["userId"] for one in provider.everyone][:limit]
    if got != wanted and provider.fault != "same cursor":
        raise BrokenError(f"{len(got)} records of {len(wanted)}: limit {limit}, size {provider.size}, {provider.fault}")


ATOMS = [
    "1",
    "a",
    '"x"',
    "$",
    "$$",
    "[1..5]",
    "null",
    "a.b",
    "*",
    "**",
    "{}",
    "[]",
    "true",
    "0.1",
    "-1",
    "$v",
    "/a+/",
    "1e300",
]
SHAPES = [
    "({0})[{1}]", "{0} & {1}", "{0} + {1}", "$string({0})", "$map({0}, function($x) {{{1}}})", "$count({0})", "{0}.{1}",
    "{0}{{$string({1}): {0}}}", '{{"k": {0}, "l": {1}}}', "[{0}, {1}]", "$pad({0}, {1})", "$join([{0}])", "{0} in {1}",
    "($v := {0}; {1})", "{0}^({1})", "$distinct({0})", "$reduce({0}, function($p, $q) {{{1}}})", "$sort({0})", "{0} ? {1}",
    "$merge({0})", "$spread({0})", "$append({0}, {1})", "$eval({0})", "{0} ~> |$|{1}|", "$split({0}, {1})", "$replace({0}, {1}, {0})",
    "$each({0}, function($x, $k) {{{1}}})", "$formatNumber({0}, {1})", "$zip({0}, {1})", "$power({0}, {1})", "$match({0}, {1})",
]  # fmt: skip


def expressions(rng):
    text = rng.choice(ATOMS)
    for _ in range(rng.randrange(1, 7)):
        text = rng.choice(SHAPES).format(text, rng.choice(ATOMS))
    data = {"a": [{"b": n} for n in range(30)], "b": "text" * 20}
    before = json.dumps(data)
    try:
        written(Expression(text).evaluate(data, timeout=2.0))
    except TypeError as error:
        if "MISSING" not in repr(error) and "Missing" not in str(error):
            raise
    finally:
        if json.dumps(data) != before:
            raise BrokenError("the data was changed")


def contacts_mapper():
    sources, spec = [Source("contact.yaml", test_methods.MAPPING)], Source("spec.yaml", test_methods.SPEC)
    return Mapper(parts.made(sources, lambda _: spec, None, {}))


CONTACTS = contacts_mapper()
CONTACT = json_schema.Schema(generated.record_schema(CONTACTS.resource), generated=True)
METHODS = [*CONTACTS.resource.methods]


def methods(rng):
    """Ask for one record, or for pages of them, and map what comes back."""
    method, body = rng.choice(METHODS), None
    identity = rng.choice([None, 7, "7", "a/b", "../x", nasty(rng)]) if rng.random() < 0.3 else "7"
    if method in ("create", "update") or rng.random() < 0.05:
        body = {"name": "Ann", "title": None, "stage": "won", "score": 1.5, "emails": [{"email": "a@x.io"}]}
        body = mutated(rng, body) if rng.random() < 0.6 else body
    before = json.dumps(body, default=class_name) if is_copyable(body) else None
    about = {"id": identity if method in ("get", "update", "delete") or rng.random() < 0.05 else None, "body": body}
    exchange = CONTACTS.exchange(
        rng.choice(["", "truto_exclude_fields=id", "remote_query[x]=1", "stage=new", {}]),
        method=method,
        on_invalid=rng.choice(["raise", "discard_value", "discard_record"]),
        **about,
    )
    request = next(exchange)
    written(request.body)
    if not request.path.startswith("/contacts") or "/../" in request.path or "?" in request.path:
        raise BrokenError(f"unsafe request {request.path!r}")
    if before is not None and json.dumps(body, default=class_name) != before:
        raise BrokenError("the body was changed")
    row = {"id": 7, "name": "Ann", "mails": ["a@x.io"], "stage": "won"}
    reply = mutated(rng, rng.choice([row, {"data": [row, row]}, {}, {"message": "no"}]))
    reply = rng.choice([b"", b"null", b"<html>"]) if rng.random() < 0.1 else reply
    try:
        exchange.send(Response(reply, rng.choice([200, 200, 200, 201, 204, 404, 500])))
        raise BrokenError("an exchange of one page went on")
    except StopIteration as end:
        found = end.value
    held(found, method)


def held(found, method):
    """What is promised for a page of a method."""
    for record in found.records:
        if CONTACT.problems(record):
            raise BrokenError(f"invalid: {CONTACT.problems(record)}")
    count = len(found.records) + len(found.rejected)
    if method != "list" and count != (method != "delete"):
        raise BrokenError(f"{count} records with {method}")
    for choice in ("unified", "normalized", "debug", "raw", "stream"):
        try:
            written(found.render(choice))
        except MapperError:
            continue


def in_memory(mapping, spec, **schemas):
    """A mapper of texts; `schemas` are the provider's, by name."""
    find = {f"acme/{name}": Source(f"{name}.json", json.dumps(one)) for name, one in schemas.items()}
    return Mapper(parts.made([Source("acme.yaml", mapping)], lambda _: Source("spec.yaml", spec), find.get, {}))


def deals_mapper(edits):
    mapping = joining.MAPPING
    for old, new in edits:
        mapping = mapping.replace(old, new)
    return in_memory(
        mapping, joining.SPEC, deals=joining.DEALS, users=joining.USERS, **{"users-request": joining.REQUEST}
    )


BATCHED_BY_ID = (("batch: 3", "batch: 1"), ("key: $string(id)", "key: $ids[0]"))
UNTYPED = (("        source_schema: acme/users\n", ""), ("    source_schema: acme/deals\n", ""))
LEAVING_OUT = (("        rows: users\n", "        rows: users\n        on_error: leave_out\n"),)
MANY = (("rows: users", "many: true\n        rows: users"), ("age: $user.age", "age: $user[0].age"))
WITH_JOINS = [deals_mapper(one) for one in ((), UNTYPED, BATCHED_BY_ID, LEAVING_OUT, (*UNTYPED, *LEAVING_OUT), MANY)]
DEAL = json_schema.Schema(generated.record_schema(WITH_JOINS[0].resource), generated=True)


def sometimes_bytes(rng, value):
    """A reply, sometimes as its bytes."""
    try:
        return json.dumps(value, allow_nan=False).encode() if rng.random() < 0.3 else value
    except (TypeError, ValueError, RecursionError):
        return value


class Company:
    """A provider of deals and users that is wrong now and then; `is_honest` until it was."""

    def __init__(self, rng, foreign):
        self.rng, self.foreign, self.wrong = rng, foreign, rng.choice([0.0, 0.1, 0.4])
        self.is_honest = True
        owners = [rng.choice([None, 1, 2, "3", 4, 2**60, "é", 5.0]) for _ in range(rng.randrange(12))]
        self.deals = [{"id": n, "amount": n, "ownerId": one, "contact": "x"} for n, one in enumerate(owners)]
        self.size = rng.randrange(1, 5)

    def send(self, request):
        body = self.users(request.body) if request.join else self.page(request.params)
        status = 200
        if self.rng.random() < self.wrong:
            self.is_honest = False
            body = mutated(self.rng, body, self.foreign)
            status = self.rng.choice([200, 200, 200, 200, 204, 404, 429, 500])
        return Response(sometimes_bytes(self.rng, body), status)

    def page(self, params):
        at = _number(params.get("page"))
        more = {"next": str(at + self.size)} if at + self.size < len(self.deals) else {}
        return {"items": copy.deepcopy(self.deals[at : at + self.size]), **more}

    def users(self, asked):
        ids, at = asked["filter"]["ids"], _number(asked.get("cursor"))
        found = [{"id": one, "firstName": f"U{one}", "age": 7} for one in ids if one != 4]
        return {"users": found[at : at + 1], **({"next": str(at + 1)} if at + 1 < len(found) else {})}


def _number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0


def sent_by(conversation, send, most=400):
    """The pages of an exchange or a stream, and its error."""
    pages, item = [], None
    try:
        item = next(conversation)
        for _ in range(most):
            if isinstance(item, Page):
                pages.append(item)
                item = next(conversation)
            else:
                written(item.body)
                item = conversation.send(send(item))
    except StopIteration as end:
        return [*pages, *([end.value] if end.value is not None else [])], None
    except MapperError as error:
        return pages, error
    raise BrokenError("there is no end")


def digits(value):
    """A value with each number as JSON has it: 1.0 is 1."""
    return json.dumps(value, sort_keys=True, default=class_name).replace(".0,", ",").replace(".0}", "}")


def again(mapper, page, choice):
    """Hold a page to what kept replies to its joins give, as objects and as bytes."""
    kept = {name: [*some] for name, some in (page.joined or {}).items()}
    if page.is_looping or not is_copyable([page.response.body, kept]):
        return  # what a stream knows, or what is nested too deeply
    before = digits([page.response.body, kept])
    options = {"query": page.query, "status": page.response.status, "headers": page.response.headers}
    options |= {"on_invalid": choice, "joined": kept}
    found = mapper.map(page.response.body, **options)
    if digits([page.response.body, kept]) != before:
        raise BrokenError("a reply was changed")
    # Odd ids and cursors that come again are told by the join that asks.
    told = [[one for one in some if one.code not in ("D406", "P604")] for some in (page.diagnostics, found.diagnostics)]
    if digits(found.render()) != digits(page.render()) or told[0] != told[1]:
        raise BrokenError(f"{page.render()} became {found.render()}: {page.diagnostics} {found.diagnostics}")
    body = json.dumps(page.response.body, allow_nan=False).encode()
    made = mapper.map_bytes(body, **options)
    if digits(json.loads(made.body)) != digits(page.render()):
        raise BrokenError(f"{page.render()} became {made.body!r}")
    if [one.message for one in made.diagnostics] != [one.message for one in found.diagnostics]:
        raise BrokenError(f"other findings: {found.diagnostics} {made.diagnostics}")


def joins(rng):
    """Pages with joins, whole and cut by a limit, of a provider that is wrong now and then."""
    mapper, company = rng.choice(WITH_JOINS), Company(rng, rng.choice([0.0, 0.0, 0.1]))
    choice, limit = rng.choice(["raise", "discard_value", "discard_record"]), rng.choice([None, None, 1, 2, 3, 7])
    is_stream = rng.random() < 0.5
    ask = partial(mapper.stream if is_stream else mapper.exchange, on_invalid=choice)
    found, error = all_of(ask, {} if limit is None else {"limit": limit}, company.send, is_stream=is_stream)
    for one in found:
        if any(map(DEAL.problems, one.records)):
            raise BrokenError(f"invalid: {one.records}")
        if not company.foreign and not isinstance(one.response.body, (bytes, str)):
            again(mapper, one, choice)
        written(one.render("debug"))
    if company.is_honest:
        records = [record for one in found for record in one.records]
        wanted = [str(one["id"]) for one in company.deals][: limit if is_stream else None]
        if error is not None or [one["id"] for one in records] != wanted:
            raise BrokenError(f"{records} of {wanted}: limit {limit}, {error}")
        if mapper is not WITH_JOINS[2]:
            are_named([one.get("owner", {}) for one in records])


def all_of(ask, query, send, *, is_stream):
    """The pages of a stream, or of exchanges one after the other, and the error after them."""
    found, following = [], {}
    for _ in range(60):
        some, error = sent_by(ask(query | following), send)
        found += some
        following = {} if error is not None or is_stream else {"next_cursor": some[-1].next_cursor}
        if not following.get("next_cursor"):
            return found, error
    return found, None


def are_named(owners):
    """Hold that each owner has its own name; number 4 has none."""
    for owner in owners:
        if owner.get("name") != (None if owner.get("id") in (None, "4") else f"U{owner['id']}"):
            raise BrokenError(f"another name: {owner}")


PAGED = {
    name: in_memory(
        test_pagination.HEAD
        + "".join(f"    {line}\n" for line in keys.splitlines())
        + test_pagination.TAIL.replace("ROWS", "$" if name == "links" else "items"),
        paging.SPEC,
    )
    for name, (keys, *_) in test_pagination.SCHEMES.items()
}
LINKS = [
    "<?from=3>; rel=next", '</contacts?from=2>;rel="next"', "<https://evil.example/x?from=1>; rel=next", "<", "<>; rel=next",
    "<?a>; rel=next", "<?from=1>; rel=next, <?from=2>; rel=next", "<javascript:1?from=1>; rel=next", "<?from=%00>; rel=next",
    "<//x@y/contacts?from=9>; rel=next", "<?from=é>; rel=next", "<?>; rel=next", "x" * 9000, "<?" + "a=1&" * 3000 + ">; rel=next",
]  # fmt: skip


def pages(rng):
    """Follow a provider that pages in some scheme, with faults of its body, its status and its links."""
    name = rng.choice([*PAGED])
    mapper, count, wrong = PAGED[name], rng.randrange(35), rng.choice([0.0, 0.1, 0.3])
    provider = test_pagination.Provider(count, 10, test_pagination.SCHEMES[name][2])
    answer, is_honest = getattr(provider, test_pagination.SCHEMES[name][1]), True

    def send(request):
        nonlocal is_honest
        body, status, headers = answer(request) if is_honest else Response({"items": []})
        if rng.random() < wrong:
            is_honest = False
            body = mutated(rng, copy.deepcopy(body), 0.0)
            status = rng.choice([200, 200, 200, 204, 404, 500])
            headers = {"Link": rng.choice(LINKS)} if rng.random() < 0.5 else headers
        return Response(body, status, headers)

    limit, is_stream = rng.choice([None, 1, 3, 10, 11, 30, 99]), rng.random() < 0.5
    query = {} if limit is None else {"limit": limit}
    got, following = [], {}
    for _ in range(60):
        ask = mapper.stream if is_stream else mapper.exchange
        found, error = sent_by(ask(query | following, on_invalid="discard_record"), send)
        got += [record["id"] for one in found for record in one.records]
        for one in found:
            written(one.render("debug"))
        following = {} if error is not None or is_stream else {"next_cursor": found[-1].next_cursor}
        if not following.get("next_cursor"):
            break
        if rng.random() < 0.05:
            forged(rng, mapper, query, following["next_cursor"])
    if is_honest and (error is not None or got != (provider.ids[:limit] if is_stream else provider.ids)):
        raise BrokenError(f"{name}: {got} of {provider.ids}: limit {limit}, {error}")


def forged(rng, mapper, query, text):
    """Hold that a cursor with another character is refused."""
    at = rng.randrange(len(text))
    other = text[:at] + rng.choice("AZaz09-_.") + text[at + 1 :]
    try:
        mapper.plan(query | {"next_cursor": other})
    except MapperError:
        return
    if other != text:
        raise BrokenError(f"accepted {other!r} for {text!r}")


def client(rng):
    """Fetching from a mock that fails at random: complete, or an error and resumable."""
    try:
        calling.check(rng)
    except MapperError as error:
        raise BrokenError(str(error)) from None


def service(rng):
    """The same through the service, whose streams are cut, too."""
    import calling_service  # who needs the rest of this module waits for no service

    try:
        calling_service.check(rng)
    except MapperError as error:
        raise BrokenError(str(error)) from None


def mocks(rng):
    """The mock Gong refuses hostile calls in Gong's form, and its company agrees with itself."""
    chosen = rng.random()
    if chosen < 0.1:
        mock_tries.agreeing(rng)
    elif chosen < 0.2:
        mock_tries.narrow(rng)
    else:
        mock_tries.hostile(rng, partial(nasty, rng))


def bulk(rng):
    """Stored replies in files: what is read back from Parquet is what `map` gives, and no row is lost."""
    import bulk_tries  # who needs the rest of this module needs no pyarrow

    try:
        bulk_tries.check(rng)
    except MapperError as error:
        raise BrokenError(str(error)) from None


ENGINE = (payloads, queries, contexts, cursors, headers, mappings, streams, methods, joins, pages, expressions)
KINDS = {one.__name__: one for one in (*ENGINE, client, service, mocks, bulk)}


def attempt(kind, seed):
    """None, or what went wrong, and how long it took."""
    start = time.monotonic()
    try:
        KINDS[kind](random.Random(seed))
    except MapperError:
        pass
    except BaseException as error:  # noqa: BLE001  # this is what is looked for
        return "".join(traceback.format_exception(error)[-3:])
    took = time.monotonic() - start
    return f"took {took:.1f} s" if took > BOUND else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--one", help="repeat one try: its seed")
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(KINDS)
    if options.one:
        sys.exit(attempt(kinds[0], options.one))
    failed = Counter()
    for number in range(options.tries):
        kind = kinds[number % len(kinds)]
        seed = f"{options.seed}/{number}"
        if wrong := attempt(kind, seed):
            failed[kind] += 1
            if failed[kind] <= 3:
                sys.stderr.write(f"--only {kind} --one {seed}\n{wrong}\n")
    sys.stdout.write(f"{options.tries:,} tries, {sum(failed.values())} failed {dict(failed)}\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
