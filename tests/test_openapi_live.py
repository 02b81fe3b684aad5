"""The answers of a live service fit its OpenAPI document, whatever is asked."""

import pytest

pytest.importorskip("schemathesis", reason="answers are not compared with the document: pip install schemathesis")

from live_service import live
from openapi_fuzz import USERS, Checked

TRIES = 15


@pytest.fixture(scope="module")
def checked():
    with live(USERS) as running:
        yield Checked(running)


@pytest.mark.parametrize("operation", ["list_activity", "list_interactions", "list_users", "get_users"])
def test_an_answer_fits_the_schema_of_its_format_or_is_a_problem(checked, operation):
    checked.fuzz(operation, TRIES)
    assert any(name.startswith(operation) for name in checked.statuses)
