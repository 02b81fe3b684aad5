"""The command line as a person or a CI job meets it: JSON on stdout, findings on stderr, honest exit codes."""

import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer import Context
from typer.testing import CliRunner

import truto_mapper
from truto_mapper.authoring import coverage, docs
from truto_mapper.edges import cli as cli_module
from truto_mapper.edges.cli import app, authoring_commands, main
from truto_mapper.text import files
from truto_mapper.text.codes import CODES

PERIOD = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
PAYLOAD = {
    "requestId": "r1",
    "records": {"cursor": "next"},
    "fromDateTime": "2026-01-01T00:00:00Z",
    "toDateTime": "2026-02-01T00:00:00Z",
    "usersAggregateActivityStats": [
        {"userId": "58908407122430761234", "userAggregateActivityStats": {"callsAsHost": 3}},
        {"userId": "2", "userAggregateActivityStats": {"callsAsHost": "many"}},
    ],
}


#: Each count that the mapping reads.
COUNTS = json.loads((files.home() / "schemas/gong/aggregate.schema.json").read_text())["$defs"]["counts"]["properties"]


def cli(*args, stdin=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)


def good():
    """A reply whose row has everything that the mapping reads."""
    row = {"userId": "58908407122430761234", "userEmailAddress": "a@example.org"}
    return PAYLOAD | {"usersAggregateActivityStats": [row | {"userAggregateActivityStats": dict.fromkeys(COUNTS, 3)}]}


@pytest.fixture
def payload(tmp_path):
    path = tmp_path / "payload.json"
    path.write_text(json.dumps(good()))
    return path


def test_map_prints_the_unified_response(payload):
    done = cli("map", "gong/activity", payload, "--query", PERIOD, "--now", "2026-03-01T00:00:00Z")
    assert (done.exit_code, done.stderr) == (0, "")
    response = json.loads(done.stdout)
    assert response["next_cursor"].startswith("truto2.")
    assert response["result"][0]["user"]["id"] == "58908407122430761234"


def test_map_reads_the_payload_from_stdin_and_recognises_its_endpoint():
    done = cli("map", "gong/activity", "-", stdin=json.dumps(good()))
    assert json.loads(done.stdout)["result"][0]["aggregation_period"] == "total"


@pytest.mark.parametrize("shape", ["unified", "raw", "normalized", "debug"])
def test_map_prints_each_format_as_json(payload, shape):
    done = cli("map", "gong/activity", payload, "--query", PERIOD, "--format", shape)
    assert done.exit_code == 0
    assert isinstance(json.loads(done.stdout), dict)


def test_map_prints_a_stream_as_a_record_a_line(payload):
    done = cli("map", "gong/activity", payload, "--query", PERIOD + "&truto_response_format=stream")
    assert [json.loads(line)["metrics"]["calls_hosted"] for line in done.stdout.splitlines()] == [3]


def test_map_reports_every_invalid_value_with_both_addresses_and_exits_1():
    done = cli("map", "gong/activity", "-", "--query", PERIOD, stdin=json.dumps(PAYLOAD))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[D408]: `metrics.calls_hosted`: the provider's schema declares an integer here" in done.stderr
    assert "mappings/gong/activity.yaml:" in done.stderr
    assert "at: /usersAggregateActivityStats/1/userAggregateActivityStats/callsAsHost" in done.stderr


def test_map_discards_invalid_values_as_told_and_reports_them():
    done = cli("map", "gong/activity", "-", "--on-invalid", "discard_record", stdin=json.dumps(PAYLOAD))
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["result"]) == 1
    assert "warning[D408]" in done.stderr
    assert "the record was rejected" in done.stderr


@pytest.mark.parametrize("query", [["--query", PERIOD], []])
def test_map_prints_raw_whatever_the_records_are(query):
    done = cli("map", "gong/activity", "-", "--format", "raw", *query, stdin=json.dumps(PAYLOAD))
    assert (done.exit_code, json.loads(done.stdout)) == (0, PAYLOAD)


