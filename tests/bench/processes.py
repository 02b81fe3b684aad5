"""Measurements that need a process of their own: first pages and peak memory."""

import compileall
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pages

from truto_mapper.text import files

PAGE = """
import json, sys
from pathlib import Path
from truto_mapper import load
body, query, context, folder = json.loads(sys.argv[1])
load("gong/activity", cache=Path(folder) if folder else False).map(body, query=query, context=context)
"""
PAGE_BEFORE = PAGE.replace(", cache=Path(folder) if folder else False", "")  # which has no cache


@dataclass(frozen=True)
class Start:
    """A fresh process that runs some code and ends."""

    code: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def seconds(self, times: int) -> float:
        """CPU time of a process, its system calls included."""
        start = used()
        for _ in range(times):
            called = [sys.executable, "-P", "-c", self.code, *self.arguments]
            subprocess.run(called, check=True, env={**os.environ, **self.environment})
        return (used() - start) / times


def used() -> float:
    """CPU seconds of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def starts(before: Path | None) -> Iterator[dict[str, Start]]:
    """The first page of one user in a fresh process, with and without the cache, and with and without .pyc of ours.

    `before` is a checkout of an earlier version, which gets .pyc, too.
    """
    with TemporaryDirectory() as folder:
        found = {"python": Start("pass")}
        for name in ("pyc", "plain"):
            package = copied(files.home(), Path(folder, name))
            for cache in (str(package / "cache"), ""):
                found[f"{name}, {'cache' if cache else 'no cache'}"] = first_page(PAGE, package, cache)
        if before is not None:
            found["before"] = first_page(PAGE_BEFORE, copied(before, Path(folder, "before")))
        for name in ("pyc", "before") if before is not None else ("pyc",):
            compileall.compile_dir(Path(folder, name), quiet=1)
        yield found


def first_page(code: str, package: Path, cache: str = "") -> Start:
    given = json.dumps([pages.page("aggregate", 1), pages.query("aggregate"), pages.CONTEXT, cache])
    return Start(code, (given,), {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"})


def copied(home: Path, folder: Path) -> Path:
    """The package and its data without .pyc in a folder."""
    for part in ("truto_mapper", "mappings", "schemas"):
        shutil.copytree(home / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def peak(engine: str, kind: str, users: int, *, traced: bool) -> int:
    """Bytes at the peak: of Python's allocations while a page is mapped (`traced`), or of the whole process."""
    given = [engine, kind, str(users), *(["traced"] if traced else [])]
    memory = Path(__file__).with_name("memory.py")
    done = subprocess.run([sys.executable, memory, *given], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
