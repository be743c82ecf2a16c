"""Clients that never finish asking do not keep what they hold."""

import asyncio
import contextlib
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from isocenter.server.endpoints import Endpoint
from isocenter.server.http_protocol import BoundedHttpProtocol
from isocenter.server.http_server import HttpServer

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.asynccontextmanager
async def serving():
    async def hello(request):
        return PlainTextResponse("hello")

    ready = asyncio.Event()

    async def stopped():
        pass

    async def length(request):
        return PlainTextResponse(f"length {len(await request.body())}")

    app = Starlette(routes=[Route("/", hello), Route("/length", length, methods=["POST"])])
    server = HttpServer(app, grace=1, on_ready=ready.set, on_stop=stopped)
    with Endpoint("127.0.0.1", 0).bind() as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        yield listener.getsockname()
        server.should_exit = True
        await running


async def talk(address, *parts: bytes) -> bytes:
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


def heard(*parts: bytes) -> bytes:
    async def scene():
        async with serving() as address:
            return await talk(address, *parts)

    return asyncio.run(scene())


@pytest.mark.parametrize("parts", [[], [b"GET / HT"], [REQUEST[:-2]], [REQUEST, REQUEST[:-2]]])
def test_a_request_that_does_not_end_ends_the_connection(parts, monkeypatch):
    monkeypatch.setattr(BoundedHttpProtocol, "HEAD_SECONDS", 0.2)
    assert heard(*parts).count(b"hello") == max(0, len(parts) - 1)


@pytest.mark.parametrize(
    "flood", [b"GET /" + b"a" * 200_000, b"GET / HTTP/1.1\r\n" + b"X-Y: z\r\n" * 30_000]
)
def test_headers_without_end_are_refused(flood):
    answer = heard(*(flood[start : start + 20_000] for start in range(0, len(flood), 20_000)))
    assert answer == b"" or b"400 Bad Request" in answer


def test_a_long_body_is_no_long_header():
    body = b"x" * 500_000
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n"
    )
    assert b"405" in heard(head + body[:100], body[100:])


POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = (
    b"POST /length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([REQUEST, b"\r\n"], id="an empty line"),
        pytest.param([POST + b"Content-Length: 100\r\n\r\n", b"x"], id="a body"),
        pytest.param([POST + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nab"], id="a chunk"),
        pytest.param([POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y"], id="a trailer"),
    ],
)
def test_who_has_an_answer_and_sends_on_without_asking_is_not_waited_for(parts, monkeypatch):
    monkeypatch.setattr(BoundedHttpProtocol, "HEAD_SECONDS", 0.5)
    assert heard(*parts).count(b"HTTP/1.1 ") == 1


def test_fields_behind_a_body_are_no_headers_and_take_no_memory(monkeypatch):
    taken: list[int] = []
    complete = BoundedHttpProtocol.connection_lost

    def noted(protocol, exc):
        taken.append(len(protocol.headers))
        complete(protocol, exc)

    monkeypatch.setattr(BoundedHttpProtocol, "connection_lost", noted)
    assert b"length 1" in heard(CHUNKED + b"1\r\na\r\n0\r\n", b"X-Y: z\r\n" * 100, b"\r\n")
    assert taken == [3]


@pytest.mark.parametrize("flood", [b"X-Y: z\r\n" * 50_000, b"X: " + b"y" * 400_000])
def test_fields_behind_a_body_end_within_a_limit(flood):
    parts = [flood[start : start + 20_000] for start in range(0, len(flood), 20_000)]
    started = time.monotonic()
    assert heard(CHUNKED + b"1\r\na\r\n0\r\n", *parts) == b""
    assert time.monotonic() - started < BoundedHttpProtocol.HEAD_SECONDS


def test_a_body_of_many_small_chunks_is_no_long_header():
    chunks = b"1;extension\r\na\r\n" * 50_000
    parts = [chunks[start : start + 20_000] for start in range(0, len(chunks), 20_000)]
    assert b"length 50000" in heard(CHUNKED, *parts, b"0\r\n\r\n")


def test_requests_that_follow_one_another_are_all_answered():
    answers = heard(
        REQUEST * 50, REQUEST, REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert answers.count(b"hello") == 52