def test_map_reports_the_refusal_of_the_provider():
    body = {"requestId": "r", "errors": ["You have exceeded the limit"]}
    done = cli("map", "gong/activity", "-", "--query", PERIOD, "--status", 429, stdin=json.dumps(body))
    assert done.exit_code == 1
    assert "error[P601]: gong answered 429: You have exceeded the limit" in done.stderr


def test_plan_prints_the_request():
    done = cli("plan", "gong/activity", "--query", PERIOD + "&users[]=1&users[]=2")
    assert json.loads(done.stdout) == {
        "method": "POST",
        "path": "/v2/stats/activity/aggregate",
        "params": {},
        "headers": {},
        "body": {"filter": {"fromDate": "2026-01-01", "toDate": "2026-02-01", "userIds": ["1", "2"]}},
    }


def test_plan_honours_the_context_and_the_time_it_is():
    query = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T12:00:00Z"
    done = cli(
        "plan", "gong/activity", "--query", query, "--context", "time_zone=US/Pacific", "--now", "2026-01-20T09:00:00Z"
    )
    assert json.loads(done.stdout)["body"]["filter"] == {"fromDate": "2025-12-31", "toDate": "2026-01-20"}
    assert done.stderr.count("note[Q510]") == 2


def test_a_setting_given_as_text_has_the_type_the_mapping_declares():
    day = PERIOD + "&aggregation_period=day"
    done = cli("plan", "gong/activity", "--query", day, "--context", "detailed=true")
    assert json.loads(done.stdout)["path"] == "/v2/stats/activity/day-by-day"
    done = cli("plan", "gong/activity", "--query", day, "--context", "detailed=maybe")
    assert (done.exit_code, "detailed: expected" in done.stderr) == (1, True)


def test_schema_prints_each_kind():
    for kind in ("record", "list", "normalized", "query", "openapi", "mapping"):
        done = cli("schema", "conversational-intelligence/activity", "--kind", kind)
        assert isinstance(json.loads(done.stdout), dict), done.stderr
    for document in ("mapping", "resource", "overlay", "case"):
        assert json.loads(cli("schema", document).stdout)["$id"] == f"{document}.schema.json"


def test_schema_check_passes_for_the_shipped_files():
    for resource in ("conversational-intelligence/activity", "mapping"):
        done = cli("schema", resource, "--check")
        assert (done.exit_code, json.loads(done.stdout)) == (0, []), done.stderr


def test_schema_writes_beside_a_resource_and_check_names_stale_files(tmp_path):
    spec = tmp_path / "thing.yaml"
    spec.write_text(
        "version: 1\nunified_model: crm\nresource: thing\ntitle: Thing\nintegrations: [gong]\n"
        "methods: {list: {http_method: GET, path: /unified/crm/thing}}\nparameters: {}\n"
        "fields: {id: {type: string, required: true, description: Names it.}}\n"
        "response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}\n"
    )
    assert cli("schema", spec, "--check").exit_code == 1
    assert cli("schema", spec, "--write").exit_code == 0
    assert cli("schema", spec, "--check").exit_code == 0
    (tmp_path / "thing.record.schema.json").write_text("{}")
    done = cli("schema", spec, "--check")
    assert (done.exit_code, "thing.record.schema.json is not what" in done.stderr) == (1, True)


RECORD = {"id": "1", "metrics": {"calls_hosted": 3}}


@pytest.mark.parametrize(
    ("text", "records"),
    [
        (json.dumps([RECORD, RECORD]), 2),
        (json.dumps(RECORD), 1),
        (json.dumps({"result": [RECORD], "next_cursor": None}), 1),
        (json.dumps({"result": {"a": RECORD}, "next_cursor": "x"}), 1),
        (f"{json.dumps(RECORD)}\n{json.dumps(RECORD)}\n", 2),
        ("[]", 0),
    ],
    ids=["array", "one", "list", "keyed", "ndjson", "empty"],
)
def test_validate_accepts_records_in_each_form(text, records):
    done = cli("validate", "conversational-intelligence/activity", "-", stdin=text)
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"valid": True, "records": records, "findings": 0}


