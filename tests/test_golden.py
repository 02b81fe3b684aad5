"""Golden cases: each difference is shown at the expression that causes it, and accepted by cause."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import mutants
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.authoring import golden
from truto_mapper.authoring.aliases import Aliases
from truto_mapper.authoring.golden.comparison import differing
from truto_mapper.authoring.golden.values import merged, same
from truto_mapper.edges.cli import app
from truto_mapper.text.errors import MappingError

ROOT = Path(__file__).parents[1]
SHIPPED = golden.mappings("gong/activity")
PERIOD = "query: start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z\nnow: 2026-03-01T00:00:00Z\n"
COUNTS = json.loads((ROOT / "schemas/gong/aggregate.schema.json").read_text())["$defs"]["counts"]["properties"]
USER = {
    "userId": "1",
    "userEmailAddress": None,
    "userAggregateActivityStats": dict.fromkeys(reversed(COUNTS)) | {"callsAsHost": 2},
}
PAYLOAD = json.dumps({"usersAggregateActivityStats": [USER]})


def cli(*arguments, env=None):
    """What the command does and prints, in this process: a process of its own takes half a second."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, env or {}, clear=env is not None),
        mock.patch.multiple(sys, stdin=io.StringIO(), stdout=out, stderr=err),
        pytest.raises(SystemExit) as ended,
    ):
        app([str(one) for one in arguments])
    printed = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(arguments, ended.value.code, *printed)


@pytest.fixture
def mapping(tmp_path):
    """A copy of the shipped mapping, with its schemas and no cases."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
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
        ("status: 500", "one fails, but states no `raises`: gong answered 500"),
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
        (str(SHIPPED[0].parents[1]), SHIPPED),
    ],
)
def test_a_mapping_is_named_by_its_file_its_name_a_case_or_a_folder_above(target, found):
    assert golden.mappings(target) == found


@pytest.mark.parametrize("folder", ["mappings", ".", "acme"])
def test_a_folder_without_a_name_of_its_own_is_a_folder_too(folder, tmp_path, monkeypatch):
    (tmp_path / "mappings" / "acme").mkdir(parents=True)
    (tmp_path / "mappings" / "acme" / "users.yaml").touch()
    monkeypatch.chdir(tmp_path / "mappings" if folder != "mappings" else tmp_path)
    assert [path.name for path in golden.mappings(folder)] == ["users.yaml"]


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
    made, survivors = mutants.run(SHIPPED[0])
    assert made.total() > 200
    assert len(survivors) <= 0.05 * made.total(), survivors
