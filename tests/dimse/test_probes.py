"""Raw-socket probes of the acceptor: what a peer may get wrong, answered as PS3.8 says.

Each case has tripped up at least one toolkit in use.
"""

import struct
import time

import pytest
from tests.dimse.wire import (
    ABORT,
    CT,
    EXPLICIT,
    IMPLICIT,
    J2K,
    RELEASE_RQ,
    VERIFICATION,
    RawPeer,
    Shelf,
    accepting,
    associate_rq,
    context,
    echo_rq,
    element,
    item,
    number,
    p_data,
    pdu,
    pdv,
    status_of,
    store_rq,
    user_information,
)

from isocenter.dimse import Limits, Timeouts

ECHO = pdv(echo_rq())
ANY_ABORT = 7
USER_ABORT = (7, bytes(4))  # AA-1: by the service user, whatever the reason
QUICK = Timeouts(artim=0.5, close=0.5)


def answer_to(data: bytes, limits: Limits | None = None) -> tuple[int, bytes]:
    """The acceptor's answer to the first bytes of a connection."""
    with accepting(limits=limits) as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(data)
        return peer.pdu()


def answer_in_association(*data: bytes) -> tuple[int, bytes]:
    """The acceptor's answer to bytes sent in an association; it then closes."""
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, VERIFICATION, IMPLICIT), context(3, CT, EXPLICIT))
        for piece in data:
            peer.send(piece)
        answer = peer.pdu()
        if answer[0] == ANY_ABORT:
            peer.socket.shutdown(1)
            assert peer.is_closed()
        return answer


def results(body: bytes) -> dict[int, tuple[int, str]]:
    """Context id to result and transfer syntax of an A-ASSOCIATE-AC."""
    found, offset = {}, 68
    while offset < len(body):
        kind, length = struct.unpack_from(">BxH", body, offset)
        content = body[offset + 4 : offset + 4 + length]
        if kind == 0x21:
            found[content[0]] = content[2], content[8:].decode()
        offset += 4 + length
    return found


@pytest.mark.parametrize("version", [1, 3, 0x00FF])
def test_every_version_with_bit_0_is_accepted(version: int) -> None:
    assert answer_to(associate_rq(version=version))[0] == 2


def test_version_2_alone_is_rejected_by_the_acse_provider() -> None:
    assert answer_to(associate_rq(version=2)) == (3, bytes((0, 1, 2, 2)))


def test_another_application_context_is_rejected_by_the_user() -> None:
    assert answer_to(associate_rq(application=b"1.2.840.10008.3.1.1.2")) == (3, bytes((0, 1, 1, 2)))


def test_an_even_context_id_is_refused_and_the_others_are_not() -> None:
    kind, body = answer_to(
        associate_rq(context(2, VERIFICATION, IMPLICIT), context(3, VERIFICATION, IMPLICIT))
    )

    assert kind == 2
    assert results(body)[2][0] == 2
    assert results(body)[3][0] == 0


def test_an_unknown_abstract_syntax_is_refused_as_such() -> None:
    with accepting(services=[]) as acceptor, RawPeer.to(acceptor) as peer:
        assert results(peer.associate())[1][0] == 3


def test_transfer_syntaxes_that_nobody_reads_are_refused_as_such() -> None:
    kind, body = answer_to(associate_rq(context(1, VERIFICATION, J2K)))

    assert kind == 2
    assert results(body)[1][0] == 4


def test_the_proposer_s_order_of_transfer_syntaxes_decides() -> None:
    kind, body = answer_to(
        associate_rq(context(1, CT, J2K, IMPLICIT), context(3, CT, IMPLICIT, EXPLICIT))
    )

    assert kind == 2
    assert results(body) == {1: (0, J2K), 3: (0, IMPLICIT)}


@pytest.mark.parametrize("kind", [0x00, 0x4F, 0x5A, 0xFF])
def test_unknown_user_sub_items_are_ignored(kind: int) -> None:
    user = user_information(extra=item(kind, b"whatever"))

    assert answer_to(associate_rq(user=user))[0] == 2


