"""Derived series: new pixels, or an operation, and all that is said of them (PS3.3 C.7.6.1)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed, Origin, Provenance
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.attributes import Plan
from isocenter.compose.derivation.codes import derivation_code
from isocenter.compose.derivation.header_bytes import parsed
from isocenter.compose.derivation.images import ClassicImages, DerivedImage, DerivedImages
from isocenter.compose.derivation.multi_frame import MultiFrameImage
from isocenter.compose.derivation.operations import (
    Operation,
    Pixels,
    Resample,
    Result,
    Smooth,
    each_slice,
)
from isocenter.compose.derivation.quantisation import (
    Limits,
    StoredForm,
    fitting_form,
    notes_on_rounding,
)
from isocenter.compose.derivation.source_series import SourceSeries, read_series
from isocenter.compose.fixed_attributes import OF_PIXELS, refuse_fixed
from isocenter.compose.left_out import LeftOut, gathered
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.compose.volume_grids import Grid
from isocenter.compose.whole_folders import whole_folder
from isocenter.compose.writing import write, write_whole
from isocenter.dicom import file_meta_bytes, transfer_syntax
from isocenter.errors import CannotCompose

__all__ = ["DerivedSeries", "derived_series"]

_FIXED = (
    *OF_PIXELS,
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "RescaleSlope",
    "RescaleIntercept",
    "SourceImageSequence",
)
_METHODS = {
    "4.50": "ISO_10918_1",
    "4.51": "ISO_10918_1",
    "4.81": "ISO_14495_1",
    "4.91": "ISO_15444_1",
    "4.93": "ISO_15444_2",
    "4.203": "ISO_15444_15",
    "4.112": "ISO_18181_1",
}
_LOSSY, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114


@checked
def derived_series(
    source: SourceLike | Sources,
    pixels: NDArray[Any] | Operation | Callable[[NDArray[Any]], NDArray[Any]],
    *,
    grid: Grid | None = None,
    description: str | None = None,
    codes: Sequence[str | Code] = (),
    series_instance_uid: str | None = None,
    series_description: str | None = None,
    series_number: int | None = None,
    precision: float | None = None,
    burned_in_annotation: bool | None = None,
    keep_private: bool | Sequence[str] = False,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> DerivedSeries:
    """Derive a new series of images from one that there is.

    Patient, study and frame of reference stay; the series, its instances and the equipment are
    new; what held for the old pixels or planes alone is left out or computed anew.

    Parameters
    ----------
    source
        A series of images, or one image: data sets, files, a folder.
    pixels
        New values in the unit of the source (after its rescale), shape (slices, rows, columns) or
        (slices, rows, columns, 3) for RGB of 8 bits, the slices in the order of their normal (at
        the same place, of Instance Number), the frames of a multi-frame object in its own order;
        NaN where there is no measurement. Or
        `Smooth`, `Resample`, `Pixels`. Or a function, which is given the values of one image after
        the other, (rows, columns), and returns new ones: then one image at a time is in memory.
    grid
        Where new pixels lie, if not where the images of the source do.
    description
        What was done, for Derivation Description (0008,2111).
    codes
        The same as codes of CID 7203, by meaning or value, or codes of your own.
    series_instance_uid
        Which series is meant, where the source has several.
    series_description, series_number
        By default the source's with what was done, and 1000 more than the source's.
    precision
        The largest error of a stored value in the unit of the source. By default whole numbers are
        exact, and others as fine as the source's own step, or finer where the source's is coarse.
    burned_in_annotation
        Whether the new pixels show who the patient is; by default what the source says.
    keep_private
        True to keep private attributes, or the private creators whose are kept.
    template_file
        A site's defaults and overrides; of this kind alone under `[derived_series]`.
    overrides
        Attributes by keyword or tag that win over all else; None removes one, or empties it where
        it must be there (Type 2).

    Returns
    -------
    DerivedSeries
        To be saved, or gone through one image at a time.

    Raises
    ------
    NotFound
        When there is no image.
    CannotCompose
        When source and pixels do not fit, or the pixels have no place in such images.

    References
    ----------
    PS3.3 C.7.6.1.1.2, C.7.6.1.1.3, C.12.1.1.5; PS3.16 CID 7202, CID 7203.
    """
    site = template(template_file) or Template()
    _check(precision, site, overrides or {})
    series = read_series(source, series_instance_uid=series_instance_uid)
    _check_class(series)
    result = _operation(pixels, grid)(series)
    notes = list(series.skipped)
    sop_class = _sop_class(series, result, notes)
    form = _form(series, result, sop_class, precision, notes)
    first = result.frames[0]
    plan = Plan(
        sop_class_uid=sop_class,
        form=form,
        found=result.found,
        grouped=series.grouped,
        color=first.ndim == 3,
        size=(first.shape[0], first.shape[1]),
        grid=result.grid,
        same_scale=result.same_scale,
        label=description or result.label,
        short=result.short,
        codes=(*result.codes, *(derivation_code(one) for one in codes)),
        lossy=_lossy(series),
        series_description=series_description,
        series_number=series_number,
        burned_in=burned_in_annotation,
        template=site,
        overrides=dict(overrides or {}),
    )
    return DerivedSeries(_images(series, result, plan, keep_private), plan, tuple(notes))


class DerivedSeries:
    """A series that is ready to be written; its images are made one at a time.

    Iterating gives each image as a `Composed`.
    """

    def __init__(self, images: DerivedImages, plan: Plan, notes: tuple[str, ...]) -> None:
        self._images = images
        self._plan = plan
        self.notes = notes
        """What is worth knowing: what was left out, how values were rounded."""

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E) of the new series."""
        return self._plan.series_instance_uid

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016) of its images."""
        return self._plan.sop_class_uid

    @property
    def largest_error(self) -> float:
        """How far a stored value may be from the one that was given; 0 for whole numbers."""
        return self._plan.form.error

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What the images of the source say wrongly and the new ones are without.

        One for each attribute, with all images that it is wrong in.
        """
        return gathered(self._images.left_out())

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[Composed]:
        return (_composed(one) for one in self._images)

    @checked
    def save(self, folder: str | Path, *, transfer_syntax_uid: str | None = None) -> list[Path]:
        """Write the images into a folder, all of them or none.

        Parameters
        ----------
        folder
            Where they go; a new one appears when all are written. Each file is named by the SOP
            Instance UID.
        transfer_syntax_uid
            The encoding; Explicit VR Little Endian by default.

        Returns
        -------
        list of Path
            The files, in the order of the images.

        Raises
        ------
        CannotCompose
            When the pixels cannot be encoded so.
        OutOfResources
            When the folder cannot be written.
        """
        target = Path(folder)
        names: list[str] = []
        with whole_folder(target) as scratch:
            for one in self._images:
                name = f"{one.sop_instance_uid}.dcm"
                _write(one, scratch / name, transfer_syntax_uid)
                names.append(name)
        return [target / name for name in names]

    def explain(self) -> list[dict[str, str]]:
        """Return the rows of the first image, and what was left out of all; see `Composed`.

        Returns
        -------
        list of dict
            As `Composed.explain` gives them.
        """
        first = _composed(next(iter(self._images)))
        return replace(first, left_out=self.left_out).explain()


