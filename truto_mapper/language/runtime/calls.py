"""Calls: fitting arguments to signatures, tail calls, partial application, transforms, and callers' functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, Final, NoReturn

from truto_mapper.language.runtime.signatures import Parameter, Signature, parse_signature
from truto_mapper.language.runtime.values import (
    MAX_WRITTEN,
    MISSING,
    Closure,
    Function,
    Missing,
    Run,
    Sequence,
    Tail,
    Walk,
    as_number,
    collapsed,
    fail,
    items,
    listed,
    plain,
    settled,
    shown,
)
from truto_mapper.language.runtime.walks import copy, received
from truto_mapper.text.errors import EvaluationError, MapperError

#: A `?` among the arguments of a partial application.
HOLE: Final = object()
_LETTERS: Final[Mapping[type, str]] = MappingProxyType(
    {Missing: "m", bool: "b", str: "s", int: "n", float: "n", type(None): "l", list: "a", dict: "o"}
)
_NAMES: Final = {"a": "array", "b": "boolean", "f": "function", "n": "number", "o": "object", "s": "string"}


def _letter(kind: type) -> str:
    return _LETTERS.get(kind) or next((_LETTERS[base] for base in kind.__mro__ if base in _LETTERS), "f")


def type_name(value: Any) -> str:
    """$type: the name of a value's type, as `array`."""
    return _NAMES.get(_letter(type(value)), "null")


@lru_cache(maxsize=4096)
def _matching(text: str | None, name: str, kinds: tuple[type, ...]) -> Any:
    """How arguments of these types fit a signature. Raises T0410.

    None if they fit as they are. A tuple of (index, types) if they fit as they are once the items of the array at each
    index are of these types. Otherwise a list of each parameter with the letters of its arguments.
    """
    signature = parse_signature(text or "")
    letters = "".join(map(_letter, kinds))
    found = signature.regex.fullmatch(letters)
    if found is None:
        _refuse_arguments(signature, name, letters)
    each = list(zip(signature.parameters, found.groups(), strict=True))
    if len(each) != len(kinds) or not all(len(part) == 1 and (p.type != "a" or part in "am") for p, part in each):
        return each
    typed = [(i, p.subtype[:1]) for i, (p, part) in enumerate(each) if p.type == "a" and part == "a" and p.subtype]
    return tuple((i, frozenset(k for k, letter in _LETTERS.items() if letter == kind)) for i, kind in typed) or None


