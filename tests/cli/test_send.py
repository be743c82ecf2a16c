import contextlib
import json
import signal
import subprocess
import sys

import pytest
from pynetdicom import AE, evt
from tests.dicom import corpus
from tests.factories import CT_IMAGE_STORAGE, ct_slice, part10_bytes
from tests.running_server import running_server, wait_until

# One server serves them all, so they belong into one worker.
pytestmark = pytest.mark.xdist_group("send")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server") / "data") as server:
        yield f"ISOCENTER@127.0.0.1:{server.dicom_port}"


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(5):
        path = folder / f"{number}.dcm"
        path.write_bytes(part10_bytes(ct_slice(InstanceNumber=number + 1)))
    return folder


def send(destination: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isocenter", "send", *arguments, destination],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_file_of_a_folder_is_sent_and_counted(server, files):
    done = send(server, str(files), "--associations", "3")
    assert done.returncode == 0
    assert "5 sent" in done.stdout and "0 failed" in done.stdout


def test_scripts_get_a_json_line_for_each_file(server, files):
    rows = [json.loads(line) for line in send(server, str(files), "--json").stdout.splitlines()]
    assert [row["outcome"] for row in rows] == ["sent"] * 5
    assert {row["status"] for row in rows} == {"0000"}
    assert sorted(row["path"] for row in rows) == sorted(map(str, files.iterdir()))


def test_what_the_results_file_records_as_sent_is_not_sent_again(server, files, tmp_path):
    results = tmp_path / "results.jsonl"
    broken = files / "4.dcm"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-1000])
    first = send(server, str(files), "--results", str(results))
    assert first.returncode == 1
    assert "4 sent" in first.stdout and "1 failed" in first.stdout
    broken.write_bytes(whole)
    with results.open("a") as file:
        file.write('{"destination": "cut off by a crash')
    second = send(server, str(files), "--results", str(results))
    assert second.returncode == 0
    assert "1 sent" in second.stdout
    third = send(server, str(files), "--results", str(results))
    assert "0 sent" in third.stdout and "5 sent before" in third.stdout


def test_a_results_file_that_is_something_else_is_left_alone(server, files, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("dear diary\n")
    done = send(server, str(files), "--results", str(other))
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert other.read_text() == "dear diary\n"


def test_a_folder_without_anything_to_send_is_told_as_such(server, tmp_path):
    (tmp_path / "notes.txt").write_text("dear diary\n")
    done = send(server, str(tmp_path))
    assert done.returncode == 2
    assert "nothing to send" in done.stderr and str(tmp_path) in done.stderr


@contextlib.contextmanager
def storage_node(status: int):
    """A node by pynetdicom that offers CT Image Storage alone and answers with `status`."""
    received: list[str] = []

    def answer(event) -> int:
        received.append(event.request.AffectedSOPInstanceUID)
        return status

    node = AE("STORE")
    node.add_supported_context(CT_IMAGE_STORAGE)
    handlers = [(evt.EVT_C_STORE, answer)]
    listening = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield f"STORE@127.0.0.1:{listening.server_address[1]}", received
    finally:
        listening.shutdown()


@pytest.mark.peer
def test_a_node_that_offers_storage_and_no_verification_is_sent_to(files):
    with storage_node(0x0000) as (destination, received):
        done = send(destination, str(files))
    assert done.returncode == 0, done.stderr
    assert len(received) == 5


@pytest.mark.peer
def test_what_the_node_refuses_is_named_with_its_status(files):
    with storage_node(0xA700) as (destination, _):
        done = send(destination, str(files), "--json")
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["A700"] * 5
    assert all("Out of resources" in row["error"] for row in rows)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_what_ctrl_c_interrupts_goes_on_with_the_same_results_file(server, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(200):
        path = folder / f"{number}.dcm"
        path.write_bytes(part10_bytes(ct_slice(64, 64)))
    results = tmp_path / "results.jsonl"
    command = [sys.executable, "-m", "isocenter", "send", folder, "--results", results, server]
    interrupted = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: results.exists() and results.read_text().count("\n") >= 3)
    interrupted.send_signal(signal.SIGINT)
    _, told = interrupted.communicate(timeout=60)
    recorded = results.read_text().count('"sent"')
    if recorded < 200:  # else it was done before the signal came
        assert interrupted.returncode == 130
        assert told == ""
    done = send(server, str(folder), "--results", str(results))
    assert done.returncode == 0
    assert f"{200 - recorded} sent" in done.stdout


def test_an_object_whose_file_meta_information_is_wrong_is_stored_as_what_it_is(server):
    done = send(server, str(corpus.named("rtplan.dcm")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 sent" in done.stdout
    assert "File Meta Information names another SOP Instance" in done.stdout
