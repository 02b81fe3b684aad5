"""What a mapping leaves out: names it does not use, unified fields it does not write, reply fields it does not read."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from truto_mapper.authoring.check.absence import kinds_in, may_be_absent
from truto_mapper.authoring.check.described import JOINED
from truto_mapper.authoring.check.expressions import PLANNING, EndpointTypes
from truto_mapper.authoring.check.fields import objects
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.reachability import Reach
from truto_mapper.authoring.check.shared import is_overlaid
from truto_mapper.authoring.check.slips import joined_texts, written
from truto_mapper.authoring.check.words import are_opposites, words
from truto_mapper.authoring.sources import innermost, parameter_of, reads_parameter
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.request_schema import JSON, RequestSchema
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.names import NamePath, is_simple_path
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import ANY, NONE, Type, properties_at
from truto_mapper.mapping.linked import (
    OF_REQUESTS,
    WITH_BODY,
    Endpoint,
    Join,
    every,
    expressions,
    leaves,
    of_mapping,
    of_requests,
)
from truto_mapper.resource import generated
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.generated import ACCOUNT
from truto_mapper.text.diagnostics import Diagnostic, either
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.pointers import dotted, keys_of

#: Parameters that the engine and the service answer, whatever the provider is.
_OF_ENGINE = frozenset({ACCOUNT, "limit", "next_cursor", "remote_query"})
#: The properties of the objects at a path of a reply.
Properties = Callable[[NamePath], Mapping[str, Type]]

#: With more parameters than this, one that is not sent is forgotten.
_MANY_ASKED = 3

#: How many names a message lists; it counts the others.
SHOWN = 8


def unused_names(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C212: names of `let` and `for_each` that no expression of the endpoint mentions.

    The last name of `for_each` is also `$`, so it is unused only if no expression of a row reads `$` either.
    """
    endpoint = typed.endpoint
    mentioned = {variable.name for _, one in every(endpoint) for variable in (*one.variables, *one.calls)}
    of_row = [*(one for _, one in endpoint.let), *expressions(endpoint.response)]
    row_reads = (read for one in of_row for read in reads(one) if read.path[0] == "$")
    for name, expression in (*endpoint.for_each, *endpoint.let):
        is_row = (name, expression) in endpoint.for_each[-1:]
        if name not in mentioned and not (is_row and any(row_reads)) and not is_overlaid(typed.mapper, f"${name}"):
            hint = _joined_loop(endpoint, name) or _unused_hint(f"${name}", [one for _, one in every(endpoint)])
            yield expression.diagnostic("C212", f"${name} is never used", severity="warning", hint=hint)


def _joined_loop(endpoint: Endpoint, name: str) -> str | None:
    """How a loop over the rows of a loop that nothing uses is written as one; None for other names."""
    for (outer, rows), (inner, each) in pairwise(endpoint.for_each):
        if outer == name and is_simple_path(rows.node) and is_simple_path(each.node):
            return f"write one loop: `{inner}: {rows.text.strip()}.{each.text.strip()}`"
    return None


def _unused_hint(written: str, all_: Iterable[Expression]) -> str:
    """What to do about a name that nothing uses: it may be in a text, where it is none."""
    mentions = (one for one in all_ if written in one.text)
    texts = (node for one in mentions for node in one.below if isinstance(node, nodes.String))
    is_quoted = any(written in node.value for node in texts)
    return f"a text has `{written}` in its quotes: write it without them" if is_quoted else "remove it"


def unsent(typed: EndpointTypes, reach: Reach) -> Iterator[Diagnostic]:
    """C244: a cursor that the request never sends, and parameters for this integration that change nothing."""
    mapper, endpoint = typed.mapper, typed.endpoint
    sent = list(of_requests(endpoint))
    yield from _unsent_cursor(endpoint, sent)
    yield from _absent_cursor(endpoint, sent)
    for join in endpoint.joins:
        yield from (*_unsent_cursor(join, join.requests), *_absent_cursor(join, join.requests))
    read = [*sent, *(one for _, one in endpoint.for_each)]
    integration, parameters = mapper.mapping.integration, mapper.resource.parameters_of(endpoint.method)
    ours = [name for name, one in parameters.items() if integration in (*one.supported_in, *one.required_in)]
    unread = [name for name in parameters if not any(reads_parameter(one, name) for one in read)]
    open_ = [name for name in unread if not _is_settled(reach, endpoint, name) and not _is_told(endpoint, name)]
    ours += _forgotten(mapper, [name for name in parameters if name not in ours], open_)
    left = [name for name in ours if name in open_]
    chosen = [name for name in open_ if endpoint.when is not None and reads_parameter(endpoint.when, name)]
    if set(ours) <= set(unread):  # a request that reads none is no omission, but by what it is chosen
        left = chosen
    if left:
        message = f"the request of `{endpoint.name}` is the same whatever {either(f'`{name}`' for name in left)} is"
        hint = f"read `$query.{left[0]}` in the request, or refuse it in `query_error`"
        yield _at_name(typed, "C244", message, severity="warning", hint=hint)


