"""Which page follows: by the cursor of a reply, by numbers and offsets, or by the header Link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

from truto_mapper.engine.pagination import counts_before, parameters_of
from truto_mapper.engine.replies import next_cursor, of_other_types
from truto_mapper.engine.requests import value_of
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, ProviderError
from truto_mapper.text.link_header import targets
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused
    from truto_mapper.engine.query import Query
    from truto_mapper.engine.replies import Bindings, PageBudget, Replies

#: Texts that are true in JSONata, and mean the opposite.
_NO: Final = frozenset({"false", "no", "n", "f", "0", "off", "null", "none"})

_PORTS: Final = {"http": 80, "https": 443}


def _says_more(endpoint: Endpoint, scope: Scope) -> bool | None:
    """What `has_more` says; None if nothing. Raises `EvaluationError` D406 for a text that means no."""
    value = value_of(endpoint.has_more, scope)
    if value is MISSING:
        return None
    if isinstance(value, str) and value.strip().lower() in _NO:
        assert endpoint.has_more is not None  # noqa: S101  # for mypy: without it there is no value
        message = f"`has_more` must be true or false: the text {excerpt(value)} is true"
        raise EvaluationError(endpoint.has_more.diagnostic("D406", message, hint='compare it: `… = "true"`'))
    return bool(truthy(value))


def following(
    replies: Replies,
    fused: Fused,
    query: Query | None,
    bindings: Bindings,
    value: Any,
    rows: Any,
    found: list[Diagnostic],
    budget: PageBudget,
    *,
    is_raw: bool = False,
) -> tuple[str | None, bool]:
    """The provider's cursor of the next page, None without one, and whether it leads to the same page again.

    `value` is that of `next_cursor`, `rows` are those of the outermost loop, or False. Adds to `found` what is
    noteworthy: P604. Raises `ProviderError` P602 and `EvaluationError`; for a raw page that is a warning.
    """
    scope = replies.scope(bindings, budget)
    try:
        _check_types(fused, scope)
        return _following(fused, query, scope, value, rows, found)
    except (EvaluationError, ProviderError) as error:
        if not is_raw:
            raise
        found += [replace(one, severity="warning") for one in error.diagnostics]
        return None, False


def _check_types(fused: Fused, scope: Scope) -> None:
    """Raise `ProviderError` P602 for values that `has_more` reads and that have another type than declared."""
    expression = fused.endpoint.has_more
    if expression is None or fused.endpoint.source is None:
        return
    if wrong := of_other_types(fused.types, fused.types.readings(expression), scope.data):
        raise ProviderError(wrong)


def _following(
    fused: Fused, query: Query | None, scope: Scope, value: Any, rows: Any, found: list[Diagnostic]
) -> tuple[str | None, bool]:
    endpoint = fused.endpoint
    more, pages = _says_more(endpoint, scope), endpoint.pagination
    assert pages is not None  # noqa: S101  # for mypy: nobody else asks
    if more is False:
        return None, False
    if pages.format == "cursor":
        cursor, is_looping = next_cursor(value, fused, query, scope.data, found)
    elif pages.format == "link_header":
        cursor, is_looping = _linked(endpoint, query, scope)
    else:
        return (None, False) if query is None else _numbered(endpoint, query, scope, more, rows, found)
    if is_looping and pages.format == "link_header":
        found.append(Diagnostic("P604", "the provider's link leads to the same page again", "warning"))
    if more and cursor is None and not is_looping:
        what = "cursor" if pages.format == "cursor" else "link"
        message = f"the provider says that more follows, but gives no {what}: records may be missing"
        found.append(Diagnostic("P604", message, "warning"))
    return cursor, is_looping


def _numbered(
    endpoint: Endpoint, query: Query, scope: Scope, more: bool | None, rows: Any, found: list[Diagnostic]
) -> tuple[str | None, bool]:
    """The cursor of the page after one that has a number or an offset, and whether that is the same.

    Without `has_more` a page is the last one if it reaches the total, has fewer rows than `size`, or has none.
    """
    pages, number = endpoint.pagination, scope.lookup("cursor")
    assert pages is not None  # noqa: S101  # for mypy
    count, total = _count(endpoint, scope, rows), value_of(endpoint.total, scope, failing=MISSING)
    if isinstance(total, bool) or not isinstance(total, (int, float)):
        total = None
    before = number if pages.format == "offset" else int((query.cursor or "").partition("/")[2] or 0)
    if more is None:
        is_full = count >= pages.size if total is None and pages.size is not None else True
        more = count > 0 and (is_full if total is None else before + count < total)
    step = 1 if pages.format == "page" else count or pages.size or 0
    if more and not step:
        message = "the provider says that more follows, but the page has no rows, so the next offset is the same"
        found.append(Diagnostic("P604", message, "warning"))
    if not more or not step:
        return None, bool(more)
    return f"{number + step}/{before + count}" if counts_before(endpoint) else f"{number + step}", False


def _count(endpoint: Endpoint, scope: Scope, rows: Any) -> int:
    """How many rows of the outermost loop a reply has, with nulls and with those that the loop does not select."""
    if not endpoint.for_each:
        return 1
    if rows.__class__ is list and len(endpoint.for_each) == 1:
        return len(rows)
    return _counted(endpoint.for_each[0][1], scope)


def _counted(loop: Expression, scope: Scope) -> int:
    """How many items a loop over the reply goes through."""
    from truto_mapper.engine.source_types import selected_path  # noqa: PLC0415  # most loops are plain
    from truto_mapper.language.nodes import Name, Variable  # noqa: PLC0415  # likewise

    path = selected_path(loop.node) or [Variable(loop.node.span, "?")]
    if isinstance(path[0], Variable) and path[0].name not in ("", "$", "response"):
        value = loop.evaluate_in(scope)
        return 0 if value is MISSING else len([*_items(value)])
    found = [*_items(scope.data)]
    for name in (str(one.value) for one in path if isinstance(one, Name)):
        found = [item for one in found if isinstance(one, dict) for item in _items(one.get(name))]
    return len(found)


def _items(value: Any) -> Iterator[Any]:
    """The items of an array, nulls included; any other value but null itself."""
    yield from value if isinstance(value, list) else () if value is None else (value,)


def _linked(endpoint: Endpoint, query: Query | None, scope: Scope) -> tuple[str | None, bool]:
    """The query of the link to the next page, None without one, and whether it leads to the same page again.

    Raises `ProviderError` P602 for a link that cannot be followed.
    """
    header = scope.lookup("headers").get("link", "")
    try:
        found = targets(header, "next")
    except ValueError as error:
        raise ProviderError(Diagnostic("P602", f"the provider's header Link cannot be read at {error!s:.80}")) from None
    if not found:
        return None, False
    if len(found) > 1:
        _refuse(found[1], f"is one of {len(found)}")
    target = _split(found[0])
    _check_origin(endpoint, found[0], target, scope)
    try:
        asked = parameters_of(target.query)
    except ValueError:
        _refuse(found[0], "has no parameters that can be sent", "the next request has the parameters of the link")
    sent = None if query is None else query.sent
    if sent is None or asked != {name: _plain(value) for name, value in sent["params"].items()}:
        return target.query, False
    if target.path and not target.path.rstrip("/").endswith(sent["path"].rstrip("/")):
        _refuse(found[0], "has the parameters of this page and another path", "the next request keeps the path")
    return None, True


def _plain(value: Any) -> Any:
    """A parameter's value as a URL tells it: several texts, or one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _split(target: str) -> SplitResult:
    """The parts of a link that a client may follow."""
    try:
        found = urlsplit(target)
        _ = found.port
    except ValueError:
        _refuse(target, "is not a URL")
    if found.scheme.lower() not in ("", *_PORTS):
        _refuse(target, f"has the scheme {excerpt(found.scheme)}")
    if "@" in found.netloc:
        _refuse(target, "holds a user")
    return found


def _check_origin(endpoint: Endpoint, written: str, target: SplitResult, scope: Scope) -> None:
    value: Any = value_of(endpoint.origin, scope)
    if value is MISSING or endpoint.origin is None:
        return
    own = origin_of(urlsplit(value)) if isinstance(value, str) else None
    if own is None:
        message = f"`origin` must be like https://api.example.com, this is {excerpt(value)}"
        raise EvaluationError(endpoint.origin.diagnostic("D406", message))
    if target.netloc and origin_of(target._replace(scheme=target.scheme or own[0])) != own:
        _refuse(written, f"leads away from {value}")


def origin_of(url: SplitResult) -> tuple[str, str | None, int] | None:
    """The scheme, host and port of a URL; None for one without them."""
    scheme = url.scheme.lower()
    return (scheme, url.hostname, url.port or _PORTS[scheme]) if scheme in _PORTS and url.hostname else None


def _refuse(target: str, why: str, hint: str | None = None) -> NoReturn:
    message = f"the provider's link to the next page {why}: {excerpt(target, 200)}"
    raise ProviderError(Diagnostic("P602", message, hint=hint))
