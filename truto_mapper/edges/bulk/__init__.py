"""Stored replies in files → Parquet of unified records and of rejects, on this machine, Spark or Ray."""

from truto_mapper.edges.bulk.job import Job
from truto_mapper.edges.bulk.running import ENGINES, Run

__all__ = ["ENGINES", "Job", "Run"]
