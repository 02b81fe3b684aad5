"""Peak memory of mapping one page, in bytes: `memory.py ENGINE KIND USERS [traced]`. Started by processes.py."""

import re
import resource
import sys
import tracemalloc
from pathlib import Path

import pages
from engines import ON_PAGES, Here


def main(name: str, kind: str, users: str, *traced: str) -> None:
    (engine,) = (engine for engine in ON_PAGES if engine.name == name)
    engine.start(kind, pages.page(kind, 1)).reply()  # things that are made once do not count for the page
    work = engine.start(kind, pages.page(kind, int(users)))
    sys.stdout.write(str(traced_peak(work) if traced else process_peak(work)))


def traced_peak(work: Here) -> int:
    """The peak of what mapping allocates, with the records and without the payload."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = work.run()
    _, peak = tracemalloc.get_traced_memory()
    del kept
    return peak - before


def process_peak(work: Here) -> int:
    """The whole process's peak: interpreter, imports, payload and records."""
    kept = work.run()
    del kept
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, getrusage includes the parent process
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(*sys.argv[1:])
