"""The functions of dates, of spans of time and of amounts of money: what `check` says of calls and results."""

import data_files
import pytest
from test_inference import admits
from test_outside import desk  # noqa: F401  (a fixture)

from truto_mapper import Expression
from truto_mapper.language import methods, natives, types
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import Inference
from truto_mapper.language.library.truto import dates, durations

LISTED = data_files.read("truto_functions.yaml")
OURS = ("dtFromIso", "dtFromFormat", "convertCurrencyToSubunit", "convertCurrencyFromSubunit")
CASES = [one for name in OURS for one in LISTED["cases"][name]]
OF_DATA = types.of_value(LISTED["data"])
SCHEMA = {
    "type": "object",
    "required": ["at", "day", "text", "id", "n"],
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "text": {"type": "string"},
        "id": {"type": "string", "format": "uuid"},
        "n": {"type": "integer"},
        "currency": {"type": "string"},
        "maybe": {"type": ["string", "null"], "format": "date"},
    },
}
ROW = types.from_schema(SCHEMA, SCHEMA)


def inferred(text, whole=ROW):
    """The type of an expression in a record, and what was told: the code, the place, the message and the hint."""
    told = []

    def tell(code, node, message, hint, _):
        told.append((code, text[node.span.start : node.span.end], message, hint))

    kind = Inference(tell).infer(Expression(text).node, TypeScope({"$": whole, "row": whole}, whole))
    return natives.written(kind), told


