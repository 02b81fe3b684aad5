import copy
import pickle

import pytest

from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.runtime.writing import to_json


def test_missing_is_one_falsy_thing_wherever_it_is_copied_to():
    assert not MISSING
    assert repr(MISSING) == "MISSING"
    assert copy.copy(MISSING) is MISSING
    assert copy.deepcopy([MISSING])[0] is MISSING
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5890840712243076123, "5890840712243076123"),
        (1.5, "1.5"),
        (100.0, "100"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        ([1, None, {"é": "\n"}], '[1,null,{"é":"\\n"}]'),
        ([], "[]"),
    ],
)
def test_json_is_written_as_the_reference_writes_it(value, text):
    assert to_json(value) == text


def test_indented_json_has_one_item_a_line():
    assert to_json({"a": [1, {}]}, 2) == '{\n  "a": [\n    1,\n    {}\n  ]\n}'
