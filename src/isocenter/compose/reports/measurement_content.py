"""The content of a measurement report as highdicom builds it (PS3.16 TID 1500, TID 1501)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast

import numpy as np

from isocenter.compose.codes import Code
from isocenter.compose.highdicom_objects import coded, module
from isocenter.compose.references import Reference
from isocenter.compose.reports import units
from isocenter.compose.reports.content import Container
from isocenter.compose.reports.coordinates import Graphic, SCoord, SCoord3D
from isocenter.compose.reports.measurement_groups import Measurement, MeasurementGroup
from isocenter.compose.reports.reading import with_places
from isocenter.compose.reports.references import Composite, Image
from isocenter.compose.reports.tree import read_content
from isocenter.compose.sources import Sources
from isocenter.errors import CannotCompose

__all__ = ["measurement_content"]

_SEVERAL = (Graphic.ELLIPSE, Graphic.POLYGON)
"""Graphics of which several make a surface in space; of the others, one does."""


def measurement_content(
    groups: Sequence[MeasurementGroup], loaded: Sources, title: Code, procedure: Code
) -> Container:
    """Return the content tree as highdicom builds it, the observers left out."""
    sr = module("sr")
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
    sr = module("sr")
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
    sr = module("sr")
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


def _image_region(group: MeasurementGroup, region: SCoord) -> Any:
    sr = module("sr")
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
    return module("sr").ImageRegion3D(region.graphic.value, points, region.frame_of_reference_uid)


def _surface(group: MeasurementGroup, regions: Sequence[SCoord3D], loaded: Sources) -> Any:
    first = regions[0]
    if len({(one.graphic, one.frame_of_reference_uid) for one in regions}) > 1:
        _refuse(group, "regions of several graphics or frames of reference; give one of each")
    if len(regions) > 1 and first.graphic not in _SEVERAL:
        _refuse(group, f"several regions of graphic {first.graphic.value}; give one")
    return module("sr").VolumeSurface(
        first.graphic.value,
        [np.array(one.points, float) for one in regions],
        first.frame_of_reference_uid,
        source_images=_segmented_images(group, loaded),
    )


def _segment(group: MeasurementGroup, region: Image, loaded: Sources) -> Any:
    reference = region.reference
    if len(reference.segments) != 1:
        _refuse(group, "an image as region that does not name one segment")
    return module("sr").ReferencedSegment(
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
    make = module("sr").SourceImageForSegmentation
    return [make(one.SOPClassUID, one.SOPInstanceUID) for one in images]


def _measurement(one: Measurement) -> Any:
    for fault in units.faults(one.value, one.unit):
        raise CannotCompose(
            f"The measurement {one.name.meaning!r} {fault}.",
            tag=0x0040A300,
            module="SR Document Content",
        )
    return module("sr").Measurement(
        _code(one.name),
        float(one.value),
        _code(one.unit),
        qualifier=_code(one.qualifier),
        derivation=_code(one.derivation),
        method=_code(one.method),
    )


def _code(code: Code | None) -> Any:
    return None if code is None else coded(code, whole=False)


def _refuse(group: MeasurementGroup, what: str) -> NoReturn:
    raise CannotCompose(
        f"The group {group.tracking_id!r} has {what}.",
        tag=0x0040A730,
        module="SR Document Content",
    )
