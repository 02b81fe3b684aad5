"""Functions called with odd arguments, here and by the reference: `python tests/odd_arguments.py --tries 20000`.

Each try is a call of a function: by itself, behind `~>` or `.`, in part, or by a function that takes functions. Its
arguments are from `odd_arguments.yaml`, mostly of the type that the signature asks for. Printed are the differences in
values and codes that `differences.yaml` does not list, mistakes without a code of their own or in Python's words, and
results that are not plain JSON.
"""

# ruff: noqa: T201  # it prints

import argparse
import random
import re
import sys
from typing import NamedTuple

import data_files
from reference import Failure, by_the_reference, is_coded, same

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import OURS, STANDARD, TRUTO
from truto_mapper.language.runtime.signatures import parse_signature
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError, MappingError

VALUES = data_files.read("odd_arguments.yaml")
DATA = {"a": [1, "x", None, {"a": 2}], "b": "text"}
BINDINGS = {"x": "a😀b", "y": ["abc"], "z": {"n": None, "e": [], "t": "", "a": {"k": 1}}}
NOW = "2026-01-31T09:30:00.000Z"

#: Functions whose results cannot be compared.
CHANCE = ("random", "shuffle")
#: What calls a function: `‹f›` is the function, the other letters are values.
CALLERS = (
    "$map(‹a›, ‹f›)", "$filter(‹a›, ‹f›)", "$single(‹a›, ‹f›)", "$reduce(‹a›, ‹f›)", "$reduce(‹a›, ‹f›, ‹x›)",
    "$each(‹o›, ‹f›)", "$sift(‹o›, ‹f›)", "$sort(‹a›, ‹f›)", "‹x› ~> ‹f›", "‹a›.‹f›(‹x›)", "(‹f›)(‹x›)",
    "(‹f›)(‹x›, ‹x›)",
    "‹a›[‹x› ~> ‹f›]", "(‹f› ~> ‹f›)(‹x›)", "($f := ‹f›; $f(‹x›))", "$type(‹f›)", "$string(‹f›)", "[‹f›]", '{"f": ‹f›}',
    "‹f› = ‹f›", "$match(‹s›, ‹f›)", "$replace(‹s›, ‹f›, ‹f›)", "$split(‹s›, ‹f›)", "$contains(‹s›, ‹f›)",
)  # fmt: skip


def value(rng, letters):
    """An expression, mostly for a value of one of these types."""
    known = [one for one in letters if one in VALUES]
    return rng.choice(VALUES[rng.choice(known if known and rng.random() < 0.75 else list(VALUES))])


def arguments(rng, name):
    """Arguments for a function: as its signature asks, one more, or fewer."""
    parameters = parse_signature(STANDARD[name].signature).parameters if name in STANDARD else ()
    wanted = [one.type.strip("()") if one.subtype is None else f"{one.type}{one.type}" for one in parameters]
    wanted = wanted or ["s"] * (3 if name in OURS else 0)
    count = len(wanted) - (rng.random() < 0.3) * rng.randrange(3) + (rng.random() < 0.05)
    return [value(rng, letters) for letters in [*wanted, "x"][: max(count, 0)]]


def call(rng):
    """A text that calls a function."""
    if rng.random() < 0.25:
        return re.sub("‹(.)›", lambda found: value(rng, found[1]), rng.choice(CALLERS))
    name = rng.choice([*(one for one in STANDARD if not one.startswith("truto")), *OURS])
    given = arguments(rng, name)
    form = rng.random() if given else 0
    if form < 0.7:
        return f"${name}({', '.join(given)})"
    if form < 0.8:
        return f"{given[0]} ~> ${name}({', '.join(given[1:])})"
    if form < 0.9:
        return f"{given[0]}.${name}({', '.join(given[1:])})"
    place = rng.randrange(len(given))
    return f"${name}({', '.join(['?' if at == place else one for at, one in enumerate(given)])})({given[place]})"


#: The functions that fail with a message of their own.
OF_ITS_OWN = rf"\$({'|'.join(('error', 'floorDate', 'ceilDate', *TRUTO))})\b"

