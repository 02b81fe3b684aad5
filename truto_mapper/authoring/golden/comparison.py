"""The differences between what cases expect and what they give, each traced to an expression and grouped by it."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from truto_mapper.authoring.golden.cases import EXPECTATIONS, Case
from truto_mapper.engine.rendering import loads
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint, giving
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.pointers import Steps, dotted, json_pointer, keys_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs from the expected one, MISSING if absent. A text is compared as a whole, at the empty path.

    `origin` is the expression that gives the value, `field` its name without indices.
    """

    case: Case
    file: str
    path: Steps
    expected: Any
    found: Any
    field: str
    origin: Expression | None

    @property
    def place(self) -> str:
        """The line of the mapping, as `activity.yaml:41`."""
        return self.case.mapping.name if self.origin is None else self.origin.place

    @property
    def values(self) -> str:
        """Both values: `2 → 3`."""
        return " → ".join("(nothing)" if one is MISSING else excerpt(one, 48) for one in (self.expected, self.found))

    @property
    def text(self) -> str:
        """Both values with their file and place; for a text, the lines that differ."""
        if self.path or not isinstance(self.expected, str) or not isinstance(self.found, str):
            return f"{self.file}{json_pointer(self.path)}: {self.values}"
        old, new = self.expected.splitlines(), self.found.splitlines()
        return "\n".join(difflib.unified_diff(old, new, f"{self.file} expected", "found", lineterm=""))

    @property
    def diagnostic(self) -> Diagnostic:
        """The difference as a finding, G701, at the expression that gives the value."""
        return (self.origin or self.case.node).diagnostic("G701", f"{self.case.name}: {self.text}")


@dataclass(slots=True)
class Group:
    """Differences with one cause: what one expression gives for one field of one kind of file."""

    id: str
    differences: list[Difference] = field(default_factory=list)

    @property
    def title(self) -> str:
        """`activity.yaml:41 aggregation_period: "day" → "total" in 12 cases`"""
        return f"{self.differences[0].place} {self.summary}"

    @property
    def summary(self) -> str:
        """The title without the place."""
        first = self.differences[0]
        kinds = list(dict.fromkeys(one.values for one in self.differences))
        more = f", and {count(len(kinds) - 1, 'more kind')}" if len(kinds) > 1 else ""
        what = f"{kinds[0]}{more}" if first.path else "the text differs"
        return f"{first.field}: {what} in {count(self.cases, 'case')}"

    @property
    def cases(self) -> int:
        return len({one.case.folder for one in self.differences})


def count(number: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def compare(case: Case, given: Mapping[str, str], endpoint: Endpoint | None) -> list[Difference]:
    """Every value of the files that a case gives that differs from the expected one, in the order of the files."""
    found: list[Difference] = []
    for name in EXPECTATIONS:
        before, after = case.expected.get(name), given.get(name)
        if before != after:
            old, new = (value_in(name, text) for text in (before, after))
            for path, was, now in list(_differing(old, new, ())) or [((), old, new)]:
                found.append(Difference(case, name, path, was, now, *_origin(endpoint, name, path)))
    return found


def value_in(name: str, text: str | None) -> Any:
    """The value of a file: its JSON, or its text if it has none."""
    if text is None:
        return MISSING
    try:
        return loads(text) if name.endswith(".json") else text
    except ValueError:
        return text


def _differing(old: Any, new: Any, path: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differing(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            was, now = (items[index] if index < len(items) else MISSING for items in (old, new))
            yield from _differing(was, now, (*path, index))
    elif old.__class__ is not new.__class__ or old != new:
        yield path, old, new


def _origin(endpoint: Endpoint | None, name: str, path: Steps) -> tuple[str, Expression | None]:
    """The name of a field in a file, and the expression that gives it."""
    steps = keys_of(path)
    if name == "response.json" and steps[:1] == ("result",):
        steps = keys_of(path[2:])  # after the index of a record, or its key
        return dotted(steps) or "result", None if endpoint is None else giving(endpoint.response, steps)
    if endpoint is None or not steps:
        return dotted(steps) or name, None
    parts: dict[str, Any] = {"next_cursor": endpoint.next_cursor}
    if name == "request.json":
        parts = {"path": endpoint.path, "body": endpoint.body, "params": endpoint.params, "headers": endpoint.headers}
    return dotted(steps), giving(parts.get(steps[0]), steps[1:])


def groups(found: Iterable[Difference]) -> list[Group]:
    """Differences by cause, those of the most cases first; a group keeps its id as long as its cause is the same."""
    made: dict[str, Group] = {}
    for one in found:
        cause = json.dumps([one.case.mapping.name, one.file, one.field, one.origin and one.origin.text])
        key = hashlib.sha256(cause.encode()).hexdigest()[:8]
        made.setdefault(key, Group(key)).differences.append(one)
    return sorted(made.values(), key=lambda group: (-group.cases, group.title))
