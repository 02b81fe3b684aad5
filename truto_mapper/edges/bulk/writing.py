"""The Parquet files of one file of replies: its unified records, and its rejects."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from truto_mapper.edges.bulk import columns
from truto_mapper.engine.tabular import as_objects
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.spec import Resource
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple

#: The column of the account that a record is of.
ACCOUNT = "integrated_account_id"

#: How many records become columns at once, or those of how many bytes of replies.
CHUNK, CHUNK_BYTES = 4_096, 64_000_000

#: How many rows or bytes a row group has at most.
GROUP, GROUP_BYTES = 122_880, 128_000_000

#: Where the metadata of a file of records has its row of the manifest.
ROW = b"truto_mapper"

_FINDING = pa.struct([("code", pa.string()), ("pointer", pa.string()), ("message", pa.string())])

#: The columns of rejects. `page` is the number of the reply in its file, from 1, and `place` that in the mapping.
REJECT = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("page", pa.int64(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("pointer", pa.string()),
        pa.field("message", pa.string(), nullable=False),
        pa.field("place", pa.string()),
        pa.field("further", pa.list_(_FINDING)),
        pa.field("raw", pa.string()),
        pa.field(ACCOUNT, pa.string()),
    ]
)


#: So many records in a row that are of one page and account.
Run: TypeAlias = tuple[int, int, str | None]


class Misfit(NamedTuple):
    """A record that its columns cannot hold, with its page and account, and the paths and reasons."""

    record: Any
    page: int
    account: str | None
    found: Sequence[tuple[Steps, str]]


class _Waiting(NamedTuple):
    """Records that become columns together, and the page and the account of each."""

    records: list[Any]
    pages: list[int]
    accounts: list[str | None]


class _Parquet:
    """A Parquet file that grows by row groups. `coded` are the columns with a dictionary, because values recur."""

    def __init__(self, path: Path, schema: pa.Schema, coded: Any) -> None:
        self.rows = self._bytes = self._waiting = 0
        self._batches: list[pa.RecordBatch] = []
        self.schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=coded)

    def add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._waiting, self._bytes = self._waiting + batch.num_rows, self._bytes + batch.nbytes
        self.rows += batch.num_rows
        if self._waiting >= GROUP or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches, self.schema)
            self._writer.write_table(table, row_group_size=GROUP)
        self._batches, self._waiting, self._bytes = [], 0, 0

    def close(self, metadata: dict[bytes, bytes] | None = None) -> None:
        self._flush()
        if metadata:
            self._writer.add_key_value_metadata(metadata)
        self._writer.close()


def _recurring(name: str, field: Field) -> Iterator[str]:
    """The columns of a field, by their names in Parquet, in which values recur."""
    if field.items is not None:
        yield from _recurring(f"{name}.list.element", field.items)
    elif field.fields:
        for inner, one in field.fields.items():
            yield from _recurring(f"{name}.{inner}", one)
    elif field.type not in ("object", "any") and name.rpartition(".")[2] != "id":
        yield name


class Records:
    """Writes the records of a resource, with `remote_data` or none. Records that do not fit are given back."""

    def __init__(self, path: Path, resource: Resource, *, remote_data: bool = True) -> None:
        account = [(ACCOUNT, Field("string"))] if ACCOUNT not in resource.fields else []
        self.fields, self._has_account = [*resource.fields.items()], bool(account)
        self._columns = {name: columns.column(one) for name, one in self.fields}
        if not remote_data and REMOTE_DATA in self._columns:
            self._columns[REMOTE_DATA] = lambda values: pa.nulls(len(values), pa.string())
        self._types = [columns.type_of(one) for _, one in self.fields]
        self.schema = columns.schema_of([*self.fields, *account])
        coded = [name for one in (*self.fields, *account) for name in _recurring(*one)]
        self._file = _Parquet(path, self.schema, coded)
        self._record, self._bytes = resource.record, 0
        self._waiting = _Waiting([], [], [])

    @property
    def count(self) -> int:
        """How many records were written."""
        return self._file.rows

    def add(self, records: Sequence[Any], runs: Sequence[Run], size: int) -> list[Misfit]:
        """Write the records of a page of so many bytes, now or later.

        Returns those that do not fit, of this page or others.
        """
        waiting = self._waiting
        waiting.records.extend(records)
        for count, page, account in runs:
            waiting.pages.extend([page] * count)
            waiting.accounts.extend([account] * count)
        self._bytes += size
        if len(waiting.records) < CHUNK and self._bytes < CHUNK_BYTES:
            return []
        del waiting
        misfits = self.flush()
        gc.collect(1)  # a job looks for garbage now, when nothing waits
        return misfits

    def flush(self) -> list[Misfit]:
        """Write what waits."""
        (records, pages, accounts), self._waiting, self._bytes = self._waiting, _Waiting([], [], []), 0
        misfits: list[Misfit] = []
        for start in range(0, len(records), 2 * CHUNK):  # a page may have very many
            chunk = slice(start, start + 2 * CHUNK)
            misfits += self._write(records[chunk], pages[chunk], accounts[chunk])
        return misfits

    def _write(self, records: list[Any], pages: list[int], accounts: list[str | None]) -> list[Misfit]:
        try:
            self._file.add(self._batch(records, accounts))
        except columns.MisfitError:
            objects = [as_objects(self._record, one) for one in records]
            found = [list(columns.misfits(self.fields, one)) for one in objects]
            fits = [not some for some in found]
            self._file.add(self._batch([*compress(records, fits)], [*compress(accounts, fits)]))
            return [Misfit(*one) for one in zip(objects, pages, accounts, found, strict=True) if one[-1]]
        return []

    def _batch(self, records: Sequence[Any], accounts: Sequence[str | None]) -> pa.RecordBatch:
        made = columns.columns_of(self._columns, self._types, records)
        if self._has_account:
            made.append(pa.array(accounts, pa.string()))
        return pa.RecordBatch.from_arrays(made, schema=self.schema)

    def close(self, row: dict[str, Any]) -> None:
        """Complete the file; its metadata say what it was made of."""
        self._file.close({ROW: json.dumps(row).encode()})


class Rejects:
    """Writes rejects. There is no file until there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: By code how often it comes first among the findings of a reject, and the first of these.
        self.codes: dict[str, dict[str, Any]] = {}
        self._file: _Parquet | None = None
        self._waiting: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, reject: dict[str, Any]) -> None:
        """Write a row of `REJECT`, now or later."""
        about = {name: reject[name] for name in ("page", "pointer", "message", "place")}
        self.codes.setdefault(reject["code"], {"count": 0, "first": about})["count"] += 1
        self._waiting.append(reject)
        self._bytes += len(reject["raw"])
        if len(self._waiting) == CHUNK or self._bytes >= CHUNK_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._file = self._file or _Parquet(self.path, REJECT, ["file", "code", "message", "place", ACCOUNT])
            self._file.add(pa.RecordBatch.from_pylist(self._waiting, schema=REJECT))
        self._waiting, self._bytes = [], 0

    def close(self) -> int | None:
        """Complete the file. Returns its size in bytes, None if there is none."""
        self._flush()
        if self._file is None:
            return None
        self._file.close()
        return self.path.stat().st_size
