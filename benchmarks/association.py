"""A lean Storage SCU: prepared PDUs in memory, one system call an object, one answer awaited.

It measures the receiver, not itself, and shares no code with `isocenter.dimse`, so a mistake there
cannot hide here. PS3.8 9.3 gives the PDUs, PS3.7 9.3.1 the C-STORE messages.
"""

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.filereader import read_file_meta_info
from pydicom.uid import ExplicitVRLittleEndian

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS = b"2.25.311218143522812341093921293451"
OWN_MAXIMUM_LENGTH = 131072
UNLIMITED = 1 << 20  # what is sent to a peer that takes PDUs of any length
CONTEXT_ID = 1
TIMEOUT_SECONDS = 120


class AssociationError(Exception):
    """The peer refused the association, or answered a C-STORE with anything but success."""


@dataclass(frozen=True)
class StorableObject:
    """A data set in memory and what its C-STORE request says of it."""

    sop_class_uid: str
    sop_instance_uid: str
    data_set: bytes

    @classmethod
    def read(cls, path: Path) -> "StorableObject":
        """Take a Part 10 file of Explicit VR Little Endian apart."""
        meta = read_file_meta_info(path)
        data_set_offset = 144 + meta.FileMetaInformationGroupLength
        return cls(
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            path.read_bytes()[data_set_offset:],
        )


class Association:
    """One association with one presentation context.

    Parameters
    ----------
    port
        Where the peer listens on the loopback interface.
    called_ae
        Its AE title.
    sop_class_uid
        What is proposed, in Explicit VR Little Endian.

    Raises
    ------
    AssociationError
        If the peer rejects the association or the context.
    """

    def __init__(self, port: int, called_ae: str, sop_class_uid: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_associate_request(called_ae, sop_class_uid))
        kind, body = self._read_pdu()
        if kind != 2:
            raise AssociationError(f"A-ASSOCIATE was answered by PDU type {kind}: {body.hex()}")
        self.maximum_length = _accepted_maximum_length(body)

    def store(self, message: bytes) -> None:
        """Send one prepared C-STORE request and wait until the peer says that it has the object."""
        self._socket.sendall(message)
        self._await_success()

    def store_stream(self, messages: Iterable[bytes]) -> None:
        """Send one C-STORE request that comes in pieces, for objects larger than memory."""
        for piece in messages:
            self._socket.sendall(piece)
        self._await_success()

    def release(self) -> None:
        """Release in order, and close."""
        self._socket.sendall(struct.pack(">BxI4x", 5, 4))
        self._read_pdu()
        self._socket.close()

    def _await_success(self) -> None:
        kind, body = self._read_pdu()
        if kind != 4:
            raise AssociationError(f"C-STORE was answered by PDU type {kind}: {body.hex()}")
        command = bytearray()
        while True:
            for control, fragment in _fragments(body):
                command += fragment
                if control & 2:
                    status = _status(command)
                    if status:
                        raise AssociationError(f"C-STORE was answered by status {status:04X}")
                    return
            kind, body = self._read_pdu()

    def _read_pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._read(6))
        return kind, self._read(length)

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            received = self._socket.recv(length - len(data))
            if not received:
                raise AssociationError("the peer closed the connection")
            data += received
        return bytes(data)


def prepare(
    objects: Iterable[StorableObject], maximum_length: int, *, first_message: int = 1
) -> list[bytes]:
    """Lay out each object as the PDUs of one C-STORE request."""
    return [
        b"".join(_message(o, [memoryview(o.data_set)], maximum_length, first_message + n))
        for n, o in enumerate(objects)
    ]


def prepare_stream(
    sop_class_uid: str, sop_instance_uid: str, pieces: Iterable[bytes], maximum_length: int
) -> Iterator[bytes]:
    """Lay out one C-STORE request whose data set comes in pieces."""
    unread = StorableObject(sop_class_uid, sop_instance_uid, b"")
    return _message(unread, pieces, maximum_length, 1)


def seconds_to_store(association: Association, messages: Iterable[bytes]) -> float:
    """Time from the first byte of the first object to the answer to the last."""
    start = time.perf_counter()
    for message in messages:
        association.store(message)
    return time.perf_counter() - start


def _message(
    stored: StorableObject,
    pieces: Iterable[bytes | memoryview],
    maximum_length: int,
    message_id: int,
) -> Iterator[bytes | memoryview]:
    room = min(maximum_length or UNLIMITED, UNLIMITED) - 6
    command = _store_request(stored, message_id)
    yield _pdv_header(len(command), 3) + command
    waiting: list[bytes | memoryview] = []
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), room):
            for ready in waiting:
                yield _pdv_header(len(ready), 0)
                yield ready
            waiting = [view[start : start + room]]
    for last in waiting:
        yield _pdv_header(len(last), 2)
        yield last


def _pdv_header(length: int, control: int) -> bytes:
    return struct.pack(">BxIIBB", 4, length + 6, length + 2, CONTEXT_ID, control)


def _store_request(stored: StorableObject, message_id: int) -> bytes:
    elements = (
        _element(0x0002, _padded(stored.sop_class_uid))
        + _element(0x0100, struct.pack("<H", 0x0001))
        + _element(0x0110, struct.pack("<H", message_id))
        + _element(0x0700, struct.pack("<H", 0))
        + _element(0x0800, struct.pack("<H", 0x0000))
        + _element(0x1000, _padded(stored.sop_instance_uid))
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def _padded(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) & 1)


def _associate_request(called_ae: str, sop_class_uid: str) -> bytes:
    context = _item(
        0x20,
        struct.pack(">Bxxx", CONTEXT_ID)
        + _item(0x30, sop_class_uid.encode())
        + _item(0x40, ExplicitVRLittleEndian.encode()),
    )
    user_information = _item(
        0x50,
        _item(0x51, struct.pack(">I", OWN_MAXIMUM_LENGTH)) + _item(0x52, IMPLEMENTATION_CLASS),
    )
    body = (
        struct.pack(">Hxx", 1)
        + called_ae.encode().ljust(16)
        + b"BENCHMARK".ljust(16)
        + bytes(32)
        + _item(0x10, APPLICATION_CONTEXT)
        + context
        + user_information
    )
    return struct.pack(">BxI", 1, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from(">BxH", data, offset)
        yield kind, data[offset + 4 : offset + 4 + length]
        offset += 4 + length


def _accepted_maximum_length(body: bytes) -> int:
    maximum_length = 16384
    for kind, value in _items(body[68:]):
        if kind == 0x21 and value[2] != 0:
            raise AssociationError(f"the presentation context was refused, result {value[2]}")
        if kind == 0x50:
            for sub_kind, sub_value in _items(value):
                if sub_kind == 0x51:
                    maximum_length = int.from_bytes(sub_value, "big")
    return maximum_length


def _fragments(body: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(body):
        length, _, control = struct.unpack_from(">IBB", body, offset)
        yield control, body[offset + 6 : offset + 4 + length]
        offset += 4 + length


def _status(command: bytes) -> int:
    offset = 0
    while offset < len(command):
        number, length = struct.unpack_from("<2xHI", command, offset)
        if number == 0x0900:
            return int.from_bytes(command[offset + 8 : offset + 8 + length], "little")
        offset += 8 + length
    raise AssociationError("the answer to C-STORE has no Status (0000,0900)")
