"""Command sets against pydicom, which writes and reads them as data sets of group 0000."""

import struct
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pynetdicom import dimse_messages as peer

from isocenter.dimse import command_set, messages
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
    NRequest,
    Request,
    Response,
    decode,
    respond,
)
from isocenter.errors import InvalidDicom

KINDS = list(messages._MESSAGES.values())
VALUES: dict[str, Any] = {"UI": "1.2.840.1.3", "AE": "SOMEBODY", "LO": "a comment", "US": 7}


def elements(kind: type[Message]) -> list[tuple[int, str]]:
    return [pair for pair in messages._elements(kind).items() if pair[1] != "has_data_set"]


def full(kind: type[Message]) -> Message:
    """A message with every element that it may have."""
    values: dict[str, Any] = {}
    for number, name in elements(kind):
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
    for number, name in elements(kind):
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
    ours = {ELEMENTS[number][0] for number, _ in elements(kind)}

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


def test_the_lengths_of_one_command_set_are_not_those_of_the_next() -> None:
    long, short = "1.2.840.10008.1.2.3", "1.2.3"
    first = CStoreRq(
        message_id=1, affected_sop_class_uid=long, affected_sop_instance_uid=short
    ).encode()
    second = CStoreRq(
        message_id=2, affected_sop_class_uid=short, affected_sop_instance_uid=long
    ).encode()
    assert len(first) == len(second)

    for encoded in (first, second, first, first, second):
        dataset = by_pydicom(encoded)
        message = decode(encoded)
        assert isinstance(message, CStoreRq)
        assert message.message_id == dataset.MessageID
        assert message.affected_sop_class_uid == dataset.AffectedSOPClassUID
        assert message.affected_sop_instance_uid == dataset.AffectedSOPInstanceUID


@pytest.mark.parametrize(
    ("at", "byte", "named"),
    [(12, 8, "0008,0002"), (16, 0xFF, "0000,0002"), (52, 4, "MessageID"), (62, 3, "0000,0800")],
)
def test_a_wrong_header_is_found_behind_right_ones_of_the_same_length(
    at: int, byte: int, named: str
) -> None:
    encoded = bytearray(CEchoRq(message_id=9, affected_sop_class_uid="1.2.840.10008.1.1").encode())
    decode(bytes(encoded))
    encoded[at] = byte

    with pytest.raises(InvalidDicom, match=named):
        decode(bytes(encoded))


def test_what_peers_send_does_not_stay_in_memory_without_limit() -> None:
    for length in range(2000):
        decode(CFindRsp(message_id_being_responded_to=1, status=0).encode() + unknown(length))
    assert len(command_set._shapes) <= command_set._LONGEST_REMEMBERED + 1


def unknown(length: int) -> bytes:
    return struct.pack("<HHI", 0, 0x5110, length) + bytes(length)


def test_a_message_that_was_read_cannot_be_changed() -> None:
    message = decode(CEchoRq(message_id=9).encode())

    with pytest.raises(FrozenInstanceError):
        message.message_id = 10  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [k for k in KINDS if issubclass(k, Request | NRequest)])
def test_the_response_to_a_request_about_an_instance_names_it(
    kind: type[Request | NRequest],
) -> None:
    request: Any = full(kind)

    response: Any = decode(respond(request, 0).encode())

    about = getattr(request, "affected_sop_instance_uid", None)
    about = getattr(request, "requested_sop_instance_uid", about)
    assert getattr(response, "affected_sop_instance_uid", None) == about


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
