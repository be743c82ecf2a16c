"""Recognising a file that is kept already, before anything of it is written."""

import io
import os
from typing import BinaryIO, TypeGuard, cast

from isocenter.dicom.scan import scan_file
from isocenter.errors import IsocenterError

from .arrivals import Outcome, Stored
from .finding import Finder
from .incoming import Reception, Stream
from .index import Index
from .index_values import EXTRA_TAGS
from .lasting import WRITTEN, is_on_disk
from .same_object import same_contents
from .scrutiny import Scrutiny
from .wholeness import uids_in

__all__ = ["Recognition"]

_FILES = (io.FileIO, io.BufferedReader, io.BufferedRandom)


class Recognition:
    """Recognises files.

    Parameters
    ----------
    reception
        Where they arrive unless they are recognised.
    index
        Of the archive.
    finder
        Of the index.
    """

    def __init__(self, reception: Reception, index: Index, finder: Finder) -> None:
        self._index = index
        self._blobs = reception.blobs
        self._places = reception.places
        self._recurring = reception.recurring
        self._looks_closer = reception.scrutiny is not Scrutiny.OFF
        self._finder = finder

    def recognised(self, source: Stream, study_instance_uid: str | None = None) -> Stored | None:
        """Say of what is to be kept that it is unchanged.

        Parameters
        ----------
        source
            It is looked at if it is an open file, and stands at its start again.
        study_instance_uid
            The study that it must belong to.

        Returns
        -------
        Stored
            The object was in the archive, with the same bytes, at a moment since the call.
        None
            In every other case, and in every doubt: let it arrive.
        """
        if self._looks_closer or not _is_unread_file(source):
            return None
        try:
            return self._unchanged(source, study_instance_uid)
        except (IsocenterError, OSError):  # which the arrival meets, too, and tells
            return None
        finally:
            source.seek(0)

    def _unchanged(self, file: BinaryIO, study_instance_uid: str | None) -> Stored | None:
        header = scan_file(file, extra=EXTRA_TAGS, recurring=self._recurring)
        uids = uids_in(header)
        if study_instance_uid not in {None, uids[0]}:
            return None
        place = self._blobs.place_of(*uids)
        with self._places.held(place), open(place, "rb", buffering=0) as kept:
            if same_contents(kept, file) and self._is_kept(kept, place, uids):
                return Stored(*uids, header.sop_class_uid, Outcome.UNCHANGED)
        return None

    def _is_kept(self, file: BinaryIO, place: str, uids: tuple[str, str, str]) -> bool:
        """Whether a file that stood in a place is what the index has there.

        The order is what makes it certain without the write lock. What stood in the place during a
        replacement may be taken back; a row that is there after the replacement's end is of what
        won; and the file did not change around the moment at which the row was read. It is open, so
        that no other gets its number.

        Another process may have put it there a moment ago, in place of one that was lost, and not
        have waited for the disk yet.
        """
        status = os.fstat(file.fileno())
        return (
            not self._blobs.is_replacing(*uids[:2])
            and self._finder.has(*uids)
            and os.path.samestat(status, os.stat(place))
            and (not self._blobs.durable or self._is_on_disk(status, uids))
        )

    def _is_on_disk(self, status: os.stat_result, uids: tuple[str, str, str]) -> bool:
        study, series, instance = uids
        named = {"study": study, "series": series, "instance": instance}
        written = self._index.first(WRITTEN, named)
        return written is not None and is_on_disk(written[0], status)


def _is_unread_file(source: Stream) -> TypeGuard[BinaryIO]:
    """Whether a source is a file of the system, which reading twice costs little."""
    raw: object = getattr(source, "raw", source)
    if type(source) not in _FILES or not isinstance(raw, io.FileIO):
        return False
    return raw.seekable() and cast(BinaryIO, source).tell() == 0
