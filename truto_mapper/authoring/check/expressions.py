"""The expressions of an endpoint, whose types are inferred from the provider's schema and held against the resource."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from truto_mapper.authoring.check import fields, slips
from truto_mapper.authoring.check.described import JOINED, Described
from truto_mapper.authoring.check.shared import is_inside
from truto_mapper.authoring.check.surprises import Surprises
from truto_mapper.engine.join_types import by_key, join_reply, join_row
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import failure_type, refusal_type, reply_type
from truto_mapper.language import natives, nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import NUMBERED, RESPONSE_NAMES, Endpoint, Join, every, leaves, of_mapping
from truto_mapper.resource import generated
from truto_mapper.resource.field import Field, value_schema
from truto_mapper.resource.spec import OF_ONE
from truto_mapper.text.diagnostics import Diagnostic, Severity, did_you_mean, nearest, shortened

#: What is made of a query alone.
PLANNING = ("path", "when", "query_error", "query_note", "static_response", "params", "headers", "body")
_OF_MAPPING = ("whole_days.time_zone",)
_LENGTHS = ("length", "size", "count")
_OF_REPLY = ("recognise", "next_cursor", "page_number", "total", "has_more", "origin", "time_zone")


class EndpointTypes:
    """The types of an endpoint's expressions; `found` is what is wrong with them."""

    def __init__(
        self, mapper: Mapper, endpoint: Endpoint, asked: Mapping[str, Mapping[str, Type]] = MappingProxyType({})
    ) -> None:
        """`asked` has types of parameters and settings, by `query` and `context`, that are narrower than declared."""
        self.mapper, self.endpoint = mapper, endpoint
        self.found: list[Diagnostic] = []
        #: The type of each node of the expressions, by its identity; of a step of a path, that of what is before it.
        self.kinds: dict[int, Type] = {}
        self.inference = Surprises(self._tell, self._surprise, lambda node: slips.written(self._expression, node))
        self.body, self.described = reply_type(endpoint), Described(endpoint)
        #: The types of the rows of joins by name.
        self.rows: dict[str, Type] = {}
        #: The types of the ids that each join asks for.
        self.ids: dict[str, Type] = {}
        self._expression, self._scope = endpoint.path, TypeScope({}, types.ANY)
        self._field: Field | None = None
        given = {"query": mapper.resource.parameters_of(endpoint.method), "context": mapper.mapping.context_schemas}
        bound = {*RESPONSE_NAMES, *dict(endpoint.for_each), *dict(endpoint.let)}
        for _, one in self.expressions:
            self.found += slips.slips(one, given, bound)
        #: The types of the variables that every expression may have.
        self.scope = narrowed(TypeScope(_variables(mapper, endpoint, self.body), self.body), asked)
        self._infer_all(self.scope)
        self.found = _once(self.found)

    @property
    def expressions(self) -> tuple[tuple[str, Expression], ...]:
        """The expressions of the endpoint, and those of the mapping, with their keys."""
        return (*every(self.endpoint), *of_mapping(self.mapper.mapping))

    def properties(self, path: NamePath) -> Mapping[str, Type]:
        """The properties of the objects at a path of the reply, or of a join; none if they are not described."""
        if path[:1] != (JOINED,):
            return types.properties_at(self.body, path)
        return types.properties_at(self.rows[path[1]], path[2:]) if path[1:] else {}

    def of_join(self, join: Join, scope: TypeScope) -> TypeScope:
        """A scope with what a join has of its own: the ids that it asks for, and the cursor of its replies."""
        return scope.bound("ids", self.ids[join.name]).bound("cursor", types.union(types.STRING, types.UNDEFINED))

    def kind(self, node: nodes.Node) -> Type:
        """The type of a node of an expression that was looked at."""
        return self.kinds.get(id(node), types.ANY)

    def _tell(self, code: str, node: nodes.Node, message: str, hint: str | None, names: Iterable[str]) -> None:
        """Note a finding about a node of the current expression."""
        if isinstance(node, nodes.Name) and hint is None:
            known = list(names)
            close = did_you_mean(node.value, known)
            meant = self._meant(node, known)
            is_variable = meant is not None and meant.startswith(f"write `${node.value}")
            hint = meant if is_variable else close if nearest(node.value, known) else meant or close
            if self._expression.text.strip() == node.value and hint == close and self._may_be_constant(node.value):
                is_close = nearest(node.value, known) is not None
                hint = hint if is_close else f"text needs quotes of its own: '\"{node.value}\"'"
        severity: Severity = "error" if code in ("C203", "C206", "C208", "C225") else "warning"
        self.found.append(self._expression.diagnostic(code, message, node, severity=severity, hint=hint))

    def _surprise(self, severity: Severity, code: str, node: nodes.Node, message: str, hint: str | None) -> None:
        if code == "C228" and severity == "note" and self._field is not None and not self._field.nullable:
            severity = "warning"  # the field leaves null out, and so has neither it nor the default
        self.found.append(self._expression.diagnostic(code, message, node, severity=severity, hint=hint))

    def _may_be_constant(self, value: str) -> bool:
        """Whether a word can be the value of the name, or of the unified field, that the expression is for."""
        if any(one is self._expression for _, one in self.endpoint.let):
            return True
        values = value_schema(self._field).get("enum") if self._field is not None else None
        return self._field is not None and (values is None or value in values)

    def _meant(self, node: nodes.Name, known: Sequence[str]) -> str | None:
        """A hint about a name that does not exist here: a variable without its `$`, a field of the reply or of an
        outer row, or the length of what is before it.
        """
        text, end = self._expression.text, node.span.end
        paths = [one for one in nodes.walk(self._expression.node) if isinstance(one, nodes.Path)]
        first = max((one.span.end for one in paths if one.steps[0].node is node), default=None)
        names = self._scope.variables.keys()
        longer = [one for one in known if node.value.casefold() in one.casefold()]
        if first is not None and len(longer) == 1 and node.value not in names:
            return f"did you mean `{longer[0]}`?"
        if first is not None:
            written, homes = (
                shortened(text[node.span.start : first]),
                [*reversed(dict(self.endpoint.for_each)), "response"],
            )
            home = next((one for one in homes if self._has(one, node.value)), None)
            return f"write `${written}`" if node.value in names else f"write `${home}.{written}`" if home else None
        begin = next((one.span.start for one in paths for step in one.steps if step.span.end == end), end)
        before = shortened(text[begin : node.span.start].rstrip(". "))
        hint = f"write `$count({before})` or, for a text, `$length({before})`"
        return hint if node.value in _LENGTHS and before else None

    def _has(self, variable: str, field: str) -> bool:
        """Whether a variable that is bound here is an object with a field."""
        kind = self._scope.variables.get(variable, types.ANY)
        return field in (kind.properties or {})

    def _infer(self, expression: Expression, scope: TypeScope) -> Type:
        self._expression, self._scope = expression, scope
        made = self.inference.infer_all(expression.node, scope)
        self.kinds |= self.inference.before | self.inference.kinds
        return natives.written(made)

    def _infer_all(self, scope: TypeScope) -> None:
        """Infer every expression, in the order in which a page evaluates them."""
        endpoint = self.endpoint
        for key, expression in self.expressions:
            if key in (*PLANNING, *_OF_MAPPING):
                self._infer(expression, replace(scope, context=types.UNDEFINED if key in PLANNING else types.ANY))
        for one in (getattr(endpoint, key) for key in _OF_REPLY):
            if one is not None:
                self.inference.used(self._infer(one, scope))
        if endpoint.recognise is not None:
            self.found = list(self._without_foreign(endpoint.recognise))
        self._infer_refusals(scope)
        outer = scope
        for name, expression in endpoint.for_each:
            item = types.item_of(self._infer(expression, scope)).without(types.NONE)
            scope = scope.bound(name, item).within(item)
        if endpoint.joins:
            rows = {one.name: self._infer_join(one, outer) for one in endpoint.joins}
            scope = scope.bound("joined", Type(frozenset({"object"}), properties=rows))
        for name, expression in endpoint.let:
            scope = scope.bound(name, self._infer(expression, scope), expression.node)
            self.inference.lists |= {name} if self.inference.is_list(expression.node) else set()
        let = dict(endpoint.let)
        read = {name for _, one in every(endpoint) for name in fields.read_of(one, let)}
        for path, field, expression in leaves(endpoint.response, self.mapper.resource.record):
            self._field = field
            self.inference.used(self._infer(expression, scope))
            name = expression.node.name if isinstance(expression.node, nodes.Variable) else ""
            sources = [expression, *([let[name]] if name in let else [])]
            found = [] if field is None else list(fields.misfits(sources, self.kind, field, path, let, read))
            fails = any(one.code in ("C208", "C225") and is_inside(one, sources) for one in self.found)
            self.found += [one for one in found if not (fails and one.message.endswith("never gets a value from this"))]

    def _infer_join(self, join: Join, page: TypeScope) -> Type:
        """Infer the expressions of a join; gives the type of `$joined.<name>`."""
        for one in (join.run_if, join.ids):
            if one is not None:
                self.inference.used(self._infer(one, page))
        place = JOINED, join.name
        reply, one_id = join_reply(join, place), types.item_of(self.kind(join.ids.node))
        known = one_id.solid & {"string", "integer"}
        items = Type(frozenset(known), path=one_id.path) if known else types.union(types.STRING, types.INTEGER)
        self.ids[join.name] = Type(frozenset({"array"}), items=items)
        page = self.of_join(join, page)
        asked = page.within(types.UNDEFINED)
        for key, one in join.expressions:
            if key in PLANNING:
                self.inference.used(self._infer(one, asked))
        given = _of_body(page, reply)
        rows = None if join.rows is None else self._infer(join.rows, given)
        row = self.rows[join.name] = _placed(join_row(reply, rows), place)
        self.inference.used(self._infer(join.key, given.within(row)))
        if join.next_cursor is not None:
            self.inference.used(self._infer(join.next_cursor, given))
        self._infer_failures(join, reply, given)
        return by_key(join, row)

    def _infer_failures(self, asking: Endpoint | Join, reply: Type, scope: TypeScope) -> None:
        """Infer what tells refusals from replies. Few of them list several errors (C205)."""
        refusal, before = refusal_type(self.mapper.mapping), len(self.found)
        either = failure_type(reply, refusal)
        for one in (asking.error_when, asking.empty_when):
            if one is not None:
                self._infer(one, _of_body(scope, refusal if _asks_for_refusals(one.node) else either))
        self.found[before:] = [one for one in self.found[before:] if one.code != "C205"]

    def _infer_refusals(self, scope: TypeScope) -> None:
        """Infer `error_mapping`, and what tells refusals from replies."""
        mapping = self.mapper.mapping
        self._infer_failures(self.endpoint, self.body, scope)
        for one in mapping.errors.values():
            self._infer(one, _of_body(scope, refusal_type(mapping)))
        for one in (one for one in mapping.errors.values() if "??" in one.text or "&" in one.text):
            self._infer_with_null(one, _of_body(scope, refusal_type(mapping, with_null=True)))

    def _infer_with_null(self, one: Expression, scope: TypeScope) -> None:
        """C223 and C228 in `error_mapping`, where only `&` and `??` tell null from an absent value.

        A schema that lets every field beside it be null says nothing by that.
        """

        def told(severity: Severity, code: str, node: nodes.Node, message: str, hint: str | None) -> None:
            beside = types.properties_at(scope.context, (judge.kind(node).path or ())[:-1])
            if code in ("C223", "C228") and any("null" not in each.kinds for each in beside.values()):
                self.found.append(one.diagnostic(code, message, node, severity=severity, hint=hint))

        judge = Surprises(lambda *_: None, told, lambda node: slips.written(one, node))
        judge.infer_all(one.node, scope)

    def _without_foreign(self, recognise: Expression) -> Iterator[Diagnostic]:
        """What is found without the names that other replies have, and whose absence tells this one: `$not(total)`.

        A name that is there tells it also where it is null (C227).
        """
        calls = [one for one in recognise.below if isinstance(one, nodes.Call)]
        tests = [one for one in calls if getattr(one.procedure, "name", "") == "not"]
        names = [one for test in tests for one in nodes.walk(test) if isinstance(one, nodes.Name)]
        others = [one for one in self.mapper.mapping.endpoints if one is not self.endpoint] if names else []
        known = {name for other in others for name in reply_type(other).properties or ()}
        denied = {recognise.locate(one.span) for one in names if one.value in known}
        asked = {recognise.locate(one.span) for one in calls}
        harmless = {"C206": denied, "C227": asked}
        return (one for one in self.found if one.span not in harmless.get(one.code, ()))


