"""What the reader of an object knows of its fields."""

from truto_mapper.text.record import NamedTuple


class Part(NamedTuple):
    """A field of a shape.

    `classes` are the names of the classes that a value may have, `valid` that of a function that tells a valid one.
    """

    name: str
    classes: tuple[str, ...]
    valid: str | None
    is_required: bool


class Shape(NamedTuple):
    """What an object constructor makes: some fields in this order, those of no value left out.

    With a `maker` the object is what that function makes of the values, None for no value. A long text is not right,
    because nobody counts it. The code raises for a value that is not, and for an object without any field.
    """

    parts: tuple[Part, ...]
    maker: str | None = None
