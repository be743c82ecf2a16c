"""Command sets against pydicom, which writes and reads them as data sets of group 0000."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pynetdicom import dimse_messages as peer

from isocenter.dimse import messages
from isocenter.dimse.command_set import ELEMENTS
from isocenter.dimse.messages import (
    CEchoRq,
    CFindRsp,
    CGetRsp,
    CommandField,
    CStoreRq,
    Message,
    NActionRq,
    NEventReportRsp,
    NGetRq,
    Response,
    decode,
    respond,
)
from isocenter.errors import InvalidDicom

KINDS = list(messages._MESSAGES.values())
VALUES: dict[str, Any] = {"UI": "1.2.840.1.3", "AE": "SOMEBODY", "LO": "a comment", "US": 7}


def full(kind: type[Message]) -> Message:
    """A message with every element that it may have."""
    values: dict[str, Any] = {}
    for name, number in messages._elements(kind):
        vr = ELEMENTS[number][1].value
        values[name] = (0x00080018, 0x7FE00010) if vr == "AT" else VALUES[vr]
    return kind(has_data_set=True, **values)


def by_pydicom(encoded: bytes) -> Dataset:
    return read_dataset(DicomBytesIO(encoded), is_implicit_VR=True, is_little_endian=True)


def from_pydicom(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_pydicom_reads_every_element_of_every_message(kind: type[Message]) -> None:
    message = full(kind)
    encoded = message.encode()

    dataset = by_pydicom(encoded)

    assert dataset.CommandField == kind.command_field
    assert dataset.CommandDataSetType != 0x0101
    assert dataset.CommandGroupLength == len(encoded) - 12
    for name, number in messages._elements(kind):
        found = dataset[number].value
        expected = getattr(message, name)
        assert (tuple(found) if isinstance(expected, tuple) else found) == expected, name
    assert from_pydicom(dataset) == encoded


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_reads_back_as_it_was(kind: type[Message]) -> None:
    assert decode(full(kind).encode()) == full(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_message_has_the_elements_that_pynetdicom_gives_it(kind: type[Message]) -> None:
    theirs = peer._COMMAND_SET_KEYWORDS[kind.command_field.name.replace("_", "-")]
    ours = {ELEMENTS[number][0] for _, number in messages._elements(kind)}

    constant = {"CommandGroupLength", "CommandField", "CommandDataSetType"}
    assert set(theirs) - constant <= ours


def test_a_command_set_without_group_length_is_read() -> None:
    encoded = CEchoRq(message_id=9, affected_sop_class_uid="1.2.840.10008.1.1").encode()[12:]

    assert decode(encoded) == CEchoRq(message_id=9, affected_sop_class_uid="1.2.840.10008.1.1")


@pytest.mark.parametrize(
    ("encoded", "named"),
    [
        (b"", "CommandField"),
        (b"\0" * 7, "header"),
        (struct.pack("<HHI", 0, 0x0100, 0xFFFFFFFF), "0000,0100"),
        (struct.pack("<HHIH", 0x0008, 0x0016, 2, 0), "0008,0016"),
        (struct.pack("<HHIH", 0, 0x0100, 2, 0x7777), "7777"),
        (struct.pack("<HHII", 0, 0x0100, 4, 1), "0000,0100"),
        (struct.pack("<HHIH", 0, 0x0100, 2, 0x0030), "MessageID"),
        (struct.pack("<HHIH", 0, 0x0100, 2, 0x8001), "MessageIDBeingRespondedTo"),
    ],
)
def test_what_is_no_command_set_names_what_is_wrong(encoded: bytes, named: str) -> None:
    with pytest.raises(InvalidDicom, match=named):
        decode(encoded)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_invalid(encoded: bytes) -> None:
    try:
        message = decode(encoded)
    except InvalidDicom:
        return
    assert isinstance(message, Message)


def test_a_response_names_what_its_request_was_about() -> None:
    store = CStoreRq(message_id=3, affected_sop_class_uid="1.2", affected_sop_instance_uid="1.2.3")
    action = NActionRq(
        message_id=4,
        requested_sop_class_uid="1.4",
        requested_sop_instance_uid="1.4.5",
        action_type_id=1,
    )

    stored, acted = respond(store, 0xA700), respond(action, 0)

    assert stored.command_field is CommandField.C_STORE_RSP
    assert stored.message_id_being_responded_to == 3
    assert stored.affected_sop_instance_uid == "1.2.3"  # type: ignore[attr-defined]
    assert acted.command_field is CommandField.N_ACTION_RSP
    assert acted.affected_sop_class_uid == "1.4"
    assert acted.affected_sop_instance_uid == "1.4.5"  # type: ignore[attr-defined]


def test_responses_know_that_they_are() -> None:
    assert issubclass(CFindRsp, Response)
    assert CGetRsp(message_id_being_responded_to=1, status=0).is_response
    assert NEventReportRsp(message_id_being_responded_to=1, status=0).is_response
    assert not NGetRq(message_id=1).is_response
