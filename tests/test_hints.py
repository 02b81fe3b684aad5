"""A syntax error says what to write instead, at the characters that are to be changed.

`tests/slips.yaml` has a row for each slip: the text, what is marked, the message and the hint. `pytest --accept` writes
the rows anew from their texts; read them before they are committed.
"""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from truto_mapper import Expression, MapperError, load
from truto_mapper.language.hints.pieces import Surroundings, pieces_of

FILE = Path(__file__).parent / "slips.yaml"
ROWS = yaml.safe_load(FILE.read_text("utf-8"))


def finding(text):
    with pytest.raises(MapperError) as caught:
        Expression(text)
    (found,) = caught.value.diagnostics
    return found


def row_of(text):
    found = finding(text)
    marked = text[found.span.start : found.span.end]
    return {"text": text, "code": found.code, "marked": marked, "message": found.message, "hint": found.hint}


def test_the_rows_are_as_they_were_accepted(accept):
    rows = [row_of(row["text"]) for row in ROWS]
    if accept:
        FILE.write_text(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1000), "utf-8")
    assert rows == ROWS


def test_no_slip_is_listed_twice():
    texts = [row["text"] for row in ROWS]
    assert sorted(set(texts)) == sorted(texts)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["text"])
def test_every_slip_has_a_hint_and_marks_what_the_author_wrote(row):
    assert row["hint"]
    assert row["marked"].strip() or not row["marked"].isspace() or "space" in row["hint"]


EDITS = [(row["text"], edit) for row in ROWS for edit in re.findall(r"write `([^`]+)`", row["hint"])]
WHOLE = [(text, edit) for text, edit in EDITS if "…" not in edit and re.search(r"\w", edit)]
#: Places in which a part of an expression is written.
PLACES = (
    "{}",
    "[{}]",
    "{{{}}}",
    "x{}",
    "x {}",
    "{}()",
    "{}($a){{1}}",
    "/a{}/",
    '"{}"',
    "{}{{1}}",
    "a {} b",
    "1 ? 2 {} 3",
)


def is_expression(text):
    try:
        Expression(text)
    except MapperError:
        return False
    return True


@pytest.mark.parametrize(("text", "edit"), WHOLE)
def test_an_edit_that_a_hint_gives_is_itself_without_that_slip(text, edit):
    assert any(is_expression(place.format(edit)) for place in PLACES) or finding_elsewhere(text, edit)


def finding_elsewhere(text, edit):
    """Whether the edit repeats another slip of the text, which is reported next."""
    return finding(edit).message != finding(text).message


@pytest.mark.parametrize("text", ["a /", "a.b /", "(a /", "[1, a /", "/"])
def test_a_slash_at_the_end_says_nothing_of_escape_sequences(text):
    found = finding(text)
    assert "escape" not in found.message + str(found.hint)


PARTS = [*" \n'\"`()[]{},;:=!&|<>?.+-*%@#^\\“\u00a0", "/", "//", "/*", "*/", "=>", "..", "...", "~>", ":="]
PARTS += ["a", "b.c", "$x", "1", '"s"', "if", "else", "not", "and", "is", "return", "let", "new", "function", "lambda"]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=20))
@example("a /")
@example("/*")
@example('"\\')
def test_any_text_is_an_expression_or_has_one_finding_within_it(text):
    try:
        Expression(text)
    except MapperError as error:
        (found,) = error.diagnostics
        assert 0 <= found.span.start <= found.span.end <= len(text)
        assert found.message
        assert found.hint is None or (found.hint.strip() and "None" not in found.hint)


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=20))
def test_the_pieces_of_a_text_are_in_its_order_and_only_spaces_and_comments_are_between(text):
    end = 0
    for piece in pieces_of(text):
        assert piece.text == text[piece.start : piece.end] != ""
        assert re.fullmatch(r"(?:[ \t\n\r\v]|/\*.*?\*/)*", text[end : piece.start], re.DOTALL)
        end = piece.end


def test_a_hint_looks_at_few_items_of_a_long_bracket(monkeypatch):
    steps = []
    until = Surroundings.until
    monkeypatch.setattr(Surroundings, "until", lambda *given: steps.append(1) or until(*given))
    assert finding("{" + "...a, " * 5_000 + "}").hint == "write `$merge([…])`"
    assert len(steps) <= 50


MAPPING = """version: 1
integration: gong
unified_model: conversational-intelligence
resource: activity
method: list
endpoints:
  all:
    path_mapping: '"/v2/users"'
    for_each: {user: users}
    let:
      a: $user.a == 1
      b: $user.b && $user.c
      c: '!$user.d'
      d: |
        $exists($user.e)
          ? ($user.f
      e: $user?.g
      f: $user.tags[0
    response_mapping:
      id: if ($user.id) $user.id else $user.email
      user:
        id: return $user.id
        name: $user.email is null
      metrics:
        calls_hosted: '$user.first & “ ” & $user.last'
"""


