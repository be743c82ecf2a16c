"""Validating one object, a file, or several files that belong together."""

import dataclasses
import os
import stat
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import pydicom
from pydicom import Dataset

from isocenter.dicom import scan_file, tags
from isocenter.dicom.inflation import check_inflation
from isocenter.dicom.iod import iod
from isocenter.dicom.sop_classes import sop_class
from isocenter.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from isocenter.dicom.validation.counts import check_counts
from isocenter.dicom.validation.file_set import FileSet
from isocenter.dicom.validation.findings import Finding, Findings, Rule, Severity
from isocenter.dicom.validation.geometry import check_geometry
from isocenter.dicom.validation.hounsfield import check_hounsfield_units
from isocenter.dicom.validation.image import check_image
from isocenter.dicom.validation.items import NESTS_TOO_DEEP, Item
from isocenter.dicom.validation.lookup_tables import check_lookup_tables, check_overlays
from isocenter.dicom.validation.meta import check_meta
from isocenter.dicom.validation.multi_frame import check_frames
from isocenter.dicom.validation.registration import check_registrations
from isocenter.dicom.validation.requirements import check_requirements
from isocenter.dicom.validation.structured_report import check_content
from isocenter.dicom.validation.values import check_values
from isocenter.errors import InvalidDicom, IsocenterError, UnsupportedTransferSyntax

__all__ = ["Report", "validate", "validate_files"]

StrPath = str | PathLike[str]

_LARGE: Final = 1 << 20
"""Values above this many bytes stay in the file: only their lengths matter."""
_DIRECTORY: Final = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the files that were validated.

    Parameters
    ----------
    files
        How many were read.
    findings
        Broken rules, by file.
    unreadable
        Files that are no DICOM, too broken to read or not to be opened, and folders that cannot be
        read, each with the reason.
    """

    files: int
    findings: tuple[Finding, ...]
    unreadable: tuple[tuple[Path, str], ...]

    def errors_only(self) -> "Report":
        """Return the same without warnings.

        Returns
        -------
        Report
            With all files and those that are unreadable.
        """
        errors = (f for f in self.findings if f.severity is Severity.ERROR)
        return dataclasses.replace(self, findings=tuple(errors))


def validate(source: Dataset | StrPath | Iterable[StrPath]) -> list[Finding]:
    """Find the rules of DICOM that an object, or several, break.

    Parameters
    ----------
    source
        A data set; a Part 10 file, or a folder of them; or several paths. Several files are
        compared with each other, too: one patient, study and frame of reference where that must be.

    Returns
    -------
    list of Finding
        Empty if nothing is wrong. Errors are against the standard, warnings against its advice.

    Raises
    ------
    InvalidDicom
        If a file or folder cannot be read, or sequences nest deeper than 64; `validate_files` goes
        on with the others instead.

    References
    ----------
    PS3.3 Annexes A and C, PS3.5 clauses 6 to 9, PS3.10 clause 7
    """
    if isinstance(source, Dataset):
        return _validate_data_set(source).found
    paths = [source] if isinstance(source, (str, PathLike)) else source
    report = validate_files(paths)
    for path, reason in report.unreadable:
        raise InvalidDicom(f"{path}: {reason}")
    return list(report.findings)


def validate_files(paths: Iterable[StrPath]) -> Report:
    """Validate files, and folders of them, and compare the files with each other.

    Parameters
    ----------
    paths
        Files and folders; in a folder, files that are no DICOM are passed over.

    Returns
    -------
    Report
        Findings, and what could not be read.
    """
    found: list[Finding] = []
    unreadable: list[tuple[Path, str]] = []
    file_set = FileSet()
    count = 0
    for path, named in _files(paths, unreadable):
        try:
            data_set = _read(path)
            item = Item(data_set)
            findings = _validate_data_set(data_set, item)
        except OSError as error:
            unreadable.append((path, _reason(error)))
            continue
        except IsocenterError as error:
            if named or not _is_foreign(path):
                unreadable.append((path, str(error)))
            continue
        count += 1
        file_set.add(item, findings)
        found += [dataclasses.replace(finding, file=path) for finding in findings.found]
    return Report(count, tuple(found), tuple(unreadable))


def _files(
    paths: Iterable[StrPath], unreadable: list[tuple[Path, str]]
) -> Iterable[tuple[Path, bool]]:
    """Yield files, and whether they were named themselves; note folders that cannot be read."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from ((each, False) for each in _files_below(path, unreadable))
        else:
            yield path, True


