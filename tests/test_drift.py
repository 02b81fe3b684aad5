"""Real replies are compared with the schema of their endpoint; what the mapping reads comes first, and fails."""

import copy
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper import MappingError, Source, load
from truto_mapper.authoring import drift
from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.sources import reply_reads
from truto_mapper.edges.cli import app
from truto_mapper.text import files

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /contact}}
parameters: {}
fields:
  id: {type: string, required: true}
  name: {type: string}
  stage: {type: string}
  home: {type: object}
  tags: {type: array, items: {type: string}}
response: {}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  people:
    recognise: $exists(people)
    path_mapping: '"/people"'
    source_schema: acme/people
    for_each: {person: people}
    next_cursor: paging.next
    let: {about: $person.details}
    response_mapping:
      id: $person.id
      name: $about.firstName & " " & $about.lastName
      stage: $about.stage
      home: $person.home
      tags: $person.tags
  firms:
    recognise: $exists(firms)
    path_mapping: '"/firms"'
    response_mapping: {id: '"1"'}
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "people": {"type": "array", "items": {"$ref": "#/$defs/person"}},
        "paging": {"type": ["object", "null"], "properties": {"next": {"$ref": "#/$defs/text"}}},
        "total": {"type": "integer"},
    },
    "$defs": {
        "text": {"type": ["string", "null"]},
        "person": {
            "type": "object",
            "required": ["id", "kind"],
            "properties": {
                "id": {"$ref": "#/$defs/id", "description": "The id."},
                "managerId": {"$ref": "#/$defs/id"},
                "kind": {"enum": ["human", "robot"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "home": {"type": "object", "properties": {"street": {"type": "string"}}},
                "details": {
                    "type": "object",
                    "properties": {
                        "firstName": {"$ref": "#/$defs/text"},
                        "lastName": {"$ref": "#/$defs/text"},
                        "stage": {"type": "string", "enum": ["OPEN", "WON"]},
                        "score": {"type": "number"},
                        "level": {"const": 1},
                        "free": {"anyOf": [{"type": "string"}, {"type": "object"}]},
                    },
                },
            },
        },
        "id": {"type": "string", "maxLength": 9},
    },
}
PERSON = {
    "id": "1",
    "managerId": "2",
    "kind": "human",
    "tags": ["a"],
    "home": {"street": "x"},
    "details": {
        "firstName": "Ada",
        "lastName": None,
        "stage": "OPEN",
        "score": 2,
        "level": 1,
        "free": {"any": "thing"},
    },
}
REPLY = {"people": [PERSON, PERSON], "paging": {"next": "p2"}, "total": 2}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "mappings/acme/contact.yaml": MAPPING,
        "schemas/crm/contact.yaml": SPEC,
        "schemas/acme/people.schema.json": json.dumps(SCHEMA, indent=2) + "\n",
    }.items():
        Path(name).parent.mkdir(parents=True)
        Path(name).write_text(text)
    return Path("mappings/acme/contact.yaml")


def changed(*edits, reply=REPLY):
    """The reply with values set; a place is written as `people.0.id`, and a value of `...` removes it."""
    made = json.loads(json.dumps(reply))  # a deep copy would share what the reply shares
    for place, value in edits:
        *steps, last = (int(step) if step.isdigit() else step for step in place.split("."))
        inner = made
        for step in steps:
            inner = inner[step]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return made


def both(place, value):
    """An edit of both persons."""
    return (f"people.0.{place}", value), (f"people.1.{place}", value)


def renamed(old, new):
    *_, last = old.split(".")
    value = PERSON["details"].get(last, PERSON.get(last))
    return *both(old, ...), *both(new, value)


def found(project, *replies, endpoint="people"):
    mapper = load(project)
    (one,) = [one for one in mapper.mapping.endpoints if one.name == endpoint]
    return drift.drift(mapper, one, seen(replies))


def seen(replies):
    made = Seen()
    for number, reply in enumerate(replies):
        made.reply(f"r{number}", reply)
    return made


