import base64
import email
import email.message
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocenter.dicomweb.media_types import parse_media_type
from isocenter.dicomweb.multipart import (
    BodyEnded,
    Event,
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    PartData,
    PartEnded,
    PartStarted,
    boundary_of,
)
from isocenter.errors import InvalidRequest, LimitExceeded

Part = tuple[dict[str, str], bytes]


def read(body: bytes, *, cut: int = 1 << 20, boundary: str = "b", **limits: int) -> list[Part]:
    """The parts of a body that is received in pieces of at most `cut` bytes."""
    reader = MultipartReader(boundary, MultipartLimits(**limits))
    events = [e for at in range(0, len(body), cut) for e in reader.receive(body[at : at + cut])]
    reader.finish()
    return parts_of(events)


def parts_of(events: list[Event]) -> list[Part]:
    parts: list[Part] = []
    headers: dict[str, str] = {}
    content = b""
    for event in events:
        match event:
            case PartStarted():
                headers, content = dict(event.headers), b""
            case PartData():
                assert event.data
                content += event.data
            case PartEnded():
                parts.append((headers, content))
            case BodyEnded():
                pass
    return parts


CUTS = [1, 2, 3, 7, 64, 1 << 20]


@pytest.mark.parametrize("cut", CUTS)
def test_parts_are_read_whatever_the_pieces(cut: int) -> None:
    body = (
        b"a preamble\r\n--b\r\nContent-Type: application/dicom\r\nX: 1\r\n\r\none\r\n--b \t\r\n"
        b"\r\ntwo\r\n\r\n--b--\r\nan epilogue"
    )
    assert read(body, cut=cut) == [
        ({"content-type": "application/dicom", "x": "1"}, b"one"),
        ({}, b"two\r\n"),
    ]


@pytest.mark.parametrize("cut", CUTS)
def test_a_part_without_content_is_empty(cut: int) -> None:
    body = b"--b\r\nA: 1\r\n\r\n--b\r\n\r\n--b\r\nA: 2\r\n\r\n\r\n--b--"
    assert read(body, cut=cut) == [({"a": "1"}, b""), ({}, b""), ({"a": "2"}, b"")]


@pytest.mark.parametrize("cut", CUTS)
def test_content_that_resembles_a_delimiter_stays_content(cut: int) -> None:
    content = b"\r\n--\r\n-\r\r\n--a--b\n--b\r--b\r\n --b"
    assert read(b"--b\r\n\r\n" + content + b"\r\n--b--", cut=cut) == [({}, content)]


@pytest.mark.parametrize("body", [b"--b--", b"--b--\r\n", b"\r\n--b--rest"])
def test_a_body_may_have_no_parts(body: bytes) -> None:
    assert read(body) == []


def test_a_folded_header_field_is_one_field() -> None:
    [(headers, _)] = read(b"--b\r\nContent-Type: multipart/x;\r\n  a=b\r\n\r\n\r\n--b--")
    assert headers == {"content-type": "multipart/x; a=b"}


def test_the_first_of_repeated_header_fields_counts() -> None:
    [(headers, _)] = read(b"--b\r\nA: 1\r\na: 2\r\n\r\n\r\n--b--")
    assert headers == {"a": "1"}


def test_a_content_length_that_lies_changes_nothing() -> None:
    body = (
        b"--b\r\nContent-Length: 99999999\r\n\r\nabc\r\n--b\r\nContent-Length: 0\r\n\r\nd\r\n--b--"
    )
    assert [content for _, content in read(body)] == [b"abc", b"d"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n\r\ncontent",
        b"--b\r\n\r\ncontent\r\n--b",
        b"--b\r\n\r\ncontent\r\n--b-",
        b"--b\r\nA: 1",
        b"--c\r\n\r\nx\r\n--c--",
    ],
)
def test_a_body_that_is_cut_off_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="before its closing delimiter"):
        read(body)


@pytest.mark.parametrize("cut", CUTS)
def test_a_delimiter_with_something_behind_it_is_refused(cut: int) -> None:
    with pytest.raises(InvalidRequest, match="behind a multipart delimiter"):
        read(b"--b\r\n\r\n1\r\n--bb\r\n\r\n2\r\n--b--", cut=cut)


