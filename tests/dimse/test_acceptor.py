"""The acceptor: storage, limits, ending, and what hostile or careless peers may not cause."""

import gc
import logging
import os
import re
import socket
import sys
import threading
import time

import pytest
from tests.dimse.wire import (
    ABORT,
    CT,
    EXPLICIT,
    RELEASE_RQ,
    RawPeer,
    Shelf,
    accepting,
    associate_rq,
    context,
    echo_rq,
    eventually,
    item,
    p_data,
    pdv,
    status_of,
    store_rq,
)

from isocenter.dimse import AccessList, DimseStatusError, Limits, Status, Timeouts, connect_sync
from isocenter.errors import AssociationAborted, AssociationRejected, OutOfResources


def store(peer: RawPeer, data: bytes, size: int = 16000, message_id: int = 1) -> int:
    """Store a data set; returns the status of the response."""
    peer.send(p_data(pdv(store_rq(message_id))))
    for start in range(0, max(len(data), 1), size):
        last = start + size >= len(data)
        peer.send(p_data(pdv(data[start : start + size], command=False, last=last)))
    return status_of(peer.command())


def test_a_data_set_reaches_the_handler_as_it_was_sent_with_who_sent_it() -> None:
    shelf = Shelf()
    data = os.urandom(3_000_000)
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        assert store(peer, data) == 0
        peer.release()

    kept = shelf.kept[0]
    assert bytes(kept.data) == data
    assert kept.ended == "finished"
    assert (kept.request.sop_class_uid, kept.request.sop_instance_uid) == (CT, "1.2.3")
    assert kept.request.transfer_syntax_uid == EXPLICIT
    assert (kept.info.calling_ae, kept.info.called_ae) == ("ECHOSCU", "ANY-SCP")
    assert kept.info.peer_address == "127.0.0.1"
    assert kept.info.implementation_class_uid == "1.2.3"


def test_fragments_are_handed_on_in_large_portions() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        assert store(peer, bytes(10_000_000)) == 0

    assert shelf.kept[0].writes < 50


def test_without_a_maximum_length_a_pdu_may_be_longer_than_the_memory_for_it() -> None:
    shelf = Shelf()
    data = os.urandom(3_000_000)
    limits = Limits(maximum_length=0, buffer=1 << 17)
    with accepting(shelf, limits=limits) as acceptor, RawPeer.to(acceptor) as peer:
        answer = peer.associate(context(1, CT, EXPLICIT))
        assert store(peer, data, size=len(data)) == 0
        peer.release()

    assert item(0x51, bytes(4)) in answer
    assert bytes(shelf.kept[0].data) == data
    assert shelf.kept[0].writes > 10


def test_many_tiny_fragments_are_handed_on_before_they_pile_up() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        values = [pdv(b"x", command=False, last=False)] * 5000
        peer.send(p_data(pdv(store_rq())) + p_data(*values) + p_data(pdv(b"", command=False)))
        assert status_of(peer.command()) == 0

    assert bytes(shelf.kept[0].data) == b"x" * 5000
    assert shelf.kept[0].writes >= 5


def test_the_handler_s_status_and_comment_are_responded() -> None:
    shelf = Shelf()
    shelf.status = Status(0xB000, "coerced " + "ä" * 100, (0x00100010,))
    with accepting(shelf) as acceptor:
        host, port = acceptor.address
        with connect_sync(f"X@{host}:{port}", contexts=[CT]) as association:
            from isocenter.dimse.operations import status_of as read
            from isocenter.dimse.operations import store_request

            request = store_request(1, CT, "1.2.3")
            status = read(association.exchange(1, request, b"data"))

    assert status.code == 0xB000
    assert status.is_success
    assert status.comment == "coerced " + "?" * 56
    assert status.offending_element == (0x00100010,)


@pytest.mark.parametrize("where", ["begin_error", "write_error"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfResources("disk full"), 0xA700),
        (DimseStatusError(0xA900, "no"), 0xA900),
        (RuntimeError("a bug"), 0x0110),
    ],
)
def test_a_handler_that_fails_does_so_with_a_status_and_the_association_goes_on(
    where: str, error: Exception, status: int
) -> None:
    shelf = Shelf()
    setattr(shelf, where, error)
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        assert store(peer, bytes(3_000_000)) == status
        shelf.begin_error = shelf.write_error = None
        assert store(peer, b"data", message_id=2) == 0

    assert [kept.ended for kept in shelf.kept][-1] == "finished"
    assert all(kept.ended == "aborted" for kept in shelf.kept[:-1])


def test_a_sop_class_that_is_not_the_context_s_is_refused() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        peer.send(p_data(pdv(store_rq(sop_class="1.2.9"))) + p_data(pdv(b"data", command=False)))
        response = peer.command()
        assert status_of(response) == 0x0122
        assert b"AffectedSOPClassUID (0000,0002) is not the context's SOP class" in response

    assert not shelf.kept


