"""Private elements of objects that are corrected, and the blocks they stand in (PS3.5 7.8.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydicom.dataelem import DataElement

from isocenter.compose import values
from isocenter.compose.private_elements import (
    check_creators,
    creator_of,
    needs_representation,
    represented,
)
from isocenter.dicom import dictionary
from isocenter.dicom.elements import ElementSpan
from isocenter.dicom.encoding import Layout
from isocenter.dicom.places import find_element
from isocenter.errors import CannotCompose

__all__ = ["creators_of", "with_representations"]


def with_representations(
    wanted: Mapping[int, Any], spans: Sequence[ElementSpan], head: bytes, layout: Layout
) -> dict[int, Any]:
    """Return the changes of an object, those of private elements with their VR.

    Without one that was said, it is the element's own, or that of its creator's data dictionary.

    Parameters
    ----------
    wanted
        By tag, the new values; None to remove one.
    spans
        The elements of the object.
    head
        Its data set up to Pixel Data.
    layout
        How it is laid out.

    Raises
    ------
    CannotCompose
        When a value representation is not known, or a private element would be without creator.
    """
    if not any(
        dictionary.is_private(tag) or needs_representation(tag, wanted[tag]) for tag in wanted
    ):
        return dict(wanted)

    def creator(tag: int) -> str:
        return _name(wanted[tag]) if tag in wanted else _stored_name(tag, head, layout)

    found = dict(wanted)
    for tag, value in wanted.items():
        if needs_representation(tag, value):
            vr = _stored_representation(tag, spans, head, layout)
            found[tag] = represented(tag, value, vr=vr, creator=creator)
    check_creators([tag for tag, value in wanted.items() if value is not None], creator)
    _check_removed({tag for tag in wanted if not _name(wanted[tag])}, wanted, spans)
    return found


def creators_of(tags: Iterable[int]) -> set[int]:
    """Return the tags of the private creators that reserve the blocks of private elements."""
    return {
        creator_of(tag)
        for tag in tags
        if dictionary.is_private(tag) and not dictionary.is_private_creator(tag)
    }


def _check_removed(
    removed: set[int], wanted: Mapping[int, Any], spans: Sequence[ElementSpan]
) -> None:
    """Refuse to take away a creator whose elements stay."""
    creators = {tag for tag in removed if dictionary.is_private_creator(tag)}
    if not creators:
        return
    staying = {tag for tag, *_ in spans if tag not in wanted or wanted[tag] is not None}
    for tag in sorted(staying):
        if creators_of((tag,)) & creators:
            raise CannotCompose(
                f"{values.described(creator_of(tag))} reserves the block of "
                f"{values.described(tag)}, which stays (PS3.5 7.8.1); remove that, too.",
                tag=creator_of(tag),
            )


def _name(value: Any) -> str:
    plain = value.value if isinstance(value, DataElement) else value
    return "" if plain is None else str(plain)


def _stored_name(tag: int, head: bytes, layout: Layout) -> str:
    place = find_element(head, layout, tag)
    if place is None:
        return ""
    return head[place.offset : place.offset + place.length].decode("latin-1").strip(" \0")


def _stored_representation(
    tag: int, spans: Sequence[ElementSpan], head: bytes, layout: Layout
) -> str:
    if layout.implicit:
        return ""
    vr = next((head[start + 4 : start + 6] for other, start, _ in spans if other == tag), b"")
    text = vr.decode("latin-1")
    return text if text.isalpha() and text.isupper() and text != "UN" else ""
