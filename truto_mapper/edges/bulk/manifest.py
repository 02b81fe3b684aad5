"""The manifest: a line of JSON for each file that is done, with what it became."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from truto_mapper.edges.bulk.files import MANIFEST, RECORDS, REJECTS, File, Folder, Row
from truto_mapper.edges.bulk.writing import ROW

#: How often an object store gets the manifest, in seconds.
_EVERY = 10.0


class Manifest:
    """The manifest of a folder.

    A file is done once its records are in the folder: their own metadata say what they were made of. So what was done
    when a run was killed, and is not in the manifest yet, is found again.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        #: By the name of the file of records.
        self.rows: dict[str, Row] = {}
        self._unwritten: list[bytes] = []
        self._written: list[bytes] = []
        self._file: BinaryIO | None = None
        self._last = time.monotonic()

    def read(self) -> None:
        """Read what is done, and remove rejects of what is not. Raises OSError."""
        records, rejects = self.folder.sizes(RECORDS), self.folder.sizes(REJECTS)
        found = [*self._listed()]
        known = {row["records_file"] for row in found}
        new = (self._row_in(f"{RECORDS}/{name}") for name in sorted(records) if f"{RECORDS}/{name}" not in known)
        for row in (*found, *filter(None, new)):
            if _is_there(row, records, rejects):
                self.rows[row["records_file"]] = row
        right = {row["rejects_file"] for row in self.rows.values()}
        with self.folder.temporary(REJECTS) as temporary:
            for name in sorted(rejects):
                if f"{REJECTS}/{name}" not in right:
                    self.folder.remove(f"{REJECTS}/{name}", temporary)

    def _listed(self) -> Iterator[Row]:
        if MANIFEST in self.folder.sizes(""):
            with self.folder.opened(MANIFEST) as opened:
                yield from filter(None, map(_row_of, opened))

    def _row_in(self, name: str) -> Row | None:
        """The row in the metadata of a file of records; None for a file that is not one of ours."""
        try:
            with self.folder.opened(name) as opened:
                metadata = pq.read_metadata(opened).metadata or {}
        except pa.ArrowException:
            return None
        return _row_of(metadata.get(ROW, b""))

    def begin(self, left: Iterable[File]) -> None:
        """Write it anew, without the files that are to be mapped. Raises OSError.

        It stays open: where another run has begun, and so has written its own, this one writes to the old one.
        """
        for file in left:
            self.rows.pop(file.records, None)
        lines = [_line(row) for row in self.rows.values()]
        with self.folder.temporary(MANIFEST) as temporary:
            (temporary / MANIFEST).write_bytes(b"".join(lines))
            self._file = (temporary / MANIFEST).open("ab") if self.folder.appends else None
            self.folder.put(temporary / MANIFEST, MANIFEST)
        self._written = lines

    def add(self, row: Row) -> None:
        """Add the row of a file that is done."""
        self.rows[row["records_file"]] = row
        self._unwritten.append(_line(row))
        if self._file is not None or time.monotonic() - self._last > _EVERY:
            self._flush()

    def _flush(self) -> None:
        """Write what is not written yet."""
        self._written += self._unwritten
        if self._file is not None:
            self._file.writelines(self._unwritten)
            self._file.flush()
        elif self._unwritten:
            self.folder.write(MANIFEST, self._written)
        self._unwritten, self._last = [], time.monotonic()

    def close(self) -> None:
        """Write what is not written yet, for the last time."""
        self._flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_done(self, file: File, fingerprint: str) -> bool:
        """Whether a file was mapped as it is now, in the same way."""
        row = self.rows.get(file.records)
        made_of = None if row is None else (row["size"], row["version"], row["fingerprint"])
        return made_of == (file.size, file.version, fingerprint)


def _is_there(row: Row, records: Mapping[str, int], rejects: Mapping[str, int]) -> bool:
    """Whether the files of a row are in the folder, the rejects not those of another mapping."""
    name = row["records_file"].removeprefix(f"{RECORDS}/")
    return name in records and (row["rejects_file"] is None or rejects.get(name) == row["rejects_size"])


def _line(row: Row) -> bytes:
    # The name of a file may be no text: then it is not UTF-8 here either, as it was.
    return json.dumps(row, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"


def _row_of(line: bytes) -> Row | None:
    """The row that a line is; None for a line that was cut when a run was killed."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "records_file" in row else None