@pytest.mark.parametrize("ending", [ABORT, b""])
def test_a_data_set_that_breaks_off_is_aborted_never_finished(ending: bytes) -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor:
        with RawPeer.to(acceptor) as peer:
            peer.associate(context(1, CT, EXPLICIT))
            peer.send(p_data(pdv(store_rq())))
            peer.send(p_data(pdv(bytes(1000), command=False, last=False)) + ending)
        assert eventually(lambda: shelf.kept and shelf.kept[0].ended)

    assert shelf.kept[0].ended == "aborted"


def test_a_data_set_over_the_limit_is_cut_off_by_an_abort() -> None:
    shelf = Shelf()
    with (
        accepting(shelf, limits=Limits(data_set=100_000)) as acceptor,
        RawPeer.to(acceptor) as peer,
    ):
        peer.associate(context(1, CT, EXPLICIT))
        peer.send(p_data(pdv(store_rq())))
        for _ in range(8):
            peer.send(p_data(pdv(bytes(16000), command=False, last=False)))
        assert peer.pdu()[0] == 7

    assert shelf.kept[0].ended == "aborted"


def test_called_and_calling_titles_that_are_not_listed_are_rejected_each_with_its_reason() -> None:
    policy = AccessList(frozenset({"ANY-SCP"}), {"ECHOSCU": None, "MODALITY": "192.0.2.1"})
    expected = {
        (b"OTHER", b"ECHOSCU"): (3, bytes((0, 1, 1, 7))),
        (b"ANY-SCP", b"STRANGER"): (3, bytes((0, 1, 1, 3))),
        (b"ANY-SCP", b"MODALITY"): (3, bytes((0, 1, 1, 3))),
    }
    with accepting(policy=policy) as acceptor:
        for (called, calling), answer in expected.items():
            with RawPeer.to(acceptor) as peer:
                peer.send(associate_rq(called=called, calling=calling))
                assert peer.pdu() == answer
        with RawPeer.to(acceptor) as peer:
            peer.associate()


def test_more_associations_than_allowed_are_rejected_for_now() -> None:
    with accepting(limits=Limits(associations=2)) as acceptor:
        peers = [RawPeer.to(acceptor) for _ in range(2)]
        for peer in peers:
            peer.associate()
        with RawPeer.to(acceptor) as third:
            third.send(associate_rq())
            assert third.pdu() == (3, bytes((0, 2, 3, 2)))
        for peer in peers:
            peer.release()
            peer.socket.close()
        assert eventually(lambda: acceptor.open_associations < 2)
        with RawPeer.to(acceptor) as fourth:
            fourth.associate()


def test_one_peer_cannot_take_all_associations() -> None:
    limits = Limits(associations=10, associations_per_peer=1)
    with accepting(limits=limits) as acceptor, RawPeer.to(acceptor) as one:
        one.associate()
        with RawPeer.to(acceptor) as two:
            two.send(associate_rq())
            assert two.pdu() == (3, bytes((0, 2, 3, 2)))


def test_connections_far_over_the_limit_get_no_thread() -> None:
    with accepting(limits=Limits(associations=1)) as acceptor:
        silent = [socket.create_connection(acceptor.address) for _ in range(40)]
        time.sleep(0.2)
        assert acceptor.open_associations <= 17
        for one in silent:
            one.close()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "PDU type 47H is unknown"),
        (p_data(pdv(echo_rq())), "it sent a PDU out of turn"),
        (associate_rq(version=2), "rejected (permanent): protocol version not supported"),
        (ABORT, "aborted by the service user"),
        (associate_rq()[:20], "it closed the connection"),
        (b"", "it closed the connection"),
        (associate_rq() + ABORT, "aborted by the service user"),
    ],
    ids=["HTTP", "data", "version", "abort", "half", "nothing", "abort behind"],
)
def test_the_log_says_why_a_connection_came_to_nothing(
    sent: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="isocenter.dimse")
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(sent)
        peer.socket.shutdown(socket.SHUT_WR)
        assert eventually(lambda: reason in caplog.text)


def test_the_log_says_that_a_peer_released_inside_a_command(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="isocenter.dimse")
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.send(p_data(pdv(echo_rq()[:20], last=False)) + RELEASE_RQ)
        assert peer.pdu() == (6, bytes(4))
        peer.socket.close()
        assert eventually(lambda: "the peer released inside a message" in caplog.text)


