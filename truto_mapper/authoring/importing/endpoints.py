"""One method of a Truto mapping becomes an endpoint, or one for each resource of the provider that it chooses from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from truto_mapper.authoring.importing import tables
from truto_mapper.authoring.importing.documents import Row
from truto_mapper.authoring.importing.expressions import Table, Translation, Translator
from truto_mapper.authoring.importing.paging import pages
from truto_mapper.authoring.importing.parsing import Parsed, parsed
from truto_mapper.authoring.importing.replies import Reply
from truto_mapper.authoring.importing.shapes import record_of
from truto_mapper.authoring.importing.templates import Binds, Templates, entry
from truto_mapper.authoring.importing.writing import Entry, is_live
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node, Path, Variable
from truto_mapper.mapping.shape import shape
from truto_mapper.resource.field import Field
from truto_mapper.text import yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple

#: The HTTP method of a proxy method.
_HTTP = {"list": "GET", "get": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}

#: The keys of a Truto mapping that have no counterpart here, and what to do.
_NOT_HERE = {
    "response_header_mapping": "the reply's headers are not mapped; `$headers` is bound where records are made",
    "is_partial_expression": "`next_cursor` or `pagination` says here whether more pages follow",
    "side_load": "a further request for records is a `join` here: write one",
    "file_upload": "a mapping does not upload files",
    "before": "there are no steps before a request; one that looks up ids may become a `join`, a constant a setting",
    "after": "there are no steps after a reply; one that completes the records may become a `join`",
}

#: The keys that only document a mapping, and what does that here.
_DOCUMENTED = {
    "query_schema": "the spec declares the parameters",
    "request_body_schema": "the spec declares the fields that a caller may write",
}

#: The keys that are read elsewhere, or say nothing about the mapping.
_READ = {"resource", "method", "query", "body", "default_query", "default_body", "response_mapping_method"}
_READ |= {"query_mapping", "request_body_mapping", "request_header_mapping", "path_mapping", "response_mapping"}
_READ |= {"error_mapping", "description", "id", "version", "created_at", "updated_at"}

#: What an integration says that a client would have to do.
_OF_CLIENTS = ("base_url", "body_format", "api_response_format", "add_query_to_body", "query_array_format")

_PATH = (
    "A guess: Truto has the path in the integration, as resource `{}`, method `{}`. Import with the integration's file "
    "too, or write it here."
)
_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an import is told or finds out besides the mapping.

    `fields` and `parameters` are the spec's, if there is one. `rows` says where a list's items are, `reading` how
    `response` is read, and `loop` what a mapping below calls the row.
    """

    proxies: Mapping[str, Mapping[str, Any]]
    fields: Mapping[str, Field] | None = None
    parameters: frozenset[str] | None = None
    rows: str | None = None
    reading: str | None = None
    loop: str | None = None

    @property
    def cursors(self) -> tuple[str, ...]:
        """The parameters of a query that hold the provider's cursor."""
        return tuple(one for one in tables.CURSORS if one == "next_cursor" or one not in (self.parameters or ()))


class Choice(NamedTuple):
    """A resource and a method of the integration, and the condition under which they are called."""

    resource: str
    method: str
    when: Translation | None = None
    is_one_of: bool = False


