"""Golden cases: each difference is shown at the expression that causes it, and accepted by cause."""

import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from unittest import mock

import data_files
import edits
import mutants
import pytest
import typer
import yaml
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.authoring import golden, mapping_files
from truto_mapper.authoring.aliases import Aliases
from truto_mapper.authoring.golden import comparison, places, recording, writing
from truto_mapper.authoring.golden.comparison import differing
from truto_mapper.authoring.golden.values import contrast, merged, same
from truto_mapper.edges.cli import app
from truto_mapper.engine.query_string import split_query_string
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import MappingError

ROOT = Path(__file__).parents[1]
SHIPPED = mapping_files.mappings("gong/activity")
PERIOD = "query: start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z\nnow: 2026-03-01T00:00:00Z\n"
COUNTS = json.loads((ROOT / "schemas/gong/aggregate.schema.json").read_text())["$defs"]["counts"]["properties"]
USER = {
    "userId": "1",
    "userEmailAddress": None,
    "userAggregateActivityStats": dict.fromkeys(reversed(COUNTS)) | {"callsAsHost": 2},
}
PAYLOAD = json.dumps({"usersAggregateActivityStats": [USER]})


class Terminal(io.StringIO):
    """An stdin with a person before it."""

    def isatty(self):
        return True


def cli(*arguments, env=None, stdin=io.StringIO):
    """What the command does and prints, in this process: a process of its own takes half a second."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, env or {}, clear=env is not None),
        mock.patch.multiple(sys, stdin=stdin(), stdout=out, stderr=err),
        pytest.raises(SystemExit) as ended,
    ):
        app([str(one) for one in arguments])
    printed = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(arguments, ended.value.code, *printed)


@pytest.fixture
def mapping(tmp_path):
    """A copy of the shipped mapping, beside its schemas and without cases."""
    (tmp_path / "schemas").symlink_to(ROOT / "schemas")
    path = tmp_path / "mappings" / "gong" / "activity.yaml"
    path.parent.mkdir(parents=True)
    shutil.copy(ROOT / "mappings" / "gong" / "activity.yaml", path)
    return path


@pytest.fixture
def case(mapping):
    """A case which passes."""
    folder = mapping.with_suffix("") / "one"
    folder.mkdir(parents=True)
    (folder / "case.yaml").write_text(f"description: One user.\n{PERIOD}")
    (folder / "payload.json").write_text(PAYLOAD)
    golden.accept(golden.run_all([mapping]).differences)
    assert golden.run_all([mapping]).diagnostics == []
    return folder


def ran(case):
    return golden.run_all([case.parent.with_suffix(".yaml")])


def state(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def edit(mapping, old, new):
    text = mapping.read_text()
    assert old in text
    mapping.write_text(text.replace(old, new))


def test_the_shipped_mapping_has_cases_and_nothing_beside_them():
    assert len(golden.folders(SHIPPED[0])) > 40
    assert golden.orphans(SHIPPED[0]) == []


def test_accepted_output_has_a_file_for_each_part_that_exists(case):
    assert set(state(case)) == {"case.yaml", "payload.json", "request.json", "response.json"}


def test_a_difference_names_the_field_and_the_line_that_produced_it(case):
    edit(case.parent.with_suffix(".yaml"), "calls_hosted: $counts.callsAsHost", "calls_hosted: $counts.callsAsHost + 1")
    (change,) = ran(case).differences
    assert change.text == "response.json/result/0/metrics/calls_hosted: 2 → 3"
    line, column = change.origin.source.position(change.diagnostic.span.start)
    assert change.origin.source.line(line)[column - 1 :] == "$counts.callsAsHost + 1"
    assert change.place == f"{case.parent}.yaml:{line}"


def test_a_difference_in_the_request_names_its_line_too(case):
    edit(
        case.parent.with_suffix(".yaml"),
        "fromDate: $floorDate($query.start_time, ",
        "fromDate: $ceilDate($query.end_time, ",
    )
    (change,) = ran(case).differences
    assert (change.file, change.field) == ("request.json", "body.filter.fromDate")
    assert change.origin.text.startswith("$ceilDate")


@pytest.mark.parametrize("name", ["request.json", "response.json"])
def test_an_expectation_that_is_absent_differs(case, name):
    (case / name).unlink()
    (change,) = ran(case).differences
    assert (change.file, change.path) == (name, ())


@pytest.mark.parametrize("name", ["diagnostics.txt", "response.ndjson", "rejected.json"])
def test_an_expected_file_without_actual_output_differs(case, name):
    (case / name).write_text("{}")
    (change,) = ran(case).differences
    assert change.file == name
    golden.accept([change])
    assert not (case / name).exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("status: 500", "one fails with P601, but states no `raises`: gong answered 500"),
        ("raises: QueryError", "one should fail with QueryError, but passes"),
        ("status: 500\nraises: QueryError", "one should fail with QueryError, but fails with ProviderError"),
        (
            "status: 500\nraises: {error: ProviderError, status: 429}",
            "one should fail with ProviderError status=429, but fails with ProviderError status=500",
        ),
    ],
)
def test_a_case_must_fail_for_the_stated_reason_and_that_is_never_accepted(case, more, said):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}{more}\n")
    before = state(case)
    made = ran(case)
    assert made.differences == []
    assert [(one.code, one.message.partition(": {")[0]) for one in made.findings] == [("G702", said)]
    golden.accept(made.differences)
    assert state(case) == before


def test_a_case_that_fails_as_stated_keeps_the_report(case):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\nraises: ProviderError\n")
    golden.accept(ran(case).differences)
    assert set(state(case)) == {"case.yaml", "payload.json", "request.json", "diagnostics.txt"}
    assert ran(case).diagnostics == []


def test_a_folder_without_case_yaml_and_a_stray_file_belong_to_no_case(case):
    (case / "case.yaml").rename(case / "case.yml")
    (case.parent / "notes.txt").write_text("")
    stray = [one.message.removeprefix(str(case.parent)) for one in ran(case).findings]
    assert [name.partition(" ")[0] for name in stray] == [
        "/notes.txt",
        "/one/case.yml",
        "/one/payload.json",
        "/one/request.json",
        "/one/response.json",
    ]


def test_mistakes_in_a_case_are_found_at_their_lines(case):
    (case / "case.yaml").write_text(f"descripton: One user.\n{PERIOD}status: many\n")
    found = [one.render() for one in ran(case).findings]
    assert [text.splitlines()[1].rpartition("case.yaml")[2] for text in found] == [":1:1", ":4:9"]
    assert any("did you mean `description`?" in text for text in found)


# --------------------------------------------------------------------------------------------------- causes


@pytest.fixture
def several(case):
    """Three cases, and a mapping in which two lines have changed since."""
    for name in ("two", "three"):
        shutil.copytree(case, case.parent / name)
    edit(case.parent.with_suffix(".yaml"), "calls_hosted: $counts.callsAsHost", "calls_hosted: $counts.callsAsHost + 1")
    edit(case.parent.with_suffix(".yaml"), "period: '\"total\"'", "period: '\"day\"'")
    return case.parent.with_suffix(".yaml")


def test_differences_are_grouped_by_their_cause(several):
    groups = golden.groups(golden.run_all([several]).differences)
    titles = [group.summary for group in groups]
    assert titles == [
        (
            'id, aggregation_period: "1_total_2026-01-01_2026-02-01" → "1_day_2026-01-01_2026-02-01", and 1 more kind'
            " in 3 cases"
        ),
        "metrics.calls_hosted: 2 → 3 in 3 cases",
    ]


def test_a_group_counts_the_other_kinds_of_its_differences(case):
    edit(
        case / "payload.json",
        '"callsAsHost": 2}}',
        '"callsAsHost": 2}}, {"userId": "2", "userAggregateActivityStats": {"callsAsHost": 5}}',
    )
    golden.accept(ran(case).differences)
    edit(case.parent.with_suffix(".yaml"), "calls_hosted: $counts.callsAsHost", "calls_hosted: $counts.callsAsHost + 1")
    (group,) = golden.groups(ran(case).differences)
    assert group.summary == "metrics.calls_hosted: 2 → 3, and 1 more kind in 1 case"


def test_a_difference_in_a_finding_names_it_and_shows_what_differs(case):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\nraises: ProviderError\n")
    golden.accept(ran(case).differences)
    text = (case / "diagnostics.txt").read_text()
    (case / "diagnostics.txt").write_text(text.replace("500", "503", 1))
    (one,) = ran(case).differences
    assert one.text.startswith("diagnostics.txt error[P601] message: … answered 503")
    assert golden.groups([one])[0].fields == "error[P601]"


def test_a_group_is_known_again_when_lines_have_moved(several):
    before = [group.id for group in golden.groups(golden.run_all([several]).differences)]
    several.write_text("# a comment\n\n" + several.read_text())
    assert [group.id for group in golden.groups(golden.run_all([several]).differences)] == before


def test_one_cause_is_accepted_without_the_others(several):
    *_, hosted = golden.groups(golden.run_all([several]).differences)
    done = cli("test", several, "--accept", hosted.id, env={})
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3
    for name in ("one", "two", "three"):
        (record,) = json.loads((several.with_suffix("") / name / "response.json").read_text())["result"]
        assert (record["metrics"]["calls_hosted"], record["aggregation_period"]) == (3, "total")
    assert cli("test", several, "--update", env={}).returncode == 0
    assert golden.run_all([several]).diagnostics == []


def test_the_report_of_a_terminal_names_cases_fields_and_causes(several):
    done = cli("test", several, "-k", "one", env={"CI": "1"})
    assert done.returncode == 1
    shown = done.stdout.replace(f"{several.parent}/", "")
    line = next(n for n, text in enumerate(several.read_text().splitlines(), 1) if "calls_hosted" in text)
    assert (
        f"activity.yaml:{line}  metrics.calls_hosted\n"
        "    $counts.callsAsHost + 1\n"
        "  one: response.json/result/0/metrics/calls_hosted: 2 → 3\n"
    ) in shown
    assert shown.endswith(
        "\nAccept one cause with --accept ID, all with --update, or decide on each with --review.\n"
        "failed: one\n0 passed, 1 failed\n"
    )


def test_an_unknown_group_and_a_review_without_a_terminal_are_wrong_usage(several):
    assert "--accept must be one of" in cli("test", several, "--accept", "zzz", env={}).stderr
    asked = cli("test", several, "--review", env={})
    assert asked.returncode == 2
    assert "--review needs a terminal" in asked.stderr


def test_actual_output_is_left_beside_the_expected_one_but_not_where_ci_is_set(several):
    folder = several.with_suffix("") / "one"
    cli("test", several, env={"CI": "1"})
    assert "response.json.new" not in state(folder)
    cli("test", several, env={})
    assert json.loads(state(folder)["response.json.new"])["result"][0]["metrics"]["calls_hosted"] == 3
    assert golden.orphans(several) == []
    cli("test", several, "--update", env={})
    assert "response.json.new" not in state(folder)


def test_other_formats_have_a_finding_for_each_difference(several):
    done = cli("test", several, "-k", "one", "--format", "junit", env={"CI": "1"})
    assert done.stdout.startswith('<?xml version="1.0"')
    found = json.loads(cli("test", several, "-k", "one", "--format", "json", env={"CI": "1"}).stdout)
    assert {one["code"] for one in found} == {"G701"}
    assert all(one["source"].endswith("activity.yaml") for one in found)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("gong/activity", SHIPPED),
        (str(SHIPPED[0]), SHIPPED),
        (str(SHIPPED[0].with_suffix("") / "one-user"), SHIPPED),
        (str(SHIPPED[0].parents[1]), sorted(SHIPPED[0].parent.glob("*.yaml"))),
    ],
)
def test_a_mapping_is_named_by_its_file_its_name_a_case_or_a_folder_above(target, found):
    assert mapping_files.mappings(target) == found


@pytest.mark.parametrize("folder", ["mappings", ".", "acme"])
def test_a_folder_without_a_name_of_its_own_is_a_folder_too(folder, tmp_path, monkeypatch):
    (tmp_path / "mappings" / "acme").mkdir(parents=True)
    (tmp_path / "mappings" / "acme" / "users.yaml").touch()
    monkeypatch.chdir(tmp_path / "mappings" if folder != "mappings" else tmp_path)
    assert [path.name for path in mapping_files.mappings(folder)] == ["users.yaml"]


def test_a_misspelt_mapping_is_refused_with_the_nearest_name():
    done = cli("test", "gong/activty")
    assert done.returncode == 2
    assert "did you mean `gong/activity`?" in done.stderr


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "id"]), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_accepting_all_differences_of_any_two_values_gives_the_second(old, new):
    assert same(merged(old, new, lambda *_: True), new)
    assert merged(old, new, lambda *_: False) == old
    assert bool(differing(old, new)) is not same(old, new)


@given(values, values, st.randoms())
def test_what_is_accepted_differs_no_more_and_the_rest_still_does(old, new, random):
    chosen = []

    def take(*_):
        chosen.append(random.random() < 0.5)
        return chosen[-1]

    left = differing(merged(old, new, take), new)
    assert bool(left) is not all(chosen)


# ------------------------------------------------------------------------------- what is and what is no difference

REFACTORINGS = {
    one["title"]: [(edit["old"], edit["new"]) for edit in one["edits"]] for one in data_files.read("refactorings.yaml")
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A copy of the shipped mapping with its schemas and cases."""
    top = tmp_path_factory.mktemp("shipped")
    for name in ("schemas", "mappings"):
        shutil.copytree(ROOT / name, top / name)
    return top / "mappings" / "gong" / "activity.yaml"


