"""The whole pipeline against DCMTK's, and against its definition where DCMTK cannot follow."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pixels.corpus import SHORT, Picture, files

from isocenter.pixels import (
    DisplayModel,
    LookupTable,
    OverlayPlane,
    Padding,
    Palette,
    Presentation,
    Rescale,
    TabulatedModality,
    VoiFunction,
    Window,
    render_frame,
    stored_bounds,
)

JPEG_2000 = {f"1.2.840.10008.1.2.4.{n}" for n in (90, 91)}
# DCMTK has no segmented palettes and no 32-bit colour; it swaps 32-bit big-endian words by halves,
# does not read windows from functional groups, and stops at a blank VR in one file.
DCMTK_REFUSES = {
    "gdcm-US-ALOKA-16.dcm",
    "gdcm-US-ALOKA-16_big.dcm",
    "SC_rgb_32bit.dcm",
    "SC_rgb_32bit_2frame.dcm",
    "SC_rgb_expb_32bit.dcm",
    "SC_rgb_expb_32bit_2frame.dcm",
    "SC_rgb_jpeg.dcm",
    "eCT_Supplemental.dcm",
    "rtdose_expb.dcm",
    "rtdose_expb_1frame.dcm",
}
# DCMTK converts YBR to RGB with coefficients of its own: up to two levels apart.
YBR = {"SC_ybr_full_uncompressed.dcm", "SC_ybr_full_422_uncompressed.dcm"}


def _for_dcmtk() -> list[str]:
    return [
        name
        for name in files()
        if Picture.named(name).description.transfer_syntax.uid not in JPEG_2000
        and name not in DCMTK_REFUSES | SHORT
    ]


def _with_dcmtk(picture: Picture, options: list[str], output: Path) -> np.ndarray:
    syntax = picture.description.transfer_syntax.uid
    tool = (
        "dcml2pnm"
        if syntax in ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
        else ("dcmj2pnm")
    )
    command = [tool, "+op", "+F", "1", "-O", "-S", *options, str(picture.path), str(output)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return np.array(Image.open(output))


@pytest.mark.peer
@pytest.mark.parametrize("name", _for_dcmtk())
def test_first_frames_look_as_dcmtk_draws_them(name: str, tmp_path: Path) -> None:
    picture = Picture.named(name)
    frame, samples = picture.frames()[0], picture.samples()
    window, options = None, []
    if frame.voi:
        window = frame.voi[0]
        options = ["+Wi" if isinstance(window, Window) else "+Wl", "1"]
    elif not frame.model.colour:
        bounds = stored_bounds([samples], None)
        assert bounds is not None
        window = frame.model.window_over(*frame.model.modality.bounds(*bounds))
        options = ["+Wm"]
    found = render_frame(samples, frame.model, window=window).astype(int)
    expected = _with_dcmtk(picture, options, tmp_path / "frame.pnm").astype(int)
    # DCMTK cuts the fraction of a level where we round it: never more than one apart.
    assert np.abs(found - expected).max() <= (2 if name in YBR else 1)


def gray(dtype: str = "int16", **changes: object) -> DisplayModel:
    bits = 8 * np.dtype(dtype).itemsize
    return DisplayModel(
        rows=1,
        columns=4,
        format=dtype,
        bits_stored=bits,
        signed=dtype.startswith("i"),
        **changes,  # pyright: ignore
    )


def test_black_and_white_lie_where_the_standard_puts_them() -> None:
    # PS3.3 C.11.2.1.2.1: c=2048, w=4096 maps 0 to 0 and 4095 to the maximum.
    samples = np.array([[-5, 0, 4095, 5000]], np.int16)
    found = render_frame(samples, gray(), window=Window(2048, 4096))
    assert found.tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_levels_are_rounded_to_nearest(dtype: str) -> None:
    # Over 0 to 1020 each level takes four values.
    samples = np.array([[1, 3, 5, 1019]], dtype)
    found = render_frame(samples, gray(dtype), window=Window(510.5, 1021))
    assert found.tolist() == [[0, 1, 1, 255]]


def test_inversion_and_a_users_negative_cancel() -> None:
    samples = np.array([[0, 10, 100, 255]], np.uint8)
    inverse = gray("uint8", presentation=Presentation(inverse=True))
    assert render_frame(samples, inverse).tolist() == [[255, 245, 155, 0]]
    assert render_frame(samples, inverse, invert=True).tolist() == samples.tolist()


def test_padding_is_black_even_when_inverted() -> None:
    model = gray("uint8", presentation=Presentation(inverse=True), padding=Padding(0, 3))
    found = render_frame(np.array([[0, 3, 4, 255]], np.uint8), model)
    assert found.tolist() == [[0, 0, 251, 0]]


def test_rescale_comes_before_the_window() -> None:
    model = gray(modality=Rescale(2, -1000, "HU"))
    found = render_frame(np.array([[500, 501, 627, 900]], np.int16), model, window=Window(128, 256))
    assert found.tolist() == [[0, 2, 254, 255]]


def test_a_modality_lut_and_a_voi_lut_follow_each_other() -> None:
    modality = TabulatedModality(LookupTable(0, 16, np.array([0, 7, 8, 9], np.uint16)))
    voi = LookupTable(7, 8, np.array([10, 20, 30], np.uint16))
    samples = np.array([[0, 1, 2, 3]], np.uint8)
    assert render_frame(samples, gray("uint8", modality=modality), window=voi).tolist() == [
        [10, 10, 20, 30]
    ]


def test_a_presentation_lut_replaces_the_shape() -> None:
    table = LookupTable(0, 8, np.array([255, 128, 0], np.uint16))
    model = gray("uint8", presentation=Presentation(table=table))
    found = render_frame(np.array([[0, 128, 255, 255]], np.uint8), model)
    assert found.tolist() == [[255, 128, 0, 0]]


def test_infinite_and_missing_floats_do_not_disturb_their_neighbours() -> None:
    samples = np.array([[np.nan, -np.inf, np.inf, 0.5]], np.float32)
    window = Window(0.5, 1, VoiFunction.LINEAR_EXACT)
    found = render_frame(samples, gray("float32"), window=window)
    assert found[0, 1:].tolist() == [0, 255, 128] and found[0, 0] == 0


def test_supplemental_colours_begin_at_their_first_value() -> None:
    palette = Palette(100, np.array([[255, 0, 0], [0, 255, 0]], np.uint8))
    found = render_frame(
        np.array([[0, 99, 100, 150]], np.uint8), gray("uint8", supplemental=palette)
    )
    assert found[0].tolist() == [[0, 0, 0], [99, 99, 99], [255, 0, 0], [0, 255, 0]]


def test_an_overlay_that_reaches_over_the_edge_is_cut() -> None:
    plane = OverlayPlane(0, 2, 2, (0, 4), "G", "")
    bits = np.ones((2, 2), np.uint8)
    found = render_frame(np.zeros((1, 4), np.uint8), gray("uint8"), overlays=[(plane, bits)])
    assert found.tolist() == [[0, 0, 0, 255]]


def test_colour_is_shown_as_it_is() -> None:
    samples = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    model = DisplayModel(rows=1, columns=4, format="rgb8", bits_stored=8, signed=False)
    np.testing.assert_array_equal(render_frame(samples, model), samples)
    np.testing.assert_array_equal(render_frame(samples, model, invert=True), 255 - samples)
