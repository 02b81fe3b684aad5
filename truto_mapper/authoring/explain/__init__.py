"""Why a value is what it is, or absent: its expression, what that read of the reply, and what was undefined first.

The page is mapped once more with a trace; nothing here decides what a value is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truto_mapper.authoring.explain import pages
from truto_mapper.authoring.explain.evidence import Evidence, value_at
from truto_mapper.authoring.explain.explanation import Explanation, Read, table
from truto_mapper.engine.mapper import Headers, Mapper
from truto_mapper.engine.page import SENT, OnInvalid, Page, Request
from truto_mapper.engine.remote_query import parameter_at
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Trace
from truto_mapper.mapping.linked import OF_REQUESTS, Endpoint, leaves
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import Steps, dotted, keys_of, steps_of

__all__ = ["Explanation", "explain", "table"]


class _Nowhere(Exception):  # noqa: N818  # it becomes E801
    """Why a pointer leads to no value, and a hint."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why, hint)


def explain(
    mapper: Mapper,
    body: Any,
    pointer: str = "",
    *,
    query: Any = None,
    context: Mapping[str, Any] | None = None,
    now: str | None = None,
    status: int = 200,
    headers: Headers = None,
    on_invalid: OnInvalid = "discard_value",
    joined: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[list[Explanation], tuple[Diagnostic, ...]]:
    """Explain a value of the page or of the request; also returns the diagnostics of that page or request.

    `pointer` is a JSON Pointer into a list response, as `/result/0/user/id` or `/next_cursor`, into the record of
    `get`, `create` and `update`, as `/user/id`, or into the request, as `/request/body/filter`; a name like
    `metrics.calls_hosted` is a field of the first record, and "" all its fields.
    An object has an explanation for each value in it. Raises what `Mapper.map` does, and `MappingError` E801.
    """
    trace, steps = Trace(), _steps(pointer)
    traced = mapper.traced(trace)
    notes: tuple[Diagnostic, ...] = ()
    try:
        if steps[0] == "request":
            request = traced.plan(_given(query), context=context, now=now)
            notes = request.diagnostics
            return _in_request(mapper, trace, request, steps[1:]), notes
        about: dict[str, Any] = {"context": context, "now": now, "status": status, "headers": headers, "joined": joined}
        page = traced.map(body, query=query, **about, on_invalid=on_invalid)
        notes = page.diagnostics
        return list(_in_page(mapper, trace, page, steps)), notes
    except _Nowhere as error:
        why, hint = error.args
        message = f"{excerpt(pointer)} leads nowhere: {why}"
        raise MappingError([Diagnostic("E801", message, hint=hint), *notes]) from None


def _given(query: Any) -> Any:
    if query is None:
        raise _Nowhere("the request is not known without a query", "give the query too")
    return query


def _steps(pointer: str) -> tuple[str, ...]:
    if pointer.startswith("/"):
        return steps_of(pointer)
    return ("result", "", *(pointer.split(".") if pointer else ()))


def _indexed(steps: Sequence[str]) -> Steps:
    return tuple(int(one) if one.isdecimal() and len(one) < 10 else one for one in steps)


def _in_request(mapper: Mapper, trace: Trace, request: Request, steps: tuple[str, ...]) -> list[Explanation]:
    """Explain each expression of the request at, above or below a path."""
    sent = {part: getattr(request, part) for part in SENT}
    if steps and steps[0] not in sent:
        raise _Nowhere(f"a request has no {excerpt(steps[0])}", did_you_mean(steps[0], sent))
    name = request.query.plan.endpoints[0] if request.query.plan else None
    endpoint = next(one for one in mapper.mapping.endpoints if one.name == name)
    parts = {part: getattr(endpoint, part) for part in OF_REQUESTS}
    evidence, found = Evidence(mapper, trace, ()), [*pages.parameters(mapper.mapping, endpoint, request, steps)]
    given = {one.name for one in found}
    for written, _, expression in leaves(parts):
        path = ("params", *parameter_at(written[1:])) if written[0] == "params" else written
        if dotted(path) not in given and all(str(one) == other for one, other in zip(path, steps, strict=False)):
            place = (*path, *_indexed(steps[len(path) :]))
            value, evaluation = value_at(sent, place), evidence.last(expression)
            found.append(evidence.explained(("request", *place), dotted(place), value, expression, evaluation))
    if not found:
        raise _Nowhere(f"`{endpoint.name}` sends nothing there")
    return found


def _in_page(mapper: Mapper, trace: Trace, page: Page, steps: tuple[str, ...]) -> Iterator[Explanation]:
    """Explain the values of the page at or below a path."""
    endpoint = next((one for one in mapper.mapping.endpoints if one.name == page.endpoint), None)
    evidence = Evidence(mapper, trace, page.diagnostics)
    if page.method != "list" and steps[0] != "result":  # a pointer into the record itself
        steps = ("result", "", *steps)
    if endpoint is None:
        raise _Nowhere("the provider found nothing, so there are no records")
    if steps[0] == "next_cursor":
        yield pages.next_page(evidence, endpoint, page)
        return
    if steps[0] != "result":
        known = ("result", "next_cursor", "request")
        raise _Nowhere(f"a page has no {excerpt(steps[0])}", did_you_mean(steps[0], known))
    index = _index(page, steps[1:])
    record = page.records[index]
    row = next(row for row, made in trace.records if made is record)
    head: Steps = ("result", list(page.result)[index] if isinstance(page.result, dict) else index)
    head = head if page.method == "list" else ()
    excluded = page.query.get("truto_exclude_fields", ()) if page.query else ()
    for path in _values(_declared(mapper.resource.record, steps[2:]), _indexed(steps[2:])):
        yield _field(evidence, endpoint, record, row, head, path, excluded)


def _index(page: Page, steps: Sequence[str]) -> int:
    """Which record of a page the first step of a path names; an empty step, or none, names the first."""
    if not page.records:
        rejected = f"; {len(page.rejected)} rejected" if page.rejected else ""
        raise _Nowhere(f"the page has no records{rejected}")
    if not steps or not steps[0]:
        return 0
    if isinstance(page.result, dict):
        if steps[0] in page.result:
            return list(page.result).index(steps[0])
        raise _Nowhere(f"no record has the key {excerpt(steps[0])}", did_you_mean(steps[0], page.result))
    count = len(page.records)
    if not steps[0].isdecimal() or len(steps[0]) > len(str(count)) or int(steps[0]) >= count:
        raise _Nowhere(f"the page has {count} record{'s' * (count != 1)}, counted from 0")
    return int(steps[0])


def _declared(field: Field, steps: Sequence[str]) -> Field:
    """The field that a path leads to from a record, which is itself a field."""
    for number, step in enumerate(steps):
        if field.items is not None and step.isdecimal():
            field = field.items
        elif not field.below:
            return field.inner  # an object of any form
        elif step in field.below:
            field = field.below[step]
        else:
            above = f"`{dotted(steps[:number])}`" if number else "the resource"
            raise _Nowhere(f"{above} declares no `{step}`", did_you_mean(step, field.below))
    return field


def _values(declared: Field, path: Steps) -> Iterator[Steps]:
    """The paths of the values below one; an array is one value."""
    if declared.type == "object" and declared.fields:
        for name, inner in declared.fields.items():
            yield from _values(inner, (*path, name))
    else:
        yield path


def _field(
    evidence: Evidence, endpoint: Endpoint, record: Any, row: Steps, head: Steps, path: Steps, excluded: Sequence[str]
) -> Explanation:
    name, evaluation = dotted(keys_of(path)), evidence.of_field(row, path)
    expression = None if evaluation is None else evaluation.expression
    found = evidence.explained((*head, *path), name, value_at(record, path), expression, evaluation)
    if expression is None and path[0] == REMOTE_DATA:
        found.why = "truto_ignore_remote_data leaves it out"
        if found.value is not MISSING:
            found.why = "the provider's own record"
            found.reads = [Read("", row, value_at(evidence.trace.names["response"], row))]
    elif expression is None:
        found.why = f"the endpoint `{endpoint.name}` has no expression for it"
    elif any(f"{name}.".startswith(f"{one}.") for one in excluded):
        found.why = "truto_exclude_fields leaves it out of the result"
    return found