def refactored(shipped, text):
    shipped.write_text(text, "utf-8")
    return [group.title for group in golden.groups(golden.run_all([shipped]).differences)]


def test_an_equivalent_mapping_differs_in_no_case(shipped):
    texts = edits.together(SHIPPED[0].read_text("utf-8"), REFACTORINGS)
    found = {titles: refactored(shipped, text) for titles, text in texts.items()}
    assert {titles: differences for titles, differences in found.items() if differences} == {}


def literal(dumper, text):
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


class Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as blocks, and anchors only where asked."""

    yaml_representers = yaml.SafeDumper.yaml_representers | {str: literal}


class WithoutAnchors(Dumper):
    def ignore_aliases(self, _):
        return True


def backwards(value, name=""):
    if isinstance(value, dict):
        keys = value if name in ("let", "for_each", "endpoints") else reversed(value)
        return {key: backwards(value[key], key) for key in keys}
    return value


@pytest.mark.parametrize(
    "written",
    [
        lambda text: f"# a comment\n\n{text}",
        lambda text: re.sub(r"(?m)^(      \w+: )", r"      # a note\n\1", text),
        lambda text: yaml.dump(yaml.safe_load(text), Dumper=WithoutAnchors, sort_keys=False, width=10_000),
        lambda text: yaml.dump(backwards(yaml.safe_load(text)), Dumper=Dumper, sort_keys=False, width=10_000),
    ],
    ids=["a comment", "many comments", "without anchors", "keys in another order"],
)
def test_another_layout_differs_in_no_case(written, shipped):
    assert refactored(shipped, written(SHIPPED[0].read_text("utf-8"))) == []


def changed(value, random):
    """A JSON value with something else in it somewhere."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        name = random.choice(list(value))
        items = [(key, changed(item, random) if key == name else item) for key, item in value.items()]
        return dict(random.sample(items, len(items)))
    if isinstance(value, list) and value and random.random() < 0.7:
        at = random.randrange(len(value))
        return random.choice([value[:at] + value[at + 1 :], [*value[:at], changed(value[at], random), *value[at:]]])
    return random.choice([None, 1.5, "x", [], {}, True, [value, value], {"id": "1", "more": value}])


