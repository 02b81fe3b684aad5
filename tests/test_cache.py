"""The cache of compiled mappings: a mapper from it is the same mapper, and nothing wrong with it is an error."""

import functools
import json
import marshal
import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import truto_mapper
from truto_mapper import EvaluationError, MappingError, QueryError, Source, load
from truto_mapper.authoring import golden, mapping_files
from truto_mapper.edges import loading
from truto_mapper.engine import cache as engine_cache
from truto_mapper.engine.mapper import EARLY

MAPPING = mapping_files.mappings("gong/activity")[0]
CASES = [golden.read(folder) for folder in golden.folders(MAPPING)]
CASE = next(case for case in CASES if case.folder.name == "one-user")
QUERY, BODY = CASE.settings.query, CASE.payload
(USER,) = BODY["usersAggregateActivityStats"]


def first_page(folder, **options):
    mapper = load("gong/activity", cache=folder, **options)
    return mapper, mapper.map(BODY, query=QUERY).records


@pytest.fixture
def filled(tmp_path):
    """A folder with the entry of the shipped mapping."""
    folder = tmp_path / "cache"
    first_page(folder)
    (entry,) = folder.iterdir()
    return entry


def was_kept(mapper):
    """Whether a mapper came from the cache."""
    return "node" not in vars(mapper.mapping.endpoints[0].path)


def ran(mapper):
    """What the golden cases give."""
    results = [golden.run(case, mapper) for case in CASES]
    return [(one.files, str(one.error), one.endpoint and one.endpoint.name) for one in results]


@functools.cache
def expected():
    return ran(load("gong/activity", cache=False))


def test_the_golden_cases_give_the_same_while_the_cache_is_filled_and_from_it(tmp_path):
    assert ran(load("gong/activity", cache=tmp_path / "cache")) == expected()
    kept = load("gong/activity", cache=tmp_path / "cache")
    assert was_kept(kept)
    assert ran(kept) == expected()


