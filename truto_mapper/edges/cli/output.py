"""What commands print: JSON and text on stdout, diagnostics on stderr, and the exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import typer

from truto_mapper.engine import rendering
from truto_mapper.text import reports
from truto_mapper.text.diagnostics import Diagnostic, printable
from truto_mapper.text.errors import MapperError

FINDINGS, USAGE = 1, 2


class UsageError(typer.BadParameter):
    """Wrong usage of the command line: exit 2."""

    def format_message(self) -> str:
        """The message alone, without typer's "Invalid value:" before it."""
        return self.message


def print_json(value: Any) -> None:
    """JSON, in colours on a terminal."""
    text = rendering.dumps(value, indent=2)
    if sys.stdout.isatty():
        from rich.console import Console

        Console(soft_wrap=True).print_json(text)
    else:
        write(text + "\n")


def write(text: str) -> None:
    """Text on stdout."""
    sys.stdout.buffer.write(text.encode(errors="replace"))  # a payload may hold half a surrogate pair
    sys.stdout.flush()


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows below a head, in columns as wide as they need."""
    lines = [[printable(cell) for cell in cells] for cells in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, cells in enumerate(lines):
        text = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
        typer.echo(text if number else typer.style(text, bold=True))


def report(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics on stderr, separated by blank lines."""
    texts = [("\n" if number else "") + found.render() for number, found in enumerate(diagnostics)]
    if not sys.stderr.isatty() and _COLOURED.isdisjoint(os.environ):
        for text in texts:
            typer.echo(text, err=True)
    elif texts:
        _print_coloured(texts)


#: Variables by which rich takes what is no terminal for one.
_COLOURED = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})


def _print_coloured(texts: Sequence[str]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for plain in texts:
        text = Text(plain)
        text.highlight_regex(r"(?m)^error\[\w+\]", "bold red")
        text.highlight_regex(r"(?m)^warning\[\w+\]", "bold yellow")
        text.highlight_regex(r"(?m)^note\[\w+\]", "bold blue")
        text.highlight_regex(r"(?m)^ *(\d+ )?\||-->|^ +=", "blue")
        text.highlight_regex(r"(?m)(?<=\| )\s*\^+$", "bold red")
        console.print(text)


@contextmanager
def progress_bar(*columns: Any, first: str, **about: Any) -> Iterator[Callable[..., object]]:
    """A function that updates a progress bar on stderr; where that is no terminal, it does nothing."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda **_: None
        return
    with Progress(*columns, console=console, transient=True) as bar:
        yield partial(bar.update, bar.add_task(first, **about))


@contextmanager
def reported(format_: str = "text") -> Iterator[None]:
    """Turn errors into diagnostics, on stderr or in a format on stdout, and an exit code; never a traceback."""
    try:
        yield
    except MapperError as error:
        conclude(error.diagnostics, format_, exit_code=USAGE if error.code == "M105" else FINDINGS)


def conclude(found: Sequence[Diagnostic], format_: str, checked: Sequence[str] = (), *, exit_code: int = 0) -> None:
    """Print findings, on stderr as text or on stdout in another format; exit unless the code is 0."""
    report(found) if format_ == "text" else write(reports.render(found, format_, checked))
    if exit_code:
        raise typer.Exit(exit_code)
