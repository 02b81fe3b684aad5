"""Generated code as text."""

import ast

from hypothesis import HealthCheck, given, settings
from random_expressions import cases
from test_compiler import tree

from truto_mapper.language import pretty
from truto_mapper.text.errors import MappingError


@given(cases())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_code_that_is_shown_is_the_code(drawn):
    try:
        made = tree(drawn[0])
    except MappingError:  # `%` of what has no parent
        return
    assert ast.dump(ast.parse(pretty.format_code(made))) == ast.dump(ast.parse(ast.unparse(made)))