def test_the_log_says_how_many_requests_an_association_had(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="isocenter.dimse")
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        assert store(peer, b"kept", message_id=1) == 0
        shelf.status = Status(0xB000)
        assert store(peer, b"kept with a warning", message_id=2) == 0xB000
        shelf.status = Status(0xA700)
        assert store(peer, b"refused", message_id=3) == 0xA700
        peer.release()
        assert eventually(lambda: "3 requests answered, 1 of them by a failure" in caplog.text)
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        peer.send(p_data(pdv(echo_rq())))
        assert status_of(peer.command()) == 0
        peer.release()
        assert eventually(lambda: ": 1 request answered, 0 of them by a failure" in caplog.text)


def test_the_log_says_whom_the_limits_kept_out(caplog: pytest.LogCaptureFixture) -> None:
    with accepting(limits=Limits(associations=1)) as acceptor, RawPeer.to(acceptor) as first:
        first.associate()
        with RawPeer.to(acceptor) as second:
            second.send(associate_rq(calling=b"LATE"))
            assert second.pdu()[0] == 3
        assert eventually(lambda: "association of LATE with ANY-SCP" in caplog.text)
        silent = [socket.create_connection(acceptor.address) for _ in range(40)]
        assert eventually(lambda: "closed a connection from 127.0.0.1" in caplog.text)
        for one in silent:
            one.close()

    assert "local limit exceeded" in caplog.text


def told(caplog: pytest.LogCaptureFixture) -> tuple[int, int]:
    """How many lines of refusals there are, and of how many refusals they tell."""
    lines = [line for line in caplog.messages if "127.0.0.1" in line]
    counts = [re.search(r"the last of (\d+) such", line) for line in lines]
    return len(lines), sum(int(count[1]) if count else 1 for count in counts)