def _unsent_cursor(asking: Endpoint | Join, sent: Iterable[Expression]) -> Iterator[Diagnostic]:
    """C244: a cursor that the requests of an endpoint or a join never send."""
    cursor, pages = asking.next_cursor, asking.pagination
    is_sent = (pages is not None and pages.parameter is not None) or any(_sends_cursor(one) for one in sent)
    if cursor is not None and not is_sent:
        what = f"`{asking.name}`" if isinstance(asking, Endpoint) else f"the join `{asking.name}`"
        message = f"{what} never sends `$cursor`, so the provider gives the first page again"
        yield cursor.diagnostic("C244", message, severity="warning", hint="write it where the provider reads it")


def _absent_cursor(asking: Endpoint | Join, sent: Iterable[Expression]) -> Iterator[Diagnostic]:
    """C244: `$cursor` in the requests of what has no cursors."""
    for one in sent if asking.next_cursor is None and asking.pagination is None else ():
        for variable in (each for each in one.variables if each.name == "cursor"):
            message = f"`$cursor` is always absent: `{asking.name}` has no `next_cursor`"
            hint = "add `next_cursor`, which says where the reply has it"
            yield one.diagnostic("C244", message, variable, severity="warning", hint=hint)


def _forgotten(mapper: Mapper, parameters: Sequence[str], unread: Sequence[str]) -> list[str]:
    """All parameters of a resource with one integration, where the request lacks one, and has or refuses all others.

    What has a default is not counted: the provider may have it, too.
    """
    of_callers = [name for name in parameters if not name.startswith("truto_") and name not in _OF_ENGINE]
    asked = [name for name in of_callers if mapper.resource.parameters[name].default is None]
    left = [name for name in asked if name in unread]
    is_alone = set(mapper.resource.integrations) == {mapper.mapping.integration}
    return asked if is_alone and len(left) == 1 and len(asked) > _MANY_ASKED else []


