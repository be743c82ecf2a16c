import pydicom
import pytest
from tests.factories import ct_slice, part10_bytes

from isocenter.dicom import EXPLICIT_VR_LITTLE_ENDIAN, scan_file
from isocenter.errors import PixelDataError
from isocenter.pixels import DataSetAttributes, PhotometricInterpretation, PixelDescription


def read(**attributes: object) -> PixelDescription:
    dataset = ct_slice(8, 8, **attributes)
    return PixelDescription.from_header(scan_file(part10_bytes(dataset)))


def test_a_header_and_a_data_set_give_the_same_description() -> None:
    dataset = ct_slice(8, 16)
    found = PixelDescription.from_attributes(DataSetAttributes(dataset), EXPLICIT_VR_LITTLE_ENDIAN)
    assert found == PixelDescription.from_header(scan_file(part10_bytes(dataset)))
    assert (found.rows, found.columns, found.signed) == (8, 16, True)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"Rows": 0}, r"Rows \(0028,0010\) is 0; expected 1 to 65535"),
        ({"Columns": None}, r"Columns \(0028,0011\) is missing"),
        ({"BitsAllocated": 33, "BitsStored": 33, "HighBit": 32}, r"Bits Allocated .* is 33"),
        ({"BitsStored": 17, "HighBit": 16}, r"Bits Stored \(0028,0101\) 17"),
        ({"SamplesPerPixel": 4}, r"Samples per Pixel \(0028,0002\) is 4; expected 1 or 3"),
        ({"PhotometricInterpretation": "CMYK"}, "'CMYK'; expected one of MONOCHROME1"),
        ({"PhotometricInterpretation": "RGB"}, "is RGB with Samples per Pixel"),
    ],
)
def test_what_the_standard_forbids_is_refused_by_name(
    attributes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PixelDataError, match=sentence):
        read(**attributes)


def test_an_object_without_pixels_says_so() -> None:
    with pytest.raises(PixelDataError, match="no Pixel Data"):
        PixelDescription.from_attributes(
            DataSetAttributes(pydicom.Dataset()), EXPLICIT_VR_LITTLE_ENDIAN
        )


def test_a_senseless_high_bit_is_taken_as_the_highest_stored() -> None:
    assert read(HighBit=3).high_bit == 15


def test_missing_photometric_interpretation_is_grayscale() -> None:
    found = read(PhotometricInterpretation=None)
    assert found.photometric_interpretation is PhotometricInterpretation.MONOCHROME2


def test_a_422_frame_takes_two_bytes_a_pixel() -> None:
    found = read(
        PhotometricInterpretation="YBR_FULL_422",
        SamplesPerPixel=3,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelPaddingValue=None,
    )
    assert found.frame_bits == 8 * 8 * 2 * 8
