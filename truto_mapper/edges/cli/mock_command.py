"""The command that runs a provider on this machine: mock."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from truto_mapper.edges.cli.output import UsageError, reported, write
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.errors import QueryError

if TYPE_CHECKING:
    from socket import socket

#: The name of the mock that is a whole provider.
GONG = "gong"


def mock(
    name: Annotated[
        str, Argument(metavar="MAPPING", help="gong for a whole company, or any mapping: a name or a file.")
    ],
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="The port; 0 for any that is free.")] = 8790,
    seed: Annotated[int, Option(metavar="N", min=0, help="Another seed makes another company.")] = 1,
    users: Annotated[int, Option(metavar="N", min=1, max=100_000, help="How many users the company has.")] = 250,
    zone: Annotated[str, Option(metavar="ZONE", help="The company's time zone, an IANA name.")] = "America/New_York",
    faults: Annotated[Path | None, Option(metavar="FILE", help="Rules that say which calls go wrong, in YAML.")] = None,
    no_limits: Annotated[
        bool, Option("--no-limits", help="Answer more than 3 calls a second and 10,000 a day.")
    ] = False,
    key: Annotated[list[str] | None, Option(metavar="KEY:SECRET", help="Accept this access key; repeatable.")] = None,
    token: Annotated[
        list[str] | None, Option(metavar="TOKEN[=SCOPES]", help="Accept this token, with these scopes; repeatable.")
    ] = None,
) -> None:
    """Run a provider on this machine, to try mappings and programs on.

    `truto-mapper mock gong` is a Gong with one company, whose numbers agree and are the same each time. For any other
    mapping, answers come from its golden cases, else they are made from the schemas of its replies.
    """
    from truto_mapper.edges import mock as edge

    keys, tokens = _keys(key or [f"{edge.KEY}:{edge.SECRET}"]), _tokens(token or [edge.TOKEN])
    accepted = [edge.Credential.basic(*pair) for pair in keys]
    accepted += [edge.Credential.bearer(*one) for one in tokens]
    with reported():
        if name != GONG:
            raise UsageError("only gong can be mocked")
        try:
            app = edge.gong(
                seed=seed, users=users, zone=zone, faults=faults, limits=not no_limits, credentials=accepted
            )
        except QueryError as error:
            raise UsageError(f"--{error.diagnostics[0].message}") from None
        at = _listening(port)
    (access, secret), (bearer, _) = keys[0], tokens[0]
    about = {"key": access, "secret": secret, "token": bearer, "zone": zone}
    edge.serve(app, at, lambda url: _started({"url": url} | about))


def _keys(given: list[str]) -> list[tuple[str, str]]:
    """The access keys of `--key` and their secrets."""
    pairs = [one.partition(":") for one in given]
    for key, colon, secret in pairs:
        if not (key and colon and secret):
            raise UsageError(f"--key must be KEY:SECRET, not {excerpt(key + colon + secret)}")
    return [(key, secret) for key, _, secret in pairs]


def _tokens(given: list[str]) -> list[tuple[str, list[str]]]:
    """The tokens of `--token` and their scopes; without scopes a token has all."""
    from truto_mapper.edges.mock import SCOPES

    found = []
    for one in given:
        token, _, scopes = one.partition("=")
        named = [scope.strip() for scope in scopes.split(",") if scope.strip()] or list(SCOPES)
        if unknown := set(named) - set(SCOPES):
            raise UsageError(f"--token names {excerpt(min(unknown))}, which is not one of {', '.join(SCOPES)}")
        found.append((token, named))
    return found


def _listening(port: int) -> socket:
    from truto_mapper.edges import mock as edge

    try:
        return edge.listening(port)
    except OSError as error:
        raise UsageError(f"--port {port}: {error.strerror}; choose another, or 0 for any that is free") from None


def _started(about: dict[str, str]) -> None:
    """Say where the mock is: to a person, or as a line of JSON to a program."""
    if not sys.stdout.isatty():
        write(json.dumps(about) + "\n")
        return
    asked = '{"filter": {"fromDate": "2026-01-01", "toDate": "2026-02-01"}}'
    write(
        f"Gong is at {about['url']}, its time zone is {about['zone']}. Ctrl-C ends it.\n\n"
        f"  access key  {about['key']}\n  secret      {about['secret']}\n  or a token  {about['token']}\n\n"
        f"Try it:\n  curl -u {about['key']}:{about['secret']} {about['url']}/v2/stats/activity/aggregate"
        f" -d '{asked}'\n"
    )
