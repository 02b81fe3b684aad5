"""Declarative mappings: a provider's payloads → unified records, unified queries → the provider's requests."""

import importlib
from typing import TYPE_CHECKING

from truto_mapper.edges.loading import load
from truto_mapper.engine.encoded import Encoded
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.page import OnInvalid, Page, Request, Response
from truto_mapper.engine.query import OnUnknown, Query
from truto_mapper.engine.rendering import Format
from truto_mapper.engine.stream import Exchange, Stream
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError, MapperError, MappingError, ProviderError, QueryError
from truto_mapper.text.source import Source, Span

if TYPE_CHECKING:
    from truto_mapper.resource.activity import Activity
    from truto_mapper.resource.interactions import Interaction
    from truto_mapper.resource.users import User
else:

    def __getattr__(name: str) -> type:
        """The types of records, imported when they are asked for: a process that maps needs none."""
        module = {"Activity": "activity", "Interaction": "interactions", "User": "users"}.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.resource.{module}"), name)


__version__ = "0.1.0"

__all__ = [
    "MISSING",
    "Activity",
    "Diagnostic",
    "Encoded",
    "EvaluationError",
    "Exchange",
    "Expression",
    "Format",
    "Interaction",
    "Mapper",
    "MapperError",
    "MappingError",
    "OnInvalid",
    "OnUnknown",
    "Page",
    "ProviderError",
    "Query",
    "QueryError",
    "Request",
    "Response",
    "Source",
    "Span",
    "Stream",
    "User",
    "__version__",
    "load",
]
