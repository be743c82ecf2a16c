"""What registrations say of images before they say how these move (PS3.3 A.39, C.7.4.1)."""

from __future__ import annotations

from isocenter.compose import sources
from isocenter.compose.composition import Composition
from isocenter.compose.references import uid_of
from isocenter.compose.sources import SourceLike, Sources
from isocenter.errors import CannotCompose

__all__ = ["add_header", "fixed_and_moving", "moving_frame_of_reference"]

_FRAME_OF_REFERENCE = 0x00200052


def fixed_and_moving(source: SourceLike, moving: SourceLike | None) -> tuple[Sources, Sources]:
    """Load the fixed images and the moving ones, by default the fixed.

    Raises
    ------
    CannotCompose
        When they belong to several patients.
    """
    fixed = sources.load(source)
    moved = sources.load(moving) if moving is not None else fixed
    Sources((*fixed, *moved))  # one patient, or refused
    return fixed, moved


def add_header(
    composition: Composition,
    frame_of_reference_uid: str | None,
    *,
    number: int,
    description: str | None,
) -> None:
    """Inherit patient and study, begin a series, and say what points are mapped into or from.

    Parameters
    ----------
    composition
        The object; its source is the fixed images.
    frame_of_reference_uid
        Frame of Reference UID (0020,0052); None for that of the source.
    number, description
        Series Number (0020,0011) and Series Description (0008,103E).

    Raises
    ------
    CannotCompose
        When there is no frame of reference, or one of them cannot be that of its attribute.
    """
    composition.patient()
    composition.study()
    composition.series("REG", number=number, description=description)
    composition.equipment()
    if frame_of_reference_uid is not None:
        composition.give("FrameOfReferenceUID", frame_of_reference_uid)
        composition.copy_or_empty(("PositionReferenceIndicator",))
    else:
        composition.frame_of_reference()
    composition.content_moment()


def moving_frame_of_reference(moved: Sources) -> str:
    """Return the Frame of Reference UID (0020,0052) of the moving images.

    Raises
    ------
    CannotCompose
        When they have none, or several.
    """
    found = {uid_of(one.data_set, _FRAME_OF_REFERENCE) for one in moved} - {""}
    if len(found) != 1:
        what = "no" if not found else f"{len(found)} different"
        raise CannotCompose(
            f"The moving images have {what} Frame of Reference UIDs; expected one for all of them, "
            "or give source_frame_of_reference_uid.",
            tag=_FRAME_OF_REFERENCE,
            module="Frame of Reference",
        )
    return found.pop()
