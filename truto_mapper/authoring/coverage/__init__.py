"""What the golden cases of a mapping exercise, counted and reported."""

from truto_mapper.authoring.coverage.measure import measure
from truto_mapper.authoring.coverage.reports import FORMATS
from truto_mapper.authoring.coverage.units import COUNTERS, Coverage, Unit

__all__ = ["COUNTERS", "FORMATS", "Coverage", "Unit", "measure"]