def spoilt(path, random):
    """Change an expectation as a person or a bad merge would."""
    text, kind = path.read_text("utf-8", "replace"), random.randrange(6)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        path.write_bytes(random.choice([b"", b"\xff\xfe", b"{", b"[1, 2", text[: len(text) // 2].encode(), b"\r\n"]))
    elif path.suffix == ".json":
        path.write_text(json.dumps(changed(json.loads(text), random), indent=random.choice([None, 1, 4])), "utf-8")
    else:
        lines = text.splitlines()
        random.shuffle(lines)
        path.write_text("\n".join(lines[random.randrange(3) :]), "utf-8")


@pytest.mark.parametrize("seed", range(2))
def test_after_an_update_the_next_run_passes(shipped, seed):
    random = Random(seed)
    shipped.write_text(SHIPPED[0].read_text("utf-8"), "utf-8")
    for name in comparison.EXPECTATIONS:
        known = sorted(shipped.with_suffix("").glob(f"*/{name}"))
        for path in random.sample(known, min(len(known), 4)):
            spoilt(path, random)
    golden.accept(golden.run_all([shipped]).differences)
    assert golden.run_all([shipped]).diagnostics == []


def test_another_order_of_keys_and_another_form_of_a_number_are_no_difference(case):
    path = case / "response.json"
    record = json.loads(path.read_text())
    record["result"][0]["metrics"]["calls_hosted"] = 2.0
    path.write_text(json.dumps(dict(reversed(record.items()))))
    assert ran(case).diagnostics == []


def test_true_is_not_1_and_a_text_is_no_number(case):
    for value in (True, "2"):
        record = json.loads((case / "response.json").read_text())
        record["result"][0]["metrics"]["calls_hosted"] = value
        (case / "response.json").write_text(json.dumps(record))
        assert [one.values for one in ran(case).differences] == [f"{json.dumps(value)} → 2"]


def test_a_record_that_is_gone_is_one_difference_and_not_one_for_each_record_after_it(case):
    users = [USER | {"userId": str(number)} for number in range(9)]
    (case / "payload.json").write_text(json.dumps({"usersAggregateActivityStats": users}))
    golden.accept(ran(case).differences)
    (case / "payload.json").write_text(json.dumps({"usersAggregateActivityStats": users[:3] + users[4:]}))
    assert [one.path for one in ran(case).differences] == [("result", 3)]


# ------------------------------------------------------------------------------------------------ what is shown


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (2, 3, "2 → 3"),
        (MISSING, "x", '(nothing) → "x"'),
        ("a" * 60 + "b", "a" * 60 + "c", '…aaaaaaaaaaaab" → …aaaaaaaaaaaac"'),
        ("x" * 70, "y" + "x" * 70, f'"{"x" * 47}… (24 more characters) → "y{"x" * 46}… (25 more characters)'),
        ("\x80", "\x81", '"\\u0080" → "\\u0081"'),
        ("é", "e\u0301", '"\\u00e9" → "e\\u0301"'),
        ({"b": 1, "a": 2}, {"a": 2}, '{"a": 2, "b": 1} → {"a": 2}'),
    ],
)
def test_two_values_are_shown_where_they_differ(old, new, shown):
    assert contrast(old, new) == shown


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (["a", "b"], ["b", "a"], {(): 'another order, ["a", "b"] → ["b", "a"]'}),
        ([{"id": "a", "n": 1}, {"id": "b"}], [{"id": "b"}, {"id": "a", "n": 2}],
         {(): 'another order, ["a", "b"] → ["b", "a"]', (1, "n"): "1 → 2"}),
        (["a", "b"], ["b", "a", "c"], {(): 'another order, ["a", "b"] → ["b", "a", "c"]', (2,): '(nothing) → "c"'}),
        ([1, 2], [0, 1, 2], {(0,): "(nothing) → 0"}),
        ([1, 1, 2], [1, 2], {(0,): "1 → (nothing)"}),
    ],
)  # fmt: skip
def test_items_of_a_list_in_another_order_are_one_difference(old, new, found):
    assert {path: contrast(*values) for path, *values in differing(old, new)} == found