def test_validate_reports_every_finding_with_its_pointer():
    bad = [{"id": "1", "metrics": {"calls_hosted": True}}, {"start_time": "2026-01-01", "nope": 1}]
    done = cli("validate", "conversational-intelligence/activity", "-", stdin=json.dumps(bad))
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"valid": False, "records": 2, "findings": 4}
    for pointer in ("/0/metrics/calls_hosted", "/1/start_time", "/1/nope"):
        assert f"at: {pointer}\n" in done.stderr + "\n"


def test_validate_names_the_line_of_a_bad_ndjson_record():
    done = cli("validate", "conversational-intelligence/activity", "-", stdin='{"id": "1"}\n{"id": 2}\n{"id": \n')
    assert done.exit_code == 1
    assert "<stdin>:2:1" in done.stderr
    assert "<stdin>:3:" in done.stderr


RESOURCE = "conversational-intelligence/activity"


def written(shape, done):
    """What a report names as checked and as wrong, whatever its format."""
    if shape == "junit":
        cases = list(ET.fromstring(done.stdout))
        return [one.get("name") for one in cases], ["error[" in "".join(one.itertext()) for one in cases]
    if shape == "github":
        return [], ["::error " in line for line in done.stdout.splitlines()]
    found = json.loads(done.stdout)
    return [], [True for _ in (found if shape == "json" else found["runs"][0]["results"])]


@pytest.mark.parametrize("shape", ["json", "github", "sarif", "junit"])
def test_findings_come_on_stdout_in_a_format_for_programs(shape, tmp_path):
    records = tmp_path / "records.json"
    records.write_text('[{"id": "1", "nope\\ud800": 1}]')
    bad = cli("validate", RESOURCE, records, "--format", shape)
    records.write_text('[{"id": "1"}]')
    good = cli("validate", RESOURCE, records, "--format", shape)
    names = [str(records)] if shape == "junit" else []
    assert (bad.exit_code, bad.stderr, *written(shape, bad)) == (1, "", names, [True])
    assert (good.exit_code, good.stderr, *written(shape, good)) == (0, "", names, [False] * len(names))


def test_a_file_that_cannot_be_read_is_reported_in_the_format_too():
    done = cli("validate", RESOURCE, "no.json", "--format", "json")
    assert (done.exit_code, [found["code"] for found in json.loads(done.stdout)]) == (2, ["M105"])


def test_schema_checks_several_resources_in_a_format():
    done = cli("schema", RESOURCE, "mapping", "resource", "overlay", "case", "--check", "--format", "junit")
    assert done.exit_code == 0
    names = {"mapping.schema.json", "resource.schema.json", "overlay.schema.json", "case.schema.json", "activity.py"}
    assert {Path(name).name for name in written("junit", done)[0]} > names


def test_the_schema_of_a_resource_s_mappings_is_written_on_demand(tmp_path):
    spec = tmp_path / "thing.yaml"
    spec.write_text((files.home() / "schemas/conversational-intelligence/activity.yaml").read_text("utf-8"))
    assert cli("schema", spec, "--write").exit_code == 0
    assert not (tmp_path / "activity.mapping.schema.json").exists()
    assert cli("schema", spec, "--kind", "mapping", "--check").exit_code == 1
    assert cli("schema", spec, "--kind", "mapping", "--write").exit_code == 0
    assert cli("schema", spec, "--kind", "mapping", "--check").exit_code == 0
    assert json.loads((tmp_path / "activity.mapping.schema.json").read_text())["properties"]["resource"]


# ── list and --version ───────────────────────────────────────────────────────────────────────────────────────────


