import warnings

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi
from tests.pixels.corpus import Picture

from isocenter.errors import PixelDataError
from isocenter.pixels import (
    DataSetAttributes,
    LookupTable,
    TabulatedModality,
    display_models,
    read_lookup_table,
    read_palette,
)
from isocenter.pixels.lookup_tables import expand_segments

PALETTES = [
    "OBXXXX1A.dcm",
    "examples_palette.dcm",
    "gdcm-US-ALOKA-16.dcm",
    "gdcm-US-ALOKA-16_big.dcm",
    "OT-PAL-8-face.dcm",
]


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_plain_and_segmented_colour_as_pydicom_does(name: str) -> None:
    picture = Picture.named(name)
    indices = picture.stored()
    if name.startswith("OT-PAL"):
        # pydicom lacks the file's transfer syntax; the tables are those of three plain arrays.
        attributes = DataSetAttributes(picture.dataset)
        tables = [attributes.data(0x00281201 + n) for n in range(3)]
        expected = np.stack([np.frombuffer(t or b"", "<u2")[indices] >> 8 for t in tables], axis=-1)
    else:
        expected = apply_color_lut(indices, picture.dataset)
        expected = expected >> 8 if expected.dtype.itemsize == 2 else expected
    np.testing.assert_array_equal(picture.samples(), expected)


