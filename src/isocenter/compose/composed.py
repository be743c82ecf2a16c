"""A finished object, and for each attribute where it came from.

`--explain` prints what this records: for each attribute the presence of its value and its origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from isocenter.compose import values
from isocenter.compose.argument_types import checked
from isocenter.compose.left_out import LeftOut
from isocenter.compose.sound_values import attribute_types, how_mended
from isocenter.compose.writing import write

__all__ = ["Composed", "Origin", "Provenance"]


class Origin(Enum):
    """Where a value came from."""

    COPIED = "copied"
    GENERATED = "generated"
    GIVEN = "given"
    CONFIGURED = "configured"

    @property
    def source(self) -> str:
        """The word of conformance statements for it: COPY, AUTO, USER or CONFIG."""
        return _SOURCES[self]


_SOURCES = {
    Origin.COPIED: "COPY",
    Origin.GENERATED: "AUTO",
    Origin.GIVEN: "USER",
    Origin.CONFIGURED: "CONFIG",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of one top-level attribute, and what it came from in words."""

    origin: Origin
    detail: str = ""

    def raised(self, value: Any, vr: str) -> Provenance:
        """Return the same, saying so where a value that was given was raised to capitals.

        Parameters
        ----------
        value
            As it was given.
        vr
            The value representation of its attribute.

        Returns
        -------
        Provenance
            `self` where nothing was raised.
        """
        if values.in_capitals(value, vr) is value:
            return self
        detail = ", ".join(filter(None, (self.detail, how_mended(vr))))
        return Provenance(self.origin, detail)


@dataclass(frozen=True, slots=True)
class Composed:
    """A finished object: its data set, and for each top-level attribute where it came from.

    Parameters
    ----------
    data_set
        The object, with File Meta Information once it is saved.
    provenance
        By tag `0xGGGGEEEE`.
    left_out
        What the sources say wrongly and the object can be without.
    """

    data_set: Dataset
    provenance: Mapping[int, Provenance] = field(default_factory=dict[int, Provenance])
    left_out: tuple[LeftOut, ...] = ()

    @checked
    def save(self, path: str | Path, *, transfer_syntax_uid: str | None = None) -> Path:
        """Write the object as a Part 10 file, whole or not at all.

        Parameters
        ----------
        path
            The file, or an existing folder, in which the file is named by its SOP Instance UID.
        transfer_syntax_uid
            The encoding; by default the one that the object was composed in. In one that loses
            information (JPEG baseline, near-lossless JPEG-LS, JPEG 2000, HTJ2K) the file holds an
            object of its own: derived, with a new SOP Instance UID, method and ratio.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        CannotCompose
            When a value cannot be encoded, or the pixels not in that transfer syntax; when `path`
            is a device or the like.
        OutOfResources
            When the disk is full or cannot be written; nothing half-written is left.
        """
        return write(self.data_set, Path(path), transfer_syntax_uid=transfer_syntax_uid)

    def explain(self) -> list[dict[str, str]]:
        """Return a row for each attribute of the top level, in the words of conformance statements.

        Returns
        -------
        list of dict
            `tag`, `keyword`, `vr`; `presence` of a value: ALWAYS, VNAP (value not always present:
            Type 2, copied), ANAP (attribute not always present: Type 3, copied) or EMPTY; `source`
            of it: COPY, AUTO, USER or CONFIG; `origin`, the same in plain words; and `detail`.
            What was left out has rows of its own, with `presence` ABSENT, no `source`, `origin`
            left out, and in `detail` what was found and expected.
        """
        types = attribute_types(str(self.data_set.get("SOPClassUID", "")))
        rows = [self._row(int(element.tag), element, types) for element in self.data_set]
        rows += [one.row() for one in self.left_out]
        return sorted(rows, key=lambda row: row["tag"])

    def _row(self, tag: int, element: Any, types: Mapping[int, str]) -> dict[str, str]:
        provenance = self.provenance.get(tag, Provenance(Origin.GENERATED))
        return {
            "tag": f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
            "keyword": element.keyword,
            "vr": element.VR,
            "presence": _presence(element, provenance, types.get(tag, "3")),
            "source": provenance.origin.source,
            "origin": provenance.origin.value,
            "detail": provenance.detail,
        }


def _presence(element: Any, provenance: Provenance, kind: str) -> str:
    if provenance.origin is Origin.COPIED and kind[0] != "1":
        return "VNAP" if kind[0] == "2" else "ANAP"
    return "EMPTY" if element.is_empty else "ALWAYS"
