"""What the words of names tell of a mapping: swapped, copied and forgotten values, and nothing else."""

import json
from pathlib import Path

import data_files
import pytest

from truto_mapper import load
from truto_mapper.authoring import check
from truto_mapper.authoring.check.words import are_opposites, words

CASES = data_files.read("namesakes.yaml")

ADDRESS = "{type: object, fields: {street: {type: string}, city: {type: string}}}"
PERSON = "{type: object, fields: {id: {type: string}, email: {type: string}}}"
SPEC = f"""\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {{list: {{http_method: GET, path: /unified/crm/contact}}}}
parameters:
  updated_after: {{type: string, format: date-time}}
  updated_before: {{type: string, format: date-time}}
  next_cursor: {{type: string}}
fields:
  id: {{type: string, required: true}}
  name: {{type: string}}
  first_name: {{type: string}}
  last_name: {{type: string}}
  title: {{type: string}}
  account: {{type: object, fields: {{id: {{type: string}}, name: {{type: string}}}}}}
  owner: {PERSON}
  creator: {PERSON}
  billing_address: {ADDRESS}
  shipping_address: {ADDRESS}
  deals_won: {{type: integer}}
  deals_lost: {{type: integer}}
  boss_id: {{type: string}}
  boss_name: {{type: string}}
  wait_seconds: {{type: number}}
  talk_seconds: {{type: number}}
  created_at: {{type: string, format: date-time}}
  updated_at: {{type: string, format: date-time}}
response: {{result: {{type: array, items: {{type: object}}}}, next_cursor: {{type: string, nullable: true}}}}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
error_mapping: {request_id: error.id, message: error.text}
endpoints:
  contacts:
    source_schema: acme/contacts
    recognise: $exists(contacts)
    path_mapping: '"/v1/contacts"'
    query_mapping:
      cursor: $cursor
      modifiedSince: $query.updated_after
      modifiedUntil: $query.updated_before
    for_each: {contact: contacts}
    next_cursor: paging.next
    page_number: paging.page
    total: paging.total
    let:
      name: fullName
      given: firstName
      parts: '{"first": firstName, "last": lastName}'
      joined: $parts.first & " " & $parts.last & $given & $contact.key
    response_mapping:
      id: $string(contactId)
      name: $name ?? $joined
      first_name: firstName
      last_name: lastName
      title: jobTitle
      account: {id: $string(company.id), name: company.name}
      owner: {id: owner.userId, email: owner.mail}
      creator: {id: createdBy.userId, email: createdBy.mail}
      billing_address: {street: billing.line1, city: billing.town}
      shipping_address: {street: shipping.line1, city: shipping.town}
      deals_won: wonDealsCount
      deals_lost: lostDealsCount
      boss_id: $string(boss.id)
      boss_name: boss.name
      wait_seconds: ringMs / 1000
      talk_seconds: talkMs / 1000
      created_at: createdTime
      updated_at: modifiedTime
"""


def properties(kind="string", *names, **more):
    return {name: {"type": kind} for name in names} | more


def an_object(fields):
    return {"type": "object", "properties": fields}


PLACE, USER = an_object(properties("string", "line1", "town")), an_object(properties("string", "userId", "mail"))
MOMENT = {"type": "string", "format": "date-time"}
ROW = properties("string", "key", "fullName", "firstName", "lastName", "jobTitle")
ROW |= properties(
    "integer",
    "contactId",
    "wonDealsCount",
    "lostDealsCount",
    "ringMs",
    "talkMs",
    createdTime=MOMENT,
    modifiedTime=MOMENT,
)
ROW |= {"owner": USER, "createdBy": USER, "billing": PLACE, "shipping": PLACE}
ROW |= {one: an_object(properties("integer", "id", name={"type": "string"})) for one in ("company", "boss")}
PAGING = properties("integer", "page", "pageSize", "total", next={"type": "string"})
SCHEMA = an_object({"contacts": {"type": "array", "items": an_object(ROW)}, "paging": an_object(PAGING)})


