"""The real server in a process of its own, looked at from outside."""

import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from tests.factories import ct_slice, data_set_bytes
from tests.running_server import RunningServer, running_server, wait_until

from isocenter.dimse import connect_sync
from isocenter.dimse.messages import CStoreRq
from isocenter.errors import AssociationError

# One server serves them all, so they belong into one worker.
pytestmark = pytest.mark.xdist_group("process")

needs_dcmtk = pytest.mark.skipif(
    not shutil.which("echoscu"), reason="needs DCMTK (Debian's package dcmtk)"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def isocenter(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isocenter", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_it_announces_each_listener_on_a_line_of_its_own(server):
    lines = server.output.splitlines()
    assert f"DICOM  ISOCENTER@127.0.0.1:{server.dicom_port}" in lines
    assert f"HTTP   {server.http}/" in lines


def test_it_is_alive_and_ready(server):
    assert get(server.http + "/health/live") == (200, '{"status":"live"}')
    assert get(server.http + "/health/ready") == (200, '{"status":"ready"}')


def test_metrics_are_in_prometheus_text_format(server):
    status, text = get(server.http + "/metrics")
    assert status == 200
    assert "# TYPE isocenter_open_associations gauge" in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rpartition(" ")[2]) > 0
        if not line.startswith("#"):
            float(line.rpartition(" ")[2])


def test_it_describes_its_api(server):
    status, text = get(server.http + "/api/openapi.json")
    assert status == 200
    assert '"Isocenter"' in text


@pytest.mark.peer
@needs_dcmtk
def test_dcmtk_gets_an_echo(server):
    command = ["echoscu", "-aec", "ISOCENTER", "127.0.0.1", str(server.dicom_port)]
    assert subprocess.run(command, timeout=30).returncode == 0


@pytest.mark.peer
@needs_dcmtk
def test_what_dcmtk_stores_is_a_file_under_its_uids_and_counted(server):
    path = get_testdata_file("CT_small.dcm", download=False)
    command = ["storescu", "-aec", "ISOCENTER", "127.0.0.1", str(server.dicom_port), path]
    assert subprocess.run(command, timeout=30).returncode == 0
    sent = dcmread(path)
    kept = (
        server.data / sent.StudyInstanceUID / sent.SeriesInstanceUID / f"{sent.SOPInstanceUID}.dcm"
    )
    assert dcmread(kept).PixelData == sent.PixelData
    assert (
        'isocenter_stored_instances_total{outcome="stored"} 1' in get(server.http + "/metrics")[1]
    )


COMPRESSED = (
    "examples_ybr_color.dcm",  # JPEG Baseline, 30 frames
    "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm",  # JPEG Lossless
    "examples_jpeg2k.dcm",
    "MR_small_RLE.dcm",
    "image_dfl.dcm",  # deflated
)


@pytest.mark.peer
@needs_dcmtk
def test_every_transfer_syntax_that_dcmtk_sends_is_kept_as_it_is(tmp_path):
    paths = [get_testdata_file(name, download=False) for name in COMPRESSED]
    with running_server(tmp_path / "data") as server:
        command = ["dcmsend", "-aec", "ISOCENTER", "--decompress-never"]
        subprocess.run(
            [*command, "127.0.0.1", str(server.dicom_port), *paths], timeout=60, check=True
        )
    kept = {path.stem: dcmread(path) for path in server.data.rglob("*.dcm")}
    for sent in map(dcmread, paths):
        found = kept.pop(sent.SOPInstanceUID)
        assert found.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert found.PixelData == sent.PixelData
    assert kept == {}


def test_a_foreign_host_name_gets_no_answer(server):
    assert get(server.http + "/health/ready", Host="evil.example")[0] == 421


def test_sigterm_ends_it_with_code_0_even_while_clients_are_connected(tmp_path):
    server = RunningServer(tmp_path / "data")
    association = connect_sync(f"ISOCENTER@127.0.0.1:{server.dicom_port}")
    events = urllib.request.urlopen(server.http + "/api/events", timeout=30)
    idle = socket.create_connection(("127.0.0.1", int(server.http.rpartition(":")[2])))
    assert server.terminate() == 0
    assert "Traceback" not in server.output
    events.close()
    idle.close()
    association.close()


def test_two_servers_cannot_share_a_port_and_the_second_says_so(server, tmp_path):
    port = server.http.rpartition(":")[2]
    second = isocenter("serve", "--http", port, "--dicom", "0", "--data", str(tmp_path / "data"))
    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in second.stderr
    assert "Traceback" not in second.stderr
    third = isocenter(
        *("serve", "--http", "0", "--dicom", str(server.dicom_port)),
        *("--data", str(tmp_path / "data")),
    )
    assert third.returncode == 2
    assert "Address already in use" in third.stderr


@pytest.mark.parametrize(
    ("flags", "remedy"),
    [
        (["--http", "0.0.0.0:0", "--dicom", "0"], "ISOCENTER_TOKENS"),
        (["--http", "0", "--dicom", "0.0.0.0:0"], "--peers"),
    ],
)
def test_listening_beyond_this_machine_needs_somebody_to_have_decided_so(flags, remedy, tmp_path):
    refused = isocenter("serve", "--data", str(tmp_path / "data"), *flags)
    assert refused.returncode == 2
    assert remedy in refused.stderr and "--insecure" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_calling_ae_title_that_is_no_peer_is_rejected(tmp_path):
    with running_server(tmp_path / "data", "--peers", "CT1,MR1") as server:
        here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
        assert isocenter("echo", here, "--calling", "CT1").returncode == 0
        refused = isocenter("echo", here, "--calling", "STRANGER")
    assert refused.returncode == 3
    assert "does not know our AE title" in refused.stderr


def test_with_tokens_http_needs_one(tmp_path):
    token = "a-token-of-some-length"
    environment = {"ISOCENTER_TOKENS": token}
    with running_server(tmp_path / "data", environment=environment) as server:
        assert get(server.http + "/metrics")[0] == 401
        assert get(server.http + "/metrics", Authorization=f"Bearer {token}")[0] == 200
        assert get(server.http + "/health/ready")[0] == 200
        assert token not in server.output


def test_demo_fills_an_empty_archive_once(tmp_path):
    with running_server(tmp_path / "data", "--demo") as server:
        assert "instances of sample studies" in server.output
    files = sorted((tmp_path / "data").rglob("*.dcm"))
    assert len(files) > 50
    with running_server(tmp_path / "data", "--demo") as server:
        assert "not empty" in server.output
    assert sorted((tmp_path / "data").rglob("*.dcm")) == files


def store(association, dataset, pieces) -> int:
    """Send a data set piece by piece and return the status."""
    (context_id,) = association.contexts
    request = CStoreRq(
        message_id=1,
        affected_sop_class_uid=dataset.SOPClassUID,
        affected_sop_instance_uid=dataset.SOPInstanceUID,
        has_data_set=True,
    )
    return association.exchange(context_id, request, pieces).status


def pieces_with_a_signal_between(server, dataset):
    data = data_set_bytes(dataset)
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]
        if start == 4 << 20:
            server.process.terminate()
            wait_until(lambda: is_closed(server.dicom_port))