def test_a_malformed_header_field_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="malformed header field"):
        read(b"--b\r\nno colon here\r\n\r\nx\r\n--b--")


@pytest.mark.parametrize("cut", [1000, 1 << 20])
def test_endless_header_fields_are_refused(cut: int) -> None:
    with pytest.raises(LimitExceeded, match="header fields"):
        read(b"--b\r\nA: " + b"x" * 100_000, cut=cut)


def test_endless_padding_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="padding"):
        read(b"--b" + b" " * 100_000, cut=1000)


def test_an_endless_preamble_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="does not begin with its boundary"):
        read(bytes(100_000), cut=1000)


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 3 parts"):
        read(b"--b\r\n\r\n" * 5 + b"--b--", parts=3)


def test_a_part_that_is_too_large_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 10 bytes"):
        read(b"--b\r\n\r\n12345678901\r\n--b--", cut=4, part_bytes=10)


def test_many_small_parts_may_come_in_one_piece() -> None:
    body = b"--b\r\n\r\n" * 40_000 + b"--b--"
    assert len(read(body, cut=len(body))) == 40_000


def test_the_boundary_is_read_from_the_content_type() -> None:
    assert boundary_of(parse_media_type('multipart/related; boundary="a: b"')) == "a: b"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related",
        "application/dicom; boundary=b",
        'multipart/related; boundary=""',
        'multipart/related; boundary=" "',
        'multipart/related; boundary="a\r\nb"',
        'multipart/related; boundary="ä"',
        f"multipart/related; boundary={'b' * 201}",
    ],
)
def test_an_unusable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        boundary_of(parse_media_type(content_type))


CONTENTS = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from([b"\r", b"\n", b"-", b"b", b"\r\n-", b"\r\n--", b"x"])).map(
            b"".join
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(CONTENTS, st.lists(st.integers(1, 40), min_size=1))
@settings(max_examples=300)
def test_any_cutting_gives_what_was_written(contents: list[bytes], cuts: list[int]) -> None:
    writer = MultipartWriter("application/dicom")
    body = writer.frame([("application/dicom", content) for content in contents])
    reader = MultipartReader(boundary_of(parse_media_type(writer.content_type)))
    events: list[Event] = []
    at = turn = 0
    while at < len(body):
        size = cuts[turn % len(cuts)]
        events += reader.receive(body[at : at + size])
        at, turn = at + size, turn + 1
    reader.finish()
    assert [content for _, content in parts_of(events)] == contents


@given(st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"\r", b"\n", b"A: 1", b" ", b"x"])))
@settings(max_examples=500)
def test_any_bytes_give_the_same_events_however_they_are_cut(pieces: list[bytes]) -> None:
    body = b"\r\n".join([b"--b", b"".join(pieces)])

    def outcome(cut: int) -> object:
        try:
            return read(body, cut=cut)
        except InvalidRequest as error:
            return str(error)

    assert outcome(1) == outcome(2) == outcome(5) == outcome(1 << 20)


@given(CONTENTS)
def test_the_standard_library_reads_what_we_write(contents: list[bytes]) -> None:
    # The mail parser takes a lone CR or LF for the end of a line, so it is given text-safe content.
    safe = [content.hex().encode() for content in contents]
    writer = MultipartWriter("application/dicom", "1.2.840.10008.1.2.1")
    body = writer.frame([("application/dicom", content) for content in safe])
    head = f"Content-Type: {writer.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/related"
    assert message.get_param("type") == "application/dicom"
    read_back = [part.get_payload(decode=True) for part in message.iter_parts()]
    assert read_back == safe


@given(CONTENTS)
def test_we_read_what_the_standard_library_writes(contents: list[bytes]) -> None:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message.make_related()
    for content in contents:
        message.add_related(content, "application", "dicom", cte="base64")
    head, _, body = message.as_bytes().partition(b"\r\n\r\n")
    content_type = email.message_from_bytes(head, policy=email.policy.HTTP)["content-type"]
    reader = MultipartReader(boundary_of(parse_media_type(str(content_type))))
    parts = parts_of(list(reader.receive(body)))
    reader.finish()
    assert [base64.b64decode(content) for _, content in parts] == contents
