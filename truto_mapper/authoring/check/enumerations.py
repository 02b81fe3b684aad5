"""The values that an expression can have, if all are known, against those that the resource allows."""

from collections.abc import Iterator, Sequence
from typing import Any

from truto_mapper.language.expression import Expression
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import Field, value_schema
from truto_mapper.text.diagnostics import Diagnostic


def misfits(expression: Expression, values: Sequence[Any], field: Field, name: str) -> Iterator[Diagnostic]:
    """C207 if a field allows none of some values, C209 if it allows only some of them."""
    allows = Schema(value_schema(field), generated=True).valid
    wrong = [value for value in values if not allows(value)]
    quoted = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in wrong)
    hint = f"the resource allows {', '.join(map(str, field.enum))}" if field.enum else None
    if wrong and len(wrong) == len(values):
        yield expression.diagnostic("C207", f"`{name}` can never be {quoted}", hint=hint)
    elif wrong:
        message = f"`{name}` cannot be {quoted}, which this may give"
        yield expression.diagnostic("C209", message, severity="warning", hint=hint)
