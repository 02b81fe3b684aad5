"""What the provider's schema says of a field in words: conversions that fail for its own example (C225)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from truto_mapper.authoring.check.described import in_words
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fields import values_of
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.authoring.check.shared import requested
from truto_mapper.authoring.check.slips import written
from truto_mapper.engine.request_schema import JSON
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.nodes import Node
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import every, leaves
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, MapperError
from truto_mapper.text.pointers import dotted, keys_of

#: A value of each format, whose day is no month; a date whose day and month have one digit; a time zone.
_SUCH = {"date": "2026-12-31", "date-time": "2026-12-31T23:30:00Z"}
_EARLY, _ZONE = "2026-02-05", "Europe/Berlin"
#: Functions that give nothing, or fail, for a text that they cannot read.
_CONVERSIONS = frozenset({"ceilDate", "dtFromFormat", "dtFromIso", "floorDate", "number", "toMillis"})
#: An example in a description, and a date that a description shows by its letters.
_SUCH_AS = re.compile(r"(?:such as|e\.g\.|for example|like|example:)[ :,]*[\"'`“]?(\d[^\s\"'`”;()]*)", re.IGNORECASE)
_LETTERS = re.compile(r"\b(?:YYYY|YY|MM|DD)(?:[-/. ]?(?:YYYY|YY|MM|DD))+\b", re.IGNORECASE)
_TIME = re.compile(r"[ T,'\"]{0,3}hh", re.IGNORECASE)


def failing_examples(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C225: `$number(price)` where the schema says of `price`: such as 1,234.50."""
    for _, one in every(typed.endpoint):
        if any(f"${name}(" in one.text for name in _CONVERSIONS):
            yield from _failing(typed, one)
            yield from _of_empty_cells(typed, one) if typed.endpoint.decode is not None else ()


