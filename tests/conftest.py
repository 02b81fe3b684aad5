import pytest


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="write what is, instead of failing on what was expected")


@pytest.fixture
def accept(request):
    """Whether expectations are to be written instead of compared."""
    return request.config.getoption("--accept")
