"""Files that a DICOMDIR refers to (PS3.10 clause 8, PS3.3 annex F).

A File ID comes from a disc that somebody hands in. It is followed from folder to folder, by names
that are really there, and never leads out of the folder of its DICOMDIR.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from isocenter.dicom import file_json, scan_file
from isocenter.errors import InvalidDicom, IsocenterError, NotFound

__all__ = ["MEDIA_STORAGE_DIRECTORY", "referenced_files"]

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP Class UID of a DICOMDIR."""

_RECORDS, _FILE_ID = "00041220", "00041500"
_SEPARATORS = frozenset("/\\:\0")


def referenced_files(dicomdir: Path) -> Iterator[Path | IsocenterError]:
    """Follow the File IDs of a DICOMDIR.

    Parameters
    ----------
    dicomdir
        The file; its folder is the root of the medium.

    Yields
    ------
    Path or IsocenterError
        A file that is there, or what is wrong with the reference to it.

    Raises
    ------
    InvalidDicom
        It is no DICOMDIR that can be read.
    """
    medium = _Medium(dicomdir.parent)
    for components in _file_ids(dicomdir):
        try:
            yield medium.file(components)
        except IsocenterError as error:
            yield error


def _file_ids(dicomdir: Path) -> Iterator[list[str]]:
    directory = json.loads(file_json(dicomdir, scan_file(dicomdir), bulk_data_uri=""))
    if _RECORDS not in directory:
        raise InvalidDicom(
            "(0004,1220) DirectoryRecordSequence is missing; expected a DICOMDIR (PS3.3 F.3)"
        )
    for record in directory[_RECORDS].get("Value", ()):
        components = record.get(_FILE_ID, {}).get("Value")
        if components:
            # Some write the whole path as one component, with the separator of their system.
            yield [part for each in components for part in str(each or "").split("/")]


class _Medium:
    """The folder of a DICOMDIR, with the names in it as they are and as a File ID spells them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = root.resolve()
        self._names: dict[Path, dict[str, str]] = {}

    def file(self, components: list[str]) -> Path:
        named = "\\".join(components)
        place = self._root
        for component in components:
            if component in {"", ".", ".."} or _SEPARATORS & set(component):
                raise InvalidDicom(
                    f"(0004,1500) ReferencedFileID is {named[:128]!r}, which leads out of the "
                    "medium; expected names of folders and a file"
                )
            place = self._entry(place, component, named)
        # A link on the medium may point anywhere.
        if not place.is_file() or not place.resolve().is_relative_to(self._real_root):
            raise NotFound(f"{named[:128]} is no file of this medium")
        return place

    def _entry(self, folder: Path, component: str, named: str) -> Path:
        """Find a name as it is, or as copying from ISO 9660 may have changed it."""
        if folder not in self._names:
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            self._names[folder] = {_plain(name): name for name in names} | {n: n for n in names}
        known = self._names[folder]
        name = known.get(component) or known.get(_plain(component))
        if name is None:
            raise NotFound(f"{named[:128]}, which the DICOMDIR refers to, is not there")
        return folder / name


def _plain(name: str) -> str:
    return name.casefold().partition(";")[0].rstrip(".")
