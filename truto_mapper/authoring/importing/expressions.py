"""Truto's expressions become ours by edits at the positions of nodes, so that layout and comments stay.

In Truto the bindings are names at the root of the input: `response.id`, `query.limit`. Here they are variables. A name
is a binding only where a path begins at that root: not inside a path, where names are fields of an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from truto_mapper.language import nodes
from truto_mapper.language.expression import STANDARD_FUNCTIONS, Expression
from truto_mapper.language.library.functions import FUNCTIONS
from truto_mapper.language.names import free_variables
from truto_mapper.language.nodes import Name, Node, Path, Step, Variable
from truto_mapper.language.source_paths import without_data
from truto_mapper.resource.field import Field
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Span


class Target(NamedTuple):
    """What a binding of Truto's is here.

    `text` is ours, `$` if the binding is what a path begins at here anyway. With a `problem` there is none. A `note`
    says how ours differs.
    """

    text: str
    note: str | None = None
    problem: str | None = None


#: Our text for the names that a path begins with at the root of Truto's input, longest first: `("query", "cursor")`.
Table: TypeAlias = Mapping[tuple[str, ...], Target]

#: The standard functions that Truto overrides, and what has Truto's meaning here.
OVERRIDDEN = {name: "truto" + name[0].upper() + name[1:] for name in ("join", "string", "base64encode", "base64decode")}
OVERRIDDEN["sift"] = "trutoSift"

_KNOWN = STANDARD_FUNCTIONS | FUNCTIONS.keys()
_COMPARED = frozenset({"=", "!=", "<", "<=", ">", ">=", "in", "and", "or"})
_TRUE_OR_FALSE = frozenset({"boolean", "contains", "exists", "not"})
_TIME = "Truto reads the clock; here `$now` is the time that the caller gives"


class Edit(NamedTuple):
    start: int
    end: int
    text: str


class Translation(NamedTuple):
    """A text of ours, why it cannot be used, and what differs."""

    text: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def also(self, other: Translation, text: str) -> Translation:
        """A text that is made of both."""
        problems, notes = dict.fromkeys((*self.problems, *other.problems)), dict.fromkeys((*self.notes, *other.notes))
        return Translation(text, tuple(problems), tuple(notes))


class Translator:
    """Translates parts of one expression. `taken` are the names of variables that mean something else here."""

    def __init__(self, expression: Expression, taken: frozenset[str]) -> None:
        self.text, self.node, self.taken = expression.text, expression.node, taken
        self.free = {id(one) for one in free_variables(self.node)}
        self.local = self._renamed(self.node)
        calls = (one for one in nodes.walk(self.node) if isinstance(one, (nodes.Call, nodes.Partial)))
        self.called = {id(one.procedure) for one in calls}
        #: The calls that take Truto's whole input for an argument left out.
        self.taking = {id(one) for one in without_data(expression) if isinstance(one, nodes.Call)}

    def _renamed(self, node: Node) -> dict[str, str]:
        """The expression's own variables whose name has another meaning here, each with a new name."""
        used = {one.name for one in nodes.walk(node) if isinstance(one, Variable)}
        bound = sorted({one.name for one in nodes.walk(node) if isinstance(one, Variable) and id(one) not in self.free})
        clashing = [name for name in bound if name in self.taken]
        return {name: next(n for i in range(2, 99) if (n := f"{name}{i}") not in used) for name in clashing}

    def part(
        self, node: Node, table: Table, *, rooted: bool = True, fields: Mapping[str, Field] | None = None
    ) -> Translation:
        """A part in our words. Its names are fields of an item unless it is `rooted`.

        Of the objects that it makes, those fields stay that are among `fields`, if any are given.
        """
        walk = _Walk(self, table)
        walk.visit(node, rooted)
        walk.edits += walk.undeclared(node, fields) if fields else ()
        edits = [] if walk.problems else sorted(walk.edits, key=lambda one: (one.start, -one.end))
        text = self._edited(node.span, edits)
        return Translation(text, tuple(walk.problems) or tuple(_mistakes(text)), tuple(walk.notes))

    def _edited(self, span: Span, edits: list[Edit]) -> str:
        pieces, at = list[str](), span.start
        for edit in edits:
            if edit.start >= at:
                pieces += [self.text[at : edit.start], edit.text]
                at = edit.end
        return "".join([*pieces, self.text[at : span.end]]).strip()


