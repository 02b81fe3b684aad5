"""Rows as comma-separated values: $jsonToCsv."""

from __future__ import annotations

from typing import Any, Final

from truto_mapper.language.library.truto.ecmascript import at, is_falsy, is_nothing, option, ordered, refuse_value
from truto_mapper.language.library.truto.lists import cast
from truto_mapper.language.library.truto.objects import fields_of
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.coercion import scalar_text
from truto_mapper.language.runtime.values import MISSING, Native, Run, Walk, bounded
from truto_mapper.language.runtime.writing import to_json

#: `quote` is accepted, and changes nothing, as there.
_OPTIONS: Final = frozenset(
    ("defaultValue", "delimiter", "eol", "fields", "header", "includeEmptyRows", "quote", "withBOM")
)


def json_to_csv(run: Run, rows: Any = MISSING, options: Any = MISSING) -> str:
    """Objects as lines of CSV below a line of their fields' names."""
    given = {} if options is MISSING or is_falsy(options) else options
    if not isinstance(given, dict) or not given.keys() <= _OPTIONS:
        refuse_value("jsonToCsv", 2, f"an object of the options {', '.join(sorted(_OPTIONS))}", options)
    found = [one for one in cast(rows) if not is_falsy(one)]
    for one in run.each(found):
        if not isinstance(one, (dict, list)) or isinstance(one, Native):
            refuse("T0410", "jsonToCsv", 1, "an array of objects", one, "but one of its items is")
    if not found:
        return ""
    columns = _columns(run, found, given)
    comma, end = option(given, "delimiter", ",") or ",", option(given, "eol", "\n") or "\n"
    lines = [comma.join(_quoted(label) for label, _, _ in columns)] if given.get("header", True) is not False else []
    lines = [one for one in lines if one]
    size = 0
    for row in run.each(found):
        cells = [_cell(run, row, path, default) for _, path, default in columns]
        line = comma.join(cells)
        if line and (any(cells) or not is_falsy(given.get("includeEmptyRows", MISSING))):
            lines.append(line)
            size += len(line)
            bounded(size)
    return ("" if is_falsy(given.get("withBOM", MISSING)) else "\ufeff") + end.join(lines)


def _columns(run: Run, rows: list[Any], options: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The label, the path and the default of each column: those that are asked for, or all fields of the rows."""
    default = options.get("defaultValue", MISSING)
    fields = options.get("fields", MISSING)
    if not isinstance(fields, list):
        names = dict.fromkeys(name for row in run.each(rows) for name in ordered(fields_of(row)))
        return [(name, name, default) for name in names]
    return [_column(one, default) for one in fields]


def _column(field: Any, default: Any) -> tuple[str, str, Any]:
    if isinstance(field, str):
        return field, field, default
    path = field.get("value") if isinstance(field, dict) else None
    if not isinstance(path, str):
        wanted = 'an object with fields such as "a.b" or {"label": "A", "value": "a.b"}'
        refuse_value("jsonToCsv", 2, wanted, field)
    label = field.get("label")
    return label if isinstance(label, str) and label else path, path, field.get("default", default)


def _cell(run: Run, row: Any, path: str, default: Any) -> str:
    value = at(run, row, path)
    value = default if value is MISSING else value
    if isinstance(value, Native):
        value = value.held.written()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (dict, list)):
        return _quoted(to_json(value, 0, 0, Walk(run)))
    return "" if is_nothing(value) else scalar_text(value)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