def fitted(function: Function, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    """The arguments fitted to the signature: the context for one left out, an array for a single value."""
    each = _matching(function.signature, function.name, tuple(map(type, arguments)))
    return arguments if each is None else _fitted(function, each, arguments, context)


def _fitted(function: Function, each: Any, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    name = function.name
    if each.__class__ is tuple:
        if all(kinds.issuperset(map(type, arguments[place])) for place, kinds in each):
            return arguments
        parameters = parse_signature(function.signature or "").parameters
        each = [(p, _letter(type(a))) for p, a in zip(parameters, arguments, strict=True)]
    result: list[Any] = []
    rest = chain(enumerate(arguments, 1), repeat((len(arguments) + 1, MISSING)))
    taken = 0
    for param, letters in each:
        if param.context and not letters:
            result.append(_context(name, param, context, taken + 1))
            continue
        for letter in letters or "m":  # an omitted parameter consumes an argument, too, as in the reference
            taken, value = next(rest)
            wanted = param.type == "a" and letter != "m"
            result.append(_as_array(name, param, letters, value, taken) if wanted else value)
    return tuple(result)


def _context(name: str, param: Parameter, context: Any, index: int) -> Any:
    if not re.fullmatch(param.regex, _letter(type(context))):
        fail("T0411", f"Context value is not a compatible type with argument {index} of function {name}")
    return context


def _as_array(name: str, param: Parameter, letters: str, value: Any, index: int) -> Any:
    found = value if isinstance(value, list) else [value]
    if param.subtype is None:
        return found
    wanted = param.subtype[:1]
    fits = {_letter(kind) for kind in set(map(type, found))} <= {wanted} if found is value else letters == param.subtype
    if not fits:
        kind = f"{_NAMES[wanted]}s" if wanted in _NAMES else param.subtype
        fail("T0412", f"Argument {index} of function {name} must be an array of {kind}")
    return found


def _refuse_arguments(signature: Signature, name: str, supplied: str) -> NoReturn:
    good, pattern = 0, ""
    for param in signature.parameters:
        pattern += param.regex
        found = re.match(pattern, supplied)
        if found is None:
            break
        good = found.end()
    fail("T0410", f"Argument {good + 1} of function {name} does not match function signature")


def call(run: Run, context: Any, function: Any, *arguments: Any) -> Any:
    """The value of `function(arguments)`; the context replaces an argument that is left out."""
    return settled(applied_to(run, context, function, arguments))


def applied(run: Run, context: Any, function: Any, *arguments: Any) -> Any:
    """As `call`, but not collapsed."""
    return applied_to(run, context, function, arguments)


def apply(run: Run, function: Any, *arguments: Any) -> Any:
    """The result of a function that was passed to another function; its context is null."""
    return applied_to(run, None, function, arguments)


def _performed(body: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """`body(*arguments)`, written out for a few arguments because that does not use the C stack."""
    match len(arguments):
        case 1:
            return body(arguments[0])
        case 2:
            return body(arguments[0], arguments[1])
        case 3:
            return body(arguments[0], arguments[1], arguments[2])
        case _:
            return body(*arguments)


def applied_to(run: Run, context: Any, function: Any, arguments: tuple[Any, ...]) -> Any:
    """As `applied`, with the arguments in a tuple."""
    run.enter()
    while function.__class__ is Closure:
        if function.signature is not None:
            arguments = fitted(function, arguments, context)
        missing = function.arity - len(arguments)
        if missing:
            arguments = (*arguments, *[MISSING] * missing) if missing > 0 else arguments[:missing]
        result = _performed(function.body, arguments)
        if result.__class__ is not Tail:
            run.depth -= 1
            return result
        function, arguments = result.function, result.arguments
        run.tick()
    if not isinstance(function, Function):
        fail("T1006", "Attempted to invoke a non-function")
    run.charge(arguments)
    if function.signature is not None:
        arguments = fitted(function, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    run.depth -= 1
    return as_number(result) if result.__class__ is float else _counted(run, function, arguments, result)


#: The longest text or array that is not counted, and a function that gives a part of its argument.
_SMALL = 64
_SELECTING = "lookup"


def _counted(run: Run, function: Function, arguments: tuple[Any, ...], result: Any) -> Any:
    """What a function made; its bytes are counted if they are many."""
    if not isinstance(result, (str, list)) or len(result) <= _SMALL or function.name == _SELECTING:
        return result
    return result if any(result is one for one in arguments) else run.grown(result)


def invoke(run: Run, context: Any, function: Function, *arguments: Any) -> Any:
    """The value of a call of a standard function."""
    run.charge(arguments)
    if (each := _matching(function.signature, function.name, tuple(map(type, arguments)))) is not None:
        arguments = _fitted(function, each, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    kind = result.__class__
    if kind is float:
        return as_number(result)
    result = _counted(run, function, arguments, result)
    return collapsed(result) if kind is Sequence else result


def invoked(run: Run, context: Any, function: Function, *arguments: Any) -> Any:
    """As `invoke`, but not collapsed."""
    run.charge(arguments)
    arguments = fitted(function, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    return as_number(result) if result.__class__ is float else _counted(run, function, arguments, result)


def evaluated(run: Run, variables: Any, context: Any, function: Function, *arguments: Any) -> Any:
    """The value of a call of $eval, which sees the variables at its place."""
    text, focus = (*fitted(function, arguments, context), MISSING)[:2]
    if text is MISSING:
        return MISSING
    return settled(run.evaluate(run, text, context if focus is MISSING else focus, variables))


def evaluate_text(run: Run, text: Any, context: Any = MISSING) -> Any:
    """$eval as a function value, which sees no variables."""
    return MISSING if text is MISSING else run.evaluate(run, text, context, {})


def procedure(found: Any, name: str, known: Any, code: str) -> Any:
    """The value of a bare name that is called; fails with T1005 or T1007 if its `$` is missing."""
    if found is MISSING and known is not MISSING:
        verb = "invoke" if code == "T1005" else "partially apply"
        fail(code, f"Attempted to {verb} a non-function", hint=f"did you mean ${name}?")
    return found


def partially(run: Run, function: Any, *given: Any) -> Function:
    """`function(a, ?)`"""
    if not isinstance(function, Function):
        fail("T1008", "Attempted to partially apply a non-function")

    def body(*rest: Any) -> Any:
        filling = iter(rest)
        return apply(run, function, *(next(filling, MISSING) if one is HOLE else one for one in given))

    return Closure(function.name, body, sum(one is HOLE for one in given))


def piped(run: Run, left: Any, right: Any) -> Any:
    """`left ~> right`: the right side called with the left, or two functions chained."""
    if not isinstance(right, Function):
        fail("T2006", "The right side of the function application operator ~> must be a function")
    if isinstance(left, Function):
        return Closure("~>", lambda value: apply(run, right, apply(run, left, value)), 1)
    return call(run, None, right, left)


def transform(pattern: Any, update: Any, delete: Any) -> Function:
    """`|pattern|update, delete|`; each part is a function of the context."""

    def body(run: Run, value: Any) -> Any:
        result = copy(run, value)
        for match in run.each(items(pattern(result))):
            _update(match, update(match))
            run.spend(match.__sizeof__())
            if delete is not None:
                _delete(match, listed(delete(match)))
        return result

    return Function("transform", body, 1, "<(oa):o>", runs=True)


def _update(match: Any, update: Any) -> None:
    if update is not MISSING and not isinstance(update, dict):
        clause = "The insert/update clause of the transform expression must evaluate to an object"
        fail("T2011", f"{clause}: {shown(update)}")
    if isinstance(match, dict) and isinstance(update, dict):
        match.update(update)


def _delete(match: Any, gone: list[Any]) -> None:
    if not all(isinstance(name, str) for name in gone):
        fail("T2012", "The delete clause of the transform expression must evaluate to a string or array of strings")
    for name in gone:
        if isinstance(match, dict):
            match.pop(name, None)


def from_caller(name: str, function: Callable[..., Any]) -> Function:
    """A caller's function of plain JSON values. Its exceptions become D3137.

    It is given copies, and its result is copied: it can change neither the data of an evaluation nor a result.
    """

    def body(run: Run, *arguments: Any) -> Any:
        given = [plain(one, Walk(run, MAX_WRITTEN)) for one in arguments]
        try:
            found = function(*given)
        except Exception as error:  # noqa: BLE001  (it is the caller's code)
            fail("D3137", f"${name} failed: {type(error).__name__}: {_said(error)}")
        try:
            return received(found, Walk(run, MAX_WRITTEN))
        except EvaluationError as error:
            first = error.diagnostics[0]
            fail(first.code, f"${name} returned a value that cannot be used: {first.message}", first.hint)
        except Exception as error:  # noqa: BLE001  (a class of the caller's)
            fail("D3137", f"${name} returned a value that cannot be used: {type(error).__name__}: {_said(error)}")

    return Function(name, body, _arity(function), runs=True)


def _said(error: Exception) -> str:
    """The message of an exception; the first one of a `MapperError`."""
    try:
        return error.diagnostics[0].message if isinstance(error, MapperError) else str(error)
    except Exception:  # noqa: BLE001  (its `__str__` is the caller's too)
        return "it has no message"


def _arity(function: Callable[..., Any]) -> int:
    try:
        return len(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions do not say
        return 1


def defined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is undefined if its first argument is."""
    return lambda value, *rest: MISSING if value is MISSING else function(value, *rest)