def python(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


FRESH = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_cache
mapper = test_cache.load("gong/activity", cache=Path(sys.argv[1]))
assert test_cache.was_kept(mapper)
print(json.dumps(test_cache.ran(mapper)) == json.dumps(test_cache.expected()))
"""


def test_a_fresh_process_gives_the_same(filled):
    assert python(FRESH, filled.parent, Path(__file__).parent) == "True"


IMPORTED = """
import json, sys
from pathlib import Path
from truto_mapper import load
body, query = json.loads(sys.argv[2])
load("gong/activity", cache=Path(sys.argv[1])).map(body, query=query)
print(json.dumps(sorted(sys.modules)))
"""

#: What reads, links, compiles, checks and reports: a page of a kept mapping needs none of it.
LATER = ["pydantic", "pydantic_core", "jsonschema", "referencing", "jsonata", "yaml", "email", "importlib.metadata"]
LATER += ["typing_extensions", "truto_mapper.text.yaml_tree", "truto_mapper.text.shape", "truto_mapper.language.nodes"]
LATER += ["truto_mapper.language.parser", "truto_mapper.language.compiler.compiler", "truto_mapper.language.types"]
LATER += ["truto_mapper.mapping.linker", "truto_mapper.mapping.document", "truto_mapper.engine.endpoint_code"]
LATER += ["truto_mapper.engine.exact", "truto_mapper.engine.source_types", "truto_mapper.engine.redaction"]


def test_the_first_page_of_a_kept_mapping_imports_nothing_that_reads_or_compiles(filled):
    imported = json.loads(python(IMPORTED, filled.parent, json.dumps([BODY, QUERY])))
    assert {*LATER} & {*imported} == set()


def test_its_first_pages_from_bytes_to_bytes_import_none_of_it_either(filled):
    called = "map_bytes(json.dumps(body).encode(), query=query)"
    imported = json.loads(
        python(IMPORTED.replace("map(body, query=query)", called), filled.parent, json.dumps([BODY, QUERY]))
    )
    assert ({*LATER, "truto_mapper.engine.typed_rows"} - {"typing_extensions"}) & {*imported} == set()


def test_a_first_page_with_an_odd_row_generates_no_code(filled):
    body = json.loads(json.dumps(BODY).replace('"callsAsHost": ', '"callsAsHost": "no number", "callsAsHosts": ', 1))
    called = 'map(body, query=query, on_invalid="discard_record").rejected'
    code = IMPORTED.replace("map(body, query=query)", called).replace("print(", "assert _\nprint(")
    imported = json.loads(python(code.replace("\nload(", "\n_ = load("), filled.parent, json.dumps([body, QUERY])))
    assert {"truto_mapper.engine.exact"} <= {*imported}
    assert {"truto_mapper.engine.endpoint_code", "truto_mapper.engine.row_code"} & {*imported} == set()


def test_later_pages_from_bytes_to_bytes_are_made_of_typed_rows(filled):
    mapper, body = load("gong/activity", cache=filled.parent), json.dumps(BODY).encode()
    made = {mapper.map_bytes(body, query=QUERY).body for _ in range(EARLY + 2)}
    assert len({json.dumps(json.loads(one), sort_keys=True) for one in made}) == 1
    assert "_raw_rows" in vars(mapper)


def test_importing_the_package_imports_none_of_it_either():
    imported = json.loads(python("import json, sys, truto_mapper; print(json.dumps(sorted(sys.modules)))"))
    assert {*LATER, "pickle", "truto_mapper.engine.cache"} & {*imported} == set()


def test_what_is_right_is_read_without_pydantic_and_jsonschema():
    code = IMPORTED.replace("Path(sys.argv[1])", "False")
    imported = json.loads(python(code, "", json.dumps([BODY, QUERY])))
    assert {"pydantic", "pydantic_core", "jsonschema", "importlib.metadata"} & {*imported} == set()


def test_a_kept_mapper_has_everything_that_a_compiled_one_has(filled):
    kept, compiled = load("gong/activity", cache=filled.parent), load("gong/activity", cache=False)
    assert was_kept(kept)
    assert kept.show() == compiled.show()
    assert kept.resource == compiled.resource
    assert kept.mapping.root.plain() == compiled.mapping.root.plain()
    assert [str(one.path.node) for one in kept.mapping.endpoints] == [
        str(one.path.node) for one in compiled.mapping.endpoints
    ]
    assert repr(kept) == repr(compiled)
    again = pickle.loads(pickle.dumps(kept))
    assert again.map(BODY, query=QUERY).records == compiled.map(BODY, query=QUERY).records


def test_an_error_of_a_kept_mapper_has_its_place(filled):
    wrong = BODY | {"usersAggregateActivityStats": [USER | {"userEmailAddress": 7}]}
    told = []
    for folder in (filled.parent, False):
        with pytest.raises(EvaluationError) as caught:
            load("gong/activity", cache=folder).map(wrong, query=QUERY)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "mappings/gong/activity.yaml:" in told[0]


OVERLAY = Source("acme.yaml", "endpoints: {aggregate: {response_mapping: {user: {name: $named(userEmailAddress)}}}}\n")


def test_callers_functions_are_linked_in_and_are_not_kept(tmp_path):
    folder = tmp_path / "cache"
    given = {"overlays": [OVERLAY], "cache": folder}
    for name in (str.upper, str.title, str.upper):
        mapper = load("gong/activity", functions={"other": len, "named": name}, **given)
        (record,) = mapper.map(BODY, query=QUERY).records
        assert record["user"]["name"] == name(USER["userEmailAddress"])
    assert was_kept(mapper)
    assert len(list(folder.iterdir())) == 1
    with pytest.raises(MappingError):
        load("gong/activity", **given)


def test_another_overlay_is_another_entry_and_its_warnings_are_kept(tmp_path):
    same = Source("same.yaml", "endpoints: {aggregate: {request_method: POST}}\n")
    told = [first_page(tmp_path, overlays=layers)[0].diagnostics for layers in ([], [same], [], [same])]
    assert [len(found) for found in told] == [0, 1, 0, 1]
    assert told[1] == told[3]
    assert len(list(tmp_path.iterdir())) == 2


def project(folder):
    """A mapping of one's own with its spec and its provider's schema."""
    spec = (MAPPING.parents[2] / "schemas/conversational-intelligence/activity.yaml").read_text("utf-8")
    files = {
        "mappings/own/activity.yaml": "version: 1\nintegration: gong\nunified_model: own\nresource: activity\n"
        "method: list\nendpoints:\n  all:\n    source_schema: own/all\n    path_mapping: '\"/all\"'\n"
        "    for_each: {row: rows}\n    response_mapping: {id: key}\n",
        "schemas/own/activity.yaml": spec.replace("unified_model: conversational-intelligence", "unified_model: own"),
        "schemas/own/all.schema.json": '{"type": "object", "properties": {"rows": {"type": "array"}}}',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder / "mappings/own/activity.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("mappings/own/activity.yaml", "id: key", "id: $uppercase(key)"),
        ("schemas/own/activity.yaml", "title: ", "title: Other "),
        ("schemas/own/all.schema.json", '"array"', '["array", "null"]'),
    ],
)
def test_a_changed_file_is_read_again(tmp_path, name, old, new):
    path, folder = project(tmp_path), tmp_path / "cache"
    for _ in range(2):
        mapper = load(path, cache=folder)
        assert mapper.map({"rows": [{"key": "a"}]}, query=QUERY).records[0]["id"] == "a"
    assert was_kept(mapper)
    changed = tmp_path / name
    changed.write_text(changed.read_text("utf-8").replace(old, new), "utf-8")
    assert not was_kept(load(path, cache=folder))


def test_a_changed_package_makes_a_new_entry(filled, monkeypatch):
    path = next(iter(engine_cache._stamps()))[0]
    real = engine_cache._stamp
    monkeypatch.setattr(engine_cache, "_stamp", lambda one: (1, 1) if one == path else real(one))
    assert not was_kept(load("gong/activity", cache=filled.parent))


def test_a_package_that_is_upgraded_while_a_process_runs_is_not_taken_for_the_old_one(filled, monkeypatch):
    files = dict(engine_cache._IMPORTED)
    path = next(iter(files))
    monkeypatch.setattr(engine_cache, "_IMPORTED", files | {path: (1, 1)})  # the old process
    assert not was_kept(load("gong/activity", cache=filled.parent))
    first_page(filled.parent)
    monkeypatch.setattr(engine_cache, "_IMPORTED", files)  # the next one
    assert not was_kept(load("gong/activity", cache=filled.parent))


def test_another_version_of_the_package_makes_a_new_entry(filled, monkeypatch):
    monkeypatch.setattr(truto_mapper, "__version__", "9")
    assert not was_kept(load("gong/activity", cache=filled.parent))


def with_parts(data, parts):
    *head, _ = marshal.loads(data[len(engine_cache._MARK) + 4 :])
    return engine_cache.sealed(marshal.dumps((*head, pickle.dumps(parts))))


SPOILT = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"x",
    "one bit": lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    "another format": lambda data: data.replace(b"truto-mapper 1", b"truto-mapper 0", 1),
    "text": lambda _: b"hello\n" * 100,
    "foreign marshal": lambda _: engine_cache.sealed(b"N"),
    "foreign pickle": lambda _: engine_cache.sealed(b"\x80\x05K\x01."),
    "other parts": lambda data: with_parts(data, (1, 2, 3, 4)),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_an_entry_that_is_not_as_it_was_written_is_a_miss(filled, spoil):
    good = filled.read_bytes()
    filled.write_bytes(SPOILT[spoil](good))
    mapper, records = first_page(filled.parent)
    assert not was_kept(mapper)
    assert len(records) == 1
    assert was_kept(load("gong/activity", cache=filled.parent))  # it was written again


POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no owners and modes of this kind")


@POSIX
def test_only_the_user_can_read_and_write_the_cache(filled):
    assert stat.S_IMODE(filled.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(filled.stat().st_mode) == 0o600


@POSIX
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_entry_that_others_can_write_to_is_not_read(filled, mode):
    filled.chmod(mode)
    assert not was_kept(load("gong/activity", cache=filled.parent))


@POSIX
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_others_can_write_to_is_no_cache(filled, mode):
    filled.parent.chmod(mode)
    mapper, records = first_page(filled.parent, overlays=[Source("x.yaml", "description: x\n")])
    assert not was_kept(mapper)
    assert len(records) == 1
    assert list(filled.parent.iterdir()) == [filled]


@POSIX
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_nobody_waits_for_what_is_no_file(filled, make):
    filled.unlink()
    make(filled)
    signal.alarm(20)  # the default is to die
    mapper, records = first_page(filled.parent)
    signal.alarm(0)
    assert not was_kept(mapper)
    assert len(records) == 1


@POSIX
def test_another_users_entry_and_a_link_are_not_read(filled, monkeypatch):
    aside = filled.rename(filled.with_name("aside"))
    filled.symlink_to(aside)
    assert not was_kept(load("gong/activity", cache=filled.parent))
    filled.unlink()
    aside.rename(filled)
    assert was_kept(load("gong/activity", cache=filled.parent))
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    assert not was_kept(load("gong/activity", cache=filled.parent))


def no_folder(path):
    path.write_text("a file")


def full(path):
    path.mkdir(mode=0o700)


@pytest.mark.parametrize("spoil", [no_folder, full])
def test_where_nothing_can_be_written_there_is_no_cache(tmp_path, monkeypatch, spoil):
    spoil(tmp_path / "cache")
    if spoil is full:
        monkeypatch.setattr(engine_cache, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    for _ in range(2):
        mapper, records = first_page(tmp_path / "cache")
        assert not was_kept(mapper)
        assert len(records) == 1


def test_the_cache_keeps_a_bounded_number_of_entries(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_cache, "MAX_ENTRIES", 3)
    for number in range(5):
        first_page(tmp_path, overlays=[Source("x.yaml", f"description: x{number}\n")])
    assert len(list(tmp_path.iterdir())) == 3
    assert was_kept(load("gong/activity", cache=tmp_path, overlays=[Source("x.yaml", "description: x4\n")]))


def test_only_entries_are_removed_from_a_folder_with_other_files(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_cache, "MAX_ENTRIES", 1)
    others = [tmp_path / name for name in ("notes.txt", "0a1b2c3d.bin", "truto-mapper.yaml", "truto-1.bin")]
    for number, other in enumerate(others):
        other.write_text("mine")
        os.utime(other, (number, number))
    for number in range(2):
        first_page(tmp_path, overlays=[Source("x.yaml", f"description: x{number}\n")])
    assert set(tmp_path.iterdir()) > set(others)
    assert len(list(tmp_path.iterdir())) == len(others) + 1


def test_many_threads_and_processes_fill_one_cache(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(first_page(tmp_path)[1])) for _ in range(4)]
    code = IMPORTED.replace("print(", "str(")
    others = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, json.dumps([BODY, QUERY])], stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.wait() for one in others] == [0, 0]
    assert found == [found[0]] * 4
    assert len(list(tmp_path.iterdir())) == 1
    assert was_kept(load("gong/activity", cache=tmp_path))


def test_the_folder_is_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setattr(loading.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TRUTO_MAPPER_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert loading.default_folder() == tmp_path / ".cache" / "truto-mapper"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert loading.default_folder() == tmp_path / ".cache" / "truto-mapper"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert loading.default_folder() == tmp_path / "xdg" / "truto-mapper"
    monkeypatch.setattr(loading.sys, "platform", "darwin")
    assert loading.default_folder() == tmp_path / "Library" / "Caches" / "truto-mapper"
    monkeypatch.setattr(loading.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert loading.default_folder() == tmp_path / "local" / "truto-mapper"
    monkeypatch.setenv("TRUTO_MAPPER_CACHE", str(tmp_path / "own"))
    assert loading.default_folder() == tmp_path / "own"
    monkeypatch.setenv("TRUTO_MAPPER_CACHE", "")
    assert loading.default_folder() is None


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    monkeypatch.delenv("TRUTO_MAPPER_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(loading.sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert loading.default_folder() is None


def test_load_uses_the_users_folder_unless_it_is_told_not_to(monkeypatch, tmp_path):
    monkeypatch.setenv("TRUTO_MAPPER_CACHE", str(tmp_path / "cache"))
    load("gong/activity", cache=False).map(BODY, query=QUERY)
    assert not (tmp_path / "cache").exists()
    load("gong/activity").map(BODY, query=QUERY)
    assert was_kept(load("gong/activity"))


@pytest.mark.parametrize("wrong", ["folder", 1, b"x", ["x"]])
def test_a_cache_that_is_no_folder_is_refused(wrong):
    with pytest.raises(QueryError, match="cache must be a boolean or the Path of a folder"):
        load("gong/activity", cache=wrong)
