"""The command that tries an account with one small call for each mapping: account test."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from truto_mapper.edges.cli.options import located
from truto_mapper.edges.cli.output import FINDINGS, print_table, report
from truto_mapper.edges.cli.store_options import KeyFile, StoreUrl, opened
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, QueryError
from truto_mapper.text.timestamps import rfc_3339

if TYPE_CHECKING:
    from truto_mapper.edges.server.store import Store, Stored
