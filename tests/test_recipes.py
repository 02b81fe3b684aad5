"""Each recipe of docs/recipes.md gives what the page says, and nothing where there is nothing."""

import json
import re
from pathlib import Path

import contacts
import pytest

import truto_mapper
from truto_mapper import MISSING, Expression
from truto_mapper.authoring.check import check

PAGE = (Path(truto_mapper.__file__).parents[1] / "docs/recipes.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\{.*?\})`[^`|]*(?:`[^`]*`[^`|]*)?\| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
RECIPES = ROW.findall(PAGE)
each_recipe = pytest.mark.parametrize(("source", "expression", "result"), RECIPES, ids=[one for _, one, _ in RECIPES])


def test_every_row_of_the_page_is_a_recipe():
    assert len(RECIPES) == len(re.findall(r"^\| `\{", PAGE, re.MULTILINE)) > 25


@each_recipe
def test_a_recipe_gives_what_the_page_says(source, expression, result):
    made = Expression(expression).evaluate(json.loads(source))
    assert json.dumps(made) == json.dumps(json.loads(result))


@pytest.mark.parametrize(("source", "expression"), [one[:2] for one in RECIPES], ids=[one for _, one, _ in RECIPES])
def test_a_recipe_gives_nothing_for_nothing(source, expression):
    assert Expression(expression).evaluate({}) in (MISSING, None, [])
    given = json.loads(source)
    assert Expression(expression).evaluate(dict.fromkeys(given)) in (MISSING, None, [])
    texts = {name: "" if isinstance(value, str) else None for name, value in given.items()}
    assert Expression(expression).evaluate(texts) in (MISSING, None, [], "")


@each_recipe
def test_a_recipe_in_a_mapping_gives_the_same_and_check_accepts_it(source, expression, result, tmp_path):
    quoted = "'" + expression.replace("'", "''") + "'"
    mapper = contacts.mapper_of(tmp_path, {"id": "$contact.id", "notes": quoted})
    page = mapper.map({"data": [{"id": "1"} | json.loads(source), {"id": "2"}]})
    assert page.records[0]["notes"] == json.loads(result)
    assert page.records[1].get("notes", []) == []
    assert [found for found in check(mapper) if found.code != "C215"] == []  # C215: fields without a value
