"""What the pages of the documentation promise: snippets run, files load, links lead somewhere, nothing is left out."""

import ast
import inspect
import re
import shlex

import joining
import pytest
import snippets
import typer
import yaml
from snippets import GENERATED, PAGES, ROOT, blocks

import truto_mapper
from truto_mapper import Source, load
from truto_mapper.authoring import diff
from truto_mapper.authoring.golden import cases
from truto_mapper.edges import cli
from truto_mapper.engine import rendering
from truto_mapper.language import builder, expression, parser
from truto_mapper.language.library import patterns, strings
from truto_mapper.language.runtime import values
from truto_mapper.mapping.document import (
    EndpointDocument,
    ErrorDocument,
    JoinDocument,
    MappingDocument,
    PaginationDocument,
    WholeDaysDocument,
)
from truto_mapper.resource.document import FieldDocument, MethodDocument, PeriodDocument, ResourceDocument
from truto_mapper.text import reports, yaml_tree
from truto_mapper.text.codes import CODES
from truto_mapper.text.shape import shaped

if not (ROOT / "README.md").is_file():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

WRITTEN = [path for path in PAGES if path.name not in GENERATED]
TEXTS = {path: path.read_text("utf-8") for path in PAGES}
GROUP = typer.main.get_command(cli.app)
COMMANDS = {
    f"{name} {inner}".strip(): found
    for name, command in ((one, GROUP.get_command(None, one)) for one in GROUP.list_commands(None))
    for inner, found in getattr(command, "commands", {"": command}).items()
}


def by_name(path):
    return path.name


@pytest.mark.parametrize("path", WRITTEN, ids=by_name)
def test_the_snippets_of_a_page_do_what_it_says(path, accept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path if any(block.file for block in blocks(TEXTS[path])) else ROOT)
    found = snippets.run(TEXTS[path])
    assert str(ROOT) not in found, "leave out the lines that depend on the checkout, as …"
    if accept:
        path.write_text(found, "utf-8")
    assert found == TEXTS[path]


# ── Blocks of YAML and JSON ──────────────────────────────────────────────────────────────────────────────────────


def mapping(text, tmp_path):
    """Load an example; the one of the activity is tried, the others are of the spec on the page about the format."""
    (tmp_path / "example.yaml").write_text(text, "utf-8")
    if "resource: activity" not in text:
        page = ROOT / "docs" / "mapping-format.md"
        (found,) = (one.text for one in blocks(page.read_text("utf-8")) if "resource: contact\ntitle" in one.text)
        write_spec(found, tmp_path)
        load(tmp_path / "example.yaml")
        return
    body = {"usersAggregateActivityStats": [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2}}]}
    page = load(tmp_path / "example.yaml").map(body)
    assert page.records[0]["metrics"] == {"calls_hosted": 2}


CONTACTS = """\
version: 1
integration: acme
unified_model: crm
resource: contact
endpoints:
  all:
    path_mapping: '"/contacts"'
    recognise: $exists(contacts)
    for_each: {contact: contacts}
    response_mapping: {id: id, stage: $lowercase(state), emails: owner}
"""


def spec(text, tmp_path):
    write_spec(text, tmp_path)
    (tmp_path / "contacts.yaml").write_text(CONTACTS)
    row = {"id": "1", "state": "WON", "owner": {"email": "a@example.com"}}
    (record,) = load(tmp_path / "contacts.yaml").map({"contacts": [row]}).records
    assert record == {"id": "1", "stage": "won", "emails": [{"email": "a@example.com"}], "remote_data": row}


def write_spec(text, folder):
    """Write the spec of a page where mappings in a folder find it."""
    (folder / "schemas" / "crm").mkdir(parents=True, exist_ok=True)
    (folder / "schemas" / "crm" / "contact.yaml").write_text(text, "utf-8")


