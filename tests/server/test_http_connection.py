"""Clients that never finish asking do not keep what they hold."""

import asyncio
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from tests.server.raw_http import answers, serving

from isocenter.server.http_connection import HttpConnection

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def hello(request):
    return PlainTextResponse("hello")


async def length(request):
    return PlainTextResponse(f"length {len(await request.body())}")


APP = Starlette(routes=[Route("/", hello), Route("/length", length, methods=["POST"])])


def heard(*parts: bytes) -> bytes:
    return answers(APP, *parts)


@pytest.mark.parametrize("parts", [[], [b"GET / HT"], [REQUEST[:-2]], [REQUEST, REQUEST[:-2]]])
def test_a_request_that_does_not_end_ends_the_connection(parts, monkeypatch):
    monkeypatch.setattr(HttpConnection, "HEAD_SECONDS", 0.2)
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
    monkeypatch.setattr(HttpConnection, "HEAD_SECONDS", 0.5)
    assert heard(*parts).count(b"HTTP/1.1 ") == 1


def test_fields_behind_a_body_are_no_headers_and_take_no_memory(monkeypatch):
    taken: list[int] = []
    complete = HttpConnection.connection_lost

    def noted(protocol, exc):
        taken.append(len(protocol.headers))
        complete(protocol, exc)

    monkeypatch.setattr(HttpConnection, "connection_lost", noted)
    assert b"length 1" in heard(CHUNKED + b"1\r\na\r\n0\r\n", b"X-Y: z\r\n" * 100, b"\r\n")
    assert taken == [3]


@pytest.mark.parametrize("flood", [b"X-Y: z\r\n" * 50_000, b"X: " + b"y" * 400_000])
def test_fields_behind_a_body_end_within_a_limit(flood):
    parts = [flood[start : start + 20_000] for start in range(0, len(flood), 20_000)]
    started = time.monotonic()
    assert heard(CHUNKED + b"1\r\na\r\n0\r\n", *parts) == b""
    assert time.monotonic() - started < HttpConnection.HEAD_SECONDS


def test_a_body_of_many_small_chunks_is_no_long_header():
    chunks = b"1;extension\r\na\r\n" * 50_000
    parts = [chunks[start : start + 20_000] for start in range(0, len(chunks), 20_000)]
    assert b"length 50000" in heard(CHUNKED, *parts, b"0\r\n\r\n")


def test_requests_that_follow_one_another_are_all_answered():
    answers = heard(
        REQUEST * 50, REQUEST, REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert answers.count(b"hello") == 52


@pytest.mark.parametrize(
    ("status", "codings"),
    [
        (501, [b"gzip, chunked"]),
        (501, [b"gzip", b"chunked"]),
        (501, [b"identity,chunked"]),
        (400, [b"gzip"]),
        (400, [b"chunked, gzip"]),
        (400, [b"chunked, chunked"]),
        (400, [b"chunked", b"chunked"]),
        (400, [b"chunked", b""]),
        (400, [b"chunked;q=1"]),
        (400, [b"\x0bchunked"]),
        (200, [b"chunked"]),
        (200, [b"  Chunked "]),
        (200, [b", chunked"]),
    ],
)
def test_a_body_is_taken_by_a_transfer_coding_that_is_understood(status, codings):
    """RFC 9112 6.1; what follows an answer of 400 or 501 is never taken for a request."""
    fields = b"".join(b"Transfer-Encoding: %b\r\n" % coding for coding in codings)
    body = b"3\r\nabc\r\n0\r\n\r\n"
    request = b"POST /length HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n" + body
    if status == 200:
        last = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        assert heard(request + last).count(b"HTTP/1.1 200") == 2
        return
    answer = heard(request + REQUEST)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "head",
    [
        b"POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        b"POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
        b"POST /length HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"POST /length HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"POST /length HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
    ],
)
def test_a_body_whose_end_two_programs_may_see_in_two_places_is_refused(head):
    answer = heard(head + b"Host: localhost\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + REQUEST)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_an_answer_under_way_comes_before_the_refusal_of_the_next_request():
    faulty = REQUEST.replace(b"GET", b"POST").replace(
        b"\r\n\r\n", b"\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    )
    found = heard(REQUEST + faulty + b"0\r\n\r\n")
    assert found.index(b"HTTP/1.1 200") < found.index(b"hello") < found.index(b"HTTP/1.1 501")


@pytest.mark.parametrize("offered", [b"h2c", b"websocket"])
def test_a_request_that_offers_another_protocol_keeps_its_body(offered, caplog):
    """As Java's HTTP client and `curl --http2` send it; a body may look like a request."""

    def post(connection: bytes, framing: bytes) -> bytes:
        head = b"POST /length HTTP/1.1\r\nHost: localhost\r\nUpgrade: %b\r\n" % offered
        return head + b"Connection: %b\r\n%b\r\n\r\n" % (connection, framing)

    size = len(REQUEST)
    first = post(b"Upgrade, HTTP2-Settings", b"Content-Length: %d" % size) + REQUEST
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, REQUEST)
    last = post(b"close, Upgrade", b"Transfer-Encoding: chunked") + chunk
    found = heard(first + first[:-20], first[-20:] + last + REQUEST)
    assert found.count(b"length %d" % size) == found.count(b"HTTP/1.1 ") == 3
    assert caplog.messages == []


def test_many_offers_in_one_go_are_all_answered():
    offer = b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    last = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert heard(REQUEST.replace(b"\r\n\r\n", offer) * 500 + last).count(b"hello") == 501


def test_a_tunnel_is_not_dug_and_what_was_to_go_through_it_is_no_request():
    answer = heard(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + REQUEST)
    assert b"hello" not in answer
    assert answer.count(b"HTTP/1.1 4") == answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("others", [0, 1, 3])
def test_an_answer_without_end_ends_with_its_connection_whatever_was_asked_behind_it(others):
    left = asyncio.Event()

    async def endless(request):
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
        left.set()

    async def scene():
        app = Starlette(routes=[Route("/", endless)])
        async with serving(app) as address:
            _, writer = await asyncio.open_connection(*address)
            writer.write(REQUEST * (1 + others))
            await asyncio.sleep(0.1)
            writer.transport.abort()
            await asyncio.wait_for(left.wait(), 5)

    asyncio.run(scene())


@pytest.mark.parametrize("behind", [b"\x00\x00\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000])
def test_no_refusal_of_the_next_request_stands_within_an_answer(behind):
    async def slow(request):
        async def pieces():
            yield b"first,"
            await asyncio.sleep(0.3)
            yield b"second"

        return StreamingResponse(pieces(), headers={"content-length": "12"})

    app = Starlette(routes=[Route("/", slow)])
    content = answers(app, REQUEST, b"", behind).partition(b"\r\n\r\n")[2]
    assert b"first,second".startswith(content)
