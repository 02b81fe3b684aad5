"""`init` begins a mapping from samples: it loads, has no mistakes, maps the sample, and says what it guessed."""

import json
import re
from pathlib import Path

import data_files
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper import MappingError, load
from truto_mapper.authoring import check, golden, starting
from truto_mapper.edges.cli import app
from truto_mapper.resource.spec import load_resource

CASES = data_files.read("starting.yaml")
MAPPING, SPEC = Path("mappings/acme/contact.yaml"), Path("schemas/crm/contact.yaml")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def cli(*arguments, **more):
    done = CliRunner().invoke(app, arguments, **more)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def init(sample, *more, resource="crm/contact"):
    """Run the command on a sample, which is a text or a value."""
    Path("sample.json").write_text(sample if isinstance(sample, str) else json.dumps(sample), "utf-8")
    return cli("init", resource, "--from", "sample.json", "--integration", "acme", *more)


def mapped(sample, *, method="list", mapping=MAPPING):
    page = load(mapping).map(sample, method=method, **({"id": "1"} if method == "get" else {}))
    return [{key: value for key, value in one.items() if key != "remote_data"} for one in page.records], page


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_sample_becomes_a_mapping_that_is_right(case):
    method, resource = case.get("method", "list"), case.get("resource", "crm/contact")
    done = init(case["sample"], "--method", method, resource=resource)
    assert done.exit_code == 0, done.output
    mapping = Path(f"mappings/acme/{resource.removeprefix('crm/')}.yaml")
    for wanted, text in (
        ("mapping", mapping.read_text("utf-8")),
        ("spec", Path(f"schemas/{resource}.yaml").read_text("utf-8")),
    ):
        for line in case.get(wanted, ()):
            assert re.search(rf"(?m)^ *{re.escape(line)}", text), text
    assert [one.code for one in check.check_file(mapping) if one.severity != "note"] == []
    assert cli("test").output == "1 passed, 0 failed\n"
    assert "raises" not in (mapping.with_suffix("") / "first/case.yaml").read_text("utf-8")
    if "records" in case:
        records, page = mapped(json.loads(case["sample"]), method=method, mapping=mapping)
        ours = [{key: value for key, value in one.items() if key != "remote_data"} for one in case["records"]]
        assert records == ours
        assert page.next_cursor is None or case.get("next_cursor") or method == "get"


def test_a_list_of_scalars_of_every_page_ends_where_the_reply_says_so():
    init({"data": [{"id": "a"}], "page": {"next": "x", "more": True}})
    mapper = load(MAPPING)
    assert mapper.map({"data": [{"id": "a"}], "page": {"next": "x", "more": True}}).next_cursor is not None
    assert mapper.map({"data": [{"id": "a"}], "page": {"next": "x", "more": False}}).next_cursor is None


# ── Several samples, and large ones ──────────────────────────────────────────────────────────────────────────────


def test_several_samples_are_looked_at_together():
    Path("one.json").write_text('{"data": [{"id": 1, "a": null}]}')
    Path("two.ndjson").write_text('{"data": [{"id": 2, "a": "x"}]}\n{"data": [{"id": 3, "b": true}]}\n')
    done = cli("init", "crm/contact", "--from", "one.json", "--from", "two.ndjson", "--integration", "acme")
    assert done.exit_code == 0
    spec = SPEC.read_text()
    assert "  a: {type: string}\n  b: {type: boolean}\n" in spec
    field = json.loads(Path("schemas/acme/contact.schema.json").read_text())["properties"]["data"]["items"]
    assert field["properties"]["a"] == {"type": ["string", "null"]}
    assert field["required"] == ["id"]


def test_the_first_case_of_a_long_list_has_the_rows_that_show_something():
    rows = [{"id": n, "name": "x"} for n in range(1_000)]
    rows[700]["name"], rows[900]["phone"] = None, "5"
    init({"data": rows})
    payload = json.loads((MAPPING.with_suffix("") / "first/payload.json").read_text())
    assert len(payload["data"]) == 3
    assert [one["name"] is None for one in payload["data"]] == [False, True, False]
    assert "3 rows of 1,000" in (MAPPING.with_suffix("") / "first/case.yaml").read_text()


def test_a_row_of_many_fields_gets_as_many_as_a_person_reads():
    done = init({"data": [{f"f{n}": n if n % 2 else "x" for n in range(400)}]})
    assert done.exit_code == 0
    assert len(load(MAPPING).resource.fields) == 151  # and remote_data
    assert "    #   f399: an integer, such as 399\n" in MAPPING.read_text()
    assert cli("check").exit_code == cli("test").exit_code == 0


