"""Why a value is there, or is not: the expression, what of the reply it read, and what came out undefined first.

A page is mapped once more with a trace; nothing here decides what a value is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from truto_mapper.engine.exact import OnInvalid
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.page import SENT, Page, Request
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Bind, Call, Condition, Filter, Name, Number, Variable
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Evaluation, Event, Places, Steps, Trace
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.resource.spec import REMOTE_DATA, Field
from truto_mapper.text.diagnostics import (
    Diagnostic,
    did_you_mean,
    excerpt,
    margin,
    nearest,
    pointed,
    printable,
    shortened,
)
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import dotted, json_pointer, steps_of
from truto_mapper.text.source import Source, Span

#: So many places are named in text; JSON has all.
SHOWN = 6

#: What of the bindings can be read, and how it is named; the reply needs no name.
_DOCUMENTS = {"response": "", "query": "$query", "context": "$context", "headers": "$headers"}


@dataclass(frozen=True, slots=True)
class Read:
    """A value that was read: of the reply, as a pointer, or of `$query`, `$context` or `$headers`."""

    document: str
    path: Steps
    value: Any
    is_default: bool = False

    @property
    def place(self) -> str:
        return dotted((self.document, *self.path)) if self.document else json_pointer(self.path)

    def __str__(self) -> str:
        if self.value is MISSING:
            return f"{self.place} (absent)"
        return f"{self.place} = {excerpt(self.value)}" + ", the default" * self.is_default


@dataclass(frozen=True, slots=True)
class Via:
    """A name that a value came through, with its expression."""

    name: str
    expression: Expression
    value: Any

    def __str__(self) -> str:
        plain = not isinstance(self.value, (dict, list))
        shown = f" = {'nothing' if self.value is MISSING else excerpt(self.value)}" if plain else ""
        return f"${self.name}{shown} ({self.expression.place}: {excerpt_of(self.expression)})"


@dataclass(slots=True)
class Explanation:
    """Why an output value is what it is. `value` is MISSING where there is none, and `why` then says why.

    `span` is the whole expression in `source`, or the first part of it that came out undefined.
    """

    pointer: str
    name: str
    value: Any
    source: Source | None = None
    span: Span | None = None
    reads: list[Read] = field(default_factory=list)
    via: list[Via] = field(default_factory=list)
    why: str | None = None
    hint: str | None = None

    @property
    def line(self) -> str:
        """Where the expression stands, as `mappings/gong/activity.yaml:41`."""
        if self.source is None or self.span is None:
            return ""
        return f"{self.source.name}:{self.source.position(self.span.start)[0]}"

    def render(self) -> str:
        """The explanation as text: the value, the author's line with a caret, and what led to it."""
        left = margin(self.source, self.span)
        what = "is absent" if self.value is MISSING else f"= {excerpt(self.value, 200)}"
        lines = [f"{self.pointer} {what}"]
        lines += pointed(self.source, self.span, left) if self.source is not None else []
        lines += [f"{left} = why: {printable(self.why)}"] if self.why else []
        lines += [f"{left} = through: {printable(str(one))}" for one in self.via]
        lines += [f"{left} = from: {printable(str(one))}" for one in self.reads[:SHOWN]]
        lines += [f"{left} = from: {len(self.reads) - SHOWN} more places"] if len(self.reads) > SHOWN else []
        lines += [f"{left} = hint: {printable(self.hint)}"] if self.hint else []
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON; `layer` is the file of the expression. Keys without a value are left out."""
        found: dict[str, Any] = {"pointer": self.pointer, "field": self.name, "present": self.value is not MISSING}
        if self.value is not MISSING:
            found["value"] = self.value
        if self.source is not None and self.span is not None:
            line, column = self.source.position(self.span.start)
            text = self.source.text[self.span.start : self.span.end]
            found |= {"layer": self.source.name, "line": line, "column": column, "expression": text}
        found["reads"] = [
            {"place": one.place, "present": one.value is not MISSING}
            | ({} if one.value is MISSING else {"value": one.value})
            for one in self.reads
        ]
        found["via"] = [
            {"name": one.name, "place": one.expression.place, "expression": one.expression.text} for one in self.via
        ]
        return found | {name: value for name, value in (("why", self.why), ("hint", self.hint)) if value}


def table(found: Sequence[Explanation]) -> str:
    """Several explanations, a line for each: the field, its value, its line, and where it is from or why it is not."""
    rows = []
    for one in found:
        value = "(absent)" if one.value is MISSING else excerpt(one.value, 36)
        origin = one.why if one.value is MISSING or not one.reads else "← " + str(one.reads[0].place)
        more = f" and {len(one.reads) - 1} more" if one.value is not MISSING and len(one.reads) > 1 else ""
        rows.append((one.name, value, one.line.rpartition("/")[2], printable((origin or "a constant") + more)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


def excerpt_of(expression: Expression) -> str:
    """The text of an expression in one line."""
    text = " ".join(expression.text.split())
    return shortened(text)


def explain(
    mapper: Mapper,
    body: Any,
    pointer: str = "",
    *,
    query: Any = None,
    context: Mapping[str, Any] | None = None,
    now: str | None = None,
    status: int = 200,
    on_invalid: OnInvalid = "discard_value",
) -> tuple[list[Explanation], tuple[Diagnostic, ...]]:
    """Explain a value of the page, or of the request, that a JSON Pointer names, and what else there is to say.

    `pointer` is one into a list response, as `/result/0/user/id` or `/next_cursor`, or one into the request, as
    `/request/body/filter`; a name like `metrics.calls_hosted` is one of the first record. What holds several values
    has an explanation for each; nothing means the first record. Raises what `Mapper.map` does, and E801.
    """
    trace = Trace()
    traced = mapper.traced(trace)
    steps = _steps(pointer)
    if steps[0] == "request":
        if query is None:
            raise _nowhere(pointer, "the request is not known without a query", "give the query too")
        request = traced.plan(query, context=context, now=now)
        return _Explainer(mapper, trace, None).request(request, steps[1:], pointer), request.diagnostics
    page = traced.map(body, query=query, context=context, now=now, status=status, on_invalid=on_invalid)
    try:
        return _Explainer(mapper, trace, page).page(page, steps, pointer), page.diagnostics
    except MappingError as error:  # a record may be missing for what there is to say about the page
        raise MappingError([*error.diagnostics, *page.diagnostics]) from None


def _steps(pointer: str) -> tuple[str, ...]:
    if not pointer:
        return ("result", "0")
    if not pointer.startswith("/"):
        return ("result", "0", *pointer.split("."))
    return steps_of(pointer)


def _nowhere(pointer: str, why: str, hint: str | None = None) -> MappingError:
    return MappingError(Diagnostic("E801", f"{excerpt(pointer)} leads nowhere: {why}", hint=hint))


class _Explainer:
    """The explanations of one traced run."""

    def __init__(self, mapper: Mapper, trace: Trace, page: Page | None) -> None:
        self.mapper, self.trace, self.page_ = mapper, trace, page
        settings = {
            ("$context", name): schema.get("default") for name, schema in mapper.mapping.context_schemas.items()
        }
        asked = {("$query", name): field.default for name, field in mapper.resource.parameters.items()}
        self.defaults: dict[Steps, Any] = {
            place: value for place, value in (settings | asked).items() if value is not None
        }
        self.places = Places({name: trace.names[key] for key, name in _DOCUMENTS.items() if key in trace.names})

    # ----------------------------------------------------------------------------------------- what is asked for

    def request(self, request: Request, steps: Sequence[str], pointer: str) -> list[Explanation]:
        plan = request.query.plan
        names = () if plan is None else plan.endpoints
        endpoint = next(one for one in self.mapper.mapping.endpoints if one.name == names[0])
        parts = {"path": endpoint.path, "params": endpoint.params, "headers": endpoint.headers, "body": endpoint.body}
        sent = {part: getattr(request, part) for part in SENT}
        if steps and steps[0] not in sent:
            raise _nowhere(pointer, f"a request has no {excerpt(steps[0])}", did_you_mean(steps[0], sent))
        chosen = {steps[0]: parts.get(steps[0])} if steps else parts
        found = [one for name, part in chosen.items() for one in self.parts(part, (name,), sent, steps[1:])]
        if not found:
            raise _nowhere(pointer, f"{endpoint.name} sends no such thing")
        return found

    def parts(self, template: Any, path: Steps, sent: Any, wanted: Sequence[str]) -> Iterator[Explanation]:
        """The expressions of a part of a request, each with what it became."""
        if isinstance(template, dict):
            for name, child in template.items():
                if not wanted or wanted[0] == name:
                    yield from self.parts(child, (*path, name), sent, wanted[1:])
        elif isinstance(template, list):
            for index, child in enumerate(template):
                if not wanted or wanted[0] == str(index):
                    yield from self.parts(child, (*path, index), sent, wanted[1:])
        elif template is not None:
            below = tuple(int(one) if one.isdecimal() else one for one in wanted)
            evaluation = self.of(template)
            value = _at(sent, (*path, *below))
            yield self.explained(("request", *path, *below), dotted((*path, *below)), value, template, evaluation)

    def page(self, page: Page, steps: Sequence[str], pointer: str) -> list[Explanation]:
        endpoint = next((one for one in self.mapper.mapping.endpoints if one.name == page.endpoint), None)
        if endpoint is None:
            raise _nowhere(pointer, "the reply says that there is nothing: no endpoint's records are in it")
        if steps[0] == "next_cursor":
            value = MISSING if page.next_cursor is None else page.next_cursor
            expression = endpoint.next_cursor
            return [self.explained(("next_cursor",), "next_cursor", value, expression, self.of(expression))]
        if steps[0] != "result":
            known = ("result", "next_cursor", "request")
            raise _nowhere(pointer, f"a page has no {excerpt(steps[0])}", did_you_mean(steps[0], known))
        index = self.index(page, steps[1:], pointer)
        row = next(row for row, record in self.trace.records if record is page.records[index])
        head: Steps = ("result", *(tuple(steps[1:2]) if isinstance(page.result, dict) else (index,)))
        return self.record(endpoint, page.records[index], row, head, tuple(steps[2:]), pointer)

    def index(self, page: Page, steps: Sequence[str], pointer: str) -> int:
        count, result = len(page.records), page.result
        if not count:
            gone = f", and {len(page.rejected)} that had to go" if page.rejected else ""
            raise _nowhere(pointer, f"the page has no records{gone}")
        if not steps:
            return 0
        if isinstance(result, dict):
            if steps[0] in result:
                return list(result).index(steps[0])
            raise _nowhere(pointer, f"no record has the key {excerpt(steps[0])}", did_you_mean(steps[0], result))
        if not steps[0].isdecimal() or int(steps[0]) >= count:
            raise _nowhere(pointer, f"the page has {count} records, counted from 0")
        return int(steps[0])

    def record(
        self, endpoint: Endpoint, record: Any, row: Steps, head: Steps, steps: tuple[str, ...], pointer: str
    ) -> list[Explanation]:
        fields = self.mapper.resource.fields
        wanted = _declared(fields, steps, pointer)
        return [self.value(endpoint, record, row, head, path) for path in _leaves(wanted, _indexed(steps))]

    def value(self, endpoint: Endpoint, record: Any, row: Steps, head: Steps, path: Steps) -> Explanation:
        value, name = _at(record, path), dotted(part for part in path if isinstance(part, str))
        hidden = self.page_.query.get("truto_exclude_fields", ()) if self.page_ and self.page_.query else ()
        if path[:1] == (REMOTE_DATA,) and REMOTE_DATA not in endpoint.response:  # type: ignore[operator]
            found = Explanation(json_pointer((*head, *path)), name, value)
            found.reads = [] if value is MISSING else [Read("", row, _at(self.trace.names["response"], row))]
            found.why = (
                "the provider's own record" if value is not MISSING else "truto_ignore_remote_data leaves it out"
            )
            return found
        evaluation = self.target(row, path)
        expression = None if evaluation is None else evaluation.expression
        found = self.explained((*head, *path), name, value, expression, evaluation)
        if expression is None:
            found.why = f"the endpoint `{endpoint.name}` has no expression for it"
        elif any(name == one or name.startswith(one + ".") for one in hidden):
            found.why = "truto_exclude_fields leaves it out of the result"
        return found

    def target(self, row: Steps, path: Steps) -> Evaluation | None:
        """The evaluation for a field of the record that is made of a row."""
        made = (one for one in self.trace.evaluations if one.row == row and isinstance(one.target, tuple))
        return next((one for one in made if one.target == path[: len(one.target or ())]), None)

    def of(self, expression: Expression | None) -> Evaluation | None:
        """The last evaluation of an expression for the reply or the query as a whole."""
        found = [one for one in self.trace.evaluations if one.expression is expression]
        return found[-1] if found else None

    # -------------------------------------------------------------------------------------------- why it is so

    def explained(
        self, path: Steps, name: str, value: Any, expression: Expression | None, evaluation: Evaluation | None
    ) -> Explanation:
        found = Explanation(json_pointer(path), name, value)
        if expression is None:
            return found
        found.source, found.span = expression.source, expression.locate(expression.node.span)
        if evaluation is None:
            found.why = "its expression was not evaluated"
            return found
        self.sources(evaluation, found)
        if value is MISSING:
            self.absent(evaluation, found)
        return found

    def sources(self, evaluation: Evaluation, found: Explanation) -> None:
        """What an evaluation read, and the names it came through, theirs included."""
        reads = [read for event in evaluation.walk() for read in self.read(event)]
        if (whole := self.places.of(evaluation.value)) is not None:
            reads.append(Read(*whole, evaluation.value))
        for one in reads:
            is_step = any(other.document == one.document and _is_above(one.path, other.path) for other in reads)
            if not is_step and one not in found.reads:
                found.reads.append(one)
        for event in evaluation.walk():
            named = self.named(event, evaluation)
            if named is not None and not any(one.expression is named.expression for one in found.via):
                found.via.append(Via(str(named.target), named.expression, event.value))
                if self.places.of(event.value) is None:
                    self.sources(named, found)

    def read(self, event: Event) -> Iterator[Read]:
        for document, path, value in self.places.reads(event):
            default = self.defaults.get((document, *path), MISSING)
            yield Read(document, path, value, value is not MISSING and value == default)

    def named(self, event: Event, evaluation: Evaluation) -> Evaluation | None:
        """The evaluation that gave a variable its value, if it is one of `let`."""
        if not isinstance(event.node, Variable) or evaluation.row is None:
            return None
        row, name = evaluation.row, event.node.name
        given = [one for one in self.trace.evaluations if one.target == name and one.row == row[: len(one.row or ())]]
        return given[-1] if given and given[-1] is not evaluation else None

    def absent(self, evaluation: Evaluation, found: Explanation) -> None:
        """Say which part of an expression came out undefined first, and why."""
        if evaluation.error is not None:
            (first, *_) = evaluation.error.diagnostics
            found.source, found.span, found.why = first.source, first.span, first.message
            return
        if evaluation.value is not MISSING and evaluation.value is not None:
            dropped = self.discarded(found)
            found.why = dropped or f"the expression gave {excerpt(evaluation.value)}, in which there is no such value"
            return
        outer = [event for event in evaluation.events if event.value is evaluation.value]
        if not outer:
            found.why = "the expression gave nothing"
            return
        self.because(outer[-1], evaluation, found)

    def discarded(self, found: Explanation) -> str | None:
        """What was found wrong with a value, so that it was left out."""
        for one in self.page_.diagnostics if self.page_ else ():
            if one.source == found.source and one.span == found.span and one.code in ("D401", "D402"):
                return one.message
        return None

    def because(self, event: Event, evaluation: Evaluation, found: Explanation) -> None:
        inner = _cause(event)
        if inner is not None:
            self.because(inner, evaluation, found)
            return
        expression = evaluation.expression
        found.source, found.span = expression.source, expression.locate(event.node.span)
        given = self.named(event, evaluation)
        if given is not None:
            self.absent(given, found)
            return
        if isinstance(event.node, Variable) and (bound := _bound(event.node.name, evaluation)) is not None:
            self.because(bound, evaluation, found)
            return
        found.why, found.hint = self.reason(event)

    def reason(self, event: Event) -> tuple[str, str | None]:
        """Why a node has no value though what it is made of has."""
        match event.node:
            case Name(value=name):
                return self.lookup(event, name)
            case Variable(name="cursor"):
                return "there is no cursor: this is the first page", None
            case Variable(name=name):
                return f"${name} has no value", None
            case Condition():
                value = event.inner[0].value
                shown = "undefined" if value is MISSING else excerpt(value)
                return f"the condition does not hold, it is {shown}; nothing stands for that case", None
            case Filter(expression=Number(value=index)):
                return f"there is no item {index}", None
            case Filter(expression=inner):
                seen = [one for one in event.inner if one.node is inner]
                return f"none of {len(seen)} items is as the predicate wants it", None
            case Call(procedure=Variable(name=name)):
                return f"${name} gave nothing", None
        return ("it is null, which is no value" if event.value is None else "this came out undefined"), None

    def lookup(self, event: Event, name: str) -> tuple[str, str | None]:
        """Why a name led to nothing."""
        reads = [one for one in self.read(event) if one.value is event.value]
        if event.value is None and reads:
            return f"{_listed([one.place for one in reads])} is null, which is no value", None
        if reads:
            holders = [_holder(one) for one in reads]
            hint = nearest(name, self.keys(event))
            return f"{_listed(holders)} has no `{name}`", hint and f"it has `{hint}`"
        context = event.context
        if context is None or context is MISSING:
            return f"`{name}` is looked up in {'null' if context is None else 'nothing'}", None
        if isinstance(context, list):
            return f"`{name}` is looked up in {'an empty list' if not context else 'a list without objects'}", None
        if isinstance(context, dict):
            return f"there is no `{name}` in {excerpt(context)}", None
        return f"`{name}` is looked up in {excerpt(context)}, which is no object", None

    def keys(self, event: Event) -> list[str]:
        items = event.context if isinstance(event.context, list) else [event.context]
        return [key for item in items if isinstance(item, dict) for key in item]


def _cause(event: Event) -> Event | None:
    """The event within another that it is gone for, if there is one."""
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
    """The event of a value that an expression itself gave a name."""
    binds = [e for e in evaluation.walk() if isinstance(e.node, Bind) and e.node.variable.name == name]
    return binds[-1].inner[-1] if binds and binds[-1].inner else None


def _holder(read: Read) -> str:
    return Read(read.document, read.path[:-1], None).place or "the reply"


def _listed(places: list[str]) -> str:
    more = len(places) - 3
    return " and ".join(places[:3]) + (f" and {more} more" if more > 0 else "")


def _is_above(one: Steps, other: Steps) -> bool:
    return len(one) < len(other) and other[: len(one)] == one


def _at(value: Any, path: Steps) -> Any:
    """The value at a path, MISSING where there is none."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def _indexed(steps: Sequence[str]) -> Steps:
    return tuple(int(one) if one.isdecimal() else one for one in steps)


def _declared(fields: Mapping[str, Field], steps: Sequence[str], pointer: str) -> Field:
    """The field that a path of a record leads to. Raises `MappingError` E801."""
    found: Field = Field.model_construct(type="object", fields=fields)
    for number, step in enumerate(steps):
        if found.type == "array" and step.isdecimal():
            found = found.items or _ANY
            continue
        inner = found.below
        if not inner:
            return _ANY
        if step not in inner:
            above = dotted(steps[:number])
            why = f"{f'`{above}`' if above else 'the resource'} declares no `{step}`"
            raise _nowhere(pointer, why, did_you_mean(step, inner))
        found = inner[step]
    return found


_ANY = Field.model_construct(type="any", fields={})


def _leaves(declared: Field, path: Steps) -> Iterator[Steps]:
    """The places of a record below one, the declared fields of objects in arrays left together."""
    if declared.type == "object" and declared.fields:
        for name, inner in declared.fields.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path
