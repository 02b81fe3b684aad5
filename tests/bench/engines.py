"""The engines that are compared. Each makes the unified reply out of Gong's and, but for the code by hand, checks it.

Peers check the whole reply against the schema of the list at once, formats included, and stop at the first problem,
which is the least they can do. The JSONata engines run one expression a page, activity.jsonata.
"""

import gc
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import repeat
from pathlib import Path
from time import process_time
from typing import Any

import byhand
import pages

import truto_mapper

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "schemas" / "conversational-intelligence"
LIST_SCHEMA = json.loads((SCHEMAS / "activity.list.schema.json").read_text("utf-8"))
EXPRESSION = (HERE / "activity.jsonata").read_text("utf-8")


class AbsentError(Exception):
    """An engine is not installed."""


class InvalidError(Exception):
    """A reply does not fit the schema."""


@dataclass(frozen=True)
class Here:
    """An engine in this process, at a page: `run` is the work that is timed, `read` makes a reply of its value."""

    run: Callable[[], Any]
    read: Callable[[Any], dict] = lambda value: value

    def reply(self) -> dict:
        return self.read(self.run())

    def seconds(self, times: int) -> float:
        """The CPU time of one run, the mean of some in a row. The garbage collector works as in any program."""
        run = self.run
        gc.collect()
        start = process_time()
        for _ in repeat(None, times):
            run()
        return (process_time() - start) / times

    def close(self) -> None:
        """Nothing to close."""


class Node:
    """The reference implementation in a Node process. It times itself, so the way there and back does not count."""

    def __init__(self, **work: Any) -> None:
        """The work is an `expression`, the `body`, and perhaps `bindings` and a `schema` for the reply."""
        self.process = started_node()
        self.ask(work)

    def ask(self, question: dict) -> Any:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"absent": "the process ended"}')
        if "absent" in answer:
            self.close()
            raise AbsentError(answer["absent"])
        return answer

    def reply(self) -> Any:
        answer = self.ask({"reply": True})
        if not answer["valid"]:
            raise InvalidError
        return answer.get("reply")

    def seconds(self, times: int) -> float:
        return self.ask({"times": times})["seconds"] / times

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def started_node() -> subprocess.Popen:
    node = shutil.which("node")
    if node is None:
        raise AbsentError("node is not installed")
    pipe = subprocess.PIPE
    return subprocess.Popen([node, HERE / "node.mjs"], stdin=pipe, stdout=pipe, text=True, encoding="utf-8")


@dataclass(frozen=True)
class Engine:
    """A name for the command line, a label for the tables, and the way to put it to work on a page of a kind."""

    name: str
    label: str
    start: Callable[[str, dict], Here | Node]
    checks: bool = True


# ----------------------------------------------------------------------------------------------------- ours


@cache
def mapper() -> truto_mapper.Mapper:
    return truto_mapper.load("gong/activity")


def mapping(kind: str) -> Callable[[Any], truto_mapper.Page]:
    """`Mapper.map` with a planned query."""
    query = mapper().plan(pages.query(kind), context=pages.CONTEXT).query
    return partial(mapper().map, query=query)  # which brings its context


def as_reply(page: truto_mapper.Page) -> dict:
    return {"result": list(page.records), "next_cursor": page.next_cursor}


def ours(kind: str, body: dict) -> Here:
    return Here(partial(mapping(kind), body), as_reply)


def ours_json(kind: str, body: dict) -> Here:
    run, text = mapping(kind), as_bytes(body)
    return Here(lambda: json.dumps(run(text).render()).encode(), json.loads)


def ours_orjson(kind: str, body: dict) -> Here:
    import orjson

    run, text = mapping(kind), as_bytes(body)
    return Here(lambda: orjson.dumps(run(orjson.loads(text)).render()), json.loads)


# -------------------------------------------------------------------------------------------------- by hand


def hand(kind: str, body: dict) -> Here:
    return Here(partial(byhand.MAPS[kind], body, pages.PERIODS[kind]))


