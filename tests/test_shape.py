"""YAML documents checked against pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
import pytest
from pydantic_core import PydanticCustomError

from truto_mapper.text import yaml_tree
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source


def shown(source, found):
    assert found.code == "M106"
    line, _ = source.position(found.span.start)
    return line, source.text[found.span.start : found.span.end], found.message, found.hint


class Leaf(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    size: Annotated[int, pydantic.Field(ge=1)] = 1
    name: str | None = None

    @pydantic.field_validator("name")
    @classmethod
    def is_no_robot(cls, name):
        if name == "robot":
            raise ValueError("robots have no name")
        return name


class Robot(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def is_no_person(cls, name):
        raise PydanticCustomError("person", "{name} is a person", {"name": name, "hint": "name it R2"})


def test_a_model_can_give_a_hint_of_its_own():
    source = Source("robot.yaml", "name: Jo")
    with pytest.raises(MappingError) as caught:
        shaped(yaml_tree.parse(source), Robot)
    (found,) = caught.value.diagnostics
    assert shown(source, found) == (1, "Jo", "Jo is a person", "name it R2")


class Tree(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    kind: Literal["oak", "elm"]
    leaf: Leaf | str | list[str] = "green"
    leaves: dict[str, Leaf] = {}
    twigs: list[Leaf] = []
    long_name: str = pydantic.Field("", alias="long-name")


def misfit(text):
    source = Source("tree.yaml", text)
    with pytest.raises(MapperError) as caught:
        shaped(yaml_tree.parse(source), Tree)
    return [shown(source, found)[1:] for found in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("leaf: 5", ("5", "expected a mapping, text or a list, got `5`", None)),
        ("leaf: {siz: 5}", ("siz", "there is no key `siz` in `leaf`", "did you mean `size`?")),
        ("leaf: {size: 0}", ("0", "expected at least 1, got `0`", None)),
        ("leaf: [a, 5]", ("5", "expected text, got `5`", None)),
        ("leaf: {name: robot}", ("robot", "robots have no name", None)),
        ("leaves: {a: {size: x}}", ("x", "expected an integer, got `x`", None)),
        ("leaves: {a: {nam: x}}", ("nam", "there is no key `nam` in `leaves.a`", "did you mean `name`?")),
        ("twigs: [{nam: x}]", ("nam", "there is no key `nam` in `twigs.0`", "did you mean `name`?")),
        ("twigs: {a: b}", ("{a: b}", "expected a list, got a mapping", None)),
        ("twigs: [1]", ("1", "expected a mapping, got `1`", None)),
        ("long_name: x", ("long_name", "there is no key `long_name` here", "did you mean `long-name`?")),
        ("long-name: [x]", ("[x]", "expected text, got a list", None)),
        ("long-name: true", ("true", "expected text, got `true`", None)),
        (f"leaves: {'x' * 99}", ("x" * 99, f"expected a mapping, got `{'x' * 59}…`", None)),
    ],
)
def test_a_mistake_in_a_document_is_explained_in_plain_words(line, found):
    assert misfit(f"kind: oak\n{line}\n") == [found]


def test_a_document_that_has_the_shape_is_its_model():
    tree = shaped(yaml_tree.parse(Source("t", "kind: elm\nleaf: {size: 2}\nlong-name: x\n")), Tree)
    assert tree == Tree(kind="elm", leaf=Leaf(size=2), **{"long-name": "x"})
