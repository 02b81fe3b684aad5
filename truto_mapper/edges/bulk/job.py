"""A job: how the replies in a file become its records and rejects. `Job.map_file` is all that an engine runs."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from truto_mapper import __version__
from truto_mapper.edges.bulk.files import RECORDS, REJECTS, File, Folder, sources
from truto_mapper.edges.bulk.work import Row, Work
from truto_mapper.engine.mapper import Mapper


@dataclass(frozen=True, kw_only=True)
class Job:
    """How stored replies are mapped. It can be pickled, and then needs no file of the mapping.

    `rows` names an endpoint if its rows are stored alone, without their replies. `query`, `context` (the account's
    settings), `now` and `account` are for replies that have none of their own, in columns of these names; `body` names
    the column with the replies.
    """

    mapper: Mapper[Any]
    rows: str | None = None
    query: Any = None
    context: Mapping[str, Any] | None = None
    now: str | None = None
    account: str | None = None
    body: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.packed,)

    @cached_property
    def packed(self) -> bytes:
        """The job as bytes. A process that gets them again and again compiles the mapping once."""
        return pickle.dumps({name: getattr(self, name) for name in self.__dataclass_fields__})

    @cached_property
    def fingerprint(self) -> str:
        """What files are mapped with: the texts of the mapping, this job and the version of this package, as a hash."""
        about = [getattr(self, name) for name in self.__dataclass_fields__ if name != "mapper"]
        texts = json.dumps([__version__, self.mapper.stored.texts(), about], default=str, sort_keys=True)
        return hashlib.sha256(texts.encode()).hexdigest()[:16]

    def check(self) -> None:
        """Raise a `MapperError` for what no reply could be mapped with."""
        self.mapper.stored.planned(self.query, self.context, self.now)
        if self.rows is not None:
            self.mapper.stored.frame(self.rows)

    def map_file(self, source: File | str | os.PathLike[str], target: Folder | str | os.PathLike[str]) -> Row:
        """Map the replies in a file: their records and rejects go to a folder, whole or not at all.

        Mapping the file again gives the same files under the same names. Returns the row of the manifest. Raises
        `MappingError` W901 for a file that cannot be read to its end, and W903 for a folder that cannot be written to.
        """
        file = source if isinstance(source, File) else sources([source])[0]
        folder = target if isinstance(target, Folder) else Folder(os.fspath(target))
        start = time.process_time()
        try:
            if not folder.run:
                folder.make()
            with folder.temporary(file.name) as temporary:
                row = Work(self, file, temporary).row()
                self._commit(folder, temporary, row)
        except OSError as error:
            raise folder.error(error) from None
        return row | {"cpu_seconds": round(time.process_time() - start, 3)}

    @staticmethod
    def _commit(folder: Folder, temporary: Path, row: Row) -> None:
        """Give the files their names. The records come last: where they are, the rejects are too."""
        if row["rejects_file"] is not None:
            folder.put(temporary / REJECTS, row["rejects_file"])
        folder.put(temporary / RECORDS, row["records_file"])
        if row["rejects_file"] is None:
            folder.remove(row["records_file"].replace(RECORDS, REJECTS, 1), temporary)


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Job:
    """The job that bytes are. Collecting garbage in what is made now would take half of a worker's time."""
    job = Job(**pickle.loads(packed))  # noqa: S301  # a job that was pickled with it
    gc.collect()
    gc.freeze()
    return job
