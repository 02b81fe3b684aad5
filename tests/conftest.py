import functools
import gc
import getpass
import os
import signal
import tempfile
import time

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

from truto_mapper.language.runtime.values import Budget

# The examples are the same in every run, so that a run fails because of a change. A busy machine is not a failure.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# New examples: pytest --hypothesis-profile=explore
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

# The tests neither use nor fill the cache of whoever runs them, but those of the cache itself.
os.environ["TRUTO_MAPPER_CACHE"] = ""


def _seconds(looked=[0.0, 0.0]):  # noqa: B006  # when this process last asked, and what it had used
    """The seconds of the tests alone: on a busy machine an evaluation takes no longer. To ask takes long, so seldom."""
    now = time.monotonic()
    if now > looked[0] + 0.005:
        looked[:] = now, time.process_time()
    return looked[1]


Budget.clock = staticmethod(_seconds)

# Where CI is set the commands write no expectations; the tests are of people, and say so where they are of CI.
os.environ.pop("CI", None)

# The commands of an application are made once, and not each time that a test runs one: that takes 40 ms.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)

# A shell ignores SIGINT for what it runs in the background; the processes that tests start are in the foreground.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A process that a test starts reads the package's bytecode, even where that of the tests may write none.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ["PYTHONPYCACHEPREFIX"] = f"{tempfile.gettempdir()}/bytecode-of-{getpass.getuser()}"


def pytest_collection_finish():
    """Half a million objects stay until the last test: what looks for garbage need not look at them, nor that often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A worker runs neighbours, so that what a module prepares is prepared once, and at the end takes from others."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getvalue("dist") == "load" else None


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="write what is, instead of failing on what was expected")


@pytest.fixture
def accept(request):
    """Whether expectations are to be written instead of compared."""
    return request.config.getoption("--accept")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL that runs, without tables. Who makes some removes them, and who stops it starts it again."""
    import postgresql

    with postgresql.running() as server:
        yield server