#: Words of a message that speak of Python instead of the expression.
PYTHON = (
    r"[A-Z]\w+Error\b|missing \d|NoneType|attribute|positional|unsupported|\b(MISSING|Missing|dict|tuple|float|int|"
    r"str|inf|nan|Closure|Sequence|generator)\b|object at|<class"
)


def evaluated(text):
    """The value or failure here, and the message of a failure."""
    try:
        return Expression(text).evaluate(DATA, {**BINDINGS, "now": NOW}), ""
    except (EvaluationError, MappingError) as error:
        return Failure(error.code), error.diagnostics[0].message


def is_unclear(text, found, message):
    """Whether a result is not plain JSON, or a failure has no code of its own or is told in Python's words."""
    if not isinstance(found, Failure):
        return not is_plain(found)
    quoted = re.sub(r'"(\\.|[^"\\])*("|…|$)', "", message)
    of_its_own = found.code == "D3137" and not re.search(OF_ITS_OWN, text)
    return of_its_own or re.search(PYTHON, quoted) is not None


def is_plain(value):
    if type(value) is dict:
        return all(type(key) is str and is_plain(one) and one is not MISSING for key, one in value.items())
    if type(value) is list:
        return all(is_plain(one) and one is not MISSING for one in value)
    return value is MISSING or type(value) in (str, int, float, bool, type(None))


#: Differences that `differences.yaml` lists, by the first words of the reason, and how the cause shows.
LISTED = {
    "A number that JSON cannot express": lambda one: (
        one.ours == Failure("D1001") and re.search("finite|out of range|not a number|NaN|Infinity", one.message)
    ),
    "A zone is a sign and three or four digits": lambda one: (
        one.ours == Failure("T0410") and "must be an offset" in one.message
    ),
    "A separator in a picture": lambda one: "$formatInteger(" in one.text and type(one.ours) is type(one.theirs) is str,
    "A number can be rounded": lambda one: (
        "$round(" in one.text and type(one.ours) in (int, float) and one.theirs == Failure("D1001")
    ),
}


class Compared(NamedTuple):
    """A text, its value or failure here, the message of the failure, and the value or failure there."""

    text: str
    ours: object
    message: str
    theirs: object


def with_short_characters(text):
    """The text with characters that UTF-16 writes as one code unit, so that counting those makes no difference."""
    return text.replace("😀", "é").replace("$x", '"aéb"')


def is_listed(one):
    return any(shows(one) for shows in LISTED.values())


def compared(texts):
    """What both give for each text, where the reference gives a value or a code."""
    theirs = by_the_reference([(text, DATA, BINDINGS) for text in texts], mended=True)
    found = [Compared(text, *evaluated(text), other) for text, other in zip(texts, theirs, strict=True)]
    return [one for one in found if is_coded(one.theirs)]


def is_comparable(text):
    """Whether the result is no matter of chance, and the reference comes to an end."""
    ends = not ("$formatNumber" in text and "1/0" in text)
    return ends and not any(f"${name}" in text for name in (*CHANCE, *OURS))


def differing(texts):
    """How many texts were compared, and those whose difference is not a listed one."""
    found = compared([text for text in texts if is_comparable(text)])
    different = [one for one in found if not same(one.ours, one.theirs) and not is_listed(one)]
    shortened = compared([with_short_characters(one.text) for one in different])
    left = {one.text for one in shortened if not same(one.ours, one.theirs)}
    return len(found), [one for one in different if with_short_characters(one.text) in left]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts = [call(random.Random(f"{options.seed} {number}")) for number in range(options.tries)]
    count, different = differing(texts)
    unclear = [(text, *found) for text in texts for found in [evaluated(text)] if is_unclear(text, *found)]
    for one in different:
        print(f"{one.text}\n    here       {one.ours!r} {one.message}\n    reference  {one.theirs!r}")
    for text, found, message in unclear:
        print(f"{text}\n    {found!r}: {message}")
    print(f"{count:,} compared, {len(different)} differ; {len(unclear)} of {len(texts):,} are unclear")
    sys.exit(bool(unclear) or len(different) * 1000 > count)


if __name__ == "__main__":
    main()
