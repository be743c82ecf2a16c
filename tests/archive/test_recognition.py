"""A file that is kept already is not written again, and in every doubt it arrives as others do."""

import os
import threading
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import update
from tests.archive.conftest import keep, uids
from tests.factories import ct_slice, data_set_bytes, part10_bytes, small_object

from isocenter.archive import (
    Archive,
    Outcome,
    places,
    recognition,
    schema,
    settlement,
    temporary,
)
from isocenter.archive.deletion import Deleter
from isocenter.archive.finding import Finder
from isocenter.archive.settlement import Settlement
from isocenter.archive.together import commit_together
from isocenter.errors import InstanceConflict, InvalidAttribute, OutOfResources


def renamed(dataset: Dataset) -> Dataset:
    study, series, instance = uids(dataset)
    return small_object(
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=instance,
        PatientName="Somebody^Else",
    )


@pytest.fixture
def dataset() -> Dataset:
    return small_object()


@pytest.fixture
def file(tmp_path, dataset) -> Path:
    path = tmp_path / "object.dcm"
    path.write_bytes(part10_bytes(dataset))
    return path


def nothing_arrives(directory: Path) -> None:
    """Let there be no place for anything that is written."""
    (directory / ".incoming").rename(directory / ".incoming-away")


def forms_of(dataset: Dataset) -> dict[str, bytes]:
    whole = part10_bytes(dataset)
    syntax = "1.2.840.10008.1.2.1"
    return {
        "as it is kept": whole,
        "with a preamble": b"II*\0" + bytes(range(124)) + whole[128:],
        "without a preamble": whole[128:],
        "without file meta": data_set_bytes(dataset, syntax),
    }


@pytest.mark.parametrize("form", forms_of(small_object()))
def test_what_is_kept_is_known_without_being_written(archive, directory, tmp_path, form):
    dataset = small_object()
    keep(archive, dataset)
    path = tmp_path / "again"
    path.write_bytes(forms_of(dataset)[form])
    nothing_arrives(directory)
    known = archive.ingest(path)
    assert known.outcome is Outcome.UNCHANGED
    assert known[:3] == uids(dataset)
    assert known.sop_class_uid == dataset.SOPClassUID
    with path.open("rb") as opened:
        assert archive.ingest(opened).outcome is Outcome.UNCHANGED
    with pytest.raises(OutOfResources):
        archive.ingest(part10_bytes(small_object()))


def test_another_object_under_the_same_uid_is_a_conflict(archive, dataset, file):
    keep(archive, renamed(dataset))
    with pytest.raises(InstanceConflict):
        archive.ingest(file)


def test_a_file_whose_row_is_gone_is_kept_anew(archive, dataset, file, monkeypatch):
    keep(archive, dataset)
    with monkeypatch.context() as patch:
        patch.setattr(Deleter, "_remove_files", lambda *_: None)
        archive.delete(*uids(dataset))
    assert archive.ingest(file).outcome is Outcome.STORED
    assert archive.open_instance(*uids(dataset)).path.exists()


def test_a_row_whose_file_is_gone_gets_it_back(archive, dataset, file):
    keep(archive, dataset)
    archive.open_instance(*uids(dataset)).path.unlink()
    assert archive.ingest(file).outcome is Outcome.STORED
    assert not archive.check(thorough=True).problems


def after(monkeypatch, place: object, name: str, act) -> None:
    """Do something once, right after a function of the archive has found out what it says."""
    function = getattr(place, name)

    def and_then(*given):
        found = function(*given)
        monkeypatch.setattr(place, name, function)
        act()
        return found

    monkeypatch.setattr(place, name, and_then)


@pytest.mark.parametrize(
    ("place", "name"), [(recognition, "same_contents"), (Finder, "has")], ids=["file", "row"]
)
def test_what_is_deleted_while_it_is_looked_at_is_kept_anew(
    archive, dataset, file, monkeypatch, place, name
):
    keep(archive, dataset)
    after(monkeypatch, place, name, lambda: archive.delete(*uids(dataset)))
    assert archive.ingest(file).outcome is Outcome.STORED
    assert archive.open_instance(*uids(dataset)).path.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("place", "name"), [(recognition, "same_contents"), (Finder, "has")], ids=["file", "row"]
)
def test_what_is_replaced_while_it_is_looked_at_is_not_called_unchanged(
    open_archive, dataset, file, monkeypatch, place, name
):
    here, elsewhere = open_archive(), open_archive(on_conflict="replace")
    keep(here, dataset)
    after(monkeypatch, place, name, lambda: keep(elsewhere, renamed(dataset)))
    with pytest.raises(InstanceConflict):
        here.ingest(file)


