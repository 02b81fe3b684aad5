"""Conditions that do not depend on what they test."""

import json
from pathlib import Path

import data_files
import pytest

from truto_mapper import load
from truto_mapper.authoring import check

CASES = data_files.read("conditions.yaml")

TYPES = {"id": "integer", "name": "string", "active": "boolean", "day": "string", "moment": "string"}
FIELDS = {name: {"type": kind} for name, kind in TYPES.items()}
FIELDS["day"]["format"], FIELDS["moment"]["format"] = "date", "date-time"
FIELDS |= {
    "tags": {"type": "array", "items": {"type": "string"}},
    "counts": {"type": "array", "items": {"type": "integer"}},
}
SCHEMA = {"type": "object", "required": [*FIELDS], "properties": FIELDS}
MAPPING = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
error_mapping:
  hint: |
    $status = 404 ? "unknown"
endpoints:
  all:
    recognise: $exists(users)
    empty_when: $status = 404
    source_schema: users
    path_mapping: '"/users"'
    for_each: {user: users}
    let:
      tested: |
        TESTED
    response_mapping: {id: $string($tested)}
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Finds what is pointless in a mapping: code, message and the text that is marked with its position."""
    monkeypatch.chdir(tmp_path)
    Path("schemas").mkdir()
    rows = {"type": "object", "properties": {"users": {"type": "array", "items": SCHEMA}}}
    Path("schemas/users.schema.json").write_text(json.dumps(rows), "utf-8")

    def found(text):
        Path("acme.yaml").write_text(text, "utf-8")
        every = check.check(load(Path("acme.yaml")))
        return [(one.code, one.message, one.span) for one in every if one.code in ("C230", "C211")]

    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_a_condition_that_is_always_the_same_is_told(case, told):
    text = MAPPING.replace("TESTED", case["text"])
    found = told(text)
    if "found" in case:
        assert found == []
        return
    ((code, message, span),) = found
    assert (code, message) == (case.get("code", "C230"), case["message"])
    assert text[span.start : span.end] == case["marked"]
    before = text[: span.start].count(case["marked"], text.index(case["text"]))
    assert "at" not in case or before == case["at"] - 1


KEYS = [
    ("recognise: $exists(users)", "recognise: 'true'", ["this is always true"]),
    ("recognise: $exists(users)", "when: true", []),
    ("recognise: $exists(users)", "recognise: $status = 404", ["this is always false"]),
    ("empty_when: $status = 404", "empty_when: $status = 200", ["this is always false"]),
    ("empty_when: $status = 404", "empty_when: $status = 204", []),
    ("empty_when: $status = 404", "error_when: $status = 200", []),
    ("empty_when: $status = 404", "error_when: $status = 500", ["this is always false"]),
    ("    $status = 404 ?", "    $status = 200 ?", ["this is always false"]),
]


@pytest.mark.parametrize(("old", "new", "messages"), KEYS)
def test_each_key_reads_replies_of_its_own_statuses(old, new, messages, told):
    text = MAPPING.replace("TESTED", "name").replace(old, new)
    assert [message for _, message, _ in told(text)] == messages


def test_a_hint_reads_a_success_that_is_a_failure_by_error_when(told):
    text = MAPPING.replace("TESTED", "name").replace("    $status = 404 ?", "    $status = 200 ?")
    assert told(text.replace("    empty_when", "    error_when: $exists(error)\n    empty_when")) == []
