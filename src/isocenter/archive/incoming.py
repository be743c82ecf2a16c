"""Objects on their way in: bytes go to a temporary file as they come, and are kept at the end."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from isocenter.dicom.header import Header
from isocenter.dicom.part10 import PREAMBLE_LENGTH, PREFIX, file_meta_bytes, read_file_meta
from isocenter.dicom.recurring import RecurringElements
from isocenter.dicom.scan import check_complete, scan, scan_file
from isocenter.dicom.transfer_syntaxes import transfer_syntax
from isocenter.errors import InvalidAttribute, IsocenterError, NotDicom, OutOfResources

from .arrivals import Arrival, Origin, Stored, now
from .blobs import BlobStore
from .group_commit import GroupCommit
from .index_values import EXTRA_TAGS, IndexValues
from .places import Places
from .quarantine import Quarantine
from .resources import reported_as_out_of_resources
from .scrutiny import Scrutiny, scrutinised
from .temporary import Buffer, Temporary
from .wholeness import require_whole

__all__ = ["Expected", "Incoming", "Reception", "Source", "Stream", "parts_of"]

Stream = BinaryIO | Buffer | Iterable[Buffer]
"""A Part 10 stream: an open binary file, its bytes, or its parts."""

Source = Path | str | Stream
"""A Part 10 stream, or a file's path."""

Expected = tuple[tuple[int, str, str], ...]
"""Tag, keyword and value of UIDs that a data set must have."""

_log = logging.getLogger(__name__)