@given(st.text(), st.text(), st.text())
def test_two_texts_that_differ_are_never_shown_alike(start, one, other):
    if one != other:
        before, _, after = contrast(start + one, start + other).partition(" → ")
        assert before != after or " → " in start + one + other


def test_a_huge_value_is_cut_and_says_how_much_is_not_shown(case):
    value = json.loads((case / "response.json").read_text())
    value["result"][0]["user"]["id"] = "x" * 4_000_000
    (case / "response.json").write_text(json.dumps(value))
    done = cli("test", case, env={"CI": "1"})
    assert len(done.stdout) < 1_000
    assert "(3,999,954 more characters)" in done.stdout


def test_thousands_of_differences_are_one_short_block(case):
    users = [USER | {"userId": str(number)} for number in range(3_000)]
    (case / "payload.json").write_text(json.dumps({"usersAggregateActivityStats": users}))
    golden.accept(ran(case).differences)
    edit(case.parent.with_suffix(".yaml"), "calls_hosted: $counts.callsAsHost", "calls_hosted: $counts.callsAsHost + 1")
    done = cli("test", case, env={"CI": "1"})
    assert "  … 2,999 more; 1 case in all\n" in done.stdout
    assert len(done.stdout.splitlines()) < 10
    found = json.loads(cli("test", case, "--format", "json", env={"CI": "1"}).stdout)
    assert len(found) == 51
    assert found[-1]["message"] == "metrics.calls_hosted: 2,950 more differences"


