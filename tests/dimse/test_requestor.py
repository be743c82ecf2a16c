"""Associations as a requestor, blocking and asyncio, against peers made of bytes."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.dimse.wire import (
    ABORT,
    CT,
    EXPLICIT,
    J2K,
    RELEASE_RP,
    RELEASE_RQ,
    RawPeer,
    Shelf,
    accept_all,
    accepting,
    echo_rsp,
    eventually,
    item,
    p_data,
    pdv,
    scripted_peer,
    store_rsp,
)
from tests.factories import ct_slice, part10_bytes
from tests.free_ports import free_port

from isocenter.dimse import (
    VERIFICATION,
    Limits,
    PeerAddress,
    Proposal,
    Status,
    Timeouts,
    connect,
    connect_sync,
)
from isocenter.dimse.messages import CStoreRq
from isocenter.errors import (
    AssociationAborted,
    AssociationError,
    AssociationRejected,
    ConfigurationError,
    TimedOut,
    UnsupportedTransferSyntax,
)

QUICK = Timeouts(connect=10, associate=10, response=0.5, transfer=0.5, close=0.3)


def echo_sync(address: tuple[str, int], **options: Any) -> Status:
    with connect_sync(PeerAddress("PEER", *address), **options) as association:
        return association.echo()


def echo_async(address: tuple[str, int], **options: Any) -> Status:
    async def main() -> Status:
        async with connect(PeerAddress("PEER", *address), **options) as association:
            return await association.echo()

    return asyncio.run(main())


both = pytest.mark.parametrize("echo", [echo_sync, echo_async], ids=["sync", "asyncio"])
Echo = Callable[..., Status]


@both
def test_an_echo_is_answered(echo: Echo) -> None:
    with accepting() as acceptor:
        assert echo(acceptor.address) == Status()


@both
def test_a_response_in_fragments_of_one_byte_is_joined(echo: Echo) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        response = echo_rsp()
        for n in range(len(response)):
            peer.send(p_data(pdv(response[n : n + 1], last=n + 1 == len(response))))
        assert peer.pdu()[0] == 5
        peer.send(RELEASE_RP)

    with scripted_peer(script) as address:
        assert echo(address).code == 0


@both
def test_a_rejection_says_why(echo: Echo) -> None:
    def script(peer: RawPeer) -> None:
        peer.pdu()
        peer.send(bytes.fromhex("03000000000400020302"))

    with (
        scripted_peer(script) as address,
        pytest.raises(AssociationRejected, match="transient.*local limit"),
    ):
        echo(address)


@both
@pytest.mark.parametrize(
    "answer", [b"", ABORT, b"HTTP/1.1 400 Bad Request\r\n", b"\2\0\0\0\0\3abc", RELEASE_RQ]
)
def test_an_answer_that_is_none_ends_the_association(echo: Echo, answer: bytes) -> None:
    def script(peer: RawPeer) -> None:
        peer.pdu()
        peer.send(answer)

    with scripted_peer(script) as address, pytest.raises(AssociationAborted):
        echo(address)


@both
def test_a_peer_that_does_not_answer_the_request_costs_limited_time(echo: Echo) -> None:
    with (
        scripted_peer(lambda peer: time.sleep(3)) as address,
        pytest.raises(TimedOut, match=f"127.0.0.1:{address[1]}"),
    ):
        echo(address, timeouts=Timeouts(associate=0.5, close=0.3))


@both
def test_a_peer_that_does_not_respond_is_aborted(echo: Echo) -> None:
    aborted = threading.Event()

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        if peer.pdu() == (7, bytes(4)):
            aborted.set()

    with scripted_peer(script) as address:
        with pytest.raises(TimedOut, match="response"):
            echo(address, timeouts=QUICK)
        assert aborted.wait(30)


@both
def test_a_peer_that_trickles_its_response_costs_limited_time(echo: Echo) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        for byte in p_data(pdv(echo_rsp())):
            peer.send(bytes([byte]))
            time.sleep(0.1)

    with scripted_peer(script) as address, pytest.raises(TimedOut):
        echo(address, timeouts=QUICK)


@both
@pytest.mark.parametrize("response", [echo_rsp(message_id=99), store_rsp()[:-3], b"\0" * 20])
def test_a_response_that_is_none_ends_the_association(echo: Echo, response: bytes) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(response)))
        peer.pdu()

    with scripted_peer(script) as address, pytest.raises(AssociationError):
        echo(address)


@both
@pytest.mark.parametrize(
    "response",
    [b"\x99" + bytes(5), p_data(), p_data(struct.pack(">IBB", 99, 1, 3)), p_data(bytes(5))],
)
def test_an_invalid_pdu_is_answered_by_an_abort_at_once(echo: Echo, response: bytes) -> None:
    answers: list[int] = []

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(response)
        answers.append(peer.pdu()[0])

    with scripted_peer(script) as address:
        with pytest.raises(AssociationAborted):
            echo(address, timeouts=Timeouts(response=10, close=0.3))
        assert eventually(lambda: answers == [7])


def repeat(peer: RawPeer, data: bytes, pause: float) -> None:
    """Send something again and again for 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        peer.send(data)
        time.sleep(pause)


