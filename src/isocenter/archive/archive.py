"""The archive: every way in ends here, every way out starts here."""

from collections.abc import Callable
from pathlib import Path

from isocenter.dicom import tags
from isocenter.dicom.part10 import file_meta_bytes
from isocenter.dicom.uids import is_path_safe_uid
from isocenter.errors import InvalidAttribute, NotFound

from .arrivals import Origin, Stored
from .aside import Aside, kept_aside
from .change_log import Change, Subscriber
from .check_report import CheckReport
from .checking import Checker
from .conflicts import Conflict, conflicts_of
from .incoming import Expected, Incoming, Source, parts_of
from .listing import KeptInstance
from .opening import OpenArchive
from .query import Found, Query
from .resources import reported_as_out_of_resources
from .series_metadata import Metadata
from .stored_instance import StoredInstance
from .versions import settled_versions

__all__ = ["Archive"]


class Archive(OpenArchive):
    """DICOM objects in a directory, with an index to find them.

    Made by `Archive.open`. All methods may be called from any thread.
    """

    def incoming(
        self,
        *,
        transfer_syntax_uid: str,
        sop_class_uid: str,
        sop_instance_uid: str,
        origin: Origin | None = None,
    ) -> Incoming:
        """Begin to receive a data set that comes without File Meta Information, as by DIMSE.

        Parameters
        ----------
        transfer_syntax_uid
            How the data set is encoded.
        sop_class_uid, sop_instance_uid
            What it must turn out to be.
        origin
            Who sends it.

        Returns
        -------
        Incoming
            Takes the bytes by `write`; `commit` keeps them.

        Raises
        ------
        InvalidAttribute
            One of the UIDs is none.
        UnsupportedTransferSyntax
            The transfer syntax is unknown.
        """
        expected = (
            (tags.SOPClassUID, "SOPClassUID", sop_class_uid),
            (tags.SOPInstanceUID, "SOPInstanceUID", sop_instance_uid),
        )
        for tag, keyword, uid in expected:
            if not is_path_safe_uid(uid):
                raise InvalidAttribute(
                    f"{keyword} of the request is {uid[:80]!r}; expected a UID: 1 to 64 digits "
                    "and dots (PS3.5 9.1)",
                    tag,
                )
        sender = origin.ae_title.encode("ascii", "replace").decode()[:16] if origin else ""
        meta = file_meta_bytes(
            sop_class_uid,
            sop_instance_uid,
            transfer_syntax_uid,
            source_application_entity_title=sender,
        )
        return Incoming(
            self._reception,
            meta=meta,
            transfer_syntax_uid=transfer_syntax_uid,
            expected=expected,
            origin=origin,
        )

    def receiving(
        self, *, origin: Origin | None = None, study_instance_uid: str | None = None
    ) -> Incoming:
        """Begin to receive a DICOM file part by part, as in a request's body.

        Parameters
        ----------
        origin
            Who sends it.
        study_instance_uid
            The study that it must belong to.

        Returns
        -------
        Incoming
            Takes the bytes by `write`; `commit` keeps them.
        """
        expected: Expected = ()
        if study_instance_uid is not None:
            expected = ((tags.StudyInstanceUID, "StudyInstanceUID", study_instance_uid),)
        return Incoming(self._reception, expected=expected, origin=origin)

    def ingest(
        self,
        source: Source,
        *,
        origin: Origin | None = None,
        study_instance_uid: str | None = None,
    ) -> Stored:
        """Keep a DICOM file.

        Parameters
        ----------
        source
            Its path, an open binary file, its bytes, or its parts in order.
        origin
            Who sends it.
        study_instance_uid
            The study that it must belong to.

        Returns
        -------
        Stored
            What became of it; when this returns, it is kept.

        Raises
        ------
        NotDicom, InvalidDicom, InvalidAttribute, UnsupportedTransferSyntax, LimitExceeded
            The bytes cannot be kept as an object.
        InstanceConflict
            The instance is already kept with different bytes.
        OutOfResources
            The disk is full, read-only or failing; nothing was kept.
        """
        if isinstance(source, (str, Path)):
            with open(source, "rb", buffering=0) as file:
                return self.ingest(file, origin=origin, study_instance_uid=study_instance_uid)
        if known := self._recognition.recognised(source, study_instance_uid):
            return known
        incoming = self.receiving(origin=origin, study_instance_uid=study_instance_uid)
        try:
            for part in parts_of(source):
                incoming.write([part])
        except BaseException:
            incoming.discard()
            raise
        return incoming.commit()

    def find(self, query: Query) -> list[Found]:
        """Find patients, studies, series or instances.

        Parameters
        ----------
        query
            At which level, what must match, in which order and how many.

        Returns
        -------
        list of Found
            In the query's order; empty where nothing matches.

        Raises
        ------
        QueryError
            An attribute that the index does not know, or a value that breaks its VR's grammar.
        """
        return self._finder.find(query)

    def count(self, query: Query) -> int:
        """Count what a query means, whatever its limit and offset.

        Parameters
        ----------
        query
            As for `find`.

        Returns
        -------
        int
            How many patients, studies, series or instances match.

        Raises
        ------
        QueryError
            As `find`.
        """
        return self._finder.count(query)

    def instances(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> list[KeptInstance]:
        """List the instances of a study, of a series, or one, in the order of their numbers.

        Parameters
        ----------
        study
            Study Instance UID.
        series
            Series Instance UID; None for all series of the study.
        instance
            SOP Instance UID; None for all instances.

        Returns
        -------
        list of KeptInstance
            At least one; by Series Number, then Instance Number.

        Raises
        ------
        NotFound
            There is nothing of that name.
        """
        found = self._lister.instances(study, series, instance)
        if not found:
            named = instance or series or study
            raise NotFound(f"{named[:64]} is not in this archive")
        return found

    def conflicts(self, study: str) -> list[Conflict]:
        """Tell what the instances of a study disagreed about; the latest values are in the index.

        Parameters
        ----------
        study
            Study Instance UID.

        Returns
        -------
        list of Conflict
            In order of time, each value once; empty where they agree or nothing is there.
        """
        return conflicts_of(self._index, study)

    def kept_aside(self, study: str) -> list[Aside]:
        """Tell which objects of a study were kept aside by the conflict policy `keep`.

        Parameters
        ----------
        study
            Study Instance UID.

        Returns
        -------
        list of Aside
            In order of time, with the path of each file; empty where there is none.
        """
        return kept_aside(self._index, self._blobs, study)

    def open_instance(self, study: str, series: str, instance: str) -> StoredInstance:
        """Open an instance for reading.

        Parameters
        ----------
        study, series, instance
            Study, Series and SOP Instance UID.

        Returns
        -------
        StoredInstance
            Stays readable while anybody holds it; nothing needs to be closed.

        Raises
        ------
        NotFound
            There is no such instance.
        """
        uids = (study, series, instance)
        # Another process may have deleted what is open here, and been killed before its file went.
        if not self._finder.has(*uids):
            self._open_instances.drop(uids)
            raise NotFound(f"instance {instance[:64]} of study {study[:64]} is not in this archive")
        if (found := self._open_instances.get(uids)) is not None:
            return found
        try:
            return self._open_instances.open(uids, self._blobs.place_of(*uids))
        except FileNotFoundError:
            raise NotFound(
                f"the file of instance {instance} is missing; `isocenter check` tells more"
            ) from None

    def opened_instance(self, study: str, series: str, instance: str) -> StoredInstance | None:
        """Open an instance if that needs no wait for a disk or another machine.

        The index must be a file of this machine, and the instance one that was opened lately or
        whose beginning is in memory.

        Parameters
        ----------
        study, series, instance
            Study, Series and SOP Instance UID.

        Returns
        -------
        StoredInstance or None
            None where `open_instance` may have to wait: call it in a thread that may.

        Raises
        ------
        NotFound
            There is no such instance.
        """
        if not self._index.is_sqlite:
            return None
        found = self.open_instance(study, series, instance)
        return found if found.is_at_hand else None

    def versions(self, study: str, series: str) -> dict[str, str]:
        """Name the bytes of every instance of a series; another name means other bytes.

        What is read of the series after this is of these bytes or of later ones; see
        `StoredInstance.version` for those that an open instance has.

        Parameters
        ----------
        study, series
            Study and Series Instance UID.

        Returns
        -------
        dict
            Versions by SOP Instance UID.
        """
        return settled_versions(self._blobs, study, series)

    def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Metadata:
        """Give the DICOM JSON of all instances of a study, of a series, or of one instance.

        That of a series is made once and kept until the series changes.

        Parameters
        ----------
        study
            Study Instance UID.
        series
            Series Instance UID; None for the whole study.
        instance
            SOP Instance UID, with `series`; None for all instances.

        Returns
        -------
        Metadata
            An array with an object for each instance, as JSON or as its gzip stream.

        Raises
        ------
        NotFound
            There is nothing of that name.

        References
        ----------
        PS3.18 annex F
        """
        return self._metadata.metadata(study, series, instance)

    def delete(self, study: str, series: str | None = None, instance: str | None = None) -> int:
        """Delete a study, one of its series, or one instance.

        Parameters
        ----------
        study
            Study Instance UID.
        series
            Series Instance UID; None for the whole study.
        instance
            SOP Instance UID; None for all instances.

        Returns
        -------
        int
            How many instances that were.

        Raises
        ------
        NotFound
            There is nothing of that name.
        OutOfResources
            The index cannot be written; nothing is deleted.
        """
        try:
            return self._deleter.delete(study, series, instance)
        finally:
            self._open_instances.drop_below(study, series, instance)
            self._changes.notice()

    def check(
        self,
        repair: bool = False,
        *,
        thorough: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> CheckReport:
        """Compare files and index; also makes the index anew from the files where it was lost.

        Parameters
        ----------
        repair
            Whether to put right what can be; see `ProblemKind` for what that means.
        thorough
            Whether to read the header of every file, not only its size.
        progress
            Called with the number of studies that are done and of all.

        Returns
        -------
        CheckReport
            How many files and instances there are, and what is or was wrong.

        Raises
        ------
        OutOfResources
            The disk or the index cannot be read or written, or SQLite's file is damaged.
        """
        checker = Checker(
            self._index,
            self._blobs,
            self._registrar,
            repair=repair,
            thorough=thorough,
            quarantine=self._quarantine,
        )
        with reported_as_out_of_resources("check the archive"):
            report = checker.run(progress)
        self._open_instances.clear()
        self._changes.notice()
        return report

    def changes(self, since: int = 0, limit: int = 1000) -> list[Change]:
        """Read what happened.

        Parameters
        ----------
        since
            Sequence number of the last change that is known already.
        limit
            How many changes at most.

        Returns
        -------
        list of Change
            In order of their sequence numbers; fewer than `limit` where the log ends.
        """
        return self._changes.since(since, limit)

    def last_change(self, study: str) -> int:
        """Give the sequence number of the last change of a study; 0 where there is no such study.

        What was read of a study after this number was given is good as long as it stays the same,
        whichever process writes.

        Parameters
        ----------
        study
            Study Instance UID.

        Returns
        -------
        int
            As in `Change.sequence`.
        """
        return self._lister.last_change(study)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with lists of changes from now on, from a thread of the archive.

        Parameters
        ----------
        subscriber
            Takes consecutive changes, in order and with none left out, also those that another
            process made. Subscribers share the thread: one that is slow delays the others, one that
            raises is logged.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._changes.subscribe(subscriber)
