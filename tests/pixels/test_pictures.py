import io

import numpy as np
import pytest
from imagecodecs import png_decode
from PIL import Image, ImageSequence
from tests.factories import pixels
from tests.pixels.corpus import Picture

from isocenter.errors import PixelDataError
from isocenter.pixels import to_gif, to_jpeg, to_png


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((5, 7), "uint8"), ((5, 7, 3), "uint8"), ((1, 1), "uint8"), ((5, 7), "uint16")],
)
def test_png_keeps_every_sample(shape: tuple[int, ...], dtype: str) -> None:
    picture = np.arange(np.prod(shape)).reshape(shape).astype(dtype) * 2
    np.testing.assert_array_equal(np.array(opened(to_png(picture))), picture)


def test_png_of_a_view_that_is_not_contiguous() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)[::2, ::-1]
    np.testing.assert_array_equal(np.array(opened(to_png(picture))), picture)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(16384, 1), (3000, 2), (3000, 1, 3), (1, 3000), (300, 300)])
def test_a_png_has_room_for_noise(shape: tuple[int, ...], dtype: str) -> None:
    picture = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, shape, dtype)
    data = to_png(picture)
    found = np.array(opened(data)) if len(shape) == 2 or dtype == "uint8" else png_decode(data)
    np.testing.assert_array_equal(found, picture)


def test_jpeg_comes_close_and_closer_with_quality() -> None:
    picture = Picture.named("US1_UNCR.dcm").stored()
    errors = []
    for quality in (20, 90):
        found = np.array(opened(to_jpeg(picture, quality))).astype(int)
        errors.append(np.abs(found - picture).mean())
    assert errors[1] < errors[0] and errors[1] < 3


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_jpeg_quality_has_bounds(quality: int) -> None:
    with pytest.raises(PixelDataError, match="expected 1 to 100"):
        to_jpeg(np.zeros((4, 4), np.uint8), quality)


def test_a_gray_gif_keeps_every_level_and_its_times() -> None:
    frames = [(pixels(40, 50, seed=n) % 256).astype(np.uint8) for n in range(3)]
    gif = opened(to_gif(frames, frame_time=70))
    assert gif.info["loop"] == 0
    found = [(f.info["duration"], np.array(f.convert("L"))) for f in ImageSequence.Iterator(gif)]
    assert [duration for duration, _ in found] == [70, 70, 70]
    for (_, picture), frame in zip(found, frames, strict=True):
        np.testing.assert_array_equal(picture, frame)


def test_a_colour_gif_comes_close_on_average() -> None:
    picture = Picture.named("US1_UNCR.dcm").stored()
    gif = opened(to_gif([picture, picture]))
    assert getattr(gif, "n_frames", 0) == 2
    found = np.array(gif.convert("RGB")).astype(float)
    blocks = (picture - found)[:480, :640].reshape(60, 8, 80, 8, 3).mean(axis=(1, 3))
    assert np.abs(blocks).mean() < 8


def test_a_gif_needs_a_frame() -> None:
    with pytest.raises(PixelDataError, match="at least one frame"):
        to_gif([])


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 512, 512), (40, 64, 64), (3, 5, 700)])
def test_a_gif_has_room_for_noise(shape):
    frames = list(np.random.default_rng(1).integers(0, 256, shape, np.uint8))
    gif = opened(to_gif(frames))
    assert gif.n_frames == shape[0]
    for number, frame in enumerate(frames):
        gif.seek(number)
        np.testing.assert_array_equal(np.asarray(gif.convert("L")), frame)
