"""Range header fields; the examples are those of RFC 9110 14.1.2 and 14.2."""

import pytest

from isocenter.dicomweb import parse_byte_range


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-499", 0, 499),
        ("bytes=500-999", 500, 999),
        ("bytes=9500-", 9500, 9999),
        ("bytes=-500", 9500, 9999),
        ("bytes=0-0", 0, 0),
        ("bytes=9999-10000", 9999, 9999),
        ("bytes=0-99999999999999999999", 0, 9999),
        ("bytes=-20000", 0, 9999),
        ("Bytes=0-", 0, 9999),
        (" bytes= 1-2, ", 1, 2),
        ("bytes=,1-2", 1, 2),
    ],
)
def test_a_range_names_positions(text: str, first: int, last: int) -> None:
    assert parse_byte_range(text, 10_000) == range(first, last + 1)


@pytest.mark.parametrize("text", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=-000"])
def test_a_range_may_name_nothing_that_is_there(text: str) -> None:
    asked = parse_byte_range(text, 10_000)
    assert asked is not None
    assert not asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=1",
        "bytes=--1",
        "bytes=0-1,3-4",
        "bytes=0-1;3-4",
        "bytes=\u0661-2",
        f"bytes={'9' * 5000}-",
        "seconds=0-1",
    ],
)
def test_what_is_no_single_range_of_bytes_asks_for_the_whole(text: str) -> None:
    assert parse_byte_range(text, 10_000) is None


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=-1"])
def test_nothing_has_no_parts(text: str) -> None:
    assert parse_byte_range(text, 0) is None
