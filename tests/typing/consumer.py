"""What an embedder writes: type-checked, never run. `# E:` names the errors that mypy and pyright must report there."""

# pyright: strict

from collections.abc import Generator
from pathlib import Path
from typing import Any, TypedDict, assert_type

from truto_mapper import (
    Activity,
    Format,
    Mapper,
    OnInvalid,
    OnUnknown,
    Page,
    QueryError,
    Request,
    Response,
    __version__,
    load,
)

gong = load("gong/activity", overlays=[Path("acme.yaml")])
assert_type(gong, Mapper[Activity])
version: str = __version__

request = gong.plan({"start_time": "2026-01-01T00:00:00Z"}, now=None, on_unknown="ignore")
assert_type(request, Request)
assert_type(request.path, str)

page = gong.map(b"{}", query=request.query, context={"time_zone": "Europe/Berlin"}, on_invalid="discard_value")
assert_type(page, Page[Activity])
assert_type(page.records, tuple[Activity, ...])
assert_type(page.records[0]["id"], str)
assert_type(page.next_cursor, str | None)
for record in page.records:
    if "metrics" in record:
        assert_type(record["metrics"].get("calls_hosted"), int | None)

unified = page.render("unified")
assert_type(unified["next_cursor"], str | None)
assert_type(unified["result"], list[Activity] | dict[str, Activity])
assert_type(page.render("normalized")["result"], list[dict[str, Any]] | dict[str, dict[str, Any]])
assert_type(page.render("debug")["debug"], dict[str, Any] | None)
assert_type(page.render("stream"), str)
assert_type(page.render(), Any)


def render(chosen: Format, on_invalid: OnInvalid, on_unknown: OnUnknown) -> object:
    """Choices that are passed on."""
    return gong.map({}, on_invalid=on_invalid, on_unknown=on_unknown).render(chosen)


def drive(query: str) -> Generator[Request, Response, str | None]:
    """A driver of its own around the generator."""
    exchanged = yield from gong.exchange(query)
    assert_type(exchanged, Page[Activity])
    return exchanged.next_cursor


class Contact(TypedDict):
    """The record of a mapping of one's own."""

    id: str
    age: int


contacts: Mapper[Contact] = load(Path("mappings/acme.yaml"))
assert_type(contacts.map({}).records[0]["age"], int)


def first(mapper: Mapper, body: object) -> object:
    """A function for any mapper; the type of its records may be left out."""
    return mapper.map(body).records[0]


first(gong, {})
first(contacts, {})

# The mistakes that they must catch.

page.records[0]["ids"]  # E: typeddict-item reportGeneralTypeIssues
page.records[0]["metrics"]  # E: reportTypedDictNotRequiredAccess
attribute = page.records[0].metrics  # E: attr-defined reportAttributeAccessIssue
page.next_cursor.upper()  # E: union-attr reportOptionalMemberAccess
page.records = ()  # E: misc reportAttributeAccessIssue
page.render("ndjson")  # E: call-overload reportArgumentType reportCallIssue
page.render("stream")["result"]  # E: index reportArgumentType
contacts.map({}).records[0]["age"].upper()  # E: attr-defined reportAttributeAccessIssue
gong.map({}, on_invalid="discard")  # E: arg-type reportArgumentType
gong.map({}, query=5)  # E: arg-type reportArgumentType
gong.plan("users[]=1", on_unknown="skip")  # E: arg-type reportArgumentType
gong.plan("users[]=1", {"time_zone": "UTC"})  # E: call-arg arg-type reportCallIssue
gong.plan("users[]=1").body["filter"] = gong.nothing  # E: attr-defined reportAttributeAccessIssue
load("gong/activity", overlay=["acme.yaml"])  # E: call-overload reportCallIssue
chosen: Format = "xml"  # E: assignment reportAssignmentType
wrong: Mapper[Contact] = load("gong/activity")  # E: assignment reportAssignmentType
QueryError("a message")  # E: arg-type reportArgumentType
