"""An update whose request has a value for what its caller left alone is found; one that only carries over is right."""

import json
import re
from pathlib import Path

import pytest

from truto_mapper import load
from truto_mapper.authoring import check

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {update: {http_method: PATCH, path: "/unified/crm/contact/{id}"}}
parameters: {}
fields:
  id: {type: string, required: true, read_only: true}
  first: {type: string}
  last: {type: string}
  note: {type: string}
  tags: {type: array, items: {type: string}}
  is_open: {type: boolean}
  stage: {type: string, enum: [new, won]}
response: {}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
lookups: {stages: {new: N, won: W}}
endpoints:
  change:
    method: update
    request_method: PATCH
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    request_body_mapping:
      all: '$exists($body.none) ? $body.(first & last & note & stage & is_open & tags)'
      one: VALUE
    response_mapping: {id: id}
"""
SENT = {
    '$body.note ?? ""': '""',
    "$body.note ?: null": "null",
    '$body.first & " " & $body.last': '" "',
    '$body.is_open ? "yes" : "no"': '"no"',
    '$body.stage = "won"': "false",
    "$exists($body.note)": "false",
    "$count($body.tags)": "0",
    "$body.tags ?? []": "[]",
    "[$body.tags]": "[]",
    "$append([], $body.tags)": "[]",
    '$lookup($stages, $body.stage) ?? "N"': '"N"',
    '{"source": "truto", "note": $body.note}': '{"source": "truto"}',
}
CARRIED = [
    "$body.note",
    '$body.note ? "!" & $body.note',
    "$exists($body.is_open) ? $not($body.is_open)",
    "$uppercase($body.note)",
    "$not($body.is_open)",
    "$lookup($stages, $body.stage)",
    '[$body.note ? {"op": "replace", "value": $body.note}]',
    '{"note": $body.note}',
    '"constant"',
    "$body.first ?? $body.last",
]


def found(folder, value, method="PATCH", required=()):
    """The findings of C251 for a part of the body, whose schema requires some properties."""
    schema = {"type": "object", "required": list(required), "properties": {"all": {}, "one": {}}}
    text = MAPPING.replace("VALUE", f"'{value}'").replace("_method: PATCH", f"_method: {method}")
    if required:
        text = text.replace("    request_method", "    request_schema: acme/change\n    request_method")
    files = {"schemas/crm/contact.yaml": SPEC, "schemas/acme/change.schema.json": json.dumps(schema), "m.yaml": text}
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return [one.message for one in check.check(load(Path(folder, "m.yaml"))) if one.code == "C251"]


@pytest.mark.parametrize(("value", "sent"), SENT.items())
def test_what_an_update_sends_for_a_field_that_its_caller_left_alone_is_told(value, sent, tmp_path):
    (message,) = found(tmp_path, value)
    assert f" sends {sent} for `one`" in message


@pytest.mark.parametrize("value", CARRIED)
def test_an_update_that_has_only_what_its_caller_gave_is_right(value, tmp_path):
    assert found(tmp_path, value) == []


def test_a_put_and_what_the_provider_requires_have_a_value_for_everything(tmp_path):
    assert found(tmp_path, '$body.note ?? ""', method="PUT") == []
    assert found(tmp_path, '$body.note ?? ""', required=["one"]) == []
    assert found(tmp_path, '$body.note ?? ""', required=["all"]) != []


def test_an_object_that_has_all_of_a_body_is_required_without_saying_so_of_its_parts(tmp_path):
    found(tmp_path, '$body.note ?? ""', required=["contact"])
    schema = {"type": "object", "required": ["contact"], "properties": {"contact": {"type": "object"}, "by": {}}}
    Path(tmp_path, "schemas/acme/change.schema.json").write_text(json.dumps(schema), "utf-8")
    text = Path(tmp_path, "m.yaml").read_text("utf-8")
    for more, count in (("", 1), ("\n      by: '$id'", 0)):
        whole = re.sub(
            r"body_mapping:\n      (all: .*)\n      (one: .*)", rf"body_mapping:\n      contact: {{\2}}{more}", text
        )
        Path(tmp_path, "m.yaml").write_text(whole, "utf-8")
        assert [one.code for one in check.check(load(tmp_path / "m.yaml"))].count("C251") == count, whole


SHARED = """\
  new:
    method: create
    request_method: POST
    path_mapping: '"/contacts"'
    request_body_mapping: &body
      one: '$body.stage ? "y"'
    response_mapping: {id: id}
  change:
    method: update
    request_method: PATCH
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    request_body_mapping: *body
    response_mapping: {id: id}
"""


def test_what_a_body_always_has_to_create_may_be_absent_in_an_update_that_shares_the_expression(tmp_path):
    spec = SPEC.replace("{update: {", "{create: {http_method: POST, path: /unified/crm/contact}, update: {")
    spec = spec.replace("stage: {type: string", "stage: {type: string, required: create")
    Path(tmp_path, "schemas/crm").mkdir(parents=True)
    Path(tmp_path, "schemas/crm/contact.yaml").write_text(spec, "utf-8")
    head = MAPPING.partition("lookups:")[0] + "endpoints:\n"
    for text, told in ((SHARED, []), (SHARED.partition("  change:")[0], ["C230"])):
        Path(tmp_path, "m.yaml").write_text(head + text, "utf-8")
        assert [one.code for one in check.check(load(tmp_path / "m.yaml")) if one.code == "C230"] == told
