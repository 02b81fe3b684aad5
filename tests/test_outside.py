"""`check` of three mappings: what is outside the records, slips of all kinds (`tracker.yaml`), and what names mean."""

import data_files
import pytest

from truto_mapper import load
from truto_mapper.authoring import check
from truto_mapper.text.errors import MapperError

CASES, TRACKER = data_files.read("outside.yaml"), data_files.read("tracker.yaml")
MEANINGS = data_files.read("meanings.yaml")
RIGHT = {"old": "", "new": ""}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Finds what is wrong with a mapping of the help desk, but for notes."""
    folder = tmp_path_factory.mktemp("desk")

    def found(files):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        try:
            return [one for one in check.check(load(folder / "mapping.yaml")) if one.severity != "note"]
        except MapperError as error:
            return list(error.diagnostics)

    return found


def changed(case, files=CASES["files"]):
    """The files with `old` replaced where it is first found, and what `and` replaces in another place."""
    files = dict(files)
    for old, new in ((case["old"], case["new"]), *([case["and"]] if "and" in case else [])):
        holder = next(name for name in reversed(files) if old in files[name])
        files[holder] = files[holder].replace(old, new, 1)
    return files


def named(case):
    return f"{case['old']} → {case['new']}"


@pytest.mark.parametrize("fault", CASES["faults"], ids=named)
def test_a_fault_outside_the_records_is_found(fault, desk):
    found = desk(changed(fault))
    right = [one for one in found if one.code == fault["finds"] and str(fault.get("hint", "")) in (one.hint or "")]
    assert right, [one.render() for one in found]


def test_a_list_for_a_single_value_is_told_through_a_let(desk):
    files = dict(CASES["files"])
    let = "let: {all: 'emails[$ != null]'}\n    response_mapping"
    mapping = files["mapping.yaml"].replace("response_mapping", let)
    files["mapping.yaml"] = mapping.replace('emails[type = "work"].address', "$all.address")
    assert [one.code for one in desk(files)] == ["C205"]


@pytest.mark.parametrize("case", [RIGHT, *CASES["fine"]], ids=named)
def test_nothing_is_found_in_what_is_right(case, desk):
    assert [one.render() for one in desk(changed(case))] == []


@pytest.mark.parametrize("fault", TRACKER["faults"], ids=named)
def test_a_slip_of_an_author_is_found(fault, desk):
    found = desk(changed(fault, TRACKER["files"]))
    assert fault["finds"] in {one.code for one in found}, [one.render() for one in found]


@pytest.mark.parametrize("case", [RIGHT, *TRACKER["fine"]], ids=named)
def test_nothing_is_found_in_a_mapping_without_slips(case, desk):
    assert [one.render() for one in desk(changed(case, TRACKER["files"]))] == []


@pytest.mark.parametrize("fault", MEANINGS["faults"], ids=named)
def test_what_contradicts_its_name_is_found(fault, desk):
    found = desk(changed(fault, MEANINGS["files"]))
    assert fault["finds"] in {one.code for one in found}, [one.render() for one in found]


@pytest.mark.parametrize("case", [RIGHT, *MEANINGS["fine"]], ids=named)
def test_nothing_is_found_in_what_means_what_its_name_says(case, desk):
    assert [one.render() for one in desk(changed(case, MEANINGS["files"]))] == []


@pytest.mark.parametrize("edits", MEANINGS["everywhere"], ids=str)
def test_names_that_say_different_things_are_no_contradiction(edits, desk):
    files = dict(MEANINGS["files"])
    for old, new in edits:
        assert any(old in text for text in files.values()), old
        files = {name: text.replace(old, new) for name, text in files.items()}
    assert [one.render() for one in desk(files)] == []
