"""Where the images of a series come from: folders, DICOMDIRs, ZIP files, archives, servers."""

from __future__ import annotations

import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO
from pathlib import Path
from typing import IO, Any, TypeAlias

from pydicom.dataset import Dataset

from isocenter.archive import INDEX_NAME, Archive, Level, Query
from isocenter.compose.writing import write
from isocenter.dicom import dictionary, tags
from isocenter.dicomweb.media_types import parse_media_type
from isocenter.dicomweb.multipart import MultipartReader, PartData, PartEnded, boundary_of
from isocenter.errors import (
    AssociationError,
    InvalidDicom,
    IsocenterError,
    NotDicom,
    NotFound,
)
from isocenter.media import Candidate, candidates
from isocenter.series.stored_image import StoredImage

__all__ = ["Where", "stored_images"]

Where: TypeAlias = "str | Path | Archive | Dataset | Sequence[str | Path | Dataset]"
"""A file, folder, DICOMDIR, ZIP file, archive, DICOMweb URL, data set, or several of these."""

_SECONDS = 60
_PIECE = 1 << 20


def stored_images(
    where: Where, resources: ExitStack, *, series: str | None = None, by: str | None = None
) -> list[StoredImage]:
    """List the images that there are, with their headers scanned.

    Parameters
    ----------
    where
        A file, a folder, a DICOMDIR, a ZIP file, an archive or its folder, the URL of a series on a
        DICOMweb server, data sets, or several of these.
    resources
        Keeps open what pixels are read from later.
    series
        The Series Instance UID that is wanted; an archive needs it if it has several.
    by
        Keyword by which images are sorted besides the usual ones.

    Raises
    ------
    NotFound
        When a path does not exist or holds no image.
    """
    extra = frozenset([dictionary.tag(by) or 0]) if by else frozenset[int]()
    images: list[StoredImage] = []
    for name, content in _contents(where, resources, series):
        image = _scanned(name, content, extra)
        if image is not None and series in (None, image.text(tags.SeriesInstanceUID)):
            images.append(image)
    if not images:
        wanted = f" of series {series}" if series else ""
        raise NotFound(f"There is no image{wanted} in {_named(where)}; check where it is.")
    return images


Content: TypeAlias = "Path | Callable[[], AbstractContextManager[IO[bytes]]]"


def _contents(
    where: Where, resources: ExitStack, series: str | None
) -> Iterator[tuple[str, Content]]:
    if isinstance(where, Archive):
        yield from _of_archive(where, series)
    elif isinstance(where, Dataset):
        yield str(where.get("SOPInstanceUID", "a data set")), _in_memory(where)
    elif isinstance(where, str) and where.startswith(("http://", "https://")):
        yield from _of_server(where, resources)
    elif isinstance(where, str | Path):
        yield from _of_path(Path(where), resources, series)
    else:
        for one in where:
            yield from _contents(one, resources, series)


def _of_path(path: Path, resources: ExitStack, series: str | None) -> Iterator[tuple[str, Content]]:
    if (path / INDEX_NAME).is_file():
        with Archive.open(path) as archive:
            yield from _of_archive(archive, series)
        return
    for found in candidates([path], resources):
        if isinstance(found, Candidate):
            yield found.name, _content(found)
        else:
            raise found[1]


def _content(candidate: Candidate) -> Content:
    path = Path(candidate.name)
    return path if path.is_file() else candidate.open


def _in_memory(data_set: Dataset) -> Content:
    with tempfile.TemporaryDirectory(prefix="isocenter-") as folder:
        content = write(data_set, Path(folder)).read_bytes()
    return lambda: BytesIO(content)


def _of_archive(archive: Archive, series: str | None) -> Iterator[tuple[str, Content]]:
    matches: dict[int | tuple[int, ...], str] = {tags.SeriesInstanceUID: series} if series else {}
    for found in archive.find(Query.of(Level.SERIES, matches)):
        study, uid = found.text(tags.StudyInstanceUID), found.text(tags.SeriesInstanceUID)
        for kept in archive.instances(study, uid):
            path = archive.open_instance(*kept.uids).path
            yield str(path), path


def _scanned(name: str, content: Content, extra: frozenset[int]) -> StoredImage | None:
    try:
        image = StoredImage(name, content, extra)
    except NotDicom:
        return None  # a README beside the slices is no reason to stop
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}.") from error
    except IsocenterError as error:
        raise InvalidDicom(f"{name}: {error}") from error
    return image if image.description is not None else None


def _named(where: Any) -> str:
    return str(where) if isinstance(where, str | Path) else f"the {type(where).__name__}"


def _of_server(url: str, resources: ExitStack) -> Iterator[tuple[str, Content]]:
    """Fetch the objects of a study or series over DICOMweb (PS3.18 10.4) to a temporary folder."""
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="isocenter-series-")))
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            paths = _parts(answer, folder)
    except urllib.error.HTTPError as error:
        raise NotFound(f"{url} answered {error.code} {error.reason}.") from error
    except OSError as error:
        raise AssociationError(f"{url} cannot be reached: {error}.") from error
    for path in paths:
        yield path.name, path


def _parts(answer: Any, folder: Path) -> list[Path]:
    reader = MultipartReader(boundary_of(parse_media_type(answer.headers["Content-Type"])))
    paths: list[Path] = []
    part: IO[bytes] | None = None
    while data := answer.read(_PIECE):
        for event in reader.receive(data):
            if isinstance(event, PartData):
                if part is None:
                    paths.append(folder / f"{len(paths):06}.dcm")
                    part = paths[-1].open("wb")
                part.write(event.data)
            elif isinstance(event, PartEnded) and part is not None:
                part.close()
                part = None
    reader.finish()
    return paths