#: An edit of the shipped mapping, and the files in which it shows.
EDITS = {
    "calls_hosted: $counts.callsAsHost": "calls_hosted: $counts.callsAsHost + 1",
    "next_cursor: &next_cursor records.cursor": "next_cursor: &next_cursor records.cursor & 'x'",
    "period: '\"total\"'": "period: '\"day\"'",
    '"Gong allows 3 calls': '"Gong allows 4 calls',
    "id: '$user.userId != null ? $string($user.userId)'": "id: '$user.userId != null ? $string($user.userId) & \"x\"'",
    '"Gong counts whole days before': '"Gong counts full days before',
    "fromDate: $floorDate($query.start_time, $context.time_zone)": "fromDate: '\"2026-01-01\"'",
    "recognise: $exists(usersAggregateActivityStats)": "recognise: $exists(usersAggregateActivityStat)",
}


@pytest.mark.parametrize("old", EDITS)
def test_a_change_of_one_expression_is_one_group_whatever_formats_show_it(old, shipped):
    text = SHIPPED[0].read_text("utf-8")
    assert old in text
    assert len(refactored(shipped, text.replace(old, EDITS[old]))) == 1


def test_cases_that_fail_for_one_reason_are_one_finding(case):
    for name in ("two", "three"):
        shutil.copytree(case, case.parent / name)
    edit(case.parent.with_suffix(".yaml"), "start_time: $start", "start_time: $uppercase(5)")
    (found,) = [one for one in ran(case).findings if one.code == "G702"]
    assert "the same in three, two" in found.message
    assert found.source.text[found.span.start : found.span.end] == "$uppercase(5)"


# ------------------------------------------------------------------------------------------------ where cases are


def test_mappings_of_one_file_name_have_groups_of_their_own(several, tmp_path):
    other = tmp_path / "mappings" / "acme" / "activity.yaml"
    shutil.copytree(several.parent, other.parent)
    groups = golden.groups(golden.run_all([several, other]).differences)
    assert len({group.id for group in groups}) == len(groups) == 4
    assert {group.place.rpartition(":")[0] for group in groups} == {str(several), str(other)}
    chosen = next(group for group in groups if group.place.startswith(str(several)))
    cli("test", several, other, "--accept", chosen.id, env={})
    left = golden.groups(golden.run_all([several, other]).differences)
    assert {group.id for group in left} == {group.id for group in groups} - {chosen.id}


def test_a_case_named_as_a_target_does_not_hide_the_cases_of_another_mapping(several, tmp_path):
    other = tmp_path / "mappings" / "acme" / "activity.yaml"
    shutil.copytree(several.parent, other.parent)
    done = cli("test", several.with_suffix("") / "one", other, env={"CI": "1"})
    assert done.stdout.endswith("0 passed, 4 failed\n")


def test_an_empty_folder_is_wrong_usage_that_says_where_was_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("test", env={})
    assert done.returncode == 2
    assert f'the folder "mappings" does not exist; it was looked for in {tmp_path}' in done.stderr
    (tmp_path / "mappings").mkdir()
    assert 'the folder "mappings" has no mapping' in cli("test", env={}).stderr
    assert cli("test", ".", env={}).returncode == 2


@pytest.mark.parametrize(
    "target", [None, "mappings", "mappings/gong", "mappings/gong/activity", "mappings/gong/new.yaml"]
)
def test_cases_whose_mapping_has_another_name_are_a_finding(case, target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case.parent.with_suffix(".yaml").rename(case.parent.with_name("new.yaml"))
    done = cli("test", *([target] if target else []), env={})
    assert done.returncode == 1
    assert "error[G703]: mappings/gong/activity has golden cases (1), but there is no mapping" in done.stderr
    assert "hint: rename the folder to new, or remove it" in done.stderr


@pytest.mark.parametrize("option", [["--update"], ["--review"], ["--accept", "x"]])
def test_where_ci_is_set_nothing_is_accepted(several, option):
    before = [state(folder) for folder in golden.folders(several)]
    for value in ("1", "true", "yes"):
        done = cli("test", several, *option, env={"CI": value})
        assert (done.returncode, f"{option[0]} writes expectations" in done.stderr) == (2, True)
    assert [state(folder) for folder in golden.folders(several)] == before


def test_output_that_cannot_be_left_is_a_warning_and_the_report_is_complete(several):
    for name in ("one", "two"):
        (several.with_suffix("") / name / "response.json.new").mkdir()
        (several.with_suffix("") / name / "response.json.new" / "x.new").touch()
    done = cli("test", several, env={})
    assert done.returncode == 1
    assert done.stderr.count("warning[G705]: cannot write") == 2
    assert "Is a directory" in done.stderr
    assert done.stdout.endswith("0 passed, 3 failed\n")


def test_an_expectation_that_cannot_be_written_is_told_and_the_others_are_written(several):
    def write(path, text):
        if "/two/" in str(path):
            raise PermissionError(13, "Permission denied")
        path.write_text(text, "utf-8")

    with mock.patch.object(writing, "write", write):
        done = cli("test", several, "--update", env={})
    assert done.returncode == 1
    assert f"cannot write {several.with_suffix('')}/two/response.json: Permission denied" in done.stderr
    assert [one.case.name for one in golden.run_all([several]).differences] == ["two"] * 3


def test_a_review_keeps_what_was_accepted_when_it_is_interrupted(several):
    answers = iter([True, KeyboardInterrupt])

    def ask(*_, **__):
        answer = next(answers)
        if answer is KeyboardInterrupt:
            raise typer.Abort
        return answer

    with mock.patch("typer.confirm", ask):
        done = cli("test", several, "--review", env={}, stdin=Terminal)
    assert done.returncode == 130
    assert "interrupted: 1 accepted, 1 left" in done.stderr
    (left,) = golden.groups(golden.run_all([several]).differences)
    assert left.fields == "metrics.calls_hosted"


def test_overlays_are_laid_over_the_mapping_and_a_case_may_have_its_own(case, tmp_path):
    overlay = tmp_path / "eu.yaml"
    overlay.write_text("context: {time_zone: {default: Europe/Berlin}}\n")
    done = cli("test", case, "--overlay", overlay, env={"CI": "1"})
    assert 'request.json/body/filter/toDate: "2026-02-01" → "2026-02-02"' in done.stdout
    shutil.copy(overlay, case.parents[1] / "eu.yml")
    (case / "case.yaml").write_text((case / "case.yaml").read_text() + "overlays: [eu.yml]\n")
    assert ran(case).differences
    golden.accept(ran(case).differences)
    assert ran(case).diagnostics == []
    (case / "case.yaml").write_text((case / "case.yaml").read_text().replace("eu.yml", "us.yml"))
    assert [one.code for one in ran(case).findings] == ["M105"]


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        ("ProviderEror", "did you mean `ProviderError`?"),
        ("{error: QueryErr}", "did you mean `QueryError`?"),
        ("{error: ProviderError, retry_afer: 3}", "did you mean `retry_after`?"),
        ("{status: four}", "expected an integer"),
    ],
)
def test_a_mistake_in_what_must_be_raised_is_told(case, raises, said):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\nraises: {raises}\n")
    assert any(said in one.render() for one in ran(case).findings)


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        ("{status: 429, retry_after: 17, request_id: r1, code: P601, codes: [P601]}", None),
        ("{retry_after: 18}", "should fail with retry_after=18, but fails with retry_after=17"),
        ("{request_id: r2}", "should fail with request_id=r2, but fails with request_id=r1"),
        ("{code: P602}", "should fail with code=P602, but fails with code=P601"),
    ],
)
def test_everything_about_an_error_can_be_stated(case, raises, said):
    (case / "payload.json").write_text('{"errors": ["slow down"], "requestId": "r1"}')
    more = f"status: 429\nheaders: {{Retry-After: '17'}}\nraises: {raises}\n"
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}{more}")
    assert [one.message for one in ran(case).findings] == ([f"one {said}"] if said else [])


