"""Takes out of a loop what is the same for all its rows: the parts of a text that are values of the page."""

from __future__ import annotations

import ast
from collections.abc import Collection

from truto_mapper.language.compiler.pen import Pen


class Hoisted(ast.NodeTransformer):
    """Joins the neighbouring parts of each text that are constants or `names`, short texts if the page is certain.

    `lines` are to be put before the loop.
    """

    def __init__(self, pen: Pen, names: Collection[str]) -> None:
        self.pen, self.names, self.lines = pen, names, list[ast.stmt]()

    def visit_JoinedStr(self, text: ast.JoinedStr) -> ast.JoinedStr:
        parts: list[ast.expr] = []
        same: list[ast.expr] = []
        for part in text.values:
            if isinstance(part, ast.Constant) or getattr(getattr(part, "value", None), "id", None) in self.names:
                same.append(part)
            else:
                parts += [*self.joined(text, same), part]
                same = []
        text.values = [*parts, *self.joined(text, same)]
        return text

    def joined(self, text: ast.JoinedStr, parts: list[ast.expr]) -> list[ast.expr]:
        """The parts of a text as one, if that saves anything."""
        if sum(isinstance(one, ast.FormattedValue) for one in parts) < 2:
            return parts
        pen, local = self.pen, self.pen.new_local("same")
        made = ast.copy_location(ast.JoinedStr(parts), text)
        with pen.into(self.lines):
            pen.assign(local, pen.choice(pen.load("certain"), made, pen.constant("")))
        return [ast.copy_location(ast.FormattedValue(pen.load(local), -1, None), text)]
