"""The files of a job: those that hold replies, and those it writes, on this machine or at a URL (fsspec)."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from glob import has_magic
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, BinaryIO
from urllib.parse import parse_qs

import fsspec
from fsspec.implementations.local import LocalFileSystem

from truto_mapper.engine.redaction import Redaction
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple

RECORDS, REJECTS, TEMPORARY, MANIFEST = "records", "rejects", "_temporary", "manifest.jsonl"

_BUFFER = 1 << 20

#: Files of less than so many bytes are mapped together where starting a task takes long, and so many for each worker:
#: tasks of a second begin a hundred times a second where there are a hundred workers.
TASK, _FOR_EACH = 48_000_000, 1_000_000

#: How many tasks each worker has at least, if there are as many files.
_TASKS = 4

#: A row of the manifest: a JSON object that says what one file became.
Row = dict[str, Any]


def cannot_read(url: str, error: Exception) -> MappingError:
    """The error for a file that cannot be read."""
    is_known = not isinstance(error, ImportError)  # else the file system at the URL is not
    hint = "is the file complete, and a file of replies as NDJSON or Parquet?" if is_known else None
    return MappingError(Diagnostic("W901", f"cannot read {shown(url)}: {_reason(url, error)}", hint=hint))


def _reason(url: str, error: Exception) -> str:
    why = getattr(error, "strerror", None) or str(error).partition("\n")[0].replace(url, "").strip(" :")
    return _USER.sub("://", why) or type(error).__name__


#: The credentials of a URL's user.
_USER = re.compile(r"://[^/\s@]*@")


def shown(url: str) -> str:
    """A path or URL as messages show it: relative to the current folder, without credentials."""
    return _place(url).removeprefix(f"{Path.cwd()}{os.sep}")


def _place(url: str) -> str:
    if "://" not in url:
        return url
    place, _, query = url.partition("?") if url.startswith("http") else (url, "", "")
    return Redaction().url(_USER.sub("://", place), parse_qs(query, keep_blank_values=True))


class File(NamedTuple):
    """A file of replies: its absolute path or URL, its size in bytes, and what changes when it is written again."""

    url: str
    size: int
    version: str

    @property
    def name(self) -> str:
        """The name of the files that are made of it: always the same, and no other file's."""
        stem = re.sub(r"[^\w-]+", "_", self.url.partition("?")[0].rpartition("/")[2].split(".")[0])[:40] or "replies"
        return f"{stem}-{hashlib.sha256(self.url.encode(errors='surrogateescape')).hexdigest()[:12]}.parquet"

    @property
    def records(self) -> str:
        """The path of its records in the folder of a job."""
        return f"{RECORDS}/{self.name}"

    @property
    def place(self) -> str:
        """Its path, or its URL without credentials."""
        return _place(self.url)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file for reading. Raises what its file system raises."""
        if os.path.isabs(self.url):  # noqa: PTH117  # others are URLs
            with Path(self.url).open("rb", buffering=_BUFFER) as file:
                yield file
        else:
            fs, path = fsspec.core.url_to_fs(self.url)
            with fs.open(path, "rb") as remote, io.BufferedReader(remote, _BUFFER) as buffered:
                yield buffered


def sources(given: Iterable[str | os.PathLike[str]]) -> list[File]:
    """The files of some paths and URLs: a folder means those in and below it, `*` those that match.

    Hidden files, and those whose name begins with `_`, count only if they are named. Raises `MappingError` W901 for
    every path that leads to no file.
    """
    found: dict[str, File] = {}
    lost = []
    for one in given:
        files = _files_of(os.fspath(one))
        found |= {file.url: file for file in files}
        if not files:
            lost.append(Diagnostic("W901", f"there are no files of replies at {shown(os.fspath(one))}"))
    if lost:
        raise MappingError(lost)
    return [found[url] for url in sorted(found)]


def tasks_of(files: Sequence[File], workers: int) -> list[list[File]]:
    """The files in groups that are large enough for a task, in their order.

    Each worker gets some tasks, so that all end at about the same time. Tasks are longer where there are many workers,
    for all of them have one scheduler.
    """
    groups: list[list[File]] = []
    each = sum(file.size for file in files) // workers
    size = least = min(max(TASK, _FOR_EACH * workers), each // _TASKS)
    for file in files:
        if size >= least:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.size
    return groups


def _files_of(url: str) -> list[File]:
    try:
        fs, path = _fs_of(url)
        found = _found(fs, path)
    except Exception as error:  # noqa: BLE001  # each file system has errors of its own
        raise cannot_read(url, error) from None
    files = [_file(fs, name, about) for name, about in found.items() if about["type"] == "file"]
    return [one for one in files if one is not None]


def _found(fs: Any, path: str) -> dict[str, Any]:
    """What is at a path, in it if it is a folder, or else what matches it."""
    try:
        about = fs.info(path)
    except FileNotFoundError:
        if not has_magic(path):
            return {}
        start = re.split(r"[*?\[]", path, maxsplit=1)[0].rpartition("/")[0]
        names_hidden = re.search(r"/[._]", path[len(start) :]) is not None
        found = fs.glob(path, detail=True)
        return {name: one for name, one in found.items() if names_hidden or _is_shown(name, start)}
    if about["type"] != "directory":
        return {path: about}
    return {name: one for name, one in fs.find(path, detail=True).items() if _is_shown(name, path)}


def _file(fs: Any, name: str, about: dict[str, Any]) -> File | None:
    """A file by its own path, not that of a link to it; None for a link to nothing."""
    if not _is_local(fs):
        return File(fs.unstrip_protocol(name), about["size"] or 0, _version(about))
    own = os.path.realpath(name)
    return File(own, about["size"], _version(about)) if os.path.isfile(own) else None  # noqa: PTH113  # it is no Path


def _fs_of(url: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path in it. Raises ValueError and ImportError."""
    if ("://" not in url and "::" not in url) or os.path.exists(url):  # noqa: PTH110  # a name may have both
        return LocalFileSystem(), os.path.realpath(url)
    return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]


