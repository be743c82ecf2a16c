"""Answers within the machine do not wait for the pacing that long ways need."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.server.raw_http import serving

from isocenter.server import pacing
from isocenter.server.http_connection import HttpConnection
from isocenter.server.pacing import leave_unpaced_within_machine

AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")

pytestmark = pytest.mark.skipif(
    not AVAILABLE.exists(), reason="congestion control is chosen on Linux alone"
)


class Peer:
    """A transport that knows its own socket, and says that its peer is elsewhere or here."""

    def __init__(self, sock, host):
        self.known = {"socket": sock, "peername": (host, 4711)}

    def get_extra_info(self, name):
        return self.known.get(name)


class Chosen:
    """A socket with a congestion control."""

    def __init__(self, name):
        self.name = name

    def getsockopt(self, level, option, size):
        return self.name.ljust(16, b"\0")

    def setsockopt(self, level, option, value):
        self.name = value


@pytest.mark.parametrize(
    ("host", "chosen", "expected"),
    [
        ("127.0.0.1", b"bbr", b"reno"),
        ("127.8.9.1", b"bbr", b"reno"),
        ("::1", b"bbr", b"reno"),
        ("::ffff:127.0.0.1", b"bbr", b"reno"),
        ("127.0.0.1", b"cubic", b"cubic"),
        ("192.0.2.7", b"bbr", b"bbr"),
        ("2001:db8::7", b"bbr", b"bbr"),
        ("::ffff:192.0.2.7", b"bbr", b"bbr"),
        ("/run/isocenter.sock", b"bbr", b"bbr"),
    ],
)
def test_only_what_comes_from_here_and_would_be_paced_is_changed(host, chosen, expected):
    sock = Chosen(chosen)
    leave_unpaced_within_machine(Peer(sock, host))
    assert sock.name == expected


def test_a_connection_that_is_gone_has_no_address():
    leave_unpaced_within_machine(Peer(None, ""))
    nowhere = Peer(None, "")
    nowhere.known["peername"] = None
    leave_unpaced_within_machine(nowhere)


def test_the_system_takes_the_choice(monkeypatch):
    # Not every kernel has BBR; of any other this one has, it is to be taken for pacing.
    other, *_ = [*(set(AVAILABLE.read_text().split()) - {"reno"}), "reno"]
    monkeypatch.setattr(pacing, "_PACING", other.encode())
    made = []

    def connection_made(self, transport, plain=HttpConnection.connection_made):
        plain(self, transport)
        made.append(transport.get_extra_info("socket"))

    monkeypatch.setattr(HttpConnection, "connection_made", connection_made)
    bind = socket.socket.listen

    def listen(self, backlog):
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, other.encode())
        bind(self, backlog)

    monkeypatch.setattr(socket.socket, "listen", listen)

    async def scene():
        async with serving(lambda *_: None) as address:
            _, writer = await asyncio.open_connection(*address)
            while not made:
                await asyncio.sleep(0.01)
            name = made[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
            writer.close()
            return name.rstrip(b"\0")

    assert asyncio.run(asyncio.wait_for(scene(), 30)) == b"reno"
