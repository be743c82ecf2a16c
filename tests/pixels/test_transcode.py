"""What we encode, decoded by programs that others wrote."""

import itertools
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid
from tests.pixels.corpus import Picture

from isocenter.dicom import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from isocenter.errors import UnsupportedTransferSyntax
from isocenter.pixels import (
    PhotometricInterpretation,
    PixelDescription,
    can_transcode,
    decode_frame,
    encode_frame,
    encode_htj2k,
    read_codestream_header,
    transcode_frame,
    transcoded,
)

ROOT = "1.2.840.10008.1.2."
LOSSLESS = ["5", "4.57", "4.70", "4.80", "4.90", "4.201", "4.202", "4.110"]
SOURCES = [
    "CT_small.dcm",  # signed, all 16 bits
    "693_UNCR.dcm",  # signed, 14 of 16 bits, values beyond them
    "emri_small.dcm",  # unsigned, 12 of 16 bits
    "vlut_04.dcm",  # 8 bits
    "SC_rgb.dcm",
    "color-pl.dcm",
    "OBXXXX1A.dcm",  # palette
    "SC_ybr_full_uncompressed.dcm",
]


def _dicom_file(picture: Picture, data: bytes, found: PixelDescription, path: Path) -> Path:
    """A file that others can read: one frame, described as `transcoded` says."""
    dataset = picture.dataset
    dataset.NumberOfFrames = 1
    dataset.PhotometricInterpretation = found.photometric_interpretation.value
    dataset.BitsAllocated, dataset.BitsStored = found.bits_allocated, found.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = found.high_bit, found.pixel_representation
    if found.samples_per_pixel > 1:
        dataset.PlanarConfiguration = found.planar_configuration
    dataset.SOPInstanceUID = dataset.get("SOPInstanceUID") or generate_uid()
    dataset["PixelData"].VR = "OB" if found.transfer_syntax.encapsulated else "OW"
    dataset.PixelData = encapsulate([data]) if found.transfer_syntax.encapsulated else data
    dataset["PixelData"].is_undefined_length = found.transfer_syntax.encapsulated
    dataset.file_meta.TransferSyntaxUID = found.transfer_syntax.uid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=False)
    return path


def _decoded_by_others(path: Path, uid: str) -> np.ndarray:
    native = path.with_suffix(".native.dcm")
    match uid.removeprefix(ROOT):
        case "5":
            command = ["dcmdrle", str(path), str(native)]
        case "4.57" | "4.70":
            command = ["dcmdjpeg", "+cn", str(path), str(native)]
        case "4.80":
            command = ["dcmdjpls", str(path), str(native)]
        case _:
            command = ["gdcmconv", "--raw", str(path), str(native)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(native)
        return pydicom.pixels.pixel_array(dataset, raw=True)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "suffix"), list(itertools.product(SOURCES, ["1", "5", "4.57", "4.70", "4.80", "4.90"]))
)
def test_others_decode_what_we_encode(name: str, suffix: str, tmp_path: Path) -> None:
    picture = Picture.named(name)
    target = transfer_syntax(ROOT + suffix)
    found = transcoded(picture.description, target)
    data = transcode_frame(picture.data(), picture.description, target)
    path = _dicom_file(picture, data, found, tmp_path / "ours.dcm")
    if suffix == "1":
        decoded = pydicom.pixels.pixel_array(path, raw=True)
    else:
        decoded = _decoded_by_others(path, target.uid)
    np.testing.assert_array_equal(decoded, picture.stored(rgb=False))


@pytest.mark.parametrize(("name", "suffix"), list(itertools.product(SOURCES, ["1", *LOSSLESS])))
def test_every_lossless_syntax_returns_the_same_values(name: str, suffix: str) -> None:
    picture = Picture.named(name)
    target = transfer_syntax(ROOT + suffix)
    data = transcode_frame(picture.data(), picture.description, target)
    found = decode_frame(data, transcoded(picture.description, target), rgb=False)
    np.testing.assert_array_equal(found, picture.stored(rgb=False))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_htj2k_is_decoded_by_openjpeg(dtype: str) -> None:
    # OpenJPH encodes; OpenJPEG has a decoder for it that somebody else wrote.
    values = np.random.default_rng(1).integers(0, 255, (61, 83)).cumsum(1).astype(dtype)
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(encode_htj2k(values)), values)


def test_colour_htj2k_is_decoded_by_openjpeg() -> None:
    values = Picture.named("US1_UNCR.dcm").stored()
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(encode_htj2k(values)), values)


def test_htj2k_with_rpcl_options_says_where_its_parts_are() -> None:
    # PS3.5 A.4.12: progression RPCL, tile-part lengths, lowest resolution of at most 64 pixels.
    data = encode_htj2k(np.zeros((512, 512), np.uint16), rpcl=True)
    at = data.index(b"\xff\x52")
    progression, levels = data[at + 5], data[at + 9]
    assert progression == 2 and 512 >> levels <= 64
    assert b"\xff\x55" in data
    assert read_codestream_header(data).rows == 512


