"""Arguments of functions: fitted to signatures, and refused with what was given and what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, Final, NoReturn

from truto_mapper.language.runtime.signatures import Parameter, Signature, parse_signature
from truto_mapper.language.runtime.values import MISSING, Function, Missing, fail, instead, is_number, quoted
from truto_mapper.text.diagnostics import either
from truto_mapper.text.record import NamedTuple

_LETTERS: Final[Mapping[type, str]] = MappingProxyType(
    {Missing: "m", bool: "b", str: "s", int: "n", float: "n", type(None): "l", list: "a", dict: "o"}
)
_NAMES: Final = {"a": "array", "b": "boolean", "f": "function", "n": "number", "o": "object", "s": "string"}


class _Misfit(NamedTuple):
    """The index of an argument that does not fit, and that of the parameter that it should be for."""

    argument: int
    parameter: int


def _letter(kind: type) -> str:
    return _LETTERS.get(kind) or next((_LETTERS[base] for base in kind.__mro__ if base in _LETTERS), "f")


def type_name(value: Any) -> str:
    """$type: the name of a value's type, as `array`; as in the reference, NaN is an `object`."""
    if isinstance(value, float) and not is_number(value):
        return "object"
    return _NAMES.get(_letter(type(value)), "null")


@lru_cache(maxsize=4096)
def matching(text: str | None, kinds: tuple[type, ...]) -> Any:
    """How arguments of these types fit a signature.

    None if they fit as they are. A tuple of (index, types) if they fit as they are once the items of the array at each
    index are of these types. A list of each parameter with the letters of its arguments if they fit otherwise. If one
    does not fit, a `_Misfit`.
    """
    signature = parse_signature(text or "")
    letters = "".join(map(_letter, kinds))
    found = signature.regex.fullmatch(letters)
    if found is None:
        return _misfit(signature, letters)
    each = list(zip(signature.parameters, found.groups(), strict=True))
    if len(each) != len(kinds) or not all(len(part) == 1 and (p.type != "a" or part in "am") for p, part in each):
        return each
    typed = [(i, p.subtype[:1]) for i, (p, part) in enumerate(each) if p.type == "a" and part == "a" and p.subtype]
    return tuple((i, frozenset(k for k, letter in _LETTERS.items() if letter == kind)) for i, kind in typed) or None


def _misfit(signature: Signature, supplied: str) -> _Misfit:
    good, pattern, taken = 0, "", -1
    for number, param in enumerate(signature.parameters):
        pattern += param.regex
        found = re.match(pattern, supplied)
        if found is None:
            break
        taken = number if found.end() > good else taken
        good = found.end()
    return _Misfit(good, taken + 1)


