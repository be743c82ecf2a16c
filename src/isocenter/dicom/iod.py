"""Information Object Definitions (PS3.3): modules, and the attributes that they ask for.

The table is loaded with the first question (some 30 ms) and kept.
"""

import json
import lzma
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, cast

from isocenter.dicom.terms import OF_MODULES, STANDING_IN, Terms

__all__ = [
    "IOD",
    "AttributeRule",
    "Clause",
    "Condition",
    "Module",
    "ModuleUse",
    "Otherwise",
    "Terms",
    "Usage",
    "iod",
    "modules",
]

AttributeType = Literal["1", "1C", "2", "2C", "3"]


class Usage(Enum):
    """Whether an IOD demands a module (PS3.3 A.1.3)."""

    MANDATORY = "M"
    CONDITIONAL = "C"
    USER_OPTIONAL = "U"


class Otherwise(Enum):
    """What holds for a conditional attribute when its condition is not met (PS3.5 7.4)."""

    ALLOWED = 0
    NOT_MEANT = 1
    FORBIDDEN = 2


@dataclass(frozen=True, slots=True)
class Clause:
    """A statement about other attributes.

    Parameters
    ----------
    kind
        `present`, `absent`, `equal`, `unequal` and `greater` speak of `tag`, `all` and `any` of
        `parts`; `unspoken` means that no module of the object has the attribute, `within` that it
        has a value in the item or below, and nothing where it has none.
    tag
        The attribute that is spoken of.
    number
        Which of its values, counted from 1; 0 for any of them.
    terms
        The values that are meant.
    parts
        What `all` or `any` join.
    """

    kind: str
    tag: int = 0
    number: int = 0
    terms: tuple[str, ...] = ()
    parts: tuple["Clause", ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """When a Type 1C or 2C attribute is required, and whether it may be present otherwise."""

    clause: Clause
    otherwise: Otherwise


@dataclass(frozen=True, slots=True, eq=False)  # made once each: identity is equality
class AttributeRule:
    """What a module says about one attribute.

    Parameters
    ----------
    tag
        The attribute.
    type
        Its type (PS3.5 7.4).
    condition
        When it is required, where the standard says it in terms of other attributes.
    terms
        Its enumerated values or defined terms.
    single_item, any_item
        Whether a sequence has at most one item; whether it has at least one if it is present.
    items
        The attributes of a sequence's items; empty if nothing is known of them.
    """

    tag: int
    type: AttributeType
    condition: Condition | None
    terms: tuple[Terms, ...]
    single_item: bool
    any_item: bool
    items: tuple["AttributeRule", ...]


@dataclass(frozen=True, slots=True, eq=False)  # made once each: identity is equality
class Module:
    """A module (PS3.3 Annex C): its name and its attributes, in order of their tags."""

    name: str
    attributes: tuple[AttributeRule, ...]


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """A module as an IOD uses it."""

    module: Module
    usage: Usage
    information_entity: str


@dataclass(frozen=True, slots=True, eq=False)  # made once each: identity is equality
class IOD:
    """An Information Object Definition (PS3.3 Annex A): its name and modules."""

    name: str
    modules: tuple[ModuleUse, ...]


def iod(sop_class_uid: str) -> IOD | None:
    """Return the IOD of a storage SOP Class.

    Parameters
    ----------
    sop_class_uid
        SOP Class UID (0008,0016).

    Returns
    -------
    IOD or None
        None for private, retired and unknown SOP Classes.

    References
    ----------
    PS3.4 B.5, PS3.3 A.1
    """
    name = _table()["sop_classes"].get(sop_class_uid)
    return _iod(name) if name else None


@cache
def modules() -> tuple[Module, ...]:
    """Return the modules of all IODs, in order of their names."""
    return tuple(map(_module, sorted(_table()["modules"])))


_TABLE: Final = "iods.json.xz"
_SMALL_WORDS: Final = {"and", "of", "for", "to", "in"}
# How the standard writes the names of modules, where that is not word by word.
_SPELLED: Final = {
    word.lower(): word
    for word in (
        "2D", "3D", "CDA", "CR", "CT", "DVH", "DX", "ECG", "ICC", "IVOCT", "IVUS", "LUT", "MPR",
        "MR", "MTL", "NM", "OBJ", "OCT", "PDF", "PET", "RF", "ROI", "RT", "SC", "SOP", "SR", "STL",
        "US", "UV", "VL", "VOI", "XA", "XRF",
    )
}  # fmt: skip


@cache
def _table() -> dict[str, Any]:
    compressed = resources.files("isocenter.dicom.tables").joinpath(_TABLE).read_bytes()
    return cast(dict[str, Any], json.loads(lzma.decompress(compressed)))


@cache
def _iod(name: str) -> IOD:
    known = _table()["modules"]
    uses = (
        ModuleUse(_module(key), Usage(usage), entity)
        for key, usage, entity in _table()["iods"][name]
        if key in known
    )
    return IOD(_title(name), tuple(uses))


@cache
def _module(key: str) -> Module:
    name = _title(key)
    rules = _rules(_table()["modules"][key])
    return Module(name, tuple(_with_terms_of(name, rule) for rule in rules))


def _with_terms_of(module: str, rule: AttributeRule) -> AttributeRule:
    terms = OF_MODULES.get((module, rule.tag))
    return rule if terms is None else replace(rule, terms=terms)


def _title(key: str) -> str:
    words = (
        word if word in _SMALL_WORDS else _SPELLED.get(word, word.capitalize())
        for word in key.split("-")
    )
    return " ".join(words).replace("Multi Frame", "Multi-frame")


@cache
def _rules(number: int) -> tuple[AttributeRule, ...]:
    return tuple(_rule(node) for node in _table()["lists"][number])


@cache
def _rule(number: int) -> AttributeRule:
    table = _table()
    tag, kind, condition, terms, single, items = table["nodes"][number]
    listed = tuple(Terms(n, bool(enum), tuple(t)) for n, enum, t in table["values"][terms] or ())
    return AttributeRule(
        tag,
        table["types"][kind],
        _condition(condition),
        listed or STANDING_IN.get(tag, ()),
        bool(single & 1),
        bool(single & 2),
        _rules(items),
    )


@cache
def _condition(number: int) -> Condition | None:
    stored = _table()["conditions"][number]
    return Condition(_clause(stored[0]), Otherwise(stored[1])) if stored else None


def _clause(stored: list[Any]) -> Clause:
    kind, *rest = stored
    if kind in ("all", "any"):
        return Clause(kind, parts=tuple(map(_clause, rest)))
    if kind in ("present", "absent"):
        return Clause(kind, rest[0])
    return Clause(kind, rest[0], rest[1], tuple(rest[2]))
