"""Truths that are turned around although their names say the same, and numbers that are taken for truths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.namesakes import Named
from truto_mapper.authoring.check.namings import Naming
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import kin, parts, words
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, leading_names, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import expressions, once
from truto_mapper.text.diagnostics import Diagnostic

#: Words one of which may be the opposite of a word that is no opposite by itself.
_OPPOSITE = [
    "absent active anonymous archived automatic available away banned blocked bot busy canceled cancelled closed",
    "complete completed current deleted disabled done draft editable empty enabled end ended error except exclude",
    "excluded expired external failed failure finished former free global guest hidden hide human inactive",
    "incomplete internal invalid invisible last left live local locked manual missing more muted new no non not",
    "off offline ok old omit on online only open opened opt optional out paid past paused pending present private",
    "public published read readonly remote removed required resolved running sandbox skip started stopped",
    "successful suspended terminated test trashed unread unresolved valid visible void without",
]
_POLAR = frozenset(word for line in _OPPOSITE for word in line.split())
_PREFIXED = re.compile(r"un(?!i|der|til)|non|dis(?!t|p|k|c)|not")
_YES, _NO = frozenset({"yes", "true", "on", "1", "y", True}), frozenset({"no", "false", "off", "0", "n", False})


def negated(node: Node) -> Iterator[Node]:
    """What a node says the opposite of, if it is a plain field or variable."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)) if _is_plain(one):
            yield one
        case nodes.Binary(operator="=", left=one, right=nodes.Value(value=False)) if _is_plain(one):
            yield one
        case nodes.Binary(operator="!=", left=one, right=nodes.Value(value=True)) if _is_plain(one):
            yield one
        case nodes.Condition(condition=one, then=then, otherwise=other) if other is not None and _is_plain(one):
            values = [each.value for each in (then, other) if isinstance(each, nodes.LITERALS)]
            if len(values) == 2 and _is_of(values[0], _NO) and _is_of(values[1], _YES):
                yield one
            elif len(values) == 2 and _is_in(values[1], _name(one)) and not _is_in(values[0], _name(one)):
                yield one  # `include_hidden ? "exclude" : "include"`
        case nodes.Block(expressions=(one,)):
            yield from negated(one)


def _is_in(value: object, name: str) -> bool:
    """Whether a value is a word of a name."""
    return isinstance(value, str) and value.lower() in parts(name)


def _is_of(value: object, some: frozenset[object]) -> bool:
    return (value.lower() if isinstance(value, str) else value) in some


def _is_plain(node: Node) -> bool:
    return is_simple_path(node) and bool(leading_names(node))