def hand_rs(kind: str, body: dict) -> Here:
    return Here(checked(byhand.MAPS[kind], is_valid_rs(), body, pages.PERIODS[kind]))


def hand_json(kind: str, body: dict) -> Here:
    run, period, text = byhand.MAPS[kind], pages.PERIODS[kind], as_bytes(body)
    return Here(lambda: json.dumps(run(json.loads(text), period)).encode(), json.loads)


def hand_orjson(kind: str, body: dict) -> Here:
    import orjson

    run, period, text = byhand.MAPS[kind], pages.PERIODS[kind], as_bytes(body)
    return Here(lambda: orjson.dumps(run(orjson.loads(text), period)), json.loads)


# -------------------------------------------------------------------------------------------------- JSONata


def jsonata_python(kind: str, body: dict) -> Here:
    from jsonata import Jsonata

    expression = Jsonata(EXPRESSION)
    expression.set_validate_input(False)  # checks all of the input a second time
    return Here(checked(expression.evaluate, is_valid_python(), body, {"period": pages.PERIODS[kind]}))


def jlens(kind: str, body: dict) -> Here:
    from jlens import Expression

    return Here(checked(Expression(EXPRESSION).evaluate, is_valid_rs(), body, {"period": pages.PERIODS[kind]}))


def jsonata2py(kind: str, body: dict) -> Here:
    import jsonata2py as compiler

    bindings = compiler.JsonataBindings().bind_value("period", pages.PERIODS[kind])
    return Here(checked(compiler.compile(EXPRESSION).evaluate, is_valid_fast(), body, bindings))


def node(kind: str, body: dict) -> Node:
    return Node(expression=EXPRESSION, schema=LIST_SCHEMA, bindings={"period": pages.PERIODS[kind]}, body=body)


# --------------------------------------------------------------------------------------------------- checks


def checked(make: Callable[..., dict], is_valid: Callable[[dict], bool], *given: Any) -> Callable[[], dict]:
    """Make a reply from a value, and check it. Raises `InvalidError`."""

    def run() -> dict:
        reply = make(*given)
        if not is_valid(reply):
            raise InvalidError
        return reply

    return run


@cache
def is_valid_rs() -> Callable[[dict], bool]:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(LIST_SCHEMA, validate_formats=True).is_valid


@cache
def is_valid_python() -> Callable[[dict], bool]:
    import rfc3339_validator  # noqa: F401  # without it jsonschema lets any date-time pass
    from jsonschema import Draft202012Validator

    return Draft202012Validator(LIST_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid


@cache
def is_valid_fast() -> Callable[[dict], bool]:
    import fastjsonschema

    validate = fastjsonschema.compile(LIST_SCHEMA)

    def is_valid(reply: dict) -> bool:
        try:
            validate(reply)
        except fastjsonschema.JsonSchemaException:
            return False
        return True

    return is_valid


def as_bytes(body: dict) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


ON_PAGES = (
    Engine("ours", "truto-mapper", ours),
    Engine("hand", "Python by hand, no checks", hand, checks=False),
    Engine("hand-rs", "Python by hand + jsonschema-rs", hand_rs),
    Engine("jlens", "jlens (Rust) + jsonschema-rs", jlens),
    Engine("jsonata2py", "jsonata2py + fastjsonschema", jsonata2py),
    Engine("node", "jsonata + ajv (Node.js)", node),
    Engine("jsonata-python", "jsonata-python + jsonschema", jsonata_python),
)

ON_BYTES = (
    Engine("ours-json", "JSON bytes to bytes: truto-mapper, json", ours_json),
    Engine("hand-json", "JSON bytes to bytes: by hand, no checks, json", hand_json, checks=False),
    Engine("ours-orjson", "JSON bytes to bytes: truto-mapper, orjson", ours_orjson),
    Engine("hand-orjson", "JSON bytes to bytes: by hand, no checks, orjson", hand_orjson, checks=False),
)

ENGINES = ON_PAGES + ON_BYTES
