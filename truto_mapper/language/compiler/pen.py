"""The building blocks of Python code: a `Pen` makes expressions and writes statements. It knows nothing of nodes."""

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from truto_mapper.language.compiler.placer import Place


class Pen:
    """Makes Python expressions, and writes statements to `lines`.

    All code is positioned `at` a place in the author's file. `classes` maps locals to the names of their classes,
    where known: tests of these classes are decided now, not when the code runs. `temporaries` numbers new locals.
    """

    def __init__(self, at: Place, temporaries: Iterator[int] | None = None) -> None:
        self.lines: list[ast.stmt] = []
        self.at = at
        self.temporaries = temporaries or count(1)
        self.classes: dict[str, str] = {}

    def load(self, name: str) -> ast.Name:
        """`name`"""
        return ast.Name(name, ast.Load(), **self.at)

    def constant(self, value: Any) -> ast.expr:
        """A constant: the only way in which text of an expression reaches the code."""
        return ast.Constant(value, **self.at)

    def list_of(self, *items: ast.expr) -> ast.expr:
        """`[items]`"""
        return ast.List(list(items), ast.Load(), **self.at)

    def tuple_of(self, *items: ast.expr) -> ast.expr:
        """`(items,)`"""
        return ast.Tuple(list(items), ast.Load(), **self.at)

    def called(self, name: str, *arguments: ast.expr) -> ast.expr:
        """`name(arguments)`"""
        return ast.Call(self.load(name), list(arguments), [], **self.at)

    def method(self, of: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
        """`of.name(arguments)`"""
        return ast.Call(ast.Attribute(of, name, ast.Load(), **self.at), list(arguments), [], **self.at)

    def test(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
        """A comparison: `left operator right`. No value is a text or a number by identity: Python warns of that."""
        if isinstance(operator, (ast.Is, ast.IsNot)) and any(map(_is_literal, (left, right))):
            return self.constant(isinstance(operator, ast.IsNot))
        return ast.Compare(left, [operator], [right], **self.at)

    def between(self, least: ast.expr, value: ast.expr, most: ast.expr) -> ast.expr:
        """`least < value < most`"""
        return ast.Compare(least, [ast.Lt(), ast.Lt()], [value, most], **self.at)

    def named(self, local: str, value: ast.expr) -> ast.expr:
        """`(local := value)`"""
        return ast.NamedExpr(ast.Name(local, ast.Store(), **self.at), value, **self.at)

    def has_class(self, value: ast.expr, name: str) -> ast.expr:
        """`value.__class__ is name`, or a constant if the class is known."""
        if isinstance(value, ast.JoinedStr):
            return self.constant(name == "str")
        if isinstance(value, ast.Constant) and value.value is not None:
            return self.constant(type(value.value).__name__ == name)
        if isinstance(value, ast.Name) and value.id in self.classes:
            return self.constant(self.classes[value.id] == name)
        return self.test(ast.Attribute(value, "__class__", ast.Load(), **self.at), ast.Is(), self.load(name))

    def is_there(self, value: ast.expr) -> ast.expr:
        """`value is not MISSING`, or a constant if that is known."""
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in self.classes):
            return self.constant(value=True)
        return self.test(value, ast.IsNot(), self.load("MISSING"))

    def is_no_value(self, value: ast.expr) -> ast.expr:
        """`value is None or value is MISSING`"""
        return self.either(*(self.test(value, ast.Is(), none) for none in (self.constant(None), self.load("MISSING"))))

    def choice(self, test: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
        """`then if test else otherwise`"""
        if isinstance(test, ast.Constant):
            return then if test.value else otherwise
        return ast.IfExp(test, then, otherwise, **self.at)

    def both(self, *tests: ast.expr) -> ast.expr:
        """The tests joined by `and`, without those that are known."""
        return self._folded(ast.And(), tests, neutral=True)

    def either(self, *tests: ast.expr) -> ast.expr:
        """The tests joined by `or`, without those that are known."""
        return self._folded(ast.Or(), tests, neutral=False)

    def _folded(self, operator: ast.boolop, tests: tuple[ast.expr, ...], *, neutral: bool) -> ast.expr:
        if any(isinstance(test, ast.Constant) and test.value is not neutral for test in tests):
            return self.constant(not neutral)
        open_ = [test for test in tests if not isinstance(test, ast.Constant)]
        if len(open_) > 1:
            return ast.BoolOp(operator, open_, **self.at)
        return open_[0] if open_ else self.constant(neutral)

    def not_(self, test: ast.expr) -> ast.expr:
        """`not test`, in its shortest form."""
        match test:
            case ast.Constant(value=value):
                return self.constant(not value)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[right]):
                return self.test(left, ast.IsNot() if isinstance(operator, ast.Is) else ast.Is(), right)
            case _:
                return ast.UnaryOp(ast.Not(), test, **self.at)

    def new_local(self, name: str = "t") -> str:
        """A new name: a hint of what the local holds, `_` and a number."""
        clean = "".join(char for char in name if char.isascii() and char.isalnum())
        return f"{clean if clean[:1].isalpha() else f'v{clean}'}_{next(self.temporaries)}"

    def atom(self, value: ast.expr) -> ast.expr:
        """The value as a constant or a local, so that it can be used more than once."""
        if isinstance(value, (ast.Constant, ast.Name)):
            return value
        local = self.new_local()
        self.assign(local, value)
        return self.known(self.load(local), "str") if isinstance(value, ast.JoinedStr) else self.load(local)

    def known(self, local: ast.expr, name: str) -> ast.expr:
        """The local, whose value is always of a class."""
        if isinstance(local, ast.Name):
            self.classes[local.id] = name
        return local

    def give_up(self) -> None:
        """Raise: other code has to go on."""
        self.lines.append(ast.Raise(self.load("Exception"), None, **self.at))

    def give_up_unless(self, test: ast.expr) -> None:
        self.branch(self.not_(test), self.give_up)

    def empty(self, kind: str, *items: ast.expr) -> str:
        """A new local with an empty `list`, `dict`, `Sequence` or the like, or with a `list` of items."""
        local = self.new_local()
        display = {"list": self.list_of(*items), "dict": ast.Dict([], [], **self.at)}
        self.assign(local, display[kind] if kind in display else self.called(kind))
        self.classes[local] = kind
        return local

    @contextmanager
    def into(self, lines: list[ast.stmt]) -> Iterator[None]:
        """Write to other lines."""
        outer, self.lines = self.lines, lines
        yield
        self.lines = outer

    def assign(self, local: str, value: ast.expr) -> None:
        """`local = value`"""
        self.lines.append(ast.Assign([ast.Name(local, ast.Store(), **self.at)], value, **self.at))

    def part(self, of: ast.expr, key: ast.expr) -> ast.expr:
        """`of[key]`"""
        return ast.Subscript(of, key, ast.Load(), **self.at)

    def assign_item(self, local: str, key: str | ast.expr, value: ast.expr) -> None:
        """`local[key] = value`; a text is a constant."""
        key = self.constant(key) if isinstance(key, str) else key
        target = ast.Subscript(self.load(local), key, ast.Store(), **self.at)
        self.lines.append(ast.Assign([target], value, **self.at))

    def delete_item(self, local: str, key: str) -> None:
        """`del local[key]`"""
        target = ast.Subscript(self.load(local), self.constant(key), ast.Del(), **self.at)
        self.lines.append(ast.Delete([target], **self.at))

    def do(self, value: ast.expr) -> None:
        """An expression as a statement."""
        self.lines.append(ast.Expr(value, **self.at))

    def append(self, found: str, value: ast.expr) -> None:
        """`found.append(value)`"""
        self.do(self.method(self.load(found), "append", value))

    def append_defined(self, found: str, value: ast.expr) -> None:
        """Append a value unless it is MISSING."""
        one = self.atom(value)
        self.branch(self.is_there(one), lambda: self.append(found, one))

    def branch(self, test: ast.expr, then: Callable[[], None], otherwise: Callable[[], None] = lambda: None) -> None:
        """`if test: … else: …`, or only one of the branches if the test is known."""
        if isinstance(test, ast.Constant):
            (then if test.value else otherwise)()
            return
        bodies = list[ast.stmt](), list[ast.stmt]()
        for body, write in zip(bodies, (then, otherwise), strict=True):
            with self.into(body):
                write()
        self.lines.append(ast.If(test, bodies[0] or [ast.Pass(**self.at)], bodies[1], **self.at))

    def attempt(self, test: ast.expr, body: list[ast.stmt], failed: list[ast.stmt]) -> None:
        """In a loop: `if test: …; continue`, and other lines where that raises."""
        taken = ast.If(test, [*body, ast.Continue(**self.at)], [], **self.at)
        handler = ast.ExceptHandler(self.load("Exception"), None, failed or [ast.Pass(**self.at)], **self.at)
        self.lines.append(ast.Try([taken], [handler], [], [], **self.at))

    def loop(self, over: ast.expr, body: list[ast.stmt], *targets: str) -> None:
        """`for targets in over: …`"""
        names: list[ast.expr] = [ast.Name(name, ast.Store(), **self.at) for name in targets]
        target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store(), **self.at)
        self.lines.append(ast.For(target, over, body or [ast.Pass(**self.at)], [], None, **self.at))

    def define(self, name: str, parameters: Iterable[str], body: list[ast.stmt]) -> None:
        """`def name(parameters): …`"""
        arguments = ast.arguments([], [ast.arg(one, **self.at) for one in parameters], None, [], [], None, [])
        self.lines.append(ast.FunctionDef(name, arguments, body, [], None, None, **self.at))


def mentions(code: Iterable[ast.stmt], name: str) -> bool:
    """Whether statements use a local."""
    return any(isinstance(one, ast.Name) and one.id == name for line in code for one in ast.walk(line))


def _is_literal(value: ast.expr) -> bool:
    """Whether a value is a constant that is never the same object as another: a text or a number."""
    return isinstance(value, ast.Constant) and value.value is not None and value.value.__class__ is not bool
