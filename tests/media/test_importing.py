"""Folders, ZIP files and DICOMDIRs come in whole; the rest is counted, what is bad is told."""

import errno
import os
import random
import shutil
import stat
import struct
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.fileset import FileSet
from tests.factories import ct_series, data_set_bytes, part10_bytes, small_object

from isocenter.archive import Archive, Level, Outcome, Query
from isocenter.dicom import file_meta_bytes
from isocenter.errors import OutOfResources
from isocenter.media import ImportInterrupted, ImportStopped, has_anything, import_paths

SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "archive", durability="fast") as archive:
        yield archive


def count(archive: Archive) -> int:
    return archive.count(Query(Level.INSTANCE))


def refuse_to_list(folder: Path, monkeypatch) -> None:
    """Do what the system does to others than root where a folder's permissions forbid it."""
    listed = os.scandir

    def scandir(path):
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_comes_in_with_all_below_it(archive, tmp_path):
    folder = tmp_path / "disc"
    (folder / "deep" / "deeper").mkdir(parents=True)
    for number, dataset in enumerate(ct_series(5, 8, 8)):
        (folder / "deep" / "deeper" / f"IM{number}").write_bytes(part10_bytes(dataset))
    (folder / "bare.dcm").write_bytes(data_set_bytes(small_object()))
    (folder / "README.TXT").write_text("a viewer is on this disc")
    (folder / "empty").touch()
    (folder / "viewer.exe").write_bytes(b"MZ" + bytes(5000))

    report = import_paths(archive, [folder])

    assert (report.stored, report.not_dicom, report.failures) == (6, 3, [])
    assert count(archive) == 6


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["pipe", "pipe.zip", "DICOMDIR"])
def test_a_pipe_is_not_waited_for(archive, tmp_path, name):
    folder = tmp_path / "disc"
    folder.mkdir()
    os.mkfifo(folder / name)
    (folder / "image.dcm").write_bytes(part10_bytes(small_object()))
    report = import_paths(archive, [folder, folder / name])
    assert report.stored == 1
    assert report.not_dicom + len(report.failures) == 2


def test_importing_again_changes_nothing(archive):
    first = import_paths(archive, [SAMPLES])
    again = import_paths(archive, [SAMPLES])
    assert first.stored == again.outcomes[Outcome.UNCHANGED] == count(archive)
    assert first.directories > 0
    assert (again.stored, again.failures) == (0, [])


def test_a_bad_object_is_told_by_name_and_stops_nothing(archive, tmp_path):
    for name, dataset in {"a": small_object(), "b": small_object(), "z": small_object()}.items():
        (tmp_path / name).write_bytes(part10_bytes(dataset))
    (tmp_path / "b").write_bytes((tmp_path / "b").read_bytes()[:-7])

    report = import_paths(archive, [tmp_path / name for name in "abz"])

    assert report.stored == 2
    (failure,) = report.failures
    assert failure.name.endswith("b")
    assert "truncated" in str(failure.error)


def test_a_path_that_is_not_there_is_told(archive, tmp_path):
    report = import_paths(archive, [tmp_path / "nothing"])
    assert "does not exist" in str(report.failures[0].error)


def test_progress_counts_files(archive):
    seen = []
    import_paths(archive, [SAMPLES], progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))


def test_a_zip_file_comes_in_without_being_unpacked(archive, tmp_path):
    path = tmp_path / "disc.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, dataset in enumerate(ct_series(3, 8, 8)):
            packed.writestr(f"folder/IM{number}", part10_bytes(dataset))
        packed.writestr("../../../outside.dcm", part10_bytes(small_object()))
        packed.writestr("/etc/absolute.dcm", part10_bytes(small_object()))
        packed.writestr("README", "text")
    before = {each for each in tmp_path.rglob("*") if "archive" not in each.parts}

    report = import_paths(archive, [path])

    assert (report.stored, report.not_dicom, report.failures) == (5, 1, [])
    assert {each for each in tmp_path.rglob("*") if "archive" not in each.parts} == before


def test_a_damaged_member_fails_alone(archive, tmp_path):
    path = tmp_path / "disc.zip"
    good, bad = part10_bytes(small_object()), part10_bytes(small_object())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("bad", bad)
        packed.writestr("good", good)
    content = bytearray(path.read_bytes())
    content[content.index(bad) + 400] ^= 1
    path.write_bytes(content)

    report = import_paths(archive, [path])

    assert report.stored == 1
    assert "cannot be unpacked" in str(report.failures[0].error)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def test_a_zip_file_in_a_zip_file_is_told(archive, tmp_path):
    inner = zipped(tmp_path / "inner.zip", image=part10_bytes(small_object())).read_bytes()
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as packed:
        packed.writestr("inner.ZIP", inner)
        packed.writestr("viewer.jar", inner)
    report = import_paths(archive, [tmp_path / "outer.zip"])
    (failure,) = report.failures
    assert failure.name.endswith("inner.ZIP")
    assert "unpack it first" in str(failure.error)
    assert report.not_dicom == 1


