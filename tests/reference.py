"""The results of expressions: ours, and those of the reference implementation, where it is installed.

It is the npm package `jsonata`, as `npm ci --prefix tests/bench` installs it.
"""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError, MappingError

HERE = Path(__file__).parent
NOW = "2026-01-31T09:30:00.000Z"


def outcome(kind, text, data, bindings):
    try:
        return kind(text).evaluate(data, {**bindings, "now": NOW})
    except (EvaluationError, MappingError) as error:
        return Failure(error.code)


class Failure:
    def __init__(self, code):
        self.code = code

    def __repr__(self):
        return self.code

    def __eq__(self, other):
        return isinstance(other, Failure) and other.code == self.code

    def __hash__(self):
        return hash(self.code)


def same(a, b):
    """Equal as JSON: a boolean is not a number, a number is a double, undefined is not null."""
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) in (int, float) and type(b) in (int, float):
        return math.isclose(a, b, rel_tol=1e-14, abs_tol=0)
    return type(a) is type(b) and a == b


with_reference = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "bench/node_modules/jsonata").is_dir(),
    reason="expressions are not compared with the reference: that needs Node and `npm ci --prefix tests/bench`",
)


def by_the_reference(drawn, *, mended):
    keys = ("text", "data", "bindings")
    lines = "\n".join(json.dumps({**dict(zip(keys, one, strict=True)), "mended": mended}) for one in drawn)
    command = ["node", HERE / "reference.js", NOW]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    for found in map(json.loads, done.stdout.splitlines()):
        yield Failure(found["code"]) if "code" in found else found.get("value", MISSING)


def is_coded(found):
    """Whether the reference did not fail by an error of JavaScript's."""
    return not isinstance(found, Failure) or re.fullmatch(r"[A-Z]\d{4}", found.code)
