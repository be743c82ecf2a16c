"""How the images of a source were acquired: what they have in common, and what each says alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement

from isocenter.compose.acquisition.modules import Modality
from isocenter.compose.acquisition.tag_axes import TagAxis
from isocenter.compose.composition import Origin, Provenance
from isocenter.compose.element_values import copied_element, element
from isocenter.compose.left_out import LeftOut
from isocenter.compose.planes import Plane
from isocenter.compose.reading import value_of
from isocenter.compose.sound_values import how_mended, mended, what_is_expected
from isocenter.compose.sources import Source, Sources
from isocenter.compose.values import tag_of
from isocenter.errors import CannotCompose

__all__ = ["Said", "SourceSlices"]

_NEAR = 0.01  # mm between planes that are the same
_PARALLEL = 1 - 1e-4
_OF_ONE_IMAGE = frozenset(
    {
        "ExposureTime",
        "XRayTubeCurrent",
        "Exposure",
        "TriggerTime",
        "AcquisitionDate",
        "AcquisitionTime",
        "ActualFrameDuration",
        "FrameReferenceTime",
        "DecayFactor",
    }
)
"""What an image says of itself alone: nothing of other slices, nothing of other volumes."""


@dataclass(frozen=True, slots=True)
class Said:
    """An attribute of one image, and where it comes from."""

    element: DataElement
    provenance: Provenance

    @classmethod
    def made(cls, keyword: str, value: Any, why: str) -> Said:
        """Return an attribute with a value that was computed."""
        return cls(element(tag_of(keyword), value), Provenance(Origin.GENERATED, why))

    @classmethod
    def copied(cls, keyword: str, source: Source) -> Said:
        """Return an attribute of a source."""
        found = copied_element(source.data_set[keyword])
        made, detail = mended(found), source.name
        if made is not found:
            detail = f"{detail}, {how_mended(made.VR)}"
        return cls(made, Provenance(Origin.COPIED, detail))


class SourceSlices:
    """The images of a source that tell how a volume was acquired.

    Parameters
    ----------
    sources
        What the volume inherits from. Those images count that are of its class and of the series of
        the first.
    kind
        Its modality.
    axis
        What tells its volumes apart; None where there is one.
    placed
        Whether it shares their coordinates, so that planes can be compared.
    """

    def __init__(
        self, sources: Sources, kind: Modality, axis: TagAxis | None, *, placed: bool
    ) -> None:
        self._sop_class_uid = kind.sop_class_uid
        self._axis = axis
        self.images = _images(sources, kind.sop_class_uid)
        alone = _OF_ONE_IMAGE if axis is not None or len(self.images) == 1 else frozenset[str]()
        self.in_common = tuple(
            one for one in kind.acquisition if one not in alone and _agreed(self.images, one)
        )
        """Keywords of what holds for all of the series."""
        self._others = tuple(one for one in kind.acquisition if one not in self.in_common)
        self._placed = placed
        planes = [(one, plane) for one in self.images if (plane := _plane(one)) is not None]
        self._located = [one for one, _ in planes]
        self._positions = np.array([plane.position for _, plane in planes]).reshape(-1, 3)
        self._normals = np.array([plane.normal for _, plane in planes]).reshape(-1, 3)

    def at(self, plane: Plane, n: int = 0) -> dict[str, Said]:
        """Return by keyword what the source's image in a plane, of volume `n`, says of itself.

        What several do not agree on is left out.
        """
        if not self._placed or not self._located:
            return {}
        parallel = np.abs(self._normals @ plane.normal) > _PARALLEL
        numbers = np.flatnonzero(parallel & (np.abs(self._heights(plane)) < _NEAR))
        here = [self._located[number] for number in numbers]
        if self._axis is not None:
            here = [one for one in here if _has(one, self._axis, n)]
        found = ((keyword, _agreed(here, keyword)) for keyword in self._others)
        said = {keyword: Said.copied(keyword, one) for keyword, one in found if one is not None}
        return {keyword: one for keyword, one in said.items() if not self._expected(one)}

    def left_out(self) -> Iterator[LeftOut]:
        """Yield what images say of themselves wrongly, so that no slice says it."""
        for image in self._located if self._placed else ():
            for keyword in self._others:
                if not _says(image, keyword):
                    continue
                said = Said.copied(keyword, image)
                if expected := self._expected(said):
                    tag, value = int(said.element.tag), said.element.value
                    yield LeftOut.of(tag, value, expected, image.name)

    def nearest(self, plane: Plane, keywords: Iterable[str]) -> Source | None:
        """Return the image nearest to a plane among those that have all of some attributes."""
        wanted = tuple(keywords)
        heights = np.abs(self._heights(plane)) if self._placed else np.zeros(len(self._located))
        order: list[int] = np.argsort(heights, kind="stable").tolist()
        for number in order:
            if all(_says(self._located[number], keyword) for keyword in wanted):
                return self._located[number]
        return None

    def _heights(self, plane: Plane) -> NDArray[np.float64]:
        return (self._positions - plane.position) @ plane.normal

    def _expected(self, one: Said) -> str:
        return what_is_expected(self._sop_class_uid, one.element)


def _images(sources: Sources, sop_class_uid: str) -> list[Source]:
    first = sources.first
    if first is None or value_of(first.data_set, "SOPClassUID") != sop_class_uid:
        return []
    return [one for one in sources if _identity(one) == _identity(first)]


def _identity(image: Source) -> tuple[Any, Any]:
    return value_of(image.data_set, "SOPClassUID"), value_of(image.data_set, "SeriesInstanceUID")


def _agreed(images: Sequence[Source], keyword: str) -> Source | None:
    """Return the first of some images if all of them say the same of an attribute."""
    if not images or not _says(images[0], keyword):
        return None
    value: Any = value_of(images[0].data_set, keyword)
    same = all(value_of(one.data_set, keyword) == value for one in images[1:])
    return images[0] if same else None


def _says(image: Source, keyword: str) -> bool:
    return value_of(image.data_set, keyword) is not None


def _plane(image: Source) -> Plane | None:
    try:
        return Plane.of(image.data_set)
    except (CannotCompose, AttributeError):  # it does not say where it lies, or how large it is
        return None


def _has(image: Source, axis: TagAxis, n: int) -> bool:
    """Tell whether an image has the value of volume `n` in what tells volumes apart."""
    try:
        found = float(value_of(image.data_set, axis.keyword))
        return bool(np.isclose(found, float(axis.value(n)), rtol=1e-6))
    except (TypeError, ValueError):
        return False
