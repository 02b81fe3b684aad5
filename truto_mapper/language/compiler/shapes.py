"""Object constructors in a shape: the code proves each value right where it is made, or gives up."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.operators import is_boolean
from truto_mapper.language.compiler.shape import Part, Shape
from truto_mapper.language.compiler.writer import SHORT, Writer


def compile_shaped(writer: Writer, pairs: dict[str, nodes.Node], shape: Shape) -> ast.expr:
    """`{key: value}` in a shape."""
    values = dict(zip(pairs, map(writer.atom, writer.values(*pairs.values())), strict=True))
    for name, value in values.items():
        if is_boolean(writer, pairs[name]):
            writer.known(value, "bool")
    given = [(part, values[part.name]) for part in shape.parts]
    for part, value in given:
        if part.is_required:
            writer.give_up_unless(_is_right(writer, part, value))
    return _dict_of(writer, given) if shape.maker is None else _made_by(writer, shape.maker, given)


def _dict_of(writer: Writer, given: list[tuple[Part, ast.expr]]) -> ast.expr:
    """The dict in one piece, if every value is right; else piece by piece."""
    made, rights = writer.new_local("object"), [_is_right(writer, part, value) for part, value in given]

    def whole() -> None:
        keys: list[ast.expr | None] = [writer.constant(part.name) for part, _ in given]
        writer.assign(made, ast.Dict(keys, [_kept(writer, part, value) for part, value in given], **writer.at))

    def in_pieces() -> None:
        writer.assign(made, ast.Dict([], [], **writer.at))
        for (part, value), is_right in zip(given, rights, strict=True):
            kept = _kept(writer, part, value)
            writer.branch(
                is_right,
                lambda part=part, kept=kept: writer.assign_item(made, part.name, kept),  # type: ignore[misc]
                lambda value=value: writer.give_up_unless(writer.is_no_value(value)),  # type: ignore[misc]
            )
        writer.give_up_unless(writer.load(made))

    writer.branch(writer.both(*rights), whole, in_pieces)
    return writer.known(writer.load(made), "dict")


def _made_by(writer: Writer, maker: str, given: list[tuple[Part, ast.expr]]) -> ast.expr:
    values, made = [_or_none(writer, part, value) for part, value in given], writer.new_local("object")
    if not any(part.is_required or _is_sure(writer, part, value) for part, value in given):
        are_there = (writer.test(one, ast.IsNot(), writer.constant(None)) for one in values)
        writer.give_up_unless(writer.either(*are_there))
    writer.assign(made, writer.called(maker, *values))
    return writer.load(made)


def _or_none(writer: Writer, part: Part, value: ast.expr) -> ast.expr:
    if part.is_required or _is_sure(writer, part, value):
        return _kept(writer, part, value)
    local = writer.new_local("value")

    def nothing() -> None:
        writer.give_up_unless(writer.is_no_value(value))
        writer.assign(local, writer.constant(None))

    kept = _kept(writer, part, value)
    writer.branch(_is_right(writer, part, value), lambda: writer.assign(local, kept), nothing)
    return writer.load(local)


def _is_right(writer: Writer, part: Part, value: ast.expr) -> ast.expr:
    """The test that a value is one of a field."""
    if _is_sure(writer, part, value):
        return writer.constant(value=True)
    test = writer.either(*(writer.has_class(value, name) for name in part.classes))
    if part.classes == ("str",):
        test = writer.both(test, writer.test(writer.called("len", value), ast.Lt(), writer.constant(SHORT)))
    return test if part.valid is None else writer.both(test, writer.called(part.valid, value))


def _is_sure(writer: Writer, part: Part, value: ast.expr) -> bool:
    """Whether a value is surely right. A constant is: its shape knows it."""
    known = writer.classes.get(value.id) if isinstance(value, ast.Name) else None
    return isinstance(value, ast.Constant) or (part.valid is None and known in part.classes and known != "str")


def _kept(writer: Writer, part: Part, value: ast.expr) -> ast.expr:
    """A value as it is stored: a whole number as an integer."""
    if "float" not in part.classes or isinstance(value, ast.Constant):
        return value
    return writer.choice(writer.has_class(value, "int"), value, writer.called("finite", value))
