"""How a reply names the next page and how many rows there are, as far as names and values tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.starting.names import is_usable, path_text
from truto_mapper.authoring.starting.rows import Rows

Path = tuple[str, ...]

#: The names of what a page says about the next one, without their punctuation; the most certain first.
_NAMES = {
    "cursor": "nextcursor nextpagetoken nexttoken nextpagecursor nextoffset nextpage endcursor after cursor pagetoken "
    "continuationtoken continuation paginationtoken nextmarker marker bookmark scrollid next nextlink odatanextlink "
    "nextpageurl nextpageuri nexturl nexthref",
    "more": "hasmore hasnext hasnextpage hasmoreitems hasmoreresults moreitemsincollection moreavailable moredata more",
    "last": "islast islastpage lastpage last",
    "page": "page currentpage pagenumber pageindex pageno",
    "pages": "totalpages pagecount lastpage pages numpages",
    "offset": "offset skip startat startindex start",
    "total": "total totalcount totalrecords totalresults totalitems totalsize totalelements recordcount count",
}
_TYPES = {"cursor": {"string", "integer"}, "more": {"boolean"}, "last": {"boolean"}}

#: The parameters of a link to the next page that say which page it is.
_PARAMETERS = re.compile(r"(?i).*(cursor|token|page|offset|after|start|skip|marker|bookmark|continuation)")
_SIZES = re.compile(r"(?i).*(size|limit|per_?page|count)")


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list goes on: the keys of `pagination`, and expressions for the next cursor and the total.

    `note` is what is to be verified about the cursor. `read` are the paths that these expressions read.
    """

    keys: dict[str, str | int] = field(default_factory=dict)
    next_cursor: str | None = None
    total: str | None = None
    note: str = ""
    read: tuple[Path, ...] = ()


def paging_of(reply: Seen, rows: Rows) -> Paging:
    """What replies tell about their pages."""
    found = _known(reply)
    made = _paging(reply, rows, found)
    said = " ".join(map(str, (made.next_cursor, made.total, *made.keys.values())))
    paths = [path for path, _ in found.values()]
    plain = r"(?<![\w.`]){}(?![\w.`])"
    read = [path for path in paths if re.search(plain.format(re.escape(path_text(path))), said)]
    return replace(made, read=(*read,))


def _paging(reply: Seen, rows: Rows, found: Mapping[str, tuple[Path, Seen]]) -> Paging:
    text = {what: path_text(path) for what, (path, _) in found.items()}
    total = text.get("total") if "total" in found and _is_total(found["total"][1], reply, rows) else None
    has_more = text.get("more") or (f"$not({text['last']})" if "last" in text else None)
    more: dict[str, str | int] = {"has_more": has_more} if has_more else {}
    if "cursor" in found and (made := _after(*found["cursor"])) is not None:
        cursor, parameter = made
        note = "" if has_more else "the sample does not show the last page; this must be absent there"
        return Paging({"format": "cursor", "parameter": parameter, **more}, cursor, total, note)
    if "page" in text and (more or total or "pages" in text):
        path, seen = found["page"]
        more |= {} if more or "pages" not in text else {"has_more": f"{text['page']} < {text['pages']}"}
        first: dict[str, str | int] = {"first": 0} if ("integer", 0) in seen.values else {}
        return Paging({"format": "page", "parameter": path[-1], **first, **more}, None, total)
    if "offset" in text and (more or total):
        return Paging({"format": "offset", "parameter": found["offset"][0][-1], **more}, None, total)
    return Paging(total=total)


def _known(reply: Seen) -> dict[str, tuple[Path, Seen]]:
    """The values of a reply whose names tell what they are, the most certain of each kind."""
    values = [*_values(reply, ())]
    found = {}
    for what, names in _NAMES.items():
        order, types = names.split(), _TYPES.get(what, {"integer"})
        fitting = [
            (order.index(plain), len(path), path, seen)
            for path, seen in values
            if (plain := re.sub(r"[\W_]", "", path[-1].lower())) in order and {*seen.types} <= types
            if seen.types or what == "cursor"
        ]
        if fitting:
            _, _, path, seen = min(fitting, key=lambda one: one[:3])
            found[what] = (path, seen)
    return found


def _values(seen: Seen, path: Path) -> Iterator[tuple[Path, Seen]]:
    """The scalars of a reply that are in no list, at most four levels deep."""
    for name, inner in seen.fields.items() if len(path) < 4 and len(seen.fields) <= 100 else ():
        if is_usable(name) and not {"array", "object"} & inner.kinds.keys():
            yield (*path, name), inner
        elif is_usable(name) and "array" not in inner.kinds:
            yield from _values(inner, (*path, name))


def _is_total(seen: Seen, reply: Seen, rows: Rows) -> bool:
    counts = [value for _, value in seen.values if value is not None]
    return not rows.is_one and not seen.nulls and max(counts, default=0) * reply.count > rows.seen.count


def _after(path: Path, seen: Seen) -> tuple[str, str] | None:
    """The expression of the cursor at a place, and the parameter that takes it; None for a link that tells neither."""
    text, links = path_text(path), [value for kind, value in seen.values if kind == "string" and "?" in value]
    if not links:
        name = re.sub(r"(?i)^(next|end)[\W_]*(?=[a-z])", "", path[-1])
        name = name[:1].lower() + name[1:] if name != path[-1] else name
        is_link = any(kind == "string" and re.match("https?:|/", value) for kind, value in seen.values)
        return None if is_link else (text, "cursor" if re.fullmatch("(?i)next", name) else name)
    given = [name for name, _ in parse_qsl(urlsplit(links[0]).query) if re.fullmatch(r"[\w.-]+", name)]
    named = [name for name in given if _PARAMETERS.match(name) and not _SIZES.match(name)]
    if not named:
        return None
    pattern = re.sub(r"([.-])", r"\\\1", named[0])
    return f"{text} ? $decodeUrlComponent($match({text}, /[?&]{pattern}=([^&]+)/).groups[0])", named[0]