UNITS = "a unit of time (years, quarters, months, weeks, days, hours, minutes, seconds, milliseconds)"
AMOUNTS = "an object of units, or milliseconds"
NEVER = "the date is never valid, and its text null"
#: Calls that cannot work, with the code, the place, and parts of the message and the hint.
FAULTS = [
    ('.minus("1 day")', "C225", '"1 day"', f'`.minus()` must be {AMOUNTS}, not "1 day"', 'like `.minus({"days": 1})`'),
    (".minus($row.text)", "C208", "$row.text", f"`.minus()` must be {AMOUNTS}, but this is a string", None),
    (".plus(true)", "C225", "true", f"`.plus()` must be {AMOUNTS}, not true", 'like `.plus({"days": 1})`'),
    ('.plus({"dayz": 1})', "C225", '{"dayz": 1}', f'`.plus()` must be {UNITS}, not "dayz"', "did you mean `days`?"),
    ('.plus({"dayz": $row.n})', "C225", '{"dayz": $row.n}', 'not "dayz"', "did you mean `days`?"),
    ('.plus({"days": "one"})', "C225", '{"days": "one"}', "an object with a number of days", None),
    (".plus()", "C225", "plus()", "`.plus()` takes 1 argument, but here it gets none", f"it takes {AMOUNTS}"),
    (
        '.startOf("dya")',
        "C225",
        '"dya"',
        f'argument 1 of `.startOf()` must be {UNITS}, not "dya"',
        "did you mean `day`?",
    ),
    (".startOf($row.n)", "C208", "$row.n", "must be a unit of time, but this is an integer", None),
    ('.startOf("day", "UTC")', "C208", '"UTC"', "must be an object of options, but this is a string", None),
    ('.toMillis("x")', "C225", '"x"', "`.toMillis()` takes no arguments, but here it gets 1", "remove it"),
    ('.toISO("basic")', "C208", '"basic"', "must be an object of options, but this is a string", None),
    ('.toISO({"suppressMillis": true})', "C218", '{"suppressMillis": true}', "no option", "`suppressMilliseconds`?"),
    ('.toFormat("YYYY")', "C225", '"YYYY"', '`.toFormat()` must have known tokens, but "YYYY" has', "write `yyyy`"),
    (
        '.set({"dayz": 1})',
        "C225",
        '{"dayz": 1}',
        "`.set()` must be an object of the fields year",
        "did you mean `day`?",
    ),
    ('.setZone("Europe/Olso")', "C225", '"Europe/Olso"', f'"Europe/Olso" is no time zone: {NEVER}', "`Europe/Oslo`?"),
    ('.setZone({"zone": "utc"})', "C225", '{"zone": "utc"}', "is no time zone", 'write the zone itself: `"utc"`'),
    (".setZone(true)", "C225", "true", "true is no time zone", "as IANA names it"),
    (".toObject()", "C203", "toObject()", "a date has no function `toObject`", None),
    (".toRelative()", "C203", "toRelative()", "depends on the machine's clock", ".diff($dtFromIso($now))"),
    (".yaer", "C206", "yaer", "a date has no `yaer`", None),
    ('.plus({"days": n})', "C206", "n", "a date has no `n`", None),
    (".diff($row.at)", "C208", "$row.at", "must be a date, but this is a string", "make a date of it: `$dtFromIso(…)`"),
    (".diff(null)", "C225", "null", "must be a date of $dtFromIso or $dtFromFormat", "`$` is the date"),
    ('.diff($dtFromIso($row.day), "dayz")', "C225", '"dayz"', f"argument 2 of `.diff()` must be {UNITS}", "`days`?"),
    ('.diff($dtFromIso($row.day), ["days", "hors"])', "C225", '["days", "hors"]', 'not "hors"', "`hours`?"),
    (".diff($dtFromIso($row.day)).days", "C206", "days", "a span of time has no `days`", '`.diff(…, "days")`'),
    ('.diff($dtFromIso($row.day), "days").hours', "C206", "hours", "a span of time has no `hours`", "hours"),
    (".diff($dtFromIso($row.day)).toUTC()", "C203", "toUTC()", "a span of time has no function `toUTC`", None),
    ('.diff($dtFromIso($row.day)).as("dayz")', "C225", '"dayz"', "`.as()` must be a unit of time", "`days`?"),
    (".plus($dtFromIso($row.at).diff($dtFromIso($row.day)))", "C225", None, "an object of units such as", "toMillis()"),
    (" - $dtFromIso(day)", "C208", "$dtFromIso(at)", "`-` needs a number, but this is a date", "write `….toMillis()`"),
    (" < $dtFromIso(day)", "C208", "$dtFromIso(at)", "but this is a date", "write `….toMillis()`"),
    (" = $dtFromIso(day)", "C208", "$dtFromIso(at) = $dtFromIso(day)", "never equal", "compare their `.toMillis()`"),
]
#: The same of whole expressions.
OTHER_FAULTS = [
    ('$dtFromIso(at, "Europe/Olso")', "C225", '"Europe/Olso"', f"is no time zone: {NEVER}", "`Europe/Oslo`?"),
    ('$dtFromIso(at, "europe/oslo")', "C225", '"europe/oslo"', "is no time zone", "did you mean `Europe/Oslo`?"),
    ('$dtFromIso(at, {"zone": "utc"})', "C225", '{"zone": "utc"}', "no time zone", 'write the zone itself: `"utc"`'),
    ('$dtFromIso("31/01/2026")', "C225", '"31/01/2026"', f"is no date of ISO 8601: {NEVER}", "$dtFromFormat reads"),
    ("$dtFromIso(id)", "C208", "id", "must be a date, but this is a uuid", None),
    (
        '$dtFromFormat(at, "yyyy-MM-dd")',
        "C225",
        "at",
        'a date-time is not written as "yyyy-MM-dd"',
        "$dtFromIso reads it",
    ),
    ('$dtFromFormat(text, "y", "utc")', "C208", '"utc"', "must be an object of options", 'write `{"zone": …}`'),
    ('$dtFromFormat(text, "y", {"zone": "utx+"})', "C225", '{"zone": "utx+"}', "is no time zone", None),
    ('$dtFromFormat(text, "y", {"zones": "utc"})', "C218", '{"zones": "utc"}', "no option `zones`", "`zone`?"),
    ("$substring($dtFromIso(at), 0, 10)", "C208", "$dtFromIso(at)", "must be a string, but this is a date", "toISO()"),
    (
        "$convertCurrencyToSubunit(n)",
        "C225",
        None,
        "needs a currency: without one it leaves the amount as it is",
        "EUR",
    ),
    ("$convertCurrencyToSubunit(n, null)", "C225", "null", "needs a currency", "EUR"),
    ('$convertCurrencyToSubunit(n, "eur")', "C225", '"eur"', '"eur" is no currency', 'write `"EUR"`'),
    ('$convertCurrencyFromSubunit(n, "EURO")', "C225", '"EURO"', "leaves the amount as it is", "ISO 4217"),
    ("$convertCurrencyFromSubunit(n, 2)", "C225", "2", "must be a currency, but this is an integer", None),
]


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "hint"),
    [*(("$dtFromIso(at)" + one[0], *one[1:]) for one in FAULTS), *OTHER_FAULTS],
    ids=lambda one: str(one)[:60],
)
def test_a_call_that_cannot_work_is_told(text, code, place, message, hint):
    told = inferred(text)[1]
    right = [one for one in told if one[0] == code and place in (None, one[1]) and message in one[2]]
    assert right, told
    assert hint is None or hint in (right[0][3] or ""), right


