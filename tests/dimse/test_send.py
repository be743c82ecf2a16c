"""Sending files: parallel associations, results, lost associations, syntaxes that are not taken."""

import errno
import os
import struct
import threading
import time
from collections import Counter
from collections.abc import Container
from pathlib import Path

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, generate_uid
from tests.dicom import corpus
from tests.dimse.wire import (
    BIG_ENDIAN,
    CT,
    EXPLICIT,
    IMPLICIT,
    RELEASE_RP,
    Everything,
    RawPeer,
    Shelf,
    accept_all,
    accepting,
    p_data,
    pdv,
    scripted_peer,
    store_rsp,
)
from tests.factories import ct_slice, part10_bytes, small_object

from isocenter.dimse import (
    PeerAddress,
    SendOutcome,
    SendProgress,
    Status,
    StorageService,
    Timeouts,
    send,
)
from isocenter.dimse.outgoing import describe
from isocenter.errors import NotDicom

QUICK = Timeouts(connect=5, associate=10, response=10, transfer=10, close=0.2)


def slices(folder: Path, count: int, syntax: str = EXPLICIT) -> list[Path]:
    paths = [folder / f"{n:03}.dcm" for n in range(count)]
    for path in paths:
        path.write_bytes(part10_bytes(ct_slice(), syntax))
    return paths


def storing(shelf: Shelf, syntaxes: Container[str]) -> list[StorageService]:
    return [StorageService(shelf, sop_classes=Everything(), transfer_syntaxes=syntaxes)]


@pytest.mark.parametrize("associations", [1, 3])
def test_every_file_arrives_once_and_has_its_result_in_order(
    tmp_path: Path, associations: int
) -> None:
    paths = slices(tmp_path, 10)
    shelf, seen = Shelf(), list[SendProgress]()
    with accepting(shelf) as acceptor:
        peer = PeerAddress("P", *acceptor.address)
        results = send(paths, peer, associations=associations, progress=seen.append)

    assert [result.path for result in results] == paths
    assert {result.outcome for result in results} == {SendOutcome.SENT}
    arrived = Counter(kept.request.sop_instance_uid for kept in shelf.kept)
    assert arrived == Counter(result.sop_instance_uid for result in results)
    assert [progress.done for progress in seen] == list(range(1, 11))
    assert seen[-1].done_bytes == seen[-1].total_bytes == sum(p.stat().st_size for p in paths)


