"""The store: accounts with sealed credentials, and API tokens. Every call is one short transaction.

Calls block for as long as the database takes: a service makes them in threads, and keeps what it reads for a moment.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, exists, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from truto_mapper.edges.client import Account
from truto_mapper.edges.server import tokens
from truto_mapper.edges.server.credentials import Credentials
from truto_mapper.edges.server.database import ACCOUNTS, CHECKS, KEEP_CHECK, SCOPES, TOKENS, Database, lock
from truto_mapper.edges.server.errors import StoreError, refuse
from truto_mapper.edges.server.keys import Keys, Sealed
from truto_mapper.edges.server.tokens import Grant, StoredToken
from truto_mapper.engine.redaction import Redaction
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.record import record

#: What each key that seals something seals besides: it tells whether a key is the same one.
_CHECK = b"truto-mapper store"

#: A UUID as RFC 9562 writes it.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@record
class Entry:
    """An account without its credentials. `auth` is their kind, `key` the id of the key that sealed them."""

    id: str
    name: str
    integration: str
    base_url: str
    auth: str
    context: dict[str, Any]
    key: str
    created: datetime


@record
class Stored:
    """An account with its credentials, and with those of its settings that are secret. Its repr shows neither."""

    entry: Entry
    credentials: Credentials
    secrets: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Stored({self.entry!r})"

    @property
    def id(self) -> str:
        """The id of the account: `integrated_account_id`."""
        return self.entry.id

    @property
    def integration(self) -> str:
        """The provider, as the mappings name it."""
        return self.entry.integration

    @property
    def context(self) -> dict[str, Any]:
        """All settings of the account, for all mappings of its integration."""
        return {**self.entry.context, **self.secrets}


class Store:
    """Accounts and API tokens in a database. Safe to share between threads and between processes."""

    def __init__(self, database: Database, keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._database, self._keys, self._now = database, keys, now

    @classmethod
    def open(cls, url: str, keys: Keys, *, now: Callable[[], float] = time.time) -> Store:
        """Open the store at `sqlite:///PATH` or `postgresql://…`; it is made if there is none.

        Raises `StoreError`: S803 if these keys do not open what is stored, S804 and S805 if the database is unusable.
        """
        store = cls(Database.open(url), keys, now)
        try:
            store.check()
        except StoreError:
            store.close()
            raise
        return store

    @property
    def key(self) -> str:
        """The id of the key that seals."""
        return self._keys.first

    @property
    def cursor_keys(self) -> list[str]:
        """Secrets for `load(cursor_key=…)`: processes with the same keys accept each other's cursors."""
        return self._keys.cursor_keys

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def check(self) -> None:
        """Whether the database answers and the keys open what it holds. Raises `StoreError` S803 and S804."""
        checks = [Sealed(row.key, row.sealed) for row in self._database.read(select(CHECKS.c.key, CHECKS.c.sealed))]
        if not checks:
            with self._database.changing() as connection:
                lock(connection)
                if connection.execute(select(CHECKS.c.key)).first() is None:  # the first process decides on the keys
                    self._seal_check(connection)
            return self.check()
        used = self._database.read(select(ACCOUNTS.c.key).distinct())
        self._refuse_others({one.key for one in checks} | {row.key for row in used})
        if wrong := [one.key for one in checks if self._keys.open(one, "check") != _CHECK]:
            refuse("S803", f"{self._database.place} was changed: the check of key {wrong[0]} does not open")
        return None

    def _refuse_others(self, needed: set[str]) -> None:
        if missing := sorted(needed - {*self._keys.ids}):
            known = ", ".join(self._keys.ids)
            message = f"{self._database.place} is sealed with key {', '.join(missing)}, and the keys here are {known}"
            hint = (
                "give that key too, after a comma; `truto-mapper account rotate --keys` then seals all with the first"
            )
            refuse("S803", message, hint)

    # ── Accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def add_account(
        self,
        integration: str,
        base_url: str,
        credentials: Credentials,
        *,
        context: Mapping[str, Any] | None = None,
        name: str = "",
        account_id: str | None = None,
        allow_http: bool = False,
    ) -> str:
        """Store an account and return its id, a UUID. `credentials` are made by `credentials.basic` and its neighbours.

        Raises `StoreError` S806 if the id exists or is no UUID, and `QueryError` Q520 for a wrong base URL.
        """
        Account(base_url, allow_http=allow_http)
        account_id = str(uuid4()) if account_id is None else account_id.lower()
        if not _UUID.fullmatch(account_id):
            refuse("S806", f"the id of an account must be a UUID, not {excerpt(account_id)}")
        secrets = {name: value for name, value in (context or {}).items() if _is_secret(name, value)}
        plain = {name: value for name, value in (context or {}).items() if name not in secrets}
        sealed = self._seal(credentials, secrets, account_id, integration, base_url)
        values: dict[str, Any] = {"id": account_id, "name": name, "integration": integration, "base_url": base_url}
        values |= {"auth": credentials["type"], "context": _json(plain), "created": int(self._now())}
        with self._sealing() as connection:
            try:
                connection.execute(insert(ACCOUNTS).values(**values, key=sealed.key, sealed=sealed.value))
            except IntegrityError:
                refuse("S806", f"the account {account_id} exists already", "leave out the id, and a new one is made")
        return account_id

    def account(self, account_id: str) -> Stored | None:
        """An account with its credentials; None if there is none. Raises `StoreError` S803, S804 and S808."""
        account_id = account_id.lower()
        if not _UUID.fullmatch(account_id):
            return None
        rows = self._database.read(select(ACCOUNTS).where(ACCOUNTS.c.id == account_id))
        return Stored(_entry(rows[0]), *self._opened(rows[0])) if rows else None

    def accounts(self) -> list[Entry]:
        """Every account, the oldest first, without credentials."""
        return [
            _entry(row) for row in self._database.read(select(ACCOUNTS).order_by(ACCOUNTS.c.created, ACCOUNTS.c.id))
        ]

    def remember(self, account_id: str, settings: Mapping[str, Any]) -> None:
        """Put what was found out about an account into its context, beside what is there. It is not sealed."""
        with self._database.changing() as connection:
            row = self._locked(connection, account_id)
            context = json.loads(row.context) | dict(settings)
            connection.execute(_account(row.id).values(context=_json(context)))

    def replace_credentials(
        self, account_id: str, credentials: Credentials, *, expected: Credentials | None = None
    ) -> Credentials:
        """Give an account other credentials, and return those that it has now.

        If they are no longer the `expected` ones, nothing changes: another process has renewed them.
        """
        with self._sealing() as connection:
            row = self._locked(connection, account_id)
            current, secrets = self._opened(row)
            if expected is not None and current != expected:
                return current
            sealed = self._seal(credentials, secrets, row.id, row.integration, row.base_url)
            change = {"auth": credentials["type"], "key": sealed.key, "sealed": sealed.value}
            connection.execute(_account(row.id).values(**change))
            return credentials

    def begin_renewal(self, account_id: str, seconds: int) -> bool:
        """Whether this process may renew the token of an account now: one process at a time may, for so long."""
        with self._database.changing() as connection:
            row, now = self._locked(connection, account_id), int(self._now())
            if row.renewing_until <= now:
                connection.execute(_account(row.id).values(renewing_until=now + seconds))
            return bool(row.renewing_until <= now)

    def end_renewal(self, account_id: str) -> None:
        """Let other processes renew the token of an account."""
        with self._database.changing() as connection:
            connection.execute(_account(account_id.lower()).values(renewing_until=0))

    def remove_account(self, account_id: str) -> None:
        """Remove an account, and its id from the tokens that name it: they grant nothing on a later one."""
        with self._database.changing() as connection:
            row = self._locked(connection, account_id)
            connection.execute(delete(SCOPES).where(SCOPES.c.account == row.id))
            connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == row.id))

    def reseal(self) -> Iterator[str]:
        """Seal every account with the first key, and yield its id. What was done stays done if this stops early."""
        others = select(ACCOUNTS.c.id).where(ACCOUNTS.c.key != self._keys.first).order_by(ACCOUNTS.c.id)
        for (account_id,) in self._database.read(others):
            with self._sealing() as connection:
                row = connection.execute(_select_locked(account_id)).first()
                if row is None:  # removed meanwhile
                    continue
                sealed = self._seal(*self._opened(row), row.id, row.integration, row.base_url)
                connection.execute(_account(row.id).values(key=sealed.key, sealed=sealed.value))
            yield account_id
        with self._sealing() as connection:
            is_used = exists().where(ACCOUNTS.c.key == CHECKS.c.key)
            connection.execute(delete(CHECKS).where(CHECKS.c.key != self._keys.first, ~is_used))

    # ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add_token(
        self,
        name: str,
        *,
        accounts: Collection[str] | None,
        methods: Collection[str] = tokens.READING,
        expires: datetime | None = None,
    ) -> str:
        """Make an API token and return its text, which is stored nowhere. `accounts` None means every account.

        Raises `StoreError` S806 if an account does not exist.
        """
        token_id, secret = tokens.new_token()
        values: dict[str, Any] = {"id": token_id, "name": name, "digest": tokens.digest(secret)}
        values |= {"methods": " ".join(methods), "every_account": accounts is None, "created": int(self._now())}
        values |= {"expires": expires and int(expires.timestamp())}
        with self._database.changing() as connection:
            connection.execute(insert(TOKENS).values(**values))
            for account_id in {one.lower() for one in accounts or ()}:
                row = self._locked(connection, account_id)
                connection.execute(insert(SCOPES).values(token=token_id, account=row.id))
        return secret

    def grant(self, text: str) -> Grant | None:
        """What a token grants now; None if it is unknown, wrong or expired."""
        token_id = tokens.id_of(text)
        stored = self.token(token_id) if token_id else None
        return stored.granted(text, datetime.fromtimestamp(self._now(), UTC)) if stored else None

    def token(self, token_id: str) -> StoredToken | None:
        """A token by its id."""
        found = self._tokens(TOKENS.c.id == token_id)
        return found[0] if found else None

    def tokens(self) -> list[Grant]:
        """What each token grants, the oldest first."""
        return [one.grant for one in self._tokens()]

    def remove_token(self, token_id: str) -> None:
        """Remove a token. Raises `StoreError` S806."""
        with self._database.changing() as connection:
            connection.execute(delete(SCOPES).where(SCOPES.c.token == token_id))
            if connection.execute(delete(TOKENS).where(TOKENS.c.id == token_id)).rowcount == 0:
                refuse("S806", f"there is no token {excerpt(token_id)}", "`truto-mapper token list` shows them all")

    def _tokens(self, *where: Any) -> list[StoredToken]:
        joined = TOKENS.outerjoin(SCOPES, SCOPES.c.token == TOKENS.c.id)
        wanted = select(TOKENS, SCOPES.c.account).select_from(joined).where(*where)
        rows: dict[str, list[Row[Any]]] = {}
        for row in self._database.read(wanted.order_by(TOKENS.c.created, TOKENS.c.id)):
            rows.setdefault(row.id, []).append(row)
        return [_token(some) for some in rows.values()]

    # ── Seals ────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _sealing(self) -> Iterator[Connection]:
        """A transaction that seals something, with a check of the key that it is sealed with."""
        with self._database.changing() as connection:
            self._seal_check(connection)
            yield connection

    def _seal_check(self, connection: Connection) -> None:
        sealed = self._keys.seal(_CHECK, "check")
        connection.execute(text(KEEP_CHECK), {"key": sealed.key, "sealed": sealed.value})

    def _seal(self, credentials: Credentials, secrets: Mapping[str, Any], *about: str) -> Sealed:
        """`about` is the id of the account, its integration and its base URL: a seal holds for nothing else."""
        value = {"credentials": dict(credentials), "context": dict(secrets)}
        return self._keys.seal(_json(value).encode(), _json(["account", *about]))

    def _opened(self, row: Row[Any]) -> tuple[Credentials, dict[str, Any]]:
        self._refuse_others({row.key})
        about = _json(["account", row.id, row.integration, row.base_url])
        value = self._keys.open(Sealed(row.key, row.sealed), about)
        if value is None:
            message = (
                f"the credentials of account {row.id} do not open: they, or the account, were changed in the database"
            )
            refuse("S808", message, "remove the account and add it again")
        found = json.loads(value)
        return found["credentials"], found["context"]

    def _locked(self, connection: Connection, account_id: str) -> Row[Any]:
        """The row of an account, which nobody else changes until this transaction ends. Raises `StoreError` S806."""
        account_id = account_id.lower()
        row = connection.execute(_select_locked(account_id)).first() if _UUID.fullmatch(account_id) else None
        if row is None:
            refuse("S806", f"there is no account {excerpt(account_id)}", "`truto-mapper account list` shows them all")
        return row


def _select_locked(account_id: str) -> Any:
    return select(ACCOUNTS).where(ACCOUNTS.c.id == account_id).with_for_update()


def _account(account_id: str) -> Any:
    return update(ACCOUNTS).where(ACCOUNTS.c.id == account_id)


def _entry(row: Row[Any]) -> Entry:
    context, created = json.loads(row.context), datetime.fromtimestamp(row.created, UTC)
    return Entry(row.id, row.name, row.integration, row.base_url, row.auth, context, row.key, created)


def _token(rows: list[Row[Any]]) -> StoredToken:
    """A token, of its rows: one for each account that it names."""
    row, *_ = rows
    accounts = None if row.every_account else frozenset(one.account for one in rows if one.account)
    created = datetime.fromtimestamp(row.created, UTC)
    expires = None if row.expires is None else datetime.fromtimestamp(row.expires, UTC)
    methods = frozenset(row.methods.split())
    return StoredToken(Grant(row.id, row.name, accounts, methods, created, expires), row.digest)


def _is_secret(name: str, value: Any) -> bool:
    """Whether a setting is, or holds, what is hidden wherever it is shown."""
    return bool(Redaction().of({name: value}) != {name: value})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