def _once(found: list[Diagnostic]) -> list[Diagnostic]:
    """Findings without the slips (C219) at unknown fields (C206), which get their hints."""
    slip = {(one.source, one.span): one.hint for one in found if one.code == "C219"}
    unknown = {(one.source, one.span) for one in found if one.code == "C206"}
    hinted = (
        replace(one, hint=slip.get((one.source, one.span), one.hint)) if one.code == "C206" else one for one in found
    )
    return [one for one in hinted if one.code != "C219" or (one.source, one.span) not in unknown]


def _asks_for_refusals(test: nodes.Node) -> bool:
    """Whether a test holds for a status of refusals only: `$status = 404 and …`."""
    for one in nodes.conjuncts(test):
        match one:
            case nodes.Binary(operator="=", left=nodes.Variable(name="status"), right=nodes.Number(value=status)):
                if not 200 <= status < 300:
                    return True
    return False


def _of_body(scope: TypeScope, body: Type) -> TypeScope:
    """The scope of an expression that reads the body of a refusal, or of a reply that may be one."""
    return TypeScope({**scope.variables, "response": body, "$": body}, body)


def _variables(mapper: Mapper, endpoint: Endpoint, body: Type) -> dict[str, Type]:
    method, pages = endpoint.method, endpoint.pagination
    parameters, settings = mapper.resource.parameters_of(method), mapper.mapping.context_schemas
    is_number = pages is not None and pages.format in NUMBERED
    asked = {name: _given(value_schema(field), field.default) for name, field in parameters.items()}
    context = {name: _given(schema, schema.get("default")) for name, schema in settings.items()}
    return {
        "query": Type(frozenset({"object"}), properties=asked),
        "context": Type(frozenset({"object"}), properties=context),
        "cursor": types.INTEGER if is_number else types.union(types.STRING, types.UNDEFINED),
        "now": replace(types.union(types.STRING, types.UNDEFINED), format="date-time"),
        **_of_one(mapper, method),
        "status": types.INTEGER,
        "headers": Type(frozenset({"object"}), others=types.STRING),
        "response": body,
        "$": body,
        **{name: types.of_value(table) for name, table in mapper.mapping.lookups.items()},
    }


