"""A provider's row → a validated unified record, with both addresses of every problem.

This is the exact path: it says what is wrong with a value, where the author wrote its expression and where in the
payload it came from. A value's type comes from the resource, so JSONata's collapse of one-item sequences cannot
leak out; a null is no value; what is not declared stays out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.names import is_plain, leading_names
from truto_mapper.language.nodes import (
    Apply,
    Array,
    Block,
    Call,
    Coalesce,
    Condition,
    Default,
    Name,
    Node,
    Path,
    Step,
    Variable,
    walk,
)
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint, Template, giving
from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.resource.spec import REMOTE_DATA, Field, Resource
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import dotted, json_pointer

if TYPE_CHECKING:
    from truto_mapper.language.trace import Steps


OnInvalid = Literal["raise", "discard_value", "discard_record"]

#: Any value; not validated, which would build the model for this alone.
_FREE = Field.model_construct(type="any")


@dataclass(frozen=True, slots=True)
class Place:
    """A value of the payload and the path that leads to it."""

    value: Any
    path: Steps


@dataclass(frozen=True, slots=True)
class Row:
    """What one record is made of: the place of each `for_each` name, and the provider's own record."""

    places: Mapping[str, Place]
    item: Place
    remote: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """A record, or MISSING if it had to go, and everything there is to say about it."""

    record: Any
    diagnostics: tuple[Diagnostic, ...]


def rows(endpoint: Endpoint, body: Any, scope: Scope) -> Iterator[Row]:
    """The rows of a reply: nested loops in order. A null is no row."""
    start = Row({}, Place(body, ()), body)
    yield from _loop(endpoint.for_each, start, scope)


def _loop(loops: Sequence[tuple[str, Expression]], outer: Row, scope: Scope) -> Iterator[Row]:
    if not loops:
        yield outer
        return
    (name, expression), *inner = loops
    if scope.trace is not None:
        scope.trace.row, scope.trace.target = outer.item.path, name
    for place in _items(expression, outer, scope):
        if place.value is not None:
            remote = place.value if outer.item.path == () else _narrowed(outer.remote, outer.item, place)
            row = Row({**outer.places, name: place}, place, remote)
            yield from _loop(inner, row, Scope(place.value, {name: place.value}, scope))


def _items(expression: Expression, outer: Row, scope: Scope) -> list[Place]:
    found = locate(expression.node, outer.places, outer.item)
    if found is not None and scope.trace is not None:
        expression.evaluate_in(scope)  # for what it reads
    if found is not None:
        return [item for place in found for item in _spread(place)]
    value = expression.evaluate_in(scope)
    values = value if isinstance(value, list) else [] if value is MISSING else [value]
    return [Place(item, outer.item.path) for item in values]


def _narrowed(remote: Any, outer: Place, inner: Place) -> Any:
    """The outer record with just that one inner item in it."""
    below = inner.path[len(outer.path) :]
    if not below or inner.path[: len(outer.path)] != outer.path:
        return inner.value
    return _with_only(remote, below, inner.value)


