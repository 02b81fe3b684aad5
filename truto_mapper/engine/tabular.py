"""Records that are to become columns: tuples of the values of all declared fields, in their order, None for none.

So are the objects in them that declare fields; other values are as in any record, and an array may be a tuple.
"""

from __future__ import annotations

from typing import Any

from truto_mapper.resource.field import Field


def as_objects(field: Field, value: Any) -> Any:
    """A value in which tuples of fields are objects again."""
    if value is None:
        return None
    if field.items is not None:
        return [as_objects(field.items, one) for one in value]
    if not field.fields or type(value) is not tuple:
        return value
    found = zip(field.fields.items(), value, strict=True)
    return {name: as_objects(one, part) for (name, one), part in found if part is not None}
