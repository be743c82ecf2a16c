"""Which way the patient lies in an image (PS3.3 C.7.6.1.1.1, C.7.6.2.1.1)."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from isocenter.dicom import tags

from .attributes import Attributes
from .functional_groups import FrameAttributes

__all__ = ["BIPED_AXES", "Axes", "PatientOrientation", "read_axes", "read_patient_orientation"]

_Axis: TypeAlias = tuple[str, str] | None
Axes: TypeAlias = tuple[_Axis, _Axis, _Axis]
"""Abbreviations of what lies towards the positive and negative end of x, y and z, where known."""

BIPED_AXES: Axes = (("L", "R"), ("P", "A"), ("H", "F"))
_LEFT_RIGHT = ("LE", "RT")
_DORSAL_VENTRAL = ("D", "V")
# Body Part Examined (0018,0015): only of these are the axes of quadrupeds told by the part alone.
# Of limbs they depend on how far from the trunk one is, and of which limb.
_TRUNK = frozenset(
    [
        "ABDOMEN",
        "ABDOMENPELVIS",
        "BACK",
        "BLADDER",
        "CHEST",
        "CHESTABDOMEN",
        "CHESTABDPELVIS",
        "COCCYX",
        "CSPINE",
        "HEART",
        "KIDNEY",
        "LIVER",
        "LSPINE",
        "LSSPINE",
        "LUNG",
        "NECK",
        "NECKCHEST",
        "NECKCHESTABDOMEN",
        "NECKCHESTABDPELV",
        "PELVIS",
        "RIB",
        "SPINE",
        "SPLEEN",
        "SSPINE",
        "STERNUM",
        "STOMACH",
        "TAIL",
        "THORAX",
        "TLSPINE",
        "TRUNK",
        "TSPINE",
    ]
)
_HEAD = frozenset(["BRAIN", "FACE", "HEAD", "JAW", "MANDIBLE", "MAXILLA", "NOSE", "ORBIT", "SKULL"])


@dataclass(frozen=True, slots=True)
class PatientOrientation:
    """Directions in the patient, at the edges of an image as it is stored.

    Parameters
    ----------
    left, right, top, bottom
        Abbreviations of PS3.3 C.7.6.1.1.1, the strongest first, such as "FR"; empty where nothing
        is known.
    """

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class _Anatomy:
    """Axes of a body, each with the directions along it, and what is opposite to a direction."""

    axes: tuple[frozenset[str], ...]
    opposites: dict[str, str]

    def directions(self, value: str) -> list[str]:
        """Take a value apart; nothing where it is no direction, or one and its opposite."""
        # Of "R" and "RT" the longer is meant wherever it fits: there is no abbreviation "T".
        longest_first = sorted(self.opposites, key=len, reverse=True)
        told = re.findall("|".join(longest_first), value)
        axes = {self.axis(one) for one in told}
        if "".join(told) != value or len(axes) != len(told) or len(told) > 3:
            return []
        return told

    def axis(self, direction: str) -> frozenset[str]:
        """Find the axis of a direction."""
        return next(axis for axis in self.axes if direction in axis)


_BIPED = _Anatomy(
    axes=(frozenset("AP"), frozenset("LR"), frozenset("HF")),
    opposites={"A": "P", "P": "A", "L": "R", "R": "L", "H": "F", "F": "H"},
)
_QUADRUPED = _Anatomy(
    axes=(
        frozenset(("LE", "RT", "M", "L")),
        frozenset(("D", "V", "PA", "PL")),
        frozenset(("CR", "CD", "R")),
        frozenset(("PR", "DI")),
    ),
    opposites={
        **{"LE": "RT", "RT": "LE", "M": "L", "L": "M", "PR": "DI", "DI": "PR"},
        # Palmar and plantar face the dorsal side of a limb, rostral the caudal one of a head.
        **{"D": "V", "V": "D", "PA": "D", "PL": "D", "CR": "CD", "CD": "CR", "R": "CD"},
    },
)
_ANATOMIES = {"": _BIPED, "BIPED": _BIPED, "QUADRUPED": _QUADRUPED}
# Of a trunk the sides are left and right.
_OF_LIMBS = {"PR", "DI", "PA", "PL", "M", "L"}


def read_axes(root: Attributes) -> Axes:
    """Read what the axes of the patient's coordinate system are called.

    Parameters
    ----------
    root
        The data set.

    Returns
    -------
    tuple
        For x, y and z the abbreviations towards their positive and negative end; None for an axis
        that lies otherwise in other parts of the body, where the part is not known.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    anatomy = root.text(tags.AnatomicalOrientationType)
    if anatomy in ("", "BIPED"):
        return BIPED_AXES
    if anatomy != "QUADRUPED":
        return None, None, None
    part = root.text(tags.BodyPartExamined).upper()
    if part in _TRUNK:
        return _LEFT_RIGHT, _DORSAL_VENTRAL, ("CR", "CD")
    if part in _HEAD:
        return _LEFT_RIGHT, _DORSAL_VENTRAL, ("R", "CD")
    return _LEFT_RIGHT, None, None


def read_patient_orientation(frame: FrameAttributes) -> PatientOrientation | None:
    """Read the directions of rows and columns where they are told by abbreviations.

    Parameters
    ----------
    frame
        The frame.

    Returns
    -------
    PatientOrientation or None
        None where there are no two values, or they are not of the kind of body that Anatomical
        Orientation Type (0010,2210) names; of the whole object, also where its positioner moves
        from frame to frame.

    References
    ----------
    PS3.3 C.7.6.1.1.1, C.7.6.16.2.15, C.8.7.5.1.1
    """
    source = frame.macro(tags.PatientOrientationInFrameSequence)
    if source is frame.root and source.text(tags.PositionerMotion) == "DYNAMIC":
        return None
    values = source.texts(tags.PatientOrientation)
    anatomy = _ANATOMIES.get(frame.root.text(tags.AnatomicalOrientationType))
    if anatomy is None or len(values) != 2:
        return None
    row, column = (anatomy.directions(value) for value in values)
    if not row or not column or anatomy.axis(row[0]) == anatomy.axis(column[0]):
        return None
    limb = not _OF_LIMBS.isdisjoint((*row, *column))
    return PatientOrientation(
        left=_opposite(row, anatomy, limb=limb),
        right="".join(row),
        top=_opposite(column, anatomy, limb=limb),
        bottom="".join(column),
    )


def _opposite(directions: list[str], anatomy: _Anatomy, *, limb: bool) -> str:
    if limb and "D" in directions:
        return ""  # palmar or plantar, and nothing tells which
    return "".join(anatomy.opposites[one] for one in directions)
