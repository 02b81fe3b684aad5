"""The HTML of docs and coverage: `page.html` filled with content, one file that needs no other."""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from truto_mapper.authoring.blocks import Block, Code, Heading, Inline, Lineage, Table, codes
from truto_mapper.text import files

#: The level of headings that are not among the contents.
SUBSECTION = 3


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; `title` is text, `body` is HTML."""
    head, foot = files.read(Path(__file__).with_name("page.html")).text.split("{body}")
    return "\n".join([head.replace("{title}", escape(title)).rstrip(), *body]) + foot


def of_blocks(blocks: Iterable[Block]) -> str:
    """The page of some blocks: the first heading is its title, and the sections below it are its contents."""
    made = list(blocks)
    title, *sections = (block.text for block in made if isinstance(block, Heading) and block.level < SUBSECTION)
    links = "".join(f'<a href="#{_anchor(text)}">{escape(text)}</a>' for text in sections)
    return page(title, [f"<nav>{links}</nav>", *map(of_block, made)])


def of_block(block: Block) -> str:
    """One block as HTML."""
    match block:
        case Heading(level=level, text=text):
            return f'<h{level} id="{_anchor(text)}">{escape(text)}</h{level}>'
        case Table(head=head, rows=rows):
            top = "".join(f"<th>{escape(name)}</th>" for name in head)
            body = "".join(f"<tr>{''.join(map(_cell, head, row))}</tr>" for row in rows)
            return f'<div class="wide"><table class="cards"><tr>{top}</tr>{body}</table></div>'
        case Lineage(edges=edges):
            fields: dict[str, list[str]] = {}
            for place, field in edges:
                fields.setdefault(place, []).append(field)
            rows = tuple(((Code(place),), codes(names)) for place, names in fields.items())
            return details("Fields by place in the reply", of_block(Table(("place in the reply", "fields"), rows)))
    return f"<p>{_inline(block)}</p>"


def details(summary: str, body: str) -> str:
    """A part of a page that is folded away; `summary` is text, `body` is HTML."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def _cell(label: str, parts: Inline) -> str:
    return f'<td data-label="{escape(label)}">{_inline(parts)}</td>'


def _inline(parts: Inline) -> str:
    """Text and code, which may be broken after a dot."""
    return "".join(
        f"<code>{escape(part).replace('.', '.<wbr>')}</code>" if isinstance(part, Code) and part else escape(part)
        for part in parts
    )


def _anchor(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower()).strip("-")
