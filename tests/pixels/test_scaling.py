import numpy as np
import pytest
from PIL import Image
from tests.factories import pixels

from isocenter.pixels.scaling import scaled


def picture(rows: int, columns: int) -> np.ndarray:
    values = pixels(rows, columns)
    return np.interp(values, (values.min(), values.max()), (0, 255)).astype(np.uint8)


@pytest.mark.parametrize("size", [(16, 24), (7, 5), (1, 1), (31, 47)])
def test_a_picture_shrinks_as_pillow_s_box_filter_shrinks_it(size: tuple[int, int]) -> None:
    whole = picture(32, 48)
    found = scaled(whole, *size)
    expected = np.asarray(Image.fromarray(whole).resize(size[::-1], Image.Resampling.BOX))
    assert found.shape == size
    if all(length % wanted == 0 for length, wanted in zip(whole.shape, size, strict=True)):
        assert np.abs(found.astype(int) - expected).max() <= 1
    assert abs(found.mean() - whole.mean()) < 1.5


@pytest.mark.parametrize("size", [(64, 96), (33, 48), (100, 500)])
def test_a_picture_grows_as_pillow_s_bilinear_filter_grows_it(size: tuple[int, int]) -> None:
    whole = picture(32, 48)
    expected = np.asarray(Image.fromarray(whole).resize(size[::-1], Image.Resampling.BILINEAR))
    assert np.abs(scaled(whole, *size).astype(int) - expected).max() <= 1


def test_colour_keeps_its_components() -> None:
    whole = np.zeros((20, 30, 3), np.uint8)
    whole[..., 1] = 77
    found = scaled(whole, 5, 90)
    assert found.shape == (5, 90, 3)
    assert (found == [0, 77, 0]).all()


def test_a_picture_of_the_wanted_size_is_left_alone() -> None:
    whole = picture(8, 8)
    assert scaled(whole, 8, 8) is whole
