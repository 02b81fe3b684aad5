"""Services as processes on one store and one Redis, over a mock of Gong that tells when calls came to it.

`python tests/fleet.py --seconds 60` calls two services at once for so long, and says what came to the mock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import postgresql
import redis_server

from truto_mapper.edges import mock
from truto_mapper.edges.server.keys import new_key

COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli"]
ACTIVITY = "/unified/conversational-intelligence/activity"
PERIOD = "start_time=2026-01-01T00:00:00-05:00&end_time=2026-02-01T00:00:00-05:00"


class Process:
    """A process that prints a line of JSON when it is ready."""

    def __init__(self, *words: object, env: dict[str, str] | None = None) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed at the end
        command = [*map(str, words)]
        self.running = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=self._said)
        self._about: dict[str, str] = {}

    @property
    def url(self) -> str:
        if not self._about:
            assert self.running.stdout is not None
            self._about = json.loads(self.running.stdout.readline())
        return self._about["url"]

    def end(self, number: int = signal.SIGKILL) -> str:
        """Send a signal, and wait; what the process wrote to stderr."""
        self.running.send_signal(number)
        self.running.communicate()
        self._said.seek(0)
        return self._said.read()


class Fleet:
    """Two services, their store and Redis, the mock, an account and a token."""

    def __init__(self, stack: ExitStack, folder: Path, database: str, redis: str, users: int) -> None:
        self.stack, self.redis = stack, redis
        self.env = os.environ | {"TRUTO_MAPPER_KEY": new_key(), "TRUTO_MAPPER_STORE": database, "GONG": mock.SECRET}
        self.mock = self._started(sys.executable, __file__, "--mock", users)
        where = ["--integration", "gong", "--base-url", self.mock.url, "--context", "time_zone=America/New_York"]
        self.account = self.run("account", "add", *where, "--basic", mock.KEY, "--secret-env", "GONG")
        self.token = self.run("token", "add", "ours", "--account", self.account)
        self.services = [self.service(), self.service()]
        self.folder = folder

    def run(self, *words: str, **env: str) -> str:
        """What a command writes."""
        done = subprocess.run([*COMMAND, *words], env=self.env | env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def service(self, *words: str) -> Process:
        """A service of its own process."""
        return self._started(*COMMAND, "serve", "gong/activity", "--port", 0, "--redis", self.redis, *words)

    def _started(self, *words: object) -> Process:
        made = Process(*words, env=self.env)
        self.stack.callback(made.end)
        return made

    def path(self, more: str = "") -> str:
        return f"{ACTIVITY}?integrated_account_id={self.account}&{PERIOD}{more}"

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def call(self, service: Process, more: str = "") -> httpx2.Response:
        return httpx2.get(service.url + self.path(more), headers=self.headers, timeout=60)

    def ready(self, service: Process) -> int:
        return httpx2.get(f"{service.url}/readyz", timeout=60).status_code

    def seen(self) -> list[tuple[float, int]]:
        """When calls came to the mock, and the statuses of its answers."""
        return [(when, status) for when, status in httpx2.get(f"{self.mock.url}/seen").json()]


@contextmanager
def fleet(database: str, redis: str, users: int = 250) -> Iterator[Fleet]:
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        yield Fleet(stack, Path(folder), database, redis, users)


# ── The mock ─────────────────────────────────────────────────────────────────────────────────────────────────────


def watched(app: Any) -> Any:
    """A mock, as an ASGI app that remembers when calls came and how they were answered."""
    seen: list[tuple[float, int]] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        began = time.time()

        async def tell(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append((began, message["status"]))
            await send(message)

        if scope["path"] == "/seen":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
        else:
            await app(scope, receive, tell)

    return answer


def most_in_a_second(times: Sequence[float]) -> int:
    """The most calls that came within a second."""
    times = sorted(times)
    return max(sum(begin <= one < begin + 1 for one in times) for begin in times)


# ── Many calls at once ───────────────────────────────────────────────────────────────────────────────────────────


class Answer(NamedTuple):
    """How a call was answered, and how long it took."""

    status: int
    seconds: float
    retry_after: str | None
    code: str | None


async def hammered(fleet: Fleet, callers: int, seconds: float, more: str = "&limit=1") -> list[Answer]:
    """The answers to callers who call the services by turns for so long, each as soon as it was answered."""
    end, found = time.monotonic() + seconds, []

    async def calls(http: httpx2.AsyncClient, number: int) -> None:
        while (began := time.monotonic()) < end:
            service = fleet.services[number % len(fleet.services)]
            answer = await http.get(service.url + fleet.path(more), headers=fleet.headers)
            wait = answer.headers.get("retry-after")
            code = None if answer.is_success else next((one["code"] for one in answer.json()["diagnostics"]), None)
            found.append(Answer(answer.status_code, time.monotonic() - began, wait, code))

    async with httpx2.AsyncClient(timeout=60) as http:
        await asyncio.gather(*(calls(http, number) for number in range(callers)))
    return found


def told(answers: Sequence[Answer], seen: Sequence[tuple[float, int]]) -> str:
    """What callers and the mock saw, in words."""
    times, came = sorted(when for when, _ in seen), dict(Counter(status for _, status in seen))
    answered = dict(Counter((one.status, one.code) for one in answers))
    gaps = sorted(later - first for first, later in zip(times, times[3:], strict=False))
    return (
        f"{len(answers)} answers {answered}, the slowest after {max(one.seconds for one in answers):.1f} s\n"
        f"{len(seen)} calls of the mock {came}, at most {most_in_a_second(times)}"
        f" a second, {len(seen) / (times[-1] - times[0]):.2f} on average; four took {gaps[0]:.3f} s at least\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mock", type=int)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--callers", type=int, default=12)
    given = parser.parse_args()
    if given.mock is not None:
        mock.serve(watched(mock.gong(users=given.mock)), mock.listening(0), ready)
        return
    with postgresql.running() as database, redis_server.running() as redis, fleet(database.url, redis.url) as made:
        sys.stdout.write(told(asyncio.run(hammered(made, given.callers, given.seconds)), made.seen()))


def ready(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
