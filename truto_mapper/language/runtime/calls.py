"""Calls: tail calls, partial application, transforms, and callers' functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from truto_mapper.language.runtime.arguments import fitted, fitted_by, matching
from truto_mapper.language.runtime.values import (
    MAX_WRITTEN,
    MISSING,
    SMALL,
    Closure,
    Function,
    Run,
    Sequence,
    Tail,
    Walk,
    as_number,
    collapsed,
    fail,
    listed,
    plain,
    quoted,
    settled,
)
from truto_mapper.language.runtime.walks import copy, descendants, received
from truto_mapper.text.errors import EvaluationError, MapperError

#: A `?` among the arguments of a partial application.
HOLE: Final = object()


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
        fail("T1006", f"only a function can be called, not {quoted(function)}")
    run.charge(arguments)
    if function.signature is not None:
        arguments = fitted(function, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    run.depth -= 1
    return as_number(result) if result.__class__ is float else _counted(run, function, arguments, result)


#: A function that gives a part of its argument.
_SELECTING = "lookup"


def _counted(run: Run, function: Function, arguments: tuple[Any, ...], result: Any) -> Any:
    """What a function made; its bytes are counted if they are many."""
    if not isinstance(result, (str, list)) or len(result) <= SMALL or function.name == _SELECTING:
        return result
    return result if any(result is one for one in arguments) else run.grown(result)


def invoke(run: Run, context: Any, function: Function, *arguments: Any) -> Any:
    """The value of a call of a standard function."""
    run.charge(arguments)
    if (each := matching(function.signature, tuple(map(type, arguments)))) is not None:
        arguments = fitted_by(each, function, arguments, context)
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


def of_numbers(run: Run, context: Any, function: Function, numbers: Any) -> Any:
    """As `invoke`, quick for an array of numbers."""
    if not (isinstance(numbers, list) and _NUMBERS.issuperset(map(type, numbers))):
        return invoke(run, context, function, numbers)
    run.tick(1 + (len(numbers) >> 5))
    result = function.body(run, numbers) if function.runs else function.body(numbers)
    return as_number(result) if result.__class__ is float else result


_NUMBERS: Final = frozenset((int, float))


def performed(run: Run, function: Function, *arguments: Any) -> Any:
    """As `invoked`, for arguments that fit."""
    run.charge(arguments)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    return as_number(result) if result.__class__ is float else _counted(run, function, arguments, result)


def perform(run: Run, function: Function, *arguments: Any) -> Any:
    """As `invoke`, for arguments that fit."""
    result = performed(run, function, *arguments)
    return collapsed(result) if result.__class__ is Sequence else result


def numeric(result: Any) -> Any:
    """A number that a function computed, or MISSING."""
    return as_number(result) if result.__class__ is float else result


def evaluated(run: Run, variables: Any, context: Any, whole: bool, function: Function, *arguments: Any) -> Any:
    """The value of a call of $eval, which sees the variables at its place. An array that is a focus is one item."""
    text, focus = (*fitted(function, arguments, context), MISSING)[:2]
    if text is MISSING:
        return MISSING
    if focus is not MISSING:
        context, whole = focus, not isinstance(focus, Sequence)
    return settled(run.evaluate(run, text, context, whole, variables))


def evaluate_text(run: Run, text: Any, focus: Any = MISSING) -> Any:
    """$eval as a function value, which sees no variables, and whose context is null."""
    whole = not isinstance(focus, Sequence)
    return MISSING if text is MISSING else run.evaluate(run, text, None if focus is MISSING else focus, whole, {})


def procedure(found: Any, name: str, known: Any, code: str) -> Any:
    """The value of a bare name that is called; fails with T1005 or T1007 if its `$` is missing."""
    if found is MISSING and known is not MISSING:
        fail(
            code,
            f"there is no function `{name}`: the name of a function begins with `$`",
            hint=f"did you mean ${name}?",
        )
    return found


def partially(run: Run, function: Any, *given: Any) -> Function:
    """`function(a, ?)`"""
    if not isinstance(function, Function):
        fail("T1008", f"only a function can be partially applied, not {quoted(function)}")

    def body(*rest: Any) -> Any:
        filling = iter(rest)
        return apply(run, function, *(next(filling, MISSING) if one is HOLE else one for one in given))

    return Closure(function.name, body, sum(one is HOLE for one in given))


def piped(run: Run, left: Any, right: Any) -> Any:
    """`left ~> right`: the right side called with the left, or two functions chained."""
    if not isinstance(right, Function):
        fail("T2006", f"the right side of `~>` must be a function, not {quoted(right)}")
    if isinstance(left, Function):
        return Closure("~>", lambda value: Tail(right, settled(apply(run, left, settled(value)))), 1)
    return call(run, None, right, left)


def transform(pattern: Any, update: Any, delete: Any, strays: bool) -> Function:
    """`|pattern|update, delete|`; each part is a function of the context.

    Only the copy is changed. If the pattern `strays`, what it selects may not be a part of the copy.
    """

    def body(run: Run, value: Any) -> Any:
        if value is MISSING:
            return MISSING
        result = copy(run, value)
        own = {id(one): one for one in listed(descendants(result, run))} if strays else None
        for match in run.each(listed(pattern(result))):
            is_own = isinstance(match, dict) and (own is None or id(match) in own)
            _update(match if is_own else {}, update(match))
            run.spend(match.__sizeof__())
            if delete is not None:
                _delete(match if is_own else {}, listed(delete(match)))
        return result

    return Function("transform", body, 1, "<(oa):o>", runs=True)


def cloning(function: Function, clone: Callable[[], Any]) -> Function:
    """A transform whose input the function `$clone` of its scope copies. Raises T2013 if that is no function."""

    def body(run: Run, value: Any) -> Any:
        own = clone() if value is not MISSING else MISSING
        if value is not MISSING and not isinstance(own, Function):
            fail("T2013", f"a transform copies its input with $clone, which must be a function, not {quoted(own)}")
        return MISSING if value is MISSING else function.body(run, apply(run, own, value))

    return Function("transform", body, 1, function.signature, runs=True)


def _update(match: dict[str, Any], update: Any) -> None:
    if update is not MISSING and not isinstance(update, dict):
        fail("T2011", f"the second part of a transform must be an object, not {quoted(update)}")
    if isinstance(update, dict):
        match.update(update)


def _delete(match: dict[str, Any], gone: list[Any]) -> None:
    for name in gone:
        if not isinstance(name, str):
            fail("T2012", f"what a transform deletes must be a string or an array of strings, not {quoted(name)}")
    for name in gone:
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
    import inspect  # noqa: PLC0415  # few callers have functions

    try:
        return len(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions do not say
        return 1


def defined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is undefined if its first argument is."""
    return lambda value, *rest: MISSING if value is MISSING else function(value, *rest)
