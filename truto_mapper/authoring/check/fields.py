"""Whether the type of an expression can be the type of the unified field that it is for."""

from collections.abc import Iterator

from truto_mapper.authoring.check import enumerations
from truto_mapper.language import types
from truto_mapper.language.expression import Expression
from truto_mapper.resource.spec import Field
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps, dotted, keys_of

_FITTING = {
    "string": {"string"},
    "integer": {"integer", "number"},
    "number": {"integer", "number"},
    "boolean": {"boolean"},
    "object": {"object"},
}

#: Formats that exclude each other.
_APART = frozenset({"date-time", "date", "uuid", "time-zone", "email", "time"})

#: Stands for a field that the resource does not declare: any value fits.
_FREE = Field.model_construct(type="any", fields={})

_CONVERSIONS = {"string": "write $string(…)", "integer": "write $number(…)", "number": "write $number(…)"}


def misfits(expression: Expression, kind: types.Type, field: Field, path: Steps) -> Iterator[Diagnostic]:
    """C207 where no value of a type can be a value of a field, C209 where some cannot."""
    name = dotted(keys_of(path)) or "the record"
    if kind == types.ANY or field.type == "any":
        return
    if field.type == "array":
        yield from misfits(expression, types.item_of(kind), field.inner, path)
    elif not kind.solid:
        if kind.kinds:
            hint, message = "remove the field from the mapping", f"`{name}` never gets a value from this"
            yield expression.diagnostic("C207", message, severity="warning", hint=hint)
    elif not kind.solid & _FITTING[field.type]:
        wanted = f"{'an' if field.type[0] in 'aio' else 'a'} {field.type}"
        scalar = kind.solid <= types.SCALARS
        message = f"`{name}` is {wanted}, but this gives {types.in_words(kind)}"
        yield expression.diagnostic("C207", message, hint=_CONVERSIONS.get(field.type) if scalar else None)
    elif field.type == "object":
        for child, inner in (kind.properties or {}).items():
            yield from misfits(expression, inner, field.fields.get(child, _FREE), (*path, child))
    elif kind.values is not None:
        yield from enumerations.misfits(expression, kind.values, field, name)
    elif {field.format, kind.format} <= _APART and kind.format != field.format:
        yield expression.diagnostic("C207", f"`{name}` is a {field.format}, but this gives a {kind.format}")
