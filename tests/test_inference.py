"""The value of an expression has the inferred type, and every kind of node is inferred."""

import random
import re
from collections import Counter
from functools import cache

import pytest

from truto_mapper.language import inference, nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError

# A provider's schema, and replies that keep it.

SCHEMA = {
    "type": "object",
    "required": ["id", "kind", "calls"],
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string", "enum": ["call", "email", "none"]},
        "level": {"enum": [1, 2, "high", None]},
        "count": {"type": "integer"},
        "share": {"type": ["number", "null"]},
        "active": {"type": "boolean"},
        "owner": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "calls": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["minutes"],
                "properties": {
                    "minutes": {"type": "integer"},
                    "title": {"type": ["string", "null"]},
                    "kind": {"type": "string", "enum": ["video", "audio"]},
                    "people": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
TEXTS = ["", "a", "b", "Call", "12", "x y"]


def reply(rng, schema=SCHEMA):
    """A random value that a schema allows; an optional property is present nine times in ten."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"] if isinstance(schema["type"], str) else rng.choice(schema["type"])
    match kind:
        case "object":
            required = schema.get("required", ())
            kept = {name: one for name, one in schema["properties"].items() if name in required or rng.random() < 0.9}
            return {name: reply(rng, one) for name, one in kept.items()}
        case "array":
            return [reply(rng, schema["items"]) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        case _:
            return rng.choice({"string": TEXTS, "boolean": [True, False], "null": [None]}.get(kind, [0, 1, 2, 7]))


# Expressions over it, each rule of the type that it is named after; `‹rule›` is any of a rule.

RULES = {
    "any": ["‹number›"] * 3 + ["‹text›"] * 3 + ["‹truth›"] * 2 + ["‹list›"] * 4 + ["‹object›"] * 2 + ["level", "null"],
    "number": [
        *("count", "share", "owner.age", "3", "calls[0].minutes", "sizes[0]", "$count(‹list›)", "$length(‹text›)"),
        *("‹number› + ‹number›", "(‹number› - ‹number›) * 2", "$sum(calls.minutes)", "$max(sizes)", "-‹number›"),
        *("‹truth› ? ‹number› : ‹number›", "‹number› ?? ‹number›", "($v := ‹number›; $v + 1)", "$round(‹number›)"),
        *("$toNumber(‹text›)", "$toNumber(‹number›)", "$diceCoefficient(‹text›, ‹text›)"),
        *("$floor(‹number› / 2)", "$reduce(sizes, function($a, $b) {$a + $b})"),
    ],
    "text": [
        *("id", "kind", "owner.name", "tags[0]", "calls[0].kind", '"a"', "‹text› & ‹any›", "$uppercase(‹text›)"),
        *("$lowercase(kind)", "$string(‹any›)", "$substring(‹text›, 0, 1)", '$join(tags, "-")', "$type(‹any›)"),
        *('kind = "call" ? ‹text› : ‹text›', "‹text› ?: ‹text›", "($v := ‹text›; $v)", "$trim(id)", "calls[0].title"),
        *("$firstNonEmpty(‹text›, ‹text›)", '$mapValues(kind, {"Call": "c", "email": id})', "$trutoJoin(‹list›)"),
        *('$mapValues(level, {"1": "one", "high": null})', "$mapValues(‹text›, {'a': 1})", "$digest(‹any›)"),
        *("$exists(owner.name) ? owner.name : kind", "‹truth› ? ‹text›", '$split("a b", " ")[0]'),
    ],
    "truth": [
        *("active", "‹number› < 3", "‹text› = ‹text›", 'kind in ["call", "email"]', "‹truth› and ‹truth›", "level = 1"),
        *("$exists(‹any›)", "$not(‹any›)", "$boolean(‹any›)", "‹any› != ‹any›", "‹number› in sizes", '"a" in tags'),
        *('$contains(‹text›, "a")', "‹truth› or ‹truth›", 'kind = "call" and level = "high"'),
    ],
    "list": [
        *("tags", "sizes", "calls", "calls.minutes", "calls.kind", "calls.people", "[‹any›, ‹any›]", "[‹number›..3]"),
        *("calls[minutes > 1]", "calls[kind = 'video'].title", "calls^(minutes)", "calls^(>minutes).kind", "tags[]"),
        *("calls.{'m': minutes, 't': title}", "calls.(kind & minutes)", "calls.[minutes, title]", "calls.people[0]"),
        *("$map(calls, function($c) {$c.minutes})", "$filter(calls, function($c) {$c.kind = 'audio'})", "calls[0]"),
        *("$distinct(‹list›)", "$reverse(‹list›)", "$append(‹list›, ‹list›)", "$sort(sizes)", "$keys(‹object›)"),
        *("$filter(‹list›, function($v) {$exists($v)})", "tags.$uppercase($)", "($v := ‹list›; $v)", "calls.minutes[]"),
        *("$compact(‹list›)", '$lofilter(calls, "title")', '$orderBy(‹list›, "minutes")', "$flatten(‹list›)"),
        *(
            "$difference(‹list›, tags)",
            '$find(calls, {"minutes": 1}).people',
            "$compact(‹any›)",
            "$firstNonEmpty(‹any›, ‹any›)",
        ),
        *("‹truth› ? ‹list› : ‹list›", "$zip(tags, sizes)", "calls.title ?? ‹list›", "[‹any›][0]", "‹object›.*"),
    ],
    "object": [
        *("owner", '{"a": ‹any›, "b": ‹any›}', "calls[0]", "calls[minutes = 1]", '{"a": ‹number›}.a', "$merge(calls)"),
        *("‹truth› ? owner", "($v := ‹object›; $v)", '{"k": ‹list›, "o": {"p": ‹text›}}', "calls{kind: $sum(minutes)}"),
        *('$keyBy(calls, "kind")', '$groupBy(calls, "kind")', '$pick(‹object›, "name")', '$omit(‹object›, "name")'),
        *("$find(calls, ‹object›)", "$lofilter(calls, ‹object›)[0]", "$firstNonEmpty(‹object›, ‹any›)"),
        *("$sift(owner, function($v) {$exists($v)})", "calls[-1]"),
    ],
}


def expression(rng, rule="any", depth=3):
    options = RULES[rule]
    while "‹" in (text := rng.choice(options)) and depth <= 0:
        pass
    return re.sub("‹([a-z]+)›", lambda found: expression(rng, found[1], depth - 1), text)


def admits(kind, value):
    """Whether a value is of a type."""
    if kind == types.ANY or kind.kinds == types.KINDS:
        return True
    if value is MISSING:
        return "undefined" in kind.kinds
    found = kind_of(value)
    if found not in kind.kinds and not (found == "number" and float(value).is_integer() and "integer" in kind.kinds):
        return False
    if found == "array":
        return kind.items is None or all(admits(kind.items, item) for item in value)
    if found == "object":
        properties = kind.properties or {}
        rest = kind.others or types.UNDEFINED
        return kind.properties is None or all(admits(properties.get(k, rest), v) for k, v in value.items())
    return found == "null" or kind.values is None or any(types.same_value(value, one) for one in kind.values)


@cache
def whole():
    return types.from_schema(SCHEMA, SCHEMA)


def inferred(text):
    """The type of an expression over a reply, and the codes of what was told."""
    told = []
    judge = inference.Inference(lambda code, *_: told.append(code))
    scope = inference.TypeScope({"$": whole()}, whole())
    return judge.infer(Expression(text).node, scope), told


def test_the_value_of_any_expression_has_the_inferred_type():
    drawn, outcomes = 1500, Counter()
    for number in range(drawn):
        rng = random.Random(f"inference {number}")
        text, data = expression(rng), reply(rng)
        kind, told = inferred(text)
        try:
            value = Expression(text).evaluate(data)
        except EvaluationError:
            outcomes["failed"] += 1
            continue
        if "C206" in told:  # after which nothing is said any more
            outcomes["told"] += 1
            continue
        assert admits(kind, value), (text, data, kind, value)
        says = kind.kinds != types.KINDS
        outcomes["compared" if says and value is not MISSING else "undefined" if says else "any"] += 1
    assert outcomes["compared"] >= 0.75 * drawn, outcomes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$.owner.age", "an integer"),
        ("$$.id", "a string"),
        ("count ~> $string()", "a string"),
        ("calls[0].people[0]", "a string"),
        ("calls.people[0]", "an array or a string"),
        ("level", "an integer or a string"),
    ],
)
def test_a_type_is_written_in_words(text, words):
    assert types.in_words(inferred(text)[0]) == words


def test_a_reference_to_a_name_with_a_slash_or_a_tilde_is_followed():
    schema = {"$ref": "#/$defs/a~1b~0c", "$defs": {"a/b~c": {"type": "string"}}}
    assert types.from_schema(schema, schema, None) == types.STRING


EVERY_KIND = [
    "a.b[c = 1]^(d){e: f}",
    "$map(x, function($v) {$v + 1}) ~> $sum",
    "*.**",
    "-$x[0]",
    "function($v) {$v}",
    "/x/",
    "a ~> $f",
    "x ?: y ?? z",
    "$f(?, 1)",
    "a ~> |b|{'c': %.d}|",
    "(a; $b := 1)",
    "[1..2]",
    "a ? b : 'c'",
    "[true, {'k': a#$i.b@$v.%.c}]",
    "a.b[c]#$i[$i = 0]",
    "x + " * 30 + "x",
    "x ? y : " * 30 + "z",
]


def test_every_kind_of_node_is_inferred():
    trees = [Expression(text).node for text in EVERY_KIND]
    assert {type(node) for tree in trees for node in nodes.walk(tree)} == set(nodes.Node.__args__)
    for tree in trees:
        assert isinstance(inference.Inference(print).infer(tree, inference.TypeScope({}, types.ANY)), types.Type)


@pytest.mark.parametrize("kind", [nodes.Sort, nodes.Term, nodes.Filter, nodes.Index, nodes.Group])
def test_an_attachment_of_a_node_has_no_type_of_its_own(kind):
    found = next(node for text in EVERY_KIND for node in nodes.walk(Expression(text).node) if isinstance(node, kind))
    with pytest.raises(TypeError, match=kind.__name__):
        inference.Inference(print).infer(found, inference.TypeScope({}, types.ANY))


#: Schemas of a text that say so in other ways than `type`.
WAYS = {
    "a reference to a reference": {"$ref": "#/$defs/other"},
    "a reference into an array": {"$ref": "#/$defs/several/0"},
    "all of one": {"allOf": [{"$ref": "#/$defs/text"}, {"description": "x"}]},
    "any of several": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/text"}]},
    "one of several": {"oneOf": [{"$ref": "#/$defs/text"}]},
    "a list of values": {"enum": ["a", "b"]},
    "one value": {"const": "a"},
}
DEFS = {"text": {"type": "string"}, "other": {"$ref": "#/$defs/text"}, "several": [{"type": "string"}]}


@pytest.mark.parametrize("schema", WAYS.values(), ids=WAYS)
def test_a_schema_says_a_type_in_many_ways(schema):
    assert types.from_schema(schema, {"$defs": DEFS}, None).kinds == {"string"}


#: Schemas that say nothing about a type that can be used.
UNKNOWN = {
    "a boolean": True,
    "no schema": 3,
    "another file": {"$ref": "other.json"},
    "an anchor": {"$ref": "#text"},
    "nothing there": {"$ref": "#/$defs/none"},
    "itself": {"$ref": "#"},
    "all of itself": {"allOf": [{"$ref": "#"}]},
    "any of itself": {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
    "a number for a type": {"type": 3},
    "a list of no types": {"type": []},
    "an unknown type": {"type": ["text", 5]},
    "a list of no values": {"enum": []},
}


@pytest.mark.parametrize("schema", UNKNOWN.values(), ids=UNKNOWN)
def test_a_schema_that_says_nothing_allows_anything(schema):
    assert types.from_schema(schema, schema, None) == types.ANY


def test_the_first_items_of_an_array_may_have_types_of_their_own():
    schema = {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}}
    assert types.from_schema(schema, schema, None).items is None


def size(kind):
    return 1 + sum(size(one) for one in (kind.items, *(kind.properties or {}).values()) if one is not None)


@pytest.mark.parametrize("names", [1, 2, 3, 9])
def test_a_schema_within_itself_has_a_type_of_some_levels_and_a_bounded_size(names):
    node = {"$ref": "#/$defs/node"}
    below = {f"n{number}": node for number in range(names)} | {"many": {"type": "array", "items": node}}
    schema = node | {"$defs": {"node": {"type": "object", "properties": below | {"text": {"type": "string"}}}}}
    kind = types.from_schema(schema, schema, None)
    assert size(kind) <= types.MAX_SIZE
    assert kind.properties["n0"].properties["text"].kinds == {"string", "undefined"}


@pytest.mark.parametrize(
    ("items", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, [[1], [2, 3]]),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, [[[1], [2]]]),
        ({"type": ["array", "string"], "items": {"type": "integer"}}, [[1], "a"]),
        ({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}, [{"a": ["x"]}]),
    ],
)
def test_a_wildcard_finds_the_items_of_arrays_in_arrays(items, value):
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": items}}}
    reply = types.from_schema(schema, schema)
    judge = inference.Inference(lambda *told: pytest.fail(str(told)))
    kind = judge.infer(Expression("rows.*").node, inference.TypeScope({"$": reply}, reply))
    assert admits(kind, Expression("rows.*").evaluate({"rows": value}))


HANDED = ["kind", "'x'", "[1, 2]", '{"a": 1}', "function($x) { $x }", "null", "/x/", "5", "nothing"]
CALLS = ["{0} ~> ${1}", "{0} ~> ${1}()", "${1}()", "${1}({0})", "${1}({0}, {0})", "${1}({0}, {0}, {0}, {0}, {0})"]


def test_what_a_path_binds_has_the_type_of_its_items_and_the_next_step_begins_where_it_was_bound():
    told = []
    node = Expression('calls@$c#$at.tags@$t.{"m": $c.minutes, "at": $at.a, "t": $t, "x": $c.nope, "y": nope}').node
    judge = inference.Recording(lambda code, node, *_: told.append((code, getattr(node, "value", ""))))
    judge.infer(node, inference.TypeScope({}, whole()))
    assert told == [("C206", "nope"), ("C206", "nope")]
    read = (one for one in nodes.walk(node) if isinstance(one, nodes.Variable) and id(one) in judge.kinds)
    kinds = {one.name: judge.kinds[id(one)].solid for one in read}
    assert kinds == {"c": {"object"}, "at": {"integer"}, "t": {"string"}}


@pytest.mark.parametrize("name", LIBRARY)
def test_a_call_with_any_number_of_odd_arguments_has_a_type(name):
    for text in (call.format(handed, name) for call in CALLS for handed in HANDED):
        for context in (whole(), types.ANY, types.UNDEFINED):
            assert inference.quiet(Expression(text).node, inference.TypeScope({}, context)).kinds
