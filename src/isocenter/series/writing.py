"""Series into files: derived from the images that they were made from, or acquired anew."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose.composition import Composed
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.quantisation import notes_on_rounding
from isocenter.compose.element_values import element
from isocenter.compose.left_out import LeftOut, gathered
from isocenter.compose.templates import template
from isocenter.compose.values import described, tag_of
from isocenter.compose.whole_folders import whole_folder
from isocenter.errors import CannotCompose
from isocenter.series.axis import COLOR, SLICE, TAG
from isocenter.series.frame import Frame
from isocenter.series.stored_image import StoredImage

if TYPE_CHECKING:
    from isocenter.compose.derivation.derived import DerivedSeries
    from isocenter.series.series import Series
    from isocenter.series.table import Table

__all__ = ["Written", "write"]

_PIXELS = tag_of("PixelData")
_OF_SERIES = tuple(tag_of(one) for one in ("SeriesInstanceUID", "SeriesDate", "SeriesTime"))
_NUMBERS = frozenset(tag_of(one) for one in ("InstanceNumber", "ImageIndex"))
_IDENTITY = tuple(tag_of(one) for one in ("SOPClassUID", "SOPInstanceUID"))


class Written(list[Path]):
    """The files that a series was written to.

    Parameters
    ----------
    files
        Their paths.
    left_out
        What the images that it was made of say wrongly and the new ones are without.
    notes
        What else is worth knowing, such as how values were rounded.
    """

    def __init__(
        self,
        files: Iterable[Path],
        left_out: Iterable[LeftOut] = (),
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__(files)
        self.left_out = gathered(left_out)
        self.notes = tuple(notes)


def write(series: Series, folder: Path, options: Mapping[str, Any]) -> Written:
    """Write a series; see `Series.write`."""
    written = _written(series, folder, options)
    for note in written.notes:
        warnings.warn(note, stacklevel=3)
    return written


def _written(series: Series, folder: Path, options: Mapping[str, Any]) -> Written:
    frames = series.table.frames
    syntax = options.get("transfer_syntax_uid")
    given = {key: value for key, value in options.items() if key != "transfer_syntax_uid"}
    if not any(True for frame in frames.flat for _ in frame.sources()):
        return _saved(_acquired(series, given), folder, syntax)
    whole = _whole_multi_frame(series)
    if whole is not None:
        from isocenter.compose.derivation.derived import derived_series

        return _saved(derived_series(*whole, **given), folder, syntax)
    names: list[str] = []
    left_out: list[LeftOut] = []
    notes: dict[str, None] = {}
    largest_error = 0.0
    alike = Dataset()
    with whole_folder(folder) as scratch:
        for row, values in zip(frames, _volumes(series), strict=True):
            made = _derived(row, values, given)
            largest_error = max(largest_error, made.largest_error)
            rounded = notes_on_rounding(made.largest_error)
            notes |= {note: None for note in made.notes if note not in rounded}
            for composed in _in_order_of(row, made, given):
                alike = alike or _of_series(composed.data_set, frames.shape)
                names.append(f"{composed.data_set.SOPInstanceUID}.dcm")
                composed.data_set.update(alike)
                for keyword in composed.data_set.keys() & _NUMBERS:
                    composed.data_set[keyword].value = len(names)
                composed.save(scratch / names[-1], transfer_syntax_uid=syntax)
                left_out += composed.left_out
    told = (*notes, *notes_on_rounding(largest_error))
    return Written((folder / name for name in names), left_out, told)


def _saved(made: Any, folder: Path, syntax: str | None) -> Written:
    return Written(made.save(folder, transfer_syntax_uid=syntax), made.left_out, made.notes)


def _of_series(first: Dataset, shape: Sequence[int]) -> Dataset:
    """Return what all images say, those of several volumes alike: series, moment and counts."""
    found = Dataset()
    for tag in _OF_SERIES:
        if tag in first:
            found[tag] = first[tag]
    for keyword, count in zip(("NumberOfTimeSlices", "NumberOfSlices"), shape, strict=True):
        if keyword in first:
            found[keyword] = element(tag_of(keyword), count)
    return found


def _acquired(series: Series, options: Mapping[str, Any]) -> Any:
    from isocenter.compose.acquisition.acquired import acquired_series

    if "modality" not in options:
        raise CannotCompose(
            "The series was made of an array and has no images that it derives from; say what it "
            'is by `modality="MR"` and the like.',
            tag=0x00080060,
            module="General Series",
        )
    table = series.table
    tag = (table.keyword, list(series.axis(TAG).values)) if table.keyword else None
    overridden = _overridden(options, "acquired_series")
    changes = {f"{tag:08X}": value for tag, value in _changes(table, overridden).items()}
    overrides: dict[str, Any] = {**changes, **(options.get("overrides") or {})}
    values = series.array if SLICE in table.names else np.expand_dims(series.array, -3)
    chosen: dict[str, Any] = {"tag": tag, **options, "overrides": overrides}
    return acquired_series(values, affine=series.affine, **chosen)


def _overridden(options: Mapping[str, Any], kind: str) -> set[int]:
    """Return the tags of overrides, which win over what was set before."""
    site = template(options.get("template_file"))
    said: list[str] = [*(options.get("overrides") or ()), *(site.overrides(kind) if site else ())]
    return set(map(tag_of, said))


def _changes(table: Table, overridden: set[int]) -> dict[int, Any]:
    """Return what was set and not overridden, which new images can only have in common."""
    first, *others = table.frames.flat
    known: set[int] = {tag for frame in table.frames.flat for tag in frame.changes}
    known -= overridden | ({tag_of(table.keyword)} if table.keyword else set())
    for tag in known:
        if any(frame.changes.get(tag) != first.changes.get(tag) for frame in others):
            raise CannotCompose(
                f"{described(tag)} was set for some of the images; new ones of an array have it "
                "in common: set it for all.",
                tag=tag,
            )
    return {tag: first.changes[tag] for tag in known}


def _volumes(series: Series) -> NDArray[Any]:
    """Return the values with all axes: (tags, slices, rows, columns) and colour."""
    values = series.array
    color = int(COLOR in series.table.names)
    if SLICE not in series.table.names:
        values = np.expand_dims(values, values.ndim - 2 - color)
    return values if TAG in series.table.names else values[np.newaxis]


def _derived(row: NDArray[Any], values: NDArray[Any], options: Mapping[str, Any]) -> DerivedSeries:
    """Derive the images of one volume, in the order of their normal."""
    from isocenter.compose.derivation.derived import derived_series

    order = _along_normal(row)
    headers = [_source(row[k]) for k in order]
    plain = values.astype(np.uint8) if values.dtype == bool else values
    return derived_series(headers, plain[order], **options)


def _in_order_of(
    row: NDArray[Any], derived: DerivedSeries, options: Mapping[str, Any]
) -> list[Composed]:
    """Return the images of one volume in the order of the row, with what was set."""
    order, overridden = _along_normal(row), _overridden(options, "derived_series")
    composed = list(derived)
    for one, k in zip(composed, order, strict=True):
        _complete(one.data_set, row[k], overridden)
    return [composed[order.index(k)] for k in range(len(row))]


def _along_normal(row: NDArray[Any]) -> list[int]:
    planes = [frame.plane for frame in row]
    if any(plane is None for plane in planes):
        return list(range(len(row)))
    normal = planes[0].normal
    return sorted(range(len(row)), key=lambda k: float(planes[k].position @ normal))


def _source(frame: Frame) -> Dataset:
    """Return the header that a derived image inherits from, with an empty place for pixels."""
    header = frame.header()
    first = next(frame.sources(), None)
    if first is None or first.is_multi_frame:
        raise CannotCompose(
            "A part of a multi-frame object cannot be written as images of its own; write the "
            "whole of it, or a volume by `to_nifti`.",
            tag=0x00280008,
        )
    if frame.plane is None and any(one.plane is not None for one in frame.members):
        raise CannotCompose(
            "An image made of several slices, such as a projection, lies at no place of its own; "
            'say which by `set("ImagePositionPatient", …)`, or make a Secondary Capture of it.',
            tag=tag_of("ImagePositionPatient"),
            module="Image Plane",
        )
    for tag in _IDENTITY:
        header.add_new(tag, "UI", first.text(tag))
    _supply(header, first.data_set)
    header.add_new(_PIXELS, "OW", b"\0\0")
    return header


def _supply(header: Dataset, first: Dataset) -> None:
    """Take what an image cannot be without from its first source, if its sources differ in it."""
    required = derivation_tables.required_types(str(header.SOPClassUID))
    needed = {tag for tag, kind in required.items() if kind == "1"} | {tag_of("DecayFactor")}
    for tag in needed & first.keys() - header.keys():
        header[tag] = first[tag]


def _complete(data_set: Dataset, frame: Frame, overridden: set[int]) -> None:
    """Refer to every image that this one was made from, and keep what was set."""
    sources = list(frame.sources())
    references = data_set.get("SourceImageSequence")
    if references and len(sources) > 1:
        for one in sources[1:]:
            item = Dataset()
            item.update(references[0])
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = _uids(one)
            references.append(item)
    for tag, value in frame.changes.items():
        if tag not in overridden:
            data_set[tag] = element(tag, value)


def _uids(image: StoredImage) -> tuple[str, str]:
    return image.text(_IDENTITY[0]), image.text(_IDENTITY[1])


def _whole_multi_frame(series: Series) -> tuple[Any, NDArray[Any]] | None:
    """Return source and pixels in its own order where the series is all of one object."""
    frames: list[Frame] = list(series.table.frames.flat)
    stored = frames[0].stored
    if stored is None or not stored.is_multi_frame or stored.path is None:
        return None
    numbers = [frame.number for frame in frames]
    whole = sorted(numbers) == list(range(1, stored.number_of_frames + 1))
    untouched = all(frame.stored is stored and not frame.changes for frame in frames)
    size = (len(series.table.rows), len(series.table.columns))
    described = stored.description
    if not whole or not untouched or described is None:
        return None
    if size != (described.rows, described.columns):
        return None
    volumes = _volumes(series)
    images = volumes.reshape(-1, *volumes.shape[2:])
    return stored.path, images[np.argsort(numbers)]
