"""The shape of mapping files, and the JSON Schema that editors check them with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from truto_mapper.mapping import document
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

ROOT = Path(__file__).parents[1]


def shipped():
    return yaml_tree.parse(files.find("gong/activity", "mappings", ".yaml")).plain()


def test_the_published_schema_is_the_one_of_the_models():
    published = json.loads((ROOT / "schemas" / "mapping.schema.json").read_text("utf-8"))
    assert published == document.json_schema()
    Draft202012Validator.check_schema(published)


def test_the_shipped_mapping_fits_the_published_schema():
    Draft202012Validator(document.json_schema()).validate(shipped())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(extra=1),
        lambda d: d.pop("endpoints"),
        lambda d: d.update(endpoints={}),
        lambda d: d.update(version=2),
        lambda d: d["endpoints"]["aggregate"].update(whenn="x"),
        lambda d: d["endpoints"]["aggregate"].update(when=None),
        lambda d: d["endpoints"]["aggregate"].pop("path_mapping"),
        lambda d: d["endpoints"]["aggregate"]["response_mapping"].update(id=None),
        lambda d: d["error_mapping"].update(mesage="x"),
    ],
)
def test_an_editor_sees_what_the_loader_refuses(spoil):
    whole = shipped()
    spoil(whole)
    assert not Draft202012Validator(document.json_schema()).is_valid(whole)
    with pytest.raises(MappingError):
        document.resource_name(yaml_tree.parse(Source("m.yaml", json.dumps(whole))))


def test_a_resource_that_is_not_there_is_named():
    other = json.dumps(shipped() | {"resource": "activty"})
    with pytest.raises(MappingError) as caught:
        files.find(document.resource_name(yaml_tree.parse(Source("m.yaml", other))), "schemas", ".yaml")
    assert "conversational-intelligence/activty" in str(caught.value)
    assert "did you mean `conversational-intelligence/activity`" in str(caught.value)


def test_every_key_of_a_mapping_file_says_what_it_is_to_an_editor():
    schema = document.json_schema()
    kinds = [schema, *schema["$defs"].values()]
    described = [key.get("description") for kind in kinds for key in kind.get("properties", {}).values()]
    assert len(described) > 25
    assert all(described)
