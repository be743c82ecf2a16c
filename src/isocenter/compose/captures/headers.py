"""What pictures and videos say before their pixels: patient, study, series and number."""

from __future__ import annotations

from isocenter.compose import sources
from isocenter.compose.composition import Composition
from isocenter.compose.sources import SourceLike

__all__ = ["add_header"]


def add_header(
    composition: Composition,
    modality: str,
    *,
    number: int | None,
    description: str | None,
    series_of: SourceLike | None,
    instance_number: int | None,
) -> int:
    """Inherit patient and study, begin a series or join one, and name the equipment.

    Parameters
    ----------
    composition
        The object.
    modality
        Modality (0008,0060).
    number, description
        Series Number (0020,0011), by default above those of the sources, and Series Description
        (0008,103E).
    series_of
        Objects whose series it joins; None for a series of its own.
    instance_number
        Instance Number (0020,0013); None for the next that is free in the series.

    Returns
    -------
    int
        The Instance Number that it has.

    Raises
    ------
    CannotCompose
        When the series to join is of another study, or one of them cannot be that of its attribute.
    """
    composition.patient()
    composition.study()
    composition.series(modality, number=number, description=description)
    free = composition.join(sources.load(series_of))
    composition.equipment()
    return free if instance_number is None else instance_number