def said(project, *replies):
    changes = found(project, *replies).changes
    return [(one.found.severity, one.found.code, one.found.message) for one in changes]


# ── What changed ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_replies_that_fit_have_not_drifted(project):
    assert said(project, REPLY, REPLY, {"people": []}, {"people": [], "paging": None}) == []


CHANGES = {
    "a renamed field that is read": (
        renamed("details.firstName", "details.first_name"),
        [
            ("error", "R901", "`firstName` is gone: none of 2 objects has it; `first_name` is new"),
            ("note", "R905", "`first_name` (a string) is new"),
        ],
    ),
    "a field that is gone": (
        both("details.firstName", ...),
        [("error", "R901", "`firstName` is gone: none of 2 objects has it")],
    ),
    "a field that one row lacks": ([("people.0.details.firstName", ...)], []),
    "an inner object that is gone says nothing about its fields": (
        both("details", ...),
        [("error", "R901", "`details` is gone: none of 2 objects has it")],
    ),
    "a renamed list of rows": (
        [("people", ...), ("peoples", [PERSON])],
        [("error", "R901", "`people` is gone; `peoples` is new"), ("note", "R905", "`peoples` (an array) is new")],
    ),
    "another type": (both("id", 7), [("error", "R902", "`id` is an integer, not a string: 7")]),
    "several other types": (
        [("people.0.id", 7), ("people.1.id", [True])],
        [("error", "R902", "`id` is an array or an integer, not a string: 7")],
    ),
    "an object instead of a list": (
        [("people.0.tags", {"a": 1})],
        [("error", "R902", '`tags` is an object, not an array: {"a": 1}')],
    ),
    "items of another type": ([("people.0.tags.0", 5)], [("error", "R902", "`tags[]` is an integer, not a string: 5")]),
    "rows that are texts": ([("people.0", "x")], [("error", "R902", '`people[]` is a string, not an object: "x"')]),
    "a type within what is read as a whole": (
        [("people.0.home.street", 5)],
        [("error", "R902", "`street` is an integer, not a string: 5")],
    ),
    "an integer where numbers are declared": (both("details.score", 2.0), []),
    "a fraction where an integer is declared": (
        [("total", 2.5)],
        [("note", "R902", "`total` is a number, not an integer: 2.5")],
    ),
    "a whole float where an integer is declared": ([("total", 2.0)], []),
    "null": ([("people.1.id", None)], [("error", "R903", "`id` is null, which is not declared")]),
    "null in a field that is not read": (
        [("people.1.managerId", None)],
        [("note", "R903", "`managerId` is null, which is not declared")],
    ),
    "a required field that a row lacks": (
        [("people.1.id", ...)],
        [("error", "R903", "`id` is required, and absent from 1 of 2 objects")],
    ),
    "a required field that is not read and gone": (
        both("kind", ...),
        [("note", "R903", "`kind` is required, and absent from 2 of 2 objects")],
    ),
    "another value": (
        [("people.1.details.stage", "LOST")],
        [("error", "R904", '`stage` is "LOST", which is not listed')],
    ),
    "other values of a field that is not read": (
        [("people.0.kind", "cat"), ("people.1.kind", None)],
        [("note", "R904", '`kind` is "cat", null, which is not listed')],
    ),
    "another value than the constant": (
        [("people.0.details.level", True), ("people.1.details.level", 2)],
        [("note", "R904", "`level` is true, 2, which is not listed")],
    ),
    "new fields": (
        [("people.0.a", 1), ("people.1.a", None), ("people.1.b", None), ("extra", {"x": [1]})],
        [
            ("note", "R905", "`a` (an integer) and `b` (always null) are new"),
            ("note", "R905", "`extra` (an object) is new"),
        ],
    ),
    "many new fields": (
        [(f"n{number}", "x") for number in range(11)],
        [("note", "R905", ", ".join(f"`n{n}` (a string)" for n in range(8)) + " and 3 more are new")],
    ),
    "a last page has no cursor": ([("paging.next", ...)], []),
    "a last page has no paging": ([("paging", ...)], []),
    "a renamed cursor": (
        [("paging.next", ...), ("paging.nextPage", "p2")],
        [("error", "R901", "`next` is gone; `nextPage` is new"), ("note", "R905", "`nextPage` (a string) is new")],
    ),
    "a field that is not read and gone": ([("total", ...), *both("managerId", ...)], []),
    "what alternatives hold is not compared": (both("details.free", {"x": 1}), []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_found_once_and_ranked_by_what_the_mapping_reads(project, name):
    edits, expected = CHANGES[name]
    assert said(project, changed(*edits)) == expected


def test_a_change_is_shown_where_the_mapping_reads_it_and_where_it_is_in_the_reply(project):
    (one,) = found(project, changed(("people.1.details.stage", "LOST"))).changes
    assert one.found.render() == (
        'error[R904]: `stage` is "LOST", which is not listed\n'
        "  --> mappings/acme/contact.yaml:17:21\n"
        "   |\n"
        "17 |       stage: $about.stage\n"
        "   |                     ^^^^^\n"
        "   = at: /people/1/details/stage"
    )
    assert one.place == "people[].details.stage"


def test_a_change_that_is_not_read_is_shown_in_the_schema(project):
    (one,) = found(project, changed(("total", "2"))).changes
    assert '"total": {' in one.found.render()
    assert "schemas/acme/people.schema.json" in one.found.render()


def test_a_field_that_an_earlier_reply_has_is_not_gone_and_a_finding_names_its_reply(project):
    without = changed(*both("details.firstName", ...), ("people.0.id", 7))
    assert said(project, REPLY, without) == [("error", "R902", "`id` is an integer, not a string: 7 (in r1)")]


def test_an_endpoint_without_a_schema_and_an_invalid_schema_are_findings_with_their_place(project):
    with pytest.raises(MappingError, match="`firms` names no source_schema"):
        found(project, {}, endpoint="firms")
    path = Path("schemas/acme/people.schema.json")
    path.write_text(path.read_text().replace('"maxLength": 9', '"pattern": "(?=x)"'))
    with pytest.raises(MappingError) as caught:
        found(project, REPLY)
    (one,) = caught.value.diagnostics
    assert (one.code, one.source.text[one.span.start : one.span.end]) == ("M108", '"(?=x)"')


def test_the_endpoint_is_that_which_recognises_the_reply():
    mapper = load("gong/activity")
    names = {"usersAggregateActivityStats": "aggregate", "usersDetailedActivities": "day_by_day"}
    for key, name in names.items():
        (one,) = drift.recognised(mapper, {key: []})
        assert one.name == name
    for other in ({}, [], None, "x", {"errors": ["no"]}):
        assert drift.recognised(mapper, other) == []


def test_what_an_endpoint_reads_is_found_through_let_and_for_each(project):
    people = load(project).mapping.endpoints[0]
    read = {(one.key, ".".join(one.path)) for one in reply_reads(people)}
    assert {("recognise", "people"), ("next_cursor", "paging.next"), ("let", "people.details")} <= read
    assert ("response_mapping", "people.details.stage") in read


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PERSON, "x", ""]), inner, max_size=4),
    max_leaves=12,
)
REPLIES = JSON | st.fixed_dictionaries({"people": JSON | st.lists(JSON | st.just(PERSON), max_size=3)})


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaded")
    (folder / "schemas/crm").mkdir(parents=True)
    (folder / "schemas/acme").mkdir()
    (folder / "schemas/crm/contact.yaml").write_text(SPEC)
    (folder / "schemas/acme/people.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "contact.yaml").write_text(MAPPING)
    return load(folder / "contact.yaml")


@settings(max_examples=100, deadline=None)
@given(replies=st.lists(REPLIES, min_size=1, max_size=3))
def test_a_schema_that_was_written_from_any_replies_allows_them(loaded, replies):
    people, held = loaded.mapping.endpoints[0], seen(replies)
    schema = copy.deepcopy(SCHEMA)
    first = drift.drift(loaded, people, held).changes
    assert drift.widened(schema, first) == [one for one in first if one.kind != "gone"]
    again = drift.drift(loaded, people._replace(source=Source("written", json.dumps(schema))), held).changes
    assert {one.kind for one in again} <= {"gone"}


# ── The command ──────────────────────────────────────────────────────────────────────────────────────────────────


def cli(*args, stdin=None):
    return CliRunner().invoke(app, ["drift", *map(str, args)], input=stdin)


def write(name, *replies, lines=False):
    Path(name).write_text("\n".join(map(json.dumps, replies)) if lines else json.dumps(replies[0]))
    return name


def test_the_exit_code_says_whether_the_mapping_reads_what_changed(project):
    done = cli(project, write("same.json", REPLY))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "people: 1 reply, nothing changed that the mapping reads\n"
    done = cli(project, write("new.json", changed(("extra", 1))))
    assert (done.exit_code, done.stderr.count("note[R905]")) == (0, 1)
    assert done.stdout == "people: 1 reply, nothing changed that the mapping reads, 1 that it does not read\n"
    done = cli(project, write("other.json", changed(("extra", 1), *both("id", 7))))
    assert (done.exit_code, done.stderr.count("error[R902]")) == (1, 1)
    assert done.stderr.index("error[R902]") < done.stderr.index("note[R905]")
    assert done.stdout == "people: 1 reply, 1 change that the mapping reads, 1 that it does not read\n"


@pytest.mark.parametrize("form", ["lines", "array", "stdin", "files", "pretty"])
def test_replies_come_as_lines_as_an_array_from_stdin_and_from_files(project, form):
    replies = [REPLY, changed(("people.0.id", 7)), REPLY]
    given, stdin = ["r.json"], None
    match form:
        case "lines":
            write("r.json", *replies, lines=True)
        case "array":
            write("r.json", replies)
        case "stdin":
            given, stdin = ["-"], "\n".join(map(json.dumps, replies)) + "\n\n"
        case "files":
            given = [write(f"{number}.json", reply) for number, reply in enumerate(replies)]
        case "pretty":
            Path("r.json").write_text(json.dumps(replies, indent=2))
    done = cli(project, *given, stdin=stdin)
    assert (done.exit_code, done.stdout) == (1, "people: 3 replies, 1 change that the mapping reads\n")
    name = {"lines": "r.json:2", "stdin": "<stdin>:2", "files": "1.json"}.get(form, "r.json#1")
    assert f"`id` is an integer, not a string: 7 (in {name})" in done.stderr


def test_an_array_is_one_reply_where_the_schema_says_that_a_reply_is_one(project):
    Path("schemas/acme/people.schema.json").write_text('{"type": "array", "items": {"type": "integer"}}')
    done = cli(project, write("r.json", [1, "2"]), "--endpoint", "people")
    assert "`[]` is a string, not an integer" in done.stderr
    assert "1 reply" in done.stdout


def test_golden_cases_are_replies_too():
    folder = files.home() / "mappings" / "gong" / "activity"
    done = cli("gong/activity", folder / "one-user", folder / "error-403")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "aggregate: 1 reply, nothing changed that the mapping reads",
        "left out: 1 case without a reply, or with that of a failed request",
    ]
    done = cli("gong/activity", folder)
    assert done.exit_code == 1  # some cases are about replies that do not fit
    assert [line.partition(":")[0] for line in done.stdout.splitlines()][:3] == ["aggregate", "by_period", "day_by_day"]


