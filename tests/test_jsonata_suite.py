"""The official JSONata conformance suite: `test/test-suite` of github.com/jsonata-js/jsonata.

It is read from the folder that `JSONATA_SUITE` names, else from beside the checkout. A case that fails for a known
reason is named in `jsonata_exclusions.yaml`; it must go on failing.
"""

import json
import math
import os
from pathlib import Path

import pytest
import yaml

from truto_mapper.language.expression import DEFAULT_DEPTH, Expression, Scope
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Trace
from truto_mapper.text.errors import MappingError


class Traced(Expression):
    """An expression whose every evaluation is traced."""

    def evaluate(self, data=MISSING, bindings=None, **limits):
        return self.evaluate_in(Scope(data, bindings, trace=Trace()), **limits)


SUITE = Path(os.environ.get("JSONATA_SUITE") or Path(__file__).parents[2] / "shared/jsonata/suite")
#: How many cases there are at least.
SIZE = 1065
EVALUATORS = {"compiled": Expression, "traced": Traced}
EXCLUDED = {
    (name, evaluator): group["reason"]
    for group in yaml.safe_load((Path(__file__).parent / "jsonata_exclusions.yaml").read_text())
    for name in group["cases"]
    for evaluator in EVALUATORS
}
#: The moment the cases are evaluated at; the suite has no such thing, its clock is the machine's.
NOW = "2026-01-31T09:30:00.000Z"


def cases():
    for path in sorted(SUITE.glob("groups/*/*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        several = isinstance(found, list)
        for number, case in enumerate(found if several else [found]):
            if "expr-file" in case:
                case["expr"] = (path.parent / case["expr-file"]).read_text(encoding="utf-8")
            yield f"{path.parent.name}/{path.stem}" + (f"[{number}]" if several else ""), case


CASES = dict(cases())
if not CASES and "JSONATA_SUITE" not in os.environ:
    reason = f"{SIZE:,} cases of the official JSONata suite are not run: no folder {SUITE}; name one in JSONATA_SUITE"
    pytest.skip(reason, allow_module_level=True)


def data_of(case):
    if "data" in case:
        return case["data"]
    if case.get("dataset"):
        return json.loads((SUITE / "datasets" / f"{case['dataset']}.json").read_text(encoding="utf-8"))
    return MISSING


def outcome(case, evaluator=Expression):
    """The outcome of a case, in the suite's own words."""
    stopped = case.get("code") == "U1001"  # other cases may take their time on a busy machine
    limits = {"timeout": case["timelimit"] / 1000 if stopped and "timelimit" in case else 60}
    try:
        bindings = {"now": NOW} | case.get("bindings", {})
        result = evaluator(case["expr"]).evaluate(
            data_of(case), bindings, depth=case.get("depth", DEFAULT_DEPTH), **limits
        )
    except MappingError as error:
        # The suite's harness has one code of its own for both bounds.
        return {"code": "U1001" if error.code in ("D1011", "D1012") else error.code}
    return {"undefinedResult": True} if result is MISSING else {"result": result}


def expected(case):
    code = case.get("code") or case.get("error", {}).get("code")
    if code:
        return {"code": code}
    return {"undefinedResult": True} if case.get("undefinedResult") else {"result": case["result"]}


def same(a, b):
    """Equal as JSON: a boolean is not a number, a number is a double."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and bool not in (type(a), type(b)):
        return math.isclose(a, b, rel_tol=1e-14, abs_tol=0)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_official_suite_has_its_stated_outcome(name, evaluator, request):
    if (name, evaluator) in EXCLUDED:
        request.applymarker(pytest.mark.xfail(reason=EXCLUDED[name, evaluator], strict=True))
    found = outcome(CASES[name], EVALUATORS[evaluator])
    assert same(found, expected(CASES[name])), found


def test_the_suite_is_whole():
    assert len(CASES) >= SIZE


def test_every_exclusion_names_a_case():
    assert not {name for name, _ in EXCLUDED} - CASES.keys()
