"""How an endpoint's pages follow each other: what is sent for a page, and what tells the last one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fields import is_list
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import Words, letters, words, words_of
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, texts_of_names
from truto_mapper.mapping.linked import NUMBERED, Endpoint, leaves, of_requests
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: Names of parameters that count rows, and of those that count pages.
_OFFSETS, _PAGES = ("offset", "skip", "startat", "startindex"), ("page", "pagenumber", "pageno", "pageindex")
#: Names of parameters that say how many rows a page has.
_SIZES = ("perpage", "pagesize", "limit", "size", "take", "count", "top", "rows", "maxresults", "pagelimit")
_PLACES = (*_OFFSETS, *_PAGES)
_MORE = words("more")
_LAST_TOO = re.compile(r"\b(?:also|even|too|always)\b", re.IGNORECASE)
_LEFT = words_of(["remaining", "left", "more", "next"])
#: Words of names whose numbers are not 0 on the last page, too.
_COUNTS = words_of(["page", "pages", "number", "total", "count", "size", "limit", "current", "last"])


def mispaged(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: `has_more` that never changes, is no flag or is turned around; other counts than are meant."""
    endpoint, more = typed.endpoint, typed.endpoint.has_more
    if more is not None and isinstance(more.node, (nodes.String, nodes.Number, nodes.Value)):
        message = "this is the same for every page"
        yield more.diagnostic("C240", message, severity="warning", hint="read it in the reply")
    yield from () if more is None else (*_no_flag(typed, more), *_backwards(typed, more), *_always_more(typed, more))
    yield from _miscounted(endpoint)
    yield from (*_endless(typed), *_of_rows(typed))
    pages = endpoint.pagination
    if pages is None:
        return
    sent, counted = letters(pages.parameter or ""), {"page": _OFFSETS, "offset": _PAGES}.get(pages.format, ())
    if sent in _SIZES and letters(pages.size_parameter or "") in _PLACES:
        message = f"`{pages.parameter}` says how many rows a page has, and `{pages.size_parameter}` where it begins"
        yield _at(typed, "parameter", message, "swap `parameter` and `size_parameter`")
    if sent in counted:
        message = f"the {'offset' if counted is _PAGES else 'number of the page'} is sent as `{pages.parameter}`"
        hint = f"write `format: {'page' if counted is _PAGES else 'offset'}`, or another `parameter`"
        yield _at(typed, "format", message, hint)
    if pages.size is None or pages.format not in NUMBERED:
        return
    is_told = pages.size_parameter is not None or more is not None or endpoint.total is not None
    if not is_told and pages.size not in _numbers(endpoint):
        message = f"nothing asks for {pages.size} rows, and a page with fewer is the last one"
        hint = "add `size_parameter`, or leave `size` out: then a page without rows is the last one"
        yield _at(typed, "size", message, hint)


