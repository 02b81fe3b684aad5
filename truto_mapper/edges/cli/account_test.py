"""The command that tries an account with one small call for each mapping: account test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
