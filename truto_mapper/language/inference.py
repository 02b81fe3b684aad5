"""Infers the types of expressions from JSON Schemas, and reports what can never work.

Types are gradual: an unknown type is never reported. A type may be wider than the values, never narrower, as long as
the data keeps its schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from truto_mapper.language import call_types, natives, nodes, types
from truto_mapper.language.call_inference import Called, Tell, body_type, infer_call, infer_pipe
from truto_mapper.language.facts import TypeScope, item_facts, known_by_path, narrowed
from truto_mapper.language.names import NamePath, binds, excludes_undefined
from truto_mapper.language.types import ANY, NEVER, NONE, UNDEFINED, Type, item_of, sequence, union


class Inference:
    """Infers types and reports what can never work. `paths` collects the paths of the reply that are read."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.paths: set[NamePath] = set()
        #: The paths of values that are passed on as a whole: everything below them counts as read.
        self.whole: set[NamePath] = set()
        self.running: set[int] = set()
        #: The scope in which the last hole was inferred: that of the part after it, in branches.
        self.rest = TypeScope({}, ANY)

    def used(self, kind: Type) -> Type:
        """Note that a value is used as a whole, with the values that it was made of."""
        if kind.path is not None:
            self.whole.add(kind.path)
            return kind
        for one in (kind.items, *(kind.properties or {}).values()):
            if one is not None:
                self.used(one)
        return kind

    def infer(self, node: nodes.Node, scope: TypeScope) -> Type:
        """The type of a node's value."""
        for known, kind in reversed(scope.facts):
            if known == node:
                self._infer(node, scope)  # to collect the paths it reads
                return kind
        kind = self._infer(node, scope)
        return known_by_path(kind, scope.facts) if scope.facts and kind.path is not None else kind

    def _infer(self, node: nodes.Node, scope: TypeScope) -> Type:  # noqa: C901, PLR0912  # a case for each kind of node
        match node:
            case nodes.String(value=value) | nodes.Number(value=value) | nodes.Value(value=value):
                return types.constant(value)
            case nodes.Name(value=name):
                return self.field(node, scope.context, name)
            case nodes.Variable(name=""):
                return scope.context
            case nodes.Variable(name="$"):
                return scope.variables.get("$", ANY)
            case nodes.Variable(name=name):
                return scope.variables.get(name, types.FUNCTION if call_types.is_known(name) else ANY)
            case nodes.Path():
                return self.path(node, scope)
            case nodes.Step():
                return self.step(node, scope)
            case nodes.Condition():
                return self.condition(node, scope)
            case nodes.Binary():
                return self.binary(node, scope)
            case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
                first = self.infer(left, scope)
                gone = {"undefined"} if isinstance(node, nodes.Coalesce) else NONE
                return union(first.without(gone), self.infer(right, scope))
            case nodes.Chain(parts=parts):
                kind = NEVER
                for part in parts:
                    kind = self.infer(part, replace(scope, hole=kind))
                return kind
            case nodes.Branches(parts=parts):
                return types.union_all(self.branches(parts, scope))
            case nodes.Hole():
                self.rest = scope
                return scope.hole
            case nodes.Block():
                return self.block(node, scope)
            case nodes.Bind(value=value):
                return self.infer(value, scope)
            case nodes.Call():
                return self.call(node, scope, node.arguments)
            case nodes.Apply(left=left, right=nodes.Call() as right):
                return self.call(right, scope, (left, *right.arguments))
            case nodes.Apply(left=left, right=nodes.Step(node=nodes.Call() as right) as step):
                return self.attached(step, self.call(right, scope, (left, *right.arguments)), scope)
            case nodes.Apply(left=left, right=nodes.Variable() | nodes.Lambda() as right):
                return infer_pipe(self, node, left, right, scope)
            case nodes.Array(items=items):
                kinds = [types.spread(item, self.infer(item, scope)) for item in items]
                inner = None if not kinds else types.union_all(kinds).without({"undefined"})
                return Type(frozenset({"array"}), items=inner)
            case nodes.Object(pairs=pairs):
                return self.object(pairs, scope)
            case nodes.Negate(expression=inner):
                self.needs_number(inner, self.infer(inner, scope), "-")
                return Type(frozenset({"integer", "number", "undefined"}))
            case nodes.Regex():
                return types.FUNCTION
            case nodes.Lambda():
                body_type(self, node, scope, ())
                return types.FUNCTION
            case nodes.Wildcard() | nodes.Descendant():
                self.used(scope.context)
                is_wildcard = isinstance(node, nodes.Wildcard)
                return types.of_fields(scope.context) if is_wildcard else types.of_descendants(scope.context)
            case nodes.Apply() | nodes.Partial() | nodes.Transform():
                for child in nodes.children(node):
                    self.used(self.infer(child, scope.within(ANY) if isinstance(node, nodes.Transform) else scope))
                return ANY
            case nodes.Parent() | nodes.Placeholder():
                return ANY
            case nodes.Sort() | nodes.Term() | nodes.Filter() | nodes.Index() | nodes.Group():
                raise TypeError(f"{type(node).__name__} has no value of its own")
            case _:
                assert_never(node)

    def branches(self, parts: tuple[nodes.Node, ...], scope: TypeScope) -> Iterator[Type]:
        for part in parts:
            yield self.infer(part, replace(scope, hole=NEVER))
            scope = self.rest

    def path(self, node: nodes.Path, scope: TypeScope) -> Type:
        first, *rest = node.steps
        state, scope = _of_tuple(first, self.step(first, scope), scope, scope.context)
        for number, step in enumerate(rest, 1):
            known = known_step(node, number, scope) if scope.facts else None
            before = state if known is None else known
            state, scope = _of_tuple(step, self.next_step(step, before, scope), scope, before)
        if any(step.tuple for step in node.steps):
            self.used(state)
            return ANY
        if node.group is not None:
            return self.grouped(node.group, state, scope)
        if node.keep_singleton_array:
            return types.kept(node, state)
        return union(state, types.kept(node, state)) if node.keep_array else state

    def next_step(self, step: nodes.Step, state: Type, scope: TypeScope) -> Type:
        if isinstance(step.node, nodes.Sort):
            for term in step.node.terms:
                self.infer(term.expression, scope.within(item_of(state)))
            return sequence(item_of(state))
        if isinstance(step.node, nodes.Name):
            found = self.attached(step, self.field(step.node, state, step.node.value), scope)
            return sequence(item_of(found)) if step.stages and "array" in state.kinds else found
        item = item_of(state)
        made = self.step(step, scope.within(item.without({"undefined"}) if item != ANY else ANY))
        single = "array" not in state.kinds | made.kinds
        return union(made, UNDEFINED) if single else sequence(types.spread(step.node, made))

    def step(self, step: nodes.Step, scope: TypeScope) -> Type:
        return self.attached(step, self.infer(step.node, scope), scope)

    def attached(self, step: nodes.Step, kind: Type, scope: TypeScope) -> Type:
        """The type after the predicates of a step."""
        _, scope = _of_tuple(step, kind, scope, kind)
        for one in (*step.predicates, *step.stages):
            if isinstance(one, nodes.Filter):
                item = item_of(kind)
                if isinstance(one.expression, nodes.Number):
                    kind = types.union_path(item, UNDEFINED)
                    continue
                self.infer(one.expression, scope.within(_row(item, one.expression)))
                # An undefined item that the filter keeps becomes null in a sequence.
                drops = excludes_undefined(one.expression)
                keeps = "array" in kind.kinds and not drops and (kind.items is None or "undefined" in kind.items.kinds)
                item = item_facts(kind, one.expression, scope, quiet)
                item = _row(item, one.expression) if drops else item
                item = types.union_path(item, types.constant(None)) if keeps else item
                kind = sequence(item) if "array" in kind.kinds else types.union_path(item, UNDEFINED)
        if step.group is not None:
            return self.grouped(step.group, kind, scope)
        return union(kind, types.kept(step.node, kind)) if step.keep_array else kind

    def grouped(self, group: nodes.Group, kind: Type, scope: TypeScope) -> Type:
        """The type of `items{key: value}`: an object by keys, whose values are made of all items of a group."""
        self.used(kind)
        item = item_of(kind).without({"undefined"}) if kind != ANY else ANY
        made = []
        for key, value in group.pairs:
            _check_key(self, key, self.infer(key, scope.within(item)))
            made.append(self.used(self.infer(value, scope.within(sequence(item)))))
        return Type(frozenset({"object", "undefined"}), properties={}, others=types.union_all(made))

    def field(self, node: nodes.Name, holder: Type, name: str) -> Type:
        """The type of a field of an object, or of all objects in an array."""
        if holder == ANY or (holder.path is None and holder.kinds == types.KINDS):
            return ANY
        found: list[Type] = []
        holders = list(types.objects(holder))
        for one in holders:
            inner = types.of_field(one, name)
            if one.path is not None or inner.path is not None:
                self.paths.add(inner.path if one.path is None else (*one.path, name))  # type: ignore[arg-type]
            found.append(inner)
        closed = [one.properties for one in holders if one.properties is not None and one.others is None]
        known = any(closed) and len(closed) == len(holders)  # `{}.x` is a way to write undefined
        if known and not any(name in properties for properties in closed):
            where = ".".join(holders[0].path or ())
            there = f"`{where}`" if where else f"a {holders[0].native}" if holders[0].native else "this object"
            self.tell("C206", node, f"{there} has no `{name}`", natives.unit_hint(holders[0], name), closed[0])
            return ANY
        made = types.union_all(found) if found else UNDEFINED
        made = sequence(item_of(made)) if "array" in holder.kinds else made
        return types.union_path(made, UNDEFINED) if holder.kinds - {"object"} else made

    def condition(self, node: nodes.Condition, scope: TypeScope) -> Type:
        test = self.infer(node.condition, scope)
        truth = types.truth_of(test)
        if truth is not None and not isinstance(node.condition, nodes.Value):
            branch = node.otherwise if truth else node.then
            if branch is not None:
                message = f"this is never reached: the condition is always {str(truth).lower()}"
                self.tell("C211", branch, message, None, ())
        yes, no = narrowed(node.condition, scope, quiet)
        then = self.infer(node.then, scope.knowing(yes))
        if node.otherwise is None:
            self.fallen_through(node.condition, [one for one in no if any(one[0] == known for known, _ in scope.facts)])
            return union(then, UNDEFINED)
        return union(then, self.infer(node.otherwise, scope.knowing(no)))

    def fallen_through(self, test: nodes.Node, no: Sequence[tuple[nodes.Node, Type]]) -> None:
        """Report the values of an enumeration that no branch of a chain handles. A single test is a selection."""
        for _, kind in no:
            values = [one for one in kind.values or () if one not in types.ALL]
            if values and isinstance(test, nodes.Binary) and isinstance(test.right, (*nodes.CONSTANTS, nodes.Array)):
                left = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
                self.tell("C209", test, f"no branch handles {left}: the value is undefined then", None, ())

    def binary(self, node: nodes.Binary, scope: TypeScope) -> Type:
        left = self.infer(node.left, scope)
        yes, no = narrowed(node.left, scope, quiet) if node.operator in ("and", "or") else ((), ())
        right = self.infer(node.right, scope.knowing(yes if node.operator == "and" else no))
        match node.operator:
            case "&":
                self.used(left)
                self.used(right)
                return call_types.written_together(left, right)
            case "and" | "or":
                return types.BOOLEAN
            case "in":
                _equate(self, node, left, item_of(right))
                return types.BOOLEAN
            case "=" | "!=":
                _equate(self, node, left, right)
                return _equality(left, right, unequal=node.operator == "!=")
            case "<" | "<=" | ">" | ">=":
                self.ordered(node, left, right)
                return types.MAYBE_BOOLEAN
            case "..":
                for one, kind in ((node.left, left), (node.right, right)):
                    self.needs_number(one, kind, node.operator)
                return Type(frozenset({"array", "undefined"}), items=types.INTEGER)
            case _:
                for one, kind in ((node.left, left), (node.right, right)):
                    self.needs_number(one, kind, node.operator)
                whole = node.operator in "+-*" and (left.solid | right.solid) <= {"integer"}
                return Type(frozenset({"integer", "undefined"} if whole else {"integer", "number", "undefined"}))

    def ordered(self, node: nodes.Binary, left: Type, right: Type) -> None:
        """Report what `<` and its kin cannot order: anything but two numbers or two texts."""
        kinds = [types.comparable(kind) for kind in (left, right)]
        for one, kind, solid in zip((node.left, node.right), (left, right), kinds, strict=True):
            if solid and not solid & {"number", "string"}:
                message = f"`{node.operator}` needs numbers or texts, but this is {types.in_words(kind)}"
                self.tell("C208", one, message, natives.number_hint(kind), ())
        known = [solid & {"number", "string"} for solid in kinds]
        if all(known) and not known[0] & known[1]:
            message = f"`{node.operator}` cannot compare {types.in_words(left)} with {types.in_words(right)}"
            self.tell("C208", node, message, None, ())

    def needs_number(self, node: nodes.Node, kind: Type, operator: str) -> None:
        if kind.solid and not kind.solid & {"integer", "number"}:
            message = f"`{operator}` needs a number, but this is {types.in_words(kind)}"
            hint = "write $number(…)" if kind.solid <= types.SCALARS else natives.number_hint(kind)
            self.tell("C208", node, message, hint, ())

    def block(self, node: nodes.Block, scope: TypeScope) -> Type:
        kind = UNDEFINED
        for name in binds(node) - scope.variables.keys():  # a lambda may use what is bound after it
            scope = scope.bound(name, ANY)
        for expression in node.expressions:
            kind = self.infer(expression, scope)
            for name, value in _bound(expression):
                scope = scope.bound(name, kind, value)
        return kind

    def object(self, pairs: tuple[tuple[nodes.Node, nodes.Node], ...], scope: TypeScope) -> Type:
        properties: dict[str, Type] | None = {}
        if "array" in scope.context.kinds:  # its items are grouped by their keys
            scope = scope.within(ANY)
        for key, value in pairs:
            _check_key(self, key, self.infer(key, scope))
            kind = self.infer(value, scope)
            if properties is not None and isinstance(key, nodes.String):
                properties[key.value] = kind
            else:
                properties = None
        return Type(frozenset({"object"}), properties=properties)

    def call(self, node: nodes.Call, scope: TypeScope, arguments: tuple[nodes.Node, ...]) -> Type:
        """The type of a call's result; `arguments` are all of them, with what was piped."""
        return infer_call(self, node, scope, arguments)

    def fitted(self, call: Called) -> None:
        """Called with each call of a function that has a signature."""

    def look(self, node: nodes.Node, scope: TypeScope) -> Type:
        """The type of a node, without reporting anything."""
        return quiet(node, scope)


