"""A change between two versions: a finding with a fingerprint."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from truto_mapper.language.expression import Expression
from truto_mapper.text.diagnostics import Diagnostic, Severity, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import Steps
from truto_mapper.text.yaml_tree import Node

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A finding, and a fingerprint that stays the same when lines move or files are formatted.

    `rewritten` has the old and the new expression where one replaces another, and those that another order concerns.
    `adds` is the name of an endpoint and the path of a field that it begins to give.
    """

    found: Diagnostic
    fingerprint: str
    rewritten: tuple[tuple[Expression, Expression], ...] = ()
    adds: Steps = ()
    refuses_cursors: bool = False


#: What a change of the question means that a cursor belongs to.
REFUSED = "cursors that callers hold are refused"


def change(found: Diagnostic, *essence: Any) -> Change:
    """A change whose fingerprint is made of its code, its message and its essence."""
    text = json.dumps([found.code, found.message, *essence], default=lambda one: meaning(one.node))
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
    hint = f"if this is meant, approve {fingerprint}" if found.severity == "error" else found.hint
    return Change(replace(found, hint=hint), fingerprint)


def meaning(node: Any) -> str:
    """A node without its layout."""
    return re.sub(r"Span\([^)]*\)", "", repr(node))


def at_key(root: Node, path: Steps, code: str, severity: Severity, message: str) -> Change:
    """A change at the last key of a path in a document."""
    return change(root.at(path[:-1]).diagnostic(code, message, key=str(path[-1]), severity=severity))


def quoted(value: Any) -> str:
    return "none" if value is None else excerpt(value)


def word(value: Any) -> str:
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def kind_of(root: Node) -> Literal["mapping", "resource"] | None:
    """Whether a document is a mapping or the spec of a resource; None if it is neither."""
    keys = root.value.keys() if isinstance(root.value, dict) else ()
    return "mapping" if "endpoints" in keys else "resource" if "fields" in keys else None


def refused(old: Node, new: Node) -> MappingError:
    """The error B300 for documents that cannot be compared."""
    kinds = [(kind and f"a {kind}") or "neither a mapping nor a resource" for kind in map(kind_of, (old, new))]
    message = f"OLD is {kinds[0]}, but NEW is {kinds[1]}"
    return MappingError(Diagnostic("B300", message, hint="compare two mappings, or two specs of a resource"))
