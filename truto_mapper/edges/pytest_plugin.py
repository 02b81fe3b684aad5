"""The pytest plugin: each `case.yaml` in a folder beside a mapping is a test, and so are files that belong to none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from truto_mapper.authoring.golden.runs import Load
    from truto_mapper.text.diagnostics import Diagnostic


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a `case.yaml` of a mapping, and a mapping with cases. A project without does not import the package."""
    if file_path.name == "case.yaml":
        folder = file_path.parent.parent
        is_ours = Path(f"{folder}.yaml").is_file() or "mappings" in folder.parts
        return CaseFile.from_parent(parent, path=file_path) if is_ours else None
    if file_path.suffix == ".yaml" and any(file_path.with_suffix("").glob("*/case.yaml")):
        return CasesFile.from_parent(parent, path=file_path)
    return None


class CasesFile(pytest.File):
    """A mapping with golden cases. It is a test only if there are files beside it that belong to no case."""

    def collect(self) -> Iterator[pytest.Item]:
        """The test that fails for such files."""
        from truto_mapper.authoring import golden  # noqa: PLC0415  # see above

        if found := golden.orphans(self.path):
            yield OrphansItem.from_parent(self, name=f"{self.path.stem} has files of no case", found=found)


class OrphansItem(pytest.Item):
    """The files that belong to no case."""

    def __init__(self, *, found: list[Diagnostic], **more: Any) -> None:
        super().__init__(**more)
        self.found = found

    def runtest(self) -> None:
        """Raise `CaseDiffers`."""
        raise CaseDiffers("\n\n".join(one.render() for one in self.found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings."""
        return str(excinfo.value) if isinstance(excinfo.value, CaseDiffers) else super().repr_failure(excinfo, style)


class CaseFile(pytest.File):
    """The file of one golden case."""

    def collect(self) -> Iterator[pytest.Item]:
        """The case, named after its folder."""
        yield CaseItem.from_parent(self, name=self.path.parent.name)


class CaseItem(pytest.Item):
    """A golden case. It passes if the output is the expected one."""

    def runtest(self) -> None:
        """Run the case. Raises `CaseDiffers`."""
        from truto_mapper.authoring import golden, mapping_files  # noqa: PLC0415  # see above

        mapping = mapping_files.mapping_of(self.path.parent.parent)
        found = golden.Report(findings=[] if mapping.is_file() else golden.ownerless(self.path.parent))
        if mapping.is_file():
            golden.run_one(self.path.parent, _loader(mapping), found)
        if found.diagnostics:
            raise CaseDiffers("\n\n".join(one.render() for one in found.diagnostics))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings, and how to accept the new output."""
        if isinstance(excinfo.value, CaseDiffers):
            how = f"\n\naccept it with: truto-mapper test {self.path.parent} --update"
            return f"{excinfo.value}{how if 'G701' in str(excinfo.value) else ''}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The case's file, and its name as reports show it."""
        return self.path, 0, f"case {self.name}"


class CaseDiffers(Exception):  # noqa: N818  # it is shown, not caught
    """The findings of a case that fails, as text."""


@cache
def _loader(mapping: Path) -> Load:
    from truto_mapper.authoring import golden  # noqa: PLC0415  # see above

    return golden.loader(mapping)
