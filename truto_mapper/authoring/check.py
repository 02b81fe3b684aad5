"""What is wrong with a mapping, found without a payload: types against both schemas, and what can never happen.

Everything that `load` finds comes first. Of the rest, errors can never work and warnings hardly be meant; notes say
what is left out. `# truto: ignore[C206] reason` on a line, or on the one above, silences a code there; in an expression
that is a block it is written `/* truto: ignore[C206] reason */`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.inference import Inference, Scope
from truto_mapper.language.nodes import Name, Node, Path, Step, Variable, walk
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.types import (
    ANY,
    INTEGER,
    NONE,
    SCALARS,
    STRING,
    UNDEFINED,
    Steps,
    Type,
    from_schema,
    item_of,
    shown,
    union,
    union_path,
)
from truto_mapper.mapping.linked import Endpoint, Template, every, expressions
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import REMOTE_DATA, Field, value_schema
from truto_mapper.text import yaml_tree
from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic, by_place, did_you_mean
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.source import Source, Span

#: So many questions are tried to find out which endpoint serves which.
MAX_QUESTIONS = 10_000

_FITTING = {
    "string": {"string"},
    "integer": {"integer", "number"},
    "number": {"integer", "number"},
    "boolean": {"boolean"},
    "object": {"object"},
}
_ALIKE = frozenset({"date-time", "date", "uuid", "time-zone", "email", "time"})


def check(mapper: Mapper) -> list[Diagnostic]:
    """Every finding about a mapping that loads, in the order of its text, without those that it silences."""
    found: list[Diagnostic] = []
    unread: list[Diagnostic] = []
    for endpoint in mapper.mapping.endpoints:
        checker = _Checker(mapper, endpoint, found)
        checker.all()
        unread += checker.left()
    found += [*_unreachable(mapper), *unread]
    # What an alias repeats in several endpoints is said once.
    once = list({(one.code, one.source, one.span): one for one in reversed(found)}.values())
    return sorted(_silenced([*mapper.diagnostics, *once], mapper.sources), key=by_place)


def reads(mapper: Mapper, endpoint: Endpoint) -> dict[int, set[Steps]]:
    """The places of the reply that each expression of an endpoint reads, by the id of the expression."""
    checker = _Checker(mapper, endpoint, [])
    checker.all()
    return checker.read


class _Checker:
    """The types of one endpoint."""

    def __init__(self, mapper: Mapper, endpoint: Endpoint, found: list[Diagnostic]) -> None:
        self.mapper, self.endpoint, self.found = mapper, endpoint, found
        self.expression: Expression = endpoint.path
        self.inference = Inference(self.tell)
        self.read: dict[int, set[Steps]] = {}  # by the id of each expression
        self.body = ANY
        if endpoint.source is not None:
            schema = yaml_tree.parse(endpoint.source).plain()
            self.body = from_schema(schema, schema)
        self.scope = Scope(self.variables(), self.body)

    def tell(self, code: str, node: Node, message: str, hint: str | None, names: Iterable[str]) -> None:
        """Note something about a node of the expression at hand."""
        meant = did_you_mean(node.value, names) if isinstance(node, Name) else hint
        if isinstance(node, Name) and meant is None and self.expression.text.strip() == node.value:
            meant = f"text stands in quotes of its own: '\"{node.value}\"'"
        severity: Any = "error" if code in ("C206", "C208") else "warning"
        where = self.expression.locate(node.span)
        self.found.append(Diagnostic(code, message, severity, self.expression.source, where, hint=meant))

    def about(self, code: str, message: str, severity: Any, hint: str | None = None) -> None:
        self.found.append(self.whole(code, message, severity, hint))

    def whole(self, code: str, message: str, severity: Any, hint: str | None = None) -> Diagnostic:
        """A finding about the expression at hand as a whole."""
        span = self.expression.locate(self.expression.node.span)
        return Diagnostic(code, message, severity, self.expression.source, span, hint=hint)

    def of_endpoint(self, code: str, message: str, severity: Any, hint: str | None = None) -> Diagnostic:
        """A finding about the endpoint, at its name."""
        endpoints = self.mapper.mapping.root.value["endpoints"]
        return endpoints.diagnostic(code, message, key=self.endpoint.name, severity=severity, hint=hint)  # type: ignore[no-any-return]  # of a Node

    def variables(self) -> dict[str, Type]:
        resource, settings = self.mapper.resource, self.mapper.mapping.context_schemas
        asked = {name: _given(value_schema(field), field.default) for name, field in resource.parameters.items()}
        context = {name: _given(schema, schema.get("default")) for name, schema in settings.items()}
        return {
            "query": Type(frozenset({"object"}), properties=asked),
            "context": Type(frozenset({"object"}), properties=context),
            "cursor": union(STRING, UNDEFINED),
            "now": replace(union(STRING, UNDEFINED), format="date-time"),
            "status": INTEGER,
            "headers": Type(frozenset({"object"})),
            "response": self.body,
            "$": self.body,
        }

    def infer(self, expression: Expression, scope: Scope) -> Type:
        self.expression = expression
        before, self.inference.reads = self.inference.reads, set()
        kind = self.inference.infer(expression.node, scope)
        self.read[id(expression)] = self.inference.reads | ({kind.path} if kind.path else set())
        self.inference.reads |= before
        return kind

    def all(self) -> None:
        endpoint, asking = self.endpoint, replace(self.scope, context=ANY)
        for key, expression in every(endpoint):
            if key in ("path", "when", "query_error", "static_response", "params", "headers", "body"):
                self.infer(expression, asking)
        for one in (endpoint.recognise, endpoint.next_cursor, endpoint.time_zone):
            if one is not None:
                self.inference.used(self.infer(one, self.scope))
        if endpoint.empty_when is not None:  # also of what is no reply of this shape: an error, say
            self.infer(endpoint.empty_when, Scope({**self.scope.variables, "response": ANY, "$": ANY}, ANY))
        scope = self.scope
        for name, expression in endpoint.for_each:
            item = item_of(self.infer(expression, scope)).without(NONE)
            scope = scope.bound(name, item).within(item)
        for name, expression in endpoint.let:
            scope = scope.bound(name, self.infer(expression, scope))
        self.template(
            endpoint.response, Field.model_construct(type="object", fields=self.mapper.resource.fields), (), scope
        )
        self.found += self.unused()
        self.found += self.unwritten()

    # ------------------------------------------------------------------------------------- the record

    def template(self, template: Template, field: Field, path: tuple[str, ...], scope: Scope) -> None:
        if isinstance(template, dict):
            for name, child in template.items():
                if name in field.below:
                    self.template(child, field.below[name], (*path, name), scope)
        elif isinstance(template, list):
            for child in template:
                self.template(child, field.inner, path, scope)
        else:
            kind = self.infer(template, scope)
            self.inference.used(kind)
            self.conform(kind, field, path)

    def conform(self, kind: Type, field: Field, path: tuple[str, ...]) -> None:
        """Say so if no value of a type can be one of a field."""
        if kind == ANY or field.type == "any":
            return
        if field.type == "array":
            self.conform(item_of(kind), field.inner, path)
            return
        name = dotted(path) or "the record"
        if not kind.solid:
            if kind.kinds:
                self.about(
                    "C207", f"`{name}` never gets a value from this", "warning", "leave the field out of the mapping"
                )
            return
        if not kind.solid & _FITTING[field.type]:
            self.misfit(name, kind, field)
        elif field.type == "object":
            for child, inner in (kind.properties or {}).items():
                if child in field.fields:
                    self.conform(inner, field.fields[child], (*path, child))
        else:
            self.values(name, kind, field)

    def misfit(self, name: str, kind: Type, field: Field) -> None:
        wanted = f"{'an' if field.type[0] in 'aio' else 'a'} {field.type}"
        hint = {"string": "write $string(…)", "integer": "write $number(…)", "number": "write $number(…)"}
        scalar = kind.solid <= SCALARS
        message = f"`{name}` is {wanted}, and this gives {shown(kind)}"
        self.about("C207", message, "error", hint.get(field.type) if scalar else None)

    def values(self, name: str, kind: Type, field: Field) -> None:
        """Look at the values that are known, and at the format."""
        if kind.values is not None:
            fits = Schema(value_schema(field), generated=True).valid
            wrong = [value for value in kind.values if not fits(value)]
            listed = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in wrong)
            if wrong and len(wrong) == len(kind.values):
                self.about("C207", f"`{name}` can never be {listed}", "error", self.allowed(field))
            elif wrong:
                self.about("C209", f"`{name}` cannot be {listed}, which may come here", "warning", self.allowed(field))
        elif field.format and kind.format and kind.format != field.format and {field.format, kind.format} <= _ALIKE:
            self.about("C207", f"`{name}` is a {field.format}, and this gives a {kind.format}", "error")

    def allowed(self, field: Field) -> str | None:
        return f"it is one of {', '.join(map(str, field.enum))}" if field.enum else None

    def unused(self) -> Iterator[Diagnostic]:
        """Names of `let` and `for_each` that no expression of the endpoint mentions."""
        endpoint = self.endpoint
        mentioned = {v.name for _, one in every(endpoint) for v in (*one.variables, *one.calls)}
        names = [*endpoint.for_each[:-1], *endpoint.let]
        if (
            endpoint.for_each
            and not endpoint.let
            and not any(_reads_context(e) for e in expressions(endpoint.response))
        ):
            names = [*endpoint.for_each, *endpoint.let]
        for name, self.expression in names:
            if name not in mentioned:
                yield self.whole("C212", f"${name} is never used", "warning", "take it away")

    def unwritten(self) -> Iterator[Diagnostic]:
        """Unified fields without an expression."""
        endpoint, fields = self.endpoint, self.mapper.resource.fields
        if not isinstance(endpoint.response, dict):
            return
        required = [name for name in _missing(endpoint.response, fields) if _at(fields, name).required]
        for name in required:
            message = f"`{endpoint.name}` never writes `{name}`, which is required"
            yield self.of_endpoint("C213", message, "error", "add it to response_mapping")
        left = [n for n in _missing(endpoint.response, fields) if n not in required and n != REMOTE_DATA]
        if left:
            yield self.of_endpoint("C215", f"`{endpoint.name}` gives no value to {_listed(left)}", "note")

    def left(self) -> Iterator[Diagnostic]:
        """What the provider sends and nothing reads."""
        reads, whole = self.inference.reads, self.inference.whole
        names = [
            ".".join(path)
            for path in (leaf.path for leaf in leaves(self.body))
            if path and path not in reads and not any(path[:length] in whole for length in range(1, len(path) + 1))
        ]
        if names:
            message = f"`{self.endpoint.name}` reads nothing of the reply from {_listed(names)}"
            yield self.of_endpoint("C214", message, "note")


def _given(schema: Mapping[str, Any], default: Any) -> Type:
    kind = replace(from_schema(schema, schema), path=None)
    return _nowhere(kind) if default is not None else union_path(_nowhere(kind), UNDEFINED)


def _nowhere(kind: Type) -> Type:
    """A type that is not of the provider's reply."""
    properties = kind.properties and {name: _nowhere(one) for name, one in kind.properties.items()}
    return replace(kind, path=None, properties=properties, items=kind.items and _nowhere(kind.items))


