"""pytest collects golden cases as tests."""

import shutil
from pathlib import Path

import pytest

import truto_mapper

pytest_plugins = ["pytester"]
ROOT = Path(truto_mapper.__file__).parents[1]
CASES = ("one-user", "last-page", "error-403")


@pytest.fixture
def project(pytester):
    shutil.copytree(ROOT / "schemas", pytester.path / "schemas")
    cases = pytester.path / "mappings" / "gong" / "activity"
    for name in CASES:
        shutil.copytree(ROOT / "mappings" / "gong" / "activity" / name, cases / name)
    shutil.copy(ROOT / "mappings" / "gong" / "activity.yaml", cases.with_suffix(".yaml"))
    return pytester


def test_each_case_is_a_test_that_can_be_chosen(project):
    project.runpytest("-q", "--disable-warnings").assert_outcomes(passed=3)
    project.runpytest("-q", "-k", "one-user").assert_outcomes(passed=1, deselected=2)


def test_a_case_that_differs_is_shown_by_field_and_line_without_a_traceback(project):
    mapping = project.path / "mappings" / "gong" / "activity.yaml"
    mapping.write_text(
        mapping.read_text().replace("calls_hosted: $counts.callsAsHost\n", "calls_hosted: $counts.callsAttended\n")
    )
    result = project.runpytest("-q", "mappings")
    result.assert_outcomes(passed=1, failed=2)
    shown = result.stdout.str()
    assert "error[G701]: one-user: response.json/result/0/metrics/calls_hosted: " in shown
    assert "calls_hosted: $counts.callsAttended" in shown
    assert "--update" in shown
    assert "Traceback" not in shown
    assert "pytest_plugin.py" not in shown


def test_a_mapping_that_does_not_load_fails_its_cases_with_the_findings(project):
    mapping = project.path / "mappings" / "gong" / "activity.yaml"
    mapping.write_text(mapping.read_text().replace("$counts.callsAsHost\n", "$cuonts.callsAsHost\n"))
    result = project.runpytest("-q", "mappings")
    result.assert_outcomes(failed=3)
    assert "error[C202]: $cuonts is not bound here" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_who_has_no_mappings_does_not_notice_the_plugin(pytester):
    (pytester.path / "case.yaml").write_text("not: ours")
    pytester.makepyfile("import sys\ndef test_it(): assert 'truto_mapper.golden' not in sys.modules")
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_files_of_no_case_fail_as_a_test_of_their_own(project):
    cases = project.path / "mappings" / "gong" / "activity"
    (cases / "one-user" / "respones.json").write_text("{}")
    (cases / "last-page" / "case.yaml").rename(cases / "last-page" / "case.yml")
    result = project.runpytest("-q", "mappings")
    result.assert_outcomes(passed=2, failed=1)
    shown = result.stdout.str()
    for name in ("one-user/respones.json", "last-page/case.yml", "last-page/payload.json"):
        assert f"error[G703]: {cases}/{name} belongs to no case" in shown
    assert "Traceback" not in shown
    assert "--update" not in shown


def test_cases_whose_mapping_is_gone_fail(project):
    mapping = project.path / "mappings" / "gong" / "activity.yaml"
    mapping.rename(mapping.with_name("actions.yaml"))
    result = project.runpytest("-q", "mappings")
    result.assert_outcomes(failed=3)
    assert f"there is no mapping {mapping}" in result.stdout.str()
    assert "hint: rename the folder to actions" in result.stdout.str()
