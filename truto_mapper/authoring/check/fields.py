"""Whether the type of an expression can be the type of the unified field that it is for."""

from collections.abc import Iterator

from truto_mapper.authoring.check import fitting
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language.expression import Expression
from truto_mapper.language.types import Type
from truto_mapper.resource.spec import Field, value_schema
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps, dotted, keys_of


def misfits(expression: Expression, kind: Type, field: Field, path: Steps) -> Iterator[Diagnostic]:
    """C207 where no value of a type can be a value of a field, C209 where some cannot."""
    wanted = fitting.Wanted(RequestSchema(value_schema(field)), dotted(keys_of(path)))
    yield from fitting.misfits(expression, kind, wanted)
