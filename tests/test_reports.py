"""The same findings in each report format."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from lxml import etree

from truto_mapper.text import reports
from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.source import Source, Span

SOURCE = Source("mappings/a b.yaml", "one: 1\ntwo: $x\n")
ERROR = Diagnostic("C202", "$x is not bound, here: 100%", source=SOURCE, span=Span(12, 14), hint="bind it\nfirst")
NOTE = Diagnostic("Q510", "widened", "note", pointer="/end_time")
LOCATED = Diagnostic("M105", "there is no such file", source=Source("a,b:c.yaml", ""))


def test_text_is_what_a_terminal_shows_a_blank_line_between_two():
    assert reports.text([]) == ""
    assert reports.text([ERROR, NOTE]) == f"{ERROR.render()}\n\n{NOTE.render()}\n"


def test_json_is_an_array_of_findings():
    assert json.loads(reports.json_([ERROR, NOTE])) == [ERROR.as_dict(), NOTE.as_dict()]


def test_github_gets_a_command_for_each_whose_values_cannot_end_it():
    first, second, third = reports.github([ERROR, NOTE, LOCATED]).splitlines()
    assert first == (
        "::error file=mappings/a b.yaml,line=2,col=6,endLine=2,endColumn=8,title=C202"
        "::$x is not bound, here: 100%25%0Abind it%0Afirst"
    )
    assert second == "::notice title=Q510::widened (at /end_time)"
    assert third.startswith("::error file=a%2Cb%3Ac.yaml,title=M105::")


def test_sarif_has_a_rule_for_each_code_and_a_place_for_each_finding():
    (run,) = json.loads(reports.sarif([ERROR, NOTE, ERROR]))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["C202", "Q510"]
    one, two, _ = run["results"]
    assert (one["ruleId"], one["ruleIndex"], one["level"]) == ("C202", 0, "error")
    assert one["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "mappings/a%20b.yaml"},
        "region": {"startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 8},
    }
    assert two["level"] == "note"


def test_sarif_says_where_in_the_data_a_value_is():
    (run,) = json.loads(reports.sarif([NOTE]))["runs"]
    assert run["results"][0]["locations"] == [{"logicalLocations": [{"fullyQualifiedName": "/end_time"}]}]


def test_the_same_mistake_twice_in_a_file_is_known_as_two():
    source = Source("a.yaml", "one: $x\ntwo: $x\n")
    twice = [Diagnostic("C202", "$x is not bound", source=source, span=Span(at, at + 2)) for at in (5, 13)]
    (run,) = json.loads(reports.sarif(twice))["runs"]
    known = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
    assert known == [f"{reports.fingerprint(twice[0])}:1", f"{reports.fingerprint(twice[0])}:2"]


def test_a_finding_is_known_again_when_its_line_has_moved():
    moved = Source(SOURCE.name, "zero: 0\n" + SOURCE.text)
    again = Diagnostic(ERROR.code, ERROR.message, source=moved, span=Span(20, 22), hint=ERROR.hint)
    assert reports.fingerprint(again) == reports.fingerprint(ERROR) != reports.fingerprint(NOTE)


def test_a_finding_about_a_whole_file_is_known_by_its_name():
    other = Diagnostic(LOCATED.code, LOCATED.message, source=Source("other.yaml", ""))
    assert reports.fingerprint(LOCATED) != reports.fingerprint(other)
    (run,) = json.loads(reports.sarif([LOCATED]))["runs"]
    assert run["results"][0]["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "a%2Cb%3Ac.yaml"}}}]


def test_junit_has_a_case_a_file_and_those_without_findings():
    suite = ET.fromstring(reports.render([ERROR, NOTE, LOCATED], "junit", ["good.yaml"]))
    assert {case.get("name"): [child.tag for child in case] for case in suite} == {
        "good.yaml": [],
        "mappings/a b.yaml": ["failure"],
        "truto-mapper": ["system-out"],
        "a,b:c.yaml": ["failure"],
    }
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert "error[C202]" in suite[1][0].text
    assert suite[1][0].get("message") == ERROR.message


DATA = Path(__file__).parent / "data"
SARIF = Draft4Validator(json.loads((DATA / "sarif-schema-2.1.0.json").read_text("utf-8")))
JUNIT = etree.XMLSchema(etree.parse(DATA / "junit.xsd"))

anything = st.text(max_size=20)
findings = st.builds(
    lambda code, message, severity, name, pointer, hint: Diagnostic(
        code, message, severity, Source(name, "x"), Span(0, 1), pointer, hint
    ),
    st.sampled_from(sorted(CODES)),
    anything,
    st.sampled_from(["error", "warning", "note"]),
    anything,
    st.none() | anything,
    st.none() | anything,
)


@pytest.mark.parametrize("name", reports.FORMATS)
@given(found=st.lists(findings, max_size=3))
def test_any_finding_can_be_written_in_any_format_and_read_again(name, found):
    made = reports.FORMATS[name](found)
    assert made == reports.FORMATS[name](found)
    if name == "json":
        assert json.loads(made) == [one.as_dict() for one in found]
    if name == "sarif":
        assert [error.message for error in SARIF.iter_errors(json.loads(made))] == []
    if name == "junit":
        JUNIT.assertValid(etree.fromstring(made.encode()))
    if name == "github":
        assert len(made.split("\n")) == len(found) + 1