def _files_below(folder: Path, unreadable: list[tuple[Path, str]]) -> list[Path]:
    def note(error: OSError) -> None:
        unreadable.append((Path(error.filename), _reason(error)))

    def is_file(path: Path) -> bool:
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:  # a link to nothing, or gone meanwhile
            return False
        except OSError as error:
            note(error)
            return False

    walked = os.walk(folder, onerror=note)
    found = (Path(place, name) for place, _, names in walked for name in names)
    return sorted(path for path in found if is_file(path))


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _is_foreign(path: Path) -> bool:
    """Whether a file that cannot be read does not claim to be DICOM either."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] != b"DICM"
    except OSError:
        return False


def _read(path: Path) -> Dataset:
    header = scan_file(path)  # refuses what is no DICOM with a sentence that says why
    check_inflation(path, header)
    # What is inflated in memory cannot be looked up in the file later.
    defer = None if header.transfer_syntax.deflated else _LARGE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(  # pyright: ignore[reportUnknownMemberType] - PathLike[Unknown]
                path, force=True, defer_size=defer
            )
    except OSError:
        raise
    except Exception as error:  # pydicom has no one error for what it cannot read
        raise InvalidDicom(f"cannot be read to its end: {error}") from error


def _validate_data_set(data_set: Dataset, item: Item | None = None) -> Findings:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # findings say what pydicom would warn of
        return _checked(data_set, item or Item(data_set))


def _checked(data_set: Dataset, item: Item) -> Findings:
    if item.nests_too_deep:
        raise InvalidDicom(NESTS_TOO_DEEP)
    findings = Findings()
    meta = getattr(data_set, "file_meta", None)
    meta_item = Item(meta if meta is not None else Dataset())
    if meta_item.get(tags.MediaStorageSOPClassUID) is not None and (
        meta_item.text(tags.MediaStorageSOPClassUID) == _DIRECTORY
    ):
        check_values(item, findings)
        return findings
    if meta is not None or isinstance(data_set, pydicom.FileDataset):
        check_meta(meta_item, item, findings)
    check_values(meta_item, findings)
    check_values(item, findings)
    _check_modules(item, findings)
    check_image(item, _syntax(meta_item.text(tags.TransferSyntaxUID)), findings)
    for check in (check_geometry, check_lookup_tables, check_overlays, check_registrations,
                  check_counts, check_hounsfield_units):  # fmt: skip
        check(item, findings)
    return findings


def _check_modules(item: Item, findings: Findings) -> None:
    uid = item.text(tags.SOPClassUID)
    definition = iod(uid)
    check_frames(item, definition, findings)
    check_content(item, definition, findings)
    if definition is not None:
        check_requirements(item, definition, findings)
    elif not uid:
        findings.error(item, tags.SOPClassUID, Rule.MISSING, "missing", "a SOP Class",
                       "Say what the object is", module="SOP Common",
                       condition="Type 1")  # fmt: skip
    else:
        known = sop_class(uid)
        found = f"{uid} ({known.name})" if known else uid
        findings.warning(item, tags.SOPClassUID, Rule.SOP_CLASS, found,
                         "a SOP Class of the current standard",
                         "Nothing to do if it is private or retired: modules were not checked",
                         module="SOP Common")  # fmt: skip


def _syntax(uid: str) -> TransferSyntax | None:
    try:
        return transfer_syntax(uid) if uid else None
    except UnsupportedTransferSyntax:
        return None
