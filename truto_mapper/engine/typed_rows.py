"""The code that maps the bytes of rows: each is decoded into a typed object, and becomes an object to encode.

It is the code of an expected row (`expected_rows`) without its condition, which decoding takes over: a row that lacks a
value, or has one of another type or an unknown name, does not decode. `remote_data` stays the provider's bytes.
For `id: key`, a string, and an optional `age: age`, an integer:

    def rows(rows, remote_data, page, budget, decode_1):
        for raw_2 in rows:
            try:
                row_1 = decode_1(raw_2)
                key_3 = row_1.f0
                age_4 = row_1.f1                # None for no value, which is not encoded
                records.append(made_5(key_3, age_4, raw_2 if remote_data else None))
            except Exception:                   # an odd row: it is decoded and mapped the usual way
                odd.append((len(records), start, raw_2))
                records.append(None)
        return records, odd, lacking
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from truto_mapper.engine import typed_json
from truto_mapper.engine.externals import UnfusableError, unpack
from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.hoisting import Hoisted
from truto_mapper.engine.lacking_rows import OptionalRowCode
from truto_mapper.engine.look_ups import JOINED
from truto_mapper.engine.row_code import Blueprint, not_looked_up
from truto_mapper.engine.source_types import Looked, Reading, test_of
from truto_mapper.language.compiler.calls import may_take_context
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import objects
from truto_mapper.resource.field import REMOTE_DATA

_KINDS = {"str": str, "int": int, "bool": bool}
_HOLDERS = {"list": list, "dict": dict}

#: The most odd rows of a page for which it does not matter how many others there are.
MAX_ODD = 12

#: The attribute of an outer row that holds its inner rows, and the function that gives it with only one of them.
INNER, ONLY = "inner", "with_only"


class TypedRowCode(OptionalRowCode):
    """Writes the code of the rows, and knows their types."""

    def __init__(self, blueprint: Blueprint, rows: Sequence[str]) -> None:
        super().__init__(blueprint, rows)
        self.raws = [self.pen.new_local("raw") for _ in rows]
        #: The names of the fields of the objects that are made, by the name of their class in the code.
        self.made: dict[str, list[str]] = {}
        #: The names that the spec declares for such an object, none for one without declared fields.
        self.declared: dict[str, tuple[str, ...]] = {}

    def fetched(self, path: NamePath, needed: str | None = None) -> str:
        if path[0] == JOINED and len(path) > 1:
            raise UnfusableError("a join is used for more than to look up keys")
        return super().fetched(path, needed)

    def maker(self, names: Sequence[str], declared: Sequence[str]) -> str:
        name = self.pen.new_local("made")
        self.made[name], self.declared[name] = list(names), tuple(declared)
        return name

    @property
    def outer_row(self) -> str:
        return self.raws[0]

    def own(self, shared: ast.expr) -> ast.expr:
        return shared  # it is only to be encoded

    def expected(self, child: FieldSource) -> ast.expr:
        if (path := self.optional_path(child)) is not None:
            return self.attribute(path)
        made = self.joined(child) if self.may_miss(child) else super().expected(child)
        if self.is_maybe(made) and child.declared.required:
            self.doubt_unless(self.is_given(made))
        return made

    def joined(self, child: FieldSource) -> ast.expr:
        """The valid value of a field that a join gives, None if it has none."""
        pen, children = self.pen, self.children(child)
        if children is not None:
            return self.object(children)
        value, is_settled = self.value(child)
        if isinstance(value, ast.Constant):
            return value
        local = pen.new_local("joined")
        pen.assign(local, pen.choice(pen.test(value, ast.Is(), pen.load("MISSING")), pen.constant(None), value))
        made = pen.load(local)
        if not is_settled:
            none = pen.test(made, ast.Is(), pen.constant(None))
            self.doubt_unless(pen.either(none, self.is_valid(made, child.declared)))
        self.maybe.add(local)
        kept = self.kept(made, child)
        return kept if kept is made else self.counted(local, kept)

    def counted(self, local: str, kept: ast.expr) -> ast.expr:
        """A number in the form that its field has, None for none."""
        pen, none = self.pen, self.pen.test(self.pen.load(local), ast.Is(), self.pen.constant(None))
        pen.assign(local, pen.choice(none, pen.constant(None), kept))
        return pen.load(local)

    def attribute(self, path: NamePath) -> ast.expr:
        """The attribute of a decoded object that holds the value at a path."""
        if len(path) > 2 and self.classes.get(self.holder(path[:-1])) != "dict":
            raise UnfusableError(f"{'.'.join(path[:-1])} is not an object")
        holder = self.pen.load(self.holder(path[:-1]))
        return ast.Attribute(holder, attribute_of(path, self.values), ast.Load(), **self.pen.at)

    def is_maybe(self, value: ast.expr) -> bool:
        """Whether a value that was made may be None."""
        return isinstance(value, ast.Attribute) or (isinstance(value, ast.Name) and value.id in self.maybe)

    def object(self, children: list[FieldSource]) -> ast.expr:
        """The object in one piece; None if none of its fields has a value."""
        pen, name = self.pen, self.maker([child.name for child in children], children[0].beside)
        values = [self.expected(child) for child in children]
        made = pen.called(name, *values)
        if not all(map(self.is_maybe, values)):
            return made
        local = pen.new_local("object")
        self.maybe.add(local)
        given = pen.either(*(pen.test(one, ast.IsNot(), pen.constant(None)) for one in values))
        pen.assign(local, pen.choice(given, made, pen.constant(None)))
        return pen.load(local)

    def array_of(self, made: ast.expr) -> ast.expr:
        return self.pen.tuple_of(made)  # encoded like a list, and made faster

    def append_record(self, made: ast.expr) -> None:
        pen, raw = self.pen, self.raws[-1]
        if not isinstance(made, ast.Call) or not isinstance(made.func, ast.Name):
            raise UnfusableError("no field of the record is surely there")
        if REMOTE_DATA in self.record.declared.fields:
            self.made[made.func.id].append(REMOTE_DATA)
            remote: ast.expr = pen.load(raw)
            if self.blueprint.loops.inner is not None:
                remote = pen.called(ONLY, pen.load(self.row_locals[0]), pen.load(raw))
            made.args.append(pen.choice(pen.load("remote_data"), remote, pen.constant(None)))
        pen.append("records", made)
        if maybe := self.maybe_values:
            lacks = pen.either(*(pen.test(one, ast.Is(), pen.constant(None)) for one in maybe))
            pen.branch(pen.load("lacking"), lambda: pen.assign("lacking", lacks))
        else:
            pen.assign("lacking", pen.constant(value=False))

    @property
    def row_locals(self) -> list[str]:
        return [self.locals[name] for name in self.blueprint.loops.variables]

    @property
    def maybe_values(self) -> list[ast.expr]:
        """The values that may be absent."""
        return [self.attribute(path) for path in list(self.values) if self.may_be_absent(path)]

    def with_lookups(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The loops. What decoding proves is not tested."""
        tests: list[ast.stmt] = []
        with self.pen.into(tests):
            for test in self.deeper_tests():
                self.doubt_unless(test)
        loops, lines = self.blueprint.loops, [_WithoutRows(self.row_locals).visit(line) for line in [*tests, *body]]
        for variable, raw in reversed(list(zip(loops.variables, self.raws, strict=True))):
            lines = self.loop_of(variable, raw, lines)
        return lines

    def deeper_tests(self) -> Iterator[ast.expr]:
        """Tests of what is looked up, for what is read below it."""
        types, found = self.blueprint.types, dict[NamePath, list[Reading]]()
        for variable, names, is_whole in not_looked_up(self):
            path = (str(variable), *names)
            held = next((path[:end] for end in range(len(path), 1, -1) if path[:end] in self.values), path[:1])
            found.setdefault(held, []).append(Reading(None, path[len(held) :], is_whole))
        for path, readings in found.items():
            kind = types.declared((*types.loops[path[0]], *path[1:])) if len(path) > 1 else types.start(path[0])
            test = test_of(kind, Looked.of(readings))
            if test is not None and (len(path) == 1 or any(one[:-1] == path for one in self.values)):
                raise UnfusableError("what is read of the row is not looked up")
            if test is not None:
                yield self.pen.called(self.external("typed", test), self.pen.load(self.values[path]))

    def loop_of(self, variable: str, raw: str, body: list[ast.stmt]) -> list[ast.stmt]:
        """The loop over raw rows: each is decoded, its values are looked up, and `body` follows."""
        pen, lines, odd = self.pen, list[ast.stmt](), list[ast.stmt]()
        is_inner = variable == self.paths.context[0]
        with pen.into(lines):
            decoded = pen.called(f"decode_{variable}", pen.load(raw))
            pen.assign(self.locals[variable], decoded)
            for path in sorted((path for path in self.values if path[0] == variable), key=len):
                self.look_up(path)
        with pen.into(odd):
            raws = self.raws if is_inner else self.raws[:1]
            place = pen.called("len", pen.load("records")), pen.load("start")
            pen.append("odd", pen.tuple_of(*place, *map(pen.load, raws)))
            pen.append("records", pen.constant(None))
            given_up = ast.Return(pen.tuple_of(pen.constant(None), pen.load("odd"), pen.load("lacking")))
            are_most = pen.called("are_most", pen.load("odd"), pen.load("records"))
            pen.branch(are_most, lambda: pen.lines.append(given_up))
            pen.lines.append(ast.Continue(**pen.at))
        handler = ast.ExceptHandler(pen.load("Exception"), None, odd)
        made: list[ast.stmt] = [ast.Try([*lines, *body] if is_inner else lines, [handler], [], [], **pen.at)]
        over: ast.expr = pen.load("rows")
        if not is_inner:
            with pen.into(lines):
                pen.assign("start", pen.called("len", pen.load("records")))
            made += body
        elif self.blueprint.loops.inner is not None:
            over = ast.Attribute(pen.load(self.row_locals[0]), INNER, ast.Load(), **pen.at)
        loop: list[ast.stmt] = []
        with pen.into(loop):
            pen.loop(over, made, raw)
        return loop

    def look_up(self, path: NamePath) -> None:
        """Assign the value at a path, and test that it is there unless its type says so."""
        if self.may_be_absent(path):
            return  # it is taken where it is used
        self.pen.assign(self.values[path], self.attribute(path))
        if self.type_of(path) is None:
            self.doubt_unless(self.is_expected(path, self.pen.load(self.values[path])))

    def type_of(self, path: NamePath) -> Any:
        """The type of the value at a path that is read; None if it may be anything.

        So may a float, because it keeps its digits only as a number of no declared type.
        """
        name = self.classes.get(self.values[path])
        if name in _KINDS:
            return _KINDS[name] | None if self.may_be_absent(path) else _KINDS[name]
        classes = self.blueprint.classes_at(path) if name is None else ()
        if float in classes:
            return None
        found: Any = None
        for one in (name,) if name else (one.__name__ for one in classes):
            kind = _KINDS.get(one) or _HOLDERS[one]
            found = kind if found is None else found | kind
        return found


