"""The Content Identification macro (PS3.3 Table 10-12), with Instance Number."""

from __future__ import annotations

from isocenter.compose.composition import Composition
from isocenter.errors import CannotCompose

__all__ = ["content_identification"]


def content_identification(
    composition: Composition,
    number: int,
    label: str,
    description: str | None = None,
    creator: str | None = None,
) -> None:
    """Set Instance Number, Content Label, Content Description and Content Creator's Name.

    Raises
    ------
    CannotCompose
        When the label is no CS of at most 16 characters.
    """
    label = label.upper()
    if not 0 < len(label) <= 16 or not all(
        c.isascii() and (c.isalnum() or c in " _") for c in label
    ):
        raise CannotCompose(
            f"The content label is {label!r}; expected 1 to 16 of A-Z, 0-9, blank and underscore "
            "(CS).",
            tag=0x00700080,
            module="Content Identification",
        )
    composition.take("InstanceNumber", number)
    composition.give("ContentLabel", label)
    composition.generate("ContentDescription", None, "Type 2")
    composition.give("ContentDescription", description)
    composition.generate("ContentCreatorName", None, "Type 2")
    composition.give("ContentCreatorName", creator)