RIGHT = [
    *('.plus({"days": 1, "Hours": -2})', ".plus(-90000)", '.plus({"days": $row.n})', ".plus($row.nothing_known)"),
    *('.startOf("weeks")', ".startOf($row.text)", '.setZone("utc")', '.setZone("UTC+2")', ".setZone(-90)"),
    *('.setZone($row.text, {"keepLocalTime": true})', ".setZone(null)", ".toUTC(90)", ".toLocal()", ".toISO({})"),
    *('.toISO({"format": "basic"})', ".toFormat($row.text)", '.toFormat("dd/MM/yyyy", {"locale": "en-GB"})'),
    *('.diff($dtFromIso($row.day), ["days", "hours"]).days', ".diff($dtFromIso($row.day), $row.text).days"),
    *('.diff($dtFromIso($row.day)).shiftTo("days", "hours").hours', ".diff($dtFromIso($row.day)).negate().toMillis()"),
    *('.hasSame($dtFromIso($row.day), "month")', ".equals($dtFromIso($row.day))", '.set({"months": 3})', ".isValid"),
    *('.{"y": year, "m": monthLong}', ".[year, month]", ".toMillis() < $dtFromIso($row.day).toMillis()"),
]
ALSO_RIGHT = [
    *("$dtFromIso(maybe).toISODate()", "$dtFromIso(text, text)", '$dtFromIso(at, "Europe/Oslo")', "$dtFromIso(at, 60)"),
    *('$dtFromFormat(text, "dd/MM/yyyy", {"zone": "Europe/Oslo", "setZone": true})', '$dtFromIso("09:30")'),
    *('$dtFromFormat(text, "fromSeconds")', '$dtFromFormat(at, "ISO")', '$dtFromFormat("09:30", "HH:mm")'),
    *("$dtFromIso($dtFromIso(at)).toISO()", "[at, day].$dtFromIso($).toISODate()", "at ~> $dtFromIso()"),
    *("$map([at, day], $dtFromIso)", "$convertCurrencyToSubunit(n, currency)", '$convertCurrencyFromSubunit(n, "JPY")'),
    "($d := maybe ? $dtFromIso(maybe) : null; $d ? $d.toISO())",
]


@pytest.mark.parametrize("text", [*("$dtFromIso(at)" + one for one in RIGHT), *ALSO_RIGHT])
def test_nothing_is_told_of_a_right_call(text):
    told = [*inferred(text, types.ANY)[1], *inferred(text)[1]]
    assert [one for one in told if "nothing_known" not in one[2]] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["call"])
def test_a_listed_call_has_the_type_of_what_it_gives_and_one_that_fails_is_told(case):
    kind, told = inferred(case["call"], OF_DATA)
    told = [one for one in told if "has no `none`" not in one[2]]
    if "fails" in case:
        assert told or "none" in case["call"] or case["call"].endswith(".year")
    elif not told and "gives" in case and "none" not in case["call"]:
        assert admits(kind, case["gives"]), kind


#: Results: the kinds of their values, and the format of texts.
RESULTS = [
    ("", "string", "date-time"),
    (".toISO()", "string", "date-time"),
    ('.toISO({"includeOffset": false})', "string", "text"),
    (".toISODate()", "string", "date"),
    ('.toISODate({"format": "basic"})', "string", "text"),
    (".toISODate($row.options)", "string", None),
    (".toISOTime()", "string", None),
    (".toSQL()", "string", "text"),
    ('.toFormat("yyyy-MM-dd")', "string", "date"),
    ('.toFormat("dd/MM/yyyy")', "string", "text"),
    ('.toFormat("cccc")', "string", None),
    (".toFormat($row.text)", "string", None),
    (".toMillis()", "integer", None),
    (".toSeconds()", "integer number", None),
    (".toISO", "function", None),
    (".monthLong", "string", None),
    (".isValid", "boolean", None),
    ('.diff($dtFromIso($row.day), "days")', "string", "duration"),
    ('.diff($dtFromIso($row.day), "days").days', "integer number", None),
    (".diff($dtFromIso($row.day)).toISO()", "string", "duration"),
]


