"""Engines schedule the files of a job. Whatever happens to their processes, every row is there exactly once."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("pyarrow", reason="bulk needs the extra `bulk`")

import killing_bulk  # it needs pyarrow
import stored_replies

from truto_mapper import MapperError, load
from truto_mapper.edges.bulk import ENGINES, Job, Run
from truto_mapper.edges.bulk.job import in_worker
from truto_mapper.edges.cli import bulk_command

FILES = 6


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Files of replies."""
    folder = tmp_path_factory.mktemp("sources")
    stored_replies.write(folder, FILES, 400_000)
    return folder


@pytest.fixture(scope="module")
def right(sources, tmp_path_factory):
    """What one process makes of them."""
    folder = tmp_path_factory.mktemp("right")
    killing_bulk.expected(sources, folder)
    return folder


def a_job(**given):
    return Job(mapper=load("gong/activity"), query=stored_replies.QUERY, context=stored_replies.CONTEXT, **given)


@pytest.fixture(scope="module")
def job():
    return a_job()


def check(out, right):
    pytest.importorskip("duckdb", reason="DuckDB reads what was written")
    return killing_bulk.check(out, right)


NEEDED = {"local": "pyarrow", "spark": "pyspark", "ray": "ray"}


@pytest.mark.xdist_group("engines")
@pytest.mark.parametrize("engine", NEEDED)
def test_each_engine_makes_what_one_process_makes(engine, job, sources, right, tmp_path):
    pytest.importorskip(NEEDED[engine], reason=f"the engine {engine} is too large to install for every test")
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    rows = list(Run(job, [sources], tmp_path / "out").rows(engine, 2))
    assert len(rows) == FILES
    records, rejects = check(tmp_path / "out", right)
    assert (records, rejects) == (sum(row["records"] for row in rows), sum(row["rejects"] for row in rows))


