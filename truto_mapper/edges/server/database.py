"""The database of a store: SQLite or PostgreSQL, its tables, and its errors as ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Executable,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from truto_mapper.edges.server.errors import StoreError, refuse

#: The version of the tables below.
VERSION = 1

#: Seconds that a call waits for a lock, a connection or an answer.
PATIENCE = 5

TABLES = MetaData()
SCHEMA = Table("truto_mapper_schema", TABLES, Column("version", Integer, primary_key=True))
#: A known text sealed with each key that seals something: it shows that a key is the same one.
CHECKS = Table(
    "truto_mapper_checks",
    TABLES,
    Column("key", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
KEEP_CHECK = "INSERT INTO truto_mapper_checks (key, sealed) VALUES (:key, :sealed) ON CONFLICT DO NOTHING"
ACCOUNTS = Table(
    "truto_mapper_accounts",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("integration", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("auth", Text, nullable=False),
    Column("key", Text, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("context", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("renewing_until", BigInteger, nullable=False, server_default="0"),
)
TOKENS = Table(
    "truto_mapper_tokens",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("methods", Text, nullable=False),
    Column("every_account", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
)
SCOPES = Table(
    "truto_mapper_scopes",
    TABLES,
    Column("token", Text, primary_key=True),
    Column("account", Text, primary_key=True, index=True),
)


class Database:
    """An open database with the tables of a store. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        named = engine.url.set(drivername=engine.url.get_backend_name(), query={})  # a password may be in the query
        self.place = named.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///PATH` or `postgresql://…`, and make what is missing. Raises `StoreError` S804 and S805."""
        database = cls(_engine(url))
        try:
            database._prepare()
        except StoreError:
            database.close()
            raise
        return database

    def _prepare(self) -> None:
        with self._errors_as_ours(), self._engine.connect() as connection:
            is_new = not inspect(connection).has_table(SCHEMA.name)
        if is_new:
            with self.changing() as connection:
                _make(connection)
        versions = [row.version for row in self.read(select(SCHEMA.c.version))]
        if versions != [VERSION]:
            found = ", ".join(map(str, versions)) or "none"
            message = f"{self.place} has version {found} of the tables, and this program knows version {VERSION}"
            refuse("S805", message, "use the release of truto-mapper that made it, or a newer one")

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def read(self, statement: Executable) -> list[Row[Any]]:
        """The rows of one statement. Raises `StoreError` S804."""
        with self._errors_as_ours(), self._engine.connect() as connection:
            _bound(connection)
            return list(connection.execute(statement).all())

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it or nothing. Raises `StoreError` S804."""
        with self._errors_as_ours(), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":  # a lock from the start: what it read stays true until it writes
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            _bound(connection)
            yield connection
            connection.commit()

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._error(_reason(error.orig)) from None
        except PoolTimeoutError:
            raise self._error(f"no connection was free for {PATIENCE} seconds") from None
        except UnicodeEncodeError:
            refuse("S804", "a text holds half of a surrogate pair, which cannot be stored", "is it UTF-8?")

    def _error(self, why: str) -> StoreError:
        hint = "the store must exist, be writable and answer; a call can be repeated once it does"
        return StoreError("S804", f"cannot use the store {self.place}: {why}", hint=hint, status=503)


def _reason(error: BaseException | None) -> str:
    """The first line of what a driver says. It quotes neither values nor passwords: they are parameters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def _engine(text: str) -> Engine:
    url = _url(text)
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": PATIENCE}
    if url.get_backend_name() == "sqlite":
        _make_file(Path(url.database or ""))
        engine = create_engine(url, connect_args={"timeout": PATIENCE}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    arguments: dict[str, Any] = {
        "prepare_threshold": None
    }  # poolers such as PgBouncer may not know prepared statements
    arguments |= {} if "connect_timeout" in url.query else {"connect_timeout": PATIENCE}
    try:
        return create_engine(url, connect_args=arguments, pool_pre_ping=True, **options)
    except ImportError:
        refuse("S804", "PostgreSQL needs a driver", "pip install 'truto-mapper[postgresql]'")


def _url(text: str) -> URL:
    forms = "it must be sqlite:///PATH or postgresql://USER@HOST/NAME"
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        refuse("S804", "the URL of the store cannot be read", forms)  # it is not quoted: it may hold a password
    if "@" in (url.host or ""):  # the end of a password, which an error would show as the name of a machine
        refuse("S804", "the URL of the store cannot be read", "write an `@` in its password as %40")
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        refuse("S804", f"a store cannot be kept in {backend}", forms)
    if url.host or url.database in (None, "", ":memory:") or url.query:
        refuse("S804", "a store in SQLite needs the path of a file, and nothing after it", forms)
    return url.set(drivername="sqlite+pysqlite")


def _make_file(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite gives its other files the same mode.

    A file that everybody can write is refused: whoever writes it lets others in.
    """
    path = path.resolve()  # a link may lead to a file that is still to be made
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        mode = path.stat().st_mode
    except OSError as error:
        refuse("S804", f"cannot make the store {path}: {error.strerror or error}")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IWOTH:
        refuse("S804", f"everybody can write the store {path}: mode {stat.S_IMODE(mode):04o}", f"chmod 600 {path}")


def _prepare_sqlite(connection: Any, _: Any) -> None:  # of each new connection
    connection.isolation_level = None  # transactions are those of `changing`, and none that the driver opens
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was answered survives a loss of power
    connection.execute("PRAGMA secure_delete = ON")  # what an old key sealed does not stay in free pages


def _make(connection: Connection) -> None:
    """Make the tables. Several processes may begin at once: one makes them, the others wait and find them."""
    lock(connection)
    TABLES.create_all(connection)
    if connection.execute(select(SCHEMA.c.version)).first() is None:
        connection.execute(insert(SCHEMA).values(version=VERSION))


def _bound(connection: Connection) -> None:
    """Let the statements of a transaction wait no longer than our patience."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{PATIENCE}s'")


def lock(connection: Connection) -> None:
    """Let one process at a time begin a store. In SQLite a transaction that writes is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7478756801)"))
