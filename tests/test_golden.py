"""Each golden case gives what it expects; and the cases cannot pass by accident."""

import golden_cases
import pytest


@pytest.mark.parametrize("folder", golden_cases.folders(), ids=lambda folder: "/".join(folder.parts[-3:]))
def test_a_golden_case_gives_what_it_expects(folder, accept):
    failures = golden_cases.failures(folder, accept=accept)
    if failures:
        pytest.fail("\n\n".join(failures) + "\n\npytest --accept writes what is", pytrace=False)


def test_there_are_golden_cases():
    assert len(golden_cases.folders()) > 40


def test_nothing_beside_a_mapping_is_orphaned():
    assert golden_cases.orphans() == []


PERIOD = "query: start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z\n"
PAYLOAD = """{"usersAggregateActivityStats": [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2}}]}"""


@pytest.fixture
def case(tmp_path):
    """A case of its own, which passes."""
    folder = tmp_path / "gong" / "activity" / "one"
    folder.mkdir(parents=True)
    (tmp_path / "gong" / "activity.yaml").write_text("")
    (folder / "case.yaml").write_text(f"description: One user.\n{PERIOD}")
    (folder / "payload.json").write_text(PAYLOAD)
    assert golden_cases.failures(folder, accept=True) == []
    return folder


def state(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_was_accepted_passes_and_is_found(case):
    assert golden_cases.failures(case) == []
    assert golden_cases.folders(case.parents[2]) == [case]
    assert golden_cases.orphans(case.parents[2]) == []
    assert set(state(case)) == {"case.yaml", "payload.json", "request.json", "response.json"}


def test_a_difference_is_shown_line_by_line(case):
    (case / "payload.json").write_text(PAYLOAD.replace("2", "3"))
    (failure,) = golden_cases.failures(case)
    assert failure.startswith("--- response.json expected\n+++ response.json found\n")
    assert '\n-        "calls_hosted": 2\n+        "calls_hosted": 3\n' in failure


@pytest.mark.parametrize("name", ["request.json", "response.json"])
def test_an_expectation_that_is_absent_fails_with_its_text(case, name):
    text = (case / name).read_text()
    (case / name).unlink()
    assert golden_cases.failures(case) == [f"{name} is not there, and it would be:\n\n{text}"]


@pytest.mark.parametrize("name", ["diagnostics.txt", "response.ndjson", "rejected.json"])
def test_an_expectation_of_what_does_not_come_fails(case, name):
    (case / name).write_text("")
    assert golden_cases.failures(case) == [f"{name} is there, and nothing of the kind comes out"]


def test_a_failure_that_is_not_stated_fails_and_cannot_be_accepted(case):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\n")
    before = state(case)
    (failure,) = golden_cases.failures(case, accept=True)
    assert failure.startswith("it fails:\n\nerror[P601]: gong answered 500")
    assert state(case) == before


def test_a_case_that_states_a_failure_must_fail(case):
    (case / "case.yaml").write_text(f"description: Fine.\n{PERIOD}raises: QueryError\n")
    assert golden_cases.failures(case, accept=True) == ["it must fail with QueryError, and does not"]


@pytest.mark.parametrize("raises", ["QueryError", "{error: ProviderError, status: 429}"])
def test_a_case_must_fail_for_the_stated_reason(case, raises):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\nraises: {raises}\n")
    (failure,) = golden_cases.failures(case, accept=True)
    assert failure.startswith("it must fail with ")
    assert "error[P601]: gong answered 500" in failure


def test_accepting_takes_away_what_no_longer_comes(case):
    (case / "case.yaml").write_text(f"description: Refused.\n{PERIOD}status: 500\nraises: ProviderError\n")
    assert golden_cases.failures(case, accept=True) == []
    assert set(state(case)) == {"case.yaml", "payload.json", "request.json", "diagnostics.txt"}


def test_without_accepting_nothing_is_written(case):
    (case / "response.json").unlink()
    (case / "payload.json").write_text(PAYLOAD.replace("2", "true"))
    before = state(case)
    assert golden_cases.failures(case)
    assert state(case) == before


def test_a_folder_without_case_yaml_and_a_stray_file_are_orphans(case):
    (case / "case.yaml").rename(case / "case.yml")
    (case.parent / "notes.txt").write_text("")
    assert golden_cases.orphans(case.parents[2]) == [
        "gong/activity/notes.txt",
        "gong/activity/one/case.yml",
        "gong/activity/one/payload.json",
        "gong/activity/one/request.json",
        "gong/activity/one/response.json",
        "gong/activity/one: no case.yaml",
    ]


def test_a_misspelt_setting_fails(case):
    (case / "case.yaml").write_text(f"description: One user.\n{PERIOD}statsu: 500\n")
    assert golden_cases.failures(case) == ["case.yaml: unknown statsu"]


def test_a_case_without_a_description_fails(case):
    (case / "case.yaml").write_text(PERIOD)
    assert golden_cases.failures(case) == ["case.yaml: it has no description"]
