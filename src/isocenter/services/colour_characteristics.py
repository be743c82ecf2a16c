"""Pictures in the colour space that was asked for, with its ICC profile (PS3.18 8.3.5.1.5)."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from isocenter.archive import StoredInstance
from isocenter.dicomweb import IccProfile
from isocenter.errors import InvalidAttribute, InvalidRequest, NotFound
from isocenter.pixels.colour_profiles import ColourSpace, converted, read_profile, rgb_profile
from isocenter.services.bulk_data import value_of

__all__ = ["characterised"]

Picture = NDArray[np.uint8]

_SPACES: Final = {
    IccProfile.SRGB: ColourSpace.SRGB,
    IccProfile.ADOBE_RGB: ColourSpace.ADOBE_RGB,
    IccProfile.ROMM_RGB: ColourSpace.ROMM_RGB,
    IccProfile.DISPLAY_P3: ColourSpace.DISPLAY_P3,
}
_PROFILE: Final = "00282000"
_OPTICAL_PATHS: Final = "00480105"
_OPTICAL_PATH_IDENTIFIER: Final = "00480106"
_GIF: Final = "image/gif"


def characterised(
    picture: Picture, instance: StoredInstance, asked: IccProfile | None, media_type: str
) -> tuple[Picture, bytes | None]:
    """Bring a picture into the colour space that was asked for.

    Parameters
    ----------
    picture
        `(rows, columns)` gray or `(rows, columns, 3)` RGB.
    instance
        What it shows, or the presentation state by which it is shown: its ICC profile says what
        the colours are. Gray pictures and those of an instance without one are sRGB.
    asked
        The colour space; None for whatever it is, said nowhere.
    media_type
        Of the file that will be made.

    Returns
    -------
    picture : ndarray
        `(rows, columns, 3)` RGB where a colour space was asked for.
    profile : bytes
        What to put into the file; None for nothing, as always in a GIF.

    Raises
    ------
    InvalidRequest
        The instance's own profile cannot be used, or the file cannot say which space it is in.

    References
    ----------
    PS3.3 C.11.15, PS3.18 8.3.5.1.5
    """
    if asked is None or asked is IccProfile.NO:
        return picture, None
    if media_type == _GIF and asked is IccProfile.YES:
        return picture, None
    if media_type == _GIF and asked is not IccProfile.SRGB:
        raise InvalidRequest(
            f"image/gif has no ICC profile, so its colours are not {asked}; accept image/png or "
            "image/jpeg, or ask for iccprofile=srgb"
        )
    srgb = rgb_profile(ColourSpace.SRGB)
    coloured = picture.ndim == 3
    try:
        own = (_own_profile(instance) if coloured else None) or srgb
        if asked is IccProfile.YES:
            read_profile(own)
            target = own
        else:
            target = rgb_profile(_SPACES[asked])
        rgb = picture if coloured else np.repeat(picture[..., None], 3, axis=2)
        return converted(rgb, own, target), None if media_type == _GIF else target
    except InvalidAttribute as error:
        raise InvalidRequest(f"{error}; ask for iccprofile=no") from error


def _own_profile(instance: StoredInstance) -> bytes | None:
    """Return the profile of an instance, or that of its optical paths.

    Raises
    ------
    InvalidRequest
        Its optical paths have several.
    """
    if own := _value(instance, _PROFILE):
        return own
    profiles = set(_optical_path_profiles(instance))
    if len(profiles) > 1:
        raise InvalidRequest(
            f"the optical paths of the instance have {len(profiles)} different ICC profiles; ask "
            "for iccprofile=no"
        )
    return next(iter(profiles), None)


def _optical_path_profiles(instance: StoredInstance) -> Iterator[bytes]:
    number = 0
    while _value(instance, f"{_OPTICAL_PATHS}/{number}/{_OPTICAL_PATH_IDENTIFIER}") is not None:
        if profile := _value(instance, f"{_OPTICAL_PATHS}/{number}/{_PROFILE}"):
            yield profile
        number += 1


def _value(instance: StoredInstance, path: str) -> bytes | None:
    try:
        return value_of(instance, path)
    except NotFound:
        return None
