"""Declarative mappings between Gong's user-activity payloads and the unified Activity schema."""

from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.engine.page import Page, Request, Response
from truto_mapper.engine.query import Query
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.resource.activity import Activity
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError, MapperError, MappingError, ProviderError, QueryError
from truto_mapper.text.source import Source, Span

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
