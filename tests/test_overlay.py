"""Overlays: layers change a mapping field by field, and findings name the layer."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MappingError, Source, load
from truto_mapper.mapping import overlay
from truto_mapper.text import files, yaml_tree

PERIOD = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
ROWS = [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": 3, "callsAttended": 5}}]
REPLY = {"usersAggregateActivityStats": ROWS}

METRICS = """\
endpoints:
  aggregate:
    response_mapping:
      metrics:
        calls_hosted: 1 + $counts.callsAsHost
        calls_attended: null
"""


def laid(*texts, name="gong/activity"):
    return load(name, overlays=[Source(f"layer{number}.yaml", text) for number, text in enumerate(texts, 1)])


def metrics(mapper, reply=REPLY):
    return mapper.map(reply).records[0]["metrics"]


# ── What a mapping with overlays does ────────────────────────────────────────────────────────────────────────────


def test_a_field_is_replaced_or_removed_and_the_others_stay():
    assert metrics(load("gong/activity")) == {"calls_hosted": 3, "calls_attended": 5}
    assert metrics(laid(METRICS)) == {"calls_hosted": 4}


def test_a_part_that_an_alias_shares_changes_only_where_the_overlay_says():
    row = {"fromDate": "2026-01-01T00:00:00Z", "toDate": "2026-01-08T00:00:00Z", "callsAsHost": 3, "callsAttended": 5}
    weeks = {"usersAggregateActivity": [{"userId": "1", "userAggregateActivity": [row]}]}
    assert laid(METRICS).map(weeks, query=PERIOD + "&aggregation_period=week").records[0]["metrics"] == {
        "calls_hosted": 3,
        "calls_attended": 5,
    }


def test_a_later_overlay_lies_over_an_earlier_one():
    later = METRICS.replace("1 + $counts.callsAsHost", "'40'").replace("calls_attended: null", "comments_given: 7")
    assert metrics(laid(METRICS, later)) == {"calls_hosted": 40, "comments_given": 7}


def test_an_account_has_its_own_defaults_settings_and_request():
    text = (
        "context: {time_zone: {default: Europe/Berlin}, workspace: {type: string, default: w1}}\n"
        "endpoints: {aggregate: {request_body_mapping: {filter: {workspaceId: $context.workspace, userIds: null}}}}\n"
    )
    request = laid(text).plan(PERIOD + "&users[]=7")
    assert request.body == {"filter": {"fromDate": "2026-01-01", "toDate": "2026-02-02", "workspaceId": "w1"}}


def test_a_new_endpoint_is_tried_last_and_a_field_that_is_declared_may_be_new():
    text = "endpoints: {other: {path_mapping: '\"/other\"', response_mapping: {id: id, user: {id: id}}}}\n"
    mapper = laid("endpoints: {aggregate: {when: false}}\n", text)
    assert [one.name for one in mapper.mapping.endpoints] == ["aggregate", "by_period", "day_by_day", "other"]
    assert mapper.plan(PERIOD).path == "/other"


def test_an_endpoint_with_overlays_is_one_function_still():
    assert "not one function" not in laid(METRICS, "endpoints: {by_period: {let: {period: '\"week\"'}}}\n").show()


def test_an_overlay_may_come_from_a_file(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(METRICS)
    assert metrics(load("gong/activity", overlays=[file])) == {"calls_hosted": 4}


def test_a_mapper_names_its_layers_and_is_the_same_after_pickling():
    mapper = laid(METRICS, "integration: gong\ncontext: {time_zone: {default: UTC}}\n")
    again = pickle.loads(pickle.dumps(mapper))
    assert repr(mapper) == repr(again) == "<Mapper mappings/gong/activity.yaml + layer1.yaml + layer2.yaml>"
    assert (again.show(), again.diagnostics) == (mapper.show(), mapper.diagnostics)
    assert [found.code for found in mapper.diagnostics] == ["M110"]
    assert metrics(again) == metrics(mapper)


# ── What is said about it ────────────────────────────────────────────────────────────────────────────────────────


def test_a_failing_expression_is_named_by_its_layer():
    mapper = laid("# one more line\n" + METRICS.replace("1 +", "$user.userId +"))
    with pytest.raises(EvaluationError) as caught:
        mapper.map(REPLY)
    (found,) = caught.value.diagnostics
    assert (found.code, found.source.name, found.source.position(found.span.start)) == ("T2001", "layer1.yaml", (6, 23))


def test_the_mistakes_of_all_layers_are_reported_each_in_its_file():
    with pytest.raises(MappingError) as caught:
        laid(METRICS.replace("attended", "atended"), "context: {time_zon: {default: X}}\n")
    told = [(found.code, found.source.name) for found in caught.value.diagnostics]
    assert told == [("M111", "layer1.yaml"), ("M112", "layer2.yaml")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whole_days: {time_zone: null}", "`time_zone` cannot be removed, `whole_days` needs it"),
        (
            "endpoints: {aggregate: {path_mapping: null}}",
            "`path_mapping` cannot be removed, `endpoints.aggregate` needs it",
        ),
        ("endpoints: null", "`endpoints` cannot be removed, mappings/gong/activity.yaml needs it"),
    ],
)
def test_required_keys_of_a_mapping_cannot_be_removed(text, message):
    with pytest.raises(MappingError) as caught:
        laid(text)
    assert [(found.code, found.message) for found in caught.value.diagnostics] == [("M114", message)]


def test_an_overlay_says_which_parameters_are_whole_days():
    (note,) = laid("whole_days: {parameters: {end_time: null}}").plan(PERIOD.replace("-01T00", "-01T05")).diagnostics
    assert (note.code, note.pointer) == ("Q510", "/start_time")


def test_consequences_of_an_overlay_for_another_mapping_are_not_reported():
    with pytest.raises(MappingError) as caught:
        laid("integration: hubspot\nresource: deal\nendpoints: {deals: {when: true}}\n")
    assert [found.code for found in caught.value.diagnostics] == ["M113", "M113"]


def test_a_new_key_of_an_overlay_is_not_a_mistake(tmp_path):
    base = tmp_path / "mine.yaml"
    base.write_text(
        "version: 1\nintegration: gong\nunified_model: conversational-intelligence\nresource: activity\nmethod: list\n"
        "endpoints: {all: {path_mapping: '\"/x\"', response_mapping: {id: id}}}\n"
    )
    text = "endpoints: {all: {request_method: POST, request_body_mapping: {filter: {from: $query.start_time}}}}\n"
    mapper = laid(text, name=base)
    assert mapper.diagnostics == ()
    assert mapper.plan(PERIOD).body == {"filter": {"from": "2026-01-01T00:00:00Z"}}


# ── For any layers ───────────────────────────────────────────────────────────────────────────────────────────────

KEYS = st.sampled_from("abcd")
LEAVES = st.integers(0, 3) | st.booleans() | st.sampled_from(["$x", "", "y: z"])
PARTS = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2))
DOCUMENTS = st.dictionaries(KEYS, PARTS, max_size=4)
CHANGES = st.dictionaries(
    KEYS,
    st.recursive(st.none() | LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(PARTS)),
    max_size=4,
)


def fitting(base, layer):
    """The layer without the nulls that would remove nothing."""
    if not isinstance(layer, dict):
        return layer
    under = base if isinstance(base, dict) else {}
    kept = {name: value for name, value in layer.items() if value is not None or name in under}
    return {name: value if value is None else fitting(under.get(name), value) for name, value in kept.items()}


def patched(base, patch):
    """RFC 7396, section 2, as it is written there."""
    if not isinstance(patch, dict):
        return patch
    target = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = patched(target.get(name), value)
    return target


def layers(*documents):
    return overlay.layered([Source(f"{number}.yaml", json.dumps(one)) for number, one in enumerate(documents)])


def leaves(node, path=(), key=None):
    """Each scalar and list of a tree: its path → where it and its key are written."""
    if not isinstance(node.value, dict):
        return {path: [(one.source.name, one.span) for one in (key, node) if one]}
    inner = [leaves(child, (*path, name), node.keys[name]) for name, child in node.value.items()]
    return {at: places for found in inner for at, places in found.items()}


@given(DOCUMENTS, st.lists(CHANGES, max_size=3))
def test_layers_are_merge_patches_one_after_the_other(base, changes):
    expected, documents = base, [base]
    for change in changes:
        documents.append(fitting(expected, change))
        expected = patched(expected, change)
    root = layers(*documents).root
    assert root.plain() == expected
    assert list(root.plain()) == list(expected)
    assert (root.size, root.height) == (sum(1 for _ in root.walk()), height(root.plain()))


def height(value):
    """How many levels are below a value."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max((height(one) + 1 for one in inner), default=0)


