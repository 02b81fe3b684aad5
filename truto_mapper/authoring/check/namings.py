"""The names that an endpoint gives to values, in groups, each with the values that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from truto_mapper.authoring.check.described import JOINED
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.words import Words, as_bounds, words_of
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.source_paths import Paths, Read
from truto_mapper.mapping.linked import REQUEST_NAMES, RESPONSE_NAMES, Endpoint, Template, leaves, once
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, keys_of
from truto_mapper.text.source import Span

#: The variables whose names say nothing about what is read below them.
_PLAIN = frozenset({"$", "query", "context", "body", "response", "headers"})


@dataclass(frozen=True, slots=True)
class Source:
    """A value that is read: its path as it is written, a variable's name first, and the places that this leads to.

    A place begins with `$` for the reply and for the rows of joins, or with the name of another variable that is bound
    for the endpoint.
    """

    path: NamePath
    places: tuple[NamePath, ...]
    words: Words

    @property
    def name(self) -> str:
        """The last name, which says what the value is."""
        return self.path[-1]

    @property
    def text(self) -> str:
        root, *names = self.path
        return dotted(names) if root == "$" and names else dotted((f"${root.removeprefix('$')}", *names))

    def meaning(self, name: str) -> str:
        """A hint with another last name."""
        return f"did you mean `{self.text.removesuffix(self.name)}{name}`?"


@dataclass(frozen=True, slots=True)
class Naming:
    """A name, the node of an expression that gives its value, and what that reads."""

    path: NamePath
    expression: Expression
    node: Node
    sources: tuple[Source, ...]
    words: Words
    read: Words
    placed: Words

    @property
    def name(self) -> str:
        return dotted(self.path)

    @property
    def roots(self) -> frozenset[str]:
        """The variables below which it reads; "" for those that it reads themselves."""
        return frozenset(source.path[0] if source.path[1:] else "" for source in self.sources)

    def reads(self, other: Naming) -> bool:
        """Whether another name is a variable that this one is made of."""
        return any(source.path[0] == other.name for source in self.sources)

    def diagnostic(self, code: str, message: str, hint: str | None = None) -> Diagnostic:
        return self.expression.diagnostic(code, message, self.node, severity="warning", hint=hint)


@dataclass(frozen=True, slots=True)
class Group:
    """Names beside each other. `kind` is `record`, `request`, `let`, `page`, `errors`, `object`, `items` or `block`."""

    kind: str
    namings: tuple[Naming, ...]


class Namings:
    """The groups of the names that values get."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[NamePath, ...]] = {name: ((name,),) for name in RESPONSE_NAMES | REQUEST_NAMES}
        self._places |= {"$": (("$",),), "response": (("$",),)}
        self._read: dict[int, list[tuple[Read, int]]] = {}
        self.groups: list[Group] = []

    @staticmethod
    def of_endpoint(endpoint: Endpoint) -> Namings:
        made = Namings()
        made._endpoint(endpoint)
        return made

    @staticmethod
    def of_errors(expressions: Mapping[str, Expression]) -> Namings:
        made = Namings()
        made._add("errors", (((name,), one, one.node) for name, one in expressions.items()))
        return made

    def _endpoint(self, endpoint: Endpoint) -> None:
        self._add_templates("request", endpoint.body, endpoint.params, endpoint.headers)
        pages = [(key, one) for key in _OF_PAGE if (one := getattr(endpoint, key)) is not None]
        self._add("page", (((key.removeprefix("next_"),), one, one.node) for key, one in pages))
        for name, one in endpoint.for_each:
            self._places |= dict.fromkeys((name, "$"), self._leads_to(one, one.node))
        lets = []
        for name, one in endpoint.let:
            lets.append(self._naming((name,), one, one.node))
            self._places[name] = self._leads_to(one, one.node)
        self.groups.append(Group("let", tuple(lets)))
        self._add_templates("record", endpoint.response)
        written = [leaf for template in (endpoint.body, endpoint.response) for leaf in leaves(template)]
        above = {id(one): keys_of(path) for path, _, one in written}
        for one in once(endpoint):
            self._add_within(one, above.get(id(one), ()))

    def places(self, name: str, *below: str) -> tuple[NamePath, ...]:
        """The places that a variable, with names below it, leads to."""
        return tuple((*place, *below) for place in self._places.get(name, ()))

    def sources_of(self, expression: Expression, node: Node) -> tuple[Source, ...]:
        """What a node of an expression reads."""
        return self._naming((), expression, node).sources

    def of(self, kind: str) -> Iterator[Naming]:
        """The namings of all groups of a kind."""
        return (one for group in self.groups if group.kind == kind for one in group.namings)

    def _add_templates(self, kind: str, *templates: Template | None) -> None:
        for template in templates:
            self._add(kind, ((keys_of(path), one, one.node) for path, _, one in leaves(template) if path))

    def _add_within(self, expression: Expression, above: NamePath) -> None:
        """The groups within an expression: the keys of its objects, and the variables that it binds.

        The keys have the words of what the expression is for, too: `above`.
        """
        text, binds, outside = expression.text, [], self._places
        self._places = outside | dict(self._bound(expression))
        for node in expression.below if "{" in text or ":=" in text else ():
            if isinstance(node, nodes.Object):
                pairs = ((key.value, value) for key, value in node.pairs if isinstance(key, nodes.String))
                self._add("object", (((name,), expression, value) for name, value in pairs), above)
            elif isinstance(node, nodes.Array):
                self._add("items", _items(node, expression))
            elif isinstance(node, nodes.Bind):
                binds.append(((node.variable.name,), expression, node.value))
        self._add("block", binds)
        self._places = outside

    def _bound(self, expression: Expression) -> Iterator[tuple[str, tuple[NamePath, ...]]]:
        """The names within an expression for the items of a list: `function($line) { … }` in a call of `$map`."""
        for node in expression.below if "{" in expression.text else ():
            match node:
                case nodes.Call(
                    procedure=nodes.Variable(name="map" | "filter" | "single"),
                    arguments=(listed, nodes.Lambda(parameters=(nodes.Variable(name=name), *_))),
                ):
                    yield name, self._leads_to(expression, listed)

    def _add(self, kind: str, given: Iterable[tuple[NamePath, Expression, Node]], above: NamePath = ()) -> None:
        made = (self._naming(*one) for one in given)
        made = (replace(one, words=one.words | words_of(above)) for one in made) if above else made
        if kind == "request":
            made = (replace(one, words=as_bounds(one.words)) for one in made)
        self.groups.append(Group(kind, tuple(made)))

    def _naming(self, path: NamePath, expression: Expression, node: Node) -> Naming:
        sources = tuple(dict.fromkeys(self._source(read.path) for read in self._reads(expression, node)))
        read = frozenset(word for one in sources for word in one.words)
        placed = words_of({place[-1] for one in sources for place in one.places})
        return Naming(path, expression, node, sources, words_of(path), read, placed)

    def _reads(self, expression: Expression, node: Node) -> Iterator[Read]:
        """What a node of an expression reads, without what is read on the way there."""
        if id(expression) not in self._read:
            self._read[id(expression)] = list(_positions(expression))
        found = [read for read, at in self._read[id(expression)] if node.span.start <= at < node.span.end]
        longer = {read.path[:end] for read in found for end in range(1, len(read.path))}
        return (read for read in found if read.path not in longer)

    def _source(self, path: NamePath) -> Source:
        known = self._places.get(path[0], ())
        named = path[1:] if path[0] in _PLAIN and path[1:] else path
        return Source(path, tuple((*place, *path[1:]) for place in known), words_of(named))

    def _leads_to(self, expression: Expression, node: Node) -> tuple[NamePath, ...]:
        names = leading_names(node)
        if names and len(names) == len(getattr(node, "steps", names)):  # with any predicates
            first, *rest = names
            root = (first.name or "$",) if isinstance(first, nodes.Variable) else ("$", first.value)
            return self._source((*root, *(one.value for one in rest if isinstance(one, nodes.Name)))).places
        for one in results(node):
            match one:
                case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(rows, _)):
                    holder, *joins = texts_of_names(rows) or ("",)
                    if holder == "joined" and len(joins) == 1:
                        return (("$", JOINED, joins[0]),)
        sources = self.sources_of(expression, node)
        return tuple(dict.fromkeys(place for one in sources for place in one.places))


