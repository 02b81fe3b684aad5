"""Calls of standard functions without fitting: where each argument is of a class that its parameter takes.

The classes are tested where the code runs. A call with any other argument goes to the runtime, which fits arguments,
takes the context for one that is left out, and fails.
"""

import ast
from collections.abc import Sequence

from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.runtime.signatures import Parameter, parse_signature
from truto_mapper.language.runtime.values import SMALL

#: The classes of the values that fit a type of a signature; none if all values fit.
_CLASSES = {
    "s": ("str",), "n": ("int", "float"), "b": ("bool",), "o": ("dict",), "a": ("list", "Sequence"),
    "(nsb)": ("str", "int", "float", "bool"), "(sf)": ("str", "Pattern"), "(oa)": ("dict", "list"),
    "f": ("Closure", "Pattern"), "x": (),
}  # fmt: skip

#: The longest text that a function is given without counting the work.
MAX_TEXT = 1_000

#: The functions whose texts are hardly longer than their arguments.
_SHORTENING = frozenset(("uppercase", "lowercase", "substring", "substringBefore", "substringAfter", "trim"))

#: Functions that may do much for a short argument, so that every call of them counts as work.
_SLOW = frozenset(("formatInteger", "parseInteger"))

#: Functions that count what they do, and whose results are counted.
_COUNTING = frozenset(("split", "match"))

#: Functions for which the length of a text makes no difference.
_BRIEF = frozenset(("lookup",))

#: The signature of the functions of an array of numbers.
_OF_NUMBERS = "<a<n>:n>"

#: Methods of texts that do the same.
_METHODS = {"uppercase": "upper", "lowercase": "lower"}


def call_directly(writer: Writer, name: str, given: Sequence[ast.expr], context: ast.expr) -> ast.expr:
    """A call of a standard function, whose result is not collapsed."""
    taken = _parameters(name, len(given))
    if taken is None:
        caller = "of_numbers" if STANDARD[name].signature == _OF_NUMBERS and len(given) == 1 else "invoked"
        return writer.called(caller, writer.running(), context, writer.load(f"f_{name}"), *given)
    arguments = [writer.atom(one) for one in given]
    call = writer.called("invoked", writer.running(), context, writer.load(f"f_{name}"), *arguments)
    most = SMALL if name in _SHORTENING else None if name in _BRIEF else MAX_TEXT
    tests = [_fits(writer, one, param, most) for one, param in zip(arguments, taken, strict=True)]
    return writer.choice(writer.both(*tests), _body(writer, name, arguments), call)


def _parameters(name: str, count: int) -> tuple[Parameter, ...] | None:
    """The parameters of as many arguments as are given; None if arguments have to be fitted."""
    parameters = parse_signature(STANDARD[name].signature or "").parameters
    taken, rest = parameters[:count], parameters[count:]
    if len(taken) < count or name in _SLOW or any(param.context or not param.regex.endswith("?") for param in rest):
        return None
    known = all(param.type in _CLASSES and param.subtype is None and "+" not in param.regex for param in taken)
    return taken if known else None


def _fits(writer: Writer, value: ast.expr, param: Parameter, most: int | None) -> ast.expr:
    """Whether a value is of a class that a parameter takes; a text has at most so many characters."""
    names = _CLASSES[param.type]
    if not names:
        return writer.constant(value=True)
    if isinstance(value, ast.Constant):
        is_long = isinstance(value.value, str) and most is not None and len(value.value) > most
        return writer.constant(not is_long and type(value.value).__name__ in names)
    if isinstance(value, ast.Name) and writer.classes.get(value.id) in names[1:]:
        return writer.constant(value=True)
    text, *others = (writer.has_class(value, name) for name in names if name != "Pattern")
    if names[0] == "str" and most is not None:
        text = writer.both(text, writer.test(writer.called("len", value), ast.LtE(), writer.constant(most)))
    return writer.either(text, *others)


def _body(writer: Writer, name: str, arguments: list[ast.expr]) -> ast.expr:
    """What a function does with arguments that fit."""
    quick = _quick(writer, name, arguments)
    if quick is not None:
        return quick
    function, result = STANDARD[name], (STANDARD[name].signature or "").rpartition(":")[2]
    if (result not in ("s>", "n>", "b>") and name not in _COUNTING) or name in (
        "string",
        "trutoString",
        "type",
    ):  # undefined for undefined
        return writer.called("performed", writer.running(), writer.load(f"f_{name}"), *arguments)
    run = [writer.running()] if function.runs else []
    made = writer.method(writer.load(f"f_{name}"), "body", *run, *arguments)
    if result == "n>":
        return writer.called("numeric", made)
    return _counted(writer, made) if result == "s>" and name not in _SHORTENING else made


def _counted(writer: Writer, made: ast.expr) -> ast.expr:
    """A text that a function made, its bytes counted if they are many."""
    local = writer.new_local()
    is_small = writer.test(writer.called("len", writer.named(local, made)), ast.LtE(), writer.constant(SMALL))
    return writer.choice(is_small, writer.load(local), writer.method(writer.running(), "grown", writer.load(local)))


def _quick(writer: Writer, name: str, arguments: list[ast.expr]) -> ast.expr | None:
    """Python code that does the same as a function; None if the function has to be called."""
    if not arguments:
        return None
    first, *rest = arguments
    constants = [one.value if isinstance(one, ast.Constant) else None for one in rest]
    match name, constants:
        case (("uppercase" | "lowercase" | "trim"), _):
            return writer.method(first, _METHODS[name]) if name in _METHODS else _trimmed(writer, first)
        case "number", _:
            exact = writer.called("numeric", writer.method(writer.load("f_number"), "body", first))
            return writer.choice(writer.has_class(first, "int"), first, exact)
        case "length", _:
            return writer.called("len", first)
        case "lookup", _:
            quick = writer.method(first, "get", *rest, writer.load("MISSING"))
            exact = writer.called("performed", writer.running(), writer.load("f_lookup"), *arguments)
            return writer.choice(writer.has_class(first, "dict"), quick, exact)
        case "contains", [str()]:
            return writer.test(rest[0], ast.In(), first)
        case "substring", [int(start)] if start >= 0:
            return writer.part(first, ast.Slice(rest[0], None, None, **writer.at))
        case "substring", [int(start), int(length)] if start >= 0 and length > 0:
            return writer.part(first, ast.Slice(rest[0], writer.constant(start + length), None, **writer.at))
        case "substringBefore", [str(chars)] if chars:
            return writer.part(writer.method(first, "partition", *rest), writer.constant(0))
        case _:
            return None


def _trimmed(writer: Writer, text: ast.expr) -> ast.expr:
    """A text without white space around it: itself, if it has none."""
    exact = writer.method(writer.load("f_trim"), "body", writer.running(), text)
    joined = writer.method(writer.constant(" "), "join", writer.method(text, "split"))
    stripped = writer.method(text, "strip", writer.constant(" "))
    quick = writer.choice(writer.test(writer.constant("  "), ast.NotIn(), text), stripped, joined)
    quick = writer.choice(writer.test(writer.constant(" "), ast.NotIn(), text), text, quick)
    return writer.choice(writer.method(text, "isprintable"), quick, exact)  # its only white space is blanks
