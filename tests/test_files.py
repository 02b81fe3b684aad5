"""Files are found by name and never by a path that nobody gave; nothing is quoted of a file of another kind."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import MappingError, Source, load
from truto_mapper.resource.spec import load_resource
from truto_mapper.text import files

SECRET = "hunter2-is-the-password"
SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /contact}}
parameters: {}
fields: {name: {type: string}}
response: {}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  all:
    path_mapping: '"/contacts"'
    source_schema: acme/contact
    for_each: {contact: items}
    response_mapping: {name: $contact.name}
"""


@pytest.fixture
def project(tmp_path):
    """A project of a mapping, its spec and its source schema, with a secret beside it."""
    for name, text in {
        "project/mappings/acme/contact.yaml": MAPPING,
        "project/schemas/crm/contact.yaml": SPEC,
        "project/schemas/acme/contact.schema.json": '{"type": "object"}',
        "secret.yaml": f"database:\n  password: {SECRET}\n  broken: [\n",
        "secret.schema.json": f'{{"password": "{SECRET}"}}',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "project"


def refusal(call, *args, **more):
    """The text of the error of a call, which never has the secret in it."""
    with pytest.raises(MappingError) as caught:
        call(*args, **more)
    assert SECRET not in str(caught.value) + repr(caught.value)
    return str(caught.value)


def edited(project, old, new, file="mappings/acme/contact.yaml"):
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return project / "mappings/acme/contact.yaml"


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = [
    "/etc/passwd",
    "/proc/self/environ",
    "../secret",
    "../secret.yaml",
    "gong/../../secret",
    "gong/..",
    ".",
    "..",
    "./gong/activity",
    "gong//activity",
    "gong/activity/",
    "gong\\activity",
    "C:/mapping.yaml",
    "~/mapping.yaml",
    "file:///etc/passwd",
    "Gong/Activity",
    "gong/activity\n",
    "gong/activity\0",
    "gong/.hidden",
    "gong/%2e%2e/x",
    "gong/\N{ONE DOT LEADER}\N{ONE DOT LEADER}",
    "x" * 5_000,
    "",
    b"gong/activity",
    None,
    5,
]


@pytest.mark.parametrize("name", PATHS, ids=repr)
@pytest.mark.parametrize("call", [load, load_resource])
def test_a_text_is_a_name_and_never_a_path(call, name, project, monkeypatch):
    monkeypatch.chdir(project)
    assert "error[M105]: " in refusal(call, name)


@pytest.mark.parametrize("name", ["mappings/acme/contact.yaml", "acme/contact", "acme/contact.yaml"])
def test_a_file_below_the_working_directory_is_not_meant_by_a_name(name, project, monkeypatch):
    monkeypatch.chdir(project)
    assert f'there is no mapping "{name}"' in refusal(load, name)
    assert load(Path("mappings/acme/contact.yaml")).resource.name == "crm/contact"


def test_a_path_given_as_a_text_says_how_to_give_it():
    assert 'hint: a name is like `gong/activity`; give the path of a file as Path("/x/y.yaml")' in refusal(
        load, "/x/y.yaml"
    )
    assert 'hint: give the path of a file as Path("x/y.yaml")' in refusal(load, "x/y.yaml")
    for overlays in (["acme.yaml"], "acme.yaml", [5], [None], None, 5, b"acme.yaml", {"acme.yaml": 1}):
        assert "is neither a Path nor a Source" in refusal(load, "gong/activity", overlays=overlays)


def test_a_shipped_mapping_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "schemas/conversational-intelligence").mkdir(parents=True)
    (tmp_path / "schemas/conversational-intelligence/activity.yaml").write_text("fields: {}")
    monkeypatch.chdir(tmp_path)
    assert "metrics" in load("gong/activity").resource.fields


@given(st.text("abA./\\~\n\0 -_", max_size=12))
def test_any_text_is_a_shipped_name_or_refused(text):
    try:
        files.find(text, "mappings", ".yaml")
    except MappingError as error:
        assert error.code == "M105"  # noqa: PT017  # both outcomes are right
    else:
        assert files.is_name(text)


# ── Names in a mapping ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../secret", "../secret", "..", "acme/../../secret", "/secret", "A/b"]
)
@pytest.mark.parametrize(
    ("key", "line"),
    [("unified_model: crm", 3), ("resource: contact", 4), ("source_schema: acme/contact", 9)],
)
def test_a_name_in_a_mapping_is_never_a_path(key, line, name, project):
    path = edited(project, f"{key}\n", f"{key.partition(':')[0]}: {name}\n")
    said = refusal(load, path)
    assert "error[M106]: this is not a name" in said
    assert f"{path}:{line}:" in said