def test_unknown_items_are_ignored() -> None:
    assert answer_to(associate_rq(extra=item(0x7F, b"whatever")))[0] == 2


def test_an_asynchronous_window_is_answered_with_one_each() -> None:
    user = user_information(extra=item(0x53, struct.pack(">HH", 0, 0)))

    kind, body = answer_to(associate_rq(user=user))

    assert kind == 2
    assert item(0x53, struct.pack(">HH", 1, 1)) in body


def test_the_role_of_scp_is_not_granted_where_nothing_is_sent_back() -> None:
    role = item(0x54, struct.pack(">H", len(CT)) + CT.encode() + b"\1\1")

    kind, body = answer_to(
        associate_rq(context(1, CT, EXPLICIT), user=user_information(extra=role))
    )

    assert kind == 2
    assert item(0x54, struct.pack(">H", len(CT)) + CT.encode() + b"\1\0") in body


def test_a_user_identity_that_asks_is_answered() -> None:
    identity = item(0x58, b"\1\1" + struct.pack(">H", 4) + b"jane" + struct.pack(">H", 0))

    kind, body = answer_to(associate_rq(user=user_information(extra=identity)))

    assert kind == 2
    assert item(0x59, struct.pack(">H", 0)) in body


def test_a_request_without_contexts_is_accepted_with_none() -> None:
    request = associate_rq(b"")

    kind, body = answer_to(request)

    assert kind == 2
    assert results(body) == {}


def test_128_contexts_are_negotiated() -> None:
    contexts = [context(2 * n + 1, CT, EXPLICIT) for n in range(128)]

    kind, body = answer_to(associate_rq(*contexts))

    assert kind == 2
    assert len(results(body)) == 128


def test_a_context_id_that_is_used_twice_counts_once() -> None:
    kind, body = answer_to(
        associate_rq(context(1, CT, EXPLICIT), context(1, VERIFICATION, IMPLICIT))
    )

    assert kind == 2
    assert results(body) == {1: (0, EXPLICIT)}


@pytest.mark.parametrize("kind", [0x00, 0x08, 0x47, 0xFF])
def test_an_unknown_pdu_type_before_the_association_is_answered_by_an_abort(kind: int) -> None:
    assert answer_to(pdu(kind, b"GET / HTTP/1.1")) == USER_ABORT


@pytest.mark.parametrize("data", [p_data(ECHO), RELEASE_RQ, pdu(6, bytes(4)), pdu(3, bytes(4))])
def test_a_pdu_out_of_turn_before_the_association_is_answered_by_an_abort(data: bytes) -> None:
    assert answer_to(data) == USER_ABORT


def test_an_abort_before_the_association_just_closes() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(ABORT)
        assert peer.is_closed()


def test_a_request_longer_than_the_limit_is_answered_by_an_abort_at_once() -> None:
    assert answer_to(struct.pack(">BxI", 1, 0xFFFFFFFF)) == USER_ABORT


def test_an_item_that_reaches_past_the_request_is_answered_by_an_abort() -> None:
    request = bytearray(associate_rq())
    request[74 + 2 : 74 + 4] = b"\xff\xff"

    assert answer_to(bytes(request)) == USER_ABORT


def test_a_second_association_request_is_an_unexpected_pdu() -> None:
    assert answer_in_association(associate_rq()) == (7, bytes((0, 0, 2, 2)))


def test_an_unknown_pdu_type_in_the_association_is_an_unrecognized_pdu() -> None:
    assert answer_in_association(pdu(0x21, b"x")) == (7, bytes((0, 0, 2, 1)))


def test_a_release_response_that_nobody_asked_for_is_an_unexpected_pdu() -> None:
    assert answer_in_association(pdu(6, bytes(4))) == (7, bytes((0, 0, 2, 2)))


def test_an_acceptance_sent_to_an_acceptor_is_an_unexpected_pdu() -> None:
    request = associate_rq()

    assert answer_in_association(b"\2" + request[1:]) == (7, bytes((0, 0, 2, 2)))


def test_a_pdu_over_the_agreed_length_is_an_invalid_parameter() -> None:
    assert answer_in_association(struct.pack(">BxI", 4, (1 << 18) + 1)) == (7, bytes((0, 0, 2, 6)))


