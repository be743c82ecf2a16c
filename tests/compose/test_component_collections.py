"""Frames that are components of one codestream (PS3.5 A.4.4), read for what is made of them."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless, generate_uid
from tests.compose.test_derived_multi_frame import enhanced  # noqa: F401 - a fixture
from tests.pixels.collections_of_frames import LOSSY, collected, encoded, pixel_data, volume

from isocenter import compose
from isocenter.compose.correction.corrections import correct
from isocenter.compose.measured.stored_frames import stored_frames
from isocenter.compose.transcoding import in_transfer_syntax
from isocenter.errors import PixelDataError
from isocenter.series import Series

FRAMES = volume(6, bits=16)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    content = collected([encoded(part) for part in np.split(FRAMES, 2)], FRAMES, parts=2)[1]
    path = tmp_path / "collections.dcm"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_an_object_is_written_in_another_transfer_syntax(kept: Path, syntax: UID) -> None:
    source = pydicom.dcmread(kept)
    made = in_transfer_syntax(source, UID(LOSSY), syntax)
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(pixel_array(made), FRAMES)


def test_stored_values_are_those_of_the_frames(kept: Path) -> None:
    np.testing.assert_array_equal(stored_frames(pydicom.dcmread(kept)), FRAMES)
    source = pydicom.dcmread(kept)
    source.NumberOfFrames = 5
    with pytest.raises(PixelDataError, match="6 components in 2 codestreams"):
        stored_frames(source)


def test_a_correction_leaves_the_codestreams_alone(kept: Path, tmp_path: Path) -> None:
    (result,) = correct([kept], output=tmp_path / "out", set_values={"PatientName": "DOE^JANE"})
    after, before = pydicom.dcmread(result.written), pydicom.dcmread(kept)
    assert after.PatientName == "DOE^JANE"
    assert after.file_meta.TransferSyntaxUID == LOSSY
    assert after.PixelData == before.PixelData


@pytest.fixture
def pair(enhanced: Path) -> tuple[Path, Path, Dataset]:  # noqa: F811 - the fixture
    """An enhanced CT, and the same with its frames in two collections."""
    plain = pydicom.dcmread(enhanced)
    frames = np.frombuffer(plain.PixelData, "<i2" if plain.PixelRepresentation else "<u2")
    frames = frames.reshape(6, plain.Rows, plain.Columns)
    form = "s" if plain.PixelRepresentation else "u"
    changed = pydicom.dcmread(enhanced)
    parts = [encoded(part, form=form) for part in np.split(frames, [4])]
    changed.PixelData = pixel_data(parts, (0, 0, 0, 0, 1, 1))
    changed["PixelData"].VR = "OB"
    changed["PixelData"].is_undefined_length = True
    changed.file_meta.TransferSyntaxUID = UID(LOSSY)
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path = enhanced.with_name("collections.dcm")
    changed.save_as(path)
    return enhanced, path, plain


def test_a_series_is_read_from_collections(pair: tuple[Path, Path, Dataset]) -> None:
    plain, path, _ = pair
    np.testing.assert_array_equal(Series.open(path).array, Series.open(plain).array)


def test_a_series_is_derived_from_collections(pair: tuple[Path, Path, Dataset], tmp_path: Path):
    plain, path, _ = pair
    made = []
    for source in (plain, path):
        (written,) = compose.derived_series(source, lambda array: array * 2).save(
            tmp_path / source.stem
        )
        made.append(pixel_array(pydicom.dcmread(written)))
    np.testing.assert_array_equal(*made)
