"""Spark schedules the files: a task maps some and returns their rows, so no record passes through the JVM."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from truto_mapper.edges.bulk.files import File, Folder, Row, tasks_of
from truto_mapper.edges.bulk.job import Job
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import MappingError

#: How often Spark tries a task in local mode. Elsewhere that is `spark.task.maxFailures`.
_TRIES = 4


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Iterator[Row]:
    """Map files on the session of this process, or a new one: that of spark-submit, else on this machine."""
    if not files:
        return
    tasks = tasks_of(files)

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for file in tasks[number]:
                    yield pa.RecordBatch.from_pydict({"row": [json.dumps(job.attempt(file, folder))]})

    spark = _session(workers or os.cpu_count() or 1)
    try:
        found = spark.range(0, len(tasks), numPartitions=len(tasks)).mapInArrow(mapped, "row string").collect()
    except PySparkException as error:
        message = f"Spark gave up: {shortened(str(error), 500)}"
        raise MappingError(Diagnostic("W904", message, hint="go on with --resume; what is done stays done")) from None
    yield from (json.loads(one.row) for one in found)


def _session(workers: int) -> SparkSession:
    builder = SparkSession.builder.appName("truto-mapper bulk")
    if "SPARK_REMOTE" not in os.environ and "MASTER" not in os.environ and not _is_submitted():
        builder = builder.master(f"local[{workers},{_TRIES}]").config("spark.ui.enabled", "false")
    return builder.getOrCreate()


def _is_submitted() -> bool:
    """Whether spark-submit started this process, and so chose the master."""
    return "PYSPARK_GATEWAY_PORT" in os.environ
