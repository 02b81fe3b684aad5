"""Every code with a mistake that leads to it and its exact report, and what all reports have in common.

`tests/diagnostics/<CODE>[-name].yaml` holds one mistake: a `title`, what is done (see `OUTCOMES`), and the `report`
that a user reads; what `check` finds also says how to `mend` it. One example of each code says `why` it matters, for
docs/codes.md (see `code_pages.py`). `pytest --accept` writes the reports anew; read them before they are committed.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from itertools import takewhile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from truto_mapper import Expression, MapperError, Response, load
from truto_mapper.authoring import check, golden
from truto_mapper.edges import cli, client
from truto_mapper.resource.spec import load_resource
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt, nearest
from truto_mapper.text.errors import EvaluationError, Findings, MappingError, ProviderError, QueryError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.source import Source, Span

FOLDER = Path(__file__).parent / "diagnostics"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))

#: Codes are JSONata's own (S, T and D followed by four digits) or ours.
JSONATA = re.compile(r"[STD]\d{4}")


# ── The examples ─────────────────────────────────────────────────────────────────────────────────────────────────


def example(path):
    return yaml_tree.parse(files.read(path)).plain()


def code(path):
    return path.stem.partition("-")[0]


def expanded(value):
    """The value with each `{repeat: text, times: n}` written out."""
    match value:
        case {"repeat": text, "times": times}:
            return value.get("before", "") + text * times + expanded(value.get("after", ""))
        case dict():
            return {name: expanded(inner) for name, inner in value.items()}
        case list():
            return [expanded(inner) for inner in value]
    return value


def mapper(done):
    overlays = [Path("overlay.yaml")] if "overlay" in done else ()
    return load(Path("activity.yaml") if {"mapping", "check"} & done.keys() else "gong/activity", overlays=overlays)


def planned(done):
    return mapper(done).plan(**done["plan"]).diagnostics


def mapped(done):
    options = dict(done["map"])
    shape, payload = options.pop("format", None), options.pop("payload")
    body = payload.encode() if isinstance(payload, str) else payload
    page = mapper(done).map(body, **options)
    page.render(shape)
    return page.diagnostics


def evaluated(done):
    Expression(done["expression"]).evaluate(done.get("data"), done.get("bindings"))
    return ()


def checked(done):
    """Without the notes, if the example is about no note."""
    found = check.check(mapper(done))
    about = {one.severity for one in found if one.code == done["code"]}
    return [one for one in found if one.code == done["code"] or one.severity not in {"note"} - about]


def called(done):
    """Run Python that calls a provider, in which these names are known."""
    context = {"time_zone": "UTC"}
    account = client.Account("https://api.gong.io", client.Basic("key", "secret"), context)
    january = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
    empty = lambda _: Response(b'{"usersAggregateActivityStats": []}')  # noqa: E731
    names = {"account": account, "context": context, "january": january, "empty": empty, "gong": load("gong/activity")}
    exec(done["python"], vars(client) | names | {"Response": Response})
    return ()


def parsed(_):
    yaml_tree.parse(files.read(Path("example.yaml")))
    return ()


#: What can be done, by the key that an example says it with; the last key that it has decides.
OUTCOMES = {
    "yaml": parsed,  # the text of example.yaml, read as YAML
    "resource": lambda _: load_resource(Path("resource.yaml")) and (),  # the text of a spec, loaded
    "mapping": lambda done: mapper(done).diagnostics,  # the text of activity.yaml, loaded as a mapping
    "overlay": lambda done: mapper(done).diagnostics,  # the text of overlay.yaml, laid over it or the shipped one
    "check": checked,  # the text of activity.yaml, checked
    "python": called,  # a call of the client
    "expression": evaluated,  # with `data` and `bindings`
    "plan": planned,  # the arguments of Mapper.plan, of `mapping` or else of the shipped one
    "cases": lambda done: golden.run_all([Path(done["cases"])]).diagnostics,  # the mapping whose golden cases are run
    "map": mapped,  # the arguments of Mapper.map, and of Page.render its `format`
}

FILES = {
    "yaml": "example.yaml",
    "resource": "resource.yaml",
    "mapping": "activity.yaml",
    "overlay": "overlay.yaml",
    "check": "activity.yaml",
}


def report(done):
    """What the user reads: the error, or the findings that came with a result."""
    if "cli" in done:  # the arguments of the command, on the example's `files`
        for step in done.get("before", ()):  # a command, or SQL behind the back of the store
            command(step) if isinstance(step, list) else changed_by_hand(step)
        return command(done["cli"]).stderr.removesuffix("\n")
    try:
        found = next(outcome(done) for key, outcome in reversed(OUTCOMES.items()) if key in done)
    except MapperError as error:  # a wait that depends on the clock
        return re.sub(r"again in \d\d s(, at \S+)?", "again in 60 s", str(error))
    return "\n\n".join(diagnostic.render() for diagnostic in found)


def command(words):
    """Run a command; first come the variables of its environment, NAME=VALUE."""
    count = sum(1 for _ in takewhile(re.compile(r"[A-Z_]+=").match, words))
    env = dict(word.split("=", 1) for word in words[:count])
    return CliRunner().invoke(cli.app, words[count:], env={"CI": None} | env)


def changed_by_hand(statement):
    with closing(sqlite3.connect("store.db", isolation_level=None)) as database:
        database.execute(statement)


def written(path, text):
    """The file with another report; every other byte stays."""
    head = re.split(r"(?m)^report:", path.read_text("utf-8"), maxsplit=1)[0]
    body = "".join(f"  {line}\n" if line else "\n" for line in text.split("\n"))
    path.write_text(f"{head}report: |\n{body}", "utf-8")


def laid_out(done):
    """Write the files of an example into the current folder."""
    named = done.get("files", {}) | {name: done[key] for key, name in FILES.items() if key in done}
    for name, text in named.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text.encode(done.get("encoding", "utf-8")))
        Path(name).chmod(0o644)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_a_mistake_is_reported_exactly_like_this(path, accept, tmp_path, monkeypatch):
    done = expanded(example(path)) | {"code": code(path)}
    monkeypatch.chdir(tmp_path)
    laid_out(done)
    found = report(done)
    assert found, "the example is no mistake"
    assert f"[{code(path)}]" in found
    assert "Traceback" not in found
    assert str(tmp_path) not in found
    assert str(FOLDER.parents[1]) not in found
    assert all(line.isprintable() and line == line.rstrip() for line in found.split("\n"))
    if accept:
        written(path, found)
    else:
        assert found == done["report"].removesuffix("\n")


MENDED = [path for path in EXAMPLES if example(path).get("mend")]


@pytest.mark.parametrize("path", MENDED, ids=[path.stem for path in MENDED])
def test_a_mistake_mended_as_the_example_says_is_not_found_any_more(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = example(path) | {"code": code(path)}
    laid_out(done | {"check": mended(done)})
    assert [one.render() for one in checked(done) if one.severity == "error" or one.code == done["code"]] == []


def mended(done):
    text = done.get("check") or done["mapping"]
    for mend in done["mend"]:
        assert mend["wrong"] in text
        text = text.replace(mend["wrong"], mend["right"], 1)
    return text


def test_what_check_finds_is_mended_unless_it_is_a_note():
    codes = [FOLDER / f"{one}.yaml" for one in CODES if one.startswith("C")]
    assert all(example(path).get("mend") or code(path) in ("C214", "C215", "C237") for path in codes)


def test_every_code_of_ours_has_an_example():
    assert {found for path in EXAMPLES if not JSONATA.fullmatch(found := code(path))} == set(CODES)


def test_every_code_that_the_package_reports_is_declared():
    texts = [path.read_text("utf-8") for path in Path(yaml_tree.__file__).parents[1].glob("**/*.py")]
    used = {found for text in texts for found in re.findall(r'"([MCBDQPGERISW]\d{3})"', text)}
    assert used == set(CODES)


def test_every_example_has_a_title_and_something_to_do():
    for path in EXAMPLES:
        done = example(path)
        assert re.fullmatch(r"[A-Z`$].*\.", done["title"]), path.name
        assert {"cli", *OUTCOMES} & done.keys(), path.name
        assert list(done)[-1] == "report", path.name


# ── What a finding looks like ────────────────────────────────────────────────────────────────────────────────────


def rendered(text, start, end, **more):
    return Diagnostic("M101", "wrong", source=Source("a.yaml", text), span=Span(start, end), **more).render()


def caret(report):
    """The text that the carets of a report stand under, as a terminal with one cell a character shows it."""
    line, marks = report.split("\n")[3:5]
    return line[marks.index("^") : marks.rindex("^") + 1]


def test_a_finding_names_file_line_and_column_and_marks_the_text():
    assert rendered("a: 1\nb: [2\n", 8, 10, hint="close it") == (
        "error[M101]: wrong\n  --> a.yaml:2:4\n   |\n 2 | b: [2\n   |    ^^\n   = hint: close it"
    )


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "column"),
    [("", 0, 0, 1, 1), ("a", 1, 2, 1, 2), ("a\n", 2, 3, 2, 1), ("a\r\nb", 3, 4, 2, 1), ("é𝄞x", 2, 3, 1, 3)],
)
def test_lines_and_columns_count_from_one_in_characters(text, start, end, line, column):
    found = Diagnostic("M101", "wrong", source=Source("a.yaml", text), span=Span(start, end))
    assert f"--> a.yaml:{line}:{column}\n" in found.render()
    assert found.as_dict()["line"] == line
    assert found.as_dict()["column"] == column


def test_the_caret_stands_under_wide_characters_as_a_terminal_shows_them():
    lines = rendered("名前: 値x", 4, 6).split("\n")
    assert lines[3] == " 1 | 名前: 値x"
    assert lines[4] == "   |       ^^^"  # four cells of the key and two of ": ", then two cells and one


def test_a_very_long_line_is_cut_around_its_mistake():
    report = rendered("x" * 5_000 + "HERE" + "y" * 5_000, 5_000, 5_004)
    assert caret(report) == "HERE"
    assert all(len(line) < 160 for line in report.split("\n"))


def test_a_mistake_that_is_itself_very_long_is_cut_too():
    assert all(len(line) < 160 for line in rendered("a: " + "x" * 5_000, 3, 5_003).split("\n"))


def test_tabs_keep_their_place_and_control_characters_do_not_reach_the_terminal():
    report = rendered("\ta\x1b[31m!", 1, 2)
    assert caret(report) == "a"
    assert "\x1b" not in report
    assert "\t" not in report


@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\x00", "\u202e", "\u2067", "\u2028", "\ud800"])
def test_nothing_that_a_report_quotes_can_upset_a_terminal(char):
    found = Diagnostic(
        "M102",
        f"`a{char}b`",
        source=Source(f"f{char}.yaml", f"a{char}b"),
        span=Span(2, 3),
        pointer=f"/{char}",
        hint=char,
    )
    assert char not in found.render()
    assert found.render().count("\ufffd") == 5


def test_a_message_of_several_lines_is_one_line_in_a_report():
    assert Diagnostic("P601", "it said\r\nno", hint="a\nb").render() == ("error[P601]: it said  no\n   = hint: a b")


@pytest.mark.parametrize("wide", ["e\u0301", "\u0e01\u0e34", "a\u200d", "a\ufe0f"])
def test_marks_and_joiners_take_no_place_before_the_caret(wide):
    assert rendered(f"{wide}HERE", len(wide), len(wide) + 4).split("\n")[4] == "   |  ^^^^"


def test_a_span_of_several_lines_is_marked_on_its_first():
    assert rendered("a: |\n  one\n  two\n", 3, 16).split("\n")[3:] == [" 1 | a: |", "   |    ^"]


def test_line_numbers_of_any_size_keep_the_margin_straight():
    lines = rendered("\n" * 12_344 + "a", 12_344, 12_345).split("\n")
    assert lines[1:] == ["     --> a.yaml:12345:1", "      |", "12345 | a", "      | ^"]


def test_a_finding_as_json_has_what_is_known_and_nothing_else():
    assert Diagnostic("Q502", "unknown").as_dict() == {"code": "Q502", "severity": "error", "message": "unknown"}
    full = Diagnostic("D401", "m", "warning", Source("f.yaml", "ab\ncd"), Span(1, 4), "/a~1b", "do")
    assert full.as_dict() == {
        "code": "D401",
        "severity": "warning",
        "message": "m",
        "source": "f.yaml",
        "line": 1,
        "column": 2,
        "end_line": 2,
        "end_column": 2,
        "pointer": "/a~1b",
        "hint": "do",
    }


def test_a_pointer_to_everything_is_written_in_words():
    assert Diagnostic("Q511", "no", pointer="").render().endswith("= at: (the whole value)")


def test_pointers_escape_what_rfc_6901_says():
    assert json_pointer(("a/b", 0, "m~n")) == "/a~1b/0/m~0n"
    assert json_pointer(()) == ""


def test_values_in_messages_are_cut_and_printable():
    assert excerpt("x" * 500) == '"' + "x" * 58 + "…"
    assert excerpt({"a": [1, None]}) == '{"a": [1, null]}'
    assert excerpt("\x9b31m\ud800") == '"\ufffd31m\ufffd"'
    assert excerpt(object()) == "a value of type object"
    loop: list = []
    loop.append(loop)
    assert excerpt(loop) == "a value of type list"


def test_a_name_that_is_close_is_offered_and_a_few_are_listed():
    assert did_you_mean("usres", ["users", "limit"]) == "did you mean `users`?"
    assert did_you_mean("zzz", ["users", "limit"]) == "available: `limit`, `users`"
    assert did_you_mean("zzz", [f"name{i}" for i in range(20)]) is None
    assert did_you_mean("zzz", []) is None
    assert nearest("zzz", ["users"]) is None
    assert nearest("post", ["GET", "POST"]) == "POST"


def test_findings_are_raised_together_and_notes_alone_are_not():
    findings = Findings()
    findings.add("Q510", "widened", severity="note")
    findings.raise_as(QueryError)
    findings.add("Q503", "missing")
    with pytest.raises(QueryError) as caught:
        findings.raise_as(QueryError)
    assert [d.code for d in caught.value.diagnostics] == ["Q510", "Q503"]
    assert str(caught.value) == "note[Q510]: widened\n\nerror[Q503]: missing"


def test_an_error_says_whose_fault_it_was():
    found = Diagnostic("P601", "m", source=Source("f", "x"), span=Span(0, 1))
    assert [error(found).status for error in (MappingError, EvaluationError, QueryError)] == [500, 500, 400]
    refused = ProviderError(found, status=429, retry_after=7, request_id="r")
    assert (refused.status, refused.retry_after, refused.request_id) == (429, 7, "r")
    assert ProviderError(found).status == 502
    assert (refused.code, refused.span) == ("P601", Span(0, 1))
    assert issubclass(EvaluationError, MappingError)