def attribute_of(path: NamePath, values: Collection[NamePath]) -> str:
    """The attribute that holds the value at a path that is read."""
    return f"f{list(values).index(path)}"


class _WithoutRows(ast.NodeTransformer):
    """Code that does not use a row itself: calls of functions that cannot take it for an argument get no context.

    Raises `UnfusableError` for any other use.
    """

    def __init__(self, rows: Collection[str]) -> None:
        self.rows = rows

    def visit_Call(self, call: ast.Call) -> ast.AST:
        name, given = getattr(call.func, "id", ""), call.args
        if name in ("invoked", "invoke", "applied", "call") and getattr(given[1], "id", "") in self.rows:
            called = getattr(given[2], "id", "")
            function, is_caller = called.removeprefix("f_"), called.startswith("caller_")
            if not is_caller and (function not in STANDARD or may_take_context(function, len(given) - 3)):
                raise UnfusableError("a function may take the row for an argument")
            given[1] = ast.copy_location(ast.Name("MISSING", ast.Load()), given[1])
        if name == "object_of" and len(given) > 2:  # what is given is not taken from the context
            given[1] = ast.copy_location(ast.Name("MISSING", ast.Load()), given[1])
        if name == ONLY:
            return call
        return self.generic_visit(call)

    def visit_Attribute(self, attribute: ast.Attribute) -> ast.AST:
        is_decoded = attribute.attr[:1] == "f" and attribute.attr[1:].isdigit()
        return attribute if is_decoded else self.generic_visit(attribute)

    def visit_Name(self, name: ast.Name) -> ast.AST:
        if name.id in self.rows:
            raise UnfusableError("the row is used as a whole")
        return name