def _check(precision: float | None, site: Template, overrides: Mapping[str, Any]) -> None:
    """Refuse what cannot be asked of any series."""
    if precision is not None and not 0 <= precision < math.inf:
        raise CannotCompose(f"precision is {precision:g}; expected a finite number from 0.")
    refuse_fixed(overrides, fixed=_FIXED)
    refuse_fixed(site.overrides("derived_series"), fixed=_FIXED, by=site.name)


def _check_class(series: SourceSeries) -> None:
    """Refuse images of which nothing is derived."""
    kind = series.images[0].header.sop_class_uid
    if (why := derivation_tables.refused_classes().get(kind)) is not None:
        raise CannotCompose(f"No series is derived from this one: {why}.", tag=0x00080016)


def _operation(pixels: Any, grid: Grid | None) -> Operation:
    if isinstance(pixels, np.ndarray):
        return Pixels(cast("NDArray[Any]", pixels), grid)
    if grid is not None:
        raise CannotCompose("A grid belongs to an array of pixels; an operation has its own.")
    if isinstance(pixels, Smooth | Resample | Pixels):
        return pixels
    if callable(pixels):
        return each_slice(cast("Callable[[NDArray[Any]], NDArray[Any]]", pixels))
    raise CannotCompose(
        f"{type(pixels).__name__} gives no pixels; give an array, an operation such as Smooth, or "
        "a function."
    )


