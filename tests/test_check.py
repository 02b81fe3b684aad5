"""`check` finds mistakes in a mapping without a payload, and reports nothing about a correct one."""

import json
import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import data_files
import pytest
from typer.testing import CliRunner

from truto_mapper import load
from truto_mapper.authoring import check, golden
from truto_mapper.edges.cli import app
from truto_mapper.text.codes import CODES
from truto_mapper.text.errors import MapperError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "mappings" / "gong" / "activity.yaml"
FAULTS = data_files.read("faults.yaml")


def found_in(path):
    try:
        return check.check_file(path)
    except MapperError as error:
        return list(error.diagnostics)


def cli(*arguments):
    """What the command does and prints, in this process."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def copied(folder):
    """A copy of the shipped mapping beside its schemas, to plant a fault in."""
    (folder / "schemas").symlink_to(ROOT / "schemas")
    path = folder / "mappings" / "gong" / "activity.yaml"
    path.parent.mkdir(parents=True)
    return Path(shutil.copy(SHIPPED, path))


@pytest.fixture
def project(tmp_path):
    return copied(tmp_path)


def test_a_mapping_that_is_right_has_neither_errors_nor_warnings():
    found = check.check(load("gong/activity"))
    assert {one.severity for one in found} <= {"note"}
    assert [one.code for one in found if one.code not in ("C214", "C215")] == []


@pytest.fixture(scope="module")
def notes():
    """The findings about the shipped mapping, which has no fault."""
    return {one.message for one in check.check(load("gong/activity"))}


TEXT = SHIPPED.read_text("utf-8")


def lines_of(fault):
    """The lines that a fault replaces."""
    start = TEXT.index(fault["old"])
    return range(TEXT.count("\n", 0, start), TEXT.count("\n", 0, start + len(fault["old"])) + 1)


def planted(faults):
    """The text of the shipped mapping with faults on lines of their own."""
    text = TEXT
    for fault in sorted(faults, key=lambda one: TEXT.index(one["old"]), reverse=True):
        start = TEXT.index(fault["old"])
        text = text[:start] + fault["new"] + text[start + len(fault["old"]) :]
    return text


def some_together(faults):
    """The faults in groups that share no line. A check takes long, and finds many faults as soon as one."""
    groups = []
    for fault in faults:
        lines = {*lines_of(fault)}
        group = next((one for one in groups if len(one) < 8 and lines.isdisjoint({*chain(*map(lines_of, one))})), None)
        if group is None:
            groups.append([fault])
        else:
            group.append(fault)
    return groups


@pytest.fixture(scope="module")
def found_together(tmp_path_factory):
    """The findings about a mapping with a fault and others: what is not found there is sought again alone."""
    path = copied(tmp_path_factory.mktemp("together"))
    groups, kept = some_together([one for one in FAULTS if one["finds"] != "test"]), {}

    def found(fault):
        (number,) = (number for number, group in enumerate(groups) if fault in group)
        if number not in kept:
            path.write_text(planted(groups[number]), "utf-8")
            kept[number] = found_in(path)
        return kept[number]

    return found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
def test_a_planted_fault_is_found_at_its_line(fault, project, notes, found_together):
    def is_in(found):
        new = [one for one in found if one.code == fault["finds"] and one.message not in notes]
        return any(expected.strip() in one.source.line(one.source.position(one.span.start)[0]) for one in new)

    project.write_text(planted([fault]), "utf-8")
    if fault["finds"] == "test":
        shutil.copytree(SHIPPED.with_suffix(""), project.with_suffix(""))
        assert [one for one in golden.run_all([project]).diagnostics if one.severity == "error"]
        return
    expected = fault.get("at") or next(line for line in fault["new"].splitlines() if line not in TEXT.splitlines())
    assert is_in(found_together(fault)) or is_in(found_in(project)), [one.render() for one in found_in(project)]


def test_a_list_that_a_block_makes_of_each_item_of_a_path_is_part_of_one_list(acme):
    mails = '$user.mails.($kind := kind; [{"email": first}, more.{"email": other, "is_primary": $kind = "main"}])'
    mapping = ACME.replace(
        "      user: {id: $user.id}\n", f"      user:\n        id: id\n        emails: |\n          {mails}\n"
    )
    assert mails in mapping
    assert acme(mapping) == []
    assert [code for code, _, _ in acme(mapping.replace('"email": other', '"mail": other'))] == ["C201"]


@pytest.mark.parametrize(
    ("mails", "is_told"),
    [
        ('$map($user.mails, function($one) { {"email": $one.first, "kind": $one.kind} })', True),
        ('$user.mails ~> $map(function($one) { {"email": $one.first, "kind": $one.kind} })', True),
        ('$map($user.mails, function($one) { {"email": {"email": $one.first, "kind": 1}.email} })', False),
        ("$made", True),
        ("$made[kind = 1]", False),
    ],
)
def test_keys_that_a_field_does_not_declare_and_nothing_reads_are_told_wherever_they_are_written(mails, is_told, acme):
    made = '$map($user.mails, function($one) { {"email": $one.first, "kind": 1} })'
    mapping = ACME.replace(
        "      user: {id: $user.id}\n", f"      user:\n        id: id\n        emails: |\n          {mails}\n"
    )
    mapping = mapping.replace(
        "    response_mapping:", f"    let:\n      made: |\n        {made}\n    response_mapping:"
    )
    assert mails in mapping
    assert ("C201" in [code for code, _, _ in acme(mapping)]) == is_told


def test_every_kind_of_fault_that_has_a_code_is_planted():
    elsewhere = {"C214", "C216", "C251"}  # notes, comments, and updates (`test_updates.py`)
    codes = {code for code in CODES if code.startswith("C") and code > "C205"} - elsewhere
    assert {fault["finds"] for fault in FAULTS} >= codes


# ------------------------------------------------------------------------------------------------- the rules

ACME = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
context:
  region: {type: string, enum: [eu, us], default: eu}
  plan: {type: string, enum: [free, paid]}
  beta: {type: boolean}
endpoints:
  all:
    recognise: $exists(users)
    path_mapping: '"/users"'
    query_mapping: {region: $context.region, plan: $context.plan, beta: $context.beta}
    for_each: {user: users}
    response_mapping:
      id: $user.id
      user: {id: $user.id}
"""


