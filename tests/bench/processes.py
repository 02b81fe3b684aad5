"""Measurements that need a process of their own: cold starts and peak memory."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

STARTS = {
    "load": "from truto_mapper import load; load('gong/activity')",
    "imports": "import jsonata, pydantic, yaml, jsonschema",
    "python": "pass",
}


@dataclass(frozen=True)
class Start:
    """A fresh process that runs some code and ends."""

    code: str

    def seconds(self, times: int) -> float:
        start = perf_counter()
        for _ in range(times):
            subprocess.run([sys.executable, "-c", self.code], check=True)
        return (perf_counter() - start) / times


def starts() -> dict[str, Start]:
    return {name: Start(code) for name, code in STARTS.items()}


def peak(engine: str, kind: str, users: int, *, traced: bool) -> int:
    """Bytes at the peak: of Python's allocations while a page is mapped (`traced`), or of the whole process."""
    given = [engine, kind, str(users), *(["traced"] if traced else [])]
    memory = Path(__file__).with_name("memory.py")
    done = subprocess.run([sys.executable, memory, *given], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