def _of_one(mapper: Mapper, method: str) -> dict[str, Type]:
    """The types of `$id` and `$body`, where a method has them."""
    known = {"create": generated.create_schema, "update": generated.update_schema}
    given = {"id": types.STRING} if method in OF_ONE else {}
    if method in known:
        schema = known[method](mapper.resource)
        given["body"] = types.from_schema(schema, schema, None)
    return given


def narrowed(scope: TypeScope, asked: Mapping[str, Mapping[str, Type]]) -> TypeScope:
    """A scope with other types of some parameters and settings."""
    for holder, names in asked.items():
        whole = scope.variables[holder]
        scope = scope.bound(holder, replace(whole, properties={**(whole.properties or {}), **names}))
    return scope


def _given(schema: Mapping[str, Any], default: Any) -> Type:
    """The type of a parameter or a setting, which may be absent if it has no default."""
    kind = types.from_schema(schema, schema, None)
    return kind if default is not None else types.union(kind, types.UNDEFINED)


def _placed(kind: Type, place: NamePath, above: int | None = None) -> Type:
    """A type whose path is a place, and those below it begin with that."""
    if kind.path is None:
        return kind
    above = len(kind.path) if above is None else above
    names = {name: _placed(one, place, above) for name, one in (kind.properties or {}).items()}
    items = None if kind.items is None else _placed(kind.items, place, above)
    known = None if kind.properties is None else names
    return replace(kind, path=(*place, *kind.path[above:]), properties=known, items=items)
