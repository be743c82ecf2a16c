"""Measurement reports of images and regions in them (PS3.16 TID 1500), built by highdicom."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np

from isocenter.compose import sources
from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.codes import Code
from isocenter.compose.composition import Composed
from isocenter.compose.references import Reference
from isocenter.compose.reports import units
from isocenter.compose.reports.constraints import ReportClass
from isocenter.compose.reports.content import Container, ContentItem, Relationship
from isocenter.compose.reports.coordinates import Graphic, SCoord, SCoord3D
from isocenter.compose.reports.document import Report, structured_report
from isocenter.compose.reports.json_form import read_as
from isocenter.compose.reports.observation_context import (
    DeviceObserver,
    Observer,
    VerifyingObserver,
)
from isocenter.compose.reports.reading import with_places
from isocenter.compose.reports.references import Composite, Image
from isocenter.compose.reports.tree import read_content
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose

__all__ = [
    "Evaluation",
    "FindingSite",
    "Measurement",
    "MeasurementGroup",
    "Measurements",
    "measurement_report",
    "outline",
    "read_measurements",
]

_TITLE = Code("126000", "DCM", "Imaging Measurement Report")
_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
_SEVERAL = (Graphic.ELLIPSE, Graphic.POLYGON)
"""Graphics of which several make a surface in space; of the others, one does."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number that was measured (PS3.16 TID 300).

    Parameters
    ----------
    name
        What was measured, of CID 7469 for example.
    value
        The number.
    unit
        The unit, in UCUM if nothing else is meant: `units.unit("mm")`.
    derivation
        How it was computed, such as Mean or Maximum of CID 7464.
    method
        By which method, of CID 6147 for example.
    qualifier
        What the number alone does not say, of CID 42.
    """

    name: Code
    value: Decimal
    unit: Code
    derivation: Code | None = None
    method: Code | None = None
    qualifier: Code | None = None

    def __post_init__(self) -> None:
        check_members(self)

    @classmethod
    @checked
    def of(
        cls, name: Code, value: float | str | Decimal, unit: str = "1", **more: Any
    ) -> Measurement:
        """Return a measurement from a plain number and a UCUM unit, such as `mm`.

        Parameters
        ----------
        name
            What was measured.
        value
            A finite number; text keeps its digits.
        unit
            In UCUM; `1` for bare numbers.
        **more
            The other members of `Measurement`.

        Returns
        -------
        Measurement
            The measurement.

        Raises
        ------
        CannotCompose
            When the value is no finite number or UCUM has no such unit.
        """
        return cls(name, units.number(value), units.unit(unit), **more)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A coded answer to a coded question, such as Margin: Spiculated."""

    name: Code
    value: Code

    def __post_init__(self) -> None:
        check_members(self)


@dataclass(frozen=True, slots=True)
class FindingSite:
    """Where in the body it was found.

    Parameters
    ----------
    location
        The anatomic location.
    laterality
        Left, right or both sides, of CID 244; None where there are no sides.
    """

    location: Code
    laterality: Code | None = None

    def __post_init__(self) -> None:
        check_members(self)


