"""Spatial Fiducials (PS3.3 A.40, C.21): written from fiducials, and read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import sources, values
from isocenter.compose.argument_types import checked
from isocenter.compose.composition import Composed, Composition
from isocenter.compose.content_identification import content_identification
from isocenter.compose.given_values import check_given
from isocenter.compose.reading import data_set_of_file
from isocenter.compose.references import Reference, add_common_instance_reference, uid_of
from isocenter.compose.registrations.fiducial_files import read_fiducials
from isocenter.compose.registrations.fiducials import Fiducial, OnImage, read_fiducial
from isocenter.compose.sources import SourceLike, Sources
from isocenter.compose.templates import Template, template
from isocenter.dicom import new_uid
from isocenter.errors import CannotCompose, InvalidAttribute

__all__ = ["read_spatial_fiducials", "spatial_fiducials"]

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.2"
_MODULE = "Spatial Fiducials"
_FRAME_OF_REFERENCE = 0x00200052


@checked
def spatial_fiducials(
    fiducials: Iterable[Fiducial] | str | Path,
    *,
    source: SourceLike,
    content_label: str = "FIDUCIALS",
    content_description: str | None = None,
    content_creator_name: str | None = None,
    series_description: str | None = None,
    series_number: int = 1,
    instance_number: int = 1,
    template_file: Template | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Composed:
    """Compose a Spatial Fiducials object of one set of fiducials.

    Parameters
    ----------
    fiducials
        With points in the patient, in the frame of reference of the source, or on its images; or a
        file that `read_fiducials` reads.
    source
        The images that the fiducials were found in: gives patient, study and frame of reference.
    content_label, content_description, content_creator_name
        Content Identification (PS3.3 Table 10-12); the label is CS of at most 16 characters.
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
        When there is no fiducial, two have the same identifier, one lies on an image that the
        source does not have, or points in the patient have no frame of reference.

    References
    ----------
    PS3.3 A.40, C.21.1, C.21.2.
    """
    many = tuple(read_fiducials(fiducials) if isinstance(fiducials, str | Path) else fiducials)
    loaded = sources.load(source)
    _check(many)
    composition = Composition(
        SOP_CLASS_UID,
        kind="spatial_fiducials",
        sources=loaded,
        template=template(template_file),
        overrides=overrides,
    )
    composition.patient()
    composition.study()
    composition.series("FID", number=series_number, description=series_description)
    composition.equipment()
    composition.content_moment()
    content_identification(
        composition, instance_number, content_label, content_description, content_creator_name
    )
    references = [Reference.to(one.data_set) for one in loaded if "Rows" in one.data_set]
    images = {one.sop_instance_uid: one for one in references}
    composition.give("FiducialSetSequence", [_set(many, loaded, images)])
    add_common_instance_reference(composition, images.values())
    return composition.finish()


@checked
def read_spatial_fiducials(fiducials: Dataset | str | Path) -> list[Fiducial]:
    """Read the fiducials of all sets of a Spatial Fiducials object.

    Parameters
    ----------
    fiducials
        The object, or its file.

    Returns
    -------
    list of Fiducial
        Those of one set after the other.

    Raises
    ------
    InvalidAttribute
        When the object has no fiducials.
    NotFound
        When there is no such file.
    InvalidDicom
        When it is no DICOM file, or cannot be read to its end.

    References
    ----------
    PS3.3 C.21.2.
    """
    data_set = data_set_of_file(fiducials)
    sets: Sequence[Dataset] = data_set.get("FiducialSetSequence") or ()
    if not sets:
        raise InvalidAttribute(
            "Fiducial Set Sequence is missing or empty: these are no spatial fiducials.", 0x0070031C
        )
    return [read_fiducial(item) for one in sets for item in one.get("FiducialSequence") or ()]


def _refused(message: str, tag: int) -> CannotCompose:
    return CannotCompose(message, tag=tag, module=_MODULE)


def _check(fiducials: Sequence[Fiducial]) -> None:
    if not fiducials:
        raise _refused("There is no fiducial; give at least one.", 0x0070031E)
    identifiers = [one.identifier for one in fiducials]
    twice = sorted({one for one in identifiers if identifiers.count(one) > 1})
    if twice:
        raise _refused(f"Several fiducials are called {twice[0]!r}; number them.", 0x00700310)


def _set(
    fiducials: Sequence[Fiducial], loaded: Sources, images: Mapping[str, Reference]
) -> Dataset:
    item = Dataset()
    first = loaded.first
    uid = uid_of(first.data_set, _FRAME_OF_REFERENCE) if first else ""
    if uid:
        item.FrameOfReferenceUID = uid
    elif any(len(one.points) for one in fiducials):
        raise _refused(
            "The fiducials lie in the patient, and the source has no Frame of Reference UID; give "
            "images that have one, or points on images.",
            _FRAME_OF_REFERENCE,
        )
    if images:
        item.ReferencedImageSequence = [one.item() for one in images.values()]
    item.FiducialSequence = [_fiducial_item(one, images) for one in fiducials]
    return item


def _fiducial_item(fiducial: Fiducial, images: Mapping[str, Reference]) -> Dataset:
    item = Dataset()
    check_given(
        {
            "FiducialIdentifier": fiducial.identifier,
            "FiducialUID": fiducial.uid,
            "FiducialDescription": fiducial.description,
        }
    )
    item.FiducialIdentifier = fiducial.identifier
    item.FiducialUID = fiducial.uid or new_uid()
    if fiducial.description:
        item.FiducialDescription = fiducial.description
    if fiducial.code is not None:
        item.FiducialIdentifierCodeSequence = [fiducial.code.whole_item()]
    item.ShapeType = fiducial.kind.value
    if len(fiducial.points):
        item.NumberOfContourPoints = len(fiducial.points)
        item.ContourData = values.decimals((fiducial.points + 0.0).ravel())
        if fiducial.uncertainty is not None:
            item.ContourUncertaintyRadius = float(fiducial.uncertainty)
    if fiducial.on_images:
        item.GraphicCoordinatesDataSequence = [_graphic(one, images) for one in fiducial.on_images]
    return item


def _graphic(points: OnImage, images: Mapping[str, Reference]) -> Dataset:
    reference = images.get(points.sop_instance_uid)
    if reference is None:
        raise _refused(
            f"A fiducial lies on {points.sop_instance_uid}, which the source does not have; give "
            "the images that it was found in.",
            0x00081155,
        )
    item = Dataset()
    frames = () if points.frame is None else (points.frame,)
    item.ReferencedImageSequence = [replace(reference, frames=frames).item()]
    item.GraphicData = [float(one) for one in points.points.ravel()]
    return item
