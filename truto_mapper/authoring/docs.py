"""A mapping as a page for people: each unified field and parameter with where it is from, in Markdown or HTML.

A page is a list of blocks, which each of the two writers renders; all text of the mapping is escaped by them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truto_mapper.authoring import check
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.types import Steps
from truto_mapper.mapping.linked import Endpoint, every, giving
from truto_mapper.resource.spec import Field
from truto_mapper.text.pointers import dotted


class Code(str):
    """Text that is code."""

    __slots__ = ()


#: A cell or a paragraph: text and code, one after the other.
Inline = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which place of the reply leads to which field."""

    edges: tuple[tuple[str, str], ...]


Block = Heading | Table | Lineage | Inline


# ------------------------------------------------------------------------------------------------ the page


def blocks(mapper: Mapper) -> Iterator[Block]:
    """What there is to say about a mapping, in order."""
    linked, resource = mapper.mapping, mapper.resource
    yield Heading(1, f"{linked.integration} → {resource.name}")
    yield (_plain(linked.root, "description") or resource.description,)
    files = ", ".join(source.name for source in mapper.sources)
    yield ("From ", Code(files), ".")
    yield Heading(2, "Settings of an account")
    yield _settings(mapper)
    yield Heading(2, "Which endpoint is asked")
    yield Table(("endpoint", "request", "asked when", "recognised by"), tuple(_asked(mapper)))
    yield Heading(2, "Parameters")
    yield Table(("parameter", "type", "honoured", ""), tuple(_parameters(mapper)))
    for endpoint in linked.endpoints:
        yield from _endpoint(mapper, endpoint)
    left = [one.message for one in check.check(mapper) if one.code in ("C214", "C215")]
    if left:
        yield Heading(2, "Left out")
        yield from (_marked(message + ".") for message in left)


def _plain(root: Any, key: str) -> str:
    node = root.value.get(key)
    return "" if node is None else str(node.value)


def _settings(mapper: Mapper) -> Block:
    schemas = mapper.mapping.context_schemas
    rows = tuple(
        (
            (Code(name),),
            (str(schema.get("format") or schema.get("type", "any")),),
            (Code(json.dumps(schema["default"])) if "default" in schema else "",),
            _marked(str(schema.get("description", ""))),
        )
        for name, schema in schemas.items()
    )
    return Table(("setting", "type", "default", ""), rows) if rows else ("There are none.",)