@pytest.mark.parametrize("depth", [30, 200])
def test_a_deep_sample_is_looked_at_as_deep_as_schemas_may_be(depth):
    inner = {"leaf": 1}
    for _ in range(depth):
        inner = {"a": inner}
    assert init({"data": [{"id": 1, "deep": inner}]}).exit_code == 0
    assert cli("check").exit_code == cli("test").exit_code == 0


# ── A resource that has a spec ───────────────────────────────────────────────────────────────────────────────────

KNOWN = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods:
  list: {http_method: GET, path: /unified/crm/contact}
parameters:
  limit: {type: integer, minimum: 1}
  next_cursor: {type: string}
fields:
  id: {type: string, required: true}
  first_name: {type: string}
  last_name: {type: string, required: true}
  status: {type: string, enum: [active, gone], required: true}
  stage: {type: string, enum: [open, won, lost]}
  emails: {type: array, items: {type: object, fields: {email: {type: string, required: true}}}}
  phone_numbers: {type: array, items: {type: object, fields: {number: {type: string}, type: {type: string}}}}
  account: {type: object, fields: {id: {type: string}, name: {type: string, required: true}}}
  owner: {type: object, required: true, fields: {id: {type: string}, mail: {type: string, required: true}}}
  score: {type: integer, minimum: 1}
  price: {type: number}
  is_vip: {type: boolean, required: true}
  kind: {type: string, enum: [person, firm], required: true}
  since: {type: string, format: date-time, required: true}
  created_at: {type: string, format: date-time}
  updated_at: {type: string, format: date-time}
  birthday: {type: string, format: date}
  tags: {type: array, items: {type: string}}
  remote_data: {type: any}
response:
  result: {type: array, items: {type: object}}
  next_cursor: {type: string, nullable: true}
