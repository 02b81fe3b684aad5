"""What is wrong with a mapping is found without a payload; what is right stays silent."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from test_equivalence import cases

from truto_mapper import load
from truto_mapper.authoring import check, golden
from truto_mapper.language import inference, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node, walk
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.codes import CODES
from truto_mapper.text.errors import EvaluationError, MapperError, MappingError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "mappings" / "gong" / "activity.yaml"
FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text("utf-8"))


def found_in(path):
    try:
        return check.check(load(path))
    except MapperError as error:
        return list(error.diagnostics)


def cli(*arguments):
    command = [sys.executable, "-m", "truto_mapper.edges.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path):
    """A copy of the shipped mapping with its schemas, to plant a fault in."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    path = tmp_path / "mappings" / "gong" / "activity.yaml"
    path.parent.mkdir(parents=True)
    shutil.copy(SHIPPED, path)
    return path


def test_a_mapping_that_is_right_has_neither_errors_nor_warnings():
    found = check.check(load("gong/activity"))
    assert {one.severity for one in found} <= {"note"}
    assert [one.code for one in found if one.code not in ("C214", "C215")] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
def test_a_planted_fault_is_found_at_its_line(fault, project):
    text = project.read_text("utf-8")
    assert fault["old"] in text
    project.write_text(text.replace(fault["old"], fault["new"], 1), "utf-8")
    before = {one.message for one in check.check(load("gong/activity"))}
    found = [one for one in found_in(project) if one.message not in before]
    if fault["finds"] == "test":
        shutil.copytree(SHIPPED.with_suffix(""), project.with_suffix(""))
        assert [one for one in golden.run_all([project]).diagnostics if one.severity == "error"]
        return
    lines = [one.source.line(one.source.position(one.span.start)[0]) for one in found if one.code == fault["finds"]]
    expected = fault.get("at") or next(line for line in fault["new"].splitlines() if line not in text.splitlines())
    assert any(expected.strip() in line for line in lines), [one.render() for one in found]


def test_every_kind_of_fault_that_has_a_code_is_planted():
    codes = {code for code in CODES if code.startswith("C") and code > "C205"} - {"C214", "C216"}
    assert {fault["finds"] for fault in FAULTS} >= codes


# --------------------------------------------------------------------------------------------- soundness


def admits(kind, value):
    """Whether a value is of a type."""
    if kind == types.ANY or kind.kinds == types.KINDS:
        return True
    if value is MISSING:
        return "undefined" in kind.kinds
    found = types.kind_of(value)
    if found not in kind.kinds and not (found == "number" and float(value).is_integer() and "integer" in kind.kinds):
        return False
    if found == "array":
        return kind.items is None or all(admits(kind.items, item) for item in value)
    if found == "object":
        return kind.properties is None or all(
            admits(kind.properties.get(k, types.UNDEFINED), v) for k, v in value.items()
        )
    return found == "null" or kind.values is None or any(types.same_(value, one) for one in kind.values)


def of(value):
    """The narrowest type of a value."""
    match value:
        case dict():
            return types.Type(frozenset({"object"}), properties={name: of(child) for name, child in value.items()})
        case list():
            return types.Type(frozenset({"array"}), items=types.all_(map(of, value)) if value else None)
        case _ if value is MISSING:
            return types.UNDEFINED
        case _:
            return types.constant(value)


@given(cases())
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_an_expression_gives_is_of_the_type_it_was_inferred_to_be(drawn):
    text, data, bindings = drawn
    told = []
    try:
        expression = Expression(text)
        judge = inference.Inference(lambda code, node, *_: told.append((code, node)))
        scope = inference.Scope({"$": of(data), **{name: of(value) for name, value in bindings.items()}}, of(data))
        kind = judge.infer(expression.node, scope)
        value = expression.evaluate(data, bindings)
    except (EvaluationError, MappingError):
        return
    if not any(code == "C206" for code, _ in told):  # after which nothing is said any more
        assert admits(kind, value), (text, data, bindings, kind, value)


def test_every_kind_of_node_is_handled():
    """A node that inference does not know is anything, so this only counts the ones it means to know."""
    texts = ["a.b[c=1]^(d){e: f}", "$map(x, function($v) {$v + 1})", "*.**", "-a", "/x/", "a ~> $f", "x ?: y ?? z"]
    for text in [*texts, "$f(?, 1)", "| a | {} |", "(a; $b := 1)", "[1..2]", "a ? b : c", "true"]:
        judge = inference.Inference(lambda *_: None)
        for node in walk(Expression(text).node):
            assert isinstance(judge.infer(node, inference.Scope({}, types.ANY)), types.Type), Node


# ----------------------------------------------------------------------------------------------- silencing


def with_line(project, old, new):
    text = project.read_text("utf-8")
    assert old in text
    project.write_text(text.replace(old, new, 1), "utf-8")
    return [one for one in found_in(project) if one.severity != "note"]


HOSTED = "calls_hosted: $counts.callsAsHost\n"


def test_a_comment_silences_a_code_on_its_line_or_the_next(project):
    wrong = "calls_hosted: $counts.callsAsHosts"
    assert [one.code for one in with_line(project, HOSTED, f"{wrong}\n")] == ["C206"]
    assert with_line(project, wrong, f"{wrong}  # truto: ignore[C206] Gong will have it") == []
    assert (
        with_line(
            project, f"{wrong}  # truto: ignore[C206] Gong will have it", f"# truto: ignore[C206] soon\n        {wrong}"
        )
        == []
    )


def test_within_a_block_the_comment_is_the_expressions(project):
    text = '$user.userIdd ? $join([$user.userId, $period, $first_day, $last_day], "_")'
    old = text.replace("userIdd", "userId")
    assert [one.code for one in with_line(project, old, text)] == ["C206"]
    assert with_line(project, text, f"{text} /* truto: ignore[C206] soon */") == []


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# truto: ignore[C206] nothing is wrong here", "there is no C206 here to ignore"),
        ("# truto: ignore[C206]", "an ignore comment needs a reason"),
        ("# truto: ignore[C2O6] a typo", "there is no code C2O6"),
    ],
)
def test_a_comment_that_silences_nothing_or_says_no_reason_is_found(project, comment, said):
    (found,) = with_line(project, HOSTED, f"{HOSTED.strip()}  {comment}\n")
    assert (found.code, found.message) == ("C216", said)


def test_what_only_looks_like_a_comment_is_none(project):
    quoted = "description: 'not # truto: ignore[C206] this'\nerror_mapping:"
    assert with_line(project, "error_mapping:", quoted) == []


# --------------------------------------------------------------------------------------------- the command


def test_the_command_fails_for_errors_and_strictly_for_warnings(project):
    assert cli("check", project).returncode == 0
    with_line(project, "      counts: $row\n", "      spare: $row\n      counts: $row\n")
    assert cli("check", project).returncode == 0
    strict = cli("check", project, "--strict")
    assert strict.returncode == 1
    assert "warning[C212]: $spare is never used" in strict.stderr
    with_line(project, HOSTED, "calls_hosted: $counts.callsAsHosts\n")
    assert cli("check", project).returncode == 1


def test_the_command_says_what_load_says(project):
    with_line(project, HOSTED, "calls_hosted: $cuonts.callsAsHost\n")
    done = cli("check", project, "--format", "json")
    assert done.returncode == 1
    assert [one["code"] for one in json.loads(done.stdout)] == ["C202"]


def test_a_report_in_the_form_of_junit_names_what_is_right_too():
    assert 'failures="0"' in cli("check", "gong/activity", "--format", "junit").stdout