@dataclass(frozen=True)
class Method:
    """One row of a Truto mapping."""

    row: Row
    settings: Settings

    @cached_property
    def parts(self) -> dict[str, yaml_tree.Node]:
        return dict(self.row.config.value)

    def expression(self, key: str) -> Parsed | None:
        """The expression of a key; None if there is none."""
        node = self.parts.get(key)
        return parsed(node) if node is not None and isinstance(node.value, str) and node.value.strip() else None

    @property
    def table(self) -> Table:
        return tables.of_request(self.settings.cursors)

    @property
    def loop(self) -> str:
        return self.settings.loop or singular(self.row.resource)

    def changes(self) -> Iterator[Entry]:
        """What an override changes of an endpoint."""
        known = ("path_mapping", "query_mapping", "request_header_mapping", "request_body_mapping", "response_mapping")
        for key in known:
            if key in self.parts and self.parts[key].value is None:
                yield Entry(key, "null", is_plain=True)
        if (found := self.expression("path_mapping")) is not None:
            yield self.whole("path_mapping", found)
        made = (*self.request({}), *self.reply({}, is_overlay=True), *self.left_out())
        yield from sorted(made, key=_place)

    def endpoints(self) -> Iterator[Entry]:
        """The endpoints of this method."""
        choices = list(self.choices())
        for choice in choices:
            which = re.sub(r"\W", "_", choice.resource)
            name = f"{self.row.method}_{which}" if choice.is_one_of else self.row.method
            found = tuple(sorted(self.endpoint(choice), key=_place))
            yield Entry(name, found, *self.lacking(found))

    def lacking(self, found: tuple[Entry, ...]) -> tuple[tuple[str, ...], bool]:
        """Why an endpoint cannot be written, and whether it is left out."""
        dead = [one.key for one in found if not is_live(one)]
        for key in ("when", "for_each", "path_mapping"):
            if key in dead:
                return (f"Not carried over: without its `{key}` this cannot work.",), True
        if self.row.method != "delete" and not any(one.key == "response_mapping" and is_live(one) for one in found):
            return (f"Not carried over: every record of `{self.row.method}` needs a `response_mapping`.",), True
        return (), False

    def endpoint(self, choice: Choice) -> Iterator[Entry]:
        """The entries of an endpoint."""
        proxy = self.settings.proxies.get(choice.resource, {}).get(choice.method, {})
        if self.row.method != "list":
            yield Entry("method", self.row.method, is_plain=True)
        if choice.when is not None:
            yield entry("when", choice.when)
        verb = str(proxy.get("method") or _HTTP.get(choice.method, "GET")).upper()
        yield from (Entry("request_method", verb, is_plain=True),) if verb != "GET" else ()
        yield self.path(choice, proxy)
        yield from self.request(proxy)
        reply = tuple(self.reply(proxy))
        yield from reply
        if self.row.method == "list" and not any(one.key == "next_cursor" for one in reply):
            sent = any(self.sends_cursor(key) for key in ("query_mapping", "request_body_mapping", "path_mapping"))
            yield from pages(proxy.get("pagination"), is_sent=sent)
        yield from self.of_integration(proxy)
        yield from self.left_out()

    def of_integration(self, proxy: Mapping[str, Any]) -> Iterator[Entry]:
        """What else an integration says about a request and its reply."""
        if isinstance(text := proxy.get("error_expression"), str) and text.strip():
            try:
                yield self.whole("error_when", Parsed(text, Expression(text)), tables.of_failure())
            except MappingError as error:
                yield self.whole("error_when", Parsed(text, None, error.diagnostics[0].message))
        for key in _OF_CLIENTS:
            if proxy.get(key) not in (None, False, "", "json", "application/json"):
                reason = "Not carried over: the integration says so, and a mapping has no such setting."
                yield Entry(key, json.dumps(proxy[key], ensure_ascii=False), (reason,), left_out=True, is_plain=True)

    # The request

    def path(self, choice: Choice, proxy: Mapping[str, Any]) -> Entry:
        if (found := self.expression("path_mapping")) is not None:
            return self.whole("path_mapping", found)
        if "path" in proxy:
            return entry("path_mapping", self.filled("/" + str(proxy["path"]).partition("?")[0].lstrip("/")))
        text = f'"/{choice.resource}"'
        if self.row.method in ("get", "update", "delete"):
            text = f'"/{choice.resource}/" & $encodeUrlComponent($id)'
        return Entry("path_mapping", text, (_PATH.format(choice.resource, choice.method),))

    def filled(self, text: str) -> Translation:
        """A path of an integration with `{{…}}` in it. What is filled in becomes part of a URL."""
        parts, problems = list[str](), list[str]()
        for number, piece in enumerate(_PLACEHOLDER.split(text)):
            if number % 2 == 0:
                parts += [json.dumps(piece, ensure_ascii=False)] if piece else []
            elif piece == "id":
                parts.append("$encodeUrlComponent($id)")
            elif piece.partition(".")[0] in ("query", "context", "body"):
                parts.append(f"$encodeUrlComponent($string(${piece}))")
            else:
                problems.append(f"`{{{{{piece}}}}}` is nothing that a mapping can read")
        return Translation(" & ".join(parts), tuple(problems))

    def request(self, proxy: Mapping[str, Any]) -> Iterator[Entry]:
        constants = {"query_mapping": ("query", "default_query"), "request_body_mapping": ("body", "default_body")}
        for key in ("query_mapping", "request_header_mapping", "request_body_mapping"):
            fixed = dict[str, Any]()
            for one in constants.get(key, ()):
                node = self.parts.get(one)
                fixed |= node.plain() if node is not None and isinstance(node.value, dict) else {}
            if key == "query_mapping" and self.expression("path_mapping") is None:
                fixed = dict(parse_qsl(str(proxy.get("path")).partition("?")[2], keep_blank_values=True)) | fixed
            inherited = proxy.get({"query_mapping": "query", "request_body_mapping": "body"}.get(key, "headers"))
            fixed = (inherited if isinstance(inherited, dict) else {}) | fixed
            yield from self.template(key, self.expression(key), fixed)

    def template(self, key: str, found: Parsed | None, fixed: Mapping[str, Any]) -> Iterator[Entry]:
        """A part of a request: what is always sent, and what the expression gives."""
        always = tuple(self.constant(name, value) for name, value in fixed.items())
        if found is None:
            yield from (Entry(key, always),) if always else ()
            return
        inner = self.object(key, found)
        if inner is None:
            made = self.whole(key, found)
            if always and not made.left_out:
                made = replace(made, value=_merged(always, str(made.value)))
            yield made
            return
        own = {one.key for one in inner}
        yield Entry(key, (*(one for one in always if one.key not in own), *inner))

    def constant(self, name: str, value: Any) -> Entry:
        if isinstance(value, str) and "{{" in value:
            hole = _PLACEHOLDER.fullmatch(value.strip())
            if hole and hole[1].partition(".")[0] in ("query", "context", "body", "id"):
                return Entry(name, f"${hole[1]}")
            reason = "Not carried over: the placeholder is nothing that a mapping reads."
            return Entry(name, json.dumps(value), (reason,), left_out=True)
        if isinstance(value, dict) and value:
            return Entry(name, tuple(self.constant(key, one) for key, one in value.items()))
        return Entry(name, json.dumps(value, ensure_ascii=False))

    def object(self, key: str, found: Parsed) -> tuple[Entry, ...] | None:
        """The entries of an object that a part of a request is, whatever is merged into it by the client."""
        if found.expression is None:
            return None
        node: Node | None = found.expression.node
        if key == "request_header_mapping" and node is not None:
            node = _without_headers(node)
        made = None if node is None else record_of(node)
        if made is None or made.pairs is None or made.tests:
            return None
        translator, binds = (
            Translator(found.expression, tables.TAKEN),
            Binds(made.binds, frozenset(map(id, made.binds))),
        )
        return Templates(translator, self.table, binds=binds, let=False).entries(made.value, made.pairs, None)

    def whole(self, key: str, found: Parsed, table: Table | None = None) -> Entry:
        """An expression as a whole."""
        if found.expression is None:
            return Entry(key, found.text, (f"Not carried over: {found.problem}.",), left_out=True)
        translator = Translator(found.expression, tables.TAKEN)
        return entry(key, translator.part(translator.node, self.table if table is None else table))

    def sends_cursor(self, key: str) -> bool:
        """Whether a part of the request reads the cursor."""
        node = self.parts.get(key)
        return node is not None and re.search(r"\bquery\.(next_)?cursor\b", str(node.plain())) is not None

    # The reply

    def reply(self, proxy: Mapping[str, Any], *, is_overlay: bool = False) -> Iterator[Entry]:
        node = self.parts.get("response_mapping")
        if node is not None and isinstance(node.value, (dict, list)):
            reason = "Not carried over: Truto does not publish what a mapping means that is no text."
            yield Entry("response_mapping", json.dumps(node.plain()), (reason,), left_out=True)
            return
        found = self.expression("response_mapping")
        if found is None:
            return
        if self.row.method == "delete":
            made = self.whole("response_mapping", found)
            yield replace(made, left_out=True, notes=("Left out: `delete` gives no record.",))
        elif found.expression is None:
            yield Entry("response_mapping", found.text, (f"Not carried over: {found.problem}.",), left_out=True)
        else:
            yield from Reply(
                found.expression, self.row.method, self.loop,
                response_path=self.response_path(proxy), reading=self.reading,
                fields=self.settings.fields, cursors=self.settings.cursors, is_overlay=is_overlay,
            ).entries()  # fmt: skip

    def response_path(self, proxy: Mapping[str, Any]) -> str | None:
        """Where the items are: None if that is unknown."""
        if self.row.method == "list" and self.settings.rows is not None:
            return self.settings.rows
        if proxy:
            return str(proxy.get("response_path") or "")
        if self.settings.loop is not None and self.row.method != "list":
            return "$"
        return None if self.row.method == "list" else ""

    @property
    def reading(self) -> str | None:
        if self.settings.reading is not None:
            return self.settings.reading
        said = self.parts.get("response_mapping_method")
        return said.value if said is not None and said.value in ("item", "array") else None

    # What else the row has

    def left_out(self) -> Iterator[Entry]:
        """The keys that have no counterpart here."""
        for key, node in self.parts.items():
            if (key in _READ and not _is_strange(key, node)) or node.value in (None, "", [], {}):
                continue
            reason = _NOT_HERE.get(key, "it is no key of a mapping that is known here")
            if key in _DOCUMENTED:
                yield Entry(key, "", (f"Left out: `{key}`, because {_DOCUMENTED[key]}.",), left_out=True)
            else:
                text = json.dumps(node.plain(), ensure_ascii=False)
                yield Entry(key, text, (f"Not carried over: {reason}.",), left_out=True, is_plain=True)

    def choices(self) -> Iterator[Choice]:
        """The proxy resources and methods among which `resource` and `method` choose, in their order."""
        resources, methods = list(self.chosen("resource")), list(self.chosen("method"))
        for resource in resources:
            for method in methods:
                conditions = [one.when for one in (resource, method) if one.when is not None]
                when = conditions[0] if conditions else None
                if len(conditions) > 1:
                    when = Translation(" and ".join(f"$boolean({one.text})" for one in conditions))
                yield Choice(resource.resource, method.resource, when, len(resources) + len(methods) > 2)

    def chosen(self, key: str) -> Iterator[Choice]:
        """The names among which one key chooses."""
        node = self.parts.get(key)
        default = self.row.resource if key == "resource" else self.row.method
        if node is None or isinstance(node.value, str):
            yield Choice(node.value if node is not None and node.value else default, "")
        elif _is_strange(key, node):
            yield Choice(default, "")
        else:
            yield from self.alternatives(parsed(node.value["expression"]), _listed(node, key + "s"), default)

    def alternatives(self, found: Parsed, names: Sequence[str], default: str) -> Iterator[Choice]:
        """`condition ? "a" : "b"`: `a` where the condition holds, else `b`. Any other expression is compared."""
        table = self.table
        if found.expression is None:
            yield Choice(default, "", Translation(found.text, (found.problem,)))
            return
        translator = Translator(found.expression, tables.TAKEN)
        node: Node | None = translator.node
        while isinstance(node, nodes.Condition) and isinstance(node.then, nodes.String):
            yield Choice(node.then.value, "", translator.part(node.condition, table))
            node = node.otherwise
        if isinstance(node, nodes.String):
            yield Choice(node.value, "")
        elif node is not None:
            made = translator.part(node, table)
            for name in names:
                yield Choice(name, "", made._replace(text=f"({made.text}) = {json.dumps(name)}"))


