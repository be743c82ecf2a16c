"""Picture files of every make become the pixels that they hold, or are refused by name."""

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from tests.compose import judges

from isocenter.compose import acquired_series, secondary_capture
from isocenter.errors import CannotCompose

RANDOM = np.random.default_rng(11)
ROWS, COLUMNS = 40, 37


def whole(dtype, low=0, high=None, size=(ROWS, COLUMNS)):
    limits = np.iinfo(dtype)
    return RANDOM.integers(low, limits.max if high is None else high, size, dtype, endpoint=True)


def tiff(samples, *, order="<", photometric=1, compression=1, bits=None, planar=False):
    """A TIFF of one strip, or of one for each of its planes."""
    rows, columns = samples.shape[:2]
    count = samples.shape[2] if samples.ndim == 3 else 1
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    encode = {1: bytes, 5: imagecodecs.lzw_encode}[compression]
    ordered = samples.astype(samples.dtype.newbyteorder(order))
    parts = [ordered[..., n] for n in range(count)] if planar else [ordered]
    strips = [bytes(encode(np.ascontiguousarray(part).tobytes())) for part in parts]
    bits = bits or 8 * samples.dtype.itemsize
    starts = [8 + sum(map(len, strips[:n])) for n in range(len(strips))]
    fields = {
        256: [columns], 257: [rows], 258: [bits] * count, 259: [compression], 262: [photometric],
        273: starts, 277: [count], 278: [rows], 279: [len(one) for one in strips],
        284: [2 if planar else 1], 339: [kind] * count,
    }  # fmt: skip
    longs = {273, 279}
    begin = 8 + sum(map(len, strips))
    begin += begin % 2
    beyond = begin + 2 + 12 * len(fields) + 4
    entries, extra = b"", b""
    for tag, numbers in fields.items():
        code = "I" if tag in longs else "H"
        data = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        entries += struct.pack(f"{order}HHI", tag, 4 if tag in longs else 3, len(numbers))
        if len(data) > 4:
            entries += struct.pack(order + "I", beyond + len(extra))
            extra += data
        else:
            entries += data.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", begin)
    body = (head + b"".join(strips)).ljust(begin, b"\0")
    return body + struct.pack(order + "H", len(fields)) + entries + bytes(4) + extra


def stack_of(folder: Path, content: bytes):
    """The voxels of a series made of a file of one page, as SimpleITK reads them."""
    folder.mkdir()
    (folder / "stack.tif").write_bytes(content)
    series = acquired_series(folder / "stack.tif", modality="CT", spacing=(1, 1, 1))
    (path,) = series.save(folder / "out")
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], series.largest_error


def captured(content):
    return secondary_capture(content).data_set


def encoded(array, kind, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["png", "png16", "tiff", "tiff16", "jpeg"])
def test_a_narrow_picture_is_as_gray_as_its_file(columns, kind):
    dtype = np.uint16 if kind.endswith("16") else np.uint8
    array = np.full((ROWS, columns), 77, dtype) if kind == "jpeg" else whole(dtype)[:, :columns]
    content = {
        "png": lambda: encoded(array, "PNG"),
        "png16": lambda: encoded(array, "PNG"),
        "tiff": lambda: tiff(array),
        "tiff16": lambda: tiff(array),
        "jpeg": lambda: encoded(array, "JPEG", progressive=True),
    }[kind]()
    made = captured(content)
    assert (made.SamplesPerPixel, made.Rows, made.Columns) == (1, ROWS, columns)
    assert np.array_equal(made.pixel_array, array)
    several = captured([content, content])
    assert (several.SamplesPerPixel, several.NumberOfFrames) == (1, 2)


