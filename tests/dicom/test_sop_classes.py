import pytest
from pynetdicom import sop_class as pynetdicom_classes
from pynetdicom.presentation import AllStoragePresentationContexts

from isocenter.dicom import is_valid_uid, sop_class, storage_sop_classes

STORAGE = {each.uid for each in storage_sop_classes()}
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


def test_retired_and_private_storage_classes_are_storage_classes() -> None:
    retired = sop_class("1.2.840.10008.5.1.4.1.1.6")
    private = sop_class("1.2.392.200036.9125.1.1.2")
    assert retired is not None and retired.storage and retired.retired and not retired.private
    assert private is not None and private.storage and private.private
    assert private.name == "Fuji Private CR Storage"
    assert sum(each.private for each in storage_sop_classes()) == 14


def test_names_are_those_of_the_standard() -> None:
    ct = sop_class(pynetdicom_classes.CTImageStorage)
    assert ct is not None and ct.name == "CT Image Storage"
    assert all(each.name and is_valid_uid(each.uid) for each in storage_sop_classes())
    assert sop_class("1.2.3.4") is None
