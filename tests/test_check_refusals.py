"""Refusals against what their messages say, and queries and bodies that reach no endpoint."""

import pytest

from truto_mapper import load
from truto_mapper.authoring import check

SPEC = """\
version: 1
unified_model: desk
resource: event
title: Event
integrations: [acme]
methods:
  list: {http_method: GET, path: /unified/desk/event}
  create: {http_method: POST, path: /unified/desk/event}
parameters:
  search: {type: string}
  updated_after: {type: string, format: date-time}
  email: {type: string}
  from: {type: string, format: date}
  to: {type: string, format: date}
  view: {type: string, enum: [single, daily], default: single, methods: [list]}
  limit: {type: integer, minimum: 1}
  next_cursor: {type: string}
fields:
  id: {type: string, required: true, read_only: true}
  title: {type: string}
  status: {type: string, enum: [draft, open, closed]}
  start_time: {type: string, format: date-time}
  start_date: {type: string, format: date}
  end_time: {type: string, format: date-time}
  lines: {type: array, required: create, items: {type: object, fields: {sku: {type: string, required: true}}}}
  people: {type: array, items: {type: string}}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: desk
resource: event
context:
  board: {type: string}
endpoints:
  search:
    when: WHEN
    path_mapping: '"/search"'
    query_mapping: {q: $query.search, board: $context.board}
    query_error: |
      QUERY
    for_each: {event: events}
    response_mapping: &event {id: $string($event.key), title: $event.title}
  all:
    when: LAST
    path_mapping: '"/events"'
    query_mapping:
      {after: $query.updated_after, mail: $query.email, from: $query.from, to: $query.to, view: $query.view}
    for_each: {event: events}
    response_mapping: *event
  new:
    method: create
    when: FIRST
    request_method: POST
    path_mapping: '"/events"'
    query_error: |
      BODY
    request_body_mapping: {title: $body.title, start: $body.start_time, day: $body.start_date, lines: $body.lines}
    for_each: {event: event}
    response_mapping: *event
"""


@pytest.fixture
def told(tmp_path):
    """Finds what is wrong with the refusals of a mapping: code, message and hint."""
    (tmp_path / "schemas" / "desk").mkdir(parents=True)
    (tmp_path / "schemas" / "desk" / "event.yaml").write_text(SPEC, "utf-8")

    def found(query="", body="", when="$exists($query.search)", last="true", first="true"):
        edits = {"WHEN": when, "LAST": last, "FIRST": first, "QUERY": query or NONE, "BODY": body or NONE}
        text = MAPPING
        for name, new in edits.items():
            text = text.replace(name, new)
        (tmp_path / "acme.yaml").write_text(text, "utf-8")
        codes = ("C238", "C240", "C248")
        return [
            (one.code, one.message, one.hint) for one in check.check(load(tmp_path / "acme.yaml")) if one.code in codes
        ]

    return found


NONE = '$length($context.board) > 99 ? "what a long name"'
TIME, DAY, END = "$exists($body.start_time)", "$exists($body.start_date)", "$exists($body.end_time)"
AFTER, MAIL = "$exists($query.updated_after)", "$exists($query.email)"
LISTED = (
    '($list := ["updated_after", "email"][$ in $keys($query)];'
    ' $count($list) > 0 ? "a search knows no " & $join($list, ", "))'
)
TURNED, NONE_LISTED = LISTED.replace("$ in $keys($query)", "$not($ in $keys($query))"), LISTED.replace("> 0", "= 0")
WITH_DEFAULT = LISTED.replace("[", '["view", ', 1)

