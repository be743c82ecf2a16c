"""Display shutters of images themselves: what their acquisition has left dark (PS3.3 C.7.6.11)."""

from collections.abc import Sequence

from isocenter.dicom import tags
from isocenter.errors import InvalidAttribute

from .attributes import Attributes
from .functional_groups import frames_of
from .presentation.shutters import Shutter, read_shutter

__all__ = ["own_shutters"]

_GROUPS = (tags.SharedFunctionalGroupsSequence, tags.PerFrameFunctionalGroupsSequence)
_FRAME_DISPLAY_SHUTTER = 0x00189472
# Working out what is hidden takes some ten bytes a pixel; the largest detectors have 40 million. A
# small file may say that it has a thousand frames of that size, with as many shutters.
_MOST_PIXELS = 1 << 27


def own_shutters(
    attributes: Attributes, number_of_frames: int, problems: list[str]
) -> Sequence[Shutter | None]:
    """Read the shutter of every frame of an image.

    Parameters
    ----------
    attributes
        Of the image.
    number_of_frames
        How many there are.
    problems
        Takes a sentence where a shutter does not say where it is; it is not drawn then.

    Returns
    -------
    sequence of Shutter or None
        In the order of the frames.

    References
    ----------
    PS3.3 C.7.6.11, C.7.6.16.2.16
    """
    if all(element is None for element in attributes.elements(_GROUPS)):
        shutters = [_shutter(attributes, problems)] * number_of_frames
    else:
        shutters = [
            _shutter(frame.macro(_FRAME_DISPLAY_SHUTTER), problems)
            for frame in frames_of(attributes, number_of_frames)
        ]
    if _is_too_large(attributes, shutters):
        problems.append(
            f"the display shutter is not drawn on more than {_MOST_PIXELS} pixels in all"
        )
        return [None] * number_of_frames
    return shutters


def _shutter(attributes: Attributes, problems: list[str]) -> Shutter | None:
    try:
        shutter = read_shutter(attributes, problems)
    except InvalidAttribute as error:
        problems.append(f"the display shutter is not drawn: {error}")
        return None
    # A bitmap is of presentation states.
    return shutter if shutter is not None and shutter.shapes else None


def _is_too_large(attributes: Attributes, shutters: Sequence[Shutter | None]) -> bool:
    pixels = (attributes.integer(tags.Rows) or 0) * (attributes.integer(tags.Columns) or 0)
    return pixels * len(set(shutters) - {None}) > _MOST_PIXELS
