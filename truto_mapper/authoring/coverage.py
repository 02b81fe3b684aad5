"""What of a mapping its cases exercise: fields read and written, branches taken each way, enum values seen; and lines.

Cases run with a trace; everything counted is a `Unit`, which a case hits or does not. What aliases share is counted
once, but for the fields that each endpoint writes.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree as ET

from truto_mapper.authoring import golden
from truto_mapper.authoring.check import leaves
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Coalesce, Condition, Default, Filter, Node, Number, Object, walk
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Event, Places, Steps, Trace
from truto_mapper.language.types import Type, from_schema
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.resource.spec import Field
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.reports import xml
from truto_mapper.text.source import Source, Span

#: The counters, and what is said of a unit that no case hits.
COUNTERS = {
    "source fields": "never read",
    "target fields": "never written",
    "branches": "never taken",
    "enum values": "never seen",
}

Key = tuple[Any, ...]
_SCALARS = (str, int, float)


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that cases should hit, and how often they did. `name` is in words, `span` is where it stands."""

    counter: str
    name: str
    source: Source
    span: Span
    hits: int = 0

    @property
    def line(self) -> int:
        return self.source.position(self.span.start)[0]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What some cases hit. `lines` has the evaluations that began on each line of each file that holds expressions."""

    units: tuple[Unit, ...]
    lines: Mapping[Source, Mapping[int, int]]
    cases: int

    def of(self, counter: str) -> list[Unit]:
        return [unit for unit in self.units if unit.counter == counter]

    @property
    def percent(self) -> float:
        """The share of all units that are hit, in percent."""
        return rate(self.units) * 100


def rate(units: Iterable[Unit | int]) -> float:
    """The share of units, or of counts, that are hit at all; of none the whole."""
    hits = [unit.hits if isinstance(unit, Unit) else unit for unit in units]
    return sum(map(bool, hits)) / len(hits) if hits else 1.0


# ---------------------------------------------------------------------------------------------- what there is


def _declared(mapper: Mapper) -> dict[Key, Unit]:
    """Everything that cases can hit, in the order of the text."""
    found: dict[Key, Unit] = {}
    for endpoint in mapper.mapping.endpoints:
        found.update(_source_fields(mapper, endpoint))
        found.update(_target_fields(endpoint, endpoint.response, mapper.resource.fields, ()))
    for expression, is_test in _expressions(mapper):
        found.update(_branches(expression, is_test=is_test))
    found.update(_enum_values(mapper))
    return found


def _expressions(mapper: Mapper) -> Iterator[tuple[Expression, bool]]:
    """Each expression once, and whether it is asked for true or false."""
    known: dict[int, tuple[Expression, bool]] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            known.setdefault(id(expression), (expression, key in ("when", "recognise", "empty_when")))
    for expression in mapper.mapping.errors.values():
        known.setdefault(id(expression), (expression, False))
    yield from known.values()


def _source_fields(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    if endpoint.source is None:
        return
    name = mapper.mapping.root.value["endpoints"].keys[endpoint.name]
    for kind in leaves(_reply(endpoint)):
        for path in [kind.path] if kind.path else []:
            yield ("read", endpoint.name, path), _unit("source fields", endpoint, path, name.source, name.span)


def _reply(endpoint: Endpoint) -> Type:
    schema = yaml_tree.parse(endpoint.source).plain() if endpoint.source is not None else {}
    return from_schema(schema, schema)


def _unit(counter: str, endpoint: Endpoint, path: Iterable[str], source: Source, span: Span) -> Unit:
    return Unit(counter, f"{endpoint.name}: {'.'.join(path)}", source, span)


def _target_fields(
    endpoint: Endpoint, template: Any, fields: Mapping[str, Field], path: tuple[str, ...]
) -> Iterator[tuple[Key, Unit]]:
    """The fields that the template of an endpoint has an expression for."""
    if isinstance(template, dict):
        for name, child in template.items():
            if name in fields:
                yield from _target_fields(endpoint, child, fields[name].below, (*path, name))
    elif isinstance(template, list):
        for child in template:
            yield from _target_fields(endpoint, child, fields, path)
    else:
        place = template.locate(template.node.span)
        yield ("written", endpoint.name, path), _unit("target fields", endpoint, path, template.source, place)


def _branches(expression: Expression, *, is_test: bool) -> Iterator[tuple[Key, Unit]]:
    if is_test:
        for outcome in ("true", "false"):
            yield _way(expression, expression.node, outcome)
    for node in walk(expression.node):
        for outcome in _outcomes(node):
            yield _way(expression, node, outcome)


def _outcomes(node: Node) -> tuple[str, ...]:
    match node:
        case Condition():
            return "then", "else"
        case Filter(expression=inner) if not isinstance(inner, Number):
            return "kept", "left out"
        case Coalesce() | Default():
            return "left", "right"
    return ()


def _way(expression: Expression, node: Node, outcome: str) -> tuple[Key, Unit]:
    text = " ".join(expression.text[node.span.start : node.span.end].split())
    name = f"{outcome} of {shortened(text)}"
    return (id(node), outcome), Unit("branches", name, expression.source, expression.locate(node.span))


def _enum_values(mapper: Mapper) -> Iterator[tuple[Key, Unit]]:
    """Values of enumerations: of unified fields that are mapped, of parameters that are read, of the replies."""
    for endpoint in mapper.mapping.endpoints:
        name = mapper.mapping.root.value["endpoints"].keys[endpoint.name]
        for (_, _, path), unit in _target_fields(endpoint, endpoint.response, mapper.resource.fields, ()):
            for value in _field(mapper.resource.fields, path).enum:
                key = ("field", path, value)
                yield key, Unit("enum values", f"{'.'.join(path)} = {json.dumps(value)}", unit.source, unit.span)
        for kind in leaves(_reply(endpoint)) if endpoint.source is not None else ():
            for value in kind.values or ():
                label = f"{endpoint.name}: {'.'.join(kind.path or ())} = {json.dumps(value)}"
                yield ("reply", endpoint.name, kind.path, value), Unit("enum values", label, name.source, name.span)
    for name_, field in mapper.resource.parameters.items():
        reading = [e for e, _ in _expressions(mapper) if f"$query.{name_}" in e.text]
        for value in field.enum if reading else ():
            place = reading[0].locate(reading[0].node.span)
            label = f"$query.{name_} = {json.dumps(value)}"
            yield ("query", name_, value), Unit("enum values", label, reading[0].source, place)


def _field(fields: Mapping[str, Field], path: Iterable[str]) -> Field:
    found = Field.model_construct(type="object", fields=fields)
    for name in path:
        found = found.below[name]
    return found


# ----------------------------------------------------------------------------------------------- what is hit


def measure(mapper: Mapper, cases: Iterable[golden.Case]) -> Coverage:
    """Run cases and count what they hit. A case that fails counts for as far as it came."""
    declared, hits, evaluated, count = _declared(mapper), Counter[Key](), Counter[int](), 0
    for case in cases:
        trace = Trace()
        golden.run(case, mapper.traced(trace))
        hits.update(_hit(mapper, trace, trace.endpoint))
        evaluated.update(id(event.node) for one in trace.evaluations for event in one.walk())
        count += 1
    units = tuple(replace(unit, hits=hits[key]) for key, unit in declared.items())
    return Coverage(units, _lines(mapper, evaluated), count)


def _hit(mapper: Mapper, trace: Trace, endpoint: str) -> Iterator[Key]:
    """What a run hit, as often as it did; `endpoint` is the name of the one that served it."""
    tests = {id(expression) for expression, is_test in _expressions(mapper) if is_test}
    places = Places({"": trace.names.get("response")})
    for evaluation in trace.evaluations:
        if id(evaluation.expression) in tests:
            yield id(evaluation.expression.node), "true" if truthy(evaluation.value) else "false"
        for event in evaluation.walk():
            yield from ((id(event.node), outcome) for outcome in _taken(event))
            yield from _read(event, places, endpoint)
        place = places.of(evaluation.value)
        if place is not None and isinstance(evaluation.target, tuple):  # a field takes it as a whole
            yield from (("read", endpoint, path) for path in _below(evaluation.value, _plain(place[1])))
    for _, record in trace.records:
        yield from _written(record, (), endpoint)
    for name, value in trace.names.get("query", {}).items():
        if isinstance(value, _SCALARS):
            yield "query", name, value


def _read(event: Event, places: Places, endpoint: str) -> Iterator[Key]:
    for _, path, value in places.reads(event):
        if value is not MISSING:
            yield "read", endpoint, _plain(path)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, _SCALARS):
                yield "reply", endpoint, _plain(path), one


def _below(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _below(child, (*path, name))
    elif isinstance(value, list):
        for child in value:
            yield from _below(child, path)
    yield path


def _plain(path: Steps) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def _taken(event: Event) -> Iterator[str]:
    """The outcomes of a node that an event shows."""
    node, inner = event.node, event.inner
    match node:
        case Condition():
            yield "then" if any(one.node is node.then for one in inner) else "else"
        case Filter(expression=predicate) if not isinstance(predicate, Number):
            yield from ("kept" if truthy(one.value) else "left out" for one in inner if one.node is predicate)
        case Coalesce() | Default():
            yield "right" if any(one.node is node.right for one in inner) else "left"


def _written(value: Any, path: tuple[str, ...], endpoint: str) -> Iterator[Key]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _written(child, (*path, name), endpoint)
    elif isinstance(value, list):
        for child in value:
            yield from _written(child, path, endpoint)
    elif isinstance(value, _SCALARS):
        yield "field", path, value
    yield "written", endpoint, path


def _lines(mapper: Mapper, evaluated: Counter[int]) -> dict[Source, dict[int, int]]:
    """How often what begins on each line was evaluated, by file and line."""
    found: dict[Source, dict[int, int]] = {}
    for expression, _ in _expressions(mapper):
        lines = found.setdefault(expression.source, {})
        for node in walk(expression.node):
            line, _ = expression.source.position(expression.locate(node.span).start)
            lines[line] = max(lines.get(line, 0), evaluated[id(node)])
            for key, _ in node.pairs if isinstance(node, Object) else ():
                evaluated[id(key)] = evaluated[id(node)]  # a key is no value, and has no event of its own
    return {source: dict(sorted(found[source].items())) for source in sorted(found, key=lambda one: one.name)}


# -------------------------------------------------------------------------------------------------- reports


def text(found: Coverage) -> str:
    """The four counters, and what no case hits with its place."""
    lines = [golden.count(found.cases, "case"), ""]
    for counter in COUNTERS:
        units = found.of(counter)
        hit = sum(bool(unit.hits) for unit in units)
        lines.append(f"  {counter:<15}{hit:>5} of {len(units):<5}{rate(units):>7.1%}")
    lines += [f"  {'total':<15}{'':>14}{found.percent:>6.1f}%"]
    for counter, said in COUNTERS.items():
        missed = [unit for unit in found.of(counter) if not unit.hits]
        lines += ["", f"{counter} {said}:"] if missed else []
        lines += [f"  {unit.source.name}:{unit.line}  {unit.name}" for unit in missed]
    return "\n".join(lines) + "\n"


def json_(found: Coverage) -> str:
    """Each counter with its units."""
    counters = {
        counter: {
            "hit": sum(bool(unit.hits) for unit in found.of(counter)),
            "total": len(found.of(counter)),
            "missed": [
                {"name": unit.name, "source": unit.source.name, "line": unit.line}
                for unit in found.of(counter)
                if not unit.hits
            ],
        }
        for counter in COUNTERS
    }
    made = {"cases": found.cases, "percent": round(found.percent, 2), "counters": counters}
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _ways(found: Coverage, source: Source, line: int) -> list[Unit]:
    return [unit for unit in found.of("branches") if unit.source == source and unit.line == line]


def lcov(found: Coverage) -> str:
    """A tracefile of LCOV; each way of a branch is a branch of its line."""
    made = []
    for source, lines in found.lines.items():
        ways = [(line, _ways(found, source, line)) for line in lines]
        flat = [(line, number, unit) for line, units in ways for number, unit in enumerate(units)]
        made += ["TN:", f"SF:{source.name}"]
        made += [f"BRDA:{line},0,{number},{unit.hits if lines[line] else '-'}" for line, number, unit in flat]
        made += [f"BRF:{len(flat)}", f"BRH:{sum(bool(unit.hits) for *_, unit in flat)}"]
        made += [f"DA:{line},{hits}" for line, hits in lines.items()]
        made += [f"LF:{len(lines)}", f"LH:{sum(map(bool, lines.values()))}", "end_of_record"]
    return "\n".join(made) + "\n"


def cobertura(found: Coverage) -> str:
    """A report of Cobertura (coverage-04.dtd), a class for each file; its time is 0, to be the same again."""
    every_line = [hits for lines in found.lines.values() for hits in lines.values()]
    branches = found.of("branches")
    rates = {"line-rate": f"{rate(every_line):.4f}", "branch-rate": f"{rate(branches):.4f}"}
    counts = {
        "lines-covered": str(sum(map(bool, every_line))),
        "lines-valid": str(len(every_line)),
        "branches-covered": str(sum(bool(unit.hits) for unit in branches)),
        "branches-valid": str(len(branches)),
    }
    root = ET.Element(
        "coverage", rates | counts | {"complexity": "0", "version": version("truto-mapper"), "timestamp": "0"}
    )
    ET.SubElement(ET.SubElement(root, "sources"), "source").text = "."
    package = ET.SubElement(ET.SubElement(root, "packages"), "package", name="mappings", complexity="0", **rates)  # type: ignore[arg-type]
    classes = ET.SubElement(package, "classes")
    for source, lines in found.lines.items():
        _class(classes, found, source, lines)
    declaration, rest = xml(root).split("\n", 1)
    doctype = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
    return f"{declaration}\n{doctype}\n{rest}"


def _class(classes: ET.Element, found: Coverage, source: Source, lines: Mapping[int, int]) -> None:
    branches = [unit for unit in found.of("branches") if unit.source == source]
    rates = {"line-rate": f"{rate(lines.values()):.4f}", "branch-rate": f"{rate(branches):.4f}", "complexity": "0"}
    made = ET.SubElement(classes, "class", {"name": source.name, "filename": source.name} | rates)
    ET.SubElement(made, "methods")
    inside = ET.SubElement(made, "lines")
    for number, hits in lines.items():
        ways = _ways(found, source, number)
        line = ET.SubElement(inside, "line", number=str(number), hits=str(hits), branch="true" if ways else "false")
        if ways:
            taken = sum(bool(unit.hits) for unit in ways)
            line.set("condition-coverage", f"{rate(ways):.0%} ({taken}/{len(ways)})")
            conditions = ET.SubElement(line, "conditions")
            for index in range(0, len(ways), 2):
                pair = f"{rate(ways[index : index + 2]):.0%}"
                ET.SubElement(conditions, "condition", number=str(index // 2), type="jump", coverage=pair)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Coverage of {title}</title>
<style>
:root {{ color-scheme: light dark; --ok: #1a7f37; --no: #cf222e; --half: #9a6700; --line: #8884; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ok: #3fb950; --no: #f85149; --half: #d29922; }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.05rem; margin-top: 2rem; }}
.counters {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; }}
.counters div {{ border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }}
.counters b {{ display: block; font-size: 1.5rem; }} .counters meter {{ width: 100%; }}
table {{ border-collapse: collapse; font: 13px/1.5 ui-monospace, monospace; width: 100%; }}
td {{ padding: 0 .6rem; white-space: pre; vertical-align: top; }}
td.n, td.h {{ text-align: right; opacity: .6; user-select: none; }}
tr.ok td.t {{ box-shadow: inset 3px 0 var(--ok); }}
tr.no td.t {{ box-shadow: inset 3px 0 var(--no); background: color-mix(in srgb, var(--no) 14%, transparent); }}
tr.half td.t {{ box-shadow: inset 3px 0 var(--half); background: color-mix(in srgb, var(--half) 14%, transparent); }}
td i {{ color: var(--half); white-space: normal; }}
details {{ margin-top: 1rem; }}
.wide {{ overflow-x: auto; }}
</style>
<h1>Coverage of {title}</h1>
<p>{cases}, {percent:.1f}% of everything counted.</p>
<div class="counters">{counters}</div>
{missed}
{files}
</html>
"""


