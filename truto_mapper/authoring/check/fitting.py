"""Whether the type of an expression fits the schema of the place that its value is for.

One answer for unified fields, for the provider's request, and for what a mapping computes beside the records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.authoring.check.words import words
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import natives, nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import index_names, is_simple_path
from truto_mapper.language.types import Type
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean
from truto_mapper.text.pointers import dotted

#: Formats that exclude each other; `text` is that of a date in another form.
_APART = frozenset({"date-time", "date", "uuid", "time-zone", "email", "time", "text", "duration"})

#: The longest expression that a hint repeats.
_LONGEST = 60

_CONVERSIONS = {"string": "$string({})", "integer": "$number({})", "number": "$number({})"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a value must be: the schema of its place, how messages call it, and whose schema that is.

    `code` is the code of what does not fit. A unified field leaves out null and what it does not declare; other places
    are `strict`: they do not, and all that does not fit is a warning. `node` is the part of an expression that gives
    the value, if that is not all of it.
    """

    schema: RequestSchema
    name: str
    owner: str = "the resource"
    code: str = "C207"
    strict: bool = False
    hint: str | None = None
    node: nodes.Node | None = None
    is_item: bool = False

    @property
    def items(self) -> Wanted:
        return replace(self, schema=self.schema.items, is_item=True)

    def child(self, name: str) -> Wanted | None:
        """What a property must be; None if it is not declared."""
        inner = self.schema.at(name)
        called = f"{self.name}.{name}" if self.name else name
        return None if inner is None else replace(self, schema=inner, name=called, is_item=False)

    @property
    def called(self) -> str:
        return self.name or "the record"

    @property
    def what(self) -> str:
        return f"each item of `{self.called}`" if self.is_item else f"`{self.called}`"

    @property
    def is_any(self) -> bool:
        return len(self.schema.kinds) >= len(types.SCALARS) + 2

    @property
    def allowed(self) -> str | None:
        """A hint that names the values of an enumeration."""
        listed = self.schema.values
        return f"{self.owner} allows {', '.join(map(str, listed))}" if listed else None

    @property
    def in_words(self) -> str:
        return types.in_words(Type(frozenset(self.schema.kinds)))

    def found(
        self, expression: Expression, message: str, node: nodes.Node | None = None, hint: str | None = None
    ) -> Diagnostic:
        severity: Any = "warning" if self.strict else "error"
        return expression.diagnostic(self.code, message, node or self.node, severity=severity, hint=self.hint or hint)


