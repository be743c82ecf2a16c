"""When the values of a PET image occurred, and the factor of decay for it (PS3.3 C.8.9.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose.acquisition.source_slices import Said, SourceSlices
from isocenter.compose.planes import Plane
from isocenter.compose.reading import value_of
from isocenter.compose.sources import Source
from isocenter.compose.values import described, tag_of
from isocenter.errors import CannotCompose

__all__ = ["with_times"]

_TIME, _FACTOR = "FrameReferenceTime", "DecayFactor"


def with_times(
    said: Mapping[str, Said],
    shared: Dataset,
    slices: SourceSlices,
    plane: Plane,
    given: Iterable[int],
    *,
    several: bool,
) -> dict[str, Said]:
    """Return what an image says, with Frame Reference Time and, if corrected, Decay Factor.

    Of an image in no plane of the source, both are those of the nearest source image: together with
    the half-life they say the moment to which the whole series was corrected (PS3.3 C.8.9.1.1.5).

    Parameters
    ----------
    said
        What the image says so far.
    shared
        What all of them say.
    slices
        The images of the source.
    plane
        Where the image lies.
    given
        Tags that the caller or the site decides.
    several
        Whether the series has several volumes, each of its time.

    Raises
    ------
    CannotCompose
        When nothing says time or factor.
    """
    result = dict(said)
    corrected = value_of(shared, "DecayCorrection") not in (None, "", "NONE")
    wanted = (_TIME, _FACTOR) if corrected else (_TIME,)
    decided = {*given, *map(tag_of, (*said, *slices.in_common))}
    missing = [one for one in wanted if tag_of(one) not in decided]
    near = slices.nearest(plane, wanted) if missing else None
    if near is not None and missing == [_FACTOR] and _TIME in said:
        result[_FACTOR] = _factor(said[_TIME], near, shared)
    elif near is not None and not several:
        result |= {one: Said.copied(one, near) for one in missing}
    elif several and _TIME in missing:
        raise _unknown(_TIME, "volumes of several times")
    elif _FACTOR in missing:
        raise _unknown(_FACTOR, "images corrected for decay")
    return result


def _factor(time: Said, near: Source, shared: Dataset) -> Said:
    """Return the factor for another time: that of a source image, decayed or grown until then."""
    known: Any = near.data_set[_FACTOR].value
    since = (float(time.element.value) - float(near.data_set[_TIME].value)) / 1000
    if since == 0:
        return Said.copied(_FACTOR, near)
    agents: Any = value_of(shared, "RadiopharmaceuticalInformationSequence")
    half_life = value_of(agents[0], "RadionuclideHalfLife") if agents else None
    if not half_life:
        raise _unknown(_FACTOR, "images corrected for decay")
    factor = float(known) * 2 ** (since / float(half_life))
    return Said.made(_FACTOR, factor, "that of the source's time, by the half-life")


def _unknown(keyword: str, of: str) -> CannotCompose:
    return CannotCompose(
        f"PET {of} say {described(tag_of(keyword))} each, and the source does not say it for this "
        f"one: give PET images that do, or say it (--set {keyword}=VALUE).",
        tag=tag_of(keyword),
        module="PET Image",
    )
