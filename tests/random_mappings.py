"""Random mappings: the spec of a resource, a mapping to it, and replies that mostly fit the mapping.

The grammar of the expressions is in `mappings.txt`. Every object of a reply has the same keys, so that a path fits
wherever it is written.
"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from truto_mapper import load

#: The declared field for each kind of value, but for objects, which have fields of their own.
KINDS = {
    "string": {"type": "string"},
    "moment": {"type": "string", "format": "date-time"},
    "choice": {"type": "string", "enum": ["one", "two"]},
    "integer": {"type": "integer"},
    "count": {"type": "integer", "minimum": 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "any": {"type": "any"},
    "free": {"type": "object"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "integers": {"type": "array", "items": {"type": "integer"}},
    "list": {"type": "array", "items": {"type": "any"}},
}
#: The rule of a kind, where it has another name.
RULES = {"count": "integer", "list": "strings"}
#: The keys of each object of a reply that have such a value.
PATHS = {
    "text": ("s", "t", "s"),
    "whole": ("n", "m"),
    "fraction": ("x",),
    "flag": ("b",),
    "date": ("d",),
    "one": ("e",),
    "texts": ("a",),
    "wholes": ("k",),
    "object": ("o",),
    "objects": ("l",),
    "nothing": ("z", "y.z"),
}
#: The kinds of values that a `let` may have, with the path that it can be used for.
LETS = {"string": "text", "integer": "whole", "boolean": "flag", "strings": "texts", "moment": "date", "free": "object"}
#: More paths to a value that is the same for the whole page.
OF_PAGE = {"text": ("$query.word", "$context.word", "$headers.word"), "whole": ("$status", "$query.limit")}
FAILING = ("$uppercase({whole})", "$abs({text})", "{text} + 1", "$nothing.s")

#: The types of the values that have one, for the provider's schema.
TYPES = {"s": "string", "t": "string", "d": "string", "e": "string", "n": "integer", "m": "integer", "b": "boolean"}
TYPES |= {"x": "number", "a": "array", "k": "array", "o": "object", "l": "array"}

#: Values that a path may lead to, but should not.
ODD = [
    None,
    "",
    "soon",
    0,
    -1,
    1,
    True,
    False,
    2.0,
    0.1,
    -0.0,
    10**25,
    1e22,
    {},
    {"s": 1},
    {"s": None},
    {"": 1},
    "\ud800",
]
ODD += [[], [[]], [None], ["a", None], ["a"], [["a"]], [{"s": "x"}, None], [1], [True], [1.0], {"s": "x", "n": 1}]


def twice(value=None):
    """A function of the caller."""
    return value * 2 if isinstance(value, (str, int, list)) else value


@cache
def rules():
    """For each rule its alternatives, and their weights."""
    text = Path(__file__).with_suffix("").with_name("mappings.txt").read_text("utf-8")
    found = {}
    for rule, below in re.findall(r"^([a-z]+)\n((?:  .+\n)+)", text, re.MULTILINE):
        weighted = [(text, int(weight)) for weight, text in re.findall(r"^  (\d+) (.+)$", below, re.MULTILINE)]
        found[rule] = [list(part) for part in zip(*weighted, strict=True)]
    return found


class Drawn:
    """One random mapping. `rng` is a `random.Random`."""

    def __init__(self, rng):
        self.rng = rng
        self.fields = {"id": {"type": "string", "required": True}}
        self.kinds = {"id": "string"}
        for name in "fghij"[: rng.randint(1, 5)]:
            self.fields[name], self.kinds[name] = self.field()
        self.lets = {}
        self.has_source = self.is_rare(3)
        self.for_each, self.wrap = self.loops()
        self.outer = [name for name, _ in self.for_each][:-1]
        self.let = dict(self.new_let(name) for name in ("one", "two", "s", "e")[: rng.choice([0, 1, 2, 4])])
        made = {name: self.leaf(name) for name in self.fields if name == "id" or not self.is_rare(8)}
        self.response = {name: self.named(name, one) for name, one in made.items()}
        self.cursor = self.expression("string", "page") if self.is_rare(2) else None
        self.recognise = self.expression("truth", "page") if self.is_rare(3) else "$exists(data)"
        self.time_zone = self.expression("string", "page") if self.is_rare(2) else None

    def is_rare(self, share):
        return self.rng.randrange(share) == 0

    # The spec

    def field(self, depth=1):
        """A declared field and its kind; for an object, the kinds of its fields."""
        kind = self.rng.choice([*KINDS, "record", "records", "records"] if depth else [*KINDS])
        declared = {"required": True} if self.is_rare(8) else {}
        if kind in KINDS:
            return KINDS[kind] | declared, kind
        names = "stnq"[: self.rng.randint(1, 4)]
        made = {name: self.field(depth - 1) for name in names}
        below = {"type": "object", "fields": {name: one for name, (one, _) in made.items()}}
        kinds = {name: one for name, (_, one) in made.items()}
        return (below if kind == "record" else {"type": "array", "items": below}) | declared, (kind, kinds)

    # The mapping

    def loops(self):
        """The loops by name, and what wraps the rows of a reply."""
        plain = [
            ("data", lambda rows: rows),
            ("data.items", lambda rows: {"items": rows}),
            ("$.data", lambda rows: rows),
        ]
        odd = [("$response.data", lambda rows: rows), ("data[b]", lambda rows: rows)]
        path, wrap = self.rng.choice(odd if self.is_rare(10) else plain)
        names = ("row",) if self.is_rare(2) else ("outer", "row") if not self.is_rare(8) else ("far", "outer", "row")
        inner = [(name, f"${above}.rows" if self.is_rare(2) else "rows") for above, name in pairwise(names)]
        return [(names[0], path), *inner], wrap

    def new_let(self, name):
        if self.is_rare(10):
            path = {one: self.path(one, "row") for one in ("text", "whole")}
            return name, self.rng.choice(FAILING[:-1]).format(**path)
        kind = self.rng.choice([*LETS, "string", "string"])
        made = self.path(LETS[kind], "row") if self.is_rare(3) else self.expression(kind, "row")
        made += "[]" if self.is_rare(30) and re.fullmatch(r"[$a-z.]+", made) else ""
        self.lets.setdefault(LETS[kind], []).append(f"${name}")
        return name, made

    def leaf(self, name):
        """The source of a field: fields in YAML, or an expression."""
        kind = self.kinds[name]
        if isinstance(kind, tuple) and kind[0] == "record" and self.is_rare(2):
            chosen = {inner: one for inner, one in kind[1].items() if not self.is_rare(6)}
            return {inner: self.expression(one, "row") for inner, one in chosen.items()} or "null"
        if name == "id":
            return self.expression("string", "row") if self.is_rare(4) else "$string(s)" if self.is_rare(2) else "s"
        return self.expression(kind, "row")

    def named(self, name, made):
        """The source of a field; that of arrays and objects may be a `let`, which is all of it or a branch."""
        if not (isinstance(made, str) and isinstance(self.kinds[name], tuple) and self.is_rare(3)):
            return made
        self.let[f"of_{name}"] = made
        if self.is_rare(3):
            return f"{self.path('flag', 'row')} ? $of_{name} : []"
        return f"$of_{name} ?? $of_{name}" if self.is_rare(6) else f"$of_{name}"

    def expression(self, kind, context, depth=2):
        """An expression of a kind, where `context` is `$`: the page, the row, an object in it, or a text."""
        rule, fields = kind if isinstance(kind, tuple) else (RULES.get(kind, kind), {})
        alternatives, weights = rules()[rule]
        if depth <= 0:
            alternatives, weights = alternatives[:1], weights[:1]
        [text] = self.rng.choices(alternatives, weights)

        def replaced(found):
            part, _, inner = found[1].partition(":")
            within = inner or context
            if part in PATHS:
                return self.path(part, within)
            if part == "pairs":
                return self.pairs(fields, within, depth - 1)
            return self.expression(part, within, depth - 1)

        return re.sub("‹([a-z:]+)›", replaced, text)

    def pairs(self, fields, context, depth):
        """An object constructor of declared fields; some keys are computed, missing or repeated."""
        names = [name for name in fields if not self.is_rare(8)]
        names += [self.rng.choice(names)] if names and self.is_rare(30) else []
        made = [f"{self.key(name, context)}: {self.expression(fields[name], context, depth)}" for name in names]
        made += ['$string("undeclared"): 1'] if self.is_rare(60) else []
        if self.is_rare(4):
            self.rng.shuffle(made)
        return f"{{{', '.join(made)}}}"

    def key(self, name, context):
        if self.is_rare(6):
            condition = f'{self.path("flag", context)} ? "{name}"'
            return self.rng.choice([f'$string("{name}")', f'"" & "{name}"', f'("{name}")', f'({condition} : "{name}")'])
        return f'"{name}"'

    def path(self, kind, context):
        """A path to a value of a kind."""
        if context == "text" and kind == "text" and not self.is_rare(4):
            return "$"
        last = self.rng.choice(PATHS[kind])
        starts = ["$row.", "$row."] if context != "page" else ["$response.about."]
        starts += {"row": ["", "", "", "", "$.", "$$."], "object": [""] * 6, "page": ["about."] * 3}.get(context, [])
        starts += [f"${name}." for name in self.outer] if context != "page" else []
        found = [start + last for start in starts]
        if context != "page":
            found += self.lets.get(kind, []) * 2
        if self.is_rare(5):
            found = [f"$response.about.{last}", *OF_PAGE.get(kind, ())]
        if self.is_rare(60):
            found = [f"{start}{deeper}.{last}" for start in starts for deeper in ("o", "o.o", "l", "nowhere")]
        return self.rng.choice(found)

    # The files

    def source(self, levels, depth=2):
        """The provider's schema of an object around so many loops, which declares most of its keys."""
        names = [name for name in TYPES if (depth or name not in "ol") and not self.is_rare(4)]
        made = {name: {"type": TYPES[name]} for name in names}
        for name, items in (("a", {"type": "string"}), ("k", {"type": "integer"}), ("l", {})):
            if name in made:
                made[name]["items"] = items or self.source(0, 0)
        if "o" in made:
            made["o"] = self.source(0, depth - 1)
        if levels:
            made["rows"] = {"type": "array", "items": self.source(levels - 1)}
        return {"type": "object", "properties": made}

    def reply_source(self):
        rows = {"type": "array", "items": self.source(len(self.for_each) - 1)}
        rows = {"type": "object", "properties": {"items": rows}} if self.for_each[0][1] == "data.items" else rows
        return {"type": "object", "properties": {"data": rows, "about": self.source(0)}}

    def spec(self):
        whole = {
            "version": 1, "unified_model": "crm", "resource": "thing", "title": "Thing", "integrations": ["acme"],
            "methods": {"list": {"http_method": "GET", "path": "/unified/crm/thing"}},
            "parameters": {
                "limit": {"type": "integer"}, "word": {"type": "string"},
                "day": {"type": "string", "format": "date-time"},
                "truto_ignore_remote_data": {"type": "boolean", "default": False},
            },
            "fields": self.fields | ({} if self.is_rare(5) else {"remote_data": {"type": "object"}}),
            "response": {
                "result": {"type": "array", "items": {"type": "object"}},
                "next_cursor": {"type": "string", "nullable": True},
            },
        }  # fmt: skip
        return json.dumps(whole)

    def mapping(self):
        endpoint = {"path_mapping": '"/things"', "for_each": dict(self.for_each)}
        endpoint |= {"recognise": self.recognise} if self.recognise else {}
        endpoint |= {"source_schema": "acme/things"} if self.has_source else {}
        endpoint |= {"let": self.let} if self.let else {}
        endpoint |= {"next_cursor": self.cursor} if self.cursor else {}
        endpoint |= {"time_zone": self.time_zone} if self.time_zone else {}
        head = {"version": 1, "integration": "acme", "unified_model": "crm", "resource": "thing", "method": "list"}
        head["context"] = {"word": {"type": "string", "default": "c"}}
        head["whole_days"] = {"time_zone": '"UTC"', "parameters": {"day": "floor"}}
        return "\n".join(_yaml(head | {"endpoints": {"all": endpoint | {"response_mapping": self.response}}})) + "\n"

    def mapper(self, folder):
        (folder / "schemas/crm").mkdir(parents=True, exist_ok=True)
        (folder / "schemas/acme").mkdir(parents=True, exist_ok=True)
        (folder / "schemas/acme/things.schema.json").write_text(json.dumps(self.reply_source()), "utf-8")
        (folder / "schemas/crm/thing.yaml").write_text(self.spec(), "utf-8")
        (folder / "acme.yaml").write_text(self.mapping(), "utf-8")
        return load(folder / "acme.yaml", functions={"twice": twice})

    # The replies

    def reply(self):
        levels = len(self.for_each) - 1
        rows = [self.row(levels) for _ in range(self.rng.randint(2, 6) if levels < 2 else 2)]
        rows = self.rng.choice([None, {}, [rows], 7, rows[0]]) if self.is_rare(60) else rows
        return {"data": self.wrap(rows), "about": self.row(0)}

    def row(self, levels):
        """An object of a reply; around other rows for each level of loops."""
        if self.is_rare(100):
            return self.rng.choice([None, None, 7, [], "x"])
        made = self.object()
        if self.is_rare(10):
            made[self.rng.choice([*made])] = self.odd()
        if levels:
            made["rows"] = [self.row(levels - 1) for _ in range(self.rng.randint(0, 3))]
            if self.is_rare(30):
                made["rows"] = self.rng.choice([None, {}, 7, self.object()])
        return made

    def object(self, depth=2):
        """An object that fits all paths, without some keys and with a few nulls."""
        pick, below = self.rng.choice, self.rng.randint
        made = {
            "s": self.text(), "t": self.text(), "n": below(1, 3), "m": pick([1, 2, 2**53 + 1, 10**20]),
            "b": pick([True, True, False]), "x": pick([0.5, 1.0, 3, -2.25, 0, 1e300]), "e": pick(["one", "two"]),
            "d": pick(["2026-01-05T00:00:00Z", "2026-02-01T12:30:00+05:30"]),
            "a": [self.text() for _ in range(self.few())], "k": [below(1, 9) for _ in range(self.few())],
        }  # fmt: skip
        if depth:
            made["o"] = self.object(depth - 1)
            made["l"] = [self.object(0) for _ in range(self.few() if depth > 1 else 1)]
        if self.is_rare(4):
            del made[pick([*made])]
        if self.is_rare(12):
            made[pick([*made])] = None
        return made

    def few(self):
        return self.rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3])

    def text(self):
        return self.rng.choice(
            ["c", "k", "1", "é\u2028😀", "a-b", "c", "c"] if not self.is_rare(10) else ["", "q", "UTC"]
        )

    def odd(self):
        return self.rng.choice([*ODD, [self.object(0), 5]])


