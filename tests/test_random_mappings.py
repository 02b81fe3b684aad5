"""For any mapping, generated code gives what the exact path gives. See `random_mappings` for the mappings."""

import copy
import dis
import random
from collections import Counter
from types import CodeType

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from random_mappings import ArrayDrawn, Drawn, JoinedDrawn, OneDrawn

from truto_mapper import MapperError, MappingError
from truto_mapper.engine.exact import ExactPage
from truto_mapper.engine.fused import MANY
from truto_mapper.engine.replies import PageBudget
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Trace

#: After an error there are no records to compare, so it is the rarest choice.
CHOICES = ["discard_value", "discard_record", "discard_value", "discard_value", "raise"]
QUERIES = [None, None, {"word": "w", "day": "2026-01-01T00:00:00Z"}, {"truto_ignore_remote_data": True}]
#: The numbers of `st.randoms()` would make what is rare common.
RANDOM = st.integers(0, 2**48).map(random.Random)
DRAWN = RANDOM.map(Drawn)
EXAMPLES = settings(max_examples=80)


def outcome(mapper, body, **options):
    """What a caller gets: the page or the error, to the last digit and in order; and whether records share values."""
    body = copy.deepcopy(body)
    try:
        page = mapper.map(body, **options)
    except MapperError as error:
        return repr((type(error), str(error))), False
    found = page.records, page.next_cursor, page.rejected, [one.render() for one in page.diagnostics]
    own = [value for record in page.records for name, value in record.items() if name != "remote_data"]
    return repr(found), shares(own, [body, *options.values()])


def containers(value):
    """The arrays and objects in a value."""
    if isinstance(value, (list, dict)):
        yield value
        for one in value.values() if isinstance(value, dict) else value:
            yield from containers(one)


def shares(values, given):
    """Whether an array or object is in two values, or in a value and in what the caller gave."""
    numbers = [id(one) for value in values for one in containers(value)]
    return len(set(numbers)) < len(numbers) or not {id(one) for one in containers(given)}.isdisjoint(numbers)


