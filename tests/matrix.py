"""Run the suite on every Python that is supported and found here, and on the lowest direct dependencies.

    python tests/matrix.py [--only NAME …] [-- PYTEST ARGUMENT …]

A run has the name of its Python, such as `3.12`, or is `lowest`: the oldest Python, with each direct dependency at its
lower bound in pyproject.toml. Each has a venv in `.matrix/`. The exit code is 1 if a run fails.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".matrix"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OLDEST = tuple(int(part) for part in re.findall(r"\d+", PROJECT["requires-python"]))
MINORS = range(OLDEST[1], OLDEST[1] + 20)


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="3.12, lowest, …")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    options = parser.parse_args()
    found = pythons()
    runs = {**{f"3.{minor}": (python, ()) for minor, python in found.items()}, "lowest": (found[min(found)], lowest())}
    failed = [name for name, one in runs.items() if name in (options.only or runs) and not run(name, *one, options)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def pythons() -> dict[int, Path]:
    """An interpreter of each minor version: of PATH, else of pyenv, else of uv."""
    named = [Path(path) for minor in MINORS if (path := shutil.which(f"python3.{minor}"))]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin/python3")
    uv = (Path.home() / ".local/share/uv/python").glob("*/bin/python3")
    every = [*sorted(uv), *sorted(pyenv), *named]  # the last of a version is taken
    found = {version: path for path in every if (version := version_of(path))}
    return {minor: found[major, minor] for major, minor in sorted(found) if major == OLDEST[0] and minor in MINORS}


def version_of(python: Path) -> tuple[int, int] | None:
    """None if it does not run: pyenv's shims exist for versions that are not switched on."""
    code = "import sys, ensurepip; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return None if done.returncode else tuple(map(int, done.stdout.split()))


def lowest() -> tuple[str, ...]:
    """Constraints that hold every direct dependency at its lower bound."""
    direct = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    bounds = [re.match(r"([\w.-]+)>=([\w.]+)", one) for one in direct]
    return tuple(sorted({f"{bound[1]}=={bound[2]}" for bound in bounds if bound}))


def run(name: str, python: Path, constraints: tuple[str, ...], options) -> bool:
    """Install the project in a venv of its own and test it there. Whether that succeeds."""
    sys.stdout.write(f"== {name}: {python}\n")
    sys.stdout.flush()
    folder = VENVS / name
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    (folder / "constraints.txt").write_text("\n".join(constraints))
    install = ["-m", "pip", "install", "-q", "-e", ".[dev]", "-c", folder / "constraints.txt"]
    suite = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *options.arguments]
    steps = [[folder / "bin/python", *step] for step in (install, suite)]
    return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


if __name__ == "__main__":
    main()
