"""Takes out of the code of a row what is the same for all rows: the parts of a text that are values of the page."""

from __future__ import annotations

import ast

from truto_mapper.engine.per_page import PageValues, Part


class Hoisted(ast.NodeTransformer):
    """Makes the neighbouring parts of each text that are constants or values of the page one value of the page.

    That is for pages that are certain.
    """

    def __init__(self, page: PageValues) -> None:
        self.page, self.names = page, frozenset(page.parameters)

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
        joined = ast.Name(self.page.text(tuple(map(_part, parts))), ast.Load())
        return [ast.copy_location(ast.FormattedValue(ast.copy_location(joined, text), -1, None), text)]


def _part(part: ast.expr) -> Part:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return (value.id, True) if isinstance(value, ast.Name) else (part.value, False)  # type: ignore[attr-defined]
