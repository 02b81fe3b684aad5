"""What is valid JSONata, but was probably meant to be something else; found without any types."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import pairwise, starmap

from truto_mapper.authoring.check.calls import mistaken_call
from truto_mapper.authoring.check.operations import mistaken_operation
from truto_mapper.language import call_types, foreign, nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.hints.operators import looks_like, named
from truto_mapper.language.hints.templates import joined
from truto_mapper.language.names import discarded, is_simple_path, meant_as_binding
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, shortened


def slips(
    expression: Expression, settings: Mapping[str, Collection[str]] | None = None, bound: Collection[str] = ()
) -> Iterator[Diagnostic]:
    """The slips of an expression. `settings` has the names of what `query` and `context` hold, where they are bound.

    `bound` has the names of the variables.
    """
    yield from _unused(expression)
    yield from _functions(expression, bound)
    yield from _never_read(expression)
    yield from _twice_in_text(expression)
    for node in expression.below:
        match node:
            case nodes.String(value=value):
                yield from _text(expression, node, value, bound)
            case nodes.Name(value=value):
                yield from _name(expression, node, value)
            case nodes.Path(steps=steps):
                yield from _path(expression, steps, settings or {})
                yield from _brackets(expression, node)
            case nodes.Array() | nodes.Object() | nodes.Group():
                yield from _repeated(expression, node)
            case nodes.Term(expression=nodes.String() | nodes.Number() as key):
                field = f"write `{key.value}` for the field" if isinstance(key, nodes.String) else "write a field"
                yield _warning(expression, "C222", key, "this key is the same for each item", field)
            case nodes.Binary() | nodes.Coalesce() | nodes.Default() | nodes.Condition():
                yield from _operator(expression, node)
            case nodes.Call():
                yield from starmap(partial(_warning, expression), mistaken_call(node))
            case nodes.Step(predicates=filters):
                yield from _filters(expression, node, filters)


def _operator(expression: Expression, node: nodes.Node) -> Iterator[Diagnostic]:
    match node:
        case nodes.Binary() | nodes.Condition():
            found = mistaken_operation(node, partial(written, expression))
            yield from starmap(partial(_warning, expression), found)
        case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
            other = right.left if isinstance(right, nodes.Coalesce | nodes.Default) else right
            if left == other:
                message = f"both sides are `{written(expression, left)}`"
                yield _warning(expression, "C219", node, message, "one of them should be another value")
            elif is_simple_path(left) and (read := next((one for one in _beside(right) if one == left), None)):
                text, made = written(expression, left), written(expression, right)
                without = "is absent" if isinstance(node, nodes.Coalesce) else "is absent, empty or false"
                message = f"this reads `{text}`, but counts only where that {without}"
                yield _warning(expression, "C219", read, message, f"write `{text} ? {made}`")


def text_parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """The parts of a text that `&` joins, in order."""
    match node:
        case nodes.Binary(operator="&", left=left, right=right):
            yield from text_parts(left)
            yield from text_parts(right)
        case nodes.Block(expressions=(one,)):
            yield from text_parts(one)
        case nodes.Chain(parts=parts):
            for part in parts:
                yield from text_parts(part)
        case nodes.Hole():
            return
        case _:
            yield node


def joined_texts(node: nodes.Node) -> Iterator[tuple[nodes.Node, list[nodes.Node]]]:
    """The texts that `&` joins in a node, each with all of its parts."""
    inner: set[int] = set()
    for one in nodes.walk(node):
        parts = list(text_parts(one)) if isinstance(one, (nodes.Binary, nodes.Chain)) and id(one) not in inner else []
        if len(parts) > 1:
            inner |= {id(below) for below in nodes.walk(one)}
            yield one, parts


def _twice_in_text(expression: Expression) -> Iterator[Diagnostic]:
    """C219: `first & " " & first`, where another value was meant."""
    for _, parts in joined_texts(expression.node) if "&" in expression.text else ():
        read = [one for one in parts if not isinstance(one, nodes.CONSTANTS)]
        if len(read) > 1 and all(one == read[0] for one in read):
            yield _twice(expression, read[1], "text")


def _twice(expression: Expression, node: nodes.Node, what: str) -> Diagnostic:
    message = f"`{written(expression, node)}` comes twice in this {what}"
    return _warning(expression, "C219", node, message, "one of them should be another value")


def _beside(node: nodes.Node) -> Iterator[nodes.Node]:
    """What is below a node and has the same context."""
    yield node
    if not isinstance(node, nodes.Path | nodes.Lambda):
        for one in nodes.children(node):
            yield from _beside(one)


#: A text that is a path of a variable.
_PATH = re.compile(r"\$([A-Za-z_]\w*)(?:\.\w+)*")


def written(expression: Expression, node: nodes.Node) -> str:
    """The text of a node in one line, as a message quotes it."""
    return shortened(" ".join(expression.text[node.span.start : node.span.end].split()))


def _warning(expression: Expression, code: str, node: nodes.Node, message: str, hint: str) -> Diagnostic:
    return expression.diagnostic(code, message, node, severity="warning", hint=hint)


def _unused(expression: Expression) -> Iterator[Diagnostic]:
    """C218: values of a block that nothing uses."""
    for node in discarded(expression.node) if ";" in expression.text else ():
        hint = "remove it, or bind it: `$name := …`"
        if variable := meant_as_binding(node):
            assert isinstance(node, nodes.Binary)  # noqa: S101  # for mypy
            hint = f"`=` compares: write `${variable.name} := {written(expression, node.right)}`"
        yield _warning(expression, "C218", node, "nothing uses this value", hint)


def _functions(expression: Expression, bound: Collection[str]) -> Iterator[Diagnostic]:
    """C219: a function where a value is meant: one with fields, an operand, or all of an expression."""
    named = {id(one) for one in expression.variables if one.name not in bound and call_types.is_known(one.name)}
    for node in expression.below if named or "." in expression.text else ():
        match node:
            case nodes.Path(steps=(nodes.Step(node=first), _, *_)) if id(first) in named or isinstance(
                first, nodes.Lambda
            ):
                yield _warning(expression, "C219", first, "a function has no fields", _called(first, bound))
            case nodes.Step(node=first, predicates=(_, *_)) if id(first) in named:
                yield _warning(expression, "C219", first, "a function has no items", _called(first, bound))
            case nodes.Binary(left=left, right=right):
                for one in (left, right):
                    if id(one) in named:
                        yield _warning(expression, "C219", one, "this is a function, not a value", _called(one, bound))
    if id(expression.node) in named:
        hint = _called(expression.node, bound)
        yield _warning(expression, "C219", expression.node, "this is a function, not a value", hint)


def _called(node: nodes.Node, bound: Collection[str]) -> str:
    name = getattr(node, "name", "")
    near = did_you_mean(name, bound, "`${}`") if name else None
    return near or (f"write `${name}(…)`" if name else "call it: `(function(…) { … })(…)`")


def _never_read(expression: Expression) -> Iterator[Diagnostic]:
    """C219: a name that is bound and never read, while a field of that name is."""
    if ":=" not in expression.text and "{" not in expression.text:
        return
    every = expression.below
    bound = {id(one.variable): one.variable.name for one in every if isinstance(one, nodes.Bind)}
    bound |= {id(two): two.name for one in every if isinstance(one, nodes.Lambda) for two in one.parameters}
    read = {one.name for one in every if isinstance(one, nodes.Variable) and id(one) not in bound}
    firsts = [one.steps[0].node for one in every if isinstance(one, nodes.Path)]
    for first in firsts if set(bound.values()) - read else ():
        if isinstance(first, nodes.Name) and first.value in bound.values() and first.value not in read:
            message = f"`{first.value}` is the name of a field, and nothing reads the variable"
            yield _warning(expression, "C219", first, message, f"write `${first.value}`")


def _repeated(expression: Expression, node: nodes.Array | nodes.Object | nodes.Group) -> Iterator[Diagnostic]:
    """C219: `[first, first]`, and `{"a": 1, "a": 2}`."""
    items = node.items if isinstance(node, nodes.Array) else ()
    again = (one for at, one in enumerate(items) if isinstance(one, nodes.Path) and one in items[:at])
    yield from (_twice(expression, one, "list") for one in again)
    keys = [] if isinstance(node, nodes.Array) else [key for key, _ in node.pairs]
    for number, key in enumerate(keys):
        if isinstance(key, nodes.String) and key in keys[:number]:
            message = f'the object has "{key.value}" twice, which fails (D1009)'
            yield _warning(expression, "C219", key, message, "remove one of them, or rename it")


def _text(expression: Expression, node: nodes.Node, value: str, bound: Collection[str]) -> Iterator[Diagnostic]:
    """C219: `"Hello ${name}"`, and `"$row.name"`."""
    if edit := joined(value):
        yield _warning(expression, "C219", node, "a string has no placeholders", f"write `{edit}`")
    if (path := _PATH.fullmatch(value)) and path[1] in bound:
        yield _warning(expression, "C219", node, "this is a text, not a path", f"write `{value}`")


def _name(expression: Expression, node: nodes.Node, value: str) -> Iterator[Diagnostic]:
    """C219: names with characters that look like others or like nothing, or with quotes."""
    quoted = expression.text[node.span.start : node.span.start + 1] in ("`", '"', "'")
    if quoted and (edit := joined(value)):
        yield _warning(expression, "C219", node, "backquotes enclose a name, not a text", f"write `{edit}`")
    odd = None if quoted else next(looks_like(value), None)
    if odd is not None:
        plain = foreign.LOOKS_LIKE[odd[1]]
        text = value.translate({ord(one): foreign.LOOKS_LIKE[one] for _, one in looks_like(value)})
        hint = f"write `{text}`, or backquotes around the name" if plain else "remove it"
        yield _warning(expression, "C219", node, f"{named(odd[1])} is a part of this name", hint)
    elif not quoted and value[:2] in ('\\"', "\\'"):
        hint = f"write `{value.replace(chr(92), '')}`"
        yield _warning(expression, "C219", node, "a quote that begins a string has no backslash", hint)
    elif not quoted and ('"' in value or "'" in value):
        hint = "write the quotes around all of the text"
        yield _warning(expression, "C219", node, "this is a name, not a string", hint)


def _path(
    expression: Expression, steps: tuple[nodes.Step, ...], settings: Mapping[str, Collection[str]]
) -> Iterator[Diagnostic]:
    """C219: `True`, `None`, `undefined`; and variables without their `$`."""
    first = steps[0].node
    if not isinstance(first, nodes.Name) or expression.text[first.span.start] == "`":
        return
    if len(steps) == 1 and first.value in foreign.LITERALS:
        literal = foreign.LITERALS[first.value]
        hint = f"write `{literal}`" if "$" not in literal else "write `$exists(…)` or `$not($exists(…))`"
        yield _warning(expression, "C219", first, f"`{first.value}` is the name of a field", hint)
    second = steps[1].node if len(steps) > 1 else None
    if isinstance(second, nodes.Name) and second.value in settings.get(first.value, ()):
        message = f"`{first.value}` is the name of a field; a variable begins with `$`"
        yield _warning(expression, "C219", first, message, f"write `${first.value}.{second.value}`")


def _brackets(expression: Expression, path: nodes.Path) -> Iterator[Diagnostic]:
    """C221: `a.[0]`, and `a#$i.["k"]`, whose arrays are joined."""
    for before, step in zip(path.steps, path.steps[1:], strict=False):
        if isinstance(step.node, nodes.Array) and step.node.items:
            here = shortened(expression.text[path.span.start : before.span.end])
            inside = written(expression, step.node)
            if all(isinstance(item, nodes.Number) for item in step.node.items):
                message = f"`.{inside}` makes an array for each item"
                yield _warning(expression, "C221", step.node, message, f"write `{here}{inside}` to select an item")
            elif all(isinstance(item, nodes.Array) for item in step.node.items):
                continue
            elif path.steps[-1] is step and any(one.index or one.focus for one in path.steps):
                message = "the arrays of the items are joined to one here, because the path binds a variable"
                yield _warning(expression, "C221", step.node, message, f"write `[{inside}]` for an array of arrays")
    for step in path.steps:
        yield from _filters(expression, step, step.stages)


def _filters(
    expression: Expression, step: nodes.Step, filters: tuple[nodes.Filter | nodes.Index, ...]
) -> Iterator[Diagnostic]:
    """C221: `a["b"]`, which is always true, and `a[$i][0]`, which selects from the item that `[$i]` selected."""
    tests = [one.expression for one in filters if isinstance(one, nodes.Filter)]
    for test in tests:
        if isinstance(test, nodes.String):
            name = test.value if test.value.isidentifier() else f"`{shortened(test.value)}`"
            hint = f"write `.{name}` for the field" if name == test.value else f"write `` .{name} `` for the field"
            yield _warning(expression, "C221", test, "a text in brackets keeps every item", hint)
    for test in tests:
        before = expression.text[step.span.start : test.span.start - 1].strip()
        if isinstance(test, nodes.Call) and written(expression, test) == f"$count({before})":
            message = "nothing is there: the number of the last item is one less"
            yield _warning(expression, "C221", test, message, "write `[-1]`")
    for test, number in pairwise(tests):
        if isinstance(number, nodes.Number) and is_index(test):
            head = shortened(expression.text[step.span.start : test.span.end + 1])
            message = f"`[{written(expression, number)}]` selects from all that is before it, not from one item"
            yield _warning(expression, "C221", number, message, f"write `({head})[{written(expression, number)}]`")


def is_index(test: nodes.Node) -> bool:
    """Whether a predicate is a computed index: a value that is the same for all items, or a sum."""
    if isinstance(test, nodes.Binary):
        return test.operator in ("+", "-", "*", "/", "%")
    first = test.steps[0].node if isinstance(test, nodes.Path) else test
    return isinstance(first, nodes.Variable) and first.name != ""