def test_a_reply_that_is_not_recognised_fails_and_the_endpoint_can_be_named(project):
    reply = write("r.json", changed(("people", ...), ("peoples", [PERSON])))
    done = cli(project, reply)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[P603]: r.json is not recognised as a reply of any endpoint" in done.stderr
    assert "--endpoint NAME (people, firms)" in done.stderr
    done = cli(project, reply, "--endpoint", "people")
    assert "`people` is gone; `peoples` is new" in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize("format_", ["json", "github", "sarif", "junit"])
def test_other_formats_have_every_change_on_stdout(project, format_):
    done = cli(project, write("r.json", changed(("extra", 1), *both("id", 7))), "--format", format_)
    assert (done.exit_code, done.stderr) == (1, "")
    assert "R902" in done.stdout
    assert "R905" in done.stdout
    if format_ == "json":
        assert [one["code"] for one in json.loads(done.stdout)] == ["R902", "R905"]


def test_write_proposes_the_schema_and_removes_nothing(project):
    reply = changed(("extra", [{"a": 1}]), *both("id", 7), *renamed("details.stage", "details.Stage"), ("total", None))
    done = cli(project, write("r.json", reply), "--write")
    assert done.exit_code == 1
    assert "schemas/acme/people.schema.json: wrote 4 changes\n" in done.stdout
    assert "schemas/acme/people.schema.json: still declares people[].details.stage\n" in done.stdout
    text = Path("schemas/acme/people.schema.json").read_text()
    made = json.loads(text)
    person = made["$defs"]["person"]["properties"]
    assert person["id"] == {"type": ["string", "integer"], "maxLength": 9, "description": "The id."}
    assert made["$defs"]["id"] == SCHEMA["$defs"]["id"]
    assert person["managerId"] == {"$ref": "#/$defs/id"}
    assert person["details"]["properties"]["Stage"] == {"type": "string"}
    assert "stage" in person["details"]["properties"]
    assert made["properties"]["total"] == {"type": ["integer", "null"]}
    items = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert made["properties"]["extra"] == {"type": "array", "items": items}
    assert text == json.dumps(made, indent=2) + "\n"
    done = cli(project, "r.json")
    assert (done.exit_code, done.stderr.count("[R"), "`stage` is gone" in done.stderr) == (1, 1, True)


