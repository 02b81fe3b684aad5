"""What cases exercise of a mapping, held against a count by hand, and its reports against their own schemas."""

import json
import re
from pathlib import Path

import pytest
from lxml import etree
from typer.testing import CliRunner

from truto_mapper import Source, load
from truto_mapper.authoring import coverage, golden, mapping_files
from truto_mapper.edges import cli

DATA = Path(__file__).parent / "data"

MAPPING = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
endpoints:
  all:
    recognise: $exists(users)
    source_schema: users
    path_mapping: '"/users"'
    for_each: {user: users}
    response_mapping:
      id: $user.id
      user:
        id: $user.id
        name: |
          $user.first ?
            $user.first :
            $user.last
      start_time: $user.seen[kind = "call"].at
      aggregation_period: '$user.many ? "week" : "total"'
      end_time: $response.until
"""
LEAVES = {"first": "string", "last": "string", "many": "boolean", "id": "string", "team": "string"}
SEEN = {"type": "object", "properties": {"kind": {"enum": ["call", "mail"]}, "at": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "users": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": kind} for name, kind in LEAVES.items()}
                | {"seen": {"type": "array", "items": SEEN}},
            },
        },
        "until": {"type": "string"},
    },
}
ONE = {"users": [{"id": "1", "first": "Ann", "seen": [{"kind": "call", "at": "2026-01-01T00:00:00Z"}]}]}
TWO = {"users": [{"id": "2", "last": "Bo", "seen": [{"kind": "mail", "at": "2026-01-01T00:00:00Z"}]}]}

# By hand. Source fields: first, last, id, seen.kind and seen.at are read; many, team and until are never there to be
# read, though the mapping looks for two of them: 5 of 8. Target fields: end_time is never written: 5 of 6. Branches:
# recognise is never false, the name is taken each way, a call is kept and a mail left out, nobody has many: 6 of 8.
# Enum values: of the period "total" alone, and both kinds: 3 of 6; day, week and month are left.
BY_HAND = {
    "source fields": (5, 8, {"all: users.many", "all: users.team", "all: until"}),
    "target fields": (5, 6, {"all: end_time"}),
    "branches": (6, 8, {"false of $exists(users)", 'then of $user.many ? "week" : "total"'}),
    "enum values": (3, 6, {f'aggregation_period = "{value}"' for value in ("day", "week", "month")}),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("schemas").mkdir()
    Path("schemas/users.schema.json").write_text(json.dumps(SCHEMA))
    Path("acme.yaml").write_text(MAPPING)
    for name, payload in (("one", ONE), ("two", TWO)):
        golden.record(Path("acme.yaml"), name, payload, {"description": "A user."}, salt=None)
    return Path("acme.yaml")


def measured(path, overlays=()):
    return coverage.measure(load(path, overlays=overlays), map(golden.read, golden.folders(path)))


def run(*arguments):
    return CliRunner().invoke(cli.app, ["coverage", *map(str, arguments)])


@pytest.mark.parametrize("counter", coverage.COUNTERS)
def test_each_counter_agrees_with_a_count_by_hand(counter, project):
    units = measured(project).of(counter)
    hit, total, missed = BY_HAND[counter]
    assert {unit.name for unit in units if not unit.hits} == missed
    assert (sum(bool(unit.hits) for unit in units), len(units)) == (hit, total)


@pytest.mark.parametrize(
    ("expression", "missed"),
    [
        ("$user.first ?? $user.last", set()),
        ("$user.first ?: $user.last", set()),
        ("$user.id ?? $user.last", {"right of $user.id ?? $user.last"}),
        ("$user.none ?? $user.id", {"left of $user.none ?? $user.id"}),
        ("$user.seen[kind = 'call'].kind", set()),
        ("$user.seen[0].kind", set()),
        ("$user.seen[$exists(kind)].kind", {"left out of [$exists(kind)]"}),
        ("[$user.first, null][$boolean($)]", set()),
        ("($f := function($x) { $x ? $fromMillis(0) }; $f($user.first))", set()),
        ("($f := function($x) { $x ? $g($x) : 'none' }; $g := function($x) { $x }; $f($user.first))", set()),
        ("($f := function($x) { $x ? $fromMillis(0) }; $f($user.id))", {"else of $x ? $fromMillis(0)"}),
    ],
)
def test_each_way_of_a_branch_is_counted_by_the_way_it_was_taken(expression, missed, project):
    project.write_text(project.read_text().replace("end_time: $response.until", f"end_time: |\n        {expression}"))
    names = {unit.name for unit in measured(project).missed("branches")}
    assert names - BY_HAND["branches"][2] == missed


PERIODS = {"day", "week", "month", "total"}


@pytest.mark.parametrize(
    ("expression", "counted"),
    [
        ("$query.aggregation_period", PERIODS),
        ('$query."aggregation_period"', PERIODS),
        ("($q := $query; $q.aggregation_period)", PERIODS),
        ('"$query.aggregation_period"', set()),
        ("/* not $query.aggregation_period */ $query.limit", set()),
        ("($query := {}; $query.aggregation_period)", set()),
    ],
)
def test_the_values_of_a_parameter_are_counted_where_an_expression_reads_it(expression, counted, project):
    project.write_text(project.read_text().replace("'\"/users\"'", f"|\n      {expression}"))
    names = [unit.name for unit in measured(project).of("enum values")]
    assert {name.split('"')[1] for name in names if name.startswith("$query.aggregation_period")} == counted


SHARED = """\
version: 1
integration: acme
unified_model: crm
resource: contact
endpoints:
  all:
    source_schema: contacts
    path_mapping: '"/contacts"'
    for_each: {contact: data}
    response_mapping: &contact {id: $contact.id, stage: $contact.stage}
  one:
    method: get
    source_schema: contact
    path_mapping: '"/contacts/" & $encodeUrlComponent($id)'
    for_each: {contact: $}
    response_mapping: *contact
