"""The command line: JSON on stdout, diagnostics on stderr; exit 0 for success, 1 for findings, 2 for wrong usage."""

import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

try:
    import rich  # noqa: F401  # output.py needs it
    import typer
except ImportError:
    sys.stderr.write("truto-mapper: the command line needs an extra: pip install 'truto-mapper[cli]'\n")
    raise SystemExit(2) from None

from typer.core import TyperGroup

from truto_mapper import __version__
from truto_mapper.edges.cli.as_given import quickened

#: Where each command is: a module of this package, and its function or group.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("start_commands", "init"),
    "list": ("list_command", "list_"),
    "map": ("mapping_commands", "map_"),
    "plan": ("mapping_commands", "plan"),
    "fetch": ("fetch_command", "fetch"),
    "bulk": ("bulk_command", "bulk"),
    "show": ("mapping_commands", "show"),
    "schema": ("schema_commands", "schema"),
    "validate": ("schema_commands", "validate"),
    "eval": ("mapping_commands", "eval_"),
    "check": ("authoring_commands", "check_"),
    "test": ("case_commands", "run_cases"),
    "explain": ("authoring_commands", "explain_"),
    "coverage": ("authoring_commands", "coverage_"),
    "diff": ("diff_command", "diff_"),
    "drift": ("drift_command", "drift_"),
    "docs": ("authoring_commands", "docs_"),
    "record": ("case_commands", "record"),
    "import": ("import_command", "import_"),
    "serve": ("serve_command", "serve"),
    "mock": ("mock_command", "mock"),
    "key": ("key_command", "key"),
    "account": ("account_commands", "accounts"),
    "token": ("token_commands", "tokens"),
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for: the start stays quick."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": dict.fromkeys(COMMANDS)})
        quickened(self)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  (that of click)
        if cmd_name in COMMANDS and self.commands[cmd_name] is None:
            self.commands[cmd_name] = _imported(cmd_name)
        return self.commands.get(cmd_name)


def _imported(name: str) -> Any:
    module, attribute = COMMANDS[name]
    found = getattr(import_module(f"{__name__}.{module}"), attribute)
    holder = _typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return quickened(typer.main.get_group(holder).commands[name])


def _typer(**options: Any) -> typer.Typer:
    return typer.Typer(pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None, **options)


def _version(is_asked: bool) -> None:  # typer's callback
    if is_asked:
        typer.echo(f"truto-mapper {__version__} (Python {platform.python_version()})")
        raise typer.Exit


app = _typer(name="truto-mapper", no_args_is_help=True, cls=_Commands)


@app.callback()
def _start(
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")] = False,
) -> None:
    """Map providers' replies to unified records, and unified queries to providers' requests.

    To begin with a provider's reply in a file: truto-mapper init --help
    """


def main() -> None:
    """Run the command line on `sys.argv`. Raises SystemExit."""
    for stream, mode in (("stdin", "r"), ("stdout", "w")):
        if getattr(sys, stream) is None:  # the caller closed it
            setattr(sys, stream, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # it stays open
    try:
        app()
    except OSError as error:  # a full disk, a read-only folder, a name that is too long
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"truto-mapper: {where}{error.strerror or error}\n")
        raise SystemExit(2) from None