@pytest.fixture
def acme(tmp_path):
    """Finds what is wrong with a mapping of a provider without a schema, but for notes: code, message and hint."""

    def found(text):
        (tmp_path / "acme.yaml").write_text(text, "utf-8")
        return [(one.code, one.message, one.hint) for one in found_in(tmp_path / "acme.yaml") if one.severity != "note"]

    return found


PERIODS = "the resource allows day, week, month, total"
VALUES = {
    'aggregation_period: \'$user.many ? "day" : "total"\'': [],
    'aggregation_period: \'$user.many ? "day" : "hour"\'': [
        ("C209", '`aggregation_period` cannot be "hour", which this may give', PERIODS)
    ],
    'aggregation_period: \'$user.many ? "second" : "hour"\'': [
        ("C207", '`aggregation_period` can never be "second", "hour"', PERIODS)
    ],
    "aggregation_period: 1": [("C207", "`aggregation_period` is a string, but this gives an integer", PERIODS)],
    "metrics: {calls_hosted: '\"3\"'}": [
        ("C207", "`metrics.calls_hosted` is an integer, but this gives a string", 'write `$number("3")`')
    ],
    "start_time: 1 + 1": [
        (
            "C207",
            "`start_time` is a string, but this gives an integer",
            "write `$fromMillis(1 + 1)`, for seconds `$fromMillis((1 + 1) * 1000)`",
        )
    ],
    "metrics: {calls_hosted: '{}'}": [("C207", "`metrics.calls_hosted` is an integer, but this gives an object", None)],
    "start_time: 'null'": [("C207", "`start_time` never gets a value from this", "remove the field from the mapping")],
    "start_time: '$floorDate($query.start_time, \"UTC\")'": [
        ("C207", "`start_time` is a date-time, but this gives a date", None)
    ],
    "start_time: $now": [],
    "start_time: $query.start_time": [],
}