def _images(
    series: SourceSeries, result: Result, plan: Plan, keep_private: bool | Sequence[str]
) -> DerivedImages:
    kept = keep_private if isinstance(keep_private, bool) else tuple(keep_private)
    made = MultiFrameImage if series.multi_frame else ClassicImages
    return made(series, result, plan, kept)


def _sop_class(series: SourceSeries, result: Result, notes: list[str]) -> str:
    """Return the class of the source, or one that holds the pixels where it does not."""
    image = series.images[0]
    kind = image.header.sop_class_uid
    color = result.frames[0].ndim == 3
    if not color or kind in derivation_tables.color_classes():
        return kind
    if image.description.samples_per_pixel == 3:
        return kind
    if series.multi_frame:
        raise CannotCompose(
            f"{UID(kind).name} holds no colour; make a Secondary Capture of the frames "
            "(`isocenter compose sc`).",
            tag=0x00280004,
            module="Image Pixel",
        )
    notes.append(f"{UID(kind).name} holds no colour: the new images are Secondary Captures")
    return derivation_tables.SECONDARY_CAPTURE


def _form(
    series: SourceSeries,
    result: Result,
    sop_class: str,
    precision: float | None,
    notes: list[str],
) -> StoredForm:
    first, found = series.slices[0], result.found
    if result.frames[0].ndim == 3:
        if found.low < 0 or found.high > 255 or not found.whole or found.undefined:
            raise CannotCompose(
                f"RGB values run from {found.low:g} to {found.high:g}; expected whole numbers from "
                "0 to 255.",
                tag=0x00280100,
                module="Image Pixel",
            )
        return StoredForm(8, 8, signed=False)
    present = first.image.form(first.frame)
    if sop_class in derivation_tables.ENHANCED or first.image.description.samples_per_pixel == 1:
        limits = derivation_tables.limits_of(sop_class)
    else:
        present, limits = StoredForm(8, 8, signed=False), Limits(eight_bits=True)
    form = fitting_form(present, found, precision=precision, limits=limits)
    notes += notes_on_rounding(form.error)
    return form


def _lossy(series: SourceSeries) -> tuple[str, float] | None:
    for image in series.images:
        header = image.header
        syntax = header.transfer_syntax
        if header.text(_LOSSY) != "01" and not syntax.lossy:
            continue
        method = header.strings(_METHOD)
        ratio = header.strings(_RATIO)
        if method and ratio:
            return method[0], float(ratio[0])
        end = syntax.uid.removeprefix("1.2.840.10008.1.2.")
        return _METHODS.get(end, "ISO_10918_1"), image.compression_ratio()
    return None


def _composed(image: DerivedImage) -> Composed:
    data_set = parsed(b"".join(image.head))
    data = b"".join(np.ascontiguousarray(frame).tobytes() for frame in image.frames)
    wide = image.bits_allocated > 8
    data_set.add_new(0x7FE00010, "OW" if wide else "OB", data + b"\0" * (len(data) % 2))
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    provenance = {
        int(element.tag): Provenance(Origin.COPIED, image.source_name) for element in data_set
    }
    provenance.update(image.provenance)
    provenance[0x7FE00010] = Provenance(Origin.GIVEN, "the pixels")
    return Composed(data_set, provenance, image.left_out)


def _write(image: DerivedImage, path: Path, transfer_syntax_uid: str | None) -> None:
    if transfer_syntax_uid not in (None, ExplicitVRLittleEndian):
        transfer_syntax(transfer_syntax_uid)
        write(_composed(image).data_set, path, transfer_syntax_uid=transfer_syntax_uid)
        return
    meta = file_meta_bytes(image.sop_class_uid, image.sop_instance_uid, str(ExplicitVRLittleEndian))
    length = image.frame_bytes * image.number_of_frames
    vr = b"OW" if image.bits_allocated > 8 else b"OB"
    start = struct.pack("<HH2sHI", 0x7FE0, 0x0010, vr, 0, length + length % 2)
    frames = map(_bytes_of, image.frames)
    write_whole(path, chain([meta, *image.head, start], frames, [b"\0" * (length % 2)]))


def _bytes_of(frame: NDArray[Any]) -> memoryview:
    data: Any = np.ascontiguousarray(frame)
    return memoryview(data).cast("B")