def _reads_context(expression: Expression) -> bool:
    return any(
        isinstance(node, Name) or (isinstance(node, Variable) and node.name == "") for node in walk(expression.node)
    )


def _missing(template: Any, fields: Mapping[str, Field], path: tuple[str, ...] = ()) -> list[str]:
    """The fields that a template of YAML does not write, an object without any as one."""
    found = []
    for name, field in fields.items():
        if name not in template:
            found.append(dotted((*path, name)))
        elif isinstance(template[name], dict):
            found += _missing(template[name], field.below, (*path, name))
    return found


def _at(fields: Mapping[str, Field], name: str) -> Field:
    first, *rest = name.split(".")
    field = fields[first]
    for part in rest:
        field = field.below[part]
    return field


def leaves(kind: Type) -> Iterator[Type]:
    """The types of the places of a reply that hold no further ones."""
    below = list((kind.properties or {}).values()) + ([kind.items] if kind.items else [])
    if not below:
        yield kind
    for one in below:
        yield from leaves(one)


def _listed(names: list[str]) -> str:
    most, more = names[:8], len(names) - 8
    return ", ".join(f"`{name}`" for name in most) + (f" and {more} more" if more > 0 else "")


# ----------------------------------------------------------------------------------------------- endpoints


def _unreachable(mapper: Mapper) -> Iterator[Diagnostic]:
    """Endpoints that serve no query: every question that tells them apart is tried."""
    endpoints = mapper.mapping.endpoints
    domains = {place: _domain(mapper, place) for one in endpoints if one.when for place in _asked(one.when)}
    known = {place: values for place, values in domains.items() if values is not None}
    size = 1
    for values in known.values():
        size *= len(values)
    if size > MAX_QUESTIONS:
        return
    never = {one.name for one in endpoints if one.when is None or _asked(one.when) <= known.keys()}
    for chosen in product(*known.values()):
        serving = _serving(endpoints, dict(zip(known, chosen, strict=True)))
        never -= serving
    for one in endpoints:
        if one.name in never:
            message = f"`{one.name}` is never asked: no query is left for it, or its `when` never holds"
            shown_at = one.when or one.path
            yield Diagnostic("C210", message, "warning", shown_at.source, shown_at.locate(shown_at.node.span))


