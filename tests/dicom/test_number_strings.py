"""Numbers in text are what PS3.5 6.2 says of IS and DS; Python's own reading takes more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement
from pydicom.datadict import dictionary_VR, tag_for_keyword
from tests.factories import ct_slice, part10_bytes

from isocenter.archive.index_values import _integer
from isocenter.cli import assignments
from isocenter.compose.number_lists import parse_number_lists
from isocenter.dicom import scan_file, tags, validate, validate_files
from isocenter.dicom.number_strings import parse_decimal, parse_integer
from isocenter.dicomweb.accept import _quality
from isocenter.dicomweb.rendering import _number
from isocenter.errors import CannotCompose, ConfigurationError, InvalidRequest

NO_NUMBERS = ["", "1_0", "nan", "NaN", "inf", "-infinity", "\uff11", "\u0661", "0x10", "1 0", "--1"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "1.0", "1e2"])
def test_what_is_no_integer_string_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no integer"):
        parse_integer(text)


@pytest.mark.parametrize("text", [*NO_NUMBERS, ".", "1e", "e5", "1e999", "1,5"])
def test_what_is_no_decimal_string_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no decimal number"):
        parse_decimal(text)


@given(st.integers(-(2**40), 2**40), st.sampled_from(["{}", " {} ", "{}\0"]))
def test_integers_are_read_with_their_padding(number: int, padding: str) -> None:
    assert parse_integer(padding.format(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_are_read_exactly(number: float) -> None:
    assert parse_decimal(f" {number!r} ") == number


def test_a_number_with_an_underscore_is_none_to_scan_and_index() -> None:
    data = part10_bytes(ct_slice(InstanceNumber=12)).replace(b"IS\x02\x0012", b"IS\x04\x001_02")
    assert scan_file(data).integer(tags.InstanceNumber) is None
    assert _integer(b"1_02") is None


def test_a_number_with_an_underscore_is_an_error_to_validation(tmp_path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(
        part10_bytes(ct_slice(InstanceNumber=12, KVP="12"))
        .replace(b"IS\x02\x0012", b"IS\x04\x001_02")
        .replace(b"DS\x02\x0012", b"DS\x04\x00nan ")
    )
    found = {finding.keyword for finding in validate_files([path]).findings}
    assert found >= {"InstanceNumber", "KVP"}


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused_where_it_is_asked_for(text: str) -> None:
    with pytest.raises(InvalidRequest):
        _number("viewport", text)
    if text:
        with pytest.raises(ConfigurationError):
            assignments.overrides([f"Rows={text}"])
        with pytest.raises(ConfigurationError):
            assignments.overrides([f"SliceThickness={text}"])
        if text not in ("1 0",):
            with pytest.raises(CannotCompose):
                parse_number_lists(text)


def test_a_weight_that_is_no_number_refuses_nothing() -> None:
    assert _quality("0.5") == 0.5 and _quality("nan") == _quality("0_0") == 1.0


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("StudyDate", "２０２６０１０１"), ("StudyTime", "１２００"), ("PatientAge", "０５４Y")],  # noqa: RUF001
)
def test_digits_of_other_scripts_are_an_error_to_validation(keyword: str, value: str) -> None:
    image = ct_slice()
    image.add(DataElement(tag_for_keyword(keyword), dictionary_VR(keyword), value))
    assert keyword in {finding.keyword for finding in validate(image)}
