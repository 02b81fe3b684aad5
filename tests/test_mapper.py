"""What the engine guarantees for every mapping, on a small resource of its own."""

import copy
import json
import pickle

import pytest

from truto_mapper import (
    EvaluationError,
    MapperError,
    MappingError,
    Page,
    ProviderError,
    QueryError,
    Request,
    Response,
    load,
)

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters:
  city: {type: string, required_in: [acme]}
  limit: {type: integer, minimum: 1}
  next_cursor: {type: string}
  remote_query: {type: object}
  truto_ignore_limit: {type: boolean, default: false}
  truto_ignore_remote_data: {type: boolean, default: false}
  truto_skip_api_call: {type: boolean, default: false}
  truto_response_format: {type: string, enum: [unified, raw, normalized, stream, debug], default: unified}
  truto_exclude_fields: {type: array, items: {type: string}}
  truto_key_by: {type: string}
fields:
  id: {type: string, required: true}
  tags: {type: array, items: {type: string}}
  age: {type: integer}
  born: {type: string, format: date-time}
  home: {type: object, fields: {street: {type: string, required: true}, floor: {type: integer}}}
  phones: {type: array, items: {type: object, fields: {number: {type: string}, kind: {type: string}}}}
  remote_data: {type: object}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
context: {tenant: {type: string, default: main}}
error_mapping: {message: error.text, retry_after: $number($headers.`retry-after`), request_id: error.id}
endpoints:
  all:
    path_mapping: '"/" & $context.tenant & "/contacts"'
    query_mapping: {city: $query.city, page: $cursor}
    request_header_mapping: {X-Tenant: $context.tenant}
    request_method: GET
    for_each: {contact: data.items}
    next_cursor: data.next
    empty_when: $status = 404 and error.text = "none"
    response_mapping:
"""

FIELDS = """\
      id: $string(key)
      tags: labels
      age: age
      born: born
      home: {street: home.street, floor: home.floor}
      phones: 'phones.{"number": n, "kind": k}'
