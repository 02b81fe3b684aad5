"""Calls that are valid, but were probably meant otherwise; found without any types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from truto_mapper.authoring.check.pictures import mistaken, pictures_of
from truto_mapper.language import nodes

#: A code, the node, what is wrong with it, and what to write.
Slip: TypeAlias = tuple[str, nodes.Node, str, str]


def mistaken_call(call: nodes.Call) -> Iterator[Slip]:
    """The slips of a call."""
    name = getattr(call.procedure, "name", "")
    given = call.arguments[1] if name in _CALLBACKS and len(call.arguments) > 1 else None
    if isinstance(given, nodes.Lambda):
        yield from (*_exchanged_parameters(name, given), *_ignored_items(name, given))
        yield from _binding_test(given) if name in _TESTING else ()
    yield from (*_patterns_as_texts(name, call), *_no_match(call), *_escaped_parts(name, call))
    found = ((one, mistaken(one.value)) for one in pictures_of(call))
    yield from (("C219", one, *wrong) for one, wrong in found if wrong)


_VALUES = frozenset({"value", "val", "v", "item", "element", "row"})
_KEYS, _NUMBERS = frozenset({"name", "key", "k", "field"}), frozenset({"index", "idx", "i"})
#: Names of what is only a place among others.
_PLACES = _NUMBERS | {"at", "pos", "position"}
_SUMS = frozenset({"acc", "accumulator", "prev", "previous", "total", "sum"})
#: What a callback gets first and second, and what these are called where they are exchanged.
_CALLBACKS = {"each": ("the value", _KEYS, _VALUES), "sift": ("the value", _KEYS, _VALUES)}
_CALLBACKS |= dict.fromkeys(("map", "filter", "single"), ("the item", _NUMBERS, _VALUES))
_CALLBACKS |= {"reduce": ("what was made so far", _VALUES, _SUMS)}


def _exchanged_parameters(name: str, given: nodes.Lambda) -> Iterator[Slip]:
    """C219: `$each(o, function($name, $value) { … })`, which is given the value first."""
    what, *wrong = _CALLBACKS[name]
    called = [one.name for one in given.parameters[:2]]
    lowered = [one.lower() for one in called]
    is_two = len(called) == 2
    is_place = is_two and what == "the item" and lowered[0] in _PLACES and lowered[1] not in _PLACES | {"n", "a"}
    if is_place or (is_two and all(one in some for one, some in zip(lowered, wrong, strict=True))):
        message = f"${name} gives {what} first, and this calls it `${called[0]}`"
        yield "C219", given, message, f"write `function(${called[1]}, ${called[0]})`"


def _ignored_items(name: str, given: nodes.Lambda) -> Iterator[Slip]:
    """C219: `$filter(rows, function($row) { $ != null })`, which is the same for each item."""
    names = [one.name for one in given.parameters]
    read = [one for one in nodes.walk(given.body) if isinstance(one, nodes.Variable | nodes.Name)]
    if names and read and not any(getattr(one, "name", getattr(one, "value", "")) in names for one in read):
        message = f"this is the same for each item of ${name}: nothing in it reads `${names[0]}`"
        context = next((one for one in read if isinstance(one, nodes.Variable) and not one.name), None)
        hint = f"`$` is what is around the call: write `${names[0]}`" if context else f"write `${names[0]}.…`"
        yield "C219", context or given.body, message, hint


def _patterns_as_texts(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$replace(phone, "[^0-9]", "")`, which looks for these characters as they are."""
    match call.arguments:
        case (_, nodes.String(value=value) as text, *_) if name in _SEARCHING:
            quoted = _QUOTED.fullmatch(value)
            if quoted or _LIKE_A_PATTERN.search(value):
                pattern = value if quoted else f"/{value.replace('/', chr(92) + '/')}/"
                yield "C219", text, f"${name} looks for this text as it is", f"write `{pattern}`"


_SEARCHING = frozenset({"replace", "contains", "split"})
#: A class of characters, a repeated one, alternatives in brackets, or a beginning.
_LIKE_A_PATTERN = re.compile(r"\\[dswbDSWB]|\[\^?[^\]]*\w-\w[^\]]*\]|\[\^[^\]]+\]|\.[*+]|\(\w+\|[\w|]+\)|^\^.*\w\$$")
#: A pattern between slashes, with flags.
_QUOTED = re.compile(r"/.+/[im]+")


def _escaped_parts(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$encodeUrlComponent($id & "/notes")`, which escapes the slash."""
    for one in nodes.walk(call.arguments[0]) if name == "encodeUrlComponent" and call.arguments else ():
        if isinstance(one, nodes.String) and _PART.search(one.value):
            message = f"${name} escapes this, so that it is no part of the address"
            yield "C219", one, message, f"write it behind the call: `${name}(…) & …`"


#: A segment of a path behind another, or the name of a parameter.
_PART = re.compile(r"^/\w|\w/$|[?&]\w+=")


def _binding_test(given: nodes.Lambda) -> Iterator[Slip]:
    """C219: `$sift(o, function($v) { $v := 1 })`, which is no test."""
    match given.body:
        case nodes.Bind(variable=variable) if any(one.name == variable.name for one in given.parameters):
            yield "C219", variable, "`:=` binds, and a test compares", f"write `${variable.name} = …`"


def _no_match(call: nodes.Call) -> Iterator[Slip]:
    """C230: `$not(code ~> /^[A-Z]+$/)`, which is never true: a text that does not match gives nothing."""
    match call:
        case nodes.Call(
            procedure=nodes.Variable(name="not"),
            arguments=(nodes.Apply(right=nodes.Regex()) | nodes.Call(procedure=nodes.Regex()),),
        ):
            message = "this is never true: a text that does not match gives nothing, and `$not` of nothing is nothing"
            yield "C230", call, message, "write `$not($contains(…, /…/))`"


_TESTING = frozenset({"filter", "sift", "single"})
