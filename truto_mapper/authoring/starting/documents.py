"""The texts of a new spec and of a new mapping, with a comment wherever something was guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from truto_mapper.authoring.starting.fields import Part
from truto_mapper.authoring.starting.leaves import Leaf
from truto_mapper.authoring.starting.names import snake
from truto_mapper.authoring.starting.paging import Paging
from truto_mapper.authoring.starting.rows import Rows
from truto_mapper.resource.field import REMOTE_DATA
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import printable, shortened

JSON = dict[str, Any]

#: How many fields of the sample a mapping lists that nothing reads.
LISTED = 500


def line(depth: int, key: str, value: object = None, note: str = "") -> str:
    """A line of YAML: a key with its value, which is a plain one or none, and a comment."""
    text = yaml_tree.written({key: value}).removesuffix("\n")
    if value is None:
        text = text.removesuffix(" null")
    return "  " * depth + text + (f"  {comment(note)}" if note else "")


def comment(text: str) -> str:
    """A comment of one line."""
    return f"# {printable(text)}"


def _guess(note: str) -> str:
    return note if not note or note.startswith("replace: ") else f"guessed: {note}"


def _key(name: str) -> str:
    return yaml_tree.written({name: 1}).removesuffix(": 1\n")


def flow(value: Any) -> str:
    """Plain data as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    is_word = isinstance(value, str) and re.fullmatch("[A-Za-z][A-Za-z_-]*", value)
    if is_word and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


# ── The spec ─────────────────────────────────────────────────────────────────────────────────────────────────────


def spec_text(head: Mapping[str, object], parts: Mapping[str, Part], unknown: list[str]) -> str:
    """The spec of a new resource."""
    model, resource, method, integration = (
        str(head[one]) for one in ("unified_model", "resource", "method", "integration")
    )
    path = f"/unified/{model}/{resource}" + ("/{id}" if method == "get" else "")
    lines = [
        comment("Written by `truto-mapper init` from a sample: decide on names, types and what is required."),
        line(0, "version", 1),
        line(0, "unified_model", model),
        line(0, "resource", resource),
        line(0, "title", resource.replace("-", " ").title()),
        f"integrations: [{integration}]",
        line(0, "methods"),
        f"  {method}: {flow({'http_method': 'GET', 'path': path})}",
    ]
    asked = {"limit": {"type": "integer", "minimum": 1}, "next_cursor": {"type": "string"}} if method == "list" else {}
    lines += (
        [line(0, "parameters"), *(f"  {name}: {flow(one)}" for name, one in asked.items())]
        if asked
        else ["parameters: {}"]
    )
    lines += [line(0, "fields", note="records are written in this order"), *_fields(parts, 1)]
    lines += (
        [f"  {REMOTE_DATA}: {{type: any, description: The provider's own record.}}"] if REMOTE_DATA not in parts else []
    )
    lines += ["  " + comment(f"{one}: always null in the sample, so its type is not known") for one in unknown]
    lines += [line(0, "response"), "  result: {type: array, items: {type: object}}"]
    lines += ["  next_cursor: {type: string, nullable: true}"]
    return "\n".join([*lines, ""])


def _fields(parts: Mapping[str, Part], depth: int) -> Iterator[str]:
    for name, part in parts.items():
        if part.below:
            yield line(depth, name)
            yield line(depth + 1, "type", "object")
            yield line(depth + 1, "fields")
            yield from _fields(part.below, depth + 2)
        else:
            yield "  " * depth + f"{_key(name)}: {flow(part.spec)}" + (f"  {comment(part.about)}" if part.about else "")


# ── The mapping ──────────────────────────────────────────────────────────────────────────────────────────────────


def mapping_text(
    head: Mapping[str, object],
    name: str,
    rows: Rows,
    paging: Paging,
    parts: Mapping[str, Part],
    left: list[Leaf],
    is_nameless: bool,
    decode: str = "",
) -> str:
    """A mapping with one endpoint.

    `head` has its first keys, `left` what the sample has and nothing reads; `is_nameless` is true for rows without id,
    and `decode` a line that says how replies are read.
    """
    method, integration = head["method"], head["integration"]
    path = f'"/{snake(name)}"' + (' & "/" & $encodeUrlComponent($id)' if method == "get" else "")
    lines = [
        comment("Written by `truto-mapper init` from a sample. Verify each line that says `guessed` or `replace`."),
        *(line(0, one, value) for one, value in head.items() if one != "schema"),
        line(0, "endpoints"),
        line(1, name),
        line(2, "source_schema", head["schema"]),
        line(2, "path_mapping", path, f"guessed: a reply does not tell the path of {integration}'s API"),
        *(["    " + decode] if decode else []),
        *_paging(paging),
        *_loops(rows),
        line(2, "response_mapping"),
    ]
    lines += ["      " + comment("replace: no field of the sample identifies a record")] if is_nameless else []
    return "\n".join([*lines, *_expressions(parts, 3), *_left(left), ""])


def _paging(paging: Paging) -> Iterator[str]:
    if paging.keys:
        yield line(2, "pagination")
    for key, value in paging.keys.items():
        yield line(3, key, value, "guessed: the name of the parameter" if key == "parameter" else "")
    if paging.next_cursor is not None:
        yield line(2, "next_cursor", paging.next_cursor, _guess(paging.note))
    if paging.total is not None:
        yield line(2, "total", paging.total, "guessed: how many rows all pages have together")


def _loops(rows: Rows) -> Iterator[str]:
    if not rows.loops:
        if rows.note:
            yield "    " + comment(_guess(rows.note))
        return
    plain = rows.list
    if plain and plain != rows.loops[0][1]:  # a list of names finds an empty list, too
        yield line(2, "recognise", f"$exists({plain})" if plain != "$" else '$type($) = "array"')
    yield line(2, "for_each")
    for number, (name, expression) in enumerate(rows.loops, 1):
        yield line(3, name, expression, _guess(rows.note) if number == len(rows.loops) else "")


def _expressions(parts: Mapping[str, Part], depth: int) -> Iterator[str]:
    for name, part in parts.items():
        if part.below and part.is_mapped:
            yield line(depth, name)
            yield from _expressions(part.below, depth + 1)
        elif part.below:
            yield "  " * depth + comment(f"{name}: {', '.join(part.below)}: nothing in the sample is called like these")
        elif part.made.expression is None:
            yield "  " * depth + comment(f"{name}: {part.made.note}")
        else:
            yield line(depth, name, part.made.expression, _guess(part.made.note))


def _left(left: list[Leaf]) -> Iterator[str]:
    """What the sample has and nothing reads, as comments."""
    if left:
        yield "    " + comment("The sample also has:")
    for leaf in left[:LISTED]:
        yield "    " + comment("  " + shortened(leaf.described(), 110))
    if len(left) > LISTED:
        yield "    " + comment(f"  and {len(left) - LISTED:,} more")


def to_verify(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The comments that an author has to look at: the place, `file:line`, and the key with what it says."""
    for name, text in texts.items():
        for number, one in enumerate(text.splitlines() if name.endswith(".yaml") else (), 1):
            if found := re.search(r"^ *(?:([^ #:][^:]*: ).*)?# ((?:guessed|replace): .*)", one):
                yield f"{name}:{number}", (found[1] or "") + found[2]
