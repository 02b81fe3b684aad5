"""The commands about API tokens: token add, list, remove."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper.edges.cli.options import choice
from truto_mapper.edges.cli.output import UsageError, print_json, print_table, write
from truto_mapper.edges.cli.store_options import KeyFile, StoreUrl, moment, opened
from truto_mapper.engine.of_one import METHODS
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.timestamps import instant, rfc_3339

if TYPE_CHECKING:
    from truto_mapper.edges.server.tokens import Grant

tokens = typer.Typer(no_args_is_help=True, help="API tokens: who may call the service, and for what.")


@tokens.command("add")
def add(
    name: Annotated[str, Argument(metavar="NAME", help="Who uses it; shown in `token list` and in logs.")],
    accounts: Annotated[
        list[str] | None, Option("--account", metavar="ID", help="An account it is for; repeat for more.")
    ] = None,
    every: Annotated[bool, Option("--every-account", help="It is for every account, later ones too.")] = False,
    methods: Annotated[
        list[str] | None, Option("--method", metavar="M", help="A method it allows, list and get by default; repeat.")
    ] = None,
    expires: Annotated[str | None, Option(metavar="WHEN", help="Its end: 90d, 12h, or an RFC 3339 date-time.")] = None,
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Make an API token, and print it. It is shown this once: the store keeps a digest of it."""
    if every is bool(accounts):
        raise UsageError("say which accounts the token is for: --account ID, repeated for more, or --every-account")
    if wrong := [one for one in methods or () if one not in METHODS]:
        raise UsageError(f"--method must be one of {', '.join(METHODS)}, not {excerpt(wrong[0])}")
    end = None if expires is None else _end(expires, datetime.now(UTC))
    with opened(url, key_file) as store:
        text = store.add_token(name, accounts=accounts or None, methods=methods or ("list", "get"), expires=end)
        write(text + "\n")
    typer.echo("keep it now: it is not shown again", err=True)


@tokens.command("list")
def list_(
    format_: Annotated[str, choice("--format", ("text", "json"))] = "text",
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """List the API tokens, without their secrets."""
    with opened(url, key_file) as store:
        found = store.tokens()
    if format_ == "json":
        print_json([_about(one) for one in found])
        return
    now = datetime.now(UTC)
    print_table(("ID", "NAME", "METHODS", "ACCOUNTS", "EXPIRES"), [_row(one, now) for one in found])


@tokens.command("remove")
def remove(
    token_id: Annotated[str, Argument(metavar="ID", help="The id of the token, from `token list`.")],
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Remove an API token. Running services refuse it within two seconds."""
    with opened(url, key_file) as store:
        store.remove_token(token_id)
    typer.echo(f"removed token {token_id}", err=True)


def _end(text: str, now: datetime) -> datetime:
    """When a token ends."""
    if found := re.fullmatch(r"([1-9]\d{0,4})([dh])", text):
        return now + timedelta(**{{"d": "days", "h": "hours"}[found[2]]: int(found[1])})
    if (written := rfc_3339(text)) is None:
        raise UsageError(f"--expires must be like 90d, 12h or 2027-01-01T00:00:00Z, not {excerpt(text)}")
    if (end := instant(written)) <= now:
        raise UsageError(f"--expires is in the past: {excerpt(text)}")
    return end


def _about(grant: Grant) -> dict[str, Any]:
    accounts = None if grant.accounts is None else sorted(grant.accounts)
    about = {"id": grant.token, "name": grant.name, "methods": _methods(grant), "accounts": accounts}
    return about | {"created": moment(grant.created), "expires": grant.expires and moment(grant.expires)}


def _row(grant: Grant, now: datetime) -> tuple[str, ...]:
    accounts = "every account" if grant.accounts is None else ", ".join(sorted(grant.accounts)) or "none"
    expires = "never" if grant.expires is None else moment(grant.expires)
    ended = " (expired)" if grant.is_expired(now) else ""
    return grant.token, grant.name, ", ".join(_methods(grant)), accounts, expires + ended


def _methods(grant: Grant) -> list[str]:
    return [method for method in METHODS if method in grant.methods]