def turned_around(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C246: a truth that is the opposite of what its name, or the words beside it, say."""
    for one in named:
        for group in one.namings.groups:
            for naming in group.namings if group.kind != "errors" else ():
                yield from (*_opposite(naming), *_other_word(one.types, naming))
        for join in one.types.endpoint.joins:
            for node in negated(join.run_if.node) if join.run_if is not None else ():
                name = _name(node)
                if words(join.name) & words(name) and _says_no_opposite(join.name, name):
                    yield _told(join.run_if, node, f"the join `{join.name}` runs where `{name}` is false")


def _told(expression: Expression | None, node: Node, message: str) -> Diagnostic:
    assert expression is not None  # noqa: S101  # for mypy: the node is a part of it
    return expression.diagnostic("C246", message, node, severity="warning", hint="remove `$not`")


def _opposite(naming: Naming) -> Iterator[Diagnostic]:
    name = str(naming.path[-1])
    for one in negated(naming.node):
        read = _name(one)
        if kin(name) & kin(read) and _says_no_opposite(name, read):
            message = (
                f"`{naming.name}` is the opposite of `{written(naming.expression, one)}`, and the names say the same"
            )
            yield naming.diagnostic("C246", message)
    match naming.node:
        case nodes.Binary(operator="!=", left=one, right=other) if name.startswith("is_") and not _is_no(other):
            if any(_is_plain(side) and words(_name(side)) == words(name) for side in (one, other)):
                yield naming.diagnostic("C246", f"`{naming.name}` is true where it is another one", "write `=`")
        case nodes.Condition(condition=test, then=then, otherwise=None):
            yield from _given_where_not(naming, test, then)
    yield from _swapped_words(naming)
    for asked, answer, given in _answers(naming.node):
        if isinstance(given, nodes.String) and _is_of(answer, _NO) and words(given.value) == words(_name(asked)):
            yield naming.diagnostic("C246", f'"{given.value}" is given where `{_name(asked)}` says no', "swap them")


def _swapped_words(naming: Naming) -> Iterator[Diagnostic]:
    """C246: `kind = "PERCENT" ? "fixed" : "percentage"`."""
    match naming.node:
        case nodes.Condition(
            condition=nodes.Binary(operator="=", right=nodes.String(value=asked)),
            then=nodes.String(value=then),
            otherwise=nodes.String(value=other),
        ) if _begins(asked, other) and not _begins(asked, then):
            yield naming.diagnostic(
                "C246", f'"{then}" is given for "{asked}", and "{other}" for all others', "swap them"
            )


def _begins(one: str, other: str) -> bool:
    """Whether one of two words is the other, or begins with it."""
    words_of_both = sorted((one.lower(), other.lower()), key=len)
    return len(words_of_both[0]) >= _TELLING and words_of_both[1].startswith(words_of_both[0])


#: How many letters of a word tell it from others.
_TELLING = 4


def _other_word(typed: EndpointTypes, naming: Naming) -> Iterator[Diagnostic]:
    """C246: `is_optional: role = "REQUIRED"`, where `role` can be "OPTIONAL"."""
    match naming.node:
        case nodes.Binary(operator="=" | "!=" as operator, left=one, right=nodes.String(value=value)) if _is_plain(one):
            name = parts(str(naming.path[-1]))
            named = [word for word in typed.kind(one).values or () if _is_in(word, str(naming.path[-1]))]
            if len(named) == 1 and (value in named) is (operator == "!=") and not {"not", "no", "non"} & set(name):
                message = (
                    f'`{naming.name}` is true where `{_name(one)}` is {"not " if operator == "!=" else ""}"{value}"'
                )
                yield naming.diagnostic("C246", message, f'write `{_name(one)} = "{named[0]}"`')


def _answers(node: Node) -> Iterator[tuple[Node, object, Node | None]]:
    """What a condition, or a table, gives for an answer to what a name asks: the name, the answer and the value."""
    match node:
        case nodes.Condition(
            condition=nodes.Binary(
                operator="=" | "!=" as operator, left=asked, right=nodes.String() | nodes.Value() as answer
            ),
            then=then,
            otherwise=other,
        ) if _is_plain(asked):
            given = (then, other) if operator == "=" else (other, then)
            yield from ((asked, answer.value, given[0]), (asked, not _is_of(answer.value, _YES), given[1]))
        case nodes.Condition(condition=asked, otherwise=other) if _is_plain(asked):
            yield asked, False, other
        case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(nodes.Object(pairs=pairs), asked)) if (
            _is_plain(asked)
        ):
            yield from ((asked, key.value, value) for key, value in pairs if isinstance(key, nodes.String))


def _is_no(node: Node) -> bool:
    return isinstance(node, nodes.LITERALS) and _is_of(node.value, _NO)


def _given_where_not(naming: Naming, test: Node, then: Node) -> Iterator[Diagnostic]:
    """A value under the opposite of the condition that has its name: `phase != "SETTLED" ? settled`."""
    read = _name(then) if _is_plain(then) else ""
    match test:
        case nodes.Binary(operator="!=", right=nodes.String(value=value)) if read and words(value) == words(read):
            yield naming.diagnostic("C246", f'`{read}` is given where it is not "{value}"', "write `=`")
    if read and any("more" in parts(_name(one)) for one in negated(test)):
        yield naming.diagnostic("C246", f"`{read}` is given where there are no more", "remove `$not`")


def _says_no_opposite(one: str, other: str) -> bool:
    """Whether the words that only one of two names has are no opposites of something."""
    mine, theirs = set(parts(one)), set(parts(other))
    apart = mine ^ theirs if words(one) != words(other) else ()
    return not any(word in _POLAR or _PREFIXED.match(word) for word in apart)


def _name(node: Node) -> str:
    return texts_of_names(node)[-1]


def truths(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """What is taken for a truth in an endpoint, and what is not taken where it is given."""
    return chain(taken_for_truths(typed), lost_truths(typed), existing_truths(typed), hidden_by_settings(typed))


def taken_for_truths(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C247: `a.count ? f(a.count)`, which leaves out the number 0, and `$lookup({"JPY": 0}, a) ?: 2`."""
    for one in once(typed.endpoint):
        for node in one.below if "?" in one.text else ():
            match node:
                case nodes.Condition(condition=condition):
                    for test in nodes.conjuncts(condition):
                        if _is_count(typed, test) and _loses_zero(node, test):
                            text = written(one, test)
                            message, hint = (
                                f"`{text}` is false where it is 0, which is left out then",
                                f"`{text} != null`",
                            )
                            yield one.diagnostic("C247", message, test, severity="warning", hint=f"write {hint}")
                case nodes.Default(left=left, right=right) if _has_zero(typed.kind(left)) and not _is_zero(right):
                    text, other = written(one, left), written(one, right)
                    message, hint = f"this is {other} where `{text}` is 0, too", f"write `{text} ?? {other}`"
                    yield one.diagnostic("C247", message, node, severity="warning", hint=hint)


def lost_truths(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C247: what leaves false out, `open ? open` and in records `open ? true`, or makes it true, `open ?: true`."""
    of_record = {id(one): one for one in expressions(typed.endpoint.response)}
    for one in (of_record | {id(one): one for one in expressions(typed.endpoint.body)}).values():
        for node in one.below if "?" in one.text else ():
            match node:
                case nodes.Condition(condition=test, then=then, otherwise=None):
                    is_true = isinstance(then, nodes.Value) and then.value is True
                    asked = test if is_true and id(one) in of_record else then
                    if _is_truth(typed, asked) and asked in nodes.conjuncts(test):
                        text = written(one, asked)
                        message = f"false is left out: this gives `{text}` only where it is true"
                        yield one.diagnostic("C247", message, node, severity="warning", hint=f"write `{text}`")
                case nodes.Default(left=asked, right=nodes.Value(value=True)) if _is_truth(typed, asked):
                    text = written(one, asked)
                    message = f"this is true where `{text}` is false, too"
                    yield one.diagnostic("C247", message, node, severity="warning", hint=f"write `{text} ?? true`")


def _is_truth(typed: EndpointTypes, node: Node) -> bool:
    """Whether a node is a plain field or variable that is true or false."""
    return _is_plain(node) and typed.kind(node).solid == types.BOOLEAN.kinds


def _loses_zero(node: nodes.Condition, test: Node) -> bool:
    """Whether a condition reads the number that it tests, does not divide by it, and gives no 0 for 0."""
    below = [one for one in nodes.walk(node.then) if isinstance(one, nodes.Binary) and one.operator in "/%"]
    divides = any(_reads(one.right, test) for one in below)
    return _reads(node.then, test) and not divides and not _is_zero(node.otherwise)


def _has_zero(kind: types.Type) -> bool:
    return any(one == 0 and not isinstance(one, bool) for one in kind.values or ())


def _is_zero(node: Node | None) -> bool:
    return isinstance(node, nodes.Number) and node.value == 0


def existing_truths(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C246: `$exists(failed)` for a truth of the reply, which is true where that is false."""
    tests = [one for one in (typed.endpoint.error_when,) if one is not None]
    for one in (*tests, *expressions(typed.endpoint.response)):
        for node in _given(one.node) if "$exists" in one.text else ():
            match node:
                case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(read,)):
                    kind, text = typed.kind(read), written(one, read)
                    if (kind.path or is_simple_path(read)) and kind.solid == types.BOOLEAN.kinds:
                        message = f"this is true where `{text}` is false, too"
                        yield one.diagnostic("C246", message, node, severity="warning", hint=f"write `{text}`")


def _given(node: Node) -> Iterator[Node]:
    """A node, the values of the objects below it, and what chooses between two constants."""
    yield node
    for one in nodes.walk(node):
        match one:
            case nodes.Object(pairs=pairs):
                yield from (value for _, value in pairs)
            case nodes.Condition(condition=test, then=then, otherwise=other) if isinstance(then, nodes.LITERALS):
                yield from (test,) if isinstance(other, nodes.LITERALS) else ()


def hidden_by_settings(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C228: `$context.board ?? $body.board`, which takes what the caller asks for only without the setting."""
    for one in once(typed.endpoint):
        for node in one.below if "$context" in one.text else ():
            if isinstance(node, nodes.Coalesce | nodes.Default):
                roots = [
                    getattr(leading_names(side)[0], "name", "") for side in (node.left, node.right) if _is_plain(side)
                ]
                if roots in (["context", "body"], ["context", "query"]):
                    left, right = written(one, node.left), written(one, node.right)
                    message = f"`{right}` counts only where the account has no `{left}`"
                    yield one.diagnostic("C228", message, node, severity="warning", hint=f"write `{right} ?? {left}`")


def _reads(node: Node, read: Node) -> bool:
    return any(one == read for one in nodes.walk(node))


def _is_sent(first: Node) -> bool:
    """Whether a path that begins so may be one of a caller's body: from it, or from an object in it."""
    return isinstance(first, nodes.Name) or getattr(first, "name", "") == "body"


def _is_count(typed: EndpointTypes, node: Node) -> bool:
    """Whether a node is a number of the reply, or made of one, and nothing else but null or absent."""
    kind = typed.kind(node) if _is_plain(node) else types.ANY
    is_made = isinstance(node, nodes.Variable) and bool(kind.kinds & types.NONE)
    is_sent = is_simple_path(node) and not isinstance(node, nodes.Variable) and _is_sent(leading_names(node)[0])
    is_number = bool((kind.path or is_made or is_sent) and kind.solid) and kind.solid <= types.NUMBER.kinds
    return is_number and (kind.values is None or 0 in kind.values)