def test_list_shows_the_shipped_mappings_and_resources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("list")
    assert done.exit_code == 0
    assert re.search(r"(?m)^  gong/activity +conversational-intelligence/activity +\d+ cases +shipped$", done.stdout)
    assert "    list: aggregate, by_period, day_by_day\n" in done.stdout
    assert re.search(r"(?m)^  conversational-intelligence/activity +list +in gong +shipped$", done.stdout)


def test_list_shows_the_project_s_own_files_first_and_what_is_broken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"gong/activity": None, "acme/one": "integration: acme\n", "acme/two": "a: ["}.items():
        path = tmp_path / f"mappings/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((files.home() / "mappings/gong/activity.yaml").read_text("utf-8") if text is None else text)
    (tmp_path / "schemas/crm").mkdir(parents=True)
    (tmp_path / "schemas/crm/deal.yaml").write_text("integrations: [acme]\n")
    done = cli("list")
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.stdout.splitlines() if re.match("  [^ ]", line)] == [
        "acme/one",
        "acme/two",
        "gong/activity",
        "gong/interactions",
        "gong/users",
        "crm/deal",
        "conversational-intelligence/activity",
        "conversational-intelligence/interactions",
        "conversational-intelligence/users",
    ]
    assert re.search(r"(?m)^  acme/one +broken +\d errors +mappings/acme/one.yaml$", done.stdout)
    assert re.search(r"(?m)^  gong/activity .* 0 cases +mappings/gong/activity.yaml$", done.stdout)
    assert "error[M106]: `version` is missing" in done.stderr
    found = json.loads(cli("list", "--format", "json").stdout)
    assert [(one["name"], one["shipped"], "errors" in one) for one in found["mappings"]] == [
        ("acme/one", False, True),
        ("acme/two", False, True),
        ("gong/activity", False, False),
        ("gong/interactions", True, False),
        ("gong/users", True, False),
    ]
    assert [(one["name"], one["shipped"], "errors" in one) for one in found["resources"]] == [
        ("crm/deal", False, True),
        ("conversational-intelligence/activity", True, False),
        ("conversational-intelligence/interactions", True, False),
        ("conversational-intelligence/users", True, False),
    ]
    about = found["mappings"][2]
    assert (about["integration"], about["methods"], about["cases"]) == ("gong", ["list"], 0)
    assert about["endpoints"][0] == {"name": "aggregate", "method": "list", "request": "POST"}


def test_the_version_is_shown():
    done = cli("--version")
    assert (done.exit_code, done.stdout.split()[:2]) == (0, ["truto-mapper", truto_mapper.__version__])


def test_overlays_are_laid_over_the_mapping_and_warnings_about_them_are_shown(tmp_path, payload):
    acme, berlin = tmp_path / "acme.yaml", tmp_path / "berlin.yaml"
    acme.write_text("endpoints: {aggregate: {response_mapping: {metrics: {calls_hosted: 1 + $counts.callsAsHost}}}}\n")
    berlin.write_text("integration: gong\ncontext: {time_zone: {default: Europe/Berlin}, detailed: {default: false}}\n")
    layers = ["--overlay", acme, "--overlay", berlin]
    done = cli("map", "gong/activity", payload, *layers)
    assert json.loads(done.stdout)["result"][0]["metrics"]["calls_hosted"] == 4
    assert "warning[M110]: `context.detailed.default`" in done.stderr
    assert f"--> {berlin}:2:" in done.stderr
    assert json.loads(cli("plan", "gong/activity", "--query", PERIOD, *layers).stdout)["body"]["filter"] == {
        "fromDate": "2026-01-01",
        "toDate": "2026-02-02",
    }
    assert "callsAsHost" in cli("show", "gong/activity", *layers).stdout


def test_eval_prints_the_value(tmp_path):
    (tmp_path / "in.json").write_text('{"a": [1, 2], "name": "Zoë"}')
    assert cli("eval", "$sum(a) & name", tmp_path / "in.json").stdout == '"3Zoë"\n'
    assert cli("eval", "1 + 1").stdout == "2\n"


