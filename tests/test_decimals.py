"""Numbers that a record takes from a reply unchanged keep their digits in `map_bytes`."""

import json
from decimal import Decimal

import contacts
import pytest
import source
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, ProviderError, load
from truto_mapper.engine import answer, typed_json

#: Expressions that pass `$contact.x`, or its items, on: the field, and where the number is in it.
PASSING = {
    "a path": ("score", "$contact.x", ()),
    "a let": ("score", "$same", ()),
    "a default": ("score", "$contact.nothing ?? $contact.x", ()),
    "a condition": ("score", "$contact.x != 0.5 ? $contact.x : $contact.x", ()),
    "any value": ("notes", "$contact.x", ()),
    "an array": ("notes", "[$contact.x, 1]", (0,)),
    "an array of the reply": ("notes", "$contact.list", (0,)),
    "a step": ("notes", "$contact.list[1].in", ()),
    "an object": ("info", '{"x": $contact.x}', ("x",)),
    "a merged object": ("info", '$merge([$contact.list[1], {"y": 1}])', ("in",)),
    "an object of the reply": ("info", "$contact.object", ("x",)),
    "a function": ("notes", "$filter($contact.list, function($one) {$type($one) = 'number'})[0]", ()),
    "the page": ("score", "$response.x", ()),
    "a transform": ("info", '$contact.object ~> |$|{"y": 1}|', ("x",)),
    "a lookup": ("score", "$lookup($contact, 'x')", ()),
    "an optional chain": ("score", "$contact.object.x", ()),
    "a sorted array": ("notes", "$sort([$contact.x, $contact.x])", (0,)),
}
FORMATS = ["unified", "stream", "normalized", "debug"]
X = {"x": {"type": "number"}}
ROW = {"id": {"type": "string"}, "list": {}, "object": {"type": "object", "properties": X}, "more": X["x"]} | X
SCHEMA = {
    "type": "object",
    "properties": X | {"data": {"type": "array", "items": {"type": "object", "properties": ROW}}},
}

digits = st.text("0123456789", min_size=1, max_size=25)
wholes = digits.map(lambda text: text.lstrip("0") or "0")
exponents = st.tuples(st.sampled_from(["e", "E", "e+", "e-"]), st.integers(0, 280).map(str)).map("".join)
fractions = st.one_of(st.just(""), digits.map(".{}".format))
#: Numbers of JSON that a double does not exceed.
numbers = st.tuples(st.sampled_from(["", "-"]), wholes, fractions, st.one_of(st.just(""), exponents)).map("".join)


def reply(*numbers):
    rows = [
        f'{{"id":"{n}","x":{one},"list":[{one},{{"in":{one}}}],"object":{{"x":{one}}},"more":{one},"deep":[{{"a":{one}}}]}}'
        for n, one in enumerate(numbers)
    ]
    return f'{{"x":{numbers[0]},"data":[{",".join(rows)}]}}'.encode()


def quoted(expression):
    """An expression as a scalar of YAML."""
    return "'" + expression.replace("'", "''") + "'"


def exactly(text, name="unified"):
    """The records of a response with decimals."""
    if name == "stream":
        return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in text.splitlines()]
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)["result"]


def at(value, path):
    for step in path:
        value = value[step]
    return value


@pytest.fixture(autouse=True, params=["msgspec", "Python's json"])
def library(request, monkeypatch):
    """Each test runs with msgspec and without it."""
    if request.param == "msgspec" and typed_json.library() is None:
        pytest.skip("msgspec is not installed")
    if request.param != "msgspec":
        monkeypatch.setattr(typed_json, "library", lambda: None)


@pytest.mark.parametrize("has_source", [False, True], ids=["no schema", "a schema"])
@pytest.mark.parametrize("passing", PASSING.values(), ids=PASSING)
def test_for_any_number_that_is_passed_on_the_response_has_its_value(passing, has_source, tmp_path):
    name, expression, path = passing
    fields, lets = {"id": "$contact.id", name: quoted(expression)}, "{same: $contact.x}"
    mapper = contacts.mapper_of(tmp_path, fields, let=lets)
    if has_source:
        mapper = source.mapper_of(tmp_path, fields, SCHEMA, let=lets)

    @settings(max_examples=40)
    @given(st.lists(numbers, min_size=1, max_size=3), st.sampled_from(FORMATS))
    def test(given, name_of_format):
        made = mapper.map_bytes(reply(*given), format=name_of_format)
        sent = [Decimal(given[0]) if "response" in expression else Decimal(one) for one in given]
        records = exactly(made.body, name_of_format)
        assert [at(record[name], path) for record in records] == sent
        if name_of_format != "normalized":
            rows = [record["remote_data"] for record in records]
            assert [row["x"] for row in rows] == [row["deep"][0]["a"] for row in rows] == [*map(Decimal, given)]

    test()


