"""Answers C-STORE from the archive (PS3.4 B): bytes go in as they arrive, success means kept."""

import logging
from collections.abc import Callable, Sequence

from isocenter.archive import Archive, Incoming, Origin
from isocenter.dicom import TRANSFER_SYNTAXES, is_valid_uid, sop_class
from isocenter.dimse import (
    SUCCESS,
    AssociationInfo,
    Status,
    StatusCode,
    StorageService,
    StoreRequest,
)
from isocenter.errors import (
    DimseStatusError,
    InstanceConflict,
    InvalidAttribute,
    InvalidDicom,
    IsocenterError,
    LimitExceeded,
    OutOfResources,
    UnsupportedTransferSyntax,
)

__all__ = ["ArchiveStorage", "failure_status", "storage_service"]

_log = logging.getLogger(__name__)

Counted = Callable[[str], None]

# PS3.4 Table B.2-1. The order matters: a subclass stands above its superclass.
_STATUSES: tuple[tuple[type[IsocenterError], StatusCode], ...] = (
    (OutOfResources, StatusCode.OUT_OF_RESOURCES),
    (LimitExceeded, StatusCode.OUT_OF_RESOURCES),
    (InstanceConflict, StatusCode.DUPLICATE_SOP_INSTANCE),
    (InvalidAttribute, StatusCode.DATA_SET_DOES_NOT_MATCH_SOP_CLASS),
    (InvalidDicom, StatusCode.CANNOT_UNDERSTAND),
    (UnsupportedTransferSyntax, StatusCode.CANNOT_UNDERSTAND),
)


def failure_status(error: IsocenterError) -> Status:
    """Turn the reason why an object was not kept into the status of its response.

    Returns
    -------
    Status
        A700 out of resources, A900 data set does not match SOP class, C000 cannot understand, 0111
        duplicate SOP instance, else 0110 processing failure; with the sentence as Error Comment
        (0000,0902) and the attribute as Offending Element (0000,0901).
    """
    code = next((code for kind, code in _STATUSES if isinstance(error, kind)), None)
    elements = (error.tag,) if isinstance(error, InvalidAttribute) else ()
    return Status(code or StatusCode.PROCESSING_FAILURE, str(error), elements)


class ArchiveStorage:
    """Keeps the data sets of C-STORE requests in an archive; any number of threads may use it.

    Parameters
    ----------
    archive
        Where they are kept.
    counted
        Told of each outcome: an `Outcome`'s value, or the status of a refusal such as `A700`.
    """

    def __init__(self, archive: Archive, counted: Counted = lambda outcome: None) -> None:
        self._archive = archive
        self._counted = counted

    def begin(self, request: StoreRequest, association: AssociationInfo) -> "ArrivingDataSet":
        """Prepare for a data set that is about to arrive.

        Raises
        ------
        DimseStatusError
            The request names no instance that can be kept, or there is no room.
        """
        try:
            incoming = self._archive.incoming(
                transfer_syntax_uid=request.transfer_syntax_uid,
                sop_class_uid=request.sop_class_uid,
                sop_instance_uid=request.sop_instance_uid,
                origin=Origin(association.calling_ae, association.peer_address),
            )
            incoming.open()
        except IsocenterError as error:
            status = _counted_failure(error, self._counted)
            # Whoever performs operations logs the ones that fail with a status.
            raise DimseStatusError(status.code, status.comment) from error
        return ArrivingDataSet(incoming, association, self._counted)


class ArrivingDataSet:
    """One data set on its way from an association into the archive.

    Parameters
    ----------
    incoming
        The archive's side of it.
    association
        Who sends it, for the log.
    counted
        Told of the outcome.
    """

    def __init__(self, incoming: Incoming, association: AssociationInfo, counted: Counted) -> None:
        self._incoming = incoming
        self._association = association
        self._counted = counted

    def write(self, fragments: Sequence[memoryview]) -> None:
        """Take the next bytes.

        Raises
        ------
        OutOfResources
            The disk is full, read-only or failing.
        """
        try:
            self._incoming.write(fragments)
        except OutOfResources as error:
            self._refused(error)
            raise

    def finish(self) -> Status:
        """Keep the data set and say how it went."""
        try:
            stored = self._incoming.commit()
        except IsocenterError as error:
            return self._refused(error)
        self._counted(stored.outcome.value)
        if stored.violations:
            return Status(
                StatusCode.DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING, " ".join(stored.violations)
            )
        return SUCCESS

    def abort(self) -> None:
        """Forget the data set."""
        self._incoming.discard()

    def _refused(self, error: IsocenterError) -> Status:
        status = _counted_failure(error, self._counted)
        _log.warning(
            "refused an object from %s at %s: %04X %s",
            self._association.calling_ae,
            self._association.peer_address,
            status.code,
            error,
        )
        return status


def _counted_failure(error: IsocenterError, counted: Counted) -> Status:
    status = failure_status(error)
    counted(f"{status.code:04X}")
    return status


def storage_service(archive: Archive, counted: Counted = lambda outcome: None) -> StorageService:
    """Make the Storage SCP over an archive: every storage SOP class, every known transfer syntax.

    Parameters
    ----------
    archive, counted
        As for `ArchiveStorage`.
    """
    return StorageService(
        ArchiveStorage(archive, counted),
        sop_classes=_StorageSOPClasses(),
        transfer_syntaxes=TRANSFER_SYNTAXES,
    )


class _StorageSOPClasses:
    """Every storage SOP class, and every unknown one: a maker's own is worth keeping too."""

    def __contains__(self, uid: object) -> bool:
        known = sop_class(str(uid))
        return known.storage if known else is_valid_uid(str(uid))
