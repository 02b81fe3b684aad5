"""Where rows and replies are looked for, and marks of one item on all of them."""

import json
from pathlib import Path

import pytest

from truto_mapper import load
from truto_mapper.authoring import check
from truto_mapper.text import yaml_tree

CALL = {"type": "object", "properties": {"id": {"type": "string"}}}
USER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "email": {"type": "string"},
        "others": {"type": "array", "items": {"type": "string"}},
        "calls": {"type": "array", "items": CALL},
    },
}
SCHEMA = {"type": "object", "properties": {"users": {"type": "array", "items": USER}, "me": USER}}
MAPPING = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
endpoints:
  all:
    recognise: $exists(users)
    source_schema: users
    path_mapping: '"/users"'
    for_each:
      user: users
      call: $user.calls
    response_mapping:
      id: $call.id
      user:
        id: $user.id
        emails: EMAILS
"""
SECOND = """\
  second:
    when: $query.aggregation_period = "day"
    recognise: $exists(more)
    path_mapping: '"/more"'
    for_each: {user: more}
    response_mapping: {id: $user.id}
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Finds what is wrong with a mapping, but for notes: code and message."""
    monkeypatch.chdir(tmp_path)
    Path("schemas").mkdir()
    Path("schemas/users.schema.json").write_text(json.dumps(SCHEMA), "utf-8")

    def found(text, emails="'$user.email.{\"email\": $}'"):
        Path("acme.yaml").write_text(text.replace("EMAILS", emails), "utf-8")
        every = check.check(load(Path("acme.yaml")))
        return [(one.code, one.message) for one in every if one.severity != "note" and one.code[2] == "3"]

    return found


LOOPS = [
    ("call: $user.calls", "call: $user.calls", []),
    ("call: $user.calls", "call: calls", []),
    ("call: $user.calls", "call: $user.calls[id]", []),
    ("call: $user.calls", "call: $user", ["`$user` is an object, not a list of rows"]),
    ("call: $user.calls", "call: $user.email", ["`$user.email` is a string, not a list of rows"]),
    (
        "call: $user.calls",
        "call: $response.users.calls",
        ["this does not depend on $user: each $user gets all of these rows"],
    ),
    ("user: users", "user: me", []),
    ("user: users", "user: users[0]", ["only one row is mapped: `users[0]` selects it by its number"]),
    (
        "call: $user.calls",
        "call: $user.calls[-1]",
        ["`$user.calls[-1]` is an object, not a list of rows"],
    ),
]


@pytest.mark.parametrize(("old", "new", "messages"), LOOPS)
def test_a_loop_runs_over_a_list_of_the_row_around_it(old, new, messages, told):
    found = told(MAPPING.replace(old, new))
    assert [message for code, message in found if code == "C234"] == messages


def test_an_array_needs_a_loop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}
    Path("schemas/acme").mkdir(parents=True)
    Path("schemas/acme/users.schema.json").write_text(json.dumps(rows), "utf-8")

    def told(loop):
        endpoint = {"path_mapping": '"/users"', "source_schema": "acme/users", **loop}
        endpoint["response_mapping"] = {"id": "id", "user": {"id": "id"}}
        head = {"version": 1, "integration": "acme", "unified_model": "conversational-intelligence"}
        whole = head | {"resource": "activity", "endpoints": {"all": endpoint}}
        Path("acme.yaml").write_text(yaml_tree.written(whole), "utf-8")
        return [(one.severity, one.message) for one in check.check(load(Path("acme.yaml"))) if one.code == "C234"]

    assert told({"for_each": {"row": "$"}}) == []
    assert told({}) == [("error", "replies of `all` are arrays, and it has no `for_each`")]


@pytest.mark.parametrize(("recognise", "is_told"), [("more", False), ("users", True)])
def test_each_endpoint_recognises_its_own_replies(recognise, is_told, told):
    found = told(MAPPING + SECOND.replace("$exists(more)", f"$exists({recognise})"))
    message = "`all` recognises its replies in the same way, and the rows here are those of `more`"
    assert found == [("C234", message)] * is_told


UNRECOGNISED = {
    "users": None,
    "$response.users": None,
    "me.calls": None,
    "users[id]": "a page without rows is not taken for one of this endpoint",
    "users^(id)": "a page without rows is not taken for one of this endpoint",
    "$filter(users, function($u) { $u.id })": "a page without rows is not taken for one of this endpoint",
    "users.calls": "a page without rows is not taken for one of this endpoint",
    "users ?? []": "every reply is taken for one of this endpoint",
}


@pytest.mark.parametrize("rows", UNRECOGNISED)
def test_without_recognise_the_rows_must_tell_the_reply(rows, told):
    text = MAPPING.replace("user: users", f"user: '{rows}'").replace("      call: $user.calls\n", "")
    text = text.replace("$call.id", "$user.id")
    assert [message for _, message in told(text, "[]") if "recognise" in message] == []
    found = told(text.replace("    recognise: $exists(users)\n", ""), "[]")
    message = UNRECOGNISED[rows]
    assert found == ([("C234", f"without `recognise`, {message}")] if message else [])


def test_a_list_that_may_be_empty_does_not_tell_a_reply(told):
    message = "an empty list is false, so a page without rows is not recognised"
    assert told(MAPPING.replace("$exists(users)", "users"), "[]") == [("C234", message)]
    negated = MAPPING.replace("$exists(users)", "$not($exists(users))")
    assert told(negated, "[]") == [("C234", "this holds where there are no rows")]


def test_a_reply_is_not_recognised_by_what_others_have_too(told):
    second = SECOND.replace("$exists(more)", "$exists(users)").replace("user: more", "user: me.calls")
    text = MAPPING + second.replace("    path", "    source_schema: users\n    path")
    assert told(text.replace("recognise: $exists(users)", "recognise: $exists(me)", 1)) == [
        ("C234", "this holds for replies of `second`, too"),
        ("C234", "this holds for replies of `all`, too"),
    ]


MARKS = {
    '$user.email.{"email": $, "is_primary": true}': 0,
    '$user.email.{"email": $, "is_primary": true}[]': 0,
    '$user.email[$ != ""].{"email": $, "is_primary": true}': 0,
    '$user.others.{"email": $, "is_primary": true}': 1,
    '$user.others[0].{"email": $, "is_primary": true}': 0,
    '$user.others.{"email": $, "is_primary": $ = $user.email}': 0,
    '$user.others.{"email": $, "is_primary": false}': 0,
    '$map($user.others, function($e) { {"email": $e, "is_primary": true} })': 1,
    '$map($user.email, function($e) { {"email": $e, "is_primary": true} })': 0,
    '[{"email": $user.email, "is_primary": true}, $user.others.{"email": $, "is_primary": false}]': 0,
    '[{"email": $user.email, "is_primary": true}, {"email": $user.id, "is_primary": true}]': 1,
    '[$user.email.{"email": $, "is_primary": true}, $user.id.{"email": $, "is_primary": true}]': 1,
    '[$user.email.{"email": $, "is_primary": true}, $user.id.{"email": $, "is_primary": $user.email = ""}]': 0,
    '$append($user.email.{"email": $, "is_primary": true}, $user.others.{"email": $, "is_primary": true})': 1,
}


@pytest.mark.parametrize("emails", MARKS)
def test_only_one_item_is_the_primary_one(emails, told):
    found = told(MAPPING, f"'{emails}'")
    assert found == [("C235", "`is_primary` is true for each item of a list")] * MARKS[emails]


def test_items_that_are_listed_in_yaml_count_too(told):
    items = "".join(f"\n        - {{email: '{one}', is_primary: true}}" for one in ("$user.email", "$user.others[0]"))
    assert told(MAPPING, items) == [("C235", "`is_primary` is true for each item of a list")]
