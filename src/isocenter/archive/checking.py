"""Comparing files and index, and putting right what differs."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, update

from isocenter.dicom.header import Header
from isocenter.errors import IsocenterError, NotFound, OutOfResources

from . import schema
from .arrivals import Outcome
from .aside import left_aside, remove_left_aside, unlisted_aside
from .blobs import BlobStore
from .change_log import Action
from .check_report import CheckReport, Problem, ProblemKind
from .comparison import Comparison, Finding
from .deletion import delete_rows, is_left_over, shrink_study
from .file_system import is_there
from .forgotten_aside import ForgottenAside
from .index import AnyRow, Index, Transaction
from .instance_rows import INSTANCES, uids_of
from .quarantine import Quarantine
from .recovery import set_apart
from .refused_files import is_refused
from .registration import Registrar
from .resources import REMAKE_INDEX
from .told import Told
from .unknown_files import Statuses, UnknownFiles, arrival_of, unchanged
from .wholeness import scan_stored, uids_in

__all__ = ["Checker"]

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_COUNTED = (
    select(func.count())
    .select_from(schema.instance)
    .where(_instance.series_pk == _series.pk)
    .scalar_subquery()
)
_MISCOUNTED_SERIES = select(_series.pk, _series.study_pk).where(_series.instance_count != _COUNTED)
_COUNT_SERIES = (
    update(schema.series).where(_series.pk == bindparam("key")).values(instance_count=_COUNTED)
)
_MISCOUNTED_STUDIES = (
    select(_series.study_pk)
    .join(schema.study, _study.pk == _series.study_pk)
    .group_by(_series.study_pk, _study.instance_count, _study.series_count)
    .having(
        (func.sum(_series.instance_count) != _study.instance_count)
        | (func.count() != _study.series_count)
    )
)
_BATCH = 256

Triple = tuple[str, str, str]
Progress = Callable[[int, int], None]


class Checker:
    """Walks files and index side by side, study by study.

    Parameters
    ----------
    index, blobs, registrar
        Of the archive.
    repair
        Whether to put right what can be.
    thorough
        Whether to compare the header of every file with its row, not only its size, and the header
        of the latest of each series.
    quarantine
        Where the archive keeps what it refuses, if anywhere.
    """

    def __init__(
        self,
        index: Index,
        blobs: BlobStore,
        registrar: Registrar,
        *,
        repair: bool,
        thorough: bool,
        quarantine: Quarantine | None = None,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._registrar = registrar
        self._repair = repair
        self._thorough = thorough
        self._quarantine = quarantine
        self._report = CheckReport()
        self._has_files = False

    def run(self, progress: Progress | None = None) -> CheckReport:
        """Check everything; `progress` is told how many studies of how many are done."""
        self._require_sound_index()
        self._check_leftovers()
        on_disk = self._blobs.studies()
        with self._index.reading() as connection:
            indexed = connection.execute(select(_study.study_instance_uid)).scalars().all()
        # An empty disk beside a full index is a disk that is not mounted, not a loss to record.
        self._has_files = any(self._blobs.files(study) for study in on_disk)
        studies = sorted({*on_disk, *indexed})
        for number, _ in enumerate(self._check_studies(studies), 1):
            if progress is not None:
                progress(number, len(studies))
        self._check_counts()
        self._check_aside()
        self._check_quarantine()
        return self._report

    def _require_sound_index(self) -> None:
        """Refuse to compare files with what a broken database says: it may leave out the half."""
        if not self._index.is_sqlite:
            return
        pragma = "integrity_check" if self._thorough else "quick_check"
        with self._index.reading() as connection:
            found = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
        if found != "ok":
            raise OutOfResources(
                f"could not check the archive: SQLite finds {found}; {REMAKE_INDEX}"
            )

    def _found(self, kind: ProblemKind, path: Path, sentence: str, repaired: bool) -> None:
        self._report.problems.append(Problem(kind, path, sentence, repaired))

    def _check_leftovers(self) -> None:
        for folder in self._blobs.leftovers():
            count = sum(1 for _ in folder.iterdir())
            sentence = f"{count} half-received objects of a process that died"
            self._found(ProblemKind.LEFTOVER, folder, sentence, self._repair)
        if self._repair:
            self._blobs.remove_leftovers()

    def _check_studies(self, studies: Iterable[str]) -> Iterator[str]:
        """Check studies and give each when it is done; meanwhile files without rows wait."""
        waiting: deque[UnknownFiles] = deque()
        for study in studies:
            unknown = self._check_study(study)
            if unknown.statuses:
                waiting.append(unknown)
            else:
                yield study
            while waiting and waiting[0].is_due:
                yield self._check_unknown(waiting.popleft())
        for unknown in waiting:
            unknown.wait()
            yield self._check_unknown(unknown)

    def _check_study(self, study: str) -> UnknownFiles:
        """Check what has rows, and give the files that have none."""
        known = self._known(study)
        files = self._blobs.files(study)
        unknown = UnknownFiles.seen_now(study, [path for path in files if path not in known])
        self._report.files += len(files)
        self._report.instances += len(known)
        self._check_known(study, known)
        self._check_missing([row for path, row in known.items() if not is_there(path)])
        return unknown

    def _known(self, study: str) -> dict[Path, AnyRow]:
        """Read the rows of a study, by their files."""
        with self._index.reading() as connection:
            rows = connection.execute(INSTANCES, {"study": study}).all()
        return {self._blobs.path(*uids_of(row)): row for row in rows}

    def _check_unknown(self, unknown: UnknownFiles) -> str:
        """Look again at files that had no row, long enough after that; give their study."""
        known = self._known(unknown.study)
        still = {
            path: status
            for path, status in unchanged(unknown.statuses).items()
            if path not in known and not self._is_damaged(path)
        }
        self._check_orphans(still)
        return unknown.study

    def _check_known(self, study: str, known: dict[Path, AnyRow]) -> None:
        """Compare files with their rows, in the order in which they came."""
        comparison = Comparison(
            study, self._index, self._blobs, repair=self._repair, thorough=self._thorough
        )
        ordered = sorted(known.items(), key=lambda item: item[1].sequence)
        latest = {row.series_pk: row.pk for _, row in ordered}
        for path, row in ordered:
            read = self._thorough or latest[row.series_pk] == row.pk
            found = _examined(path, row.size, read=read)
            if isinstance(found, _Damage):
                self._report_damage(found, path, row)
            elif found is not None:
                comparison.add(row, *found)
        self._report_values(study, comparison.finish())

    def _is_damaged(self, path: Path) -> bool:
        """Look at a file without row."""
        found = _examined(path, None)
        if isinstance(found, _Damage):
            self._report_damage(found, path, None)
        return isinstance(found, _Damage)

    def _report_damage(self, damage: "_Damage", path: Path, row: AnyRow | None) -> None:
        sentence, repair = damage.sentence, self._repair
        if damage.kind is ProblemKind.UNREADABLE:
            repair = False
        elif repair:
            told = Told.ahead(self._index, self._blobs, [] if row is None else [row])
            with self._index.writing() as transaction:
                again = _examined(path, None if row is None else row.size)
                if _has_changed(transaction, path, row) or not damage.is_of_kind(again):
                    return  # stored, replaced, put back or deleted while we looked
                if row is not None:
                    delete_rows(transaction, [row], told, Action.LOST)
                target = set_apart(self._blobs, path)
            sentence += f"; moved to {target}; send the object again"
        self._found(damage.kind, path, sentence, repair)

    def _report_values(self, study: str, findings: list[Finding]) -> None:
        if lacked := sorted({keyword for finding in findings for keyword in finding.lacked}):
            sentence = f"the index lacks what files say of {', '.join(lacked)}"
            path = self._blobs.root / study
            self._found(ProblemKind.INCOMPLETE, path, sentence, self._repair)
        for finding in findings:
            if finding.differed:
                path = self._blobs.root / finding.place
                self._found(ProblemKind.DIFFERING, path, finding.sentence, self._repair)

    def _check_missing(self, rows: list[AnyRow]) -> None:
        if not rows:
            return
        repair = self._repair and self._has_files
        if repair:
            told = Told.ahead(self._index, self._blobs, rows)
            with self._index.writing() as transaction:
                rows = self._still_missing(transaction, rows)
                if rows:
                    delete_rows(transaction, rows, told, Action.LOST)
        else:
            with self._index.reading() as connection:
                rows = self._still_missing(connection, rows)
        sentence = "in the index without its file"
        if self._repair and not self._has_files:
            sentence += "; not repaired, because no file is there at all: is the disk mounted?"
        for row in rows:
            self._found(ProblemKind.MISSING, self._blobs.path(*uids_of(row)), sentence, repair)

    def _still_missing(
        self, connection: Connection | Transaction, rows: list[AnyRow]
    ) -> list[AnyRow]:
        """Leave out what was deleted meanwhile, first its row and then its file, or came back."""
        return [
            row
            for row in _current(connection, rows)
            if not is_there(self._blobs.path(*uids_of(row)))
        ]

    def _check_orphans(self, found: Statuses) -> None:
        adopted: list[Path] = []
        # In the order in which they came, so that the latest values win again.
        for path in sorted(found, key=lambda path: found[path].st_mtime_ns):
            if self._was_deleted(path):
                sentence = "left over from an instance that was deleted"
                self._check_left_over(ProblemKind.DELETED, path, found[path], sentence)
            elif is_refused(self._blobs, _triple(path), path):
                sentence = "left over from an object that was refused"
                self._check_left_over(ProblemKind.REFUSED, path, found[path], sentence)
            else:
                adopted.append(path)
        for start in range(0, len(adopted), _BATCH):
            self._adopt(adopted[start : start + _BATCH])

    def _was_deleted(self, path: Path) -> bool:
        with self._index.reading() as connection:
            return is_left_over(connection, _triple(path), path)

    def _check_left_over(
        self, kind: ProblemKind, path: Path, status: os.stat_result, sentence: str
    ) -> None:
        if self._repair:
            with self._index.writing() as transaction:
                if _has_changed(transaction, path, None) or not unchanged({path: status}):
                    return  # stored anew while we looked, or gone
                self._blobs.remove(path)
        elif not is_there(path):
            return
        self._found(kind, path, sentence, self._repair)

    def _adopt(self, paths: list[Path]) -> None:
        sentence = "not in the index"
        if not self._repair:
            for path in filter(is_there, paths):
                self._found(ProblemKind.ORPHAN, path, sentence, False)
            return
        arrivals = [arrival for path in paths if (arrival := arrival_of(path))]
        results = self._registrar.adopt(arrivals)
        for arrival, result in zip(arrivals, results, strict=True):
            if not isinstance(result, Exception):
                if result.outcome is not Outcome.UNCHANGED:  # which got its row meanwhile
                    self._found(ProblemKind.ORPHAN, arrival.path, sentence, True)
            elif not isinstance(result, NotFound) and is_there(arrival.place):  # not deleted
                self._found(ProblemKind.ORPHAN, arrival.path, f"{sentence}; {result}", False)

    def _check_aside(self) -> None:
        """Find what was put aside and has no row, unless somebody is just at it."""
        seen = UnknownFiles.seen_now("", unlisted_aside(self._index, self._blobs))
        if not seen.statuses:
            return
        seen.wait()
        gone = remove_left_aside(self._index, self._blobs) if self._repair else []
        left = {*gone, *left_aside(self._index, self._blobs)}
        for path in sorted(left & seen.statuses.keys()):
            sentence = "kept aside of an instance that was deleted"
            self._found(ProblemKind.DELETED, path, sentence, path in gone)
        still = unchanged(seen.statuses)
        unlisted = set(unlisted_aside(self._index, self._blobs)) - left
        forgotten = ForgottenAside(self._index, self._blobs, self._registrar, repair=self._repair)
        # In the order in which they came: what came first is what has the instance's place.
        for path in sorted(still.keys() & unlisted, key=lambda path: still[path].st_mtime_ns):
            self._report.problems.extend(forgotten.check(path))

    def _check_quarantine(self) -> None:
        if self._quarantine is not None and (trouble := self._quarantine.trouble()):
            sentence = f"refused objects cannot be kept there: {trouble}; let this user write there"
            self._found(ProblemKind.UNWRITABLE, self._quarantine.directory, sentence, False)

    def _check_counts(self) -> None:
        with self._index.reading() as connection:
            series = connection.execute(_MISCOUNTED_SERIES).all()
            studies = {row.study_pk for row in connection.execute(_MISCOUNTED_STUDIES)}
        studies |= {row.study_pk for row in series}
        if not studies:
            return
        if self._repair:
            with self._index.writing() as transaction:
                for row in series:
                    transaction.execute(_COUNT_SERIES, {"key": row.pk})
                for study in studies:
                    shrink_study(transaction, study, transaction.sequence)
        sentence = f"{len(studies)} studies whose counts of series or instances are wrong"
        self._found(ProblemKind.MISCOUNTED, self._blobs.root, sentence, self._repair)


def _current(connection: Connection | Transaction, rows: list[AnyRow]) -> list[AnyRow]:
    """Give those rows of a study that are still as they were read."""
    found = connection.execute(INSTANCES, {"study": rows[0].study_instance_uid})
    current = {(row.pk, row.sequence) for row in found}
    return [row for row in rows if (row.pk, row.sequence) in current]


def _has_changed(transaction: Transaction, path: Path, row: AnyRow | None) -> bool:
    """Tell whether an instance was stored, replaced or deleted since its row was read."""
    if row is not None:
        return not _current(transaction, [row])
    study = _triple(path)[0]
    rows = transaction.execute(INSTANCES, {"study": study})
    return any(uids_of(each) == _triple(path) for each in rows)


def _triple(path: Path) -> Triple:
    return path.parent.parent.name, path.parent.name, path.name.removesuffix(".dcm")


@dataclass(frozen=True, slots=True)
class _Damage:
    """What makes a file unusable."""

    kind: ProblemKind
    sentence: str

    def is_of_kind(self, found: object) -> bool:
        return isinstance(found, _Damage) and found.kind is self.kind


def _examined(
    path: Path, size: int | None, *, read: bool = True
) -> tuple[Header, int] | _Damage | None:
    """Read a file whose row says that it has `size` bytes, or only look whether it has them.

    Returns
    -------
    tuple of Header and int, or Damage, or None
        Header and size; what is wrong with it; None where it was not read or is not there.
    """
    try:
        if not read and path.stat().st_size == size:
            return None
        header, found = scan_stored(path, size)
    except FileNotFoundError:  # lost, or deleted while we look
        return None
    except OSError as error:
        return _Damage(ProblemKind.UNREADABLE, error.strerror or type(error).__name__)
    except IsocenterError as error:
        return _Damage(ProblemKind.DAMAGED, str(error))
    if uids_in(header) != _triple(path):
        sentence = "holds the object {}/{}/{}".format(*uids_in(header))
        return _Damage(ProblemKind.MISPLACED, sentence)
    return header, found
