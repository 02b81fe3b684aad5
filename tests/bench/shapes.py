"""How fast kinds of expressions are, against the reference, jlens and jsonata-python, in interleaved rounds.

For each shape and number of items: the other engine's CPU time for one evaluation, divided by ours. Below 1 we are
slower. The results are compared first; an engine with another result, or none in ten seconds, is not timed.
"""

import math
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import elsewhere
from elsewhere import AbsentError, Elsewhere
from engines import Here
from rounds import interleaved, ratio

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING

HERE = Path(__file__).parent
PEERS = ("node", "jlens", "jsonata-python")
SIZES = (100, 1_000, 10_000)
PATIENCE = 10.0  # seconds: an engine that needs more for one evaluation is left out
#: What we want at least: against Node for every shape, against jlens for those that mappings use most.
TARGETS = {"node": 1.2, "jlens": 0.8}


@dataclass(frozen=True)
class Shape:
    """An expression over `document(n)`. `common` says that mappings use it most; `most` is the largest n for peers."""

    name: str
    text: str
    common: bool = False
    most: int = SIZES[-1]


SHAPES = (
    Shape("a field", "meta.cursor.next", common=True),
    Shape("a path", "items.owner.email", common=True),
    Shape("a path over two arrays", "items.lines.q", common=True),
    Shape("a filter", "items[q > 50].name", common=True),
    Shape("a filter of text", 'items[kind = "b"].id', common=True),
    Shape("a filter of two conditions", 'items[q > 20 and kind != "c"].id', common=True),
    Shape("an index in each item", "items.lines[0].q", common=True),
    Shape("the last item", "items[-1].id", common=True),
    Shape("an object per item", 'items.{"id": id, "name": name, "mail": owner.email}', common=True),
    Shape("nested objects", 'items.{"id": id, "owner": {"mail": owner.email, "tags": [tags]}}', common=True),
    Shape("conditionals", 'items.(q > 66 ? "high" : q > 33 ? "middle" : "low")', common=True),
    Shape("alternatives", "items.(nick ?? name)", common=True),
    Shape("text with &", 'items.(name & " <" & owner.email & ">")', common=True),
    Shape("$lookup", "items.$lookup($$.table, kind)", common=True),
    Shape("$map", '$map(items, function($v) { {"id": $v.id, "q": $v.q * 2} })', common=True),
    Shape("$map with an index", "$map(items, function($v, $i) { $i & $v.name })", common=True),
    Shape("$filter", "$filter(items, function($v) { $v.q > 50 })", common=True),
    Shape("group-by", "items{kind: $sum(q)}", common=True),
    Shape("group-by with objects", 'items{kind: {"n": $count($), "ids": [id]}}', common=True),
    Shape("order-by a float", "items^(price).id", common=True),
    Shape("order-by text", "items^(name).id", common=True),
    Shape("order-by two keys", "items^(kind, >q).id", common=True),
    Shape("$sort", "$sort(items, function($l, $r) { $l.q > $r.q }).id"),
    Shape("$sort of numbers", "$sort(items.price)"),
    Shape("$reduce", "$reduce(items.q, function($a, $b) { $a + $b })"),
    Shape("$reduce with $append", "$reduce(items, function($a, $v) { $append($a, $v.id) }, [])", most=1_000),
    Shape("$reduce with $merge", "$reduce(items, function($a, $v) { $merge([$a, {$v.name: $v.q}]) }, {})", most=1_000),
    Shape("$merge of objects", "$merge(items.{name: q})"),
    Shape("$each", "$each($merge(items.{name: q}), function($v, $k) { $k & $v })"),
    Shape("$sift", "$sift($merge(items.{name: q}), function($v) { $v > 50 })"),
    Shape("$single", "$single(items, function($v) { $v.id = 7 }).name"),
    Shape("in a list", "items[uid in $list].id"),
    Shape("a join", 'items@$i.$$.users@$u[$u.id = $i.uid].{"id": $i.id, "user": $u.name}', most=1_000),
    Shape("an index variable", 'items#$n.{"n": $n, "id": id}'),
    Shape("a parent", 'items.lines.{"q": q, "of": %.id}'),
    Shape("a sum", "$sum(items.q)"),
    Shape("a sum of a product", "$sum(items.(q * price))"),
    Shape("$max and $average", "[$max(items.price), $average(items.q)]"),
    Shape("$count of a filter", "$count(items[q > 50])"),
    Shape("$distinct", "$distinct(items.tags)"),
    Shape("$keys", "$keys(items)"),
    Shape("$string", "$string(items)"),
    Shape("$string of numbers", "items.$string(q)"),
    Shape("$number of text", "items.$number(code)"),
    Shape("$join", '$join(items.name, ", ")'),
    Shape("$split", 'items.$split(name, "-")'),
    Shape("$substring and $uppercase", "items.$uppercase($substring(name, 0, 3))"),
    Shape("$substringBefore", 'items.$substringBefore(owner.email, "@")'),
    Shape("$trim and $pad", 'items.$pad($trim(name), 12, "#")'),
    Shape("$contains with text", 'items[$contains(name, "7")].id'),
    Shape("$contains with a regex", "items[$contains(name, /7$/)].id"),
    Shape("$match", "items.$match(name, /[0-9]+/).match"),
    Shape("$replace with a regex", 'items.$replace(name, /[0-9]/, "#")'),
    Shape("$split with a regex", "items.$split(owner.email, /[@.]/)"),
    Shape("$fromMillis", "items.$fromMillis(at)"),
    Shape("$fromMillis with a picture", 'items.$fromMillis(at, "[D1] [MNn] [Y0001]")'),
    Shape("$toMillis", "items.$toMillis(made)"),
    Shape("$toMillis with a picture", 'items.$toMillis(day, "[M01]/[D01]/[Y0001]")'),
    Shape("$formatNumber", 'items.$formatNumber(price, "#,##0.00")'),
    Shape("$round", "items.$round(price, 1)"),
    Shape("a wildcard", "$count(items.*)"),
    Shape("all descendants", "$count(**)"),
    Shape("a sum of descendants", "$sum(**.q)"),
    Shape("a transform", '$ ~> |items|{"total": q * price}|'),
    Shape("a transform with delete", '$ ~> |items|{"total": q * price}, ["tags", "lines"]|'),
    Shape("a range", "[1..$count(items)].($ * 2)"),
    Shape("variables in a block", "items.($t := q * price; $t > 1000 ? $t : 0)"),
    Shape("a function", "($f := function($q, $p) { $q * $p }; items.$f(q, price))"),
    Shape("tail recursion", "($f := function($n, $s) { $n = 0 ? $s : $f($n - 1, $s + $n) }; $f($count(items), 0))"),
    Shape("a chain", 'items.name ~> $map($uppercase) ~> $join("-")'),
    Shape("$append and $reverse", "$reverse($append(items.id, items.q))"),
    Shape("$zip", "$zip(items.id, items.q)"),
    Shape("$spread", "$spread(items.owner)"),
    Shape("$exists and $boolean", "items.($exists(nick) and $boolean(tags))"),
)  # fmt: skip