NOISE = whole(np.uint8, size=(ROWS, COLUMNS, 3))
LOSSY = {
    "TIFF of JPEG": (encoded(NOISE, "TIFF", compression="jpeg", quality=60), "ISO_10918_1"),
    "progressive JPEG": (encoded(NOISE, "JPEG", progressive=True), "ISO_10918_1"),
    "WebP": (encoded(NOISE, "WEBP", quality=50), "WEBP"),
    "animated WebP": (
        encoded(NOISE, "WEBP", quality=50, save_all=True,
                append_images=[Image.fromarray(NOISE[::-1])]),
        "WEBP",
    ),
    "JPEG 2000": (
        encoded(NOISE, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[8]),
        "ISO_15444_1",
    ),
    "AVIF": (encoded(NOISE, "AVIF", quality=50), "AVIF"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOSSY)
def test_what_was_lost_in_the_file_stays_on_record(tmp_path, kind):
    content, method = LOSSY[kind]
    path = secondary_capture(content).save(tmp_path / "sc.dcm")
    made = pydicom.dcmread(path)
    assert made.LossyImageCompression == "01"
    assert made.LossyImageCompressionMethod == method
    expected = len(made.PixelData) / len(content)
    assert float(made.LossyImageCompressionRatio) == pytest.approx(expected, rel=0.2)
    assert judges.dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    "content",
    [
        encoded(NOISE, "PNG"),
        encoded(NOISE, "TIFF", compression="tiff_lzw"),
        encoded(NOISE, "WEBP", lossless=True, exact=True),
        encoded(NOISE, "JPEG2000"),
        imagecodecs.jpeg8_encode(NOISE, lossless=True, colorspace="RGB", outcolorspace="RGB"),
    ],
    ids=["PNG", "TIFF", "WebP", "JPEG 2000", "lossless JPEG"],
)
def test_what_lost_nothing_is_not_called_lossy(content):
    made = captured(bytes(content))
    assert "LossyImageCompression" not in made
    assert np.array_equal(made.pixel_array, NOISE)


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_stack_of_jpeg_in_tiff_says_what_was_lost(tmp_path, enhanced):
    smooth = np.outer(np.arange(64), np.ones(64)).astype(np.uint8)
    for number in range(3):
        content = encoded(smooth + number, "TIFF", compression="jpeg")
        (tmp_path / f"{number}.tif").write_bytes(content)
    series = acquired_series(tmp_path, modality="CT", spacing=(1, 1, 1), enhanced=enhanced)
    paths = series.save(tmp_path / "out")
    for path in paths:
        made = pydicom.dcmread(path)
        assert made.LossyImageCompression == "01"
        assert made.LossyImageCompressionMethod == "ISO_10918_1"
        assert float(made.LossyImageCompressionRatio) > 1
        assert judges.dciodvfy_errors(path) == []


@pytest.mark.parametrize("compression", [1, 5])
def test_slices_that_count_from_white_are_counted_from_black(tmp_path, compression):
    array = whole(np.uint16)
    content = tiff(array, photometric=0, compression=compression)
    found, _ = stack_of(tmp_path / "stack", content)
    assert np.array_equal(found, 65535 - array.astype(np.int64))
    assert np.array_equal(captured(content).pixel_array, 65535 - array)


VALUES = {
    "int8": whole(np.int8, -128),
    "uint8": whole(np.uint8),
    "int16": whole(np.int16, -32768),
    "uint16": whole(np.uint16),
    "int32": whole(np.int32, -30000, 30000),
    "float32": RANDOM.normal(0, 50, (ROWS, COLUMNS)).astype(np.float32),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("compression", [1, 5], ids=["plain", "LZW"])
def test_values_of_every_type_and_order_of_bytes_arrive_as_they_are(
    tmp_path, kind, order, compression
):
    content = tiff(VALUES[kind], order=order, compression=compression)
    found, error = stack_of(tmp_path / "stack", content)
    assert np.abs(found - VALUES[kind].astype(np.float64)).max() <= error + 2e-5  # ITK's float32
    if kind != "int8":  # which ITK does not tell from unsigned bytes
        (tmp_path / "judge.tif").write_bytes(content)
        read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "judge.tif")))
        assert np.array_equal(read, VALUES[kind])


@pytest.mark.parametrize("kind", ["int8", "int16"])
def test_a_capture_of_values_below_0_has_a_sign(kind):
    made = captured(tiff(VALUES[kind]))
    assert made.PixelRepresentation == 1
    assert np.array_equal(made.pixel_array, VALUES[kind])


def test_whole_numbers_of_32_bits_are_not_taken_for_negative_ones(tmp_path):
    array = np.full((ROWS, COLUMNS), 3_000_000_000, np.uint32)
    found, _ = stack_of(tmp_path / "stack", tiff(array))
    assert np.array_equal(found, array.astype(np.float64))


def test_planes_of_colour_are_put_together_and_not_cut(tmp_path):
    made = captured(tiff(NOISE, photometric=2, planar=True))
    assert np.array_equal(made.pixel_array, NOISE)
    with pytest.raises(CannotCompose, match="16 bits a sample"):
        captured(tiff(NOISE.astype(np.uint16) * 257, photometric=2, planar=True))


