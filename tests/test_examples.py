"""The example repository: its checks and cases, and its mappings against small providers in plain Python."""

import csv
import io
import json
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import data_files
import pytest
from typer.testing import CliRunner

from truto_mapper import Page, ProviderError, QueryError, Response, load
from truto_mapper.authoring import check, coverage, golden
from truto_mapper.edges import cli

EXAMPLES = Path(__file__).parents[1] / "examples"
MAPPINGS = sorted(EXAMPLES.glob("mappings/*/*.yaml"))
WEB = {"project": "web"}
FAULTS = data_files.read("example_faults.yaml")


def mapper(name):
    return load(EXAMPLES / "mappings" / f"{name}.yaml")


def pages(mapper, send, query="", **more):
    """All pages of a list."""
    stream = mapper.stream(query, **more)
    item = next(stream, None)
    while item is not None:
        if isinstance(item, Page):
            yield item
        item = next(stream, None) if isinstance(item, Page) else stream.send(send(item))


def records(mapper, send, query="", **more):
    return [record for page in pages(mapper, send, query, **more) for record in page.records]


def answer(mapper, send, query="", **more):
    """The page of one exchange."""
    exchange = mapper.exchange(query, **more)
    try:
        request = next(exchange)
        while True:
            request = exchange.send(send(request))
    except StopIteration as end:
        return end.value


