"""Frozen values with named fields, like dataclasses and named tuples, whose classes take a fifth of a start to make.

Constructors are written when they are first called: in most processes that is half of the classes.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

_Kind = TypeVar("_Kind")

#: How many named tuples of a class are made before its constructor is written.
_FEW = 20

#: What reads each field of a named tuple: the first one, the second one, and so on.
_READ = [one for name, one in vars(namedtuple("_Read", [f"at_{n}" for n in range(40)])).items() if name[:3] == "at_"]  # noqa: PYI024


@dataclass_transform(frozen_default=True)
def record(kind: type[_Kind]) -> type[_Kind]:
    """A class with a slot for each annotation. It is frozen, and equal to others of its class with the same fields.

    Names in its own `__slots__` are no fields; they are None at first. What it defines itself, or inherits, is kept.
    `dataclasses.replace` and the like take its values too.
    """
    names, given = list(kind.__annotations__), dict(vars(kind))
    defaults = {name: given.pop(name) for name in names if name in given}
    extra: tuple[str, ...] = given.pop("__slots__", ())
    for name in ("__dict__", "__weakref__", *extra):
        given.pop(name, None)
    made: dict[str, Any] = {"__match_args__": tuple(names), "__slots__": (*names, *extra)}
    made |= {"__dataclass_fields__": _Fields(kind), "_fields": tuple(names), "_values": _values(names)}
    made |= {"__setattr__": _refuse, "__delattr__": _refuse, "__reduce__": _reduce}
    made |= {"__repr__": _repr} if kind.__repr__ is object.__repr__ else {}
    made |= {"__eq__": _eq, "__hash__": _hash} if kind.__eq__ is object.__eq__ else {}
    again: type[_Kind] = type.__call__(type(kind), kind.__name__, kind.__bases__, {**given, **made})
    again.__init__ = _initializer(again, names, defaults, extra)  # type: ignore[method-assign]  # it needs the slots
    return again


def replace(value: _Kind, /, **changes: Any) -> _Kind:
    """A record, or a named tuple, with other values of some fields."""
    kind: Any = type(value)
    made = kind(*map(changes.pop, kind._fields, kind._values(value)))  # noqa: SLF001  # `record` made them
    if changes:
        raise TypeError
    return made  # type: ignore[no-any-return]


def _initializer(kind: Any, names: list[str], defaults: dict[str, Any], extra: tuple[str, ...]) -> Any:
    """The first `__init__`, which writes the one that follows it."""

    def first(self: Any, *args: Any, **given: Any) -> None:
        kind.__init__ = _written(kind, names, defaults, extra)
        kind.__init__(self, *args, **given)

    return first


def _written(kind: type, names: list[str], defaults: dict[str, Any], extra: tuple[str, ...]) -> Any:
    """`__init__`, written out: nothing else is as fast. What are no fields, begins as None."""
    parameters = ", ".join(name + f"=_{name}" * (name in defaults) for name in names)
    values = {name: name for name in names} | dict.fromkeys(extra, "None")
    lines = "".join(f" set_{name}(self, {value})\n" for name, value in values.items())
    namespace = {f"_{name}": value for name, value in defaults.items()}
    namespace |= {f"set_{name}": getattr(kind, name).__set__ for name in values}
    exec(f"def __init__(self, {parameters}):\n{lines}", namespace)  # noqa: S102  # of the names of a class
    return namespace["__init__"]


def _values(names: list[str]) -> Any:
    """What gives all values of a record at once."""
    get = attrgetter(*names)
    return staticmethod(get if len(names) > 1 else lambda one: (get(one),))


class _Fields:
    """The fields as `dataclasses` knows them, made when they are asked for."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __get__(self, _: object, owner: type) -> Any:
        from dataclasses import dataclass, field  # noqa: PLC0415  # see above

        names, given = self.kind.__annotations__, vars(self.kind)
        defaults = {name: field(default_factory=partial(given.get, name)) for name in names if name in given}
        body = {"__annotations__": names, **defaults}
        found = dataclass(type(owner.__name__, (), body)).__dataclass_fields__  # type: ignore[attr-defined]
        owner.__dataclass_fields__ = found  # type: ignore[attr-defined]  # the next one asks no more
        return found


def _refuse(self: Any, name: str, *_: Any) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415  # see above

    raise FrozenInstanceError(f"{type(self).__name__} is frozen: its {name!r} cannot be changed")


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), self._values(self)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self._values(self), strict=True))
    return f"{type(self).__name__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return bool(self._values(self) == self._values(other))


def _hash(self: Any) -> int:
    return hash(self._values(self))


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414  # to be imported from here
else:

    class _Named(type):
        """Makes classes of tuples. They behave as those of `typing.NamedTuple`."""

        def __new__(cls, name: str, bases: tuple[type, ...], given: dict[str, Any]) -> type:
            names = tuple(given["__annotations__"])
            defaults = {name: given.pop(name) for name in names if name in given}
            made = {"_fields": names, "_field_defaults": defaults, "__match_args__": names, "__slots__": ()}
            made["_first"] = iter(range(_FEW))
            made |= dict(zip(names, _READ[: len(names)], strict=True)) | _METHODS | given
            return type(name, (tuple, *bases[1:]), made)

    def _first_new(cls: Any, *args: Any, **given: Any) -> Any:
        """`__new__`, until it is called often, or with anything but a value for each field."""
        if not given and len(args) == len(cls._fields) and next(cls._first, None) is not None:
            return tuple.__new__(cls, args)
        kind = next(one for one in cls.__mro__ if "_fields" in vars(one))
        written = namedtuple(kind.__name__, kind._fields, defaults=kind._field_defaults.values())  # noqa: PYI024
        kind.__new__ = staticmethod(written.__new__)
        return kind.__new__(cls, *args, **given)

    def _make(cls: Any, values: Iterable[Any]) -> Any:
        return cls(*values)

    def _newargs(self: Any) -> tuple[Any, ...]:
        return tuple(self)

    _METHODS = {"__new__": _first_new, "__repr__": _repr, "_values": staticmethod(tuple), "_make": classmethod(_make)}
    _METHODS |= {"_replace": replace, "__replace__": replace, "__getnewargs__": _newargs}
    _METHODS |= {"_asdict": lambda self: dict(zip(self._fields, self, strict=True))}

    #: The base of named tuples.
    NamedTuple = type.__new__(_Named, "NamedTuple", (), {})
