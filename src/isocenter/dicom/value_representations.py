"""Tell the value representation of an element whose bytes do not (PS3.5 6.2.2, A.1)."""

from dataclasses import dataclass, field

from isocenter.dicom import dictionary, tags
from isocenter.dicom.character_sets import ASCII, CharacterSet, character_set

LUT_DESCRIPTORS = frozenset(
    {
        0x00281100,  # Gray Lookup Table Descriptor
        tags.RedPaletteColorLookupTableDescriptor,
        tags.GreenPaletteColorLookupTableDescriptor,
        tags.BluePaletteColorLookupTableDescriptor,
        tags.LUTDescriptor,
    }
)
"""Their first value is unsigned whatever the others are (PS3.3 C.7.6.3.1.5, C.11.1.1.1)."""


@dataclass(slots=True)
class Level:
    """What the elements of one data set, the outermost or an item's, say about those behind them.

    Parameters
    ----------
    implicit
        Whether value representations are left out.
    depth
        How many sequences it is in.
    path
        What names the place of the item in bulk data links; empty or with a slash at its end.
    characters
        The way to decode text.
    pixel_representation
        0 for unsigned, 1 for signed pixels; None if not known yet.
    """

    implicit: bool
    depth: int = 0
    path: str = ""
    characters: CharacterSet = ASCII
    pixel_representation: int | None = None
    lut_entries: int | None = field(default=None, init=False)
    creators: dict[int, bytes] = field(default_factory=dict[int, bytes], init=False)

    def item(self, tag: int, number: int, implicit: bool) -> "Level":
        """Return the level of an item, which inherits what it does not say itself."""
        path = f"{self.path}{tag:08X}/{number}/"
        return Level(implicit, self.depth + 1, path, self.characters, self.pixel_representation)

    def learn(self, tag: int, raw: bytes, order: str) -> None:
        """Take note of an element on which the reading of others depends."""
        if tag == tags.SpecificCharacterSet:
            terms = raw.decode("latin-1").split("\\") if raw else []
            self.characters = character_set([term.strip(" \0") for term in terms])
        elif tag == tags.PixelRepresentation:
            self.pixel_representation = _unsigned(raw, order)
        elif tag == tags.LUTDescriptor:
            self.lut_entries = _unsigned(raw, order)
        elif dictionary.is_private_creator(tag):
            self.creators[tag] = raw

    def vr(self, tag: int) -> str:
        """Find the value representation of an attribute by the dictionaries.

        Returns
        -------
        str
            Never ambiguous; `UN` if no dictionary has the attribute.
        """
        if not dictionary.is_private(tag):
            found = dictionary.vr(tag)
        elif dictionary.is_private_creator(tag):
            return "LO"
        else:
            found = self._private_vr(tag)
        if found is None:
            return "UN"
        return self._chosen(found) if " or " in found else found

    def _private_vr(self, tag: int) -> str | None:
        raw = self.creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
        if raw is None or len(raw) > _LONGEST_CREATOR:
            return None
        creator = self.characters.decode(raw).strip(" \0")
        attribute = dictionary.private_attribute(creator, tag)
        return attribute.vr if attribute else None

    def _chosen(self, vr: str) -> str:
        """Choose between value representations as the standard says for Implicit VR."""
        if vr == "US or SS":
            return "SS" if self.pixel_representation == 1 else "US"
        if vr == "US or OW" and self.lut_entries == 1:
            return "US"
        return "OW"


_LONGEST_CREATOR = 256  # bytes; 64 characters of LO


def _unsigned(raw: bytes, order: str) -> int | None:
    return int.from_bytes(raw[:2], "little" if order == "<" else "big") if len(raw) >= 2 else None


TEACHING_TAGS = frozenset({tags.SpecificCharacterSet, tags.PixelRepresentation, tags.LUTDescriptor})
"""Those from which `Level.learn` learns, besides private creators."""