class Tabular(ast.NodeTransformer):
    """The same code, but that it makes tuples of objects with declared fields; see `tabular`."""

    def __init__(self, code: TypedRowCode) -> None:
        self.code = code

    def visit_Call(self, call: ast.Call) -> ast.AST:
        self.generic_visit(call)
        name = getattr(call.func, "id", "")
        if not (declared := self.code.declared.get(name)):
            return call
        given = dict(zip(self.code.made[name], call.args, strict=True))
        parts = [given.get(one) or ast.Constant(None) for one in declared]
        return ast.fix_missing_locations(ast.copy_location(ast.Tuple(parts, ast.Load()), call))


def are_most(odd: list[Any], records: list[Any]) -> bool:
    """Whether some rows, and three of four so far, are odd: then trying costs more than it saves."""
    return len(odd) > MAX_ODD and 4 * len(odd) > 3 * len(records)


def rows_module(code: TypedRowCode) -> ast.Module:
    """The module with `rows(rows, remote_data, page, budget, *decoders)`."""
    pen, blueprint = code.pen, code.blueprint
    parameters = blueprint.page.parameters
    body = code.row()
    if not all(typed_json.is_attribute(name) for names in code.made.values() for name in names):
        raise UnfusableError("a field's name is not that of an attribute")
    body = [*map(Hoisted(blueprint.page).visit, body)]
    if blueprint.page.parameters != parameters:
        raise UnfusableError("it reads more of its page than other code")
    unpack(pen, parameters, pen.load("page"))
    blueprint.declare_joined(pen)
    if code.done:
        pen.assign(code.done, pen.constant(None))
    for name in ("records", "odd"):
        pen.assign(name, pen.list_of())
    pen.assign("start", pen.constant(0))
    pen.assign("run", pen.constant(None))
    pen.assign("lacking", pen.constant(value=True))
    pen.lines += body
    lacking = pen.load("lacking") if code.has_everything else pen.constant(value=True)
    pen.lines.append(ast.Return(pen.tuple_of(pen.load("records"), pen.load("odd"), lacking)))
    blueprint.externals.constants |= {name: typed_json.output(names) for name, names in code.made.items()}
    blueprint.externals.constants |= {ONLY: typed_json.with_inner, "are_most": are_most}
    decoders = [f"decode_{variable}" for variable in blueprint.loops.variables]
    return blueprint.externals.module(pen, "rows", ["rows", "remote_data", "page", "budget", *decoders])