@pytest.mark.parametrize("length", [0, 1])
def test_a_data_value_length_under_two_is_an_invalid_parameter(length: int) -> None:
    value = struct.pack(">IBB", length, 1, 3)

    assert answer_in_association(pdu(4, value)) == (7, bytes((0, 0, 2, 6)))


def test_a_data_value_that_reaches_past_its_pdu_is_an_invalid_parameter() -> None:
    value = struct.pack(">IBB", 100, 1, 3) + b"xx"

    assert answer_in_association(pdu(4, value)) == (7, bytes((0, 0, 2, 6)))


def test_a_garbage_command_set_is_answered_by_an_abort() -> None:
    assert answer_in_association(p_data(pdv(b"\xde\xad\xbe\xef" * 8)))[0] == ANY_ABORT


def test_an_unknown_command_is_answered_by_an_abort() -> None:
    command = element(0x100, number(0x7777)) + element(0x110, number(1))

    assert answer_in_association(p_data(pdv(command)))[0] == ANY_ABORT


def test_data_without_a_command_is_answered_by_an_abort() -> None:
    assert answer_in_association(p_data(pdv(b"data", command=False)))[0] == ANY_ABORT


def test_a_context_that_was_not_accepted_is_answered_by_an_abort() -> None:
    assert answer_in_association(p_data(pdv(echo_rq(), context_id=99)))[0] == ANY_ABORT


def test_a_command_inside_a_data_set_is_answered_by_an_abort() -> None:
    store = pdv(store_rq(), context_id=3)
    data = pdv(b"data", context_id=3, command=False, last=False)

    assert answer_in_association(p_data(store), p_data(data), p_data(ECHO))[0] == ANY_ABORT


def test_data_on_another_context_than_its_command_is_answered_by_an_abort() -> None:
    store = pdv(store_rq(), context_id=3)

    assert answer_in_association(p_data(store), p_data(pdv(b"data", command=False)))[0] == ANY_ABORT


def test_a_command_set_over_the_limit_is_answered_by_an_abort() -> None:
    piece = p_data(pdv(bytes(16000), last=False))

    assert answer_in_association(*[piece] * 5)[0] == ANY_ABORT


def echoes(*data: bytes, slowly: bool = False) -> int:
    """The status of the response to an echo request sent in these pieces."""
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        for piece in data:
            peer.send(piece)
            if slowly:
                time.sleep(0.001)
        status = status_of(peer.command())
        peer.release()
        return status


def test_a_command_one_byte_a_pdu_is_joined() -> None:
    command = echo_rq()
    pieces = [
        p_data(pdv(command[n : n + 1], last=n + 1 == len(command))) for n in range(len(command))
    ]

    assert echoes(*pieces) == 0


def test_a_stream_one_byte_a_segment_is_joined() -> None:
    data = p_data(ECHO)

    assert echoes(*(data[n : n + 1] for n in range(len(data))), slowly=True) == 0


def test_several_data_values_in_a_pdu_are_joined() -> None:
    command = echo_rq()

    assert echoes(p_data(pdv(command[:9], last=False), pdv(command[9:]))) == 0


def test_an_empty_last_fragment_ends_the_command() -> None:
    assert echoes(p_data(pdv(echo_rq(), last=False)), p_data(pdv(b""))) == 0


def test_reserved_bits_of_the_control_header_are_not_looked_at() -> None:
    value = bytearray(ECHO)
    value[5] |= 0xFC

    assert echoes(p_data(bytes(value))) == 0


def test_a_command_set_with_a_wrong_group_length_is_understood() -> None:
    command = element(0, struct.pack("<I", 4711)) + echo_rq()[12:]

    assert echoes(p_data(pdv(command))) == 0


def test_command_and_data_set_in_one_pdu_are_taken_apart() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        data = [pdv(b"ab", command=False, last=False), pdv(b"cd", command=False)]
        peer.send(p_data(pdv(store_rq()), *data))
        assert status_of(peer.command()) == 0
        peer.release()

    assert bytes(shelf.kept[0].data) == b"abcd"


