"""The engines that are compared. Each makes the unified reply out of Gong's and, but for the code by hand, checks it.

Peers check the whole reply against the schema of the list at once, formats included, and stop at the first problem,
which is the least they can do. The JSONata engines run one expression a page, activity.jsonata.
"""

import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import repeat
from pathlib import Path
from time import thread_time
from typing import Any

import byhand
import elsewhere
import pages
from elsewhere import Elsewhere, InvalidError

import truto_mapper

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "schemas" / "conversational-intelligence"
LIST_SCHEMA = json.loads((SCHEMAS / "activity.list.schema.json").read_text("utf-8"))
EXPRESSION = (HERE / "activity.jsonata").read_text("utf-8")


@dataclass(frozen=True)
class Here:
    """An engine in this process, at a page: `run` is the work that is timed, `read` makes a reply of its value."""

    run: Callable[[], Any]
    read: Callable[[Any], dict] = lambda value: value

    def reply(self) -> dict:
        return self.read(self.run())

    def seconds(self, times: int) -> float:
        """CPU time of this thread for one run, the mean of some in a row. The collector works as in any program."""
        run = self.run
        gc.collect()
        start = thread_time()
        for _ in repeat(None, times):
            run()
        return (thread_time() - start) / times

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class Engine:
    """A name for the command line, a label for the tables, and the way to put it to work on a page of a kind."""

    name: str
    label: str
    start: Callable[[str, dict], Here | Elsewhere]
    checks: bool = True
    most: int = 10_000  # users a page
    unlike: str = ""  # a field of its records that may differ from ours


# ----------------------------------------------------------------------------------------------------- ours


@cache
def mapper() -> truto_mapper.Mapper:
    return truto_mapper.load("gong/activity")


@cache
def planned(kind: str) -> Any:
    """The query of a page, which brings its context."""
    return mapper().plan(pages.query(kind), context=pages.CONTEXT).query


def mapping(kind: str) -> Callable[[Any], truto_mapper.Page]:
    """`Mapper.map` with a planned query."""
    return partial(mapper().map, query=planned(kind))


def as_reply(page: truto_mapper.Page) -> dict:
    return {"result": list(page.records), "next_cursor": page.next_cursor}


def ours(kind: str, body: dict) -> Here:
    return Here(partial(mapping(kind), body), as_reply)


# -------------------------------------------------------------------------------------------------- by hand


def hand(kind: str, body: dict) -> Here:
    return Here(partial(byhand.MAPS[kind], body, pages.PERIODS[kind]))


def hand_rs(kind: str, body: dict) -> Here:
    return Here(checked(byhand.MAPS[kind], is_valid_rs(), body, pages.PERIODS[kind]))


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


def node(kind: str, body: dict) -> Elsewhere:
    bindings = {"period": pages.PERIODS[kind]}
    return elsewhere.node(expression=EXPRESSION, schema=LIST_SCHEMA, bindings=bindings, body=body)


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
    Engine("node", "jsonata + ajv (Node.js)", node, most=100),
    Engine("jsonata-python", "jsonata-python + jsonschema", jsonata_python, most=100),
)