@pytest.mark.parametrize("field", VALUES)
def test_a_value_that_does_not_fit_its_field_is_found_with_a_value_that_would(field, acme):
    assert acme(f"{ACME}      {field}\n") == VALUES[field]


NAMES = {
    "for_each: {user: users}": [],
    "for_each: {team: teams, user: users}": ["$team is never used"],
    "for_each: {user: users, call: calls}": ["$call is never used"],
    "for_each: {user: users, call: calls}\n    let: {kind: $user.kind}": ["$call is never used", "$kind is never used"],
    "for_each: {user: users, call: calls}\n    let: {spare: id}": ["$spare is never used"],
}


@pytest.mark.parametrize("names", NAMES)
def test_a_name_that_no_expression_mentions_is_unused(names, acme):
    found = acme(ACME.replace("for_each: {user: users}", names))
    assert [message for code, message, _ in found if code == "C212"] == NAMES[names]


def test_the_last_name_of_for_each_is_used_by_what_reads_the_row(acme):
    text = ACME.replace("for_each: {user: users}", "for_each: {user: users, call: calls}")
    assert acme(text.replace("id: $user.id\n", "id: $user.id & id\n", 1)) == []


def test_only_a_setting_with_a_default_is_never_absent(acme):
    messages = [
        message for _, message, _ in acme(ACME.replace("id: $user.id\n", 'id: \'$context.region ? "a" : "b"\'\n', 1))
    ]
    assert messages == ["this is never reached: the condition is always true"]
    assert acme(ACME.replace("id: $user.id\n", 'id: \'$context.plan ? "a" : "b"\'\n', 1)) == []


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " and 1 more"), (12, " and 4 more")])
def test_eight_unread_fields_are_listed_and_the_others_counted(count, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fields = {f"f{number}": {"type": "string"} for number in range(count)}
    schema = {"type": "object", "properties": {"users": {"type": "array"}, **fields}}
    Path("schemas").mkdir()
    Path("schemas/users.schema.json").write_text(json.dumps(schema), "utf-8")
    source = "    source_schema: users\n    recognise"
    Path("acme.yaml").write_text(ACME.replace("    recognise", source), "utf-8")
    (note,) = (one.message for one in found_in(Path("acme.yaml")) if one.code == "C214")
    listed = ", ".join(f"`f{number}`" for number in range(8))
    assert note == f"`all` never reads these fields of the reply: {listed}{more}"


READ = {
    "$exists(users)": "`users.id`, `users.name`",
    "$count(users) > 0": "`users.id`, `users.name`",
    "users ~> $exists()": "`users.id`, `users.name`",
    "users.id = 1": "`users.name`",
    "$string(users)": "",
    "users ~> $string()": "",
    "$count($string(users)) > 0": "",
    "$string({'rows': [users]})": "",
    "($exists := function($v) {$string($v)}; $exists(users))": "",
}


@pytest.mark.parametrize("recognise", READ)
def test_whether_rows_exist_says_nothing_about_their_fields(recognise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
    schema = {"type": "object", "properties": {"users": {"type": "array", "items": row}}}
    Path("schemas").mkdir()
    Path("schemas/users.schema.json").write_text(json.dumps(schema), "utf-8")
    text = ACME.replace("$user.id", "1").replace("$exists(users)", f"|\n      {recognise}")
    text = text.replace("    for_each: {user: users}\n", "    source_schema: users\n")
    Path("acme.yaml").write_text(text, "utf-8")
    notes = [one.message for one in found_in(Path("acme.yaml")) if one.code == "C214"]
    assert notes == [f"`all` never reads these fields of the reply: {READ[recognise]}"] * bool(READ[recognise])


SECOND = """\
  second:
    path_mapping: '"/second"'
    recognise: $exists(second)
    for_each: {user: second}
    response_mapping: {id: $user.id, user: {id: $user.id}}
"""
REACHED = {
    '$context.region = "eu"': [],
    '$context.region in ["eu", "us"]': ["second"],
    '$context.region = "asia"': ["all"],
    "$context.beta": [],
    "$exists($context.beta)": [],
    "$context.beta = true or $context.beta = false": [],
    "$exists($query.aggregation_period)": ["second"],
    "$exists($query.users)": [],
    "$exists($now)": [],
    "$count($keys($query)) > 9": [],
    "$context.region + 1 > 0": [],  # it fails: see below
    '$context.region = "eu" or $count($query.users) > 2': [],
    '$context.region in ["eu", "us"] or $count($query.users) > 2': ["second"],
    '$context.region = "asia" and $count($query.users) > 2': ["all"],
}


@pytest.mark.parametrize("when", REACHED)
def test_an_endpoint_that_no_query_reaches_is_found(when, acme):
    text = ACME.replace(
        "    recognise: $exists(users)\n", f"    recognise: $exists(users)\n    when: |\n      {when}\n"
    )
    found = [message.split("`")[1] for code, message, _ in acme(text + SECOND) if code == "C210"]
    assert found == REACHED[when]


LOST = {
    ('$context.region = "eu"', "$context.beta"): [
        '`region` = "us" with `beta` = false or no `beta` reaches no endpoint'
    ],
    ('$context.region = "eu"', '$context.region = "us"'): [],
    ("$context.beta", "$context.beta = false"): ["no `beta` reaches no endpoint"],
    ("$context.beta", "$not($context.beta)"): ["no `beta` reaches no endpoint"],  # `$not` of nothing is nothing
    ('$query.aggregation_period in ["Week", "month"]', '$query.aggregation_period = "day"'): [
        '`aggregation_period` = "week" or "total" reaches no endpoint'
    ],
    ("$exists($query.users)", '$query.aggregation_period = "day"'): [
        'no `users` with `aggregation_period` = "week", "month" or "total" reaches no endpoint'
    ],
    ("$exists($query.users)", "$not($exists($query.users))"): [],
    ("$count($query.users) > 2", '$query.aggregation_period = "day"'): [],
    ('$context.region = "eu" and $count($query.users) > 2', '$context.region = "eu"'): [
        '`region` = "us" reaches no endpoint'
    ],
    ("$context.region + 1 > 0", '$context.region = "eu"'): [
        'this `when` fails, so no query is served: the left side of `+` must be a number, not "eu" (T2001)'
    ],
    ("$context.beta > 1", '$context.region = "eu"'): ["this `when` fails where `beta` = false or true: …"],
}


@pytest.mark.parametrize("whens", LOST)
def test_queries_that_no_endpoint_serves_are_told_in_the_fewest_words(whens, acme):
    first, second = (f"when: |\n      {one}\n    recognise" for one in whens)
    found = acme(ACME.replace("recognise", first, 1) + SECOND.replace("recognise", second, 1))
    told = [re.sub("the left side of `>` .*", "…", message) for code, message, _ in found if code == "C238"]
    assert told == LOST[whens]


def test_an_endpoint_that_no_query_reaches_names_those_that_take_its_queries(acme):
    text = ACME.replace("recognise", 'when: $context.region != "x"\n    recognise', 1)
    hint = "move it before `all`, or narrow the `when` of `all`"
    assert ("C210", "`second` serves no query: `all` before it serves them", hint) in acme(text + SECOND)


# ----------------------------------------------------------------------------------------------- silencing


def with_line(project, old, new):
    text = project.read_text("utf-8")
    assert old in text
    project.write_text(text.replace(old, new, 1), "utf-8")
    return [one for one in found_in(project) if one.severity != "note"]


HOSTED = "calls_hosted: $counts.callsAsHost\n"


def test_a_comment_silences_a_code_on_its_line_or_the_next(project):
    wrong = "calls_hosted: $counts.callsAsHosts"
    assert [one.code for one in with_line(project, HOSTED, f"{wrong}\n")] == ["C206"]
    assert with_line(project, wrong, f"{wrong}  # truto: ignore[C206] Gong will have it") == []
    assert (
        with_line(
            project, f"{wrong}  # truto: ignore[C206] Gong will have it", f"# truto: ignore[C206] soon\n        {wrong}"
        )
        == []
    )


def test_within_a_block_the_comment_is_the_expressions(project):
    old = '$join([$string($user.userId), $period, $first_day], "_")'
    text = old.replace("userId", "userIdd")
    assert [one.code for one in with_line(project, old, text)] == ["C206"]
    assert with_line(project, text, f"{text} /* truto: ignore[C206] soon */") == []


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# truto: ignore[C206] nothing is wrong here", "there is no C206 here to ignore"),
        ("# truto: ignore[C206]", "an ignore comment needs a reason"),
        ("# truto: ignore[C2O6] a typo", "there is no code C2O6"),
    ],
)
def test_a_comment_that_silences_nothing_or_says_no_reason_is_found(project, comment, said):
    (found,) = with_line(project, HOSTED, f"{HOSTED.strip()}  {comment}\n")
    assert (found.code, found.message) == ("C216", said)


