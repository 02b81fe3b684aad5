"""Declarative mappings between Gong's user-activity payloads and the unified Activity schema."""

from truto_mapper.activity import Activity
from truto_mapper.diagnostics import (
    Diagnostic,
    EvaluationError,
    MapperError,
    MappingError,
    ProviderError,
    QueryError,
    Source,
    Span,
)
from truto_mapper.expr import Expression
from truto_mapper.query import Query
from truto_mapper.runtime import Mapper, Page, Request, Response, load
from truto_mapper.values import MISSING

__all__ = [
    "MISSING",
    "Activity",
    "Diagnostic",
    "EvaluationError",
    "Expression",
    "Mapper",
    "MapperError",
    "MappingError",
    "Page",
    "ProviderError",
    "Query",
    "QueryError",
    "Request",
    "Response",
    "Source",
    "Span",
    "load",
]
