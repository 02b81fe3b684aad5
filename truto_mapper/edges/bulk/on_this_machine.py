"""The embedded engine: this process, or a pool of others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from truto_mapper.edges.bulk.files import File, Folder, Row
from truto_mapper.edges.bulk.job import Job
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError

#: How often workers may die before the run ends.
MAX_DEATHS = 3


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Iterator[Row]:
    """Map files in this process, or in several with more than one worker; by default one for each processor."""
    count = min(workers or os.cpu_count() or 1, len(files))
    if count <= 1:
        yield from (job.attempt(file, folder) for file in files)
        return
    left, deaths = {file.url: file for file in files}, 0
    while left:
        try:
            for row in _in_pool(job, list(left.values()), folder, count):
                del left[row["source"]]
                yield row
        except BrokenProcessPool:
            deaths += 1
            if deaths > MAX_DEATHS:
                raise _died(len(left)) from None


def _in_pool(job: Job, files: Sequence[File], folder: Folder, count: int) -> Iterator[Row]:
    # Not by `fork`: a process with threads, which pyarrow starts, cannot be copied.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    with ProcessPoolExecutor(min(count, len(files)), context, initializer=_end_with_parent) as pool:
        futures: list[Future[Row]] = [pool.submit(job.attempt, file, folder) for file in files]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the process that started it has ended, however that did; Ctrl-C is for that one alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _died(left: int) -> MappingError:
    message = f"workers died {MAX_DEATHS + 1} times, and {left:,} files are not mapped; was there too little memory?"
    return MappingError(Diagnostic("W904", message, hint="go on with --resume, and fewer --workers"))