def _is_shown(name: str, folder: str) -> bool:
    return not any(part.startswith((".", "_")) for part in name.removeprefix(folder).split("/") if part)


def _version(about: dict[str, Any]) -> str:
    """What changes when a file is written again: its time, or the tag that an object store gives it."""
    keys = ("mtime", "ETag", "etag", "LastModified", "last_modified", "created")
    return next((str(about[key]) for key in keys if about.get(key) is not None), "")


def _is_local(fs: Any) -> bool:
    return isinstance(fs, LocalFileSystem)


class Folder:
    """The folder that a job writes to. `run` names the run of the job.

    A file appears in it at once and whole: it is written elsewhere and then moved there, or uploaded. A run that begins
    takes away the temporary folders of others. All that a run does here is to move files from or to its own, so nothing
    of a run that was given up happens later, even if its workers still run.
    """

    def __init__(self, url: str, run: str = "") -> None:
        # A worker may have another current folder.
        self.url, self.run = url if "://" in url else os.path.abspath(url), run  # noqa: PTH100  # some are URLs

    def __reduce__(self) -> tuple[Any, ...]:
        fs, path = self._at
        return Folder, (path if _is_local(fs) else self.url, self.run)  # whatever folder a worker is in

    def error(self, error: OSError) -> MappingError:
        """The error for a folder that cannot be written to."""
        fs, path = self._at
        if _is_local(fs) and self.run and not self._temporary.is_dir() and Path(path).is_dir():
            message, hint = f"another run has begun in {shown(self.url)}, and this one ends", "it maps what is left"
        else:
            message, hint = f"cannot write to {shown(self.url)}: {error.strerror or error}", None
        return MappingError(Diagnostic("W903", message, hint=hint))

    @cached_property
    def _at(self) -> tuple[Any, str]:
        try:
            fs, path = _fs_of(self.url)
        except (ImportError, ValueError) as error:
            message = f"cannot write to {shown(self.url)}: {_reason(self.url, error)}"
            raise MappingError(Diagnostic("W903", message)) from None
        return fs, path.rstrip("/")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and no folder."""
        fs, path = self._at
        return bool(fs.isfile(path))

    @cached_property
    def _temporary(self) -> Path:
        """The run's own folder, in this one or on the machine that the work is done on."""
        fs, path = self._at
        return Path(path, TEMPORARY, self.run) if _is_local(fs) else Path(gettempdir(), f"truto-mapper-{self.run}")

    def make(self) -> None:
        """Make the folders in it. Raises OSError."""
        fs, path = self._at
        for one in (RECORDS, REJECTS):
            fs.makedirs(f"{path}/{one}", exist_ok=True)
        self._temporary.mkdir(parents=True, exist_ok=True)

    def begin(self) -> None:
        """Make the folders of a run, and take away those of other runs: theirs cannot go on. Raises OSError."""
        self.make()
        if _is_local(self._at[0]):
            for other in self._temporary.parent.iterdir():
                if other != self._temporary:
                    with suppress(FileNotFoundError):  # two runs began at once
                        other.rename(self._temporary / other.name)
                        shutil.rmtree(self._temporary / other.name, ignore_errors=True)

    def end(self) -> None:
        """Remove what is left of the run."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        if _is_local(self._at[0]):
            with suppress(OSError):  # another run has begun
                self._temporary.parent.rmdir()

    @contextmanager
    def temporary(self, name: str) -> Iterator[Path]:
        """A folder for files that are not complete; what is left in it at the end is removed. Raises OSError."""
        if not _is_local(self._at[0]):
            self._temporary.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=self._temporary, prefix=f"{name}.", ignore_cleanup_errors=True) as made:
            yield Path(made)

    def deaths(self, name: str) -> int:
        """How many processes died in a temporary folder of this name."""
        with suppress(FileNotFoundError):
            return sum(one.name.startswith(f"{name}.") for one in self._temporary.iterdir())
        return 0

    def put(self, file: Path, name: str) -> None:
        """Give a complete file its place; one that is there is replaced. Raises OSError."""
        fs, path = self._at
        if _is_local(fs):
            with file.open("rb") as written:
                os.fsync(written.fileno())
            file.replace(Path(path, name))
        else:
            fs.put_file(str(file), f"{path}/{name}")

    def remove(self, name: str, temporary: Path) -> None:
        """Remove a file, if it is there. Raises OSError."""
        fs, path = self._at
        with suppress(FileNotFoundError):
            if _is_local(fs):
                Path(path, name).replace(temporary / "removed")
            else:
                fs.rm_file(f"{path}/{name}")

    def sizes(self, name: str) -> dict[str, int]:
        """The files of a folder in it, with their sizes in bytes."""
        fs, path = self._at
        fs.invalidate_cache()
        try:
            found = fs.ls(f"{path}/{name}" if name else path, detail=True)
        except FileNotFoundError:
            return {}
        return {one["name"].rpartition("/")[2]: one["size"] or 0 for one in found}

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """A file of it, for reading. Raises OSError."""
        fs, path = self._at
        with fs.open(f"{path}/{name}", "rb") as file:
            yield file

    @property
    def appends(self) -> bool:
        """Whether a file of it can be added to. An object cannot: it is written again."""
        return _is_local(self._at[0])

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Write an object anew."""
        fs, path = self._at
        fs.pipe_file(f"{path}/{name}", b"".join(lines))

    def holds(self, file: File) -> bool:
        """Whether a file is one that jobs write to it."""
        fs, path = self._at
        places = path, fs.unstrip_protocol(path)
        folders = tuple(f"{place}/{name}/" for place in places for name in (RECORDS, REJECTS, TEMPORARY))
        return file.url.startswith(folders) or file.url in [f"{place}/{MANIFEST}" for place in places]