def _place(entry: Entry) -> int:
    """Where an entry has its place in an endpoint."""
    known = list(shape()["$defs"]["EndpointDocument"]["properties"])
    return known.index(entry.key) if entry.key in known else len(known)


#: The endings of plurals, and what those of one are; the first that fits.
_PLURALS = {"ies": "y", "sses": "ss", "xes": "x", "ches": "ch", "shes": "sh", "ss": "ss", "us": "us", "s": ""}


def singular(name: str) -> str:
    """The name of one record of a resource, as the name of a variable."""
    word = re.sub(r"\W", "_", name) or "row"
    ending = next((one for one in _PLURALS if word.endswith(one)), "")
    word = word.removesuffix(ending) + _PLURALS.get(ending, "")
    return "row" if word in tables.TAKEN or not re.match(r"[A-Za-z_]", word) else word


def _is_strange(key: str, node: yaml_tree.Node) -> bool:
    """Whether a key holds something else than it is read for."""
    if key in ("query", "body", "default_query", "default_body"):
        return not isinstance(node.value, dict)
    chosen = node.value.get("expression") if isinstance(node.value, dict) else node
    return key in ("resource", "method") and not (chosen is not None and isinstance(chosen.value, str))


def _listed(node: yaml_tree.Node, key: str) -> list[str]:
    listed = node.value.get(key)
    return [str(one) for one in listed.plain()] if listed is not None and isinstance(listed.value, list) else []


def _without_headers(node: Node) -> Node | None:
    """`$merge([headers, {…}])` without the headers that the client sends anyway."""
    match node:
        case nodes.Call(procedure=Variable(name="merge"), arguments=(nodes.Array(items=(Path() as first, last)),)):
            names = [getattr(step.node, "value", None) for step in first.steps]
            return last if names == ["headers"] else node
    return node


def _merged(always: tuple[Entry, ...], text: str) -> str:
    pairs = ", ".join(f"{json.dumps(one.key)}: {one.value}" for one in always if isinstance(one.value, str))
    return f"$merge([{{{pairs}}}, {text}])"
