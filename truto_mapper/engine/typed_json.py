"""JSON by msgspec, where it is installed: several times as fast as Python's own module, and the same values.

What msgspec refuses may still be JSON that Python reads: the caller tries that next. Everything that is decoded here is
checked, because msgspec lets invalid UTF-8 and numbers beyond a double through in what it skips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from keyword import iskeyword
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine.decimals import dumps, is_exact, number
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text import quick_json

if TYPE_CHECKING:
    from truto_mapper.language.names import NamePath

#: How many calls deep JSON is decoded as a whole, so that what is nested too deeply for Python's own module is refused.
FRAMES = 6

#: The options of types that are decoded: an unknown name is refused, because what is skipped is not checked.
_STRICT = {"kw_only": True, "gc": False, "forbid_unknown_fields": True}

Decoder = Callable[[Any], Any]

#: The type of a value that nobody reads or writes: as Any, but its decimals need not keep their digits.
UNREAD: Any = int | float | str | bool | None | list[Any] | dict[str, Any]

#: How often new names of replies are learned, the most names of one object, and the most characters of one.
MAX_LESSONS, MAX_NAMES, MAX_NAME = 20, 1_000, 100

Plain = Callable[[Any], dict[str, Any]]
Names: TypeAlias = "Mapping[NamePath, Sequence[str]]"


#: The module `msgspec`, None where it is not installed.
library = quick_json.library


class UndecidedError(Exception):
    """Something that has to be read, mapped or written the usual way."""


def decoder(kind: Any) -> Decoder:
    """The function that decodes bytes, or raw JSON, as a type; in it `Exact`s keep their digits. Raises `errors()`."""
    decode: Decoder = library().json.Decoder(kind, float_hook=number).decode
    return decode


def errors() -> tuple[type[Exception], ...]:
    """What decoding raises."""
    return library().MsgspecError, ValueError, RecursionError


def deep(decode: Decoder, body: Any, frames: int = FRAMES) -> Any:
    """What a decoder makes of a body. Raises `errors()`, also for one that Python's own module cannot follow."""
    return deep(decode, body, frames - 1) if frames else decode(body)


def read(body: Any, as_float: Callable[[str], float] | None = None) -> Any:
    """Bytes, or raw JSON, as JSON. Raises `UndecidedError` for bytes that are left to Python's own module.

    `as_float` makes numbers of their texts.
    """
    if library() is None:
        raise UndecidedError
    json = library().json
    try:
        return deep(json.decode if as_float is None else json.Decoder(float_hook=as_float).decode, body)
    except errors():
        raise UndecidedError from None


def write(value: Any, *, lines: bool = False) -> bytes:
    """A value that is JSON and has no NaN or infinity, as bytes; with `lines` each of its items in a line of its own.

    An `Exact` has its own digits. Raises `UndecidedError` as `read` does.
    """
    if library() is None:
        raise UndecidedError
    encoder = _encoder()
    try:
        return encoder.encode_lines(value) if lines else encoder.encode(value)  # type: ignore[no-any-return]
    except (TypeError, ValueError, RecursionError):
        raise UndecidedError from None


@cache
def _encoder() -> Any:
    return library().json.Encoder(enc_hook=_written)


def is_plain(value: Any) -> bool:
    """Whether a value that was read surely has no `Exact`."""
    try:
        library().json.encode(value)
    except (TypeError, RecursionError):
        return False
    return True


def _written(value: Any) -> Any:
    """What is written for a value that msgspec does not know."""
    if not is_exact(value):
        raise TypeError
    return library().Raw(value.text)


def texts(values: Sequence[Any]) -> Sequence[Any]:
    """The JSON text of each value as bytes, None for None; what is raw JSON stays as it is."""
    raw = None if library() is None else library().Raw
    if set(map(type, values)) == {raw}:
        return values
    return [one if one is None or type(one) is raw else _text(one) for one in values]


def _text(value: Any) -> bytes:
    try:
        return write(value)
    except UndecidedError:
        return dumps(value).encode()