def _serving(endpoints: Iterable[Endpoint], given: Mapping[tuple[str, str], Any]) -> set[str]:
    """The endpoints that may serve a question first."""
    names: dict[str, dict[str, Any]] = {"query": {}, "context": {}}
    for (holder, name), value in given.items():
        if value is not MISSING:
            names[holder][name] = value
    serving: set[str] = set()
    for one in endpoints:
        holds = _holds(one.when, names) if one.when is None or _asked(one.when) <= given.keys() else None
        serving |= {one.name} if holds is not False else set()
        if holds:
            break
    return serving


def _holds(when: Expression | None, names: Mapping[str, Any]) -> bool:
    if when is None:
        return True
    try:
        return bool(truthy(when.evaluate(MISSING, names)))
    except EvaluationError:
        return False


def _asked(expression: Expression) -> set[tuple[str, str]]:
    """The query parameters and settings that an expression looks at; ("", "") for what it does otherwise."""
    free = {id(one) for one in expression.variables}
    found: set[tuple[str, str]] = set()
    for node in walk(expression.node):
        match node:
            case Path(steps=(Step(node=Variable() as first), Step(node=Name(value=name)), *_)) if id(first) in free:
                found.add((first.name, name))
                free.discard(id(first))
    return found | ({("", "")} if free else set())