@pytest.mark.parametrize(
    "limits", [Limits(associations=1), Limits(associations_per_peer=1)], ids=["all", "of a peer"]
)
def test_a_flood_over_the_limits_writes_few_lines_that_count_the_rest(
    limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    time.sleep(1.1)  # what other tests caused is told
    caplog.clear()
    caplog.set_level(logging.INFO, logger="isocenter.dimse.acceptor")
    began = time.monotonic()
    with accepting(limits=limits) as acceptor, RawPeer.to(acceptor) as first:
        first.associate()
        for _ in range(50):
            with RawPeer.to(acceptor) as refused:
                refused.send(associate_rq(calling=b"LATE"))
                assert refused.pdu() == (3, bytes((0, 2, 3, 2)))
        assert eventually(lambda: acceptor.open_associations == 1)
        silent = [socket.create_connection(acceptor.address) for _ in range(60)]
        with RawPeer.to(acceptor) as last:
            assert last.is_closed()  # and so all that came before it were accepted
        for one in silent:
            one.close()
        assert eventually(lambda: told(caplog)[1] == 50 + 60 + 1), told(caplog)
        first.release()

    kinds = 3  # rejected, closed at once, came to nothing
    assert told(caplog)[0] <= kinds * (time.monotonic() - began + 1)


def test_a_flood_of_connections_that_come_to_nothing_writes_few_lines_that_count_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time.sleep(1.1)
    caplog.clear()
    caplog.set_level(logging.INFO, logger="isocenter.dimse.acceptor")
    began = time.monotonic()
    with accepting() as acceptor:
        for _ in range(100):
            with RawPeer.to(acceptor) as peer:
                peer.send(b"GET / HTTP/1.1\r\n\r\n")
                assert peer.pdu()[0] == 7
        assert eventually(lambda: told(caplog)[1] == 100), told(caplog)

    assert told(caplog)[0] <= time.monotonic() - began + 1


def test_silent_connections_hold_up_nobody() -> None:
    with accepting() as acceptor:
        silent = [socket.create_connection(acceptor.address) for _ in range(20)]
        with RawPeer.to(acceptor) as peer:
            peer.associate()
            peer.send(p_data(pdv(echo_rq())))
            assert status_of(peer.command()) == 0
        for one in silent:
            one.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc, on Linux only")
@pytest.mark.parametrize("greeting", [b"", b"\1\0\0", b"garbage!", associate_rq()])
def test_repeated_connects_leave_nothing_behind(greeting: bytes) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def of_ours() -> int:
        gc.collect()
        rooms = [type(each).__module__ for each in gc.get_objects()]
        return sum(str(room).startswith(("isocenter.dimse", "socket")) for room in rooms)

    def knock(times: int) -> None:
        for _ in range(times):
            with socket.create_connection(acceptor.address) as sock:
                sock.sendall(greeting)

    with accepting(timeouts=Timeouts(close=0.2)) as acceptor:
        knock(5)
        assert eventually(lambda: acceptor.open_associations == 0)
        files, threads, objects = descriptors(), threading.active_count(), of_ours()
        knock(100)

        # Connections may still wait to be accepted: none is open, and some are to come.
        assert eventually(lambda: descriptors() <= files + 2)
        assert eventually(lambda: threading.active_count() <= threads)
        assert eventually(lambda: of_ours() < objects + 50)
        assert eventually(lambda: acceptor.open_associations == 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="raises RLIMIT_NOFILE, on Linux")
def test_associations_work_past_file_descriptor_1023() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("needs a hard limit of 2048 file descriptors; raise it with ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with accepting() as acceptor, RawPeer.to(acceptor) as peer:
            assert peer.socket.fileno() > 1023
            peer.associate()
            peer.send(p_data(pdv(echo_rq())))
            assert status_of(peer.command()) == 0
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, on Linux only")
def test_idle_associations_do_not_wake_up() -> None:
    def switches() -> int:
        total = 0
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/status") as status:
                total += sum(int(line.split()[1]) for line in status if "_ctxt_switches" in line)
        return total

    with accepting() as acceptor:
        peers = [RawPeer.to(acceptor) for _ in range(20)]
        for peer in peers:
            peer.associate()
        time.sleep(2.5)
        before = switches()
        time.sleep(1.0)
        # A poll every millisecond would be 20,000.
        assert switches() - before < 400
        for peer in peers:
            peer.socket.close()


def test_stopping_aborts_idle_associations_at_once() -> None:
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate()
        stopping = threading.Thread(target=acceptor.stop, args=(10.0,))
        stopping.start()
        assert peer.pdu() == (7, bytes(4))
        peer.socket.close()
        stopping.join(30)
        assert not stopping.is_alive()


def test_stopping_lets_a_message_under_way_be_finished() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        peer.send(p_data(pdv(store_rq())) + p_data(pdv(b"ab", command=False, last=False)))
        assert eventually(lambda: shelf.kept)
        stopping = threading.Thread(target=acceptor.stop, args=(10.0,))
        stopping.start()
        time.sleep(0.1)
        peer.send(p_data(pdv(b"cd", command=False)))
        assert status_of(peer.command()) == 0
        assert peer.pdu() == (7, bytes(4))
        peer.socket.close()
        stopping.join(30)

    assert bytes(shelf.kept[0].data) == b"abcd"
    assert shelf.kept[0].ended == "finished"


def test_stopping_cuts_off_a_message_that_takes_longer_than_the_grace() -> None:
    shelf = Shelf()
    with accepting(shelf) as acceptor, RawPeer.to(acceptor) as peer:
        peer.associate(context(1, CT, EXPLICIT))
        peer.send(p_data(pdv(store_rq())) + p_data(pdv(b"ab", command=False, last=False)))
        assert eventually(lambda: shelf.kept)
        acceptor.stop(0.2)
        assert eventually(lambda: shelf.kept[0].ended)

    assert shelf.kept[0].ended == "aborted"


def test_a_stopped_acceptor_takes_no_connection() -> None:
    with accepting() as acceptor:
        address = acceptor.address
    with pytest.raises(OSError):
        socket.create_connection(address, 1)


def test_a_rejection_tells_the_requestor_why() -> None:
    with accepting(policy=AccessList(frozenset({"OTHER"}))) as acceptor:
        host, port = acceptor.address
        with pytest.raises(AssociationRejected, match="called AE title not recognized") as raised:
            connect_sync(f"X@{host}:{port}")

    assert (raised.value.result, raised.value.source, raised.value.reason) == (1, 1, 7)


def test_an_association_that_stops_is_told_apart_from_one_that_breaks() -> None:
    with accepting() as acceptor:
        host, port = acceptor.address
        association = connect_sync(f"X@{host}:{port}")
        acceptor.stop(0.1)
        with pytest.raises(AssociationAborted, match="service user"):
            association.echo()
        association.close()


def test_one_peer_s_silent_connections_leave_room_for_others() -> None:
    limits = Limits(associations=100, associations_per_peer=2)
    with accepting(limits=limits) as acceptor:
        silent = [socket.create_connection(acceptor.address) for _ in range(60)]
        assert eventually(lambda: acceptor.open_associations == 18)
        time.sleep(0.2)
        assert acceptor.open_associations == 18
        for one in silent:
            one.close()


def test_a_request_full_of_sub_items_is_read_in_little_time() -> None:
    role = item(0x54, b"\0\0\1\0")
    user = item(0x50, role * 8000)
    with accepting() as acceptor, RawPeer.to(acceptor) as peer:
        peer.send(associate_rq(*[context(1, CT, EXPLICIT)] * 1, user=user, extra=user * 7))
        assert peer.pdu()[0] == 2


def test_silent_connections_do_not_hold_up_a_stop() -> None:
    with accepting() as acceptor:
        silent = [socket.create_connection(acceptor.address) for _ in range(3)]
        assert eventually(lambda: acceptor.open_associations == 3)
        stopping = threading.Thread(target=acceptor.stop, args=(60.0,))
        stopping.start()
        stopping.join(30)
        assert not stopping.is_alive()
        for one in silent:
            one.close()
