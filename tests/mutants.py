"""Faults in each expression of a mapping, and which of them its golden cases miss.

    python tests/mutants.py [MAPPING]

Each mutant drops an expression, or swaps, negates or renames one thing in it. A mutant is caught if it
does not load, or a case gives something else than it expects.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from truto_mapper import load
from truto_mapper.authoring import golden, mapping_files
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import (
    Binary,
    Call,
    Coalesce,
    Condition,
    Filter,
    Name,
    Node,
    Number,
    Regex,
    String,
    Value,
    walk,
)
from truto_mapper.mapping.linked import every
from truto_mapper.text.errors import MapperError

OPERATORS = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "and": "or", "or": "and"}
OPERATORS |= {"+": "-", "-": "+", "*": "/", "/": "*", "in": "="}

#: Of a node: what is done, the span that is replaced, and by what.
Edit = tuple[str, int, int, str]


def mutants(mapper: Mapper) -> Iterator[tuple[str, str]]:
    """Each fault in words, and the text of the mapping that has it."""
    (source,) = mapper.sources
    for expression in expressions(mapper):
        for kind, start, end, text in edits(expression):
            line, column = source.position(start)
            old = " ".join(source.text[start:end].split())
            yield f"{kind} {line}:{column} {old} → {text}", source.text[:start] + text + source.text[end:]


def expressions(mapper: Mapper) -> list[Expression]:
    found = {id(one): one for endpoint in mapper.mapping.endpoints for _, one in every(endpoint)}
    return [*found.values(), *mapper.mapping.errors.values()]


def edits(expression: Expression) -> Iterator[Edit]:
    yield ("drop", *place(expression, expression.node), "null")
    for node in walk(expression.node):
        yield from edits_of(expression, node)


def place(expression: Expression, node: Node) -> tuple[int, int]:
    span = expression.locate(node.span)
    return span.start, span.end


def edits_of(expression: Expression, node: Node) -> Iterator[Edit]:  # noqa: C901  # a case for each kind of node
    start, end = place(expression, node)

    def text(inner: Node) -> str:
        return expression.source.text[slice(*place(expression, inner))]

    match node:
        case Name() | String():
            yield "rename", start, end, re.sub(r"(.)([`'\"]?)\Z", r"\1_\2", text(node))
        case Value(value=bool(value)):
            yield "negate", start, end, "false" if value else "true"
        case Number(value=value):
            yield "negate", start, end, str(value + 1)
        case Binary(operator=operator, left=left, right=right) if operator in OPERATORS:
            between = place(expression, left)[1], place(expression, right)[0]
            yield "swap", *between, f" {OPERATORS[operator]} "
        case Condition(condition=test, then=then, otherwise=otherwise):
            yield "negate", *place(expression, test), f"$not({text(test)})"
            if otherwise is not None:
                yield "swap", start, end, f"{text(test)} ? ({text(otherwise)}) : ({text(then)})"
        case Filter(expression=predicate) if not isinstance(predicate, Number):
            yield "negate", *place(expression, predicate), f"$not({text(predicate)})"
        case Coalesce(left=left, right=right):
            yield "swap", start, end, f"{text(right)} ?? {text(left)}"
        case Call(arguments=(first, second, *_)):
            between = text(node)[place(expression, first)[1] - start : place(expression, second)[0] - start]
            outer = place(expression, first)[0], place(expression, second)[1]
            yield "swap", *outer, text(second) + between + text(first)
        case Regex():
            yield "rename", start, end, re.sub(r"\A/", "/_", text(node))


def survives(text: str, cases: list[golden.Case], file: Path) -> bool:
    """Whether a mutant loads, and gives what every case expects."""
    file.write_text(text, "utf-8")
    try:
        mapper = load(file)
    except MapperError:
        return False
    failing = next((case for case in cases if not is_as_expected(case, golden.run(case, mapper))), None)
    if failing is not None:  # what caught one mutant is likely to catch the next
        cases.remove(failing)
        cases.insert(0, failing)
    return failing is None


def is_as_expected(case: golden.Case, result: golden.Result) -> bool:
    return golden.misses(case, result) is None and not golden.compare(case, result.files, result.endpoint)


def run(path: Path, step: int = 1) -> tuple[Counter[str], list[str]]:
    """How many mutants of each kind there are, of each `step` one, and those that survive."""
    cases = [golden.read(folder) for folder in golden.folders(path)]
    made, survivors = Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        for title, text in islice(mutants(load(path)), 0, None, step):
            made[title.partition(" ")[0]] += 1
            survivors += [title] if survives(text, cases, Path(folder, path.name)) else []
    return made, survivors


def main(name: str = "gong/activity") -> None:
    made, survivors = run(mapping_files.mappings(name)[0])
    for title in survivors:
        sys.stdout.write(f"survives: {title}\n")
    for kind, count in [*made.items(), ("", made.total())]:
        caught = count - sum(title.startswith(kind) for title in survivors)
        sys.stdout.write(f"{kind or 'total':<8}{caught:>5} of {count} caught, {caught / count:.1%}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
