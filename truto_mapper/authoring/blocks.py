"""A page as a list of blocks, and its Markdown; `html_page` writes the same blocks as HTML. Both escape all text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


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
    """Which place of the reply leads to which field: a chart in Markdown, a table in HTML."""

    edges: tuple[tuple[str, str], ...]


Block = Heading | Table | Lineage | Inline


def marked(text: str) -> Inline:
    """Text in which backticks mark code."""
    parts = re.split(r"`([^`]+)`", text)
    return tuple(Code(part) if number % 2 else part for number, part in enumerate(parts) if part)


def codes(texts: Iterable[str]) -> Inline:
    """Several pieces of code with commas between them."""
    return tuple(part for text in texts for part in (", ", Code(text)))[1:]


def markdown(blocks: Iterable[Block]) -> str:
    """The page in Markdown, with the lineage in Mermaid."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(level=level, text=text):
            yield f"{'#' * level} {_escaped(text)}\n"
        case Table(head=head, rows=rows):
            yield f"| {' | '.join(head)} |"
            yield f"|{'---|' * len(head)}"
            yield from (f"| {' | '.join(map(_in_line, row))} |" for row in rows)
            yield ""
        case Lineage(edges=edges):
            yield from ("```mermaid", *_mermaid(edges), "```", "")
        case _:
            yield f"{_in_line(block)}\n"


def _in_line(parts: Inline) -> str:
    return "".join(_quoted(part) if isinstance(part, Code) else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", text).replace("\n", " ")


def _quoted(code: str) -> str:
    """Code in as many backticks as it needs; a bar would end the cell."""
    text = " ".join(code.split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def _mermaid(edges: Iterable[tuple[str, str]]) -> Iterator[str]:
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
