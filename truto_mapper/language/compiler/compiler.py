"""Nodes → Python: the table of compile functions, and the function that an expression becomes.

The code is an `ast` at the author's lines and columns. It names only its own locals and `functions.NAMESPACE`; text of
an expression reaches it only as `ast.Constant`. The same node always gives the same code.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from types import CodeType, MappingProxyType
from typing import Any, Final

from truto_mapper.language import nodes
from truto_mapper.language.compiler import calls, constructors, functions, operators, paths, steps, variables
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.compiler.placer import Placer
from truto_mapper.language.compiler.shape import Shape
from truto_mapper.language.compiler.writer import Table, Writer
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.language.names import free_variables
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

#: The function that compiles each kind of node. The other kinds are parts of these.
VALUES: Final[Table] = {
    nodes.Apply: calls.compile_apply,
    nodes.Array: constructors.compile_array,
    nodes.Binary: operators.compile_binary,
    nodes.Bind: variables.compile_bind,
    nodes.Block: variables.compile_block,
    nodes.Branches: operators.compile_branches,
    nodes.Call: calls.compile_call,
    nodes.Chain: operators.compile_chain,
    nodes.Coalesce: operators.compile_alternative,
    nodes.Condition: operators.compile_condition,
    nodes.Default: operators.compile_alternative,
    nodes.Descendant: steps.compile_wildcard,
    nodes.Hole: operators.compile_hole,
    nodes.Lambda: functions.compile_lambda,
    nodes.Name: steps.compile_name,
    nodes.Negate: operators.compile_negate,
    nodes.Number: constructors.compile_literal,
    nodes.Object: constructors.compile_object,
    nodes.Parent: variables.compile_parent,
    nodes.Partial: functions.compile_partial,
    nodes.Path: paths.compile_path,
    nodes.Regex: constructors.compile_regex,
    nodes.Step: steps.compile_step,
    nodes.String: constructors.compile_literal,
    nodes.Transform: functions.compile_transform,
    nodes.Value: constructors.compile_literal,
    nodes.Variable: variables.compile_variable,
    nodes.Wildcard: steps.compile_wildcard,
}

#: The functions for raw values, which are not yet collapsed.
RAW_VALUES: Final[Table] = {
    **VALUES,
    nodes.Apply: calls.compile_raw_apply,
    nodes.Call: calls.compile_raw_call,
    nodes.Chain: operators.compile_raw_chain,
    nodes.Descendant: steps.compile_raw_wildcard,
    nodes.Path: paths.compile_raw_path,
    nodes.Wildcard: steps.compile_raw_wildcard,
}


class Emitted(NamedTuple):
    """A compiled node: `value` must be evaluated right after `statements`. It `runs` if it uses the local `run`."""

    statements: list[ast.stmt]
    value: ast.expr
    runs: bool


def emit(
    node: nodes.Node,
    names: Mapping[str, str],
    context: str,
    placer: Placer,
    *,
    callers: Mapping[str, str] | None = None,
    temporaries: Iterator[int] | None = None,
    classes: Mapping[str, str] = MappingProxyType({}),
    trace: bool = False,
    small: Collection[str] = (),
    alone: bool = False,
    whole: bool = True,
    shapes: Mapping[int, Shape] = MappingProxyType({}),
    objects: Collection[str] = (),
) -> Emitted:
    """Compile a node to statements and an expression, to be placed in a Python function.

    `names` maps JSONata's free variables to locals of the function; any other variable is the library's function of
    that name, or undefined. `context` is the local that holds `$`: plain JSON, or MISSING. `callers` maps the names of
    callers' functions to the locals that hold their `Function`s, `classes` maps locals to the names of their classes,
    where known. Expressions in one function share an `itertools.count()` as `temporaries`, so that their new locals
    differ; each ends in `_` and a number. With `trace`, `Run.seen` records the value of each node under its index in
    `walk(node)`. `small` are variables whose values are not much longer than a row. Code that is `alone` belongs to no
    row of a page: its input may be of any size, so every loop checks the clock. A `whole` context is one item even if
    it is an array. Object constructors whose identities are in `shapes` give an object of that shape, or raise.
    `objects` are locals that hold an object or MISSING: the code may raise for any other value. The value may be a
    `Sequence`, or hold functions if the node `escapes`: see `values.plain`.
    """
    tables = VALUES, RAW_VALUES
    writer = Writer(
        tables, node, {"$": context, **names}, context, placer, callers or {}, temporaries, classes, trace, small, alone
    )
    writer.is_input, writer.shapes, writer.objects = whole, shapes, objects
    variables.declare_bound(writer, (node,))
    value = writer.value(node)
    return Emitted(writer.lines, value, writer.runs)


class Program(NamedTuple):
    """A module with one Python function, `expression(data, run, *parameters)`; `run` may be None unless it `runs`.

    A `rooted` one takes `root` after `run`.
    """

    tree: ast.Module
    parameters: tuple[str, ...]
    runs: bool


def program(
    node: nodes.Node,
    placer: Placer,
    callers: Mapping[str, str],
    *,
    trace: bool = False,
    whole: bool = True,
    rooted: bool = False,
) -> Program:
    """Compile an expression to a Python function that takes the values of its free variables. See also `emit`.

    If it is `rooted`, the function takes the value of `$$`, which in the text given to $eval is not the context.
    """
    names = parameters(node, callers)
    numbers = count(1)
    locals_ = {name: f"v_{next(numbers)}" for name in names}
    root = {"$": "root"} if rooted else {}
    options: dict[str, Any] = {
        "callers": callers,
        "temporaries": numbers,
        "trace": trace,
        "alone": True,
        "whole": whole,
    }
    made = emit(node, locals_ | root, "data", placer, **options)
    pen = Pen(placer.place(node.span))
    body = [*made.statements, ast.Return(made.value, **pen.at)]
    pen.define("expression", ("data", "run", *root.values(), *locals_.values()), body)
    return Program(ast.Module(pen.lines, []), names, made.runs)


def parameters(node: nodes.Node, callers: Mapping[str, str]) -> tuple[str, ...]:
    """The free variables whose values an expression uses, without known functions that it only calls."""
    called = {id(one.procedure) for one in nodes.walk(node) if isinstance(one, (nodes.Call, nodes.Partial))}
    known = callers.keys() | LIBRARY.keys()
    used = (v.name for v in free_variables(node) if id(v) not in called or v.name not in known)
    return tuple(dict.fromkeys((*used, *_seen_without_tuples(node))))


def _seen_without_tuples(node: nodes.Node) -> Iterator[str]:
    """The variables of tuples that a group sees from outside if its path ends before the first tuple."""
    for path in nodes.walk(node):
        if isinstance(path, nodes.Path) and path.group is not None and not path.steps[0].tuple:
            for step in path.steps:
                numbered = (stage.variable for stage in step.stages if isinstance(stage, nodes.Index))
                yield from (variable.name for variable in (step.focus, step.index, *numbered) if variable)


def code_of(tree: ast.Module, source: Source) -> CodeType:
    """The code of a module. Raises `SyntaxError` or `RecursionError` if it nests too deeply for Python."""
    code: CodeType = compile(tree, source.name.replace("\0", " "), "exec")
    return code