@pytest.fixture
def contacts(tmp_path, monkeypatch):
    """Finds what is wrong with a mapping of contacts, but for notes."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("crm/contact.yaml", SPEC), ("acme/contacts.schema.json", json.dumps(SCHEMA))):
        path = Path("schemas", name)
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")

    def found(text):
        Path("contacts.yaml").write_text(text, "utf-8")
        return [one for one in check.check(load(Path("contacts.yaml"))) if one.severity != "note"]

    return found


def test_a_mapping_whose_names_fit_is_right(contacts):
    assert [one.render() for one in contacts(MAPPING)] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.get("and", case["new"])))
def test_names_tell_what_is_read_for_another_one(case, contacts):
    text = MAPPING
    for old, new in [(case["old"], case["new"]), *case.get("and", [])]:
        assert old in text
        text = text.replace(old, new, 1)
    found = contacts(text)
    assert {one.code for one in found} == {case.get("finds")} - {None}, [one.render() for one in found]
    for one in found:
        line = one.source.line(one.source.position(one.span.start)[0])
        assert line not in MAPPING.splitlines() or one.code == "C233"


def test_both_of_two_swapped_names_are_told_with_what_they_read(contacts):
    text = MAPPING.replace("first_name: firstName", "first_name: x").replace(
        "last_name: lastName", "last_name: firstName"
    )
    found = contacts(text.replace("first_name: x", "first_name: lastName"))
    message = "`first_name` reads `lastName` and `last_name` reads `firstName`: are they swapped?"
    assert [(one.code, one.message) for one in found] == [("C231", message)] * 2


def test_a_better_source_is_the_hint(contacts):
    (found,) = contacts(MAPPING.replace("city: shipping.town", "city: billing.town"))
    assert found.hint == "did you mean `shipping.town`?"
    (found,) = contacts(MAPPING.replace("modifiedSince: $query.updated_after", "modifiedSince: $query.updated_before"))
    assert found.hint == "did you mean `$query.updated_after`?"


@pytest.mark.parametrize(
    ("left_out", "finds"),
    [(("deals",), ["C233"]), (("deals", "created"), []), (("deals", "created", "updated", "title"), [])],
)
def test_an_object_of_which_most_is_left_out_is_meant_so(left_out, finds, contacts):
    starts = tuple(f"      {name}" for name in left_out)
    text = "".join(line for line in MAPPING.splitlines(keepends=True) if not line.startswith(starts))
    assert [one.code for one in contacts(text)] == finds


@pytest.mark.parametrize("change", ["created_at: null", "name: null", "name: $name"])
def test_a_field_that_an_overlay_removes_is_not_forgotten_nor_what_only_it_reads_unused(change, contacts):
    overlay = Path("other.yaml")
    overlay.write_text(f"endpoints: {{contacts: {{response_mapping: {{{change}}}}}}}\n", "utf-8")
    assert contacts(MAPPING) == []
    found = check.check(load(Path("contacts.yaml"), overlays=[overlay]))
    assert [one.render() for one in found if one.severity != "note"] == []


PAIRS = [
    ("callsGaveFeedback", "feedback_given_calls"),
    ("createdAt", "creation"),
    ("fromDateTime", "start_date_time"),
    ("toDate", "end-date"),
    ("userEmailAddresses", "user_mail_address"),
    ("HTTPStatus", "http_status"),
    ("ownCallsListenedTo", "calls_listened_own"),
    ("IDs", "id"),
    ("selfHref", "self_url"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_names_of_the_same_thing_have_the_same_words(one, other):
    assert words(one) == words(other)


@pytest.mark.parametrize(("one", "other", "are"), [
    ("feedback_given", "callsReceivedFeedback", True),
    ("start_time", "end", True),
    ("start_time", "startedBeforeEnd", False),
    ("created_at", "updated_at", False),
    ("own_calls", "ownerCalls", False),
])  # fmt: skip
def test_opposites_are_words_that_exclude_each_other(one, other, are):
    assert are_opposites(words(one), words(other)) is are


def test_a_single_letter_tells_nothing():
    assert words("e") == words("$x") == frozenset()


def test_a_name_of_let_that_is_a_letter_is_right(contacts):
    text = MAPPING.replace(
        "      name: fullName\n",
        "      a: createdTime\n      b: modifiedTime\n      until: $b\n      name: fullName & $until\n",
    )
    assert (
        contacts(
            text.replace("created_at: createdTime", "created_at: $a").replace(
                "updated_at: modifiedTime", "updated_at: $b"
            )
        )
        == []
    )