def _asked(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for one in mapper.mapping.endpoints:
        when = _code(one.when) if one.when is not None else ("else",)
        recognise = _code(one.recognise) if one.recognise is not None else ("",)
        yield (Code(one.name),), (f"{one.method} ", *_code(one.path)), when, recognise


def _parameters(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for name, field in mapper.resource.parameters.items():
        type_ = _type(field) + (", required" if field.required else "")
        default = () if field.default is None else (" Default ", Code(json.dumps(field.default)), ".")
        yield (Code(name),), (type_,), _honoured(mapper, name), (*_marked(field.description), *default)


def _honoured(mapper: Mapper, name: str) -> Inline:
    """Which parts of the mapping look at a parameter."""
    places: dict[str, str] = {}
    spelt = r"\$cursor\b" if name == "next_cursor" else rf"\$query\.{re.escape(name)}\b"
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            if re.search(spelt, expression.text):
                places.setdefault(f"{key} {expression.place}", key)
    found = [f"{_PARTS.get(key, '$' + key)} ({place.partition(' ')[2]})" for place, key in places.items()]
    return ("; ".join(found) or "by truto-mapper itself",)


_PARTS = {
    "path": "path",
    "when": "chooses the endpoint",
    "query_error": "may be refused",
    "static_response": "static response",
    "params": "query sent",
    "headers": "headers sent",
    "body": "body sent",
    "response": "record",
    "recognise": "recognises the reply",
    "next_cursor": "next cursor",
    "empty_when": "nothing found",
    "time_zone": "time zone",
}


def _endpoint(mapper: Mapper, endpoint: Endpoint) -> Iterator[Block]:
    yield Heading(2, endpoint.name)
    rows = [*_sent(endpoint), *_reading(endpoint)]
    yield Table(("part", "expression", "where"), tuple(rows))
    reads = check.reads(mapper, endpoint)
    fields = list(_fields(mapper.resource.fields, endpoint.response, ()))
    yield Heading(3, f"Fields of {endpoint.name}")
    yield Table(
        ("field", "type", "from", "expression", "where", ""),
        tuple(_field(endpoint, path, field, reads) for path, field in fields),
    )
    edges = [
        (_path(steps), dotted(path))
        for path, _ in fields
        if (one := giving(endpoint.response, path)) is not None
        for steps in _sources(endpoint, one, reads)
    ]
    if edges:
        yield Lineage(tuple(edges))


def _sent(endpoint: Endpoint) -> Iterator[tuple[Inline, ...]]:
    for key in ("params", "headers", "body"):
        yield from _written(getattr(endpoint, key), (key,))


def _written(template: Any, path: tuple[str, ...]) -> Iterator[tuple[Inline, ...]]:
    if isinstance(template, dict):
        for name, child in template.items():
            yield from _written(child, (*path, name))
    elif isinstance(template, list):
        for index, child in enumerate(template):
            yield from _written(child, (*path, str(index)))
    elif template is not None:
        yield (Code(dotted(path)),), _code(template), (template.place,)


def _reading(endpoint: Endpoint) -> Iterator[tuple[Inline, ...]]:
    for key in ("query_error", "next_cursor", "empty_when", "time_zone"):
        yield from _written(getattr(endpoint, key), (key,))
    for key in ("for_each", "let"):
        for name, one in getattr(endpoint, key):
            yield from _written(one, (f"{key} ${name}",))


def _fields(
    fields: Mapping[str, Field], template: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Field]]:
    """The fields that have an expression, down to where the mapping has one."""
    for name, field in fields.items():
        inner = template.get(name) if isinstance(template, dict) else template
        if isinstance(inner, dict):
            yield from _fields(field.below, inner, (*path, name))
        elif inner is not None:
            yield (*path, name), field


def _field(
    endpoint: Endpoint, path: tuple[str, ...], field: Field, reads: Mapping[int, set[Steps]]
) -> tuple[Inline, ...]:
    expression = giving(endpoint.response, path)
    assert expression is not None  # noqa: S101  # `_fields` gives those that have one
    paths = [_path(steps) for steps in _sources(endpoint, expression, reads)]
    listed = tuple(part for number, one in enumerate(paths) for part in (("", ", ")[number > 0], Code(one)))
    type_ = _type(field) + (", required" if field.required else "")
    note = " ".join(filter(None, (field.description, _comment(expression))))
    return (Code(dotted(path)),), (type_,), listed or ("",), _code(expression), (expression.place,), _marked(note)


def _sources(endpoint: Endpoint, expression: Expression, reads: Mapping[int, set[Steps]]) -> list[Steps]:
    """The places of the reply that a value is made of, through the names of `let` that have no place themselves."""
    named = dict(endpoint.let)
    found, waiting, seen = set(reads.get(id(expression), ())), [expression], {id(expression)}
    while waiting:
        for variable in waiting.pop().variables:
            one = named.get(variable.name)
            if one is not None and id(one) not in seen:
                seen.add(id(one))
                waiting.append(one)
                found |= reads.get(id(one), set())
    return sorted(one for one in found if not any(len(one) < len(o) and o[: len(one)] == one for o in found))


def _path(steps: Steps) -> str:
    return ".".join(steps)


def _type(field: Field) -> str:
    if field.type == "array" and field.items is not None:
        return f"list of {_type(field.items)}"
    return " | ".join(map(str, field.enum)) or field.format or field.type


def _code(expression: Expression) -> Inline:
    return (Code(" ".join(expression.text.split())),)


def _comment(expression: Expression) -> str:
    """The comment beside an expression, or in the lines just above it."""
    source, place = expression.source, expression.locate(expression.node.span)
    number, _ = source.position(place.start)
    beside = re.match(r"[^\n]*?[\s'\"}\]]#\s(.*)", source.text[place.end :].partition("\n")[0])
    above: list[str] = []
    while number > 1 and (line := source.line(number - 1).strip()).startswith("#"):
        above.insert(0, line.lstrip("# "))
        number -= 1
    found = [*above, beside[1]] if beside else above
    return " ".join(one.strip() for one in found if "truto: ignore" not in one)


def _marked(text: str) -> Inline:
    """Text in which backticks mark code."""
    parts = re.split(r"`([^`]+)`", text)
    return tuple(Code(part) if number % 2 else part for number, part in enumerate(parts) if part)


# ------------------------------------------------------------------------------------------------ Markdown


def markdown(mapper: Mapper) -> str:
    """The page in Markdown, with the lineage in Mermaid."""
    return "\n".join(line for block in blocks(mapper) for line in _markdown(block))


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(level=level, text=text):
            yield f"{'#' * level} {_escaped(text)}\n"
        case Table(head=head, rows=rows):
            yield f"| {' | '.join(head)} |"
            yield f"|{'---|' * len(head)}"
            yield from (f"| {' | '.join(map(_in_line, row))} |" for row in rows)
            yield ""
        case Lineage(edges=edges):
            yield from ("```mermaid", *mermaid(edges), "```", "")
        case _:
            yield f"{_in_line(block)}\n"


def _in_line(parts: Iterable[str]) -> str:
    return "".join(_quoted(part) if isinstance(part, Code) else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.split(" "))).replace("\n", " ")