@given(DOCUMENTS, CHANGES)
def test_every_value_has_its_place_in_the_layer_that_wrote_it(base, change):
    documents = [base, fitting(base, change)]
    parsed = [yaml_tree.parse(Source(f"{number}.yaml", json.dumps(one))) for number, one in enumerate(documents)]
    written, over = (leaves(root) for root in parsed)
    for path, place in leaves(layers(*documents).root).items():
        assert place == over.get(path, written.get(path))


@given(DOCUMENTS)
def test_an_empty_layer_changes_nothing_and_says_so(base):
    made = layers(base, {})
    assert leaves(made.root) == leaves(layers(base).root)
    assert [found.code for found in made.warnings] == ["M110"]


@pytest.mark.parametrize(("one", "other"), [("1", "true"), ("1", "'1'"), ("[a, b]", "[b, a]"), ("0", "0.0")])
def test_values_that_differ_in_json_are_not_a_repetition(one, other):
    assert overlay.layered([Source("a.yaml", f"a: {one}"), Source("b.yaml", f"a: {other}")]).warnings == ()


@given(DOCUMENTS)
def test_a_layer_that_repeats_its_base_changes_nothing_and_is_told_so_of_each_value(base):
    made = layers(base, base)
    assert made.root.plain() == base
    assert len(made.warnings) >= len([path for path in leaves(made.root) if path])


SHIPPED = yaml_tree.parse(files.find("gong/activity", "mappings", ".yaml"))
EXPRESSIONS = sorted(path for path in leaves(SHIPPED) if path[0] == "endpoints" and len(path) > 3)


@given(st.sampled_from(EXPRESSIONS))
def test_an_overlay_of_one_expression_leaves_every_other_where_it_was(path):
    change = "1"
    for name in reversed(path):
        change = {name: change}
    root = overlay.layered([SHIPPED.source, Source("acme.yaml", json.dumps(change))]).root
    before, after = leaves(SHIPPED), leaves(root)
    assert {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)} == {path}