"""
CONTACT_SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme, other]
methods:
  list: {http_method: GET, path: /unified/crm/contact}
  get: {http_method: GET, path: '/unified/crm/contact/{id}'}
parameters:
  stage: {type: string, enum: [new, won], supported_in: [other]}
fields: {id: {type: string}, stage: {type: string, enum: [new, won]}}
response: {result: {type: array, items: {type: object}}}
"""
CONTACT = {"type": "object", "properties": {"id": {"type": "string"}, "stage": {"enum": ["new", "won"]}}}


@pytest.fixture
def contacts(tmp_path, monkeypatch):
    """A mapping with one response mapping for two methods, and a case of the list."""
    monkeypatch.chdir(tmp_path)
    Path("schemas/crm").mkdir(parents=True)
    Path("schemas/crm/contact.yaml").write_text(CONTACT_SPEC)
    page = {"type": "object", "properties": {"data": {"type": "array", "items": CONTACT}}}
    Path("schemas/contacts.schema.json").write_text(json.dumps(page))
    Path("schemas/contact.schema.json").write_text(json.dumps(CONTACT))
    path = Path("acme.yaml")
    path.write_text(SHARED)
    rows = [{"id": "1", "stage": "new"}, {"id": "2", "stage": "won"}]
    golden.record(path, "all", {"data": rows}, {"description": "Both stages."}, salt=None)
    return path


def test_endpoints_that_share_a_response_mapping_count_its_fields_once(contacts):
    units = measured(contacts).units
    names = ["data", "data.id", "data.stage", 'data.stage = "new"', 'data.stage = "won"', "id", "stage"]
    assert {unit.name for unit in units if unit.name.startswith("all: ")} == {f"all: {name}" for name in names}
    assert [unit.name for unit in units if not unit.hits] == ["one: its reply"]
    golden.record(contacts, "one", {"id": "1"}, {"description": "One.", "method": "get", "id": "1"}, salt=None)
    assert measured(contacts).percent == 100


def test_values_of_a_parameter_that_the_integration_does_not_know_are_not_counted(contacts):
    contacts.write_text(SHARED.replace("path_mapping: '\"/contacts\"'", "path_mapping: '\"/\" & $query.stage'"))
    assert not [
        unit.name for unit in measured(contacts).units if "$query" in unit.name and unit.counter == "enum values"
    ]