def test_all_mistakes_of_a_file_are_reported_one_for_each_expression(tmp_path):
    path = tmp_path / "activity.yaml"
    path.write_text(MAPPING)
    with pytest.raises(MapperError) as caught:
        load(path)
    found = caught.value.diagnostics
    hinted = {(one.source.position(one.span.start)[0], one.hint) for one in found if one.code.startswith("S")}
    assert hinted == {
        (11, "write `$user.a = 1`"),
        (12, "write `$user.b and $user.c`"),
        (13, "write `$not($user.d)`"),
        (16, "write `)` where it ends"),
        (17, "write `$user.g`"),
        (18, "write `]` where it ends"),
        (20, "write `$user.id ? $user.id : $user.email`"),
        (22, "write `$user.id`"),
        (23, "write `$user.email = null`"),
        (25, 'write `"`'),
    }


def test_a_bracket_of_a_block_is_named_by_its_line_and_column_in_the_file(tmp_path):
    path = tmp_path / "activity.yaml"
    path.write_text(MAPPING)
    with pytest.raises(MapperError) as caught:
        load(path)
    assert "the `(` at line 16, column 13 is not closed" in str(caught.value)
    assert "activity.yaml:16:13" in str(caught.value)


def test_a_mistake_below_a_field_that_is_not_declared_is_reported_too(tmp_path):
    path = tmp_path / "activity.yaml"
    path.write_text(MAPPING.replace("name: $user.email is null", "nickname: $user.a && $user.b"))
    with pytest.raises(MapperError) as caught:
        load(path)
    codes = {one.code for one in caught.value.diagnostics if one.source.position(one.span.start)[0] == 23}
    assert codes == {"C201", "S0211"}


@pytest.mark.parametrize(
    ("path_mapping", "hint"),
    [
        ("/v2/users/{id}", "text needs quotes of its own: '\"/v2/users/\" & id'"),
        ('"https://x.y/z"', "text needs quotes of its own: '\"https://x.y/z\"'"),
    ],
)
def test_a_text_without_quotes_gets_those_of_yaml_too(path_mapping, hint, tmp_path):
    path = tmp_path / "activity.yaml"
    path.write_text(MAPPING.replace("'\"/v2/users\"'", path_mapping))
    with pytest.raises(MapperError) as caught:
        load(path)
    assert hint in [one.hint for one in caught.value.diagnostics]


CALLS = [
    ("$uppercas(a)", "did you mean `$uppercase`?"),
    ("a.$uppercas()", "did you mean `$uppercase`?"),
    ("a ~> $uppercas", "did you mean `$uppercase`?"),
    ("$map([a], $uppercas)", "did you mean `$uppercase`?"),
    ("$map([a], function($v) { 1 & $uppercas($v) })", "did you mean `$uppercase`?"),
    ("$toUpper(a)", "did you mean `$uppercase`?"),
    ("toUpper(a)", "did you mean `$uppercase`?"),
    ("uppercase(a)", "did you mean $uppercase?"),
    ("$len(a)", "write `$length(a)` for a text or, for an array, `$count(a)`"),
    ("if(a, 1, 2)", "write `condition ? value : other`"),
    ("coalesce(a, 2)", "write `a ?? b`"),
    ("$zzz(a)", None),
    ("($uppercas := 1; $uppercas(a))", None),
    ("$given(a)", None),
]


@pytest.mark.parametrize(("text", "hint"), CALLS)
def test_a_call_of_no_function_names_the_nearest_one(text, hint):
    with pytest.raises(MapperError) as caught:
        Expression(text).evaluate({"a": "x"}, {"given": 5})
    assert caught.value.diagnostics[0].hint == hint


NAMES = [
    ("$uppercas($user.id)", "did you mean `$uppercase`?"),
    ("uppercase($user.id)", "write `$uppercase(…)`"),
    ("$user.id.toUpper()", "write `$uppercase($user.id)`"),
    ("$user.id.includes('x')", "write `$contains($user.id, …)`"),
    ("$user.ids.map(function($v) { $v })[0]", "write `$map($user.ids, …)`"),
    ("$user.id.length()", "write `$length($user.id)`"),
    ("if($user.a, 1, 2)", "write `condition ? value : other`"),
    ("($x = 1; $x & $user.id)", "`=` compares: write `$x := …`"),
]


@pytest.fixture
def mapping(tmp_path):
    """A function that loads a mapping with an expression."""

    def load_with(text):
        path = tmp_path / "activity.yaml"
        head = MAPPING[: MAPPING.index("    let:")]
        path.write_text(f"{head}    response_mapping:\n      id: |\n        {text}\n")
        return load(path)

    return load_with


@pytest.mark.parametrize(("text", "hint"), NAMES)
def test_a_mapping_that_calls_no_function_does_not_load_and_the_edit_is_given(text, hint, mapping):
    with pytest.raises(MapperError) as caught:
        mapping(text)
    assert [one.hint for one in caught.value.diagnostics] == [hint]


@pytest.mark.parametrize(
    "text",
    ['{"f": function($x) { $x }}.f($user.id)', '($o := {"g": $uppercase}; $o.g($user.id))', "$user.id.$uppercase()"],
)
def test_a_function_that_an_object_holds_is_called_by_its_name(text, mapping):
    assert mapping(text)
