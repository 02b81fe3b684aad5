"""Writing golden cases: accepting differences, and leaving them for review."""

from collections.abc import Callable, Iterable
from pathlib import Path

from truto_mapper.authoring.golden import joins
from truto_mapper.authoring.golden.cases import EXPECTATIONS, PENDING
from truto_mapper.authoring.golden.causes import Group
from truto_mapper.authoring.golden.comparison import Difference
from truto_mapper.authoring.golden.runs import Report
from truto_mapper.authoring.golden.values import Take, merged, same, text_of, value_in
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import Findings, MappingError


def accept(found: Iterable[Difference]) -> list[Path]:
    """Write the values that were found into the expectations, and nothing else. Returns the files concerned.

    A further call needs the differences of the earlier ones too, unless the cases ran again. Raises `MappingError` G705
    for the files that cannot be written, after all others are.
    """
    by_file: dict[Path, list[Difference]] = {}
    for one in found:
        by_file.setdefault(one.case.folder / one.file, []).append(one)
    written, findings = list[Path](), Findings()
    for path, some in sorted(by_file.items()):
        text = _accepted(some)
        if _attempted(path, lambda path=path, text=text: _replace(path, text), findings):  # type: ignore[misc]
            written.append(path)
    findings.raise_as(MappingError)
    return written


def _accepted(some: list[Difference]) -> str | None:
    """The text of a file with the found values in it; None if there must be no file."""
    expected, found = (value_in(some[0].file, text) for text in some[0].texts)
    value = merged(expected, found, _taking(some))
    if value is MISSING or same(value, found):
        return some[0].texts[1]
    return text_of(some[0].file, value)


def _taking(some: list[Difference]) -> Take:
    # A list can lack an item at an index where it has another one, so a path alone does not say which difference it is.
    chosen = {(one.path, one.expected is MISSING, one.found is MISSING) for one in some}
    return lambda path, old, new: (path, old is MISSING, new is MISSING) in chosen


def _replace(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write(path, text)
    path.with_name(path.name + PENDING).unlink(missing_ok=True)


def pend(made: Report, taken: Iterable[Group] = ()) -> list[Diagnostic]:
    """Leave the files that differ beside the expected ones, for a person to look at; remove those that do not.

    Differences of the groups in `taken` are no longer there. Returns G705 as a warning for each file that cannot be
    written.
    """
    gone = {one for group in taken for one in group.differences}
    differing = {(one.case.folder, one.file): one.texts[1] for one in made.differences if one not in gone}
    findings = Findings()
    for case, result in made.results:
        for name in (*EXPECTATIONS, *joins.requests({*case.expected, *result.files})):
            path, found = case.folder / (name + PENDING), differing.get((case.folder, name))
            if found is not None:
                _attempted(path, lambda path=path, text=found: write(path, text), findings, "warning")  # type: ignore[misc]
            elif path.exists():
                _attempted(path, path.unlink, findings, "warning")
    return findings.found


def _attempted(path: Path, change: Callable[[], object], findings: Findings, severity: str = "error") -> bool:
    """Change a file, and say whether that was possible; G705 if not."""
    try:
        change()
    except OSError as error:
        findings.add("G705", f"cannot write {path}: {error.strerror or error}", severity=severity)
        return False
    return True


def write(path: Path, text: str) -> None:
    """Write the text of a file of a case."""
    path.write_text(text, "utf-8", newline="\n")
