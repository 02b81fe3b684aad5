"""The expressions of a mapping: each parsed once, and every name in it checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.foreign import UNQUOTED
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.language.names import discarded, is_function, leading_names, meant_as_binding
from truto_mapper.language.source_paths import reads, without_data
from truto_mapper.mapping.functions_called import CLOCKS, unknown_functions
from truto_mapper.mapping.linked import RESPONSE_NAMES, Loop, Template
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, nearest, shortened
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.yaml_tree import Node

#: What the names below a binding are.
_KINDS = {"query": "query parameter", "context": "context setting", "joined": "join"}

_VARIABLE = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


class Expressions:
    """Parses each expression once, also where YAML aliases repeat it, and checks its names.

    `settings` has the names after `$query`, `$context` and `$joined`. What is wrong is added to `findings`.
    `elsewhere` are the names that are bound in some expression of the endpoint that is linked.
    """

    def __init__(
        self, settings: Map[str, Map[str, Any]], functions: Map[str, Callable[..., Any]], findings: Findings
    ) -> None:
        self.settings, self.functions, self.findings = settings, functions, findings
        #: The lookup tables of the mapping, which every expression can name.
        self.tables: Map[str, Any] = {}
        self.known = LIBRARY.keys() | functions.keys()
        self.elsewhere: frozenset[str] = RESPONSE_NAMES
        #: The parameters of the resource that the method of the endpoint does not take.
        self.untaken: frozenset[str] = frozenset()
        self.parsed: dict[int, Expression | None] = {}
        #: The names of `let` that were refused because they are functions.
        self.refused: set[str] = set()
        self.linked: set[tuple[int, frozenset[str], frozenset[str]]] = set()

    def loops(self, node: Node | None, names: frozenset[str]) -> tuple[Loop, ...]:
        """Named expressions in order; each can use the names before it."""
        loops: list[Loop] = []
        if node is None:
            return ()
        self.check_names(node, names | self.tables.keys())
        for name, child in node.value.items():
            value = self.expression(child, names)
            loops.append((name, value))
            if is_function(value.node, self.known - names):
                self.refused.add(name)
                self.findings.found.append(_kept_function(name, value))
            names |= {name}
        return tuple(loops)

    def check_names(self, node: Node, bound: AbstractSet[str]) -> None:
        """Refuse the names in a node that cannot be variables, or that are bound to something else."""
        for name in node.value:
            if not _VARIABLE.match(name) or name in bound:
                why = "is already bound here" if name in bound else "is not a valid variable name"
                self.findings.found.append(node.diagnostic("M106", f"`{name}` {why}", key=name))

    def template(self, node: Node, names: frozenset[str]) -> Template:
        if isinstance(node.value, dict):
            return {key: self.template(child, names) for key, child in node.value.items()}
        if isinstance(node.value, list):
            return [self.template(child, names) for child in node.value]
        return self.expression(node, names)

    def expression(self, node: Node, names: frozenset[str]) -> Expression:
        if id(node) not in self.parsed:
            self.parsed[id(node)] = self.parse(node)
        parsed = self.parsed[id(node)]
        if parsed is None:
            return _unread(node)
        known = id(node), names, frozenset(self.settings.get("joined", ()))  # an alias may be of another endpoint
        if known not in self.linked:
            self.linked.add(known)
            self.bindings(parsed, names)
        return parsed

    def parse(self, node: Node) -> Expression | None:
        if isinstance(node.value, str):
            text, offsets = node.value, node.offsets()
        else:  # a YAML number, boolean or null means the same in JSONata
            text = json.dumps(node.value)
            offsets = tuple(min(node.span.start + i, node.span.end - 1) for i in range(len(text)))
        if not text.strip():
            self.findings.found.append(node.diagnostic("M106", "an expression is missing here"))
            return None
        if offsets is None:
            hint = "write the expression as a plain scalar, in single quotes, or as a | block"
            message = "an expression cannot be a double-quoted scalar with escapes"
            self.findings.found.append(node.diagnostic("M107", message, hint=hint))
            return None
        try:
            return Expression(text, source=node.source, offsets=offsets, functions=self.functions, tables=self.tables)
        except MappingError as error:
            self.findings.found.extend(map(_quoted, error.diagnostics))
            return None

    def bindings(self, expression: Expression, names: frozenset[str]) -> None:
        names |= self.tables.keys()
        self.findings.found.extend(unknown_functions(expression, self.known | self.refused, names))
        self.variables_used(expression, names)
        if any(variable.name in self.settings for variable in expression.variables):
            self.parameters(expression)
        if "response" not in names:
            self.paths_over_nothing(expression, names)

    def variables_used(self, expression: Expression, names: frozenset[str]) -> None:
        blocks = ";" in expression.text  # without one there are none
        compared = [meant_as_binding(one) for one in discarded(expression.node)] if blocks else []
        for variable in expression.variables:
            if variable.name in names or variable.name in self.known - CLOCKS:
                continue
            if variable in compared and not any(variable is one for one in compared):
                continue  # a consequence: it would be bound
            hint = self.variable_meant(variable, names)
            if variable in compared:
                hint = f"`=` compares: write `${variable.name} := …`"
            self.unknown("C202", expression, variable, f"${variable.name} is not bound here", hint)

    def variable_meant(self, variable: nodes.Variable, names: frozenset[str]) -> str | None:
        if variable.name in self.elsewhere:
            return f"it is bound elsewhere; available here: {', '.join(f'`${name}`' for name in sorted(names))}"
        if (close := nearest(variable.name, names, 0.75) or nearest(variable.name, self.known, 0.88)) is not None:
            return f"did you mean `${close}`?"
        return f"available here: {', '.join(f'`${name}`' for name in sorted(names))}"

    def parameters(self, expression: Expression) -> None:
        """Report unknown names after `$query`, `$context` and `$joined`."""
        for (variable, *names), written in reads(expression):
            if names and variable in self.settings and names[0] not in self.settings[variable]:
                kind = _KINDS[variable]
                hint, message = did_you_mean(names[0], self.settings[variable]), f"there is no {kind} `{names[0]}`"
                if variable == "query" and names[0] in self.untaken:
                    hint, message = "see its `methods` in the spec", f"this method takes no {kind} `{names[0]}`"
                self.unknown("C204", expression, written[0], message, hint)

    def paths_over_nothing(self, expression: Expression, names: frozenset[str]) -> None:
        """Report paths of the request that lack a variable: it has no data, so they are always undefined."""
        for node in without_data(expression):
            written = expression.text[node.span.start : node.span.end]
            message = f"`{shortened(written)}` is always undefined: a request is made of variables, there is no data"
            hint = self.variable_for(node, written, names)
            if isinstance(node, nodes.Call) and node.arguments:
                message = f"`{shortened(written)}` lacks an argument: `$` stands for it, but a request has no data"
                hint = "write all of its arguments"
            self.unknown("C217", expression, node, message, hint)

    def variable_for(self, node: nodes.Node, written: str, names: frozenset[str]) -> str:
        """A hint that names the variable which a path was meant to begin with."""
        path = leading_names(node)
        first = path[0] if path else None
        if isinstance(first, nodes.Name) and written.startswith(first.value):
            homes = [f"{home}." for home in sorted(names & self.settings.keys()) if first.value in self.settings[home]]
            for prefix in [""] if first.value in names else homes:
                return f"write `${prefix}{written}`"
            if len(path) == 1:
                return f"a variable begins with `$`; text needs quotes of its own: '{json.dumps(first.value)}'"
        return f"available here: {', '.join(f'`${name}`' for name in sorted(names))}"

    def unknown(self, code: str, expression: Expression, node: nodes.Node, message: str, hint: str | None) -> None:
        self.findings.found.append(expression.diagnostic(code, message, node, hint=hint))


def _kept_function(name: str, value: Expression) -> Diagnostic:
    message = f"`{name}` is a function, which can only be called in the expression that defines it"
    hint = f"write it there: `(${name} := {shortened(value.line, 40)}; ${name}(…))`"
    return value.diagnostic("C226", message, value.node, hint=hint)


def _unread(node: Node) -> Expression:
    """An expression of any value, at the place of one that cannot be read."""
    text = "$unread"
    return Expression(text, source=node.source, offsets=(node.span.start,) * len(text))


def _quoted(found: Diagnostic) -> Diagnostic:
    """A syntax error; where quotes are missing, the hint has those of YAML, too."""
    edit = re.fullmatch('write `(".*)`', found.hint or "") if found.message == UNQUOTED else None
    return replace(found, hint=f"text needs quotes of its own: '{edit[1]}'") if edit else found