def _endless(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: a cursor that the last page has, too, beside a flag that nothing reads and that would tell."""
    cursor, read = typed.endpoint.next_cursor, typed.inference.paths
    path = None if cursor is None else typed.kind(cursor.node).path
    if cursor is None or path is None or not is_simple_path(cursor.node) or typed.endpoint.has_more is not None:
        return
    beside = typed.properties(path[:-1])
    flags = [name for name, one in beside.items() if one.solid == types.BOOLEAN.kinds and words(name) & _MORE]
    unread = [name for name in flags if (*path[:-1], name) not in read]
    is_always = not typed.kind(cursor.node).kinds & types.NONE or _LAST_TOO.search(typed.described.description(path))
    if unread and is_always:
        flag = dotted((*path[:-1], unread[0]))
        message, hint = f"the last page has a cursor, too, and nothing reads `{flag}`", f"write `{flag} ? …`"
        yield cursor.diagnostic("C240", message, severity="warning", hint=hint)


def _of_rows(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: what a page has once, read from each of its rows."""
    for key in ("next_cursor", "page_number", "total", "has_more"):
        one: Expression | None = getattr(typed.endpoint, key)
        if one is not None and is_list(one.node, typed.kind):
            message = f"`{written(one, one.node)}` is read from each row, and a page has one {key.replace('_', ' ')}"
            yield one.diagnostic("C240", message, severity="warning", hint="read it where the reply has it once")


def _no_flag(typed: EndpointTypes, more: Expression) -> Iterator[Diagnostic]:
    """C240: `has_more` that is a text or a count.

    A text that may be absent, as a cursor may, is right where nothing is called `more`.
    """
    kind, name = typed.kind(more.node), texts_of_names(more.node)[-1:]
    beside = typed.properties(kind.path[:-1]) if kind.path else {}
    flag = next((one for one in beside if words(one) >= _MORE), None)
    is_flag = flag is not None or any(words(one) >= _MORE for one in name) or isinstance(more.node, nodes.Call)
    if kind.solid == {"string"} and (kind.kinds == {"string"} or is_flag):
        message = "this is a text, and any text but the empty one means that more follows"
        hint = 'compare it: `… = "true"`' if flag in (None, *name) else f"did you mean `{flag}`?"
        yield more.diagnostic("C240", message, severity="warning", hint=hint)
    elif kind.path and kind.solid <= types.NUMBER.kinds and _is_count(words(kind.path[-1])):
        message = f"`{dotted(kind.path)}` is a number, and any but 0 means that more follows"
        yield more.diagnostic("C240", message, severity="warning", hint="compare it, as in `page < pages`")


def _always_more(typed: EndpointTypes, more: Expression) -> Iterator[Diagnostic]:
    """C240: `$exists(meta.pages)`, which each page has."""
    match more.node:
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
            kind = typed.kind(one)
            if kind.path is not None and "undefined" not in kind.kinds:
                message = f"this is true for every page: `{written(more, one)}` is always there"
                yield more.diagnostic("C240", message, severity="warning", hint="compare it, as in `page < pages`")


def _is_count(name: Words) -> bool:
    return bool(name & _COUNTS) and not name & _LEFT


def _backwards(typed: EndpointTypes, more: Expression) -> Iterator[Diagnostic]:
    """C240: `page > pages`, and `page < total` where that counts rows."""
    match more.node:
        case nodes.Binary(operator="<" | "<=" | ">" | ">=" as operator, left=left, right=right) if all(
            map(is_simple_path, (left, right))
        ):
            place, whole = (letters(texts_of_names(side)[-1]) for side in (left, right))
            if not _is_place(place) or not _is_whole(whole):
                return
            if operator in (">", ">="):
                message = "more follows where this is less, not where it is greater"
                yield more.diagnostic("C240", message, severity="warning", hint="write `<`")
            elif operator == "<=":
                message = "this is true on the last page, too"
                yield more.diagnostic("C240", message, severity="warning", hint="write `<`")
            path = typed.kind(right).path or ("",)
            pages = [one for one in typed.properties(path[:-1]) if letters(one).endswith("pages")]
            if place not in _OFFSETS and "page" not in whole and pages:
                message = f"`{dotted(path)}` counts rows, and the number of a page is held against it"
                yield more.diagnostic("C240", message, right, severity="warning", hint=f"did you mean `{pages[0]}`?")


def _is_place(name: str) -> bool:
    """Whether a name is that of the number of a page, or of an offset."""
    return name in (*_PLACES, "number", "current", "currentpage")


def _is_whole(name: str) -> bool:
    """Whether a name is that of a number of all pages, or of all rows."""
    return "total" in name or name.endswith("pages") or name in ("lastpage", "pagecount")


def _miscounted(endpoint: Endpoint) -> Iterator[Diagnostic]:
    """C240: the number of all pages, or a count of rows, for `page_number`."""
    number = endpoint.page_number
    if number is not None and _is_counting(number.node):
        message = "this counts rows, and two pages may have as many: they are taken for one page that comes again"
        hint = "read the number of the page, or leave it out"
        yield number.diagnostic("C240", message, severity="warning", hint=hint)
    if number is not None and is_simple_path(number.node):
        names = texts_of_names(number.node)
        if _is_whole(letters(names[-1])) or counts_pages(*names[-2:]):
            message = f"`{names[-1]}` is the number of all pages, and not of this one"
            yield number.diagnostic("C240", message, severity="warning")


def _is_counting(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.procedure, "name", "") in ("count", "size")


def counts_pages(*names: str) -> bool:
    """Whether a path is that of the number of pages, by its last names."""
    *above, name = map(letters, names)
    return name in ("pages", "totalpages", "pagecount", "lastpage") or (
        name == "last" and above[-1:] in (["page"], ["pages"])
    )


def unsent_page(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C244: page numbers or offsets that the request never sends."""
    endpoint = typed.endpoint
    pages, sent = endpoint.pagination, [name.name for one in of_requests(endpoint) for name in one.variables]
    if pages is not None and pages.format in NUMBERED and pages.parameter is None and "cursor" not in sent:
        message = f"`{endpoint.name}` never sends `$cursor`, so the provider gives the first page again"
        hint = "add `parameter`, or write `$cursor` where the provider reads it"
        yield _at(typed, "format", message, hint, code="C244")


def _numbers(endpoint: Endpoint) -> set[Any]:
    """The constant numbers of a request."""
    sent = [one for template in (endpoint.params, endpoint.body) for _, _, one in leaves(template)]
    return {node.value for one in sent for node in one.below if isinstance(node, nodes.Number)}


def _at(typed: EndpointTypes, key: str, message: str, hint: str, code: str = "C240") -> Diagnostic:
    """A finding at a key of `pagination`."""
    node = typed.mapper.mapping.root.at(["endpoints", typed.endpoint.name, "pagination"])
    return node.diagnostic(code, message, key=key, severity="warning", hint=hint)
