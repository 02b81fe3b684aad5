"""The functions of Truto's mapping authors: what they give, as measured, by the npm package, and by their page."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import data_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_arguments import PYTHON, VALUES, is_plain
from reference import HERE, NOW, same

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import TRUTO
from truto_mapper.language.library.truto import dates, durations
from truto_mapper.language.library.truto.names import METHODS, REFUSED
from truto_mapper.language.runtime.values import MISSING, Budget, Function, Run
from truto_mapper.text.errors import EvaluationError, MappingError

ROOT = HERE.parent
LISTED = data_files.read("truto_functions.yaml")
CASES = [case for several in LISTED["cases"].values() for case in several]
NAMES = {*TRUTO, "trutoString", "trutoSift"}


def evaluated(text, data):
    """What an expression gives: its value, MISSING, or its error."""
    try:
        return Expression(text).evaluate(data, {"now": NOW})
    except (EvaluationError, MappingError) as error:
        return error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["call"])
def test_a_call_gives_what_is_listed(case):
    found = evaluated(case["call"], LISTED["data"])
    if "fails" in case:
        assert isinstance(found, EvaluationError)
        assert found.code == case["fails"]
    elif "nothing" in case:
        assert found is MISSING
    else:
        assert same(found, case["gives"]), found


def test_every_function_is_listed():
    assert set(LISTED["cases"]) == NAMES


# ------------------------------------------------------------------------------------------- with Truto's own

MEASURED = Path(__file__).parents[2] / "shared" / "facts" / "truto-function-cases.json"
measured = pytest.mark.skipif(not MEASURED.is_file(), reason="the measured cases are not on this machine")

#: Standard functions that Truto overrides; here theirs have names of their own.
OVERRIDDEN = {"join": "trutoJoin", "string": "trutoString", "sift": "trutoSift"}
OVERRIDDEN |= {"base64encode": "trutoBase64encode", "base64decode": "trutoBase64decode"}
OF_THEIRS = re.compile(rf"\$({'|'.join(OVERRIDDEN)})\b")

#: Measured cases that are not ours, and why.
EXCLUDED = {
    '$keys({"2":1,"1":1,"a":1})': "the standard $keys keeps the order of the fields",
}


def renamed(text):
    """An expression of theirs with our names."""
    return OF_THEIRS.sub(lambda found: f"${OVERRIDDEN[found[1]]}", text)


def original(text):
    """An expression of ours with their names."""
    back = {ours: theirs for theirs, ours in OVERRIDDEN.items()}
    return re.sub(r"\$(truto\w+)", lambda found: f"${back[found[1]]}", text)


@measured
def test_the_measured_cases_give_the_same():
    cases = [one for one in json.loads(MEASURED.read_text("utf-8")) if not {"quirk", "special"} & one.keys()]
    different = [one["expr"] for one in cases if not agrees(one) and one["expr"] not in EXCLUDED]
    assert different == []


def agrees(case):
    found = evaluated(renamed(case["expr"]), case["data"])
    if "error" in case or isinstance(found, Exception):
        return "error" in case and isinstance(found, EvaluationError)
    return found is MISSING if "undefined" in case else same(found, case["result"])


def package():
    """The folder whose `node_modules` have Truto's package, that of $TRUTO_JSONATA if it is set; None without one."""
    folder = Path(os.environ.get("TRUTO_JSONATA", HERE / "bench"))
    return folder if (folder / "node_modules/@truto/truto-jsonata").is_dir() else None


@pytest.mark.skipif(
    shutil.which("node") is None or package() is None,
    reason="functions are not compared with Truto's: that needs Node and "
    "`npm install --no-save --prefix tests/bench @truto/truto-jsonata@3.0.6`",
)
def test_the_package_gives_what_is_listed():
    lines = "\n".join(json.dumps({"text": original(one["call"]), "data": LISTED["data"]}) for one in CASES)
    command = ["node", HERE / "truto_reference.mjs", package()]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    theirs = map(json.loads, done.stdout.splitlines())
    different = [one["call"] for one, there in zip(CASES, theirs, strict=True) if not is_listed(one, there)]
    assert different == [one["call"] for one in CASES if "differs" in one]


def is_listed(case, theirs):
    """Whether a case lists what the package gives."""
    if "error" in theirs or "fails" in case:
        return "error" in theirs and "fails" in case
    return "nothing" in case if "value" not in theirs else "gives" in case and same(case["gives"], theirs["value"])


# ----------------------------------------------------------------------------------------------------- the page

PAGE = (ROOT / "docs/truto-functions.md").read_text("utf-8")
EXAMPLES = re.findall(r"`([^`\n]+)` → (?:`([^`\n]+)`|(nothing)|error (\w+))", PAGE)


@pytest.mark.parametrize(("text", "value", "nothing", "code"), EXAMPLES, ids=lambda one: str(one)[:40])
def test_an_example_of_the_page_is_true(text, value, nothing, code):
    found = evaluated(text.replace("\\|", "|"), {})
    if code:
        assert isinstance(found, EvaluationError)
        assert found.code == code
    else:
        assert found is MISSING if nothing else same(found, json.loads(value.replace("\\|", "|")))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_page_has_a_line_with_an_example_for_every_function(name):
    (line,) = re.findall(rf"^\| `\${name}\(.*$", PAGE, re.MULTILINE)
    assert " → " in line


def test_the_page_names_what_is_refused():
    assert {name for name in REFUSED if f"`${name}`" not in PAGE} == set()


# -------------------------------------------------------------------------------------------------- what is held


@pytest.mark.parametrize("name", sorted(NAMES))
@settings(max_examples=40)
@given(data=st.data())
def test_any_arguments_give_plain_json_or_an_error_that_is_not_in_pythons_words(name, data):
    values = st.sampled_from([one for several in VALUES.values() for one in several])
    arguments = data.draw(st.lists(values, max_size=4))
    found = evaluated(f"${name}({', '.join(arguments)})", LISTED["data"])
    if isinstance(found, MappingError):
        quoted = re.sub(r'"(\\.|[^"\\])*("|…|$)', "", found.diagnostics[0].message)
        assert re.search(PYTHON, quoted) is None, found
    else:
        assert is_plain(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["call"])
def test_no_call_changes_its_input(case):
    data = json.loads(json.dumps(LISTED["data"]))
    evaluated(case["call"], data)
    assert data == LISTED["data"]


def test_the_methods_that_a_mapping_may_call_are_those_that_there_are():
    found = set(dates._METHODS) | set(durations._METHODS)
    for text in ('$parseUrl("https://a.co")', '$dependencyGraph([], "a", "b")'):
        holder = Expression(text).compiled.function({}, Run(Budget(), 10))
        held = (holder, holder.get("searchParams", {}))
        found |= {name for name in METHODS if any(isinstance(one.get(name, None), Function) for one in held)}
    assert found == METHODS


def test_no_module_of_theirs_is_imported_before_a_call():
    code = """
import sys
from truto_mapper import Expression
def loaded(): return sorted(one for one in sys.modules if ".library.truto." in one and not one.endswith(".names"))
before = loaded()
Expression("$compact(a)").evaluate({"a": [1, None]})
print(before, [any(one.endswith(name) for one in loaded()) for name in (".nulls", ".urls")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[] [True, False]"
