import numpy as np
import pydicom
import pytest
from tests.pixels.corpus import Picture
from tests.pixels.test_decode import described

from isocenter.errors import PixelDataError
from isocenter.pixels import (
    DataSetAttributes,
    OverlayPlane,
    embedded_overlay,
    overlay_bits,
    read_overlays,
)


@pytest.mark.parametrize("name", ["MR-SIEMENS-DICOM-WithOverlays.dcm", "examples_overlay.dcm"])
def test_overlay_planes_are_pydicoms(name: str) -> None:
    dataset = Picture.named(name).dataset
    (plane,) = read_overlays(DataSetAttributes(dataset))
    found = overlay_bits(plane, dataset[plane.data_tag].value)
    np.testing.assert_array_equal(found, dataset.overlay_array(0x6000))
    assert plane.origin == (1, 1) and plane.kind == "G" and plane.bit is None


def with_overlay(**changes: object) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.add_new(0x60020010, "US", 3)
    dataset.add_new(0x60020011, "US", 5)
    dataset.add_new(0x60020040, "CS", "R")
    dataset.add_new(0x60020050, "SS", [-1, 4])
    dataset.add_new(0x60020100, "US", 1)
    dataset.add_new(0x60020102, "US", 0)
    dataset.add_new(0x60021500, "LO", "Lung")
    dataset.add_new(0x60023000, "OW", bytes(2))
    for tag, value in changes.items():
        dataset[int(tag.removeprefix("x"), 16)].value = value
    return dataset


def test_a_plane_knows_its_group_place_and_label() -> None:
    (plane,) = read_overlays(DataSetAttributes(with_overlay()))
    assert (plane.index, plane.rows, plane.columns) == (1, 3, 5)
    assert (plane.origin, plane.kind, plane.label) == ((-1, 4), "R", "Lung")
    assert plane.data_tag == 0x60023000


def test_frames_of_an_overlay_follow_each_other_bit_by_bit() -> None:
    plane = OverlayPlane(0, 3, 5, (1, 1), "G", "", frames=3, first_frame=2)
    stream = sum(((n % 7 == 0) << n) for n in range(45))
    data = stream.to_bytes(6, "little")
    for frame in (2, 3, 4):
        expected = [n % 7 == 0 for n in range(15 * (frame - 2), 15 * (frame - 1))]
        assert overlay_bits(plane, data, frame).reshape(-1).tolist() == expected
    for frame in (1, 5):
        assert not plane.holds_for(frame)
        with pytest.raises(PixelDataError, match=f"no part in frame {frame}"):
            overlay_bits(plane, data, frame)


def test_truncated_overlay_data_is_refused() -> None:
    plane = OverlayPlane(0, 3, 5, (1, 1), "G", "")
    with pytest.raises(PixelDataError, match="has 1 bytes.*promise 2"):
        overlay_bits(plane, b"\0")


def test_an_overlay_of_billions_of_pixels_is_refused() -> None:
    plane = OverlayPlane(0, 65535, 65535, (1, 1), "G", "")
    with pytest.raises(PixelDataError, match="more than can be shown"):
        overlay_bits(plane, b"\0")


def test_an_overlay_in_unused_bits_is_taken_out_of_the_pixels() -> None:
    dataset = with_overlay(x60020102=13)
    del dataset[0x60023000]
    dataset.add_new(0x7FE00010, "OW", b"")
    (plane,) = read_overlays(DataSetAttributes(dataset))
    assert plane.bit == 13
    cells = np.arange(24, dtype="<u2") | (np.arange(24, dtype="<u2") % 3 == 0) << 13
    description = described(bits_stored=12, high_bit=11)
    found = embedded_overlay(plane, cells.astype("<u2").tobytes(), description)
    np.testing.assert_array_equal(found.reshape(-1), np.arange(24) % 3 == 0)


@pytest.mark.parametrize("bit", [0, 11, 16, 99])
def test_a_stored_bit_is_no_overlay(bit: int) -> None:
    plane = OverlayPlane(0, 4, 6, (1, 1), "G", "", bit=bit)
    with pytest.raises(PixelDataError, match=f"is {bit}; expected a bit outside"):
        embedded_overlay(plane, bytes(48), described(bits_stored=12, high_bit=11))
