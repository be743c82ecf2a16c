import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocenter.dicomweb.media_types import MediaType, parse_media_type, parse_media_types
from isocenter.errors import InvalidRequest


def test_a_media_type_without_parameters_is_read() -> None:
    assert parse_media_type("Application/DICOM") == MediaType("application", "dicom")


def test_quoted_and_unquoted_values_are_equivalent() -> None:
    quoted = parse_media_type('multipart/related; type="application/dicom"; boundary="a b"')
    unquoted = parse_media_type("multipart/related;type=application/dicom ; boundary = x")
    assert quoted.parameter("type") == unquoted.parameter("type") == "application/dicom"
    assert quoted.parameter("boundary") == "a b"


def test_an_escaped_quote_belongs_to_the_value() -> None:
    assert parse_media_type(r'text/plain; a="x\"y\\z"').parameter("a") == 'x"y\\z'


def test_empty_parameters_are_passed_over() -> None:
    assert parse_media_type("text/plain;; a=b;") == MediaType("text", "plain", (("a", "b"),))


@pytest.mark.parametrize(
    "text", ["", "dicom", "application/", "/dicom", "a/b c", "a/b; c", "a/b; =c"]
)
def test_what_is_no_media_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_media_type(text)


def test_an_endless_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidRequest, match="9003 characters"):
        parse_media_type("a/b" + ";" * 9000)


def test_a_comma_inside_quotes_does_not_end_a_member() -> None:
    found = parse_media_types('a/b; c="d,e", f/g')
    assert [str(m) for m in found] == ['a/b; c="d,e"', "f/g"]


def test_malformed_members_of_a_list_are_passed_over() -> None:
    assert [str(m) for m in parse_media_types("nonsense, image/png, a/b; c")] == ["image/png"]


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-", min_size=1, max_size=10)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)


@given(TOKENS, TOKENS, st.lists(st.tuples(TOKENS, VALUES), max_size=4))
def test_what_is_written_can_be_read_again(
    main: str, sub: str, parameters: list[tuple[str, str]]
) -> None:
    media_type = MediaType(main, sub, tuple(parameters))
    assert parse_media_type(str(media_type)) == media_type


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    parse_media_types(text)