def test_lossy_colour_becomes_rgb_and_says_so() -> None:
    picture = Picture.named("SC_rgb_dcmtk_+eb+cy+np.dcm")
    found = transcoded(picture.description, EXPLICIT_VR_LITTLE_ENDIAN)
    assert found.photometric_interpretation is PhotometricInterpretation.RGB
    data = transcode_frame(picture.data(), picture.description, EXPLICIT_VR_LITTLE_ENDIAN)
    np.testing.assert_array_equal(decode_frame(data, found), picture.stored())


def test_subsampled_native_colour_is_written_in_full() -> None:
    picture = Picture.named("SC_ybr_full_422_uncompressed.dcm")
    found = transcoded(picture.description, transfer_syntax(ROOT + "5"))
    assert found.photometric_interpretation is PhotometricInterpretation.YBR_FULL


def test_the_same_syntax_returns_the_same_bytes() -> None:
    picture = Picture.named("JPEG-LL.dcm")
    syntax = picture.description.transfer_syntax
    assert transcode_frame(picture.data(), picture.description, syntax) == picture.data()
    assert transcoded(picture.description, syntax) is picture.description


def test_rgb_in_jpeg_2000_is_described_as_rct() -> None:
    picture = Picture.named("SC_rgb.dcm")
    for suffix in ("4.90", "4.201"):
        found = transcoded(picture.description, transfer_syntax(ROOT + suffix))
        assert found.photometric_interpretation is PhotometricInterpretation.YBR_RCT


def test_one_bit_frames_stay_packed_and_have_no_compressed_form() -> None:
    picture = Picture.named("liver_1frame.dcm")
    data = transcode_frame(
        picture.data(), picture.description, transfer_syntax("1.2.840.10008.1.2")
    )
    assert data == picture.data()
    target = transfer_syntax(ROOT + "4.201")
    assert not can_transcode(picture.description, target)
    with pytest.raises(UnsupportedTransferSyntax, match="1-bit frames"):
        transcode_frame(picture.data(), picture.description, target)


def test_a_lossy_syntax_is_no_target() -> None:
    picture = Picture.named("CT_small.dcm")
    with pytest.raises(UnsupportedTransferSyntax, match="JPEG Baseline"):
        encode_frame(picture.stored(), picture.description, transfer_syntax(ROOT + "4.50"))


def test_32_bit_frames_travel_in_rle() -> None:
    picture = Picture.named("rtdose.dcm")
    target = transfer_syntax(ROOT + "5")
    data = transcode_frame(picture.data(15), picture.description, target)
    found = decode_frame(data, transcoded(picture.description, target))
    np.testing.assert_array_equal(found, picture.stored(15))


def _noise(shape: tuple[int, ...], bits: int, signed: bool) -> tuple[np.ndarray, PixelDescription]:
    """What nothing compresses, in the narrowest cells."""
    allocated = 8 if bits <= 8 else 16 if bits <= 16 else 32
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    samples = np.random.default_rng(1).integers(low, high, shape)
    template = Picture.named("SC_rgb.dcm" if len(shape) == 3 else "CT_small.dcm").description
    description = replace(
        template,
        rows=shape[0],
        columns=shape[1],
        bits_allocated=allocated,
        bits_stored=bits,
        high_bit=bits - 1,
        pixel_representation=int(signed),
    )
    return samples.astype(f"<{'i' if signed else 'u'}{allocated // 8}"), description


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 8, 12, 16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (5000, 1), (300, 200), (80, 90, 3)])
def test_noise_returns_from_every_lossless_syntax(
    shape: tuple[int, ...], bits: int, signed: bool, suffix: str
) -> None:
    samples, description = _noise(shape, bits, signed)
    target = transfer_syntax(ROOT + suffix)
    data = transcode_frame(samples.tobytes(), description, target)
    found = decode_frame(data, transcoded(description, target))
    np.testing.assert_array_equal(found, samples)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [17, 23, 24, 25, 32])
@pytest.mark.parametrize("shape", [(60, 50), (60, 50, 3)])
def test_wide_samples_return_as_they_were_or_are_refused(
    shape: tuple[int, ...], bits: int, signed: bool, suffix: str
) -> None:
    samples, description = _noise(shape, bits, signed)
    target = transfer_syntax(ROOT + suffix)
    if suffix == "5" or (suffix == "4.90" and bits + (len(shape) == 3) <= 24):
        data = transcode_frame(samples.tobytes(), description, target)
        found = decode_frame(data, transcoded(description, target))
        np.testing.assert_array_equal(found, samples)
    else:
        assert not can_transcode(description, target)
        with pytest.raises(UnsupportedTransferSyntax, match="-bit frames have no encoding"):
            transcode_frame(samples.tobytes(), description, target)