def test_a_zip_file_that_is_named_may_be_called_anything(archive, tmp_path):
    path = zipped(tmp_path / "study", image=part10_bytes(small_object()))
    assert import_paths(archive, [path]).stored == 1


def test_an_encrypted_member_is_told_in_words(archive, tmp_path):
    path = zipped(tmp_path / "disc.zip", image=part10_bytes(small_object()))
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    (failure,) = import_paths(archive, [path]).failures
    assert str(failure.error).startswith("this member is encrypted; unpack")


def test_a_folder_that_cannot_be_read_is_told(archive, tmp_path, monkeypatch):
    folder = tmp_path / "disc"
    (folder / "closed").mkdir(parents=True)
    (folder / "image.dcm").write_bytes(part10_bytes(small_object()))
    refuse_to_list(folder / "closed", monkeypatch)
    report = import_paths(archive, [folder])
    (failure,) = report.failures
    assert report.stored == 1
    assert failure.name == str(folder / "closed")
    assert "Permission denied" in str(failure.error)


def test_names_that_are_no_text_are_imported_and_told_like_others(archive, tmp_path):
    """As those on discs that were written before all the world wrote UTF-8."""
    folder = os.path.join(os.fsencode(tmp_path), b"M\xfcller")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system takes names of text only; run on ext4 or tmpfs")
    whole = part10_bytes(small_object())
    for name, content in {b"K\xf6pf": whole, b"F\xfc\xdfe": whole[:-7]}.items():
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(content)
    report = import_paths(archive, [os.fsdecode(folder)])
    assert report.stored == 1
    assert "truncated" in str(report.failures[0].error)


def test_a_zip_bomb_is_refused_before_it_is_read(archive, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.dcm", bytes(1 << 20))
        packed.filelist[0].file_size = 2 << 30
    report = import_paths(archive, [path])
    assert "expands" in str(report.failures[0].error)


def test_a_zip_file_whose_members_overlap_is_refused(archive, tmp_path):
    path = tmp_path / "quine.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a", bytes(10_000))
        packed.filelist *= 5
    report = import_paths(archive, [path])
    assert "overlap" in str(report.failures[0].error)


def peak_memory() -> int:
    """The most memory that this process has had, in bytes."""
    resource = pytest.importorskip("resource", reason="this system does not tell; run on Linux")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["8", "12", "14"]
)
def test_a_member_that_is_larger_than_it_says_takes_no_memory(archive, tmp_path, method):
    """The zipfile of Python unpacks what it read of BZIP2 and LZMA to the end, whatever that is."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", method) as packed, packed.open("bomb.dcm", "w") as member:
        member.write(part10_bytes(small_object()))
        for _ in range(256):
            member.write(bytes(1 << 20))
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\1\2")
    content[directory + 24 : directory + 28] = struct.pack("<I", 5000)
    path.write_bytes(content)
    before = peak_memory()
    report = import_paths(archive, [path])
    assert peak_memory() - before < 64 << 20
    (failure,) = report.failures
    assert failure.name.endswith("bomb.dcm")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_another_compression_is_told_what_to_do(archive, tmp_path, method):
    path = tmp_path / "disc.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("other", part10_bytes(small_object()), method)
        packed.writestr("good", part10_bytes(small_object()))
    report = import_paths(archive, [path])
    assert report.stored == 1
    (failure,) = report.failures
    assert str(failure.error).startswith(f"this member is compressed by method {method}; unpack")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Change some bytes, mostly of the central directory."""
    changed, directory = bytearray(content), content.index(b"PK\1\2")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(directory if chance.random() < 0.7 else 0, len(changed))
        changed[at] = chance.choice([0, 1, 0x80, 0xFF, chance.randrange(256)])
    return bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.1 else changed)


def test_a_zip_file_that_is_damaged_anywhere_is_told_and_stops_nothing(archive, tmp_path):
    path, beside = tmp_path / "disc.zip", tmp_path / "good.dcm"
    beside.write_bytes(part10_bytes(small_object()))
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("IM\u00e9", part10_bytes(small_object()), zipfile.ZIP_DEFLATED)
        packed.writestr("b", part10_bytes(small_object()))
    content, chance = path.read_bytes(), random.Random(10)
    for _ in range(300):
        path.write_bytes(damaged(content, chance))
        has_anything([path])
        assert import_paths(archive, [path, beside]).accepted >= 1


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (6, b"\x80"),  # version needed to extract
        (28, b"\0\0"),  # length of the name
        (46, b"\xff\xff"),  # the name, which is said to be UTF-8
        (42, b"\xf0\xff\xff\xff"),  # where the member begins
    ],
)
def test_a_central_directory_that_lies_is_told(archive, tmp_path, at, value):
    path = tmp_path / "disc.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("\u00e9\u00e9", part10_bytes(small_object()))
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\1\2") + at
    content[start : start + len(value)] = value
    path.write_bytes(content)
    report = import_paths(archive, [path])
    assert len(report.failures) == 1
    assert report.accepted == 0


