"""A real PostgreSQL for tests: started in an empty folder on a free port, and stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest


def programs() -> Path | None:
    """The folder of the newest installed server; Debian keeps it out of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("postgres")
    return Path(found).resolve().parent if found else None


class Server:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path, bin_: Path, user: str | None) -> None:
        self.folder, self.bin, self.user = folder, bin_, user
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def init(self) -> None:
        command = [self.bin / "initdb", "-D", self.folder / "data", "-U", "tester", "-A", "trust", "--no-sync"]
        subprocess.run([*command, "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, user=self.user)

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        settings |= {"fsync": "off", "shared_buffers": "8MB", "max_connections": 40, "autovacuum": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.user,
        )
        until = time.monotonic() + 30
        while not self.answers():
            assert time.monotonic() < until, "PostgreSQL does not start"
            assert self.process.poll() is None, "PostgreSQL ended"
            time.sleep(0.02)

    def empty(self) -> None:
        """Remove every table."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to every process of the server."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        """Send a signal to every process of the server."""
        assert self.process is not None
        mine = ["ps", "-o", "pid=", "--ppid", str(self.process.pid)]
        pids = subprocess.run(mine, capture_output=True, text=True, check=True).stdout.split()
        for pid in (self.process.pid, *map(int, pids)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def running() -> Iterator[Server]:
    """A server; the test is skipped where none is installed."""
    if (bin_ := programs()) is None or os.name != "posix":
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="truto-mapper-postgresql-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        server = Server(folder, bin_, user)
        server.init()
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
