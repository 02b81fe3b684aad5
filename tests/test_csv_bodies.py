"""Replies in CSV are arrays of row objects, as if the provider had sent that JSON."""

import contextlib
import csv
import io
import json

import contacts
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from truto_mapper import MappingError, ProviderError, Response, load
from truto_mapper.authoring.check import check
from truto_mapper.edges.cli import app
from truto_mapper.engine import csv_bodies
from truto_mapper.mapping.linked import Csv

MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
error_mapping: {message: error}
endpoints:
  all:
    path_mapping: '"/export"'
    decode: csv
    error_when: $exists(error)
    empty_when: $status = 200
    for_each: {row: $}
    response_mapping: {id: $row.id, nick: $row.name, score: $number($row.amount)}
"""
FILE = b'id,name,amount\r\n1,"Ada ""A""\nKing",1.50\r\n2,B\xc3\xa9a,-3\r\n'
ROWS = [{"id": "1", "name": 'Ada "A"\nKing', "amount": "1.50"}, {"id": "2", "name": "Béa", "amount": "-3"}]
RECORDS = [{"id": "1", "nick": 'Ada "A"\nKing', "score": 1.5}, {"id": "2", "nick": "Béa", "score": -3}]
SCHEMA = {"type": "array", "items": {"type": "object", "properties": {n: {"type": "string"} for n in ROWS[0]}}}


def mapper_of(folder, old="", new="", schema=None):
    """The mapper of contacts in CSV, with a change of its mapping."""
    contacts.mapper_of(folder, {"id": "$contact.id"})
    spec = folder / "schemas/crm/contact.yaml"
    spec.write_text(spec.read_text().replace("{limit:", "{truto_response_format: {type: string}, limit:"))
    text = MAPPING.replace(old, new) if old else MAPPING
    if schema is not None:
        (folder / "schemas/acme").mkdir(exist_ok=True)
        (folder / "schemas/acme/rows.schema.json").write_text(json.dumps(schema))
        text = text.replace("    decode:", "    source_schema: acme/rows\n    decode:")
    (folder / "acme.yaml").write_text(text)
    return load(folder / "acme.yaml")


@pytest.fixture
def mapper(tmp_path):
    return mapper_of(tmp_path)


def without_rows(records):
    return [{name: value for name, value in one.items() if name != "remote_data"} for one in records]


def test_each_row_of_csv_becomes_a_record(mapper):
    for body in (FILE, bytearray(FILE), b"\xef\xbb\xbf" + FILE, FILE.decode(), "\ufeff" + FILE.decode(), ROWS):
        page = mapper.map(body, query={})
        assert without_rows(page.records) == RECORDS
        assert [one["remote_data"] for one in page.records] == ROWS
        assert page.diagnostics == ()


@pytest.mark.parametrize("name", ["unified", "normalized", "stream", "debug"])
def test_bytes_of_csv_give_what_its_rows_give(name, mapper):
    page, made = mapper.map(ROWS), mapper.map_bytes(FILE, format=name)
    written = made.body.decode()
    found = [json.loads(line) for line in written.splitlines()] if name == "stream" else json.loads(written)
    assert found == (list(page.records) if name == "stream" else page.render(name))


def test_a_raw_page_is_the_file_of_the_provider(mapper):
    made = mapper.map_bytes(b"\xef\xbb\xbf" + FILE, query="truto_response_format=raw")
    assert (made.body, made.content_type) == (b"\xef\xbb\xbf" + FILE, "text/csv")
    assert mapper.map(FILE, query="truto_response_format=raw").render() == ROWS


def test_a_raw_page_does_not_fail_because_of_its_rows(mapper):
    made = mapper.map_bytes(b"id,name\n1\n", query="truto_response_format=raw")
    assert made.body == b"id,name\n1\n"
    assert {(one.code, one.severity) for one in made.diagnostics} == {("P602", "warning")}


def test_an_exchange_takes_csv(mapper):
    exchange = mapper.exchange({})
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(Response(FILE))
    assert without_rows(end.value.value.records) == RECORDS


def test_a_stream_takes_csv(mapper):
    stream = mapper.stream({})
    next(stream)
    assert without_rows(stream.send(Response(FILE)).records) == RECORDS


#: Files, and the rows or the end of the message.
FILES = {
    "only a header": ("id,name\r\n", []),
    "only a header without its end": ("id,name", []),
    "empty lines": ("\r\n\r\nid,name\r\n\r\n1,a\r\n\r\n", [{"id": "1", "name": "a"}]),
    "line feeds": ("id,name\n1,a\n", [{"id": "1", "name": "a"}]),
    "carriage returns": ("id,name\r1,a\r", [{"id": "1", "name": "a"}]),
    "empty values": ('id,name\n,""\n', [{"id": "", "name": ""}]),
    "spaces": ("id, name\n1, a \n", [{"id": "1", " name": " a "}]),
    "a quote in a text": ('id,name\n1,5" pipe\n', [{"id": "1", "name": '5" pipe'}]),
    "a name that comes twice": ("id,tag,tag\n1,a,\n", [{"id": "1", "tag": ["a", ""]}]),
    "a name that is empty": ("id,\n1,a\n", [{"id": "1", "": "a"}]),
    "a separator of lines in a text": ("id,name\n1,a\u2028b\x0bc\n", [{"id": "1", "name": "a\u2028b\x0bc"}]),
    "nothing": ("", None),
    "white space": (" \r\n\n", None),
    "a short row": ("id,name\n1,a\n2\n", 'line 3: the row has 1 value, and the header 2 names: ["2"]'),
    "a long row": ("id,name\n1,a,b\n", 'line 2: the row has 3 values, and the header 2 names: ["1", "a", "b"]'),
    "a row after a text of two lines": (
        'id,name\n1,"a\nb"\n2\n',
        'line 4: the row has 1 value, and the header 2 names: ["2"]',
    ),
    "an open quote": ('id,name\n1,"a\nb\nc\n', "line 2: a quote is never closed in the row that begins here"),
    "a text after a quote": ('id,name\n1,"a"b\n', "line 2: a quote within quotes must be doubled"),
    "NUL": ("id,name\n1,a\0\n", "line 2: it has a NUL character"),
    "a huge value": (f"id,name\n1,{'a' * 140_000}\n", "line 2: a value has more than 131,072 characters"),
}


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_a_file_gives_its_rows_or_says_in_which_line_it_is_wrong(text, expected):
    if not isinstance(expected, str):
        assert csv_bodies.read(text.encode(), Csv()) == (expected, ())
        return
    with pytest.raises(ProviderError) as caught:
        csv_bodies.read(text.encode(), Csv())
    assert caught.value.code == "P602"
    assert caught.value.diagnostics[0].message == f"the provider's answer cannot be read as CSV: {expected}"
    assert csv.field_size_limit() == 131_072


def test_bytes_in_another_encoding_are_refused_with_their_line(mapper):
    with pytest.raises(ProviderError, match=r"line 2: it is not utf-8: byte 0xe9 at 10") as caught:
        mapper.map("id,name\n1,é".encode("latin-1"))
    assert "encoding: windows-1252" in caught.value.diagnostics[0].hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_another_delimiter_and_encoding_can_be_named(encoding, tmp_path):
    mapper = mapper_of(tmp_path, "decode: csv", f"decode: {{format: csv, delimiter: ;, encoding: {encoding}}}")
    body = FILE.decode().replace(",", ";").encode(encoding)
    assert without_rows(mapper.map(body).records) == RECORDS


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("xml", "expected `json` or `csv`"),
        ("{delimiter: ;}", "`format` is missing"),
        ("{format: csv, delimiter: ;;}", "at most 1 characters"),
        ("{format: csv, encoding: utf8}", "expected `utf-8`"),
        ("{format: csv, quote: x}", "there is no key `quote`"),
    ],
)
def test_a_form_that_is_not_known_is_refused(value, message, tmp_path):
    with pytest.raises(MappingError, match="M106") as caught:
        mapper_of(tmp_path, "decode: csv", f"decode: {value}")
    assert message in str(caught.value)


def test_an_empty_file_may_mean_no_records(mapper, tmp_path):
    assert [found.code for found in mapper.map(b"", query={}).diagnostics] == ["P608"]
    with pytest.raises(ProviderError, match="P602"):
        mapper_of(tmp_path, "    empty_when: $status = 200\n", "").map(b"", query={})


def test_a_failure_in_json_is_read_as_json_whatever_its_status(mapper):
    for status in (200, 404):
        with pytest.raises(ProviderError, match="no such export"):
            mapper.map(b'{"error": "no such export"}', query={}, status=status)
    with pytest.raises(ProviderError, match="busy, sorry"):
        mapper.map(b"busy, sorry", query={}, status=503)


def test_each_endpoint_has_its_own_form(tmp_path):
    more = (
        "endpoints:\n  paged:\n    when: $query.limit > 0\n    path_mapping: '\"/rows\"'\n    for_each: {one: rows}\n"
    )
    mapper = mapper_of(tmp_path, "endpoints:\n", more + "    response_mapping: {id: $one.id}\n")
    paged, whole = mapper.plan("limit=5").query, mapper.plan("").query
    assert without_rows(mapper.map(b'{"rows":[{"id":"1"}]}', query=paged).records) == [{"id": "1"}]
    assert without_rows(mapper.map(FILE, query=whole).records) == RECORDS
    assert without_rows(mapper.map(FILE).records) == RECORDS
    with pytest.raises(ProviderError, match="cannot be read as JSON"):
        mapper.map(FILE, query=paged)


CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@given(st.lists(CELLS, min_size=2, unique=True), st.data(), st.sampled_from(",;\t|"), st.sampled_from(["\r\n", "\n"]))
def test_for_any_rows_what_pythons_module_writes_is_read(names, data, delimiter, end):
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=4))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    expected = [dict(zip(names, row, strict=True)) for row in rows]
    assert csv_bodies.read(out.getvalue().encode(), Csv(delimiter)) == (expected, ())


@given(st.binary())
def test_for_any_bytes_nothing_but_our_errors_comes(body):
    for form in (Csv(), Csv(";", "utf-16")):
        with contextlib.suppress(ProviderError):
            csv_bodies.read(body, form)


def test_findings_point_into_the_rows(mapper):
    page = mapper.map(b"id,name,amount\n1,a,1\n,b,x\n3,c,3\n", on_invalid="discard_record")
    assert [found.pointer for found in page.diagnostics] == ["/1/amount"]


def test_a_column_that_is_gone_is_told(mapper):
    page = mapper.map(b"id,nome,amount\n1,a,1\n")
    assert [found.code for found in page.diagnostics] == ["P606"]


# ── Authors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_commands_take_a_file_of_csv(tmp_path):
    mapper_of(tmp_path, schema=SCHEMA)
    mapping, file = tmp_path / "acme.yaml", tmp_path / "rows.csv"
    file.write_bytes(FILE)
    assert without_rows(json.loads(run("map", mapping, file).stdout)["result"]) == RECORDS
    assert "/1/amount" in run("explain", mapping, file, "/result/1/score").stdout
    assert run("drift", mapping, file).exit_code == 0
    file.write_bytes(FILE.replace(b"amount", b"sum"))
    assert "amount" in run("drift", mapping, file).stderr
    file.write_bytes(b"id,name\n1\n")
    failed = run("map", mapping, file)
    assert (failed.exit_code, "line 2: the row has 1 value" in failed.stderr) == (1, True)


def test_a_golden_case_may_have_its_payload_in_csv(tmp_path):
    mapper_of(tmp_path)
    case = tmp_path / "acme/rows"
    case.mkdir(parents=True)
    (case / "case.yaml").write_text("description: two rows\n")
    (case / "payload.csv").write_bytes(FILE)
    assert run("test", tmp_path / "acme.yaml", "--update").exit_code == 0
    assert without_rows(json.loads((case / "response.json").read_text())["result"]) == RECORDS
    assert run("test", tmp_path / "acme.yaml").exit_code == 0
    assert run("coverage", tmp_path / "acme.yaml").exit_code == 0


def test_a_case_is_recorded_of_csv(tmp_path):
    mapper_of(tmp_path)
    (tmp_path / "rows.csv").write_bytes(FILE)
    made = run("record", tmp_path / "acme.yaml", tmp_path / "rows.csv", "--case", "rows", "--description", "d", "--raw")
    assert made.exit_code == 0, made.stderr
    assert csv_bodies.read((tmp_path / "acme/rows/payload.csv").read_bytes(), Csv()) == (ROWS, ())
    assert run("test", tmp_path / "acme.yaml").exit_code == 0


def test_check_knows_the_columns_of_csv(tmp_path):
    assert [found.code for found in check(mapper_of(tmp_path, schema=SCHEMA))] == ["C215"]  # fields without a value
    found = check(mapper_of(tmp_path, "$row.name", "$row.nane", schema=SCHEMA))
    assert any("nane" in one.message for one in found)


def test_a_diff_tells_that_replies_are_decoded_in_another_way(tmp_path):
    old, new = (tmp_path / name for name in ("old", "new"))
    for folder, change in ((old, "    decode: csv\n"), (new, "    decode: {format: csv, delimiter: ;}\n")):
        folder.mkdir()
        mapper_of(folder, "    decode: csv\n", change)
    made = run("diff", old / "acme.yaml", new / "acme.yaml")
    assert "warning[B313]: `all` decodes replies in another way" in made.stderr + made.stdout
