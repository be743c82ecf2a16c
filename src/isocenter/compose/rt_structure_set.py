"""RT Structure Set: regions as contours (PS3.3 A.19), from masks or polygons, and back.

A mask's contours run along the outer edges of its pixels, so that filling them gives the same mask
again. Holes are contours of their own, by the even-odd rule (CLOSEDPLANAR_XOR).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from isocenter.compose import sources, values
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.contours import fill, outlines
from isocenter.compose.planes import Stack, stack
from isocenter.compose.reading import read_data_set
from isocenter.compose.references import Reference
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["Contour", "ContourType", "Region", "read_rt_structure_set", "rt_structure_set"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.481.3"
_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
_MODULE = "ROI Contour"


class ContourType(Enum):
    """Contour Geometric Type (3006,0042)."""

    POINT = "POINT"
    OPEN_PLANAR = "OPEN_PLANAR"
    OPEN_NONPLANAR = "OPEN_NONPLANAR"
    CLOSED_PLANAR = "CLOSED_PLANAR"
    CLOSED_PLANAR_XOR = "CLOSEDPLANAR_XOR"


_FEWEST_POINTS = {
    ContourType.POINT: 1,
    ContourType.OPEN_PLANAR: 2,
    ContourType.OPEN_NONPLANAR: 2,
    ContourType.CLOSED_PLANAR: 3,
    ContourType.CLOSED_PLANAR_XOR: 3,
}


@dataclass(frozen=True, slots=True)
class Contour:
    """One contour.

    Parameters
    ----------
    points
        Positions in the patient coordinate system in mm, shape (n, 3).
    type
        What the points are.
    """

    points: NDArray[np.float64]
    type: ContourType = ContourType.CLOSED_PLANAR

    def __post_init__(self) -> None:
        fewest = _FEWEST_POINTS[self.type]
        if self.points.ndim != 2 or self.points.shape[1] != 3 or len(self.points) < fewest:
            raise CannotCompose(
                f"A {self.type.value} contour has points of shape {self.points.shape}; expected at "
                f"least {fewest} of three coordinates in mm.",
                tag=0x30060050,
                module=_MODULE,
            )
        if self.type is ContourType.POINT and len(self.points) > 1:
            raise CannotCompose(
                f"A POINT contour has {len(self.points)} points; give one contour for each.",
                tag=0x30060050,
                module=_MODULE,
            )


@dataclass(frozen=True, slots=True)
class Region:
    """A region of interest.

    Parameters
    ----------
    name
        ROI Name (3006,0026).
    mask
        Shape (slices, rows, columns), slices in the geometric order of the source series; or None.
    contours
        Contours, instead of a mask.
    color
        Red, green, blue, 0 to 255.
    description
        ROI Description (3006,0028).
    algorithm
        ROI Generation Algorithm (3006,0036): AUTOMATIC, SEMIAUTOMATIC, MANUAL, or empty.
    interpreted_type
        RT ROI Interpreted Type (3006,00A4), such as ORGAN or GTV; may be empty.
    """

    name: str
    mask: NDArray[np.bool_] | None = None
    contours: tuple[Contour, ...] = ()
    color: tuple[int, int, int] | None = None
    description: str = ""
    algorithm: str = ""
    interpreted_type: str = ""
    number: int | None = field(default=None, compare=False)

    def to_mask(self, source: SourceLike | Stack) -> NDArray[np.bool_]:
        """Return the region as a mask on an image series.

        Parameters
        ----------
        source
            The series; slices come in its geometric order.

        Returns
        -------
        numpy.ndarray
            Shape (slices, rows, columns); a pixel belongs to the region when its centre does.

        Raises
        ------
        CannotCompose
            When a closed contour lies in none of the images.
        """
        images = source if isinstance(source, Stack) else stack(sources.load(source))
        mask = np.zeros(images.shape, np.bool_)
        for contour in self.contours:
            if contour.type in (ContourType.CLOSED_PLANAR, ContourType.CLOSED_PLANAR_XOR):
                self._add(mask, contour, images)
        return mask

    def _add(self, mask: NDArray[np.bool_], contour: Contour, images: Stack) -> None:
        index = images.nearest(contour.points[0])
        if index is None:
            raise CannotCompose(
                f"A contour of {self.name!r} lies at {contour.points[0].tolist()} mm, in none of "
                "the images; give the series that it was drawn on.",
                tag=0x30060050,
                module=_MODULE,
            )
        polygon = images.planes[index].to_pixels(contour.points)
        inside = fill([polygon], images.shape[1:])
        if contour.type is ContourType.CLOSED_PLANAR_XOR:
            mask[index] ^= inside
        else:
            mask[index] |= inside


def rt_structure_set(
    regions: Iterable[Region],
    *,
    source: SourceLike | Sources,
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
        Regions with a mask on the source series, or with contours.
    source
        The image series that the regions were drawn on: gives patient, study, frame of reference
        and the referenced images.
    label, name
        Structure Set Label (3006,0002), at most 16 characters, and Name (3006,0004).
    series_description, series_number, instance_number
        Where and how the object files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

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
    many = tuple(regions)
    if not many:
        raise CannotCompose(
            "There is no region; give at least one.", tag=0x30060020, module="Structure Set"
        )
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
    composition.generate("InstanceNumber", instance_number)
    composition.generate("ApprovalStatus", "UNAPPROVED")
    references = [Reference.to(one.data_set) for one in images.sources]
    _structure_set(composition, many, references, label, name)
    _contours(composition, many, images, references)
    _observations(composition, many)
    return composition.finish()


def read_rt_structure_set(structure_set: Dataset | str | Path) -> list[Region]:
    """Read the regions of an RT Structure Set, with their contours.

    Raises
    ------
    InvalidAttribute
        When the object has no regions, or Contour Data is not made of triplets.
    """
    data_set = (
        structure_set if isinstance(structure_set, Dataset) else read_data_set(Path(structure_set))
    )
    if "StructureSetROISequence" not in data_set:
        raise InvalidAttribute(
            "Structure Set ROI Sequence is missing: this is no RT Structure Set.", 0x30060020
        )
    drawn = {
        int(item.ReferencedROINumber): item for item in data_set.get("ROIContourSequence") or ()
    }
    types = {
        int(item.ReferencedROINumber): str(item.get("RTROIInterpretedType") or "")
        for item in data_set.get("RTROIObservationsSequence") or ()
    }
    return [
        _read_region(item, drawn.get(int(item.ROINumber), Dataset()), types)
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
            }
            for number, region in enumerate(regions, 1)
        ],
    )


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
    references: Sequence[Reference],
) -> None:
    """Add the ROI Contour module (PS3.3 C.8.8.6)."""
    items: list[Dataset] = []
    for number, region in enumerate(regions, 1):
        item = Dataset()
        if region.color is not None:
            item.ROIDisplayColor = list(region.color)
        item.ReferencedROINumber = number
        item.ContourSequence = [
            _contour_item(index, contour, _image_of(contour, images, references))
            for index, contour in enumerate(_contours_of(region, images), 1)
        ]
        items.append(item)
    composition.give("ROIContourSequence", items)


def _contours_of(region: Region, images: Stack) -> list[Contour]:
    if region.mask is None:
        return list(region.contours)
    if region.mask.shape != images.shape:
        raise CannotCompose(
            f"The mask of {region.name!r} has the shape {region.mask.shape}, the series "
            f"{images.shape} (slices, rows, columns); give a mask on the grid of the series.",
            tag=0x30060050,
            module=_MODULE,
        )
    mask = np.asarray(region.mask, np.bool_)
    drawn = [
        (plane, outline)
        for plane, of_slice in zip(images.planes, mask, strict=True)
        for outline in _outlines_in_box(of_slice)
    ]
    # Without a hole or island the plain type is understood by more readers.
    several = len(drawn) > np.count_nonzero(mask.any(axis=(1, 2)))
    kind = ContourType.CLOSED_PLANAR_XOR if several else ContourType.CLOSED_PLANAR
    return [Contour(plane.to_patient(outline), kind) for plane, outline in drawn]


def _outlines_in_box(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Trace only where the mask is, which is a small part of most slices."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return []
    top, bottom = rows[0], rows[-1] + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = columns[0], columns[-1] + 1
    return [outline + (left, top) for outline in outlines(mask[top:bottom, left:right])]


def _image_of(contour: Contour, images: Stack, references: Sequence[Reference]) -> Reference | None:
    if contour.type is ContourType.OPEN_NONPLANAR:
        return None
    index = images.nearest(contour.points[0])
    return None if index is None else references[index]


def _contour_item(number: int, contour: Contour, image: Reference | None) -> Dataset:
    item = Dataset()
    if image is not None:
        item.ContourImageSequence = [image.item()]
    item.ContourGeometricType = contour.type.value
    item.NumberOfContourPoints = len(contour.points)
    item.ContourNumber = number
    item.ContourData = [_coordinate(one) for one in contour.points.ravel().tolist()]
    return item


def _coordinate(millimetres: float) -> str:
    """Return a coordinate in mm as DS, to a millionth of a millimetre where 16 characters allow."""
    text = f"{millimetres:.6f}".rstrip("0").rstrip(".")
    return text if len(text) <= 16 else str(values.decimal(millimetres))


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
    number = int(item.ROINumber)
    color = drawn.get("ROIDisplayColor")
    return Region(
        name=str(item.get("ROIName") or ""),
        contours=tuple(_read_contour(one) for one in drawn.get("ContourSequence") or ()),
        color=None if color is None else (int(color[0]), int(color[1]), int(color[2])),
        description=str(item.get("ROIDescription") or ""),
        algorithm=str(item.get("ROIGenerationAlgorithm") or ""),
        interpreted_type=types.get(number, ""),
        number=number,
    )


def _read_contour(item: Dataset) -> Contour:
    numbers = np.array([float(one) for one in item.get("ContourData") or ()])
    if not len(numbers) or len(numbers) % 3:
        raise InvalidAttribute(
            f"Contour Data has {len(numbers)} values; expected triplets of coordinates.", 0x30060050
        )
    return Contour(numbers.reshape(-1, 3), _contour_type(item))


def _contour_type(item: Dataset) -> ContourType:
    try:
        return ContourType(str(item.get("ContourGeometricType", "")))
    except ValueError as error:
        raise InvalidAttribute(
            f"Contour Geometric Type is {item.get('ContourGeometricType')!r}; expected one of "
            + ", ".join(one.value for one in ContourType)
            + ".",
            0x30060042,
        ) from error
