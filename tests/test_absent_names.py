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


def test_names_that_are_no_texts_are_no_new_names(mapper):
    row = renamed(ROW, "age", 5)
    assert [one[0] for one in drift(mapper, row, row)] == ["note"]