def test_text_that_only_looks_like_a_comment_is_not_one(project):
    quoted = "description: 'not # truto: ignore[C206] this'\nerror_mapping:"
    assert with_line(project, "error_mapping:", quoted) == []


# --------------------------------------------------------------------------------------------- the command


def test_the_command_fails_for_errors_and_strictly_for_warnings(project):
    assert cli("check", project).returncode == 0
    with_line(project, "      counts: $row\n", "      spare: $row\n      counts: $row\n")
    assert cli("check", project).returncode == 0
    strict = cli("check", project, "--strict")
    assert strict.returncode == 1
    assert "warning[C212]: $spare is never used" in strict.stderr
    with_line(project, HOSTED, "calls_hosted: $counts.callsAsHosts\n")
    assert cli("check", project).returncode == 1


def test_the_command_says_what_load_says(project):
    with_line(project, HOSTED, "calls_hosted: $cuonts.callsAsHost\n")
    done = cli("check", project, "--format", "json")
    assert done.returncode == 1
    assert [one["code"] for one in json.loads(done.stdout)] == ["C202"]


def test_a_junit_report_names_correct_files_too():
    assert 'failures="0"' in cli("check", "gong/activity", "--format", "junit").stdout


def test_a_mistake_in_the_schema_of_the_reply_is_found_at_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("schemas").mkdir()
    Path("schemas/users.schema.json").write_text('{"properties": {"users": {"pattern": "(?=x)"}}}', "utf-8")
    text = ACME.replace("    for_each: {user: users}\n", "    source_schema: users\n    for_each: {user: users}\n")
    Path("acme.yaml").write_text(text, "utf-8")
    (found,) = [one for one in found_in(Path("acme.yaml")) if one.code == "M108"]
    assert "schemas/users.schema.json:1:38" in found.render()
    assert 'a regular expression without lookaround and backreferences, got "(?=x)"' in found.message