def test_a_big_endian_palette_gives_the_same_colours() -> None:
    # pydicom 3.0 forgets to swap the words of a big-endian OW palette, so it is no oracle here.
    little, big = (Picture.named(n).samples() for n in ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm"))
    np.testing.assert_array_equal(big, little)


def test_a_modality_lut_maps_as_pydicom_does() -> None:
    picture = Picture.named("mlut_18.dcm")
    expected = apply_modality_lut(picture.stored(), picture.dataset)
    modality = picture.frames()[0].model.modality
    assert isinstance(modality, TabulatedModality)
    np.testing.assert_array_equal(modality.apply(picture.stored()), expected)


def test_a_voi_lut_maps_as_pydicom_does() -> None:
    picture = Picture.named("vlut_04.dcm")
    expected = apply_voi(picture.stored(), picture.dataset)
    table = picture.frames()[0].voi[0]
    assert isinstance(table, LookupTable)
    np.testing.assert_array_equal(table.apply(picture.stored()), expected)


def test_rescale_maps_as_pydicom_does() -> None:
    for name in ("CT_small.dcm", "MR2_UNCI.dcm", "693_UNCR.dcm"):
        picture = Picture.named(name)
        expected = apply_modality_lut(picture.stored(), picture.dataset)
        found = picture.frames()[0].model.modality.apply(picture.stored())
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_values_outside_a_table_take_its_ends_and_halves_go_up() -> None:
    table = LookupTable(-2, 8, np.array([1, 2, 3], np.uint16))
    assert table.apply(np.array([-9, -2, -1, 0, 9])).tolist() == [1, 1, 2, 3, 3]
    assert table.apply(np.array([-1.51, -1.5, -0.4])).tolist() == [1, 2, 3]


def item(descriptor: list[int], data: object, vr: str = "US") -> DataSetAttributes:
    dataset = pydicom.Dataset()
    dataset.add_new(0x00283002, "US", descriptor)
    dataset.add_new(0x00283006, vr, data)
    return DataSetAttributes(dataset)


def test_zero_entries_mean_65536() -> None:
    data = np.arange(65536, dtype="<u2").tobytes()
    assert len(read_lookup_table(item([0, 0, 16], data, "OW"), signed=False).values) == 65536


def test_entries_of_a_byte_may_stand_two_in_a_word() -> None:
    packed = read_lookup_table(item([4, 0, 8], bytes([1, 2, 3, 4]), "OW"), signed=False)
    in_words = read_lookup_table(item([4, 0, 8], [1, 2, 3, 4]), signed=False)
    as_numbers = read_lookup_table(item([4, 0, 8], [0x0201, 0x0403]), signed=False)
    for table in (packed, in_words, as_numbers):
        assert table.values.tolist() == [1, 2, 3, 4]


def test_the_first_value_is_signed_where_inputs_are() -> None:
    assert read_lookup_table(item([2, 0xFC18, 8], [0, 1]), signed=True).first == -1000
    assert read_lookup_table(item([2, 0xFC18, 8], [0, 1]), signed=False).first == 0xFC18


def test_entries_deeper_than_described_widen_the_output() -> None:
    assert read_lookup_table(item([2, 0, 8], [0, 4095]), signed=False).bits == 12


@pytest.mark.parametrize(
    ("descriptor", "data", "sentence"),
    [
        ([256, 0, 8], [1, 2, 3], "has 3 entries.*promises 256"),
        ([256, 0], [1], "has 2 values; expected 3"),
        ([2, 0, 99], [1, 2], "says 99 bits"),
        ([2, 0, 0], [1, 2], "says 0 bits"),
    ],
)
def test_a_table_at_odds_with_its_descriptor_is_refused(
    descriptor: list[int], data: list[int], sentence: str
) -> None:
    with pytest.raises(PixelDataError, match=sentence):
        read_lookup_table(item(descriptor, data), signed=False)


def test_an_index_beyond_the_palette_reads_nothing_beyond_it() -> None:
    dataset = Picture.named("OBXXXX1A.dcm").dataset
    palette = read_palette(DataSetAttributes(dataset), signed=False)
    found = palette.apply(np.array([255, 65535, 2**31 - 1]))
    assert (found == found[0]).all()


def test_a_palette_shorter_than_described_is_refused() -> None:
    dataset = Picture.named("OBXXXX1A.dcm").dataset
    dataset.GreenPaletteColorLookupTableData = dataset.GreenPaletteColorLookupTableData[:100]
    with pytest.raises(PixelDataError, match="Green Palette Color Lookup Table Data has"):
        read_palette(DataSetAttributes(dataset), signed=False)


def words(*values: int) -> np.ndarray:
    return np.array(values, "<u2")


def test_discrete_and_linear_segments_expand() -> None:
    # PS3.3 C.7.9.2.2: a ramp goes from the last entry to its end in equal steps.
    found = expand_segments(words(0, 2, 5, 10, 1, 5, 20, 0, 1, 7))
    assert found.tolist() == [5, 10, 12, 14, 16, 18, 20, 7]


def test_an_indirect_segment_counts_bytes() -> None:
    # PS3.3 C.7.9.2.3 gives a byte offset: 8 is the fifth word. (pydicom takes it as a word count.)
    found = expand_segments(words(0, 2, 1, 2, 0, 1, 9, 2, 1, 8, 0))
    assert found.tolist() == [1, 2, 9, 9]
    in_bytes = np.array([0, 2, 1, 2, 0, 1, 9, 2, 1, 4, 0, 0, 0], np.uint8)
    assert expand_segments(in_bytes).tolist() == [1, 2, 9, 9]


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [
        ([1, 5, 20], "begins with a linear segment"),
        ([0, 500, 1], "ends within a segment"),
        ([3, 1, 1], "unexpected opcode 3"),
        ([0, 1, 1, 2, 1, 60000, 0], "points outside"),
        ([0, 1, 1, 2, 1, 6, 0], "unexpected opcode 2"),
        ([0, 1, 1, 1, 60000, 2, 1, 60000, 3], "more than 65536"),
        ([0, 0] * 30000 + [2, 30000, 0, 0] * 2, "more than 65536"),
    ],
)
def test_a_hostile_segmented_palette_is_refused(segments: list[int], sentence: str) -> None:
    with pytest.raises(PixelDataError, match=sentence):
        expand_segments(words(*segments))


def test_a_palette_image_without_palette_is_shown_gray_and_says_why() -> None:
    picture = Picture.named("OBXXXX1A.dcm")
    dataset = picture.dataset
    del dataset.RedPaletteColorLookupTableData
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = display_models(DataSetAttributes(dataset), picture.description)[0].model
    assert model.palette is not None
    assert "Red Palette Color Lookup Table Data is missing" in model.problems[0]
