"""The differences between what cases expect and what they give, each traced to an expression."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truto_mapper.authoring.golden import joins, places
from truto_mapper.authoring.golden.cases import EXPECTATIONS, Case
from truto_mapper.authoring.golden.values import contrast, merged, value_in
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint, giving
from truto_mapper.text.diagnostics import Diagnostic, printable, shortened
from truto_mapper.text.pointers import Steps, dotted, json_pointer, keys_of


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A value that differs from the expected one, MISSING if absent.

    `texts` are those of the file, expected and found. `field` is the value's name without indices, `origin` the
    expression that gives it; `is_sure` if a change of that expression alone explains the difference.
    """

    case: Case
    file: str
    path: Steps
    expected: Any
    found: Any
    texts: tuple[str | None, str | None] = (None, None)
    field: str = ""
    origin: Expression | None = None
    endpoint: Endpoint | None = None
    is_sure: bool = False

    @property
    def place(self) -> str:
        """The line of the mapping, as `mappings/gong/activity.yaml:41`."""
        return str(self.case.mapping) if self.origin is None else self.origin.at

    @property
    def values(self) -> str:
        """Both values: `2 → 3`."""
        return contrast(self.expected, self.found)

    @property
    def text(self) -> str:
        """Both values with their file and place."""
        where = shortened(printable(json_pointer(self.path)), 160)
        if self.file == "diagnostics.txt" and self.path:
            where = " " + " ".join(filter(None, (self.field, dotted(keys_of(self.path)))))
        return f"{self.file}{where}: {self.values}"

    @property
    def diagnostic(self) -> Diagnostic:
        """The difference as a finding, G701, at the expression that gives the value."""
        return (self.origin or self.case.node).diagnostic("G701", f"{self.case.name}: {self.text}")


def compare(
    case: Case, given: Mapping[str, str], endpoint: Endpoint | None, errors: Mapping[str, Expression] | None = None
) -> list[Difference]:
    """Every value of the files that a case gives that differs from the expected one, in the order of the files.

    `errors` are the expressions of the mapping's `error_mapping`.
    """
    found: list[Difference] = []
    for name in (*EXPECTATIONS, *joins.requests({*case.expected, *given})):
        texts = before, after = case.expected.get(name), given.get(name)
        if before != after:
            sides = [value_in(name, text) for text in texts]
            for path, was, now in differing(*sides):
                if name == "diagnostics.txt" and path:
                    one = sides[1][path[0]] if path[1:] or was is MISSING else was
                    origin = _said_by(one, path, was, now, endpoint, errors or {})
                else:
                    origin = _origin(name, path, was, now, endpoint)
                found.append(Difference(case, name, path, was, now, texts, *origin))
    return found


def differing(old: Any, new: Any) -> list[tuple[Steps, Any, Any]]:
    """The paths at which two values differ, with what is there."""
    found: list[tuple[Steps, Any, Any]] = []

    def note(path: Steps, was: Any, now: Any) -> bool:
        found.append((path, was, now))
        return False

    merged(old, new, note)
    return found


#: The field of a difference, its expression, its endpoint, and whether a change of that alone explains it.
Origin = tuple[str, Expression | None, Endpoint | None, bool]


def _origin(name: str, path: Steps, was: Any, now: Any, endpoint: Endpoint | None) -> Origin:
    """Where a difference of values at a path of a file comes from."""
    part, steps = _part(name, path)
    field = dotted(keys_of(steps if part == "response" else path)) or name
    if endpoint is None or not part:
        return field, None, endpoint, False
    if part == "for_each":
        return field, next((one for _, one in reversed(endpoint.for_each)), None), endpoint, False
    if MISSING in (was, now):
        steps = (*steps, *_first_leaf(now if was is MISSING else was))
    return field, giving(getattr(endpoint, part), steps), endpoint, part in ("response", "body", "params", "headers")


def _first_leaf(value: Any) -> Steps:
    """The path of the first value in an object that is not an object itself."""
    path: Steps = ()
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        path = (*path, key)
    return path


def _part(name: str, path: Steps) -> tuple[str, Steps]:
    """The part of an endpoint that gives a value of a file, and where in it; `""` if none does."""
    match (name, *path):
        case ("response.json", "result", _, "remote_data", *_) | ("response.ndjson", _, "remote_data", *_):
            return "", ()
        case ("response.json", "result", str()):  # the key has changed, which may be of any field
            return "", ()
        case ("response.json", "result", _, first, *rest) | ("response.ndjson", int(), first, *rest):
            return "response", (first, *rest)
        case ("response.json", "result", *_) | ("response.ndjson" | "rejected.json", *_):
            return "for_each", ()
        case ("response.json", "next_cursor") | ("response.json", "debug", "nextCursor" | "isLooping"):
            return "next_cursor", ()
        case ("response.json", "debug", "requestUrl"):
            return "path", ()
        case ("response.json", "debug", "requestOptions", "headers" | "body" as part, *rest):
            return str(part), tuple(rest)
        case ("request.json", "path" | "params" | "headers" | "body" as part, *rest):
            return str(part), tuple(rest)
    return "", ()


#: The parts of an endpoint whose values the engine judges, by the codes of its findings.
_JUDGED = {
    "P603": "recognise",
    "P604": "next_cursor",
    "P605": "time_zone",
    "P608": "empty_when",
    "Q513": "query_error",
    "Q516": "query_note",
}


def _said_by(
    one: dict[str, str], path: Steps, was: Any, now: Any, endpoint: Endpoint | None, errors: Mapping[str, Expression]
) -> Origin:
    """Where a difference in a finding comes from: the expression it is about, or the one that wrote its text."""
    name = one["finding"]
    if path[1:] == ("message",) and _fact(was) == _fact(now):  # only what became of the record differs
        return name, None, endpoint, False
    for place in one.get("in", "").split(", "):
        for known, expression in _expressions(endpoint, errors):
            if known == place:
                return name, expression, endpoint, True
    code = name.partition("[")[2].rstrip("]")
    if code == "P601":
        return name, errors.get("hint" if "hint" in path else "message"), endpoint, True
    origin = getattr(endpoint, _JUDGED[code]) if endpoint is not None and code in _JUDGED else None
    return name, origin, endpoint, code.startswith("Q") and origin is not None


def _fact(message: str) -> str:
    """A message about a value without what became of the value or the record."""
    return message.rpartition("; ")[0] or message


def _expressions(endpoint: Endpoint | None, errors: Mapping[str, Expression]) -> Iterator[tuple[str, Expression]]:
    yield from places.places(endpoint) if endpoint is not None else ()
    yield from ((f"error_mapping.{name}", one) for name, one in errors.items())