class _Walk:
    """Collects the edits of one part."""

    def __init__(self, translator: Translator, table: Table) -> None:
        self.of, self.table = translator, table
        self.edits: list[Edit] = []
        self.problems: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.harmless: set[int] = set()

    def visit(self, node: Node, rooted: bool) -> None:
        match node:
            case nodes.Call() if rooted and id(node) in self.of.taking:
                self.whole(node)
            case nodes.Lambda(signature=str() as signature) if rooted and "-" in signature:
                self.whole(node)
            case Path() | Step():
                self.path(node, rooted)
            case Variable():
                self.variable(node, rooted)
            case nodes.Wildcard() | nodes.Descendant() | nodes.Parent() if rooted:
                self.whole(node)
            case nodes.Condition(otherwise=Path() as last) if is_undefined(last):
                self.edits.append(Edit(node.then.span.end, last.span.end, ""))
                self.below([node.condition, node.then], rooted)
            case nodes.Call(procedure=Variable(name="now" | "millis" as name) as called) if id(called) in self.of.free:
                self.clock(node, name)
                self.below(node.arguments, rooted)
            case nodes.Call(procedure=Variable() as called) if is_harmless(called.name, node.arguments):
                self.harmless.add(id(called))
                self.below(nodes.children(node), rooted)
            case nodes.Transform():
                self.below(nodes.children(node), False)
            case _:
                self.below(nodes.children(node), rooted)

    def below(self, found: tuple[Node, ...] | list[Node], rooted: bool) -> None:
        for one in found:
            self.visit(one, rooted)

    def path(self, node: Path | Step, rooted: bool) -> None:
        """A path: what follows its first step, or is attached to a step, sees items."""
        steps = node.steps if isinstance(node, Path) else (node,)
        if is_undefined(node):
            self.edits.append(Edit(node.span.start, node.span.end, "()"))
            return
        done = self.head(node, steps, rooted)
        if done is None:
            return
        for number, step in enumerate(steps):
            if number >= done and not isinstance(step.node, Name):
                self.visit(step.node, rooted and number == 0)
            self.below([one for one in nodes.children(step) if one is not step.node], False)
        if isinstance(node, Path) and node.group is not None:
            self.visit(node.group, False)

    def head(self, node: Node, steps: tuple[Step, ...], rooted: bool) -> int | None:
        """Edit the binding that a path begins with. Returns how many steps that were; None for the whole path."""
        first = steps[0].node
        at_root = isinstance(first, Variable) and (first.name == "$" or (first.name == "" and rooted))
        if not (at_root or (rooted and isinstance(first, Name))):
            return 0
        skipped = 1 if at_root and is_bare(steps[0]) else 0
        words = _words(steps[skipped:]) if skipped or isinstance(first, Name) else []
        found = next((words[:n] for n in range(len(words), 0, -1) if tuple(words[:n]) in self.table), None)
        if not words:
            self.whole(node)
            return None
        if found is None:
            self.unbound(node, words[0])
            return None
        count = skipped + len(found)
        if any(step.focus or step.group for step in steps[:count]) or (count == len(steps) and _is_grouped(node)):
            self.whole(node)
            return None
        self.binding(steps, count, self.table[tuple(found)])
        return count

    def binding(self, steps: tuple[Step, ...], count: int, target: Target) -> None:
        """Write what a binding is here for the first steps of a path."""
        self.note(target)
        last, end = steps[count - 1], steps[count - 1].node.span.end
        text = target.text
        if text == "$" and is_bare(last) and count < len(steps) and isinstance(steps[count].node, Name):
            text, end = "", steps[count].span.start
        self.edits.append(Edit(steps[0].span.start, end, text))

    def note(self, target: Target) -> None:
        self.problems |= {target.problem: None} if target.problem else {}
        self.notes |= {target.note: None} if target.note else {}

    def unbound(self, node: Node, name: str) -> None:
        """A name that Truto does not bind here, so that the whole path is undefined."""
        self.notes |= {f"Truto does not bind `{name}` here, so it is always undefined": None}
        self.edits.append(Edit(node.span.start, node.span.end, "()"))

    def undeclared(self, node: Node, fields: Mapping[str, Field]) -> Iterator[Edit]:
        """Edits that remove the fields of objects that are not declared."""
        for made in objects(node):
            kept = [number for number, (key, _) in enumerate(made.pairs) if not _is_stranger(key, fields)]
            for number, (key, value) in enumerate(made.pairs):
                if not _is_stranger(key, fields):
                    yield from self.undeclared(value, fields[key.value].below) if isinstance(key, nodes.String) else ()
                    continue
                self.notes |= {f"left out of it: `{getattr(key, 'value', '')}`, which the spec does not declare": None}
                after = [n for n in kept if n > number]
                if after:
                    yield Edit(key.span.start, made.pairs[number + 1][0].span.start, "")
                else:
                    start = made.pairs[number - 1][1].span.end if kept else key.span.start
                    yield Edit(start, value.span.end, "")

    def whole(self, node: Node) -> None:
        text = self.of.text[node.span.start : node.span.end]
        self.problems |= {f"`{text}` reads Truto's input as a whole, which does not exist here": None}

    def variable(self, node: Variable, rooted: bool) -> None:
        name, is_free = node.name, id(node) in self.of.free
        if name == "$" or (name == "" and rooted):
            self.path(Step(node.span, node), rooted)
        elif not is_free and name in self.of.local:
            self.write(node, self.of.local[name])
        elif is_free and name in OVERRIDDEN and id(node) not in self.harmless:
            self.write(node, OVERRIDDEN[name])
        elif is_free and (name in self.of.taken or not (name in _KNOWN or name == "" or id(node) in self.of.called)):
            self.notes |= {f"Truto does not bind `${name}`, so it is always undefined": None}
            self.edits.append(Edit(node.span.start, node.span.end, "()"))

    def write(self, node: Variable, name: str) -> None:
        self.edits.append(Edit(node.span.start, node.span.end, f"${name}"))

    def clock(self, node: nodes.Call, name: str) -> None:
        """`$now()` and `$millis()`: the time that the caller gives."""
        self.notes |= {_TIME: None}
        if node.arguments:
            self.edits.append(Edit(node.span.start, node.arguments[0].span.start, "$fromMillis($toMillis($now), "))
        else:
            text = "$now" if name == "now" else "$toMillis($now)"
            self.edits.append(Edit(node.span.start, node.span.end, text))


