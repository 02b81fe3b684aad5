"""Compiles nodes to Python: an expression becomes one function, positioned at the author's lines and columns.

The function is an `ast`, never text: a string in an expression reaches the code only as `ast.Constant`. The code names
its own locals and `functions.NAMESPACE`, nothing else. The same node always gives the same code.

One module for each kind of node writes the code, with the `Writer` that it is given. The tables below say which.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from truto_mapper.language import nodes
from truto_mapper.language.compiler import calls, constructors, functions, operators, paths, steps, variables
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.compiler.placer import Placer
from truto_mapper.language.compiler.writer import Table, Writer
from truto_mapper.language.library.functions import NAMESPACE, OURS, STANDARD
from truto_mapper.language.names import free_variables
from truto_mapper.text.source import Source

#: The function that compiles each kind of node. Other kinds are parts of these.
VALUES: Final[Table] = {
    nodes.Apply: calls.compile_apply,
    nodes.Array: constructors.compile_array,
    nodes.Binary: operators.compile_binary,
    nodes.Bind: variables.compile_bind,
    nodes.Block: variables.compile_block,
    nodes.Call: calls.compile_call,
    nodes.Coalesce: operators.compile_alternative,
    nodes.Condition: operators.compile_condition,
    nodes.Default: operators.compile_alternative,
    nodes.Descendant: steps.compile_wildcard,
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

#: The same, but results that may be sequences are not yet collapsed.
RAW_VALUES: Final[Table] = {
    **VALUES,
    nodes.Apply: calls.compile_raw_apply,
    nodes.Call: calls.compile_raw_call,
    nodes.Descendant: steps.compile_raw_wildcard,
    nodes.Path: paths.compile_raw_path,
    nodes.Wildcard: steps.compile_raw_wildcard,
}


@dataclass(frozen=True, slots=True)
class Emitted:
    """A compiled node: `value` has to be evaluated right after `statements`. `runs` if they use the local `run`."""

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
) -> Emitted:
    """Compile a node to statements and an expression, to be placed in a Python function.

    `names` maps JSONata's free variables to the function's locals; any other variable is the library's function of
    that name, or undefined. `context` is the local that holds `$`: plain JSON, or MISSING. `$$` is the same unless
    `names` has `$`. `callers` maps the names of callers' functions to the locals that hold their `Function`s. The
    local `run` must hold a `values.Run` if the result `runs`. `classes` maps locals to the names of their classes,
    where known. Expressions in one Python function need one `itertools.count()` as `temporaries`, so that their locals
    differ; the name of every new local ends in `_` and a number. With `trace`, `Run.seen` records the value of each
    node under its index in `walk(node)`; values and errors stay the same.

    The value may be a `Sequence`, which is a list. If the node `escapes`, the value may also hold functions.
    `values.plain` makes it plain JSON.
    """
    tables = VALUES, RAW_VALUES
    writer = Writer(tables, node, {"$": context, **names}, context, placer, callers or {}, temporaries, classes, trace)
    with writer.scope():
        variables.declare_bound(writer, (node,))
        value = writer.value(node)
    return Emitted(writer.lines, value, writer.runs)


@dataclass(frozen=True, slots=True)
class Program:
    """A module with one Python function, `expression(data, run, *parameters)`. It needs a `run` only if it `runs`."""

    tree: ast.Module
    parameters: tuple[str, ...]
    runs: bool


def program(node: nodes.Node, placer: Placer, callers: Mapping[str, str], *, trace: bool = False) -> Program:
    """Compile an expression to a Python function. Its `parameters` are JSONata variables. For the rest see `emit`."""
    names = parameters(node, callers)
    numbers = count(1)
    locals_ = {name: f"v_{next(numbers)}" for name in names}
    made = emit(node, locals_, "data", placer, callers=callers, temporaries=numbers, trace=trace)
    pen = Pen(placer.place(node.span))
    body = [*made.statements, ast.Return(made.value, **pen.at)]
    pen.define("expression", ("data", "run", *locals_.values()), body)
    return Program(ast.Module(pen.lines, []), names, made.runs)


def parameters(node: nodes.Node, callers: Mapping[str, str]) -> tuple[str, ...]:
    """The free variables whose values an expression uses, without known functions that it only calls."""
    called = {id(one.procedure) for one in nodes.walk(node) if isinstance(one, (nodes.Call, nodes.Partial))}
    known = callers.keys() | STANDARD.keys() | OURS.keys()
    used = (v.name for v in free_variables(node) if id(v) not in called or v.name not in known)
    return tuple(dict.fromkeys(used))


def link(made: Program, source: Source, callers: Mapping[str, Any]) -> Callable[..., Any]:
    """Make the Python function of a program. `callers` maps the names it loads to callers' functions.

    Raises `SyntaxError` or `RecursionError` if Python cannot nest that deep.
    """
    namespace: dict[str, Any] = {**NAMESPACE, **callers, "__builtins__": {}}
    exec(compile(made.tree, source.name.replace("\0", " "), "exec"), namespace)  # noqa: S102  (of nodes, not of text)
    function: Callable[..., Any] = namespace["expression"]
    return function
