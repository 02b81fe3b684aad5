"""Arrays and objects that expressions make for fields: `shaped_values.yaml`, and who makes them."""

import json
from pathlib import Path

import joining
import pytest
import yaml
from joining import mapper_of

from truto_mapper import EvaluationError
from truto_mapper.engine.exact import ExactPage
from truto_mapper.language.trace import Trace

CASES = yaml.safe_load(Path(__file__).with_name("shaped_values.yaml").read_text("utf-8"))
PARTS = "{text: {type: string}, rank: {type: integer}, own: {type: boolean}, share: {type: number}}"
SPEC = joining.SPEC.replace("{type: object, fields: {text: {type: string}}}", f"{{type: object, fields: {PARTS}}}")
LET = "      user: $lookup($joined.users, $string(ownerId))\n"
TITLE = "      title: $uppercase($lookup($joined.users, $string(ownerId)).title)\n"
BODY = {"items": [{"id": n, "ownerId": 7, "contact": "c"} for n in (1, 2)]}
JOINED = {"users": [{"users": [{"id": 7, "firstName": "Ada", "age": 36, "title": None}]}]}


def made_of(case, folder):
    lets = "".join(f"      {name}: '{one}'\n" for name, one in case.get("let", {}).items())
    notes = f"      notes: |-\n        {case['notes']}\n"
    return mapper_of(folder, (LET, LET + lets), (TITLE, notes), spec=SPEC)


@pytest.fixture
def exactly(monkeypatch):
    """The rows that took the exact path."""
    seen, map_exactly = [], ExactPage.examined
    monkeypatch.setattr(ExactPage, "examined", lambda page, row: seen.append(row) or map_exactly(page, row))
    return seen


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_field_has_the_value_that_its_expression_makes(case, tmp_path, exactly):
    mapper = made_of(case, tmp_path)
    if "told" in case:
        with pytest.raises(EvaluationError) as caught:
            mapper.map(BODY, joined=JOINED)
        assert caught.value.code == case["told"]
        return
    page = mapper.map(BODY, joined=JOINED)
    assert bool(exactly) is case.get("exact", False)
    given = [one.get("notes") for one in page.records]
    assert repr(given) == repr([case.get("gives")] * 2)  # in order, and 1 is not true
    assert mapper.traced(Trace()).map(BODY, joined=JOINED).records == page.records
    one, other = given
    assert not one or (one is not other and one[0] is not other[0])


def test_a_long_text_is_left_to_the_path_that_counts_it(tmp_path, exactly):
    mapper = made_of({"notes": '[{"text": $pad("a", 2000)}]'}, tmp_path)
    assert [len(one["notes"][0]["text"]) for one in mapper.map(BODY, joined=JOINED).records] == [2000, 2000]
    assert len(exactly) == 2


NESTED = (
    ("for_each: {deal: items}", "for_each: {deal: items, part: $deal.parts}"),
    (
        LET,
        """\
      user: $lookup($joined.users, $string($deal.ownerId))
      made: '[{"text": $user.firstName, "rank": $user.age}]'
      other: '$part.id > 1 ? $made : [{"text": "first"}]'
""",
    ),
    (TITLE, "      notes: $other\n"),
)


def test_what_is_made_once_for_an_outer_row_is_in_each_record_anew(tmp_path):
    mapper = mapper_of(tmp_path, *NESTED, spec=SPEC)
    parts = [{"id": n, "ownerId": 7} for n in (1, 2, 3)]
    body, made = (
        {"items": [{"ownerId": 7, "parts": parts}, {"ownerId": 8, "parts": parts}]},
        {"text": "Ada", "rank": 36},
    )
    page = mapper.map(body, joined=JOINED)
    assert [one["notes"] for one in page.records[:3]] == [[{"text": "first"}], [made], [made]]
    assert page.records[1]["notes"][0] is not page.records[2]["notes"][0]
    assert page.records == mapper.traced(Trace()).map(body, joined=JOINED).records
    assert json.loads(mapper.map_bytes(json.dumps(body).encode(), joined=JOINED).body)["result"] == list(page.records)
