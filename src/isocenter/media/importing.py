"""Bringing objects into an archive from folders, ZIP files and DICOMDIRs."""

import contextlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

from isocenter.archive import Archive, Origin, Outcome, Stored
from isocenter.dicom import read_file_meta
from isocenter.errors import (
    InvalidDicom,
    IsocenterError,
    NeedMoreData,
    NotDicom,
    OutOfResources,
)

from .candidates import ZIP_START, Candidate, candidates
from .dicomdir import MEDIA_STORAGE_DIRECTORY

__all__ = [
    "ImportFailure",
    "ImportInterrupted",
    "ImportReport",
    "ImportStopped",
    "has_anything",
    "import_paths",
]

_START = 4096
_PART = 1 << 20
_AHEAD = 8

Progress = Callable[[int, int], None]
_Waiting = deque[tuple[Candidate, Future[Stored]]]


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """An object that could not be kept.

    Parameters
    ----------
    name
        Where it was found.
    error
        Why.
    """

    name: str
    error: IsocenterError


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    outcomes
        How many objects were stored, unchanged, replaced or kept aside.
    not_dicom
        How many files were something else.
    directories
        How many of them were DICOMDIRs.
    failures
        Objects that could not be kept.
    """

    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    not_dicom: int = 0
    directories: int = 0
    failures: list[ImportFailure] = field(default_factory=list[ImportFailure])

    @property
    def stored(self) -> int:
        """How many objects are new in the archive."""
        return self.outcomes[Outcome.STORED]

    @property
    def accepted(self) -> int:
        """How many objects the archive keeps now, new or not."""
        return sum(self.outcomes.values())


class ImportStopped(OutOfResources):
    """The archive takes nothing more; what the report counts is kept.

    Parameters
    ----------
    message
        Why.
    report
        What had become of the objects until then.
    """

    def __init__(self, message: str, report: ImportReport) -> None:
        super().__init__(message)
        self.report = report


class ImportInterrupted(KeyboardInterrupt):
    """Somebody ended the import from the keyboard; what the report counts is kept.

    Parameters
    ----------
    report
        What had become of the objects until then.
    """

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


class _Directory(Exception):
    """The file is a DICOMDIR, which is no object of any study."""


def has_anything(paths: Iterable[str | Path]) -> bool:
    """Tell whether an import of files and folders would find an object, or trouble to report.

    Only the beginnings of files are read, and no more of them than until the first.

    Parameters
    ----------
    paths
        Files and folders.

    Returns
    -------
    bool
        False where there are only files that are no DICOM and that no DICOMDIR names, or DICOMDIRs.
    """
    with ExitStack() as resources:
        found = candidates(map(Path, paths), resources)
        return any(not isinstance(each, Candidate) or _may_be_object(each) for each in found)


def _may_be_object(candidate: Candidate) -> bool:
    try:
        with candidate.open() as file:
            _check_start(candidate.name, file.read(_START))
    except _Directory:
        return False
    except NotDicom:
        return candidate.referenced
    except (IsocenterError, OSError):
        return True
    return True


def import_paths(
    archive: Archive,
    paths: Iterable[str | Path],
    *,
    workers: int = 4,
    progress: Progress | None = None,
) -> ImportReport:
    """Put everything that is DICOM in files and folders into an archive.

    Of a folder, all files below it are tried, ZIP files looked into; of a DICOMDIR, those that it
    refers to. What is not DICOM is counted; what cannot be kept or read is reported and stops
    nothing.

    Parameters
    ----------
    archive
        Where to.
    paths
        Files and folders.
    workers
        How many files are read at the same time, at least 1.
    progress
        Called with the number of files that are done and of all, from the calling thread.

    Returns
    -------
    ImportReport
        What became of them.

    Raises
    ------
    ImportStopped
        The archive's disk is full or read-only; what the error's `report` counts is kept.
    ImportInterrupted
        From the keyboard. What is under way is finished first.
    """
    report = ImportReport()
    with ExitStack() as resources:
        found: list[Candidate] = []
        for each in candidates(map(Path, paths), resources):
            if isinstance(each, Candidate):
                found.append(each)
            else:
                report.failures.append(ImportFailure(*each))
        executor = resources.enter_context(ThreadPoolExecutor(workers, "import"))
        waiting: _Waiting = deque()
        try:
            results = _results(executor, archive, found, waiting, workers * _AHEAD)
            for done, (candidate, future) in enumerate(results, 1):
                _record(report, candidate, future)
                waiting.popleft()
                if progress is not None:
                    progress(done, len(found))
        except (OutOfResources, KeyboardInterrupt) as error:
            executor.shutdown(cancel_futures=True)
            _record_begun(report, waiting)
            if isinstance(error, KeyboardInterrupt):
                raise ImportInterrupted(report) from error
            raise ImportStopped(str(error), report) from error
        finally:
            executor.shutdown(cancel_futures=True)
    return report


def _results(
    executor: ThreadPoolExecutor,
    archive: Archive,
    found: list[Candidate],
    waiting: _Waiting,
    ahead: int,
) -> Iterator[tuple[Candidate, Future[Stored]]]:
    """Import with a bounded number of files under way; gives the first until it is taken away."""
    for candidate in found:
        waiting.append((candidate, executor.submit(_import, archive, candidate)))
        if len(waiting) >= ahead:
            yield waiting[0]
    while waiting:
        yield waiting[0]


def _record_begun(report: ImportReport, waiting: _Waiting) -> None:
    """Count what was under way when the import ended early, and was kept all the same."""
    for candidate, future in waiting:
        if not future.cancelled():
            with contextlib.suppress(OutOfResources):
                _record(report, candidate, future)


def _record(report: ImportReport, candidate: Candidate, future: Future[Stored]) -> None:
    try:
        report.outcomes[future.result().outcome] += 1
    except OutOfResources:
        raise
    except _Directory:
        report.directories += 1
    except NotDicom as error:
        if candidate.referenced:
            report.failures.append(ImportFailure(candidate.name, error))
        else:
            report.not_dicom += 1
    except IsocenterError as error:
        report.failures.append(ImportFailure(candidate.name, error))
    except OSError as error:
        why = IsocenterError(f"the file cannot be read: {error.strerror or error}")
        report.failures.append(ImportFailure(candidate.name, why))


def _import(archive: Archive, candidate: Candidate) -> Stored:
    with candidate.open() as file:
        start = file.read(_START)
        _check_start(candidate.name, start)
        return archive.ingest(_whole(start, file), origin=Origin(address=candidate.name))


def _check_start(name: str, start: bytes) -> None:
    """Look before anything is copied: a folder may hold a film of many gigabytes."""
    if start.startswith(ZIP_START) and name.lower().endswith(".zip"):
        raise InvalidDicom("a ZIP file inside a ZIP file is not looked into; unpack it first")
    try:
        meta = read_file_meta(start, final=len(start) < _START)
    except NeedMoreData:
        return
    if meta.media_storage_sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        raise _Directory


def _whole(start: bytes, file: IO[bytes]) -> BinaryIO | Iterator[bytes]:
    """Give what was begun to read: a file from its start, since the archive may know it already."""
    if isinstance(file, io.BufferedReader):
        file.seek(0)
        return cast(BinaryIO, file)
    return _parts(start, file)


def _parts(start: bytes, file: IO[bytes]) -> Iterator[bytes]:
    yield start
    while part := file.read(_PART):
        yield part
