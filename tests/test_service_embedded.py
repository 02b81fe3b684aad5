"""The service in other applications: what docs/embedding.md shows, run."""

from pathlib import Path

import pytest
from snippets import ROOT, blocks
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from truto_mapper import load

if not (ROOT / "docs").is_dir():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

ACTIVITY = "/unified/conversational-intelligence/activity"
USERS = "/unified/conversational-intelligence/users"


@pytest.fixture(scope="module")
def page():
    """What the section of the page defines."""
    text = Path(ROOT / "docs" / "embedding.md").read_text("utf-8")
    section = text.partition("\n## The service in your own application\n")[2].partition("\n## ")[0]
    found = {"load": load}
    codes = [block.text for block in blocks(section) if block.kind == "python"]
    assert len(codes) == 2
    for code in codes:
        exec(compile(code, "embedding.md", "exec"), found)
    yield found
    found["store"].close()


def is_served(client, prefix=""):
    """Whether the service is there, and below its own path."""
    assert client.get(f"{prefix}{USERS}").status_code == 401
    return client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": prefix or "/"}]


def test_in_starlette(page):
    with TestClient(page["mine"]) as client:
        assert is_served(client, "/api")
        assert client.get("/healthz").status_code == 404


def test_in_fastapi(page):
    fastapi = pytest.importorskip("fastapi", reason="needs FastAPI, which nothing else here does")
    unified = page["unified"]
    mine = fastapi.FastAPI(lifespan=lambda _: unified.router.lifespan_context(unified))
    mine.mount("/api", unified)
    with TestClient(mine) as client:
        assert is_served(client, "/api")
        assert client.get("/docs").text != client.get("/api/docs").text


def test_beside_django(page):
    with TestClient(page["with_unified"](PlainTextResponse("Django"))) as client:
        assert client.get(USERS).status_code == 401
        assert client.get("/admin").text == "Django"


def test_beside_a_real_django(page):
    pytest.importorskip("django", reason="needs Django, which nothing else here does")
    from django.conf import settings
    from django.core.asgi import get_asgi_application

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    with TestClient(page["with_unified"](get_asgi_application())) as client:
        assert client.get(USERS).status_code == 401
        assert client.get("/admin").status_code == 404


urlpatterns = []