def overlay(text, _):
    mapper = load("gong/activity", overlays=[Source("acme.yaml", text)])
    user = {"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2, "callsSharedExternally": 3}}
    assert mapper.map({"usersAggregateActivityStats": [user]}).records[0]["metrics"]["calls_hosted"] == 5


def endpoint(text, folder):
    head = (
        "context: {owner_names: {type: boolean, default: true}}\nendpoints:\n  all:\n    path_mapping: '\"/deals\"'\n"
    )
    lines = [f"    {line}\n" for line in text.splitlines()]
    assert joining.mapper_of(folder, mapping=joining.HEAD + head + "".join(lines)).mapping.endpoints[0].joins


def lookups(text, folder):
    assert joining.mapper_of(folder, mapping=joining.HEAD + text).mapping.lookups


def approvals(text, _):
    assert [one.code for one in diff.unapproved([], Source("a.yaml", text))] == ["B331"]


def case(text, _):
    assert shaped(yaml_tree.parse(Source("case.yaml", text)), cases.Settings).description


def job(text, _):
    for one in yaml.safe_load(text)["jobs"].values():
        lines = [line for step in one["steps"] for line in step.get("run", "").splitlines()]
        commands = [line.partition(">")[0] for line in lines if line.startswith("truto-mapper ")]
        assert commands
        assert [unknown for command in commands if (unknown := misused(command))] == []


def hooks(text, _):
    shipped = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (repository,) = yaml.safe_load(text)["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in shipped]


#: What a block of YAML without a file's name must be, by the keys that it begins with.
KINDS = {
    ("version", "integration"): mapping,
    ("version", "unified_model"): spec,
    ("endpoints",): overlay,
    ("for_each", "join"): endpoint,
    ("lookups", "endpoints"): lookups,
    ("approved",): approvals,
    ("description", "query"): case,
    ("name", "on"): job,
    ("repos",): hooks,
}

EXAMPLES = [(path, one.text) for path in WRITTEN for one in blocks(TEXTS[path]) if one.kind == "yaml" and not one.file]


def misused(command):
    """The options that a command lacks. If no command has the name, the name itself."""
    _, *rest = shlex.split(command)
    name = next((" ".join(rest[:count]) for count in (2, 1) if " ".join(rest[:count]) in COMMANDS), None)
    if name is None:
        return {rest[0]} - {one.partition(" ")[0] for one in COMMANDS}
    options = {one for parameter in COMMANDS[name].params for one in parameter.opts}
    return {given for one in rest if (given := one.partition("=")[0]).startswith("--")} - options - {"--help"}


@pytest.mark.parametrize(("path", "text"), EXAMPLES, ids=[f"{path.name}-{n}" for n, (path, _) in enumerate(EXAMPLES)])
def test_an_example_in_yaml_is_what_it_looks_like(path, text, tmp_path):
    keys = tuple(yaml_tree.parse(Source(path.name, text)).value)
    kind = next((check for begun, check in KINDS.items() if keys[: len(begun)] == begun), None)
    assert kind is not None, f"{path.name} has a block of YAML that nothing loads"
    kind(text, tmp_path)


def test_every_block_is_of_a_kind_that_is_tested():
    known = {"bash", "console", "diff", "dockerfile", "ini", "json", "mermaid", "python", "yaml"}
    found = {(path.name, block.kind) for path in WRITTEN for block in blocks(TEXTS[path])}
    assert {kind for _, kind in found} <= known
    assert [
        (path.name, block.kind)
        for path in WRITTEN
        for block in blocks(TEXTS[path])
        if block.kind in ("diff", "json") and block.file is None
    ] == []


def test_the_commands_that_are_only_mentioned_exist_and_take_their_options():
    for path in WRITTEN:
        for command in re.findall(r"`(truto-mapper [a-z][^`]*)`", TEXTS[path].replace("\n", " ")):
            assert not misused(command), (path.name, command)


def test_the_commands_in_shells_and_files_exist_and_take_their_options():
    texts = [
        (path, one.text) for path in WRITTEN for one in blocks(TEXTS[path]) if one.kind in ("bash", "dockerfile", "ini")
    ]
    for path, text in texts:
        joined = text.replace("\\\n", " ").replace('", "', " ")
        for command in re.findall(r"(?:^|[ /\"])(truto-mapper [a-z][^\n\"|&;]*)", joined, re.MULTILINE):
            assert not misused(command.removeprefix("truto-mapper ") if " truto-mapper " in command else command), path


# ── Links ────────────────────────────────────────────────────────────────────────────────────────────────────────


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = []
    for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{words}-{found.count(words)}" if words in found else words)
    return found


LINKS = [
    (path, target)
    for path in [*PAGES, ROOT / "CHANGELOG.md"]
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", path.read_text("utf-8")))
    if not re.match(r"https?:", target)
]


@pytest.mark.parametrize(("path", "target"), LINKS, ids=[f"{path.name}-{target}" for path, target in LINKS])
def test_a_link_leads_somewhere(path, target):
    file, _, anchor = target.partition("#")
    there = (path.parent / file).resolve() if file else path
    assert there.exists()
    assert there.is_relative_to(ROOT)
    if anchor:
        assert anchor in anchors(there.read_text("utf-8"))


# ── Completeness ─────────────────────────────────────────────────────────────────────────────────────────────────


def section(text, heading):
    """The text of a section, up to the next heading."""
    return re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1].split("\n#", 1)[0]


def rows(text):
    """The first cell of each row of the tables in a text, without its backticks, and the second."""
    found = [re.split(r"(?<!\\)\|", line) for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE)]
    return {cells[1].strip().strip("`"): cells[2].strip() for cells in found}