def png(array, depth, color, extra=b""):
    """A PNG of up to 8 bits a sample."""

    def chunk(name, data):
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    bits = (array[..., np.newaxis] >> np.arange(depth)[::-1]) & 1
    lines = np.packbits(bits.reshape(len(array), -1).astype(np.uint8), axis=1)
    data = b"".join(b"\0" + line.tobytes() for line in lines)
    head = struct.pack(">IIBBBBB", array.shape[1], len(array), depth, color, 0, 0, 0)
    trns = chunk(b"tRNS", extra) if extra else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + trns
    return start + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("depth", "step"), [(1, 255), (2, 85), (4, 17), (8, 1)])
def test_a_level_of_gray_that_shows_through_is_refused_at_every_depth(depth, step):
    array = whole(np.uint8, 0, 2**depth - 1)
    assert np.array_equal(captured(png(array, depth, 0)).pixel_array, array * step)
    with pytest.raises(CannotCompose, match="opacity"):
        captured(png(array, depth, 0, struct.pack(">H", int(array[0, 0]))))


def test_a_bitmap_of_16_bits_a_pixel_has_its_colours():
    red, green, blue = (int(one) for one in (21, 42, 9))
    pixels = np.full((4, 6), red << 11 | green << 5 | blue, "<u2")
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    head = struct.pack("<IiiHHIIiiII", 40, 6, 4, 1, 16, 3, pixels.nbytes, 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 66 + pixels.nbytes, 0, 0, 66) + head + masks
    found = captured(data + pixels.tobytes()).pixel_array
    assert found[0, 0].tolist() == [red * 255 // 31, green * 255 // 63, blue * 255 // 31]


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_deep_jpeg_2000_keeps_its_values(bits):
    array = whole(np.uint16, 0, 2**bits - 1)
    content = imagecodecs.jpeg2k_encode(array, level=0, reversible=True, bitspersample=bits)
    assert np.array_equal(captured(bytes(content)).pixel_array, array)
    color = np.dstack([array] * 3)
    content = imagecodecs.jpeg2k_encode(color, level=0, reversible=True, bitspersample=bits)
    with pytest.raises(CannotCompose, match="8 bits a sample"):
        captured(bytes(content))


def test_a_deep_jpeg_2000_that_breaks_off_is_refused_in_words():
    noise = np.random.default_rng(4).integers(0, 4096, (ROWS, COLUMNS), np.uint16)
    content = bytes(imagecodecs.jpeg2k_encode(noise, level=0, reversible=True, bitspersample=12))
    with pytest.raises(CannotCompose, match="no readable JPEG 2000, damaged or cut off"):
        captured(content[: len(content) // 2])


def test_deep_jpegs_keep_their_bits():
    deep = whole(np.uint16)
    made = captured(bytes(imagecodecs.jpeg8_encode(deep, lossless=True, bitspersample=16)))
    assert np.array_equal(made.pixel_array, deep) and "LossyImageCompression" not in made
    level = np.full((ROWS, COLUMNS), 2011, np.uint16)
    twelve = bytes(imagecodecs.jpeg8_encode(level, level=95, bitspersample=12))
    assert captured(twelve).BitsStored == 12
    both = captured([twelve, tiff(level)])  # cannot be kept beside a picture without stream
    assert np.abs(both.pixel_array.astype(int) - 2011).max() <= 1
    assert both.LossyImageCompression == "01"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (tiff(VALUES["float32"].astype(np.float64)), "64 bits, floating-point, compression 1"),
        (tiff(VALUES["uint16"], order=">", photometric=0), "16 bits, unsigned.*photometric 0"),
        (tiff(whole(np.uint8, size=(4, 5, 6))), r"6 sample\(s\) a pixel of 8 bits"),
        (b"II*\0\xff\xff\xff\x7f", "directory is damaged"),
        (bytes(imagecodecs.jpegls_encode(VALUES["uint8"])), "JPEG-LS"),
        (bytes(imagecodecs.jpegxl_encode(VALUES["uint8"])), "give a JPEG, PNG, TIFF or BMP"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # Pillow's of the damaged directory
def test_a_file_that_is_not_read_is_told_what_it_is(content, says):
    with pytest.raises(CannotCompose, match=says):
        captured(content)
