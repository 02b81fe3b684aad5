"""Lints the OpenAPI document of the shipped mappings, and generates clients that must work. Run by hand:

    npm install --prefix tools @redocly/cli @stoplight/spectral-cli openapi-typescript@7 openapi-fetch typescript
    python -m venv tools/venv && tools/venv/bin/pip install openapi-python-client datamodel-code-generator httpx ruff
    python tests/openapi_tools.py tools

Each page of the golden cases must be read by the models that were generated, and the queries that the clients send must
be what the engine understands. A tool that is absent is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from answers import ROOT, answers, chosen, document, operations

from truto_mapper import load

QUERY = {
    "integrated_account_id": "62f44730-dd91-461e-bd6a-aedd9e0ad79d",
    "start_time": "2026-01-01T00:00:00+00:00",
    "end_time": "2026-02-01T00:00:00+00:00",
    "users": ["1", "2"],
    "truto_exclude_fields": ["user", "metrics"],
    "remote_query": {"foo": "bar"},
}

TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { components, paths } from "./service.js";

let asked = "";
const body: components["schemas"]["ActivityList"] = { result: [{ id: "1", user: { id: "7" } }], next_cursor: null };
const fetch = async (request: Request) => {
  asked = request.url;
  return new Response(JSON.stringify(body), { status: 200, headers: { "content-type": "application/json" } });
};
const client = createClient<paths>({ baseUrl: "https://unified.example.com", fetch });
const { data, error } = await client.GET("/unified/conversational-intelligence/activity", {
  params: { query: %s },
});
if (error) throw new Error(error.detail + error.diagnostics.map((one) => one.code));
if (typeof data !== "object" || data === null || !("result" in data)) throw new Error("no result");
const page = data as components["schemas"]["ActivityList"];
const id: string | undefined = page.result[0]?.user?.id;
const hosted: number | undefined = page.result[0]?.metrics?.calls_hosted;
// @ts-expect-error: there is no such count
page.result[0]?.metrics?.calls_hostd;
console.log(JSON.stringify({ asked, id, hosted }));
"""

SAME = """
import datetime, json
def same(value):
    \"\"\"A value with its date-times as moments, since a client may write them in another way.\"\"\"
    if isinstance(value, dict):
        return {name: same(one) for name, one in value.items()}
    if isinstance(value, list):
        return [same(one) for one in value]
    try:
        return datetime.datetime.fromisoformat(value) if "T" in value else value
    except (TypeError, ValueError):
        return value
"""

PYTHON_CLIENT = """
import importlib, pathlib, httpx
import unified_api_client.models as models
from unified_api_client import Client
from unified_api_client.api.conversational_intelligence import list_activity
for path in pathlib.Path("pyclient/unified_api_client").rglob("*.py"):
    importlib.import_module(".".join(path.relative_to("pyclient").with_suffix("").parts))
given, client, read, wrong = json.load(open("answers.json")), Client("https://x"), 0, []
for one in given["answers"]:
    module = importlib.import_module(f"unified_api_client.api.conversational_intelligence.{one['operation']}")
    made = module._parse_response(client=client, response=httpx.Response(200, content=json.dumps(one["body"])))
    read += 1
    if made is None or one["component"].startswith("Raw"):
        continue
    # What is left may be whole; a page without records fits several formats.
    if type(made).__name__ not in (one["component"], one["component"].replace("Part", "")) and not one["is_empty"]:
        wrong.append((one["case"], type(made).__name__, one["component"]))
    again = getattr(models, one["component"]).from_dict(one["body"]).to_dict()
    if same(json.loads(json.dumps(again))) != same(one["body"]):
        wrong.append((one["case"], "round trip"))
query = dict(given["query"])
query["start_time"], query["end_time"] = (datetime.datetime.fromisoformat(query[n]) for n in ("start_time", "end_time"))
remote = {f"remote_query[{name}]": value for name, value in query.pop("remote_query").items()}
params = list_activity._get_kwargs(**query, remote_query=models.ListActivityRemoteQuery.from_dict(remote))["params"]
print(json.dumps({"read": read, "wrong": wrong, "asked": str(httpx.URL("https://x/", params=params))}))
"""

PYDANTIC = """
import models
given, read, wrong = json.load(open("answers.json")), 0, []
for one in given["answers"]:
    kind = getattr(models, one["component"])
    made = kind.model_validate(one["body"])
    read += 1
    again = json.dumps(made.model_dump(mode="json", by_alias=True, exclude_unset=True))
    if same(json.loads(again)) != same(one["body"]) and not one["component"].startswith("Raw"):
        wrong.append(one["case"])
print(json.dumps({"read": read, "wrong": wrong}))
"""

#: Replies in golden cases that are not what the provider's schema says.
ODD = ("invalid", "no-", "nulls-everywhere", "metric-without-name", "get-invalid")


