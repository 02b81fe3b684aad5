"""Findings as text, JSON, GitHub's workflow commands, SARIF and JUnit."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic

#: What XML 1.0 cannot hold.
_NOT_XML = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def render(found: Sequence[Diagnostic], format_: str, checked: Sequence[str] = ()) -> str:
    """The findings in one of `FORMATS`. `checked` names what was checked: in JUnit each is a test case."""
    return junit(found, checked) if format_ == "junit" else FORMATS[format_](found)


def text(found: Sequence[Diagnostic]) -> str:
    """As on a terminal, with a blank line between two findings."""
    return "\n".join(f"{one.render()}\n" for one in found)


def json_(found: Sequence[Diagnostic]) -> str:
    """A JSON array, an object for each finding."""
    return json.dumps([one.as_dict() for one in found], indent=2, ensure_ascii=False) + "\n"


def github(found: Sequence[Diagnostic]) -> str:
    """Workflow commands, which GitHub Actions shows beside the lines that they are about."""
    return "".join(f"{_command(one)}\n" for one in found)


def _command(one: Diagnostic) -> str:
    about = one.as_dict()
    places = {"file": "source", "line": "line", "col": "column", "endLine": "end_line", "endColumn": "end_column"}
    given = [*((name, str(about[key])) for name, key in places.items() if key in about), ("title", one.code)]
    properties = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in given)
    return f"::{_LEVELS[one.severity]} {properties}::{_escaped(_said(one))}"


def _said(one: Diagnostic) -> str:
    where = f" (at {one.pointer})" if one.pointer else ""
    return one.message + where + (f"\n{one.hint}" if one.hint else "")


def _escaped(value: str, more: str = "") -> str:
    """Text in which no character ends a command or one of its properties."""
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + more else char for char in value)


def sarif(found: Sequence[Diagnostic]) -> str:
    """SARIF 2.1.0, for code scanning."""
    codes = sorted({one.code for one in found})
    rules = [{"id": code, "shortDescription": {"text": CODES.get(code, "a JSONata error")}} for code in codes]
    driver = {"name": "truto-mapper", "informationUri": "https://pypi.org/project/truto-mapper/", "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [*_results(found, codes)]}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _results(found: Sequence[Diagnostic], codes: Sequence[str]) -> Iterator[dict[str, Any]]:
    seen = Counter[str]()
    for one in found:
        known = fingerprint(one)
        seen[known] += 1  # the same mistake twice in a file is two findings
        result = {
            "ruleId": one.code,
            "ruleIndex": codes.index(one.code),
            "level": one.severity,
            "message": {"text": _said(one)},
            "partialFingerprints": {"finding/v1": f"{known}:{seen[known]}"},
        }
        location = _location(one)
        yield result | ({"locations": [location]} if location else {})


def _location(one: Diagnostic) -> dict[str, Any]:
    """Where in the author's file, and where in the data."""
    location: dict[str, Any] = {}
    if one.source is not None:
        physical = location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(one.source.name, "/~", errors="replace")}
        }
        if one.span is not None:
            keys = {"startLine": "line", "startColumn": "column", "endLine": "end_line", "endColumn": "end_column"}
            physical["region"] = {name: one.as_dict()[key] for name, key in keys.items()}
    if one.pointer is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": one.pointer}]
    return location


def fingerprint(one: Diagnostic) -> str:
    """The same for a finding whose line moves: a hash of its code, file, quoted text, pointer and message."""
    quoted = one.source.text[one.span.start : one.span.end] if one.source and one.span else ""
    about = (one.code, one.source.name if one.source else "", quoted, one.pointer or "", one.message)
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def junit(found: Sequence[Diagnostic], checked: Sequence[str] = ()) -> str:
    """A JUnit report: a test case for each name in `checked` and each file with findings, failed by an error."""
    files: dict[str, list[Diagnostic]] = {name: [] for name in checked}
    for one in found:
        files.setdefault(one.source.name if one.source else "truto-mapper", []).append(one)
    failing = [name for name, about in files.items() if any(one.severity == "error" for one in about)]
    suite = ET.Element("testsuite", name="truto-mapper", tests=str(len(files)), failures=str(len(failing)), errors="0")
    for name, about in files.items():
        case = ET.SubElement(suite, "testcase", classname="truto-mapper", name=_xml(name))
        if about:
            said = ET.SubElement(case, "failure" if name in failing else "system-out")
            said.text = _xml(text(about))
        if name in failing:
            said.set("message", _xml(next(one.message for one in about if one.severity == "error")))
    return xml(suite)


def xml(root: ET.Element) -> str:
    """An element as an indented document."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _xml(value: str) -> str:
    return re.sub(_NOT_XML, "\ufffd", value)


FORMATS: dict[str, Callable[[Sequence[Diagnostic]], str]]
FORMATS = {"text": text, "json": json_, "github": github, "sarif": sarif, "junit": junit}