def unsent_fields(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C244: the fields of a caller's body that the request does not have."""
    endpoint = typed.endpoint
    if endpoint.method not in WITH_BODY:
        return
    sent = [(key, one) for key, one in every(endpoint) if key in (*OF_REQUESTS, "query_error")]
    asked = {id(one) for key, each in sent if key == "query_error" for one in _absent(each.node)}
    found = [(key, each) for key, one in sent for each in reads(one) if asked.isdisjoint(map(id, each.nodes))]
    read = {each.path[1:3] for key, each in found if each.path[0] == "body" and (key in _WHOLE or each.path[1:])}
    fields = generated.create_schema(typed.mapper.resource)["properties"]
    left = [name for name in fields if not any(path[:1] == (name,) for path in read)]
    left = left or _unsent_parts(endpoint, fields, read)
    if left and () not in read:
        message = f"the request of `{endpoint.name}` never has {either(f'`{name}`' for name in left)} of the body"
        hint = f"read `$body.{left[0]}`, refuse it in `query_error`, or make it `read_only` in the spec"
        yield _at_name(typed, "C244", message, severity="warning", hint=hint)


#: Where all of a body is sent, or refused; elsewhere something is made of it, such as a digest.
_WHOLE = frozenset({"body", "query_error"})


def _unsent_parts(endpoint: Endpoint, fields: JSON, read: Container[NamePath]) -> list[str]:
    """The fields in objects of a body that nothing reads, where the request has such a field, which nothing writes."""
    written = endpoint.body if isinstance(endpoint.body, dict) else {}
    open_ = [one for one in RequestSchema(dict(endpoint.request or {})).names if one not in written]
    return [
        f"{name}.{inner}"
        for name, schema in fields.items()
        for inner in schema.get("properties", ())
        if (name,) not in read and (name, inner) not in read and any(words(one) == words(inner) for one in open_)
    ]


def _absent(node: nodes.Node, *, denied: bool = False) -> Iterator[nodes.Node]:
    """The nodes of what a refusal asks for only to refuse that it is absent: `$not($exists($body.project))`."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(inner,)):
            yield from _absent(inner, denied=not denied)
        case nodes.Call(procedure=nodes.Variable(name="exists")) if denied:
            yield from nodes.walk(node)
        case nodes.Binary(operator="and" | "or", left=left, right=right):
            yield from (*_absent(left, denied=denied), *_absent(right, denied=denied))
        case _:
            for one in nodes.children(node):
                yield from _absent(one)


def sent_twice(mapper: Mapper, told: frozenset[tuple[Any, Any]]) -> Iterator[Diagnostic]:
    """C244: two keys of a request that send the start of a period, or its end, where nothing sends the other.

    `told` has the places of which the names tell so already.
    """
    kinds = {name: (one.type, one.format) for name, one in mapper.resource.parameters.items()}
    for endpoint in mapper.mapping.endpoints:
        sent = list(of_requests(endpoint))
        left = [name for name in kinds if not any(reads_parameter(one, name) for one in sent)]
        known: dict[Any, tuple[str, Expression]] = {}
        for path, _, one in (*leaves(endpoint.params), *leaves(endpoint.body)):
            name = parameter_of(one.node)
            if not path or name not in kinds:
                continue
            key, first = known.setdefault((path[:-1], name), (str(path[-1]), one))
            others = [each for each in left if are_opposites(words(name), words(each)) and kinds[each] == kinds[name]]
            if first is not one and others and told.isdisjoint((each.source, each.span) for each in (first, one)):
                message = f"`{key}` and `{path[-1]}` both send `{name}`, and nothing sends `{others[0]}`"
                yield one.diagnostic("C244", message, severity="warning", hint=f"write `$query.{others[0]}`")


def _is_told(endpoint: Endpoint, name: str) -> bool:
    """Whether a query is refused, or its caller told, because of a parameter, as in `$exists($query.users) ? "…"`.

    In `$query.users and …` it is only one of several reasons.
    """
    told = [one.node for one in (endpoint.query_error, endpoint.query_note) if one is not None]
    tests = [one.condition for node in told for one in nodes.walk(node) if isinstance(one, nodes.Condition)]
    return any(parameter_of(side) == name for test in tests for side in _asked(test))


def _asked(test: nodes.Node) -> tuple[nodes.Node, ...]:
    """What a condition asks about."""
    match test:
        case nodes.Binary(operator="=" | "!=" | "in", left=left, right=right):
            return left, right
        case nodes.Binary(operator="or", left=left, right=right):
            return *_asked(left), *_asked(right)
        case nodes.Call(procedure=nodes.Variable(name="exists" | "not"), arguments=(one,)):
            return _asked(one)
        case _:
            return (test,)


def _is_settled(reach: Reach, endpoint: Endpoint, name: str) -> bool:
    """Whether the choice of the endpoint says all about a parameter: it serves at most one value of it."""
    place = ("query", name)
    if reach.is_told(place):
        values = {chosen[place] for chosen in reach.served(endpoint.name)} - {MISSING}
        return len(values) <= reach.is_listed(place)
    return any(reads_parameter(one.when, name) for one in reach.endpoints if one.when)


def _sends_cursor(expression: Expression) -> bool:
    """Whether an expression gives the provider's cursor, or ours, which is a mistake of its own (C232)."""
    tested = {id(below) for one in expression.below for test in _tests(one) for below in nodes.walk(test)}
    is_sent = any(one.name == "cursor" and id(one) not in tested for one in expression.variables)
    return is_sent or reads_parameter(expression, "next_cursor")


def _tests(node: nodes.Node) -> Iterator[nodes.Node]:
    """What is below a node and only tested."""
    match node:
        case nodes.Condition(condition=one) | nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
            yield one


def unused_settings(mapper: Mapper) -> Iterator[Diagnostic]:
    """C212: settings of the account that no expression reads."""
    mapping = mapper.mapping
    of_endpoints = (one for endpoint in mapping.endpoints for _, one in every(endpoint))
    all_ = [*of_endpoints, *(one for _, one in of_mapping(mapping))]
    every_read = [read.path for one in all_ for read in reads(one)]
    for name in mapping.context_schemas:
        is_read = ("context",) in every_read or any(path[:2] == ("context", name) for path in every_read)
        if not is_read and not is_overlaid(mapper, f"$context.{name}"):
            settings = mapping.root.value["context"]
            message = f"the setting `{name}` is never read"
            yield settings.diagnostic(
                "C212", message, key=name, severity="warning", hint=_unused_hint(f"$context.{name}", all_)
            )


def text_switches(mapper: Mapper) -> Iterator[Diagnostic]:
    """C219: settings that are on or off, but texts, which are true in a condition."""
    for name, schema in mapper.mapping.context_schemas.items():
        if schema.get("type") == "string" and schema.get("default") in ("true", "false") and "enum" not in schema:
            settings, default = mapper.mapping.root.value["context"], schema["default"]
            message = f'the setting `{name}` is the text "{default}", and any text is true'
            hint = f"write `type: boolean` and `default: {default}`"
            yield settings.diagnostic("C219", message, key=name, severity="warning", hint=hint)


def unwritten_fields(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C213: required fields without an expression. C215: the other fields without one."""
    endpoint = typed.endpoint
    if not isinstance(endpoint.response, dict) or endpoint.method == "delete":
        return
    left = []
    for name, field in _unwritten(endpoint.response, typed.mapper.resource.fields, ()):
        if field.required:
            message = f"`{endpoint.name}` never writes `{name}`, which is required"
            yield _at_name(typed, "C213", message, severity="error", hint="add it to response_mapping")
        elif name != REMOTE_DATA:
            left.append(name)
    if left:
        message = f"`{endpoint.name}` gives no value to {_first(left)}"
        yield _at_name(typed, "C215", message, severity="note")


def unsure_fields(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C213: required fields that are a field of the reply which may be null or absent, and nothing asks whether it is.

    A schema that lets every field beside it be absent, or null, says nothing by that.
    """
    lets = dict(typed.endpoint.let)
    found = leaves(typed.endpoint.response, typed.mapper.resource.record)
    written = [(keys_of(path), field, one) for path, field, one in found]
    sure = {path[:-1]: path for path, _, one in written if not typed.kind(one.node).kinds & NONE}
    for path, field, one in written:
        if field is not None and field.required and not field.nullable and _is_needed(typed.mapper, path, sure):
            made = lets.get(one.node.name, one).node if isinstance(one.node, nodes.Variable) else one.node
            yield from _left_out(path, one, made, sure.get(path[:-1]))
            direct = {id(node) for node in results(made)}  # null in a call is C223 or C224
            # Where the object of the reply is absent, so may be the record's.
            ways = {
                id(node): way
                for node in nodes.walk(made)
                if (
                    way := _unsure(
                        node, typed.kind(node), typed.properties, null=id(node) in direct, above=len(path) == 1
                    )
                )
            }
            if ways and may_be_absent(made, typed.kinds, lambda node: id(node) in ways):  # noqa: B023  # called here
                message = f"`{dotted(path)}` is required, but {[*ways.values()][-1]}"
                hint = "give it another value there, or select the rows that have it: `rows[… != null]`"
                yield one.diagnostic("C213", message, severity="warning", hint=hint)
        yield from _unsure_keys(typed, field, one) if field is not None else ()


def _left_out(path: NamePath, one: Expression, made: nodes.Node, sure: NamePath | None) -> Iterator[Diagnostic]:
    """C213: `a ? b` for a required field of an object in which another is always there."""
    if len(path) > 1 and sure and isinstance(made, nodes.Condition) and made.otherwise is None:
        message = f"`{dotted(path)}` is required, but left out here, while `{dotted(sure)}` is always there"
        hint = f"leave `{sure[-1]}` out, too, or give `{path[-1]}` another value there"
        yield one.diagnostic("C213", message, severity="warning", hint=hint)


def _is_needed(mapper: Mapper, path: NamePath, sure: Mapping[NamePath, NamePath]) -> bool:
    """Whether the object that has a required field is needed itself, or is there because others are `sure` in it."""
    below: Mapping[str, Field] = mapper.resource.fields
    for end, name in enumerate(path[:-1], 1):
        if path[:end] not in sure and not below[name].required:
            return False
        below = below[name].below
    return True


def _unsure_keys(typed: EndpointTypes, field: Field, one: Expression) -> Iterator[Diagnostic]:
    """C213: required fields of the objects that an expression makes, which may be absent."""
    for made, schema in objects(one.node, field):
        for key, value in made.pairs:
            read = _kept(value)
            way = _unsure(read, typed.kind(read), typed.properties, null=False)
            if way is not None and isinstance(key, nodes.String) and key.value in schema.required:
                message, hint = f"`{key.value}` is required, but {way}", "give it another value there: `… ?? …`"
                yield one.diagnostic("C213", message, value, severity="warning", hint=hint)


def _kept(node: nodes.Node) -> nodes.Node:
    """What a function that gives nothing for nothing makes a text of."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="string" | "lowercase" | "uppercase" | "trim"), arguments=(one,)):
            return one
    return node


def _unsure(node: nodes.Node, kind: Type, properties: Properties, *, null: bool, above: bool = True) -> str | None:
    """How a field of the reply may have no value, in words; None if it surely has one, or for any other node.

    `above` if also because an object that it is in may be absent.
    """
    if not kind.path or not (is_simple_path(node) or isinstance(node, nodes.Name)):
        return None
    if kind.path[0] == JOINED and "undefined" in kind.kinds:
        return f"the join `{kind.path[1]}` may have no row for it"
    places = (kind.path[:end] for end in range(len(kind.path), 0 if above else len(kind.path) - 1, -1))
    return next(filter(None, (_unsure_at(place, kind, properties, null=null) for place in places)), None)


def hollow_texts(all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C223: `"see " & url` where `url` may be absent: then the text has nothing in it."""
    for typed in all_types:
        for key, one in every(typed.endpoint):
            yield from _hollow(one, typed.kinds, typed.properties) if key not in PLANNING else ()
    mapping = all_types[0].mapper.mapping
    refusal = refusal_type(mapping, with_null=True)
    for one in mapping.errors.values():
        kinds = kinds_in(one.node, TypeScope({}, refusal)) if "&" in one.text else {}
        yield from _hollow(one, kinds, partial(properties_at, refusal))


def _hollow(one: Expression, kinds: Mapping[int, Type], properties: Properties) -> Iterator[Diagnostic]:
    for node, parts in joined_texts(one.node) if "&" in one.text else ():
        read = [part for part in parts if not isinstance(part, nodes.CONSTANTS)]
        said = "".join(str(part.value) for part in parts if isinstance(part, nodes.CONSTANTS))
        ways = [_unsure(part, kinds.get(id(part), ANY), properties, null=False) for part in read]
        if _SAYS.search(said) and ways and all(ways):
            text = written(one, read[0])
            message, hint = f"this text is made where `{text}` is absent, too", f"write `{text} ? …`"
            yield one.diagnostic("C223", message, node, severity="warning", hint=hint)


#: What a text says by itself, unlike a separator.
_SAYS = lazy_pattern(r"\w|[(){}\[\]]")


def _unsure_at(path: NamePath, kind: Type, properties: Properties, *, null: bool) -> str | None:
    """The same for a place of the reply: that of the field, or one above it, below which there is nothing then."""
    beside = properties(path[:-1])
    declared, is_above = beside.get(path[-1]), path != kind.path
    if declared is None or not declared.solid or (is_above and "array" in declared.kinds):
        return None
    tells = {one for one in ("null", "undefined") if any(one not in each.kinds for each in beside.values())}
    left = {"null", "undefined"} if is_above and "undefined" in kind.kinds else kind.kinds
    ways = tells & declared.kinds & left - (set() if null or is_above else {"null"})
    shown = " or ".join(word for one, word in (("null", "null"), ("undefined", "absent")) if one in ways)
    return f"`{dotted(path)}` may be {shown}" if ways else None


def _unwritten(
    template: dict[str, Any], fields: Mapping[str, Field], path: tuple[str, ...]
) -> Iterator[tuple[str, Field]]:
    """The fields that a template does not write; an object of which it writes none is one field."""
    for name, field in fields.items():
        if name not in template:
            yield dotted((*path, name)), field
        elif isinstance(template[name], dict):
            yield from _unwritten(template[name], field.below, (*path, name))


def unread_fields(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C214: the fields of the reply's schema that no expression of the endpoint reads."""
    whole = typed.inference.whole
    failures = (one for one in (typed.endpoint.error_when, typed.endpoint.empty_when) if one is not None)
    read = typed.inference.paths | {one.path[1:] for failure in failures for one in reads(failure)}
    paths = [kind.path for kind in innermost(typed.body) if kind.path and kind.path not in read]
    names = [dotted(path) for path in paths if not any(path[:end] in whole for end in range(1, len(path) + 1))]
    if names:
        message = f"`{typed.endpoint.name}` never reads these fields of the reply: {_first(names)}"
        yield _at_name(typed, "C214", message, severity="note")


def _at_name(typed: EndpointTypes, code: str, message: str, **more: Any) -> Diagnostic:
    """A finding about an endpoint, at its name in the mapping."""
    endpoints = typed.mapper.mapping.root.value["endpoints"]
    return endpoints.diagnostic(code, message, key=typed.endpoint.name, **more)  # type: ignore[no-any-return]  # of a Node


def _first(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