def test_a_transfer_under_way_when_sigterm_comes_is_finished_and_kept(tmp_path):
    dataset = ct_slice(2048, 2048)
    server = RunningServer(tmp_path / "data", environment={"ISOCENTER_SHUTDOWN_GRACE": "50"})
    here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
    with connect_sync(here, contexts=[dataset.SOPClassUID]) as association:
        pieces = pieces_with_a_signal_between(server, dataset)
        assert store(association, dataset, pieces) == 0
    assert server.wait() == 0
    assert [path.stem for path in server.data.rglob("*.dcm")] == [dataset.SOPInstanceUID]


def test_a_second_signal_ends_it_at_once(tmp_path):
    dataset = ct_slice(2048, 2048)
    server = RunningServer(tmp_path / "data", environment={"ISOCENTER_SHUTDOWN_GRACE": "600"})
    here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"

    def pieces():
        for number, piece in enumerate(pieces_with_a_signal_between(server, dataset)):
            if number == 5:  # the first signal has come
                server.process.terminate()
                server.process.wait(30)
            yield piece

    with pytest.raises(AssociationError), connect_sync(here, contexts=[dataset.SOPClassUID]) as it:
        store(it, dataset, pieces())
    assert server.wait() == 130
    assert list(server.data.rglob("*.dcm")) == []


def is_closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in Linux's /proc")
def test_clients_that_come_and_go_leave_nothing_behind(server):
    get(server.http + "/health/ready")
    files = Path(f"/proc/{server.process.pid}/fd")
    tasks = Path(f"/proc/{server.process.pid}/task")
    ports = (server.dicom_port, int(server.http.rpartition(":")[2]))

    def open_things() -> tuple[int, int]:
        return len(list(files.iterdir())), len(list(tasks.iterdir()))

    def come_and_go() -> None:
        for port in ports * 50:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(b"\x01\x00\x00")

    come_and_go()
    wait_until(lambda: "isocenter_open_associations 0" in get(server.http + "/metrics")[1])
    before = open_things()
    come_and_go()
    wait_until(
        lambda: all(now <= then + 4 for now, then in zip(open_things(), before, strict=True))
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/PID/status: run on Linux")
def test_no_file_that_is_opened_later_waits_for_a_larger_table(server):
    import resource

    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    assert int(status.partition("FDSize:")[2].split()[0]) >= min(most, 4096)


def test_a_server_whose_folder_is_away_is_not_ready(tmp_path):
    """As with a disk that is not mounted any more: the index may still answer, the files cannot."""
    data = tmp_path / "data"
    with running_server(data) as server:
        assert get(server.http + "/health/ready")[0] == 200
        data.rename(tmp_path / "elsewhere")
        code, said = get(server.http + "/health/ready")
        assert code == 503
        assert "is its disk mounted?" in said
        data.mkdir()  # what a disk was mounted on
        assert get(server.http + "/health/ready")[0] == 503
        data.rmdir()
        (tmp_path / "elsewhere").rename(data)
        assert get(server.http + "/health/ready")[0] == 200


def test_a_quarantine_that_keeps_nothing_is_counted_and_changes_no_answer(tmp_path):
    """Objects can be kept all the same, so that the node stays ready."""
    quarantine = tmp_path / "refused"

    def answer_and_count() -> tuple[int, str]:
        sent = urllib.request.Request(
            server.http + "/dicomweb/studies",
            b"no DICOM object",
            {"Content-Type": "application/dicom", "Accept": "application/dicom+json"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(sent, timeout=30)
        metrics = get(server.http + "/metrics")[1]
        return refused.value.code, metrics.partition("\nisocenter_unquarantined_instances ")[2][:1]

    with running_server(tmp_path / "data", "--quarantine", str(quarantine)) as server:
        assert answer_and_count() == (409, "0")
        assert len(list(quarantine.glob("*.dcm"))) == 1
        quarantine.rename(tmp_path / "elsewhere")
        quarantine.write_text("in the way")
        assert answer_and_count() == (409, "1")
        assert get(server.http + "/health/ready")[0] == 200
