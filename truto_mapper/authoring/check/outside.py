"""What a mapping computes beside the records: paging, paths, headers, refusals. Each has a type of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from truto_mapper.authoring.check import fitting, slips
from truto_mapper.authoring.check.absence import Given, kinds_in
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.authoring.check.pages import counts_pages
from truto_mapper.authoring.check.words import words, words_of
from truto_mapper.authoring.sources import parameter_of
from truto_mapper.engine import sendable
from truto_mapper.engine.next_page import origin_of
from truto_mapper.engine.query_values import number_in
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.engine.source_types import plain_schema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.runtime.values import truthy
from truto_mapper.language.types import Type
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Template, leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.source import Span
from truto_mapper.text.timestamps import is_time_zone

#: Headers that are often written with an underscore.
_HYPHENED: Final = frozenset({"retry-after", "content-type", "x-request-id", "x-total-count", "x-next-page", "x-page"})

#: The reply, where it is an array of rows.
_ITSELF: Final = nodes.Variable(Span(0, 0), "")

#: Words of names that count pages, or the rows of one.
_PAGES: Final = words("page")
_AMOUNTS: Final = words_of(["total", "count", "number", "num", "size", "per", "current", "last", "max"])

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": ["number", "null"]}
_TEXTS: Final = {"type": ["string", "array", "null"], "items": {"type": ["string", "null"]}}
_ZONE: Final = {"type": ["string", "null"], "format": "time-zone"}
_SENT: Final = {"type": ["string", "number", "boolean"]}

#: The schema of the value of each key, and a hint where it has another.
_WANTED: Final[Mapping[str, tuple[Any, str | None]]] = {
    "path": (_TEXT, None),
    "query_error": (_TEXT, 'it is the reason for the caller, or nothing: `… ? "why"`'),
    "query_note": ({"type": ["string", "array"], "items": _TEXT}, 'it is what the caller should know: `… ? "what"`'),
    "next_cursor": ({"type": ["string", "number", "null"]}, "it is the cursor itself, or nothing on the last page"),
    "page_number": (_NUMBER, None),
    "total": (_NUMBER, None),
    "origin": ({"type": ["string", "null"]}, 'it is like `"https://api.example.com"`'),
    "time_zone": (_ZONE, None),
    "whole_days.time_zone": (_ZONE, None),
    "error_mapping.message": (_TEXTS, "it is what the provider said: a text, or several"),
    "error_mapping.request_id": ({"type": ["string", "number", "null"]}, None),
    "error_mapping.retry_after": (_NUMBER, None),
    "error_mapping.hint": ({"type": ["string", "null"]}, 'it is what a person can do: `… ? "what"`'),
}


def misfits(typed: EndpointTypes, given: Given) -> Iterator[Diagnostic]:
    """C240: values of another type than their key takes. C242: headers."""
    mapping = typed.mapper.mapping
    for key, one in typed.expressions:
        kind = typed.kind(one.node)
        if key in _WANTED:
            schema, hint = _WANTED[key]
            name = {"path": "path_mapping"}.get(key, key)
            yield from _parts(one, typed, _wanted(schema, name, hint))
        if key == "error_mapping.request_id" and kind.values is not None:
            message = "the id of a request is another one each time, and this is one of a few words"
            yield one.diagnostic("C240", message, severity="warning", hint="read the id, or leave it out")
        if key == "error_mapping.retry_after" and any(map(_is_moment, fitting.results(one.node))):
            message = "this is a moment in milliseconds, and `retry_after` is how many seconds to wait"
            yield one.diagnostic("C240", message, severity="warning", hint="write `$number(…)` for a number of seconds")
        if key == "whole_days.time_zone":
            yield from _zones(one, kind)
        if key == "origin":
            yield from _origins(one, kind)
        if key == "time_zone" and (read := [each.name for each in one.variables]) and set(read) == {"context"}:
            message = "this is the zone of the account, not the one that the reply counts in"
            yield one.diagnostic("C240", message, severity="warning", hint="read it in the reply, or leave it out")
        yield from _headers_read(one)
        yield from _no_numbers(one, typed.kinds)
    yield from _statuses(mapping, typed)
    for path in (typed.endpoint.path, *(join.path for join in typed.endpoint.joins)):
        yield from (*_paths(path, typed.kind(path.node)), *_glued(path))
    yield from _empty_parts(typed.endpoint.path, given)
    yield from _of_a_page(typed.endpoint)
    yield from (*_same_cursor(typed.endpoint), *_same_number(typed.endpoint))
    yield from _bodiless(mapping, typed.endpoint)
    yield from _always_refused(typed)
    yield from _headers_sent(typed.endpoint.headers)
    yield from _parameters(typed)
    yield from _static_response(typed)


def _is_moment(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.procedure, "name", "") in ("toMillis", "millis")


def _parts(expression: Expression, typed: EndpointTypes, wanted: Wanted) -> Iterator[Diagnostic]:
    """What no value of an expression can be, else what none of one of its branches can be."""
    listed = map(_listed, fitting.results(expression.node))
    for node in dict.fromkeys((None, *(each for some in listed for one in some for each in fitting.results(one)))):
        part = expression.node if node is None else node
        kind = typed.kind(part)
        found = (
            list(fitting.misfits(expression, kind, replace(wanted, node=node))) if node is None or kind.solid else []
        )
        yield from found
        if found:
            return


def _listed(node: nodes.Node) -> Sequence[nodes.Node]:
    """What makes the list that a node gives, or else the node."""
    match node:
        case nodes.Array(items=items) | nodes.Call(procedure=nodes.Variable(name="append"), arguments=items):
            return [each for one in items for each in _listed(one)]
    return (node,)


def _wanted(schema: Any, name: str, hint: str | None = None) -> Wanted:
    return Wanted(RequestSchema(schema), name, "the engine", "C240", strict=True, hint=hint)


def _zones(expression: Expression, kind: Type) -> Iterator[Diagnostic]:
    for zone in kind.values or ():
        if isinstance(zone, str) and not is_time_zone(zone):
            hint = "write an IANA name such as `Europe/Berlin`"
            yield expression.diagnostic("C240", f'there is no time zone "{zone}"', severity="warning", hint=hint)


def _origins(expression: Expression, kind: Type) -> Iterator[Diagnostic]:
    for origin in kind.values or ():
        if isinstance(origin, str) and origin_of(urlsplit(origin)) is None:
            message, hint = f'"{origin}" is no origin', 'write it with its scheme: `"https://api.example.com"`'
            yield expression.diagnostic("C240", message, severity="warning", hint=hint)


# --------------------------------------------------------------------------------------------------------- requests


def _paths(path: Expression, kind: Type) -> Iterator[Diagnostic]:
    """C240: a path that does not begin with a slash, and texts that no path can have."""
    parts = list(slips.text_parts(path.node))
    if isinstance(parts[0], nodes.Condition) and (open_ := _open(parts[0])) is not None:
        message = "there is no path where this does not hold"
        yield path.diagnostic("C240", message, open_, severity="warning", hint="add a path after `:`")
    if len(parts) == 1 and not isinstance(parts[0], nodes.String):
        faults = [
            fault for value in kind.values or () if isinstance(value, str) and (fault := sendable.path_fault(value))
        ]
        for message, hint in faults[:1]:
            yield path.diagnostic("C240", message, severity="warning", hint=hint)
        return
    texts = [one for one in parts if isinstance(one, nodes.String)]
    first = parts[0]
    if isinstance(first, nodes.String) and first.value and not first.value.startswith("/"):
        hint = f'write `"/{first.value}"`' if "://" not in first.value else "the client has the address of the provider"
        yield path.diagnostic("C240", "a path begins with a slash", first, severity="warning", hint=hint)
        return
    for one in texts:
        piece = one.value if one is first or one.value.startswith("/") else f"/{one.value}"
        if fault := sendable.path_fault(piece.rstrip("/") or "/"):
            yield path.diagnostic("C240", fault[0], one, severity="warning", hint=fault[1])


def _empty_parts(path: Expression, given: Given) -> Iterator[Diagnostic]:
    """C240: a part of a path that is nothing where a parameter or a setting is absent."""
    kinds = kinds_in(path.node, given.scope)
    parts = list(slips.text_parts(path.node))
    for before, one, after in zip(parts, parts[1:], parts[2:], strict=False):
        match before, after:
            case nodes.String(value=start), nodes.String(value=end) if start.endswith("/") and end.startswith("/"):
                is_empty = given.is_absent(path, one, kinds)
            case _:
                is_empty = False
        if is_empty:
            message = f"a part of the path is empty where `{slips.written(path, one)}` is absent"
            hint = "give it a value: `… ?? …`, or refuse the query by `query_error`"
            yield path.diagnostic("C240", message, one, severity="warning", hint=hint)


def _glued(path: Expression) -> Iterator[Diagnostic]:
    """C240: a word of a path that runs into the value beside it: `"/issues" & $id`."""
    parts = list(slips.text_parts(path.node))
    for pair in pairwise(parts):
        before, after = (one.value if isinstance(one, nodes.String) else "" for one in pair)
        text = before if _ENDS.search(before) else after if _BEGINS.match(after) else ""
        if text and any(map(_is_segment, pair)):
            message, edit = f'"{text}" runs into the value beside it', f"{text}/" if text == before else f"/{text}"
            node = pair[0] if text == before else pair[1]
            yield path.diagnostic("C240", message, node, severity="warning", hint=f'write `"{edit}"`')


#: A word at the end of a text and at its beginning.
_ENDS: Final = re.compile(r"/[a-z]{3,}$")
_BEGINS: Final = re.compile(r"[a-z]{3,}(/|$)")


def _is_segment(node: nodes.Node) -> bool:
    """Whether a node is an id, or a text that is written as a part of a path."""
    match node:
        case nodes.Variable(name="id") | nodes.Call(procedure=nodes.Variable(name="encodeUrlComponent")):
            return True
    return False


def _open(node: nodes.Condition) -> nodes.Node | None:
    """The last condition of a chain without an `else`, unless it compares: C209 tells which values are left then."""
    while isinstance(node.otherwise, nodes.Condition):
        node = node.otherwise
    return node.condition if node.otherwise is None and not isinstance(node.condition, nodes.Binary) else None


def _headers_sent(template: Template | None) -> Iterator[Diagnostic]:
    """C240: names that no header has, that the client sets, or that are there twice."""
    taken: set[str] = set()
    for path, _, one in leaves(template):
        name = str(path[0]) if path else "whole"
        fault = sendable.header_fault(name, "")
        if fault is None and len(path) == 1 and name.lower() in taken:
            fault = f"the header {name} is there twice"
        if fault is not None:
            yield one.diagnostic("C240", fault, severity="warning")
        taken.add(name.lower())


def _parameters(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: parameters and headers that are no object, and headers that are no single values."""
    templates = {"query_mapping": typed.endpoint.params, "request_header_mapping": typed.endpoint.headers}
    for key, template in templates.items():
        for path, _, one in leaves(template):
            kind = typed.kind(one.node)
            if kind == types.FUNCTION:
                message = f"`{slips.written(one, one.node)}` is a function, which cannot be sent"
                yield one.diagnostic("C240", message, severity="warning", hint="bind a value of this name, or call it")
            elif not path:
                yield from fitting.misfits(one, kind, _wanted({"type": "object"}, key))
            elif template is typed.endpoint.headers:
                yield from fitting.misfits(one, kind, _wanted(_SENT, str(path[0])))
            elif isinstance(one.node, nodes.Call) and getattr(one.node.procedure, "name", "") == "encodeUrlComponent":
                message, hint = (
                    "what `query_mapping` sends is escaped already",
                    slips.written(one, one.node.arguments[0]),
                )
                yield one.diagnostic("C240", message, severity="warning", hint=f"write `{hint}`")


