"""Segments: what the parts of a segmentation are, in words and codes (PS3.3 C.8.20.4)."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.codes import Code
from isocenter.compose.given_values import check_given
from isocenter.compose.highdicom_objects import coded, module
from isocenter.compose.reading import no_file
from isocenter.compose.source_numbers import whole_number_of
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose

__all__ = ["COLORS", "Segment", "SegmentAlgorithm", "read_segments"]

COLORS = (
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
)
"""Red, green, blue of what was given no colour, in turn."""

_ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
_TISSUE = Code("85756007", "SCT", "Tissue")
_GROUPS = (
    ((7153, 7154, 7155, 7156, 7160), _ANATOMY),
    ((7159,), Code("49755003", "SCT", "Morphologically Abnormal Structure")),
    ((7166,), _TISSUE),
    ((7157, 7158), Code("260787004", "SCT", "Physical object")),
)
"""Context groups of property types, each with the category that they belong to (PS3.16)."""

_ALGORITHM_FAMILY = Code("123110", "DCM", "Artificial Intelligence")


class SegmentAlgorithm(Enum):
    """Segment Algorithm Type (0062,0008)."""

    AUTOMATIC = "AUTOMATIC"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Parameters
    ----------
    label
        Segment Label (0062,0005), at most 64 characters.
    property_category, property_type
        What it is: codes of CID 7150 and 7151. Where they are left out, the label decides if it is
        the meaning of a code in CID 7153 to 7160 or 7166, such as `Liver`; else they say Tissue.
    algorithm_type
        How it was made.
    algorithm_name
        Segment Algorithm Name (0062,0009); required unless the type is MANUAL.
    algorithm_version
        The version of the algorithm.
    tracking_id, tracking_uid
        What identifies the same thing in other objects; both or neither.
    color
        Red, green, blue, 0 to 255, written as Recommended Display CIELab Value (0062,000D).
    anatomic_region
        Where it lies, for example of a lesion: a code of CID 4.
    number
        Segment Number (0062,0004) of a segment that was read; chosen by the order when writing.
    """

    label: str
    property_category: Code | None = None
    property_type: Code | None = None
    algorithm_type: SegmentAlgorithm | str = SegmentAlgorithm.MANUAL
    algorithm_name: str = ""
    algorithm_version: str = "1"
    tracking_id: str = ""
    tracking_uid: str = ""
    color: tuple[int, int, int] | None = None
    anatomic_region: Code | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        check_members(self)
        if not 0 < len(self.label) <= 64:
            raise _refused(
                f"A segment's label has {len(self.label)} characters; expected 1 to 64.", 0x00620005
            )
        if self.color is not None and not all(0 <= one <= 255 for one in self.color):
            raise _refused(
                f"The color of {self.label!r} is {self.color}; expected red, green, blue of 0 to "
                "255.",
                0x0062000D,
            )
        if bool(self.tracking_id) != bool(self.tracking_uid):
            raise _refused(
                f"{self.label!r} has only one of tracking ID and tracking UID; give both or "
                "neither.",
                0x00620020,
            )

    def description(self, number: int) -> Any:
        """Return the segment as highdicom describes it, with a number from 1.

        Parameters
        ----------
        number
            From 1.

        Returns
        -------
        highdicom.seg.SegmentDescription
            An item of Segment Sequence (0062,0002).

        Raises
        ------
        CannotCompose
            When a member cannot be the value of its attribute, or an algorithm has no name.
        """
        check_given(
            {
                "SegmentLabel": self.label,
                "SegmentAlgorithmName": self.algorithm_name,
                "AlgorithmVersion": self.algorithm_version,
                "TrackingID": self.tracking_id,
                "TrackingUID": self.tracking_uid,
            }
        )
        algorithm = _algorithm_type(self.algorithm_type)
        category, kind = self._property()
        return module("seg").SegmentDescription(
            segment_number=number,
            segment_label=self.label,
            segmented_property_category=coded(category),
            segmented_property_type=coded(kind),
            algorithm_type=algorithm.value,
            algorithm_identification=self._algorithm(algorithm),
            tracking_uid=self.tracking_uid or None,
            tracking_id=self.tracking_id or None,
            anatomic_regions=(
                None if self.anatomic_region is None else [coded(self.anatomic_region)]
            ),
            display_color=module("color").CIELabColor.from_rgb(*self._color(number)),
        )

    @classmethod
    @checked
    def read(cls, item: Dataset) -> Segment:
        """Read an item of Segment Sequence (0062,0002).

        Parameters
        ----------
        item
            The item.

        Returns
        -------
        Segment
            Of MANUAL algorithm where it says none.

        Raises
        ------
        CannotCompose
            When there is no such Segment Algorithm Type (0062,0008), or Segment Number (0062,0004)
            is none.
        """
        algorithm = str(item.get("SegmentAlgorithmType") or "MANUAL")
        return cls(
            label=str(item.get("SegmentLabel") or f"Segment {item.get('SegmentNumber')}")[:64],
            property_category=_code(item, "SegmentedPropertyCategoryCodeSequence"),
            property_type=_code(item, "SegmentedPropertyTypeCodeSequence"),
            algorithm_type=_algorithm_type(algorithm),
            algorithm_name=str(item.get("SegmentAlgorithmName") or ""),
            tracking_id=str(item.get("TrackingID") or ""),
            tracking_uid=str(item.get("TrackingUID") or ""),
            color=_rgb(item),
            anatomic_region=_code(item, "AnatomicRegionSequence"),
            number=whole_number_of(item, "SegmentNumber"),
        )

    def _color(self, number: int) -> tuple[int, int, int]:
        return COLORS[(number - 1) % len(COLORS)] if self.color is None else self.color

    def _property(self) -> tuple[Code, Code]:
        if self.property_type is not None and self.property_category is not None:
            return self.property_category, self.property_type
        category, kind = _known(self.label)
        return self.property_category or category, self.property_type or kind

    def _algorithm(self, kind: SegmentAlgorithm) -> Any:
        if kind is SegmentAlgorithm.MANUAL:
            return None
        if not self.algorithm_name:
            raise _refused(
                f"{self.label!r} was made by an {kind.value} algorithm that has no name; give "
                "algorithm_name.",
                0x00620009,
            )
        return module("content").AlgorithmIdentificationSequence(
            name=self.algorithm_name,
            family=coded(_ALGORITHM_FAMILY),
            version=self.algorithm_version,
        )