def test_a_name_with_an_ending_is_mended(project):
    path = edited(project, "source_schema: acme/contact", "source_schema: schemas/acme/contact.schema.json")
    assert "hint: write the name alone: `acme/contact`" in refusal(load, path)


@pytest.mark.parametrize("inner", ["schemas/crm/contact.yaml", "schemas/acme/contact.schema.json"])
def test_a_link_that_leads_out_of_the_folder_is_refused(inner, project):
    (project / inner).unlink()
    (project / inner).symlink_to(project.parent / "secret.yaml")
    assert "it is a link to a file outside of schemas" in refusal(load, project / "mappings/acme/contact.yaml")


def test_a_link_within_the_folder_and_a_linked_folder_are_followed(project):
    (project / "schemas/crm/contact.yaml").rename(project / "schemas/real.yaml")
    (project / "schemas/crm/contact.yaml").symlink_to("../real.yaml")
    (project / "schemas").rename(project.parent / "elsewhere")
    (project / "schemas").symlink_to(project.parent / "elsewhere")
    assert load(project / "mappings/acme/contact.yaml").resource.name == "crm/contact"


# ── What is no file to read ──────────────────────────────────────────────────────────────────────────────────────


def device(name):
    return pytest.param(Path(name), marks=pytest.mark.skipif(not Path(name).exists(), reason=f"there is no {name}"))


@pytest.mark.parametrize("path", [device("/dev/zero"), device("/proc/self/environ"), device("/proc/self/maps")])
def test_a_device_and_what_the_system_makes_up_are_refused_unread(path):
    assert refusal(files.read, path) == f"error[M105]: cannot read {path}: it is not a regular file"
    assert "it is not a regular file" in refusal(load, path)
    assert "it is not a regular file" in refusal(load, "gong/activity", overlays=[path])


def test_a_pipe_is_refused_and_does_not_wait_for_a_writer(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "it is not a regular file" in refusal(files.read, tmp_path / "pipe.yaml")


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(50_000_000_000)
    said = refusal(files.read, tmp_path / "huge.yaml")
    assert said.endswith("it has 50,000,000,000 bytes; at most 8,000,000 are allowed")


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert "error[M105]: cannot read" in refusal(files.read, tmp_path / "a.yaml")


# ── What is quoted ───────────────────────────────────────────────────────────────────────────────────────────────

FOREIGN = {
    "YAML of something else": f"database:\n  password: {SECRET}\n",
    "broken YAML": f"password: {SECRET}: [\n",
    "lines of text": f"root:{SECRET}:0:0::/root:/bin/sh\n",
    "a tab": f"\t{SECRET}\n",
    "a key of ours further in": f"api:\n  endpoints: {SECRET}\n",
    "JSON": f'{{"password": "{SECRET}"}}',
    "bytes": f"{SECRET}: \xff".encode("latin-1"),
    "a control character": f"{SECRET}: \x00",
    "an environment": f"PATH=/bin\0PASSWORD={SECRET}\0",
    "a number": "4711",
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_nothing_is_quoted_of_a_file_that_is_something_else(foreign, project):
    path = project / "foreign.yaml"
    path.write_bytes(foreign if isinstance(foreign, bytes) else foreign.encode())
    keys = "it has none of the keys unified_model, integration"
    assert f"error[M106]: {path} is not a mapping: {keys}, endpoints" in refusal(load, path)
    assert f"error[M106]: {path} is not a resource spec: {keys}s, fields" in refusal(load_resource, path)
    assert f"error[M106]: {path} is not an overlay: " in refusal(load, "gong/activity", overlays=[path])
    (project / "schemas/acme/contact.schema.json").write_bytes(path.read_bytes())
    assert "is not a JSON Schema: it has none of the keys" in refusal(load, project / "mappings/acme/contact.yaml")


@pytest.mark.parametrize(
    "text",
    ["integration: [\n", "version: 1\nendpoints: 5\n", '{"version": 1, "integration": "acme"}', "# nothing yet\n"],
)
def test_a_mapping_with_mistakes_is_still_quoted(text, tmp_path):
    (tmp_path / "mine.yaml").write_text(text)
    assert f"--> {tmp_path / 'mine.yaml'}:" in refusal(load, tmp_path / "mine.yaml")


def test_an_empty_overlay_is_an_overlay(tmp_path):
    (tmp_path / "empty.yaml").write_text("# later\n")
    (found,) = load("gong/activity", overlays=[tmp_path / "empty.yaml"]).diagnostics
    assert found.code == "M110"
    assert (
        load("gong/activity", overlays=[Source("o", "context: {time_zone: {default: Asia/Tokyo}}")]).sources[1].name
        == "o"
    )