#: Names that no row has, and what was meant.
MEANT = {
    "response.requestId": "write `$response.requestId`",
    "query.start_time": "write `$query.start_time`",
    "user.userId": "write `$user.userId`",
    "status": "write `$status`",
    "fromDateTime": "write `$response.fromDateTime`",
    "toDateTime[$ != null]": "write `$response.toDateTime[$ != null]`",
    "total": "text needs quotes of its own: '\"total\"'",
    "userEmail": "did you mean `userEmailAddress`?",
    "$user.userEmailAddress.length": (
        "write `$count($user.userEmailAddress)` or, for a text, `$length($user.userEmailAddress)`"
    ),
    "$user.userEmailAdress": "did you mean `userEmailAddress`?",
}


@pytest.mark.parametrize("text", MEANT)
def test_a_name_that_no_row_has_is_reported_with_what_was_meant(text, project):
    with_line(project, "counts: userAggregateActivityStats", f"counts: userAggregateActivityStats\n      more: {text}")
    found = [one for one in found_in(project) if one.code == "C206"]
    assert [one.hint for one in found] == [MEANT[text]]


EQUAL = data_files.read("equal_expressions.yaml")


@pytest.mark.parametrize("change", EQUAL[::2], ids=lambda change: change["new"].splitlines()[0])
def test_an_equivalent_expression_gives_no_new_finding(change, project):
    text = project.read_text("utf-8")
    assert change["old"] in text
    project.write_text(text.replace(change["old"], change["new"], 1), "utf-8")
    assert [one.render() for one in check.check_file(project) if one.severity != "note"] == []


