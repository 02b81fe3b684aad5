"""The cache of compiled mappings: one file an entry, in a folder that only its user can write to.

An entry holds the texts that a mapper was made of, what was read and linked of them, and the marshalled code of its
functions. It is used only if the texts, the caller's names of functions, Python and this package are the same; anything
that is wrong with it makes it a miss. Nothing here raises: a folder that cannot be used is no cache.

Marshalled code and pickles run whatever they say. So a file counts only if it and its folder belong to this user and
nobody else can write to them.
"""

from __future__ import annotations

import binascii
import io
import marshal
import os
import pickle
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from truto_mapper.engine.parts import FindText, Functions, Parts
from truto_mapper.language.expression import Expression, restored
from truto_mapper.mapping import linked
from truto_mapper.resource.spec import Resource
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused

#: The first bytes of an entry; the number changes with what is in it.
_MARK = b"truto-mapper 1\n"

#: The largest entry that is read or written, and how many a folder has: the oldest ones are removed.
MAX_BYTES = 16_000_000
MAX_ENTRIES = 64

#: The name of an entry, and of one that is being written.
_NAME = lazy_pattern(r"truto-[0-9a-f]{8}\.bin(\.[0-9a-f]{16})?")

#: The packages whose code makes an entry.
_MAKERS = ("truto_mapper.", "jsonata.")

Stamp = tuple[str, int, int]
Written = tuple[Any, ...]


class Cache:
    """The entry of some texts in a folder. `find_spec` and `find_schema` find further texts by name."""

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Source],
        functions: Functions,
        find_spec: FindText,
        find_schema: FindText,
    ) -> None:
        self.folder, self.sources, self.functions = folder, tuple(sources), dict(functions)
        self.find_spec, self.find_schema = find_spec, find_schema
        version = sys.modules[__name__.partition(".")[0]].__version__
        self.key = (version, sys.version, sys.executable, __file__, list(map(_plain, self.sources)), list(functions))
        self.path = folder / f"truto-{binascii.crc32(marshal.dumps(self.key)):08x}.bin"
        self.stamps: list[Stamp] = []

    def parts(self) -> Parts | None:
        """The parts of a mapper that are kept here; None for a miss."""
        try:
            return self._parts(_contents(self.path))
        except Exception:  # noqa: BLE001  # whatever is wrong with a file, it is made again
            return None

    def _parts(self, data: bytes) -> Parts | None:
        key, stamps, spec, schemas, names, pickled = marshal.loads(data)  # noqa: S302  # see above
        if key != self.key or any(_stamp(path) != tuple(stamp) for path, *stamp in stamps):
            return None
        found = [self.find_spec(spec[0]), *(self.find_schema(name) for name in names)]
        if list(map(_plain, found)) != [spec[1], *schemas]:
            return None
        resource, mapping, warnings, codes = _Unpickler(pickled, [*self.sources, *found], self.functions).load()
        if not (isinstance(resource, Resource) and isinstance(mapping, linked.Mapping) and isinstance(codes, dict)):
            return None
        self.stamps = stamps
        texts = self.sources, found[0], self.functions, dict(zip(names, found[1:], strict=True))
        return Parts(*texts, resource, mapping, warnings, codes)

    def keep(self, parts: Parts, fused: Fused) -> None:
        """Write the entry, with an endpoint that was just compiled and all expressions of its pages."""
        try:
            for expression in _of_pages(parts.mapping, fused):
                _compile(expression)
            data = self._written(parts)
            if len(data) <= MAX_BYTES:
                _write(self.folder, self.path, data)
        except Exception:  # noqa: BLE001  # the disk is full, say, or the folder is another user's
            return

    def _written(self, parts: Parts) -> bytes:
        pickled = io.BytesIO()
        texts = [*parts.sources, parts.spec, *parts.schemas.values()]
        kept = parts.resource, parts.mapping, parts.warnings, dict(parts.codes)
        _Pickler(pickled, texts, parts.functions).dump(kept)
        stamps = list({stamp[0]: stamp for stamp in (*self.stamps, *_stamps())}.values())
        spec, schemas = (parts.resource.name, _plain(parts.spec)), list(map(_plain, parts.schemas.values()))
        return marshal.dumps((self.key, stamps, spec, schemas, list(parts.schemas), pickled.getvalue()))


def _plain(source: Source) -> tuple[str, str]:
    return source.name, source.text


