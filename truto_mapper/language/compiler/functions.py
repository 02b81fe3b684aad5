"""Expressions that make functions: lambdas, partial applications, transforms."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.calls import load_procedure
from truto_mapper.language.compiler.items import item_function
from truto_mapper.language.compiler.variables import declare_bound, load_variable
from truto_mapper.language.compiler.writer import Writer


def compile_lambda(writer: Writer, node: nodes.Lambda) -> ast.expr:
    """`function($a){ body }`: a Python function of the parameters, in a `Closure`."""
    names = [parameter.name for parameter in node.parameters]
    locals_ = [writer.new_local(name) for name in names]

    def write() -> ast.expr:
        with writer.scope():
            writer.variables |= {name: (local, writer.nonlocals) for name, local in zip(names, locals_, strict=True)}
            declare_bound(writer, (node.body,), but=frozenset(names))
            return writer.value(node.body)

    with writer.of_lambda(leaves_tails=True):
        body = writer.function(locals_, write)
    size, signature = writer.constant(len(names)), writer.constant(node.signature)
    return writer.called("Closure", writer.constant("lambda"), writer.load(body), size, signature)


def compile_partial(writer: Writer, node: nodes.Partial) -> ast.expr:
    """`procedure(a, ?)`: a call of `partially`, with `HOLE` for each `?`."""
    given = writer.values(*(one for one in node.arguments if not isinstance(one, nodes.Placeholder)))
    filling = iter([writer.atom(one) for one in given])
    arguments = [writer.load("HOLE") if isinstance(one, nodes.Placeholder) else next(filling) for one in node.arguments]
    function = load_procedure(writer, node.procedure, "T1007")
    return writer.called("partially", writer.running(), function, *arguments)


def compile_transform(writer: Writer, node: nodes.Transform) -> ast.expr:
    """`|pattern|update, delete|`: a call of `transform` with a Python function for each part."""
    parts = [item_function(writer, part) for part in (node.pattern, node.update)]
    parts.append(writer.constant(None) if node.delete is None else item_function(writer, node.delete))
    strays = writer.constant(value=not _is_within(node.pattern))
    return _copying(writer, writer.called("transform", *parts, strays))


def _is_within(node: nodes.Node) -> bool:
    """Whether all that a node selects is certainly a part of `$`."""
    match node:
        case nodes.Name() | nodes.Wildcard() | nodes.Descendant() | nodes.Sort() | nodes.Variable(name=""):
            return True
        case nodes.Step(node=selected, group=None, tuple=False):
            return _is_within(selected)
        case nodes.Path(steps=steps, group=None, tuple=False):
            return all(map(_is_within, steps))
        case nodes.Block(expressions=(only,)):
            return _is_within(only)
        case _:
            return False


def _copying(writer: Writer, transform: ast.expr) -> ast.expr:
    """A transform that copies its input by `$clone`, if the expression binds that name."""
    if writer.variables.get("clone") is writer.free.get("clone"):
        return transform
    clone = writer.function([], lambda: load_variable(writer, "clone"))
    return writer.called("cloning", transform, writer.load(clone))
