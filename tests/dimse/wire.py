"""A peer made of bare bytes, and sinks: what the association tests talk to."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from isocenter.dimse import (
    SUCCESS,
    Acceptor,
    AssociationInfo,
    AssociationPolicy,
    Limits,
    Service,
    Status,
    StorageService,
    StoreRequest,
    Timeouts,
    VerificationService,
)

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
J2K = "1.2.840.10008.1.2.4.90"
WAIT = 30.0

RELEASE_RQ = bytes.fromhex("05000000000400000000")
RELEASE_RP = bytes.fromhex("06000000000400000000")
ABORT = bytes.fromhex("07000000000400000000")


class Everything:
    """A container that holds whatever is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


@dataclass
class Kept:
    """One data set as a `Shelf` received it."""

    request: StoreRequest
    info: AssociationInfo
    data: bytearray = field(default_factory=bytearray)
    writes: int = 0
    ended: str = ""


class Shelf:
    """A storage handler that keeps data sets in memory; its fields let it misbehave."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.status: Status = SUCCESS
        self.begin_error: Exception | None = None
        self.write_error: Exception | None = None
        self.delay = 0.0

    def begin(self, request: StoreRequest, association: AssociationInfo) -> "ShelfSink":
        if self.begin_error:
            raise self.begin_error
        kept = Kept(request, association)
        self.kept.append(kept)
        return ShelfSink(self, kept)


class ShelfSink:
    def __init__(self, shelf: Shelf, kept: Kept) -> None:
        self._shelf = shelf
        self._kept = kept

    def write(self, fragments: Sequence[memoryview]) -> None:
        if self._shelf.write_error:
            raise self._shelf.write_error
        self._kept.writes += 1
        for fragment in fragments:
            self._kept.data += fragment

    def finish(self) -> Status:
        time.sleep(self._shelf.delay)
        self._kept.ended += "finished"
        return self._shelf.status

    def abort(self) -> None:
        self._kept.ended += "aborted"


def eventually(condition: object, seconds: float = 30.0) -> bool:
    """Whether a condition becomes true within a time."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def accepting(
    shelf: Shelf | None = None,
    *,
    services: Sequence[Service] | None = None,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    policy: AssociationPolicy | None = None,
) -> Iterator[Acceptor]:
    """An acceptor of ours with Verification and Storage for everything."""
    storage = StorageService(
        shelf or Shelf(), sop_classes=Everything(), transfer_syntaxes=Everything()
    )
    acceptor = Acceptor(
        services if services is not None else [VerificationService(), storage],
        port=0,
        limits=limits,
        timeouts=timeouts,
        policy=policy,
    )
    acceptor.start()
    try:
        yield acceptor
    finally:
        acceptor.stop(0.2)


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(content)) + content


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def context(context_id: int, abstract: str, *syntaxes: str) -> bytes:
    parts = [item(0x30, abstract.encode()), *(item(0x40, uid.encode()) for uid in syntaxes)]
    return item(0x20, bytes((context_id, 0, 0, 0)) + b"".join(parts))


def user_information(maximum_length: int = 16384, extra: bytes = b"") -> bytes:
    return item(0x50, item(0x51, struct.pack(">I", maximum_length)) + item(0x52, b"1.2.3") + extra)


def associate_rq(
    *contexts: bytes,
    version: int = 1,
    called: bytes = b"ANY-SCP",
    calling: bytes = b"ECHOSCU",
    application: bytes = b"1.2.840.10008.3.1.1.1",
    user: bytes | None = None,
    extra: bytes = b"",
) -> bytes:
    body = struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32)
    body += item(0x10, application)
    body += b"".join(contexts or (context(1, VERIFICATION, IMPLICIT),))
    return pdu(1, body + extra + (user_information() if user is None else user))


def pdv(data: bytes, *, context_id: int = 1, command: bool = True, last: bool = True) -> bytes:
    return struct.pack(">IBB", len(data) + 2, context_id, command | last << 1) + data


def p_data(*values: bytes) -> bytes:
    return pdu(4, b"".join(values))


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def number(value: int) -> bytes:
    return struct.pack("<H", value)


def uid(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)


def echo_rq(message_id: int = 1) -> bytes:
    body = element(2, uid(VERIFICATION)) + element(0x100, number(0x30))
    body += element(0x110, number(message_id)) + element(0x800, number(0x101))
    return element(0, struct.pack("<I", len(body))) + body


