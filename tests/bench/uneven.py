"""Pages of ours with rows that are not as the others, valid and invalid, by `map` and by `map_bytes`."""

import json
from functools import partial
from typing import Any

import pages
from engines import Here, as_bytes, mapper, planned
from results import CALLS, Timing
from rounds import interleaved

USERS = 100
#: What is done to every nth row.
SPOILED = {
    "1 % odd": (pages.odd, 100),
    "10 % odd": (pages.odd, 10),
    "1 % invalid": (pages.invalid, 100),
    "10 % invalid": (pages.invalid, 10),
    "all invalid": (pages.invalid, 1),
}


def timing(kind: str, rounds: int) -> Timing:
    """The samples' names are (call, page)."""
    clean = pages.page(kind, USERS)
    bodies = {"clean": clean} | {name: pages.spoiled(kind, clean, *how) for name, how in SPOILED.items()}
    work = {(call, name): started(call, kind, body) for name, body in bodies.items() for call in CALLS}
    for name in bodies:
        assert same(work["map", name].run(), work["map_bytes", name].run()), name
    return Timing(kind, USERS, interleaved(work, rounds))


def started(call: str, kind: str, body: dict) -> Here:
    given: Any = body if call == "map" else as_bytes(body)
    return Here(partial(getattr(mapper(), call), given, query=planned(kind), on_invalid="discard_record"))


def same(page: Any, encoded: Any) -> bool:
    """Whether a page and its bytes hold the same records and discarded the same rows."""
    told = [[(found.code, found.pointer) for found in one.diagnostics] for one in (page, encoded)]
    return page.render() == json.loads(encoded.body) and told[0] == told[1]
