"""Presentation data values, handed on as they come (PS3.8 9.3.5)."""

import struct

import pytest

from isocenter.dimse.arriving_data import ArrivingData
from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.dimse.pdu import PresentationDataValue

THREE_VALUES = (
    struct.pack(">IBB", 4, 1, 1) + b"ab"
    + struct.pack(">IBB", 5, 3, 2) + b"cde"
    + struct.pack(">IBB", 2, 3, 2)
)  # fmt: skip


def taken(pieces: list[bytes]) -> list[tuple[int, bool, bool, bytes]]:
    """What is handed on when the variable field of one PDU comes in pieces."""
    arriving = ArrivingData()
    arriving.begin(sum(map(len, pieces)))
    unread = b""
    seen: list[tuple[int, bool, bool, bytes]] = []
    for piece in pieces:
        unread += piece
        values: list[PresentationDataValue] = []
        stop = arriving.take(memoryview(unread), 0, len(unread), values)
        seen += [(v.context_id, v.is_command, v.is_last, bytes(v.data)) for v in values]
        unread = unread[stop:]
    assert not unread
    assert not arriving.left
    return seen


@pytest.mark.parametrize(
    "values",
    [
        struct.pack(">IBB", 1, 1, 0),
        struct.pack(">IBB", 0, 1, 0),
        struct.pack(">IBB", 3, 1, 0),
        struct.pack(">IBB", 0xFFFFFFFF, 1, 0) + b"x",
        struct.pack(">IB", 2, 1),
    ],
)
def test_values_with_impossible_lengths_are_invalid(values: bytes) -> None:
    with pytest.raises(InvalidPdu):
        taken([values])


def test_a_pdu_without_room_for_a_value_is_invalid() -> None:
    with pytest.raises(InvalidPdu):
        ArrivingData().begin(0)


def test_a_value_that_would_end_behind_its_pdu_is_invalid_before_its_bytes_are_here() -> None:
    arriving = ArrivingData()
    arriving.begin(20)

    with pytest.raises(InvalidPdu, match="claims 17 bytes where 2 to 16"):
        arriving.take(memoryview(struct.pack(">IBB", 17, 1, 0)), 0, 6, [])


def test_several_values_and_an_empty_fragment_are_read() -> None:
    assert taken([THREE_VALUES]) == [
        (1, True, False, b"ab"),
        (3, False, True, b"cde"),
        (3, False, True, b""),
    ]


def test_a_value_in_part_is_a_fragment_that_is_not_the_last() -> None:
    assert taken([THREE_VALUES[:15], THREE_VALUES[15:]]) == [
        (1, True, False, b"ab"),
        (3, False, False, b"c"),
        (3, False, True, b"de"),
        (3, False, True, b""),
    ]


def test_values_are_views_of_what_came_and_stop_at_the_end_of_their_pdu() -> None:
    arriving = ArrivingData()
    arriving.begin(len(THREE_VALUES))
    buffer = memoryview(THREE_VALUES + b"the next PDU")
    values: list[PresentationDataValue] = []

    stop = arriving.take(buffer, 0, len(buffer), values)

    assert stop == len(THREE_VALUES)
    assert all(value.data.obj is buffer.obj for value in values)