MODELS = {
    "Mapping": MappingDocument,
    "Endpoint": EndpointDocument,
    "Pages": PaginationDocument,
    "Join": JoinDocument,
    "Whole days": WholeDaysDocument,
    "Error mapping": ErrorDocument,
    "Resource spec": ResourceDocument,
    "Method": MethodDocument,
    "Period": PeriodDocument,
    "Field": FieldDocument,
    "Golden case": cases.Settings,
    "Raises": cases.Raises,
}


#: The other files of a case.
OF_CASES = ("case.yaml", "users-1.payload.json", "users-1.request.json")


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_of_a_file_is_documented(heading):
    found = rows(section(TEXTS[ROOT / "docs" / "mapping-format.md"], heading))
    keys = MODELS[heading].model_fields
    files = {*cases.PAYLOADS, *cases.EXPECTATIONS, *OF_CASES} if heading == "Golden case" else set()
    assert found.keys() - files == keys.keys()
    assert {key for key, required in found.items() if required == "yes"} == {
        key for key, field in keys.items() if field.is_required()
    }
    assert all(file in section(TEXTS[ROOT / "docs" / "mapping-format.md"], heading) for file in files)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_with_each_of_its_options(name):
    text = section(TEXTS[ROOT / "docs" / "cli.md"], name)
    options = {one for parameter in COMMANDS[name].params for one in parameter.opts if one.startswith("-")}
    assert set(re.findall(r"^\| `(-[\w-]+)", text, re.MULTILINE)) == options
    arguments = [one.metavar.strip("[].") for one in COMMANDS[name].params if one.param_type_name == "argument"]
    usage = re.search(rf"`truto-mapper {name}( [^`]*)?`", text)[1] or ""
    assert re.findall(r"[A-Z/]+", usage) == arguments


def test_every_public_name_is_documented():
    text = TEXTS[ROOT / "docs" / "embedding.md"]
    methods = {name for public in (truto_mapper.Mapper, truto_mapper.Page) for name in vars(public) if name[0] != "_"}
    internal = {"traced", "mapping", "sources", "count", "index", "following"}
    assert [name for name in truto_mapper.__all__ if not re.search(rf"\b{name}\b", text)] == []
    assert [name for name in sorted(methods - internal) if not re.search(rf"\b{name}\b", text)] == []


def test_every_argument_is_documented():
    table = rows(section(TEXTS[ROOT / "docs" / "embedding.md"], "Plan, map"))
    calls = {call.partition("(")[0]: re.findall(r"\w+", call.partition("(")[2]) for call in table}
    for name in ("plan", "map"):
        assert calls[name] == list(inspect.signature(getattr(truto_mapper.Mapper, name)).parameters)[1:]
    shown = re.search(r"`load\((.*?)\)` takes", TEXTS[ROOT / "docs" / "embedding.md"])[1]
    assert re.findall(r"(\w+)(?:=[^,]+)?(?:, |$)", shown) == list(inspect.signature(load).parameters)


