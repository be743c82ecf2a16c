"""DICOM JSON of whole series, prepared once, kept compressed beside the index, served as kept.

The pieces of several series can be put together to one gzip stream, so a study's metadata is those
of its series with a comma between them.
"""

import logging
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from isocenter.dicom.json_model import file_json
from isocenter.errors import IsocenterError, NotFound, OutOfResources

from . import schema
from .blobs import BlobStore
from .busy_index import ONE_TRY
from .gzip_pieces import Piece, gzip_stream
from .index import AnyRow, Index
from .resources import reported_as_out_of_resources
from .stored_instance import StoredInstance

__all__ = ["Metadata", "MetadataStore"]

_log = logging.getLogger(__name__)

_study, _series, _instance = schema.study.c, schema.series.c, schema.instance.c
_kept = schema.series_metadata.c
_STUDY = select(_study.pk, _study.sequence, _study.instance_count).where(
    _study.study_instance_uid == bindparam("study")
)
_SERIES = (
    select(
        _series.pk,
        _series.series_instance_uid,
        _series.sequence,
        _series.instance_count,
        _kept.body,
    )
    .outerjoin(
        schema.series_metadata,
        (_kept.series_pk == _series.pk)
        & (_kept.sequence == _series.sequence)
        & (_kept.root == bindparam("root")),
    )
    .where(_series.study_pk == bindparam("study_pk"))
    .order_by(_series.series_number, _series.pk)
)
_INSTANCES = (
    select(_instance.sop_instance_uid, _instance.sop_class_uid)
    .where(_instance.series_pk == bindparam("key"))
    .order_by(_instance.instance_number, _instance.pk)
)
_INSTANCE = (
    select(_instance.sequence, _instance.sop_class_uid)
    .join(schema.series, _series.pk == _instance.series_pk)
    .where(
        _series.study_pk == bindparam("study_pk"),
        _series.series_instance_uid == bindparam("series"),
        _instance.sop_instance_uid == bindparam("instance"),
    )
)
_PIECE = 1 << 20
_LEVEL = 6
_OPENING, _COMMA, _CLOSING = (Piece.of(mark, 0) for mark in (b"[", b",", b"]"))


@dataclass(frozen=True, slots=True)
class Metadata:
    """DICOM JSON of instances: an array with an object each (PS3.18 10.4.1.1.2).

    Parameters
    ----------
    etag
        Changes whenever the content does; with its quotes.
    pieces
        What makes up the array, in order; none ends inside of an instance.
    """

    etag: str
    pieces: tuple[Piece, ...]

    def gzip(self) -> bytes:
        """Give all as one gzip stream, to be sent with `Content-Encoding: gzip`.

        Returns
        -------
        bytes
            The pieces as they are kept, not compressed anew.
        """
        return gzip_stream(self.pieces)

    def json(self) -> bytes:
        """Give all as UTF-8.

        Returns
        -------
        bytes
            A JSON array.
        """
        return b"".join(self.parts())

    def parts(self) -> Iterator[bytes]:
        """Give all as UTF-8 in parts of about a megabyte.

        Yields
        ------
        bytes
            Consecutive parts of the JSON array.
        """
        for piece in self.pieces:
            yield piece.content()


