"""Engines in a process of their own: the reference implementation in Node, and truto-mapper of another checkout.

They read one JSON question a line and write one JSON answer a line: the work first, then {"reply": true} or
{"times": n}. They time themselves, so the way there and back does not count.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class AbsentError(Exception):
    """An engine is not installed."""


class InvalidError(Exception):
    """A reply does not fit the schema."""


class Elsewhere:
    """An engine in another process, at a page."""

    def __init__(self, command: Sequence[str | Path], package: Path = HERE.parents[1], **work: Any) -> None:
        """`package` is the project's folder that the process works in."""
        pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(package)}
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", cwd=package, env=environment
        )
        self.ask(work)

    def ask(self, question: dict) -> Any:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"absent": "the process ended"}')
        if "absent" in answer:
            self.close()
            raise AbsentError(answer["absent"])
        return answer

    def reply(self) -> Any:
        answer = self.ask({"reply": True})
        if not answer["valid"]:
            raise InvalidError
        return answer.get("reply")

    def seconds(self, times: int) -> float:
        return self.ask({"times": times})["seconds"] / times

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def node(**work: Any) -> Elsewhere:
    """The work is an `expression`, the `body`, and perhaps `bindings` and a `schema` for the reply."""
    found = shutil.which("node")
    if found is None:
        raise AbsentError("node is not installed")
    return Elsewhere([found, HERE / "node.mjs"], **work)


def checkout(folder: Path, engine: str, kind: str, body: dict) -> Elsewhere:
    """An engine of ours with the package that is in a folder."""
    return Elsewhere([sys.executable, HERE / "worker.py"], folder, engine=engine, kind=kind, body=body)