# -------------------------------------------------------------------------------------- each expression for itself

MISTAKES = {
    "an unbound variable": ("counts: userAggregateActivityStats", "counts: $uuser.counts", "C202"),
    "a syntax error": ("counts: userAggregateActivityStats", "counts: userAggregateActivityStats[", "S0203"),
    "an unknown function": (
        "counts: userAggregateActivityStats",
        "counts: $spraed(userAggregateActivityStats)",
        "C203",
    ),
    "an empty expression": ("period: '\"total\"'", "period: ''", "M106"),
    "an unknown field": ("calls_hosted: $counts.callsAsHost", "calls_hostd: $counts.callsAsHost", "C201"),
    "an unknown parameter": ("userIds: $query.users.id", "userIds: $query.user.id", "C204"),
    "a list for a text": ("aggregation_period: $period", "aggregation_period: [$period]", "C205"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_for_which_load_refuses_a_mapping_hides_nothing_else_and_has_no_consequences(mistake, project):
    old, new, code = MISTAKES[mistake]
    text = project.read_text("utf-8").replace(old, new, 1)
    assert new in text
    project.write_text(text, "utf-8")
    with pytest.raises(MapperError):
        load(project)
    assert {one.code for one in check.check_file(project)} == {code}
    more = {"time_zone: timeZone": "time_zone: timezone", "offsets: [": "offsets: [", "$unit := ": "$unit := -"}
    more["last_day: $ceilDate($query.end_time, "] = "last_day: $ceilDate("
    for known, wrong in more.items():
        text = text.replace(known, wrong, 1)
    project.write_text(text, "utf-8")
    assert {one.code for one in check.check_file(project)} == {code, "C206", "C208", "C225"}


FUNCTIONS_IN_LET = {
    "function($x) { $x }": True,
    "$uppercase": True,
    "$substring(?, 0, 3)": True,
    "$trim ~> $uppercase": True,
    "/a+/": True,
    "$user.many ? $trim : $uppercase": True,
    "($f := function($x) { $x }; $f)": False,
    "($f := function($x) { $x }; $f($user.id))": False,
    "$user.id ~> $uppercase": False,
    "$map($user.ids, $uppercase)": False,
}


@pytest.mark.parametrize("value", FUNCTIONS_IN_LET)
def test_a_function_in_let_is_refused_where_it_is_defined_and_only_there(value, acme):
    text = ACME.replace("    response_mapping:", f"    let:\n      f: |\n        {value}\n    response_mapping:")
    called = text.replace("id: $user.id\n", "id: $f($user.id)\n", 1)
    if FUNCTIONS_IN_LET[value]:
        assert [code for code, _, _ in acme(called)] == ["C226"]
    else:
        found = acme(called)
        assert [(code, message) for code, message, _ in found] == [("C203", "$f is a value, not a function")]


@pytest.mark.parametrize(
    ("old", "part"),
    [
        ('($stats[name = "Patience"].value[$ != null])[0]', "[$ != null]"),
        ('($stats[name = "Question Rate"].value[$ != null])[0]', "[0]"),
    ],
)
def test_a_field_without_the_selection_of_those_beside_it_is_told(old, part, tmp_path):
    text = SHIPPED.with_name("interactions.yaml").read_text("utf-8")
    path = tmp_path / "interactions.yaml"
    path.write_text(text.replace(old, old.replace(part, "")), "utf-8")
    (found,) = [one for one in check.check_file(path) if one.code == "C219"]
    assert (found.message, found.hint) == (
        f"the fields beside this one have `{part}`, and it does not",
        f"add `{part}`",
    )
