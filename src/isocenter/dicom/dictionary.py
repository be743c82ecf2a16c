"""The data dictionary (PS3.6), and those of private creators: names and value representations.

The tables are pydicom's, loaded with the first question.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

_AMBIGUOUS_SEPARATOR = " or "


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a dictionary says about an attribute.

    Parameters
    ----------
    vr
        Its value representation; where the standard leaves a choice, both as `US or SS`.
    vm
        Its value multiplicity, such as `1` or `2-2n`.
    name
        Its name for people.
    keyword
        Its name for programs; empty for private attributes.
    retired
        Whether the standard has retired it.
    """

    vr: str
    vm: str
    name: str
    keyword: str = ""
    retired: bool = False


def attribute(tag: int) -> Attribute | None:
    """Look up a standard attribute, repeating groups included.

    Parameters
    ----------
    tag
        The attribute.

    Returns
    -------
    Attribute or None
        None if the dictionary does not have it; private ones are in `private_attribute`.
    """
    return _attribute(tag)


@lru_cache(maxsize=8192)
def _attribute(tag: int) -> Attribute | None:
    from pydicom.datadict import get_entry

    try:
        vr, vm, name, retired, keyword = get_entry(tag)
    except KeyError:
        return Attribute("UL", "1", "Group Length", "", True) if tag & 0xFFFF == 0 else None
    return Attribute("UN" if vr == "NONE" else vr, vm, name, keyword, retired == "Retired")


def vr(tag: int) -> str | None:
    """Return a standard attribute's value representation, `US or SS` if there is a choice."""
    found = attribute(tag)
    return found.vr if found else None


def keyword(tag: int) -> str:
    """Return a standard attribute's keyword, such as `PatientName`; empty if there is none."""
    found = attribute(tag)
    return found.keyword if found else ""


def name(tag: int) -> str:
    """Return a standard attribute's name, such as `Patient's Name`; empty if there is none."""
    found = attribute(tag)
    return found.name if found else ""


@cache
def _tags() -> dict[str, int]:
    from pydicom.datadict import keyword_dict

    return {word: number for word, number in keyword_dict.items() if word}


def tag(keyword: str) -> int | None:
    """Return the tag with a keyword; None if there is none."""
    return _tags().get(keyword)


@cache
def _tags_by_letters() -> dict[str, int]:
    return {word.lower(): number for word, number in _tags().items()}


def tag_of_name(text: str) -> int | None:
    """Return the tag whose keyword has the letters of a text, such as `patient id`; else None."""
    letters = (one for one in text.lower().replace("'s ", "") if one.isalnum())
    return _tags_by_letters().get("".join(letters))


def is_private(tag: int) -> bool:
    """Tell whether a tag belongs to a private creator, whose groups are odd (PS3.5 7.8)."""
    return bool(tag >> 16 & 1)


def is_private_creator(tag: int) -> bool:
    """Tell whether an element with this tag names the private creator of a block (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


@lru_cache(maxsize=8192)
def private_attribute(creator: str, tag: int) -> Attribute | None:
    """Look up an attribute of a private creator, in whatever block it stands.

    Parameters
    ----------
    creator
        Value of the private creator element that reserves the block.
    tag
        The attribute.

    Returns
    -------
    Attribute or None
        None if no dictionary of that creator has it.
    """
    from pydicom.datadict import get_private_entry

    try:
        vr, vm, name, retired = get_private_entry(tag, creator)
    except KeyError:
        return None
    return Attribute(vr.replace("_", _AMBIGUOUS_SEPARATOR), vm, name, "", retired == "Retired")