NOT_WITH = '"`search` cannot be combined with `updated_after` or `email`."'
ONE_OF, NOT_BOTH = '"Acme needs `start_time` or `start_date`."', '"Give `start_time` or `start_date`, not both."'
RIGHT_QUERIES = [
    f'{AFTER} or {MAIL} ? "`search` cannot be combined with `updated_after` or `email`."',
    f'{AFTER} ? "a search takes no updated_after" : {MAIL} ? "email is not supported by the search"',
    f'$exists($query.search) and {AFTER} ? "`search` cannot be combined with `updated_after`"',
    f'{AFTER} ? "there is no search for " & $query.email & " with a day"',
    f'$not({AFTER}) ? "Acme cannot tell which updated_after is meant"',
    '$exists($query.from) and $not($exists($query.to)) ? "to needs to be given with from"',
    f'$not({AFTER}) ? "Acme searches by `updated_after` only"',
    f'$not({AFTER}) ? "a search has to have `updated_after`"',
    f'{AFTER} and $not({MAIL}) ? "`updated_after` is not possible without `email`"',
    f'$not({AFTER}) and {MAIL} ? "updated_after is missing, which email needs"',
    '$length($query.search) < 3 ? "search needs three letters or more"',
    '$not($exists($context.board)) ? "the account has no board"',
    LISTED,
    '$query.view = "daily" ? "a search cannot be daily"',
]
RIGHT_BODIES = [
    f"$not({TIME} or {DAY}) ? {ONE_OF} : {TIME} and {DAY} ? {NOT_BOTH}",
    f"$not({TIME}) and $not({DAY}) ? \"'start_time' or 'start_date' is required\"",
    f'$not({TIME} and {END}) ? "start_time and end_time are required"',
    f'$not({TIME}) or $not({END}) ? "both `start_time` and `end_time` must be given"',
    f'{END} and $not({TIME}) ? "`end_time` needs `start_time`"',
    f'{END} and $not({TIME}) ? "an end_time cannot be given without a start_time"',
    f'{END} and $not({TIME}) ? "an end_time is given, but no start"',
    f'{TIME} and {DAY} ? "start_time and start_date exclude each other"',
    f'$not(({TIME} and {END}) or {DAY}) ? "Acme needs `start_time` and `end_time`, or `start_date`"',
    f'$not({TIME}) or $not({END} or {DAY}) ? "Acme needs `start_time` and one of `end_time` and `start_date`"',
    f'$not({TIME} or {END} or {DAY}) ? "give one of `start_time`, `end_time` and `start_date`"',
    f'{TIME} and {DAY} ? "give one of start_time and start_date, never both"',
    f'{TIME} = {DAY} ? "give exactly one of start_time and start_date"',
    f'{END} and {DAY} ? "`end_time` is not supported with `start_date`"',
    f'{DAY} and ({TIME} or {END}) ? "`start_date` cannot be combined with `start_time` or `end_time`"',
    f'$not({TIME}) ? "leave out end_time, or give start_time"',
    f'{TIME} or {END} ? "the times cannot be changed, nor can start_time be"',
    '$count($body.people) > 50 ? "Acme takes no more than 50 people"',
    '$exists($body.status) and $body.status != "draft" ? "A new event is draft; leave status out."',
    '$body.status in ["closed"] ? "status must be draft or open"',
    '$exists($body.status) and $not($body.status in ["draft", "open"]) ? "status must be draft or open"',
    '$body.status = "closed" ? "a new event cannot be closed"',
    '$count($keys($body)[$not($ in ["lines", "title"])]) > 0 ? "Acme takes nothing else"',
]


@pytest.mark.parametrize("query", RIGHT_QUERIES)
def test_a_query_is_refused_as_the_message_says(query, told):
    assert told(query) == []


@pytest.mark.parametrize("body", RIGHT_BODIES)
def test_a_body_is_refused_as_the_message_says(body, told):
    assert told(body=body) == []


