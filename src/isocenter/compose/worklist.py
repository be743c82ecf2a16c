"""What a Modality Worklist item says of the objects that are made for it (PS3.4 K.6.1.2.2)."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from isocenter.compose.reading import no_file, read_data_set
from isocenter.errors import CannotCompose

__all__ = ["ordered", "read_item"]

_OF_ITEM = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "IssuerOfPatientID",
    "AccessionNumber",
    "StudyInstanceUID",
    "ReferringPhysicianName",
    "IssuerOfAccessionNumberSequence",
)
_OF_STEP = {
    "ScheduledProcedureStepStartDate": "StudyDate",
    "ScheduledProcedureStepStartTime": "StudyTime",
    "Modality": "Modality",
}
_RENAMED = {
    "RequestedProcedureDescription": "StudyDescription",
    "RequestedProcedureCodeSequence": "ProcedureCodeSequence",
}
_REQUEST = (
    "RequestedProcedureID",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "StudyInstanceUID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "ReasonForTheRequestedProcedure",
)
_REQUEST_OF_STEP = (
    "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
    "ScheduledProtocolCodeSequence",
)


def read_item(item: Dataset | str | Path) -> Dataset:
    """Return a worklist item, read from its file if need be.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it names no patient, and so is no worklist item.
    """
    data_set = item if isinstance(item, Dataset) else _file(Path(item))
    if not data_set.get("PatientID") and not data_set.get("PatientName"):
        raise CannotCompose(
            "The worklist item has neither Patient ID nor Patient's Name; give a Modality "
            "Worklist item.",
            tag=0x00100020,
            module="Patient",
        )
    return data_set


def ordered(item: Dataset | str | Path) -> Dataset:
    """Return what an object made for a worklist item has from it; what is empty is left out.

    Parameters
    ----------
    item
        The item, or a file that holds it; of several scheduled steps the first one counts.

    Returns
    -------
    Dataset
        Patient, order and study, Modality, and a Request Attributes Sequence (0040,0275) of one
        item where the procedure has an identifier.

    Raises
    ------
    NotFound, CannotCompose
        As `read_item`.

    References
    ----------
    PS3.4 Table K.6-1; PS3.3 Table 10-9.
    """
    data_set = read_item(item)
    steps: list[Dataset] = list(data_set.get("ScheduledProcedureStepSequence") or [])
    step = steps[0] if steps else Dataset()
    found = Dataset()
    for keyword in _OF_ITEM:
        _take(found, keyword, data_set, keyword)
    for theirs, ours in _RENAMED.items():
        _take(found, ours, data_set, theirs)
    for theirs, ours in _OF_STEP.items():
        _take(found, ours, step, theirs)
    if "Modality" not in found:
        _take(found, "Modality", data_set, "Modality")
    request = _request(data_set, step)
    if "RequestedProcedureID" in request or "ScheduledProcedureStepID" in request:
        found.RequestAttributesSequence = [request]
    return found


def _request(data_set: Dataset, step: Dataset) -> Dataset:
    request = Dataset()
    for keyword in _REQUEST:
        _take(request, keyword, data_set, keyword)
    for keyword in _REQUEST_OF_STEP:
        _take(request, keyword, step, keyword)
    return request


def _take(target: Dataset, name: str, source: Dataset, keyword: str) -> None:
    if source.get(keyword):
        setattr(target, name, source[keyword].value)


def _file(path: Path) -> Dataset:
    if not path.is_file():
        raise no_file(path, "worklist item")
    try:
        return read_data_set(path, force=True)
    except Exception as error:  # pydicom raises whatever garbage makes its parser meet
        raise CannotCompose(f"{path} is no worklist item: it is not DICOM.") from error
