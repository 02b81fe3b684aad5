"""Loops: `$map(a, function($v){ … })` and the like, with the body of the lambda in a Python loop."""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from truto_mapper.language import nodes
from truto_mapper.language.compiler.constructors import NO_SEQUENCE
from truto_mapper.language.compiler.direct import call_directly
from truto_mapper.language.compiler.growth import grows, write_growth
from truto_mapper.language.compiler.items import needs_function
from truto_mapper.language.compiler.lambdas import LOOPS, OF_CONTEXT, function_argument
from truto_mapper.language.compiler.operators import Use, compile_truth
from truto_mapper.language.compiler.variables import bound_in, declare_bound, function_name
from truto_mapper.language.compiler.writer import MANY, Writer
from truto_mapper.language.library.functions import STANDARD


def compile_loop(writer: Writer, node: nodes.Call, name: str | None, piped: Sequence[ast.expr]) -> ast.expr | None:
    """A call of `LOOPS` as a loop; its value is not collapsed. None if it is no such call."""
    if name is None or name not in LOOPS or name in writer.callers:
        return None
    function = function_argument(node, piped=bool(piped))
    if function is None or not (id(function) in writer.written_out or _is_direct(writer, name, function)):
        return None
    given = [*piped, *writer.values(*(one for one in node.arguments if one is not function))]
    if name in OF_CONTEXT:
        return _of_object(writer, function, given, name)
    values = writer.atom(given[0])
    if name == "map":
        return _mapped(writer, function, values)
    if isinstance(function, nodes.Lambda) and name == "reduce":
        return _reduced(writer, function, values, given[1] if len(given) > 1 else writer.load("MISSING"))
    return _only(writer, function, values) if name == "single" else _filtered(writer, function, values)


def _is_direct(writer: Writer, name: str, function: nodes.Node) -> bool:
    """Whether a function is a standard function that takes each item of an array, and nothing else."""
    if name not in ("map", "filter") or writer.numbers:
        return False
    given = function_name(writer, function)
    return given is not None and given not in writer.callers and given in STANDARD and STANDARD[given].arity == 1


def _mapped(writer: Writer, function: nodes.Node, values: ast.expr) -> ast.expr:
    source, found = writer.atom(writer.items("listed", values)), writer.empty("Sequence")
    with _each_item(writer, function, source, results=(found,)) as offered:
        _append_stored(writer, found, function, _result(writer, function, offered, Writer.value))
    return _gathered(writer, values, found)


def _filtered(writer: Writer, function: nodes.Node, values: ast.expr) -> ast.expr:
    source, found = writer.atom(writer.items("listed", values)), writer.empty("Sequence")
    with _each_item(writer, function, source) as offered:
        is_kept = _result(writer, function, offered, compile_truth)
        writer.branch(is_kept, lambda: writer.append(found, writer.load(offered[0])))
    return _gathered(writer, values, found)


def _only(writer: Writer, function: nodes.Node, values: ast.expr) -> ast.expr:
    """`$single`: a second item that matches ends the loop."""
    source, found = writer.atom(writer.items("listed", values)), writer.empty("list")
    with _each_item(writer, function, source, numbered=True) as offered:
        is_found = _result(writer, function, offered, compile_truth)
        match = writer.called("add_match", writer.load(found), writer.load(offered[1]))
        writer.branch(is_found, lambda: writer.do(match))
    only = writer.called("only", source, writer.load(found))
    return writer.choice(writer.is_there(values), only, writer.load("MISSING"))


def _gathered(writer: Writer, values: ast.expr, found: str) -> ast.expr:
    """The results of a loop, undefined if there was nothing to loop over."""
    return writer.choice(writer.is_there(values), _counted(writer, found), writer.load("MISSING"))


def _counted(writer: Writer, found: str) -> ast.expr:
    """The results of a loop, their bytes counted where they may be many."""
    results = writer.load(found)
    gathered = writer.called("gathered", writer.running(), results)
    if writer.may_be_many:
        return gathered
    is_short = ast.Compare(
        writer.constant(1), [ast.Lt(), ast.LtE()], [writer.called("len", results), writer.constant(MANY)], **writer.at
    )
    return writer.choice(is_short, results, gathered)


def _append_stored(writer: Writer, found: str, function: nodes.Node, value: ast.expr) -> None:
    value = writer.atom(value)
    stored = value
    if not isinstance(value, ast.Constant) and not isinstance(getattr(function, "body", None), NO_SEQUENCE):
        stored = writer.choice(writer.has_class(value, "Sequence"), writer.called("stored", value), value)
    writer.branch(writer.is_there(value), lambda: writer.append(found, stored))


@contextmanager
def _each_item(
    writer: Writer, function: nodes.Node, source: ast.expr, *, numbered: bool = False, results: Sequence[str] = ()
) -> Iterator[list[str]]:
    """Write the body of a loop over an array; given are the locals of the item, its index and the array."""
    item, index = writer.new_local("item"), writer.new_local("i")
    writer.known(writer.load(index), "int")
    body: list[ast.stmt] = []
    with writer.looping(body, source):
        yield [item, index, source.id]  # type: ignore[attr-defined]  # a local
    over, targets = writer.watched(source, *results), [item]
    if numbered or len(function.parameters if isinstance(function, nodes.Lambda) else ()) > 1:
        over, targets = writer.called("enumerate", over), [index, item]
    writer.loop(over, body, *targets)


