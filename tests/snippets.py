"""The snippets of a Markdown page: parsed, run in the order of the page, and compared with the output they show.

- A fenced block below a line that ends in a file's name, `like/this.yaml`:, is that file; a `diff` there edits it.
- `python` blocks run one after another in one namespace.
- `console` blocks hold commands (`$ truto-mapper …`, `$ cat …`) with their output, stdout and stderr together. A line
  `…` stands for any lines.

A page with files of its own runs in an empty folder, any other page in the checkout.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

import truto_mapper
from truto_mapper.edges import cli

ROOT = Path(truto_mapper.__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Pages that a command writes; their snippets are tested where they come from.
GENERATED = {"codes.md", "gong-activity.md"}

FENCE = re.compile(
    r"(?:^[^\n]*`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `file` is the name of the file that it is, `start` and `end` delimit its text in the page."""

    kind: str
    text: str
    file: str | None
    start: int
    end: int


def blocks(page: str) -> list[Block]:
    return [Block(one["kind"], one["text"], one["file"], *one.span("text")) for one in FENCE.finditer(page)]


def run(page: str) -> str:
    """The page with the output that its commands have now. Writes its files into the working directory."""
    namespace: dict[str, object] = {}
    made, end = [], 0
    for block in blocks(page):
        if block.file is not None:
            write(block)
        elif block.kind == "python":
            exec(compile("\n" * page.count("\n", 0, block.start) + block.text, "page", "exec"), namespace)
        elif block.kind == "console":
            made += [page[end : block.start], *session(block.text)]
            end = block.end
    return "".join([*made, page[end:]])


def write(block: Block) -> None:
    path = Path(block.file or "")
    if block.kind == "diff":
        sides = [[line[1:] for line in block.text.splitlines() if not line.startswith(other)] for other in "+-"]
        old, new = ("\n".join(lines) + "\n" for lines in sides)
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{path} does not have these lines:\n{old}"
        path.write_text(text.replace(old, new), "utf-8")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, "utf-8")


def session(text: str) -> Iterator[str]:
    """Each command of a console block with its output: as it is shown if that is right, else as it is."""
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE)[1:]:
        command = re.match(r"\$ (?:.*\\\n)*.*\n", part)[0]
        shown, found = part.removeprefix(command), output(command[2:].replace("\\\n", ""))
        yield command
        yield shown if fits(shown, found) else elided(shown, found)


def elided(shown: str, found: str) -> str:
    """What is found, with as many lines left out as `shown` leaves out: it keeps as many at both ends."""
    head, gap, tail = shown.partition("…\n")
    lines, last = found.splitlines(keepends=True), tail.count("\n")
    return "".join([*lines[: head.count("\n")], gap, *lines[len(lines) - last :]]) if gap else found


def fits(shown: str, found: str) -> bool:
    pattern = ".*".join(re.escape(piece) for piece in re.split(r"^…\n", shown, flags=re.MULTILINE))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def output(command: str) -> str:
    """What a command prints, stdout and stderr in their order; `> FILE` takes what goes to stdout."""
    program, *arguments = shlex.split(command)
    target = None
    if ">" in arguments:
        *arguments, _, target = arguments
    if program == "cat":
        return "".join(Path(name).read_text("utf-8") for name in arguments)
    assert program == "truto-mapper", command
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), command
    if target is not None:
        Path(target).write_text(done.stdout, "utf-8")
    return done.stderr if target is not None else done.output
