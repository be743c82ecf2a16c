import pytest

from isocenter.dicomweb.accept import Representation, describe, parse_accept, select
from isocenter.errors import InvalidRequest, NotAcceptable

EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"

FRAMES = (
    Representation("application/octet-stream", True, EXPLICIT),
    Representation("application/octet-stream", True, JPEG_LS, as_kept=True),
    Representation("image/jls", True, JPEG_LS, as_kept=True),
    Representation("image/jp2", True, JPEG_2000),
    Representation("application/octet-stream", False, EXPLICIT),
    Representation("image/jls", False, JPEG_LS, as_kept=True),
)
METADATA = (
    Representation("application/dicom+json"),
    Representation("application/dicom+xml", multipart=True),
)


def chosen(accept: str | None, offered: tuple[Representation, ...] = FRAMES) -> Representation:
    return select(parse_accept(accept), offered, "the frames")


@pytest.mark.parametrize("accept", [None, "", "*/*", "multipart/related", "multipart/*"])
def test_the_default_is_sent_when_anything_is_accepted(accept: str | None) -> None:
    assert chosen(accept) == FRAMES[0]


def test_a_media_type_without_a_transfer_syntax_means_the_default_one() -> None:
    assert chosen('multipart/related; type="application/octet-stream"') == FRAMES[0]


def test_a_star_asks_for_the_transfer_syntax_that_is_kept() -> None:
    accept = "multipart/related; type=application/octet-stream; transfer-syntax=*"
    assert chosen(accept) == FRAMES[1]


def test_a_star_wins_over_others_of_equal_weight_even_when_listed_last() -> None:
    accept = (
        'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1,'
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
    )
    assert chosen(accept) == FRAMES[1]


def test_weights_win_over_a_star() -> None:
    accept = (
        'multipart/related; type="image/jp2"; q=0.9,'
        'multipart/related; type="application/octet-stream"; transfer-syntax=*; q=0.5'
    )
    assert chosen(accept) == FRAMES[3]


def test_members_that_cannot_be_made_are_passed_over() -> None:
    assert chosen('image/tiff, multipart/related; type="image/jls"') == FRAMES[2]


def test_a_single_part_is_sent_only_where_it_is_asked_for() -> None:
    assert chosen("application/octet-stream") == FRAMES[4]
    assert chosen("image/*") == FRAMES[5]


def test_a_part_type_may_be_a_range() -> None:
    assert chosen('multipart/related; type="image/*"') == FRAMES[2]


def test_a_weight_of_zero_takes_a_type_back() -> None:
    assert chosen("*/*, application/dicom+json; q=0", METADATA) == METADATA[1]


def test_a_weight_that_is_no_number_is_not_a_refusal() -> None:
    assert chosen("application/dicom+json; q=high", METADATA) == METADATA[0]
    assert chosen("application/dicom+json; q=nan", METADATA) == METADATA[0]


@pytest.mark.parametrize(
    "accept",
    [
        "image/jpeg",
        'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.2',
        "*/*; q=0",
        "nonsense",
        "*/*; transfer-syntax=1.2.3",
    ],
)
def test_what_cannot_be_made_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="the frames cannot be sent as .*image/jls"):
        chosen(accept)


def test_what_is_refused_by_its_weight_is_told_so() -> None:
    with pytest.raises(NotAcceptable, match=r"cannot be sent as text/html, \*/\*;q=0; acceptable"):
        chosen("text/html, */*; q=0")


def test_the_query_parameter_wins_over_the_header() -> None:
    ranges = parse_accept("text/html, */*", "image/jp2")
    assert [str(r.media_type) for r in ranges] == ["image/jp2"]


def test_a_plus_sign_of_the_query_parameter_may_have_become_a_space() -> None:
    text = 'multipart/related; type="application/dicom xml", application/dicom json'
    ranges = parse_accept(None, text)
    assert [r.content for r in ranges] == ["application/dicom+xml", "application/dicom+json"]


def test_the_query_parameter_takes_no_wildcards() -> None:
    with pytest.raises(InvalidRequest, match="wildcard"):
        parse_accept("*/*", "image/*")


def test_a_representation_is_described_as_the_media_type_that_asks_for_it() -> None:
    text = f'multipart/related; type="image/jls"; transfer-syntax={JPEG_LS}'
    assert describe(FRAMES[2]) == text
    assert chosen(text) == FRAMES[2]
