"""pytest collects golden cases: each `case.yaml` in a folder beside a mapping is a test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from truto_mapper.engine.mapper import Mapper


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A `case.yaml` of a mapping, and nothing else: who has none does not even import the package."""
    if file_path.name != "case.yaml" or not Path(f"{file_path.parent.parent}.yaml").is_file():
        return None
    return CaseFile.from_parent(parent, path=file_path)


class CaseFile(pytest.File):
    """The folder of a case."""

    def collect(self) -> Iterator[pytest.Item]:
        yield CaseItem.from_parent(self, name=self.path.parent.name)


class CaseItem(pytest.Item):
    """A case, which passes if what comes is what is expected."""

    def runtest(self) -> None:
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
        if isinstance(excinfo.value, CaseDiffers):
            return f"{excinfo.value}\n\naccept it with: truto-mapper test {self.path.parent} --update"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"case {self.name}"


class CaseDiffers(Exception):  # noqa: N818  # it is shown, not caught
    """What there is to say about a case that does not give what it expects."""


@cache
def _mapper(mapping: Path) -> Mapper:
    from truto_mapper.engine.mapper import load  # noqa: PLC0415  # see above

    return load(mapping)