def main(tools: Path) -> int:
    made = document([load(f"gong/{name}") for name in ("activity", "interactions", "users")])
    (tools / "service.json").write_text(json.dumps(made, indent=1))
    (tools / "answers.json").write_text(json.dumps({"answers": list(cases(made)), "query": QUERY}))
    (tools / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    node, python = tools / "node_modules/.bin", tools / "venv/bin"
    failed = [
        *lint(tools, node, "redocly", "lint", "service.json"),
        *lint(tools, node, "spectral", "lint", "-r", ".spectral.yaml", "service.json"),
        *typescript(tools, node, made),
        *python_client(tools, python, made),
        *pydantic(tools, python, made),
    ]
    tell("\n".join(failed) or "every tool that is there succeeded")
    return len(failed)


def cases(made: Any) -> Iterator[dict[str, Any]]:
    """Each answer in JSON of the golden cases, with its component."""
    known = operations(made)
    for case, operation, query, body in answers(ROOT / "mappings"):
        if query["truto_response_format"] == "stream":
            continue
        name = chosen(made, known[operation], query, body)
        if name.startswith("Raw") and case.startswith(ODD):
            continue
        is_empty = isinstance(body, dict) and not body.get("result", True)
        found = {"case": case, "operation": operation, "component": name, "body": body}
        yield found | {"is_empty": is_empty}


def ran(tools: Path, *command: Any) -> subprocess.CompletedProcess[str]:
    path = f"{tools / 'venv/bin'}:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": f"{tools}:{tools / 'pyclient'}"}
    return subprocess.run(
        list(map(str, command)), cwd=tools, capture_output=True, text=True, check=False, env=env, timeout=600
    )


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def tried(name: str, *steps: subprocess.CompletedProcess[str]) -> Iterator[str]:
    tell(f"{name}: {'failed' if any(one.returncode for one in steps) else 'succeeded'}")
    yield from (f"{name}: {one.args}\n{one.stdout[-3000:]}{one.stderr[-3000:]}" for one in steps if one.returncode)


def lint(tools: Path, node: Path, name: str, *arguments: str) -> Iterator[str]:
    if not (node / name).exists():
        tell(f"{name}: skipped, it is not installed")
        return
    done = ran(tools, node / name, *arguments)
    told = (line for line in (done.stdout + done.stderr).splitlines() if "arning" in line and "eprecat" not in line)
    tell("\n".join(told))
    yield from tried(name, done)


def typescript(tools: Path, node: Path, made: Any) -> Iterator[str]:
    """The types compile with each page, and a client asks what the engine understands."""
    if not (node / "openapi-typescript").exists():
        tell("openapi-typescript: skipped, it is not installed")
        return
    query = {("users[]" if name == "users" else name): value for name, value in QUERY.items()}
    query = {("truto_exclude_fields[]" if name == "truto_exclude_fields" else name): v for name, v in query.items()}
    (tools / "client.mts").write_text(TYPESCRIPT.replace("%s", json.dumps(query)))
    typed = [one for one in cases(made) if not one["component"].startswith("Raw")]  # a literal may have no other names
    pages = [
        f"const page{i}: components['schemas']['{one['component']}'] = {json.dumps(one['body'])};"
        for i, one in enumerate(typed)
    ]
    (tools / "pages.mts").write_text(
        "\n".join(['import type { components } from "./service.js";', *pages, "export {};"])
    )
    steps = [ran(tools, node / "openapi-typescript", "service.json", "-o", "service.d.ts")]
    options = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]
    tell(f"openapi-typescript: {len(pages)} pages typed")
    steps += [ran(tools, node / "tsc", *options, "client.mts", "pages.mts"), ran(tools, "node", "client.mjs")]
    yield from tried("openapi-typescript", *steps)
    if not steps[-1].returncode:
        yield from understood("openapi-typescript", json.loads(steps[-1].stdout)["asked"])


def python_client(tools: Path, python: Path, made: Any) -> Iterator[str]:
    """No model is dropped, each module is imported, and each page is read and written again."""
    if not (python / "openapi-python-client").exists():
        tell("openapi-python-client: skipped, it is not installed")
        return
    arguments = ["generate", "--path", "service.json", "--output-path", "pyclient", "--overwrite", "--fail-on-warning"]
    steps = [ran(tools, python / "openapi-python-client", *arguments)]
    steps.append(ran(tools, python / "python", "-c", SAME + PYTHON_CLIENT))
    yield from tried("openapi-python-client", *steps)
    if not steps[-1].returncode:
        told = json.loads(steps[-1].stdout)
        tell(f"openapi-python-client: {told['read']} pages read")
        yield from map(str, told["wrong"])
        yield from understood("openapi-python-client", told["asked"])
    written = {path.stem.replace("_", "") for path in (tools / "pyclient/unified_api_client/models").glob("*.py")}
    objects = [name for name, one in made["components"]["schemas"].items() if one.get("type") == "object"]
    yield from (f"openapi-python-client has no {name}" for name in objects if name.lower() not in written)


def pydantic(tools: Path, python: Path, made: Any) -> Iterator[str]:
    """No model is dropped, and each page is valid."""
    if not (python / "datamodel-codegen").exists():
        tell("datamodel-code-generator: skipped, it is not installed")
        return
    arguments = ["--input", "service.json", "--input-file-type", "openapi", "--output", "models.py"]
    arguments += ["--output-model-type", "pydantic_v2.BaseModel"]
    steps = [ran(tools, python / "datamodel-codegen", *arguments), ran(tools, python / "python", "-c", SAME + PYDANTIC)]
    yield from tried("datamodel-code-generator", *steps)
    if not steps[-1].returncode:
        told = json.loads(steps[-1].stdout)
        tell(f"datamodel-code-generator: {told['read']} pages read")
        yield from map(str, told["wrong"])
    text = (tools / "models.py").read_text()
    names = made["components"]["schemas"]
    yield from (f"datamodel-code-generator has no {one}" for one in names if f"class {one}(" not in text)


def understood(tool: str, url: str) -> Iterator[str]:
    """What is wrong about the query in a URL that a client asked for."""
    parsed = dict(load("gong/activity").plan(url.partition("?")[2]).query)
    wanted = dict(load("gong/activity").plan(QUERY).query)
    for name, value in wanted.items():
        if parsed.get(name) != value:
            yield f"{tool} asked for {name} {parsed.get(name)}: {url}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
