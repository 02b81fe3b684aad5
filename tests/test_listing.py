"""Generated code as text."""

import ast

from hypothesis import HealthCheck, given, settings
from test_codegen import tree
from test_equivalence import cases

from truto_mapper import listing
from truto_mapper.diagnostics import MappingError


@given(cases())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_code_that_is_shown_is_the_code(drawn):
    try:
        made = tree(drawn[0])
    except MappingError:  # `%` of what has no parent
        return
    assert ast.dump(ast.parse(listing.shown(made))) == ast.dump(ast.parse(ast.unparse(made)))
