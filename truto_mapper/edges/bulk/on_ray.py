"""Ray schedules the files: a task maps some and returns their rows."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence

import ray
from ray.exceptions import RayError

from truto_mapper.edges.bulk.files import File, Folder, Row, tasks_of
from truto_mapper.edges.bulk.job import TRIES, Job, in_worker
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import MappingError

#: How many tasks wait for each processor, and the memory in bytes for the rows they return.
_WAITING, _MEMORY = 2, 100_000_000


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Generator[Row]:
    """Map files on the cluster of this process, that of `RAY_ADDRESS` or `ray start`, or a new one on this machine."""
    if not files:
        return
    is_own = not ray.is_initialized()
    try:
        if is_own:
            _start(workers or os.cpu_count() or 1)
        yield from _mapped(job, files, folder, workers)
    except (RayError, RuntimeError, OSError) as error:
        message = f"Ray gave up: {shortened(str(error).strip(), 500)}"
        raise MappingError(Diagnostic("W904", message, hint="go on with --resume; what is done stays done")) from None
    finally:
        if is_own:
            ray.shutdown()


def _start(workers: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    own = {"num_cpus": workers, "object_store_memory": _MEMORY, "include_dashboard": False}
    try:
        ray.init(**own, **quiet)
    except ValueError:  # a cluster that is there takes no such settings
        ray.init(**quiet)


def _mapped(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Generator[Row]:
    count = min(workers or (1 << 30), max(1, int(ray.cluster_resources().get("CPU", 1))))
    tasks = iter(tasks_of(files, count))
    mapped, shared, running = ray.remote(max_retries=TRIES)(in_worker), ray.put(job), list[ray.ObjectRef]()
    while True:
        free = range(_WAITING * count - len(running))
        running += [mapped.remote(shared, task, folder) for _, task in zip(free, tasks, strict=False)]
        if not running:
            return
        (done,), running = ray.wait(running)
        yield from ray.get(done)