"""
ROWS = [
    {
        "contactId": 17,
        "properties": {"firstname": "Ada", "lastName": "L", "createdate": "2024-01-02", "lastModified": 1700000000000},
        "state": "ACTIVE",
        "stage": "WON",
        "email": "a@example.com",
        "phones": [{"number": "1", "type": "x"}],
        "account": {"id": 5},
        "ownerId": 7,
        "score": 0,
        "price": "12.50",
        "tags": "vip",
        "birthday": "2000-01-02T00:00:00Z",
    },
    {
        "contactId": 18,
        "properties": {"firstname": "Bob", "lastName": None, "createdate": None, "lastModified": None},
        "state": "GONE",
        "stage": "NEW",
        "email": None,
        "phones": [],
        "account": None,
        "ownerId": None,
        "score": 5,
        "price": None,
        "tags": None,
    },
]


def known(rows=ROWS, spec=KNOWN):
    SPEC.parent.mkdir(parents=True)
    SPEC.write_text(spec)
    done = init({"results": rows})
    assert done.exit_code == 0, done.output
    return done


def test_the_fields_of_a_known_resource_get_the_places_that_are_called_alike():
    known()
    page = load(MAPPING).map({"results": ROWS}, on_invalid="discard_record")
    (record,) = [{key: value for key, value in one.items() if key != "remote_data"} for one in page.records]
    assert record == {
        "id": "17",
        "first_name": "Ada",
        "last_name": "L",
        "status": "active",
        "stage": "won",
        "emails": [{"email": "a@example.com"}],
        "phone_numbers": [{"number": "1", "type": "x"}],
        "owner": {"id": "7", "mail": "change me"},
        "price": 12.5,
        "is_vip": False,
        "kind": "person",
        "since": "1970-01-01T00:00:00Z",
        "created_at": "2024-01-02T00:00:00Z",
        "updated_at": "2023-11-14T22:13:20.000Z",
        "birthday": "2000-01-02",
        "tags": ["vip"],
    }
    assert len(page.rejected) == 1


def test_whatever_a_known_resource_needs_and_the_sample_lacks_is_to_be_replaced():
    done = known()
    text = MAPPING.read_text()
    assert "is_vip: 'false'  # replace: this field is required; nothing in the sample is called like this" in text
    assert "# account: nothing in the sample is called like its name, which it needs" in text
    assert "# score: `score` is less than 1 in the sample" in text
    assert "last_name: properties.lastName  # guessed: this field is required, but 1 of 2 rows have no value" in text
    assert '# guessed: no counterpart for "NEW"' in text
    assert "#   account.id: an integer, such as 5" in text
    assert "is_vip: replace: this field is required" in done.output
    assert cli("check").exit_code == 0
    assert cli("test").output == "1 passed, 0 failed\n"
    assert "on_invalid: discard_record" in (MAPPING.with_suffix("") / "first/case.yaml").read_text()
    assert not Path("schemas/crm/contact.record.schema.json").exists()
    assert SPEC.read_text() == KNOWN


def test_a_sample_without_any_known_field_gives_a_mapping_that_says_so():
    known([{"x": [1]}], KNOWN.replace(", required: true", ""))
    assert "# replace: the sample has nothing for the record" in MAPPING.read_text()
    assert cli("check").exit_code == cli("test").exit_code == 0


def test_a_shipped_resource_is_a_known_one():
    done = init({"stats": [{"userId": "7", "callsHosted": 3}]}, resource="conversational-intelligence/activity")
    assert done.exit_code == 0, done.output
    assert not Path("schemas/conversational-intelligence").exists()
    assert "metrics:\n        calls_hosted: callsHosted\n" in Path("mappings/acme/activity.yaml").read_text()


# ── What goes wrong, and what is printed ─────────────────────────────────────────────────────────────────────────

WRONG = {
    "not JSON": ('{"a":1,\n  "b": }', (), 1, "error[P602]: not valid JSON: Expecting value\n  --> sample.json:2:8"),
    "a wrong line of NDJSON": ('{"a":1}\n{"a":]}', (), 1, "--> sample.json:2:6"),
    "a scalar": ("3", (), 1, "sample.json: a reply must be an object or an array, this is 3"),
    "an empty object": ("{}", (), 1, "the sample is an object without any field"),
    "rows that are null": ('{"data": [null]}', (), 1, "a row must be an object; those in data have the type null"),
    "no record to get": ('{"data": []}', ("--method", "get"), 1, "the sample has no record"),
    "several records to get": ('[{"id": 1}, {"id": 2}]', ("--method", "get"), 1, "but the reply itself holds several"),
    "an unknown method": ('{"a": 1}', ("--method", "x"), 2, "--method must be one of list, get, create"),
    "a provider in capitals": ('{"a": 1}', ("--integration", "Acme"), 2, "--integration must be a name"),
    "no such file": ('{"a": 1}', ("--from", "nix.json"), 2, "cannot read nix.json"),
}


@pytest.mark.parametrize(("sample", "more", "code", "said"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_and_nothing_is_written(sample, more, code, said):
    done = init(sample, *more)
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert not Path("mappings").exists()


PEOPLE = """\
Id;First Name;Hired;Salary;Phone;Note;Empty
7;Ada;12/31/2020;1200.50;555;hi;
8;Bob;01/15/2021;;;"a;b";
"""


def test_a_sample_in_csv_becomes_a_mapping_of_texts():
    Path("people.csv").write_text(PEOPLE)
    done = cli("init", "crm/contact", "--from", "people.csv", "--integration", "acme")
    assert done.exit_code == 0, done.output
    text = MAPPING.read_text()
    assert 'decode: {format: csv, delimiter: ";"}  # guessed: the delimiter' in text
    assert "salary: Salary ? $number(Salary)  # guessed: the sample has texts of digits" in text
    assert "#   Empty: always null" in text
    records = load(MAPPING).map(PEOPLE.encode()).records
    assert [{key: one for key, one in record.items() if key != "remote_data"} for record in records] == [
        {"id": "7", "first_name": "Ada", "hired": "2020-12-31", "salary": 1200.5, "phone": "555", "note": "hi"},
        {"id": "8", "first_name": "Bob", "hired": "2021-01-15", "note": "a;b"},
    ]
    items = json.loads(Path("schemas/acme/contact.schema.json").read_text())["items"]["properties"]
    assert {name: one["type"] for name, one in items.items()} == dict.fromkeys(
        PEOPLE.splitlines()[0].split(";"), "string"
    )
    payload = (MAPPING.with_suffix("") / "first/payload.csv").read_text()
    assert payload.startswith("Id;First Name;Hired;Salary;Phone;Note;Empty\n7;")
    assert cli("check").exit_code == cli("test").exit_code == 0


@pytest.mark.parametrize(
    ("text", "form"), [("id,a\n1,x\n", "csv"), ("id\ta\n1,5\tx\n", '{format: csv, delimiter: "\\t"}')]
)
def test_the_delimiter_of_a_sample_is_found(text, form):
    Path("people.csv").write_text(text)
    assert cli("init", "crm/contact", "--from", "people.csv", "--integration", "acme").exit_code == 0
    assert f"decode: {form}" in MAPPING.read_text()
    assert cli("test").exit_code == 0


def test_a_sample_that_is_not_csv_is_refused_with_its_line():
    Path("people.csv").write_text("id,name\n7,Ada,3\n")
    done = cli("init", "crm/contact", "--from", "people.csv", "--integration", "acme")
    assert done.exit_code == 1
    assert "people.csv: the provider's answer cannot be read as CSV: line 2: the row has 3 values" in done.output


def test_a_further_method_of_a_mapping_is_shown_to_be_pasted():
    assert init({"data": [{"id": 1, "name": "x"}]}).exit_code == 0
    done = init({"id": 1, "name": "x"}, "--method", "get")
    assert done.exit_code == 0, done.output
    assert "mappings/acme/contact.yaml exists. Paste this below its `endpoints`:" in done.output
    endpoint = done.output.split("`endpoints`:\n\n")[1].split("\n\n")[0]
    (line,) = re.findall("  get: .*", done.output)
    MAPPING.write_text(MAPPING.read_text() + endpoint + "\n")
    SPEC.write_text(SPEC.read_text().replace("methods:\n", f"methods:\n{line}\n"))
    assert cli("check").exit_code == cli("test").exit_code == 0
    assert mapped({"id": 1, "name": "x"}, method="get")[0] == [{"id": "1", "name": "x"}]


@pytest.mark.parametrize("method", ["create", "update", "delete"])
def test_a_method_that_a_reply_does_not_tell_says_what_to_copy(method):
    done = init({"id": 1}, "--method", method)
    assert done.exit_code == 2
    assert f"copy the endpoint for `{method}` from docs/mapping-format.md#methods" in done.output


def test_a_name_without_a_model_is_refused():
    done = init({"a": 1}, resource="contact")
    assert (done.exit_code, '"contact" is not MODEL/RESOURCE' in done.output) == (2, True)


def test_a_method_that_the_spec_lacks_is_refused():
    SPEC.parent.mkdir(parents=True)
    SPEC.write_text(KNOWN)
    done = init({"id": 1}, "--method", "get")
    assert done.exit_code == 1
    assert "schemas/crm/contact.yaml has no method `get`" in done.output
    assert "add `get` to its `methods`, or choose one of list with --method" in done.output


@pytest.mark.parametrize(
    "path", ["schemas/acme/contact.schema.json", "mappings/acme/contact.yaml", "mappings/acme/contact/first/case.yaml"]
)
def test_nothing_is_ever_overwritten(path):
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("mine")
    done = init({"data": [{"id": 1}]})
    assert done.exit_code == 2
    assert "exists; nothing was written" in done.output
    assert Path(path).read_text() == "mine"
    assert not SPEC.exists()


def test_print_shows_the_files_and_writes_none():
    done = init({"data": [{"id": 1}]}, "--print")
    assert done.exit_code == 0
    assert "── mappings/acme/contact.yaml ──" in done.stdout
    assert [path.name for path in Path().iterdir()] == ["sample.json"]


def test_it_says_what_to_verify_and_what_comes_next():
    done = init({"data": [{"id": 1}], "next": "x"})
    text = MAPPING.read_text().splitlines()
    found = re.findall(r"  (\S+):(\d+) +(\w+): ((?:guessed|replace): .*)", done.stdout)
    assert [one[2] for one in found] == ["path_mapping", "parameter", "next_cursor"]
    assert all(said in text[int(line) - 1] for _, line, _, said in found)
    assert "rows: 1 in data\nid: id\n" in done.stdout
    for command in re.findall(r"  truto-mapper (.*)", done.stdout):
        assert cli(*command.split()).exit_code == 0, command


def test_a_sample_from_stdin_is_no_file_to_explain():
    done = cli("init", "crm/contact", "--from", "-", "--integration", "acme", input='{"data": [{"id": 1}]}')
    assert done.exit_code == 0
    assert "explain mappings/acme/contact.yaml mappings/acme/contact/first/payload.json" in done.stdout


# ── Nothing of a sample is lost ──────────────────────────────────────────────────────────────────────────────────


def test_a_field_of_several_types_in_a_list_is_guessed_and_says_so():
    fields = [{"name": "a", "value": 1}, {"name": "b", "value": "x"}]
    done = init({"data": [{"id": 1, "custom": fields}]})
    assert "value: {type: any}" in SPEC.read_text()
    assert "guessed: several types in value" in done.output
    assert mapped({"data": [{"id": 1, "custom": fields}]})[0] == [{"id": "1", "custom": fields}]


def test_an_object_whose_names_change_from_row_to_row_is_kept_whole():
    rows = [{"id": n, "prices": {f"plan_{n}": n, f"plan_{n + 50}": 2}} for n in range(5)]
    init({"data": rows})
    assert "prices: {type: object}" in SPEC.read_text()
    assert [one["prices"] for one in mapped({"data": rows})[0]] == [one["prices"] for one in rows]


WORDS = st.sampled_from(["id", "name", "owner", "data", "items", "tags", "email", "meta", "next", "firstName"])
NESTED = st.recursive(
    st.just("?") | st.just(1) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


def told_apart(value, found, path=()):
    """A value whose texts are all different, with the path of each added to `found`."""
    if isinstance(value, dict):
        return {name: told_apart(one, found, (*path, name)) for name, one in value.items()}
    if isinstance(value, list):
        return [told_apart(one, found, path) for one in value]
    if value != "?":
        return value
    found[f"w{len(found)}w"] = path
    return f"w{len(found) - 1}w"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(WORDS, NESTED, max_size=4) | st.lists(NESTED, max_size=3), st.booleans())
def test_each_text_of_any_sample_is_in_a_record_or_its_place_is_in_a_comment(tmp_path_factory, reply, is_known):
    top, found = tmp_path_factory.mktemp("any"), {}
    reply = told_apart(reply, found)
    spec = top / SPEC
    spec.parent.mkdir(parents=True)
    spec.write_text(KNOWN.replace(", required: true", ""))
    resource = load_resource(spec) if is_known else None
    try:
        made = starting.begin(starting.Aim("crm", "contact", "acme"), [reply], resource)
    except MappingError:  # no record can be made of it
        return
    for name, text in made.texts.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, "utf-8")
    page = load(top / MAPPING).map(reply)
    kept = json.dumps([{key: one for key, one in record.items() if key != "remote_data"} for record in page.records])
    text = (top / MAPPING).read_text()
    said = "\n".join(re.findall(".*#.*|.*(?:next_cursor|total|has_more): .*", text))
    for value, path in found.items():
        last = path[-1] if path else "value|left out|response"
        assert f'"{value}"' in kept or re.search(rf"\b({last})\b", said), (value, path, text)


# ── Any sample ───────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.one_of(
    st.sampled_from(
        ["id", "name", "firstName", "created_at", "email", "a b", "x.y", "and", "data", "items", "type", "total"]
    ),
    st.text(max_size=6),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 2_000_000_000),
    st.floats(-1e6, 1e6),
    st.sampled_from(["2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05", "01/02/2024", "1.5", "ACTIVE", ""]),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
REPLIES = st.dictionaries(NAMES, VALUES | st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=4), max_size=4)


OF_ONE = ("list: {http_method: GET, path: /unified/crm/contact}", "get: {http_method: GET, path: '/c/{id}'}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REPLIES | st.lists(REPLIES, max_size=3), st.sampled_from(["list", "get"]), st.booleans())
def test_whatever_a_sample_holds_its_mapping_has_no_errors_and_maps_it(tmp_path_factory, reply, method, is_known):
    top = tmp_path_factory.mktemp("any")
    spec = top / SPEC
    aim = starting.Aim("crm", "contact", "acme", method)
    resource = None
    if is_known:
        spec.parent.mkdir(parents=True)
        spec.write_text(KNOWN if method == "list" else KNOWN.replace(*OF_ONE))
        resource = load_resource(spec)
    try:
        made = starting.begin(aim, [reply], resource)
    except MappingError as error:
        if error.code == "D404":  # no record can be made of it
            return
        raise
    for name, text in made.texts.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, "utf-8")
    mapping = top / MAPPING
    assert [one.render() for one in check.check_file(mapping) if one.severity == "error"] == []
    golden.record(mapping, "first", made.payload, made.settings, salt=None)
    case = (mapping.with_suffix("") / "first/case.yaml").read_text("utf-8")
    assert "raises" not in case, case