def _quoted(code: str) -> str:
    """Code in as many backticks as it needs; a bar would end the cell."""
    text = " ".join(code.split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def mermaid(edges: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A flowchart of Mermaid, from places of the reply to fields."""
    names: dict[tuple[str, str], str] = {}
    yield "flowchart LR"
    for edge in edges:
        for side, name in zip("sf", edge, strict=True):
            if (side, name) not in names:
                names[side, name] = f"{side}{len(names)}"
                label = re.sub(r"[^\w. \[\]-]", lambda char: f"#{ord(char[0])};", name)
                yield f'  {names[side, name]}["{label}"]'
        yield f"  {names['s', edge[0]]} --> {names['f', edge[1]]}"


# ---------------------------------------------------------------------------------------------------- HTML

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8883; --soft: #8881; --mark: #0969da; }}
@media (prefers-color-scheme: dark) {{ :root {{ --mark: #58a6ff; }} }}
body {{ font: 15px/1.55 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }}
h3 {{ font-size: 1rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }}
th {{ font-weight: 600; }}
code {{ font: .86em ui-monospace, monospace; background: var(--soft); padding: .1em .3em; border-radius: .3em; }}
td:first-child code {{ white-space: nowrap; }}
svg text {{ font: 12px ui-monospace, monospace; fill: currentColor; }}
svg path {{ fill: none; stroke: var(--mark); opacity: .55; }}
</style>
{body}
</html>
"""


def page(mapper: Mapper) -> str:
    """The page in HTML, one file that needs no other."""
    made = list(blocks(mapper))
    title = next(block.text for block in made if isinstance(block, Heading))
    return _PAGE.format(title=html.escape(title), body="\n".join(map(_html, made)))


def _html(block: Block) -> str:
    match block:
        case Heading(level=level, text=text):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Table(head=head, rows=rows):
            top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
            body = "".join(f"<tr>{''.join(f'<td>{_span(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
        case Lineage(edges=edges):
            return _svg(edges)
    return f"<p>{_span(block)}</p>"


def _span(parts: Iterable[str]) -> str:
    """Text and code, which may be broken behind a dot."""
    return "".join(
        f"<code>{html.escape(part).replace('.', '.<wbr>')}</code>"
        if isinstance(part, Code) and part
        else html.escape(part)
        for part in parts
    )


_ROW, _CHAR, _GAP = 22, 7.3, 200


def _svg(edges: Iterable[tuple[str, str]]) -> str:
    """Places of the reply on the left, fields on the right, a curve for each that leads to another."""
    sources, fields = ({name: n for n, name in enumerate(dict.fromkeys(names))} for names in zip(*edges, strict=True))
    left = 8 + _CHAR * max(map(len, sources))
    right = left + _GAP
    width = right + _CHAR * max(map(len, fields)) + 16
    height = _ROW * max(len(sources), len(fields)) + 8

    def y(number: int) -> float:
        return _ROW * number + _ROW / 2 + 4

    drawn = [
        f'<path d="M{left + 6:.0f},{y(sources[s]):.0f} C{left + 90:.0f},{y(sources[s]):.0f} '
        f'{right - 90:.0f},{y(fields[f]):.0f} {right - 6:.0f},{y(fields[f]):.0f}"/>'
        for s, f in edges
    ]
    drawn += [
        f'<text x="{left:.0f}" y="{y(n) + 4:.0f}" text-anchor="end">{html.escape(s)}</text>' for s, n in sources.items()
    ]
    drawn += [f'<text x="{right:.0f}" y="{y(n) + 4:.0f}">{html.escape(f)}</text>' for f, n in fields.items()]
    return f'<div class="wide"><svg width="{width:.0f}" height="{height}" role="img">{"".join(drawn)}</svg></div>'


FORMATS: dict[str, Callable[[Mapper], str]] = {"markdown": markdown, "html": page}
