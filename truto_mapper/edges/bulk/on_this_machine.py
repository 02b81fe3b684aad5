"""The embedded engine: this process, or several others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from truto_mapper.edges.bulk.files import File, Folder, Row
from truto_mapper.edges.bulk.job import TRIES, Job, deadly, in_worker
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Generator[Row]:
    """Map files in this process, or in several with more than one worker; by default one for each processor."""
    count = min(workers or os.cpu_count() or 1, len(files))
    if count <= 1:
        yield from (job.attempt(file, folder) for file in files)
        return
    workshop = _Workshop(job, folder)
    try:
        yield from workshop.rows(files, count)
    finally:
        workshop.end()


class _Worker(NamedTuple):
    """A process, and the file it maps; None while it starts."""

    process: BaseProcess
    file: File | None = None


class _Workshop:
    """Processes that map files, one at a time. If one dies the others go on, and it is known which file it had."""

    def __init__(self, job: Job, folder: Folder) -> None:
        self._given = job, folder
        self._workers: dict[Connection, _Worker] = {}

    def rows(self, files: Sequence[File], count: int) -> Generator[Row]:
        """Map files. Raises `MappingError` W904 if processes cannot start."""
        left, deaths = deque(files), Counter[File]()
        for _ in range(count):
            self._start()
        while self._workers:
            for pipe in cast("list[Connection]", wait(self._workers)):
                row, lost = self._answer(pipe)
                if lost is not None:
                    deaths[lost] += 1
                    if deaths[lost] < TRIES:
                        left.append(lost)
                    else:
                        row = deadly(lost)
                    if left:
                        self._start()
                elif left:
                    self._give(pipe, left.popleft())
                else:
                    self._stop(pipe)
                if row is not None:
                    yield row

    def _start(self) -> None:
        # Not by `fork`: a process with threads, which pyarrow starts, cannot be copied.
        context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        pipe, its_pipe = context.Pipe()
        process = context.Process(target=_work, args=(its_pipe, *self._given), daemon=True)
        process.start()
        its_pipe.close()
        self._workers[pipe] = _Worker(process)

    def _give(self, pipe: Connection, file: File) -> None:
        self._workers[pipe] = self._workers[pipe]._replace(file=file)
        with suppress(OSError):  # it died: its answer will say so
            pipe.send(file)

    def _answer(self, pipe: Connection) -> tuple[Row | None, File | None]:
        """The row that a worker sends, None if it has just started; or the file that it died of."""
        try:
            return pipe.recv(), None
        except (EOFError, OSError):
            file = self._workers[pipe].file
            code = self._stop(pipe)
            if file is None:
                raise _cannot_start(code) from None
            return None, file

    def _stop(self, pipe: Connection) -> int | None:
        """End a worker that maps no file. Returns its exit code."""
        process = self._workers.pop(pipe).process
        pipe.close()
        process.join()
        return process.exitcode

    def end(self) -> None:
        """End the workers, whatever they do."""
        for worker in self._workers.values():
            worker.process.kill()
        for pipe in list(self._workers):
            self._stop(pipe)


def _work(pipe: Connection, job: Job, folder: Folder) -> None:
    """What a worker does, until it gets no more files or the process that started it has ended, however that did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for that process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    row = None
    with suppress(EOFError, ConnectionError):  # the process that started it has ended
        while True:
            pipe.send(row)
            (row,) = in_worker(job, [pipe.recv()], folder)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _cannot_start(code: int | None) -> MappingError:
    message = f"the processes that map files end before they begin, with exit code {code}"
    hint = 'a script that runs a job begins with `if __name__ == "__main__":`; or map with one worker'
    return MappingError(Diagnostic("W904", message, hint=hint))
