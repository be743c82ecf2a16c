"""Objects in another byte order: DCMTK converts the same object, and reads the same values."""

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian
from tests.compose.judges import needs

from isocenter.compose import secondary_capture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_word_is_swapped_for_big_endian_as_dcmtk_swaps_it(tmp_path: Path, dtype) -> None:
    pixels = np.arange(16 * 12, dtype=dtype).reshape(12, 16)
    composed = secondary_capture(pixels)
    item = Dataset()
    item.add_new(0x00640009, "OF", np.arange(12, dtype="<f4").tobytes())
    item.add_new(0x00660040, "OL", np.arange(3, dtype="<u4").tobytes())
    composed.data_set.add_new(0x00640002, "SQ", [item])
    composed.data_set.add_new(0x60003000, "OW", bytes(range(24)))
    composed.data_set.add_new(0x7FE00009, "OD", np.arange(4, dtype="<f8").tobytes())
    little = composed.save(tmp_path / "little.dcm")
    ours = composed.save(tmp_path / "ours.dcm", transfer_syntax_uid=ExplicitVRBigEndian)
    theirs = tmp_path / "theirs.dcm"
    dcmconv = needs("dcmconv", "dcmtk")
    subprocess.run([dcmconv, "+tb", "+e", "-g", little, theirs], check=True, timeout=30)
    expected, found = pydicom.dcmread(theirs), pydicom.dcmread(ours)
    assert found.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    for tag in (0x60003000, 0x7FE00009, 0x7FE00010):
        assert found[tag].value == expected[tag].value
    (one,), (other,) = found[0x00640002].value, expected[0x00640002].value
    for tag in (0x00640009, 0x00660040):
        assert one[tag].value == other[tag].value
