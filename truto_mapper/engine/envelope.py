"""A reply whose rows are still bytes.

Names that no schema declares are learned from the first reply that has them. They change nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from truto_mapper.engine import typed_json
from truto_mapper.engine.called import value_at
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.typed_json import MAX_LESSONS, UndecidedError
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.types import objects
from truto_mapper.mapping.linked import Endpoint


class Envelope:
    """Decodes a reply but for the rows of those endpoints that map raw ones.

    `rows` has the path to these rows by the endpoint's name, empty where the reply itself is the array of them.
    Nothing else that is evaluated looks into them.
    """

    def __init__(self, endpoints: Sequence[Endpoint], functions: Mapping[str, Fused]) -> None:
        found = [functions[one.name] for one in endpoints if one.method == "list" and one.decode is None]
        self.rows: dict[str, NamePath] = {one.name: one.loops.outer for one in found if one.typed and one.loops}
        self.rows = {name: path for name, path in self.rows.items() if all(map(typed_json.is_name, path))}
        while lost := [name for name, path in self.rows.items() if self._is_looked_into(path, found)]:
            for name in lost:
                del self.rows[name]
        paths = set(self.rows.values()) - {()}
        self._others = {name: sorted(paths - {path}) for name, path in self.rows.items() if path}
        self._array = typed_json.decoder(typed_json.raw_list()) if () in self.rows.values() else None
        kinds = [kind for one in found for kind in objects(one.types.reply)]
        names = list(dict.fromkeys(name for kind in kinds for name in kind.properties or {}))
        self._declared: dict[NamePath, list[str]] = {(): names}
        self._tree: dict[str, Any] = {}
        for *above, last in paths:
            holder = self._tree
            for name in above:
                holder = holder.setdefault(name, {})
            holder[last] = typed_json.raw_list()
        self._lessons, self._open, self._plain = 0, self._typed(), typed_json.decoder(Any)

    def _is_looked_into(self, path: NamePath, endpoints: Iterable[Fused]) -> bool:
        for one in endpoints:
            for read, is_counted in one.reads_of_reply(with_rows=self.rows.get(one.name) != path):
                shared = min(len(read), len(path))
                if read[:shared] == path[:shared] and (len(read) > len(path) or not is_counted):
                    return True
        return False

    def _typed(self) -> Callable[[Any], dict[str, Any]]:
        """The function that decodes a body. Threads that learn names exchange it as a whole."""
        kind, plain = typed_json.envelope_type(self._tree, self._declared)
        decode = typed_json.decoder(kind)
        return lambda body: plain(typed_json.deep(decode, body))

    def opened(self, body: Any, endpoints: Iterable[str]) -> Any:
        """The body, of a reply to one of some endpoints, with raw rows.

        Raises `UndecidedError` for bytes that are left to Python's own module, and for rows that are looked into.
        """
        try:
            if self._array is not None and body.startswith(b"[") and all(self.rows.get(one) == () for one in endpoints):
                return typed_json.deep(self._array, body, typed_json.FRAMES + 1)  # as deep as `_open`
            return self._open(body)
        except typed_json.errors() as error:
            if self._lessons >= MAX_LESSONS:
                raise UndecidedError from error
        if not self._learn(typed_json.read(body)):
            raise UndecidedError
        try:
            return self._open(body)
        except typed_json.errors() as error:
            raise UndecidedError from error

    def rows_of(self, name: str, body: Any) -> list[Any]:
        """The raw rows of an endpoint's reply. Raises `UndecidedError` where it has none, or those of another one too.

        Nobody would decode the others, so nobody would tell that they are not JSON.
        """
        rows = value_at(body, *self.rows[name]) if name in self.rows else None
        for other in self._others.get(name, ()):
            if body[other[0]] is not MISSING and value_at(body, *other).__class__ is list:
                raise UndecidedError
        if rows.__class__ is not list:
            raise UndecidedError
        return rows

    def is_all_read(self, fused: Fused, sent: bytes, raws: Sequence[Any]) -> bool:
        """Whether all of a body but the raw rows of an endpoint is surely JSON that can be read.

        Nothing decodes raw rows whose name occurs again: the last ones count.
        """
        if not (fused.typed and fused.typed.is_all_read(sent, raws)):
            return False
        path = self.rows[fused.name]
        if not path:
            return True
        start, rows = sent.find(raws[0]), b",".join(raws)
        if not sent.startswith(rows, start):
            end = start + len(raws[0])
            between = sent[end : sent.find(raws[1], end)] if len(raws) > 1 else b""
            rows = between.join(raws)
            if between.strip() != b"," or not sent.startswith(rows, start):
                return False
        try:
            rest = self._plain(sent[:start] + sent[start + len(rows) :])
        except typed_json.errors():
            return False
        return bool(value_at(rest, *path) == [])

    def _learn(self, body: Any) -> bool:
        """Learn the names of a reply. Returns whether there are new ones."""
        declared = dict(self._declared)
        for path in {rows[:end] for rows in self.rows.values() for end in range(len(rows))}:
            value = body
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            known = declared.get(path, [])
            if new := typed_json.new_names(value, frozenset(known)):
                declared[path] = [*known, *new]
        if declared == self._declared:
            return False
        self._declared = declared
        self._lessons, self._open = self._lessons + 1, self._typed()
        return True


def envelope_of(endpoints: Sequence[Endpoint], functions: Mapping[str, Fused]) -> Envelope | None:
    """The envelope of some endpoints; None without msgspec, and where all rows must be read as JSON."""
    envelope = None if typed_json.library() is None else Envelope(endpoints, functions)
    return envelope if envelope is not None and envelope.rows else None
