"""What the commands about accounts and tokens share: where the store is, and how secrets are asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from truto_mapper.edges.cli.output import UsageError, reported

if TYPE_CHECKING:
    from truto_mapper.edges.server.store import Store

StoreUrl = Annotated[
    str | None,
    Option("--store", metavar="URL", help="sqlite:///PATH or postgresql://…; else TRUTO_MAPPER_STORE, else your own."),
]
KeyFile = Annotated[
    Path | None,
    Option("--key-file", metavar="FILE", help="The keys; else TRUTO_MAPPER_KEY, else TRUTO_MAPPER_KEY_FILE."),
]
SecretEnv = Annotated[
    str | None, Option("--secret-env", metavar="NAME", help="The environment variable that holds the secret.")
]

NEEDED = "truto-mapper: accounts and tokens need an extra: pip install 'truto-mapper[server]'\n"


@contextmanager
def opened(url: str | None, key_file: Path | None) -> Iterator[Store]:
    """The store, closed at the end; errors are reported and exit."""
    try:
        from truto_mapper.edges.server.opening import open_store
    except ImportError:
        sys.stderr.write(NEEDED)
        raise typer.Exit(2) from None
    with reported(), closing(open_store(os.environ, url, key_file)) as store:
        yield store


def secret(about: str, variable: str | None) -> str:
    """A secret: of the environment, typed without being shown, or the first line of stdin. Never an argument.

    Other users of the machine can read the arguments of a process.
    """
    if variable is not None:
        found = os.environ.get(variable, "")
        where = f"the environment variable {variable}"
    elif sys.stdin.isatty():
        found, where = typer.prompt(about.capitalize(), hide_input=True, err=True), "what was typed"
    else:
        found, where = sys.stdin.readline(), "stdin"
    if not (text := found.strip("\r\n")):
        raise UsageError(f"{where} holds no secret: a {about} is needed")
    return str(text)


def moment(when: datetime) -> str:
    """A moment in UTC as RFC 3339."""
    return when.isoformat().replace("+00:00", "Z")
