"""Takes values of the command line as they are, where they are what a command asks for.

typer converts even a text to a text with pydantic, whose import and validators take a third of a short command's time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

#: What typer has to convert, or to refuse.
_OTHER = object()


def quickened(command: Any) -> Any:
    """A command, or a group of commands, in which typer only converts what has to be converted."""
    command.get_params = partial(_parameters, command.get_params)
    for one in getattr(command, "commands", {}).values():
        if one is not None:
            quickened(one)
    return command


def _parameters(usual: Callable[..., list[Any]], ctx: Any) -> list[Any]:
    found = usual(ctx)
    for one in found:
        if not isinstance(one.process_value, partial):
            one.process_value = partial(_processed, one, one.process_value)
    return found


def _processed(parameter: Any, usual: Callable[..., Any], ctx: Any, value: Any) -> Any:
    made = _as_given(parameter, value)
    if made is _OTHER:
        return usual(ctx, value)
    return made if parameter.callback is None else parameter.callback(ctx, parameter, made)


def _as_given(parameter: Any, value: Any) -> Any:
    """What typer makes of a value, if that is plain; else `_OTHER`. typer says what is missing."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if value is None and not parameter.required:
        return () if parameter.multiple or parameter.nargs == -1 else None
    if value.__class__ is kind and kind in (str, int, float, bool):
        return value
    is_list = kind == list[str] and isinstance(value, (list, tuple)) and value
    return list(value) if is_list and all(one.__class__ is str for one in value) else _OTHER
