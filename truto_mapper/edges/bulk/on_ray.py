"""Ray schedules the files: a task maps some and returns their rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import ray
from ray.exceptions import RayError

from truto_mapper.edges.bulk.files import File, Folder, Row, tasks_of
from truto_mapper.edges.bulk.job import Job
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import MappingError

#: How often Ray tries a task again whose worker died, and how many tasks wait for each processor.
_RETRIES, _WAITING = 3, 2


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Iterator[Row]:
    """Map files on the cluster of this process, that of `RAY_ADDRESS`, or a new one on this machine."""
    is_own = not ray.is_initialized()
    if is_own:
        ray.init(
            num_cpus=None if os.environ.get("RAY_ADDRESS") else workers, log_to_driver=False, logging_level="ERROR"
        )
    try:
        yield from _mapped(job, tasks_of(files), folder)
    except RayError as error:
        message = f"Ray gave up: {shortened(str(error), 500)}"
        raise MappingError(Diagnostic("W904", message, hint="go on with --resume; what is done stays done")) from None
    finally:
        if is_own:
            ray.shutdown()


def _mapped(job: Job, tasks: Sequence[Sequence[File]], folder: Folder) -> Iterator[Row]:
    mapped = ray.remote(max_retries=_RETRIES)(_task)
    shared, left, running = ray.put(job), iter(tasks), list[ray.ObjectRef]()
    most = _WAITING * max(1, int(ray.cluster_resources().get("CPU", 1)))
    while True:
        running += [
            mapped.remote(shared, files, folder) for files, _ in zip(left, range(most - len(running)), strict=False)
        ]
        if not running:
            return
        (done,), running = ray.wait(running)
        yield from ray.get(done)


def _task(job: Job, files: Sequence[File], folder: Folder) -> list[Row]:
    return [job.attempt(file, folder) for file in files]