#: Maps files in one process, which stops once it has given a file its name: to be killed there, or to go on too late.
STOPS = """
import os, signal, sys
import stored_replies
from truto_mapper import MapperError, load
from truto_mapper.edges.bulk import Job, Run
from truto_mapper.edges.bulk.files import Folder

put, [sources, out, kind] = Folder.put, sys.argv[1:]

def stopping(self, file, name):
    put(self, file, name)
    if name.startswith(kind):
        os.kill(os.getpid(), signal.SIGSTOP)

Folder.put = stopping
job = Job(mapper=load("gong/activity"), query=stored_replies.QUERY, context=stored_replies.CONTEXT)
try:
    for row in Run(job, [sources], out).rows(workers=1):
        pass
except MapperError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def stopped(sources, tmp_path):
    """Runs that have stopped after they gave a file of a kind its name."""
    begun = []

    def start(kind):
        command = [sys.executable, "-c", STOPS, str(sources), str(tmp_path / "out"), kind]
        paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        while " T " not in (stat := Path(f"/proc/{process.pid}/stat").read_text()):
            assert " Z " not in stat, process.communicate()
            time.sleep(0.01)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks at processes in /proc")
class TestWhereARunStops:
    def test_rejects_without_their_records_are_not_done(self, stopped, job, sources, right, tmp_path):
        stopped("rejects").kill()
        found = [sorted(path.name for path in (tmp_path / "out" / kind).iterdir()) for kind in ("records", "rejects")]
        assert [len(names) for names in found] == [0, 1]
        assert len(list(Run(job, [sources], tmp_path / "out", resume=True).rows(workers=1))) == FILES
        check(tmp_path / "out", right)

    def test_records_are_done_though_the_manifest_has_not_heard_of_them(self, stopped, job, sources, right, tmp_path):
        stopped("records").kill()
        assert (tmp_path / "out" / "manifest.jsonl").read_text() == ""
        run = Run(job, [sources], tmp_path / "out", resume=True)
        assert (run.done, len(list(run.rows(workers=1)))) == (1, FILES - 1)
        check(tmp_path / "out", right)

    @pytest.mark.parametrize("kind", ["rejects", "records"])
    def test_a_run_can_do_nothing_once_another_has_begun(self, kind, stopped, sources, tmp_path):
        """The second maps in another way, so that whatever the first still did would be seen."""
        first = stopped(kind)
        assert len(list(Run(a_job(account="7"), [sources], tmp_path / "out", resume=True).rows(workers=1))) == FILES
        os.kill(first.pid, signal.SIGCONT)
        _, said = first.communicate()
        assert f"another run has begun in {tmp_path / 'out'}, and this one ends" in said
        killing_bulk.expected(sources, tmp_path / "right", account="7")
        check(tmp_path / "out", tmp_path / "right")
        assert Run(a_job(account="7"), [sources], tmp_path / "out", resume=True).left == []


def test_a_manifest_whose_last_line_was_cut_is_made_whole(job, sources, right, tmp_path):
    out = tmp_path / "out"
    list(Run(job, [sources], out).rows(workers=1))
    text = (out / "manifest.jsonl").read_bytes()
    (out / "manifest.jsonl").write_bytes(text[:-100])
    run = Run(job, [sources], out, resume=True)
    assert (run.left, list(run.rows(workers=1))) == ([], [])
    check(out, right)


def test_workers_write_to_the_folder_whatever_folder_they_are_in(job, sources, right, tmp_path, monkeypatch):
    def elsewhere(job, files, folder, _):
        given = pickle.dumps((job, files, folder))
        monkeypatch.chdir(sources)
        job, files, folder = pickle.loads(given)
        yield from in_worker(job, files, folder)

    monkeypatch.chdir(tmp_path)
    assert len(list(Run(job, ["../" * 9 + str(sources)], "out").rows(elsewhere))) == FILES
    check(tmp_path / "out", right)


def test_a_run_that_is_killed_goes_on(sources, right, tmp_path):
    killing_bulk.one_try("group", "local", sources, tmp_path / "out", Random(2))
    check(tmp_path / "out", right)


def test_a_file_that_ends_every_worker_is_named_and_the_others_are_mapped(tmp_path):
    (big,) = stored_replies.write(tmp_path / "big", 1, 6_000_000)
    stored_replies.write(tmp_path / "in", 2, 100_000)
    shutil.move(big, tmp_path / "in" / "big.ndjson")
    run = killing_bulk.start(tmp_path / "in", tmp_path / "out", "local")
    while run.process.poll() is None:
        for pid in killing_bulk.writers(f"{tmp_path}/out/_temporary/", run.mark, "/big-"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    said = run.end().decode()
    assert f"error[W904]: 3 processes died while they mapped {tmp_path / 'in' / 'big.ndjson'}" in said
    assert run.process.returncode == 1
    assert len(list((tmp_path / "out" / "records").iterdir())) == 2


def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(sources, tmp_path):
    run = killing_bulk.start(sources, tmp_path / "out", "local")
    while not list((tmp_path / "out").glob("records/*")):
        assert run.process.poll() is None
        time.sleep(0.01)
    os.killpg(run.process.pid, signal.SIGINT)
    said = run.end().decode()
    assert run.process.returncode == 130
    assert said.startswith("not complete: ")
    assert "Traceback" not in said
    killing_bulk.wait_for_end(run.mark)


def test_a_script_that_starts_itself_again_is_told_so(sources, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        STOPS.replace('"gong/activity"', '"gong/activity", cache=False').replace("workers=1", "workers=2")
    )
    command = [sys.executable, str(script), str(sources), str(tmp_path / "out"), "nothing"]
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the processes that map files end before they begin" in done.stderr


def test_a_folder_that_cannot_take_a_file_ends_the_run(job, sources, tmp_path):
    name = next(iter(Run(job, [sources], tmp_path / "other").files)).name
    (tmp_path / "out" / "records" / name / "full").mkdir(parents=True)
    with pytest.raises(MapperError, match=r"cannot write to .*out: Is a directory"):
        list(Run(job, [sources], tmp_path / "out", resume=True).rows(workers=1))


def test_the_command_offers_all_engines():
    assert bulk_command.ENGINES == ENGINES