_WRITING = reported_as_out_of_resources("write the object")
_PART = 1 << 20
_META = 1 << 16
_START = 1 << 15
_MOST_PARTS = 64
_REQUIRED = {
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Reception:
    """What arrivals need of their archive.

    Parameters
    ----------
    blobs
        Where the files go.
    places
        Who is about to stand where.
    commits
        Registers the arrivals.
    executor
        Runs the commits that nobody waits for in place.
    syncing
        Waits for the disk, for several files at the same time.
    committed
        Called after each commit.
    quarantine
        Where refused objects are kept, if anywhere.
    scrutiny
        Whether objects are held against the rules of their IOD.
    recurring
        What the headers of arrivals have in common.
    """

    blobs: BlobStore
    places: Places
    commits: GroupCommit[Arrival, Stored]
    executor: Executor
    syncing: Executor
    committed: Callable[[], None]
    quarantine: Quarantine | None = None
    scrutiny: Scrutiny = Scrutiny.OFF
    recurring: RecurringElements = field(default_factory=RecurringElements)


class Incoming:
    """An object whose bytes are arriving; `Archive.incoming` makes it.

    Exactly one of `commit`, `commit_async` and `discard` ends it.

    Parameters
    ----------
    reception
        The archive's side.
    meta
        File Meta Information that goes in front; empty where the bytes bring their own.
    transfer_syntax_uid
        What it says of the data set.
    expected
        What the data set must have.
    origin
        Who sends it.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        meta: bytes = b"",
        transfer_syntax_uid: str = "",
        expected: Expected = (),
        origin: Origin | None = None,
    ) -> None:
        self.reception = reception
        self._meta = meta
        self._syntax = transfer_syntax(transfer_syntax_uid) if meta else None
        self._described: Arrival | None = None
        self._expected = expected
        self._origin = str(origin) if origin else ""
        self._temporary: Temporary | None = None
        self._examined: Arrival | None = None
        self._violations: tuple[str, ...] = ()

    def open(self) -> None:
        """Open the file ahead of the first bytes; if that fails, `write` tries again and tells."""
        try:
            self._temporary = self._temporary or self.reception.blobs.temporary()
        except (OSError, OutOfResources):
            return

    def write(self, parts: Sequence[Buffer]) -> None:
        """Append bytes; the views are not used after the call.

        Parameters
        ----------
        parts
            The next bytes of the object, in order.

        Raises
        ------
        OutOfResources
            The disk is full, read-only or failing.
        """
        with _WRITING:
            temporary = self._temporary
            if temporary is None:
                temporary = self._temporary = self.reception.blobs.temporary()
            if temporary.size or not self._meta:
                temporary.write(parts)
                return
            temporary.write([self._meta, *parts])
        self._described = self._described_early(_first_bytes(parts, _START))

    def commit(self) -> Stored:
        """Keep the object; returns when it would survive what the durability promises.

        Returns
        -------
        Stored
            What became of it.

        Raises
        ------
        NotDicom, InvalidDicom, InvalidAttribute, UnsupportedTransferSyntax, LimitExceeded
            The bytes cannot be kept as an object.
        InstanceConflict
            The instance is already kept with different bytes.
        OutOfResources
            The disk is full, read-only or failing; nothing was kept.
        """
        arrival = self.examine()
        try:
            stored = self.reception.places.keep(arrival, self.reception.commits.commit)
        except BaseException as error:
            self.refuse(error)
            raise
        stored = self.accept(stored)
        self.reception.committed()
        return stored

    def examine(self) -> Arrival:
        """Look at the object, whose bytes are all here; whatever ends it looks no further.

        Returns
        -------
        Arrival
            What is to be kept; the same again when asked again.

        Raises
        ------
        NotDicom, InvalidDicom, InvalidAttribute, UnsupportedTransferSyntax, LimitExceeded
            The bytes cannot be kept as an object; they are gone.
        OutOfResources
            The disk is full, read-only or failing.
        """
        if self._examined is None:
            try:
                self._examined = self._arrival()
                self._violations = self._scrutinised()
            except BaseException as error:
                self.refuse(error)
                raise
        return self._examined

    def accept(self, stored: Stored) -> Stored:
        """Let go of what was kept; says what it was given, and which rules the object breaks.

        Parameters
        ----------
        stored
            What became of the object.

        Returns
        -------
        Stored
            The same, with the rules that the object breaks as `violations`.
        """
        self.discard()
        return stored._replace(violations=self._violations) if self._violations else stored

    def refuse(self, error: BaseException) -> None:
        """Throw the bytes away, or leave them with the quarantine.

        Parameters
        ----------
        error
            Why. Only an `IsocenterError` brings the bytes into the quarantine, if there is one.
        """
        try:
            quarantine = self.reception.quarantine
            received = self._temporary
            if isinstance(error, IsocenterError) and quarantine and received and received.size:
                quarantine.keep(received, self._origin, error)
        finally:
            self.discard()

    def commit_async(self) -> Future[Stored]:
        """Keep the object without waiting here; the future gives or raises what `commit` does.

        Returns
        -------
        Future
            Done when `commit` would return.
        """
        return self.reception.executor.submit(self.commit)

    def discard(self) -> None:
        """Throw the bytes away; trouble with that is logged: what was kept is kept."""
        if self._temporary is not None:
            try:
                self._temporary.discard()
            except Exception:
                _log.exception("a file below .incoming could not be discarded")
            self._temporary = None

    def _scrutinised(self) -> tuple[str, ...]:
        if self.reception.scrutiny is Scrutiny.OFF or self._temporary is None:
            return ()
        violations = scrutinised(self._temporary.path, self.reception.scrutiny)
        for sentence in violations:
            _log.warning("keeping an object from %s: %s", self._origin or "here", sentence)
        return violations

    def _arrival(self) -> Arrival:
        if self._temporary is None or not self._temporary.size:
            raise NotDicom("the object is empty; expected a DICOM data set")
        if not self._meta:
            self._complete_file_meta()
        temporary = self._temporary
        if (arrival := self._described) is not None:
            check_complete(arrival.header, temporary.size, temporary.read)
        else:
            recurring = self.reception.recurring
            arrival = self._describe(
                scan_file(temporary.descriptor, extra=EXTRA_TAGS, recurring=recurring)
            )
        require_whole(temporary.descriptor, arrival.header)
        arrival.temporary, arrival.size, arrival.time = temporary, temporary.size, now()
        return arrival

    def _described_early(self, start: bytes) -> Arrival | None:
        """Scan the first bytes while they are in memory and the rest is on its way.

        Returns
        -------
        Arrival or None
            None where they do not suffice, or are bad: the whole file then says how.
        """
        if self._syntax is None or self._syntax.deflated:
            return None
        try:
            header = scan(
                start,
                self._syntax,
                base=len(self._meta),
                extra=EXTRA_TAGS,
                recurring=self.reception.recurring,
            )
            return self._describe(header)
        except IsocenterError:
            return None

    def _describe(self, header: Header) -> Arrival:
        uids = header.uids(_REQUIRED)
        if "" in uids.values():
            raise _missing(uids)
        for tag, keyword, expected in self._expected:
            if uids[tag] != expected:
                raise InvalidAttribute(
                    f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword} in the data set is "
                    f"{uids[tag][:64]!r}; the request says {expected!r}",
                    tag,
                )
        sop_class, instance, study, series = uids.values()
        place = self.reception.blobs.place_of(study, series, instance)
        values = IndexValues.of(header)
        return Arrival(header, study, series, instance, sop_class, place, values, self._origin)

    def _complete_file_meta(self) -> None:
        """Zero the preamble (it may be executable); give a file without file meta its own."""
        assert self._temporary is not None
        start = self._temporary.read(0, _META)
        meta = read_file_meta(start, final=len(start) < _META)
        if start[PREAMBLE_LENGTH : PREAMBLE_LENGTH + len(PREFIX)] == PREFIX and not meta.is_guess:
            if start[:PREAMBLE_LENGTH].count(0) != PREAMBLE_LENGTH:
                self._temporary.zero(PREAMBLE_LENGTH)
            return
        bare = self._temporary
        header = scan_file(bare.descriptor)
        new_meta = file_meta_bytes(
            header.sop_class_uid, header.sop_instance_uid, meta.transfer_syntax_uid
        )
        with _WRITING:
            self._temporary = self.reception.blobs.temporary()
            try:
                self._temporary.write([new_meta])
                for part in bare.parts(meta.data_set_offset, _PART):
                    self._temporary.write([part])
            finally:
                bare.discard()


def _missing(uids: Mapping[int, str]) -> InvalidAttribute:
    tag = next(tag for tag, uid in uids.items() if not uid)
    return InvalidAttribute(
        f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {_REQUIRED[tag]} is missing or empty; "
        "every composite object needs it",
        tag,
    )


def _first_bytes(parts: Sequence[Buffer], length: int) -> bytes:
    if len(parts) == 1 or (parts and len(parts[0]) >= length):
        return bytes(parts[0][:length])
    return b"".join(parts[:_MOST_PARTS])[:length]


def parts_of(source: Stream) -> Iterator[Buffer]:
    """Read a Part 10 stream in parts of at most a megabyte where it does not bring its own."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield cast(Buffer, source)
    elif hasattr(source, "read"):
        yield from _read_parts(cast(BinaryIO, source))
    else:
        yield from cast(Iterable[Buffer], source)


def _read_parts(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_PART):
        yield part
