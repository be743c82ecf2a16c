"""What was measured and judged of findings in images (PS3.16 TID 300, TID 1410, TID 1411)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.codes import Code
from isocenter.compose.references import Reference
from isocenter.compose.reports import units
from isocenter.compose.reports.content import ContentItem, Relationship
from isocenter.compose.reports.coordinates import Graphic, SCoord
from isocenter.compose.reports.json_form import read_as
from isocenter.compose.reports.references import Image
from isocenter.compose.sources import SourceLike, Sources
from isocenter.dicom import new_uid

__all__ = [
    "TITLE",
    "Evaluation",
    "FindingSite",
    "Measurement",
    "MeasurementGroup",
    "Measurements",
    "outline",
    "read_measurements",
]

TITLE = Code("126000", "DCM", "Imaging Measurement Report")
"""The usual one of CID 7021."""


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
    title: Code = TITLE
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
