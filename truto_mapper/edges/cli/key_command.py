"""The command that makes a key for sealing credentials: key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from truto_mapper.edges.cli.output import UsageError, write
from truto_mapper.edges.cli.store_options import NEEDED


def key(
    file: Annotated[
        Path | None, Option("--write", metavar="FILE", help="Write it into a new file that only you can read.")
    ] = None,
) -> None:
    """Make a key that seals the credentials of accounts.

    Keep it away from the store and its backups, and keep a copy: without it the credentials are lost.
    """
    try:
        from truto_mapper.edges.server import keys
    except ImportError:
        sys.stderr.write(NEEDED)
        raise typer.Exit(2) from None
    if file is None:
        write(keys.new_key() + "\n")
        return
    try:
        made = keys.write_key(file)
    except FileExistsError:
        raise UsageError(f"{file} exists; a key is never overwritten") from None
    typer.echo(f"wrote key {made} to {file}; use it with --key-file or TRUTO_MAPPER_KEY_FILE", err=True)