@both
@pytest.mark.parametrize("pause", [0.1, 0])
def test_data_without_end_behind_a_release_request_costs_limited_time(
    echo: Echo, pause: float
) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(echo_rsp())))
        assert peer.pdu()[0] == 5
        repeat(peer, p_data(pdv(b"")), pause)

    with scripted_peer(script) as address:
        started = time.monotonic()
        assert echo(address, timeouts=replace(QUICK, associate=0.5)).code == 0
        assert time.monotonic() - started < 15


@both
@pytest.mark.parametrize("pause", [0.1, 0])
def test_data_without_end_behind_an_abort_costs_limited_time(echo: Echo, pause: float) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(echo_rsp(message_id=99))))
        assert peer.pdu()[0] == 7
        repeat(peer, p_data(pdv(b"")), pause)

    with scripted_peer(script) as address:
        started = time.monotonic()
        with pytest.raises(AssociationError):
            echo(address, timeouts=QUICK)
        assert time.monotonic() - started < 15


@both
def test_a_peer_that_releases_at_the_same_time_is_answered_and_both_end(echo: Echo) -> None:
    seen: list[int] = []

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(echo_rsp())))
        assert peer.pdu()[0] == 5
        # The acceptor asks too, instead of answering: PS3.8 AR-8 on both sides.
        peer.send(RELEASE_RQ)
        seen.append(peer.pdu()[0])
        peer.send(RELEASE_RP)
        assert peer.is_closed()

    with scripted_peer(script) as address:
        assert echo(address).code == 0
    assert seen == [6]


@both
def test_data_that_arrives_behind_a_release_request_is_dropped(echo: Echo) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(echo_rsp())))
        assert peer.pdu()[0] == 5
        peer.send(p_data(pdv(echo_rsp())) + RELEASE_RP)

    with scripted_peer(script) as address:
        assert echo(address).code == 0


@both
def test_a_peer_that_takes_few_bytes_a_pdu_gets_no_more(echo: Echo) -> None:
    longest: list[int] = []

    def script(peer: RawPeer) -> None:
        accept_all(peer, maximum_length=10)
        last = False
        while not last:
            _, body = peer.pdu()
            longest.append(len(body))
            last = bool(body[5] & 2)
        peer.send(p_data(pdv(echo_rsp())))
        peer.pdu()
        peer.send(RELEASE_RP)

    with scripted_peer(script) as address:
        assert echo(address).code == 0
    assert max(longest) == 10


@both
def test_nobody_listening_is_said_with_the_address(echo: Echo) -> None:
    address = "127.0.0.1", free_port()
    with pytest.raises(AssociationError, match=f"PEER@127.0.0.1:{address[1]}"):
        echo(address)


@both
@pytest.mark.parametrize("host", ["..", "a" * 64 + ".example"])
def test_a_host_that_cannot_be_one_is_said_to_be_none(echo: Echo, host: str) -> None:
    with pytest.raises(AssociationError, match="is no name of a host"):
        echo((host, 104))


