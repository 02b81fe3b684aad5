"""The HTML of docs and coverage: one file that needs no other, in the colours that the reader's system prefers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from truto_mapper.authoring.blocks import Block, Code, Heading, Inline, Lineage, Table, codes

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<main>
{body}
</main>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --dim: #59636e; --ground: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --link: #0969da; --ok: #1a7f37; --no: #cf222e; --half: #9a6700; --mono: ui-monospace, "SF Mono", Menlo, monospace; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --ground: #0d1117; --card: #151b23;
  --line: #30363d; --link: #58a6ff; --ok: #3fb950; --no: #f85149; --half: #d29922; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.6 system-ui, sans-serif; }
main { max-width: 80rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.25; letter-spacing: -.02em; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 3rem 0 .9rem; padding-bottom: .4rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 2rem 0 .7rem; }
p { margin: .4rem 0; max-width: 50rem; color: var(--dim); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: .4rem; margin: 1.2rem 0 0; }
nav a { border: 1px solid var(--line); border-radius: 2rem; padding: .1rem .8rem; font-size: .87rem; }
code { font: .85em/1.5 var(--mono); background: var(--card); border: 1px solid var(--line); border-radius: .35em;
  padding: .08em .35em; overflow-wrap: anywhere; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .8rem; border-bottom: 1px solid var(--line); }
th { background: var(--card); color: var(--dim); font-size: .8rem; font-weight: 600; }
tr:last-child td { border-bottom: 0; }
td:first-child code { white-space: nowrap; }
summary { cursor: pointer; color: var(--dim); } details { margin-top: .7rem; } li { margin: .15rem 0; }
.counters { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.5rem 0; }
.counters div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem; }
.counters b { display: block; font-size: 1.8rem; line-height: 1.3; } .counters small { color: var(--dim); }
.bar { display: block; height: .4rem; border-radius: 1rem; margin: .4rem 0; background: linear-gradient(
  to right, var(--ok) var(--share), color-mix(in srgb, var(--no) 35%, transparent) var(--share)); }
.code table { font: 13px/1.6 var(--mono); } .code td { border: 0; padding: 0 .8rem; white-space: pre; }
td.n { text-align: right; color: var(--dim); user-select: none; width: 1%; }
td.t { border-left: 3px solid transparent; } td i { color: var(--half); font-family: system-ui, sans-serif; }
tr.ok td.t { border-left: 3px solid var(--ok); }
tr.no td.t { border-left: 3px solid var(--no); background: color-mix(in srgb, var(--no) 12%, transparent); }
tr.half td.t { border-left: 3px solid var(--half); background: color-mix(in srgb, var(--half) 12%, transparent); }
@media (max-width: 48rem) {
  main { padding: 1.5rem 1rem 3rem; } h1 { font-size: 1.5rem; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; } .cards tr:first-child { display: none; }
  .cards tr { padding: .6rem .2rem; border-bottom: 1px solid var(--line); } .cards tr:last-child { border: 0; }
  .cards td { border: 0; padding: .15rem .8rem; } .cards td:empty { display: none; }
  .cards td:first-child code { white-space: normal; }
  .cards td:not(:first-child)::before { content: attr(data-label) " "; color: var(--dim); font-size: .8rem; }
}
"""

#: The level of headings that are not among the contents.
SUBSECTION = 3


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; `title` is text, `body` is HTML."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(body))


def of_blocks(blocks: Iterable[Block]) -> str:
    """The page of some blocks: the first heading is its title, the sections below it are its contents."""
    made = list(blocks)
    title, *sections = (block.text for block in made if isinstance(block, Heading) and block.level < SUBSECTION)
    links = "".join(f'<a href="#{_anchor(text)}">{escape(text)}</a>' for text in sections)
    first = next(number for number, block in enumerate(made) if isinstance(block, Heading) and block.text in sections)
    head, rest = ([of_block(block) for block in some] for some in (made[:first], made[first:]))
    return page(title, [*head, f"<nav>{links}</nav>", *rest])


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
