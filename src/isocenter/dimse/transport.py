"""A blocking TCP or TLS connection with what DIMSE needs: no delays, a limit on every wait."""

import contextlib
import socket
import ssl
import struct
import sys
from collections.abc import Sequence

Buffer = bytes | memoryview

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_HAS_SENDMSG = hasattr(socket.socket, "sendmsg")
# More buffers than the kernel takes in one call (IOV_MAX) are sent in several.
_IOV_MAX = 1000
_TIMEVAL = struct.Struct("@ll")


def set_no_delay(sock: socket.socket) -> None:
    """Let small segments leave at once: a response must not wait for the peer's delayed ACK."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def set_quick_ack(sock: socket.socket) -> None:
    """Acknowledge what was received at once, where the platform can.

    A sender with Nagle's algorithm on stalls 40 ms an object otherwise. The kernel falls back to
    delaying by itself, so this is said again after every receive.
    """
    if _QUICKACK is not None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except OSError:  # gone meanwhile, or of another family
            return


class Transport:
    """One connection.

    Parameters
    ----------
    sock
        A connected socket; owned from now on.
    send_timeout
        How long the peer may take nothing of what is sent, in seconds.
    """

    def __init__(self, sock: socket.socket, send_timeout: float) -> None:
        self._socket = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        # The kernel's own timeouts save a poll() before each recv(); TLS and Windows lack them.
        self._kernel_timeouts = not self._tls and sys.platform != "win32"
        # Neither TLS nor a socket with a timeout of Python's own waits for all of it.
        self._waiting_for_all = socket.MSG_WAITALL if self._kernel_timeouts else 0
        self._receive_timeout = 0.0
        self._send_timeout = send_timeout
        set_no_delay(sock)
        if self._kernel_timeouts:
            sock.settimeout(None)
            self._set_kernel_timeout(socket.SO_SNDTIMEO, send_timeout)

    @property
    def socket(self) -> socket.socket:
        """The socket itself."""
        return self._socket

    def receive_into(self, view: memoryview, timeout: float, *, all_of_it: bool = False) -> int:
        """Receive into memory; returns how many bytes, 0 at the end of the stream.

        Parameters
        ----------
        view
            Where the bytes go.
        timeout
            How long to wait, in seconds.
        all_of_it
            Whether to return, where the system can wait so, only with a full view, at the end of
            the stream, or with what came when the time is over.

        Raises
        ------
        TimeoutError
            Nothing came for `timeout` seconds; of systems of BSD's kind also, where all of it was
            asked for and is not there: what came is still to be received.
        OSError
            The connection is lost.
        """
        if timeout != self._receive_timeout:
            self._receive_timeout = timeout
            if self._kernel_timeouts:
                self._set_kernel_timeout(socket.SO_RCVTIMEO, timeout)
        if not self._kernel_timeouts:
            self._socket.settimeout(max(timeout, 0.001))
        try:
            count = self._socket.recv_into(view, 0, self._waiting_for_all if all_of_it else 0)
        except BlockingIOError as error:
            raise TimeoutError from error
        if count:
            set_quick_ack(self._socket)
        return count

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send buffers one behind the other.

        Raises
        ------
        TimeoutError
            The peer took nothing for the send timeout.
        OSError
            The connection is lost.
        """
        try:
            if len(buffers) == 1:
                self._send_all(buffers[0])
            elif self._tls or not _HAS_SENDMSG:
                self._send_all(b"".join(buffers))
            else:
                for start in range(0, len(buffers), _IOV_MAX):
                    self._send_vector(list(buffers[start : start + _IOV_MAX]))
        except BlockingIOError as error:
            raise TimeoutError from error

    def _send_all(self, data: Buffer) -> None:
        if not self._kernel_timeouts:
            self._socket.settimeout(self._send_timeout)
        self._socket.sendall(data)

    def _send_vector(self, buffers: list[Buffer]) -> None:
        sent = self._socket.sendmsg(buffers)
        total = sum(map(len, buffers))
        while sent < total:
            total -= sent
            while sent >= len(buffers[0]):
                sent -= len(buffers.pop(0))
            if sent:
                buffers[0] = memoryview(buffers[0])[sent:]
            sent = self._socket.sendmsg(buffers)

    def stop_receiving(self) -> None:
        """Wake a thread that waits in `receive_into`: it sees the end of the stream."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _set_kernel_timeout(self, option: int, seconds: float) -> None:
        seconds = max(seconds, 0.001)  # nothing would mean without end
        value = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, option, value)
