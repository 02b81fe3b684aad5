"""The schemes of paging that a mapping declares, against providers that page in these ways."""

from __future__ import annotations

import itertools
import json
import re
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paging import SPEC, driven, ids

from truto_mapper import MapperError, MappingError, ProviderError, QueryError, Response, load
from truto_mapper.authoring import coverage, diff, docs, golden
from truto_mapper.authoring.check import check
from truto_mapper.authoring.explain import explain
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.link_header import targets

PROPERTY = settings(derandomize=True, deadline=None, max_examples=150, database=None)

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: contact
context: {origin: {type: string}}
error_mapping: {message: error}
endpoints:
  all:
    path_mapping: '"/contacts"'
    query_mapping: {city: $query.city}
"""
TAIL = """\
    for_each: {contact: ROWS}
    response_mapping: {id: $string(id), age: age}
"""


@pytest.fixture
def make(tmp_path):
    """A mapper; `endpoint` are more keys, `rows` is the outermost loop."""

    def made(endpoint, rows="items", **options):
        (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
        spec = SPEC.replace(
            "  limit:", "  remote_query: {type: object}\n  truto_response_format: {type: string}\n  limit:"
        )
        (tmp_path / "schemas/crm/contact.yaml").write_text(spec)
        keys = "".join(f"    {line}\n" for line in endpoint.splitlines())
        (tmp_path / "acme.yaml").write_text(HEAD + keys + TAIL.replace("ROWS", rows))
        return load(tmp_path / "acme.yaml", **options)

    return made


class Provider:
    """A provider with so many contacts, numbered from 0 on, that answers in a scheme; `asked` are its requests."""

    def __init__(self, count, size, more=()):
        self.contacts = [None if number % 7 == 5 else {"id": number, "age": 30} for number in range(count)]
        self.size, self.more, self.asked = size, more, []

    def part(self, start, size):
        rows = self.contacts[start : start + size]
        told = {"total": len(self.contacts), "more": start + size < len(self.contacts), "start": start}
        return {"items": rows} | {name: told[name] for name in self.more}

    def params(self, request):
        self.asked.append(dict(request.params))
        return request.params

    def by_page(self, request, first=1):
        params = self.params(request)
        size = int(params.get("per_page", self.size))
        return Response(self.part((int(params["page"]) - first) * size, size))

    def by_offset(self, request):
        params = self.params(request)
        return Response(self.part(int(params["skip"]), int(params.get("take", self.size))))

    def by_cursor(self, request):
        start = int(self.params(request).get("after", "c0")[1:])
        found = self.part(start, self.size)
        return Response(found | {"next": f"c{start + self.size}"})

    def by_link(self, request):
        params = self.params(request)
        start = int(params.get("from", 0))
        found = self.part(start, self.size)["items"]
        headers = {}
        if start + self.size < len(self.contacts):
            query = urlencode(params | {"from": start + self.size}, doseq=True)
            url = f"https://api.acme.com/v2/contacts?{query}"
            headers["Link"] = f'<https://api.acme.com/v2/contacts>; rel="first", <{url}>; rel="last next"'
        return Response(found, 200, headers)

    @property
    def ids(self):
        return [str(one["id"]) for one in self.contacts if one is not None]


PAGE = "pagination: {format: page, parameter: page, KEYS}"
OFFSET = "pagination: {format: offset, parameter: skip, KEYS}"
CURSOR = "pagination: {format: cursor, parameter: after, has_more: more}\nnext_cursor: next"
SIZED = {"page": "size: 10, size_parameter: per_page", "offset": "size: 10, size_parameter: take"}

#: For each scheme: the mapping, and the name of what answers, and what replies say.
SCHEMES = {
    "page with a size": (PAGE.replace("KEYS", SIZED["page"]), "by_page", ()),
    "page without a size": (PAGE.replace(", KEYS", ""), "by_page", ()),
    "page with a total": (PAGE.replace(", KEYS", "") + "\ntotal: total", "by_page", ("total",)),
    "page with a size and a total": (PAGE.replace("KEYS", SIZED["page"]) + "\ntotal: total", "by_page", ("total",)),
    "page that says more": (PAGE.replace("KEYS", "has_more: more"), "by_page", ("more",)),
    "page and the last one": (PAGE.replace("KEYS", "has_more: $cursor * 10 < total"), "by_page", ("total",)),
    "offset with a size": (OFFSET.replace("KEYS", SIZED["offset"]), "by_offset", ()),
    "offset without a size": (OFFSET.replace(", KEYS", ""), "by_offset", ()),
    "offset with a total": (OFFSET.replace(", KEYS", "") + "\ntotal: total", "by_offset", ("total",)),
    "offset that says more": (OFFSET.replace("KEYS", "has_more: more"), "by_offset", ("more",)),
    "cursor": (CURSOR, "by_cursor", ("more",)),
    "links": ("pagination: {format: link_header}", "by_link", ()),
}  # fmt: skip


def scheme(make, name, count, size=10):
    endpoint, answer, more = SCHEMES[name]
    provider = Provider(count, size, more)
    return make(endpoint, rows="$" if name == "links" else "items"), provider, getattr(provider, answer)


def looped(mapper, send, query, **options):
    """The pages of a query, one after the other by `next_cursor`."""
    pages, following = [], {}
    for _ in range(300):
        exchange = mapper.exchange({**query, **following}, **options)
        try:
            exchange.send(send(next(exchange)))
        except StopIteration as end:
            pages.append(end.value)
        if pages[-1].next_cursor is None:
            return pages
        following = {"next_cursor": pages[-1].next_cursor}
    raise AssertionError("the cursors do not come to an end")


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 35, 100])
@pytest.mark.parametrize("name", SCHEMES)
def test_all_pages_give_all_rows_once(name, count, make):
    mapper, provider, send = scheme(make, name, count)
    assert ids(driven(mapper.stream({"city": "Ulm"}), send)) == provider.ids
    assert all(one["city"] == "Ulm" for one in provider.asked)
    provider.asked.clear()
    assert ids(looped(mapper, send, {"city": "Ulm"})) == provider.ids
    assert all(one["city"] == "Ulm" for one in provider.asked)


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11, 25, 200])
@pytest.mark.parametrize("name", SCHEMES)
def test_a_limit_cuts_pages_and_loses_nothing(name, limit, make):
    mapper, provider, send = scheme(make, name, 35)
    assert ids(driven(mapper.stream({"limit": limit}), send)) == provider.ids[:limit]
    pages = looped(mapper, send, {"limit": limit})
    assert ids(pages) == provider.ids
    assert max(len(page.records) for page in pages) <= limit


@PROPERTY
@given(
    st.sampled_from(sorted(SCHEMES)),
    st.integers(0, 60),
    st.one_of(st.none(), st.integers(1, 40)),
    st.lists(st.integers(0, 59), max_size=20),
)
def test_for_any_provider_and_limit_every_row_comes_once(schemes, name, count, limit, nulls):
    mapper, provider, send = schemes[name], Provider(count, 10, SCHEMES[name][2]), SCHEMES[name][1]
    for number in nulls:
        provider.contacts[number : number + 1] = [None] * (number < count)
    query = {} if limit is None else {"limit": limit}
    pages = looped(mapper, getattr(provider, send), query)
    assert ids(pages) == provider.ids
    assert ids(driven(mapper.stream(query), getattr(provider, send))) == provider.ids[:limit]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["", "x", "5", "false", "c0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["items", "more", "total", "next", "id", "age"]), inner, max_size=5)
    ),
    max_leaves=12,
)
LINK = st.text('<>;,="\\ relnxt:/?&%01@[]', max_size=40) | st.sampled_from(["<?a=1>; rel=next", "<x>;rel=next"])


@PROPERTY
@given(st.sampled_from(sorted(SCHEMES)), JSON, LINK, st.sampled_from([200, 204, 404]), st.booleans())
def test_whatever_a_provider_says_only_our_errors_leave(schemes, name, body, link, status, is_raw):
    mapper = schemes[name]
    query = mapper.plan({"truto_ignore_limit": is_raw}).query
    for _ in range(3):
        try:
            options = {"status": status, "headers": {"Link": link}, "on_invalid": "discard_value"}
            page = mapper.map(body, query=query, **options)
            if page.next_cursor is None:
                return
            query = mapper.plan({"truto_ignore_limit": is_raw, "next_cursor": page.next_cursor}).query
        except MapperError:
            return


@pytest.fixture(scope="module")
def schemes(tmp_path_factory):
    """The mappers of all schemes."""
    made = {}
    for number, name in enumerate(SCHEMES):
        folder = tmp_path_factory.mktemp(f"scheme{number}")
        (folder / "schemas/crm").mkdir(parents=True)
        (folder / "schemas/crm/contact.yaml").write_text(SPEC)
        keys = "".join(f"    {line}\n" for line in SCHEMES[name][0].splitlines())
        (folder / "acme.yaml").write_text(HEAD + keys + TAIL.replace("ROWS", "$" if name == "links" else "items"))
        made[name] = load(folder / "acme.yaml")
    return made


@pytest.mark.parametrize("name", SCHEMES)
def test_bytes_give_the_same_pages(name, make):
    mapper, _, send = scheme(make, name, 25)
    request = mapper.plan({})
    for _ in range(30):
        body, status, headers = send(request)
        options = {"query": request.query, "status": status, "headers": headers}
        page, made = mapper.map(body, **options), mapper.map_bytes(json.dumps(body).encode(), **options)
        assert json.loads(made.body) == page.render()
        assert made.next_cursor == page.next_cursor
        if page.next_cursor is None:
            return
        request = mapper.plan({"next_cursor": page.next_cursor})
    raise AssertionError("the pages do not come to an end")


@pytest.mark.parametrize("name", SCHEMES)
def test_raw_pages_have_their_next_cursor(name, make):
    mapper, provider, send = scheme(make, name, 35)
    pages = looped(mapper, send, {"truto_response_format": "raw"})
    rows = [row for page in pages for row in (page.render() if name == "links" else page.render()["items"])]
    assert rows == provider.contacts


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("page with a size", [{"page": "1", "per_page": "10"}, {"page": "2", "per_page": "10"}]),
        ("page without a size", [{"page": "1"}, {"page": "2"}, {"page": "3"}]),
        ("page with a total", [{"page": "1"}, {"page": "2"}]),
        ("offset with a size", [{"skip": "0", "take": "10"}, {"skip": "10", "take": "10"}]),
        ("offset without a size", [{"skip": "0"}, {"skip": "10"}, {"skip": "15"}]),
        ("cursor", [{}, {"after": "c10"}]),
        ("links", [{}, {"from": "10"}]),
    ],
)  # fmt: skip
def test_each_scheme_asks_as_the_provider_expects(name, asked, make):
    mapper, provider, send = scheme(make, name, 15)
    list(driven(mapper.stream({}), send))
    assert provider.asked == asked


def test_page_numbers_begin_where_the_mapping_says(make):
    mapper, provider = make("pagination: {format: page, parameter: page, first: 0, size: 10}"), Provider(25, 10)
    found = ids(driven(mapper.stream({}), lambda request: provider.by_page(request, first=0)))
    assert found == provider.ids
    assert [one["page"] for one in provider.asked] == ["0", "1", "2"]


def test_a_body_can_have_the_number_of_the_page(make):
    endpoint = "request_method: POST\nrequest_body_mapping: {page: {number: $cursor, size: 10}}\n"
    mapper = make(endpoint + "pagination: {format: page, size: 10}")
    first = mapper.plan({})
    assert (first.body, first.params) == ({"page": {"number": 1, "size": 10}}, {})
    page = mapper.map({"items": [{"id": n} for n in range(10)]}, query=first.query)
    assert mapper.plan({"next_cursor": page.next_cursor}).body == {"page": {"number": 2, "size": 10}}


# ── The last page ────────────────────────────────────────────────────────────────────────────────────────────────


def has_next(mapper, body, **options):
    return mapper.map(body, query=mapper.plan({}).query, **options).next_cursor is not None


ROW = {"id": 1, "age": 30}
ENDINGS = [
    ("size: 2", "", {"items": [ROW, None]}, True),
    ("size: 2", "", {"items": [ROW]}, False),
    ("size: 2", "", {"items": []}, False),
    ("", "", {"items": [ROW]}, True),
    ("", "", {"items": [None]}, True),
    ("", "", {"items": []}, False),
    ("", "", {"items": None}, False),
    ("has_more: more", "", {"items": [ROW], "more": True}, True),
    ("has_more: more", "", {"items": [ROW], "more": False}, False),
    ("has_more: more", "", {"items": [ROW], "more": None}, False),
    ("has_more: more, size: 2", "", {"items": [ROW], "more": True}, True),
    ("has_more: more, size: 1", "", {"items": [ROW], "more": False}, False),
    ("has_more: more, size: 2", "", {"items": [ROW]}, False),
    ("has_more: more, size: 1", "", {"items": [ROW]}, True),
    ("has_more: links.next", "", {"items": [ROW], "links": {"next": "/x"}}, True),
    ("", "total: total", {"items": [ROW], "total": 2}, True),
    ("", "total: total", {"items": [ROW], "total": 1}, False),
    ("size: 9", "total: total", {"items": [ROW], "total": 2}, True),
    ("size: 1", "total: total", {"items": [ROW], "total": 1}, False),
    ("size: 1", "total: total", {"items": [ROW], "total": "1"}, True),
    ("size: 9", "total: total", {"items": [ROW], "total": None}, False),
    ("", "total: total", {"items": [], "total": 5}, False),
    ("has_more: $cursor < last", "", {"items": [ROW], "last": 9}, True),
    ("has_more: $cursor < last", "", {"items": [ROW], "last": 0}, False),
]


@pytest.mark.parametrize("pagination", ["page", "offset"])
@pytest.mark.parametrize(("keys", "total", "body", "expected"), ENDINGS)
def test_what_ends_the_pages(pagination, keys, total, body, expected, make):
    keys = f", {keys}" if keys else ""
    mapper = make(f"pagination: {{format: {pagination}, parameter: page{keys}}}\n{total}")
    assert has_next(mapper, body) is expected


def test_rows_that_a_loop_does_not_select_count_too(make):
    mapper = make(
        "pagination: {format: offset, parameter: skip, size: 3}\nrecognise: $exists(items)", rows="'items[ok]'"
    )
    page = mapper.map({"items": [{"id": 1, "ok": True}, {"id": 2}, None]}, query=mapper.plan({}).query)
    assert ids([page]) == ["1"]
    assert mapper.plan({"next_cursor": page.next_cursor}).params == {"skip": "3"}


def test_outer_rows_count_not_those_within(make):
    mapper = make("pagination: {format: page, parameter: page, size: 2}", rows="groups, member: members")
    assert has_next(mapper, {"groups": [{"members": [ROW, ROW, ROW]}, {"members": []}]})
    assert not has_next(mapper, {"groups": [{"members": [ROW, ROW, ROW]}]})


def test_a_page_that_is_short_although_more_follows_loses_no_rows(make):
    mapper = make("pagination: {format: offset, parameter: skip, size: 100, size_parameter: take}\ntotal: total")
    provider = Provider(120, 50, ("total",))
    found = ids(driven(mapper.stream({}), lambda r: Response(provider.part(int(r.params["skip"]), 50))))
    assert found == provider.ids
    mapper = make("pagination: {format: page, parameter: page, size: 100, size_parameter: per_page}\ntotal: total")
    found = ids(driven(mapper.stream({}), lambda r: Response(provider.part(50 * (int(r.params["page"]) - 1), 50))))
    assert found == provider.ids


@pytest.mark.parametrize("text", ["false", "False", " no ", "0"])
def test_a_text_that_means_no_is_not_taken_for_yes(text, make):
    mapper = make("pagination: {format: page, parameter: page, has_more: more}")
    with pytest.raises(MapperError) as caught:
        has_next(mapper, {"items": [ROW], "more": text})
    assert caught.value.code == "D406"


@pytest.mark.parametrize(
    ("endpoint", "what"),
    [("pagination: {format: cursor, has_more: more}\nnext_cursor: next", "cursor"),
     ("pagination: {format: link_header, has_more: more}", "link")],
)  # fmt: skip
def test_more_without_a_way_to_ask_for_it_is_told(endpoint, what, make):
    mapper = make(endpoint)
    (found,) = mapper.map({"items": [ROW], "more": True}, query=mapper.plan({}).query).diagnostics
    assert (found.code, found.severity) == ("P604", "warning")
    assert found.message == f"the provider says that more follows, but gives no {what}: records may be missing"
    assert mapper.map({"items": [ROW], "more": False}, query=mapper.plan({}).query).diagnostics == ()


def test_a_reply_without_its_query_has_no_next_number(make):
    assert make("pagination: {format: page, parameter: page}").map({"items": [ROW]}).next_cursor is None


def test_a_skipped_call_has_one_page(make):
    mapper = make('pagination: {format: page, parameter: page}\nstatic_response: \'{"items": [{"id": 1}]}\'')
    assert ids(driven(mapper.stream({"truto_skip_api_call": True}), lambda _: None)) == ["1"]


def test_no_content_on_a_further_page_ends_the_pages(make):
    mapper = make("pagination: {format: page, parameter: page}")
    replies = iter([Response({"items": [ROW]}), Response(None, 204)])
    pages = list(driven(mapper.stream({}), lambda _: next(replies)))
    assert (ids(pages), [one.code for one in pages[-1].diagnostics]) == (["1"], ["P608"])
    with pytest.raises(ProviderError):
        mapper.map(None, query=mapper.plan({}).query, status=204)


def test_a_refusal_of_a_further_page_is_never_an_empty_page(make):
    mapper = make("pagination: {format: page, parameter: page}\nempty_when: $status = 404")
    first = mapper.map({"error": "none"}, query=mapper.plan({}).query, status=404)
    assert first.records == ()
    page = mapper.map({"items": [ROW]}, query=mapper.plan({}).query)
    query = mapper.plan({"next_cursor": page.next_cursor}).query
    with pytest.raises(ProviderError, match="none"):
        mapper.map({"error": "none"}, query=query, status=404)


# ── Hostile providers ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pagination", ["page", "offset"])
def test_a_provider_that_always_has_more_fails_the_stream(pagination, make):
    mapper = make(f"pagination: {{format: {pagination}, parameter: page, size: 2, has_more: 'true'}}")
    for body in ({"items": []}, {"items": [ROW]}, {"items": [ROW, None]}):
        with pytest.raises(ProviderError) as caught:
            list(driven(mapper.stream({}), lambda _, body=body: Response(body)))
        assert caught.value.code == "P604"


def test_an_offset_that_does_not_move_is_a_loop(make):
    mapper = make("pagination: {format: offset, parameter: skip, has_more: 'true'}")
    page = mapper.map({"items": []}, query=mapper.plan({}).query)
    assert (page.is_looping, page.next_cursor) == (True, None)
    assert [one.code for one in page.diagnostics] == ["P604"]


def test_the_same_page_again_fails_the_stream(make):
    mapper, provider = make(SCHEMES["page without a size"][0]), Provider(25, 10)
    with pytest.raises(ProviderError) as caught:
        list(driven(mapper.stream({}), lambda _: Response(provider.part(0, 10))))
    assert caught.value.code == "P604"


def test_a_page_number_that_does_not_move_fails_the_stream(make):
    numbers = itertools.count()
    mapper = make("pagination: {format: page, parameter: page}\npage_number: number")
    with pytest.raises(ProviderError, match="page number"):
        list(driven(mapper.stream({}), lambda _: Response({"items": [{"id": next(numbers)}], "number": 1})))


FORGED = ["x", "", "1", "0", "-1", "01", "1.5", "2/", "2/3", "1e3", "९", "9" * 30, " 2", "2\n", "2 "]


@pytest.mark.parametrize("text", FORGED)
def test_a_cursor_that_no_page_can_have_given_is_refused(text, make):
    mapper = make("pagination: {format: page, parameter: page}")
    query = mapper.plan({}).query
    sealed = mapper._cursors.sealed((text or None, 0, None, None, 0), query.plan.question)
    if text == "":
        assert mapper.plan({"next_cursor": sealed}).params == {"page": "1"}
        return
    with pytest.raises(QueryError) as caught:
        mapper.plan({"next_cursor": sealed})
    assert caught.value.code == "Q506"


@pytest.mark.parametrize("text", ["", "=1", "a=%ff", "a=%00", "&" * 2_000, "&&"])
def test_a_link_that_no_page_can_have_given_is_refused(text, make):
    mapper = make("pagination: {format: link_header}", rows="$")
    query = mapper.plan({}).query
    if text:
        sealed = mapper._cursors.sealed((text, 0, None, None, 0), query.plan.question)
        with pytest.raises(QueryError) as caught:
            mapper.plan({"next_cursor": sealed})
        assert caught.value.code == "Q506"
    with pytest.raises(ProviderError) as refused:
        mapper.map([ROW], query=query, headers={"link": f"</contacts?{text}>; rel=next"})
    assert refused.value.code == "P602"


# ── Links ────────────────────────────────────────────────────────────────────────────────────────────────────────

LINKS = [
    ('<https://a/b?page=2>; rel="next"', ["https://a/b?page=2"]),
    ("<b?page=2>;rel=next", ["b?page=2"]),
    ('<x>; rel="prev", <y>; rel="last next"', ["y"]),
    ('<x?a=1,2;b=3>; REL="NEXT"', ["x?a=1,2;b=3"]),
    ('<x>; title="a, b; rel=\\"next\\""; rel="prev"', []),
    ('<x>; title="q\\"; rel=next"; rel=next', ["x"]),
    ('<x>; rel="prev"; rel="next"', []),
    ("<x>; rel*=UTF-8''next", []),
    ("<x>; rel=nextish, <y>; rel=http://e.com/next", []),
    ('<x>; rel="next"; anchor="#other"', []),
    (' , <x> ; rel = "next" ,, <y>;rel=next, ', ["x", "y"]),
    ("<x>; rel=next, <x>; rel=next", ["x"]),
    ("<x>;; rel=next;", ["x"]),
    ("<x>; flag; rel=next", ["x"]),
    ("< x >; rel=next", ["x"]),
    ("", []),
    (" ", []),
]


@pytest.mark.parametrize(("header", "expected"), LINKS)
def test_links_are_read_as_rfc_8288_says(header, expected):
    assert targets(header, "next") == expected


@pytest.mark.parametrize("header", ["x", "<x", "<x> rel=next", '<x>; rel="next', "<x>; rel=next <y>; rel=next"])
def test_what_is_no_list_of_links_is_refused(header):
    with pytest.raises(ValueError, match=r"\S"):
        targets(header, "next")


TOKENS = st.text("abcXYZ09-_*", min_size=1, max_size=6)
TEXTS = st.text('ab ;,<>="\\/?&', max_size=8)


@PROPERTY
@given(
    st.lists(
        st.tuples(
            st.text("ab/?&=;,:%", min_size=1, max_size=10),
            st.booleans(),
            st.lists(st.tuples(TOKENS, TEXTS), max_size=3),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_any_list_of_links_is_read_as_it_was_written(links):
    written = []
    for target, is_next, extra, is_quoted in links:
        parameters = [
            (name, '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
            for name, text in extra
            if name.lower() not in ("rel", "anchor")
        ]
        relation = "next" if is_next else "prev"
        parameters.insert(len(parameters) // 2, ("rel", f'"{relation} x"' if is_quoted else relation))
        written.append(f"<{target}>" + "".join(f"; {name}={text}" for name, text in parameters))
    assert targets(", ".join(written), "next") == list(
        dict.fromkeys(target for target, is_next, *_ in links if is_next)
    )


def following(mapper, link, query=None, **options):
    """The params that follow a link on the first page."""
    asked = mapper.plan(query or {}, **options).query
    page = mapper.map([ROW], query=asked, headers={"Link": link})
    return (
        None if page.next_cursor is None else mapper.plan({**(query or {}), "next_cursor": page.next_cursor}, **options)
    )


def test_the_next_request_has_the_path_of_the_mapping_and_the_parameters_of_the_link(make):
    mapper = make("pagination: {format: link_header, size: 5, size_parameter: limit}", rows="$")
    assert mapper.plan({"city": "Ulm"}).params == {"city": "Ulm", "limit": "5"}
    link = "<https://evil.example/other?a%5Bb%5D=1&c=x+y&c=%C3%A9&d=>; rel=next"
    request = following(mapper, link, {"city": "Ulm", "remote_query": {"z": "1"}})
    assert (request.path, request.params) == ("/contacts", {"a[b]": "1", "c": ["x y", "é"], "d": ""})


@pytest.mark.parametrize(
    "link",
    [
        "?page=2",
        "/contacts?page=2",
        "//api.acme.com/contacts?page=2",
        "HTTPS://API.acme.com:443/x?page=2",
        "contacts?page=2#top",
    ],
)
def test_relative_links_are_followed(link, make):
    mapper = make("pagination: {format: link_header, origin: $context.origin}", rows="$")
    for context in ({}, {"origin": "https://api.acme.com"}):
        assert following(mapper, f"<{link}>; rel=next", context=context).params == {"page": "2"}


BAD_LINKS = [
    ("javascript:alert(1)?a=1", "has the scheme"),
    ("ftp://a/b?page=2", "has the scheme"),
    ("https://me:secret@a/b?page=2", "holds a user"),
    ("https://a:99999/b?page=2", "is not a URL"),
    ("https://[a/b?page=2", "is not a URL"),
    ("/contacts", "has no parameters"),
    ("/other?city=Ulm", "another path"),
    ("/contacts?page=%ff", "has no parameters that can be sent"),
]


@pytest.mark.parametrize(("link", "why"), BAD_LINKS)
def test_a_link_that_cannot_be_followed_is_an_error_that_quotes_it(link, why, make):
    mapper = make("pagination: {format: link_header}", rows="$")
    with pytest.raises(ProviderError) as caught:
        following(mapper, f"<{link}>; rel=next", {"city": "Ulm"})
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.status) == ("P602", 502)
    assert why in found.message
    assert link.replace("me:secret", "[redacted]") in found.message


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.com/contacts?page=2",
        "http://api.acme.com/contacts?page=2",
        "//evil.com/x?page=2",
        "https://api.acme.com:444/?page=2",
        "https://api.acme.com.evil.com/?page=2",
    ],
)
def test_a_link_to_another_origin_is_refused_where_the_mapping_names_its_own(link, make):
    mapper = make("pagination: {format: link_header, origin: '\"https://API.acme.com/v2\"'}", rows="$")
    with pytest.raises(ProviderError, match="leads away from"):
        following(mapper, f"<{link}>; rel=next")


@pytest.mark.parametrize("origin", ["api.acme.com", "5", "ftp://a", "https://"])
def test_an_origin_must_be_one(origin, make):
    mapper = make("pagination: {format: link_header, origin: $context.origin}", rows="$")
    query = mapper.plan({}, context={"origin": origin}).query
    with pytest.raises(MapperError) as caught:
        mapper.map([ROW], query=query, headers={"Link": "</?page=2>; rel=next"})
    assert caught.value.code == "D406"


def test_a_link_to_the_same_page_is_a_loop(make):
    mapper = make("pagination: {format: link_header}", rows="$")
    page = mapper.map(
        [ROW], query=mapper.plan({"city": "Ulm"}).query, headers={"Link": "<https://a/v1/contacts/?city=Ulm>; rel=next"}
    )
    assert (page.is_looping, page.next_cursor, [one.code for one in page.diagnostics]) == (True, None, ["P604"])


def test_two_different_next_pages_are_refused(make):
    mapper = make("pagination: {format: link_header}", rows="$")
    with pytest.raises(ProviderError, match="is one of 2"):
        following(mapper, "<?page=2>; rel=next, <?page=3>; rel=next")


def test_a_link_header_that_cannot_be_read_is_an_error(make):
    mapper = make("pagination: {format: link_header}", rows="$")
    with pytest.raises(ProviderError, match="the provider's header Link cannot be read at"):
        following(mapper, "<https://a?page=2; rel=next")


def sendable(params):
    """Whether HTTP can carry the parameters."""
    texts = [text for name, values in params.items() for text in (name, *values)]
    return not any(re.search(r"[\x00-\x1f\x7f-\x9f]", text) for text in texts) and not any(
        n.startswith("[") for n in params
    )


@PROPERTY
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=2), min_size=1, max_size=4
    )
)
def test_for_any_parameters_the_next_request_has_those_of_the_link(linked, params):
    query = urlencode(params, doseq=True, errors="replace")
    link = f"<https://a/b?{query}>; rel=next"
    if sendable(params):
        request = following(linked, link)
    else:
        with pytest.raises(ProviderError):
            following(linked, link)
        return
    assert {name: [value] if isinstance(value, str) else value for name, value in request.params.items()} == parse_qs(
        query, keep_blank_values=True
    )


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """A mapper that follows links."""
    folder = tmp_path_factory.mktemp("links")
    (folder / "schemas/crm").mkdir(parents=True)
    (folder / "schemas/crm/contact.yaml").write_text(SPEC)
    (folder / "acme.yaml").write_text(HEAD + "    pagination: {format: link_header}\n" + TAIL.replace("ROWS", "$"))
    return load(folder / "acme.yaml")


# ── Callers and mappings ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["page", "per_page"])
def test_a_caller_cannot_replace_what_pagination_sends(name, make):
    mapper = make(SCHEMES["page with a size"][0])
    with pytest.raises(QueryError) as caught:
        mapper.plan({"remote_query": {name: "7"}})
    assert caught.value.code == "Q517"
    assert mapper.plan({"remote_query": {"x": "7"}}).params == {"page": "1", "per_page": "10", "x": "7"}


def test_a_mapping_that_computes_what_pagination_sends_fails(make, tmp_path):
    make("pagination: {format: page, parameter: 'page[number]'}")
    path = tmp_path / "acme.yaml"
    path.write_text(path.read_text().replace("{city: $query.city}", "{page: '{\"number\": 7}'}"))
    with pytest.raises(MapperError) as caught:
        load(path).plan({})
    assert caught.value.code == "D406"


MISTAKES = [
    ("pagination: {format: cursor}", "`next_cursor` is missing"),
    ("pagination: {format: page}\nnext_cursor: x", "`next_cursor` is for the format cursor"),
    ("pagination: {format: offset}\nnext_cursor: x", "`next_cursor` is for the format cursor"),
    ("pagination: {format: link_header}\nnext_cursor: x", "`next_cursor` is for the format cursor"),
    ("pagination: {format: link_header, parameter: x}", "`parameter` is never used"),
    ("pagination: {format: offset, first: 1}", "`first` is never used"),
    ("pagination: {format: page, origin: '\"x\"'}", "`origin` is never used"),
    ("pagination: {format: page, size_parameter: x}", "`size_parameter` sends `size`, which is missing"),
    ("pagination: {format: page, parameter: city}", "`city` is what `pagination` sends"),
    ("pagination: {format: page, parameter: a, size: 1, size_parameter: a}", "are the same"),
    ("pagination: {format: pages}", "pages"),
    ("pagination: {format: page, size: 0}", "size"),
    ("pagination: {format: page, size: '5'}", "size"),
    ("pagination: {parameter: page}", "format"),
    ("pagination: {format: page, sise: 5}", "sise"),
]


@pytest.mark.parametrize(("endpoint", "said"), MISTAKES)
def test_a_mistaken_pagination_is_refused(endpoint, said, make):
    with pytest.raises(MappingError) as caught:
        make(endpoint)
    assert [one.code for one in caught.value.diagnostics] == ["M106"]
    assert said in str(caught.value)


def test_pages_of_other_methods_are_refused(make):
    with pytest.raises(MappingError):
        make("method: get\npagination: {format: page}")


def test_without_anything_that_ends_the_pages_pagination_is_refused(tmp_path, make):
    path = tmp_path / "acme.yaml"
    make("pagination: {format: page}")
    path.write_text(path.read_text().replace("    for_each: {contact: items}\n", ""))
    with pytest.raises(MappingError, match="nothing tells the last page"):
        load(path)


# ── Authors ──────────────────────────────────────────────────────────────────────────────────────────────────────

CHECKED = [
    ("pagination: {format: page, parameter: page, size: 5, size_parameter: n}", None),
    ("pagination: {format: page, parameter: page, size: 5, has_more: $cursor < last}", None),
    (
        "pagination: {format: page, parameter: page, size: 5}",
        "nothing asks for 5 rows, and a page with fewer is the last one",
    ),
    ("pagination: {format: page, parameter: page, size: 5}\ntotal: total", None),
    ("pagination: {format: page, size: 5}\nrequest_method: POST\nrequest_body_mapping: {n: 5, page: $cursor}", None),
    (
        "pagination: {format: page, size: 5, size_parameter: n}",
        "`all` never sends `$cursor`, so the provider gives the first page again",
    ),
    ("pagination: {format: cursor, parameter: after}\nnext_cursor: next", None),
    (
        "pagination: {format: cursor}\nnext_cursor: next",
        "`all` never sends `$cursor`, so the provider gives the first page again",
    ),
    ("pagination: {format: page, parameter: page, has_more: true}", "this is the same for every page"),
    ("pagination: {format: link_header, has_more: '\"yes\"'}", "this is the same for every page"),
    ("pagination: {format: link_header, origin: 5}", "`origin` is a string, but this gives an integer"),
    (
        "pagination: {format: page, parameter: page}\ntotal: meta.total_pages",
        "`total_pages` is about pages; `total` is the number of all records",
    ),
]


@pytest.mark.parametrize(("endpoint", "said"), CHECKED)
def test_check_finds_pages_that_cannot_work(endpoint, said, make):
    found = [one.message for one in check(make(endpoint)) if one.severity != "note" and one.code != "C212"]
    assert found == ([] if said is None else [said])


BODY = {"items": [{"id": 1, "age": 30}], "more": True}


def test_explain_says_which_page_follows_and_what_asks_for_it(make):
    mapper = make("pagination: {format: page, parameter: page, size: 1, size_parameter: n, has_more: more}")
    ((found,), _) = explain(mapper, BODY, "/next_cursor", query={"city": "Ulm"})
    assert (found.why, [str(one) for one in found.reads]) == ("the page 2", ["/more = true"])
    ((found,), _) = explain(mapper, BODY | {"more": False}, "/next_cursor", query={"city": "Ulm"})
    assert (found.value, found.why) == (MISSING, "this is the last page")
    asked, _ = explain(mapper, None, "/request/params", query={"city": "Ulm"})
    assert [(one.name, one.value) for one in asked] == [("params.page", "1"), ("params.n", "1"), ("params.city", "Ulm")]
    ((found,), _) = explain(mapper, None, "/request/params/page", query={})
    assert (found.why, found.line[-2:]) == ("`pagination` sends it", "11")


def test_explain_knows_the_parameters_of_a_link(make):
    mapper = make("pagination: {format: link_header}", rows="$")
    page = mapper.map([ROW], query=mapper.plan({"city": "Ulm"}).query, headers={"Link": "<?p=2&city=Ulm>; rel=next"})
    asked, _ = explain(mapper, None, "/request/params", query={"city": "Ulm", "next_cursor": page.next_cursor})
    assert [(one.name, one.value, one.why) for one in asked] == [
        ("params.p", "2", "the provider's link to this page has it"),
        ("params.city", "Ulm", "the provider's link to this page has it"),
    ]


@pytest.mark.parametrize("name", SCHEMES)
def test_a_case_can_have_any_page(name, make, tmp_path):
    mapper, _, send = scheme(make, name, 25)
    path, query = tmp_path / "acme.yaml", {}
    for case in ("first", "second", "third"):
        body, _, headers = send(mapper.plan(query))
        about = {"description": case, "query": query, "headers": dict(headers) or None}
        golden.record(path, case, body, about, salt=None)
        response = json.loads((tmp_path / "acme" / case / "response.json").read_text())
        query = {"next_cursor": response["next_cursor"]}
        assert case == "third" or query["next_cursor"] is not None
    report = golden.run_all([path])
    assert (len(report.passed), report.diagnostics) == (3, [])


def test_a_case_without_a_body_has_a_status(make, tmp_path):
    make("pagination: {format: page, parameter: page}\nempty_when: $status = 204")
    golden.record(tmp_path / "acme.yaml", "none", b"", {"description": "No rows.", "query": {}, "status": 204})
    for file in ("payload.txt", "none"):
        (tmp_path / "acme/none" / file).unlink(missing_ok=True)
        assert len(golden.run_all([tmp_path / "acme.yaml"]).passed) == 1
    assert "P608" in (tmp_path / "acme/none/diagnostics.txt").read_text()


def test_coverage_counts_the_branches_of_has_more(make, tmp_path):
    mapper = make("pagination: {format: page, parameter: page, has_more: 'more ? true : false'}")
    golden.record(tmp_path / "acme.yaml", "one", BODY, {"description": "A page."})
    found = coverage.measure(mapper, [golden.read(tmp_path / "acme/one")])
    assert "else of more ? true : false" in coverage.FORMATS["text"](found)


def test_the_page_of_a_mapping_says_how_it_pages(make):
    text = docs.FORMATS["markdown"](make("pagination: {format: page, parameter: page, size: 5, size_parameter: n}"))
    assert "page, from 1, as page, size 5, sent as n" in text


CHANGES = [
    ("{format: page, parameter: page}", "{format: page, parameter: p}", ["`all`: pagination.parameter page → p"]),
    (
        "{format: page, parameter: page}",
        "{format: page, parameter: page, size: 5}",
        ["`all`: pagination.size None → 5"],
    ),
    (
        "{format: page, parameter: page}",
        "{format: offset, parameter: page}",
        ["`all`: pagination page → offset: cursors that callers hold are refused"],
    ),
]


@pytest.mark.parametrize(("old", "new", "messages"), CHANGES)
def test_diff_tells_how_pages_are_asked_for_now(old, new, messages, make):
    made = [make(f"pagination: {one}") for one in (old, new)]
    assert [one.found.message for one in diff.mappings(*made)] == messages


def test_a_cursor_of_another_format_is_refused(make):
    cursor = looped(make(SCHEMES["page with a size"][0]), Provider(25, 10).by_page, {})[0].next_cursor
    with pytest.raises(QueryError) as caught:
        make(SCHEMES["offset with a size"][0]).plan({"next_cursor": cursor})
    assert caught.value.code == "Q506"
