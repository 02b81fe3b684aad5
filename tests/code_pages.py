"""The page of every code, made from the code table and the examples in `tests/diagnostics`.

python tests/code_pages.py > docs/codes.md
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from textwrap import fill
from typing import Any

import yaml

from truto_mapper.text.codes import CODES

FOLDER = Path(__file__).parent / "diagnostics"
WIDTH = 120

#: The file that each key of an example is.
FILES = {
    "yaml": "example.yaml",
    "resource": "resource.yaml",
    "mapping": "activity.yaml",
    "overlay": "overlay.yaml",
    "check": "activity.yaml",
}

GROUPS = {
    "M": "Files",
    "C": "Mappings, found by `check`",
    "D": "Data",
    "Q": "Queries",
    "P": "Replies of the provider",
    "B": "Changes, found by `diff`",
    "R": "Real replies, compared by `drift`",
    "E": "Explanations",
    "I": "Imports from Truto",
    "S": "The service: keys, store, accounts, tokens",
    "W": "Files of replies, mapped by `bulk`",
    "G": "Golden cases",
}

HEAD = """\
# What does this code mean?

Every message has a code, which never changes its meaning. `truto-mapper check --explain C206` prints a section of this
page. The codes at the end are JSONata's own.
"""


def page() -> str:
    return "\n".join([HEAD, *contents(), *map(section, (*CODES, *jsonata()))])


def contents() -> Iterator[str]:
    for letter, name in GROUPS.items():
        yield table(name, {code: CODES[code] for code in CODES if code[0] == letter})
    yield table(
        "Expressions, by JSONata", {code: lowered(example(code)["why"].partition(".")[0]) for code in jsonata()}
    )


def table(name: str, meanings: dict[str, str]) -> str:
    rows = [f"| [{code}](#{code.lower()}) | {meaning} |\n" for code, meaning in meanings.items()]
    return f"**{name}**\n\n| code | meaning |\n|---|---|\n" + "".join(rows)


def jsonata() -> list[str]:
    """The codes of JSONata that have an example."""
    return sorted({path.stem.partition("-")[0] for path in FOLDER.glob("*.yaml")} - CODES.keys())


def section(code: str) -> str:
    done = example(code)
    meaning = f"**{CODES[code][0].upper()}{CODES[code][1:]}.** " if code in CODES else ""
    parts = [f"## {code}", prose(meaning + done["why"]), prose(f"Example: {lowered(done['title'])}"), *shown(done)]
    parts.append(f"```text\n{done['report']}```")
    if "mend" in done:
        old = done.get("check") or done["mapping"]
        parts += ["Fixed:", fence("diff", changed(old, mended(old, done["mend"])))]
    return "\n\n".join(parts) + "\n"


def lowered(text: str) -> str:
    """A sentence as a part of another."""
    return text if text.startswith(("Gong", "HTTP", "JSONata")) else text[0].lower() + text[1:]


def prose(text: str) -> str:
    return fill(text, WIDTH - 2, break_on_hyphens=False)


def example(code: str) -> Any:
    """The example of a code that says why it matters."""
    found = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"{code}*.yaml"))]
    (explained,) = [one for one in found if "why" in one]
    return explained


def shown(done: Any) -> Iterator[str]:
    """The files of an example, and the command or call that uses them."""
    files = {FILES[key]: done[key] for key in FILES if key in done} | done.get("files", {})
    if {"old.yaml", "new.yaml"} <= files.keys():
        yield from compared(files.pop("old.yaml"), files.pop("new.yaml"))
    for name, text in files.items():
        if isinstance(text, str):  # else one that is too large to be shown
            lines = text if text.endswith("\n") else text + "\n"
            yield f"`{name}`:\n\n" + fence("json" if name.endswith("json") else "yaml", lines)
    if command := done.get("cli") or (["test", done["cases"]] if "cases" in done else None):
        steps = [
            f"sqlite3 store.db {shlex.quote(step)}" if isinstance(step, str) else typed(step)
            for step in done.get("before", ())
        ]
        yield fence("bash", "".join(f"{line}\n" for line in (*steps, typed(command))))
    for call in ("plan", "map"):
        if call in done:
            yield fence("python", called(call, done[call]))
    if "python" in done:
        yield fence("python", done["python"])
    if "expression" in done:
        yield fence("jsonata", done["expression"] + "\n")
        yield from [f"evaluated on `{json.dumps(done['data'])}`:"] if "data" in done else []


def typed(words: list[str]) -> str:
    """A command as it is typed: variables of the environment come first."""
    count = sum(1 for _ in takewhile(re.compile(r"[A-Z_]+=").match, words))
    return shlex.join([*words[:count], "truto-mapper", *words[count:]])


def called(name: str, options: dict[str, Any]) -> str:
    """A call of a mapper's method, as Python."""
    names = {key: "" if key == "payload" else f"{key}=" for key in options}
    line = f"mapper.{name}({', '.join(names[key] + python(value) for key, value in options.items())})\n"
    if len(line) <= WIDTH:
        return line
    lines = [f"    {names[key]}{python(value, 4 + len(names[key]))},\n" for key, value in options.items()]
    return f"mapper.{name}(\n" + "".join(lines) + ")\n"


def python(value: Any, column: int = 0) -> str:
    """A value as Python: an object that is too wide has a line for each of its items, a huge text is `...`."""
    if isinstance(value, dict) and "repeat" in value:
        return "..."
    if isinstance(value, dict):
        items = [f"{python(key)}: {python(inner)}" for key, inner in value.items()]
        line = f"{{{', '.join(items)}}}"
        return line if column + len(line) < WIDTH else "{\n" + "".join(f"        {one},\n" for one in items) + "    }"
    if isinstance(value, list):
        return f"[{', '.join(map(python, value))}]"
    is_quoted = isinstance(value, str) and ('"' not in value or "'" in value)  # as the formatter quotes it
    return json.dumps(value, ensure_ascii=False) if is_quoted else repr(value)


def compared(old: str, new: str) -> Iterator[str]:
    """The difference between two versions of a file."""
    same_kind = old.split(":")[:2] == new.split(":")[:2]
    if same_kind and old != new:
        yield "The change:\n\n" + fence("diff", changed(old, new))


def mended(text: str, mends: list[dict[str, str]]) -> str:
    for mend in mends:
        text = text.replace(mend["wrong"], mend["right"], 1)
    return text


def changed(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return "".join(f"{line}\n" for line in lines if not re.match(r"---|\+\+\+|@@", line))


def fence(kind: str, text: str) -> str:
    return f"```{kind}\n{text}```"


if __name__ == "__main__":
    sys.stdout.write(page())
