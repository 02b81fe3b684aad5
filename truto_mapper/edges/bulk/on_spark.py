"""Spark schedules the files: a task maps some and returns their rows, so no record passes through the JVM."""

from __future__ import annotations

import json
import os
import pickle
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark import AccumulatorParam, SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from truto_mapper.edges.bulk.files import File, Folder, Row, tasks_of
from truto_mapper.edges.bulk.job import TRIES, Job, in_worker
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import MappingError

#: How often it is asked which files are done, in seconds.
_EVERY = 0.5

#: What a session on this machine needs: its JVM only schedules.
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}


def map_files(job: Job, files: Sequence[File], folder: Folder, workers: int | None) -> Generator[Row]:
    """Map files on the session of this process, or a new one: that of spark-submit, else on this machine."""
    if not files:
        return
    with TemporaryFile() as log:
        try:
            with _session(workers or os.cpu_count() or 1, log) as spark:
                yield from _mapped(spark, job, files, folder)
        except (PySparkException, Py4JError, ImportError, OSError) as error:
            raise _gave_up(error, log) from None


def _mapped(spark: SparkSession, job: Job, files: Sequence[File], folder: Folder) -> Generator[Row]:
    """The rows of files: they come in an accumulator as tasks end, and once more as the result."""
    is_here = not is_remote()
    count = spark.sparkContext.defaultParallelism if is_here else int(spark.conf.get("spark.default.parallelism", "8"))
    tasks = [pickle.dumps(task) for task in tasks_of(files, count)]  # for a worker reads all of them for each task
    told = spark.sparkContext.accumulator([], _Rows()) if is_here else None

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                rows = [json.dumps(row) for row in in_worker(job, pickle.loads(tasks[number]), folder)]  # noqa: S301  # files
                if told is not None:
                    told.add(rows)
                yield pa.RecordBatch.from_pydict({"row": rows})

    with _unwarned():
        frame = spark.range(0, len(tasks), numPartitions=len(tasks)).mapInArrow(mapped, "row string")
    known = set[str]()
    for rows in _collected(spark, frame, told):
        for row in map(json.loads, rows):
            if row["records_file"] not in known:
                known.add(row["records_file"])
                yield row


class _Rows(AccumulatorParam):  # type: ignore[misc]  # it has no types where Spark is not installed
    """Rows that tasks add."""

    def zero(self, value: list[str]) -> list[str]:  # noqa: ARG002  # Spark calls it
        return []

    def addInPlace(self, value1: list[str], value2: list[str]) -> list[str]:  # noqa: N802  # likewise
        value1 += value2
        return value1


def _collected(spark: SparkSession, frame: Any, told: Any) -> Iterator[list[str]]:
    """The rows that were told since, again and again, and at last all that a frame has."""
    count, is_done = 0, False
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(frame.collect)
        try:
            while not is_done:
                is_done = bool(wait([result], _EVERY).done)
                if told is not None:
                    new = told.value[count:]
                    count += len(new)
                    yield new
            yield [one.row for one in result.result()]
        finally:
            if not is_done:
                spark.stop()


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without warnings about the version of pandas, which no row meets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@contextmanager
def _session(workers: int, log: IO[bytes]) -> Iterator[SparkSession]:
    """The session that is there, or one that ends afterwards."""
    found = SparkSession.getActiveSession()
    if found is not None:
        yield found
        return
    builder = SparkSession.builder.appName("truto-mapper bulk")
    if not _is_elsewhere():
        _start(workers, log)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def _is_elsewhere() -> bool:
    """Whether spark-submit started this process, and so chose the master, or a variable names one."""
    return any(name in os.environ for name in ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "MASTER"))


def _start(workers: int, log: IO[bytes]) -> None:
    """Start Spark on this machine. What its JVM says goes to a log."""
    conf = SparkConf().setMaster(f"local[{workers},{TRIES + 1}]").setAppName("truto-mapper bulk")
    conf.setAll([*_SETTINGS.items()])
    gateway = SparkContext._gateway or launch_gateway(conf, {"stderr": log, "stdout": log})  # noqa: SLF001  # it has one
    with _unwarned():
        context = SparkContext(conf=conf, gateway=gateway)
    context._accumulatorServer.handle_error = _ignore  # noqa: SLF001  # it prints a traceback if the JVM ends, as we tell
    if "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable  # else it is `python3`, whichever that is


def _ignore(*_: object) -> None:
    """Say nothing."""


def _gave_up(error: Exception, log: IO[bytes]) -> MappingError:
    """The error for a job that failed."""
    why, hint = _why(error), "go on with --resume; what is done stays done"
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        why = f"its JVM has ended ({why})"
    elif "JAVA_GATEWAY" in why:
        log.seek(0)
        why += f" {log.read().decode(errors='replace').strip()}"
        hint = "Spark needs Java (Spark 4: 17 or later): install it, and let JAVA_HOME name its folder"
    elif "ModuleNotFoundError" in why or "VERSION_MISMATCH" in why:
        hint = "its workers need this Python and these packages: ship them, and let PYSPARK_PYTHON name that Python"
    return MappingError(Diagnostic("W904", f"Spark gave up: {shortened(why, 500)}", hint=hint))


def _why(error: Exception) -> str:
    """The lines of an error that say why: the last of the exceptions that it quotes."""
    text = str(error)
    quoted = re.findall(r"^(?:Caused by: |: )?[\w.]*(?:Error|Exception): .+", text, re.MULTILINE)
    return " ".join(dict.fromkeys(quoted[-2:])) or text.partition("\n")[0]