"""


@pytest.fixture
def make(tmp_path):
    """A mapper made from a response mapping, or from lines to replace in the whole file."""

    def make(fields=FIELDS, functions=None, spec=SPEC, top="", **replaced):
        text = HEAD.replace("endpoints:", f"{top}endpoints:") + fields
        for key, value in replaced.items():
            line = next(line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
            indent = line[: len(line) - len(line.lstrip())]
            text = text.replace(line, f"{indent}{key}: {value}")
        (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas/crm/contact.yaml").write_text(spec)
        path = tmp_path / "mappings" / "acme.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return load(path, functions=functions)

    return make


def reply(*items, cursor=None):
    return {"data": {"items": list(items), "next": cursor}}


def mapped(mapper, *items, **options):
    page = mapper.map(reply(*items), query={"city": "Bonn", "truto_ignore_remote_data": True}, **options)
    return list(page.records)


# ------------------------------------------------------------------------------------------------ whole days

DATED = SPEC.replace(
    "parameters:\n",
    "parameters:\n  start_time: {type: string, format: date-time}\n  end_time: {type: string, format: date-time}\n"
    "  born_after: {type: string, format: date-time}\n",
)
PERIOD = DATED.replace("fields:\n", "periods: [{start: start_time, end: end_time}]\nfields:\n", 1)
SETTING = "context: {tenant: {type: string, default: main}, zone: {type: string, default: Europe/Berlin}}"
NOON = {"city": "Bonn", "start_time": "2026-01-20T12:00:00Z", "end_time": "2026-01-25T12:00:00Z"}


def dated(make, parameters="{end_time: ceil}", zone="$context.zone", spec=DATED, **more):
    """A mapping of the CRM that asks for whole days."""
    days = f"whole_days: {{time_zone: {zone}, parameters: {parameters}}}\n"
    return make(spec=spec, top=days, context=SETTING.removeprefix("context: "), **more)


def notes(mapper, query=NOON, now=None):
    return [(found.code, found.pointer, found.message) for found in mapper.plan(query, now=now).diagnostics]


def test_a_provider_that_takes_no_days_has_no_note_of_them(make):
    assert notes(make(spec=DATED)) == []
    asked = "{from: '$floorDate($query.start_time, \"UTC\")'}"
    assert notes(make(spec=DATED, query_mapping=asked)) == []


def test_only_the_parameters_that_are_whole_days_are_noted(make):
    assert notes(dated(make)) == [
        ("Q510", "/end_time", "end_time 2026-01-25T12:00:00Z was widened to a whole day: 2026-01-26 in Europe/Berlin")
    ]
    assert notes(dated(make, "{born_after: floor}")) == []
    (note,) = notes(dated(make, "{born_after: floor}"), NOON | {"born_after": "2000-05-05T22:30:00Z"})
    assert note[1:] == (
        "/born_after",
        "born_after 2000-05-05T22:30:00Z was widened to a whole day: 2000-05-06 in Europe/Berlin",
    )


def test_only_a_parameter_that_ends_today_is_cut_to_it(make):
    now = "2026-01-23T08:00:00Z"
    assert [text for *_, text in notes(dated(make, "{end_time: ceil_until_today}"), now=now)] == [
        "end_time 2026-01-25T12:00:00Z was cut to the beginning of today: 2026-01-23 in Europe/Berlin"
    ]
    (note,) = notes(dated(make, "{end_time: ceil_until_today}"))
    assert note[2].endswith("2026-01-26 in Europe/Berlin; it was not cut to today, because `now` is not given")
    assert "widened to a whole day: 2026-01-26" in notes(dated(make), now=now)[0][2]


def test_the_first_moment_of_a_day_is_a_whole_day_already(make):
    query = {"city": "Bonn", "start_time": "2026-01-20T00:00:00+01:00", "end_time": "2026-01-24T23:00:00Z"}
    assert notes(dated(make, "{start_time: floor, end_time: ceil}"), query) == []


def test_start_may_be_after_end_unless_the_spec_says_that_they_form_a_period(make):
    backwards = NOON | {"start_time": NOON["end_time"], "end_time": NOON["start_time"]}
    assert make(spec=DATED).plan(backwards)
    assert dated(make).plan(backwards)
    with pytest.raises(QueryError) as caught:
        make(spec=PERIOD).plan(backwards)
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer) == ("Q505", "/start_time")


def test_a_moment_whose_day_does_not_exist_everywhere_is_refused_where_days_count(make):
    early = NOON | {"end_time": "0001-01-01T00:00:00Z"}
    assert make(spec=DATED).plan(early)
    for mapper in (dated(make), make(spec=PERIOD)):
        with pytest.raises(QueryError) as caught:
            mapper.plan(early)
        assert ("Q504", "/end_time") in [(found.code, found.pointer) for found in caught.value.diagnostics]


def test_the_zone_of_the_reply_is_compared_with_that_of_the_whole_days(make):
    def told(zone, **more):
        page = dated(make, zone=zone, next_cursor="data.next\n    time_zone: zone").map(
            reply() | {"zone": "Asia/Tokyo"}, query=NOON, **more
        )
        return [(found.message, found.hint) for found in page.diagnostics if found.code == "P605"]

    (found,) = told("$context.zone")
    assert found == (
        'the reply\'s time zone is "Asia/Tokyo", the days were planned in Europe/Berlin',
        "set the context's zone to Asia/Tokyo",
    )
    assert told("$context.zone", context={"zone": "Japan"}) == []
    assert told("'\"Asia/Tokyo\"'") == []
    assert told("'\"UTC\"'") == [('the reply\'s time zone is "Asia/Tokyo", the days were planned in UTC', None)]


def test_whole_days_in_no_zone_are_the_mappings_fault(make):
    with pytest.raises(EvaluationError, match="IANA") as caught:
        dated(make).plan(NOON, context={"zone": "Berlin"})
    assert (caught.value.code, caught.value.status) == ("D406", 500)


# ------------------------------------------------------------------------------------------------ the request


def test_a_query_string_a_dict_and_a_parsed_query_plan_the_same(make):
    mapper = make()
    request = mapper.plan("city=Bonn&limit=5")
    assert request == Request("GET", "/main/contacts", {"city": "Bonn"}, {"X-Tenant": "main"}, None, request.query)
    for query in ({"city": "Bonn", "limit": "5"}, request.query):
        assert mapper.plan(query).params == request.params
    assert dict(request.query)["limit"] == 5


def test_the_providers_own_cursor_is_carried_verbatim_and_an_empty_one_is_page_one(make):
    sealed = make().map(reply(cursor="abc="), query={"city": "Bonn"}).next_cursor
    assert make().plan({"city": "Bonn", "next_cursor": sealed}).params["page"] == "abc="
    assert "page" not in make().plan({"city": "Bonn", "next_cursor": ""}).params


def test_a_cursor_whose_expression_fails_is_the_mappings_fault_with_its_place(make):
    mapper = make(next_cursor="$number(data.next)")
    with pytest.raises(EvaluationError) as caught:
        mapper.map(reply({"key": 1}, cursor="soon"), query={"city": "Bonn"})
    (found,) = caught.value.diagnostics
    assert found.code == "D3030"
    assert found.source.text[found.span.start :].startswith("$number")


def test_an_invalid_path_is_the_mappings_fault(make):
    with pytest.raises(EvaluationError, match="begins with a slash") as caught:
        make(path_mapping="$query.city").plan({"city": "Bonn"})
    assert (caught.value.code, caught.value.status) == ("D406", 500)


def test_a_query_no_endpoint_serves_is_the_callers_fault(make):
    mapper = make(path_mapping='\'"/x"\'\n    when: $query.city = "Rome"')
    assert mapper.plan({"city": "Rome"}).path == "/x"
    with pytest.raises(QueryError, match="no endpoint"):
        mapper.plan({"city": "Bonn"})


def test_a_mapping_can_refuse_a_query_in_its_own_words(make):
    mapper = make(request_method='GET\n    query_error: \'$query.city = "Bonn" ? "not " & $query.city\'')
    assert mapper.plan({"city": "Rome"})
    with pytest.raises(QueryError, match="not Bonn"):
        mapper.plan({"city": "Bonn"})


def test_a_planned_query_brings_the_time_and_the_settings_that_it_was_planned_with(make):
    mapper = make("      id: $context.tenant\n      born: $now\n")
    query = mapper.plan({"city": "Bonn"}, context={"tenant": "acme"}, now="2026-01-05T00:00:00Z").query

    def made(**more):
        (record,) = mapper.map(reply({"key": 1}), query=query, **more).records
        return record["id"], record.get("born")

    assert made() == ("acme", "2026-01-05T00:00:00Z")
    assert made(now="2027-01-05T00:00:00Z") == ("acme", "2027-01-05T00:00:00Z")
    assert made(context={"tenant": "other"}) == ("other", "2026-01-05T00:00:00Z")


def test_headers_are_text_and_single(make):
    mapper = make(request_header_mapping="{X-Count: 5, X-On: true, X-City: $query.city}")
    assert mapper.plan({"city": "Bonn"}).headers == {"X-Count": "5", "X-On": "true", "X-City": "Bonn"}
    with pytest.raises(EvaluationError, match="the header X-All must be a single value"):
        make(request_header_mapping="{X-All: $query}").plan({"city": "Bonn"})


def test_a_time_outside_the_calendar_is_the_callers_fault():
    query = {"start_time": "0001-01-01T00:00:00+14:00", "end_time": "2026-01-01T00:00:00Z"}
    with pytest.raises(QueryError, match="outside the years 2 to 9998"):
        load("gong/activity").plan(query)
    with pytest.raises(QueryError, match="now must be"):
        load("gong/activity").plan(query | {"start_time": "2025-01-01T00:00:00Z"}, now="9999-12-31T23:59:59-14:00")


def test_an_integer_too_long_to_write_is_an_error_and_no_crash(make):
    page = make().map(reply({"key": 1, "age": 10**5000}), query={"city": "Bonn"})
    with pytest.raises(MapperError, match="more digits than can be written"):
        page.render("stream")
    with pytest.raises(MapperError):
        make().map({"error": {"text": 10**5000}}, query={"city": "Bonn"}, status=400)


def test_a_required_field_that_no_expression_gives_says_so(make):
    with pytest.raises(EvaluationError, match="`id`: it is required, and no expression gives it") as caught:
        mapped(make("      age: age\n"), {"key": 1})
    assert [d.code for d in caught.value.diagnostics] == ["D402"]


@pytest.mark.parametrize("context", [[], "", 0, False, ["tenant"]], ids=repr)
def test_a_context_that_is_not_an_object_is_refused(make, context):
    with pytest.raises(QueryError, match="the context must be an object"):
        make().plan({"city": "Bonn"}, context=context)


def test_a_setting_that_equals_a_valid_one_is_checked_all_the_same():
    gong = load("gong/activity")
    period = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
    for _ in range(2):
        assert gong.plan(period, context={"detailed": True})
        with pytest.raises(QueryError) as caught:
            gong.plan(period, context={"detailed": 1})
        assert (caught.value.code, caught.value.diagnostics[0].pointer) == ("Q509", "/detailed")


def test_an_exchange_maps_with_the_settings_and_the_time_it_planned_with(make):
    exchange = make("      id: $context.tenant\n      born: $now\n").exchange(
        {"city": "Bonn"}, context={"tenant": "acme"}, now="2026-01-05T00:00:00Z"
    )
    next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(Response(reply({"key": 1})))
    (record,) = ended.value.value.records
    assert (record["id"], record["born"]) == ("acme", "2026-01-05T00:00:00Z")


def test_exchange_yields_the_request_takes_the_response_and_returns_the_page(make):
    exchange = make().exchange({"city": "Bonn"})
    assert next(exchange).path == "/main/contacts"
    with pytest.raises(StopIteration) as done:
        exchange.send(Response(reply({"key": 1}, cursor="c2")))
    page = done.value.value
    assert [r["id"] for r in page.records] == ["1"]
    assert make().plan({"city": "Bonn", "next_cursor": page.next_cursor}).params["page"] == "c2"


def test_a_skipped_call_asks_nothing_and_has_no_debug(make):
    with pytest.raises(StopIteration) as done:
        next(make().exchange("city=Bonn&truto_skip_api_call=true&truto_response_format=debug"))
    assert done.value.value.render() == {"result": [], "next_cursor": None, "debug": None}


def test_a_static_response_is_mapped_instead_of_a_skipped_call(make):
    mapper = make(request_method='GET\n    static_response: \'{"data": {"items": [{"key": 7}]}}\'')
    with pytest.raises(StopIteration) as done:
        next(mapper.exchange({"city": "Bonn", "truto_skip_api_call": True}))
    page = done.value.value
    assert [record["id"] for record in page.records] == ["7"]
    assert page.render("debug")["debug"] is None


def test_a_stream_follows_the_pages_to_the_end_or_to_the_limit(make):
    pages = {None: reply({"key": 1}, {"key": 2}, cursor="b"), "b": reply({"key": 3}, {"key": 4})}

    def ids(query):
        found, answer = [], None
        stream = make().stream(query)
        while True:
            try:
                step = stream.send(answer)
            except StopIteration:
                return found
            is_page = isinstance(step, Page)
            answer = None if is_page else Response(pages[step.params.get("page")])
            found += [json.loads(line)["id"] for line in step.render("stream").splitlines()] if is_page else []

    assert ids({"city": "Bonn"}) == ["1", "2", "3", "4"]
    assert ids({"city": "Bonn", "limit": 3}) == ["1", "2", "3"]
    assert ids({"city": "Bonn", "limit": 3, "truto_ignore_limit": True}) == ["1", "2", "3", "4"]


# -------------------------------------------------------------------------------------------------- the reply


NO_JSON = {"html": b"<html>", "NaN": b'{"a": NaN}', "no UTF-8": b"\xff", "nothing": b"", "deep": b"[" * 100_000}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_bytes_that_are_not_json_are_the_providers_fault(make, body):
    with pytest.raises(ProviderError) as caught:
        make().map(body, query={"city": "Bonn"})
    assert (caught.value.code, caught.value.status) == ("P602", 502)


def test_bytes_of_json_are_read(make):
    body = json.dumps(reply({"key": "a"})).encode()
    assert make().map(body, query={"city": "Bonn"}).records[0]["id"] == "a"


def test_a_refusal_carries_what_the_provider_said(make):
    body = {"error": {"text": ["slow", "down"], "id": "r1"}}
    with pytest.raises(ProviderError, match="acme answered 429: slow; down") as caught:
        make().map(body, query={"city": "Bonn"}, status=429, headers={"Retry-After": "30"})
    assert (caught.value.status, caught.value.retry_after, caught.value.request_id) == (429, 30, "r1")


@pytest.mark.parametrize("body", [None, "oops", [], {"error": 5}, {"error": {"text": {"a": 1}}}], ids=str)
def test_a_refusal_with_a_strange_body_is_still_a_refusal(make, body):
    with pytest.raises(ProviderError, match="acme answered 503") as caught:
        make().map(body, query={"city": "Bonn"}, status=503, headers={"retry-after": "soon"})
    assert (caught.value.status, caught.value.retry_after) == (503, None)


def test_an_empty_reply_by_the_mappings_word_is_an_empty_page(make):
    page = make().map({"error": {"text": "none"}}, query={"city": "Bonn"}, status=404)
    assert page.render() == {"result": [], "next_cursor": None}


def test_a_looping_cursor_ends_the_pages_and_is_told(make):
    sealed = make().map(reply(cursor="c"), query={"city": "Bonn"}).next_cursor
    page = make().map(reply({"key": 1}, cursor="c"), query={"city": "Bonn", "next_cursor": sealed})
    assert (page.next_cursor, page.is_looping) == (None, True)
    assert [d.code for d in page.diagnostics if d.severity == "warning"] == ["P604"]


@pytest.mark.parametrize("cursor", [["a"], {"a": 1}])
def test_a_cursor_that_is_no_text_or_number_is_the_providers_fault(make, cursor):
    with pytest.raises(ProviderError, match="cursor must be text"):
        make().map(reply(cursor=cursor), query={"city": "Bonn"})


# ------------------------------------------------------------------------------------------------- the record


@pytest.mark.parametrize(
    ("labels", "tags"),
    [({"labels": ["a"]}, ["a"]), ({"labels": "a"}, ["a"]), ({"labels": []}, []), ({"labels": ["a", None]}, ["a"])],
    ids=str,
)
def test_a_field_declared_array_is_always_a_list(make, labels, tags):
    assert mapped(make(), {"key": 1} | labels)[0]["tags"] == tags


@pytest.mark.parametrize("labels", [{}, {"labels": None}], ids=str)
def test_an_array_without_a_source_is_absent(make, labels):
    assert "tags" not in mapped(make(), {"key": 1} | labels)[0]


@pytest.mark.parametrize(
    ("more", "tags"), [({}, None), ({"labels": None}, None), ({"labels": []}, []), ({"labels": ["a"]}, ["a"])], ids=str
)
def test_an_array_is_there_as_its_source_is_by_way_of_a_let_too(make, more, tags):
    mapper = make(tags="$named", next_cursor="data.next\n    let: {named: inner.labels}")
    assert mapped(mapper, {"key": 1, "inner": more})[0].get("tags") == tags


@pytest.mark.parametrize(
    "tags",
    ["'labels[$ = \"x\"]'", "'$filter(labels, function($l) {$l = \"x\"})'", "'labels[$ = \"x\"].$uppercase()'"],
)
def test_an_empty_array_is_a_list_if_its_source_was_present(make, tags):
    assert mapped(make(tags=tags), {"key": 1, "labels": ["a"]}) == [{"id": "1", "tags": []}]
    assert mapped(make(tags=tags), {"key": 1}) == [{"id": "1"}]


def test_null_counts_as_absent_and_an_object_without_values_is_absent(make):
    assert mapped(make(), {"key": 1, "age": None, "home": {"street": None}, "phones": [{"n": None}]}) == [
        {"id": "1", "phones": []}
    ]


def test_zero_false_and_empty_text_are_values(make):
    contact = {"key": 1, "age": 0, "home": {"street": ""}}
    assert mapped(make(), contact) == [{"id": "1", "age": 0, "home": {"street": ""}}]


def test_integers_keep_every_digit_and_the_input_is_not_changed(make):
    contact = {"key": 58908407122430761234, "age": 5890840712243076123}
    body = reply(contact)
    before = copy.deepcopy(body)
    record = make().map(body, query={"city": "Bonn"}).records[0]
    assert (record["id"], record["age"]) == ("58908407122430761234", 5890840712243076123)
    assert record["remote_data"] is contact
    assert body == before


def test_a_whole_response_mapping_may_be_one_expression(make):
    mapper = make('      |\n        {"id": $string(key), "tags": labels, "home": {"street": s}}\n')
    record = mapped(mapper, {"key": 1, "labels": "a", "s": "x"})[0]
    assert record == {"id": "1", "tags": ["a"], "home": {"street": "x"}}


def test_undeclared_values_of_an_expression_are_left_out_and_reported(make):
    mapper = make("      id: $string(key)\n      home: home\n")
    page = mapper.map(reply({"key": 1, "home": {"street": "s", "zip": 5}}), query={"city": "Bonn"})
    assert page.records[0]["home"] == {"street": "s"}
    assert [(d.code, d.severity) for d in page.diagnostics] == [("D403", "warning")]
    assert "`home.zip` is not declared by crm/contact" in page.diagnostics[0].message


def test_a_yaml_list_gives_an_array_item_by_item(make):
    mapper = make(phones="[{number: mobile}, {number: desk, kind: '\"desk\"'}]")
    assert mapped(mapper, {"key": 1, "desk": "7"})[0]["phones"] == [{"number": "7", "kind": "desk"}]


def test_null_rows_are_ignored_and_other_rows_that_are_not_objects_are_reported(make):
    assert mapped(make(), None, {"key": 1}) == [{"id": "1"}]
    with pytest.raises(EvaluationError, match="a row must be an object") as caught:
        mapped(make(), "x", {"key": 1}, 5)
    assert [(d.code, d.pointer) for d in caught.value.diagnostics] == [
        ("D404", "/data/items/0"),
        ("D404", "/data/items/2"),
    ]


def test_callers_bring_functions_of_their_own(make):
    mapper = make("      id: $slug(key)\n", functions={"slug": lambda text: text.lower()})
    assert mapped(mapper, {"key": "A"}) == [{"id": "a"}]
    with pytest.raises(MappingError, match=r"there is no function \$slug"):
        make("      id: $slug(key)\n")


# ------------------------------------------------------------------------------------------------ invalid data

BAD = (
    {"key": 1, "age": "old", "born": "2026-01-01"},
    {"key": 2, "home": {"floor": 3}},
    {"key": 3, "age": 5},
)


def test_every_invalid_value_of_the_page_is_in_one_error_with_both_addresses(make):
    with pytest.raises(EvaluationError) as caught:
        mapped(make(), *BAD)
    found = [(d.code, d.pointer, d.source.position(d.span.start)[0]) for d in caught.value.diagnostics]
    assert found == [
        ("D401", "/data/items/0/age", 20),
        ("D401", "/data/items/0/born", 21),
        ("D402", "/data/items/1/home", 22),
    ]


def test_discard_value_leaves_out_optional_values_and_rejects_records_without_required_ones(make):
    page = make().map(reply(*BAD), query={"city": "Bonn"}, on_invalid="discard_value")
    assert [r["id"] for r in page.records] == ["1", "3"]
    assert page.records[0].keys() == {"id", "remote_data"}
    assert page.rejected == (BAD[1],)
    warnings = [d.message for d in page.diagnostics if d.severity == "warning"]
    assert ["it was left out" in message for message in warnings] == [True, True, False]


def test_discard_record_drops_each_record_with_a_problem(make):
    page = make().map(reply(*BAD), query={"city": "Bonn"}, on_invalid="discard_record")
    assert [r["id"] for r in page.records] == ["3"]
    assert page.rejected == BAD[:2]
    assert page.rejected_at == ("/data/items/0", "/data/items/1")
    assert [d.severity for d in page.diagnostics] == ["warning"] * 3 + ["note"]


def test_a_failing_expression_is_an_invalid_value_with_jsonatas_code(make):
    mapper = make(age="age + 1")
    with pytest.raises(EvaluationError) as caught:
        mapped(mapper, {"key": 1, "age": "x"})
    assert [(d.code, d.pointer) for d in caught.value.diagnostics] == [("T2001", "/data/items/0/age")]
    assert mapped(mapper, {"key": 1, "age": "x"}, on_invalid="discard_value") == [{"id": "1"}]


def test_consequences_of_a_failure_are_not_reported(make):
    with pytest.raises(EvaluationError) as caught:
        mapped(make(id="key + 1"), {"key": "x"})
    assert [d.code for d in caught.value.diagnostics] == ["T2001"]


def test_a_removed_value_takes_an_object_it_leaves_empty_with_it(make):
    mapper = make("      id: $string(key)\n      phones: 'phones.{\"number\": n}'\n")
    page = mapper.map(reply({"key": 1, "phones": [{"n": 5}]}), query={"city": "Bonn"}, on_invalid="discard_value")
    assert page.records[0]["phones"] == []


# -------------------------------------------------------------------------------------------------- the mapper


def deep(levels=100_000):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def cyclic():
    value = {"key": 1}
    value["self"] = value
    return value


HOSTILE = {"deep": deep(), "cyclic": cyclic(), "a row": {"data": {"items": [deep()]}}}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_data_without_end_is_an_error_and_no_crash(make, hostile):
    mapper = make(age="$length($string($))")
    with pytest.raises(MapperError, match=r"deep|contains itself"):
        mapper.map(reply(hostile), query={"city": "Bonn"})
    with pytest.raises(MapperError, match=r"deep|contains itself"):
        mapper.plan({"city": "Bonn", "remote_query": hostile})


def test_a_pickled_mapper_maps_the_same(make):
    mapper = make()
    again = pickle.loads(pickle.dumps(mapper))
    assert mapped(again, {"key": 1}) == mapped(mapper, {"key": 1})
    assert repr(again) == repr(mapper)


def test_errors_and_pages_survive_pickling(make):
    with pytest.raises(ProviderError) as caught:
        make().map({}, query={"city": "Bonn"}, status=429, headers={"retry-after": "3"})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.status, again.retry_after) == (str(caught.value), 429, 3)
    page = make().map(reply({"key": 1}), query={"city": "Bonn"})
    assert pickle.loads(pickle.dumps(page)).render() == page.render()


def test_an_unknown_mapping_or_resource_names_the_nearest(make, tmp_path):
    with pytest.raises(MappingError, match="did you mean `gong/activity`"):
        load("gong/activty")
    make()
    path = tmp_path / "mappings" / "acme.yaml"
    path.write_text(path.read_text().replace("resource: contact", "resource: contract"))
    with pytest.raises(MappingError, match='there is no schema "crm/contract"'):
        load(path)


@pytest.mark.parametrize("value", ["x" * 10_001, ["x"] * 10_001, {"a": ["x"] * 10_001}, ["x" * 10_001]])
def test_a_context_that_is_too_large_to_be_checked_is_refused(make, value):
    with pytest.raises(QueryError, match="the context has a text of more than 10,000 characters, or 10,000 values"):
        make().plan({"city": "x"}, context={"tenant": value})


def test_a_setting_with_a_pattern_that_would_backtrack_is_checked_at_once(make):
    mapper = make(context="{tenant: {type: string, pattern: '^(a+)+$'}}")
    with pytest.raises(QueryError, match="tenant: expected text matching"):
        mapper.plan({"city": "x"}, context={"tenant": "a" * 9_000 + "!"})


@pytest.mark.parametrize("functions", [{"slug": 5}, {"a b": len}, {5: len}, {"": len}, [len]])
def test_functions_are_functions_by_name(functions):
    with pytest.raises(QueryError, match="functions") as caught:
        load("gong/activity", functions=functions)
    assert caught.value.code == "Q515"
