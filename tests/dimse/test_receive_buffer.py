"""Memory that is used again: what is read from it must never be what came later."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dimse.wire import CT, EXPLICIT, p_data, pdv, store_rq

from isocenter.dimse.limits import Limits
from isocenter.dimse.machine import Machine, Operation
from isocenter.dimse.negotiation import NegotiatedContext
from isocenter.dimse.receive_buffer import ReceiveBuffer
from isocenter.dimse.state_machine import State
from isocenter.dimse.upper_layer import Role


def fill(buffer: ReceiveBuffer, data: bytes, needed: int = 6) -> None:
    space = buffer.space(needed)
    space[: len(data)] = data
    buffer.end += len(data)


def test_it_starts_small_grows_while_views_are_out_and_shrinks_again() -> None:
    buffer = ReceiveBuffer(8192, 65536)
    for _ in range(12):
        fill(buffer, bytes(8000))
        buffer.views_are_out = True
        buffer.start = buffer.end
    assert len(buffer.view) == 65536

    buffer.recycle()
    buffer.shrink()
    assert len(buffer.view) == 8192


def test_an_unfinished_pdu_is_kept_when_the_memory_changes() -> None:
    buffer = ReceiveBuffer(8192, 65536)
    fill(buffer, b"x" * 6000)
    buffer.views_are_out = True
    buffer.start = 5990
    fill(buffer, b"y" * 10, needed=20000)

    assert bytes(buffer.view[buffer.start : buffer.end]) == b"x" * 10 + b"y" * 10
    assert len(buffer.view) >= 20000


def test_memory_is_not_written_again_before_its_views_are_given_back() -> None:
    buffer = ReceiveBuffer(8192, 8192)
    fill(buffer, b"a" * 8000)
    view = buffer.view[:8000]
    buffer.views_are_out = True
    buffer.start = buffer.end
    fill(buffer, b"b" * 8000)

    assert bytes(view) == b"a" * 8000


def everything(machine: Machine, count: int, into: list[bytes]) -> Operation[None]:
    """Receive messages with their data sets, copying each batch only when it is handed on."""
    for _ in range(count):
        assert (yield from machine.receive()) is not None
        data = bytearray()
        while machine.data_set_is_open:
            for fragment in (yield from machine.fragments()):
                data += fragment
        into.append(bytes(data))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 200_000), min_size=1, max_size=3),
    st.integers(1, 4000),
    st.integers(500, 90_000),
    st.integers(),
)
def test_data_sets_arrive_as_sent_however_they_are_fragmented_and_received(
    sizes: list[int], smallest: int, largest: int, seed: int
) -> None:
    chance = random.Random(seed)
    sent = [chance.randbytes(size) for size in sizes]
    stream = bytearray()
    for data in sent:
        stream += p_data(pdv(store_rq()))
        start = 0
        while True:
            stop = start + chance.randint(smallest, max(smallest, 16000))
            last = stop >= len(data)
            stream += p_data(pdv(data[start:stop], command=False, last=last))
            start = stop
            if last:
                break
    machine = Machine(Role.ACCEPTOR, Limits(maximum_length=16384, buffer=131072))
    machine.upper.state = State.ESTABLISHED
    machine.agree({1: NegotiatedContext(1, CT, EXPLICIT)}, 0)

    received: list[bytes] = []
    position = 0
    for _ in everything(machine, len(sent), received):
        space = machine.upper.space()
        count = min(len(space), chance.randint(1, largest), len(stream) - position)
        space[:count] = stream[position : position + count]
        position += count
        machine.upper.received(count)

    assert received == sent
