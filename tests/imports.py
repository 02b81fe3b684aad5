"""Imports of Truto's mappings: the cases in tests/data/imports, what they give here, and what they give in Node.

A case is a folder: files of Truto's, `inputs.yaml` with what the mapping is given, `imported.yaml` (and overlays) that
they become, and `expected.json`, what the originals give with npm's `@truto/truto-jsonata`. `tests/truto_imports.mjs`
makes that, where the package is installed.
"""

import json
import subprocess
from functools import cache
from pathlib import Path

import yaml

from truto_mapper import load
from truto_mapper.authoring import importing
from truto_mapper.resource.spec import Resource
from truto_mapper.text import files
from truto_mapper.text.errors import MapperError
from truto_mapper.text.source import Source

HERE = Path(__file__).parent
FOLDER = HERE / "data/imports"
SPECS = FOLDER / "schemas"
CASES = sorted(path.parent for path in FOLDER.glob("*/inputs.yaml"))
OURS = ("inputs.yaml", "expected.json")


def sources(case):
    """The files of Truto's."""
    found = sorted(path for path in case.iterdir() if path.name not in OURS and not path.name.startswith("imported"))
    return [Source(path.name, path.read_text("utf-8")) for path in found]


def about(case):
    """The options of the import, and the inputs."""
    given = yaml.safe_load((case / "inputs.yaml").read_text("utf-8"))
    return given.get("options", {}), given["inputs"]


def find_spec(model, resource):
    for name in (resource, resource.removesuffix("s")):
        if (path := SPECS / model / f"{name}.yaml").exists():
            return files.read(path, f"schemas/{model}/{name}.yaml")
    return None


@cache
def imported(case):
    """The files that a case becomes."""
    options, _ = about(case)
    made = {key: options[key] for key in ("rows", "model", "resource", "integration", "method") if key in options}
    return importing.imported(sources(case), find_spec, importing.Options(**made, reading=options.get("reading")))


def mapper(case, folder):
    """A mapper of what a case becomes, in a folder that has the specs."""
    if not (folder / "schemas").exists():
        (folder / "schemas").symlink_to(SPECS)
    for one in imported(case):
        (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / one.path).write_text(one.text, "utf-8")
    base, *layers = [folder / one.path for one in imported(case)]
    return load(base, overlays=layers, cache=False)


def here(case, folder):
    """What a case gives here, for each of its inputs."""
    made = mapper(case, folder)
    return [answered(made, one) for one in about(case)[1]]


def answered(made, given):
    one = {key: given[key] for key in ("id", "body") if key in given}
    settings = {name: value for name, value in given.get("context", {}).items() if name in made.mapping.context_schemas}
    request = made.plan(given.get("query", {}), method=given["method"], context=settings, **one)
    found = {
        "request": {"path": request.path, "query": request.params, "headers": request.headers, "body": request.body}
    }
    if "reply" not in given:
        return found
    try:
        page = made.map(
            given["reply"], query=request.query, status=given.get("status", 200), headers=given.get("headers")
        )
    except MapperError as error:
        return {**found, "error": error.diagnostics[0].message}
    if given["method"] != "list":
        return {**found, "record": page.record}
    return {**found, "records": page.records, "next_cursor": page.next_cursor}


@cache
def in_node(package):
    """What the originals give in Node, for each input of each case."""
    asked = [(case, question) for case in CASES for question in questions(case)]
    command = ["node", HERE / "truto_imports.mjs", package]
    lines = "\n".join(json.dumps(question) for _, question in asked)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    found = {case: [] for case in CASES}
    for (case, _), line in zip(asked, done.stdout.splitlines(), strict=True):
        found[case].append(json.loads(line))
    return found


def questions(case):
    """What Node is asked: the configuration of a method, and an input."""
    options, inputs = about(case)
    configs, proxies = originals(case)
    for one in inputs:
        config = configs.get(one["method"], {})
        resource = config.get("resource", "")
        proxy = proxies.get(resource, {}) if isinstance(resource, str) else {}
        proxy = proxy.get(config.get("method", one["method"]), {})
        if "rows" in options and one["method"] == "list":
            proxy = {**proxy, "response_path": options["rows"]}
        is_item = one["method"] == "list" and "response_path" in proxy
        reading = options.get("reading") or ("item" if is_item else "array")
        yield {"config": config, "proxy": proxy, "reading": reading, "input": one}