@checked
def read_segments(path: str | Path) -> dict[int, Segment]:
    """Read what labels are from a JSON file: the members of `Segment` by label.

    Codes are lists of value, scheme and meaning; colors are lists of red, green, blue.

    Parameters
    ----------
    path
        The file, such as `{"1": {"label": "Liver"}}`.

    Returns
    -------
    dict of int to Segment
        By label.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it is not of this form, or a segment is described wrongly.
    """
    if not Path(path).is_file():
        raise no_file(path, "segments")
    try:
        content: dict[str, dict[str, Any]] = json.loads(read_text(path))
        return {int(label): Segment(**_members(one)) for label, one in content.items()}
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.", 0x00620002) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(f"{path} cannot be read as segments: {error}.", 0x00620002) from error


def _members(written: dict[str, Any]) -> dict[str, Any]:
    members = dict(written)
    for name in ("property_category", "property_type", "anatomic_region"):
        if members.get(name) is not None:
            members[name] = Code(*members[name])
    if members.get("color") is not None:
        red, green, blue = members["color"]
        members["color"] = (red, green, blue)
    return members


def _refused(message: str, tag: int) -> CannotCompose:
    return CannotCompose(message, tag=tag, module="Segmentation Image")


def _algorithm_type(value: SegmentAlgorithm | str) -> SegmentAlgorithm:
    try:
        return SegmentAlgorithm(value)
    except ValueError as error:
        expected = ", ".join(one.value for one in SegmentAlgorithm)
        raise _refused(
            f"{value!r} is no Segment Algorithm Type; expected one of {expected}.", 0x00620008
        ) from error


def _known(label: str) -> tuple[Code, Code]:
    """Return category and type of a thing called by the meaning of its code, else Tissue."""
    wanted = re.sub(r"[^a-z]", "", label.casefold())
    concepts: Any = vars(importlib.import_module("pydicom.sr.codedict"))["codes"]
    for groups, category in _GROUPS:
        for number in groups:
            group = getattr(concepts, f"CID{number}")
            for name in group.dir():
                if name.casefold() == wanted:
                    found = getattr(group, name)
                    return category, Code(found.value, found.scheme_designator, found.meaning)
    return _TISSUE, _TISSUE


def _code(item: Dataset, keyword: str) -> Code | None:
    found = item.get(keyword)
    return Code.read(found[0]) if found else None


def _rgb(item: Dataset) -> tuple[int, int, int] | None:
    found = item.get("RecommendedDisplayCIELabValue")
    if not found or len(found) != 3:
        return None
    color = module("color").CIELabColor.from_dicom_value([int(one) for one in found])
    red, green, blue = color.to_rgb()
    return int(red), int(green), int(blue)
