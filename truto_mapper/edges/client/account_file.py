"""Accounts in files and in the environment: YAML or JSON, whose secrets may be variables of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from truto_mapper.edges.client.account import Account, refuse
from truto_mapper.edges.client.auth import Auth, Basic, Bearer
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError, QueryError
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source

#: What says that a text is the value of a variable, and the largest file, in bytes.
PREFIX, MAX_BYTES = "env:", 1_000_000


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Basic(_Document):
    username: str
    password: str


class _Auth(_Document):
    basic: _Basic | None = None
    bearer: str | None = None


class AccountDocument(_Document):
    """An account in a file: see docs/client.md."""

    base_url: str
    auth: _Auth | None = None
    context: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None
    allow_http: bool = False


def read_account(given: str, environment: Mapping[str, str] | None = None) -> Account:
    """The account in a file, or in a variable of the environment: its name, or `env:NAME`.

    Raises `QueryError` Q520 with every mistake; none quotes the file, which has secrets.
    """
    environment = os.environ if environment is None else environment
    name = given.removeprefix(PREFIX)
    if given.startswith(PREFIX) or (name in environment and not Path(given).exists()):
        return account_of(Source(f"${name}", _variable(name, environment)), environment)
    return account_of(Source(given, _text(given)), environment)


def account_of(source: Source, environment: Mapping[str, str]) -> Account:
    """The account in a text. Raises `QueryError` Q520."""
    try:
        read = shaped(yaml_tree.parse(source), AccountDocument)
    except MappingError as error:
        raise QueryError([_bare(source, one) for one in error.diagnostics]) from None
    try:
        auth = None if read.auth is None else _auth(read.auth, environment)
        base_url = _secret(read.base_url, environment)
        return Account(base_url, auth, read.context, read.id, read.allow_http)
    except QueryError as error:
        raise QueryError([_named(source, one) for one in error.diagnostics]) from None


def _auth(read: _Auth, environment: Mapping[str, str]) -> Auth:
    if (read.basic is None) == (read.bearer is None):
        refuse("auth must be either basic or bearer", "auth: {basic: {username: …, password: …}} or {bearer: …}")
    if read.basic is None:
        return Bearer(_secret(read.bearer or "", environment))
    return Basic(_secret(read.basic.username, environment), _secret(read.basic.password, environment))


def _secret(text: str, environment: Mapping[str, str]) -> str:
    """A text, or the value of the variable that it names."""
    return _variable(text.removeprefix(PREFIX), environment) if text.startswith(PREFIX) else text


def _variable(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        refuse(f"there is no variable {excerpt(name)} in the environment")
    return environment[name]


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        _unread(file, getattr(error, "strerror", None) or str(error))
    if len(data) > MAX_BYTES:
        _unread(file, f"it has more than {MAX_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _unread(file, "it is not UTF-8")


def _unread(file: str, why: str) -> NoReturn:
    hint = "the account is a YAML or JSON file, or a variable of the environment: env:NAME"
    refuse(f"the account {excerpt(file)} cannot be read: {why}", hint)


def _bare(source: Source, found: Diagnostic) -> Diagnostic:
    """A finding without the line of the file, and without the value that it quotes."""
    message = found.message.partition(", got ")[0]
    if found.code != "M106":  # YAML's own, which may quote anything
        message = f"this is neither YAML nor JSON ({found.code})"
    at = "" if found.span is None else f":{':'.join(map(str, source.position(found.span.start)))}"
    return Diagnostic("Q520", f"{source.name}{at}: {message}", hint=found.hint if found.code == "M106" else None)


def _named(source: Source, found: Diagnostic) -> Diagnostic:
    return Diagnostic("Q520", f"{source.name}: {found.message}", hint=found.hint)