def test_several_associations_send_at_the_same_time(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.delay = 0.05
    most = 0
    with accepting(shelf) as acceptor:

        def look(_: SendProgress) -> None:
            nonlocal most
            most = max(most, acceptor.open_associations)

        send(
            slices(tmp_path, 8), PeerAddress("P", *acceptor.address), associations=4, progress=look
        )
    assert most == 4


def test_folders_are_searched_and_what_is_not_dicom_in_them_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    slices(tmp_path / "deep", 2)
    (tmp_path / "notes.txt").write_text("no DICOM")
    with accepting() as acceptor:
        results = send([tmp_path], PeerAddress("P", *acceptor.address))

    outcomes = {result.path.name: result.outcome for result in results}
    assert outcomes == {
        "000.dcm": SendOutcome.SENT,
        "001.dcm": SendOutcome.SENT,
        "notes.txt": SendOutcome.SKIPPED,
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    slices(tmp_path / "deep", 1)
    os.mkfifo(tmp_path / "deep" / "pipe")
    with accepting() as acceptor:
        results = send(
            [tmp_path / "deep", tmp_path / "deep" / "pipe"], PeerAddress("P", *acceptor.address)
        )
    assert [(result.path.name, result.outcome) for result in results] == [
        ("000.dcm", SendOutcome.SENT),
        ("pipe", SendOutcome.SKIPPED),
        ("pipe", SendOutcome.FAILED),
    ]


def test_a_folder_given_as_an_object_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(NotDicom, match="a folder"):
        describe(tmp_path)


def test_a_named_file_that_cannot_be_sent_fails_and_the_others_do_not(tmp_path: Path) -> None:
    good = slices(tmp_path, 1)[0]
    bad = tmp_path / "bad.dcm"
    bad.write_text("no DICOM")
    with accepting() as acceptor:
        results = send([bad, tmp_path / "absent", good], PeerAddress("P", *acceptor.address))

    assert [result.outcome for result in results] == [
        SendOutcome.FAILED,
        SendOutcome.FAILED,
        SendOutcome.SENT,
    ]
    assert all(result.error for result in results[:2])


def test_a_failure_status_is_the_file_s_result(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.status = Status(0xA700, "disk full")
    with accepting(shelf) as acceptor:
        (result,) = send(slices(tmp_path, 1), PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.FAILED
    assert result.status == Status(0xA700, "disk full")
    assert "disk full" in result.error


def test_an_association_that_is_lost_is_made_anew_and_nothing_acknowledged_is_sent_twice(
    tmp_path: Path,
) -> None:
    acknowledged: list[int] = []
    connections: list[int] = []

    def script(peer: RawPeer) -> None:
        connections.append(1)
        accept_all(peer)
        for number in (1, 2):
            peer.command()
            last = False
            while not last:
                _, body = peer.pdu()
                last = bool(body[5] & 2)
            if len(connections) < 3 and number == 2:
                return
            acknowledged.append(number)
            peer.send(p_data(pdv(store_rsp(number))))

    with scripted_peer(script) as address:
        results = send(slices(tmp_path, 4), PeerAddress("P", *address), timeouts=QUICK)

    assert {result.outcome for result in results} == {SendOutcome.SENT}
    assert len(acknowledged) == 4
    assert len(connections) == 3


def test_a_file_on_which_the_peer_always_breaks_off_fails_after_some_attempts(
    tmp_path: Path,
) -> None:
    def script(peer: RawPeer) -> None:
        accept_all(peer)
        peer.command()

    with scripted_peer(script) as address:
        results = send(slices(tmp_path, 2), PeerAddress("P", *address), attempts=2, timeouts=QUICK)

    assert {result.outcome for result in results} == {SendOutcome.FAILED}
    assert all(result.error for result in results)
    assert "(attempts: 2; the peer's log may say more)" in results[0].error


def test_a_peer_that_cannot_be_reached_fails_every_file_with_the_reason(tmp_path: Path) -> None:
    with scripted_peer(lambda peer: None) as address:
        pass
    results = send(slices(tmp_path, 2), PeerAddress("P", *address), attempts=2, timeouts=QUICK)

    assert {result.outcome for result in results} == {SendOutcome.FAILED}
    assert all("cannot connect" in result.error for result in results)


def test_a_compressed_file_that_the_peer_does_not_take_says_which_syntax(tmp_path: Path) -> None:
    from pydicom.uid import RLELossless

    path = tmp_path / "rle.dcm"
    path.write_bytes(part10_bytes(ct_slice(), RLELossless))
    with accepting(services=storing(Shelf(), [EXPLICIT, IMPLICIT])) as acceptor:
        (result,) = send([path], PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.FAILED
    assert "RLE Lossless" in result.error
    assert "CT Image Storage" in result.error


@pytest.mark.parametrize("syntax", [EXPLICIT, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("taken", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_an_uncompressed_file_is_written_anew_only_where_its_own_syntax_is_not_taken(
    tmp_path: Path, syntax: str, taken: str
) -> None:
    shelf = Shelf()
    (path,) = slices(tmp_path, 1, syntax)
    with accepting(services=storing(shelf, [taken])) as acceptor:
        (result,) = send([path], PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.SENT, result.error
    (kept,) = shelf.kept
    assert kept.request.transfer_syntax_uid == taken
    if taken == syntax:
        assert path.read_bytes().endswith(kept.data)
    received = read_dataset(DicomBytesIO(bytes(kept.data)), taken == IMPLICIT, taken != BIG_ENDIAN)
    original = pydicom.dcmread(path)
    swapped = (taken == BIG_ENDIAN) != (syntax == BIG_ENDIAN)
    pixels = original.PixelData
    if swapped:
        pixels = b"".join(pixels[n : n + 2][::-1] for n in range(0, len(pixels), 2))
    assert received.PixelData == pixels
    del received.PixelData, original.PixelData
    # Implicit VR carries no VR, so private attributes lose theirs.
    received.remove_private_tags()
    original.remove_private_tags()
    assert received == original


def test_objects_of_more_sop_classes_than_an_association_holds_take_several(tmp_path: Path) -> None:
    for number in range(150):
        dataset = small_object(SOPClassUID=f"1.2.840.99999.{number}", SOPInstanceUID=generate_uid())
        (tmp_path / f"{number}.dcm").write_bytes(part10_bytes(dataset))
    shelf = Shelf()
    with accepting(shelf) as acceptor:
        results = send([tmp_path], PeerAddress("P", *acceptor.address))

    assert {result.outcome for result in results} == {SendOutcome.SENT}
    assert len({kept.request.sop_class_uid for kept in shelf.kept}) == 150


def test_a_file_larger_than_one_reading_arrives_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    rows, columns = 2500, 1501
    dataset = ct_slice(Rows=rows, Columns=columns)
    dataset.PixelData = bytes(n % 251 for n in range(rows * columns * 2))
    path.write_bytes(part10_bytes(dataset))
    shelf = Shelf()
    with accepting(shelf) as acceptor:
        send([path, path], PeerAddress("P", *acceptor.address))

    assert [path.read_bytes().endswith(kept.data) for kept in shelf.kept] == [True, True]
    assert len(shelf.kept[0].data) > 7_000_000


def test_a_peer_that_takes_few_bytes_a_pdu_gets_whole_files(tmp_path: Path) -> None:
    joined = bytearray()

    def script(peer: RawPeer) -> None:
        accept_all(peer, maximum_length=16)
        peer.command()
        last = False
        while not last:
            _, body = peer.pdu()
            assert len(body) <= 16
            joined.extend(body[6:])
            last = bool(body[5] & 2)
        peer.send(p_data(pdv(store_rsp(1))))

    path = tmp_path / "small.dcm"
    path.write_bytes(part10_bytes(small_object()))
    with scripted_peer(script) as address:
        (result,) = send([path], PeerAddress("P", *address), timeouts=QUICK)

    assert result.outcome is SendOutcome.SENT, result.error
    assert path.read_bytes().endswith(joined)
    assert CT not in result.error


def test_sending_leaves_no_thread_behind(tmp_path: Path) -> None:
    with accepting() as acceptor:
        before = threading.active_count()
        send(slices(tmp_path, 4), PeerAddress("P", *acceptor.address), associations=4)
        deadline = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threading.active_count() <= before


def test_files_behind_one_that_always_breaks_the_association_are_still_sent(
    tmp_path: Path,
) -> None:
    paths = slices(tmp_path, 3)
    poison = pydicom.dcmread(paths[0]).SOPInstanceUID.encode()

    def script(peer: RawPeer) -> None:
        accept_all(peer)
        for number in (1, 2):
            if poison in peer.command():
                return
            last = False
            while not last:
                _, body = peer.pdu()
                last = bool(body[5] & 2)
            peer.send(p_data(pdv(store_rsp(number))))
        assert peer.pdu()[0] == 5
        peer.send(RELEASE_RP)

    with scripted_peer(script) as address:
        results = send(paths, PeerAddress("P", *address), attempts=2, timeouts=QUICK)

    assert [result.outcome for result in results] == [
        SendOutcome.FAILED,
        SendOutcome.SENT,
        SendOutcome.SENT,
    ]


def test_an_object_is_named_by_its_data_set_where_file_meta_information_differs(
    tmp_path: Path,
) -> None:
    # RT Plan of pydicom's own test files: its Media Storage SOP Instance UID is another one's.
    source = corpus.named("rtplan.dcm")
    data_set = pydicom.dcmread(source)
    assert data_set.file_meta.MediaStorageSOPInstanceUID != data_set.SOPInstanceUID
    shelf = Shelf()
    with accepting(shelf) as acceptor:
        (result,) = send([source], PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.SENT
    assert [kept.request.sop_instance_uid for kept in shelf.kept] == [data_set.SOPInstanceUID]
    assert "File Meta Information names another SOP Instance" in result.note


def test_what_cannot_be_written_anew_is_named_without_its_value(tmp_path: Path) -> None:
    path = tmp_path / "weight.dcm"
    # Diffusion b-value is a double, but these are six bytes.
    diffusion = struct.pack("<HHI", 0x0018, 0x9087, 6) + b"DOE^JA"
    path.write_bytes(part10_bytes(ct_slice(), IMPLICIT) + diffusion)
    with accepting(services=storing(Shelf(), [EXPLICIT])) as acceptor:
        (result,) = send([path], PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.FAILED
    assert "(0018,9087) cannot be read or written" in result.error
    assert "DOE" not in result.error


def test_a_folder_that_cannot_be_read_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices(tmp_path, 1)
    closed, listed = tmp_path / "closed", os.scandir
    closed.mkdir()

    def scandir(path):
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with accepting() as acceptor:
        results = send([tmp_path], PeerAddress("P", *acceptor.address))
    outcomes = {each.path.name: each.outcome for each in results}
    assert outcomes == {"000.dcm": SendOutcome.SENT, "closed": SendOutcome.FAILED}
    assert any("Permission denied" in each.error for each in results)


def test_a_file_that_the_peer_keeps_with_a_warning_is_sent_and_says_so(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.status = Status(0xB000, "coerced")
    with accepting(services=storing(shelf, [EXPLICIT])) as acceptor:
        (result,) = send(slices(tmp_path, 1), PeerAddress("P", *acceptor.address))

    assert result.outcome is SendOutcome.SENT
    assert "B000H" in result.note
    assert "coerced" in result.note
