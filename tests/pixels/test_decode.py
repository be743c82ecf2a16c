"""Every frame of the corpus against decoders that others wrote; then what must be refused."""

import contextlib
import subprocess
import warnings
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels import convert_color_space, pixel_array
from tests.compose.judges import needs
from tests.pixels.corpus import SHORT, Picture, files

from isocenter.dicom import transfer_syntax
from isocenter.dicom.frames import FrameTable, NativeFrames
from isocenter.errors import PixelDataError, UnsupportedTransferSyntax
from isocenter.pixels import PhotometricInterpretation, PixelDescription, decode_frame

EXPLICIT = transfer_syntax("1.2.840.10008.1.2.1")
DEFLATED_FRAME = transfer_syntax("1.2.840.10008.1.2.8.1")
ROOT = "1.2.840.10008.1.2.4."
# What pydicom with Pillow alone cannot decode: 12-bit JPEG, JPEG lossless, JPEG-LS.
DCMTK_DECODES = {f"{ROOT}51", f"{ROOT}57", f"{ROOT}70", f"{ROOT}80", f"{ROOT}81"}
# Number of Frames is "1A"; a transfer syntax is missing; pixels that Pillow finds broken.
PYDICOM_REFUSES = {"badVR.dcm", "OT-PAL-8-face.dcm", "GDCMJ2K_TextGBR.dcm"}


def described(**changes: object) -> PixelDescription:
    """A 4 x 6 unsigned 16-bit grayscale description."""
    plain = PixelDescription(
        rows=4,
        columns=6,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=16,
        high_bit=15,
        pixel_representation=0,
        photometric_interpretation=PhotometricInterpretation.MONOCHROME2,
        planar_configuration=0,
        transfer_syntax=EXPLICIT,
    )
    return replace(plain, **changes)


def _for_pydicom() -> list[str]:
    names = []
    for name in files():
        uid = Picture.named(name).description.transfer_syntax.uid
        if uid not in DCMTK_DECODES and name not in PYDICOM_REFUSES | SHORT:
            names.append(name)
    return names


@pytest.mark.parametrize("name", _for_pydicom())
def test_first_and_last_frame_equal_pydicoms(name: str) -> None:
    picture = Picture.named(name)
    for number in {1, picture.description.number_of_frames}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = pixel_array(picture.dataset, index=number - 1)
        found = picture.stored(number)
        assert found.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, expected)


