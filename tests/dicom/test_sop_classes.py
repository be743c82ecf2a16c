import pytest
from pydicom._uid_dict import UID_dictionary
from pynetdicom import sop_class as pynetdicom_classes
from pynetdicom.presentation import AllStoragePresentationContexts

from isocenter.dicom import is_valid_uid, sop_class, storage_sop_classes

STORAGE = {each.uid for each in storage_sop_classes()}
# As vendors name them in their conformance statements.
PRIVATE = {
    "1.2.276.0.48.5.1.4.1.1.7": "Tomtec Annotation Private Storage",
    "1.2.392.200036.9125.1.1.2": "Fuji Private CR Storage",
    "1.2.528.1.1001.5.1.1.1": "GE Collage Storage",
    "1.2.840.113543.6.6.1.3.10001": "Philips Live 3D 01 Storage",
    "1.2.840.113543.6.6.1.3.10002": "Philips Live 3D 02 Storage",
    "1.2.840.113619.4.26": "GE 3D Model Image Storage",
    "1.2.840.113619.4.27": "GE eNTEGRA Storage",
    "1.2.840.113619.4.30": "GE PET Advance Raw Data Storage",
    "1.2.840.113619.4.41": "GE Private Structure Display Storage",
    "1.2.840.113619.4.5.249": "GE Private DICOM RT Plan Storage",
    "1.3.46.670589.11.0.0.12.2": "Philips Private Gyroscan MR Series Data Storage",
    "1.3.46.670589.2.3.1.1": "Philips Private Specialized X-Ray Storage",
    "1.3.46.670589.2.5.1.1": "Philips Private 3D Presentation State Storage",
    "1.3.46.670589.5.0.1.1": "Philips Private 3D Volume Storage",
}
# pydicom calls them storage; of these nothing is stored (PS3.4 annexes I and J).
NO_STORAGE = {"1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"}
# pynetdicom takes any instance of these services into its storage contexts' neighbours.
SERVICES = [
    "1.2.840.10008.1.1",
    "1.2.840.10008.1.3.10",
    "1.2.840.10008.5.1.4.1.1.200.4",
    "1.2.840.10008.5.1.4.1.1.201.2",
    "1.2.840.10008.5.1.4.1.2.2.1",
    "1.2.840.10008.5.1.4.31",
]


def test_every_storage_class_of_an_independent_list_is_one() -> None:
    listed = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    assert len(listed) > 150
    assert listed <= STORAGE


@pytest.mark.parametrize("uid", SERVICES)
def test_services_are_known_but_store_nothing(uid: str) -> None:
    found = sop_class(uid)
    assert found is not None and not found.storage


def test_every_storage_class_that_the_standard_ever_had_is_one_and_retired_where_it_is() -> None:
    listed = {
        uid: bool(retired)
        for uid, (name, kind, _, retired, _) in UID_dictionary.items()
        if kind == "SOP Class" and "Storage" in name and uid not in NO_STORAGE
    }
    found = {each.uid: each.retired for each in storage_sop_classes()}
    assert sum(listed.values()) >= 20
    assert {uid: found.get(uid) for uid in listed} == listed


def test_private_storage_classes_are_known_by_their_names() -> None:
    assert {each.uid: each.name for each in storage_sop_classes() if each.private} == PRIVATE


def test_names_are_those_of_the_standard() -> None:
    ct = sop_class(pynetdicom_classes.CTImageStorage)
    assert ct is not None and ct.name == "CT Image Storage"
    assert all(each.name and is_valid_uid(each.uid) for each in storage_sop_classes())
    assert sop_class("1.2.3.4") is None
