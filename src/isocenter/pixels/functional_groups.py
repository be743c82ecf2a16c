"""Functional groups: what holds for one frame of an enhanced object (PS3.3 C.7.6.16)."""

from collections.abc import Sequence

from isocenter.dicom import tags

from .attributes import Attributes

__all__ = ["FrameAttributes", "frames_of"]


class FrameAttributes:
    """The attributes that hold for one frame.

    Parameters
    ----------
    root
        The data set.
    number
        The frame, counted from 1.
    shared, own
        Items of the Shared and Per-frame Functional Groups Sequences, where there are such.
    """

    __slots__ = ("number", "own", "root", "shared")

    def __init__(
        self, root: Attributes, number: int, shared: Attributes | None, own: Attributes | None
    ) -> None:
        self.root = root
        self.number = number
        self.shared = shared
        self.own = own

    def macro(self, sequence: int) -> Attributes:
        """Return the item of a functional group: the frame's own, else the shared, else the root.

        Parameters
        ----------
        sequence
            Tag of the functional group's sequence.

        Returns
        -------
        item : Attributes
            The root where there is no such group: classic objects keep the attributes there.
        """
        for group in (self.own, self.shared):
            item = group.item(sequence) if group is not None else None
            if item is not None:
                return item
        return self.root


def frames_of(root: Attributes, number_of_frames: int) -> Sequence[FrameAttributes]:
    """List the frames of an object, each with the groups that hold for it.

    Parameters
    ----------
    root
        The data set.
    number_of_frames
        Number of Frames (0028,0008); frames beyond the described groups have shared groups only.

    Returns
    -------
    sequence of FrameAttributes
        One for each frame.
    """
    shared = root.item(tags.SharedFunctionalGroupsSequence)
    own = root.items(tags.PerFrameFunctionalGroupsSequence)
    return [
        FrameAttributes(root, n + 1, shared, own[n] if n < len(own) else None)
        for n in range(number_of_frames)
    ]
