"""What was acknowledged is kept: through a kill at any moment, and when the disk is full."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.factories import CT_IMAGE_STORAGE, ct_slice, part10_bytes
from tests.running_server import RunningServer, running_server, wait_until

from isocenter.dimse import connect_sync
from isocenter.errors import AssociationError

ROUNDS = 3
ACKNOWLEDGED_BEFORE_THE_KILL = 25
BOUNDARY = "a-boundary"


def stow(http_url: str, *objects: bytes) -> tuple[int, dict]:
    """Store by STOW-RS and return status and response."""
    connection = http.client.HTTPConnection(http_url.removeprefix("http://"), timeout=60)
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + part + b"\r\n"
        for part in objects
    )
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    with contextlib.closing(connection):
        connection.request(
            "POST",
            "/dicomweb/studies",
            body + f"--{BOUNDARY}--\r\n".encode(),
            {"Content-Type": kind, "Accept": "application/dicom+json"},
        )
        answer = connection.getresponse()
        content = answer.read()
    is_json = answer.headers.get_content_type() == "application/dicom+json"
    return answer.status, json.loads(content) if is_json else {}


def found(server: RunningServer) -> set[str]:
    """Ask by QIDO-RS for every SOP Instance UID."""
    with urllib.request.urlopen(
        server.http + "/dicomweb/instances?limit=100000", timeout=60
    ) as answer:
        rows = json.loads(answer.read() or b"[]")
    return {row["00080018"]["Value"][0] for row in rows}


class Sender(threading.Thread):
    """Stores new instances until its server is gone; remembers what was acknowledged."""

    def __init__(self, connect: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self._connect = connect
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        lost = (OSError, AssociationError, http.client.HTTPException)
        with contextlib.suppress(*lost), self._connect() as store:
            while True:
                dataset = ct_slice(64, 64)
                assert store(part10_bytes(dataset))
                self.acknowledged.add(dataset.SOPInstanceUID)


@contextlib.contextmanager
def by_dimse(server: RunningServer):
    here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
    with connect_sync(here, contexts=[CT_IMAGE_STORAGE]) as association:
        yield lambda data: association.store(data).is_success


@contextlib.contextmanager
def by_stow(server: RunningServer):
    yield lambda data: stow(server.http, data)[0] == 200


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_acknowledged_instance_survives_a_kill_and_nothing_half_written_shows(tmp_path):
    data = tmp_path / "data"
    acknowledged: set[str] = set()
    for _ in range(ROUNDS):
        server = RunningServer(data)
        ways = [by_dimse, by_dimse, by_stow, by_stow]
        senders = [Sender(lambda way=way, server=server: way(server)) for way in ways]
        for sender in senders:
            sender.start()
        wait_until(
            lambda senders=senders: all(
                len(sender.acknowledged) >= ACKNOWLEDGED_BEFORE_THE_KILL for sender in senders
            ),
            seconds=120,
        )
        server.kill()
        for sender in senders:
            sender.join(60)
            acknowledged |= sender.acknowledged
    with running_server(data) as server:
        shown = found(server)
        assert acknowledged <= shown
        files = {path.stem: path for path in data.glob("[0-9]*/*/*.dcm")}
        assert shown <= set(files)
        for uid in shown:
            assert len(dcmread(files[uid]).PixelData) == 64 * 64 * 2
    assert len(acknowledged) >= ROUNDS * 4 * ACKNOWLEDGED_BEFORE_THE_KILL


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mounting).returncode:
        pytest.skip("needs to mount a small file system: run as root on Linux")
    yield place
    subprocess.run(["umount", str(place)], check=True, timeout=30)


def fill(disk: Path, leave: int) -> Path:
    """Occupy the disk but for `leave` bytes."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return filler


def ready(server: RunningServer) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(server.http + "/health/ready", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_full_disk_refuses_with_a_reason_loses_nothing_and_resumes_when_there_is_room(small_disk):
    with running_server(small_disk / "data") as server, by_dimse_status(server) as store:
        kept = [ct_slice(256, 256) for _ in range(4)]
        assert [store(dataset).code for dataset in kept[:2]] == [0, 0]
        assert stow(server.http, *map(part10_bytes, kept[2:]))[0] == 200

        filler = fill(small_disk, leave=65536)
        refused = ct_slice(256, 256)
        status = store(refused)
        assert status.code == 0xA700
        assert "space" in status.comment
        assert stow(server.http, part10_bytes(refused))[0] == 503
        assert found(server) == {dataset.SOPInstanceUID for dataset in kept}
        code, said = ready(server)
        assert code == 503
        assert "the disk is full" in said

        filler.unlink()
        assert ready(server)[0] == 200
        assert store(refused).code == 0
        another = ct_slice(256, 256)
        assert stow(server.http, part10_bytes(another))[0] == 200
        everything = {dataset.SOPInstanceUID for dataset in [*kept, refused, another]}
        assert found(server) == everything
        assert "Traceback" not in server.output


@contextlib.contextmanager
def by_dimse_status(server: RunningServer):
    here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
    with connect_sync(here, contexts=[CT_IMAGE_STORAGE]) as association:
        yield lambda dataset: association.store(part10_bytes(dataset))


@contextlib.contextmanager
def read_only(folder: Path):
    """A second, read-only mount over a folder: what a disk is after the kernel gave it up.

    It is made read-only elsewhere, where nobody has a file open that hinders it, and covers the
    folder in one step.
    """

    def mount(*arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True, timeout=30)

    with contextlib.ExitStack() as mounted:
        elsewhere = folder.with_name("read-only")
        elsewhere.mkdir()
        for source, place in ((folder, elsewhere), (elsewhere, folder)):
            mount("--bind", source, place)
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=True, timeout=30)
            if place is elsewhere:
                mount("-o", "remount,bind,ro", place)
        yield


def test_a_disk_that_turns_read_only_refuses_with_a_reason_and_resumes_when_it_can_be_written(
    small_disk,
):
    with running_server(small_disk / "data") as server, by_dimse_status(server) as store:
        kept, refused, another = (ct_slice(64, 64) for _ in range(3))
        assert store(kept).code == 0

        with read_only(small_disk / "data"):
            status = store(refused)
            assert status.code == 0xA700
            assert "ead-only" in status.comment
            assert stow(server.http, part10_bytes(another))[0] == 503
            assert found(server) == {kept.SOPInstanceUID}
            assert ready(server)[0] == 503

        assert ready(server)[0] == 200
        assert store(refused).code == 0
        assert stow(server.http, part10_bytes(another))[0] == 200
        assert found(server) == {each.SOPInstanceUID for each in (kept, refused, another)}
        assert "Traceback" not in server.output


def test_a_read_only_disk_is_named_when_the_server_starts(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=30)
    command = [sys.executable, "-m", "isocenter", "serve", "--data", str(small_disk / "data")]
    done = subprocess.run(
        [*command, "--http", "0", "--dicom", "0"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
