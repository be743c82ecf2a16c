"""Objects that are kept together share the waits for the disk, and nothing else."""

import errno
import os
import threading
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy.exc import OperationalError
from tests.archive.conftest import uids
from tests.factories import ct_series, ct_slice, part10_bytes, small_object

from isocenter.archive import Archive, Incoming, Level, Outcome, Query, Stored, commit_together
from isocenter.archive.blobs import BlobStore
from isocenter.archive.registration import Registrar
from isocenter.archive.settlement import Settlement
from isocenter.archive.temporary import Temporary
from isocenter.errors import InstanceConflict, NotDicom, OutOfResources


def arriving(archive: Archive, *contents: bytes) -> list[Incoming]:
    """Objects whose bytes are all here."""
    incomings = [archive.receiving() for _ in contents]
    for incoming, content in zip(incomings, contents, strict=True):
        incoming.write([content])
    return incomings


def kept_together(archive: Archive, *datasets: Dataset) -> list[Stored | Exception]:
    return commit_together(arriving(archive, *map(part10_bytes, datasets)))


def files(archive: Archive) -> set[str]:
    return {path.stem for path in archive.directory.glob("*/*/*.dcm")}


def test_every_file_and_its_folder_is_synced_before_the_one_commit_of_all_rows(
    tmp_path, monkeypatch
):
    events: list[tuple[str, object]] = []
    sync, sync_folder = Temporary.sync, BlobStore.sync_folder
    transact = Registrar._transact

    def synced(temporary: Temporary) -> None:
        sync(temporary)
        events.append(("file", temporary))

    def folder_synced(store: BlobStore, folder: Path | str) -> None:
        sync_folder(store, folder)
        events.append(("folder", str(folder)))

    def transacted(registrar: Registrar, arrivals, **how):
        events.append(("rows", len(arrivals)))
        return transact(registrar, arrivals, **how)

    datasets = ct_series(10, 16, 16)
    with Archive.open(tmp_path, durability="safe") as archive:
        kept_together(archive, ct_slice(16, 16))  # so that the archive's own folder is known
        monkeypatch.setattr(Temporary, "sync", synced)
        monkeypatch.setattr(BlobStore, "sync_folder", folder_synced)
        monkeypatch.setattr(Registrar, "_transact", transacted)
        outcomes = kept_together(archive, *datasets)
        assert [stored.outcome for stored in outcomes] == [Outcome.STORED] * 10
        assert [stored.sop_instance_uid for stored in outcomes] == [
            d.SOPInstanceUID for d in datasets
        ]
        assert archive.count(Query(Level.INSTANCE)) == 11
    folder = str(tmp_path / datasets[0].StudyInstanceUID / datasets[0].SeriesInstanceUID)
    *before, last = events
    assert last == ("rows", 10)
    assert [kind for kind, _ in before].count("file") == 10
    assert [what for _, what in before].count(folder) == 1


def test_each_is_kept_or_refused_by_itself(tmp_path):
    known, new, other = small_object(), small_object(), small_object()
    with Archive.open(tmp_path, durability="fast", quarantine=tmp_path / "refused") as archive:
        archive.ingest(part10_bytes(known))
        changed = part10_bytes(known).replace(b"Doe^Jane", b"Roe^Jane")
        contents = (part10_bytes(new), changed, b"no DICOM" * 100, part10_bytes(other))
        first, conflict, junk, last = commit_together(arriving(archive, *contents))
        assert first.outcome is last.outcome is Outcome.STORED
        assert isinstance(conflict, InstanceConflict)
        assert isinstance(junk, NotDicom)
        assert files(archive) == {d.SOPInstanceUID for d in (known, new, other)}
        assert archive.open_instance(*uids(known)).path.read_bytes() == part10_bytes(known)
    assert len(list((tmp_path / "refused").glob("*.dcm"))) == 2


def test_of_two_with_the_same_instance_the_first_is_kept(tmp_path):
    dataset = small_object()
    content = part10_bytes(dataset)
    changed = content.replace(b"Doe^Jane", b"Roe^Jane")
    with Archive.open(tmp_path, durability="safe") as archive:
        first, same, other = commit_together(arriving(archive, content, content, changed))
        assert (first.outcome, same.outcome) == (Outcome.STORED, Outcome.UNCHANGED)
        assert isinstance(other, InstanceConflict)
        assert archive.open_instance(*uids(dataset)).path.read_bytes() == content