def _with_only(remote: Any, path: Steps, value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    if isinstance(head, int):
        return [_with_only(remote[head], tuple(rest), value)]
    return {**remote, head: _with_only(remote[head], tuple(rest), value)}


def locate(node: Node, places: Mapping[str, Place], context: Place) -> list[Place] | None:
    """Where a plain path of names leads in the payload; None if the expression is anything else.

    Nothing found is an empty list.
    """
    return _follow(leading_names(node), places, context) if is_plain(node) else None


def _follow(
    names: Sequence[Name | Variable], places: Mapping[str, Place], context: Place, *, deepest: bool = False
) -> list[Place] | None:
    """Where names lead, each through all items of an array; `deepest` stops where the payload does."""
    found = [context]
    for number, name in enumerate(names):
        if number == 0 and isinstance(name, Variable):
            if name.name and name.name not in places:
                return None
            below = [places[name.name]] if name.name else [context]
        else:
            below = [inner for place in found for inner in _named(place, name.value)]  # type: ignore[union-attr]
        if deepest and not below:
            break
        found = below
    return found


def _named(place: Place, name: str) -> Iterator[Place]:
    if isinstance(place.value, dict) and name in place.value:
        yield Place(place.value[name], (*place.path, name))
    elif isinstance(place.value, list):
        for item in _spread(place):
            yield from _named(item, name)


def _spread(place: Place) -> Iterator[Place]:
    if not isinstance(place.value, list):
        yield place
        return
    for index, item in enumerate(place.value):
        yield Place(item, (*place.path, index))


class Recorder:
    """Makes the records of one endpoint. Immutable; share it between threads."""

    def __init__(self, endpoint: Endpoint, resource: Resource, schema: Schema) -> None:
        self.endpoint = endpoint
        self.resource = resource
        self.schema = schema

    def record(self, row: Row, page: Scope, on_invalid: OnInvalid, *, remote_data: bool) -> Outcome:
        """Map and check one row.

        With "raise" every problem comes back as an error, and the caller raises those of the whole page together;
        "discard_value" leaves out what is optional, "discard_record" nothing: then the record goes.
        """
        if not isinstance(row.item.value, dict):
            message = f"a row must be an object, this is {excerpt(row.item.value)}"
            return _judged(MISSING, [Diagnostic("D404", message, pointer=json_pointer(row.item.path))], on_invalid)
        attempt = _Attempt(self, row, page)
        record = attempt.record(remote_data=remote_data)
        if page.trace is not None:
            page.trace.records.append((row.item.path, record))
        if not attempt.problems and self.schema.valid(record):
            return Outcome(record, tuple(attempt.notes))
        problems = self.schema.problems(record)
        found = attempt.problems + [attempt.found(problem) for problem in attempt.new(problems)]
        kept = self._without(record, problems) if on_invalid == "discard_value" else MISSING
        return _judged(kept, found, on_invalid, attempt.notes)

    def _without(self, record: Any, problems: list[Problem]) -> Any:
        """The record without its invalid optional values; MISSING when a required one is among them."""
        while problems:
            for problem in sorted(problems, key=lambda p: [str(part) for part in p.path], reverse=True):
                if problem.missing is not None or self._required(problem.path):
                    return MISSING
                _remove(record, problem.path)
            problems = self.schema.problems(record)
        return record

    def _required(self, path: Steps) -> bool:
        """Whether the value at a path of the record cannot be left out."""
        field: Field | None = None
        fields: Mapping[str, Field] = self.resource.fields
        for part in path:
            field = fields.get(part) if isinstance(part, str) else None
            if field is not None:
                fields = field.below
        return not path or (field is not None and field.required)


def _judged(
    record: Any, problems: list[Diagnostic], on_invalid: OnInvalid, notes: Sequence[Diagnostic] = ()
) -> Outcome:
    if on_invalid != "raise":
        fate = "the record was rejected" if record is MISSING else "it was left out"
        problems = [replace(p, severity="warning", message=f"{p.message}; {fate}") for p in problems]
    return Outcome(record, (*problems, *notes))


def _remove(record: Any, path: Steps) -> None:
    """Take a value out of the freshly built part of a record, and what it leaves empty with it."""
    *above, last = path
    holder = record
    try:
        for part in above:
            holder = holder[part]
        del holder[last]
    except (KeyError, IndexError):
        return  # another removal has taken it along
    if above and holder == {}:
        _remove(record, tuple(above))


class _Attempt:
    """One record in the making: what it is built from, and what went wrong on the way."""

    def __init__(self, recorder: Recorder, row: Row, page: Scope) -> None:
        self.recorder = recorder
        self.row = row
        self.problems: list[Diagnostic] = []
        self.notes: list[Diagnostic] = []
        self.failed: set[Expression] = set()
        self.scope = Scope(row.item.value, {name: place.value for name, place in row.places.items()}, page)
        if page.trace is not None:
            page.trace.row = row.item.path
        for name, expression in recorder.endpoint.let:
            self.scope = Scope(row.item.value, {name: self.evaluate(expression, name)}, self.scope)

    def record(self, *, remote_data: bool) -> dict[str, Any]:
        fields = self.recorder.resource.fields
        template = self.recorder.endpoint.response
        record = self.value(template, Field.model_construct(type="object", fields=fields), ())
        record = record if isinstance(record, dict) else {}
        if remote_data and REMOTE_DATA in fields:
            record.setdefault(REMOTE_DATA, self.row.remote)
        elif not remote_data:
            record.pop(REMOTE_DATA, None)
        return record

    def evaluate(self, expression: Expression, target: Steps | str) -> Any:
        """The value for a field or a `let`, or MISSING after a failure, which is noted."""
        if self.scope.trace is not None:
            self.scope.trace.target = target
        try:
            return expression.evaluate_in(self.scope)
        except EvaluationError as error:
            pointer = json_pointer(self.origin(expression))
            self.problems.extend(replace(found, pointer=pointer) for found in error.diagnostics)
            self.failed.add(expression)
            return MISSING

    def value(self, template: Template, field: Field, path: Steps) -> Any:
        """What a part of the mapping gives for a field, in the field's type; MISSING for no value."""
        match template:
            case dict():
                made = ((n, self.value(template[n], f, (*path, n))) for n, f in field.fields.items() if n in template)
                return {name: value for name, value in made if value is not MISSING} or MISSING
            case list():
                inner = field.items or _FREE
                items = [self.value(child, inner, (*path, i)) for i, child in enumerate(template)]
                return [item for item in items if item is not MISSING]
        value = self.evaluate(template, path)
        if value is MISSING and field.type == "array" and self.has_source(template.node):
            return []
        return self.conformed(value, field, path, template)

    def conformed(self, value: Any, field: Field, path: Steps, origin: Expression) -> Any:
        """A value in the shape the resource declares: arrays are lists, nulls and undeclared keys are out."""
        if value is None or value is MISSING:
            return MISSING
        if field.type == "array":
            values = value if isinstance(value, list) else [value]
            items = [self.conformed(v, field.items or _FREE, (*path, i), origin) for i, v in enumerate(values)]
            return [item for item in items if item is not MISSING]
        if field.type == "object" and field.fields and isinstance(value, dict):
            return self.object(value, field.fields, path, origin) or MISSING
        return value

    def object(self, value: dict[str, Any], fields: Mapping[str, Field], path: Steps, origin: Expression) -> Any:
        for name, child in value.items():
            if name not in fields and child is not None:
                at, resource = dotted((*path, name)), self.recorder.resource.name
                note = self.about(origin, "D403", f"`{at}` is not declared by {resource}; it was left out")
                self.notes.append(replace(note, severity="warning"))
        made = ((n, self.conformed(value[n], f, (*path, n), origin)) for n, f in fields.items() if n in value)
        return {name: made for name, made in made if made is not MISSING}

    def found(self, problem: Problem) -> Diagnostic:
        """A schema's complaint with both addresses."""
        path = problem.path if problem.missing is None else (*problem.path, problem.missing)
        expression = self.expression(path)
        if expression is None:
            code = "D401" if problem.missing is None else "D402"
            why = problem.message if problem.missing is None else "it is required, and no expression gives it"
            return Diagnostic(code, f"`{dotted(path)}`: {why}", pointer=json_pointer(self.row.item.path))
        if problem.missing is not None:
            return self.about(expression, "D402", f"`{dotted(path)}` is required, and its expression gave nothing")
        return self.about(expression, "D401", f"`{dotted(path)}`: {problem.message}")

    def about(self, expression: Expression, code: str, message: str) -> Diagnostic:
        """A finding at an expression and at what it reads of the payload."""
        span = expression.locate(expression.node.span)
        return Diagnostic(
            code, message, source=expression.source, span=span, pointer=json_pointer(self.origin(expression))
        )

    def new(self, problems: list[Problem]) -> list[Problem]:
        """The problems that do not follow from an expression that failed."""
        lets = {name for name, expression in self.recorder.endpoint.let if expression in self.failed}

        def follows(problem: Problem) -> bool:
            if problem.missing is None:
                return False
            expression = self.expression((*problem.path, problem.missing))
            return expression is not None and (
                expression in self.failed or any(v.name in lets for v in expression.variables)
            )

        return [problem for problem in problems if not follows(problem)]

    def expression(self, path: Steps) -> Expression | None:
        """The expression that is to give the value at a path of the record."""
        return giving(self.recorder.endpoint.response, path)

    def places(self, *, whole: bool = False) -> dict[str, Place]:
        """Where each name of a row leads, those of `let` included; `whole`: of plain paths, to what they name alone."""
        places = dict(self.row.places)
        for name, expression in self.recorder.endpoint.let:
            exact = locate(expression.node, places, self.row.item) if whole else None
            found = self.read(expression, places) if exact is None else next(iter(exact), None)
            if found is not None:
                places[name] = found
        return places

    def origin(self, expression: Expression) -> Steps:
        """The deepest place of the payload that an expression reads, its row if it reads nothing of it."""
        found = self.read(expression, self.places())
        return found.path if found else self.row.item.path

    def read(self, expression: Expression, places: Mapping[str, Place]) -> Place | None:
        """The first place of the payload that an expression reads."""
        for node in walk(expression.node):
            names = leading_names(node) if isinstance(node, (Path, Variable)) else ()
            if names and (found := _follow(names, places, self.row.item, deepest=True)):
                return found[0]
        return None

    def has_source(self, node: Node) -> bool:
        """Whether the value that an expression is about is there and not null."""
        places = self.places(whole=True)
        found = (_follow(names, places, self.row.item) for names in _subjects(node))
        return any(place.value is not None for some in found for place in some or ())


def _subjects(node: Node | None) -> Iterator[Sequence[Name | Variable]]:
    """The names of what an expression maps, filters or passes through to become its value."""
    match node:
        case Path(steps=(Step(node=Name() | Variable()), *_)) | Variable():
            yield _until_filtered(node)
        case Path(steps=(Step(node=inner), *_)) | Step(node=inner) | Call(arguments=(inner, *_)):
            yield from _subjects(inner)
        case Apply(left=inner) | Block(expressions=(*_, inner)):
            yield from _subjects(inner)
        case Condition(then=left, otherwise=right) | Coalesce(left=left, right=right) | Default(left=left, right=right):
            yield from _subjects(left)
            yield from _subjects(right)
        case Array(items=items):
            for item in items:
                yield from _subjects(item)


def _until_filtered(node: Path | Variable) -> Sequence[Name | Variable]:
    """The names up to the first that a predicate or the like stands behind."""
    names = leading_names(node)
    steps = node.steps if isinstance(node, Path) else ()
    for number, step in enumerate(steps[: len(names)], start=1):
        if replace(step, keep_array=False) != Step(step.span, step.node):
            return names[:number]
    return names
