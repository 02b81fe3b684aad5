"""Coverage as text, JSON, Cobertura and an HTML page."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree as ET

from truto_mapper.authoring import golden, html_page
from truto_mapper.authoring.coverage.units import COUNTERS, Coverage, Unit, covered, rate
from truto_mapper.text.reports import xml
from truto_mapper.text.source import Source


def text(found: Coverage) -> str:
    """The four counters, and each unit that no case hits with its file and line."""
    lines = [golden.count(found.cases, "case"), ""]
    for counter in COUNTERS:
        units = found.of(counter)
        lines.append(f"  {counter:<15}{covered(units):>5} of {len(units):<5}{rate(units):>7.1%}")
    lines += [f"  {'total':<15}{'':>14}{found.percent:>6.1f}%"]
    for counter, said in COUNTERS.items():
        missed = found.missed(counter)
        lines += ["", f"{counter} {said}:"] if missed else []
        lines += [f"  {unit.source.name}:{unit.line}  {unit.name}" for unit in missed]
    return "\n".join(lines) + "\n"


def json_(found: Coverage) -> str:
    """Each counter with the units that no case hits."""

    def missed(counter: str) -> list[dict[str, Any]]:
        return [{"name": u.name, "source": u.source.name, "line": u.line} for u in found.missed(counter)]

    counters = {
        counter: {"hit": covered(found.of(counter)), "total": len(found.of(counter)), "missed": missed(counter)}
        for counter in COUNTERS
    }
    made = {"cases": found.cases, "percent": round(found.percent, 2), "counters": counters}
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def cobertura(found: Coverage) -> str:
    """A Cobertura report (coverage-04.dtd), one class per file. Its timestamp is 0: equal coverage, equal report."""
    lines = [hits for lines in found.lines.values() for hits in lines.values()]
    branches = found.of("branches")
    counts = {
        "lines-covered": str(covered(lines)),
        "lines-valid": str(len(lines)),
        "branches-covered": str(covered(branches)),
        "branches-valid": str(len(branches)),
    }
    about = {"version": version("truto-mapper"), "timestamp": "0"}
    rates = _rates(lines, branches)
    root = ET.Element("coverage", rates | counts | about)
    ET.SubElement(ET.SubElement(root, "sources"), "source").text = "."
    package = ET.SubElement(ET.SubElement(root, "packages"), "package", {"name": "mappings"} | rates)
    classes = ET.SubElement(package, "classes")
    for source in found.lines:
        _class(classes, found, source)
    declaration, rest = xml(root).split("\n", 1)
    doctype = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
    return f"{declaration}\n{doctype}\n{rest}"


def _rates(lines: Collection[int], branches: Sequence[Unit]) -> dict[str, str]:
    return {"line-rate": f"{rate(lines):.4f}", "branch-rate": f"{rate(branches):.4f}", "complexity": "0"}


def _class(classes: ET.Element, found: Coverage, source: Source) -> None:
    lines = found.lines[source]
    rates = _rates(lines.values(), [unit for unit in found.of("branches") if unit.source == source])
    class_ = ET.SubElement(classes, "class", {"name": source.name, "filename": source.name} | rates)
    ET.SubElement(class_, "methods")
    inside = ET.SubElement(class_, "lines")
    for number, hits in lines.items():
        _line(inside, number, hits, found.ways(source, number))


def _line(lines: ET.Element, number: int, hits: int, ways: Sequence[Unit]) -> None:
    line = ET.SubElement(lines, "line", number=str(number), hits=str(hits), branch="true" if ways else "false")
    if ways:
        line.set("condition-coverage", f"{rate(ways):.0%} ({covered(ways)}/{len(ways)})")
        conditions = ET.SubElement(line, "conditions")
        for index in range(0, len(ways), 2):
            pair = f"{rate(ways[index : index + 2]):.0%}"
            ET.SubElement(conditions, "condition", number=str(index // 2), type="jump", coverage=pair)


def page(found: Coverage) -> str:
    """The mapping as an HTML page coloured by coverage, in one file."""
    names = ", ".join(source.name for source in found.lines)
    counters = "".join(_counter(counter, found.of(counter)) for counter in COUNTERS)
    body = [
        f"<h1>Coverage of {escape(names)}</h1>",
        f"<p>{golden.count(found.cases, 'case')}, {found.percent:.1f}% of everything counted.</p>",
        f'<div class="counters">{counters}</div>',
        *(_missed(found, counter) for counter in ("source fields", "target fields", "enum values")),
        *(_listing(found, source, lines) for source, lines in found.lines.items()),
    ]
    return html_page.page(f"Coverage of {names}", body)


def _counter(name: str, units: Sequence[Unit]) -> str:
    share = f"{rate(units):.0%}"
    bar = f'<span style="--share:{share}"></span>'
    return f"<div>{name}<b>{share}</b>{bar}<small>{covered(units)} of {len(units)}</small></div>"


def _missed(found: Coverage, counter: str) -> str:
    names = [f"<li><code>{escape(unit.name)}</code></li>" for unit in found.missed(counter)]
    summary = f"{len(names)} {counter} {COUNTERS[counter]}"
    return html_page.details(summary, f"<ul>{''.join(names)}</ul>") if names else ""


def _listing(found: Coverage, source: Source, lines: Mapping[int, int]) -> str:
    rows = "".join(
        _row(number, line, lines.get(number), found.ways(source, number))
        for number, line in enumerate(source.text.splitlines(), 1)
    )
    return f'<h2>{escape(source.name)}</h2><div class="wide code"><table>{rows}</table></div>'


def _row(number: int, line: str, hits: int | None, ways: Sequence[Unit]) -> str:
    missed = [unit.name for unit in ways if not unit.hits]
    kind = "" if hits is None else "no" if not hits else "half" if missed else "ok"
    said = f"  <i>never {escape(', never '.join(missed))}</i>" if missed else ""
    count = "" if hits is None else hits
    cells = f'<td class="n">{number}</td><td class="n">{count}</td><td class="t">{escape(line)}{said}</td>'
    return f'<tr id="L{number}" class="{kind}">{cells}</tr>'


FORMATS: dict[str, Callable[[Coverage], str]] = {"text": text, "json": json_, "html": page, "cobertura": cobertura}
