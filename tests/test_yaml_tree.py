"""YAML text → a tree of values with their spans; and how files are found."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

PROPERTY = settings(derandomize=True, deadline=None, max_examples=150, database=None)


def parse(text):
    return yaml_tree.parse(Source("a.yaml", text))


def refused(text):
    with pytest.raises(MappingError) as caught:
        parse(text)
    return caught.value.diagnostics


def written(node):
    return node.source.text[node.span.start : node.span.end]


def marked(diagnostic):
    return diagnostic.source.text[diagnostic.span.start : diagnostic.span.end]


# ── Plain data ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("---\n", None),
        ("~", None),
        ("null", None),
        ("nulL", "nulL"),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("on", "on"),
        ("12", 12),
        ("-7", -7),
        ("012", 12),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 40, int("9" * 40)),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  12\n", "12\n"),
    ],
)
def test_scalars_are_resolved_as_yaml_1_2_does(text, value):
    found = parse(text).plain()
    assert found == value
    assert type(found) is type(value)


def test_a_number_too_long_for_python_is_text():
    assert parse("9" * 5_000).plain() == "9" * 5_000


def test_aliases_share_the_node_of_their_anchor():
    root = parse("one: &x {a: 1}\ntwo: *x\n")
    assert root.value["one"] is root.value["two"]
    assert root.plain() == {"one": {"a": 1}, "two": {"a": 1}}


def test_a_byte_order_mark_moves_nothing():
    root = parse("\ufeffa: 1\nb: 2\n")
    assert root.plain() == {"a": 1, "b": 2}
    assert written(root.value["b"]) == "2"
    assert root.keys["a"].span.start == 1


# ── Spans ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "path", "shown"),
    [
        ("a: b  # why\n", ["a"], "b"),
        ("a: 'it''s' # why\n", ["a"], "'it''s'"),
        ('a: "b" \n', ["a"], '"b"'),
        ("a: [1, 2]\nb: 3\n", ["a"], "[1, 2]"),
        ("a: {b: {c: 1}}\n", ["a", "b"], "{c: 1}"),
        ("a:\n  - b\n  - c\n\n# why\nd: 1\n", ["a"], "- b\n  - c"),
        ("a:\n  b: 1 # why\n  # why\nd: 1\n", ["a"], "b: 1"),
        ("- - a\n  - b\n- c\n", [0], "- a\n  - b"),
        ("a: &x b\n", ["a"], "b"),
        ("a: &x\n  b: 1\nc: 2\n", ["a"], "b: 1"),
        ("a: &x  # why\n  b: 1\nc: 2\n", ["a"], "b: 1"),
        ("a: &x\n- b\n- c\n", ["a"], "- b\n- c"),
        ("a: &x [b]\n", ["a"], "[b]"),
        ("a: &x  # why\n  b\n", ["a"], "b"),
        ("one: &x 1\na:\n  b: *x\nc: 1\n", ["a"], "b: *x"),
        ("a:\n  b:\n  # why\nc: 1\n", ["a"], "b:"),
        ("a: |\n  one\n\n  two\nb: 1\n", ["a"], "|\n  one\n\n  two\n"),
        ("# why\na: 1\n# why\n", [], "a: 1"),
        ("? a\n: b\n", ["a"], "b"),
        ("é𝄞: ü🎉\n", ["é𝄞"], "ü🎉"),
        ("a:\r\n  - b\r\n  - c\r\nd: e\r\n", ["a"], "- b\r\n  - c"),
    ],
)
def test_the_span_of_a_value_is_what_was_written(text, path, shown):
    assert written(parse(text).at(path)) == shown


@pytest.mark.parametrize("text", ["a:\nb: 1\n", "a: &x\nb: 1\n", "a: # why\nb: 1\n"])
def test_nothing_has_an_empty_span_on_the_line_of_its_key(text):
    root = parse(text)
    assert written(root.value["a"]) == ""
    assert root.source.position(root.value["a"].span.start)[0] == 1


def test_at_leads_as_far_as_there_is_something():
    root = parse("a: {b: [1, 2]}\n")
    assert root.at(["a", "b", 1]).value == 2
    assert written(root.at(["a", "b", 7, "x"])) == "[1, 2]"
    assert root.at(["x"]) is root


def test_walk_is_in_the_order_of_the_text():
    root = parse("a: 1\nb: [2, {c: 3}]\nd: 4\n")
    assert [node.value for node in root.walk() if isinstance(node.value, int)] == [1, 2, 3, 4]


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"], exclude_characters="\ufeff"),
    max_size=8,
)
LINE_ENDS = st.sampled_from(["\n", "\r\n"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | st.just("one\n  two\nthree"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def plain(text):
    """As a plain scalar if that is what it would be read as, else in single quotes."""
    return text if re.fullmatch(r"[b-ln-z]( ?\w)*", text) else quoted(text)


def quoted(text):
    return json.dumps(text, ensure_ascii=False) if "\n" in text else "'" + text.replace("'", "''") + "'"


def literal(text, margin=""):
    if not text.strip() or text.endswith("\n"):
        return quoted(text)
    return "|2-\n" + "\n".join(f"{margin}  {line}" if line else "" for line in text.split("\n"))


def flow(data):
    return json.dumps(data, ensure_ascii=False) + "\n"


def block(data, write, margin=""):
    """Data as YAML in block style, its strings written by `write`."""
    match data:
        case dict() if data:
            write_key = quoted if write is literal else write
            return "".join(f"{margin}{write_key(key)}:{below(value, write, margin)}" for key, value in data.items())
        case list() if data:
            return "".join(f"{margin}-{below(value, write, margin)}" for value in data)
    return below(data, write, margin)


def below(data, write, margin):
    if isinstance(data, (dict, list)) and data:
        return "\n" + block(data, write, margin + "  ")
    if isinstance(data, str):
        return f" {literal(data, margin) if write is literal else write(data)}\n"
    return f" {json.dumps(data)}  # why\n"


STYLES = st.sampled_from(
    [flow, partial(block, write=plain), partial(block, write=quoted), partial(block, write=literal)]
)


def same(left, right):
    return json.dumps(left) == json.dumps(right)


@PROPERTY
@given(DATA, STYLES, LINE_ENDS)
def test_written_data_is_read_back_and_each_span_reads_as_its_value(data, style, line_end):
    text = style(data).replace("\n", line_end)
    root = parse(text)
    assert same(root.plain(), data)
    for node in root.walk():
        again = written(node)
        if not node.style:  # a part of a block stands alone when it is indented as it was
            again = " " * (node.source.position(node.span.start)[1] - 1) + again
        if node.style != "|":
            assert same(parse(again).plain(), node.plain())
        else:
            assert "".join(again.split())[3:] == "".join(node.value.split())
        for key, at in node.keys.items():
            assert parse(written(at)).plain() == key


@PROPERTY
@given(DATA, STYLES, LINE_ENDS)
def test_the_pure_python_loader_gives_the_same_tree(data, style, line_end):
    text = style(data).replace("\n", line_end)

    def tree(loader):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yaml_tree, "_Loader", loader)
            return [
                (node.span, node.style, {name: key.span for name, key in node.keys.items()}, str(node.plain()))
                for node in parse(text).walk()
            ]

    assert tree(yaml.SafeLoader) == tree(yaml.CSafeLoader)


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1", "M101"),
        ("a: !x 1", "M103"),
        ("a: ! 1", "M103"),
        ("a: *x", "M103"),
        ("<<: 1", "M103"),
        ("a: 1\na: 2", "M102"),
        ("\x07", "M101"),
        ("a: 1\n---\nb: 1", "M101"),
        ("[" * 100, "M104"),
    ],
)
def test_both_loaders_refuse_the_same(text, code, loader, monkeypatch):
    monkeypatch.setattr(yaml_tree, "_Loader", loader)
    assert [d.code for d in refused(text)] == [code]


# ── Offsets ──────────────────────────────────────────────────────────────────────────────────────────────────────

OFFSETS = [
    "a: $user.name & b\n",
    "a: $user.name\n  & b\n\n  & c\n",
    "a: 'it''s ''two'' '''\n",
    "a: 'x\n\n  y'' z'\n",
    'a: "x y"\n',
    'a: "x\n   y"\n',
    "a: |\n  $x ?\n    y :\n\n  z\n",
    "a: |2-\n   x\n  y\n",
    "a: |+  # why\n  x # no comment\n\n\n",
    "a: >\n  one\n  two\n\n  three\n    four\n",
    "a: >-\n  one\n\n\n  two\n",
    "a: &anchor 'x'\n",
    "a: &anchor |\n  x\n",
    "- |\n x\n",
    "a: é 𝄞 🎉 b\n",
    "a: |\n  値 名前\n  🎉x\n",
    "a: '🎉''値'\n",
    "{a: b c, d: 'e'}\n",
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", OFFSETS)
def test_each_character_is_found_where_it_was_written(text, line_end):
    text = text.replace("\n", line_end)
    for node in parse(text).walk():
        if isinstance(node.value, str):
            offsets = node.offsets()
            assert len(offsets) == len(node.value)
            assert list(offsets) == sorted(offsets)
            assert all(text[at] == char for char, at in zip(node.value, offsets, strict=True) if not char.isspace())
            assert all(node.span.start <= at < node.span.end for at in offsets)


@pytest.mark.parametrize("text", ['a: "x\\ty"\n', 'a: "\\""\n', 'a: "x\\\n  y"\n'])
def test_escapes_have_no_offsets(text):
    assert parse(text).value["a"].offsets() is None


WORDS = st.text(st.sampled_from("ab$'\"#:&|é値🎉{}[],"), min_size=1, max_size=5)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4)


@PROPERTY
@given(LINES, st.sampled_from(["|", "|-", ">", "'"]), LINE_ENDS)
def test_the_text_of_an_expression_maps_onto_itself(lines, style, line_end):
    if style == "'":
        lines = [line.replace("'", "''") for line in lines]
        text = "a: '" + "\n  ".join(lines) + "'\n"
    else:
        text = f"a: {style}\n" + "".join(f"  {line}\n" for line in lines)
    text = text.replace("\n", line_end)
    node = parse(text).value["a"]
    offsets = node.offsets()
    solid = [(char, at) for char, at in zip(node.value, offsets, strict=True) if not char.isspace()]
    assert [text[at] for _, at in solid] == [char for char, _ in solid]
    assert len({at for _, at in solid}) == len(solid)
    doubled = "''" if style == "'" else ""
    stood = text[node.span.start + 1 :].removesuffix(f"'{line_end}") if doubled else text[text.index("\n") :]
    assert "".join(char for char, _ in solid) == "".join(stood.replace(doubled or "\0", "'").split())


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────


def test_all_keys_that_are_given_twice_are_reported():
    found = refused("a: 1\nb: {c: 1, c: 2}\na: 2\na: 3\n")
    assert [(d.code, marked(d), d.source.position(d.span.start)) for d in found] == [
        ("M102", "c", (2, 11)),
        ("M102", "a", (3, 1)),
        ("M102", "a", (4, 1)),
    ]


def test_everything_but_plain_data_is_reported():
    found = refused("a: !!set {}\nb: &x !t y\nc: *z\n7: d\n<<: {}\n&q e: [*q, f: *g]\n")
    assert [(d.code, marked(d)) for d in found] == [
        ("M103", "!!set"),
        ("M103", "!t"),
        ("M103", "*z"),
        ("M103", "7"),
        ("M103", "<<"),
        ("M103", "*g"),
    ]


def test_a_key_called_like_a_merge_is_fine_in_quotes():
    assert parse("'<<': 1\n").plain() == {"<<": 1}


def test_an_alias_to_itself_is_refused_and_not_followed():
    (found,) = refused("a: &x [1, *x]\n")
    assert (found.code, marked(found)) == ("M103", "*x")


def test_an_anchor_may_be_given_anew():
    assert parse("- &x 1\n- *x\n- &x 2\n- *x\n").plain() == [1, 1, 2, 2]


def test_aliases_count_as_if_they_were_written_out():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    assert [d.code for d in refused("\n".join(lines))] == ["M104"]
    assert parse("\n".join(lines[:4])).size > 10_000


def test_as_many_values_as_allowed_are_read():
    assert len(parse("[" + "1," * (yaml_tree.MAX_NODES - 2) + "1]").value) == yaml_tree.MAX_NODES - 1
    assert [d.code for d in refused("[" + "1," * yaml_tree.MAX_NODES + "1]")] == ["M104"]


@pytest.mark.parametrize(
    "nest",
    [
        lambda n: "[" * n + "]" * n,
        lambda n: "{a: " * n + "1" + "}" * n,
        lambda n: "".join("  " * i + "a:\n" for i in range(n)),
        lambda n: "- " * n + "a",
    ],
    ids=["flow sequences", "flow mappings", "block mappings", "block sequences"],
)
def test_depth_is_bounded(nest):
    parse(nest(yaml_tree.MAX_DEPTH))
    for deep in (yaml_tree.MAX_DEPTH + 2, 2_000):
        assert [d.code for d in refused(nest(deep))] == ["M104"]


def test_an_alias_does_not_hide_depth():
    def nested(levels):
        return f"- &x {'[' * 30}{']' * 30}\n- {'[' * levels}*x{']' * levels}\n"

    allowed = yaml_tree.MAX_DEPTH - 30
    assert parse(nested(allowed)).plain()
    assert [d.code for d in refused(nested(allowed + 1))] == ["M104"]
    towers = ["- &a0 []"] + [f"- &a{i} {'[' * 60}*a{i - 1}{']' * 60}" for i in range(1, 200)]
    assert [d.code for d in refused("\n".join(towers))] == ["M104"]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("a: 1\n---\nb: 2\n", "---"),
        ("a: 1\n...\n---\nb: 2\n", "---"),
        ("---\n---\n", "---"),
    ],
)
def test_a_second_document_is_refused(text, mark):
    (found,) = refused(text)
    assert (found.code, marked(found)) == ("M101", mark)


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x1b", "\x7f", "\ud800", "\ufffe"])
def test_a_character_that_yaml_does_not_allow_is_named_where_it_stands(char):
    (found,) = refused(f"a: é\nb: x{char}y\n")
    assert found.code == "M101"
    assert f"U+{ord(char):04X}" in found.message
    assert marked(found) == char
    assert found.source.position(found.span.start) == (2, 5)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('id: "user" & $id\n', "quotes"),
        ('when: $x ? "a" : "b"\n', "quotes"),
        ("user: {a: 1}[0]\n", "quotes"),
        ("id: `user id`\n", "quotes"),
        ("id: %x\n", "quotes"),
        ("a:\n\tb: 1\n", "spaces"),
        ("a: [1\nb: 2\n", None),
        ('a: "x\n', None),
    ],
)
def test_a_yaml_error_says_what_an_author_of_expressions_can_do(text, hint):
    (found,) = refused(text)
    assert found.code == "M101"
    assert hint in found.hint if hint else found.hint is None


def test_a_yaml_error_names_the_line_where_it_all_began():
    (found,) = refused("a: 1\nb: [1,\n  2\nc: 3\n")
    assert "begins on line 2" in found.message
    assert found.source.position(found.span.start)[0] == 4


def test_a_file_that_is_too_long_is_not_read():
    assert [d.code for d in refused("a" * (yaml_tree.MAX_CHARACTERS + 1))] == ["M104"]


YAMLISH = st.text(st.sampled_from("ab1:-[]{}&*!|>'\"%@`#,?. \n\t\\~<=\x00\x85\ufeff\u2028é🎉\ud800\r"), max_size=40)


@settings(PROPERTY, max_examples=600)
@given(YAMLISH | st.text(max_size=40))
def test_any_text_is_a_tree_or_a_mapping_error(text):
    try:
        root = parse(text)
    except MappingError as error:
        root, found = None, error.diagnostics
        assert {d.code for d in found} <= {"M101", "M102", "M103", "M104"}
    for node in root.walk() if root else ():
        assert 0 <= node.span.start <= node.span.end <= len(text)
        offsets = node.offsets() if isinstance(node.value, str) else None
        assert offsets is None or all(node.span.start <= at < node.span.end for at in offsets)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_read_without_its_byte_order_mark_and_with_plain_line_ends(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert files.read(tmp_path / "a.yaml", "a.yaml") == Source("a.yaml", "a: 1\nb: 2\n")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_that_is_not_utf_8_is_shown_where_it_is_not(tmp_path, start):
    (tmp_path / "a.yaml").write_bytes(start + "a: é\r\nb: ".encode() + b"caf\xe9\n")
    with pytest.raises(MappingError) as caught:
        files.read(tmp_path / "a.yaml", "a.yaml")
    (found,) = caught.value.diagnostics
    assert found.code == "M105"
    assert found.source.position(found.span.start) == (2, 7)
    assert found.source.line(2) == "b: caf\ufffd"


@pytest.mark.parametrize("name", ["no/such/file.yaml", ".", "a\x00b.yaml", "x" * 5_000 + ".yaml"])
def test_a_file_that_cannot_be_read_says_why(name):
    with pytest.raises(MappingError) as caught:
        files.read(Path(name))
    assert caught.value.code == "M105"
    assert "Errno" not in str(caught.value)


def test_a_shipped_name_is_found_and_called_by_its_place():
    found = files.find("gong/activity", "mappings", ".yaml")
    assert found.name == "mappings/gong/activity.yaml"
    assert "integration: gong" in found.text


@pytest.mark.parametrize(
    "name", ["gong/activty", "gong/activity/x", "", "../mappings/gong/activity", "a\x00b", "x" * 5_000]
)
def test_a_name_that_is_not_there_is_refused(name):
    with pytest.raises(MappingError) as caught:
        files.find(name, "mappings", ".yaml")
    assert caught.value.code == "M105"


def test_a_folder_above_the_file_goes_before_what_ships(tmp_path):
    (tmp_path / "schemas" / "m").mkdir(parents=True)
    (tmp_path / "schemas" / "m" / "r.yaml").write_text("fields: mine")
    near = tmp_path / "mappings" / "gong" / "activity.yaml"
    assert files.find("m/r", "schemas", ".yaml", near=near).text == "fields: mine"
    with pytest.raises(MappingError):
        files.find("m/r", "schemas", ".yaml")


ANCHORS = {
    "a: &x 1\nb: *x\n": [],
    "a: &x 1\nb: &y 2\nc: *x\n": [],
    "a: &x 1\nb: &x 2\nc: *x\n": [(2, "the anchor &x is given twice, first on line 1")],
    "a: &x 1\nb: &x 2\nc: &x 3\n": [(2, "the anchor &x is given twice, first on line 1")] * 2,
    "a: '&x 1'\nb: &x 2\n": [],
    "\ufeffa: &x [1]\nb: &x [2]\n": [(2, "the anchor &x is given twice, first on line 1")],
}


@pytest.mark.parametrize("text", ANCHORS)
def test_an_anchor_that_is_given_twice_is_told_where_it_comes_again(text):
    found = list(yaml_tree.repeated_anchors(Source("a.yaml", text)))
    lines = [one.source.position(one.span.start)[0] for one in found]
    assert [message for _, message in ANCHORS[text]] == [one.message for one in found]
    assert lines == [*range(2, 2 + len(lines))]
    assert all(text[one.span.start : one.span.end] == "&x" for one in found)
