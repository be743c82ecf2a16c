"""The series that another is derived from: found among files, put in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation.source_images import SourceImage
from isocenter.compose.planes import Plane, check_alike
from isocenter.compose.sound_values import complaint_of
from isocenter.compose.sources import Source, Sources
from isocenter.dicom import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    file_meta_bytes,
    tags,
    transfer_syntax,
)
from isocenter.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE
from isocenter.errors import CannotCompose, InvalidDicom, NotDicom, NotFound
from isocenter.pixels import (
    ModalityTransform,
    Rescale,
)

__all__ = ["Slice", "SourceSeries", "read_series"]


@dataclass(frozen=True, slots=True)
class Slice:
    """One frame of one source.

    Parameters
    ----------
    image
        The object.
    frame
        Its number in it, from 1.
    plane
        Where it lies; None where the object does not say.
    """

    image: SourceImage
    frame: int
    plane: Plane | None

    def values(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Read the pixels.

        Returns
        -------
        values : ndarray
            In the unit of the object: whole numbers where stored values and rescale are.
        padded : ndarray of bool or None
            Where they are padding; None where none are.
        """
        stored, padding = self.image.stored(self.frame), self.image.padding
        if stored.ndim == 3:
            return stored, None
        padded = None if padding is None else padding.covers(stored)
        found = _scaled(stored, self.image.rescale(self.frame))
        return found, padded if padded is not None and padded.any() else None


def _scaled(stored: NDArray[Any], transform: ModalityTransform) -> NDArray[Any]:
    if not isinstance(transform, Rescale):
        return transform.apply(stored)
    if transform.slope == 1 and float(transform.intercept).is_integer() and transform.intercept:
        return stored.astype(np.int32) + np.int32(transform.intercept)
    return transform.apply(stored)


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """The frames that a new series is derived from, in order.

    Parameters
    ----------
    slices
        Along the normal where the images say where they lie, those at one place by Instance Number,
        as all of them where they do not; the frames of a multi-frame object in its own order.
    skipped
        What else there was, each with the reason why it was left out.
    """

    slices: tuple[Slice, ...]
    skipped: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[SourceImage, ...]:
        """The objects, each once."""
        return tuple(dict.fromkeys(one.image for one in self.slices))

    @property
    def multi_frame(self) -> bool:
        """Whether the source is one object of several frames."""
        return self.grouped or self.slices[0].image.header.number_of_frames > 1

    @property
    def grouped(self) -> bool:
        """Whether geometry and scale stand in functional groups (PS3.3 C.7.6.16)."""
        return self.slices[0].image.grouped

    @property
    def placed(self) -> bool:
        """Whether any of the frames says where it lies."""
        return any(one.plane is not None for one in self.slices)

    def planes(self) -> tuple[Plane, ...]:
        """Return where the frames lie.

        Raises
        ------
        CannotCompose
            When they do not say, or not all of them.
        """
        planes = tuple(one.plane for one in self.slices if one.plane is not None)
        if len(planes) != len(self.slices):
            raise CannotCompose(
                "The images do not say where they lie (Image Position and Orientation (Patient)), "
                "so there is no volume; only an operation on each image by itself is possible.",
                tag=0x00200032,
                module="Image Plane",
            )
        return planes


def read_series(source: Any, *, series_instance_uid: str | None = None) -> SourceSeries:
    """Find the series of images in what a `source` parameter names.

    Parameters
    ----------
    source
        Data sets, files, folders, or `Sources`.
    series_instance_uid
        Which series is meant where there are several.

    Raises
    ------
    NotFound
        When a path does not exist or there is no image.
    CannotCompose
        When there are several series or patients, or the images do not belong together.
    """
    skipped: list[str] = []
    found = list(_images(source, skipped))
    images = _one_series(found, series_instance_uid, skipped)
    _check_identity(images)
    _check_patient(images)
    first = images[0]
    several = [one for one in images if one.grouped or one.header.number_of_frames > 1]
    if not several:
        return _ordered(images, tuple(skipped))
    if len(images) > 1:
        raise CannotCompose(
            f"The series has {len(several)} multi-frame objects among {len(images)}; derive from "
            "one at a time.",
            tag=0x00280008,
        )
    numbers = range(1, first.header.number_of_frames + 1)
    slices = tuple(Slice(first, number, first.frame_plane(number)) for number in numbers)
    return SourceSeries(slices, tuple(skipped))


def _ordered(images: Sequence[SourceImage], skipped: tuple[str, ...]) -> SourceSeries:
    if not any(tags.ImagePositionPatient in one.header.values for one in images):
        _check_sizes(images)
        ordered = sorted(images, key=lambda one: one.header.integer(tags.InstanceNumber) or 0)
        return SourceSeries(tuple(Slice(one, 1, None) for one in ordered), skipped)
    placed = [Slice(one, 1, one.plane()) for one in images]
    placed.sort(key=_place)
    check_alike([one.plane for one in placed if one.plane is not None], apart=False)
    return SourceSeries(tuple(placed), skipped)


def _place(one: Slice) -> tuple[float, int]:
    """Return what sorts slices: their place, and their number where several lie there."""
    height = round(one.plane.height, 3) if one.plane is not None else 0.0
    return height, one.image.header.integer(tags.InstanceNumber) or 0