def store_rq(message_id: int = 1, sop_class: str = CT, instance: str = "1.2.3") -> bytes:
    body = element(2, uid(sop_class)) + element(0x100, number(1))
    body += element(0x110, number(message_id)) + element(0x700, number(0))
    body += element(0x800, number(1)) + element(0x1000, uid(instance))
    return element(0, struct.pack("<I", len(body))) + body


def status_of(command: bytes) -> int:
    """The Status (0000,0900) of a command set."""
    offset = 0
    while offset < len(command):
        _, number_, length = struct.unpack_from("<HHI", command, offset)
        if number_ == 0x900:
            return int(struct.unpack_from("<H", command, offset + 8)[0])
        offset += 8 + length
    raise AssertionError("a response without status")


class RawPeer:
    """A TCP connection spoken to in bytes; every wait has a limit."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.settimeout(WAIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def to(cls, acceptor: Acceptor) -> "RawPeer":
        return cls(socket.create_connection(acceptor.address, WAIT))

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            received = self.socket.recv(count - len(data))
            if not received:
                raise EOFError(data)
            data += received
        return data

    def pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self.exactly(6))
        return kind, self.exactly(length)

    def is_closed(self) -> bool:
        """Whether the other side closes in time, without a reset."""
        return self.socket.recv(1) == b""

    def associate(self, *contexts: bytes, maximum_length: int = 16384) -> bytes:
        self.send(associate_rq(*contexts, user=user_information(maximum_length)))
        kind, body = self.pdu()
        assert kind == 2, (kind, body)
        return body

    def command(self) -> bytes:
        """Join the fragments of the next command set."""
        command = b""
        while True:
            kind, body = self.pdu()
            assert kind == 4, (kind, body)
            while body:
                length, _, control = struct.unpack_from(">IBB", body)
                command += body[6 : 4 + length]
                body = body[4 + length :]
                if control & 2:
                    return command

    def release(self) -> None:
        self.send(RELEASE_RQ)
        assert self.pdu() == (6, bytes(4))


@contextlib.contextmanager
def scripted_peer(script: "Script") -> Iterator[tuple[str, int]]:
    """An acceptor that does to each connection what `script` says, in threads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        stopping = threading.Event()
        failures: list[BaseException] = []

        def one(sock: socket.socket) -> None:
            with RawPeer(sock) as peer:
                try:
                    script(peer)
                except (OSError, EOFError):
                    pass
                except BaseException as error:
                    failures.append(error)

        def loop() -> None:
            while not stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            stopping.set()
            thread.join()
        if failures:
            raise failures[0]


class Script(Protocol):
    """What a scripted peer does with a connection."""

    def __call__(self, peer: RawPeer) -> None: ...


def accept_all(peer: RawPeer, maximum_length: int = 16384, extra: bytes = b"") -> bytes:
    """Read an association request and accept every context with its first transfer syntax."""
    kind, body = peer.pdu()
    assert kind == 1
    answers, offset = b"", 68
    while offset < len(body):
        kind, length = struct.unpack_from(">BxH", body, offset)
        content = body[offset + 4 : offset + 4 + length]
        if kind == 0x20:
            position = 4
            while content[position] != 0x40:
                position += 4 + struct.unpack_from(">H", content, position + 2)[0]
            size = struct.unpack_from(">H", content, position + 2)[0]
            syntax = content[position : position + 4 + size]
            answers += item(0x21, bytes((content[0], 0, 0, 0)) + syntax)
        offset += 4 + length
    head = body[:68] + item(0x10, b"1.2.840.10008.3.1.1.1")
    peer.send(pdu(2, head + answers + user_information(maximum_length, extra)))
    return body


def echo_rsp(message_id: int = 1, status: int = 0) -> bytes:
    body = element(2, uid(VERIFICATION)) + element(0x100, number(0x8030))
    body += element(0x120, number(message_id)) + element(0x800, number(0x101))
    body += element(0x900, number(status))
    return element(0, struct.pack("<I", len(body))) + body


def store_rsp(message_id: int = 1, status: int = 0) -> bytes:
    body = element(0x100, number(0x8001)) + element(0x120, number(message_id))
    body += element(0x800, number(0x101)) + element(0x900, number(status))
    return element(0, struct.pack("<I", len(body))) + body