@both
def test_an_address_of_ipv6_stands_in_brackets(echo: Echo) -> None:
    with pytest.raises(AssociationError, match=r"cannot connect to PEER@\[::1\]:1: "):
        echo(("::1", 1))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e10])
def test_times_that_no_clock_measures_are_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="time limit response is .* seconds"):
        Timeouts(response=seconds)


@both
def test_an_impossible_calling_title_never_reaches_the_wire(echo: Echo) -> None:
    with pytest.raises(ConfigurationError):
        echo(("127.0.0.1", 1), calling_ae="MUCH TOO LONG A TITLE")


@both
def test_a_sop_class_that_was_not_accepted_is_named(echo: Echo) -> None:
    named = rf"Verification SOP Class \({VERIFICATION}\)"
    with accepting() as acceptor, pytest.raises(AssociationError, match=named):
        echo(acceptor.address, contexts=[CT])


@pytest.fixture
def slice_file(tmp_path: Path) -> Path:
    path = tmp_path / "slice.dcm"
    path.write_bytes(part10_bytes(ct_slice()))
    return path


def data_set_of(path: Path) -> bytes:
    """The data set as pydicom finds it behind the File Meta Information."""
    import pydicom
    from pydicom.filereader import read_partial

    with path.open("rb") as file:
        read_partial(file, stop_when=lambda tag, vr, length: True)
        meta = pydicom.filereader.read_file_meta_info(path)
        return path.read_bytes()[132 + 12 + meta.FileMetaInformationGroupLength :]


@pytest.mark.parametrize("kind", ["path", "bytes"])
def test_a_stored_file_s_data_set_arrives_as_it_is(slice_file: Path, kind: str) -> None:
    shelf = Shelf()
    source = slice_file if kind == "path" else slice_file.read_bytes()
    with accepting(shelf) as acceptor:
        peer = PeerAddress("PEER", *acceptor.address)
        with connect_sync(peer, contexts=[CT]) as association:
            assert association.store(source).is_success

        async def main() -> None:
            async with connect(peer, contexts=[CT]) as association:
                assert (await association.store(source)).is_success

        asyncio.run(main())

    assert [bytes(kept.data) for kept in shelf.kept] == [data_set_of(slice_file)] * 2
    assert shelf.kept[0].request.transfer_syntax_uid == EXPLICIT


def test_a_transfer_syntax_that_was_not_accepted_is_named(slice_file: Path) -> None:
    with (
        accepting() as acceptor,
        connect_sync(
            PeerAddress("PEER", *acceptor.address), contexts=[Proposal(CT, [J2K])]
        ) as association,
        pytest.raises(UnsupportedTransferSyntax, match=EXPLICIT.replace(".", r"\.")),
    ):
        association.store(slice_file)


@both
def test_a_peer_that_closes_instead_of_answering_the_release_does_not_spoil_the_rest(
    echo: Echo,
) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        peer.send(p_data(pdv(echo_rsp())))
        peer.pdu()

    with scripted_peer(script) as address:
        assert echo(address).code == 0


def test_roles_are_proposed_and_taken_as_answered() -> None:
    proposed: list[bytes] = []
    role = item(0x54, len(CT).to_bytes(2, "big") + CT.encode() + b"\0\1")

    def script(peer: RawPeer) -> None:
        proposed.append(accept_all(peer, extra=role))
        peer.pdu()
        peer.send(RELEASE_RP)

    with (
        scripted_peer(script) as address,
        connect_sync(
            PeerAddress("P", *address), contexts=[Proposal(CT, scu=False, scp=True)]
        ) as association,
    ):
        negotiated = association.contexts[1]

    assert role in proposed[0]
    assert (negotiated.scu, negotiated.scp) == (False, True)


def test_a_large_data_set_is_sent_in_pieces_without_holding_it() -> None:
    shelf = Shelf()
    piece = bytes(range(256)) * 4096
    with accepting(shelf) as acceptor:
        peer = PeerAddress("P", *acceptor.address)
        with connect_sync(peer, contexts=[CT]) as association:
            request = CStoreRq(
                message_id=1,
                affected_sop_class_uid=CT,
                affected_sop_instance_uid="1.2",
                has_data_set=True,
            )
            response = association.exchange(1, request, (piece for _ in range(20)))

    assert response.status == 0
    assert bytes(shelf.kept[0].data) == piece * 20


