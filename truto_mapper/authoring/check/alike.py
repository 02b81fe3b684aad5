"""What endpoints and fields that are alike have in common, and one of them lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, Join, leaves
from truto_mapper.text.diagnostics import Diagnostic, nearest
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.pointers import Steps

#: Headers that belong to some requests only.
_OWN_HEADERS = frozenset({"accept", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer"})
#: A text in an expression, and what selects.
_TEXT, _SELECTION = lazy_pattern(r'"[^"]*"'), lazy_pattern(r"\[[^\[\]]*\]")
#: How many requests, or fields, have to agree before one that does not is told.
_MANY = 3
_OF_JOINS = ("run_if", "empty_when", "error_when", "next_cursor")


def lacking(all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C249: an endpoint without the `error_when` of the others, and a join without a key of its twin."""
    mapper = all_types[0].mapper
    endpoints = mapper.mapping.root.value["endpoints"]
    refused = refusal_type(mapper.mapping).properties or {}
    for typed in all_types:
        name, others = typed.endpoint.name, [one.endpoint for one in all_types if one is not typed]
        failing = [one for one in others if one.error_when is not None]
        if typed.endpoint.error_when is None and failing and len(failing) == len(others):
            test = failing[0].error_when
            fields = {read.path[1] for read in reads(test) if read.path[0] == "$" and read.path[1:]} if test else set()
            known = {*(typed.body.properties or {}), *(refused if len(others) > 1 else ())}
            if test is not None and fields and fields <= known:
                message = f"`{name}` has no `error_when`, and `{failing[0].name}` has `{test.line}`"
                hint = f"add `error_when: {test.line}`: the replies have this, too"
                yield endpoints.diagnostic("C249", message, key=name, severity="warning", hint=hint)
        for join in typed.endpoint.joins:
            yield from _twins(mapper, typed.endpoint, join, [each for one in others for each in one.joins])


def _twins(mapper: Mapper, endpoint: Endpoint, join: Join, others: Sequence[Join]) -> Iterator[Diagnostic]:
    """A join that lacks what another one of the same name, path and schema has."""
    node = mapper.mapping.root.value["endpoints"].value[endpoint.name].value.get("join")
    for other in others:
        if other.name == join.name and other.path.node == join.path.node and _schema(other) == _schema(join):
            left = [key for key in _OF_JOINS if getattr(join, key) is None and getattr(other, key) is not None]
            if "next_cursor" in left and join.batch == 1 and not join.many:  # one row comes on one page
                left.remove("next_cursor")
            left += ["on_error"] if other.leaves_out and not join.leaves_out else []
            if left and node is not None:
                message = f"the join `{join.name}` of `{endpoint.name}` has no `{left[0]}`, which it has elsewhere"
                yield node.diagnostic("C249", message, key=join.name, severity="warning", hint=f"add `{left[0]}`")
                return


def other_headers(mapper: Mapper) -> Iterator[Diagnostic]:
    """C249: the one endpoint, or join, without a header of all others, and the one that names another version in it."""
    sent = [(one, {str(path[0]): each for path, _, each in leaves(one.headers) if path}) for one in _asked(mapper)]
    for name in dict.fromkeys(name for _, headers in sent for name in headers):
        values = [headers[name] for _, headers in sent if name in headers]
        for kind in (Endpoint, Join) if len(values) >= _MANY and name.lower() not in _OWN_HEADERS else ():
            alike = [(one, name in headers) for one, headers in sent if isinstance(one, kind)]
            without = [one for one, has in alike if not has]
            if len(without) == 1 < len(alike):
                message = f"the request of `{without[0].name}` has no header `{name}`, which those beside it have"
                hint = f"add `{name}: {values[0].line}`"
                yield without[0].path.diagnostic("C249", message, severity="warning", hint=hint)
        yield from _other_version(name, values) if "version" in name.lower() else ()


def other_paths(mapper: Mapper) -> Iterator[Diagnostic]:
    """C249: the one path with a slash at its end, or with another form of a word than several: `contact`."""
    found: dict[tuple[str, ...], dict[str, list[Endpoint | Join]]] = {}
    asked = _asked(mapper)
    for one in asked:
        steps = tuple(_shown(one.path.node).strip("/").split("/"))
        for number, step in enumerate(steps):
            found.setdefault(steps[:number], {}).setdefault(step, []).append(one)
    ending = [one for one in asked if (shown := _shown(one.path.node)) != "/" and shown.endswith("/")]
    if len(ending) == 1 and len(asked) > 1:
        message = f"the path of `{ending[0].name}` ends with a slash, and no other path does"
        yield ending[0].path.diagnostic("C249", message, severity="warning", hint="remove it")
    for beside in found.values():
        usual = [step for step, some in beside.items() if len(some) >= _MANY - 1]
        for step, some in beside.items():
            other = nearest(step, [one for one in usual if one != step], 0.8) if len(some) == 1 else None
            if other is not None:
                message = f"the path of `{some[0].name}` has `{step}` where {len(beside[other])} others have `{other}`"
                yield some[0].path.diagnostic("C249", message, severity="warning", hint=f"did you mean `{other}`?")


def _shown(path: nodes.Node) -> str:
    """A path with `{}` for what is computed."""
    match path:
        case nodes.String(value=value):
            return value
        case nodes.Binary(operator="&", left=left, right=right):
            return f"{_shown(left)}{_shown(right)}"
    return "{}"


def _asked(mapper: Mapper) -> list[Endpoint | Join]:
    """What asks the provider: endpoints and joins, those that endpoints share by an alias of YAML once."""
    every: list[Endpoint | Join] = []
    for one in (one for one in mapper.mapping.endpoints if one.static_response is None):
        every += [one, *one.joins]
    return list({(one.name, one.path.source, one.path.span): one for one in every}.values())


def _other_version(name: str, values: Sequence[Expression]) -> Iterator[Diagnostic]:
    counted = Counter(one.line for one in values).most_common()
    if len(counted) > 1 and counted[0][1] >= _MANY and len(values) - counted[0][1] == 1:
        other = next(one for one in values if one.line != counted[0][0])
        message = f"all other requests have `{counted[0][0]}` in the header `{name}`"
        yield other.diagnostic("C249", message, severity="warning")


def other_selections(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: a field without the `[…]` of those beside it, whose expressions are the same but for their texts."""
    groups: dict[Steps, list[tuple[str, Expression]]] = {}
    for path, _, one in leaves(typed.endpoint.response):
        groups.setdefault(path[:-1], []).append((_TEXT.sub('""', one.text.strip()), one))
    for group in groups.values():
        usual, count = Counter(text for text, _ in group).most_common(1)[0]
        parts = {usual[: one.start()] + usual[one.end() :]: one[0] for one in _SELECTION.finditer(usual)}
        for text, one in group if count >= _MANY else ():
            if text in parts:
                message = f"the fields beside this one have `{parts[text]}`, and it does not"
                yield one.diagnostic("C219", message, severity="warning", hint=f"add `{parts[text]}`")


def _schema(join: Join) -> str | None:
    return None if join.source is None else join.source.name
