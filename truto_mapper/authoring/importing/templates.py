"""Object constructors become templates: an entry for each field, with the comments that were beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from truto_mapper.authoring.importing.expressions import Table, Translation, Translator
from truto_mapper.authoring.importing.shapes import Pair, record_of
from truto_mapper.authoring.importing.writing import Entry, dedented
from truto_mapper.language import nodes
from truto_mapper.language.expression import STANDARD_FUNCTIONS
from truto_mapper.language.names import free_variables, is_function
from truto_mapper.language.nodes import Node
from truto_mapper.resource.field import Field

_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)

#: The longest block that is written in one line.
_SHORT = 70


@dataclass(frozen=True, slots=True)
class Binds:
    """The variables that a part of a mapping uses. Functions are written where they are called.

    `rooted` are the identities of those whose names are Truto's bindings.
    """

    binds: tuple[nodes.Bind, ...] = ()
    rooted: frozenset[int] = frozenset()

    def is_rooted(self, bind: nodes.Bind) -> bool:
        """Whether the names of a bind are Truto's bindings."""
        return id(bind) in self.rooted

    def needed(self, node: Node, *, functions: bool) -> list[nodes.Bind]:
        """The binds that a node needs, in order; the `functions` alone, or all."""
        wanted = {one.name for one in free_variables(node)}
        found: list[nodes.Bind] = []
        for one in reversed(self.binds):
            if one.variable.name in wanted and not (functions and not _is_function(one)):
                wanted |= {inner.name for inner in free_variables(one.value)}
                found.append(one)
        return found[::-1]

    def values(self, used_by: Node) -> list[nodes.Bind]:
        """The binds that are no functions, and that a node needs."""
        return [one for one in self.needed(used_by, functions=False) if not _is_function(one)]


def _is_function(bind: nodes.Bind) -> bool:
    return is_function(bind.value, STANDARD_FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Templates:
    """Makes entries of the parts of one expression.

    Names are Truto's bindings where a part is `rooted`, else fields of an item. `binds` are variables of the expression
    around the part; `let` says that those which are no functions are bound anyway. Objects within objects become
    templates only if `deep`.
    """

    translator: Translator
    table: Table
    rooted: bool = True
    binds: Binds = field(default_factory=Binds)
    let: bool = True
    deep: bool = True

    def text(self, node: Node, fields: Mapping[str, Field] | None = None) -> Translation:
        """A part as an expression of its own."""
        made = self.translator.part(node, self.table, rooted=self.rooted, fields=fields)
        needed = self.binds.needed(node, functions=self.let)
        if not needed:
            return made
        parts = [self.translator.part(one, self.table, rooted=self.binds.is_rooted(one)) for one in needed]
        text = _block([one.text for one in (*parts, made)])
        for one in parts:
            made = made.also(one, text)
        return made

    def leaf(self, key: str, node: Node, fields: Mapping[str, Field] | None = None) -> Entry:
        """A key with a part as its expression."""
        return entry(key, self.text(node, fields))

    def entries(self, around: Node, pairs: Sequence[Pair], fields: Mapping[str, Field] | None) -> tuple[Entry, ...]:
        """The entries of an object; `fields` are those that the spec declares, if it is a record."""
        made = list[Entry]()
        at = around.span.start
        for key, value in pairs:
            before, own = _comments(self.translator.text[at : key.span.start])
            if made and before:
                made[-1] = replace(made[-1], comments=(*made[-1].comments, *before))
            one = self.pair(key.value, value, fields)
            made.append(replace(one, comments=(*own, *one.comments)))
            at = value.span.end
        rest = [*_found(self.translator.text[at : around.span.end])] if made else []
        return tuple([*made[:-1], replace(made[-1], comments=(*made[-1].comments, *rest))] if rest else made)

    def pair(self, name: str, value: Node, fields: Mapping[str, Field] | None) -> Entry:
        declared = fields.get(name) if fields is not None else None
        if fields is not None and value == nodes.Value(value.span, None):
            return Entry(name, "null", ("Left out: it is always null, which is no value here.",), left_out=True)
        inner = record_of(value) if isinstance(value, nodes.Object) and self.deep else None
        is_open = fields is None or (declared is not None and declared.type == "object" and declared.fields)
        if inner is not None and inner.pairs and is_open:
            below = declared.fields if declared is not None else fields and {}
            return Entry(name, self.entries(value, inner.pairs, below or None))
        return self.leaf(name, value, declared.below if declared is not None else None)


def entry(key: str, made: Translation) -> Entry:
    """A key with an expression; left out if that cannot be used."""
    notes = tuple(
        f"{sentence[:1].upper()}{sentence[1:]}." if sentence[0] != "`" else f"{sentence}." for sentence in made.notes
    )
    if made.problems:
        return Entry(key, made.text, (f"Not carried over: {'; '.join(made.problems)}.",), left_out=True)
    return Entry(key, made.text, notes)


def _block(parts: Sequence[str]) -> str:
    """Several expressions as one."""
    line = f"({'; '.join(parts)})"
    if len(line) <= _SHORT and "\n" not in line:
        return line
    return "(\n" + ";\n".join("  " + dedented(part).replace("\n", "\n  ") for part in parts) + "\n)"


def _comments(gap: str) -> tuple[list[str], list[str]]:
    """The comments between two fields: those on the line of the one before, and the others."""
    line, newline, rest = gap.partition("\n")
    first, others = list(_found(line)), list(_found(rest))
    return (first, others) if newline and "," in line else ([], [*first, *others])


def _found(gap: str) -> Iterator[str]:
    for one in _COMMENT.finditer(gap):
        if text := " ".join(one[1].replace("*", " ").split()):
            yield text