def _mistakes(text: str) -> Iterator[str]:
    """Why a text is no expression any more: a `%` has no variable as its parent."""
    try:
        Expression(text)
    except MappingError as error:
        yield error.diagnostics[0].message


def _is_grouped(node: Node) -> bool:
    return isinstance(node, Path) and node.group is not None


def _words(steps: tuple[Step, ...]) -> list[str]:
    """The names that steps begin with, up to the first that has something attached."""
    words = []
    for step in steps:
        if not isinstance(step.node, Name):
            break
        words.append(step.node.value)
        if not is_bare(step):
            break
    return words


def is_bare(step: Step) -> bool:
    """Whether a step has nothing attached: no predicate, `[]`, group or variable."""
    return Step(step.span, step.node, consarray=step.consarray) == step


def is_undefined(node: Node) -> bool:
    """Whether a node is the name `undefined`, which authors write although it is a field that nothing has."""
    steps = node.steps if isinstance(node, Path) else (node,)
    return len(steps) == 1 and isinstance(steps[0], Step) and steps[0].node == Name(node.span, "undefined")


def is_harmless(name: str, arguments: tuple[Node, ...]) -> bool:
    """Whether Truto's function of this name certainly gives what the standard one gives for these arguments."""
    match name, arguments:
        case "join", (nodes.Array(items=items), nodes.String()):
            return all(map(_is_text, items))
        case "string", (one,):
            return _is_text(one)
        case "sift", (*_, nodes.Lambda(body=body)):
            return is_boolean(body)
        case _:
            return False


def _is_text(node: Node) -> bool:
    match node:
        case nodes.String() | nodes.Binary(operator="&"):
            return True
        case nodes.Chain(parts=(*_, last)) | nodes.Block(expressions=(*_, last)):
            return _is_text(last)
        case nodes.Condition(then=one, otherwise=other) if other is not None:
            return _is_text(one) and _is_text(other)
        case _:
            return False


def is_boolean(node: Node) -> bool:
    """Whether a value is certainly true, false or undefined."""
    match node:
        case nodes.Binary(operator=operator):
            return operator in _COMPARED
        case nodes.Chain(parts=(*_, last)) | nodes.Block(expressions=(*_, last)):
            return is_boolean(last)
        case nodes.Call(procedure=Variable(name=name)):
            return name in _TRUE_OR_FALSE
        case nodes.Value(value=value):
            return value is not None
        case _:
            return False


def objects(node: Node) -> Iterator[nodes.Object]:
    """The object constructors that can make the value of an expression, or the items of its array."""
    match node:
        case nodes.Object():
            yield node
        case Path(steps=(*_, Step(node=last))) | nodes.Block(expressions=(*_, last)) | Step(node=last):
            yield from objects(last)
        case nodes.Condition(then=one, otherwise=other):
            yield from objects(one)
            yield from () if other is None else objects(other)
        case nodes.Array(items=items) | nodes.Branches(parts=items):
            for item in items:
                yield from objects(item)


def _is_stranger(key: Node, fields: Mapping[str, Field]) -> bool:
    return isinstance(key, nodes.String) and key.value not in fields
