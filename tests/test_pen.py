import ast
from itertools import count

import pytest

from truto_mapper.language.compiler.pen import Pen

AT = {"lineno": 3, "col_offset": 4, "end_lineno": 3, "end_col_offset": 9}


@pytest.fixture
def pen():
    pen = Pen(AT, count(7))
    pen.classes = {"name_1": "str"}
    return pen


def written(pen):
    return ast.unparse(ast.Module(pen.lines, []))


def test_a_test_of_a_value_whose_class_is_known_costs_nothing(pen):
    known, other = pen.load("name_1"), pen.load("t_2")
    assert ast.unparse(pen.has_class(known, "str")) == "True"
    assert ast.unparse(pen.has_class(known, "int")) == "False"
    assert ast.unparse(pen.is_there(known)) == "True"
    assert ast.unparse(pen.has_class(other, "int")) == "t_2.__class__ is int"
    assert ast.unparse(pen.is_there(other)) == "t_2 is not MISSING"


@pytest.mark.parametrize(
    ("tests", "both", "either"),
    [
        ((True, "a", "b"), "a and b", "True"),
        ((False, "a", "b"), "False", "a or b"),
        ((True, "a"), "a", "True"),
        ((False, "a"), "False", "a"),
        ((), "True", "False"),
    ],
)
def test_known_tests_are_left_out_of_a_chain(pen, tests, both, either):
    made = [pen.load(one) if isinstance(one, str) else pen.constant(one) for one in tests]
    assert ast.unparse(pen.both(*made)) == both
    assert ast.unparse(pen.either(*made)) == either


def test_a_negation_is_written_in_its_shortest_form(pen):
    value = pen.load("t_1")
    assert ast.unparse(pen.not_(pen.is_there(value))) == "t_1 is MISSING"
    assert ast.unparse(pen.not_(pen.not_(pen.is_there(value)))) == "t_1 is not MISSING"
    assert ast.unparse(pen.not_(pen.constant(value=True))) == "False"
    assert ast.unparse(pen.not_(value)) == "not t_1"


def test_only_the_branch_of_a_known_test_is_written(pen):
    for test in (pen.constant(value=True), pen.constant(value=False), pen.load("test_1")):
        pen.branch(test, lambda: pen.do(pen.load("yes")), lambda: pen.do(pen.load("no")))
    pen.branch(pen.constant(value=False), lambda: pen.do(pen.load("never")))
    pen.branch(pen.load("test_2"), lambda: None)
    assert written(pen) == "yes\nno\nif test_1:\n    yes\nelse:\n    no\nif test_2:\n    pass"


def test_a_value_is_computed_once_and_appended_unless_it_is_missing(pen):
    pen.append_defined("found", pen.called("f"))
    pen.append_defined("found", pen.constant(1))
    assert written(pen) == "t_7 = f()\nif t_7 is not MISSING:\n    found.append(t_7)\nfound.append(1)"


def test_locals_are_named_after_what_they_hold_and_numbered(pen):
    assert [pen.new_local(name) for name in ("email", "é-mail", "2nd", "")] == ["email_7", "mail_8", "v2nd_9", "v_10"]


def test_all_code_is_at_the_place_of_the_author(pen):
    pen.define("f", ["a"], [ast.Return(pen.called("g", pen.load("a")), **AT)])
    pen.loop(pen.load("items"), [], "i", "item")
    pen.assign_item("made", "key", pen.list_of())
    nodes = [node for line in pen.lines for node in ast.walk(line) if "lineno" in node._attributes]
    assert all({name: getattr(node, name) for name in AT} == AT for node in nodes)