def test_requests_sent_ahead_are_answered_one_after_the_other() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.send(b"".join(p_data(pdv(echo_rq(n))) for n in range(1, 6)) + RELEASE_RQ)
        answers = [status_of(peer.command()) for _ in range(5)]
        assert answers == [0] * 5
        assert peer.pdu()[0] == 6


def test_a_late_cancel_is_ignored() -> None:
    cancel = (
        element(0x100, number(0x0FFF)) + element(0x120, number(1)) + element(0x800, number(0x101))
    )

    assert echoes(p_data(pdv(cancel)), p_data(ECHO)) == 0


def test_a_find_on_the_verification_context_is_an_unrecognized_operation() -> None:
    find = element(2, VERIFICATION.encode() + b"\0") + element(0x100, number(0x20))
    find += element(0x110, number(5)) + element(0x800, number(1))
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.send(p_data(pdv(find), pdv(b"identifier", command=False)))
        assert status_of(peer.command()) == 0x0211
        peer.send(p_data(ECHO))
        assert status_of(peer.command()) == 0


def test_a_release_is_answered_and_the_peer_closes() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.release()


def test_bytes_behind_an_abort_do_not_matter() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.send(ABORT + p_data(ECHO))
        assert peer.is_closed()


@pytest.mark.parametrize("sent", [b"", b"\1\0\0", associate_rq()[:40]])
def test_a_peer_that_falls_silent_before_its_request_is_closed_by_artim(sent: bytes) -> None:
    with accepting(timeouts=QUICK) as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(sent)
        assert peer.is_closed()


def test_a_request_that_trickles_in_does_not_outlast_artim() -> None:
    with (
        accepting(timeouts=QUICK) as acceptor,
        RawPeer.to(acceptor) as peer,
        pytest.raises(OSError),
    ):
        for byte in associate_rq():  # more than ten seconds of it
            peer.send(bytes([byte]))
            time.sleep(0.05)


def test_a_peer_that_falls_silent_inside_a_message_is_aborted() -> None:
    with (
        accepting(timeouts=Timeouts(transfer=0.5, close=0.5)) as acceptor,
        RawPeer.to(acceptor) as peer,
    ):
        peer.associate()
        peer.send(p_data(ECHO)[:3])
        assert peer.pdu()[0] == ANY_ABORT


def test_a_peer_that_never_closes_after_a_release_is_closed_by_artim() -> None:
    with accepting(timeouts=Timeouts(close=0.5)) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.release()
        assert peer.is_closed()


def test_a_peer_that_never_closes_after_its_rejection_is_closed_by_artim() -> None:
    with accepting(timeouts=Timeouts(close=0.5)) as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(associate_rq(application=b"1.2.3"))
        assert peer.pdu() == (3, bytes((0, 1, 1, 2)))
        assert peer.is_closed()


def test_a_request_behind_a_rejection_is_aborted() -> None:
    with accepting(timeouts=QUICK) as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(associate_rq(application=b"1.2.3"))
        assert peer.pdu()[0] == 3
        peer.send(associate_rq())
        assert peer.pdu()[0] == ANY_ABORT
        assert peer.is_closed()


def test_an_idle_association_is_aborted_after_its_time() -> None:
    with (
        accepting(timeouts=Timeouts(idle=0.3, close=0.3)) as acceptor,
        RawPeer.to(acceptor) as peer,
    ):
        peer.associate()
        assert peer.pdu()[0] == ANY_ABORT


@pytest.mark.parametrize("maximum_length", [7, 8, 9, 13, 100])
def test_a_peer_that_takes_only_a_few_bytes_a_pdu_gets_its_response(maximum_length: int) -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(maximum_length=maximum_length)
        peer.send(p_data(ECHO))
        command, last = b"", False
        while not last:
            kind, body = peer.pdu()
            assert kind == 4
            assert len(body) <= maximum_length
            command += body[6:]
            last = bool(body[5] & 2)
        assert status_of(command) == 0
        peer.release()


def test_a_peer_that_takes_no_byte_at_all_is_aborted_not_served() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(maximum_length=6)
        peer.send(p_data(ECHO))
        assert peer.pdu()[0] == ANY_ABORT