def test_a_link_in_a_zip_file_is_never_followed(archive, tmp_path):
    (tmp_path / "secret.dcm").write_bytes(part10_bytes(small_object()))
    link = zipfile.ZipInfo("LINK")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as packed:
        packed.writestr(link, str(tmp_path / "secret.dcm"))
    report = import_paths(archive, [tmp_path / "disc.zip"])
    assert (report.accepted, report.not_dicom, report.failures) == (0, 1, [])


@pytest.mark.parametrize("preamble", [b"MZ\x90\0", b"\x7fELF", b"II*\0", b"PK\3\4", b"#!/bin/sh\n"])
def test_what_begins_as_another_file_is_the_object_that_it_is_and_no_program(
    archive, tmp_path, preamble
):
    """CVE-2019-11687: a preamble may make an object a program, too."""
    dataset = small_object()
    path = tmp_path / "polyglot.dcm"
    path.write_bytes(part10_bytes(dataset, preamble=preamble.ljust(128, b"\x90")))
    report = import_paths(archive, [path])
    assert (report.stored, report.failures) == (1, [])
    (kept,) = archive.directory.rglob("*.dcm")
    assert kept.read_bytes() == part10_bytes(dataset)


def test_links_in_a_folder_lead_to_files_and_never_round(archive, tmp_path):
    folder, elsewhere = tmp_path / "disc", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    for name in ("linked.dcm", "beside.dcm"):
        (elsewhere / name).write_bytes(part10_bytes(small_object()))
    (folder / "IMAGE").symlink_to(elsewhere / "linked.dcm")
    (folder / "FOLDER").symlink_to(elsewhere)
    (folder / "ROUND").symlink_to(folder)
    (folder / "SELF").symlink_to(folder / "SELF")
    (folder / "GONE").symlink_to(folder / "nothing")
    report = import_paths(archive, [folder])
    assert report.stored == 1
    assert {Path(one.name).name for one in report.failures} == {"SELF", "GONE"}


def test_what_only_calls_itself_zip_is_told(archive, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK no")
    assert "ZIP" in str(import_paths(archive, [tmp_path / "x.zip"]).failures[0].error)


def test_a_dicomdir_brings_what_it_refers_to(archive):
    referenced = {instance.SOPInstanceUID for instance in FileSet(SAMPLES / "DICOMDIR")}
    report = import_paths(archive, [SAMPLES / "DICOMDIR"])
    assert (report.stored, report.failures) == (len(referenced), [])
    assert {change.sop_instance_uid for change in archive.changes()} == referenced


def test_a_dicomdir_finds_its_files_when_copying_changed_their_case(archive, tmp_path):
    for path in SAMPLES.rglob("*"):
        if path.is_file():
            lower = tmp_path / "disc" / str(path.relative_to(SAMPLES)).lower()
            lower.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, lower)
    folder = tmp_path / "disc" / "77654033"
    (folder / "cr1").rename(folder / "CR1;1")  # as some drivers show the version of ISO 9660
    report = import_paths(archive, [tmp_path / "disc" / "dicomdir"])
    assert (report.stored, report.failures) == (len(FileSet(SAMPLES / "DICOMDIR")), [])


def dicomdir_with(path: Path, file_id: list[str]) -> None:
    """A DICOMDIR of one image, with this File ID in place of its own."""
    directory = FileSet()
    dataset = small_object(ContentDate="20240117", ContentTime="0815")
    directory.add(pydicom.dcmread(BytesIO(part10_bytes(dataset))))
    directory.write(path.parent)
    dataset = pydicom.dcmread(path)
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = file_id
    dataset.save_as(path)


@pytest.mark.parametrize(
    "file_id",
    [
        ["..", "secret.dcm"],
        ["/etc", "passwd"],
        ["A", "..", "..", "secret.dcm"],
        ["C:", "secret.dcm"],
        ["../secret.dcm"],
        ["LINK"],
        ["LINKS", "secret.dcm"],
        ["A", "\0", "secret.dcm"],
        ["A\0", "secret.dcm"],
        ["ROOT", "etc", "hostname"],
        ["NUL"],
        ["CON.dcm"],
        ["A" * 5000],
    ],
)
def test_a_file_id_never_leads_out_of_its_medium(archive, tmp_path, file_id):
    disc = tmp_path / "disc"
    disc.mkdir()
    (tmp_path / "secret.dcm").write_bytes(part10_bytes(small_object()))
    (disc / "LINK").symlink_to(tmp_path / "secret.dcm")
    (disc / "LINKS").symlink_to(tmp_path)
    (disc / "ROOT").symlink_to("/")
    (disc / "A").mkdir()
    dicomdir_with(disc / "DICOMDIR", file_id)

    report = import_paths(archive, [disc / "DICOMDIR"])

    assert (report.accepted, len(report.failures)) == (0, 1)
    assert count(archive) == 0


