"""What is asked of the system and of an object before it counts as kept."""

import os
import zlib

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from tests.archive.conftest import keep, uids
from tests.factories import (
    ct_series,
    ct_slice,
    multi_frame,
    part10_bytes,
    small_object,
)

from isocenter.archive import Archive, Outcome, blobs, file_system
from isocenter.archive.index import Index
from isocenter.dicom import file_meta_bytes, read_file_meta
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
    monkeypatch.setattr(file_system, "_FULL_SYNC", FULL)
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


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("cut", [2, 7, 9, 60])  # one byte may be the padding of a deflated stream
def test_compressed_pixels_that_are_cut_off_are_refused_and_keep_nobody_out(tmp_path, syntax, cut):
    content = part10_bytes(ct_slice(32, 32), syntax)
    with Archive.open(tmp_path, durability="fast") as archive:
        with pytest.raises(InvalidDicom):
            archive.ingest(content[:-cut])
        assert archive.ingest(content).outcome is Outcome.STORED


def test_a_deflated_data_set_that_ends_too_early_is_refused(tmp_path):
    content = part10_bytes(ct_slice(256, 256))
    meta = read_file_meta(content, final=True)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(content[meta.data_set_offset : -100]) + packer.flush()
    names = (meta.media_storage_sop_class_uid, meta.media_storage_sop_instance_uid)
    content = file_meta_bytes(*names, DeflatedExplicitVRLittleEndian) + packed
    with (
        Archive.open(tmp_path, durability="fast") as archive,
        pytest.raises(InvalidDicom, match="truncated"),
    ):
        archive.ingest(content)


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


def test_a_file_arrives_without_a_name_where_the_system_can(tmp_path):
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("only Linux has files without a name")
    incoming = tmp_path / ".incoming"
    content = part10_bytes(small_object())
    with Archive.open(tmp_path, durability="fast") as archive:
        arriving = archive.receiving()
        arriving.write([content])
        assert not list(incoming.glob("*/*"))
        kept = arriving.commit()
        found = (kept.study_instance_uid, kept.series_instance_uid, kept.sop_instance_uid)
        assert archive.open_instance(*found).path.read_bytes() == content
        assert not list(incoming.glob("*/*"))


@pytest.mark.parametrize("nameless", [True, False])
def test_what_arrives_replaces_what_is_kept_whether_it_has_a_name_or_not(
    tmp_path, monkeypatch, nameless
):
    if not nameless:
        monkeypatch.setattr(blobs, "has_nameless_files", lambda path: False)
    dataset = small_object()
    with Archive.open(tmp_path, durability="fast", on_conflict="replace") as archive:
        keep(archive, dataset)
        assert keep(archive, dataset)[0].outcome is Outcome.UNCHANGED
        dataset.PatientName = "Another^Name"
        assert keep(archive, dataset)[0].outcome is Outcome.REPLACED
        path = archive.open_instance(*uids(dataset)).path
        assert path.read_bytes() == part10_bytes(dataset)
        assert not list((tmp_path / ".incoming").glob("*/*"))


def test_a_folder_that_was_removed_meanwhile_is_synced_again(tmp_path, monkeypatch):
    """The folder of that name that a later arrival relies on is another one."""
    store = blobs.BlobStore(tmp_path, durable=True)
    folder = tmp_path / "1.2" / "3.4"
    sync = blobs.BlobStore.sync_folder

    def removed_meanwhile(store: blobs.BlobStore, path) -> None:
        sync(store, path)
        if path == tmp_path:
            store.remove(folder / "5.6.dcm")
            folder.mkdir(parents=True)

    folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(blobs.BlobStore, "sync_folder", removed_meanwhile)
        store.sync_names(str(folder))
    synced = []
    monkeypatch.setattr(blobs.BlobStore, "sync_folder", lambda _store, path: synced.append(path))
    store.sync_names(str(folder))
    assert {tmp_path, tmp_path / "1.2"} <= set(synced)
    store.close()


def test_the_name_of_a_new_archive_is_on_the_disk_too(tmp_path, monkeypatch):
    """Objects whose names are synced below a folder without a name are lost with it."""
    synced = []
    monkeypatch.setattr(
        blobs.BlobStore, "sync_folder", lambda _store, folder: synced.append(folder)
    )
    blobs.BlobStore(tmp_path / "images" / "archive", durable=True).close()
    assert synced == [tmp_path / "images", tmp_path]


@pytest.mark.parametrize("kept_already", [0, 1])
def test_bytes_and_names_are_on_the_disk_before_the_index_says_so(
    tmp_path, monkeypatch, kept_already
):
    """Else a power cut in between would leave a row without its object."""
    series = ct_series(kept_already + 1, 8, 8)
    events = []
    sync, commit = file_system.sync, Index._commit

    def watched_sync(descriptor: int, *usual) -> None:
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor, *usual)

    def watched_commit(*arguments) -> None:
        events.append("commit")
        commit(*arguments)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("reads the names of descriptors in /proc: run on Linux")
    with Archive.open(tmp_path, durability="safe") as archive:
        keep(archive, *series[:-1])
        for module in (file_system, blobs):
            monkeypatch.setattr(module, "sync", watched_sync)
        monkeypatch.setattr(Index, "_commit", watched_commit)
        keep(archive, series[-1])
        with archive._index.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    study, of_series, instance = uids(series[-1])
    folder = str(tmp_path / study / of_series)
    made = [] if kept_already else [str(tmp_path / study), str(tmp_path)]
    *synced, last = events
    assert last == "commit"
    assert sorted(path for path in synced if ".incoming" not in path) == sorted([*made, folder])
    assert len(synced) == len(made) + 2  # the file's bytes, under whichever of its names