def test_every_format_is_documented():
    page = rows(section(TEXTS[ROOT / "docs" / "embedding.md"], "The page"))
    assert set(rendering.FORMATS) <= page.keys()
    assert list(rows(section(TEXTS[ROOT / "docs" / "ci.md"], "Reports"))) == list(reports.FORMATS)
    for name in ("check", "test", "diff", "validate", "schema"):
        assert all(f"`{one}`" in section(TEXTS[ROOT / "docs" / "cli.md"], name) for one in reports.FORMATS)
    assert all(f"`{one}`" in section(TEXTS[ROOT / "docs" / "cli.md"], "map") for one in rendering.FORMATS)


def test_every_bound_of_an_evaluation_is_documented():
    text = section(TEXTS[ROOT / "docs" / "jsonata.md"], "Bounds")
    bounds = [values.MAX_LENGTH, values.MAX_SPENT, values.MAX_WRITTEN, values.MAX_VISITS, values.MAX_DATA_NESTING]
    bounds += [patterns.STEPS, expression.EVALUATED, expression.COMPILED, strings.MAX_URL]
    bounds += [
        parser.MAX_CHARACTERS,
        builder.MAX_NODES,
        builder.MAX_NESTING,
        expression.DEFAULT_DEPTH,
        int(expression.DEFAULT_TIMEOUT),
    ]
    assert [bound for bound in bounds if not re.search(rf" {bound:,}\b", text)] == []


def test_every_code_of_check_is_linked():
    assert set(re.findall(r"\[(C\d+)\]", TEXTS[ROOT / "docs" / "check.md"])) == {one for one in CODES if one[0] == "C"}


# ── The house ────────────────────────────────────────────────────────────────────────────────────────────────────

PACKAGE = ROOT / "truto_mapper"
HOUSE = ROOT / "docs" / "architecture.md"
WINGS = ("text", "language", "resource", "mapping", "engine", "authoring", "edges")


def modules():
    """Each module of the package by its path below it, without those that are empty, in the order of the wings."""
    paths = [path for path in PACKAGE.rglob("*.py") if path.stat().st_size and path.parent != PACKAGE]
    names = {path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__"): path for path in paths}
    return dict(sorted(names.items(), key=lambda one: (WINGS.index(one[0].split("/")[0]), one[0])))


def test_the_page_of_the_architecture_names_every_module(accept):
    said = {name: ast.get_docstring(ast.parse(path.read_text("utf-8"))) for name, path in modules().items()}
    cells = {name: text.split("\n\n")[0].split("\n")[0].replace("|", "\\|") for name, text in said.items()}
    table = "| module | |\n|---|---|\n" + "".join(f"| `{name}` | {cell} |\n" for name, cell in cells.items())
    text = HOUSE.read_text("utf-8")
    made = re.sub(r"(\n## Every module\n\n[^\n]+\n).*", lambda found: f"{found[1]}\n{table}", text, flags=re.DOTALL)
    if accept:
        HOUSE.write_text(made, "utf-8")
    assert HOUSE.read_text("utf-8") == made


def test_the_modules_that_the_pages_name_exist():
    named = {
        (path.name, name)
        for path in WRITTEN
        for name in re.findall(rf"`((?:{'|'.join(WINGS)})/[a-z_/]+)`", TEXTS[path])
    }
    known = modules()
    assert {one for one in named if not (PACKAGE / one[1]).is_dir() and one[1] not in known} == set()
    assert len({name for page, name in named if page == HOUSE.name}) >= 20


def test_the_files_of_the_checkout_that_the_pages_name_exist():
    found = {(path.name, name) for path in WRITTEN for name in re.findall(r"`((?:tests|\.ci)/[\w./-]+)`", TEXTS[path])}
    assert len(found) >= 5
    assert {one for one in found if not (ROOT / one[1]).exists()} == set()


def test_the_drawing_has_the_wings_in_the_order_in_which_they_import():
    (drawing,) = [block.text for block in blocks(TEXTS[HOUSE]) if block.kind == "mermaid"]
    assert tuple(re.findall(r"^ +(\w+)\[", drawing, re.MULTILINE)) == WINGS
    arrows = re.findall(r"(\w+) --> (\w+)", drawing)
    assert all(WINGS.index(over) > WINGS.index(below) for over, below in arrows)
    assert {over for over, _ in arrows} == set(WINGS[1:])