def one(tmp_path, fields, text, **options):
    """The only record of a reply with a row whose `x` is a number."""
    mapper = contacts.mapper_of(tmp_path, {"id": "$contact.id"} | fields)
    made = mapper.map_bytes(f'{{"data":[{{"id":"1","x":{text}}}]}}'.encode(), **options)
    return made.body.decode().partition(',"remote_data"')[0].removeprefix('{"result":[')


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("12345678901234567.89", "12345678901234567.89"),
        ("0.10", "0.1"),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("100.00000000000000000000", "100"),
        ("-0.0", "0"),
        ("9007199254740991.25", "9007199254740991.25"),
        ("1.00000000000000000001E2", "1.00000000000000000001E2"),
        ("1e-400", "1e-400"),
    ],
)
def test_a_number_keeps_its_value_and_its_own_text_only_where_a_double_has_another(text, written, tmp_path):
    assert one(tmp_path, {"score": "$contact.x"}, text) == f'{{"id":"1","score":{written}'


def test_what_is_computed_is_a_double(tmp_path):
    info = one(
        tmp_path, {"info": quoted('{"sum": $contact.x + 0, "text": $string($contact.x)}')}, "0.30000000000000000001"
    )
    assert info == '{"id":"1","info":{"sum":0.3,"text":"0.3"}'


def test_rules_are_those_of_the_double(tmp_path):
    assert one(tmp_path, {"age": "$contact.x"}, "0.99999999999999999999") == '{"id":"1","age":1'
    assert one(tmp_path, {"age": "$contact.x"}, "9007199254740993.0") == '{"id":"1","age":9007199254740993'
    assert (
        one(tmp_path, {"age": "$contact.x"}, "1.2345678901234567890123e22") == '{"id":"1","age":12345678901234567890123'
    )
    with pytest.raises(EvaluationError, match="at least 1"):
        one(tmp_path, {"age": "$contact.x"}, "0.00000000000000000001")
    with pytest.raises(EvaluationError, match="at least 1"):
        one(tmp_path, {"age": "$contact.x"}, "1e-99999999999999999999")
    with pytest.raises(EvaluationError, match="expected an integer"):
        one(tmp_path, {"age": "$contact.x"}, "1.50000000000000000001")


@pytest.mark.parametrize("text", ["1e999", "-1e400", "NaN", "Infinity", "1.00000000000000000001e309"])
def test_what_exceeds_a_double_is_refused(text, tmp_path):
    with pytest.raises(ProviderError, match="P602"):
        one(tmp_path, {"score": "$contact.x"}, text)


def test_map_gives_floats(tmp_path):
    mapper = contacts.mapper_of(tmp_path, {"id": "$contact.id", "score": "$contact.x"})
    page = mapper.map(reply("12345678901234567.89"))
    assert type(page.records[0]["score"]) is type(page.records[0]["remote_data"]["x"]) is float


def test_the_rows_that_are_rejected_have_floats(tmp_path):
    mapper = contacts.mapper_of(tmp_path, {"id": "$contact.no", "score": "$contact.x"})
    made = mapper.map_bytes(reply("12345678901234567.89"), on_invalid="discard_record")
    assert [type(item) for item in made.rejected[0]["list"][:1]] == [float]


def test_rows_that_are_the_same_but_for_digits_keep_their_own(tmp_path):
    """Findings and values of a kind of odd rows are kept for the next row of the kind."""
    mapper = source.mapper_of(
        tmp_path, {"id": "$contact.id", "score": quoted("$contact.x ?: $contact.y"), "age": "$contact.age"}, SCHEMA
    )
    rows = [f'{{"id":"{n}","x":null,"y":0.1000000000000000000{n},"age":"odd"}}' for n in range(1, 10)]
    made = mapper.map_bytes(f'{{"data":[{",".join(rows)}]}}'.encode(), on_invalid="discard_value")
    assert [str(record["score"]) for record in exactly(made.body)] == [
        f"0.1000000000000000000{n}" for n in range(1, 10)
    ]


@pytest.mark.skipif(typed_json.library() is None, reason="without msgspec there are no typed rows")
@pytest.mark.parametrize("has_source", [False, True])
def test_rows_with_decimals_stay_bytes(has_source, tmp_path, monkeypatch):
    fields = {"id": "$contact.id", "score": "$contact.x"}
    mapper = source.mapper_of(tmp_path, fields, SCHEMA) if has_source else contacts.mapper_of(tmp_path, fields)
    monkeypatch.setattr(answer, "page_of", None)
    assert len(exactly(mapper.map_bytes(reply("1.5", "2", "12345678901234567.89")).body)) == 3


def test_a_created_record_keeps_the_digits_of_the_reply(tmp_path):
    contacts.mapper_of(tmp_path, {"id": "$contact.id"})
    path = tmp_path / "schemas/crm/contact.yaml"
    methods = "create: {http_method: POST, path: /unified/crm/contact}}\nparameters"
    path.write_text(path.read_text().replace("}}\nparameters", "}, " + methods))
    (tmp_path / "create.yaml").write_text(CREATE)
    mapper = load(tmp_path / "create.yaml")
    request = mapper.plan({}, body={"id": "1", "nick": "a"}, method="create")
    made = mapper.map_bytes(b'{"id":"1","x":12345678901234567.89}', query=request.query)
    assert b'"score":12345678901234567.89' in made.body


CREATE = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: create
endpoints:
  one:
    path_mapping: '"/contacts"'
    request_body_mapping: {nick: $body.nick}
    response_mapping: {id: $response.id, score: $response.x}
"""