# ------------------------------------------------------------------------------------------------ recording

REPLY = {
    "requestId": "4al018gzaztcr8nbukw",
    "timeZone": "America/Los_Angeles",
    "fromDateTime": "2026-01-01T00:00:00-08:00",
    "toDateTime": "2026-02-01T00:00:00-08:00",
    "usersAggregateActivityStats": [
        {
            "userId": "234599484848423",
            "userEmailAddress": "Ines.Okafor@acme-sales.com",
            "userAggregateActivityStats": {"callsAsHost": 10, "callsAttended": None},
        }
    ],
}


def test_a_case_is_recorded_with_aliases_and_passes(mapping, tmp_path):
    (tmp_path / "reply.json").write_text(json.dumps(REPLY))
    query = "start_time=2026-01-01T00:00:00-08:00&end_time=2026-02-01T00:00:00-08:00&users[]=234599484848423"
    done = cli(
        "record",
        mapping,
        tmp_path / "reply.json",
        "--case",
        "ines",
        "--query",
        query,
        "--context",
        "time_zone=America/Los_Angeles",
    )
    assert done.returncode == 0
    assert done.stderr == (
        "aliases for query.users (1), requestId (1), usersAggregateActivityStats.userEmailAddress (1), "
        "usersAggregateActivityStats.userId (1)\n"
    )
    folder = mapping.with_suffix("") / "ines"
    everything = "".join(state(folder).values())
    assert "234599484848423" not in everything
    assert "okafor" not in everything.lower()
    user = json.loads((folder / "payload.json").read_text())["usersAggregateActivityStats"][0]
    assert user["userAggregateActivityStats"] == {"callsAsHost": 10, "callsAttended": None}
    assert re.fullmatch(r"\d{15}", user["userId"])
    assert re.fullmatch(r"[A-Z][a-z]{3}\.[A-Z][a-z]{5}@[a-z]{9}\.test", user["userEmailAddress"])
    assert json.loads((folder / "request.json").read_text())["body"]["filter"]["userIds"] == [user["userId"]]
    assert golden.run_all([mapping]).diagnostics == []
    again = cli("record", mapping, tmp_path / "reply.json", "--case", "ines")
    assert again.returncode == 1
    assert 'error[G704]: there is already a case "ines"' in again.stderr


def test_a_raw_case_keeps_the_payload_as_it_is(mapping, tmp_path):
    (tmp_path / "reply.json").write_text(json.dumps(REPLY))
    cli("record", mapping, tmp_path / "reply.json", "--case", "raw", "--raw")
    assert json.loads((mapping.with_suffix("") / "raw" / "payload.json").read_text()) == REPLY


def test_a_recorded_refusal_states_its_reason(mapping, tmp_path):
    (tmp_path / "reply.json").write_text('{"errors": ["no"]}')
    cli("record", mapping, tmp_path / "reply.json", "--case", "refused", "--status", "400")
    stated = "raises:\n  error: ProviderError\n  status: 400\n  retry_after: null\n  request_id: null\n"
    assert (mapping.with_suffix("") / "refused" / "case.yaml").read_text().endswith(stated)
    assert golden.run_all([mapping]).diagnostics == []