def test_what_stands_in_the_place_during_a_replacement_may_be_taken_back(
    open_archive, dataset, tmp_path, monkeypatch
):
    here, elsewhere = open_archive(), open_archive(on_conflict="replace")
    keep(here, dataset)
    newer = tmp_path / "newer"
    newer.write_bytes(part10_bytes(renamed(dataset)))
    said = []

    def fail(_settlement: Settlement) -> None:
        with newer.open("rb") as opened:
            said.append(here._recognition.recognised(opened))
        raise OutOfResources("no")

    with monkeypatch.context() as patch:
        patch.setattr(Settlement, "write", fail)
        with pytest.raises(OutOfResources):
            elsewhere.ingest(newer)
    assert said
    assert set(said) == {None}
    assert here.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)


def test_nothing_is_said_of_an_object_whose_place_somebody_else_is_taking(
    archive, dataset, file, monkeypatch
):
    """A row may be left of one that was lost, and the file that comes for it not be synced yet."""
    keep(archive, dataset)
    place = str(archive.open_instance(*uids(dataset)).path)
    monkeypatch.setattr(places, "_PATIENCE", 0.01)
    with (
        archive._reception.places.held(place),
        pytest.raises(OutOfResources, match="same instance"),
    ):
        archive.ingest(file)
    assert archive.ingest(file).outcome is Outcome.UNCHANGED


def test_whoever_looks_while_another_arrives_waits_for_it(archive, dataset, file, monkeypatch):
    begun, ended = threading.Event(), threading.Event()
    register = archive._registrar.register
    outcomes = []

    def slow(arrivals):
        begun.set()
        assert ended.wait(30)
        return register(arrivals)

    monkeypatch.setattr(archive._reception.commits, "_write", slow)
    first = threading.Thread(target=keep, args=(archive, dataset))
    second = threading.Thread(target=lambda: outcomes.append(archive.ingest(file).outcome))
    first.start()
    assert begun.wait(30)
    second.start()
    ended.set()
    first.join(30)
    second.join(30)
    assert outcomes == [Outcome.UNCHANGED]


@pytest.mark.parametrize(
    ("place", "name", "error"),
    [
        (recognition, "same_contents", OSError(5, "Input/output error")),
        (Finder, "has", OutOfResources("the index cannot be read")),
    ],
    ids=["file", "index"],
)
def test_what_cannot_be_looked_at_arrives(archive, dataset, file, monkeypatch, place, name, error):
    keep(archive, dataset)
    looked = []

    def fail(*_given):
        looked.append(name)
        raise error

    monkeypatch.setattr(place, name, fail)
    arrived = archive._reception.blobs.temporary
    monkeypatch.setattr(
        archive._reception.blobs, "temporary", lambda: looked.append("arrives") or arrived()
    )
    assert archive.ingest(file).outcome is Outcome.UNCHANGED
    assert looked == [name, "arrives"]


def test_a_file_is_read_from_where_it_stands(archive, dataset, tmp_path):
    other = small_object()
    keep(archive, dataset)
    path = tmp_path / "two"
    path.write_bytes(part10_bytes(dataset) + part10_bytes(other))
    with path.open("rb") as opened:
        opened.seek(len(part10_bytes(dataset)))
        assert archive.ingest(opened)[:3] == uids(other)


def test_an_object_of_another_study_than_expected_is_refused_whether_kept_or_not(
    archive, dataset, file
):
    keep(archive, dataset)
    with pytest.raises(InvalidAttribute):
        archive.ingest(file, study_instance_uid="1.2.3")
    study = dataset.StudyInstanceUID
    assert archive.ingest(file, study_instance_uid=study).outcome is Outcome.UNCHANGED


