"""Where a listener listens: `HOST:PORT`, and whether that is only this machine."""

import ipaddress
import os
import socket
from dataclasses import dataclass

from isocenter.dimse.address import why_not_listening
from isocenter.errors import ConfigurationError

__all__ = ["ListenAddress"]

_STALLED_MS = 120_000
_IPV4 = socket.AF_INET
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost", "localhost.localdomain"})


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and a TCP port to listen on.

    Parameters
    ----------
    host
        A name or an IP address, IPv6 without brackets.
    port
        0 to 65535; 0 lets the operating system choose a free one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read `HOST:PORT`, `[IPV6]:PORT`, or a bare `PORT` on loopback.

        Raises
        ------
        ConfigurationError
            If `text` is none of these or the port is not within 0 to 65535.
        """
        if "/" in text:
            likely = text.strip().rpartition("://")[2].partition("/")[0]
            raise ConfigurationError(
                f"{text!r} is a URL: write HOST:PORT alone, without http:// and path, such as "
                f"{likely or '127.0.0.1:8104'}"
            )
        host, separator, port = text.strip().rpartition(":")
        if not separator:
            host, port = "127.0.0.1", text.strip()
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ConfigurationError(
                f"{text!r}: write an IPv6 address in brackets, [{host}]:{port}"
            )
        if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ConfigurationError(
                f"{text!r} is not HOST:PORT with a port from 0 to 65535, for example 127.0.0.1:8104"
            )
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        if self.host.lower() in _LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def bind(self) -> socket.socket:
        """Open the listening TCP socket.

        Raises
        ------
        ConfigurationError
            If the address is in use, not this machine's, or not permitted.
        """
        try:
            found = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            # A name such as localhost may stand for both; browsers and modalities try IPv4 surely.
            family, kind, protocol, _, address = min(found, key=lambda each: each[0] != _IPV4)
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {self}: {error.strerror}") from error
        try:
            if os.name != "nt":  # there it would let two servers share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # Connections inherit it: a client that stops reading does not hold one for ever.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_MS)
            listener.bind(address)
            listener.listen(1024)
        except OSError as error:
            listener.close()
            reason = why_not_listening(error)
            raise ConfigurationError(f"cannot listen on {self}: {reason}") from error
        listener.setblocking(False)
        return listener

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