def test_eval_tells_undefined_from_null():
    undefined, null = cli("eval", "nothing"), cli("eval", "null")
    assert (undefined.exit_code, undefined.stdout) == (0, "")
    assert (null.exit_code, null.stdout) == (0, "null\n")


def test_eval_shows_the_code_and_a_caret():
    done = cli("eval", "1 + $lenth('a'")
    assert done.exit_code == 1
    assert "error[S0203]" in done.stderr
    assert "^" in done.stderr
    failing = cli("eval", '1 + "a"')
    assert (failing.exit_code, "error[T2002]" in failing.stderr) == (1, True)


def test_show_prints_python_a_function_an_endpoint():
    done = cli("show", "gong/activity")
    assert done.exit_code == 0
    assert compile(done.stdout, "shown", "exec")
    assert [line for line in done.stdout.splitlines() if line.startswith("# ")] == [
        "# aggregate",
        "# by_period",
        "# day_by_day",
    ]
    assert max(map(len, done.stdout.splitlines())) < 200


MISTAKES = {
    "an unknown mapping": (["map", "gong/activty", "-"], "{}", 2, "did you mean `gong/activity`?"),
    "no such mapping file": (["plan", "no/such.yaml", "--query", PERIOD], None, 2, "cannot read no/such.yaml"),
    "no such overlay": (["show", "gong/activity", "--overlay", "no.yaml"], None, 2, "cannot read no.yaml"),
    "no such payload": (["map", "gong/activity", "no-such.json"], None, 2, "cannot read no-such.json"),
    "a folder as payload": (["map", "gong/activity", "/"], None, 2, "cannot read /"),
    "a broken payload": (["map", "gong/activity", "-"], '{"a": 1,\n "b": }', 1, "<stdin>:2:7"),
    "an empty payload": (["map", "gong/activity", "-"], "", 1, "the provider's answer is empty (status 200)"),
    "a payload with NaN": (["map", "gong/activity", "-"], '{"a": NaN}', 1, "NaN is not a JSON number"),
    "a payload with an infinite number": (
        ["map", "gong/activity", "-"],
        '{"a": 1e999}',
        1,
        "1e999 is not a JSON number",
    ),
    "an empty user id": (
        ["plan", "gong/activity", "--query", PERIOD + "&users[]="],
        None,
        1,
        "users holds an empty value",
    ),
    "a time outside the calendar": (
        ["plan", "gong/activity", "--query", "start_time=0001-01-01T00:00:00%2B14:00&end_time=2026-01-01T00:00:00Z"],
        None,
        1,
        "outside the years 2 to 9998",
    ),
    "a payload too deep": (["map", "gong/activity", "-"], "[" * 100_000, 1, "nested too deeply"),
    "an enormous number": (["eval", "a", "-"], '{"a": ' + "9" * 5000 + "}", 1, "not valid JSON"),
    "a payload that is no object": (["map", "gong/activity", "-"], "[]", 1, "error[P602]"),
    "an unrecognised payload": (["map", "gong/activity", "-"], "{}", 1, "error[P603]"),
    "a missing parameter": (["plan", "gong/activity", "--query", ""], None, 1, "end_time is required by gong"),
    "an unknown parameter": (
        ["plan", "gong/activity", "--query", PERIOD + "&user=1"],
        None,
        1,
        "did you mean `users`?",
    ),
    "a wrong date": (["plan", "gong/activity", "--query", "start_time=x&end_time=y"], None, 1, "at: /end_time"),
    "a wrong now": (["plan", "gong/activity", "--query", PERIOD, "--now", "today"], None, 1, "at: /now"),
    "a wrong zone": (["plan", "gong/activity", "--query", PERIOD, "--context", "time_zone=Mars"], None, 1, '"Mars"'),
    "an unknown setting": (
        ["plan", "gong/activity", "--query", PERIOD, "--context", "zone=UTC"],
        None,
        1,
        "error[Q509]",
    ),
    "a setting without value": (
        ["plan", "gong/activity", "--query", PERIOD, "--context", "zone"],
        None,
        2,
        'must be NAME=VALUE, not "zone"',
    ),
    "a setting given twice": (
        ["plan", "gong/activity", "--query", PERIOD, "--context", "time_zone=UTC", "--context", "time_zone=Asia/Tokyo"],
        None,
        2,
        'gives time_zone twice: "UTC" and "Asia/Tokyo"',
    ),
    "a setting without name": (
        ["plan", "gong/activity", "--query", PERIOD, "--context", "=UTC"],
        None,
        2,
        'must be NAME=VALUE, not "=UTC"',
    ),
    "an unknown format": (
        ["map", "gong/activity", "-", "--format", "xml"],
        "{}",
        2,
        '--format must be one of unified, raw, normalized, stream, debug, not "xml"',
    ),
    "an unknown report format": (["validate", RESOURCE, "-", "--format", "xml"], "[]", 2, "json, github, sarif"),
    "a report format without a check": (["schema", RESOURCE, "--format", "sarif"], None, 2, "--format needs --check"),
    "several resources to show": (["schema", RESOURCE, "mapping"], None, 2, "need --check or --write"),
    "an unknown kind": (["schema", "conversational-intelligence/activity", "--kind", "x"], None, 2, "record, list"),
    "an unknown resource": (["schema", "conversational-intelligence/activty"], None, 2, "did you mean"),
    "an unknown command": (["mapp"], None, 2, "No such command"),
    "an unknown option": (["map", "gong/activity", "-", "--frmat", "raw"], "{}", 2, "No such option: --frmat"),
    "a status that is no number": (["map", "gong/activity", "-", "--status", "x"], "{}", 2, "'--status'"),
    "an unknown way with invalid values": (
        ["map", "gong/activity", "-", "--on-invalid", "drop"],
        "{}",
        2,
        '--on-invalid must be one of raise, discard_value, discard_record, not "drop"',
    ),
    "an unknown page format": (
        ["docs", "gong/activity", "--format", "pdf"],
        None,
        2,
        "--format must be one of markdown",
    ),
    "a folder of several mappings": (["coverage", "mappings"], None, 2, "mappings holds 2 mappings; name one of them"),
    "a case that is no folder": (
        ["record", "gong/activity", "-", "--case", "../x"],
        "{}",
        2,
        '--case must be the name of a folder, not "../x"',
    ),
    "a name with a control character": (["docs", "gong/\x1b[2J"], None, 2, "cannot read gong/\ufffd[2J: "),
    "an unknown code": (["check", "--explain", "R9O1"], None, 2, 'there is no page about "R9O1"; did you mean R901?'),
    "nothing like a code": (["check", "--explain", "?"], None, 2, 'there is no page about "?"'),
    "bytes that are no UTF-8": (["validate", "conversational-intelligence/activity", "-"], b"\xff", 2, "not UTF-8"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_clear_message_and_no_traceback(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings" / "x").mkdir(parents=True)
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / "mappings" / "x" / name).touch()
    args, stdin, code, said = MISTAKES[mistake]
    done = cli(*args, stdin=stdin)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_every_finding_of_a_broken_mapping_is_reported(tmp_path):
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "version: 1\nintegration: gong\nunified_model: conversational-intelligence\nresource: activity\nmethod: list\n"
        "endpoints:\n  all:\n    path_mapping: '\"/x\"'\n    for_each: {user: users}\n"
        "    response_mapping:\n"
        "      id: $usr.id\n      usr: {id: 1}\n      start_time: $uppercas(x)\n      end_time: 1 +\n"
    )
    done = cli("map", mapping, "-", stdin="{}")
    assert (done.exit_code, done.stderr.count("error[")) == (1, 4)
    for code, line in (("C202", 11), ("C201", 12), ("C203", 13), ("S0207", 14)):
        assert f"error[{code}]" in done.stderr
        assert f"{mapping}:{line}:" in done.stderr


@pytest.mark.parametrize("code", [*CODES, "S0207"])
def test_each_code_is_explained_whatever_its_case(code):
    done = cli("check", "--explain", code.lower())
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"## {code}\n")
    assert f"[{code}]" in done.stdout