def misfits(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """What no value of a type can be at a place, and what some cannot."""
    kind = natives.written(kind)
    if kind == types.ANY or wanted.is_any:
        return
    if wanted.schema.is_array:
        if kind.solid == {"object"} and kind.properties is None and wanted.strict and wanted.items.schema.required:
            pairs = ", ".join(wanted.items.schema.names)
            message = f"`{wanted.called}` is an array of objects with {pairs}, but this gives one object with any keys"
            yield wanted.found(expression, message, hint="write `$each(…, function($value, $key) { {…} })`")
            return
        yield from misfits(expression, types.item_of(kind), wanted.items)
    elif not kind.solid:
        yield from _empty(expression, kind, wanted)
    elif _are_other_items(kind, wanted):
        yield from misfits(expression, types.item_of(kind), wanted.items)
    elif not _numbers(kind.solid) & _numbers(wanted.schema.kinds):
        hint = _conversion(expression, kind, wanted)
        message = f"{wanted.what} is {wanted.in_words}, but this gives {types.in_words(kind)}"
        yield wanted.found(expression, message, hint=hint)
    else:
        yield from _below(expression, kind, wanted)
        yield from _sometimes(expression, kind, wanted) if wanted.strict else ()
        yield from _of_schema(expression, kind, wanted)
        yield from _fractions(expression, kind, wanted) if "number" not in wanted.schema.kinds else ()
        yield from (*_from_zero(expression, wanted), *_in_other_case(expression, wanted))


def _are_other_items(kind: Type, wanted: Wanted) -> bool:
    """Whether a list has none of the items that a place takes beside single values."""
    if "array" not in kind.kinds & wanted.schema.kinds:
        return False
    items = _numbers(types.item_of(kind).solid)
    return bool(items) and not items & _numbers((wanted.schema.kinds - {"array"}) | wanted.items.schema.kinds)


def _conversion(expression: Expression, kind: Type, wanted: Wanted) -> str | None:
    """A hint that makes a value of another type fit, where a conversion surely does."""
    schema = wanted.schema
    if kind.solid == types.FUNCTION.kinds and isinstance(wanted.node or expression.node, nodes.Path):
        return "call it: write `()` behind its name"
    if schema.values:
        return wanted.allowed
    if not kind.solid <= types.SCALARS or len(schema.kinds) != 1:
        return None
    form: str | None = _CONVERSIONS.get(*schema.kinds)
    if schema.kinds == {"string"} and schema.format:
        is_moment = schema.format == "date-time" and kind.solid <= types.NUMBER.kinds
        form = "$fromMillis({0})`, for seconds `$fromMillis({1} * 1000)" if is_moment else None
    node = wanted.node or expression.node
    if schema.kinds <= types.NUMBER.kinds and (kind.format or "string" not in kind.solid):
        return None  # booleans and dates are no numbers
    match node:
        case nodes.Call(procedure=nodes.Variable(name="string" | "number"), arguments=(nodes.Path() as inner,)):
            return f"write `{expression.text[inner.span.start : inner.span.end].strip()}`"
    text = expression.text[node.span.start : node.span.end].strip()
    text = "…" if len(text) > _LONGEST or "\n" in text else text
    operand = text if text == "…" or is_simple_path(node) else f"({text})"
    if wanted.is_item:
        return f"write `{operand}.{form.format('$')}`" if form and form in _CONVERSIONS.values() else None
    given = f"{operand}[$ != null]" if "null" in kind.kinds else text
    return None if form is None else f"write `{form.format(given, operand)}`"


def _numbers(kinds: frozenset[str]) -> set[str]:
    return {"number" if one == "integer" else one for one in kinds}


def _empty(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """A value that is always null or absent."""
    if kind.kinds and not (wanted.strict and "null" in kind.kinds and wanted.schema.is_nullable):
        hint = "remove the field from the mapping" if not wanted.strict else "remove it from the mapping"
        message = f"`{wanted.called}` never gets a value from this"
        yield expression.diagnostic(wanted.code, message, wanted.node, severity="warning", hint=hint)


def _sometimes(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """A null or a boolean that a mapping gives in some cases, where the place takes none."""
    if "null" in kind.kinds and not wanted.schema.is_nullable:
        hint = "leave the branch with null out: nothing is sent then"
        yield wanted.found(expression, f"`{wanted.called}` must not be null, which this may give", hint=hint)
    every_result = results(wanted.node or expression.node)
    is_made = any(map(is_truth, every_result))  # the provider's own values may be of several types
    if is_made and "boolean" in kind.solid - wanted.schema.kinds:
        yield wanted.found(expression, f"`{wanted.called}` is {wanted.in_words}, but this may give a boolean")


def _of_schema(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """A scalar that is of several types by the provider's schema."""
    is_declared = kind.path is not None and kind.values is None and kind.kinds != types.KINDS
    others = kind.solid & types.SCALARS if is_declared else frozenset()
    rest = {one for one in others if not _numbers(frozenset({one})) & _numbers(wanted.schema.kinds)}
    if rest:
        of_rest = replace(kind, kinds=frozenset(rest))
        message = f"{wanted.what} is {wanted.in_words}, but this may give {types.in_words(of_rest)}"
        hint = _conversion(expression, replace(of_rest, kinds=kind.kinds - {"object", "array"}), wanted)
        yield expression.diagnostic(wanted.code, message, wanted.node, severity="warning", hint=hint)


def _fractions(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """A quotient, an average, or a number of the provider's that need not be whole, where a whole number is wanted."""
    node = wanted.node or expression.node
    is_declared = "number" in kind.solid and kind.values is None and (kind.path or is_simple_path(node))
    if "integer" in wanted.schema.kinds and is_declared:
        read = dotted(kind.path) if kind.path else expression.text[node.span.start : node.span.end].strip()
        message = f"`{wanted.called}` is an integer, but `{read}` may have a fraction"
        yield expression.diagnostic(wanted.code, message, wanted.node, severity="warning", hint="write `$round(…)`")
    for one in results(node) if "integer" in wanted.schema.kinds else ():
        if _is_fraction(one):
            text = expression.text[one.span.start : one.span.end].strip()
            message = f"`{wanted.called}` is an integer, but this may give a fraction"
            hint = f"write `$round({text})`" if len(text) <= _LONGEST and "\n" not in text else None
            yield expression.diagnostic(wanted.code, message, one, severity="warning", hint=hint)


def _from_zero(expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
    """The index of an item, where a number from 1 on is wanted."""
    least = wanted.schema.limit("minimum") if "integer" in wanted.schema.kinds else None
    indexes = index_names(expression.node) if least == 1 else ()
    for node in results(wanted.node or expression.node) if indexes else ():
        if isinstance(node, nodes.Variable) and node.name in indexes:
            message = f"`{wanted.called}` is at least 1, but `${node.name}` counts from 0"
            hint = f"write `${node.name} + 1`"
            yield expression.diagnostic(wanted.code, message, node, severity="warning", hint=hint)


def folding(node: nodes.Node) -> Callable[[str], str] | None:
    """What makes a text of the case that a node gives: `$lowercase(…)`."""
    return _FOLDING.get(getattr(getattr(node, "procedure", None), "name", ""))


_FOLDING = {"lowercase": str.lower, "uppercase": str.upper}


def _in_other_case(expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
    """`$lowercase(currency)` where only `EUR` and `USD` are allowed."""
    texts = [one for one in wanted.schema.values or () if isinstance(one, str)]
    for node in results(wanted.node or expression.node) if texts else ():
        fold = folding(node)
        if fold is not None and not any(fold(one) == one for one in texts):
            message = f"{wanted.what} is never in {fold.__name__} case"
            yield wanted.found(expression, message, node, wanted.allowed)


def _is_fraction(node: nodes.Node) -> bool:
    match node:
        case nodes.Call(procedure=nodes.Variable(name="round"), arguments=(_, places)):
            return not isinstance(places, nodes.Number) or places.value > 0
        case nodes.Binary(operator="/") | nodes.Call(procedure=nodes.Variable(name="average" | "sqrt" | "random")):
            return True
        case nodes.Binary(operator="+" | "-" | "*", left=left, right=right):
            return _is_fraction(left) or _is_fraction(right)
        case nodes.Block(expressions=(one,)):
            return _is_fraction(one)
        case nodes.Number(value=value):
            return value != int(value)
    return False


def results(node: nodes.Node) -> Iterator[nodes.Node]:
    """The parts of an expression that can be its value."""
    match node:
        case nodes.Condition(then=one, otherwise=other):
            yield from results(one)
            yield from results(other) if other is not None else ()
        case nodes.Coalesce(left=one, right=other) | nodes.Default(left=one, right=other):
            yield from (*results(one), *results(other))
        case nodes.Block(expressions=(*_, last)):
            yield from results(last)
        case _:
            yield node


def is_truth(node: nodes.Node) -> bool:
    """Whether a node is surely a boolean."""
    match node:
        case nodes.Value(value=value):
            return value is not None
        case nodes.Binary(operator=operator):
            return operator in (*nodes.COMPARISONS, "and", "or", "in")
        case nodes.Call(procedure=nodes.Variable(name=name)):
            return name in ("exists", "not", "boolean", "contains")
    return False


def _below(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """The fields of an object, the values of a scalar or its format."""
    if "object" in kind.solid & wanted.schema.kinds:
        yield from _fields(expression, kind, wanted)
    elif kind.values is not None:
        yield from _values(expression, kind.values, wanted)
    elif {wanted.schema.format, kind.format} <= _APART and kind.format != wanted.schema.format:
        given = "date in another form" if kind.format == "text" else kind.format
        yield wanted.found(expression, f"`{wanted.called}` is a {wanted.schema.format}, but this gives a {given}")
    elif wanted.schema.values and kind.format in _APART and kind.solid == types.STRING.kinds:
        message = f"`{wanted.called}` can never be a {kind.format}"
        yield wanted.found(expression, message, hint=wanted.allowed)


def _fields(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    given = kind.properties
    for name, inner in (given or {}).items():
        child = wanted.child(name)
        if child is not None:
            yield from misfits(expression, inner, child)
        elif wanted.strict:
            yield unknown(expression, _key(expression, name), name, wanted)
    if kind.path is not None and not wanted.strict:
        yield from _named_otherwise(expression, kind, wanted)
    missing = [] if given is None or kind.path is not None else wanted.schema.required
    code = wanted.code if wanted.strict else "C213"
    for name in (one for one in missing if one not in (given or {})):
        yield expression.diagnostic(code, absent(name, wanted), wanted.node, severity="warning")


def _named_otherwise(expression: Expression, kind: Type, wanted: Wanted) -> Iterator[Diagnostic]:
    """C232: an object of the provider's for one of the resource's, whose fields have other names."""
    given, declared = (kind.properties or {}).keys(), wanted.schema.names
    for name in (one for one in declared if one not in given):
        other = next((one for one in given if one not in declared and words(name) <= words(one)), None)
        if other is not None:
            message = f"`{wanted.called}.{name}` gets no value from this object: `{other}` has another name"
            hint = f'write an object: `{{"{name}": ….{other}, …}}`'
            yield expression.diagnostic("C232", message, wanted.node, severity="warning", hint=hint)


def _key(expression: Expression, name: str) -> nodes.Node | None:
    """The key of an object constructor, as it is written."""
    objects = (one for one in expression.below if isinstance(one, nodes.Object))
    keys = (key for one in objects for key, _ in one.pairs if isinstance(key, nodes.String) and key.value == name)
    return next(keys, None)


def unknown(place: Any, node: Any, name: str, wanted: Wanted) -> Diagnostic:
    """A finding about a key that a schema does not declare, at an expression's node or a key of YAML."""
    where = f" in `{wanted.name}`" if wanted.name else ""
    message, hint = f"{wanted.owner} has no `{name}`{where}", did_you_mean(name, wanted.schema.names)
    if isinstance(place, Expression):
        return place.diagnostic(wanted.code, message, node, severity="warning", hint=hint)
    found: Diagnostic = place.diagnostic(wanted.code, message, key=node, severity="warning", hint=hint)
    return found


def absent(name: str, wanted: Wanted) -> str:
    """The message about a key that a schema requires and nothing gives."""
    return f"{wanted.owner} requires `{f'{wanted.name}.{name}' if wanted.name else name}`, which nothing gives a value"


def _values(expression: Expression, values: Sequence[Any], wanted: Wanted) -> Iterator[Diagnostic]:
    """Values that a place never allows, or some of which it does not."""
    wrong = [value for value in values if not _allows(wanted.schema, value)]
    quoted, hint = ", ".join(map(_quoted, wrong)), wanted.allowed
    if wrong and len(wrong) == len(values):
        yield wanted.found(expression, f"`{wanted.called}` can never be {quoted}", hint=hint)
    elif wrong:
        message, code = f"`{wanted.called}` cannot be {quoted}, which this may give", wanted.code
        code = code if wanted.strict else "C209"
        yield expression.diagnostic(code, message, wanted.node, severity="warning", hint=hint)


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else json.dumps(value)


#: What a schema says about a scalar, besides its values.
_LIMITS = {"format": str, "minimum": int | float, "maximum": int | float, "minLength": int, "maxLength": int}


def _allows(schema: RequestSchema, value: Any) -> bool:
    """Whether a schema allows a scalar. Patterns and alternatives other than those of values are not looked at."""
    if listed := schema.values:
        return any(types.same_value(value, one) for one in listed)
    limits = [{k: form[k] for k, kind in _LIMITS.items() if isinstance(form.get(k), kind)} for form in schema.certain]
    return all(Schema(one, generated=True).valid(value) for one in [{"type": sorted(schema.kinds)}, *limits] if one)
