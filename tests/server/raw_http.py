"""An application behind the real HTTP server, and bytes sent to it over a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.types import ASGIApp

from isocenter.server.http_server import HttpServer
from isocenter.server.listen_address import ListenAddress

Address = tuple[str, int]


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[Address]:
    """Serve an application while the block runs; gives where."""
    ready = asyncio.Event()

    async def stopped() -> None:
        pass

    server = HttpServer(app, grace=1, on_ready=ready.set, on_stop=stopped)
    with ListenAddress("127.0.0.1", 0).bind() as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            await running


async def talk(address: Address, *parts: bytes) -> bytes:
    """Send parts with a pause before each; read until the server closes."""
    reader, writer = await asyncio.open_connection(*address)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            await asyncio.sleep(0.01)
            writer.write(part)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 30)
    return b""


def answers(app: ASGIApp, *parts: bytes) -> bytes:
    """Send parts to an application on one connection; give all that it answers."""

    async def scene() -> bytes:
        async with serving(app) as address:
            return await talk(address, *parts)

    return asyncio.run(scene())