def _check_identity(images: Sequence[SourceImage]) -> None:
    """Refuse images of which it is not known what they are, or that nothing can refer to."""
    for tag in (tags.SOPClassUID, tags.SOPInstanceUID):
        for one in images:
            uid = one.header.text(tag)
            if not uid or complaint_of("UI", uid):
                raise CannotCompose(
                    f"{values.described(tag)} of {one.name or 'an image'} is no UID; expected one "
                    "of at most 64 digits and dots. Correct it there, or leave the image out.",
                    tag=tag,
                    module="SOP Common",
                )


def _check_patient(images: Sequence[SourceImage]) -> None:
    """Refuse two patients, as all that inherits from sources does."""
    members: dict[tuple[str, ...], Source] = {}
    for one in images:
        key = one.header.text(tags.PatientID), one.header.text(tags.IssuerOfPatientID)
        if key not in members:
            patient = Dataset()
            patient.PatientID, patient.IssuerOfPatientID = key
            members[key] = Source(patient, _path(one))
    Sources(tuple(members.values()))


def _check_sizes(images: Sequence[SourceImage]) -> None:
    sizes = {(one.description.rows, one.description.columns) for one in images}
    if len(sizes) > 1:
        raise CannotCompose(
            f"The images differ in size: {', '.join(f'{r} x {c}' for r, c in sorted(sizes))}; give "
            "one series of equal images.",
            tag=0x00280010,
            module="Image Pixel",
        )


def _path(image: SourceImage) -> Path | None:
    return image.content if isinstance(image.content, Path) else None


def _images(source: Any, skipped: list[str]) -> Iterator[SourceImage]:
    seen: set[str] = set()
    for content in _contents(source):
        name = str(content) if isinstance(content, Path) else "the given data set"
        try:
            image = SourceImage.scanned(content)
        except NotDicom:
            skipped.append(f"{name}: no DICOM file")
            continue
        except InvalidDicom as error:
            raise CannotCompose(f"{name} is damaged: {error}.") from error
        header = image.header
        if header.pixel_data is None or header.integer(tags.Rows) is None:
            kind = header.text(tags.Modality) or "no pixels"
            skipped.append(f"{name}: no image ({kind})")
            continue
        if isinstance(content, Path) and header.sop_instance_uid in seen:
            skipped.append(f"{name}: the same image again")
            continue
        seen.add(header.sop_instance_uid)
        yield image


def _contents(source: Any) -> Iterator[Path | bytes]:
    many: Iterable[Any] = [source] if isinstance(source, Dataset | Source | str | Path) else source
    for one in many:
        if isinstance(one, Source):
            yield one.path if one.path is not None else _encoded(one.data_set)
        elif isinstance(one, Dataset):
            yield _encoded(one)
        else:
            yield from _files(Path(one))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (
            one
            for one in sorted(path.rglob("*"))
            if one.is_file() and one.name.upper() != "DICOMDIR" and not one.name.startswith(".")
        )
    elif path.is_file():
        yield path
    else:
        raise NotFound(f"There is no file or folder {path}; check the path of the source.")


def _encoded(data_set: Dataset) -> bytes:
    """Return a data set as the bytes of a file, as all others are read."""
    meta = getattr(data_set, "file_meta", None)
    syntax = transfer_syntax(
        str((meta and meta.get("TransferSyntaxUID")) or EXPLICIT_VR_LITTLE_ENDIAN.uid)
    )
    layout = EXPLICIT_LITTLE if syntax.little_endian else EXPLICIT_BIG
    if syntax.implicit or syntax.deflated:
        syntax = EXPLICIT_VR_LITTLE_ENDIAN  # whose pixel data has the same bytes
    kind, uid = (str(data_set.get(keyword, "")) for keyword in ("SOPClassUID", "SOPInstanceUID"))
    pieces = encoded_data_set(data_set, layout)
    return b"".join([file_meta_bytes(kind, uid, syntax.uid), *pieces])


def _one_series(
    images: Sequence[SourceImage], wanted: str | None, skipped: list[str]
) -> list[SourceImage]:
    if not images:
        reasons = "; ".join(skipped[:3])
        raise NotFound(f"There is no image to derive from{': ' if reasons else ''}{reasons}.")
    counts = Counter(one.header.series_instance_uid for one in images)
    if wanted is not None and wanted not in counts:
        raise CannotCompose(
            f"There is no series {wanted}; there are {_listed(counts, images)}.", tag=0x0020000E
        )
    if wanted is None and len(counts) > 1:
        raise CannotCompose(
            f"There are {len(counts)} series, name one: {_listed(counts, images)}.",
            tag=0x0020000E,
        )
    chosen = wanted if wanted is not None else images[0].header.series_instance_uid
    for uid, count in counts.items():
        if uid != chosen:
            skipped.append(f"series {uid}: {count} images of another series")
    return [one for one in images if one.header.series_instance_uid == chosen]


def _listed(counts: Counter[str], images: Sequence[SourceImage]) -> str:
    first = {one.header.series_instance_uid: one.header for one in reversed(images)}
    return "; ".join(
        f"{uid} ({first[uid].text(tags.Modality)}, {count} images)" for uid, count in counts.items()
    )