def _with_dcmtk(path: Path, uid: str, work: Path) -> np.ndarray:
    tool = "dcmdjpls" if uid in (f"{ROOT}80", f"{ROOT}81") else "dcmdjpeg"
    native = work / "native.dcm"
    options = [] if tool == "dcmdjpls" else ["+cn"]  # no conversion of colours
    subprocess.run([tool, *options, str(path), str(native)], check=True, timeout=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(native).pixel_array


@pytest.mark.peer
@pytest.mark.parametrize(
    "name",
    [n for n in files() if Picture.named(n).description.transfer_syntax.uid in DCMTK_DECODES],
)
def test_jpeg_lossless_12_bit_jpeg_and_jpeg_ls_equal_dcmtks(name: str, tmp_path: Path) -> None:
    picture = Picture.named(name)
    expected = _with_dcmtk(picture.path, picture.description.transfer_syntax.uid, tmp_path)
    if picture.description.number_of_frames > 1:
        expected = expected[0]
    np.testing.assert_array_equal(picture.stored(rgb=False), expected)


ENCODERS = {
    **{f"JPEG lossless, predictor {n}": ["dcmcjpeg", "+el", "+sv", str(n)] for n in range(1, 8)},
    "JPEG lossless, first-order": ["dcmcjpeg", "+e1"],
    "JPEG baseline": ["dcmcjpeg", "+eb"],
    "JPEG extended, 8 bits": ["dcmcjpeg", "+ee", "+be"],
    "JPEG extended, 12 bits": ["dcmcjpeg", "+ee", "+bt"],
    "JPEG-LS": ["dcmcjpls", "+el"],
    "JPEG-LS near-lossless": ["dcmcjpls", "+en", "+md", "3"],
    "JPEG-LS, lines interleaved": ["dcmcjpls", "+el", "+il"],
    "JPEG-LS, planes one by one": ["dcmcjpls", "+el", "+in"],
    "RLE": ["dcmcrle"],
    "JPEG 2000 by GDCM": ["gdcmconv", "--j2k"],
    "JPEG-LS by GDCM": ["gdcmconv", "--jpegls"],
    "JPEG lossless by GDCM": ["gdcmconv", "--jpeg"],
}
DECODERS = {"dcmcjpeg": ["dcmdjpeg", "+cn"], "dcmcjpls": ["dcmdjpls"], "dcmcrle": ["dcmdrle"]}


@pytest.mark.peer
@pytest.mark.parametrize("name", ["CT_small.dcm", "emri_small.dcm", "SC_rgb.dcm"])
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_what_others_encode_is_decoded_as_they_decode_it(
    encoder: list[str], name: str, tmp_path: Path
) -> None:
    packed, native = tmp_path / "packed.dcm", tmp_path / "native.dcm"
    if "+en" in encoder and name == "CT_small.dcm":
        return  # DCMTK encodes no signed values near-lossless
    subprocess.run([*encoder, str(files()[name]), str(packed)], timeout=60, check=True)
    decoder = DECODERS.get(encoder[0], ["gdcmconv", "--raw"])
    subprocess.run([*decoder, str(packed), str(native)], timeout=60, check=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pixel_array(pydicom.dcmread(native), raw=True, index=0)
    picture = Picture.of(packed)
    np.testing.assert_array_equal(picture.stored(rgb=False), expected)


def test_a_palette_image_without_transfer_syntax_is_read_as_implicit_vr() -> None:
    stored = Picture.named("OT-PAL-8-face.dcm").stored()
    # pydicom's own documentation of the file: 480 x 640 with these extremes.
    assert stored.shape == (480, 640)
    assert stored.min() >= 0 and stored.max() <= 255


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("allocated", "stored", "high"),
    [(8, 8, 7), (8, 6, 5), (16, 12, 11), (16, 10, 13), (32, 24, 23), (32, 32, 31), (64, 64, 63)],
)
def test_native_cells_are_the_integers_that_their_bits_spell(
    allocated: int, stored: int, high: int, signed: bool, endian: str
) -> None:
    # Python's big integers are the oracle: cells are spelled and read back bit by bit.
    rng = np.random.default_rng(allocated + stored)
    cells = [int.from_bytes(rng.bytes(allocated // 8), "little") for _ in range(24)]
    low = high + 1 - stored
    values = [(cell >> low) & ((1 << stored) - 1) for cell in cells]
    if signed:
        values = [v - (1 << stored) if v >> stored - 1 else v for v in values]
    syntax = EXPLICIT if endian == "little" else transfer_syntax("1.2.840.10008.1.2.2")
    data = b"".join(cell.to_bytes(allocated // 8, endian) for cell in cells)  # pyright: ignore
    description = described(
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        pixel_representation=int(signed),
        transfer_syntax=syntax,
        word_data=allocated > 8,  # 8-bit cells as bytes; as words they are a test of their own
    )
    assert decode_frame(data, description).reshape(-1).tolist() == values


@pytest.mark.parametrize("width", [1, 2, 4, 5, 10, 12, 20, 24, 31])
def test_packed_cells_follow_each_other_from_the_least_significant_bit(width: int) -> None:
    rng = np.random.default_rng(width)
    values = [int(v) for v in rng.integers(0, 1 << width, 24)]
    stream = sum(value << width * n for n, value in enumerate(values))
    data = stream.to_bytes((24 * width + 7) // 8, "little")
    description = described(bits_allocated=width, bits_stored=width, high_bit=width - 1)
    assert decode_frame(data, description).reshape(-1).tolist() == values


def test_bytes_of_a_big_endian_word_stand_swapped() -> None:
    syntax = transfer_syntax("1.2.840.10008.1.2.2")
    description = described(
        rows=1, columns=3, bits_allocated=8, bits_stored=8, high_bit=7, transfer_syntax=syntax
    )
    assert decode_frame(bytes([2, 1, 0, 3]), description).tolist() == [[1, 2, 3]]
    as_bytes = replace(description, word_data=False)
    assert decode_frame(bytes([1, 2, 3, 0]), as_bytes).tolist() == [[1, 2, 3]]


def test_ges_private_syntax_has_big_endian_pixels() -> None:
    syntax = transfer_syntax("1.2.840.113619.5.2")
    values = np.arange(24, dtype=">u2").reshape(4, 6)
    found = decode_frame(values.tobytes(), described(transfer_syntax=syntax))
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(("bits", "dtype"), [(32, "<f4"), (64, "<f8")])
def test_float_and_double_pixel_data_keep_their_values(bits: int, dtype: str) -> None:
    values = np.array([0.1, -1e30, np.inf, np.nan, 2**-140, 5] * 4, dtype).reshape(4, 6)
    description = described(bits_allocated=bits, bits_stored=bits, high_bit=bits - 1, floating=True)
    np.testing.assert_array_equal(decode_frame(values.tobytes(), description), values)


def test_planes_of_colour_become_pixels() -> None:
    interleaved, planar = (Picture.named(n).stored() for n in ("color-px.dcm", "color-pl.dcm"))
    np.testing.assert_array_equal(interleaved, planar)


def test_a_deflated_frame_is_inflated() -> None:
    values = np.arange(24, dtype="<u2").reshape(4, 6)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(values.tobytes()) + packer.flush()
    found = decode_frame(data, described(transfer_syntax=DEFLATED_FRAME))
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("suffix", ["110", "112"])
def test_jpeg_xl_frames_are_decoded(suffix: str) -> None:
    values = (np.arange(64 * 48, dtype=np.uint16) * 13 % 4096).reshape(64, 48)
    data = imagecodecs.jpegxl_encode(values, lossless=True)
    syntax = transfer_syntax(ROOT + suffix)
    found = decode_frame(data, described(rows=64, columns=48, transfer_syntax=syntax))
    np.testing.assert_array_equal(found, values)


def _ht(values: np.ndarray) -> bytes:
    return bytes(imagecodecs.htj2k_encode(values, reversible=True))


@pytest.mark.parametrize("suffix", ["201", "202", "203"])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8"])
def test_htj2k_frames_are_decoded(suffix: str, dtype: str) -> None:
    values = (np.arange(64 * 48) * 7 % 251 - 100).reshape(64, 48).astype(dtype)
    bits = 8 * values.dtype.itemsize
    description = described(
        rows=64,
        columns=48,
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        pixel_representation=int(dtype.startswith("i")),
        transfer_syntax=transfer_syntax(ROOT + suffix),
    )
    np.testing.assert_array_equal(decode_frame(_ht(values), description), values)


def test_hostile_htj2k_is_refused() -> None:
    # OpenJPH would divide by the tile height of zero, and decode half a frame in silence.
    values = (np.arange(64 * 48) * 7 % 4096).reshape(64, 48).astype("uint16")
    syntax = transfer_syntax(ROOT + "201")
    description = described(rows=64, columns=48, transfer_syntax=syntax)
    data = _ht(values)
    no_tiles = data[:28] + bytes(4) + data[32:]
    for broken in (no_tiles, data[: len(data) // 2], data[:-100]):
        with pytest.raises(PixelDataError):
            decode_frame(broken, description)


@pytest.mark.parametrize(
    ("source", "signed"), [("uint16", True), ("int16", False)], ids=["as unsigned", "as signed"]
)
def test_jpeg_2000_with_the_wrong_sign_keeps_its_bits(source: str, signed: bool) -> None:
    values = np.arange(-12, 12, dtype="int16").reshape(4, 6)
    as_coded = values.astype(source)
    data = imagecodecs.jpeg2k_encode(as_coded, codecformat="j2k", reversible=True)
    description = described(
        pixel_representation=int(signed), transfer_syntax=transfer_syntax(ROOT + "90")
    )
    expected = values if signed else values.view("uint16")
    np.testing.assert_array_equal(decode_frame(data, description), expected)


@pytest.mark.parametrize("colours", ["SRGB", "SYCC", "UNSPECIFIED"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colours_of_a_file_format_around_jpeg_2000_are_not_believed(
    colours: str, photometric: str
) -> None:
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    options = {"reversible": True, "mct": False, "colorspace": colours}
    coded = bytes(imagecodecs.jpeg2k_encode(values, codecformat="jp2", **options))
    base = Picture.named("SC_rgb.dcm").description
    description = replace(
        base,
        rows=64,
        columns=64,
        transfer_syntax=transfer_syntax(ROOT + "90"),
        photometric_interpretation=PhotometricInterpretation(photometric),
    )
    expected = values
    if photometric != "RGB":
        expected = convert_color_space(values, photometric, "RGB")
    np.testing.assert_allclose(decode_frame(coded, description), expected, atol=1)


@pytest.mark.peer
@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_FULL_422"])
def test_jpeg_2000_that_leaves_pixels_out_is_refused(photometric: str, tmp_path: Path) -> None:
    (tmp_path / "420.yuv").write_bytes(bytes(64 * 64 * 3 // 2))
    program = needs("opj_compress", "libopenjp2-tools")
    layout = "64,64,3,8,u@1x1:2x2:2x2"
    command = [program, "-i", "420.yuv", "-F", layout, "-n", "3", "-o", "420.j2k"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    base = Picture.named("SC_rgb.dcm").description
    syntax = transfer_syntax(ROOT + "90")
    kind = PhotometricInterpretation(photometric)
    description = replace(
        base, rows=64, columns=64, transfer_syntax=syntax, photometric_interpretation=kind
    )
    with pytest.raises(PixelDataError, match=r"leave pixels out .*up to 2.*PS3\.5 8\.2\.4"):
        decode_frame((tmp_path / "420.j2k").read_bytes(), description)


def test_truncated_native_data_is_refused_with_both_sizes() -> None:
    with pytest.raises(PixelDataError, match=r"47 bytes.*Rows \(0028,0010\) 4.*promise 48"):
        decode_frame(bytes(47), described())


def test_a_truncated_codestream_is_refused() -> None:
    names = ("JPGExtended.dcm", "JPEG-LL.dcm", "MR_small_jpeg_ls_lossless.dcm", "693_J2KR.dcm")
    for name in (*names, "MR_small_RLE.dcm"):
        picture = Picture.named(name)
        data = picture.data()
        for keep in (3, 20, 60, len(data) // 2, len(data) - 40):
            with pytest.raises(PixelDataError):
                decode_frame(data[:keep], picture.description)


@pytest.mark.parametrize("suffix", ["50", "51", "57", "70", "80", "81", "90", "91", "201", "110"])
def test_garbage_is_refused_in_every_syntax(suffix: str) -> None:
    description = described(transfer_syntax=transfer_syntax(ROOT + suffix))
    rng = np.random.default_rng(1)
    for start in (b"", b"\xff\xd8\xff\xf7", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\xff\xd8\xff\xc3"):
        with pytest.raises(PixelDataError):
            decode_frame(start + rng.bytes(200), description)


def test_a_codestream_that_asks_for_more_than_the_object_is_refused_before_it_is_decoded() -> None:
    small = np.zeros((4, 6), np.uint16)
    data = bytearray(imagecodecs.jpeg2k_encode(small, codecformat="j2k", reversible=True))
    data[8:16] = (60000).to_bytes(4, "big") * 2  # Xsiz and Ysiz of its SIZ marker
    description = described(transfer_syntax=transfer_syntax(ROOT + "90"))
    with pytest.raises(PixelDataError, match=r"60000 rows by 60000 columns.*4 by 6"):
        decode_frame(bytes(data), description)


def test_huge_dimensions_are_refused_before_memory_is_taken() -> None:
    description = described(
        rows=65535,
        columns=65535,
        bits_allocated=32,
        bits_stored=32,
        high_bit=31,
        transfer_syntax=transfer_syntax(ROOT + "90"),
    )
    with pytest.raises(PixelDataError, match="17179344900 bytes, more than the limit"):
        decode_frame(b"\xff\x4f\xff\x51", description)


def test_a_deflate_bomb_is_refused() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(bytes(100_000_000)) + packer.flush()
    with pytest.raises(PixelDataError, match="does not end behind its 48 bytes"):
        decode_frame(data, described(transfer_syntax=DEFLATED_FRAME))


def test_components_must_be_as_many_as_samples() -> None:
    data = imagecodecs.jpeg8_encode(np.zeros((4, 6, 3), np.uint8))
    description = described(transfer_syntax=transfer_syntax(ROOT + "50"))
    with pytest.raises(PixelDataError, match="3 components"):
        decode_frame(data, description)


def test_video_is_no_still_image() -> None:
    with pytest.raises(UnsupportedTransferSyntax, match="MPEG-4"):
        decode_frame(b"", described(transfer_syntax=transfer_syntax(ROOT + "102")))


MUTATED = (
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "JPGExtended.dcm",
)


@settings(derandomize=True)
@given(
    st.sampled_from(MUTATED),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_frames_are_decoded_or_refused_and_nothing_else(
    name: str, damages: list[tuple[float, int]]
) -> None:
    data, description = _frame(name)
    damaged = bytearray(data)
    for place, value in damages:
        damaged[int(place * place * (len(damaged) - 1))] = value  # headers more than samples
    with contextlib.suppress(PixelDataError):
        found = decode_frame(bytes(damaged), description)
        assert found.shape[:2] == (description.rows, description.columns)
        assert found.dtype == description.dtype


@cache
def _frame(name: str) -> tuple[bytes, PixelDescription]:
    picture = Picture.named(name)
    return picture.data(), picture.description


def test_frames_of_an_odd_size_in_swapped_words_keep_their_last_byte() -> None:
    # Three frames of three cells, 1 to 9, as PS3.5 D puts them into words of big endian.
    value = bytes([2, 1, 4, 3, 6, 5, 8, 7, 0, 9])
    table = NativeFrames(3, 0, len(value), 24, swapped=True)
    kept = FrameTable.from_bytes(table.to_bytes())
    description = described(
        rows=1,
        columns=3,
        bits_allocated=8,
        bits_stored=8,
        high_bit=7,
        transfer_syntax=transfer_syntax("1.2.840.10008.1.2.2"),
    )
    for number, expected in enumerate(([1, 2, 3], [4, 5, 6], [7, 8, 9]), 1):
        frame = kept.read_frame(lambda offset, length: value[offset : offset + length], number)
        assert decode_frame(frame, description).tolist() == [expected]


@pytest.mark.peer
@pytest.mark.parametrize("option", ["+e1", "+el"])
def test_lossless_jpeg_of_ybr_becomes_the_rgb_that_pydicom_makes(
    option: str, tmp_path: Path
) -> None:
    plain = Picture.named("SC_ybr_full_uncompressed.dcm")
    subprocess.run(
        ["dcmcjpeg", option, str(plain.path), str(tmp_path / "coded.dcm")], timeout=60, check=True
    )
    coded = Picture.of(tmp_path / "coded.dcm")
    assert coded.description.photometric_interpretation is PhotometricInterpretation.YBR_FULL
    np.testing.assert_array_equal(coded.stored(), pixel_array(plain.dataset))
