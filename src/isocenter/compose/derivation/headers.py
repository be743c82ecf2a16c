"""The headers of derived images, edited from the bytes of their sources'.

What all images share is encoded once; for each, only what is its own. The rest is copied as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from isocenter.compose.composition import Provenance
from isocenter.compose.copied_items import mended_items
from isocenter.compose.correction.value_encoding import holds
from isocenter.compose.data_set_encoding import encoded_data_set
from isocenter.compose.derivation import header_bytes
from isocenter.compose.derivation import tables as derivation_tables
from isocenter.compose.derivation.attributes import Changes, Plan, shared_changes, site_changes
from isocenter.compose.derivation.header_bytes import Encoded, HeaderBytes
from isocenter.compose.derivation.kept_values import as_required, sound_values
from isocenter.compose.left_out import LeftOut
from isocenter.compose.reading import is_sequence
from isocenter.compose.whole_sequences import check_encoded
from isocenter.dicom.elements import element_spans
from isocenter.dicom.encoding import EXPLICIT_LITTLE, Buffer
from isocenter.errors import CannotCompose

__all__ = ["DerivedHeader", "DerivedHeaders"]

_UNICODE = ("ISO_IR 192",)
_MOST_SHARED = 64


@dataclass(frozen=True, slots=True)
class DerivedHeader:
    """A header in Explicit VR Little Endian up to Pixel Data.

    Parameters
    ----------
    pieces
        Its bytes.
    provenance
        Where the values came from that were not copied as they are.
    left_out
        What the source says wrongly and the image can be without.
    """

    pieces: Sequence[Buffer]
    provenance: Mapping[int, Provenance]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is encoded once for all sources that agree."""

    terms: tuple[str, ...]
    elements: Encoded
    site: Encoded
    provenance: Mapping[int, Provenance]
    site_provenance: Mapping[int, Provenance]
    left_out: tuple[LeftOut, ...]


class DerivedHeaders:
    """Makes headers of derived images.

    Parameters
    ----------
    plan
        What the images have in common.
    keep_private
        True for all private attributes, or the creators whose are kept.
    """

    def __init__(self, plan: Plan, keep_private: bool | Sequence[str] = False) -> None:
        self._plan = plan
        self._keep_private = keep_private
        self._shared: dict[tuple[bytes | bool, ...], _Shared] = {}

    def derived(self, data: bytes, own: Changes, name: str) -> DerivedHeader:
        """Return the header of a derived image.

        Parameters
        ----------
        data
            That of its source, in Explicit VR Little Endian, up to Pixel Data.
        own
            What is said of this image alone.
        name
            How the source is called.
        """
        check_encoded(data, header_bytes.parsed, name)
        source = HeaderBytes(data)
        shared = self._shared_for(source)
        if shared.terms == _UNICODE and source.terms != _UNICODE:
            source = HeaderBytes(header_bytes.in_unicode(data))
        elements = {
            **source.unwanted(self._keep_private),
            **shared.elements,
            **_encoded(own, shared.terms),
            **shared.site,
        }
        sop_class_uid = self._plan.sop_class_uid
        kept = sound_values(source, elements, sop_class_uid, name)
        elements = {**kept.elements, **elements}
        of_parts = (replace(one, sources=(name,)) for one in shared.left_out)
        return DerivedHeader(
            source.edited(as_required(elements, source, sop_class_uid)),
            {**kept.provenance, **shared.provenance, **own.provenance, **shared.site_provenance},
            (*kept.left_out, *(one for one in of_parts if one.tag not in shared.site)),
        )

    def _shared_for(self, source: HeaderBytes) -> _Shared:
        kin = source.kin()
        if (found := self._shared.get(kin)) is None:
            like = _deciding(source)
            changes, site = shared_changes(like, self._plan), Changes()
            site_changes(site, changes, like, self._plan)
            terms = source.terms
            if not (_fits(changes, terms) and _fits(site, terms)):
                terms = _UNICODE
            if len(self._shared) >= _MOST_SHARED:
                self._shared.clear()
            found = self._shared[kin] = _Shared(
                terms,
                _encoded(changes, terms),
                _encoded(site, terms),
                changes.provenance,
                site.provenance,
                tuple(changes.left_out),
            )
        return found


def _deciding(source: HeaderBytes) -> Dataset:
    """Return a source with what is written wrongly in the items that decide about it mended."""
    data_set = header_bytes.parsed(source.data)
    for tag in derivation_tables.tags_of(derivation_tables.KIN):
        if is_sequence(tag) and tag in data_set:
            mended_items(data_set[tag])
    return data_set


def _encoded(changes: Changes, terms: Sequence[str]) -> dict[int, bytes | None]:
    """Encode changes for a header in a character set.

    Raises
    ------
    CannotCompose
        When a value does not fit its value representation.
    """
    try:
        data = b"".join(encoded_data_set(changes.data_set, EXPLICIT_LITTLE, terms))
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise CannotCompose(f"An attribute cannot be encoded: {error}.") from error
    found: dict[int, bytes | None] = dict.fromkeys(changes.removed)
    spans = element_spans(data, EXPLICIT_LITTLE)
    found.update({tag: data[start:end] for tag, start, end in spans})
    return found


def _fits(changes: Changes, terms: Sequence[str]) -> bool:
    """Tell whether the text of changes can be written in a character set."""
    return holds((element.value for element in changes.data_set), terms)
