"""The commands about accounts: account add, list, rotate, remove; `account_trial` has test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper import load
from truto_mapper.edges.cli import account_trial
from truto_mapper.edges.cli.input import read
from truto_mapper.edges.cli.options import choice, located, settings
from truto_mapper.edges.cli.output import UsageError, print_json, print_table, report, reported, write
from truto_mapper.edges.cli.store_options import KeyFile, SecretEnv, StoreUrl, moment, opened, secret
from truto_mapper.engine.settings import Settings
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError, QueryError
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.edges.server.credentials import Credentials
    from truto_mapper.edges.server.store import Entry

accounts = typer.Typer(no_args_is_help=True, help="Accounts at providers: where they are, and how they sign in.")

AccountId = Annotated[str, Argument(metavar="ID", help="The id of the account, from `account list`.")]
Basic = Annotated[
    str | None,
    Option("--basic", metavar="USER", help="User and password (Gong: access key and secret); it asks for it."),
]
Bearer = Annotated[bool, Option("--bearer", help="A token that does not change; it asks for it.")]
OAuth = Annotated[
    str | None, Option("--oauth", metavar="FILE", help="What renews a token: YAML or JSON, or - for stdin.")
]


@accounts.command("add")
def add(
    integration: Annotated[str, Option(metavar="NAME", help="The provider, as the mappings name it: gong.")],
    base_url: Annotated[str, Option(metavar="URL", help="Where the provider is: https://api.gong.io.")],
    basic: Basic = None,
    bearer: Bearer = False,
    oauth: OAuth = None,
    secret_env: SecretEnv = None,
    context: Annotated[
        list[str] | None, Option(metavar="K=V", help="A setting of the account, an object as JSON, or @FILE; repeat.")
    ] = None,
    name: Annotated[str, Option(metavar="TEXT", help="What people call it; shown in `account list`.")] = "",
    account_id: Annotated[str | None, Option("--id", metavar="UUID", help="Its id; a new one by default.")] = None,
    allow_http: Annotated[
        bool, Option("--allow-http", help="Let credentials travel unencrypted, in a network of your own.")
    ] = False,
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Store an account, and print its id: the integrated_account_id of calls.

    The secret is asked for on a terminal, else read from stdin or from the environment. It is never an argument.
    """
    _check_ways(basic, bearer, oauth)
    with reported():
        given = _context(context)
        _check_context(integration, given)
    with opened(url, key_file) as store:
        credentials = _credentials(basic, oauth, secret_env)
        more: dict[str, Any] = {"context": given, "name": name, "account_id": account_id, "allow_http": allow_http}
        made = store.add_account(integration, base_url, credentials, **more)
        write(made + "\n")


