"""Formats generated code for people to read."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from itertools import pairwise

_WIDTH = 120
_WHOLE = ("for ", "def ")  # lines that are never broken
_BREAKS = frozenset((",", "and", "or", "if", "else"))


def format_code(tree: ast.Module) -> str:
    """Code as text, its long lines broken at commas and before `and`, `or`, `if` and `else`."""
    lines = ast.unparse(tree).splitlines()
    return "\n".join(
        line if len(line) <= _WIDTH or line.lstrip().startswith(_WHOLE) else _broken(line) for line in lines
    )


def _broken(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    start, inside, end = _enclosed(line.strip())
    lines = [""]
    for piece in _pieces(inside):
        if lines[-1] and len(indent) + 4 + len(lines[-1]) + len(piece) > _WIDTH:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\n".join((indent + start, *(f"{indent}    {one.rstrip()}" for one in lines), indent + end))


def _enclosed(statement: str) -> tuple[str, str, str]:
    """A statement split at the brackets that can hold several lines, which are added if there are none."""
    keyword, _, rest = statement.partition(" ")
    if statement.endswith(":"):
        return f"{keyword} (", rest.removesuffix(":"), "):"
    match ast.parse(statement if keyword != "return" else rest).body[0]:
        case ast.Assign(targets=[ast.Tuple() as names], value=value):
            return "(", ast.unparse(names).strip("()"), f") = {ast.unparse(value)}"
        case ast.Assign(targets=[target], value=ast.Dict() as value):
            return f"{ast.unparse(target)} = {{", ast.unparse(value)[1:-1], "}"
        case ast.Assign(targets=[target], value=value):
            return f"{ast.unparse(target)} = (", ast.unparse(value), ")"
        case _:
            return ("return (", rest, ")") if keyword == "return" else ("(", statement, ")")


def _pieces(text: str) -> Iterator[str]:
    """A text split where a line may end."""
    tokens = list(tokenize.generate_tokens(io.StringIO(f"({text})").readline))
    cuts = [t.end[1] if t.string == "," else t.start[1] - 1 for t in tokens if t.string in _BREAKS]
    for start, end in pairwise([1, *cuts, len(text) + 1]):
        yield f"({text})"[start:end]
