"""The protocol machine's operations, driven by hand."""

import pytest
from tests.dimse.wire import CT, EXPLICIT, RELEASE_RP, RELEASE_RQ, p_data, pdv, store_rq

from isocenter.dimse.limits import Limits
from isocenter.dimse.machine import Machine, Wait
from isocenter.dimse.negotiation import NegotiatedContext
from isocenter.dimse.state_machine import State
from isocenter.dimse.upper_layer import Role
from isocenter.errors import LimitExceeded


def established(role: Role, **limits: int) -> Machine:
    machine = Machine(role, Limits(**limits))
    machine.upper.state = State.ESTABLISHED
    machine.agree({1: NegotiatedContext(1, CT, EXPLICIT)}, 16384)
    return machine


def sent(machine: Machine) -> bytes:
    return b"".join(machine.upper.data_to_send())


@pytest.mark.parametrize("role", list(Role))
def test_either_side_may_release(role: Role) -> None:
    machine = established(role)
    release = machine.release()

    next(release)
    machine.upper.receive_data(RELEASE_RP)
    with pytest.raises(StopIteration):
        next(release)

    assert sent(machine) == RELEASE_RQ
    assert machine.upper.close_transport


def test_an_acceptor_that_releases_while_the_requestor_does_answers_second() -> None:
    machine = established(Role.ACCEPTOR)
    release = machine.release()

    assert next(release) is Wait.RELEASE_RP
    assert sent(machine) == RELEASE_RQ
    machine.upper.receive_data(RELEASE_RQ)
    assert next(release) is Wait.RELEASE_RP
    assert sent(machine) == b""
    machine.upper.receive_data(RELEASE_RP)
    with pytest.raises(StopIteration):
        next(release)

    assert sent(machine) == RELEASE_RP
    assert machine.upper.state is State.AWAITING_TRANSPORT_CLOSE


def test_a_requestor_that_releases_while_the_acceptor_does_answers_first() -> None:
    machine = established(Role.REQUESTOR)
    release = machine.release()

    next(release)
    assert sent(machine) == RELEASE_RQ
    machine.upper.receive_data(RELEASE_RQ)
    assert next(release) is Wait.RELEASE_RP
    assert sent(machine) == RELEASE_RP
    machine.upper.receive_data(RELEASE_RP)
    with pytest.raises(StopIteration):
        next(release)

    assert machine.upper.state is State.IDLE


def test_a_data_set_that_must_fit_into_memory_is_cut_off_at_its_limit() -> None:
    machine = established(Role.ACCEPTOR, identifier=10)
    machine.upper.receive_data(p_data(pdv(store_rq())) + p_data(pdv(bytes(11), command=False)))
    with pytest.raises(StopIteration):
        next(machine.receive())

    with pytest.raises(LimitExceeded, match="identifier"):
        next(machine.read_data_set())

    assert sent(machine)[0] == 7


def test_a_data_set_left_unread_is_skipped_by_the_next_receive() -> None:
    machine = established(Role.ACCEPTOR)
    store = p_data(pdv(store_rq(1))) + p_data(pdv(b"data", command=False))
    machine.upper.receive_data(store + p_data(pdv(store_rq(2))))

    ids = []
    for _ in range(2):
        with pytest.raises(StopIteration) as stopped:
            next(machine.receive())
        ids.append(stopped.value.value.message.message_id)

    assert ids == [1, 2]


@pytest.mark.parametrize("behind", [b"\x99" * 10, bytes.fromhex("07000000000400000000")])
def test_what_comes_behind_a_release_request_does_not_matter(behind: bytes) -> None:
    machine = established(Role.ACCEPTOR)
    machine.upper.receive_data(RELEASE_RQ + behind)

    with pytest.raises(StopIteration) as stopped:
        next(machine.receive())

    assert stopped.value.value is None


def test_a_data_set_in_the_smallest_fragments_is_read_some_thousands_at_a_time() -> None:
    machine = established(Role.ACCEPTOR)
    machine.upper.receive_data(p_data(pdv(store_rq())))
    with pytest.raises(StopIteration):
        next(machine.receive())
    tiny = pdv(b"a", command=False, last=False)
    stream = p_data(tiny * 2000) * 4 + p_data(tiny * 99 + pdv(b"b", command=False))
    space = machine.upper.space()
    space[: len(stream)] = stream

    machine.upper.received(len(stream))

    assert len(machine.upper.values) < 5000
    data = b""
    while machine.data_set_is_open:
        batch = machine.take_fragments()
        assert batch is not None
        data += b"".join(batch)
    assert data == b"a" * 8099 + b"b"


def test_small_fragments_left_unread_leave_room_for_the_peer_s_end() -> None:
    machine = established(Role.ACCEPTOR)
    machine.upper.receive_data(p_data(pdv(store_rq())))
    with pytest.raises(StopIteration):
        next(machine.receive())
    space = machine.upper.space()
    stream = p_data(pdv(b"a", command=False, last=False) * 2000)
    stream *= len(space) // len(stream)
    space[: len(stream)] = stream
    machine.upper.received(len(stream))
    machine.upper.abort()

    assert next(machine.close()) is Wait.CLOSE

    assert machine.upper.buffer.start == machine.upper.buffer.end


def test_a_long_data_set_is_handed_on_while_the_rest_is_still_to_come() -> None:
    machine = established(Role.ACCEPTOR)
    machine.upper.receive_data(p_data(pdv(store_rq())))
    with pytest.raises(StopIteration):
        next(machine.receive())
    piece, sent_pieces = bytes(16000), 0
    reading = machine.fragments()
    with pytest.raises(StopIteration) as handed_on:
        while next(reading) is Wait.REST:
            machine.upper.receive_data(p_data(pdv(piece, command=False, last=False)))
            sent_pieces += 1
    assert machine.data_set_is_open
    assert sum(map(len, handed_on.value.value)) == sent_pieces * len(piece) < 300_000
