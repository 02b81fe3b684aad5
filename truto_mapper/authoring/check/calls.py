"""Calls that are valid, but were probably meant otherwise; found without any types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from truto_mapper.authoring.check.pictures import mistaken, pictures_of
from truto_mapper.language import nodes
from truto_mapper.text.lazy_pattern import lazy_pattern

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
    yield from (*_joined_without_separator(name, call), *_one_sided(name, call), *_of_first_item(name, call))
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
    if name == "each" and isinstance(given.body, nodes.Object):
        names = names[:1]  # an object that is made of the key alone
    read = [one for one in nodes.walk(given.body) if isinstance(one, nodes.Variable | nodes.Name)]
    if names and read and not any(getattr(one, "name", getattr(one, "value", "")) in names for one in read):
        message = f"nothing in this function of ${name} reads `${names[0]}`"
        context = next((one for one in read if isinstance(one, nodes.Variable) and not one.name), None)
        hint = f"`$` is what is around the call: write `${names[0]}`" if context else f"read `${names[0]}`"
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
_LIKE_A_PATTERN = lazy_pattern(r"\\[dswbDSWB]|\[\^?[^\]]*\w-\w[^\]]*\]|\[\^[^\]]+\]|\.[*+]|\(\w+\|[\w|]+\)|^\^.*\w\$$")
#: A pattern between slashes, with flags.
_QUOTED = lazy_pattern(r"/.+/[im]+")


def _escaped_parts(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$encodeUrlComponent($id & "/notes")`, which escapes the slash."""
    for one in nodes.walk(call.arguments[0]) if name == "encodeUrlComponent" and call.arguments else ():
        if isinstance(one, nodes.String) and _PART.search(one.value):
            message = f"${name} escapes this, so that it is no part of the address"
            yield "C219", one, message, f"write it behind the call: `${name}(…) & …`"
        elif isinstance(one, nodes.Call) and getattr(one.procedure, "name", "") == name:
            yield "C219", one, "this is escaped twice", f"write `${name}` once"


#: A segment of a path behind another, or the name of a parameter.
_PART = lazy_pattern(r"^/\w|\w/$|[?&]\w+=")


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


def _joined_without_separator(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$join([first, last])`, whose words run together."""
    match call.arguments:
        case (listed,) if name == "join":
            items = next((one.items for one in nodes.walk(listed) if isinstance(one, nodes.Array)), ())
            if len(items) > 1 and not any(isinstance(one, nodes.CONSTANTS) for one in items):
                message = "$join puts nothing between the items without a second argument"
                yield "C219", call, message, 'write `$join(…, " ")`'


def _one_sided(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$sort(rows, function($row) { $row.at })`: a comparator is given two items."""
    match call.arguments:
        case (_, nodes.Lambda(parameters=(one,), body=body) as given) if name == "sort":
            key = isinstance(body, nodes.Path) and body.steps[0].node == one
            hint = "write `…^(…)` to sort by a key" if key else "write `function($a, $b) { $a.… > $b.… }`"
            yield (
                "C219",
                given,
                "$sort gives two items to its function, which says whether they are to be swapped",
                hint,
            )


_ARITHMETIC = frozenset("+-*/%")


def _of_first_item(name: str, call: nodes.Call) -> Iterator[Slip]:
    """C219: `$reduce(days, function($sum, $day) { $sum + $day.hours })`, whose first sum is the first day."""
    match call.arguments:
        case (_, nodes.Lambda(parameters=(made, *_), body=body), nodes.String() as first) if name == "reduce":
            sums = [one for one in nodes.walk(body) if isinstance(one, nodes.Binary) and one.operator in _ARITHMETIC]
            if any(made in (one.left, one.right) for one in sums):
                yield "C219", first, f"`${made.name}` begins as a text, which cannot be added to", "write `0`"
        case (_, nodes.Lambda(parameters=(made, item, *_), body=body)) if name == "reduce":
            heads = [one.steps[0].node for one in nodes.walk(body) if isinstance(one, nodes.Path) and one.steps[1:]]
            whole = [one for one in nodes.walk(body) if not any(one is head for head in heads)]
            if item in heads and made not in heads and made in whole and item not in whole:
                message = f"`${made.name}` begins as the first item itself, and `${item.name}` as the second"
                yield "C219", call, message, "give what it begins with as a third argument: `, 0)`"
