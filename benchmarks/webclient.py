"""A lean HTTP/1.1 client: one kept connection, prepared requests, answers read into one buffer.

It measures the server, not itself, and shares no code with `isocenter.dicomweb`.
"""

import io
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TIMEOUT_SECONDS = 300
BUFFER_BYTES = 1 << 20


class AnswerError(Exception):
    """A server answered with another status than 200, or with nothing."""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Parameters
    ----------
    headers
        By lower-case name.
    length
        Bytes of the body as they came.
    body
        The body, where it was asked for.
    """

    headers: dict[str, str]
    length: int
    body: bytes


class Connection:
    """A connection to a server on the loopback interface."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = io.BufferedReader(socket.SocketIO(self._socket, "r"), 1 << 16)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        self._socket.close()

    def ask(self, request: bytes, *, keep: bool = False) -> Answer:
        """Send a prepared request and read its answer; the body is thrown away unless kept."""
        return self.ask_stream(request, (), keep=keep)

    def ask_stream(self, request: bytes, pieces: Iterable[bytes], *, keep: bool = False) -> Answer:
        """Send a request whose body comes in pieces, and read its answer."""
        self._socket.sendall(request)
        for piece in pieces:
            self._socket.sendall(piece)
        status_line = self._reader.readline()
        if not status_line:
            raise AnswerError("the server closed the connection")
        headers = self._headers()
        kept = bytearray() if keep or b" 200 " not in status_line else None
        length = self._read_body(headers, kept)
        if b" 200 " not in status_line:
            raise AnswerError(f"{status_line.decode().strip()}: {bytes(kept or b'')[:500]!r}")
        return Answer(headers, length, bytes(kept or b""))

    def milliseconds(self, requests: Sequence[bytes]) -> float:
        """Ask one after the other, and give the time that one answer took on average."""
        start = time.perf_counter()
        for request in requests:
            self.ask(request)
        return (time.perf_counter() - start) / len(requests) * 1000

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := self._reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _read_body(self, headers: dict[str, str], kept: bytearray | None) -> int:
        if "content-length" in headers:
            return self._read(int(headers["content-length"]), kept)
        if headers.get("transfer-encoding") != "chunked":
            return self._read_to_end(kept)
        total = 0
        while size := int(self._reader.readline().split(b";")[0], 16):
            total += self._read(size, kept)
            self._reader.readline()
        self._reader.readline()
        return total

    def _read(self, length: int, kept: bytearray | None) -> int:
        left = length
        while left:
            received = self._reader.readinto(self._buffer[: min(left, BUFFER_BYTES)])
            if not received:
                raise AnswerError(f"the answer ended {left} bytes early")
            if kept is not None:
                kept += self._buffer[:received]
            left -= received
        return length

    def _read_to_end(self, kept: bytearray | None) -> int:
        total = 0
        while received := self._reader.readinto(self._buffer):
            total += received
            if kept is not None:
                kept += self._buffer[:received]
        return total


def get(path: str, accept: str, **headers: str) -> bytes:
    """Prepare a GET request; header names are written with underscores."""
    return _request("GET", path, {"Accept": accept, **headers})


def post(path: str, content_type: str, accept: str, body: bytes) -> bytes:
    """Prepare a POST request."""
    return post_stream(path, content_type, accept, len(body)) + body


def post_stream(path: str, content_type: str, accept: str, length: int) -> bytes:
    """Prepare a POST request whose body follows."""
    headers = {"Accept": accept, "Content-Type": content_type, "Content-Length": str(length)}
    return _request("POST", path, headers)


def _request(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{''.join(lines)}\r\n".encode()
