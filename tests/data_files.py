"""The data files beside the tests."""

from pathlib import Path
from typing import Any

import yaml


def read(name: str) -> Any:
    """The value of a file. libyaml reads it ten times as fast as Python does, and there are many."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # both are safe
