"""What is asked of the system and of an object before it counts as kept."""

import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless
from tests.archive.conftest import keep
from tests.factories import ct_slice, multi_frame, part10_bytes, small_object

from isocenter.archive import Archive, Outcome
from isocenter.errors import InvalidDicom

fcntl = pytest.importorskip("fcntl", reason="Windows syncs in another way")
FULL = 51


@pytest.mark.parametrize("durability", ["safe", "fast"])
def test_a_drive_empties_its_own_cache_where_the_system_asks_for_that_apart(
    tmp_path, monkeypatch, durability
):
    """macOS's fsync leaves the bytes in the drive's cache."""
    asked = []
    plain = fcntl.fcntl
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
    monkeypatch.setattr(
        fcntl,
        "fcntl",
        lambda file, command, *rest: (
            asked.append(file) if command == FULL else plain(file, command, *rest)
        ),
    )
    with Archive.open(tmp_path, durability=durability) as archive:
        keep(archive, small_object())
        with archive._index.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA fullfsync").scalar() == 1
    assert (len(asked) >= 2) is (durability == "safe")  # the file, and folders


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("cut", [1, 7, 9, 60])
def test_compressed_pixels_that_are_cut_off_are_refused_and_keep_nobody_out(tmp_path, syntax, cut):
    content = part10_bytes(ct_slice(32, 32), syntax)
    with Archive.open(tmp_path, durability="fast") as archive:
        with pytest.raises(InvalidDicom):
            archive.ingest(content[:-cut])
        assert archive.ingest(content).outcome is Outcome.STORED


def test_frames_that_are_missing_behind_a_whole_fragment_are_missed(tmp_path):
    dataset = multi_frame(3, 16, 16)
    content = part10_bytes(dataset, RLELossless)
    last = content.rindex(b"\xfe\xff\x00\xe0")
    with Archive.open(tmp_path, durability="fast") as archive:
        with pytest.raises(InvalidDicom):
            archive.ingest(content[:last])
        assert archive.ingest(content[:-8]).outcome is Outcome.STORED  # just without its end


def test_compressed_pixels_may_have_elements_behind_them(tmp_path):
    dataset = ct_slice(16, 16)
    dataset.DataSetTrailingPadding = bytes(64)
    with Archive.open(tmp_path, durability="fast") as archive:
        archive.ingest(part10_bytes(dataset, RLELossless))