def unknown_names(function):
    """The global names that generated code loads although there is nothing of that name."""
    codes = [function.__code__]
    for code in codes:
        codes += [one for one in code.co_consts if isinstance(one, CodeType)]
    names = {one.argval for code in codes for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL"}
    return names - function.__globals__.keys()


@pytest.fixture
def exactly(monkeypatch):
    """How many rows took the exact path, as a list with one item for each."""
    seen, map_exactly = [], ExactPage.examined
    monkeypatch.setattr(ExactPage, "examined", lambda page, row: seen.append(row) or map_exactly(page, row))
    return seen


def mapper_of(drawn, folder):
    """The mapper of a random mapping; None for one that is refused, as one whose path misses a name."""
    note(drawn.mapping())
    try:
        return drawn.mapper(folder)
    except MappingError:
        return None


def test_for_any_mapping_the_generated_code_gives_what_the_exact_path_gives(tmp_path, exactly):
    count = Counter()

    @EXAMPLES
    @given(DRAWN, st.sampled_from(CHOICES), st.sampled_from(QUERIES))
    def test(drawn, on_invalid, query):
        mapper = mapper_of(drawn, tmp_path)
        if mapper is None:
            return
        function = mapper._functions["all"]
        count["mappings"] += 1
        count["fused"] += function.tree is not None
        for body in (drawn.reply(), drawn.reply()):
            options = {"on_invalid": on_invalid, "query": query, "headers": {"word": "h"}, "context": {"word": "x"}}
            exactly.clear()
            found = outcome(mapper, body, **options)
            doubtful = len(exactly)
            exactly.clear()
            assert found == outcome(mapper.traced(Trace()), body, **options)
            assert not found[1]
            if function.tree is not None:
                assert not unknown_names(function._function)
                function.unusual = MANY + 1  # as after pages of rows that lack something
                assert found == outcome(mapper, body, **options)
                count["lacking"] += function._of_lacking is not function._function
                count["rows"] += len(exactly)
                count["doubtful"] += doubtful

    test()
    assert count["mappings"] > 70
    assert count["fused"] > 0.75 * count["mappings"], count
    assert count["rows"] > 350
    assert count["doubtful"] < 0.5 * count["rows"], count
    assert count["lacking"] > 100, count


def test_for_any_mapping_of_arrays_the_generated_code_gives_what_the_exact_path_gives(tmp_path):
    count = Counter()

    @EXAMPLES
    @given(RANDOM.map(ArrayDrawn), st.sampled_from(CHOICES), st.sampled_from(QUERIES))
    def test(drawn, on_invalid, query):
        mapper = mapper_of(drawn, tmp_path)
        if mapper is None:
            return
        count["fused"] += mapper._functions["all"].tree is not None
        for body in (drawn.reply(), drawn.reply()):
            options = {"on_invalid": on_invalid, "query": query, "headers": {"word": "h"}, "context": {"word": "x"}}
            found = outcome(mapper, body, **options)
            assert found == outcome(mapper.traced(Trace()), body, **options)
            assert not found[1]
            count["mapped"] += not found[0].startswith("(<class")

    test()
    assert count["fused"] > 60, count
    assert count["mapped"] > 60, count


def test_for_any_mapping_with_a_join_the_generated_code_gives_what_the_exact_path_gives(tmp_path):
    count = Counter()

    @EXAMPLES
    @given(RANDOM.map(JoinedDrawn), st.sampled_from(CHOICES), st.sampled_from(QUERIES))
    def test(drawn, on_invalid, query):
        mapper = mapper_of(drawn, tmp_path)
        if mapper is None:
            return
        count["fused"] += mapper._joining.replies.functions["all"].tree is not None
        # The same replies twice, and others to the join: nothing of one page may be in another.
        for body in (drawn.reply(), drawn.reply()):
            for joined in (drawn.joined(), {"users": []}, drawn.joined()):
                options = {"on_invalid": on_invalid, "query": query, "headers": {"word": "h"}, "context": {"word": "x"}}
                options |= {"joined": joined}
                found = outcome(mapper, body, **options)
                assert found == outcome(mapper.traced(Trace()), body, **options)
                assert not found[1]
                count["mapped"] += not found[0].startswith("(<class")

    test()
    assert count["fused"] > 50, count
    assert count["mapped"] > 200, count


def test_for_any_mapping_of_one_record_the_generated_code_gives_what_the_exact_path_gives(tmp_path):
    count = Counter()

    @EXAMPLES
    @given(RANDOM.map(OneDrawn), st.sampled_from(CHOICES))
    def test(drawn, on_invalid):
        mapper = mapper_of(drawn, tmp_path)
        if mapper is None:
            return
        query = mapper.plan({"word": "w"}, method="get", id="7", context={"word": "x"}).query
        for body in (drawn.reply(), drawn.reply()):
            options = {"on_invalid": on_invalid, "query": query, "headers": {"word": "h"}}
            found = outcome(mapper, body, **options)
            assert found == outcome(mapper.traced(Trace()), body, **options)
            assert not found[1]
            count["mapped"] += not found[0].startswith("(<class")

    test()
    assert count["mapped"] > 60, count


def test_for_any_page_the_generated_code_reads_what_the_exact_path_reads(tmp_path):
    count = Counter()

    @EXAMPLES
    @given(DRAWN)
    def test(drawn):
        mapper = mapper_of(drawn, tmp_path)
        if mapper is None:
            return
        replies, function = mapper._replies, mapper._functions["all"]
        assert not unknown_names(function.reply)
        for body in (drawn.reply(), drawn.reply()):
            bindings = ({"word": "x"}, MISSING, {"word": "h"}, MISSING, {"limit": 3}, body, 200, MISSING, MISSING)
            found = function.reply(bindings, PageBudget())
            if found is None:  # it may raise; then the exact path says why
                continue
            exactly = replies._recognise(function.endpoint, replies.scope(bindings, PageBudget()))
            count["read"] += 1
            assert truthy(found[0]) == truthy(exactly[0])
            if truthy(exactly[0]):
                assert found[1:3] == exactly[1:3]  # the reply's own 1.0 may be 1
                count["recognised"] += 1

    test()
    assert count["recognised"] > 110, count
    assert count["recognised"] > 0.75 * count["read"], count