def page(found: Coverage) -> str:
    """The mapping as an HTML page coloured by coverage, in one file."""
    counters = "".join(_counter(counter, found.of(counter)) for counter in COUNTERS)
    missed = "".join(_missed(found, counter) for counter in ("source fields", "target fields", "enum values"))
    files = "".join(_listing(found, source, lines) for source, lines in found.lines.items())
    title = html.escape(", ".join(source.name for source in found.lines))
    return _PAGE.format(
        title=title,
        cases=golden.count(found.cases, "case"),
        percent=found.percent,
        counters=counters,
        missed=missed,
        files=files,
    )


def _counter(name: str, units: list[Unit]) -> str:
    hit = sum(bool(unit.hits) for unit in units)
    return f'<div>{name}<b>{rate(units):.0%}</b><meter value="{rate(units):.4f}"></meter>{hit} of {len(units)}</div>'


def _missed(found: Coverage, counter: str) -> str:
    names = [html.escape(unit.name) for unit in found.of(counter) if not unit.hits]
    items = "".join(f"<li><code>{name}</code></li>" for name in names)
    return f"<details><summary>{len(names)} {counter} {COUNTERS[counter]}</summary><ul>{items}</ul></details>" * bool(
        names
    )


def _listing(found: Coverage, source: Source, lines: Mapping[int, int]) -> str:
    rows = []
    for number, line in enumerate(source.text.splitlines(), 1):
        missed = [unit for unit in _ways(found, source, number) if not unit.hits]
        kind = "" if number not in lines else "no" if not lines[number] else "half" if missed else "ok"
        said = f"  <i>never {html.escape(', never '.join(unit.name for unit in missed))}</i>" if missed else ""
        hits = lines.get(number, "")
        rows.append(
            f'<tr class="{kind}"><td class="n" id="L{number}">{number}</td><td class="h">{hits}</td>'
            f'<td class="t">{html.escape(line)}{said}</td></tr>'
        )
    name = html.escape(source.name)
    return f'<h2>{name}</h2><div class="wide"><table>{"".join(rows)}</table></div>'


FORMATS: dict[str, Callable[[Coverage], str]] = {
    "text": text,
    "json": json_,
    "html": page,
    "cobertura": cobertura,
    "lcov": lcov,
}