def test_a_file_that_cannot_be_synced_is_taken_away_alone(tmp_path, monkeypatch):
    datasets = ct_series(4, 16, 16)
    incomings: list[Incoming] = []
    sync = Temporary.sync

    def failing(temporary: Temporary) -> None:
        if temporary is incomings[2]._temporary:
            raise OSError(errno.EIO, "Input/output error")
        sync(temporary)

    monkeypatch.setattr(Temporary, "sync", failing)
    with Archive.open(tmp_path, durability="safe") as archive:
        incomings += arriving(archive, *map(part10_bytes, datasets))
        outcomes = commit_together(incomings)
        assert isinstance(outcomes[2], OutOfResources)
        assert [type(outcome) for outcome in outcomes].count(Stored) == 3
        assert files(archive) == {d.SOPInstanceUID for d in (*datasets[:2], datasets[3])}
        assert archive.count(Query(Level.INSTANCE)) == 3
        monkeypatch.undo()
        assert archive.ingest(part10_bytes(datasets[2])).outcome is Outcome.STORED


def test_a_folder_that_cannot_be_synced_keeps_nothing_in_it(tmp_path, monkeypatch):
    here, there = ct_slice(16, 16), ct_slice(16, 16)
    sync_names = BlobStore.sync_names

    def failing(store: BlobStore, folder: str) -> None:
        if folder.endswith(there.SeriesInstanceUID):
            raise OSError(errno.EIO, "Input/output error")
        sync_names(store, folder)

    monkeypatch.setattr(BlobStore, "sync_names", failing)
    with Archive.open(tmp_path, durability="safe") as archive:
        stored, refused = kept_together(archive, here, there)
        assert stored.outcome is Outcome.STORED
        assert isinstance(refused, OutOfResources)
        assert files(archive) == {here.SOPInstanceUID}


def test_where_the_rows_cannot_be_written_no_file_stays(tmp_path, monkeypatch):
    def failing(settlement: Settlement) -> None:
        raise OperationalError("", {}, Exception("disk I/O error"))

    monkeypatch.setattr(Settlement, "write", failing)
    with Archive.open(tmp_path, durability="safe") as archive:
        outcomes = kept_together(archive, *ct_series(3, 16, 16))
        assert [type(outcome) for outcome in outcomes] == [OutOfResources] * 3
        assert files(archive) == set()
        assert not list(archive.directory.glob(".incoming/*/*"))


def test_two_who_keep_the_same_instances_in_opposite_orders_both_come_to_an_end(tmp_path):
    datasets = ct_series(8, 16, 16)
    results: dict[str, list[Stored | Exception]] = {}
    with Archive.open(tmp_path, durability="safe") as archive:
        for _ in range(5):
            both = threading.Barrier(2)

            def keep(name: str, order: list[Dataset], both: threading.Barrier = both) -> None:
                incomings = arriving(archive, *map(part10_bytes, order))
                both.wait(timeout=60)
                results[name] = commit_together(incomings)

            threads = [
                threading.Thread(target=keep, args=("there", datasets)),
                threading.Thread(target=keep, args=("back", datasets[::-1])),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
            outcomes = [stored.outcome for found in results.values() for stored in found]
            assert outcomes.count(Outcome.STORED) == 8
            assert outcomes.count(Outcome.UNCHANGED) == 8
            results.clear()
            archive.delete(datasets[0].StudyInstanceUID)


def test_a_file_that_cannot_be_closed_hinders_nobody(tmp_path, monkeypatch):
    """As a network file system may say; the system has freed the descriptor all the same."""
    received: set[int] = set()
    close = os.close

    def failing(descriptor: int) -> None:
        close(descriptor)
        if descriptor in received:
            received.remove(descriptor)
            raise OSError(errno.EIO, "Input/output error")

    with Archive.open(tmp_path, durability="safe") as archive:
        incomings = arriving(archive, *map(part10_bytes, ct_series(3, 16, 16)), b"no DICOM" * 100)
        temporaries = [incoming._temporary for incoming in incomings]
        received.update(temporary.descriptor for temporary in temporaries)
        monkeypatch.setattr(os, "close", failing)
        outcomes = commit_together(incomings)
        assert not received
        assert [temporary.descriptor for temporary in temporaries] == [-1] * 4
        assert [type(outcome) for outcome in outcomes] == [Stored, Stored, Stored, NotDicom]
        assert archive.count(Query(Level.INSTANCE)) == 3
        assert not list(archive.directory.glob(".incoming/*/*"))


@pytest.mark.parametrize("durability", ["safe", "fast"])
def test_one_alone_and_none_are_kept_too(tmp_path, durability):
    with Archive.open(tmp_path, durability=durability) as archive:
        (stored,) = kept_together(archive, small_object())
        assert stored.outcome is Outcome.STORED
        assert kept_together(archive) == []
