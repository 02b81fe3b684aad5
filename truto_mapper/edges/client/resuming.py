"""How far a download came, kept in a file that is replaced at once, so that it can go on after any failure."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Self

from truto_mapper.edges.client.account import Account, refuse
from truto_mapper.text.diagnostics import excerpt

#: The format of the file.
_VERSION = 1


@dataclass
class Progress:
    """How far a download came: the first `bytes` of its output are good, `cursor` leads to what is missing.

    Without a `file` nothing is kept. `context` are settings of the account that were found.
    """

    file: Path | None
    about: str
    cursor: str | None = None
    bytes: int = 0
    records: int = 0
    is_done: bool = False
    context: dict[str, Any] = field(default_factory=dict)
    _given: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path | None, mapping: str, query: str) -> Self:
        """The progress in a file, or none yet. Raises `QueryError` Q520 for a file that is of another download."""
        about = sha256(f"{mapping}\n{query}".encode()).hexdigest()
        if file is None or not file.exists():
            return cls(file, about)
        try:
            read = json.loads(file.read_bytes())
            version, of, *rest = (read[key] for key in ("version", "about", *_KEYS))
        except (OSError, ValueError, KeyError, TypeError):
            refuse(f"{excerpt(str(file))} is not a file that --resume wrote", "name another file, or remove it")
        if version != _VERSION or of != about:
            refuse(f"{excerpt(str(file))} is of another mapping or query", "name another file, or remove it")
        return cls(file, about, *rest)

    def known(self, account: Account) -> Account:
        """An account with the settings that were found before."""
        self._given = account.context
        return replace(account, context={**self.context, **account.context})

    def found(self, account: Account) -> None:
        """Keep the settings of an account that were found; those that were given may be secret."""
        self.context = {name: value for name, value in account.context.items() if name not in self._given}

    def query(self, query: str) -> str:
        """The query of what is missing."""
        if self.cursor is None:
            return query
        kept = [one for one in query.split("&") if one and not one.startswith("next_cursor=")]
        return "&".join([*kept, f"next_cursor={self.cursor}"])

    @contextmanager
    def opened(self, output: Path) -> Iterator[BinaryIO]:
        """The output, cut to its good part. Raises `QueryError` Q520 if that is not whole."""
        if self.bytes and not output.is_file():
            refuse(f"{excerpt(str(output))} is gone: it cannot be resumed", f"remove {self.file} to start again")
        with output.open("r+b" if self.bytes else "wb") as opened:
            if self.bytes and os.fstat(opened.fileno()).st_size < self.bytes:
                refuse(
                    f"{excerpt(str(output))} is shorter than it was: it cannot be resumed",
                    f"remove {self.file} to start again",
                )
            opened.truncate(self.bytes)
            opened.seek(self.bytes)
            yield opened

    def reached(self, output: BinaryIO, cursor: str | None, records: int) -> None:
        """A page was written. Of the last one, whose `cursor` is None, `finished` tells."""
        self.records += records
        if self.file is None or cursor is None:
            return
        self.cursor = cursor
        self._keep(output)

    def finished(self, output: BinaryIO) -> None:
        """All pages were written."""
        self.is_done, self.cursor = True, None
        self._keep(output)

    def forget(self) -> None:
        """Remove the file: the download is complete."""
        if self.file is not None:
            with suppress(OSError):
                self.file.unlink()

    def _keep(self, output: BinaryIO) -> None:
        """Write the output to the disk first, then that it is there."""
        output.flush()
        if self.file is None:
            return
        os.fsync(output.fileno())
        self.bytes = output.tell()
        values = {"version": _VERSION, "about": self.about} | {key: getattr(self, key) for key in _KEYS}
        written = self.file.with_name(f"{self.file.name}.new")
        with written.open("w", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.file)


_KEYS = ("cursor", "bytes", "records", "is_done", "context")