ACME = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
error_mapping: {message: error.message}
endpoints:
  all:
    recognise: $exists(users)
    path_mapping: '"/v2/users"'
    for_each: {user: 'users[$lowercase(status) = "active"]'}
    error_when: error.message ~> /not\\s+found/i
    response_mapping:
      id: $user.id
      user: {id: $user.id, name: $uppercase($user.name), emails: '{"email": $user.email, "is_primary": IS_PRIMARY}'}
      aggregation_period: '$match($user.code, /^VIP-\\d+$/) ? "total" : "week"'
"""
PERSON = {"id": "u-1001", "name": "Ines Okafor", "email": "ines@acme.com", "status": "Active", "code": "VIP-1234"}


@pytest.fixture
def acme(tmp_path):
    def made(test="$contains($user.email, '@acme.com')"):
        path = tmp_path / "acme.yaml"
        path.write_text(ACME.replace("IS_PRIMARY", test.replace("'", "''")), "utf-8")
        return path

    return made


def recorded(path, payload, **settings):
    made = golden.record(path, "one", payload, {"description": "One."} | settings)
    assert golden.run_all([path]).diagnostics == []
    return made


def test_the_words_and_patterns_that_a_mapping_tests_stay_and_nobody_is_known_by_them(acme):
    made = recorded(acme(), {"users": [PERSON, PERSON | {"id": "u-1002", "code": "STD-55", "email": "bo@x.org"}]})
    first, second = made.case.payload["users"]
    assert made.kept == ()
    assert first["status"] == "Active"
    assert re.fullmatch(r"VIP-\d{4}", first["code"])
    assert re.fullmatch(r"[a-z]{4}@acme\.com", first["email"])
    assert not {"1234", "ines", "Ines Okafor", "u-1001"} & {
        *re.split("[-@]", first["code"] + "@" + first["email"]),
        *first.values(),
    }
    assert second["code"] != "STD-55"
    periods = [one["aggregation_period"] for one in json.loads(made.case.expected["response.json"])["result"]]
    assert periods == ["total", "week"]


def test_a_value_whose_alias_would_change_the_outcome_stays_and_is_told(acme, tmp_path):
    path = acme("$substring($user.name, 0, 1) = 'I'")
    (tmp_path / "reply.json").write_text(json.dumps({"users": [PERSON]}))
    done = cli("record", path, tmp_path / "reply.json", "--case", "one")
    assert done.returncode == 0
    assert 'kept "Ines Okafor": with an alias the case would show something else\n' in done.stderr
    assert "aliases for users.code (1), users.email (1), users.id (1)\n" in done.stderr
    made = golden.read(path.with_suffix("") / "one")
    assert made.payload["users"][0]["name"] == "Ines Okafor"
    assert made.payload["users"][0]["id"] != "u-1001"


def test_the_words_of_a_refusal_stay_but_not_whom_it_names(acme):
    said = "User Ines Okafor (ines@acme.com, id 4711889) was Not Found"
    made = recorded(acme(), {"error": {"message": said}})
    assert re.fullmatch(
        r"User [A-Z][a-z]{3} [A-Z][a-z]{5} \([a-z]{4}@acme\.com, id \d{7}\) was Not Found",
        made.case.payload["error"]["message"],
    )
    assert not any(word in made.case.payload["error"]["message"] for word in ("Ines", "Okafor", "ines@", "4711889"))


def test_the_account_and_the_users_of_a_query_get_aliases_too(acme):
    account, user = "b2f1c1de-0d5d-4c5c-8a4a-0d8f3b1e5a77", "u-9999"
    query = f"integrated_account_id={account}&users[]={user}&users[]=u-1001&start_time=2026-01-01T00:00:00Z"
    made = recorded(acme(), {"users": [PERSON | {"account": account}]}, query=query)
    asked = split_query_string(made.case.settings.query)
    assert asked["integrated_account_id"] == made.case.payload["users"][0]["account"] != account
    assert asked["users"][1] == made.case.payload["users"][0]["id"]
    assert user not in made.case.settings.query
    assert asked["start_time"] == "2026-01-01T00:00:00Z"


def test_keys_that_are_data_get_aliases(acme):
    made = recorded(acme(), {"users": [], "by_user": {"ann@example.com": {"x": 1}, "12345": 2, "name": 3}})
    assert not {"ann@example.com", "12345"} & made.case.payload["by_user"].keys()
    assert made.case.payload["by_user"]["name"] == 3


def test_a_recorded_refusal_of_a_query_states_its_codes(acme):
    made = recorded(acme(), None, query="usrs[]=1&limit=0")
    assert made.case.settings.failure == {"error": "QueryError", "codes": ["Q502", "Q504"]}


SHIPPED_CASES = [golden.read(folder) for folder in golden.folders(SHIPPED[0])]
REPLIES = [case for case in SHIPPED_CASES if isinstance(case.payload, dict)]


def test_each_reply_of_the_shipped_mapping_is_recorded_as_a_case_of_the_same_behaviour(mapping, monkeypatch):
    monkeypatch.setattr(recording, "load", functools.cache(recording.load))  # the mapping stays as it is
    for case in [one for one in REPLIES if not one.joined]:  # `record` takes no refusals of joins
        settings = case.settings.model_dump(exclude_unset=True, exclude={"raises"})
        made = golden.record(mapping, case.name, case.payload, settings).case
        assert made.expected.keys() == case.expected.keys(), case.name
        assert made.settings.failure.get("error") == case.settings.failure.get("error"), case.name
        assert (made.settings.failure.get("retry_after")) == case.settings.failure.get("retry_after"), case.name
        assert said(made) == said(case), case.name
    assert golden.run_all([mapping]).diagnostics == []


def said(case):
    """The kinds and places of the findings that a case expects."""
    return sorted((one["finding"], one.get("in")) for one in places.split(case.expected.get("diagnostics.txt", "")))


texts = st.text(max_size=12) | st.emails() | st.from_regex(r"[0-9]{2,19}", fullmatch=True)
payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for child in value for leaf in leaves(child)] if isinstance(value, list) else [value]


@given(payloads, st.text(max_size=3))
def test_aliases_keep_everything_but_who_somebody_is(payload, salt):
    made = Aliases(salt).of(payload)
    assert made == Aliases(salt).of(payload)
    before, after = leaves(payload), leaves(made)
    assert [type(one) for one in after] == [type(one) for one in before]
    pairs = {(old, new) for old, new in zip(before, after, strict=True) if isinstance(old, str)}
    assert len({old for old, _ in pairs}) == len({new for _, new in pairs}) == len(pairs)
    assert all(len(old) <= len(new) for old, new in pairs)
    assert all(old.isdigit() == new.isdigit() for old, new in pairs if old.isascii())


def test_numbers_get_an_alias_only_below_keys_of_ids():
    made = Aliases("").of({"userId": 12345, "IDs": [7], "count": 12345, "id": True})
    assert made["userId"] != 12345
    assert len(str(made["userId"])) == 5
    assert (made["count"], made["IDs"], made["id"]) == (12345, [7], True)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-01T000:00:00Z", "2026-01-01 10:00", "Europe/Berlin", "x"])
def test_dates_zones_and_single_characters_are_not_personal(text):
    assert Aliases("").of(text) == text


def test_an_address_keeps_its_domain_only_where_it_is_too_short_for_another():
    assert re.fullmatch(r"[a-z]{3}@[a-z]{4}\.test", Aliases("").of("ann@acme.test"))
    assert re.fullmatch(r"[a-z]{3}@a\.io", Aliases("").of("ann@a.io"))
    one, other = (Aliases("").of(f"{name}@acme.com") for name in ("ann", "bob"))
    assert one.partition("@")[2] == other.partition("@")[2] != "acme.com"


def test_an_alias_grows_when_all_of_its_length_are_taken():
    made = [Aliases("").of([f"{number:02}" for number in range(100)])][0]
    assert len(set(made)) == 100
    assert {len(one) for one in made} == {2, 3}


def test_a_known_text_gets_its_alias_inside_longer_ones_too():
    aliases = Aliases("")
    anna = aliases.of("anna")
    assert aliases.known_in({"query": "users[]=anna&x=1", "list": ["anna", 1]}) == {
        "query": f"users[]={anna}&x=1",
        "list": [anna, 1],
    }
    assert Aliases("").known_in("anna") == "anna"


def test_a_mapping_that_does_not_load_is_reported_and_the_others_run(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 2\n")
    made = golden.run_all([broken, *SHIPPED])
    assert made.passed
    assert made.findings
    with pytest.raises(MappingError):
        load(broken)


def test_a_text_that_the_mapping_names_gets_no_alias():
    aliases = Aliases("", frozenset({"OPEN"}))
    assert aliases.of({"state": "OPEN", "name": "OPERA"})["state"] == "OPEN"
    assert aliases.of("OPERA") != "OPERA"


def test_the_words_of_a_mapping_and_its_schemas_stay_in_a_recorded_case(tmp_path):
    (tmp_path / "schemas" / "acme").mkdir(parents=True)
    schema = {"properties": {"users": {"items": {"properties": {"kind": {"enum": ["HUMAN", "ROBOT"]}}}}}}
    (tmp_path / "schemas" / "acme" / "users.schema.json").write_text(json.dumps(schema))
    (tmp_path / "acme.yaml").write_text(
        "version: 1\nintegration: acme\nunified_model: conversational-intelligence\nresource: activity\nmethod: list\n"
        "endpoints: {all: {source_schema: acme/users, path_mapping: '\"/users\"', recognise: $exists(users),\n"
        "  for_each: {user: users}, response_mapping: {id: 'state = \"ACTIVE\" ? id'}}}\n"
    )
    body = {"users": [{"id": "anna", "kind": "ROBOT", "state": "ACTIVE"}]}
    made = golden.record(tmp_path / "acme.yaml", "one", body, {"description": "One."})
    (user,) = made.case.payload["users"]
    assert (user["kind"], user["state"]) == ("ROBOT", "ACTIVE")
    assert user["id"] != "anna"


def test_a_mapping_without_cases_is_wrong_usage_that_says_where_was_looked_and_a_name_that_no_case_has_is_refused(
    tmp_path,
):
    path = tmp_path / "acme.yaml"
    path.write_text(SHIPPED[0].read_text("utf-8"), "utf-8")
    done = cli("test", path)
    assert (done.returncode, f"there are no golden cases in {tmp_path}/acme/" in done.stderr) == (2, True)
    assert "record one: truto-mapper record" in done.stderr
    done = cli("test", "gong/activity", "-k", "nope")
    assert (done.returncode, 'no case has "nope" in its name' in done.stderr) == (2, True)


def test_nearly_every_fault_in_an_expression_of_the_shipped_mapping_is_caught_by_its_cases():
    made, survivors = mutants.run(SHIPPED[0], step=12)
    assert made.total() > 30
    assert len(survivors) <= 0.05 * made.total(), survivors
