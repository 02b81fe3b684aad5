"""A mapping as a page for people, in Markdown and in HTML: all of it is there, and nothing of it is markup."""

import functools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from typer.testing import CliRunner

from truto_mapper import Source, load
from truto_mapper.authoring import blocks, docs, html_page
from truto_mapper.edges import cli
from truto_mapper.text import files

ROOT = Path(docs.__file__).parents[2]
GONG = load("gong/activity")


@functools.cache
def shipped(form):
    """The page of the shipped mapping."""
    return docs.FORMATS[form](GONG)


def rows(text, heading):
    """The rows of the table below a heading of Markdown, each a list of cells."""
    table = text.split(f"# {heading}\n\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.split("\n")[2:]]


@pytest.mark.parametrize("name", files.shipped("mappings", ".yaml"))
def test_the_page_of_a_shipped_mapping_is_up_to_date(name):
    page = f"docs/{name.replace('/', '-')}.md"
    made = docs.FORMATS["markdown"](load(name))
    assert (ROOT / page).read_text("utf-8") == made, f"write it with: truto-mapper docs {name} > {page}"


def test_each_field_that_is_mapped_has_its_type_place_expression_and_meaning():
    found = {cells[0]: cells[1:] for cells in rows(shipped("markdown"), "Fields of aggregate")}
    assert found["`metrics.calls_hosted`"] == [
        "integer",
        "`usersAggregateActivityStats.userAggregateActivityStats.callsAsHost`",
        "`$counts.callsAsHost`",
        "activity.yaml:126",
        "Calls and meetings with the user as their host.",
    ]
    assert found["`start_time`"][1] == "`fromDateTime`"  # through $start
    assert len(found) == 22


def test_each_parameter_says_where_it_is_used():
    found = {cells[0]: cells[2] for cells in rows(shipped("markdown"), "Parameters")}
    assert set(found) == {f"`{name}`" for name in GONG.resource.parameters}
    assert "to choose the endpoint (activity.yaml:43)" in found["`aggregation_period`"]
    assert "in the body (activity.yaml:50)" in found["`next_cursor`"]
    assert found["`truto_key_by`"] == "by truto-mapper"


MAPPING = """\
version: 1
integration: acme
unified_model: conversational-intelligence
resource: activity
method: list
endpoints:
  all:
    recognise: $exists(data.users)
    path_mapping: '"/users?limit=" & %s'
    for_each: {user: "data.users[active]"}
    let: {stats: $user.stats, period: '$stats.kind & "s"'}
    response_mapping:
      id: id
      aggregation_period: $period
      metrics: {calls_hosted: $stats.hosted + $response.extra}
"""


@pytest.fixture
def acme(tmp_path):
    """Loads a mapping whose path ends in an expression."""

    def loaded(expression):
        (tmp_path / "acme.yaml").write_text(MAPPING % expression, "utf-8")
        return docs.FORMATS["markdown"](load(tmp_path / "acme.yaml"))

    return loaded


@pytest.mark.parametrize(
    "expression", ["$query.limit", '$query."limit"', "($q := $query; $q.limit)", "$string($query)"]
)
def test_a_parameter_is_used_by_each_expression_that_reads_it(expression, acme):
    assert {cells[0]: cells[2] for cells in rows(acme(expression), "Parameters")}[
        "`limit`"
    ] == "in the path (acme.yaml:9)"


@pytest.mark.parametrize("expression", ['"$query.limit"', "($query := {}; $query.limit) /* $query.limit */"])
def test_a_parameter_is_not_used_by_text_that_looks_like_it(expression, acme):
    found = {cells[0]: cells[2] for cells in rows(acme(expression), "Parameters")}
    assert found["`limit`"] == "by truto-mapper"


def test_fields_have_their_places_in_the_reply_without_a_schema_of_it(acme):
    found = {cells[0]: cells[2] for cells in rows(acme("1"), "Fields of all")}
    assert found == {
        "`id`": "`data.users.id`",
        "`aggregation_period`": "`data.users.stats.kind`",
        "`metrics.calls_hosted`": "`data.users.stats.hosted`, `extra`",
    }


def test_omissions_are_listed():
    assert "`aggregate` gives no value to `created_at`, `updated_at`." in shipped("markdown")
    assert "`aggregate` never reads these fields of the reply: `requestId`" in shipped("markdown")


def test_a_comment_in_the_mapping_is_the_note_of_its_field():
    field = "  # Counted\n  # by Gong.\n  start_time: $start # as it says\n"
    text = f"endpoints: {{aggregate: {{response_mapping: {{\n{field}}}}}}}\n"
    page = docs.FORMATS["markdown"](load("gong/activity", overlays=[Source("acme.yaml", text)]))
    found = {cells[0]: cells for cells in rows(page, "Fields of aggregate")}["`start_time`"]
    assert found[4] == "acme.yaml:4"
    assert found[5].endswith("Counted by Gong. as it says")


def test_the_lineage_leads_from_each_place_to_its_fields():
    chart = shipped("markdown").split("```mermaid\n")[1].split("```")[0]
    names = dict(re.findall(r'(\w+)\["([^"]*)"\]', chart))
    edges = {(names[one], names[other]) for one, other in re.findall(r"(\w+) --> (\w+)", chart)}
    assert ("usersAggregateActivityStats.userAggregateActivityStats.callsAsHost", "metrics.calls_hosted") in edges
    assert ("fromDateTime", "start_time") in edges


def test_the_page_in_html_is_well_formed_and_needs_nothing_else():
    text = shipped("html")
    root = etree.HTML(text)
    assert [node.text for node in root.iter("h2")][:3] == [
        "Account settings",
        "Endpoints",
        "Parameters",
    ]
    (lineage, *_) = root.iter("details")
    assert {tuple("".join(cell.itertext()) for cell in row) for row in lineage.iter("tr")} >= {
        ("place in the reply", "fields"),
        ("fromDateTime", "id, start_time"),
    }
    assert {link.get("href")[1:] for link in root.iter("a")} == {node.get("id") for node in root.iter("h2")}
    assert not re.search(r"<script|https?://", text)


HOSTILE = st.text(st.sampled_from("<>&\"'`|*_[]()#!\\ \n$ab{}~:"), max_size=20)


@given(HOSTILE, HOSTILE)
def test_no_text_of_a_mapping_becomes_markup(plain, code):
    table = blocks.Table(("a", "b"), (((plain,), (blocks.Code(code), plain)),))
    (_, _, row, _) = blocks.markdown([table]).split("\n")
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    shown = etree.HTML(html_page.of_block(table))
    cells = ["".join(cell.itertext()) for cell in shown.iter("td")]
    assert cells == [plain, code + plain]
    assert {node.tag for node in shown.iter()} <= {"html", "body", "div", "table", "tr", "th", "td", "code", "wbr"}


@pytest.mark.parametrize("format_", docs.FORMATS)
def test_the_command_prints_the_page(format_):
    done = CliRunner().invoke(cli.app, ["docs", "gong/activity", "--format", format_])
    assert (done.exit_code, done.stdout) == (0, docs.FORMATS[format_](GONG))
