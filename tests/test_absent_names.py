"""A page whose rows lack what the mapping reads says so once."""

import pytest
from source import mapper_of
from test_source_types import ROW

FIELDS = {"id": "key & ''", "age": "age", "home": "home", "nick": "home.street", "tags": "labels"}
FIELDS = {name: f'"{text}"' for name, text in FIELDS.items()}


HEAD = "the mapping reads what no row of the reply has: "


def renamed(row, old, new):
    return {new if name == old else name: value for name, value in row.items()}


def drift(mapper, *rows):
    page = mapper.map({"data": list(rows)}, on_invalid="discard_value")
    return [(d.severity, d.message, d.hint) for d in page.diagnostics if d.code == "P606"]


@pytest.fixture
def mapper(tmp_path):
    return mapper_of(tmp_path, FIELDS)


def test_a_page_with_everything_has_nothing_to_say(mapper):
    assert drift(mapper, ROW) == drift(mapper, ROW | {"new": 1}) == []


def test_one_row_that_has_it_is_enough(mapper):
    lacking = {name: value for name, value in ROW.items() if name not in ("age", "home")}
    assert drift(mapper, lacking, lacking, ROW, lacking) == []
    assert drift(mapper, lacking, {"age": None, "home": {"street": None}}) == []


def test_a_row_that_is_a_tuple_is_one_row_without_names(mapper):
    assert drift(mapper, (1, 2)) == drift(mapper, ROW, (1, 2)) == []


def test_a_renamed_value_is_told_once_with_its_new_name(mapper):
    assert drift(mapper, *[renamed(ROW, "age", "ages")] * 20) == [
        ("warning", HEAD + "`age` in `data`", "`age` may be `ages` now")
    ]


def test_a_renamed_object_is_told_without_its_parts(mapper):
    ((severity, message, _),) = drift(mapper, renamed(ROW, "home", "residence"))
    assert (severity, message) == ("warning", HEAD + "`home` in `data`")


def test_a_renamed_value_in_an_object_is_told(mapper):
    row = ROW | {"home": {"streets": "x"}}
    ((severity, message, hint),) = drift(mapper, row)
    assert (severity, hint) == ("warning", "`street` may be `streets` now")
    assert message == HEAD + "`street` in `data.home`"


def test_values_that_are_just_not_there_are_a_note(mapper):
    assert drift(mapper, {"key": "1"}, {"key": "2"}) == [("note", HEAD + "`age`, `home`, `labels` in `data`", None)]


def test_a_page_without_rows_says_nothing(mapper):
    assert drift(mapper) == []
    assert drift(mapper, None) == []


def test_rows_of_the_exact_path_say_the_same(mapper):
    row = renamed(ROW, "age", "ages") | {"labels": ["a", None]}
    assert [one[1] for one in drift(mapper, row, row)] == [HEAD + "`age` in `data`"]


def notes(mapper, body):
    page = mapper.map(body, on_invalid="discard_value")
    return [(d.severity, d.message, d.hint) for d in page.diagnostics if d.code == "P606"]


@pytest.mark.parametrize(
    "text",
    [
        "nickname ?? name",
        "name ?? nickname",
        "nickname ?: name",
        "nickname ?? handle ?? name",
        "$exists(nickname) ? nickname : name",
        "nickname ? nickname : name",
        "$uppercase(nickname ?? $c.name)",
    ],
)
def test_what_is_tried_before_something_that_is_there_is_not_told(text, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key & ''", "nick": f"'{text}'"}, for_each="{c: data}")
    assert drift(mapper, ROW) == []
    assert drift(mapper, renamed(ROW, "name", "title")) != []
    ((_, _, hint),) = drift(mapper, ROW | {"nicknames": "A"})
    assert hint == "`nickname` may be `nicknames` now"


@pytest.mark.parametrize("text", ["nickname ?? handle", "nickname ?? 'none'", "[nickname, name][0]"])
def test_what_is_tried_before_nothing_or_a_constant_is_told(text, tmp_path):
    (found,) = drift(mapper_of(tmp_path, {"id": "key & ''", "nick": f'"{text}"'}), ROW)
    assert "`nickname`" in found[1]


def test_what_is_also_read_alone_is_told(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key & ''", "nick": "nickname ?? name", "notes": "nickname"})
    assert [one[1] for one in drift(mapper, ROW)] == [HEAD + "`nickname` in `data`"]


@pytest.mark.parametrize("loops", ["{c: data, p: $c.phones}", "{c: data, p: '$c.phones[n != \"9\"]'}"])
def test_rows_within_rows_that_have_another_name_are_no_empty_page(loops, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$c.key & ''", "nick": "$p.n"}, for_each=loops)
    assert notes(mapper, {"data": [ROW]}) == []
    assert notes(mapper, {"data": [ROW | {"phones": []}]}) == notes(mapper, {"data": []}) == []
    gone = HEAD + "`phones` in `data`"
    assert drift(mapper, renamed(ROW, "phones", "phone")) == [("warning", gone, "`phones` may be `phone` now")]
    assert drift(mapper, renamed(ROW, "phones", "numbers")) == [("warning", gone, None)]
    assert drift(mapper, {"key": "1"}) == [("note", gone, None)]


def test_a_name_of_the_reply_itself_is_told_if_it_looks_renamed(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key & ''", "nick": "$response.zone"})
    assert notes(mapper, {"data": [ROW]}) == notes(mapper, {"data": [ROW], "area": "x"}) == []
    assert notes(mapper, {"data": [ROW], "zones": "x"}) == [
        ("warning", "the mapping reads what is not there: `zone` in the reply itself", "`zone` may be `zones` now")
    ]


def test_names_that_are_no_texts_are_no_new_names(mapper):
    row = renamed(ROW, "age", 5)
    assert [one[0] for one in drift(mapper, row, row)] == ["note"]
