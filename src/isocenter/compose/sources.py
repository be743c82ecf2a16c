"""Where a new object's patient, study and geometry come from: data sets, files, folders.

PS3.3 7.3: a composite object inherits what belongs to the information entities that it shares with
its source.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from isocenter.compose import worklist as worklist_items
from isocenter.compose.argument_types import check_members, checked
from isocenter.compose.element_values import data_set_of
from isocenter.compose.reading import mark_torn, read_data_set, readable, value_of
from isocenter.compose.whole_sequences import check_sequences
from isocenter.dicom import Header, scan_file, tags
from isocenter.errors import CannotCompose, IsocenterError, NotDicom, NotFound

__all__ = ["Source", "Sources", "load", "load_identities", "of_one_patient"]

_Reader = Callable[[Path], Dataset]

_PATIENT_ID, _ISSUER = BaseTag(0x00100020), BaseTag(0x00100021)
_IDENTITY = {
    BaseTag(tags.SOPClassUID): "UI",
    BaseTag(tags.SOPInstanceUID): "UI",
    _PATIENT_ID: "LO",
    _ISSUER: "LO",
    BaseTag(tags.StudyInstanceUID): "UI",
    BaseTag(tags.SeriesInstanceUID): "UI",
    BaseTag(tags.NumberOfFrames): "IS",
    BaseTag(tags.Rows): "US",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One object to inherit from or refer to.

    Parameters
    ----------
    data_set
        The object.
    path
        Its file, if it is one's.
    name
        How messages and explanations call it: its file, else its SOP Instance UID.
    """

    data_set: Dataset
    path: Path | None = None
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        check_members(self)
        named = self.path or value_of(self.data_set, "SOPInstanceUID") or "the given data set"
        object.__setattr__(self, "name", str(named))

    def pixels_loaded(self) -> Dataset:
        """Return the whole data set, pixel data included.

        Returns
        -------
        Dataset
            Read anew from the file, if it has one.
        """
        if self.path is None:
            return self.data_set
        return read_data_set(self.path, force=True)


@dataclass(frozen=True, slots=True)
class Sources:
    """Objects of one patient, in the order given.

    Parameters
    ----------
    members
        The objects.
    order
        What a worklist item says of patient, order and study, which is stronger than the objects.

    Raises
    ------
    CannotCompose
        When they belong to more than one patient.
    """

    members: tuple[Source, ...]
    order: Source | None = None

    def __post_init__(self) -> None:
        check_members(self)
        for _ in of_one_patient(self.members):
            pass
        self._check_order()

    def _check_order(self) -> None:
        wanted = str(self.order.data_set.get("PatientID") or "").strip() if self.order else ""
        found = str(self.first.data_set.get("PatientID") or "").strip() if self.first else ""
        if wanted and found and wanted != found:
            raise CannotCompose(
                "The worklist item and the sources belong to different patients; give sources of "
                "the worklist item's patient, or correct them first.",
                tag=0x00100020,
                module="Patient",
            )

    def __bool__(self) -> bool:
        return bool(self.members)

    def __iter__(self) -> Iterator[Source]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def first(self) -> Source | None:
        """The object that single values are inherited from."""
        return self.members[0] if self.members else None


SourceLike: TypeAlias = Dataset | str | Path | Iterable[Dataset | str | Path] | Sources
"""What `source` parameters take: a data set, a file, a folder (read whole), or several of these."""


def of_one_patient(members: Iterable[Source]) -> Iterator[Source]:
    """Yield objects as long as they are of the patient of the first.

    Raises
    ------
    CannotCompose
        When one is of another patient.
    """
    first, patient = None, ("", "")
    for member in members:
        found = _text(member.data_set, _PATIENT_ID), _text(member.data_set, _ISSUER)
        if first is None:
            first, patient = member, found
        elif found != patient:
            raise CannotCompose(
                "The sources belong to different patients: Patient ID or Issuer of Patient ID of "
                f"{first.name} and {member.name} differ; give sources of one patient.",
                tag=0x00100020,
                module="Patient",
            )
        yield member


def _text(data_set: Dataset, tag: BaseTag) -> str:
    # Asked by tag: looking a keyword up takes most of the time where there are many objects.
    found = data_set[tag].value if tag in data_set.keys() else None  # noqa: SIM118
    many = cast("Iterable[Any]", found) if isinstance(found, MultiValue) else (found,)
    return "\\".join(str(one or "") for one in many).strip()