@dataclass(frozen=True, slots=True)
class MeasurementGroup:
    """What was measured and judged of one finding (PS3.16 TID 1410, TID 1411, TID 1501).

    Parameters
    ----------
    tracking_id
        The name by which it is followed through reports, such as `Lesion 1`.
    tracking_uid
        Its UID, the same through reports; a new one by default.
    finding, finding_category
        What it is, and of which kind that is.
    sites
        Where it is.
    regions
        Where it was measured: one or several `SCoord` (see `outline`), one or several `SCoord3D`,
        or one `Image` that refers to a segment of a segmentation; none for the images as a whole.
    measurements, evaluations
        What was found.
    """

    tracking_id: str
    tracking_uid: str = field(default_factory=new_uid)
    finding: Code | None = None
    finding_category: Code | None = None
    sites: tuple[FindingSite, ...] = ()
    regions: tuple[ContentItem, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    def __post_init__(self) -> None:
        check_members(self)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a file says of a measurement report; see `measurement_report`."""

    groups: tuple[MeasurementGroup, ...]
    title: Code = _TITLE
    procedure: Code | None = None


@checked
def read_measurements(
    source: str | Path | Mapping[str, Any], *, objects: SourceLike | Sources | None = None
) -> Measurements:
    """Return the groups that a JSON file, text or object holds: `{"groups": [...]}`.

    Parameters
    ----------
    source, objects
        As for `reports.read_json`; the members are named as in `MeasurementGroup`.

    Returns
    -------
    Measurements
        Its groups, and what else the file says of the report.

    Raises
    ------
    CannotCompose
        When it is no JSON, a member is unknown, missing or wrong; the path to it is told.
    """
    return read_as(Measurements, source, objects=objects, name="report")


@checked
def outline(
    image: Reference,
    points: Sequence[tuple[float, float]],
    graphic: Graphic = Graphic.POLYLINE,
) -> SCoord:
    """Return a region of an image.

    Parameters
    ----------
    image
        The image, or one frame of it.
    points
        Column and row of each, in pixels from the top left corner of the image.
    graphic
        What they outline; the last point of a closed POLYLINE is its first again.

    Returns
    -------
    SCoord
        With the image as the item that it is selected from.
    """
    selected = Image(None, image, relationship=Relationship.SELECTED_FROM)
    return SCoord(None, graphic, tuple(points), children=(selected,))


@checked
def measurement_report(
    groups: Sequence[MeasurementGroup],
    *,
    source: SourceLike | Sources,
    title: Code = _TITLE,
    procedure: Code | None = None,
    language: str = "en",
    observers: Sequence[Observer] = (),
    verified_by: Sequence[VerifyingObserver] = (),
    sop_class: str | ReportClass | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a measurement report: Comprehensive SR, or Comprehensive 3D SR for regions in space.

    Parameters
    ----------
    groups
        What was measured, a group a finding.
    source
        The images that were measured; patient and study are theirs. Those whose attributes the
        Image Library of TID 1600 describes are listed in it.
    title
        A title of CID 7021.
    procedure
        The procedure reported; by default the source's, else Imaging procedure.
    language
        The language of names and text, such as `en` or `de-CH`.
    observers
        Who measured: persons, devices; by default this software.
    verified_by
        Who verified the report.
    sop_class
        `comprehensive` or `comprehensive3d`; by default the smallest that can hold it.
    series_description, series_number, instance_number
        Where and how the document files itself.
    template_file
        A template, or its path.
    overrides
        Attributes that win over all else, by keyword.

    Returns
    -------
    Composed
        The document; `save` writes it.

    Raises
    ------
    CannotCompose
        When there is no group, a group says nothing, a region cannot be, or the sources belong to
        several patients.

    References
    ----------
    PS3.16 TID 1500, TID 1410, TID 1411, TID 1501, TID 300, TID 1600.
    """
    loaded = sources.load(source)
    if not groups:
        raise CannotCompose(
            "The report has no measurement group; give at least one.",
            tag=0x0040A730,
            module="SR Document Content",
        )
    content = _content(groups, loaded, title, procedure or _procedure(loaded))
    observers = observers or (DeviceObserver("Isocenter", "Isocenter", "Isocenter"),)
    return structured_report(
        Report(content, verified_by=tuple(verified_by)),
        source=loaded,
        sop_class=sop_class or _class_of(groups),
        language=language,
        observers=observers,
        series_description=series_description,
        series_number=series_number,
        instance_number=instance_number,
        template_file=template_file,
        overrides=overrides,
    )


def _class_of(groups: Sequence[MeasurementGroup]) -> ReportClass:
    """Return the SOP Class that readers of TID 1500 expect, whatever the content needs."""
    in_space = any(isinstance(region, SCoord3D) for group in groups for region in group.regions)
    return ReportClass.COMPREHENSIVE_3D if in_space else ReportClass.COMPREHENSIVE


def _procedure(loaded: Sources) -> Code:
    codes = loaded.first.data_set.get("ProcedureCodeSequence") if loaded.first else None
    return Code.read(codes[0]) if codes else _PROCEDURE


def _content(
    groups: Sequence[MeasurementGroup], loaded: Sources, title: Code, procedure: Code
) -> Container:
    """Return the content tree as highdicom builds it, the observers left out."""
    sr = _highdicom_sr()
    arguments: dict[str, Any] = {
        "observation_context": sr.ObservationContext(),
        "procedure_reported": _code(procedure),
        "imaging_measurements": [_group(group, loaded) for group in groups],
        "title": _code(title),
    }
    images = [one.data_set for one in loaded if "Rows" in one.data_set]
    try:
        (root,) = sr.MeasurementReport(**arguments, referenced_images=images)
    except (AttributeError, KeyError, ValueError, TypeError):  # what a library entry must have
        (root,) = sr.MeasurementReport(**arguments)
    return cast("Container", with_places(read_content(root), _known(groups)))


def _known(groups: Sequence[MeasurementGroup]) -> dict[str, Reference]:
    """Return the references of the regions, with study and series, by SOP Instance UID."""
    found: dict[str, Reference] = {}
    waiting = [region for group in groups for region in group.regions]
    while waiting:
        item = waiting.pop()
        waiting += item.children
        if isinstance(item, Composite) and item.reference.series_instance_uid:
            found[item.reference.sop_instance_uid] = item.reference
    return found


def _group(group: MeasurementGroup, loaded: Sources) -> Any:
    sr = _highdicom_sr()
    if not (group.measurements or group.evaluations):
        raise CannotCompose(
            f"The group {group.tracking_id!r} has neither measurements nor evaluations; give one.",
            tag=0x0040A730,
            module="SR Document Content",
        )
    arguments: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=group.tracking_uid, identifier=group.tracking_id
        ),
        "finding_type": _code(group.finding),
        "finding_category": _code(group.finding_category),
        "finding_sites": [
            sr.FindingSite(_code(site.location), laterality=_code(site.laterality))
            for site in group.sites
        ],
        "measurements": [_measurement(one) for one in group.measurements],
        "qualitative_evaluations": [
            sr.QualitativeEvaluation(_code(one.name), _code(one.value)) for one in group.evaluations
        ],
    }
    try:
        return _measured_in(group, arguments, loaded)
    except (ValueError, TypeError, AttributeError) as error:
        raise CannotCompose(
            f"The group {group.tracking_id!r} cannot be: {error}",
            tag=0x0040A730,
            module="SR Document Content",
        ) from error