def _always_refused(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: a reason that every query gets, unless the endpoint is there to refuse some."""
    one = typed.endpoint.query_error
    kind = types.ANY if one is None else typed.kind(one.node)
    if one is None or kind.kinds != types.STRING.kinds:
        return
    if typed.endpoint.when is None or not isinstance(one.node, nodes.String):
        hint = 'give nothing where the query is right: `… ? "why"`'
        message = f"this refuses every query of `{typed.endpoint.name}`"
        yield one.diagnostic("C240", message, severity="warning", hint=hint)


# ---------------------------------------------------------------------------------------------------------- replies


def _no_numbers(expression: Expression, kinds: Mapping[int, Type]) -> Iterator[Diagnostic]:
    """C225: `$number(a ?? "ten")`, and a text beside the numbers of `$min([…])`."""
    for node in expression.below:
        match node:
            case nodes.Call(procedure=nodes.Variable(name="number"), arguments=(one,)):
                for each in (each for each in fitting.results(one) if each is not one):
                    is_text = isinstance(each, nodes.String) and isinstance(number_in(each.value), str)
                    if is_text and not slips.written(expression, each).startswith('"0'):
                        message = f"$number fails for {slips.written(expression, each)}"
                        yield expression.diagnostic("C225", message, each, severity="warning")
            case nodes.Call(
                procedure=nodes.Variable(name="min" | "max" | "sum" | "average" as name),
                arguments=(nodes.Array(items=items),),
            ):
                parts = [(each, kinds.get(id(each), types.ANY)) for item in items for each in fitting.results(item)]
                texts = [each for each, kind in parts if kind.solid == types.STRING.kinds]
                for each in texts if len(texts) < len(parts) else ():
                    message = f"${name} takes numbers, but `{slips.written(expression, each)}` is a string"
                    yield expression.diagnostic("C225", message, each, severity="warning")


def _statuses(mapping: linked.Mapping, typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: `status = 404` beside `$status`, where no schema says that the body has a `status`."""
    if mapping.refusal is not None:
        return
    some = [one for one in (typed.endpoint.empty_when, *mapping.errors.values()) if one is not None]
    if not any(name.name == "status" for one in some for name in one.variables):
        return
    for one in some:
        for node in one.below if "status" in one.text else ():
            match node:
                case (
                    nodes.Binary(
                        left=nodes.Path(steps=(nodes.Step(node=nodes.Name(value="status") as name),)), right=right
                    )
                    | nodes.Binary(left=nodes.Name(value="status") as name, right=right)
                ) if all(
                    isinstance(each, nodes.Number)
                    for each in (right.items if isinstance(right, nodes.Array) else (right,))
                ):
                    message = "`status` is a field of the body; the status of the reply is `$status`"
                    yield one.diagnostic("C219", message, name, severity="warning", hint="write `$status`")


def _of_a_page(endpoint: linked.Endpoint) -> Iterator[Diagnostic]:
    """C240: a total that is that of one page, or the number of pages."""
    one = endpoint.total
    if one is None or (endpoint.next_cursor is None and endpoint.pagination is None):
        return
    rows, *inner = [_named(loop.node) for _, loop in endpoint.for_each] or [[]]
    names = _named(one.node)
    match one.node:
        case nodes.Call(procedure=nodes.Variable(name="count" | "size"), arguments=(given,)) if given == _ITSELF or {
            *rows
        } & {*names}:
            message, hint = "this counts the rows of one page", "read it from the reply, or leave `total` out"
            yield one.diagnostic("C240", message, severity="warning", hint=hint)
        case nodes.Path() if names and is_simple_path(one.node):
            said, of_rows = words(names[-1]), words_of(each for row in (rows, *inner) for each in row)
            is_of_pages = said & _PAGES and not said - _PAGES - _AMOUNTS and not of_rows & _PAGES
            if is_of_pages or counts_pages(*names[-2:]):
                message = f"`{names[-1]}` is about pages; `total` is the number of all records"
                yield one.diagnostic("C240", message, severity="warning")


def _same_cursor(endpoint: linked.Endpoint) -> Iterator[Diagnostic]:
    """C240: a cursor that is the same on every page: the one that was sent, the number of this page, or a constant."""
    cursor = endpoint.next_cursor
    numbers = [one.node for one in (endpoint.page_number, endpoint.total) if one is not None]
    if cursor is None:
        return
    if _is_next(cursor.node):
        message = f"`{slips.written(cursor, cursor.node)}` is there on the last page, too"
        hint = "say when there is one: `… ? page + 1`"
        yield cursor.diagnostic("C240", message, severity="warning", hint=hint)
    asks = any(one.name == "cursor" for one in cursor.variables)
    for node in fitting.results(cursor.node):
        is_constant = isinstance(node, nodes.String | nodes.Number) and bool(node.value) and not asks
        is_number = node in numbers and is_simple_path(node)
        sent = _converted(node)
        is_sent = (isinstance(sent, nodes.Variable) and sent.name == "cursor") or parameter_of(sent) == "next_cursor"
        if is_constant or is_number or is_sent:
            what = "a constant" if is_constant else "that of this page"
            message = f"`{slips.written(cursor, node)}` is {what}, so the next page is the same again"
            yield cursor.diagnostic("C240", message, node, severity="warning")


def _is_next(node: nodes.Node) -> bool:
    """Whether a node is the number of a page and one, whatever the page is."""
    match node:
        case nodes.Block(expressions=(one,)):
            return _is_next(one)
        case nodes.Binary(operator="+", left=left, right=nodes.Number(value=1)):
            return is_simple_path(left) and not isinstance(left, nodes.Variable)
    return False


def _converted(node: nodes.Node) -> nodes.Node:
    """What a node is, as a number or a text."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="number" | "string"), arguments=(one,)):
            return one
    return node


def _same_number(endpoint: linked.Endpoint) -> Iterator[Diagnostic]:
    """C240: the number of a page, or of all records, that is a constant."""
    for one in (endpoint.page_number, endpoint.total):
        if one is not None and isinstance(one.node, nodes.Number):
            yield one.diagnostic("C240", "this is the same for every reply", severity="warning", hint="read it there")


def _bodiless(mapping: linked.Mapping, endpoint: linked.Endpoint) -> Iterator[Diagnostic]:
    """C241: a GET with a body, which few providers read, and one that should change something."""
    of_endpoint = mapping.root.value["endpoints"].value[endpoint.name]
    places = [(endpoint, of_endpoint)] + [(one, of_endpoint.value["join"].value[one.name]) for one in endpoint.joins]
    for one, node in (pair for pair in places if pair[0].http_method == "GET"):
        verb = _VERBS.get(endpoint.method) if one is endpoint else None
        message = f"`{one.name}` is a GET, " + (
            "whose body nobody reads" if one.body is not None else "which reads only"
        )
        if verb is not None or one.body is not None:
            key = next((key for key in ("request_method", "request_body_mapping") if key in node.value), "path_mapping")
            hint = f"write `request_method: {verb or 'POST'}`"
            yield node.diagnostic("C241", message, key=key, severity="warning", hint=hint)


#: What changes something.
_VERBS: Final = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


def _named(node: nodes.Node) -> list[str]:
    """The names in an expression, in order."""
    return [one.value for one in nodes.walk(node) if isinstance(one, nodes.Name)]


def _headers_read(expression: Expression) -> Iterator[Diagnostic]:
    """C242: names of headers are lower-case in `$headers`."""
    for node in expression.below:
        match node:
            case nodes.Path(
                steps=(nodes.Step(node=nodes.Variable(name="headers")), nodes.Step(node=nodes.Name() as name), *_)
            ):
                yield from _cased(expression, name, name.value)
            case nodes.Call(
                procedure=nodes.Variable(name="lookup"),
                arguments=(nodes.Variable(name="headers"), nodes.String() as name),
            ):
                yield from _cased(expression, name, name.value)
            case nodes.Binary(operator="-", left=nodes.Path(steps=(first, *_)) as left, right=right):
                if _is_headers(first) and left.span.end == right.span.start - 1:
                    begin = left.steps[-1].span.start
                    whole = re.match(r"[\w-]+", expression.text[begin:])
                    written = whole[0] if whole else expression.text[begin : right.span.end]
                    message = f"`-` subtracts here: `{slips.written(expression, right)}` is a field"
                    hint = f"write `` $headers.`{written.lower()}` ``"
                    yield expression.diagnostic("C242", message, node, severity="warning", hint=hint)


def _is_headers(step: nodes.Node) -> bool:
    return isinstance(step, nodes.Step) and isinstance(step.node, nodes.Variable) and step.node.name == "headers"


def _cased(expression: Expression, node: nodes.Node, name: str) -> Iterator[Diagnostic]:
    lower = name.lower()
    right = lower.replace("_", "-") if lower.replace("_", "-") in _HYPHENED else lower
    if name != right:
        why = "its names are lower-case" if right == lower else "the header has a hyphen"
        edit = (
            f'`"{right}"`' if isinstance(node, nodes.String) else f"`` `{right}` ``" if "-" in right else f"`{right}`"
        )
        message = f"`$headers` never has `{name}`: {why}"
        yield expression.diagnostic("C242", message, node, severity="warning", hint=f"write {edit}")


def _static_response(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: a body for skipped calls that the schema of replies does not describe."""
    one = typed.endpoint.static_response
    if one is not None:
        schema = {"type": ["object", "array"]} if typed.endpoint.source is None else plain_schema(typed.endpoint.source)
        wanted = Wanted(RequestSchema(schema), "", "the provider's schema", "C240", strict=True)
        yield from fitting.misfits(one, typed.kind(one.node), wanted)
        test = typed.endpoint.error_when
        if test is not None and not one.variables and _holds_for(test, one):
            message = "`error_when` is true of this body, so skipped calls fail"
            yield one.diagnostic("C240", message, severity="warning", hint="write what a reply without records has")


def _holds_for(test: Expression, body: Expression) -> bool:
    """Whether a test is true of a constant body."""
    try:
        value = body.evaluate({})
        return truthy(test.evaluate(value, {"response": value, "status": 200, "headers": {}}))
    except EvaluationError:
        return False