def known(**fields):
    """An object of the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def in_json(body, status=200, headers=()):
    return Response(json.dumps(body).encode(), status, dict(headers))


# --------------------------------------------------------------------------------------------- what authors run


@pytest.fixture
def run(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    return lambda *arguments: CliRunner().invoke(cli.app, arguments)


def test_check_finds_neither_errors_nor_warnings(run):
    found = run("check", "--strict")
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize("row", FAULTS["faults"], ids=lambda row: row["new"] or row["old"])
def test_a_fault_in_an_example_is_found(row, tmp_path, monkeypatch):
    assert row["finds"] in [one.code for one in planted(row, tmp_path, monkeypatch)]


@pytest.mark.parametrize("row", FAULTS["fine"], ids=lambda row: row["new"])
def test_another_way_of_writing_the_same_in_an_example_is_not_told(row, tmp_path, monkeypatch):
    assert [one.render() for one in planted(row, tmp_path, monkeypatch) if one.severity != "note"] == []


def planted(row, folder, monkeypatch):
    """What `check` finds in a mapping in which one text is another."""
    shutil.copytree(EXAMPLES / "schemas", folder / "schemas")
    path, text = (
        folder / "mappings" / f"{row['file']}.yaml",
        (EXAMPLES / f"mappings/{row['file']}.yaml").read_text("utf-8"),
    )
    assert row["old"] in text
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(row["old"], row["new"], 1), "utf-8")
    monkeypatch.chdir(folder)
    return check.check_file(path)


def test_every_case_passes(run):
    assert run("test").exit_code == 0
    assert {path for path in EXAMPLES.glob("mappings/*/*/*") if path.is_dir()} == {
        case for mapping in MAPPINGS for case in golden.folders(mapping)
    }


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_cases_exercise_nearly_everything(path):
    assert coverage.measure(load(path), map(golden.read, golden.folders(path))).percent >= 95


def test_the_page_names_every_mapping_and_its_commands_work(run):
    text = (EXAMPLES / "README.md").read_text("utf-8")
    for path in MAPPINGS:
        assert path.relative_to(EXAMPLES).as_posix() in text
    commands = [line.removeprefix("$ truto-mapper ") for line in text.splitlines() if line.startswith("$ ")]
    for command in commands:
        found = run(*command.split())
        assert found.exit_code == 0, found.output
    assert len(commands) >= 4


def test_drift_knows_the_endpoint_of_a_case_by_its_method(run):
    found = run("drift", "beacon/ticket", "mappings/beacon/ticket")
    assert found.exit_code == 0, found.output
    assert "tickets: 6 replies, nothing changed" in found.output
    assert "ticket: 1 reply, nothing changed" in found.output


def test_a_setting_that_the_path_needs_is_named_if_it_is_not_given(run):
    assert "hint: the context has no `project`" in run("plan", "beacon/ticket").output


def test_a_method_that_the_resource_does_not_have_is_no_slip(run):
    found = run("plan", "beacon/ticket", "--method", "delete", "--id", "1")
    assert 'ticketing/ticket has no method "delete", only list, get' in found.output
    assert "did you mean" not in found.output


# --------------------------------------------------------------------------------------------- harbor: a CRM

#: The unified name of each source of a lead, by what its code begins with.
SOURCES = {"WEB": "website", "AD": "advertising", "SOC": "social", "MAIL": "email"}
SOURCES |= {"EVT": "event", "REF": "referral", "PRT": "partner", "OUT": "outbound"}


class Harbor:
    """Contacts in memory, behind pages with numbers."""

    def __init__(self, count):
        schema = json.loads((EXAMPLES / "schemas/harbor/contact.schema.json").read_text("utf-8"))
        self.codes = [one for one in schema["properties"]["data"]["properties"]["source"]["enum"] if one]
        self.contacts = {number: self.contact(number) for number in range(1, count + 1)}
        self.asked = []

    def contact(self, number):
        """Every third value is null, and every fifth absent."""
        full = {
            "firstName": f"Ada {number}",
            "lastName": "King",
            "emails": [{"address": f"{number}@example.com", "label": ["WORK", "HOME", None][number % 3]}],
            "phone": ["+1", ""][number % 2],
            "source": self.codes[number % 40],
            "ownerId": number % 7,
            "subscribed": number % 2 == 0,
            "custom": [{"name": "size", "value": number}, {"name": "tags", "value": ["a"]}],
            "updated": 1767225600 + number,
        }
        if number % 3 == 0:
            full = dict.fromkeys(full)
        if number % 5 == 0:
            full = {"emails": [], "source": None}
        return {"id": number, "created": 1767225600 - number, **full}

    def send(self, request):
        self.asked.append(request)
        match request.method, request.path.removeprefix("/api/contacts").strip("/"):
            case "GET", "":
                return self.page(**request.params)
            case "POST", "":
                number = len(self.contacts) + 1
                self.contacts[number] = {"id": number, "emails": [], "source": None, "created": 0, **request.body}
                return in_json({"data": self.contacts[number]}, 201)
            case method, number if int(number) in self.contacts:
                if method == "DELETE":
                    del self.contacts[int(number)]
                    return Response(b"", 204)
                self.contacts[int(number)] |= request.body or {}
                return in_json({"data": self.contacts[int(number)]})
        return in_json({"error": {"code": "not_found", "message": "No such contact"}}, 404)

    def page(self, page, per_page, source=None, updated_since="0"):
        wanted = [source] if isinstance(source, str) else source
        since = int(updated_since)
        found = [
            one
            for one in self.contacts.values()
            if (wanted is None or one["source"] in wanted) and (not since or (one.get("updated") or 0) >= since)
        ]
        start, size = (int(page) - 1) * int(per_page), int(per_page)
        return in_json({"data": found[start : start + size], "meta": {"page": int(page), "total": len(found)}})


def moment(seconds):
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def unified_contact(row):
    emails, owner, updated, source = (row.get(name) for name in ("emails", "ownerId", "updated", "source"))
    types = {"WORK": "work", "HOME": "personal"}
    return known(
        id=str(row["id"]),
        first_name=row.get("firstName"),
        last_name=row.get("lastName"),
        emails=emails and [known(email=one["address"], type=types.get(one.get("label"))) for one in emails],
        phone=row.get("phone") or None,
        lead_source=source and SOURCES[source.partition("_")[0]],
        owner_id=None if owner is None else str(owner),
        is_subscribed=row.get("subscribed"),
        custom_fields={one["name"]: one["value"] for one in row.get("custom") or []} or None,
        created_at=moment(row["created"]),
        updated_at=updated and moment(updated),
    )


def test_contacts_come_page_by_page_until_the_total():
    harbor = Harbor(250)
    found = [page.records for page in pages(mapper("harbor/contact"), harbor.send)]
    assert [len(one) for one in found] == [100, 100, 50]
    assert [one.params["page"] for one in harbor.asked] == ["1", "2", "3"]
    assert [one for page in found for one in page] == [unified_contact(one) for one in harbor.contacts.values()]


@pytest.mark.parametrize("source", SOURCES.values())
def test_a_unified_source_asks_for_all_of_its_codes(source):
    harbor = Harbor(250)
    found = records(mapper("harbor/contact"), harbor.send, {"lead_source": source})
    expected = [unified_contact(one) for one in harbor.contacts.values()]
    assert found == [one for one in expected if one.get("lead_source") == source] != []


def test_contacts_changed_since_a_moment_are_asked_for_in_seconds():
    harbor = Harbor(250)
    found = records(mapper("harbor/contact"), harbor.send, "updated_after=2026-01-01T00:04:00Z&limit=3")
    assert [one["id"] for one in found] == ["241", "242", "244"]


def test_a_contact_goes_there_and_back():
    harbor, contact = Harbor(3), mapper("harbor/contact")
    body = {
        "first_name": "Grace",
        "last_name": "Hopper",
        "emails": [{"email": "grace@example.com", "type": "work"}, {"email": "g@example.org"}],
        "phone": "+1",
        "owner_id": "7",
        "is_subscribed": False,
        "custom_fields": {"size": 1, "tags": ["a", "b"], "none": None},
    }
    for source in SOURCES.values():
        made = answer(contact, harbor.send, method="create", body=body | {"lead_source": source}).record
        assert made == {"id": made["id"], **body, "lead_source": source, "created_at": moment(0)}
        assert answer(contact, harbor.send, method="get", id=made["id"]).record == made
        changed = answer(contact, harbor.send, method="update", id=made["id"], body={"phone": "+2"}).record
        assert changed == made | {"phone": "+2"}
        assert harbor.asked[-1].body == {"phone": "+2"}
        assert answer(contact, harbor.send, method="delete", id=made["id"]).render() is None
        for method in ("get", "delete"):
            with pytest.raises(ProviderError, match="No such contact") as caught:
                answer(contact, harbor.send, method=method, id=made["id"])
            assert caught.value.status == 404


def test_a_contact_without_a_last_name_is_refused_before_anything_is_sent():
    harbor = Harbor(0)
    with pytest.raises(QueryError, match="last_name"):
        answer(mapper("harbor/contact"), harbor.send, method="create", body={"first_name": "Grace"})
    assert harbor.asked == []


# --------------------------------------------------------------------------------------------- beacon: a help desk

STATES = {"new": "open", "active": "in_progress", "done": "closed"}


class Beacon:
    """Tickets in memory, behind links; users whose id ends in 9 are gone."""

    def __init__(self, count):
        self.tickets = [self.ticket(number) for number in range(1, count + 1)]
        self.asked = []

    def ticket(self, number):
        comment = {"text": f"It is {number}", "authorId": None if number % 4 else 3, "at": "2026-01-05T10:00:00Z"}
        replies = [{"id": 2000 + one, **comment} for one in range(number % 3)]
        comments = [{"id": 1000 + one, **comment, "replies": replies} for one in range(number % 4)]
        return {
            "number": number,
            "title": f"Ticket {number}",
            "state": list(STATES)[number % 3],
            "labels": [{"name": "bug"}] * (number % 2),
            "assignees": [number % 20, 7][: number % 3],
            "comments": comments if number % 5 else None,
            "opened": "2026-01-05T09:30:00Z",
            **({} if number % 2 else {"closed": None if number % 4 else "2026-01-06T09:30:00Z"}),
        }

    def user(self, number):
        return {"id": number, "name": f"User {number}", "email": None if number % 2 else f"{number}@example.com"}

    def send(self, request):
        self.asked.append(request)
        kind, _, rest = request.path.lstrip("/").partition("/")
        if kind == "users":
            gone = rest.endswith("9")
            return in_json({"message": "No such user"}, 404) if gone else in_json(self.user(int(rest)))
        project, _, number = rest.removesuffix("/tickets").partition("/tickets/")
        assert project == "web"
        if number:
            found = [one for one in self.tickets if str(one["number"]) == number]
            return in_json(found[0]) if found else in_json({"message": "No such ticket"}, 404)
        return self.page(**request.params)

    def page(self, per_page, page="1", state=None):
        found = [one for one in self.tickets if state in (None, one["state"])]
        end = int(page) * int(per_page)
        more = f"&state={state}" if state else ""
        url = f"https://api.beacon.example/projects/web/tickets?per_page={per_page}{more}&page={int(page) + 1}"
        headers = {"Link": f'<{url}>; rel="next"'} if end < len(found) else {}
        return in_json(found[end - int(per_page) : end], headers=headers)


def unified_ticket(row, beacon):
    def flat(comments):
        for one in comments:
            yield one, None
            yield from ((reply, str(one["id"])) for reply in one.get("replies", []))

    def person(number):
        user = {} if number % 10 == 9 else beacon.user(number)
        return known(id=str(number), name=user.get("name"), email=user.get("email"))

    return known(
        id=str(row["number"]),
        name=row["title"],
        status=STATES[row["state"]],
        tags=[one["name"] for one in row["labels"]],
        assignees=[person(one) for one in row["assignees"]],
        comments=row["comments"]
        and [
            known(
                id=str(one["id"]),
                parent_id=parent,
                body=one["text"],
                author_id=None if one["authorId"] is None else str(one["authorId"]),
                created_at=one["at"],
            )
            for one, parent in flat(row["comments"])
        ],
        created_at=row["opened"],
        closed_at=row.get("closed"),
    )


def test_tickets_follow_the_links_and_ask_for_each_assignee_of_a_page_once():
    beacon = Beacon(120)
    found = [page.records for page in pages(mapper("beacon/ticket"), beacon.send, context=WEB)]
    assert [len(one) for one in found] == [50, 50, 20]
    expected = [unified_ticket(one, beacon) for one in beacon.tickets]
    assert [one for page in found for one in page] == expected
    users = [{number for one in page for number in one["assignees"]} for page in sliced(beacon.tickets, 50)]
    assert sum(one.join == "users" for one in beacon.asked) == sum(map(len, users))


def sliced(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


@pytest.mark.parametrize("status", STATES.values())
def test_tickets_of_a_status_keep_it_on_every_page(status):
    beacon = Beacon(240)
    found = records(mapper("beacon/ticket"), beacon.send, {"status": status}, context=WEB)
    assert (len(found), {one["status"] for one in found}) == (80, {status})


def test_one_ticket_is_read_with_its_assignees_or_is_missing():
    beacon, ticket = Beacon(20), mapper("beacon/ticket")
    found = answer(ticket, beacon.send, method="get", id="8", context=WEB).record
    assert found == unified_ticket(beacon.tickets[7], beacon)
    with pytest.raises(ProviderError, match="No such ticket") as caught:
        answer(ticket, beacon.send, method="get", id="99", context=WEB)
    assert caught.value.status == 404


def test_a_link_to_another_host_is_not_followed():
    headers = {"Link": '<https://elsewhere.example/projects/web/tickets?page=2>; rel="next"'}
    with pytest.raises(ProviderError, match="elsewhere"):
        records(mapper("beacon/ticket"), lambda _: in_json([], headers=headers), context=WEB)


# --------------------------------------------------------------------------------------------- roster and tally: HR


class Roster:
    """Employees in memory, behind offsets; managers whose id ends in 9 are gone."""

    def __init__(self, count, total=None):
        self.employees = [self.employee(number) for number in range(1, count + 1)]
        self.total, self.asked = total, []

    def employee(self, number):
        full = {
            "first": f"Ada {number}",
            "last": "King",
            "mail": f"Ada.{number}@Example.com",
            "left": f"{number % 12 + 1:02}/28/2025",
            "managerId": number % 150,
            "salaryCents": 1000 * number + 1999,
            "currency": "GBP",
            "fte": number % 5 / 4,
        }
        full = dict.fromkeys(full) if number % 7 == 0 else full
        return {"employeeId": number, "status": "ALT"[number % 3], "hired": f"02/{number % 28 + 1:02}/2020", **full}

    def person(self, number):
        return {"id": number, "first": f"Boss {number}", "last": None if number % 2 else "Hopper"}

    def send(self, request):
        self.asked.append(request)
        if request.path == "/v1/people/search":
            ids = request.body["ids"]
            assert len(ids) <= 50
            return in_json({"people": [self.person(one) for one in reversed(ids) if one % 10 != 9]})
        start, size = int(request.params["offset"]), int(request.params["limit"])
        found = [one for one in self.employees if request.params.get("status") in (None, one["status"])]
        headers = {} if self.total is None else {"X-Total-Count": str(self.total)}
        return in_json(found[start : start + size], headers=headers)


def day(text):
    return text and f"{datetime.strptime(text, '%m/%d/%Y').replace(tzinfo=UTC):%Y-%m-%d}"


def unified_employee(row, roster):
    manager, cents = row["managerId"], row["salaryCents"]
    boss = {} if manager is None or manager % 10 == 9 else roster.person(manager)
    name = " ".join(one for one in (boss.get("first"), boss.get("last")) if one)
    return known(
        id=str(row["employeeId"]),
        first_name=row["first"],
        last_name=row["last"],
        email=row["mail"] and row["mail"].lower(),
        employment_status={"A": "active", "L": "on_leave", "T": "terminated"}[row["status"]],
        start_date=day(row["hired"]),
        end_date=day(row["left"]),
        manager=None if manager is None else known(id=str(manager), name=name or None),
        salary=None if cents is None else known(amount=cents / 100, currency=row["currency"]),
        full_time_ratio=row["fte"],
    )


@pytest.mark.parametrize("total", [None, 250, 251], ids=["no total", "a total", "a total that is too large"])
def test_employees_come_by_offset_with_the_names_of_their_managers(total):
    roster = Roster(250, total)
    found = records(mapper("roster/employee"), roster.send)
    assert found == [unified_employee(one, roster) for one in roster.employees]
    assert sum(one.join == "managers" for one in roster.asked) == 2 + 2 + 1


def test_employees_of_a_status_and_a_limit_are_as_many_as_asked():
    roster = Roster(400)
    found = records(mapper("roster/employee"), roster.send, "employment_status=on_leave&limit=120")
    assert (len(found), {one["employment_status"] for one in found}) == (120, {"on_leave"})


def test_decimals_keep_their_digits_in_bytes():
    row = {**Roster(1).employees[0], "managerId": None, "fte": "RATIO"}
    body = json.dumps([row]).replace('"RATIO"', "0.12345678901234567891")
    sent = mapper("roster/employee").map_bytes(body.encode(), query="").body
    record = json.loads(sent, parse_float=Decimal)["result"][0]
    assert record["full_time_ratio"] == Decimal("0.12345678901234567891")


TALLY = ("Employee No", "First name", "Last name", "Hired", "Active", "Salary", "Currency", "Hours")


def unified_export(row):
    amount = row["Salary"] and float(row["Salary"].replace(",", ""))
    return known(
        id=row["Employee No"],
        first_name=row["First name"] or None,
        last_name=row["Last name"] or None,
        employment_status={"Yes": "active", "No": "terminated"}[row["Active"]],
        start_date=day(row["Hired"]) or None,
        salary={"amount": amount, "currency": row["Currency"]} if row["Salary"] else None,
        full_time_ratio=float(row["Hours"].rstrip("%")) / 100 if row["Hours"] else None,
    )


def test_an_export_in_csv_is_read_like_json():
    def value(number, name):
        full = (f"{number:05}", f'Ada "{number}"; née\nKing', "", f"01/{number % 28 + 1:02}/2020")
        full += ("Yes" if number % 2 else "No", f"{number * 1000 + 0.25:,.2f}", "GBP", f"{number % 9 * 12.5}%")
        kept = number % 10 or name in ("Employee No", "Active")
        return full[TALLY.index(name)] if kept else ""

    rows = [{name: value(number, name) for name in TALLY} for number in range(1, 301)]
    text = io.StringIO()
    writer = csv.DictWriter(text, TALLY, delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    found = records(mapper("tally/employee"), lambda _: Response(text.getvalue().encode(), 200, {}))
    assert found == [unified_export(one) for one in rows]
