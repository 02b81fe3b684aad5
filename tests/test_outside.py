"""`check` of eight mappings: what is outside the records, slips of all kinds, and what names, units and schemas say."""

import data_files
import pytest

from truto_mapper import load
from truto_mapper.authoring import check
from truto_mapper.text.errors import MapperError

CASES, TRACKER = data_files.read("outside.yaml"), data_files.read("tracker.yaml")
MEANINGS = data_files.read("meanings.yaml")
_LARGE = "stays", "invoices", "courses", "expenses", "surveys", "ledger", "readings", "calendar", "recordings"
LARGE = {name: data_files.read(f"{name}.yaml") for name in _LARGE}
RIGHT = {"old": "", "new": ""}
FINE = [(case, one["files"]) for one in (TRACKER, MEANINGS) for case in (RIGHT, *one["fine"])]


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


@pytest.mark.parametrize("fault", MEANINGS["faults"], ids=named)
def test_what_contradicts_its_name_is_found(fault, desk):
    found = desk(changed(fault, MEANINGS["files"]))
    assert fault["finds"] in {one.code for one in found}, [one.render() for one in found]


@pytest.mark.parametrize(("case", "files"), FINE, ids=[named(case) for case, _ in FINE])
def test_nothing_is_found_in_a_mapping_without_slips_that_means_what_it_says(case, files, desk):
    assert [one.render() for one in desk(changed(case, files))] == []


def together(faults):
    """The faults in batches: no two of a batch are found with the same code, or begin in the same text."""
    batches = []
    for fault in faults:
        fits = (one for one in batches if all(fault["finds"] != each["finds"] for each in one))
        apart = (one for one in fits if all(fault["old"] not in each["old"] for each in one))
        batch = next((one for one in apart if all(each["old"] not in fault["old"] for each in one)), None)
        batches += [] if batch is not None else [[]]
        (batches[-1] if batch is None else batch).append(fault)
    return batches


BESIDE = LARGE | {"tracker": TRACKER}
BATCHES = [(name, batch) for name, one in BESIDE.items() for batch in together(one["faults"])]


@pytest.mark.parametrize(
    ("name", "batch"), BATCHES, ids=[f"{name} {number}" for number, (name, _) in enumerate(BATCHES)]
)
def test_slips_are_found_beside_each_other(name, batch, desk):
    files = BESIDE[name]["files"]
    for fault in batch:
        files = changed(fault, files)
    found = desk(files)
    assert {one["finds"] for one in batch} <= {one.code for one in found}, [one.render() for one in found]


@pytest.mark.parametrize("name", LARGE)
def test_nothing_is_found_in_large_mappings_or_in_other_ways_to_write_them(name, desk):
    for case in (RIGHT, *LARGE[name]["fine"]):
        assert [one.render() for one in desk(changed(case, LARGE[name]["files"]))] == [], case


@pytest.mark.parametrize("edits", MEANINGS["everywhere"], ids=str)
def test_names_that_say_different_things_are_no_contradiction(edits, desk):
    files = dict(MEANINGS["files"])
    for old, new in edits:
        assert any(old in text for text in files.values()), old
        files = {name: text.replace(old, new) for name, text in files.items()}
    assert [one.render() for one in desk(files)] == []
