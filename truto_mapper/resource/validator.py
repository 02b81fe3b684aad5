"""jsonschema's validator with our formats, numbers and messages. Imported only when `Schema` first needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from truto_mapper.text.regex import is_pattern, occurs

Schema = dict[str, Any]


def _is_integer(_: Any, value: Any) -> bool:
    # A number with more digits than the double that it counts as has another type than its class, and is not whole.
    whole = isinstance(value, int) or (
        isinstance(value, float) and value.is_integer() and type(value) is value.__class__
    )
    return whole and not isinstance(value, bool)


def _is_number(_: Any, value: Any) -> bool:
    return _is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))


def _rule(holds: Callable[[Any, Any, Any], bool]) -> Callable[[Any, Any, Any, Any], Iterator[ValidationError]]:
    """A keyword whose error has no message, because jsonschema's would contain the whole instance."""

    def check(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
        if not holds(validator, wanted, instance):
            yield ValidationError("")

    return check


def _has_type(validator: Any, wanted: str | list[str], value: Any) -> bool:
    return any(validator.is_type(value, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted))


def _required(_: Any, names: Sequence[str], instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        yield from (ValidationError(name) for name in names if name not in instance)


def _additional(validator: Any, rule: Any, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    """`additionalProperties`, with one error for each property, at its own path."""
    if not isinstance(instance, dict):
        return
    declared, patterns = schema.get("properties", {}), schema.get("patternProperties", ())
    for name, value in instance.items():
        if name not in declared and not any(occurs(pattern, name) for pattern in patterns):
            if rule is False:
                yield ValidationError(name, path=[name])
            else:
                yield from validator.descend(value, rule, path=name)


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[ValidationError]:
    for pattern, rule in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if occurs(pattern, name):
                yield from validator.descend(value, rule, path=name, schema_path=pattern)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # untyped in its stubs
    Draft202012Validator,
    {
        "type": _rule(_has_type),
        "minimum": _rule(lambda validator, limit, value: not validator.is_type(value, "number") or value >= limit),
        "maximum": _rule(lambda validator, limit, value: not validator.is_type(value, "number") or value <= limit),
        "pattern": _rule(lambda _, pattern, value: not isinstance(value, str) or occurs(pattern, value)),
        "patternProperties": _pattern_properties,
        "required": _required,
        "additionalProperties": _additional,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)


def compiled(schema: Schema, formats: Mapping[str, Callable[[str], bool]]) -> Any:
    """The validator of a schema, with these formats."""
    checker = FormatChecker(formats=["date"])
    for name, holds in formats.items():
        checker.checks(name)(partial(_holds, holds))
    return _Validator(schema, format_checker=checker)


def _holds(check: Callable[[str], bool], value: object) -> bool:
    return not isinstance(value, str) or check(value)  # a format applies to strings only


def refusals(schema: Schema) -> Iterator[ValidationError]:
    """The errors of a schema against the metaschema."""
    checker = FormatChecker(formats=[])
    checker.checks("regex")(partial(_holds, is_pattern))
    return Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=checker).iter_errors(schema)