def test_write_leaves_a_schema_that_fits_as_it_is(project):
    path = Path("schemas/acme/people.schema.json")
    path.write_text(json.dumps(SCHEMA))
    done = cli(project, write("r.json", REPLY), "--write")
    assert (done.exit_code, path.read_text()) == (0, json.dumps(SCHEMA))


MISTAKES = {
    "no reply": (["mine.yaml"], 2, "Missing argument"),
    "no such mapping": (["acme/none", "r.json"], 2, 'there is no mapping "acme/none"'),
    "no such file": (["MAPPING", "none.json"], 2, "cannot read none.json"),
    "no JSON": (["MAPPING", "MAPPING"], 1, "not valid JSON"),
    "a folder without cases": (["MAPPING", "schemas"], 2, "schemas holds no golden cases"),
    "an empty array": (["MAPPING", "empty.json"], 2, "empty.json holds no replies"),
    "no such endpoint": (["MAPPING", "r.json", "--endpoint", "persons"], 2, "--endpoint must be one of people, firms"),
    "an endpoint without a schema": (["MAPPING", "r.json", "--endpoint", "firms"], 1, "`firms` names no source_schema"),
    "writing what ships": (
        ["gong/activity", "gong.json", "--write"],
        2,
        "--write needs a mapping that is given by its",
    ),
    "a reply too deep": (["MAPPING", "deep.json"], 1, "nested too deeply"),
    "a scalar": (["MAPPING", "scalar.json"], 1, "error[P603]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_clear_message(project, mistake):
    write("r.json", REPLY)
    write("gong.json", {"usersAggregateActivityStats": []})
    Path("deep.json").write_text("[" * 100_000)
    Path("scalar.json").write_text("5")
    Path("empty.json").write_text("[]")
    args, code, text = MISTAKES[mistake]
    done = cli(*(project if one == "MAPPING" else one for one in args))
    assert (done.exit_code, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.output


def test_a_schema_that_ships_is_not_written_for_a_mapping_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(files.home() / "mappings" / "gong" / "activity.yaml", "mine.yaml")
    before = (files.home() / "schemas/gong/aggregate.schema.json").read_bytes()
    done = cli("mine.yaml", write("r.json", {"usersAggregateActivityStats": [], "new": 1}), "--write")
    assert (done.exit_code, "needs the schema gong/aggregate in a folder called schemas" in done.stderr) == (2, True)
    assert (files.home() / "schemas/gong/aggregate.schema.json").read_bytes() == before