def test_lines_count_what_began_on_them(project):
    (lines,) = measured(project).lines.values()
    text = project.read_text().splitlines()
    hits = {text[line - 1].strip(): count for line, count in lines.items()}
    assert hits["$user.first ?"] == 2
    assert hits["$user.first :"] == 1
    assert hits["$user.last"] == 1
    assert hits["path_mapping: '\"/users\"'"] == 0  # no case has a query


def test_the_text_has_the_counters_and_each_missed_unit_with_its_line(project):
    done = run(project)
    assert done.exit_code == 0
    assert re.search(r"(?m)^  source fields +5 of 8 +62\.5%$", done.stdout)
    assert re.search(r"(?m)^  total +67\.9%$", done.stdout)
    assert 'acme.yaml:21  then of $user.many ? "week" : "total"' in done.stdout


def test_json_has_the_counters_and_the_place_of_each_unit_that_is_missed(project):
    found = json.loads(run(project, "--format", "json").stdout)
    assert (found["cases"], found["percent"]) == (2, 67.86)
    counters = {name: (one["hit"], one["total"]) for name, one in found["counters"].items()}
    assert counters == {name: BY_HAND[name][:2] for name in coverage.COUNTERS}
    assert {"name": "all: end_time", "source": "acme.yaml", "line": 22} in found["counters"]["target fields"]["missed"]


def test_fewer_than_wanted_is_a_failure(project):
    assert run(project, "--fail-under", 67.5).exit_code == 0
    done = run(project, "--fail-under", 68)
    assert (done.exit_code, done.stderr) == (1, "coverage is 67.9%, less than the required 68%\n")


def test_cases_may_be_named(project):
    assert run(project, "one").stdout.startswith("1 case\n")
    refused = run(project, "tow")
    assert refused.exit_code == 2
    assert "did you mean `two`?" in refused.stderr


def test_expressions_of_an_overlay_are_counted_in_its_file(project):
    text = "endpoints: {all: {response_mapping: {end_time: $user.seen.at}}}\n"
    found = measured(project, [Source("acme-eu.yaml", text)])
    assert [source.name for source in found.lines] == ["acme-eu.yaml", "acme.yaml"]
    assert not [unit for unit in found.of("target fields") if not unit.hits]


def test_a_report_of_cobertura_is_valid_and_has_the_lines_and_branches(project):
    root = etree.fromstring(run(project, "--format", "cobertura").stdout_bytes)
    dtd = etree.DTD(str(DATA / "coverage-04.dtd"))
    assert dtd.validate(root), dtd.error_log
    assert (root.get("branches-covered"), root.get("branches-valid")) == ("6", "8")
    (line,) = root.xpath("//line[@number='21']")
    assert dict(line.attrib) == {"number": "21", "hits": "2", "branch": "true", "condition-coverage": "50% (1/2)"}
    assert [dict(one.attrib) for one in line.iter("condition")] == [{"number": "0", "type": "jump", "coverage": "50%"}]
    (file,) = root.iter("class")
    assert (file.get("filename"), file.get("branch-rate")) == ("acme.yaml", "0.7500")


def test_the_page_shows_each_line_of_the_mapping_and_nothing_of_it_is_markup(project):
    project.write_text(project.read_text().replace('"week" :', '"<b>week</b>" :'))
    shown = run(project, "--format", "html").stdout
    assert "&lt;b&gt;week" in shown
    assert "<b>week" not in shown
    root = etree.HTML(shown)
    kinds = {row.xpath("string(td[1])"): row.get("class") for row in root.xpath("//tr")}
    assert (kinds["10"], kinds["13"], kinds["21"], kinds["1"]) == ("no", "ok", "half", "")
    assert len(kinds) == len(project.read_text().splitlines())
    (never,) = root.xpath("//tr[@id='L21']//i")
    assert never.text.startswith("never then of $user.many ?")


def test_the_same_cases_give_the_same_reports(project):
    for format_ in coverage.FORMATS:
        assert run(project, "--format", format_).stdout == run(project, "--format", format_).stdout


def test_the_cases_of_the_shipped_mapping_take_every_branch_and_write_every_field():
    path = mapping_files.mappings("gong/activity")[0]
    found = measured(path)
    missed = [unit.name for unit in found.units if not unit.hits and unit.counter != "source fields"]
    assert missed == []
    assert all(hits for lines in found.lines.values() for hits in lines.values())