@checked
def load(source: SourceLike | None, *, worklist: Dataset | str | Path | None = None) -> Sources:
    """Read what a `source` parameter names, without pixel data.

    Parameters
    ----------
    source
        A data set, a file, a folder (all DICOM files below it), or several of these; None for
        nothing.
    worklist
        A Modality Worklist item, or a file that holds it: what it says of patient, order and study
        is stronger than what the source says.

    Returns
    -------
    Sources
        The objects; none for None.

    Raises
    ------
    NotFound
        When a path does not exist, or a folder holds no DICOM file.
    NotDicom
        When a named file is not DICOM.
    InvalidAttribute
        When a sequence of an object holds no items, or its bytes break off inside.
    CannotCompose
        When the objects belong to more than one patient.
    """
    order = None if worklist is None else _order(worklist)
    if isinstance(source, Sources):
        return source if order is None else Sources(source.members, order)
    if source is None:
        return Sources((), order)
    return Sources(tuple(_all_members(source, _read)), order)


def load_identities(source: SourceLike) -> Iterator[Source]:
    """Read of very many objects, one by one, what it takes to refer to them.

    Their data sets may have no more than UIDs, patient, Number of Frames and Rows: those of files
    that are images have no more.

    Parameters
    ----------
    source
        As for `load`.

    Raises
    ------
    NotFound, NotDicom
        As `load` does.
    """
    return iter(source) if isinstance(source, Sources) else _all_members(source, _read_identity)


def _order(worklist: Dataset | str | Path) -> Source:
    path = None if isinstance(worklist, Dataset) else Path(worklist)
    return Source(worklist_items.ordered(worklist), path)


def _all_members(
    source: Dataset | str | Path | Iterable[Dataset | str | Path], read: _Reader
) -> Iterator[Source]:
    many = [source] if isinstance(source, Dataset | str | Path) else source
    return (member for one in many for member in _members(one, read))


def _members(one: Dataset | str | Path, read: _Reader) -> Iterator[Source]:
    if isinstance(one, Dataset):
        source = Source(_readable(one))
        check_sequences(source.data_set, source.name)
        yield source
        return
    path = Path(one)
    if path.is_dir():
        yield from _folder(path, read)
    elif path.exists():
        yield Source(read(path), path)
    else:
        raise NotFound(f"There is no file or folder {path}; check the path of the source.")


def _readable(given: Dataset) -> Dataset:
    """Return a data set of which everything can be asked; the caller's own stays as it is."""
    if readable(given):
        return given
    made = copy.deepcopy(given)
    mark_torn(made)
    return made


def _folder(folder: Path, read: _Reader) -> Iterator[Source]:
    found = False
    for path in _files(str(folder)):
        try:
            yield Source(read(path), path)
            found = True
        except NotDicom:
            continue  # a README beside the slices is no reason to stop
    if not found:
        raise NotFound(f"The folder {folder} holds no DICOM file; name the folder of a series.")


def _files(folder: str) -> Iterator[Path]:
    """Yield the files below a folder in the order of their paths, but for DICOMDIRs."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file() and entry.name.upper() != "DICOMDIR":
            yield Path(entry.path)


def _read_identity(path: Path) -> Dataset:
    """Read what it takes to refer to a file, by a scan of its header where that tells all."""
    try:
        header = scan_file(path)
    except IsocenterError:  # a file that pydicom may read all the same
        return _read(path)
    values = header.values
    plain = all(values.get(tag, b"").isascii() for tag in (_PATIENT_ID, _ISSUER))
    if tags.Rows not in values or not header.sop_class_uid or not plain:
        return _read(path)
    return data_set_of(
        DataElement(tag, vr, _identity(header, int(tag)), already_converted=True)
        for tag, vr in _IDENTITY.items()
        if tag in values
    )


def _identity(header: Header, tag: int) -> Any:
    return header.integer(tag) if tag in (tags.Rows, tags.NumberOfFrames) else header.text(tag)


def _read(path: Path) -> Dataset:
    try:
        data_set = read_data_set(path, pixels=False)
    except InvalidDicomError:
        data_set = _read_without_preamble(path)
    if "SOPClassUID" not in data_set:
        raise NotDicom(f"{path} has no SOP Class UID (0008,0016): not a DICOM object.")
    check_sequences(data_set, str(path))
    return data_set


def _read_without_preamble(path: Path) -> Dataset:
    try:
        return read_data_set(path, pixels=False, force=True)
    except Exception as error:  # pydicom raises whatever garbage makes its parser meet
        why = error.__cause__ or error
        raise NotDicom(f"{path} is not a DICOM file: {why}") from error