def raw(body: Any) -> Any:
    """Bytes that are one JSON value, to be decoded later. Raises `UndecidedError` for others."""
    return _decoded(body, library().Raw)


def members(body: Any) -> dict[str, Any]:
    """The members of an object, each to be decoded later. Raises `UndecidedError` for bytes that are no object."""
    return _decoded(body, GenericAlias(dict, (str, library().Raw)))  # type: ignore[no-any-return]  # of this type


def _decoded(body: Any, kind: Any) -> Any:
    try:
        return library().json.decode(body, type=kind)
    except errors():
        raise UndecidedError from None


def raw_list() -> Any:
    """The type of an array whose items are not decoded yet."""
    return GenericAlias(list, (library().Raw,))


def input_type(fields: Iterable[tuple[str, str, Any, bool]]) -> Any:
    """The type of objects with these names and no others: each with its attribute, type, and whether it must be there.

    An optional one that cannot be null is None if it is absent.
    """
    unset, made, renamed = library().UNSET, list[Any](), dict[str, str]()
    for name, attribute, kind, is_required in fields:
        renamed[attribute] = name
        if is_required:
            made.append((attribute, kind))
        elif kind is Any or kind is UNREAD:  # null differs from absent
            made.append((attribute, kind, unset))
        else:
            made.append((attribute, kind, None))
    return library().defstruct("Object", made, rename=renamed, **_STRICT)


def is_attribute(name: str) -> bool:
    """Whether a name can be that of an attribute."""
    return name.isidentifier() and not name.startswith("_") and not iskeyword(name) and name != "get"


def is_name(name: str) -> bool:
    """Whether msgspec takes a name for that of a field. It is also short, because names of replies are kept."""
    return len(name) <= MAX_NAME and name.isprintable() and '"' not in name and "\\" not in name


def new_names(value: Any, known: frozenset[str]) -> list[str]:
    """The names of an object that are to be learned; none if that would be too many."""
    if not isinstance(value, dict) or value.keys() <= known:
        return []
    new = [name for name in value if name not in known and is_name(name)]
    return new if len(known) + len(new) <= MAX_NAMES else []


def envelope_type(tree: Mapping[str, Any], names: Names, path: NamePath = ()) -> tuple[Any, Plain]:
    """The type of an object with the values of a tree of types, and any others at these `names`, and how it is read.

    The function makes an object of the type a dict, with MISSING for names that are absent.
    """
    made, renamed, inner = [], dict[str, str](), list[tuple[str, Plain]]()
    for index, name in enumerate(dict.fromkeys([*filter(is_name, names.get(path, ())), *tree])):
        attribute = name if is_attribute(name) else f"_{index}"
        renamed |= {attribute: name} if attribute != name else {}
        kind = tree.get(name, Any)
        if isinstance(kind, dict):
            kind, function = envelope_type(kind, names, (*path, name))
            inner.append((name, function))
        made.append((attribute, kind, MISSING))
    as_dict: Plain = library().structs.asdict

    def plain(envelope: Any) -> dict[str, Any]:
        found = {renamed.get(attribute, attribute): value for attribute, value in as_dict(envelope).items()}
        for name, function in inner:
            if found[name] is not MISSING:
                found[name] = function(found[name])
        return found

    kind = library().defstruct("Envelope", made, rename=renamed, **_STRICT)
    return kind, plain if renamed or inner else as_dict


def output(names: Iterable[str]) -> Any:
    """The class of objects with these names to encode: values in their order, None for those to leave out."""
    made = [(name, Any, None) for name in names]
    options = {"gc": False, "omit_defaults": True, "namespace": {"get": _get}}
    return library().defstruct("Object", made, **options)


def _get(made: Any, name: str) -> Any:
    return getattr(made, name, None)


def with_inner(row: Any, raw: Any) -> Any:
    """A row with only one of its inner rows."""
    return library().structs.replace(row, inner=[raw])
