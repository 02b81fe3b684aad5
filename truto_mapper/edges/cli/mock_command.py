"""The command that runs a provider on this machine: mock."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.output import UsageError, reported, write
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.errors import QueryError

if TYPE_CHECKING:
    from socket import socket

#: The name of the mock that is a whole provider.
GONG = "gong"

#: Its company, if nothing else is said.
SEED, USERS, ZONE = 1, 250, "America/New_York"


def mock(
    name: Annotated[
        str, Argument(metavar="MAPPING", help="gong for a whole company, or any mapping: a name or a file.")
    ],
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="The port; 0 for any that is free.")] = 8790,
    seed: Annotated[int, Option(metavar="N", min=0, help="Another seed makes another company.")] = SEED,
    users: Annotated[int, Option(metavar="N", min=1, max=100_000, help="How many users the company has.")] = USERS,
    zone: Annotated[str, Option(metavar="ZONE", help="The company's time zone, an IANA name.")] = ZONE,
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
    try:
        from truto_mapper.edges import mock as edge
    except ImportError:
        raise UsageError("mock needs an extra: pip install 'truto-mapper[mock]'") from None
    company = {"seed": seed, "users": users, "zone": zone, "limits": not no_limits}
    with reported():
        if name == GONG:
            keys, tokens = _keys(key or [f"{edge.KEY}:{edge.SECRET}"]), _tokens(token or [edge.TOKEN])
            accepted = [*map(edge.Credential.basic, *zip(*keys, strict=True))]
            accepted += map(edge.Credential.bearer, *zip(*tokens, strict=True))
            app = _gong(faults=faults, credentials=accepted, **company)
            about = {"key": keys[0][0], "secret": keys[0][1], "token": tokens[0][0], "zone": zone}
        else:
            _only_of_gong(name, company | {"key": key, "token": token})
            app, about = _replay(options.one_mapping(name), faults), {}
        at = _listening(port)
    edge.serve(app, at, lambda url: _started(name, {"url": url} | about))


def _only_of_gong(name: str, given: dict[str, Any]) -> None:
    """Refuse the options that make a company where there is none."""
    others = {"seed": SEED, "users": USERS, "zone": ZONE, "limits": True, "key": None, "token": None}
    if wrong := [option for option, value in given.items() if value != others[option]]:
        options_ = ", ".join(f"--{'no-' * (option == 'limits')}{option}" for option in wrong)
        raise UsageError(f"{options_}: only `truto-mapper mock gong` has this, not the mock of {name}")


def _replay(mapping: Path, faults: Path | None) -> Any:  # an ASGI app
    from truto_mapper.edges.mock.replay import replay

    return replay(mapping, faults=faults)


def _gong(**company: Any) -> Any:  # an ASGI app
    from truto_mapper.edges import mock as edge

    try:
        return edge.gong(**company)
    except QueryError as error:
        raise UsageError(f"--{error.diagnostics[0].message}") from None


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


def _started(name: str, about: dict[str, str]) -> None:
    """Say where the mock is: to a person, or as a line of JSON to a program."""
    if not sys.stdout.isatty():
        write(json.dumps(about) + "\n")
    elif name == GONG:
        write(_HELLO.format_map(about))
    else:
        write(f"The provider of {name} is at {about['url']}. Ctrl-C ends it.\n")


_HELLO = """\
Gong is at {url}; the time zone of its company is {zone}. Ctrl-C ends it.

  access key  {key}
  secret      {secret}
  or a token  {token}

Try it:
  curl -u {key}:{secret} {url}/v2/stats/activity/aggregate \\
    -H 'Content-Type: application/json' -d '{{"filter": {{"fromDate": "2026-01-01", "toDate": "2026-02-01"}}}}'
"""