def row_types(code: TypedRowCode, extras: Mapping[NamePath, Collection[str]]) -> list[Any]:
    """The type of the rows of each loop. `extras` are names by path that are known beside those of the schema."""
    return [_object_type(code, (variable,), extras) for variable in code.blueprint.loops.variables]


def names_at(code: TypedRowCode, path: NamePath, extras: Mapping[NamePath, Collection[str]]) -> list[str]:
    """The names that objects at a path have."""
    types, loops = code.blueprint.types, code.blueprint.loops
    kinds = objects(types.declared((*types.loops[path[0]], *path[1:])))
    names = dict.fromkeys(name for kind in kinds for name in kind.properties or {})
    names |= dict.fromkeys(one[-1] for one in code.values if one[:-1] == path)
    if loops.inner is not None and path == loops.variables[:1]:
        names |= {loops.inner: None}
    return [name for name in names | dict.fromkeys(extras.get(path, ())) if typed_json.is_name(name)]


def _object_type(code: TypedRowCode, path: NamePath, extras: Mapping[NamePath, Collection[str]]) -> Any:
    """The type of the objects at a path."""
    fields = []
    for number, name in enumerate(names_at(code, path, extras)):
        at = (*path, name)
        if at in code.values:
            is_holder = any(one[:-1] == at for one in code.values)
            kind = _object_type(code, at, extras) if is_holder else code.type_of(at) or Any
            fields.append((name, attribute_of(at, code.values), kind, not code.may_be_absent(at)))
        elif at == (*code.blueprint.loops.variables[:1], code.blueprint.loops.inner):
            fields.append((name, INNER, typed_json.raw_list(), True))
        else:
            is_written = code.blueprint.loops.inner is not None and path == code.blueprint.loops.variables[:1]
            fields.append((name, f"u{number}", Any if is_written else typed_json.UNREAD, False))
    return typed_json.input_type(fields)