def _of_tuple(step: nodes.Step, kind: Type, scope: TypeScope, before: Type) -> tuple[Type, TypeScope]:
    """What the next step begins with, and what is bound there: `a#$i` binds an index, `a@$v` an item and stays."""
    if step.index is not None:
        scope = scope.bound(step.index.name, types.INTEGER)
    if step.focus is not None:
        return before, scope.bound(step.focus.name, item_of(kind).without({"undefined"}))
    return kind, scope


class Recording(Inference):
    """Infers types, and keeps that of each node by its identity; `before` has what is before each step of a path."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(tell)
        self.kinds: dict[int, Type] = {}
        self.before: dict[int, Type] = {}

    def next_step(self, step: nodes.Step, state: Type, scope: TypeScope) -> Type:
        self.before[id(step)] = state
        return super().next_step(step, state, scope)

    def infer(self, node: nodes.Node, scope: TypeScope) -> Type:
        kind = self.kinds[id(node)] = super().infer(node, scope)
        return kind

    def reached(self, step: nodes.Step) -> Type:
        """The type of what a step gives, without its predicates."""
        before = self.before.get(id(step))
        if before is None:
            return self.kinds.get(id(step.node), ANY)
        return before if isinstance(step.node, nodes.Sort) else quiet(step.node, TypeScope({}, before))


def _row(item: Type, predicate: nodes.Node) -> Type:
    """The type of the item that a predicate looks into. What it reads of null is absent, as few need to be told."""
    itself = any(isinstance(one, nodes.Variable) and one.name == "" for one in nodes.walk(predicate))
    return item if itself or "object" not in item.kinds or item == ANY else item.without(NONE)


def _equate(judge: Inference, node: nodes.Binary, left: Type, right: Type) -> None:
    """Report values of which one never equals the other."""
    if _are_apart(left, right):
        message = f"these are never equal: {types.in_words(left)} and {types.in_words(right)}"
        hint = "compare their `.toMillis()`" if left.native and left.native == right.native else None
        judge.tell("C208", node, message, hint, ())


def _check_key(judge: Inference, node: nodes.Node, kind: Type) -> None:
    """Report what is no key of an object: a number or a boolean."""
    if kind.solid and kind.solid <= types.SCALARS - {"string"}:
        message, is_written = f"a key is a text, but this is {types.in_words(kind)}", isinstance(node, nodes.Value)
        judge.tell("C208", node, message, "write it in quotes" if is_written else "write $string(…)", ())


def _are_apart(left: Type, right: Type) -> bool:
    """Whether values of two types can never be equal."""
    kinds = [types.comparable(kind) for kind in (left, right)]
    if left.native and right.native and kinds[0] == kinds[1] == {"object"}:
        return True  # each is equal to itself alone
    return all(kinds) and not kinds[0] & kinds[1] and "function" not in kinds[0] | kinds[1]


def _equality(left: Type, right: Type, *, unequal: bool) -> Type:
    """The type of `=` or `!=`, which has one outcome where the sides can never be equal."""
    listed = left.values is not None and right.values is not None and not {"array"} & (left.kinds | right.kinds)
    if listed and not any(types.same_value(a, b) for a in left.values or () for b in right.values or ()):
        both_none = (left.kinds & NONE) and (right.kinds & NONE)
        if unequal and "undefined" in left.kinds | right.kinds:  # it is false, too, where a side is undefined
            return types.BOOLEAN
        if not both_none and not (left.solid | right.solid) - types.SCALARS:
            return types.constant(unequal)
    return types.BOOLEAN


def known_step(node: nodes.Path, number: int, scope: TypeScope) -> Type | None:
    """The type that a condition guarantees for the first steps of a path."""
    first = node.steps[:number]
    head: nodes.Node = replace(node, steps=first, group=None, keep_singleton_array=False, keep_array=False)
    alone = node.steps[0].node if number == 1 else None
    return next((kind for known, kind in reversed(scope.facts) if known in (head, alone)), None)


def quiet(node: nodes.Node, scope: TypeScope) -> Type:
    """The type of a node that has been inferred before, without reporting it again."""
    return Inference(lambda *_: None).infer(node, scope)


def _bound(node: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    """The variables that an expression of a block binds, each with the value as it is written."""
    for one in node.parts if isinstance(node, nodes.Chain) else (node,):
        inner: nodes.Node = one
        names = []
        while isinstance(inner, nodes.Bind):
            names.append(inner.variable.name)
            inner = inner.value
        yield from ((name, inner) for name in names)