def test_rules_that_an_object_breaks_are_told_again(open_archive, tmp_path):
    archive = open_archive(validation="warn")
    path = tmp_path / "bad.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, Modality=None)))
    first, again = archive.ingest(path), archive.ingest(path)
    assert first.violations
    assert (again.outcome, again.violations) == (Outcome.UNCHANGED, first.violations)


@pytest.fixture
def synced(monkeypatch) -> list[int]:
    """Collects the files whose bytes are waited for."""
    found: list[int] = []
    sync = temporary.sync_bytes
    monkeypatch.setattr(
        temporary, "sync_bytes", lambda descriptor: found.append(descriptor) or sync(descriptor)
    )
    return found


def together(archive: Archive, content: bytes) -> list[object]:
    arriving = archive.receiving()
    arriving.write([content])
    return commit_together([arriving])


def alone(archive: Archive, content: bytes) -> list[object]:
    return [archive.ingest(content)]


@pytest.mark.parametrize("way", [alone, together])
def test_what_is_thrown_away_because_it_is_kept_is_not_waited_for(
    open_archive, dataset, synced, way
):
    archive = open_archive(durability="safe")
    way(archive, part10_bytes(dataset))
    assert len(synced) == 1
    (again,) = way(archive, part10_bytes(dataset))
    assert again.outcome is Outcome.UNCHANGED
    assert len(synced) == 1


@pytest.mark.parametrize("way", [alone, together])
def test_what_seemed_to_be_kept_is_waited_for_where_it_is_not_any_more(
    open_archive, dataset, synced, monkeypatch, way
):
    archive, elsewhere = open_archive(durability="safe"), open_archive()
    way(archive, part10_bytes(dataset))
    after(monkeypatch, places, "occupant_of", lambda: elsewhere.delete(*uids(dataset)))
    (again,) = way(archive, part10_bytes(dataset))
    assert again.outcome is Outcome.STORED
    assert len(synced) == 2
    assert archive.open_instance(*uids(dataset)).path.read_bytes() == part10_bytes(dataset)


@pytest.mark.parametrize("way", ["file", "bytes", "together"])
def test_what_another_process_brings_back_is_on_the_disk_before_it_is_called_unchanged(
    open_archive, dataset, file, monkeypatch, way
):
    """Its row is of the file that was lost; only the other process knows that it waits yet."""
    here, elsewhere = open_archive(durability="safe"), open_archive(durability="safe")
    keep(here, dataset)
    with here._index.writing() as transaction:
        transaction.execute(update(schema.change).values(time=schema.change.c.time - 3600_000_000))
    path = here.open_instance(*uids(dataset)).path
    path.unlink()
    synced: list[int] = []
    said: list[object] = []
    ways = {
        "file": lambda: [here.ingest(file)],
        "bytes": lambda: alone(here, file.read_bytes()),
        "together": lambda: together(here, file.read_bytes()),
    }

    def about_to_wait(_descriptor: int) -> None:
        said.extend(stored.outcome for stored in ways[way]())
        said.append(path.stat().st_ino in synced)

    monkeypatch.setattr(temporary, "sync_bytes", about_to_wait)
    monkeypatch.setattr(
        settlement, "sync_bytes", lambda descriptor: synced.append(os.fstat(descriptor).st_ino)
    )
    keep(elsewhere, dataset)
    assert said == [Outcome.UNCHANGED, True]
    assert path.read_bytes() == file.read_bytes()


def test_bytes_that_cannot_be_synced_at_last_are_not_kept(
    open_archive, dataset, monkeypatch, directory
):
    """A second try would succeed: the system has let go of the bytes that it could not write."""
    archive, elsewhere = open_archive(durability="safe"), open_archive()
    keep(archive, dataset)
    tries = []

    def fail(descriptor: int) -> None:
        tries.append(descriptor)
        if len(tries) == 1:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(temporary, "sync_bytes", fail)
    after(monkeypatch, places, "occupant_of", lambda: elsewhere.delete(*uids(dataset)))
    with pytest.raises(OutOfResources, match="Input/output"):
        keep(archive, dataset)
    assert len(tries) == 1
    assert not list(directory.glob("[0-9]*/*/*"))
