"""Clients that do not take what they asked for hold only so much of the server's memory."""

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from tests.server.raw_http import serving

from isocenter.server import http_server
from isocenter.services.streaming import IteratorResponse
from isocenter.services.unsent import UnsentAnswers, unsent_answers

LIMIT = 48 << 20
WHOLE = 12 << 20  # more than the system's own buffers take


class Server:
    """What clients ask, and what the server says of itself."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(4)
        self.begun = 0
        self.unsent: UnsentAnswers
        self.app = Starlette(routes=[Route("/whole", self.whole), Route("/pieces", self.pieces)])

    def note(self, request) -> None:
        self.begun += 1
        self.unsent = unsent_answers(request.scope)

    async def whole(self, request) -> Response:
        self.note(request)
        return Response(bytes(WHOLE))

    async def pieces(self, request) -> Response:
        self.note(request)
        made = (bytes(1 << 20) for _ in range(WHOLE >> 20))
        return IteratorResponse(made, {"content-length": str(WHOLE)}, self.pool)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(http_server, "_UNSENT_BYTES", LIMIT)
    server = Server()
    with server.pool:
        yield server


class Client:
    """A connection that takes nothing by itself."""

    def __init__(self, address) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        self._socket.setblocking(False)
        self._address = address
        self.taken = 0

    async def ask(self, path: str, *, times: int = 1) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, self._address)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        await loop.sock_sendall(self._socket, request * times)

    async def take(self, size: int, *, each: int = 1 << 20, pause: float = 0.0) -> None:
        """Take so many bytes, or all until the connection is closed."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while self.taken < size:
                part = await asyncio.wait_for(loop.sock_recv(self._socket, each), 30)
                if not part:
                    return
                self.taken += len(part)
                await asyncio.sleep(pause)

    def close(self) -> None:
        self._socket.close()


@contextlib.asynccontextmanager
async def clients(address, count: int):
    made = [Client(address) for _ in range(count)]
    try:
        yield made
    finally:
        for client in made:
            client.close()


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("path", ["/whole", "/pieces"])
def test_those_who_take_nothing_are_closed_and_all_others_answered(server, path, caplog):
    async def scene() -> list[int]:
        async with (
            serving(server.app) as address,
            clients(address, 60) as stalled,
            clients(address, 3) as others,
        ):
            for client in stalled:
                await client.ask(path)
            await until(lambda: server.begun == len(stalled))
            await asyncio.sleep(0.5)
            assert server.unsent.total <= LIMIT
            for client in others:
                await client.ask(path)
                await client.take(WHOLE)
            assert server.unsent.total <= LIMIT
            for client in stalled:
                await client.take(WHOLE)
            return [client.taken >= WHOLE for client in stalled], [each.taken for each in others]

    whole, others = asyncio.run(scene())
    assert min(others) >= WHOLE
    assert 0 < sum(whole) < 60
    assert server.unsent.total == 0
    assert "takes its own most slowly" in caplog.text


def test_who_takes_slowly_but_steadily_stays(server):
    async def scene() -> int:
        async with (
            serving(server.app) as address,
            clients(address, 1) as [steady],
            clients(address, 60) as stalled,
        ):
            await steady.ask("/pieces")
            taking = asyncio.create_task(steady.take(WHOLE, each=1 << 16, pause=0.005))
            for client in stalled:
                await client.ask("/pieces")
                await asyncio.sleep(0.02)
            await taking
            return steady.taken

    assert asyncio.run(scene()) >= WHOLE


def test_what_a_client_asks_next_is_not_made_before_it_took_what_it_asked_first(server):
    async def scene() -> None:
        async with serving(server.app) as address, clients(address, 1) as [client]:
            await client.ask("/whole", times=3)
            await until(lambda: server.begun == 1)
            await asyncio.sleep(0.3)
            assert server.begun == 1
            await client.take(3 * WHOLE)
            assert client.taken > 3 * WHOLE - (1 << 20)
            assert server.begun == 3

    asyncio.run(scene())
