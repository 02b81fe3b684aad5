"""The command that runs the service: serve."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from typer import Argument, Option

from truto_mapper.edges.cli.options import located
from truto_mapper.edges.cli.output import UsageError, reported, write
from truto_mapper.edges.cli.store_options import KeyFile, StoreUrl
from truto_mapper.text import files
from truto_mapper.text.diagnostics import excerpt

if TYPE_CHECKING:
    from socket import socket

    from truto_mapper.edges.server.serving import Service

NEEDED = "truto-mapper: the service needs an extra: pip install 'truto-mapper[server]'\n"

#: The environment variable with the URL of Redis, whose password others could read among the arguments of a process.
REDIS = "TRUTO_MAPPER_REDIS"

Names = Annotated[
    list[str] | None,
    Argument(metavar="MAPPING", help="Files or names; by default those in ./mappings and all shipped ones."),
]
Redis = Annotated[
    str | None,
    Option(
        metavar="URL",
        help="redis://HOST:6379/0, else TRUTO_MAPPER_REDIS: several processes keep the provider's limits together.",
    ),
]
Host = Annotated[str, Option(metavar="ADDRESS", help="The address to listen at; 0.0.0.0 is all of them.")]
Port = Annotated[int, Option(metavar="N", min=0, max=65535, help="The port; 0 is any that is free.")]
MaxWait = Annotated[float, Option(metavar="S", min=0, help="Seconds that a call may wait for its turn at a limit.")]
Timeout = Annotated[float, Option(metavar="S", min=0.1, help="Seconds that a call, or a page of a stream, may take.")]
MaxCalls = Annotated[int, Option(metavar="N", min=1, help="Calls that are answered at a time.")]
Grace = Annotated[float, Option(metavar="S", min=0, help="Seconds that calls have to end when the service stops.")]
Cors = Annotated[list[str] | None, Option(metavar="ORIGIN", help="Let web pages of https://… call; repeat for more.")]
LogTo = Annotated[str, Option("--log", metavar="FILE", help="Where lines go: a file, `-` for stderr, or `none`.")]
IsDemo = Annotated[bool, Option("--demo", help="Try it: with a mock of Gong, an account and a token.")]


def serve(
    names: Names = None,
    store: StoreUrl = None,
    key_file: KeyFile = None,
    redis: Redis = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    max_wait: MaxWait = 20,
    timeout: Timeout = 60,
    max_calls: MaxCalls = 200,
    grace: Grace = 30,
    cors: Cors = None,
    log: LogTo = "-",
    is_demo: IsDemo = False,
) -> None:
    """Serve the unified API of mappings over HTTP.

    Accounts and tokens are in the store: see `truto-mapper account` and `truto-mapper token`.
    """
    _check_origins(cors or [])
    if is_demo and (store or key_file):
        raise UsageError("--demo has a store and a key of its own: leave out --store and --key-file")
    options = {"max_wait": max_wait, "timeout": timeout, "max_calls": max_calls, "cors": cors or ()}
    from truto_mapper.edges.loading import load

    try:
        from truto_mapper.edges.server import demo, serving
    except ImportError:
        sys.stderr.write(NEEDED)
        raise typer.Exit(2) from None
    with reported(), _stream(log) as stream, _listening(host, port) as socket:
        given = demo.demo() if is_demo else serving.opened(os.environ, store, key_file)
        with given as service:
            mappers = [
                load(located(name), cursor_key=service.store.cursor_keys)
                for name in names or sorted(files.known("mappings", ".yaml"))
            ]
            made = serving.application(mappers, service.store, stream, redis=redis or os.environ.get(REDIS), **options)
            _say(f"http://{f'[{host}]' if ':' in host else host}:{socket.getsockname()[1]}", service)
            serving.run(made, socket, stream, grace)


def _check_origins(origins: list[str]) -> None:
    for one in origins:
        if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?", one):
            raise UsageError(f"--cors must be an origin such as https://app.example.com, not {excerpt(one)}")


@contextmanager
def _stream(where: str) -> Iterator[TextIO]:
    """Where the log goes."""
    if where == "-":
        yield sys.stderr
        return
    try:
        opened = Path(os.devnull if where == "none" else where).open("a", encoding="utf-8")  # noqa: SIM115  # see below
    except OSError as error:
        raise UsageError(f"cannot write the log {where}: {error.strerror or error}") from None
    with opened as stream:
        yield stream


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket]:
    from truto_mapper.edges.server import serving

    try:
        made = serving.listening(host, port)
    except OSError as error:
        message = f"cannot listen at {host}, port {port}: {error.strerror or error}"
        raise UsageError(f"{message}; choose another --port, or 0 for any that is free") from None
    with made:
        yield made


def _say(url: str, service: Service) -> None:
    """Say where the service is, and how a demo is called: to a person, or as a line of JSON to a program."""
    if not sys.stdout.isatty():
        known = {"url": url, "token": service.token, "integrated_account_id": service.account}
        write(json.dumps({name: value for name, value in known.items() if value is not None}) + "\n")
        return
    if service.token is None:
        write(f"The service is at {url}; the page to try it is {url}/docs. Ctrl-C ends it.\n")
        return
    month = "start_time=2026-01-01T00:00:00-05:00&end_time=2026-02-01T00:00:00-05:00"  # whole days of its company
    write(f"""\
A service with a mock of Gong, whose users are made up.

  token                  {service.token}
  integrated_account_id  {service.account}

Call it:
  curl -H 'Authorization: Bearer {service.token}' \\
    '{url}/unified/conversational-intelligence/activity?integrated_account_id={service.account}&{month}&limit=2'

Or open {url}/docs, press Authorize and paste the token. Ctrl-C ends it.
""")
