"""Conditions of SQL from a query's filters: $convertQueryToSql."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from truto_mapper.language.library.truto.date_writing import formatted, iso
from truto_mapper.language.library.truto.dates import dt_from_iso
from truto_mapper.language.library.truto.ecmascript import (
    exact_text,
    is_falsy,
    is_nothing,
    ordered,
    refuse_value,
    text_of,
)
from truto_mapper.language.library.truto.nulls import map_values
from truto_mapper.language.library.truto.objects import fields_of
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Run, bounded

_OPERATORS: Final = {
    "eq": "=",
    "ne": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "nin": "not in",
    "like": "like",
}
_NAME: Final = "convertQueryToSql"
_OPTIONS: Final = frozenset(
    ("conjunction", "escapeSingleQuotes", "groupComparisonInBrackets", "noQuotes", "noQuotesForDate")
) | {"noSpaceBetweenOperator", "useDoubleQuotes", "useOrForIn"}


class _Conditions:
    """Writes the conditions of a query."""

    def __init__(self, run: Run, types: dict[str, Any], operators: dict[str, Any], options: dict[str, Any]) -> None:
        self.run, self.types, self.options = run, types, options
        self.operators = {**_OPERATORS, **{key: one for key, one in operators.items() if not is_falsy(one)}}

    def has(self, option: str) -> bool:
        return not is_falsy(self.options.get(option, MISSING))

    def of(self, key: str, name: str, given: Any) -> Iterator[str]:
        """The conditions that a parameter sets."""
        if isinstance(given, list):
            yield self.among(key, name, "in", given)
            return
        if given is None:
            refuse("T0410", _NAME, 1, f"an object without nulls, and `{key}`", given, "but it is", "leave it out")
        each = given if isinstance(given, dict) else {"eq": given}
        for operator, value in ordered(each).items():
            if operator in ("in", "nin"):
                yield self.among(key, name, operator, value)
            elif operator not in self.operators:
                wanted = f"an object of filters with the operators {', '.join(self.operators)}"
                refuse_value(_NAME, 1, wanted, {key: {operator: value}})
            elif not is_nothing(value) and not is_nothing(written := self.value(key, value)):
                yield self.compared(name, operator, exact_text(self.run, written))

    def compared(self, name: str, operator: str, value: str) -> str:
        space = "" if self.has("noSpaceBetweenOperator") else " "
        return f"{name}{space}{exact_text(self.run, self.operators[operator])}{space}{value}"

    def among(self, key: str, name: str, operator: str, given: Any) -> str:
        """A condition on a list of values."""
        if not isinstance(given, list):
            refuse("T0410", _NAME, 1, f"an object of filters, and `{operator}` of `{key}` an array", given, "but it is")
        values = [MISSING if is_nothing(one) else self.value(key, one) for one in self.run.each(given)]
        if self.has("useOrForIn"):
            texts = [exact_text(self.run, one) for one in values if not is_nothing(one)]
            return f"({' OR '.join(self.compared(name, 'eq', one) for one in texts)})"
        return self.compared(name, operator, f"({','.join(text_of(self.run, one) for one in values)})")

    def value(self, key: str, value: Any) -> Any:
        """A value as its type is written. A date that is none is written as null, as there."""
        kind = self.types.get(key, MISSING)
        if kind == "string":
            if self.has("escapeSingleQuotes") and not (self.has("noQuotes") or self.has("useDoubleQuotes")):
                if not isinstance(value, str):
                    refuse("T0410", _NAME, 1, f"an object of filters, and `{key}` a text", value, "but it is")
                value = value.replace("'", "\\'")
            return self.quoted(exact_text(self.run, value))
        if isinstance(kind, dict):
            found = map_values(self.run, value, kind)
            return self.quoted(found) if isinstance(found, str) else found
        if not isinstance(kind, str) or not kind.startswith(("date", "dotnetdate")):
            return value
        moment = dt_from_iso(self.run, value).held.moment  # type: ignore[attr-defined]  # of a date
        if kind == "dotnetdate":
            return f"DateTime({formatted(moment, 'yyyy,MM,dd')})"
        _, _, form = kind.partition("|")
        form = form.partition("|")[0]
        written = formatted(moment, form) if form else iso(moment) or "null"
        return written if self.has("noQuotesForDate") else self.quoted(written)

    def quoted(self, text: str) -> str:
        if self.has("noQuotes"):
            return text
        return f'"{text}"' if self.has("useDoubleQuotes") else f"'{text}'"


def _object(index: int, given: Any) -> dict[str, Any]:
    """An argument that is an object, or is left out."""
    if given is MISSING:
        return {}
    if not isinstance(given, dict):
        refuse("T0410", _NAME, index, "an object", given)
    return given


def convert_query_to_sql(
    run: Run,
    query: Any = MISSING,
    keys: Any = MISSING,
    names: Any = MISSING,
    types: Any = MISSING,
    operators: Any = MISSING,
    options: Any = MISSING,
) -> str:
    """The filters of a query as conditions of SQL. What its type does not quote is written as it is."""
    if not isinstance(query, (dict, list, str)):
        refuse("T0410", _NAME, 1, "an object of filters", query)
    wanted = [] if keys is MISSING else keys
    if not isinstance(wanted, list):
        refuse("T0410", _NAME, 2, "an array of names", keys)
    renamed, given = _object(3, names), _object(6, options)
    if not given.keys() <= _OPTIONS:
        refuse_value(_NAME, 6, f"an object of the options {', '.join(sorted(_OPTIONS))}", options)
    conditions = _Conditions(run, _object(4, types), _object(5, operators), given)
    filters, found = ordered(fields_of(query)), list[str]()
    for key in (exact_text(run, one) for one in wanted) if wanted else filters:
        run.tick()
        if key == "or":
            refuse_value(_NAME, 1, "an object of filters without `or`, which nothing can express", query)
        if (value := filters.get(key, MISSING)) is not MISSING:
            name = renamed.get(key, MISSING)
            found.extend(conditions.of(key, key if is_falsy(name) else exact_text(run, name), value))
    bounded(sum(map(len, found)))
    conjunction = given.get("conjunction", MISSING)
    return _joined(
        found,
        "AND" if is_falsy(conjunction) else exact_text(run, conjunction),
        conditions.has("groupComparisonInBrackets"),
    )


def _joined(conditions: list[str], conjunction: str, grouped: bool) -> str:
    """Conditions joined by a word; each pair is in brackets if they are grouped."""
    between = f" {conjunction} "
    if not grouped or len(conditions) < 2:
        return between.join(conditions)
    first, *rest = conditions
    return "(" * len(rest) + first + "".join(f"{between}{one})" for one in rest)
