"""Exchanges and streams: what a driver sees of them, also where the provider or the driver does something wrong."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paging import answered, driven, exchanged, ids, mapper_of, provider, streamed

from truto_mapper import MapperError, Page, ProviderError, QueryError, Request, Response
from truto_mapper.engine import stream as streams

PROPERTY = settings(derandomize=True, deadline=None, max_examples=200, database=None)

#: A page that the provider refuses.
BUSY = Response({"error": "slow down"}, 429, {"Retry-After": "1"})


@pytest.fixture
def acme(tmp_path):
    return mapper_of(tmp_path)


def failing(call, *arguments, **options):
    """The error that a call raises; anything but ours fails the test."""
    with pytest.raises(MapperError) as caught:
        call(*arguments, **options)
    return caught.value


def until_error(stream, send):
    """The ids of the records before the stream fails, and the error."""
    pages, error = pages_until_error(stream, send)
    return ids(pages), error


def pages_until_error(stream, send):
    pages = []
    error = failing(pages.extend, driven(stream, send))
    return pages, error


# ── The limit ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_in_the_query_is_what_the_caller_asked_for_on_every_page(acme):
    sizes, pages = [], provider([100, 100, 100])

    def send(request):
        sizes.append(int(request.params["size"]))
        return answered(pages, request)

    found = ids(driven(acme.stream({"limit": 150}), send))
    assert found == [str(number) for number in range(1, 151)]
    assert sizes == [150, 150]


def by_number(asked):
    """A provider that counts pages of the asked size, at most 100, as many do."""
    size, page = min(int(asked.params.get("size", 100)), 100), int(asked.params.get("page", 0))
    rows = [{"id": number} for number in range(size * page, min(size * (page + 1), 340))]
    return Response({"items": rows, "next": str(page + 1)} if size * (page + 1) < 340 else {"items": rows})


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 150, 250, 340, 1_000])
def test_a_provider_that_counts_pages_of_the_asked_size_loses_and_repeats_nothing(acme, limit):
    found = ids(driven(acme.stream({"limit": limit}), by_number))
    assert found == [str(number) for number in range(min(limit, 340))]


@pytest.mark.parametrize("limit", [0, -1, -150, 1.5, "0", "-1", "1.5", "ten", True, [1], {}])
def test_a_limit_that_is_no_positive_integer_is_refused_whatever_the_spec_says(acme, limit):
    for call in (acme.plan, lambda query: next(acme.exchange(query)), lambda query: next(acme.stream(query))):
        (found,) = failing(call, {"limit": limit}).diagnostics
        assert (found.code, found.pointer) == ("Q504", "/limit")


def test_a_limit_is_a_whole_number_however_it_is_written(acme):
    assert [acme.plan({"limit": one}).query["limit"] for one in (2, "2", 2.0)] == [2, 2, 2]


def test_rejected_rows_do_not_count_against_the_limit(acme):
    pages = provider([3, 3])
    pages[None]["items"][0]["age"] = "old"
    assert streamed(acme, pages, {"limit": 4}, on_invalid="discard_record") == ["2", "3", "4", "5"]


# ── Pages without end ────────────────────────────────────────────────────────────────────────────────────────────


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [nested(5_000), 10**5_000], ids=["deep", "long"])
def test_a_rejected_row_may_hold_anything(acme, value):
    row = {"id": 1, "age": "x", "other": value}
    pages = {None: {"items": [row], "next": "c1"}, "c1": {"items": [{"id": 2}]}}
    assert streamed(acme, pages, {}, on_invalid="discard_record") == ["2"]


def test_cursors_that_go_round_in_a_circle_fail_after_the_pages_before(acme):
    pages = provider([1, 1, 1])
    pages["c2"]["next"] = "c1"
    found, error = until_error(acme.stream({}), lambda request: answered(pages, request))
    assert found == ["1", "2"]
    assert (type(error), error.code, error.status) == (ProviderError, "P604", 502)
    assert "the provider's cursor leads back to page 2 of the stream" in str(error)


def test_a_cursor_repeated_at_once_fails_the_stream(acme):
    pages = provider([1, 1])
    pages["c1"]["next"] = "c1"
    found, error = pages_until_error(acme.stream({}), lambda request: answered(pages, request))
    assert "the provider returned the cursor it was sent" in str(error)
    assert [(page.is_looping, page.next_cursor is None) for page in found] == [(False, False)]


def test_the_page_whose_cursor_leads_back_is_given_to_who_goes_on(acme):
    pages = provider([1, 1, 1])
    pages["c2"] = pages["c2"] | {"next": "c1"}
    stream = acme.stream({})
    found, _ = until_error(stream, lambda request: answered(pages, request))
    del pages["c2"]["next"]
    rest = ids(driven(acme.stream({"next_cursor": stream.cursor}), lambda request: answered(pages, request)))
    assert (found, rest) == (["1", "2"], ["3"])


def test_a_page_up_to_the_limit_may_lead_back(acme):
    pages = provider([1, 1, 1])
    pages["c2"]["next"] = "c1"
    (*_, last) = driven(acme.stream({"limit": 3}), lambda request: answered(pages, request))
    assert (last.is_looping, [one.code for one in last.diagnostics]) == (True, ["P604"])


def fresh(body):
    """A provider that answers every request with this and a cursor that it never gave before."""
    numbers = itertools.count()
    return lambda _: Response({**(body() if callable(body) else body), "next": f"fresh-{next(numbers)}"})


def test_page_one_for_ever_with_fresh_cursors_fails(acme):
    found, error = until_error(acme.stream({}), fresh({"items": [{"id": 1}, {"id": 2}]}))
    assert (found, error.code) == (["1", "2"], "P604")
    assert "page 2 of the stream has the same records as page 1" in str(error)


def test_page_one_for_ever_fails_too_if_every_row_is_rejected(acme):
    stream = acme.stream({}, on_invalid="discard_record")
    assert until_error(stream, fresh({"items": [{"id": 1, "age": "x"}]}))[1].code == "P604"


def test_a_page_number_that_does_not_move_fails(acme):
    numbers = itertools.count()
    found, error = until_error(acme.stream({}), fresh(lambda: {"items": [{"id": next(numbers)}], "number": 0}))
    assert (found, error.code) == (["0"], "P604")
    assert "page number" in str(error)


def test_rows_beyond_the_total_fail(acme):
    numbers = itertools.count()

    def body():
        return {"items": [{"id": next(numbers)}, {"id": next(numbers)}], "total": 5}

    found, error = until_error(acme.stream({}), fresh(body))
    assert (found, error.code) == (["0", "1", "2", "3"], "P604")
    assert "6 rows have come, of 5 in total" in str(error)


def test_rows_after_the_total_was_reached_fail(acme):
    pages = provider([2, 2, 2], total=lambda _: 4)
    found, error = until_error(acme.stream({}), lambda request: answered(pages, request))
    assert (found, error.code) == (["1", "2", "3", "4"], "P604")


@pytest.mark.parametrize("total", [6, 7, None, "6", 0.5j, True, {}, -1.0], ids=repr)
def test_a_total_that_holds_or_cannot_be_read_fails_nothing(acme, total):
    total = None if isinstance(total, complex) else total
    if total == -1.0:
        pages = provider([2])
        assert streamed(acme, {None: pages[None] | {"total": total}}, {}) == ["1", "2"]
        return
    assert len(streamed(acme, provider([2, 2, 2], total=lambda _: total, number=lambda at: at), {})) == 6


def test_pages_that_end_before_the_total_say_so_on_the_last_page(acme):
    def warned(pages, query):
        found = driven(acme.stream(query), lambda request: answered(pages, request))
        return [[d.message for d in page.diagnostics if d.code == "P604"] for page in found]

    said = "the pages ended after 4 rows, of 6 in total: records may be missing"
    assert warned(provider([2, 2], total=lambda _: 6), {}) == [[], [said]]
    assert warned(provider([2, 2], total=lambda _: 4), {}) == [[], []]
    assert warned(provider([2, 2], total=lambda _: 6), {"limit": 3}) == [[], []]


def test_a_total_that_grows_meanwhile_fails_nothing(acme):
    assert len(streamed(acme, provider([2, 2, 3], total=lambda at: 6 if at < 2 else 7), {})) == 7
    assert len(streamed(acme, provider([2, 2, 3], total=lambda _: 6), {})) == 7, "the last page may have one more"


def test_empty_pages_may_come_between_but_not_for_ever(acme):
    assert streamed(acme, provider([1, 0, 0, 0, 2, 0]), {}) == ["1", "2", "3"]
    asked = []

    def send(request):
        asked.append(request)
        return Response({"items": [], "next": f"c{len(asked)}"})

    found, error = until_error(acme.stream({}), send)
    assert (found, error.code, len(asked)) == ([], "P604", streams.MAX_EMPTY + 1)


def test_a_cut_page_is_not_a_loop(acme):
    pages = provider([3, 2], number=lambda at: at, total=lambda _: 5)
    for page in pages.values():
        page["items"][0]["age"] = "old"
    assert streamed(acme, pages, {"limit": 2}, on_invalid="discard_record") == ["2", "3"]
    assert streamed(acme, pages, {"limit": 3}, on_invalid="discard_record") == ["2", "3", "5"]


def test_page_numbers_and_totals_are_read_in_streams_only(tmp_path):
    reads = []
    mapper = mapper_of(
        tmp_path,
        ("page_number: number", "page_number: $noted(number)"),
        functions={"noted": lambda value: reads.append(value) or value},
    )
    pages = provider([1, 1], number=lambda at: at)
    exchanged(mapper, pages, {})
    assert reads == []
    streamed(mapper, pages, {})
    assert reads == [0, 1]


def test_a_page_number_whose_expression_fails_is_unknown(tmp_path):
    mapper = mapper_of(
        tmp_path, ("page_number: number", "page_number: $number(number)"), ("total: total", "total: total + 1")
    )
    pages = provider([1, 1], number=lambda _: "x", total=lambda _: "y")
    assert streamed(mapper, pages, {}) == ["1", "2"]


# ── Failures and how to go on ────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_that_failed_raises_the_same_error_for_ever(acme):
    pages = provider([1, 1]) | {"c1": BUSY}
    stream = acme.stream({})
    found, error = until_error(stream, lambda request: answered(pages, request))
    assert (found, error.status) == (["1"], 429)
    for again in (lambda: next(stream), lambda: stream.send(None), lambda: stream.send(Response(pages[None]))):
        assert failing(again) is error
    stream.close()
    assert failing(next, stream) is error


def test_an_exchange_that_failed_raises_the_same_error_for_ever(acme):
    exchange = acme.exchange({})
    next(exchange)
    error = failing(exchange.send, BUSY)
    assert failing(next, exchange) is error
    assert failing(exchange.send, Response({"items": []})) is error


def test_a_query_that_is_refused_fails_the_stream_for_ever(acme):
    stream = acme.stream("limit=0")
    error = failing(next, stream)
    assert failing(next, stream) is error


def test_a_complete_conversation_is_over(acme):
    stream = acme.stream({})
    assert len(list(driven(stream, lambda request: answered(provider([1]), request)))) == 1
    exchange = acme.exchange({})
    next(exchange)
    with pytest.raises(StopIteration) as done:
        exchange.send(Response({"items": []}))
    assert isinstance(done.value.value, Page)
    for over in (stream, exchange):
        with pytest.raises(StopIteration):
            next(over)
        with pytest.raises(StopIteration):
            over.send(Response({}))
        over.close()
        assert next(over, "over") == "over"
    assert stream.cursor is None


def test_the_cursor_of_a_failed_stream_leads_to_the_missing_records(acme):
    whole = provider([2, 2, 2])
    stream = acme.stream({})
    found, _ = until_error(stream, lambda request: answered(whole | {"c1": BUSY}, request))
    assert (found, streamed(acme, whole, {"next_cursor": stream.cursor})) == (["1", "2"], ["3", "4", "5", "6"])


def test_a_stream_that_fails_on_its_first_page_begins_again(acme):
    stream = acme.stream({})
    assert until_error(stream, lambda _: BUSY)[0] == []
    assert stream.cursor is None
    assert streamed(acme, provider([2, 1]), {"next_cursor": stream.cursor}) == ["1", "2", "3"]


def test_a_resumed_stream_keeps_the_limit_of_the_whole(acme):
    pages, query = provider([2, 2, 2, 2]), {"limit": 5}
    stream = acme.stream(query)
    found, _ = until_error(stream, lambda request: answered(pages | {"c1": BUSY}, request))
    second = acme.stream(query | {"next_cursor": stream.cursor})
    more, _ = until_error(second, lambda request: answered(pages | {"c2": BUSY}, request))
    rest = streamed(acme, pages, query | {"next_cursor": second.cursor})
    assert [found, more, rest] == [["1", "2"], ["3", "4"], ["5"]]
    assert streamed(acme, pages, {"limit": 3, "next_cursor": second.cursor}) == []
    assert streamed(acme, pages, {"limit": 6, "next_cursor": second.cursor}) == ["5", "6"]


def test_the_next_cursor_of_a_page_of_a_stream_asks_for_as_many_as_any(acme):
    pages = provider([2, 2, 2, 2])
    first, *_ = driven(acme.stream({"limit": 3}), lambda request: answered(pages, request))
    assert streamed(acme, pages, {"limit": 3, "next_cursor": first.next_cursor}) == ["3", "4", "5"]


def test_a_page_whose_records_are_invalid_can_be_asked_for_again(acme):
    pages = provider([1, 2, 1])
    pages["c1"]["items"][0]["age"] = "old"
    stream = acme.stream({})
    found, error = until_error(stream, lambda request: answered(pages, request))
    assert (found, error.code) == (["1"], "D401")
    rest = streamed(acme, pages, {"next_cursor": stream.cursor}, on_invalid="discard_record")
    assert rest == ["3", "4"]


def test_a_stream_across_midnight_keeps_the_time_of_its_first_page(acme):
    evening, morning = "2026-01-20T23:59:00Z", "2026-01-21T00:01:00Z"
    pages, stream = provider([1, 1, 1]), acme.stream({}, now=evening)
    times = []

    def send(request):
        times.append(request.params["now"])
        return answered(pages | ({"c2": BUSY} if len(times) == 3 else {}), request)

    until_error(stream, send)
    resumed = acme.stream({"next_cursor": stream.cursor}, now=morning)
    assert [page.records[0]["asked_at"] for page in driven(resumed, send)] == [evening]
    assert times == [evening] * 4


def test_what_the_driver_changes_between_pages_does_not_change_the_stream(acme):
    pages, query, context = provider([1, 1, 1]), {"city": "Bonn", "limit": 2}, {"tenant": "a"}

    def send(request):
        query.clear()
        context["tenant"] = "b"
        return answered(pages, request)

    assert ids(driven(acme.stream(query, context=context), send)) == ["1", "2"]


SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=6)


@PROPERTY
@given(SIZES, st.none() | st.integers(1, 20), st.data())
def test_a_stream_resumed_after_any_faults_gives_every_record_once(mapper, sizes, limit, data):
    pages, query = provider(sizes), {} if limit is None else {"limit": limit}
    whole = [str(one["id"]) for body in pages.values() for one in body["items"]][:limit]
    faults = data.draw(st.lists(st.sampled_from(list(pages)), max_size=4))
    found, cursor = [], None
    for at in [*faults, "never"]:
        stream = mapper.stream(query | {"next_cursor": cursor})
        try:
            for page in driven(stream, lambda request, at=at: answered(pages | {at: BUSY}, request)):
                found += ids([page])
        except ProviderError:
            cursor = stream.cursor
        else:
            break
    assert found == whole


@pytest.fixture(scope="module")
def mapper(tmp_path_factory):
    return mapper_of(tmp_path_factory.mktemp("acme"))


# ── One page in memory ───────────────────────────────────────────────────────────────────────────────────────────


class Body(dict):
    """A body that can be watched."""


def test_a_stream_keeps_neither_page_nor_response_while_it_asks_for_the_next(acme):
    stream, watched = acme.stream({}), []
    next(stream)
    for at in range(3):
        response = Response(Body(items=[{"id": at}], next=f"c{at + 1}"))
        watched.append(weakref.ref(response.body))
        page = stream.send(response)
        assert page.records[0]["remote_data"] == {"id": at}
        del response, page
        assert isinstance(next(stream), Request)
        gc.collect()
        assert [one() for one in watched] == [None] * (at + 1)


# ── Drivers ──────────────────────────────────────────────────────────────────────────────────────────────────────

ANSWERS = {"dict": {"items": []}, "text": "x", "bytes": b"{}", "tuple": ({}, 200, {}), "status": 200, "class": Response}
STATUSES = ["abc", None, 99999, 10**5000, 0, 99, -200, True, 2.5, "²²²", "1" * 5000]
ANSWERS |= {f"status {number}": Response({}, status) for number, status in enumerate(STATUSES)}
HEADERLESS = ["x", 5, [1], [("a",)], {"a": {}}, {5: None}, dict, {"a": 10**5000}]
ANSWERS |= {f"headers {number}": Response({}, 200, headers) for number, headers in enumerate(HEADERLESS)}


@pytest.mark.parametrize("kind", ["exchange", "stream"])
@pytest.mark.parametrize("wrong", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_response_is_refused_and_the_right_one_can_follow(acme, kind, wrong):
    conversation = getattr(acme, kind)({})
    next(conversation)
    for _ in range(2):
        error = failing(conversation.send, wrong)
        assert (type(error), error.code) == (QueryError, "Q515")
    assert given_page(conversation.send, Response({"items": [{"id": 1}]})) == ["1"]


def given_page(send, response):
    try:
        return ids([send(response)])
    except StopIteration as done:
        return ids([done.value])


@pytest.mark.parametrize("kind", ["exchange", "stream"])
@pytest.mark.parametrize("step", [next, lambda one: one.send(None)], ids=["next", "send"])
def test_a_request_that_is_not_answered_is_refused_and_the_answer_can_follow(acme, kind, step):
    conversation = getattr(acme, kind)({})
    next(conversation)
    assert failing(step, conversation).code == "Q515"
    assert given_page(conversation.send, Response({"items": [{"id": 1}]})) == ["1"]


@pytest.mark.parametrize("kind", ["exchange", "stream"])
def test_a_for_loop_over_a_conversation_is_refused(acme, kind):
    conversation = getattr(acme, kind)({})
    assert iter(conversation) is conversation
    error = failing(list, conversation)
    assert (error.code, "waits for its response" in str(error)) == ("Q515", True)
    assert given_page(conversation.send, Response({"items": [{"id": 1}]})) == ["1"]


def test_a_response_that_nobody_waits_for_is_refused(acme):
    stream = acme.stream({})
    assert failing(stream.send, Response({})).code == "Q515"
    next(stream)
    stream.send(Response(provider([1, 1])[None]))
    assert failing(stream.send, Response({})).code == "Q515"
    assert isinstance(next(stream), Request)


HEADERS = {
    "an object": {"Retry-After": "7"},
    "pairs": [("Retry-After", "7")],
    "lists": [["Retry-After", "7"]],
    "bytes": {b"Retry-After": b"7"},
    "pairs of bytes": [(b"retry-after", b"7")],
    "an iterator": iter([("RETRY-AFTER", "7")]),
    "several": {"Retry-After": ["7"]},
    "a number": {"Retry-After": 7},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_are_read_however_they_are_held(acme, headers):
    pages = {None: Response({"items": []}, 200, headers)}
    assert exchanged(acme, pages, {}).response.headers == {"retry-after": "7"}


def test_headers_may_be_missing_or_repeated(acme):
    for none in (None, {}, [], ()):
        assert acme.map({"items": []}, query={}, headers=none).response.headers == {}
    repeated = [("A", "1"), (b"a", b"2"), ("B", ("3", b"\xe9"))]
    assert acme.map({"items": []}, query={}, headers=repeated).response.headers == {"a": "1, 2", "b": "3, é"}


@pytest.mark.parametrize("status", [200, "200", HTTPStatus.OK], ids=repr)
def test_a_status_may_be_written_as_text(acme, status):
    page = acme.map({"items": [{"id": 1}]}, query={}, status=status)
    assert (page.response.status, type(page.response.status)) == (200, int)
    assert acme.map({"error": "x"}, query={}, status="404").records == ()


def test_an_unknown_choice_is_refused_before_anything_is_dropped(acme):
    bad = {"items": [{"id": 1, "age": "x"}]}
    for name, chosen in itertools.product(("on_invalid", "on_unknown"), ("discard", "", None, "RAISE", ["raise"], 5)):
        calls = [
            lambda choice: acme.map(bad, query={}, **choice),
            lambda choice: next(acme.exchange({}, **choice)),
            lambda choice: next(acme.stream({}, **choice)),
        ]
        calls += [lambda choice: acme.plan({}, **choice)] if name == "on_unknown" else []
        for call in calls:
            error = failing(call, {name: chosen})
            assert (type(error), error.code, name in str(error)) == (QueryError, "Q515", True)


JUNK = st.sampled_from([None, {}, "x", 5, ({}, 200, {}), Response({}, "abc"), Response({}, 200, 5), Page])


@PROPERTY
@given(SIZES, st.lists(st.tuples(st.sampled_from(["right", "junk", "busy"]), JUNK), max_size=40))
def test_whatever_a_driver_sends_only_a_complete_stream_ends(mapper, sizes, actions):
    pages = provider(sizes)
    whole = [str(one["id"]) for body in pages.values() for one in body["items"]]
    stream, found, item, errors = mapper.stream({}), [], None, []
    for action, junk in actions:
        right = answered(pages, item) if isinstance(item, Request) else None
        made, error = sent(stream, {"right": right, "junk": junk, "busy": right and BUSY}[action])
        errors += [error] if error and error.code != "Q515" else []
        assert len(set(errors)) <= 1
        if made is None and error is None:
            assert found == whole
            return
        item = made or item
        found += ids([made]) if isinstance(made, Page) else []
    if not isinstance(item, Page) or item.next_cursor:  # else only the end is still to come
        assert found + streamed(mapper, pages, {"next_cursor": stream.cursor}) == whole


def sent(stream, given):
    """The next item of a stream, or its error; neither at its end."""
    try:
        return stream.send(given), None
    except StopIteration:
        return None, None
    except MapperError as error:
        return None, error


def test_an_error_of_the_driver_ends_the_stream_with_that_error(acme):
    stream, lost = acme.stream({}), ConnectionError("lost")
    next(stream)
    for again in (lambda: stream.throw(lost), lambda: next(stream), lambda: stream.send(Response({}))):
        with pytest.raises(ConnectionError) as caught:
            again()
        assert caught.value is lost
    stream = acme.stream({})
    with pytest.raises(TimeoutError):
        stream.throw(TimeoutError)
    with pytest.raises(TimeoutError):
        next(stream)


def test_a_closed_stream_does_not_look_complete(acme):
    pages = provider([1, 1])
    stream = acme.stream({})
    stream.send(None)
    stream.send(Response(pages[None]))
    stream.close()
    stream.close()
    assert failing(next, stream).code == "Q515"
    assert streamed(acme, pages, {"next_cursor": stream.cursor}) == ["2"]


def test_an_interrupted_stream_does_not_look_complete(acme):
    for interruption in (KeyboardInterrupt, GeneratorExit, StopIteration):
        stream = acme.stream({})
        next(stream)
        with pytest.raises(interruption):
            stream.throw(interruption)
        assert failing(next, stream).code == "Q515"


def test_conversations_work_below_yield_from(acme):
    pages = provider([1, 1])

    def outer():
        page = yield from acme.exchange({})
        yield from acme.stream({"next_cursor": page.next_cursor})

    generator, found, item = outer(), [], None
    for _ in range(10):
        try:
            item = generator.send(answered(pages, item) if isinstance(item, Request) else None)
        except StopIteration:
            break
        found += ids([item]) if isinstance(item, Page) else [item.params.get("page")]
    assert found == [None, "c1", "2"]
    closed = outer()
    next(closed)
    closed.close()


def test_two_threads_on_one_stream_are_refused(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def wait(value):
        entered.set()
        leave.wait(10)
        return value

    stream = mapper_of(tmp_path, ("      age: age", "      age: $wait(age)"), functions={"wait": wait}).stream({})
    next(stream)
    thread = threading.Thread(target=stream.send, args=(Response({"items": [{"id": 1, "age": 1}]}),))
    thread.start()
    entered.wait(10)
    assert failing(stream.send, Response({"items": []})).code == "Q515"
    leave.set()
    thread.join()
    assert next(stream, "over") == "over"


def test_a_skipped_call_is_a_page_without_a_request(acme):
    (page,) = acme.stream({"truto_skip_api_call": True})
    assert (page.is_asked, page.records) == (False, ())
    with pytest.raises(StopIteration) as done:
        next(acme.exchange({"truto_skip_api_call": True}))
    assert done.value.value.is_asked is False