def _measured_in(group: MeasurementGroup, arguments: dict[str, Any], loaded: Sources) -> Any:
    """Return the group in the template that its regions ask for."""
    sr = _highdicom_sr()
    regions = group.regions
    for region in regions:
        for fault in region.faults():
            _refuse(group, f"a region that {fault}")
    if not regions:
        return sr.MeasurementsAndQualitativeEvaluations(**arguments)
    planar = sr.PlanarROIMeasurementsAndQualitativeEvaluations
    volumetric = sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    flat = [_image_region(group, one) for one in regions if isinstance(one, SCoord)]
    space = [one for one in regions if isinstance(one, SCoord3D)]
    segments = [one for one in regions if isinstance(one, Image)]
    if len(flat) == len(regions) == 1:
        return planar(referenced_region=flat[0], **arguments)
    if len(flat) == len(regions):
        return volumetric(referenced_regions=flat, **arguments)
    if len(space) == len(regions):
        solid = len(space) > 1 or space[0].graphic is Graphic.ELLIPSOID
        if solid:
            surface = _surface(group, space, loaded)
            return volumetric(referenced_volume_surface=surface, **arguments)
        return planar(referenced_region=_space_region(space[0]), **arguments)
    if len(segments) == len(regions) == 1:
        segment = _segment(group, segments[0], loaded)
        return volumetric(referenced_segment=segment, **arguments)
    _refuse(group, "regions of several kinds; give coordinates of one kind, or one segment")
    return None


def _image_region(group: MeasurementGroup, region: SCoord) -> Any:
    sr = _highdicom_sr()
    images = [one for one in region.children if isinstance(one, Image)]
    if len(images) != 1:
        _refuse(group, "a region that is not selected from one image; make it by outline(image, …)")
    reference = images[0].reference
    selected = sr.SourceImageForRegion(
        reference.sop_class_uid, reference.sop_instance_uid, list(reference.frames) or None
    )
    return sr.ImageRegion(region.graphic.value, np.array(region.points, float), selected)


def _space_region(region: SCoord3D) -> Any:
    points = np.array(region.points, float)
    return _highdicom_sr().ImageRegion3D(
        region.graphic.value, points, region.frame_of_reference_uid
    )


def _surface(group: MeasurementGroup, regions: Sequence[SCoord3D], loaded: Sources) -> Any:
    first = regions[0]
    if len({(one.graphic, one.frame_of_reference_uid) for one in regions}) > 1:
        _refuse(group, "regions of several graphics or frames of reference; give one of each")
    if len(regions) > 1 and first.graphic not in _SEVERAL:
        _refuse(group, f"several regions of graphic {first.graphic.value}; give one")
    return _highdicom_sr().VolumeSurface(
        first.graphic.value,
        [np.array(one.points, float) for one in regions],
        first.frame_of_reference_uid,
        source_images=_segmented_images(group, loaded),
    )


def _segment(group: MeasurementGroup, region: Image, loaded: Sources) -> Any:
    reference = region.reference
    if len(reference.segments) != 1:
        _refuse(group, "an image as region that does not name one segment")
    return _highdicom_sr().ReferencedSegment(
        reference.sop_class_uid,
        reference.sop_instance_uid,
        reference.segments[0],
        source_images=_segmented_images(group, loaded),
    )


def _segmented_images(group: MeasurementGroup, loaded: Sources) -> list[Any]:
    images = [
        one.data_set
        for one in loaded
        if "Rows" in one.data_set and "SegmentSequence" not in one.data_set
    ]
    if not images:
        _refuse(group, "regions whose images are not among the sources; give them as source")
    make = _highdicom_sr().SourceImageForSegmentation
    return [make(one.SOPClassUID, one.SOPInstanceUID) for one in images]


def _measurement(one: Measurement) -> Any:
    for fault in units.faults(one.value, one.unit):
        raise CannotCompose(
            f"The measurement {one.name.meaning!r} {fault}.",
            tag=0x0040A300,
            module="SR Document Content",
        )
    return _highdicom_sr().Measurement(
        _code(one.name),
        float(one.value),
        _code(one.unit),
        qualifier=_code(one.qualifier),
        derivation=_code(one.derivation),
        method=_code(one.method),
    )


def _code(code: Code | None) -> Any:
    if code is None:
        return None
    coded: Any = _highdicom_sr().CodedConcept
    return coded(code.value, code.scheme, code.meaning, code.version or None)


def _highdicom_sr() -> Any:
    """Return highdicom's structured reports, which are only partly typed."""
    return importlib.import_module("highdicom.sr")


def _refuse(group: MeasurementGroup, what: str) -> None:
    raise CannotCompose(
        f"The group {group.tracking_id!r} has {what}.",
        tag=0x0040A730,
        module="SR Document Content",
    )
