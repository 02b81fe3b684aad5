"""Functions that end an evaluation: $error and $assert."""

from __future__ import annotations

from typing import Any, NoReturn

from truto_mapper.language.runtime.values import MISSING, Missing, fail


def error(message: Any = MISSING) -> NoReturn:
    fail("D3137", message or "$error() function evaluated")


def assert_(condition: Any, message: Any = MISSING) -> Missing:
    if condition is False or condition is MISSING:
        fail("D3141", message or "$assert() statement failed")
    return MISSING
