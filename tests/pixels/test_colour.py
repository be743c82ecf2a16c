import numpy as np
import pytest

from isocenter.pixels import PhotometricInterpretation
from isocenter.pixels.colour import to_rgb, to_rgb8

FULL, PARTIAL = PhotometricInterpretation.YBR_FULL, PhotometricInterpretation.YBR_PARTIAL_422


@pytest.mark.parametrize(
    ("ybr", "rgb"),
    [
        # ITU-T T.871, clause 7, rounded.
        ((255, 128, 128), (255, 255, 255)),
        ((0, 128, 128), (0, 0, 0)),
        ((76, 85, 255), (254, 0, 0)),
        ((150, 44, 21), (0, 255, 1)),
        ((29, 255, 107), (0, 0, 254)),
    ],
)
def test_full_range_ybr_becomes_rgb(ybr: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    found = to_rgb(np.array([[ybr]], np.uint8), FULL)[0, 0].astype(int)
    assert np.abs(found - rgb).max() <= 1


def test_partial_range_ybr_has_black_at_16_and_white_at_235() -> None:
    # ITU-R BT.601 studio range.
    found = to_rgb(np.array([[(16, 128, 128), (235, 128, 128)]], np.uint8), PARTIAL)
    assert np.abs(found[0].astype(int) - [[0] * 3, [255] * 3]).max() <= 1


def test_conversion_inverts_the_standards_forward_matrix() -> None:
    # PS3.3 C.7.6.3.1.2, YBR_FULL
    rgb = np.random.default_rng(3).integers(0, 256, (50, 50, 3)).astype(np.uint8)
    matrix = np.array([[0.2990, 0.5870, 0.1140], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    ybr = np.rint(rgb @ matrix.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)
    assert np.abs(to_rgb(ybr, FULL).astype(int) - rgb).max() <= 2


@pytest.mark.parametrize(
    ("bits", "value", "level"), [(8, 200, 200), (16, 0xABCD, 0xAB), (12, 0xABC, 0xAB), (1, 1, 255)]
)
def test_colour_of_any_depth_becomes_eight_bits(bits: int, value: int, level: int) -> None:
    assert to_rgb8(np.full((1, 1, 3), value, np.uint16), bits)[0, 0].tolist() == [level] * 3
