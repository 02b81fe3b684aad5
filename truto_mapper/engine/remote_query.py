"""The caller's own parameters for the provider: how they are written, and what they cannot replace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from truto_mapper.engine.query_values import listed
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Template, giving
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps, json_pointer


def parameters(value: Mapping[str, Any], many: str) -> dict[str, Any]:
    """HTTP query parameters in the brackets of qs, `x[y]`, in the order of the value; each is a text or several.

    `many` follows the name of a list of single values: `[]` as qs writes it, or nothing. Values that come to have the
    same name are one parameter given several times.
    """
    found: dict[str, Any] = {}
    for path, text in _leaves(value, many):
        name = _name(path)
        found[name] = [*listed(found[name]), *listed(text)] if name in found else text
    return found


def _leaves(value: Any, many: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each parameter: its path, the last step of which may be empty for `[]`, and its text or texts."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, many, (*path, name))
    elif not isinstance(value, list):
        yield path, _written(value)
    elif any(isinstance(one, (Mapping, list)) for one in value):
        for index, one in enumerate(value):
            yield from _leaves(one, many, (*path, str(index)))
    elif value:
        yield (*path, "") if many else path, [_written(one) for one in value]


def parameter_at(path: Steps) -> Steps:
    """Where the parameter of a nested value is: its name in brackets, then the index if it is one of several texts."""
    names = path[:-1] if len(path) > 1 and isinstance(path[-1], int) else path
    return (_name(tuple(map(str, names))), *path[len(names) :]) if path else ()


def _name(path: tuple[str, ...]) -> str:
    return path[0] + "".join(f"[{step}]" for step in path[1:])


def _written(value: Any) -> str:
    """A single value as text: as it is, or as JSON writes it; null is empty, as qs writes it."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def laid_over(base: Any, extra: Any) -> Any:
    """`extra` added to `base`, object by object."""
    if isinstance(base, Mapping) and isinstance(extra, Mapping):
        return {**base, **{name: laid_over(base[name], one) if name in base else one for name, one in extra.items()}}
    return extra


def refusals(kept: Any, template: Template | None, extra: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Q517 for each part of `extra` that would replace what a template sets. `kept` is the value of the template."""
    places = () if kept is MISSING else _places(kept)
    own = [(_steps(path), path) for path, one in places if not isinstance(one, Mapping)]
    for written, one in _places(extra):
        steps = _steps(written)
        for other, path in own:
            common = len(other) if isinstance(one, Mapping) else min(len(steps), len(other))  # {} replaces no object
            if steps[:common] == other[:common]:
                yield _refusal(written, giving(template, path))
                break


def _places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The paths of a value that have no names below them, with what is there."""
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _places(one, (*path, name))
    elif path or not isinstance(value, Mapping):
        yield path, value


def _steps(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path with the brackets of its names as steps: the parameter `a[b][]` is at `a`, `b`."""
    steps = [step for name in path for step in name.replace("]", "").split("[")]
    return tuple(steps[:-1] if len(steps) > 1 and not steps[-1] else steps)


def _refusal(written: tuple[str, ...], expression: Expression | None) -> Diagnostic:
    from truto_mapper.language.source_paths import reads  # noqa: PLC0415  # only a mistake needs it

    read = [] if expression is None else [one.path for one in reads(expression)]
    made_of = [path[1] for path in read if path[0] == "query" and len(path) > 1]
    made_of += ["next_cursor" for path in read if path[0] == "cursor"]
    made_of += [f"the setting {path[1]}" for path in read if path[0] == "context" and len(path) > 1]
    names = list(dict.fromkeys(made_of))
    source = f" from {' and '.join(names)}" if names else ""
    message = f"{_name(('remote_query', *written))} would replace what the mapping sets{source}"
    hint = f"change {' or '.join(names)} instead" if names else "leave it out"
    return Diagnostic("Q517", message, pointer=json_pointer(("remote_query", *written)), hint=hint)
