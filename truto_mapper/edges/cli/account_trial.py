"""The command that tries an account, with one small call for each mapping of its provider: account test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from truto_mapper import load
from truto_mapper.edges.cli.options import choice, located
from truto_mapper.edges.cli.output import FINDINGS, print_json, print_table, report
from truto_mapper.edges.cli.store_options import KeyFile, StoreUrl, moment, opened
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, QueryError
from truto_mapper.text.record import NamedTuple

if TYPE_CHECKING:
    from truto_mapper.edges.client import Account
    from truto_mapper.edges.server.store import Store


class _Tried(NamedTuple):
    """What came of a call: the name of the mapping, a word, more words, and what was found."""

    mapping: str
    outcome: str
    about: str
    found: tuple[Diagnostic, ...] = ()


def try_(
    account_id: Annotated[str, Argument(metavar="ID", help="The id of the account, from `account list`.")],
    format_: Annotated[str, choice("--format", ("text", "json"))] = "text",
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Try an account: one small call to the provider for each mapping of its integration.

    Tells whether the provider can be reached and takes the credentials, which scopes they lack, and the time zone.
    """
    from truto_mapper.edges.server import accounts

    with opened(url, key_file) as store:
        integration = accounts.existing(store, account_id).integration
        tried = [asyncio.run(_tried(store, account_id, *one)) for one in _mappers(integration)]
    if format_ == "json":
        print_json([{"mapping": one.mapping, "outcome": one.outcome, "about": one.about} for one in tried])
    elif tried:
        print_table(("MAPPING", "OUTCOME", ""), [one[:3] for one in tried])
    if not tried:
        report([Diagnostic("S809", f"no mapping of {integration} is shipped or in ./mappings")])
    report(list(dict.fromkeys(one for each in tried for one in each.found)))
    if not tried or any(one.outcome == "failed" for one in tried):
        raise typer.Exit(FINDINGS)


def _mappers(integration: str) -> Iterator[tuple[str, Mapper[Any]]]:
    """The mappings that can list records. Raises `MappingError`."""
    for name in files.known("mappings", ".yaml"):
        if name.partition("/")[0] == integration:
            mapper = load(located(name))
            if any(one.method == "list" for one in mapper.mapping.endpoints):
                yield name, mapper


async def _tried(store: Store, account_id: str, name: str, mapper: Mapper[Any]) -> _Tried:
    from truto_mapper.edges.client import AsyncClient, Retries
    from truto_mapper.edges.server import accounts

    account = accounts.account_for(store, mapper, accounts.existing(store, account_id))
    async with AsyncClient(mapper, account, retries=Retries(attempts=1)) as client:  # whoever tries wants to know now
        try:
            page = await client.list(_query(mapper))
        except QueryError as error:
            return _Tried(name, "not tried", "a call needs more than this command knows", error.diagnostics)
        except MapperError as error:
            return _Tried(name, "failed", f"{error.code}, status {error.status}", error.diagnostics)
        settings = accounts.found(account, client.account)
    if settings:
        store.remember(account_id, settings)
    found = tuple(one for one in page.diagnostics if one.severity != "note")
    return _Tried(name, "ok", _about(client.account, settings), found)


def _query(mapper: Mapper[Any]) -> dict[str, str]:
    """A query for the least that there is: a record of yesterday."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    query = {"limit": "1"} if "limit" in mapper.mapping.resource.parameters else {}
    for period in mapper.mapping.resource.periods:
        query |= {period.start: moment(today - timedelta(days=1)), period.end: moment(today)}
    return query


def _about(account: Account, settings: dict[str, Any]) -> str:
    told = [
        f"{name} {value}{', found and stored' if name in settings else ''}" for name, value in account.context.items()
    ]
    return "; ".join(told)