def _items(array: nodes.Array, expression: Expression) -> Iterator[tuple[NamePath, Expression, Node]]:
    """What the objects of an array are made of, named by their one text: `$p.fax.{"number": $, "type": "fax"}`."""
    for one in array.items:
        match one:
            case nodes.Path(steps=(*rest, last, nodes.Step(node=nodes.Object(pairs=pairs)))):
                texts = [value.value for _, value in pairs if isinstance(value, nodes.String)]
                if len(texts) == 1:
                    made = nodes.Path(Span(one.span.start, last.span.end), (*rest, last))
                    yield (texts[0],), expression, made


_OF_PAGE = ("next_cursor", "page_number", "total", "has_more", "time_zone")


def _positions(expression: Expression) -> Iterator[tuple[Read, int]]:
    """What an expression reads, each with the position of its last name, or of the variable if that is all of it."""
    below = expression.below
    variables = [one for one in below if isinstance(one, nodes.Variable) and one.name not in ("", "$")]
    paths = Paths([*dict.fromkeys(one.name for one in variables), "$"], expression.functions)
    for read in paths.reads(expression.node):
        if read.nodes:
            yield read, read.nodes[-1].span.start
    called = {id(one.procedure) for one in below if isinstance(one, nodes.Call)}
    longer = {id(one.steps[0].node) for one in below if isinstance(one, nodes.Path) and len(one.steps) > 1}
    for one in variables:
        if id(one) not in called | longer:
            yield Read((one.name,)), one.span.start
