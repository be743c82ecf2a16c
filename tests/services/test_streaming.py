"""Bodies that are made while they are sent."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from isocenter import errors
from isocenter.services.streaming import IteratorResponse, primed
from isocenter.services.unsent import UNSENT_ANSWERS, UnsentAnswers


class Pieces:
    """Counts what is made, and tells when it is closed."""

    def __init__(self, count: int, fail_at: int | None = None) -> None:
        self.made = 0
        self.closed = threading.Event()
        self._count = count
        self._fail_at = fail_at

    def __iter__(self) -> Iterator[bytes]:
        try:
            while self.made < self._count:
                if self.made == self._fail_at:
                    raise errors.PixelDataError("broken")
                self.made += 1
                yield b"x" * 10
        finally:
            self.closed.set()


async def answered(
    pieces: Iterable[bytes],
    *,
    leaves_after: int | None = None,
    method: str = "GET",
    unsent: UnsentAnswers | None = None,
    on_send: Callable[[], object] = lambda: None,
) -> list:
    sent: list[Any] = []
    scope: dict[str, Any] = {"type": "http", "method": method}
    if unsent is not None:
        scope["state"] = {UNSENT_ANSWERS: unsent}
    gone = asyncio.Event()

    async def receive() -> dict:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)
        on_send()
        if leaves_after is not None and len(sent) > leaves_after:
            gone.set()
            await asyncio.sleep(30)

    with ThreadPoolExecutor(2) as pool:
        response = IteratorResponse(iter(pieces), {"content-type": "text/plain"}, pool)
        await asyncio.wait_for(response(scope, receive, send), 60)
    return sent


def test_pieces_are_sent_in_order_and_the_end_is_told() -> None:
    pieces = Pieces(3)
    sent = asyncio.run(answered(pieces))
    assert [message.get("body") for message in sent[1:]] == [b"x" * 10] * 3 + [b""]
    assert [message.get("more_body") for message in sent[1:]] == [True] * 3 + [False]
    assert pieces.closed.is_set()


def test_nothing_more_is_made_for_a_user_agent_that_went_away() -> None:
    pieces = Pieces(1000)
    asyncio.run(answered(pieces, leaves_after=3))
    assert pieces.made < 10
    assert pieces.closed.is_set()


def test_an_error_in_the_middle_is_not_taken_for_the_end(caplog) -> None:
    pieces = Pieces(5, fail_at=2)
    sent = asyncio.run(answered(pieces))
    assert sent[-1]["more_body"]
    assert pieces.closed.is_set()
    assert caplog.messages == ["an answer was broken off: broken"]


def test_only_the_head_is_sent_where_only_the_head_is_asked() -> None:
    pieces = Pieces(5)
    sent = asyncio.run(answered(pieces, method="HEAD"))
    assert [message.get("body") for message in sent[1:]] == [b""]
    assert pieces.made == 0


def test_a_first_piece_that_fails_fails_before_anything_is_sent() -> None:
    with pytest.raises(errors.PixelDataError, match="broken"):
        primed(iter(Pieces(5, fail_at=0)))


def test_a_primed_body_is_sent_whole_and_its_maker_is_closed() -> None:
    pieces = Pieces(3)
    made = primed(iter(pieces))
    assert pieces.made == 1
    sent = asyncio.run(answered(made))
    assert [message["body"] for message in sent[1:]] == [b"x" * 10] * 3 + [b""]
    assert pieces.closed.is_set()


def test_what_was_made_ahead_counts_as_held_only_while_it_waits() -> None:
    unsent = UnsentAnswers(1000)
    held: list[int] = []
    asyncio.run(answered(Pieces(3), unsent=unsent, on_send=lambda: held.append(unsent.total)))
    assert held[1:-1] == [20, 20, 20]
    assert unsent.total == 0


def test_nothing_is_made_ahead_where_much_is_held() -> None:
    unsent = UnsentAnswers(100)
    unsent.hold(60)
    pieces = Pieces(4)
    made: list[int] = []
    sent = asyncio.run(answered(pieces, unsent=unsent, on_send=lambda: made.append(pieces.made)))
    assert b"".join(message["body"] for message in sent[1:]) == b"x" * 40
    # Each piece is followed by a message of nothing, which is taken when the piece is on its way.
    assert made[1:] == [1, 1, 2, 2, 3, 3, 4, 4, 4]
