"""Bytes to bytes: what a service does between the provider's reply and its own, with three JSON libraries."""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import byhand
import elsewhere
import pages
from engines import Engine, Here, as_bytes, mapper, mapping, planned

LIBRARIES = ("json", "orjson", "msgspec")
Codec = tuple[Callable[[bytes], Any], Callable[[Any], bytes]]


def codec(library: str) -> Codec:
    """What decodes and encodes JSON."""
    if library == "orjson":
        import orjson

        return orjson.loads, orjson.dumps
    if library == "msgspec":
        from msgspec import json as fast

        return fast.decode, fast.encode
    return json.loads, lambda value: json.dumps(value).encode()


def ours(library: str, kind: str, body: dict) -> Here:
    (loads, dumps), run, text = codec(library), mapping(kind), as_bytes(body)
    return Here(lambda: dumps(run(loads(text)).render()), json.loads)


def hand(library: str, kind: str, body: dict) -> Here:
    (loads, dumps), run = codec(library), byhand.MAPS[kind]
    period, text = pages.PERIODS[kind], as_bytes(body)
    return Here(lambda: dumps(run(loads(text), period)), json.loads)


def map_bytes(kind: str, body: dict) -> Here:
    run = partial(mapper().map_bytes, as_bytes(body), query=planned(kind))
    return Here(lambda: run().body, json.loads)


def before(folder: Path) -> Engine:
    """The pipeline with orjson of an earlier version, from a checkout of it."""
    git = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    start = partial(elsewhere.checkout, folder.resolve(), "ours-orjson")
    return Engine("before", f"`orjson`, `map`, `render`, `orjson` of {commit}", start, checks=False, unlike="id")


ON_BYTES = (
    Engine("map-bytes", "`map_bytes`", map_bytes),
    *(
        Engine(f"{name}-{library}", label.replace("json", library), partial(start, library), checks=name == "ours")
        for library in LIBRARIES
        for name, label, start in (
            ("ours", "`json`, `map`, `render`, `json`", ours),
            ("hand", "`json`, by hand without checks, `json`", hand),
        )
    ),
)