def document(n: int) -> dict:
    """A reply with `n` items."""
    return {
        "meta": {"cursor": {"next": "abc"}, "total": n},
        "table": {"a": "alpha", "b": "beta", "c": "gamma"},
        "items": [item(i) for i in range(n)],
        "users": [{"id": i, "name": f"user {i}"} for i in range(n)],
    }


def item(i: int) -> dict:
    mixed = i * 7919 % 10_007  # an order that looks random
    made = {
        "id": i,
        "uid": mixed % 5_000,
        "name": f"item-{mixed}",
        "kind": "abc"[mixed % 3],
        "q": mixed % 100,
        "price": round(mixed * 1.37 + 0.5, 2),
        "code": str(mixed),
        "tags": [f"t{mixed % 10}", f"t{mixed % 7}"],
        "owner": {"email": f"user{mixed % 50}@example.com", "name": f"User {mixed % 50}"},
        "lines": [{"q": mixed % 9, "sku": f"s{mixed % 40}"}, {"q": mixed % 5, "sku": f"s{mixed % 30}"}],
        "at": 1_700_000_000_000 + mixed * 86_400_123,
        "made": f"2025-{1 + mixed % 12:02}-{1 + mixed % 28:02}T10:20:30.123Z",
        "day": f"{1 + mixed % 12:02}/{1 + mixed % 28:02}/2025",
    }
    return made if i % 3 else {**made, "nick": f"nick {i}"}


def bindings(n: int) -> dict:
    return {"list": list(range(0, n, 2))}


def ours(text: str, body: dict, bound: dict) -> Here:
    expression = Expression(text)
    return Here(lambda: expression.evaluate(body, bound))


def node(text: str, body: dict, bound: dict) -> Elsewhere:
    return elsewhere.node(expression=text, body=body, bindings=bound)


def jlens(text: str, body: dict, bound: dict) -> Here:
    from jlens import Expression as Theirs

    expression = Theirs(text)
    return Here(lambda: expression.evaluate(body, bound))