def _stamp(path: str) -> tuple[int, int]:
    """What changes with a file; as it was when its code was imported, if that is known."""
    if path in _IMPORTED:
        return _IMPORTED[path]
    found = os.stat(path)  # noqa: PTH116  # there are hundreds, and paths take most of the time
    return found.st_mtime_ns, found.st_size


def _stamps() -> Iterator[Stamp]:
    """The files of the modules that make an entry."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path is not None and f"{name}.".startswith(_MAKERS):
            yield path, *_stamp(path)


#: The files of the modules that are imported before any mapper is made. A later upgrade does not change this process.
_IMPORTED: dict[str, tuple[int, int]] = {}
with suppress(OSError):  # of a module in a zip file: there is no cache
    _IMPORTED = {path: (time, size) for path, time, size in _stamps()}


def _of_pages(mapping: linked.Mapping, fused: Fused) -> Iterator[Expression]:
    """The expressions that are evaluated for the requests and the pages of an endpoint, but not for each row."""
    yield from (one for _, one in linked.of_mapping(mapping))
    yield from (one.when for one in mapping.endpoints if one.when is not None)
    yield from (one for _, one in fused.endpoint.for_each[:1])
    yield from (one for key, one in linked.every(fused.endpoint) if key in linked.OF_PAGES)
    yield from (one.run_if for one in fused.joins if one.run_if is not None)
    yield from fused.page_values.expressions


def _compile(expression: Expression) -> None:
    try:
        _ = expression.compiled
    except EvaluationError:
        return  # it is told when it is evaluated


class _Pickler(pickle.Pickler):
    """Writes the parts without the texts and the caller's functions, which are there when they are read."""

    def __init__(self, file: io.BytesIO, texts: Sequence[Source], functions: dict[str, Any]) -> None:
        super().__init__(file, protocol=5)
        self.numbers, self.functions = {id(text): number for number, text in enumerate(texts)}, functions

    def persistent_id(self, obj: Any) -> Any:
        return "functions" if obj is self.functions else self.numbers.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        if obj.__class__ is Expression:
            text, source, offsets, program = obj.parts
            return restored, (text, source, offsets, self.functions, program, obj.tables)
        if obj.__class__ is CodeType:
            return marshal.loads, (marshal.dumps(obj),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, texts: Sequence[Source], functions: dict[str, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.texts, self.functions = texts, functions

    def persistent_load(self, pid: Any) -> Any:
        return self.functions if pid == "functions" else self.texts[pid]


def _is_safe(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and nobody else can write to it. Windows keeps others out."""
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)


def _opened(path: Path, flags: int) -> int:
    """A file of the operating system. A symbolic link is refused, and nobody waits for the other end of a pipe."""
    return os.open(path, flags | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")), 0o600)


def _contents(path: Path) -> bytes:
    """What a file holds behind its mark and checksum. Raises for one that is not as it was written."""
    with os.fdopen(_opened(path, os.O_RDONLY), "rb") as file:
        about = os.fstat(file.fileno())
        if not (stat.S_ISREG(about.st_mode) and _is_safe(about) and _is_safe(path.parent.lstat())):
            raise PermissionError
        data = file.read(MAX_BYTES)
    start = len(_MARK) + 4
    if data[: len(_MARK)] != _MARK or int.from_bytes(data[len(_MARK) : start], "big") != binascii.crc32(data[start:]):
        raise ValueError
    return data[start:]


def sealed(data: bytes) -> bytes:
    """What a file holds: a mark, a checksum and the data."""
    return _MARK + binascii.crc32(data).to_bytes(4, "big") + data


def _write(folder: Path, path: Path, data: bytes) -> None:
    """Write a file that others see whole or not at all. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_safe(folder.lstat()) or folder.is_symlink():
        raise PermissionError
    pending = folder / f"{path.name}.{os.urandom(8).hex()}"
    try:
        with os.fdopen(_opened(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(sealed(data))
        pending.replace(path)
    finally:
        pending.unlink(missing_ok=True)
    _prune(folder)


def _prune(folder: Path) -> None:
    """Remove the oldest entries beyond `MAX_ENTRIES`, but no other files: the folder may hold more than the cache."""
    own = (one for one in folder.iterdir() if _NAME.fullmatch(one.name))
    files = sorted(own, key=lambda one: one.lstat().st_mtime_ns)
    for old in files[:-MAX_ENTRIES]:
        old.unlink(missing_ok=True)