@accounts.command("list")
def list_(
    format_: Annotated[str, choice("--format", ("text", "json"))] = "text",
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """List the accounts, without their credentials."""
    with opened(url, key_file) as store:
        found = store.accounts()
    if format_ == "json":
        print_json([_about(one) for one in found])
    else:
        print_table(("ID", "NAME", "INTEGRATION", "BASE URL", "AUTH", "KEY", "CONTEXT"), [_row(one) for one in found])


accounts.command("test")(account_trial.try_)


@accounts.command("rotate")
def rotate(
    account_id: Annotated[str | None, Argument(metavar="ID", help="The account that gets new credentials.")] = None,
    basic: Basic = None,
    bearer: Bearer = False,
    oauth: OAuth = None,
    secret_env: SecretEnv = None,
    keys: Annotated[bool, Option("--keys", help="Seal every account with the first key.")] = False,
    url: StoreUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Give an account new credentials, or seal all accounts with a new key.

    For a new key give both, the new one first: TRUTO_MAPPER_KEY=new,old. It may be stopped and run again.
    """
    if keys is (account_id is not None):
        raise UsageError("name the account that gets new credentials, or say --keys for all accounts")
    if account_id is not None:
        _check_ways(basic, bearer, oauth)
    with opened(url, key_file) as store:
        if account_id is None:
            done = sum(1 for _ in store.reseal())
            typer.echo(f"sealed {done} account{'' if done == 1 else 's'} with key {store.key}", err=True)
        else:
            store.replace_credentials(account_id, _credentials(basic, oauth, secret_env))
            typer.echo(f"account {account_id} has new credentials", err=True)


@accounts.command("remove")
def remove(account_id: AccountId, url: StoreUrl = None, key_file: KeyFile = None) -> None:
    """Remove an account with its credentials. Tokens no longer name it."""
    with opened(url, key_file) as store:
        store.remove_account(account_id)
    typer.echo(f"removed account {account_id}", err=True)


# ── Credentials and settings ─────────────────────────────────────────────────────────────────────────────────────


def _check_ways(user: str | None, is_bearer: bool, file: str | None) -> None:
    if (user is not None) + is_bearer + (file is not None) != 1:
        raise UsageError("say how the account signs in: one of --basic USER, --bearer, --oauth FILE")


def _credentials(user: str | None, file: str | None, variable: str | None) -> Credentials:
    from truto_mapper.edges.server import credentials

    if user is not None:
        return credentials.basic(user, secret("password", variable))
    if file is None:
        return credentials.bearer(secret("token", variable))
    return credentials.oauth(_secrets(file))


def _secrets(file: str) -> Any:
    """The value of a file of secrets; an error does not quote it."""
    source = read(file)
    try:
        return yaml_tree.parse(source).plain()
    except MappingError as error:
        where = f" at line {source.position(error.span.start)[0]}" if error.span is not None else ""
        raise MappingError(Diagnostic(error.code, f"{file} is not valid YAML or JSON{where}")) from None


def _context(given: list[str] | None) -> dict[str, Any]:
    """The settings of `--context`: NAME=VALUE, an object, or @FILE that holds one."""
    found: dict[str, Any] = {}
    for one in given or ():
        if one.startswith("@"):
            made = _secrets(one[1:])
        elif one.lstrip().startswith("{"):
            made = yaml_tree.parse(Source("--context", one)).plain()
        else:
            made = settings([one])
        if not isinstance(made, dict) or (twice := [name for name in made if name in found]):
            why = "must be an object" if not isinstance(made, dict) else f"gives {excerpt(twice[0])} twice"
            raise UsageError(f"--context {why}")
        found |= made
    return found


def _check_context(integration: str, context: Mapping[str, Any]) -> None:
    """Hold the settings against the mappings of the provider, each against those it declares.

    Raises `MappingError` and `QueryError` Q509.
    """
    known = files.known("mappings", ".yaml")
    mine = [name for name in known if name.partition("/")[0] == integration]
    if not mine:
        hint = did_you_mean(integration, {name.partition("/")[0] for name in known})
        message = f"no mapping of {excerpt(integration)} is shipped or in ./mappings, so its settings are not checked"
        report([Diagnostic("S809", message, severity="warning", hint=hint)])
    if not (mine and context):
        return
    mappings = [load(located(name)).mapping for name in mine]
    declared = set().union(*(mapping.context_schemas for mapping in mappings))
    found = [
        Diagnostic(
            "Q509", f"no mapping of {integration} has a setting {excerpt(name)}", hint=did_you_mean(name, declared)
        )
        for name in context
        if name not in declared
    ]
    for mapping in mappings:
        try:
            Settings(mapping).of({name: value for name, value in context.items() if name in mapping.context_schemas})
        except QueryError as error:
            found += [one for one in error.diagnostics if one not in found]
    if found:
        raise QueryError(found)


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────


def _about(entry: Entry) -> dict[str, Any]:
    about = {"id": entry.id, "name": entry.name, "integration": entry.integration, "base_url": entry.base_url}
    return about | {"auth": entry.auth, "key": entry.key, "context": entry.context, "created": moment(entry.created)}


def _row(entry: Entry) -> tuple[str, ...]:
    pairs = [f"{name}={value if isinstance(value, str) else excerpt(value)}" for name, value in entry.context.items()]
    context = ", ".join(pairs)
    return entry.id, entry.name, entry.integration, entry.base_url, entry.auth, entry.key, context