def jsonata_python(text: str, body: dict, bound: dict) -> Here:
    from jsonata import Jsonata

    expression = Jsonata(text)
    expression.set_validate_input(False)

    def run() -> Any:
        expression.environment.set_runtime_bounds(60_000, 10_000)  # it forgets to count down
        frame = expression.create_frame()
        for name, value in bound.items():
            frame.bind(name, value)
        return expression.evaluate(body, frame)

    return Here(run)


STARTS: dict[str, Callable[[str, dict, dict], Here | Elsewhere]] = {
    "ours": ours, "node": node, "jlens": jlens, "jsonata-python": jsonata_python
}  # fmt: skip


def same(ours: Any, theirs: Any) -> bool:
    """Whether two results are equal as JSON. None is also undefined, which some engines do not tell from null."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-12)
    return (None if ours is MISSING else ours) == theirs


def prepared(shape: Shape, n: int, names: list[str]) -> dict[str, Here | Elsewhere]:
    """Our engine and those that give the same result."""
    body, bound = document(n), bindings(n)
    ready = {"ours": ours(shape.text, body, bound)}
    expected = ready["ours"].reply()
    for name in names if n <= shape.most else []:
        try:
            contestant = STARTS[name](shape.text, body, bound)
            if same(expected, contestant.reply()) and contestant.seconds(1) < PATIENCE:
                ready[name] = contestant
                continue
            contestant.close()
        except (
            AbsentError,
            ImportError,
            ArithmeticError,
            AttributeError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            sys.stderr.write(f"  {name}: {error}\n")
        sys.stderr.write(f"  {name} is not timed\n")
    return ready


Samples = dict[int, dict[str, list[float]]]


def measured(shape: Shape, options: Namespace) -> Samples:
    sys.stderr.write(f"{shape.name} …\n")
    found: Samples = {}
    for n in options.sizes:
        peers = [name for name in options.against if n <= SIZES[1] or name != "jsonata-python"]
        ready = prepared(shape, n, peers)
        found[n] = interleaved(ready, options.rounds)
        for contestant in ready.values():
            contestant.close()
    return found


def cell(shape: Shape, name: str, samples: dict[str, list[float]]) -> str:
    """How many times as long the other engine takes, in bold where that is less than we want."""
    if name not in samples:
        return "—"
    times = ratio(samples[name], samples["ours"])
    wanted = TARGETS.get(name, 1.0) if shape.common or name != "jlens" else 0.0
    figure = f"{times:.2f}" if times < 10 else f"{times:,.0f}"
    return f"**{figure}**" if times < wanted else figure


def growth(name: str, found: Samples) -> str:
    """The time an item at the largest size against that at the smallest."""
    sizes = [n for n, samples in found.items() if name in samples]
    if len(sizes) < 2:
        return "—"
    first, last = min(sizes), max(sizes)
    return f"{ratio(found[last][name], found[first][name]) * first / last:.2f}"


def rows(results: dict[Shape, Samples], options: Namespace) -> Iterator[str]:
    columns = [
        (name, n) for name in options.against for n in options.sizes if n <= SIZES[1] or name != "jsonata-python"
    ]
    grown = ["ours", *(name for name in options.against if name == "node")]
    heads = ["shape", *(f"{name} {n:,}" for name, n in columns), *(f"growth, {name}" for name in grown), "µs an item"]
    yield from (f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}")
    for shape, found in results.items():
        cells = [cell(shape, name, found[n]) for name, n in columns] + [growth(name, found) for name in grown]
        least = min(options.sizes[-1:], default=1)
        own = min(found[least]["ours"]) / least * 1e6
        yield f"| {shape.name}: `{shape.text.replace('|', chr(92) + '|')}` | {' | '.join(cells)} | {own:.3g} |"


def main(arguments: list[str]) -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each shape and size (5)")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=list(SIZES))
    parser.add_argument("--against", nargs="+", choices=PEERS, default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--only", default="", help="a regular expression for the names of shapes")
    parser.add_argument("--write", action="store_true", help="write SHAPES.md beside this file")
    options = parser.parse_args(arguments)
    chosen = [shape for shape in SHAPES if re.search(options.only, shape.name)]
    results = {shape: measured(shape, options) for shape in chosen}
    about = f"Python {sys.version}; one that is not built with its optimisations takes up to 1.7 times as long."
    said = "\n".join(
        ["# Shapes of expressions", "", __doc__.partition("\n\n")[2], about, "", *rows(results, options), ""]
    )
    sys.stdout.write(said)
    if options.write:
        (HERE / "SHAPES.md").write_text(said, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
