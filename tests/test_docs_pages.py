"""What the pages of the documentation promise: snippets run, files load, links lead somewhere, nothing is left out."""

import json
import re
import shlex
import unicodedata
from pathlib import Path

import pages
import pytest
import typer
import yaml
from pages import GENERATED, PAGES, ROOT, blocks

from truto_mapper import Source, cli, diff, document, load
from truto_mapper.schema import Resource

if not (ROOT / "README.md").is_file():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

WRITTEN = [path for path in PAGES if path.name not in GENERATED]
TEXTS = {path: path.read_text("utf-8") for path in PAGES}


def by_name(path):
    return path.name


@pytest.mark.parametrize("path", WRITTEN, ids=by_name)
def test_the_snippets_of_a_page_do_what_it_says(path, accept, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path if any(block.file for block in blocks(TEXTS[path])) else ROOT)
    found = pages.run(TEXTS[path])
    if accept:
        path.write_text(found, "utf-8")
    assert found == TEXTS[path]