class JoinedDrawn(Drawn):
    """A random mapping with a join and a table of constants, which its expressions read as they read a row."""

    def __init__(self, rng):
        self.many = rng.randrange(4) == 0
        super().__init__(rng)
        whole = "$lookup($joined.users, $string(s))"
        self.let = {"user": whole if not self.is_rare(4) else f"{whole} ?? {{}}"} | self.let

    def path(self, kind, context):
        if context in ("row", "object") and self.is_rare(3):
            last = self.rng.choice(PATHS[kind])
            key = self.rng.choice(["s", "t", "$row.s", "$string(n)", '"c"', "$string(m)"])
            found = [
                "$user.",
                f"$lookup($joined.users, {key}).",
                "$joined.users.c.",
                f"$row.l.$lookup($joined.users, {key}).",
            ]
            return self.rng.choice([*found, *found[:2] * 2]) + last
        if kind in ("text", "one") and self.is_rare(5):
            return self.rng.choice(["$words.c", "$lookup($words, $string(s))", "$lookup($words, $response.about.s)"])
        return super().path(kind, context)

    def mapping(self):
        key = self.rng.choice(["s", "$string(s)", "n", "$string(n)", "$uppercase(s) ?? s"])
        join = {"ids": f"{self.for_each[0][1]}.s", "path_mapping": '"/users"', "rows": "users", "key": key}
        join |= {"source_schema": "acme/users"} if self.has_source else {}
        join |= {"many": True} if self.many else {}
        tables = "lookups: {words: {c: one, k: two, '1': null, 'a-b': [one], q: 7}}\n"
        text = super().mapping().replace("endpoints:\n", tables + "endpoints:\n", 1)
        lines = "\n".join(_yaml({"join": {"users": join}}, " " * 4)) + "\n"
        return text.replace("    response_mapping:\n", lines + "    response_mapping:\n")

    def mapper(self, folder):
        (folder / "schemas/acme").mkdir(parents=True, exist_ok=True)
        users = {"type": "object", "properties": {"users": {"type": "array", "items": self.source(0)}}}
        (folder / "schemas/acme/users.schema.json").write_text(json.dumps(users), "utf-8")
        return super().mapper(folder)

    def joined(self):
        """Replies to the join."""
        return {"users": [{"users": [self.row(0) for _ in range(self.few())]} for _ in range(self.few())]}