def _domain(mapper: Mapper, place: tuple[str, str]) -> tuple[Any, ...] | None:
    """All values of a parameter or setting, if they are few."""
    holder, name = place
    if holder == "query" and name in mapper.resource.parameters:
        field = mapper.resource.parameters[name]
        schema, default = value_schema(field), field.default
    elif holder == "context" and name in mapper.mapping.context_schemas:
        schema = dict(mapper.mapping.context_schemas[name])
        default = schema.get("default")
    else:
        return None
    values = schema.get("enum") or ([False, True] if schema.get("type") == "boolean" else None)
    return None if values is None else (*values, *(() if default is not None else (MISSING,)))


# ------------------------------------------------------------------------------------------------ silencing

_IGNORE = r"(?:(?P<open>#|/\*)\s*)truto:\s*ignore\[(?P<codes>[^\]\n]*)\](?P<reason>[^\n]*?)(?:\*/|$)"


@dataclass(slots=True)
class _Ignore:
    """A comment that silences codes on a line."""

    source: Source
    span: Span
    codes: tuple[str, ...]
    reason: str
    line: int
    used: bool = False


def _silenced(found: list[Diagnostic], sources: Iterable[Source]) -> list[Diagnostic]:
    """The findings that no comment silences, and those about the comments."""
    ignores = [one for source in sources for one in _ignores(source)]
    left = []
    for one in found:
        line = one.source.position(one.span.start)[0] if one.source and one.span else 0
        silencing = [i for i in ignores if i.source == one.source and i.line == line and one.code in i.codes]
        for ignore in silencing:
            ignore.used = True
        left += [] if silencing else [one]
    return left + [finding for ignore in ignores for finding in _wrong(ignore)]


def _wrong(ignore: _Ignore) -> Iterator[Diagnostic]:
    def about(message: str, hint: str | None, severity: Any = "error") -> Diagnostic:
        return Diagnostic("C216", message, severity, ignore.source, ignore.span, hint=hint)

    for code in ignore.codes:
        if code not in CODES:
            yield about(f"there is no code {code}", did_you_mean(code, CODES))
    if not ignore.reason:
        yield about("an ignore says why", "write the reason behind the bracket")
    elif not ignore.used and all(code in CODES for code in ignore.codes):
        yield about(f"no {' or '.join(ignore.codes)} is found here", "take it away", "warning")


def _ignores(source: Source) -> Iterator[_Ignore]:
    scalars = [node for node in yaml_tree.parse(source).walk() if isinstance(node.value, str)]
    blocks = [node.span for node in scalars if node.style in ("|", ">")]
    quoted = [node.span for node in scalars if node.style in ("'", '"')]
    for match in re.finditer(_IGNORE, source.text, re.MULTILINE):
        inside = any(span.start < match.start() < span.end for span in blocks)
        if any(span.start < match.start() < span.end for span in quoted) or inside is (match["open"] == "#"):
            continue
        line, column = source.position(match.start())
        alone = not source.line(line)[: column - 1].strip()
        codes = tuple(code.strip() for code in match["codes"].split(",") if code.strip())
        span = Span(match.start(), match.start() + len(match[0].rstrip()))
        yield _Ignore(source, span, codes, match["reason"].strip(), line + alone)
