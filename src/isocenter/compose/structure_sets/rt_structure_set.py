"""RT Structure Set: regions as contours (PS3.3 A.19), from masks or polygons, and back.

A mask's contours run along the outer edges of its pixels, so that filling them gives the same mask
again. Holes are contours of their own, by the even-odd rule (CLOSEDPLANAR_XOR), or keyholes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian

from isocenter.compose import sources, values
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.given_values import check_given
from isocenter.compose.label_maps import read_label_map
from isocenter.compose.planes import Stack, stack
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.references import Reference
from isocenter.compose.source_numbers import whole_number_of
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.structure_sets.contour_items import contour_item, read_contour
from isocenter.compose.structure_sets.contours import outlines
from isocenter.compose.structure_sets.keyholes import keyholed_outlines
from isocenter.compose.structure_sets.regions import Contour, ContourType, Holes, Region
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["Contour", "ContourType", "Region", "read_rt_structure_set", "rt_structure_set"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.481.3"
_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
_MODULE = "ROI Contour"


@checked
def rt_structure_set(
    regions: Iterable[Region] | str | Path,
    *,
    source: SourceLike | Sources,
    names: Mapping[int, str] | None = None,
    holes: Holes | str = Holes.XOR,
    label: str = "REGIONS",
    name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose an RT Structure Set.

    Parameters
    ----------
    regions
        Regions with a mask on the source series, or with contours; or the file of a label map that
        `read_label_map` reads.
    source
        The image series that the regions were drawn on: gives patient, study, frame of reference
        and the referenced images.
    names
        ROI names of a file, by label.
    holes
        How holes of masks are drawn: XOR as contours of their own (CLOSEDPLANAR_XOR), KEYHOLE by a
        cut of no width to the contour around (CLOSED_PLANAR), which older readers understand.
    label, name
        Structure Set Label (3006,0002), at most 16 characters, and Name (3006,0004).
    series_description, series_number, instance_number
        Where and how the object files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The object; `save` writes it.

    Raises
    ------
    CannotCompose
        When there is no region, a mask does not have the shape of the series, or the series has no
        frame of reference.

    References
    ----------
    PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8.
    """
    loaded = sources.load(source)
    images = stack(loaded)
    if isinstance(regions, str | Path):
        regions = read_label_map(regions, source=images, names=names)
    many = tuple(regions)
    if not many:
        raise CannotCompose(
            "There is no region; give at least one.", tag=0x30060020, module="Structure Set"
        )
    for region in many:
        _check_region(region)
    composition = Composition(
        SOP_CLASS_UID,
        kind="rt_structure_set",
        sources=loaded,
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    composition.series("RTSTRUCT", number=series_number, description=series_description)
    composition.generate("OperatorsName", None, "Type 2")
    composition.equipment()
    composition.frame_of_reference()
    if "TimezoneOffsetFromUTC" not in composition.data_set:
        composition.generate("TimezoneOffsetFromUTC", values.utc_offset(composition.now), "now")
    composition.take("InstanceNumber", instance_number)
    composition.generate("ApprovalStatus", "UNAPPROVED")
    references = images.references()
    _structure_set(composition, many, references, label, name)
    _contours(composition, many, images, _holes(holes))
    _observations(composition, many)
    return composition.finish()


@checked
def read_rt_structure_set(structure_set: Dataset | str | Path) -> list[Region]:
    """Read the regions of an RT Structure Set, with their contours.

    Parameters
    ----------
    structure_set
        The object, or its file.

    Returns
    -------
    list of Region
        One an item of Structure Set ROI Sequence (3006,0020), in its order.

    Raises
    ------
    InvalidAttribute
        When the object has no regions, or Contour Data is not made of triplets.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.8.8.5, C.8.8.6, C.8.8.8.
    """
    data_set = data_set_of_file(structure_set)
    if "StructureSetROISequence" not in data_set:
        raise InvalidAttribute(
            "Structure Set ROI Sequence is missing: this is no RT Structure Set.", 0x30060020
        )
    drawn = {
        whole_number_of(item, "ReferencedROINumber"): item
        for item in data_set.get("ROIContourSequence") or ()
    }
    types = {
        whole_number_of(item, "ReferencedROINumber"): str(item.get("RTROIInterpretedType") or "")
        for item in data_set.get("RTROIObservationsSequence") or ()
    }
    return [
        _read_region(item, drawn.get(whole_number_of(item, "ROINumber"), Dataset()), types)
        for item in data_set.StructureSetROISequence
    ]


# -- writing --------------------------------------------------------------------------------------


def _structure_set(
    composition: Composition,
    regions: Sequence[Region],
    references: Sequence[Reference],
    label: str,
    name: str | None,
) -> None:
    """Add the Structure Set module (PS3.3 C.8.8.5)."""
    if not 0 < len(label) <= 16:
        raise CannotCompose(
            f"The label {label!r} has {len(label)} characters; expected 1 to 16 (SH).",
            tag=0x30060002,
            module="Structure Set",
        )
    composition.give("StructureSetLabel", label)
    composition.give("StructureSetName", name)
    composition.generate("StructureSetDate", values.date(composition.now), "now")
    composition.generate("StructureSetTime", values.time(composition.now), "now")
    frame_of_reference_uid = composition.data_set.FrameOfReferenceUID
    composition.generate(
        "ReferencedFrameOfReferenceSequence",
        {
            "FrameOfReferenceUID": frame_of_reference_uid,
            "RTReferencedStudySequence": _referenced_studies(references),
        },
        "the source series",
    )
    composition.give(
        "StructureSetROISequence",
        [
            {
                "ROINumber": number,
                "ReferencedFrameOfReferenceUID": frame_of_reference_uid,
                "ROIName": region.name,
                **({"ROIDescription": region.description} if region.description else {}),
                "ROIGenerationAlgorithm": region.algorithm or None,
                **_generation(region),
            }
            for number, region in enumerate(regions, 1)
        ],
    )


def _check_region(region: Region) -> None:
    if region.color is not None and not all(0 <= one <= 255 for one in region.color):
        raise CannotCompose(
            f"The color of {region.name!r} is {tuple(region.color)}; expected red, green, blue of "
            "0 to 255.",
            tag=0x3006002A,
            module=_MODULE,
        )
    check_given(
        {
            "ROIName": region.name,
            "ROIDescription": region.description,
            "ROIGenerationAlgorithm": region.algorithm,
            "ROIGenerationDescription": region.generation_description,
            "RTROIInterpretedType": region.interpreted_type,
        }
    )


def _holes(holes: Holes | str) -> Holes:
    try:
        return Holes(holes.upper() if isinstance(holes, str) else holes)
    except ValueError as error:
        raise CannotCompose(
            f"{holes!r} is no way to draw holes; expected XOR or KEYHOLE.",
            tag=0x30060042,
            module=_MODULE,
        ) from error


def _generation(region: Region) -> dict[str, str]:
    described = region.generation_description
    return {"ROIGenerationDescription": described} if described else {}


def _referenced_studies(references: Sequence[Reference]) -> list[dict[str, Any]]:
    studies: dict[str, dict[str, list[Dataset]]] = {}
    for one in references:
        series = studies.setdefault(one.study_instance_uid, {})
        series.setdefault(one.series_instance_uid, []).append(one.item())
    return [
        {
            "ReferencedSOPClassUID": _DETACHED_STUDY,
            "ReferencedSOPInstanceUID": study,
            "RTReferencedSeriesSequence": [
                {"SeriesInstanceUID": uid, "ContourImageSequence": items}
                for uid, items in series.items()
            ],
        }
        for study, series in studies.items()
    ]


def _contours(
    composition: Composition,
    regions: Sequence[Region],
    images: Stack,
    holes: Holes,
) -> None:
    """Add the ROI Contour module (PS3.3 C.8.8.6)."""
    references = images.references()
    items: list[Dataset] = []
    for number, region in enumerate(regions, 1):
        item = Dataset()
        if region.color is not None:
            item.ROIDisplayColor = list(region.color)
        item.ReferencedROINumber = number
        item.ContourSequence = [
            contour_item(index, contour, None if place is None else references[place])
            for index, (contour, place) in enumerate(_contours_of(region, images, holes), 1)
        ]
        items.append(item)
    composition.give("ROIContourSequence", items)
    if any(len(one) > 0xFFFE for item in items for one in _contour_data(item)):
        # In Explicit VR such a value can be written as UN only (PS3.5 6.2.2), which few understand.
        composition.data_set.file_meta = FileMetaDataset()
        composition.data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def _contour_data(item: Dataset) -> Iterator[bytes]:
    for contour in item.ContourSequence:
        yield contour.get_item("ContourData").value


def _contours_of(region: Region, images: Stack, holes: Holes) -> list[tuple[Contour, int | None]]:
    """Return the contours of a region, each with the index of the image that it lies in."""
    if region.mask is None:
        return [(one, _place(one, images)) for one in region.contours]
    if region.mask.shape != images.shape:
        raise CannotCompose(
            f"The mask of {region.name!r} has the shape {region.mask.shape}, the series "
            f"{images.shape} (slices, rows, columns); give a mask on the grid of the series.",
            tag=0x30060050,
            module=_MODULE,
        )
    if not _is_mask(region.mask):
        raise CannotCompose(
            f"The mask of {region.name!r} is of type {region.mask.dtype} and not of 0 and 1 alone; "
            "expected True and False, or whole numbers of which 0 is outside.",
            tag=0x30060050,
            module=_MODULE,
        )
    mask = np.asarray(region.mask, np.bool_)
    drawn = [
        (index, outline)
        for index, of_slice in enumerate(mask)
        for outline in _outlines_in_box(of_slice, holes)
    ]
    # Without a hole or island the plain type is understood by more readers.
    several = len(drawn) > np.count_nonzero(mask.any(axis=(1, 2)))
    xor = several and holes is Holes.XOR
    kind = ContourType.CLOSED_PLANAR_XOR if xor else ContourType.CLOSED_PLANAR
    return [
        (Contour(images.planes[index].to_patient(outline), kind), index) for index, outline in drawn
    ]


def _is_mask(array: NDArray[Any]) -> bool:
    """Tell whether an array says inside or outside; other fractions than 0 and 1 do not."""
    if array.dtype.kind == "f":
        return bool(np.all((array == 0) | (array == 1)))
    return array.dtype.kind in "bui"


def _outlines_in_box(mask: NDArray[np.bool_], holes: Holes) -> list[NDArray[np.float64]]:
    """Trace only where the mask is, which is a small part of most slices."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return []
    top, bottom = rows[0], rows[-1] + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = columns[0], columns[-1] + 1
    trace = keyholed_outlines if holes is Holes.KEYHOLE else outlines
    return [outline + (left, top) for outline in trace(mask[top:bottom, left:right])]


def _place(contour: Contour, images: Stack) -> int | None:
    if contour.type is ContourType.OPEN_NONPLANAR:
        return None
    return images.nearest(contour.points[0])


def _observations(composition: Composition, regions: Sequence[Region]) -> None:
    """Add the RT ROI Observations module (PS3.3 C.8.8.8)."""
    composition.generate(
        "RTROIObservationsSequence",
        [
            {
                "ObservationNumber": number,
                "ReferencedROINumber": number,
                "RTROIInterpretedType": region.interpreted_type or None,
                "ROIInterpreter": None,
            }
            for number, region in enumerate(regions, 1)
        ],
    )


# -- reading --------------------------------------------------------------------------------------


def _read_region(item: Dataset, drawn: Dataset, types: Mapping[int, str]) -> Region:
    number = whole_number_of(item, "ROINumber")
    color = drawn.get("ROIDisplayColor")
    return Region(
        name=str(item.get("ROIName") or ""),
        contours=tuple(read_contour(one) for one in drawn.get("ContourSequence") or ()),
        color=None if color is None else (int(color[0]), int(color[1]), int(color[2])),
        description=str(item.get("ROIDescription") or ""),
        algorithm=str(item.get("ROIGenerationAlgorithm") or ""),
        generation_description=str(item.get("ROIGenerationDescription") or ""),
        interpreted_type=types.get(number, ""),
        number=number,
    )
