"""The pytest plugin: each `case.yaml` in a folder beside a mapping is a test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from truto_mapper.engine.mapper import Mapper


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a `case.yaml` of a mapping. A project without any does not import the package."""
    if file_path.name != "case.yaml" or not Path(f"{file_path.parent.parent}.yaml").is_file():
        return None
    return CaseFile.from_parent(parent, path=file_path)


class CaseFile(pytest.File):
    """The file of one golden case."""

    def collect(self) -> Iterator[pytest.Item]:
        """The case, named after its folder."""
        yield CaseItem.from_parent(self, name=self.path.parent.name)


class CaseItem(pytest.Item):
    """A golden case. It passes if the output is the expected one."""

    def runtest(self) -> None:
        """Run the case. Raises `CaseDiffers`."""
        from truto_mapper.authoring import golden  # noqa: PLC0415  # see above
        from truto_mapper.text.errors import MapperError  # noqa: PLC0415

        found = golden.Report()
        try:
            golden.run_one(self.path.parent, _mapper(golden.mapping_of(self.path.parent.parent)), found)
        except MapperError as error:
            raise CaseDiffers(str(error)) from None
        if found.diagnostics:
            raise CaseDiffers("\n\n".join(one.render() for one in found.diagnostics))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings, and how to accept the new output."""
        if isinstance(excinfo.value, CaseDiffers):
            return f"{excinfo.value}\n\naccept it with: truto-mapper test {self.path.parent} --update"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The case's file, and its name as reports show it."""
        return self.path, 0, f"case {self.name}"


class CaseDiffers(Exception):  # noqa: N818  # it is shown, not caught
    """The findings of a case that fails, as text."""


@cache
def _mapper(mapping: Path) -> Mapper:
    from truto_mapper.engine.mapper import load  # noqa: PLC0415  # see above

    return load(mapping)