def test_an_invalid_list_response_is_a_finding_not_a_crash():
    done = cli("validate", RESOURCE, "-", stdin='{"result": 5}')
    assert (done.exit_code, json.loads(done.stdout)["records"]) == (1, 0)
    assert "expected an array or an object, got 5" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path, payload, monkeypatch, capsys):
    mapping = tmp_path / "mine.yaml"
    shutil.copy(files.home() / "mappings" / "gong" / "activity.yaml", mapping)
    (tmp_path / "mine").touch()  # where the folder of its cases belongs
    monkeypatch.setattr("sys.argv", ["truto-mapper", "record", str(mapping), str(payload), "--case", "x"])
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, capsys.readouterr().err) == (2, f"truto-mapper: {tmp_path}/mine/x: Not a directory\n")


def test_closed_streams_are_empty_ones(monkeypatch):
    monkeypatch.setattr("sys.argv", ["truto-mapper", "eval", "1"])
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(SystemExit) as left:
        main()
    sys.stdin.close()
    sys.stdout.close()
    assert left.value.code == 0


COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli"]


def on_a_terminal(*args):
    """The exit code and the output of a command whose streams are a terminal."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, *args], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while chunk := os.read(ours, 4096):
                shown += chunk
    os.close(ours)
    return process.returncode, shown.decode()


def test_a_terminal_gets_colours_and_the_same_words():
    code, shown = on_a_terminal("eval", "1 +")
    assert code == 1
    assert "\x1b[1;31merror[S0207]\x1b[0m: there is no value after `+`" in shown
    code, shown = on_a_terminal("eval", '{"a": 1}')
    assert (code, json.loads(re.sub(r"\x1b\[[\d;]*m", "", shown))) == (0, {"a": 1})
    assert "\x1b[" in shown


def test_a_reader_that_leaves_early_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, "show", "gong/activity"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_ends_the_command_without_a_traceback(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("truto_mapper.edges.cli.mapping_commands.load", interrupted)
    done = cli("show", "gong/activity")
    assert done.exit_code in (130, 1)  # 1 with older versions of typer
    assert done.stdout == ""
    assert "Traceback" not in done.output


def test_a_start_does_not_import_what_only_other_commands_need():
    others = "{'jsonschema', 'rich.console', 'truto_mapper.authoring.golden', 'truto_mapper.authoring.check'}"
    code = f"import sys, truto_mapper.edges.cli; print(sorted({others} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_check_does_not_import_what_only_other_commands_need():
    others = "{'jsonschema', 'rich.console', 'truto_mapper.authoring.golden', 'truto_mapper.edges.client'}"
    code = (
        "import sys, truto_mapper.edges.cli as cli; sys.argv = ['truto-mapper', 'check', 'gong/activity']\n"
        "try: cli.main()\nexcept SystemExit as done: assert not done.code\n"
        f"print(sorted({others} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_the_formats_of_pages_are_those_of_their_modules():
    assert (*coverage.FORMATS,) == authoring_commands.COVERAGE_FORMATS
    assert (*docs.FORMATS,) == authoring_commands.DOCS_FORMATS


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_its_extra_the_command_line_says_what_to_install(package):
    code = f"import sys; sys.modules[{package!r}] = None; import truto_mapper.edges.cli"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "truto-mapper: the command line needs an extra: pip install 'truto-mapper[cli]'\n"


def test_the_installed_command_runs_without_a_terminal(payload):
    command = [*COMMAND, "map", "gong/activity", str(payload), "--query", PERIOD]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, "error" in done.stderr) == (0, False)
    assert json.loads(done.stdout)["result"][0]["id"] == "58908407122430761234_total_2026-01-01_2026-02-01"


def test_text_that_utf8_cannot_hold_still_prints_as_json():
    done = cli("eval", '"\\ud83d"')
    assert done.exit_code == 0
    assert json.loads(done.stdout) == "\ud83d"


FUTURE = "start_time=2026-01-01T00:00:00Z&end_time=2999-01-01T00:00:00Z"


def test_the_time_is_the_clocks_unless_it_is_given(payload):
    today = datetime.now(UTC).date()
    done = cli("plan", "gong/activity", "--query", FUTURE)
    last = date.fromisoformat(json.loads(done.stdout)["body"]["filter"]["toDate"])
    assert today <= last <= datetime.now(UTC).date()
    assert "was cut to the beginning of today" in done.stderr
    for command in (["map", "gong/activity", payload], ["explain", "gong/activity", payload]):
        assert "was cut to the beginning of today" in cli(*command, "--query", FUTURE).stderr
    done = cli("plan", "gong/activity", "--query", FUTURE, "--now", "2026-03-05T12:00:00Z")
    assert json.loads(done.stdout)["body"]["filter"]["toDate"] == "2026-03-05"


@pytest.mark.parametrize("command", ["plan", "map", "explain"])
def test_the_help_says_which_time_it_is(command):
    assert "by default the clock's" in " ".join(cli(command, "--help").stdout.split())


def test_a_golden_case_has_no_time_but_its_own(tmp_path, payload):
    mapping = tmp_path / "mine.yaml"
    shutil.copy(files.home() / "mappings" / "gong" / "activity.yaml", mapping)
    done = cli("record", mapping, payload, "--case", "x", "--query", FUTURE)
    assert done.exit_code == 0
    assert "now:" not in (tmp_path / "mine" / "x" / "case.yaml").read_text()
    assert (
        json.loads((tmp_path / "mine" / "x" / "request.json").read_text())["body"]["filter"]["toDate"] == "2999-01-01"
    )


def _of_commands():
    """Each parameter of each command, with the name of the command."""
    for name in cli_module.COMMANDS:
        command = cli_module._imported(name)
        for one in (command, *getattr(command, "commands", {}).values()):
            yield from ((f"{name} {one.name}", parameter) for parameter in one.get_params(Context(one)))


def _outcome(function, value):
    """What a parameter makes of a value: it, and its class, or how it is refused."""
    try:
        made = function(None, copy.copy(value))
    except Exception as error:  # noqa: BLE001  # whatever typer refuses it with
        return type(error), str(error)
    return type(made), made


def test_a_value_that_is_taken_as_it_is_is_what_typer_makes_of_it():
    values = [None, "text", "3", 7, 2.5, True, False, (), ("a", "b"), ["a"], ("a", 3)]
    compared = Counter()
    for name, parameter in _of_commands():
        for value in [*values, parameter.default]:
            quick = parameter.process_value
            assert isinstance(quick, partial), name
            expected = _outcome(quick.args[1], value)
            assert _outcome(quick, value) == expected, (name, parameter.name, value)
            compared[expected[0]] += 1
    assert compared.total() > 2_000
    assert min(compared[kind] for kind in (str, int, float, bool, list, type(None))) > 3


def test_short_commands_start_without_pydantic(payload):
    code = (
        "import sys, truto_mapper.edges.cli as cli\n"
        f"sys.argv = ['truto-mapper', 'map', 'gong/activity', {str(payload)!r}, '--query', {PERIOD!r}]\n"
        "try: cli.main()\nexcept SystemExit as done: assert not done.code\n"
        "print('pydantic' in sys.modules, file=sys.stderr)"
    )
    for _ in range(2):  # the first run may have to compile the mapping
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "False"