WRONG_QUERIES = [
    (f"$not({AFTER} or {MAIL}) ? {NOT_WITH}", "query without `updated_after` or `email`", f"write `{AFTER} or {MAIL}`"),
    (f"$query ? {NOT_WITH}", "query with `search` and without", f"write `{AFTER} or {MAIL}`"),
    (f'{AFTER} ? "a search must have `updated_after`"', "query with `updated_after`", f"write `$not({AFTER})`"),
    (f'{AFTER} ? "please give updated_after"', "query with `updated_after`", "$not"),
    (f'{AFTER} ? "updated_after is mandatory"', "query with `updated_after`", "$not"),
    (f'$not({AFTER}) ? "a search takes no updated_after"', "query without `updated_after`", f"write `{AFTER}`"),
    (f'$not({AFTER}) ? "Acme does not search by updated_after"', "query without `updated_after`", f"write `{AFTER}`"),
    (
        f'{AFTER} or {MAIL} ? "updated_after and email cannot be used together"',
        "without",
        f"write `{AFTER} and {MAIL}`",
    ),
    (TURNED, "without `updated_after` or `email` is refused", "write a condition"),
    (NONE_LISTED, "nothing that it could name", "write `$count($list) != 0`"),
]
WRONG_BODIES = [
    (f"{TIME} or {DAY} ? {ONE_OF}", "a body with", f"write `$not({TIME} or {DAY})`"),
    (f"$not({TIME} and {DAY}) ? {ONE_OF}", "a body with", f"write `$not({TIME} or {DAY})`"),
    (f"{TIME} or {DAY} ? {NOT_BOTH}", "a body with", f"write `{TIME} and {DAY}`"),
    (f'{TIME} != {DAY} ? "give exactly one of start_time and start_date"', "a body with", f"write `{TIME} = {DAY}`"),
    (f'{TIME} and {END} ? "start_time and end_time are required"', "a body with `start_time` and `end_time`", "$not"),
    (f'{END} or $not({TIME}) ? "`end_time` needs `start_time`"', "a body", f"write `{END} and $not({TIME})`"),
    (f'{END} and {TIME} ? "an end_time cannot be given without a start_time"', "a body", f"{END} and $not({TIME})"),
    (f'{END} or {DAY} ? "`end_time` is not supported with `start_date`"', "a body with", f"write `{END} and {DAY}`"),
    (
        f'{DAY} or ({TIME} and {END}) ? "start_date cannot be combined with start_time or end_time"',
        "a body with",
        "write",
    ),
    ('$body.start_time != null ? "start_time is missing"', "a body with `start_time`", "write"),
    ('$count($body.lines) > 0 ? "An event needs `lines`."', "a body with `lines`", "write `$count($body.lines) = 0`"),
    ('$exists($body.status) or $body.status != "draft" ? "A new event is draft."', '`status` = "draft", too', " and "),
    ('$exists($body.status) and $body.status = "draft" ? "A new event is draft."', '`status` = "draft", too', " != "),
    ('$body.status in ["draft", "open"] ? "status must be draft or open"', '`status` = "draft", too', "$not("),
    (
        '$not($exists($body.status)) and $body.status != "draft" ? "A new event is draft."',
        "never true",
        "write `$exists(",
    ),
]


@pytest.mark.parametrize(("query", "message", "hint"), WRONG_QUERIES)
def test_a_query_is_refused_that_the_message_is_not_about(query, message, hint, told):
    found = [one for one in told(query) if one[0] == "C248"]
    assert len(found) == 1
    assert message in found[0][1]
    assert hint in found[0][2]


@pytest.mark.parametrize(("body", "message", "hint"), WRONG_BODIES)
def test_a_body_is_refused_that_the_message_is_not_about(body, message, hint, told):
    found = [one for one in told(body=body) if one[0] == "C248"]
    assert len(found) == 1
    assert message in found[0][1]
    assert hint in found[0][2]


def test_the_finding_quotes_the_message_and_says_what_to_write(told):
    assert told(body='$count($body.lines) > 0 ? "An event needs `lines`."') == [
        (
            "C248",
            'a body with `lines` is refused by this, and it is told "An event needs `lines`."',
            "write `$count($body.lines) = 0`",
        )
    ]


ALWAYS = [
    ({"query": WITH_DEFAULT}, "`view` is always there", "leave `view` out of the list"),
    (
        {"body": '$count($keys($body)[$not($ in ["title"])]) > 0 ? "give the title alone"'},
        "`lines` is always there",
        "add `lines` to the list",
    ),
]


@pytest.mark.parametrize(("given", "message", "hint"), ALWAYS)
def test_a_list_of_names_has_one_that_is_always_there(given, message, hint, told):
    assert told(**given) == [("C240", f"{message}, so this refuses all", hint)]


LOST = [
    ({"last": "$query.from <= $query.to"}, "no `search` with no `from` with no `to`"),
    ({"last": "$query.from <= $query.to", "when": '$query.search > "a"'}, "no `search` with no `from` with no `to`"),
    ({"last": "$context.board > $query.search"}, "no `search` with no `board`"),
    ({"first": "$exists($body.title)"}, "no `title`"),
    ({"first": '$body.title > "a"'}, "no `title`"),
    ({"first": '$body.status in ["draft", "open"]'}, '`status` = "closed" or no `status`'),
]


@pytest.mark.parametrize(("given", "words"), LOST)
def test_a_query_or_a_body_reaches_no_endpoint(given, words, told):
    found = [message for code, message, _ in told(**given) if code == "C238"]
    assert found == [f"{words} reaches no endpoint"]


REACHED = [
    {"last": "$query.from <= $query.to or $not($exists($query.from) and $exists($query.to))"},
    {"last": '$query.view in ["single", "daily"]'},
    {"first": "$exists($body.lines)"},
    {"first": "$count($body.lines) > 0"},
    {"first": "$exists($body.title) or $not($exists($body.title))"},
]


@pytest.mark.parametrize("given", REACHED, ids=str)
def test_every_query_and_every_body_may_reach_an_endpoint(given, told):
    assert [one for one in told(**given) if one[0] == "C238"] == []