class OneDrawn(Drawn):
    """A random mapping of one record: the reply is the row."""

    def __init__(self, rng):
        super().__init__(rng)
        self.for_each, self.recognise, self.cursor = [], None, None

    def loops(self):
        return [("row", "data")], lambda rows: rows

    def path(self, kind, context):
        return super().path(kind, context).replace("$row.", "$response.")

    def spec(self):
        got = {"get": {"http_method": "GET", "path": "/unified/crm/thing/{id}"}}
        whole = json.loads(super().spec())
        return json.dumps(whole | {"methods": whole["methods"] | got})

    def mapping(self):
        return super().mapping().replace("method: 'list'", "method: 'get'").replace("    for_each:\n", "")

    def reply_source(self):
        found = self.source(0)
        return found | {"properties": found["properties"] | {"about": self.source(0)}}

    def reply(self):
        found = self.row(0)
        return found | {"about": self.row(0)} if isinstance(found, dict) else found


class ArrayDrawn(Drawn):
    """A random mapping of replies that are arrays of rows."""

    def __init__(self, rng):
        super().__init__(rng)
        (name, _), *inner = self.for_each
        self.for_each = [(name, rng.choice(["$", "$", "$response", "$$"])), *inner]
        self.recognise = None if self.recognise == "$exists(data)" else self.recognise

    def reply_source(self):
        return {"type": "array", "items": self.source(len(self.for_each) - 1)}

    def reply(self):
        found = super().reply()["data"]
        return [] if self.is_rare(20) else found.get("items", found) if isinstance(found, dict) else found


def _yaml(value, indent=""):
    """An object as lines of YAML in which every text keeps its own characters."""
    for key, one in value.items():
        if isinstance(one, dict):
            yield f"{indent}{key}:"
            yield from _yaml(one, indent + "  ")
        else:
            text = one if not isinstance(one, str) else "'" + one.replace("'", "''") + "'"
            yield f"{indent}{key}: {text}"
