"""A Storage SCP that keeps nothing, `python sink.py PORT`: how fast a sender can be.

It reads what comes, looks at no data set, writes nothing and answers success at once. It shares no
code with `isocenter.dimse`. PS3.8 9.3 gives the PDUs, PS3.7 9.3.1 the C-STORE messages.
"""

import socket
import struct
import sys
import threading
from collections.abc import Iterator

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS = b"2.25.311218143522812341093921293451"
MAXIMUM_LENGTH = 131072
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class _Connection:
    """One association, served until the sender releases it."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(MAXIMUM_LENGTH + 6))
        self._command = bytearray()
        self._elements: dict[int, bytes] = {}

    def serve(self) -> None:
        with self._socket:
            while True:
                kind, body = self._read_pdu()
                if kind == 1:
                    self._socket.sendall(_acceptance(bytes(body)))
                elif kind == 4:
                    self._take(body)
                elif kind == 5:
                    self._socket.sendall(struct.pack(">BxI4x", 6, 4))
                    return
                else:
                    return

    def _read_pdu(self) -> tuple[int, memoryview]:
        kind, length = struct.unpack(">BxI", self._read(6))
        return kind, self._read(length)

    def _read(self, length: int) -> memoryview:
        if length > len(self._buffer):
            raise ValueError(f"a PDU of {length} bytes")
        filled = 0
        while filled < length:
            received = self._socket.recv_into(self._buffer[filled:length])
            if not received:
                raise ConnectionError("the sender closed the connection")
            filled += received
            if _QUICKACK is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return self._buffer[:length]

    def _take(self, body: memoryview) -> None:
        offset = 0
        while offset < len(body):
            length, context_id, control = struct.unpack_from(">IBB", body, offset)
            if control & 1:
                self._command += body[offset + 6 : offset + 4 + length]
                if control & 2:
                    self._elements = _elements(bytes(self._command))
                    self._command.clear()
            elif control & 2:
                self._socket.sendall(_success(self._elements, context_id))
            offset += 4 + length


def _elements(command: bytes) -> dict[int, bytes]:
    elements, offset = {}, 0
    while offset < len(command):
        number, length = struct.unpack_from("<2xHI", command, offset)
        elements[number] = command[offset + 8 : offset + 8 + length]
        offset += 8 + length
    return elements


def _success(request: dict[int, bytes], context_id: int) -> bytes:
    values = {
        0x0002: request[0x0002],
        0x0100: struct.pack("<H", 0x8001),
        0x0120: request[0x0110],
        0x0800: struct.pack("<H", 0x0101),
        0x0900: struct.pack("<H", 0),
        0x1000: request[0x1000],
    }
    body = b"".join(struct.pack("<HHI", 0, n, len(v)) + v for n, v in values.items())
    command = struct.pack("<HHII", 0, 0, 4, len(body)) + body
    length = len(command)
    return struct.pack(">BxIIBB", 4, length + 6, length + 2, context_id, 3) + command


def _acceptance(request: bytes) -> bytes:
    """Accept every proposed context in the first transfer syntax that it names."""
    contexts = b"".join(
        _item(
            0x21,
            struct.pack(">Bxxx", value[0])
            + _item(0x40, next(uid for kind, uid in _items(value[4:]) if kind == 0x40)),
        )
        for kind, value in _items(request[68:])
        if kind == 0x20
    )
    user_information = _item(0x51, struct.pack(">I", MAXIMUM_LENGTH))
    user_information += _item(0x52, IMPLEMENTATION_CLASS)
    body = request[:68] + _item(0x10, APPLICATION_CONTEXT) + contexts
    body += _item(0x50, user_information)
    return struct.pack(">BxI", 2, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from(">BxH", data, offset)
        yield kind, data[offset + 4 : offset + 4 + length]
        offset += 4 + length


def main() -> None:
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_Connection(connection).serve, daemon=True).start()


if __name__ == "__main__":
    main()
