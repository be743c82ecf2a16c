"""One transaction of arrivals: each is stored, unchanged, a replacement, kept aside or refused."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select, update

from isocenter.errors import InstanceConflict, IsocenterError, NotFound, OutOfResources

from . import schema
from .arrivals import Arrival, ConflictPolicy, Outcome, Stored
from .aside import list_aside
from .blobs import BlobStore, folder_of
from .change_log import Action
from .deletion import is_left_over, shrink_study
from .file_system import sync_bytes
from .index import AnyRow, Transaction
from .index_values import LevelValues
from .instance_rows import ONE_INSTANCE
from .keys import Level
from .lasting import WRITTEN, is_on_disk
from .parents import Parents, SeriesEntry, StudyEntry, replace_further
from .prepared import blank_row, insert_rows
from .refused_files import is_refused
from .resources import reported_as_out_of_resources
from .same_object import occupant_of, same_object
from .told import Told

__all__ = ["Settlement"]


_INSERT_INSTANCE = insert_rows(schema.instance, "pk")
_UPDATE_INSTANCE = update(schema.instance).where(schema.instance.c.pk == bindparam("key"))
_INSERT_CHANGE = insert_rows(schema.change)
_FIND_ASIDE = select(schema.aside.c.name).where(
    schema.aside.c.sop_instance_uid == bindparam("instance"),
    schema.aside.c.size == bindparam("size"),
)
_BLANK_INSTANCE = blank_row(schema.instance)


def _kept_row(transaction: Transaction, arrival: Arrival) -> AnyRow | None:
    """Find the row that an instance has already."""
    uids = {"study": arrival.study, "series": arrival.series, "instance": arrival.instance}
    return transaction.execute(ONE_INSTANCE, uids).one_or_none()


class Settlement:
    """Settles arrivals inside one transaction.

    Parameters
    ----------
    transaction
        Where the rows go.
    blobs
        Where the files are.
    parents
        Finds the studies and series.
    told
        Knows what files say of these.
    policy
        What happens to an instance that is already kept with different bytes.
    careful
        Whether to look for a row even where no file stood in the instance's place.
    """

    def __init__(
        self,
        transaction: Transaction,
        blobs: BlobStore,
        parents: Parents,
        told: Told,
        policy: ConflictPolicy,
        *,
        careful: bool,
    ) -> None:
        self.sequence = transaction.sequence
        self._transaction = transaction
        self._blobs = blobs
        self._parents = parents
        self._told = told
        self._policy = policy
        self._careful = careful
        self._rows: list[dict[str, Any]] = []
        self._changes: list[dict[str, Any]] = []
        self._parents_met: dict[StudyEntry | SeriesEntry, None] = {}  # in order
        self._replaced: list[AnyRow] = []
        self._undo: list[Callable[[], None]] = []
        self._clean_up: list[Callable[[], None]] = []

    def settle(self, arrival: Arrival) -> Stored | Exception:
        """Decide about one arrival; what is refused comes back as its error."""
        try:
            if arrival.temporary is None:
                return self._settle_found(arrival)
            if not arrival.inode_in_place:
                return self._settle_contested(arrival)
            self._check_still_in_place(arrival)
            # A row without its file: the file was lost, and comes back now.
            row = _kept_row(self._transaction, arrival) if self._careful else None
            return self._store(arrival, row, Outcome.STORED)
        except IsocenterError as error:
            return error

    def write(self) -> None:
        """Write the rows that can be written together."""
        if self._rows:
            self._transaction.run_many(_INSERT_INSTANCE, self._rows)
        if self._changes:
            self._transaction.run_many(_INSERT_CHANGE, self._changes)
        for parent in self._parents_met:
            parent.write_counts(self._transaction, self.sequence)
        if self._replaced:
            self._write_parents_of_replaced()
            self._parents.forget()

    def _write_parents_of_replaced(self) -> None:
        """Take out of the rows of studies and series what only replaced objects said of them."""
        by_study: dict[int, list[AnyRow]] = {}
        for row in self._replaced:
            by_study.setdefault(row.study_pk, []).append(row)
        for study, rows in by_study.items():
            for parent in self._told.without(self._transaction, rows):
                parent.write(self._transaction)
            shrink_study(self._transaction, study, self.sequence)

    def undo(self) -> None:
        """Put the files back as they were, because the transaction failed."""
        self._parents.forget()
        self._told.forget_after(self._transaction.sequence)
        for step in reversed(self._undo):
            with contextlib.suppress(OSError):
                step()

    def clean_up(self) -> None:
        """Remove what only an undo would have needed."""
        for step in self._clean_up:
            with contextlib.suppress(OSError):  # `recover` finds it at the next opening
                step()

    def _check_still_in_place(self, arrival: Arrival) -> None:
        """Make sure that no other process took the place between our move and our turn."""
        try:
            found = os.stat(arrival.place).st_ino
        except FileNotFoundError:
            found = None
        if found != arrival.inode_in_place:
            raise OutOfResources(
                f"instance {arrival.instance} was received by another process at the same time; "
                "send it again"
            )

    def _settle_found(self, arrival: Arrival) -> Stored:
        """Decide about a file that stood in its place, as a check finds it."""
        if _kept_row(self._transaction, arrival) is not None:
            return arrival.stored(Outcome.UNCHANGED)
        if self._is_no_instance(arrival):
            raise NotFound(f"instance {arrival.instance} was deleted or refused meanwhile")
        self._check_still_in_place(arrival)
        return self._store(arrival, None, Outcome.STORED)

    def _is_no_instance(self, arrival: Arrival) -> bool:
        """Whether the file in the place is only left over of what was deleted or refused."""
        uids = arrival.study, arrival.series, arrival.instance
        return is_left_over(self._transaction, uids, arrival.path) or is_refused(
            self._blobs, uids, arrival.path
        )

    def _settle_contested(self, arrival: Arrival) -> Stored:
        row = _kept_row(self._transaction, arrival)
        occupant = occupant_of(arrival)
        if row is not None and occupant is not None and occupant.is_same:
            self._require_occupant_synced(arrival)
            return arrival.stored(Outcome.UNCHANGED)
        self._require_synced(arrival)
        if row is None:
            if occupant is not None and not occupant.is_same and not self._is_no_instance(arrival):
                self._set_aside(arrival, arrival.path, arrival.path.stat().st_size)
            self._move(arrival.arrived_as, arrival.path)
            return self._store(arrival, None, Outcome.STORED)
        if occupant is None:
            self._move(arrival.arrived_as, arrival.path)
            return self._store(arrival, row, Outcome.STORED)
        return self._settle_different(arrival, row)

    def _require_synced(self, arrival: Arrival) -> None:
        """Sync the bytes of an arrival that seemed to be kept already, and is not any more."""
        assert arrival.temporary is not None
        if self._blobs.durable and not arrival.temporary.synced:
            with reported_as_out_of_resources("keep the object"):
                arrival.temporary.sync()

    def _require_occupant_synced(self, arrival: Arrival) -> None:
        """Sync the file in the place, which another process may be about to do."""
        uids = {"study": arrival.study, "series": arrival.series, "instance": arrival.instance}
        written = self._transaction.find(WRITTEN, uids)
        if not self._blobs.durable or (written and is_on_disk(written[0], os.stat(arrival.place))):
            return
        with reported_as_out_of_resources("keep the object"):
            with arrival.path.open("r+b", buffering=0) as file:
                sync_bytes(file.fileno())
            self._blobs.sync_names(folder_of(arrival.place))

    def _settle_different(self, arrival: Arrival, row: AnyRow) -> Stored:
        if self._policy is ConflictPolicy.REFUSE:
            raise InstanceConflict(
                f"different bytes are kept already under the UID {arrival.instance}; an instance "
                "never changes under its UID: give the new one a new SOP Instance UID (0008,0018), "
                "delete the kept one, or set the conflict policy to replace or keep"
            )
        if self._policy is ConflictPolicy.KEEP:
            if not self._is_aside(arrival):
                self._set_aside(arrival, Path(arrival.arrived_as), arrival.size)
            return arrival.stored(Outcome.KEPT)
        self._told.read(row)
        self._replace(arrival)
        return self._store(arrival, row, Outcome.REPLACED)

    def _replace(self, arrival: Arrival) -> None:
        """Take the kept file's place; the kept one stays at hand until the commit."""
        uids = arrival.study, arrival.series, arrival.instance
        journal = self._blobs.journal(self.sequence + 1, *uids)
        self._blobs.link(arrival.path, journal)
        self._blobs.sync_folder(journal.parent)
        self._clean_up.append(journal.unlink)
        self._undo.append(lambda: self._blobs.put_back(journal, arrival.path))
        self._move(arrival.arrived_as, arrival.path)

    def _move(self, source: str, path: Path) -> None:
        self._blobs.move(source, path)
        self._undo.append(lambda: os.replace(path, source))
        self._blobs.sync_names(str(path.parent))

    def _is_aside(self, arrival: Arrival) -> bool:
        """Whether these very bytes are among those kept aside."""
        rows = self._transaction.execute(
            _FIND_ASIDE, {"instance": arrival.instance, "size": arrival.size}
        )
        mine = Path(arrival.arrived_as)
        paths = [self._blobs.aside(row.name) for row in rows]
        return any(path.exists() and same_object(path, mine) for path in paths)

    def _set_aside(self, arrival: Arrival, source: Path, size: int) -> None:
        place = self._blobs.new_aside(arrival.instance)
        self._move(str(source), place)
        uids = arrival.study, arrival.series, arrival.instance
        list_aside(self._transaction, uids, place.name, size, arrival.time)

    def _store(self, arrival: Arrival, row: AnyRow | None, outcome: Outcome) -> Stored:
        """Write the rows of an instance whose file is in its place."""
        self.sequence += 1
        study = self._parents.study(self._transaction, arrival, self.sequence)
        series = self._parents.series(self._transaction, arrival, study, self.sequence)
        self._parents_met[study] = self._parents_met[series] = None
        if row is None:
            study.more_instances += 1
            series.more_instances += 1
        else:
            self._note_replaced(arrival, row)
        study.sop_classes.add(arrival.sop_class)
        values = arrival.values.instance
        self._write_instance(arrival, series, row, values)
        self._note_change(arrival, Action.CREATED if row is None else Action.REPLACED)
        return arrival.stored(outcome, (*study.warnings, *series.warnings, *values.warnings))

    def _write_instance(
        self, arrival: Arrival, series: SeriesEntry, row: AnyRow | None, values: LevelValues
    ) -> None:
        columns: dict[str, Any] = {
            **_BLANK_INSTANCE,
            **values.columns,
            "series_pk": series.pk,
            "transfer_syntax_uid": arrival.header.transfer_syntax.uid,
            "size": arrival.size,
            "sequence": self.sequence,
            "origin": arrival.origin,
        }
        if row is None and not values.further:
            self._rows.append(columns)
            return
        if row is None:
            pk = self._transaction.insert(_INSERT_INSTANCE, columns)
        else:
            pk = row.pk
            del columns["pk"]  # an update of this row
            self._transaction.execute(_UPDATE_INSTANCE, columns | {"key": pk})
        replace_further(self._transaction, Level.INSTANCE, pk, values.further)

    def _note_replaced(self, arrival: Arrival, row: AnyRow) -> None:
        """Remember a row whose file is another now that says something else of its parents."""
        self._told.note(row.pk, self.sequence, arrival.header)
        same_class = row.sop_class_uid == arrival.sop_class
        if not (same_class and self._says_the_same(arrival, row)):
            self._replaced.append(row)

    def _says_the_same(self, arrival: Arrival, row: AnyRow) -> bool:
        """Whether the file before said the same; if it was lost, the same bytes seem to be back."""
        if self._told.of(row, Level.STUDY) is None:
            return row.size == arrival.size
        return self._told.is_same(row, self.sequence)

    def _note_change(self, arrival: Arrival, action: Action) -> None:
        self._changes.append(
            {
                "sequence": self.sequence,
                "action": int(action),
                "study_instance_uid": arrival.study,
                "series_instance_uid": arrival.series,
                "sop_instance_uid": arrival.instance,
                "time": arrival.time,
            }
        )
