"""Random mappings of Truto's: the shapes that its authors write, with random expressions of their fields."""

import random
import re

from hypothesis import strategies as st
from random_expressions import FIELDS, document, expression

from truto_mapper import Expression
from truto_mapper.authoring.importing.expressions import Target, Translator
from truto_mapper.text.errors import MapperError

#: What has another meaning in Truto, fails on purpose, or is no name of a row.
OTHER = re.compile(r"\$(join|string|sift|base64\w*|now|millis|eval|random|shuffle|toMillis|assert|error|[fivxyz])\b|%")

#: The shapes of lists: the mapping, what its fields begin with, and whether `response` is an item.
SHAPES = [
    ("{record}", "response.", True),
    ("response.{record}", "", True),
    ('$merge([{{"id": "x", "f": {a}}}, {{"g": {b}}}])', "response.", True),
    ("{a} ? {record} : null", "response.", True),
    ("response.rows.{record}", "", False),
    ("[response.rows.{record}]", "", False),
    ("response.rows.({a} ? null : {record})", "", False),
    ("response.rows[{a}].{record}", "", False),
    ('response.rows.($v := {a}; {{"id": "x", "f": $v, "g": {b}}})', "", False),
    ("$map(response.rows, function($r) {{ {a} ? {record} : null }})", "$r.", False),
    ('($k := response.k; $rows := response.rows; $rows.{{"id": "x", "f": $k, "g": {b}}})', "", False),
    ('{{"result": response.rows.{record}, "next_cursor": response.n}}', "", False),
    ("response.k ? response.rows.{record} : []", "", False),
]
RECORD = '{{"id": "x", "f": {a}, "g": {b}, "h": {{"x": {c}, "y": {d}}}}}'


def part(rng, prefix):
    """A random expression whose names begin with a prefix."""
    for _ in range(50):
        text = expression(rng, rng.choice([0, 1, 1, 2]))
        try:
            translator = Translator(Expression(text), frozenset())
        except MapperError:
            continue
        made = translator.part(translator.node, {(name,): Target(prefix + name) for name in FIELDS})
        if not (OTHER.search(text) or made.problems or made.notes):
            return made.text
    return "1"


def mapping(rng):
    """A mapping, whether `response` is an item, and a reply."""
    shape, prefix, is_item = rng.choice(SHAPES)
    parts = {name: part(rng, prefix) for name in "abcd"}
    rows = [
        one if isinstance(one := document(rng), dict) else {"a": one, "id": "q"}
        for _ in range(rng.choice([0, 1, 2, 3]))
    ]
    reply = {"rows": rows, "k": rng.choice([1, 0, None, "k"]), "n": "c"}
    return shape.format(record=RECORD.format(**parts), **parts), is_item, reply


@st.composite
def mappings(draw):
    return mapping(random.Random(draw(st.integers(0, 2**48))))