def test_where_neither_side_has_a_maximum_length_pdus_stay_bounded() -> None:
    requests: list[bytes] = []
    lengths: list[int] = []

    def script(peer: RawPeer) -> None:
        requests.append(accept_all(peer, maximum_length=0))
        peer.command()
        last = False
        while not last:
            _, body = peer.pdu()
            lengths.append(len(body))
            last = bool(body[5] & 2)
        peer.send(p_data(pdv(store_rsp())))
        peer.pdu()
        peer.send(RELEASE_RP)

    with scripted_peer(script) as address:
        unlimited = Limits(maximum_length=0)
        with connect_sync(PeerAddress("P", *address), contexts=[CT], limits=unlimited) as one:
            request = CStoreRq(message_id=1, affected_sop_class_uid=CT, has_data_set=True)
            assert one.exchange(1, request, bytes(3_000_000)).status == 0

    assert item(0x51, bytes(4)) in requests[0]
    assert max(lengths) == 1 << 18


def test_a_peer_that_stops_reading_ends_the_association() -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        time.sleep(3)

    with ExitStack() as stack:
        address = stack.enter_context(scripted_peer(script))
        association = connect_sync(PeerAddress("P", *address), contexts=[CT], timeouts=QUICK)
        request = CStoreRq(message_id=1, affected_sop_class_uid=CT, has_data_set=True)
        with pytest.raises(TimedOut):
            association.exchange(1, request, (bytes(1 << 20) for _ in range(100)))
        association.abort()


def test_a_cancelled_task_aborts_the_association() -> None:
    asked, aborted = threading.Event(), threading.Event()

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        asked.set()
        if peer.pdu()[0] == 7:
            aborted.set()

    async def ask(address: tuple[str, int]) -> None:
        async with connect(PeerAddress("P", *address)) as association:
            await association.echo()

    async def main(address: tuple[str, int]) -> None:
        asking = asyncio.create_task(ask(address))
        assert await asyncio.to_thread(asked.wait, 30)
        asking.cancel()
        await asking

    with scripted_peer(script) as address:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main(address))
        assert aborted.wait(30)


def test_an_error_inside_the_block_aborts_instead_of_releasing() -> None:
    ended: list[int] = []

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        ended.append(peer.pdu()[0])

    with scripted_peer(script) as address:
        with pytest.raises(KeyError), connect_sync(PeerAddress("P", *address)):
            raise KeyError
        assert eventually(lambda: ended)
    assert ended == [7]


def test_an_abort_that_arrives_while_data_is_sent_is_what_the_error_says() -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.exactly(1000)
        peer.send(bytes.fromhex("07000000000400000206"))
        peer.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.5)

    with scripted_peer(script) as address:
        association = connect_sync(PeerAddress("P", *address), contexts=[CT], timeouts=QUICK)
        request = CStoreRq(message_id=1, affected_sop_class_uid=CT, has_data_set=True)
        with pytest.raises(AssociationError) as raised:
            association.exchange(1, request, (bytes(1 << 20) for _ in range(100)))
        association.close()
    assert isinstance(raised.value, (AssociationAborted, TimedOut))


def test_data_that_cannot_be_read_to_its_end_aborts_the_association() -> None:
    ended: list[int] = []

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()
        while (kind := peer.pdu()[0]) == 4:
            pass
        ended.append(kind)

    def broken() -> Iterator[bytes]:
        yield bytes(1000)
        yield bytes(1000)
        raise OSError("the disk went away")

    with scripted_peer(script) as address:
        association = connect_sync(PeerAddress("P", *address), contexts=[CT], timeouts=QUICK)
        request = CStoreRq(message_id=1, affected_sop_class_uid=CT, has_data_set=True)
        with pytest.raises(OSError, match="went away"):
            association.exchange(1, request, broken())
        assert not association.is_open
        association.close()
        assert eventually(lambda: ended)
    assert ended == [7]
