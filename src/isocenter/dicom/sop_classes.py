"""The registry of SOP classes (PS3.6 annex A), with private storage classes met in the field."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class SOPClass:
    """One SOP class.

    Parameters
    ----------
    uid
        Its UID.
    name
        Its name in PS3.6 annex A, or its maker's name for it.
    storage
        Whether its instances are stored (PS3.4 annexes B and GG).
    retired
        Whether the standard has retired it.
    private
        Whether it is some maker's own.
    """

    uid: str
    name: str
    storage: bool
    retired: bool = False
    private: bool = False


_PRIVATE_STORAGE = {
    "1.2.528.1.1001.5.1.1.1": "GE Collage Storage",
    "1.2.840.113619.4.5.249": "GE Private DICOM RT Plan Storage",
    "1.2.840.113619.4.26": "GE 3D Model Image Storage",
    "1.2.840.113619.4.27": "GE eNTEGRA Storage",
    "1.2.840.113619.4.30": "GE PET Advance Raw Data Storage",
    "1.2.840.113619.4.41": "GE Private Structure Display Storage",
    "1.2.840.113543.6.6.1.3.10001": "Philips Live 3D 01 Storage",
    "1.2.840.113543.6.6.1.3.10002": "Philips Live 3D 02 Storage",
    "1.2.276.0.48.5.1.4.1.1.7": "Tomtec Annotation Private Storage",
    "1.3.46.670589.11.0.0.12.2": "Philips Private Gyroscan MR Series Data Storage",
    "1.3.46.670589.2.3.1.1": "Philips Private Specialized X-Ray Storage",
    "1.2.392.200036.9125.1.1.2": "Fuji Private CR Storage",
    "1.3.46.670589.5.0.1.1": "Philips Private 3D Volume Storage",
    "1.3.46.670589.2.5.1.1": "Philips Private 3D Presentation State Storage",
}
# Registered since the edition of pydicom's table.
_RECENT_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.9.100.1": "Waveform Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.9.100.2": "Waveform Acquisition Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
    "1.2.840.10008.5.1.4.1.1.66.8": "Height Map Segmentation Storage",
}
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_STORAGE_OUTSIDE_ROOT = {
    "1.2.840.10008.5.1.1.27",  # Stored Print
    "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image
    "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image
    "1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction, trial
    "1.2.840.10008.5.1.4.34.7",  # RT Beams Delivery Instruction
    "1.2.840.10008.5.1.4.34.10",  # RT Brachy Application Setup Delivery Instruction
    "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
    "1.2.840.10008.5.1.4.39.1",  # Color Palette
    "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
    "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
    "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
}
# Query, retrieval and repository services that were numbered among the storage classes.
_SERVICES_INSIDE_ROOT = {
    *(f"1.2.840.10008.5.1.4.1.1.200.{n}" for n in (4, 5, 6)),
    *(f"1.2.840.10008.5.1.4.1.1.201.{n}" for n in (2, 3, 4, 5, 6)),
}


def _is_storage(uid: str) -> bool:
    inside = uid.startswith(_STORAGE_ROOT) and uid not in _SERVICES_INSIDE_ROOT
    return inside or uid in _STORAGE_OUTSIDE_ROOT


@cache
def sop_classes() -> MappingProxyType[str, SOPClass]:
    """Return every known SOP class by UID.

    Returns
    -------
    mapping of str to SOPClass
        Those of PS3.6 in the standard's order, then private ones.
    """
    from pydicom._uid_dict import UID_dictionary  # pydicom.uid does not export it

    known = {
        uid: SOPClass(uid, name or f"Retired {uid}", _is_storage(uid), retired == "Retired")
        for uid, (name, kind, _, retired, _) in UID_dictionary.items()
        if kind in {"SOP Class", "Meta SOP Class"}
    }
    for uid, name in _RECENT_STORAGE.items():
        known.setdefault(uid, SOPClass(uid, name, storage=True))
    for uid, name in _PRIVATE_STORAGE.items():
        known[uid] = SOPClass(uid, name, storage=True, private=True)
    return MappingProxyType(known)


def sop_class(uid: str) -> SOPClass | None:
    """Find a SOP class by its UID.

    Parameters
    ----------
    uid
        A UID without padding.

    Returns
    -------
    SOPClass or None
        None if the UID is neither in PS3.6 nor one of the private classes known here.
    """
    return sop_classes().get(uid)


@cache
def storage_sop_classes() -> tuple[SOPClass, ...]:
    """Return every storage SOP class: standard, retired and private ones.

    Returns
    -------
    tuple of SOPClass
        In the standard's order, private ones last.
    """
    return tuple(each for each in sop_classes().values() if each.storage)
