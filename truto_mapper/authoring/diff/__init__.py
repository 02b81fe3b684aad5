"""What changed between two versions of a resource or a mapping, and whom it breaks.

Readers rely on what records hold: a value that was impossible before breaks them. Callers rely on what they may ask: a
query that is refused now breaks them. Accounts rely on their settings. An error breaks somebody, a warning may, a note
breaks nobody. Expressions are compared by their meaning: layout, names of variables and comments do not count.
"""

from truto_mapper.authoring.diff.approvals import unapproved
from truto_mapper.authoring.diff.behaviour import behaviour
from truto_mapper.authoring.diff.changes import Change, kind_of, refused
from truto_mapper.authoring.diff.mappings import mappings
from truto_mapper.authoring.diff.specs import resources

__all__ = ["Change", "behaviour", "kind_of", "mappings", "refused", "resources", "unapproved"]