class MetadataStore:
    """Makes and keeps the metadata of series.

    Parameters
    ----------
    index
        Where it is kept.
    blobs
        What it is made from.
    root
        What the path of every BulkDataURI begins with, such as `/dicomweb`.
    """

    def __init__(self, index: Index, blobs: BlobStore, root: str) -> None:
        self._index = index
        self._blobs = blobs
        self._root = root.rstrip("/")
        self._etag_suffix = f"{zlib.crc32(self._root.encode()):x}"
        self._in_progress: dict[tuple[int, int], Future[list[Piece]]] = {}
        self._lock = threading.Lock()

    def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Metadata:
        """Give the metadata of a study, a series or an instance.

        Raises
        ------
        NotFound
            There is nothing of that name.
        """
        with self._index.reading() as connection:
            found = connection.execute(_STUDY, {"study": study}).one_or_none()
            if found is None:
                raise NotFound(f"study {study[:64]} is not in this archive")
            if series is not None and instance is not None:
                uids = {"study_pk": found.pk, "series": series, "instance": instance}
                row = connection.execute(_INSTANCE, uids).one_or_none()
                if row is None:
                    raise NotFound(f"instance {instance[:64]} is not in that series")
                content = self._instance_json(study, series, instance, row.sop_class_uid)
                return Metadata(self._etag(row.sequence, 1), (Piece.of(b"[%s]" % content, _LEVEL),))
            asked = {"study_pk": found.pk, "root": self._root}
            rows = connection.execute(_SERIES, asked).all()
        if series is None:
            etag = self._etag(found.sequence, found.instance_count)
            return Metadata(etag, self._array(study, rows))
        for row in rows:
            if row.series_instance_uid == series:
                etag = self._etag(row.sequence, row.instance_count)
                return Metadata(etag, self._array(study, [row]))
        raise NotFound(f"series {series[:64]} is not in that study")

    def _etag(self, sequence: int, count: int) -> str:
        return f'"{sequence}-{count}-{self._etag_suffix}"'

    def _array(self, study: str, rows: Sequence[AnyRow]) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        for row in rows:
            if of_series := _readable(row.body) or self._prepare_once(study, row):
                pieces += [_COMMA if pieces else _OPENING, *of_series]
        return (*(pieces or [_OPENING]), _CLOSING)

    def _prepare_once(self, study: str, row: AnyRow) -> list[Piece]:
        """Prepare a series, or wait for whoever does already."""
        version = (row.pk, row.sequence)
        with self._lock:
            future = self._in_progress.get(version)
            if mine := future is None:
                future = self._in_progress[version] = Future()
        if not mine:
            return future.result()
        try:
            future.set_result(self._prepare(study, row))
        except BaseException as error:
            future.set_exception(error)
        finally:
            with self._lock:
                del self._in_progress[version]
        return future.result()

    def _prepare(self, study: str, row: AnyRow) -> list[Piece]:
        series = row.series_instance_uid
        with self._index.reading() as connection:
            instances = connection.execute(_INSTANCES, {"key": row.pk}).all()
        pieces: list[Piece] = []
        size = 0
        pending: list[bytes] = []
        for instance, sop_class in instances:
            try:
                content = self._instance_json(study, series, instance, sop_class)
            except NotFound:  # deleted meanwhile, or its file is lost
                continue
            pending.append(b",%s" % content if pending or pieces else content)
            size += len(pending[-1])
            if size > _PIECE:
                pieces.append(Piece.of(b"".join(pending), _LEVEL))
                pending, size = [], 0
        if pending:
            pieces.append(Piece.of(b"".join(pending), _LEVEL))
        self._keep(row, b"".join(piece.to_bytes() for piece in pieces))
        return pieces

    def _keep(self, row: AnyRow, body: bytes) -> None:
        columns = {"series_pk": row.pk, "sequence": row.sequence, "root": self._root, "body": body}
        try:
            with (
                reported_as_out_of_resources("keep prepared metadata"),
                self._index.writing(ONE_TRY) as transaction,
            ):
                transaction.execute(delete(schema.series_metadata).where(_kept.series_pk == row.pk))
                transaction.execute(insert(schema.series_metadata), columns)
        except OutOfResources as error:  # which keeps nobody from reading
            _log.warning("%s", error)
        except Exception:
            _log.exception("prepared metadata could not be kept")

    def _instance_json(self, study: str, series: str, instance: str, sop_class: str) -> bytes:
        uri = f"{self._root}/studies/{study}/series/{series}/instances/{instance}/bulkdata"
        try:
            stored = StoredInstance(self._blobs.path(study, series, instance))
        except FileNotFoundError:
            raise NotFound(f"the file of instance {instance} is missing") from None
        try:
            return file_json(stored.descriptor, stored.header, bulk_data_uri=uri)
        except IsocenterError as error:
            _log.warning("instance %s has no readable metadata: %s", instance, error)
            return _identification(study, series, instance, sop_class)


def _readable(body: bytes | None) -> list[Piece]:
    """Give the pieces that were kept; none where there are none in the form of this version."""
    try:
        return list(Piece.read_all(body or b""))
    except ValueError as error:
        _log.warning("prepared metadata is made anew: %s", error)
        return []


def _identification(study: str, series: str, instance: str, sop_class: str) -> bytes:
    """Say at least what an object is whose data set breaks off or nests too deep."""
    uids = {
        "00080016": sop_class,
        "00080018": instance,
        "0020000D": study,
        "0020000E": series,
    }
    members = (f'"{tag}":{{"vr":"UI","Value":["{uid}"]}}' for tag, uid in uids.items())
    return f"{{{','.join(members)}}}".encode()
