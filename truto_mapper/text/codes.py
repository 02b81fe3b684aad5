"""Every diagnostic code of ours: what it means, and its page in the documentation."""

from __future__ import annotations

import re

from truto_mapper.text import files

#: Every code of ours with its meaning; JSONata's own codes (S0201, T2001, D3030) are not here. A code is never reused.
#: `tests/diagnostics/` has an example of each, with the exact message.
CODES: dict[str, str] = {
    "M101": "the file is not valid YAML",
    "M102": "a key appears twice in one mapping",
    "M103": "the YAML is not plain data: a tag, a merge key, a broken alias or a key that is not a string",
    "M104": "the file is too large, nested too deeply, or its aliases expand too far",
    "M105": "the file does not exist or cannot be read",
    "M106": "the file does not have the expected shape",
    "M107": "the YAML style of an expression hides the positions of its characters",
    "M108": "the JSON Schema is invalid",
    "M109": "a generated file is out of date",
    "M110": "an overlay changes nothing",
    "M111": "an overlay removes a key that the mapping does not have",
    "M112": "an overlay changes a key that the mapping does not have",
    "M113": "an overlay belongs to another mapping",
    "M114": "an overlay removes a required key",
    "C201": "the resource does not declare this field",
    "C202": "the variable is not bound here",
    "C203": "the function does not exist",
    "C204": "the query parameter or context setting does not exist",
    "C205": "the structure does not match the type of the field",
    "C206": "the provider's schema has no such field",
    "C207": "the value can never be valid for the unified field",
    "C208": "the operation can never work on values of these types",
    "C209": "an enum value is not handled",
    "C210": "the endpoint can never be chosen",
    "C211": "the branch can never be reached",
    "C212": "the name is never used",
    "C213": "a required unified field is never set",
    "C214": "fields of the provider are never read",
    "C215": "unified fields never get a value",
    "C216": "an ignore comment is unused or malformed",
    "D401": "a value does not match the unified schema",
    "D402": "a required value is missing",
    "D403": "a value that the resource does not declare was omitted",
    "D404": "a row of the payload is not an object",
    "D405": "a date-time cannot be expressed in UTC",
    "D406": "a request expression gave a value that cannot be sent",
    "D407": "a value is nested too deeply or a number has too many digits",
    "D408": "a value of the reply has another type than the provider's schema declares",
    "Q501": "the query string cannot be parsed",
    "Q502": "the query parameter does not exist",
    "Q503": "a required query parameter is missing",
    "Q504": "a query parameter has the wrong type, format or value",
    "Q505": "the period is empty",
    "Q506": "the cursor was changed or belongs to another query",
    "Q507": "the records cannot be keyed by this field",
    "Q508": "the resource has no such field",
    "Q509": "the account's context or the time `now` is invalid",
    "Q510": "the period was adjusted to whole days",
    "Q511": "no endpoint of the mapping serves this query",
    "Q512": "these parameters cannot be combined",
    "Q513": "the mapping refuses this query",
    "P601": "the provider answered with an error",
    "P602": "the provider's reply cannot be read",
    "P603": "the reply belongs to no endpoint, or not to the expected one",
    "P604": "the provider sent back the cursor that it was given",
    "P605": "the reply is in another time zone than the request",
    "P606": "no row of the reply has something that the mapping reads",
    "B300": "the two versions cannot be compared",
    "B301": "a field that readers may rely on was removed",
    "B302": "a field may hold values that readers did not have to expect",
    "B303": "a parameter that callers may use was removed",
    "B304": "a query that was accepted is refused",
    "B305": "the HTTP method or path of an operation changed",
    "B306": "a default changed",
    "B308": "a change that breaks nobody",
    "B311": "an endpoint serves different queries",
    "B312": "the provider gets a different request",
    "B313": "replies are read differently",
    "B314": "a unified field no longer gets a value",
    "B315": "a unified field is computed differently",
    "B316": "an account setting was removed or accepts different values",
    "B321": "golden cases produce different output",
    "B322": "golden cases lose a value or fail",
    "B331": "an approval matches no change",
    "E801": "the pointer does not exist in the output",
    "G701": "a golden case differs from its expectation",
    "G702": "a golden case does not fail for the reason it states",
    "G703": "a file belongs to no golden case",
    "G704": "the golden case already exists",
}


def page_of(code: str) -> str | None:
    """What a code means, with an example: its section of `docs/codes.md`, in Markdown. None for an unknown code."""
    text = files.read(files.home() / "docs" / "codes.md").text
    found = re.search(rf"^## {re.escape(code)}\n.*?(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else None
