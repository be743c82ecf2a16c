"""What links in Markdown refer to: DICOM files and objects that are at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from pydicom.dataset import Dataset

from isocenter.compose import sources
from isocenter.compose.number_lists import parse_number_lists
from isocenter.compose.references import Reference, image_references
from isocenter.compose.sources import Sources
from isocenter.dicom import is_valid_uid
from isocenter.errors import CannotCompose, IsocenterError

__all__ = ["Links"]

_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PARTS = re.compile(r"(frames|segments)=([0-9,-]+)")


@dataclass(frozen=True, slots=True)
class Links:
    """Resolves the targets of links.

    Parameters
    ----------
    folder
        Where paths begin.
    objects
        What UIDs may name.
    found
        What was referred to, by SOP Instance UID.
    """

    folder: Path
    objects: Sources
    found: dict[str, Reference] = field(default_factory=dict[str, Reference])

    def is_elsewhere(self, target: str) -> bool:
        """Tell whether a target is none of DICOM's: a web page, a mail address, nothing."""
        return not target or (bool(_ELSEWHERE.match(target)) and not target.startswith("urn:oid:"))

    def resolve(self, target: str, line: int) -> tuple[Dataset, Reference]:
        """Return the object that a link means, and the reference to it or to parts of it.

        Raises
        ------
        CannotCompose
            When there is no such object; the line is told.
        """
        try:
            return self._resolve(target)
        except IsocenterError as error:
            raise CannotCompose(f"Line {line}: {error}") from error

    def _resolve(self, target: str) -> tuple[Dataset, Reference]:
        address, _, fragment = unquote(target).partition("#")
        data_set = self._object(address)
        reference = Reference.to(data_set)
        if fragment:
            parts = _PARTS.fullmatch(fragment)
            if parts is None:
                raise CannotCompose(
                    f"#{fragment} is no part of an object; write #frames=1,3-5 or #segments=2."
                )
            (reference,) = image_references([data_set], **{parts[1]: parse_number_lists(parts[2])})
        self.found[reference.sop_instance_uid] = replace(reference, frames=(), segments=())
        return data_set, reference

    def _object(self, address: str) -> Dataset:
        uid = address.removeprefix("urn:oid:")
        if uid != address or is_valid_uid(uid):
            for one in self.objects:
                if one.data_set.get("SOPInstanceUID") == uid:
                    return one.data_set
            raise CannotCompose(f"No object given has the UID {uid}; give it as a source.")
        loaded = sources.load(self.folder / address)
        if len(loaded) != 1:
            raise CannotCompose(f"{address} is a folder; name a file in it.")
        Sources((*self.objects, *loaded))  # one patient, or refused
        (source,) = loaded
        return source.data_set
