"""The blocking connection under an association."""

import socket
import threading
from collections.abc import Iterator

import pytest

from isocenter.dimse.transport import Transport


@pytest.fixture
def ends() -> Iterator[tuple[Transport, socket.socket]]:
    """A transport, and the socket at the other end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = socket.create_connection(server.getsockname(), 10)
        accepted, _ = server.accept()
    transport = Transport(accepted, 10)
    with other:
        yield transport, other
    transport.close()


def test_all_of_it_is_waited_for_where_that_is_asked(
    ends: tuple[Transport, socket.socket],
) -> None:
    transport, other = ends
    memory = memoryview(bytearray(100))
    other.sendall(b"a" * 40)
    later = threading.Timer(0.2, other.sendall, [b"b" * 90])
    later.start()

    count = transport.receive_into(memory, 10, all_of_it=True)

    later.join()
    assert count == 100
    assert memory == b"a" * 40 + b"b" * 60
    assert transport.receive_into(memory, 10) == 30


def test_what_came_is_there_when_the_time_for_all_of_it_is_over(
    ends: tuple[Transport, socket.socket],
) -> None:
    transport, other = ends
    other.sendall(b"ab")

    try:
        count = transport.receive_into(memoryview(bytearray(100)), 0.2, all_of_it=True)
    except TimeoutError:  # as systems of BSD's kind say that not all is there
        count = transport.receive_into(memoryview(bytearray(100)), 0.2)

    assert count == 2
    with pytest.raises(TimeoutError):
        transport.receive_into(memoryview(bytearray(100)), 0.2, all_of_it=True)


def test_the_end_of_the_stream_ends_the_wait_for_all_of_it(
    ends: tuple[Transport, socket.socket],
) -> None:
    transport, other = ends
    other.sendall(b"ab")
    other.shutdown(socket.SHUT_WR)

    assert transport.receive_into(memoryview(bytearray(100)), 10, all_of_it=True) == 2
    assert transport.receive_into(memoryview(bytearray(100)), 10, all_of_it=True) == 0


def test_whoever_waits_for_all_of_it_can_be_woken(ends: tuple[Transport, socket.socket]) -> None:
    transport, other = ends
    other.sendall(b"ab")
    threading.Timer(0.2, transport.stop_receiving).start()

    assert transport.receive_into(memoryview(bytearray(100)), 30, all_of_it=True) == 2
    assert transport.receive_into(memoryview(bytearray(100)), 30, all_of_it=True) == 0