def other_forms(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C205 and C207: values in another form than the field has, by what the provider's schema says of them."""
    for path, field, one in leaves(typed.endpoint.response, typed.mapper.resource.record):
        for node, wanted in values_of(one.node, field, dotted(keys_of(path))) if field is not None else ():
            paths = [each for each in _read(node) if typed.kind(each).format != "time-zone"]
            if paths and all(each == paths[0] for each in paths):
                forms = typed.described.of(typed.kind(paths[0]).path)
                told = list(_other_form(typed, one, node, wanted, forms)) if is_simple_path(node) else []
                is_told = told or typed.kind(node).format not in (None, _date_format(wanted.schema.certain))
                yield from told if is_told else _wrong_result(one, node, list(_read(node)), paths[0], wanted, forms)


def sent_dates(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C241: a date that is sent in another form than the request's schema shows."""
    for path, _, one in leaves(typed.endpoint.body):
        place = requested(typed.endpoint, path)
        forms = [] if place is None else place.certain
        dates, read = _shown_dates(in_words(forms), alone=True), list(_read(one.node))
        if dates and read and all(each == read[0] and typed.kind(each).format == "date" for each in read):
            sent = _made_of(one, one.node, [(each, _EARLY) for each in read])
            wanted = _date(str(form_of_dates(forms)), _EARLY)
            if isinstance(sent, str) and sent != wanted:
                message = f"this sends {excerpt(sent)} where the request's schema shows {excerpt(wanted)}"
                yield one.diagnostic("C241", message, severity="warning")


def _read(node: Node) -> Iterator[Node]:
    """The variables, the paths of names and whatever else gives a node something that is not written in it."""
    below = () if is_simple_path(node) else node.arguments if isinstance(node, nodes.Call) else nodes.children(node)
    for one in below:
        yield from _read(one)
    if not below and not isinstance(node, (*nodes.LITERALS, nodes.Regex)):
        yield node


def _other_form(
    typed: EndpointTypes, one: Expression, node: Node, wanted: Wanted, forms: list[JSON]
) -> Iterator[Diagnostic]:
    """What is wrong with a value that stays as it is."""
    name, ours = wanted.name, wanted.schema.certain
    text, said = written(one, node), in_words(forms)
    shown, theirs, case = form_of_dates(forms), letter_case(forms), letter_case(ours)
    date = _date_format(ours)
    if date and shown is not None and not shown.startswith("YYYY-MM-DD"):
        picture = re.sub("[YMD]+", lambda letters: _COMPONENTS.get(letters[0], letters[0]), shown)
        message = f"`{name}` is a {date}, but the provider's schema shows {shown}"
        hint = f'write `$fromMillis($toMillis({text}, "{picture}"), …)`'
        yield one.diagnostic("C207", message, node, severity="warning", hint=hint)
    if theirs and case and theirs != case:
        message = f"`{name}` is in {case} case, and the provider's in {theirs} case"
        yield one.diagnostic("C207", message, node, severity="warning", hint=f"write `${case}case({text})`")
    is_array = any(form.get("type") == "array" for form in ours)
    if is_array and typed.kind(node).solid == {"string"} and _SEPARATED.search(said):
        message = f"`{name}` is an array, and by the provider's schema this text has several in it"
        yield one.diagnostic("C205", message, node, severity="warning", hint="write `$split(…)`")


def _date_format(forms: list[JSON]) -> str | None:
    """`date` or `date-time`, if a schema has such a format."""
    return next((form["format"] for form in forms if form.get("format") in _DATES), None)


_DATES = ("date", "date-time")
#: The letters of descriptions as pictures have them.
_COMPONENTS = {"YYYY": "[Y0001]", "MM": "[M01]", "DD": "[D01]"}


def _wrong_result(
    one: Expression, node: Node, read: list[Node], path: Node, wanted: Wanted, forms: list[JSON]
) -> Iterator[Diagnostic]:
    """C207: a part of an expression that makes no date of the example of all that it reads: of a path, and zones."""
    ours, theirs = _date_format(wanted.schema.certain), _date_format(forms)
    examples = _examples(forms) or ([_SUCH[theirs]] if theirs else [])
    if ours is None or not examples:
        return
    made = _made_of(one, node, [(each, examples[0] if each == path else _ZONE) for each in read])
    if isinstance(made, str) and not Schema({"type": "string", "format": ours}, generated=True).valid(made):
        whose = "the provider's example" if examples[0] not in _SUCH.values() else f"a {theirs} of the provider's"
        message = f"`{wanted.name}` is a {ours}, but this makes {excerpt(made)} of {whose}"
        yield one.diagnostic("C207", message, node, severity="warning")


def _made_of(expression: Expression, node: Node, read: Iterable[tuple[Node, str]]) -> Any:
    """What a part of an expression makes of texts in place of what it reads; MISSING if it fails."""
    try:
        return _tried(expression, node, read)
    except MapperError:
        return MISSING


def _tried(expression: Expression, node: Node, read: Iterable[tuple[Node, str]]) -> Any:
    text, tried, at = expression.text, "", node.span.start
    for path, example in read:
        tried += text[at : path.span.start] + json.dumps(example)
        at = path.span.end
    return Expression(tried + text[at : node.span.end]).evaluate({})


def letter_case(forms: Iterable[JSON]) -> str | None:
    """`lower` or `upper`, where a description says so of letters."""
    found = (_CASE.search(str(form.get("description", ""))) for form in forms)
    return next((one[1].lower() for one in found if one is not None), None)


_SEPARATED = re.compile(r"\b(?:comma|semicolon|separated)", re.IGNORECASE)
_CASE = re.compile(r"\b(lower|upper)[- ]?case\b", re.IGNORECASE)


def _of_empty_cells(typed: EndpointTypes, expression: Expression) -> Iterator[Diagnostic]:
    """C225: `$exists(price) ? $number(price)` of a column of CSV: a cell without a value is an empty text."""
    tests = [one.condition for one in expression.below if isinstance(one, nodes.Condition)]
    read = {typed.kind(node).path: node for test in tests for node in nodes.walk(test) if is_simple_path(node)}
    rows = [name for name, _ in typed.endpoint.for_each]
    for path, node in read.items() if read and not _fails(expression, {}, rows) else ():
        if path is not None and len(path) == 1 and _fails(expression, {path[0]: ""}, rows):
            text = written(expression, node)
            message = f"this fails where `{text}` is empty, as cells of CSV may be"
            yield expression.diagnostic("C225", message, node, severity="warning", hint=f"write `{text} ? …`")


def _fails(expression: Expression, row: JSON, names: Iterable[str]) -> bool:
    """Whether an expression fails for a row."""
    try:
        expression.evaluate(row, dict.fromkeys(names, row))
    except EvaluationError:
        return True
    return False


def _failing(typed: EndpointTypes, expression: Expression) -> Iterator[Diagnostic]:
    for node in expression.below:
        match node:
            case nodes.Call(procedure=nodes.Variable(name=name), arguments=(first, *_)) if name in _CONVERSIONS:
                path = _only_path(node, first)
                forms = [] if path is None else typed.described.of(typed.kind(path).path)
                has_picture = name in ("toMillis", "dtFromFormat") and len(node.arguments) > 1
                such = _SUCH.get(typed.kind(path).format or "") if path is not None and has_picture else None
                examples, said = _examples(forms) or ([such] if such else []), in_words(forms)
                if path is None or not examples:
                    continue
                dates = _shown_dates(said, alone=True)
                failing = [
                    one for one in dates or examples if _made_of(expression, node, [(path, one)]) in (MISSING, None)
                ]
                text = written(expression, path)
                if failing and (dates or len(failing) == len(examples)):
                    shown = f"which the provider's schema shows for `{text}`" if forms else f"a form that `{text}` has"
                    message = f"${name} cannot read {excerpt(failing[0])}, {shown}"
                    yield expression.diagnostic("C225", message, node, severity="warning")
                elif _EMPTY.search(said) and _fails_for_empty(expression, node, path):
                    message = f"${name} fails where `{text}` is empty, as the provider's schema says it may be"
                    yield expression.diagnostic("C225", message, node, severity="warning", hint=f"write `{text} ? …`")
                elif name == "number":
                    yield from _misread_number(expression, node, path, examples[0])


def _fails_for_empty(expression: Expression, call: Node, path: Node) -> bool:
    """Whether a call fails for an empty text at a path, in the conditions around it that read nothing else."""
    around = [one for one in expression.below if isinstance(one, nodes.Condition)]
    around = [one for one in around if any(each is call for each in nodes.walk(one))]
    for node in (*around, call):
        read = list(_read(node))
        if all(each == path for each in read):
            try:
                _tried(expression, node, [(each, "") for each in read])
            except EvaluationError:
                return True
            return False
    return False


#: That a text may be empty, in words.
_EMPTY = re.compile(r"\bempty (?:for|if|when|where|text)\b", re.IGNORECASE)


def _misread_number(expression: Expression, call: Node, path: Node, example: str) -> Iterator[Diagnostic]:
    """C225: `$number($replace(price, ",", ""))` where the schema says of `price`: such as 1.234,50."""
    form = _GROUPED.fullmatch(example)
    if form is None:
        return
    mark, point = form["mark"] or "", form["point"] or ","
    longer = f"1{mark}{form['first']:0>3}{example[len(form['first']) :]}" if mark else example
    for one in (example, longer):
        whole, _, part = one.partition(point)
        meant = float(f"{whole.replace(mark, '') if mark else whole}.{part}")
        made = _made_of(expression, call, [(path, one)])
        if made not in (meant, round(meant * 100)):
            result = "fails for" if made in (MISSING, None) else f"makes {excerpt(made)} of"
            text = written(expression, path)
            message = f"$number {result} {excerpt(one)}; by the provider's schema, `{text}` has such numbers"
            yield expression.diagnostic("C225", message, call, severity="warning")
            return


#: A number with a mark between thousands and another before its fraction, or with a comma before it.
_GROUPED = re.compile(r"(?P<first>\d{1,3})(?:(?P<mark>[,.' ])\d{3})+(?P<point>(?!(?P=mark))[.,])\d+|\d+,\d{1,2}")


def _only_path(call: nodes.Call, first: Node) -> Node | None:
    """The only path that a call reads, in its first argument."""
    paths: list[Node] = []
    ahead = [*call.arguments]
    while ahead:
        node = ahead.pop()
        if is_simple_path(node) or isinstance(node, nodes.Name):
            paths.append(node)
        elif isinstance(node, nodes.Call):
            ahead += node.arguments
        elif not isinstance(node, (*nodes.CONSTANTS, nodes.Regex)):
            return None
    inside = paths and first.span.start <= paths[0].span.start < first.span.end
    return paths[0] if len(paths) == 1 and inside else None


def _examples(forms: list[JSON]) -> list[str]:
    """The texts that a schema shows of a value."""
    said = in_words(forms)
    given = [one for form in forms for one in (*_listed(form.get("examples")), form.get("example"))]
    shown = [found[1].rstrip(".,:") for found in _SUCH_AS.finditer(said)]
    return [one for one in (*given, *shown, *_shown_dates(said)) if isinstance(one, str) and one]


def _shown_dates(said: str, *, alone: bool = False) -> list[str]:
    """The last day of a year in each form that a description shows; `alone` without those that have a time behind."""
    found = [one for one in _LETTERS.finditer(said) if not (alone and _TIME.match(said, one.end()))]
    return [_date(one[0]) for one in found]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def form_of_dates(forms: Iterable[JSON]) -> str | None:
    """The form of dates that the descriptions of a schema show: `DD.MM.YYYY`; None without one."""
    found = (_LETTERS.search(str(form.get("description", ""))) for form in forms)
    return next((one[0].upper() for one in found if one is not None), None)


def _date(letters: str, date: str = _SUCH["date"]) -> str:
    """A date in a form that letters show: the last day of a year."""
    year, month, day = date.split("-")
    parts = {"YYYY": year, "YY": year[2:], "MM": month, "DD": day}
    return re.sub("YYYY|YY|MM|DD", lambda one: parts[one[0].upper()], letters, flags=re.IGNORECASE)