def _result(writer: Writer, function: nodes.Node, offered: list[str], use: Use) -> ast.expr:
    """What a function gives for as many of the offered locals as it takes."""
    if not isinstance(function, nodes.Lambda):
        name = function_name(writer, function) or ""
        made = call_directly(writer, name, [writer.load(offered[0])], writer.constant(None))
        return made if use is Writer.value else writer.called("truthy", made, writer.running())
    if not needs_function(writer, function.body):
        return _body(writer, function, offered, use)
    locals_ = [writer.new_local(parameter.name) for parameter in function.parameters]
    name = writer.function(locals_, lambda: _body(writer, function, locals_, use))
    given = [*offered, *["MISSING"] * len(locals_)][: len(locals_)]
    return writer.called(name, *map(writer.load, given))


def _body(writer: Writer, function: nodes.Lambda, offered: list[str], use: Use) -> ast.expr:
    """The value of a lambda's body. The locals are its parameters, or are copied where it binds them anew."""
    names = [parameter.name for parameter in function.parameters]
    rebound = bound_in((function.body,))
    with writer.scope(), writer.of_lambda(leaves_tails=False):
        for name, local in zip(names, [*offered, *["MISSING"] * len(names)], strict=False):
            own = local
            if name in rebound:
                own = writer.new_local(name)
                writer.assign(own, writer.load(local))
            writer.variables[name] = (own, writer.nonlocals)
        declare_bound(writer, (function.body,), but=frozenset(names))
        return use(writer, function.body)


def _of_object(writer: Writer, function: nodes.Node, given: list[ast.expr], name: str) -> ast.expr:
    """`$each` and `$sift`: a loop over the fields of an object."""
    library, found = writer.load(f"f_{name}"), writer.empty("Sequence" if name == "each" else "dict")
    given = [*map(writer.atom, given)]
    taken = writer.called("object_of", library, writer.focus(), *given)
    source = writer.atom(writer.choice(writer.has_class(given[0], "dict"), given[0], taken) if given else taken)
    key, value = writer.new_local("key"), writer.new_local("value")
    writer.known(writer.load(key), "str")
    offered = [value, key, source.id]  # type: ignore[attr-defined]  # a local
    body: list[ast.stmt] = []
    with writer.looping(body, source):
        if name == "each":
            _append_stored(writer, found, function, _result(writer, function, offered, Writer.value))
        else:
            is_kept = _result(writer, function, offered, compile_truth)
            writer.branch(is_kept, lambda: writer.assign_item(found, writer.load(key), writer.load(value)))
    writer.loop(writer.pairs(source), body, key, value)
    if name == "each":
        return _counted(writer, found)
    return writer.choice(writer.load(found), writer.load(found), writer.load("MISSING"))


def _reduced(writer: Writer, function: nodes.Lambda, values: ast.expr, initial: ast.expr) -> ast.expr:
    """`$reduce`: a loop that replaces the local of the result."""
    source, initial = writer.atom(writer.called("listed", values)), writer.atom(writer.called("initial", initial))
    is_given, result = writer.is_there(initial), writer.new_local("result")
    first = writer.atom(writer.choice(is_given, writer.constant(0), writer.constant(1)))
    writer.assign(result, writer.choice(is_given, initial, writer.called("item_at", source, writer.constant(0))))
    item, index = writer.new_local("item"), writer.new_local("i")
    offered = [result, item, index, source.id]  # type: ignore[attr-defined]  # a local
    body: list[ast.stmt] = []
    if grows(function):
        own = writer.empty("list")
        with writer.looping(body):
            _body(writer, function, offered, lambda _, node: write_growth(writer, node, result, own))
    else:
        replacing = writer.atom(writer.called("Replacing", writer.running()))
        with writer.looping(body):
            _replace(writer, function, offered, replacing)
    over = writer.watched(writer.part(source, ast.Slice(first, None, None, **writer.at)))
    writer.loop(writer.called("enumerate", over, first), body, index, item)
    gathered = writer.called("gathered", writer.running(), writer.load(result))
    return writer.choice(writer.is_there(values), gathered, writer.load("MISSING"))


#: The operators whose results are not counted, because they are small.
_SMALL = frozenset(("+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "and", "or", "in"))


def _replace(writer: Writer, function: nodes.Lambda, offered: list[str], replacing: ast.expr) -> None:
    """Replace the result by what the lambda gives for it. What is made next replaces what was made, also in memory."""
    result = offered[0]
    if isinstance(function.body, nodes.Binary) and function.body.operator in _SMALL:
        writer.assign(result, _result(writer, function, offered, Writer.value))
        return
    before = writer.new_local("before")
    writer.assign(before, writer.load(result))
    writer.do(writer.method(replacing, "begin", writer.load(before)))
    writer.assign(result, _result(writer, function, offered, Writer.value))
    writer.do(writer.method(replacing, "end", writer.load(before), writer.load(result)))
