"""The snippets of a Markdown page: parsed, run in the order of the page, and compared with the output they show.

- A fenced block below a line that ends in a file's name, `like/this.yaml`:, is that file; a `diff` there edits it.
- `python` blocks run one after another in one namespace.
- `console` blocks hold commands (`$ truto-mapper …`, `$ curl …`, `$ cat …`) with their output, stdout and stderr
  together. A line `…` stands for any lines.
- A command that ends in `&` runs beside the page until its end, with a free port in place of its own; its output is its
  first line. The values in a line of JSON may be others than the page shows: the real ones take their places.

A page with files of its own runs in an empty folder, any other page in the checkout.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
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


@dataclass
class Beside:
    """Commands that run beside a page; `ports` are those that they really have, by those of the page.

    `values` are those that they really print, such as tokens, by those that the page shows.
    """

    running: list[subprocess.Popen[str]] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def start(self, arguments: list[str]) -> str:
        """The first line of the output of a command that goes on."""
        command = [sys.executable, "-m", "truto_mapper.edges.cli", *arguments]
        self.running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return self.running[-1].stdout.readline()

    def real(self, text: str) -> str:
        """A text of the page with the ports that its commands really have."""
        for port in re.findall(r"--port (\d+)", text):
            self.ports.setdefault(port, free_port())
        for port, real in self.ports.items():
            text = re.sub(rf"(--port |127\.0\.0\.1:){port}\b", rf"\g<1>{real}", text)
        for shown, real in self.values.items():
            text = text.replace(shown, real)
        return text

    def learn(self, shown: str, found: str) -> None:
        """Learn the values in a line of JSON; ports are known."""
        if shown.startswith("{") and found.startswith("{"):
            pairs = zip(json.loads(shown).values(), json.loads(self.shown(found)).values(), strict=True)
            self.values |= {one: other for one, other in pairs if one != other}

    def shown(self, text: str) -> str:
        """A text with the ports that the page shows."""
        for port, real in self.ports.items():
            text = text.replace(f"127.0.0.1:{real}", f"127.0.0.1:{port}")
        for shown, real in self.values.items():
            text = text.replace(real, shown)
        return text

    def stop(self) -> None:
        for one in self.running:
            one.terminate()
            one.communicate(timeout=20)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def curl(arguments: list[str]) -> str:
    """What curl prints with the few options that the pages use; the machine may have none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    for option in ("-u", "-d", "-o", "-X"):
        parser.add_argument(option)
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-g", action="store_true")
    asked = parser.parse_args(arguments)
    headers = {name: value.strip() for name, _, value in (one.partition(":") for one in asked.H)}
    auth = tuple(asked.u.split(":")) if asked.u else None
    method = asked.X or ("POST" if asked.d else "GET")
    reply = httpx2.request(method, asked.url, content=asked.d, headers=headers, auth=auth)
    if asked.o is not None:
        Path(asked.o).write_bytes(reply.content)
        return ""
    head = [f"HTTP/1.1 {reply.status_code} {reply.reason_phrase}", *(": ".join(one) for one in reply.headers.items())]
    return "\n".join([*(head if asked.i else ()), *([""] if asked.i else ()), reply.text.rstrip("\n")]) + "\n"


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
    beside = Beside()
    try:
        return _run(page, beside)
    finally:
        beside.stop()


def _run(page: str, beside: Beside) -> str:
    namespace: dict[str, object] = {}
    made, end = [], 0
    for block in blocks(page):
        if block.file is not None:
            write(replace(block, text=beside.real(block.text)))
        elif block.kind == "python":
            code = "\n" * page.count("\n", 0, block.start) + beside.real(block.text)
            exec(compile(code, "page", "exec"), namespace)
        elif block.kind == "console":
            made += [page[end : block.start], *session(block.text, beside)]
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


def session(text: str, beside: Beside) -> Iterator[str]:
    """Each command of a console block with its output: as it is shown if that is right, else as it is."""
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE)[1:]:
        command = re.match(r"\$ (?:.*\\\n)*.*\n", part)[0]
        shown, found = part.removeprefix(command), output(beside.real(command[2:].replace("\\\n", "")), beside)
        if command.endswith("&\n"):
            beside.learn(shown, found)
        found = beside.shown(found)
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


def output(command: str, beside: Beside) -> str:
    """What a command prints, stdout and stderr in their order; `> FILE` takes what goes to stdout."""
    program, *arguments = shlex.split(command)
    target = None
    if ">" in arguments:
        *arguments, _, target = arguments
    if program == "cat":
        return "".join(Path(name).read_text("utf-8") for name in arguments)
    if program == "curl":
        return curl(arguments)
    assert program == "truto-mapper", command
    if arguments[-1:] == ["&"]:
        return beside.start(arguments[:-1])
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), command
    if target is not None:
        Path(target).write_text(done.stdout, "utf-8")
    return done.stderr if target is not None else done.output
