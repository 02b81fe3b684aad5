"""What generated code refers to by name, and the Python functions made of that code."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any

from truto_mapper.engine.called import array_of, copied, new_run, opened
from truto_mapper.language.compiler import compiler
from truto_mapper.language.compiler.compiler import Emitted
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.compiler.shape import Shape
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node
from truto_mapper.language.runtime.values import MISSING, finite


class UnfusableError(Exception):
    """An endpoint cannot become one function. Its text says why; all rows take the exact path."""


def unpack(pen: Pen, names: Sequence[str], value: ast.expr) -> None:
    """`names = value`, for the items of a tuple."""
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    pen.lines.append(ast.Assign([ast.Tuple(targets, ast.Store())], value, **pen.at))


_CALLED: tuple[Any, ...] = (
    new_run,
    opened,
    array_of,
    copied,
    finite,
    Exception,
    KeyError,
    TypeError,
    bool,
    dict,
    float,
)


class Externals:
    """The constants of an endpoint's code by name, and the numbers that keep its locals different."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {one.__name__: one for one in _CALLED}
        self.constants |= {"MISSING": MISSING, "NO_ROW": {}}
        self.temporaries = count(1)

    def emit(
        self,
        expression: Expression,
        node: Node,
        names: Mapping[str, str],
        context: str,
        classes: Mapping[str, str],
        small: Collection[str],
        shapes: Mapping[int, Shape] = MappingProxyType({}),
        objects: Collection[str] = (),
    ) -> Emitted:
        """Compile a node of an expression; see `compiler.emit`."""
        callers = {name: f"caller_{name}" for name in expression.functions}  # linked by `Fused`
        place, numbers = expression.placer, self.temporaries
        known: dict[str, Any] = {"classes": classes, "small": small, "shapes": shapes, "objects": objects}
        return compiler.emit(node, names, context, place, callers=callers, temporaries=numbers, **known)

    def pen(self, expression: Expression, classes: dict[str, str]) -> Pen:
        """A pen at the place of an expression."""
        pen = Pen(expression.placer.place(expression.node.span), self.temporaries)
        pen.classes = classes  # shared: the caller learns more of them
        return pen

    def named(self, pen: Pen, kind: str, value: Any) -> str:
        """A new name for an object that the code refers to."""
        name = pen.new_local(kind)
        self.constants[name] = value
        return name

    def class_test(self, pen: Pen, value: ast.expr, classes: tuple[type, ...]) -> ast.expr:
        """`value.__class__ in classes`"""
        if len(classes) == 1:
            return pen.has_class(value, classes[0].__name__)
        given = ast.Attribute(value, "__class__", ast.Load(), **pen.at)
        return pen.test(given, ast.In(), pen.load(self.named(pen, "classes", frozenset(classes))))

    def module(self, pen: Pen, name: str, parameters: Sequence[str]) -> ast.Module:
        """The module with one function, whose body is what a pen has written."""
        body, pen.lines = pen.lines, []
        pen.define(name, parameters, body)
        return ast.fix_missing_locations(ast.Module(pen.lines, []))
