"""The shape of mapping files, and the JSON Schema that editors check them with."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from truto_mapper.mapping import document, shape
from truto_mapper.resource import document as spec_document
from truto_mapper.resource import spec
from truto_mapper.resource.surely import surely_fits
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

ROOT = Path(__file__).parents[1]


def shipped():
    return yaml_tree.parse(files.find("gong/activity", "mappings", ".yaml")).plain()


@pytest.mark.parametrize("kind", [document, spec_document], ids=["mapping", "resource"])
def test_the_published_schemas_are_those_of_the_models(kind):
    made = kind.json_schema()
    published = json.loads((ROOT / "schemas" / made["$id"]).read_text("utf-8"))
    assert published == made
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
        shape.resource_name(yaml_tree.parse(Source("m.yaml", json.dumps(whole))))


def test_a_resource_that_is_not_there_is_named():
    other = json.dumps(shipped() | {"resource": "activty"})
    with pytest.raises(MappingError) as caught:
        files.find(shape.resource_name(yaml_tree.parse(Source("m.yaml", other))), "schemas", ".yaml")
    assert "conversational-intelligence/activty" in str(caught.value)
    assert "did you mean `conversational-intelligence/activity`" in str(caught.value)


def test_every_key_of_a_mapping_file_says_what_it_is_to_an_editor():
    schema = document.json_schema()
    kinds = [schema, *schema["$defs"].values()]
    described = [key.get("description") for kind in kinds for key in kind.get("properties", {}).values()]
    assert len(described) > 25
    assert all(described)


ODD = [None, True, 0, 1, 1.0, -2.5, "", "x", "a-b", "É", "x\n", [], [1], ["a"], {}, {"type": "string"}, {"é": 1}]
KEYS = ["a", "É", "type", "enum", "items", "default", "format", "minimum", "required"]


def places(value, path=()):
    """Each place of plain data, as a path."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


SPEC = yaml_tree.parse(files.find("conversational-intelligence/activity", "schemas", ".yaml")).plain()
KINDS = {
    "mapping": (shipped(), lambda whole: surely_fits(whole, shape.shape()), document.MappingDocument),
    "resource": (SPEC, spec.is_right, spec_document.ResourceDocument),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_what_is_taken_without_pydantic_is_what_the_models_take(kind, data):
    whole, is_right, model = KINDS[kind]
    *above, key = data.draw(st.sampled_from([path for path in places(whole) if path]))
    whole = holder = copy.deepcopy(whole)
    for part in above:
        holder = holder[part]
    if isinstance(holder, dict) and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(KEYS))
    holder[key] = data.draw(st.sampled_from(ODD))
    if is_right(whole):
        model.model_validate(whole)
