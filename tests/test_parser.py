"""The parser reports mistakes of the text, and does not hide bugs of our own."""

import subprocess
import sys

import pytest

from truto_mapper.language import builder, nodes, parser
from truto_mapper.text.errors import MappingError

SOURCE = "(a.$map(b[0], function($x, $y) { $f($x) }); /c/i ~> function($z) { $g($z) }; [1..2]^(e))"
#: Methods of ours that the library or our own code calls while this text is read.
STEPS = [
    (parser._Lexer, "next"),
    (parser._Parser, "_mark"),
    (parser._Parser, "_attach"),
    (parser._Parser, "tail_call_optimize"),
    (builder.Builder, "step"),
    (builder.Builder, "variable"),
    (nodes.Spanned, "__init__"),
]
BUGS = [AttributeError("no such field"), IndexError(), KeyError("x"), RuntimeError(), TypeError(), ValueError()]


@pytest.mark.parametrize(("kind", "method"), STEPS, ids=lambda one: getattr(one, "__name__", one))
@pytest.mark.parametrize("bug", BUGS, ids=repr)
def test_a_bug_of_ours_is_not_a_syntax_error(kind, method, bug, monkeypatch):
    calls, original = [], getattr(kind, method)

    def fails_when_it_is_called_again(*arguments, **named):
        calls.append(method)
        if len(calls) == 2:
            raise bug
        return original(*arguments, **named)

    monkeypatch.setattr(kind, method, fails_when_it_is_called_again)
    with pytest.raises(type(bug)) as caught:
        parser.parse(SOURCE)
    assert caught.value is bug


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("function($a)<a-?+>{1}", "S0201", "the signature has too many of the marks -, ? and + behind a"),
        ("function($a)<(s-n)>{1}", "S0201", "the signature has a choice of types that is none"),
        ("function($a)<s<n>>{1}", "S0401", "Type parameters can only be applied to functions and arrays"),
        ("function($a)<(s<s>)>{1}", "S0402", "Choice groups containing parameterized types are not supported"),
        ("!a", "S0204", "Unknown operator: !"),
    ],
)
def test_a_faulty_signature_and_an_unknown_operator_are_syntax_errors(text, code, said):
    with pytest.raises(MappingError) as caught:
        parser.parse(text)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert said in found.message


def test_reading_leaves_the_recursion_limit_alone():
    code = "import sys; before = sys.getrecursionlimit(); from truto_mapper import Expression; Expression('a.b')"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(before == sys.getrecursionlimit())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
