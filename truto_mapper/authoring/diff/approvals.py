"""The breaking changes that are meant: the file that approves them."""

from collections.abc import Iterable

import pydantic

from truto_mapper.authoring.diff.changes import Change
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source


class Approval(pydantic.BaseModel):
    """A breaking change that is meant."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    fingerprint: str
    reason: str = pydantic.Field(min_length=1)


class Approvals(pydantic.BaseModel):
    """The file of approvals."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    approved: list[Approval]


def unapproved(changes: Iterable[Change], source: Source | None) -> list[Diagnostic]:
    """The changes that are not approved, breaking ones first, then B331 for the approvals that match no change.

    Raises `MappingError` for a file that is not a list of approvals, each with a reason.
    """
    order = {"error": 0, "warning": 1, "note": 2}
    given = sorted(changes, key=lambda change: order[change.found.severity])
    if source is None:
        return [change.found for change in given]
    root = yaml_tree.parse(source)
    names = {one.fingerprint for one in shaped(root, Approvals).approved}
    left = [change.found for change in given if change.fingerprint not in names]
    known = {change.fingerprint for change in given}
    for node in root.value["approved"].value:
        name = node.value["fingerprint"]
        if name.value not in known:
            message = f"no change has the fingerprint {excerpt(name.value)}"
            left.append(name.diagnostic("B331", message, severity="warning", hint="remove the approval"))
    return left