@pytest.mark.parametrize(("call", "kinds", "form"), RESULTS)
def test_a_result_has_a_type_and_may_be_null_where_the_date_is_made_of_null(call, kinds, form):
    kind = inferred("$dtFromIso(at)" + call)[0]
    assert (kind.kinds - {"undefined"}, kind.format) == (set(kinds.split()), form)
    may_be_null = inferred("$dtFromIso(maybe)" + call)[0]
    is_text = kinds == "string" and "toFormat" not in call
    assert ("null" in may_be_null.kinds, may_be_null.format) == (is_text, form)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("$convertCurrencyToSubunit(text, currency)", {"integer"}),
        ('$convertCurrencyToSubunit(maybe, "EUR")', {"integer", "null", "undefined"}),
        ('$convertCurrencyToSubunit(text, "no")', {"string"}),
        ("$convertCurrencyFromSubunit(n, currency)", {"string"}),
        ("$convertCurrencyFromSubunit(n)", {"integer"}),
        ('$convertCurrencyFromSubunit(n, text = "a" ? "EUR" : "no")', {"string", "integer"}),
    ],
)
def test_an_amount_of_money_is_a_text_or_a_number(text, kinds):
    assert inferred(text)[0].kinds == kinds


def test_the_table_has_every_function_of_dates_and_spans():
    assert methods._OF_DATES.keys() == dates._METHODS.keys()
    assert methods._OF_SPANS.keys() == durations._METHODS.keys()
    fields = {name for name, one in natives.date(of_nothing=False).properties.items() if one != types.FUNCTION}
    assert fields == {*dates._FIELDS, *dates._ALWAYS}
    assert natives.span(None, of_nothing=False).properties.keys() == {*durations.UNITS, *durations._METHODS}


def test_a_date_or_something_else_may_have_any_field():
    kind = types.union(natives.date(of_nothing=False), types.of_value({"a": 1}))
    assert (kind.native, kind.properties) == (None, None)


#: Edits of a mapping, each with the code that `check` tells; None for an edit that is right.
PLACES = [
    ("until: $query.until", "until: '$query.until ? $dtFromIso($query.until).toISODate()'", "C241"),
    ("until: $query.until", "until: $dtFromIso($query.until).toISO()", "C241"),
    ("until: $query.until", "until: '$query.until ? $dtFromIso($query.until).toMillis()'", "C241"),
    ("mail: emails", "opened: $dtFromIso(made).toISODate()\n      mail: emails", "C207"),
    ("mail: emails", "opened: $dtFromIso(made).toMillis()\n      mail: emails", "C207"),
    ("mail: emails", "opened: $dtFromIso(made).toISO\n      mail: emails", "C207"),
    ("mail: emails", "opened: $dtFromIso(made).diff($dtFromIso($now))\n      mail: emails", "C207"),
    ("mail: emails", "opened: '$dtFromIso(made).plus({\"dayz\": 1})'\n      mail: emails", "C225"),
    ("mail: emails", "opened: $dtFromIso(made).toUTC()\n      mail: emails", None),
    ("mail: emails", "opened: '$dtFromIso(made).plus({\"days\": 1}).toISO()'\n      mail: emails", None),
    ("until: $query.until", "until: '$query.until ? $dtFromIso($query.until).toUTC()'", None),
]


@pytest.mark.parametrize(("old", "new", "code"), PLACES)
def test_what_a_date_gives_is_held_against_its_place(old, new, code, desk):  # noqa: F811
    files = dict(data_files.read("outside.yaml")["files"])
    resource, reply = "schemas/desk/ticket.yaml", "schemas/acme/tickets.schema.json"
    field = "  opened: {type: string, format: date-time}\n  mail: {type: string}"
    files[resource] = files[resource].replace("  mail: {type: string}", field)
    made = '"made": {"type": "string", "format": "date-time"}, "state"'
    files[reply] = files[reply].replace('"state"', made, 1)
    assert old in files["mapping.yaml"]
    text = files["mapping.yaml"].replace(old, new, 1)
    text = text if "opened" in new else text.replace("mail: emails", "opened: made\n      mail: emails", 1)
    files["mapping.yaml"] = text
    found = desk(files)
    assert {one.code for one in found} == ({code} if code else set()), [one.render() for one in found]
