"""`&`, which makes a text, where `and` is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import is_truth
from truto_mapper.authoring.check.slips import text_parts, written
from truto_mapper.language import nodes
from truto_mapper.mapping.linked import once
from truto_mapper.text.diagnostics import Diagnostic


def joined_truths(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: `period = "day" & $not(detailed)`, and `day & kind in ["paid"]` where `kind` can be "paid"."""
    for one in once(typed.endpoint):
        for node in one.below if "&" in one.text else ():
            match node:
                case nodes.Binary(operator="=" | "!=" | "in", left=left, right=right):
                    for side, other in ((left, right), (right, left)):
                        parts = _parts(side)
                        if any(map(is_truth, parts)) or (parts and _is_word(typed, parts, other)):
                            message = f"`&` makes a text, `{written(one, side)}`, which is compared then"
                            yield one.diagnostic("C219", message, side, severity="warning", hint="write `and`")
                case nodes.Condition(condition=test) if any(map(is_truth, _parts(test))):
                    message = "`&` makes a text, which is true unless it is empty"
                    yield one.diagnostic("C219", message, test, severity="warning", hint="write `and`")


def _parts(node: nodes.Node) -> Sequence[nodes.Node]:
    """The parts of a text that is joined by `&`."""
    return list(text_parts(node)) if isinstance(node, nodes.Binary) and node.operator == "&" else ()


def _is_word(typed: EndpointTypes, parts: Sequence[nodes.Node], other: nodes.Node) -> bool:
    """Whether the first or the last part alone can be what all of them are compared with."""
    asked = [one.value for one in nodes.walk(other) if isinstance(one, nodes.String)]
    known = [value for part in (parts[0], parts[-1]) for value in typed.kind(part).values or ()]
    is_constant = any(isinstance(part, nodes.CONSTANTS) for part in parts)
    return not is_constant and any(one in known for one in asked)
