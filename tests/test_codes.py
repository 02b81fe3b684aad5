"""Every code has one meaning and one section of `docs/codes.md`, which is made from its example."""

import re
from pathlib import Path

import code_pages
import pytest

from truto_mapper.text import codes
from truto_mapper.text.codes import CODES
from truto_mapper.text.files import page_of

PAGE = Path(__file__).parents[1] / "docs" / "codes.md"


def test_every_code_is_unique_and_says_what_it_means():
    text = Path(codes.__file__).read_text("utf-8")
    declared = re.findall(r'(?m)^    "([A-Z]\d{3})":', text)
    assert sorted(declared) == sorted(CODES)
    assert len(declared) == len(set(declared))
    for meaning in CODES.values():
        assert re.fullmatch(r"\S.*[^\s.]", meaning)
    assert len(set(CODES.values())) == len(CODES)


def test_the_page_of_codes_is_up_to_date(accept):
    made = code_pages.page()
    if accept:
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "write it with: python tests/code_pages.py > docs/codes.md"


def test_the_page_lists_every_code():
    listed = re.findall(r"^\| \[(\w+)\]", code_pages.page(), re.MULTILINE)
    assert listed == [*CODES, *code_pages.jsonata()]


@pytest.mark.parametrize("code", code_pages.jsonata())
def test_a_code_of_jsonata_has_a_section_too(code):
    assert re.search(rf"^error\[{code}\]", page_of(code), re.MULTILINE)


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_section_with_its_meaning_and_a_message(code):
    section = page_of(code)
    assert section.startswith(f"## {code}\n")
    assert section.count("\n## ") == 0
    assert CODES[code][1:] in " ".join(section.split())
    assert re.search(rf"^(error|warning|note)\[{code}\]", section, re.MULTILINE)
    assert section.endswith("```\n")


def test_an_unknown_code_has_no_section():
    assert page_of("C299") is None
    assert page_of("C2") is None
