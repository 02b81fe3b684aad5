"""Random expressions, by the rules in `expressions.txt`, and random documents that they read."""

import random
import re
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

FIELDS = ("a", "b", "c", "items", "id")


def document(rng, depth=3):
    """A random JSON value, as APIs send it, with everything that JSON allows mixed in."""
    kind = rng.random()
    if depth == 0 or kind < 0.4:
        return rng.choice([None, True, False, 0, 1, 2, 3, -1, 2.5, "", "x", "y", "a b", "10", "2026-01-31T09:30:00Z"])
    if kind < 0.6:
        return [document(rng, depth - 1) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    return {name: document(rng, depth - 1) for name in FIELDS if rng.random() < 0.6}


@cache
def rules():
    """For each rule its alternatives, and their weights."""
    text = Path(__file__).with_name("expressions.txt").read_text("utf-8")
    blocks = re.findall(r"^([a-z]+)\n((?:  .+\n)+)", text, re.MULTILINE)
    options = {rule: re.findall(r"^  (\d+) (.+)$", below, re.MULTILINE) for rule, below in blocks}
    return {
        rule: ([text for _, text in found], [int(weight) for weight, _ in found]) for rule, found in options.items()
    }


def expression(rng, depth, rule="expression"):
    [text] = rng.choices(*rules()["leaf" if rule == "expression" and depth < 0 else rule])
    return re.sub("‹([a-z]+)›", lambda m: expression(rng, depth - (m[1] == "expression"), m[1]), text)


def case(rng):
    return expression(rng, rng.choice([1, 2, 2, 3])), document(rng), {"x": document(rng), "y": document(rng, 1)}


@st.composite
def cases(draw):
    return case(random.Random(draw(st.integers(0, 2**48))))