def test_records_that_lead_in_a_circle_are_read_once(archive, tmp_path):
    (tmp_path / "IMAGE").write_bytes(part10_bytes(small_object()))
    dicomdir_with(tmp_path / "DICOMDIR", ["IMAGE"])
    content = bytearray((tmp_path / "DICOMDIR").read_bytes())
    first = content.index(b"\x04\0\0\x12UL\4\0") + 8  # OffsetOfTheFirst... (0004,1200)
    for tag in (b"\x04\0\0\x14", b"\x04\0\x20\x14"):  # of the next record, of the lower one
        at = content.find(tag + b"UL\4\0")
        while at >= 0:
            content[at + 8 : at + 12] = content[first : first + 4]
            at = content.find(tag + b"UL\4\0", at + 1)
    (tmp_path / "DICOMDIR").write_bytes(content)
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    assert (report.stored, report.failures) == (1, [])


def test_a_dicomdir_that_refers_to_itself_brings_nothing(archive, tmp_path):
    dicomdir_with(tmp_path / "DICOMDIR", ["DICOMDIR"])
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    assert (report.accepted, report.directories, report.failures) == (0, 1, [])


def test_a_dicomdir_that_is_a_bomb_is_told_in_little_memory(archive, tmp_path):
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, 160 << 20)
    parts = [packer.compress(head), *(packer.compress(bytes(1 << 20)) for _ in range(160))]
    meta = file_meta_bytes("1.2.840.10008.1.3.10", "1.2.3", "1.2.840.10008.1.2.1.99")
    (tmp_path / "DICOMDIR").write_bytes(meta + b"".join(parts) + packer.flush())
    before = peak_memory()
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    assert peak_memory() - before < 64 << 20
    assert (report.accepted, len(report.failures)) == (0, 1)


def test_a_reference_to_nothing_is_told(archive, tmp_path):
    dicomdir_with(tmp_path / "DICOMDIR", ["GONE"])
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    assert "GONE" in str(report.failures[0].error)


def test_a_file_id_in_one_piece_is_followed(archive, tmp_path):
    """The standard has one component a folder; some write the path as their system does."""
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "IMAGE").write_bytes(part10_bytes(small_object()))
    dicomdir_with(tmp_path / "DICOMDIR", ["A/IMAGE"])
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    assert (report.stored, report.failures) == (1, [])


def test_a_file_of_a_dicomdir_that_is_no_dicom_is_told(archive, tmp_path):
    """A scratched disc may give zeros; whoever imports it must know that an image is missing."""
    (tmp_path / "IMAGE").write_bytes(bytes(2048))
    dicomdir_with(tmp_path / "DICOMDIR", ["IMAGE"])
    report = import_paths(archive, [tmp_path / "DICOMDIR"])
    (failure,) = report.failures
    assert failure.name.endswith("IMAGE")
    assert report.not_dicom == 0


def test_a_file_that_only_calls_itself_dicomdir_is_told(archive, tmp_path):
    (tmp_path / "DICOMDIR").write_bytes(b"not at all" * 100)
    assert len(import_paths(archive, [tmp_path / "DICOMDIR"]).failures) == 1


def test_a_disk_that_is_full_ends_the_import_and_what_was_kept_is_told(
    archive, tmp_path, monkeypatch
):
    kept = archive.ingest
    room = iter(range(3))

    def ingest(*given, **named):
        if next(room, None) is None:
            raise OutOfResources("the disk is full")
        return kept(*given, **named)

    for number in range(9):
        (tmp_path / str(number)).write_bytes(part10_bytes(small_object()))
    monkeypatch.setattr(archive, "ingest", ingest)
    with pytest.raises(ImportStopped, match="the disk is full") as stopped:
        import_paths(archive, [tmp_path / str(number) for number in range(9)])
    assert isinstance(stopped.value, OutOfResources)
    assert stopped.value.report.stored == count(archive) == 3


def test_an_import_that_is_interrupted_tells_what_was_kept(archive, tmp_path):
    def interrupt(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    for number in range(100):
        (tmp_path / f"{number:02}").write_bytes(part10_bytes(small_object()))
    with pytest.raises(ImportInterrupted) as interrupted:
        import_paths(archive, [tmp_path / f"{n:02}" for n in range(100)], progress=interrupt)
    assert interrupted.value.report.stored == count(archive)
    assert 5 <= count(archive) < 100
