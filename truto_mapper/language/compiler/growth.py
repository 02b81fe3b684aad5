"""Reductions that add to an array or object: it grows in place, because nobody else sees it."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.operators import compile_truth
from truto_mapper.language.compiler.writer import Writer

#: The nodes that may keep a value after they are evaluated.
_KEEPING = (nodes.Bind, nodes.Lambda, nodes.Partial, nodes.Transform, nodes.Apply)


def grows(function: nodes.Node) -> bool:
    """Whether a lambda gives its first parameter, or an array or object that is joined to it."""
    if not isinstance(function, nodes.Lambda):
        return False
    name = function.parameters[0].name
    bound = [parameter.name for parameter in function.parameters].count(name) > 1
    return not bound and not isinstance(function.body, nodes.Variable) and _grows(function.body, name)


def _grows(node: nodes.Node, name: str) -> bool:
    match node:
        case nodes.Variable(name=own):
            return own == name
        case nodes.Condition(condition=condition, then=then, otherwise=otherwise):
            keeps = _mentions(condition, name) and any(isinstance(one, _KEEPING) for one in nodes.walk(condition))
            return not keeps and _grows(then, name) and (otherwise is None or _grows(otherwise, name))
        case nodes.Block(expressions=(only,)):
            return _grows(only, name)
        case nodes.Call(procedure=nodes.Variable(name="append"), arguments=(nodes.Variable(name=own), more)):
            return own == name and not _mentions(more, name)
        case nodes.Call(
            procedure=nodes.Variable(name="merge"), arguments=(nodes.Array(items=(nodes.Variable(name=own), *rest)),)
        ):
            return own == name and not any(_mentions(one, name) for one in rest)
        case _:
            return False


def _mentions(node: nodes.Node, name: str) -> bool:
    """Whether a node may use a variable; a text given to $eval may."""
    return any(isinstance(one, nodes.Variable) and one.name in (name, "eval") for one in nodes.walk(node))


def write_growth(writer: Writer, node: nodes.Node | None, result: str, own: str) -> ast.expr:
    """Statements that add to the local of the result. `own` lists the value that only this local holds."""
    running, holder, before = writer.running(), writer.load(own), writer.load(result)
    match node:
        case nodes.Condition(condition=condition, then=then, otherwise=otherwise):
            test = compile_truth(writer, condition)
            bodies = list[ast.stmt](), list[ast.stmt]()
            for body, branch in zip(bodies, (then, otherwise), strict=True):
                with writer.into(body):
                    write_growth(writer, branch, result, own)
            writer.lines.append(ast.If(test, bodies[0] or [ast.Pass(**writer.at)], bodies[1], **writer.at))
        case None:
            writer.assign(result, writer.load("MISSING"))
        case nodes.Block(expressions=(only,)):
            write_growth(writer, only, result, own)
        case nodes.Call(arguments=(nodes.Array(items=(_, *rest)) as array,)):
            more = writer.value(nodes.Array(array.span, tuple(rest)))
            with writer.placed(node):
                writer.assign(
                    result, writer.called("merged_onto", running, writer.load("f_merge"), holder, before, more)
                )
        case nodes.Call(arguments=(_, added)):
            more = writer.value(added)
            with writer.placed(node):
                writer.assign(result, writer.called("appended_onto", running, holder, before, more))
    return before
