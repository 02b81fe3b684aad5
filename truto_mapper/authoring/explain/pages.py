"""What `pagination` decides: which page follows, and the parameters that ask for one."""

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.explain.evidence import Evidence
from truto_mapper.authoring.explain.explanation import Explanation
from truto_mapper.engine.cursor import Position
from truto_mapper.engine.page import Page, Request
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import NUMBERED, Endpoint, Mapping
from truto_mapper.text.pointers import dotted, json_pointer


def next_page(evidence: Evidence, endpoint: Endpoint, page: Page) -> Explanation:
    """Why there is a next page, or none."""
    value, pages = MISSING if page.next_cursor is None else page.next_cursor, endpoint.pagination
    deciding = endpoint.next_cursor or endpoint.has_more or endpoint.total
    found = evidence.explained(("next_cursor",), "next_cursor", value, deciding, evidence.last(deciding))
    if pages is None or pages.format == "cursor":
        return found
    at = page.following
    is_cut, cursor = isinstance(at, Position), at.cursor if isinstance(at, Position) else at
    name = pages.format.replace("_", " ").replace("link header", "link")
    what = f"the {name} {cursor.partition('/')[0]}" if cursor and pages.format in NUMBERED else f"the next {name}"
    found.why = "this is the last page" if at is None else "the rest of this page" if is_cut else what
    return found


def parameters(mapping: Mapping, endpoint: Endpoint, request: Request, steps: Sequence[str]) -> Iterator[Explanation]:
    """The parameters of a request that `pagination` gives it, at, above or below a path."""
    pages = endpoint.pagination
    if pages is None:
        return
    is_linked = pages.format == "link_header" and request.query.cursor is not None
    keys = {name: key for key, name in pages.parameters.items()}
    node = mapping.root.at(["endpoints", endpoint.name, "pagination"])
    for name in request.params if is_linked else keys:
        path = ("params", name)
        if name in request.params and all(one == other for one, other in zip(path, steps, strict=False)):
            place = node.diagnostic("M106", "", key="format" if is_linked else keys[name])
            why = "the provider's link to this page has it" if is_linked else "`pagination` sends it"
            pointer, value = json_pointer(("request", *path)), request.params[name]
            yield Explanation(pointer, dotted(path), value, place.source, place.span, why=why)
