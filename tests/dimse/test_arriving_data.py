"""Presentation data values, handed on as they come (PS3.8 9.3.5)."""

import struct
from collections import deque

import pytest

from isocenter.dimse.arriving_data import ArrivingData
from isocenter.dimse.invalid_pdu import InvalidPdu
from isocenter.dimse.pdu import PresentationDataValue
from isocenter.dimse.receive_buffer import ReceiveBuffer

THREE_VALUES = (
    struct.pack(">IBB", 4, 1, 1) + b"ab"
    + struct.pack(">IBB", 5, 3, 2) + b"cde"
    + struct.pack(">IBB", 2, 3, 2)
)  # fmt: skip


def taken(pieces: list[bytes]) -> list[tuple[int, bool, bool, bytes]]:
    """What is handed on when the variable field of one PDU comes in pieces."""
    arriving, buffer = ArrivingData(1000), ReceiveBuffer(1000, 1000)
    arriving.begin(sum(map(len, pieces)))
    seen: list[tuple[int, bool, bool, bytes]] = []
    for piece in pieces:
        values: deque[PresentationDataValue] = deque()
        fill(buffer, piece)
        arriving.take(buffer, values)
        for context_id, control, data in values:
            seen.append((context_id, bool(control & 1), bool(control & 2), bytes(data)))
    assert buffer.start == buffer.end
    assert not arriving.left
    assert arriving.completed == 1
    return seen


def fill(buffer: ReceiveBuffer, data: bytes) -> None:
    buffer.space(len(data))[: len(data)] = data
    buffer.end += len(data)


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
        ArrivingData(1000).begin(0)


def test_a_value_that_would_end_behind_its_pdu_is_invalid_before_its_bytes_are_here() -> None:
    arriving, buffer = ArrivingData(1000), ReceiveBuffer(1000, 1000)
    arriving.begin(20)
    fill(buffer, struct.pack(">IBB", 17, 1, 0))

    with pytest.raises(InvalidPdu, match="claims 17 bytes where 2 to 16"):
        arriving.take(buffer, deque())


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


def test_values_are_views_of_what_came_and_stop_before_a_pdu_that_carries_none() -> None:
    arriving, buffer = ArrivingData(1000), ReceiveBuffer(1000, 1000)
    header = struct.pack(">BxI", 4, len(THREE_VALUES))
    fill(buffer, header + THREE_VALUES + header + THREE_VALUES + b"\x05\0\0\0\0\x04")
    values: deque[PresentationDataValue] = deque()

    arriving.take(buffer, values)

    assert buffer.end - buffer.start == 6
    assert arriving.completed == 2
    assert [bytes(data) for _, _, data in values] == [b"ab", b"cde", b""] * 2
    assert all(data.obj is buffer.view.obj for _, _, data in values)


def test_values_without_number_are_taken_some_thousands_at_a_time() -> None:
    stream = struct.pack(">BxI", 4, 7000) + struct.pack(">IBBB", 3, 1, 0, 9) * 1000
    arriving, buffer = ArrivingData(10_000), ReceiveBuffer(100_000, 100_000)
    fill(buffer, stream * 10)
    taken: list[int] = []
    goes_on = True
    while goes_on:
        values: deque[PresentationDataValue] = deque()
        goes_on = arriving.take(buffer, values)
        taken.append(len(values))

    assert sum(taken) == 10_000
    assert max(taken) < 5_000
    assert arriving.completed == 10


@pytest.mark.parametrize("length", [0, 1001])
def test_a_pdu_with_a_length_that_none_has_is_left_to_the_upper_layer(length: int) -> None:
    arriving, buffer = ArrivingData(1000), ReceiveBuffer(1000, 1000)
    fill(buffer, struct.pack(">BxI", 4, length) + bytes(20))

    arriving.take(buffer, deque())

    assert buffer.start == 0
    assert not arriving.left
