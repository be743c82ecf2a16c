"""Volumes as image series: CT, MR and PET from arrays and the files of research.

Whole numbers are stored as they are, or shifted; others in 16 bits with the slope that uses them in
full, an error of half a step at most. A PET series has a slope for each image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from isocenter.compose import sources, values
from isocenter.compose.acquisition.enhanced_pet import check_enhanced_pet
from isocenter.compose.acquisition.modules import Modality, modality_of
from isocenter.compose.acquisition.multi_frame import add_functional_groups, add_multi_frame
from isocenter.compose.acquisition.pet_times import with_times
from isocenter.compose.acquisition.single_frame import add_single_frame, own_attributes
from isocenter.compose.acquisition.source_slices import Said, SourceSlices
from isocenter.compose.acquisition.stored_volumes import (
    StoredVolume,
    check_values,
    stored_volume,
)
from isocenter.compose.acquisition.tag_axes import tag_axis
from isocenter.compose.acquisition.volumes import Volume, VolumeLike, read_volume
from isocenter.compose.argument_types import checked
from isocenter.compose.captures.image_pixel import describe_pixels, mark_lossy
from isocenter.compose.composition import Composed, Composition, Origin, Provenance
from isocenter.compose.derivation.quantisation import notes_on_rounding
from isocenter.compose.fixed_attributes import OF_PIXELS, refuse_fixed
from isocenter.compose.left_out import LeftOut, gathered
from isocenter.compose.planes import stack
from isocenter.compose.source_numbers import decimal_number
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.compose.volume_grids import Grid
from isocenter.compose.whole_folders import whole_folder
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = ["AcquiredSeries", "acquired_series"]

_FIXED = (
    *OF_PIXELS,
    "SOPInstanceUID",
    "Modality",
    "RescaleSlope",
    "RescaleIntercept",
    "ImagePositionPatient",
)
_PLACE = ("SliceThickness", "SpacingBetweenSlices")
_ALL_OR_NONE = ("TriggerTime", "ImageLaterality")  # by what the whole series says


@checked
def acquired_series(
    volume: VolumeLike,
    *,
    modality: str,
    source: SourceLike | Sources | None = None,
    affine: NDArray[np.floating] | Sequence[Sequence[float]] | None = None,
    space: str = "LPS",
    spacing: Sequence[float] | None = None,
    tag: tuple[str, Sequence[float]] | None = None,
    enhanced: bool = False,
    upright: bool = True,
    units: str | None = None,
    same_frame_of_reference: bool = True,
    series_description: str | None = None,
    series_number: int | None = None,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> AcquiredSeries:
    """Compose a series of CT, MR or PET images from a volume.

    Parameters
    ----------
    volume
        An array of shape (slices, rows, columns), with time points or the like in front where there
        are several; a NIfTI, MetaImage, NRRD, NumPy or TIFF file, a folder or list of TIFF files; a
        SimpleITK image. CT values in HU, PET values in `units`.
    modality
        CT, MR or PT.
    source
        What patient and study are inherited from; of images of the same modality also how they were
        acquired, and, for an array of their shape without geometry, where they lie. Without it a
        new study begins.
    affine
        Matrix (4, 4) from indices (column, row, slice, 1) to mm.
    space
        The coordinates that `affine` leads to: LPS, or RAS as in NIfTI.
    spacing
        Distance of voxels in mm along slices, rows and columns, where nothing else says it.
    tag
        Keyword and numbers of the first of four axes, such as `("EchoTime", [10, 20])` in ms,
        `("DiffusionBValue", [0, 1000])`, `("AcquisitionTime", [0, 2.5])` in seconds of the day or
        `("FrameReferenceTime", ...)` in ms. By default temporal positions from 1.
    enhanced
        Whether one Enhanced multi-frame object is made instead of many images.
    upright
        Whether axes are exchanged and turned around so that pictures are seen as radiologists are
        used to; otherwise only the order of the slices may change.
    units
        Units (0054,1001) of PET values, BQML by default.
    same_frame_of_reference
        Whether the volume lies in the coordinates of the source's images, so that both can be laid
        over each other.
    series_description, series_number
        How the series files itself.
    template_file
        A template, or its path; of this kind alone under `[acquired_series]`.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    AcquiredSeries
        To be saved, or gone through one image at a time.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When the volume has no geometry, a sheared one, colours, undefined voxels or more than 16
        bits can hold.

    References
    ----------
    PS3.3 A.3, A.4, A.21, A.36, A.38, A.56, C.7.6.2, C.11.1.
    """
    kind = modality_of(modality)
    site = template(template_file)
    refuse_fixed(overrides or (), fixed=_FIXED)
    if site is not None:
        refuse_fixed(site.overrides("acquired_series"), fixed=_FIXED, by=site.name)
    inherited = sources.load(source)
    read = _placed(read_volume(volume, affine=affine, space=space, spacing=spacing), inherited)
    check_values(read.values)
    read = read.upright() if upright else read.in_order()
    axis = tag_axis(kind.name, len(read.values), tag) if read.has_tags else None
    composition = _composition(
        kind,
        kind.enhanced_uid if enhanced else kind.sop_class_uid,
        inherited,
        site,
        overrides,
    )
    slices = SourceSlices(inherited, kind, axis, placed=same_frame_of_reference)
    _inherit(composition, kind, slices, same_frame_of_reference)
    composition.series(kind.name, number=series_number, description=series_description)
    composition.give("Units", units if kind.name == "PT" else None)
    stored = stored_volume(kind, read, axis, slices, enhanced)
    if enhanced:
        add_multi_frame(composition, kind.name)
    else:
        add_single_frame(composition, stored)
    _pixels(composition, stored)
    if read.loss is not None:
        mark_lossy(composition, read.loss.ratio, read.loss.method)
    decided = [*(overrides or ()), *(site.overrides("acquired_series") if site else ())]
    return AcquiredSeries(composition, stored, frozenset(map(values.tag_of, decided)))


class AcquiredSeries:
    """A series that is ready to be written; its images are made one at a time.

    Iterating gives each object as a `Composed`.
    """

    def __init__(
        self, composition: Composition, volume: StoredVolume, overridden: frozenset[int]
    ) -> None:
        self._volume = volume
        self._overridden = overridden
        self._composition = composition
        self._uids = [new_uid() for _ in range(len(self))]

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E) of the series."""
        return str(self._composition.data_set.SeriesInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016) of its objects."""
        return str(self._composition.data_set.SOPClassUID)

    @property
    def largest_error(self) -> float:
        """How far a stored value may be from the one that was given; 0 for whole numbers."""
        return max(form.error for form in self._volume.forms.flat)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing: how values were rounded."""
        return notes_on_rounding(self.largest_error)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What the source says wrongly and the series is without.

        One for each attribute, with all images that it is wrong in.
        """
        if self._volume.enhanced:
            return self._multi_frame.left_out
        alone = self._volume.slices.left_out()
        undecided = (one for one in alone if one.tag not in self._overridden)
        return gathered([*self._shared.left_out, *undecided])

    def __len__(self) -> int:
        volumes, slices = self._volume.values.shape[:2]
        return 1 if self._volume.enhanced else volumes * slices

    def __iter__(self) -> Iterator[Composed]:
        volume = self._volume
        if volume.enhanced:
            yield self._multi_frame
            return
        for number, (n, k) in enumerate(np.ndindex(volume.values.shape[:2]), 1):
            yield self._image(number, n, k)

    @checked
    def save(self, folder: str | Path, *, transfer_syntax_uid: str | None = None) -> list[Path]:
        """Write the objects into a folder, all of them or none; each is named by its UID.

        Parameters
        ----------
        folder
            Where they go; a new one appears when all are written.
        transfer_syntax_uid
            The encoding; as for `Composed.save`.

        Returns
        -------
        list of Path
            The files, in the order of the objects.

        Raises
        ------
        CannotCompose
            When the folder has files already, or the pixels cannot be encoded so.
        OutOfResources
            When the folder cannot be written.
        """
        target = Path(folder)
        names: list[str] = []
        with whole_folder(target) as scratch:
            for composed in self:
                names.append(f"{composed.data_set.SOPInstanceUID}.dcm")
                composed.save(scratch / names[-1], transfer_syntax_uid=transfer_syntax_uid)
        return [target / name for name in names]

    def explain(self) -> list[dict[str, str]]:
        """Return the rows of the first object, and what was left out of all; see `Composed`.

        Returns
        -------
        list of dict
            As `Composed.explain` gives them.
        """
        return replace(next(iter(self)), left_out=self.left_out).explain()

    @cached_property
    def _shared(self) -> Composed:
        """What all images say."""
        return self._composition.finish()

    def _image(self, number: int, n: int, k: int) -> Composed:
        """Return one image: what all share, and what is its own."""
        volume, shared = self._volume, self._shared
        data_set, provenance = Dataset(), dict(shared.provenance)
        data_set.update(shared.data_set)
        for one in self._own(number, n, k).values():
            if one.element.tag not in self._overridden:
                data_set[one.element.tag] = one.element
                provenance[int(one.element.tag)] = one.provenance
        data = volume.forms[n, k].stored(volume.values[n, k]).tobytes()
        data_set.add_new(0x7FE00010, "OW", data)
        provenance[0x7FE00010] = Provenance(Origin.GIVEN, "the volume")
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return Composed(data_set, provenance, shared.left_out)

    def _own(self, number: int, n: int, k: int) -> dict[str, Said]:
        """Return what one image alone says."""
        volume = self._volume
        made = {"SOPInstanceUID": self._uids[number - 1], **own_attributes(volume, number, n, k)}
        said = volume.slices.at(volume.grid.plane(k), n)
        for keyword in _ALL_OR_NONE:
            if keyword not in self._shared.data_set:
                said.pop(keyword, None)
        said |= {key: Said.made(key, value, "the volume") for key, value in made.items()}
        if volume.kind.name != "PT":
            return said
        return with_times(
            said,
            self._shared.data_set,
            volume.slices,
            volume.grid.plane(k),
            self._overridden,
            several=volume.axis is not None,
        )

    @cached_property
    def _multi_frame(self) -> Composed:
        """The one object of all frames."""
        volume, composition = self._volume, self._composition
        form = volume.forms[0, 0]
        add_functional_groups(
            composition, volume.kind.name, volume.grid, volume.axis, volume.window, form
        )
        composition.set_pixel_data(
            form.stored(volume.values).tobytes(), ExplicitVRLittleEndian, vr="OW"
        )
        composed = composition.finish()
        if volume.kind.name == "PT":
            check_enhanced_pet(composed.data_set)
        return composed


def _composition(
    kind: Modality,
    sop_class_uid: str,
    inherited: Sources,
    site: Template | None,
    overrides: Mapping[str, Any] | None,
) -> Composition:
    return Composition(
        sop_class_uid,
        kind="acquired_series",
        sources=inherited,
        template=site,
        overrides=overrides,
    )


def _inherit(
    composition: Composition, kind: Modality, slices: SourceSlices, same_frame_of_reference: bool
) -> None:
    composition.patient()
    composition.study()
    composition.equipment()
    if same_frame_of_reference:
        composition.frame_of_reference(required=False)
    if "FrameOfReferenceUID" not in composition.data_set:
        composition.new_frame_of_reference()
    if kind.name != "PT":  # its orientation to the table is coded
        composition.copy_or_empty(("PatientPosition",))
    composition.copy(slices.in_common)


def _pixels(composition: Composition, volume: StoredVolume) -> None:
    form = volume.forms[0, 0]
    describe_pixels(
        composition,
        volume.values.shape[2:],
        samples=1,
        bits_allocated=form.bits_allocated,
        bits_stored=form.bits_stored,
        signed=form.signed,
        photometric="MONOCHROME2",
    )


def _placed(volume: Volume, inherited: Sources) -> Volume:
    """Return the volume with a place: its own, else that of source images of the same shape."""
    if volume.grid is not None:
        return volume
    images = [one for one in inherited if "ImagePositionPatient" in one.data_set]
    if images:
        found = stack(Sources(tuple(images)))
        if found.shape == volume.values.shape[1:]:
            return replace(volume, grid=Grid.of_planes(found.planes, _thickness(images[0])))
    raise CannotCompose(
        "The volume does not say where its voxels lie; give an affine matrix or the spacing, or "
        "images of the same shape as the source.",
        tag=0x00280030,
        module="Image Plane",
    )


def _thickness(image: sources.Source) -> float:
    for keyword in _PLACE:
        try:
            if said := abs(decimal_number(image.data_set, keyword, otherwise=0)):
                return said
        except CannotCompose:  # none is known by it; the volume is placed all the same
            continue
    return 1.0
