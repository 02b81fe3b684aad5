"""Named tuples of `text/record` behave as those of the standard library, at first and after many were made."""

import copy
import pickle
import typing
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from truto_mapper.text import record
from truto_mapper.text.record import NamedTuple

Kind = TypeVar("Kind")


class Ours(NamedTuple):
    """A place."""

    x: int
    y: "list[int]"
    name: str | None = None

    @property
    def shown(self) -> str:
        return f"{self.name}: {self.x}"


class Theirs(typing.NamedTuple):
    """A place."""

    x: int
    y: "list[int]"
    name: str | None = None
    shown = Ours.shown  # type: ignore[misc]  # the same property


class Below(Ours):
    __slots__ = ()


class OfKind(NamedTuple, Generic[Kind]):
    one: Kind


USES: list[Callable[[Any], Any]] = [
    lambda kind: repr(kind(1, [2], "a")).removeprefix(kind.__name__),
    lambda kind: kind(1, [2]) == (1, [2], None) and hash(kind(1, 2, 3)) == hash((1, 2, 3)),
    lambda kind: [kind(y=[2], x=1).x, kind(1, [2], name="b").name, kind(1, [2], "c").shown, kind(1, [2]).shown],
    lambda kind: tuple(pickle.loads(pickle.dumps(kind(1, [2], "a")))),
    lambda kind: [copy.copy(kind(1, [2], "a")).y, copy.deepcopy(kind(1, [2], "a")).y],
    lambda kind: [kind(1, [2], "a")._replace(x=3), kind._make([1, 2, 3]), kind(1, 2)._asdict()],
    lambda kind: [kind._fields, kind._field_defaults, kind.__match_args__, kind.__doc__],
    lambda kind: type(kind(1, [2], "a")) is kind and isinstance(kind(1, [2], "a"), tuple),
    lambda kind: setattr(kind(1, [2], "a"), "x", 2),
    lambda kind: setattr(kind(1, [2], "a"), "z", 2),
    lambda kind: kind(1),
    lambda kind: kind(1, 2, 3, 4),
    lambda kind: kind(1, 2, z=3),
    lambda kind: kind(1, [2])._replace(z=3),
]


def outcome(use: Callable[[Any], Any], kind: Any) -> Any:
    try:
        return use(kind)
    except Exception as error:  # noqa: BLE001  # its class is what is compared
        return type(error) if not isinstance(error, ValueError) else TypeError


@pytest.mark.parametrize("times", [1, record._FEW + 5])
@pytest.mark.parametrize("use", USES)
def test_a_named_tuple_is_as_one_of_the_standard_library(use: Callable[[Any], Any], times: int) -> None:
    for _ in range(times):
        assert outcome(use, Ours) == outcome(use, Theirs)


def test_a_subclass_and_a_generic_class_have_their_own_values() -> None:
    assert type(Below(1, [2])) is Below
    assert type(Below(y=[2], x=1)._replace(x=4)) is Below
    assert OfKind[int](3).one == OfKind(one=3).one == 3
    for _ in range(2 * record._FEW):
        assert (type(Below(1, [2], "a")), type(Ours(1, [2], "a"))) == (Below, Ours)


def test_a_class_of_named_tuples_may_not_be_made_of_wrong_fields() -> None:
    class Few(NamedTuple):
        one: int

    for _ in range(2 * record._FEW):
        with pytest.raises(TypeError, match="two"):
            Few(1, two=2)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
            Few(1, 2)  # type: ignore[call-arg]