def fitted(function: Function, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    """The arguments fitted to the signature: the context for one left out, an array for a single value."""
    each = matching(function.signature, tuple(map(type, arguments)))
    return arguments if each is None else fitted_by(each, function, arguments, context)


def fitted_by(each: Any, function: Function, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    """As `fitted`, for the result of `matching`."""
    name = function.name
    if each.__class__ is _Misfit:
        _refuse_misfit(function, arguments, each)
    if each.__class__ is tuple:
        for place, kinds in each:
            if not kinds.issuperset(map(type, arguments[place])):
                break
        else:
            return arguments
        parameters = parse_signature(function.signature or "").parameters
        each = [(p, _letter(type(a))) for p, a in zip(parameters, arguments, strict=True)]
    result: list[Any] = []
    rest = chain(enumerate(arguments, 1), repeat((len(arguments) + 1, MISSING)))
    taken = 0
    for param, letters in each:
        if param.context and not letters:
            result.append(_context(name, param, context, taken + 1, arguments[taken : taken + 2]))
            continue
        for letter in letters or "m":  # an omitted parameter consumes an argument, too, as in the reference
            taken, value = next(rest)
            wanted = param.type == "a" and letter != "m"
            result.append(_as_array(name, param, letters, value, taken) if wanted else value)
    return tuple(result)


def _context(name: str, param: Parameter, context: Any, index: int, given: tuple[Any, ...]) -> Any:
    """The context for a parameter that none of the arguments is for; `given` are the next two of them."""
    if not re.match(param.context, _letter(type(context))):
        _refuse_context(name, param, context, index, given)
    return context


def _refuse_context(name: str, param: Parameter, context: Any, index: int, given: tuple[Any, ...]) -> NoReturn:
    wanted = expected(param)
    if given and not re.fullmatch(param.regex, _letter(type(given[0]))):
        refuse("T0411", name, index, wanted, given[0], hint=f"it can be left out where the context is {wanted}")
    left_out = f"argument {index} of {called(name)} is left out"
    as_given = f"with {quoted(given[0])} as argument {index}, argument {index + 1} cannot be" if given[1:] else None
    hint = f"{as_given} {quoted(given[1])}" if as_given else instead(context)
    fail("T0411", f"{left_out}, and the context must be {wanted}, not {quoted(context)}", hint)


def _as_array(name: str, param: Parameter, letters: str, value: Any, index: int) -> Any:
    found = value if isinstance(value, list) else [value]
    if param.subtype is None:
        return found
    kind = param.subtype[:1]
    if found is not value and letters != param.subtype:
        refuse("T0412", name, index, f"{expected(param)} or {_with_article(kind)}", value)
    for place, item in enumerate(found if found is value else ()):
        if _letter(type(item)) != kind:
            refuse("T0412", name, index, expected(param), item, f"but its item {place} is")
    return found


def _refuse_misfit(function: Function, arguments: tuple[Any, ...], misfit: _Misfit) -> NoReturn:
    parameters, place = parse_signature(function.signature or "").parameters, misfit.argument
    if misfit.parameter >= len(parameters):
        most = f"{place} argument{'s' if place != 1 else ''}" if place else "no arguments"
        given = quoted(arguments[place])
        message = f"{called(function.name)} takes {most} here, but argument {place + 1} is {given}"
        fail("T0410", message, like_theirs(function.name, place + 1))
    first, wanted, hint = parameters[0], expected(parameters[misfit.parameter]), None
    if first.context and place and not re.fullmatch(first.regex, _letter(type(arguments[0]))):
        hint = f"{quoted(arguments[0])} is taken for argument 2, because argument 1 must be {expected(first)}"
    value = arguments[place] if place < len(arguments) else MISSING
    refuse("T0410", function.name, place + 1, wanted, value, hint=hint)


def expected(param: Parameter) -> str:
    """What a parameter takes, in words."""
    if param.type == "a" and param.subtype:
        return f"an array of {_NAMES[param.subtype]}s" if param.subtype in _NAMES else "an array of other items"
    return either(map(_with_article, param.type.strip("()")))


def _with_article(letter: str) -> str:
    name = _NAMES.get(letter)
    if name is None:
        return {"l": "null", "j": "a value other than a function"}.get(letter, "a value")
    return f"{'an' if name[0] in 'ao' else 'a'} {name}"


def called(name: str) -> str:
    """A function as a message names it; the name of one of a date or a span begins with a dot."""
    if name.startswith("."):
        return f"`{name}()`"
    return f"${name}" if name.isidentifier() and name not in ("lambda", "transform") else "the function"


def like_theirs(name: str, index: int) -> str | None:
    """A hint if Truto's function of that name takes more for an argument; here that one has a name of its own."""
    return _THEIRS.get((name, index))


_THEIRS: Final = {
    ("join", 1): "$trutoJoin joins any values, and null is an empty text to it",
    ("join", 2): "$trutoJoin takes any value as its separator",
    ("base64encode", 2): "with `true` as argument 2, $trutoBase64encode writes the form for URLs",
    ("base64decode", 2): "with `true` as argument 2, $trutoBase64decode reads the form for URLs",
}


def refuse(
    code: str, name: str, index: int, wanted: str, value: Any, but: str = "", hint: str | None = None
) -> NoReturn:
    """Fail because argument `index` of a function, counted from 1, is not what it must be.

    `but` are words before the value, as "but it returned".
    """
    but = but or ("but it is missing" if value is MISSING else "not")
    given = but if but.endswith("missing") else f"{but} {quoted(value)}"
    hint = hint or like_theirs(name, index) or (instead(value) if but == "not" else None)
    fail(code, f"argument {index} of {called(name)} must be {wanted}, {given}", hint)
