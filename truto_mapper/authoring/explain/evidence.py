"""What a traced run shows: the places that a value was read from, and why a value is absent."""

from collections.abc import Iterator, Sequence
from typing import Any

from truto_mapper.authoring.explain.explanation import Explanation, Read, Via
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.rows import REPLIES
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Bind, Call, Condition, Filter, Name, Number, Variable
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Evaluation, Event, Places, Trace
from truto_mapper.text.diagnostics import Diagnostic, excerpt, nearest
from truto_mapper.text.pointers import Steps, json_pointer

#: The bindings that can be read, and their names; the reply needs none.
_DOCUMENTS = {"response": "", "query": "$query", "context": "$context", "headers": "$headers"}
_DOCUMENTS |= {"body": "$body"}

#: The bindings that are one value.
_VALUES = frozenset({"id", "cursor", "now"})


def value_at(value: Any, path: Steps) -> Any:
    """The value at a path, MISSING if there is none."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


class Evidence:
    """The evaluations of one traced run; `diagnostics` are those of its page."""

    def __init__(self, mapper: Mapper, trace: Trace, diagnostics: Sequence[Diagnostic]) -> None:
        self.trace, self.diagnostics = trace, diagnostics
        settings, parameters = mapper.mapping.context_schemas.items(), mapper.resource.parameters.items()
        self.defaults = {("$context", name): schema.get("default") for name, schema in settings}
        self.defaults |= {("$query", name): field.default for name, field in parameters}
        documents = {name: trace.names[key] for key, name in _DOCUMENTS.items() if key in trace.names}
        self.places = Places(documents | trace.names.get(REPLIES, {}))

    def of_field(self, row: Steps, path: Steps) -> Evaluation | None:
        """The evaluation that gave a field of the record of a row, or an object around it."""
        made = (one for one in self.trace.evaluations if one.row == row and isinstance(one.target, tuple))
        return next((one for one in made if one.target == path[: len(one.target or ())]), None)

    def last(self, expression: Expression | None) -> Evaluation | None:
        """The last evaluation of an expression for the whole reply or query."""
        return next((one for one in reversed(self.trace.evaluations) if one.expression is expression), None)

    def explained(
        self, path: Steps, name: str, value: Any, expression: Expression | None, evaluation: Evaluation | None
    ) -> Explanation:
        found = Explanation(json_pointer(path), name, value)
        if expression is None:
            return found
        found.source, found.span = expression.source, expression.span
        if evaluation is None:
            found.why = "its expression was not evaluated"
            return found
        self._add_sources(evaluation, found)
        if value is MISSING:
            self._explain_absence(evaluation, found)
        return found

    def _add_sources(self, evaluation: Evaluation, found: Explanation) -> None:
        """Add what an evaluation read, and the names that it used with what they read."""
        reads = [read for event in evaluation.walk() for read in self._reads(event)]
        if (whole := self.places.of(evaluation.value)) is not None:
            reads.append(Read(*whole, evaluation.value))
        for one in reads:
            on_the_way = any(
                one.document == o.document and one.path == o.path[: len(one.path)] for o in reads if o != one
            )
            if not on_the_way and one not in found.reads:
                found.reads.append(one)
        for event in evaluation.walk():
            named = self._named(event, evaluation)
            if named is not None and not any(one.expression is named.expression for one in found.via):
                found.via.append(Via(str(named.target), named.expression, event.value))
                if self.places.of(event.value) is None:
                    self._add_sources(named, found)

    def _reads(self, event: Event) -> Iterator[Read]:
        if isinstance(event.node, Variable) and event.node.name in _VALUES and event.value is not MISSING:
            yield Read(f"${event.node.name}", (), event.value)
        for document, path, value in self.places.lookups(event):
            default = self.defaults.get((document, *path))  # type: ignore[arg-type]  # a longer path has none
            yield Read(document, path, value, default is not None and value == default)

    def _named(self, event: Event, evaluation: Evaluation) -> Evaluation | None:
        """The evaluation that gave a variable of `let` its value."""
        if not isinstance(event.node, Variable) or evaluation.row is None:
            return None
        row, name = evaluation.row, event.node.name
        given = [one for one in self.trace.evaluations if one.target == name and one.row == row[: len(one.row or ())]]
        return given[-1] if given and given[-1] is not evaluation else None

    # Why a value is absent: the innermost event that is undefined or null, and its reason.

    def _explain_absence(self, evaluation: Evaluation, found: Explanation) -> None:
        outer = [event for event in evaluation.events if event.value is evaluation.value]
        if evaluation.error is not None:
            first = evaluation.error.diagnostics[0]
            found.source, found.span, found.why = first.source, first.span, first.message
        elif evaluation.value is not MISSING and evaluation.value is not None:
            given = f"the expression gave {excerpt(evaluation.value)}, which has no such value"
            found.why = self._discarded(found) or given
        elif not outer:
            found.why = "the expression gave nothing"
        else:
            self._blame(outer[-1], evaluation, found)

    def _discarded(self, found: Explanation) -> str | None:
        """Why the value of an expression was left out of the record."""
        about = (one for one in self.diagnostics if (one.source, one.span) == (found.source, found.span))
        return next((one.message for one in about if one.code in ("D401", "D402", "D408")), None)

    def _blame(self, event: Event, evaluation: Evaluation, found: Explanation) -> None:
        """Follow an undefined value to the innermost event that explains it, through names as well."""
        while (inner := _cause(event)) is not None:
            event = inner
        found.source, found.span = evaluation.expression.source, evaluation.expression.locate(event.node.span)
        if (given := self._named(event, evaluation)) is not None:
            self._explain_absence(given, found)
        elif isinstance(event.node, Variable) and (bound := _bound(event.node.name, evaluation)) is not None:
            self._blame(bound, evaluation, found)
        else:
            found.why, found.hint = self._reason(event)

    def _reason(self, event: Event) -> tuple[str, str | None]:
        """Why a node has no value although its parts have one, and a hint."""
        match event.node:
            case Name(value=name):
                return self._lookup(event, name)
            case Variable(name="cursor"):
                return "there is no cursor: this is the first page", None
            case Variable(name=name):
                return f"${name} has no value", None
            case Condition():
                value = event.inner[0].value
                return f"the condition is {_quoted(value)}, and there is no else branch", None
            case Filter(expression=Number(value=index)):
                return f"there is no item {index}", None
            case Filter(expression=inner):
                return f"none of {sum(one.node is inner for one in event.inner)} items matches the predicate", None
            case Call(procedure=Variable(name=name)):
                return f"${name} gave nothing", None
        return ("it is null, which counts as no value" if event.value is None else "it is undefined"), None

    def _lookup(self, event: Event, name: str) -> tuple[str, str | None]:
        """Why a name led to nothing."""
        reads, context = [one for one in self._reads(event) if one.value is event.value], event.context
        if event.value is None and reads:
            return f"{_joined([one.place for one in reads])} is null, which counts as no value", None
        if reads:
            items = context if isinstance(context, list) else [context]
            hint = nearest(name, [key for item in items if isinstance(item, dict) for key in item])
            holders = [Read(one.document, one.path[:-1], None).place or "the reply" for one in reads]
            return f"{_joined(holders)} has no `{name}`", hint and f"it has `{hint}`"
        if isinstance(context, dict):
            return f"there is no `{name}` in {excerpt(context)}", None
        if isinstance(context, list):
            return f"`{name}` is looked up in {'an array without objects' if context else 'an empty array'}", None
        why = "" if context is None or context is MISSING else ", which is not an object"
        return f"`{name}` is looked up in {_quoted(context)}{why}", None


def _cause(event: Event) -> Event | None:
    """The inner event that explains why this one is undefined."""
    node = event.node
    if isinstance(node, Filter):
        return None
    if isinstance(node, Condition):
        branches = [one for one in event.inner if one.node is not node.condition]
        return branches[-1] if branches else None
    found = next((number for number, one in enumerate(event.inner) if one.value is event.value), None)
    if found is None:
        return None
    before = [one for earlier in event.inner[:found] for one in earlier.walk() if isinstance(one.node, Filter)]
    return before[-1] if before and before[-1].value == [] else event.inner[found]


def _bound(name: str, evaluation: Evaluation) -> Event | None:
    """The event of the value that an expression bound to a name."""
    binds = [e for e in evaluation.walk() if isinstance(e.node, Bind) and e.node.variable.name == name]
    return binds[-1].inner[-1] if binds and binds[-1].inner else None


def _quoted(value: Any) -> str:
    return "undefined" if value is MISSING else excerpt(value)


def _joined(places: list[str]) -> str:
    more = len(places) - 3
    return " and ".join(places[:3]) + (f" and {more} more" if more > 0 else "")