def originals(case):
    """The configuration of each method, with the layers merged as Truto's guide says, and the proxy resources."""
    configs, proxies = {}, {}
    documents = [yaml.safe_load(source.text) for source in sources(case)]
    for document in sorted(
        documents, key=lambda one: ("unified_model_override" in one, "environment_unified_model_id" in one)
    ):
        for one in document if isinstance(document, list) else document.get("cells", [document]):
            if "method_name" in one:
                configs.setdefault(one["method_name"], []).append(one["config"])
            elif "unified_model_override" in one:
                for resources in one["unified_model_override"].values():
                    for methods in resources.values():
                        for method, config in methods.items():
                            configs.setdefault(method, []).append(config)
            else:
                held = one.get("config", one)
                proxies |= held.get("resources", {})
    return {method: merged(layers) for method, layers in configs.items()}, proxies


def merged(layers):
    """One configuration of several layers: what a later `response_mapping` gives is laid over the earlier ones."""
    made = {}
    for layer in layers:
        both = {**made, **layer}
        if made.get("response_mapping") and layer.get("response_mapping"):
            both["response_mapping"] = f"$merge([({made['response_mapping']}), ({layer['response_mapping']})])"
        made = both
    return made


def record_of(value, fields):
    """A record of Truto's as ours would be: declared fields alone, no nulls, lists where lists are declared."""
    return {
        name: one for name, field in fields.items() if (one := value_of((value or {}).get(name), field)) is not None
    }


def value_of(value, field):
    if value is None:
        return None
    if field.type == "array":
        items = [value_of(one, field.items) for one in (value if isinstance(value, list) else [value])]
        return [one for one in items if one is not None]
    if field.type == "object" and field.fields:
        return record_of(value, field.fields) or None
    return value


def flat(query, prefix=""):
    """A query of Truto's as texts by name."""
    made = {}
    for name, value in (query or {}).items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            made |= flat(value, key)
        elif isinstance(value, list):
            made[key] = [text(one) for one in value]
        else:
            made[key] = text(value)
    return made


def text(value):
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def resource(case):
    name = yaml.safe_load(imported(case)[0].text)
    return Resource.parse(find_spec(name["unified_model"], name["resource"]))


def differences(ours, theirs, spec):
    """What differs between ours and theirs, each as its part, ours and theirs."""
    pairs = []
    asked = theirs["request"]
    if "path" in asked:
        pairs.append(("path", ours["request"]["path"], asked["path"]))
    pairs.append(("query", ours["request"]["query"], flat(asked.get("query"))))
    pairs.append(("headers", ours["request"]["headers"], asked.get("headers", {})))
    if "body" in asked:
        pairs.append(("body", ours["request"]["body"], asked["body"]))
    fields = {name: field for name, field in spec.fields.items() if name != "remote_data"}
    if "records" in theirs:
        mine = [{k: v for k, v in one.items() if k != "remote_data"} for one in ours.get("records", [])]
        pairs.append(
            (
                "records",
                mine if "records" in ours else ours.get("error"),
                [record_of(one, fields) for one in theirs["records"]],
            )
        )
    if theirs.get("record") is not None:
        mine = {k: v for k, v in (ours.get("record") or {}).items() if k != "remote_data"}
        pairs.append(("record", mine if "record" in ours else ours.get("error"), record_of(theirs["record"], fields)))
    if "next_cursor" in theirs:
        pairs.append(("next_cursor", ours.get("next_cursor") is not None, theirs["next_cursor"] is not None))
    if "error" in theirs and theirs["error"].get("message"):
        pairs.append(("error", ours.get("error", ""), theirs["error"]["message"]))
    pairs = [(part, aligned(mine, their), their) for part, mine, their in pairs]
    return [pair for pair in pairs if pair[1] != pair[2] and not (pair[0] == "error" and pair[2] in pair[1])]


def aligned(mine, their):
    """Ours without the empty lists that theirs lack: here a list is empty where its source is."""
    if isinstance(mine, dict) and isinstance(their, dict):
        return {name: aligned(one, their.get(name)) for name, one in mine.items() if one != [] or name in their}
    if isinstance(mine, list) and isinstance(their, list) and len(mine) == len(their):
        return [aligned(*pair) for pair in zip(mine, their, strict=True)]
    return mine
