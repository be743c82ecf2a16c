"""What a newcomer gets wrong with a DICOM node is answered with what to do."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from tests.dimse.wire import ABORT, RawPeer, accepting, scripted_peer
from tests.factories import CT_IMAGE_STORAGE, ct_slice, part10_bytes
from tests.free_ports import free_port

from isocenter.cli import main
from isocenter.dimse import Acceptor, AccessList, AssociateRj, Limits, VerificationService

J2K = "1.2.840.10008.1.2.4.90"
RJ = "03000000000400"


@dataclass
class Answer:
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def isocenter(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, in this process."""

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "ct.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    return folder


def at(acceptor: Acceptor) -> str:
    return "ISOCENTER@{}:{}".format(*acceptor.address)


@pytest.mark.parametrize("others", [[], ["ct.dcm"]], ids=["alone", "behind a file"])
def test_a_destination_that_was_left_out_is_said_to_be_missing(
    others: list[str], isocenter: Run, study: Path
) -> None:
    answer = isocenter("send", *(str(study / one) for one in others), str(study))
    assert answer.code == 2
    assert f"{study} is something to send; the destination is missing, or not last" in answer.err
    assert "as AET@HOST:PORT, such as ISOCENTER@127.0.0.1:11112" in answer.err


def test_an_empty_path_is_not_taken_for_the_current_folder(
    isocenter: Run, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study)
    answer = isocenter("send", "", "ISOCENTER@127.0.0.1:1")
    assert (answer.code, answer.out) == (2, "")
    assert "a path is empty; name a file or a folder" in answer.err


def test_results_that_would_stand_in_no_folder_are_refused_before_anything_is_sent(
    isocenter: Run, study: Path
) -> None:
    file = study / "nowhere" / "sent.jsonl"
    with accepting() as acceptor:
        answer = isocenter("send", str(study), at(acceptor), "--results", str(file))
    assert (answer.code, answer.out) == (2, "")
    assert f"no such folder: {file.parent}; --results names a file" in answer.err


@pytest.mark.parametrize(
    ("destination", "says"),
    [
        ("127.0.0.1:11112", "the AE title and the @ before the host are missing"),
        ("@127.0.0.1:11112", "the AE title before the @ is missing"),
        ("ISOCENTER@", "the host behind the @ is missing"),
        ("ISOCENTER@::1:11112", "an IPv6 address stands in brackets, as in AET@[::1]:11112"),
        ("http://127.0.0.1:8104/", "but a URL"),
        ("ISOCENTER@127.0.0.1:dicom", "give AET@HOST:PORT"),
    ],
)
@pytest.mark.parametrize("command", [["echo"], ["send", "."]], ids=["echo", "send"])
def test_a_malformed_destination_is_answered_with_what_is_wrong_and_how_to_write_it(
    command: list[str], destination: str, says: str, isocenter: Run
) -> None:
    answer = isocenter(*command, destination)
    assert answer.code == 2
    assert says in answer.err and "such as ISOCENTER@127.0.0.1:11112" in answer.err


@pytest.mark.parametrize("host", ["..", "x" * 64, "no such host"])
def test_a_host_that_nobody_knows_is_no_defect(host: str, isocenter: Run) -> None:
    answer = isocenter("echo", f"ISOCENTER@{host}:104")
    assert answer.code == (2 if " " in host else 3)
    assert "No such host is known" in answer.err or "is no destination" in answer.err


@pytest.mark.parametrize("seconds", ["nan", "inf"])
@pytest.mark.parametrize("command", [["echo"], ["send", "."]], ids=["echo", "send"])
def test_a_time_that_is_none_is_refused(command: list[str], seconds: str, isocenter: Run) -> None:
    answer = isocenter(*command, "ISOCENTER@127.0.0.1:1", "--timeout", seconds)
    assert answer.code == 2
    assert "--timeout" in answer.err or "is inf seconds: give 0 to" in answer.err


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_a_node_at_an_ipv6_address_is_named_as_it_was_typed(isocenter: Run) -> None:
    destination = f"ISOCENTER@[::1]:{free_port()}"
    answer = isocenter("echo", destination)
    assert answer.code == 3
    assert answer.err.startswith(f"isocenter: cannot connect to {destination}: ")


def test_without_a_port_the_registered_one_is_named(isocenter: Run) -> None:
    answer = isocenter("echo", "ISOCENTER@no-such-host.invalid")
    assert answer.code == 3
    assert "ISOCENTER@no-such-host.invalid:11112" in answer.err
    assert "No such host is known" in answer.err


@pytest.mark.parametrize(
    ("rejection", "says"),
    [
        ("010101", "gives no reason. Often it does not know our AE title, WE: have it added"),
        ("010103", "call as one it knows with --calling"),
        ("010107", "another AE title than the one before the @: its configuration says which"),
        ("020302", "no room for another association now"),
        ("010202", "The node's log may say more."),
        ("090909", "The node's log may say more."),
    ],
)
@pytest.mark.parametrize("command", ["echo", "send"])
def test_each_rejection_says_what_to_do(
    command: str, rejection: str, says: str, isocenter: Run, study: Path
) -> None:
    def reject(peer: RawPeer) -> None:
        peer.pdu()
        peer.send(bytes.fromhex(RJ + rejection))

    with scripted_peer(reject) as (host, port):
        paths = [str(study)] if command == "send" else []
        answer = isocenter(command, *paths, f"A@{host}:{port}", "--calling", "WE")
    assert answer.code == 3
    assert f"A@{host}:{port}: association rejected" in answer.err
    assert answer.err.count(f"{host}:{port}") == 1
    assert says in answer.err


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x03\x00\x02\x02\x0a"])
def test_what_speaks_no_dicom_or_only_tls_is_told_as_such(greeting: bytes, isocenter: Run) -> None:
    with scripted_peer(lambda peer: peer.send(greeting)) as (host, port):
        answer = isocenter("echo", f"A@{host}:{port}")
    assert answer.code == 3
    assert "may not speak DICOM, or only over TLS" in answer.err


def test_a_node_that_aborts_is_said_to_speak_dicom(isocenter: Run) -> None:
    def abort(peer: RawPeer) -> None:
        peer.pdu()
        peer.send(ABORT)

    with scripted_peer(abort) as (host, port):
        answer = isocenter("echo", f"A@{host}:{port}")
    assert answer.code == 3
    assert "aborted by the service user" in answer.err
    assert "speaks DICOM, and broke off by itself: its log may say why" in answer.err


def test_a_node_that_never_answers_is_given_up_with_what_to_look_at(isocenter: Run) -> None:
    stop = threading.Event()
    with scripted_peer(lambda peer: stop.wait(30)) as (host, port):
        answer = isocenter("echo", f"A@{host}:{port}", "--timeout", "0.3")
        stop.set()
    assert answer.code == 3
    assert "No answer came in time" in answer.err and "firewall" in answer.err


def test_a_node_without_verification_is_said_to_be_there(isocenter: Run) -> None:
    with accepting(services=[]) as acceptor:
        answer = isocenter("echo", at(acceptor))
    assert answer.code == 3
    assert "does not accept Verification SOP Class" in answer.err
    assert "address and AE titles are right" in answer.err


@contextlib.contextmanager
def storing(*syntaxes: str) -> Iterator[str]:
    """A node of pynetdicom that stores CT images in some transfer syntaxes."""
    node = AE("STORE")
    node.add_supported_context(CT_IMAGE_STORAGE, list(syntaxes))
    handlers = [(evt.EVT_C_STORE, lambda event: 0)]
    server = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield f"STORE@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@pytest.mark.peer
def test_an_object_that_the_node_does_not_take_is_named_with_where_to_look(
    isocenter: Run, study: Path
) -> None:
    compressed = study / "j2k.dcm"
    compressed.write_bytes(part10_bytes(ct_slice(8, 8), J2K))
    with storing("1.2.840.10008.1.2") as destination:
        answer = isocenter("send", str(study), destination)
    assert answer.code == 1
    assert f"failed: {compressed}: STORE does not accept CT Image Storage" in answer.out
    assert f"({J2K}); its configuration or conformance statement says what it takes" in answer.out
    assert f"1 sent to {destination}, 1 failed, 0 skipped" in answer.out
    with storing(J2K) as destination:
        answer = isocenter("send", str(study), destination)
    assert "in an uncompressed transfer syntax; its configuration" in answer.out


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such rights")
def test_a_folder_that_may_not_be_read_fails_and_says_why(
    isocenter: Run, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = study / "closed"
    closed.mkdir(0o000)
    if os.geteuid() == 0:  # who may read everything
        real = os.scandir

        def scandir(path: str) -> object:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
    with accepting() as acceptor:
        answer = isocenter("send", str(study), at(acceptor))
    assert answer.code == 1
    assert f"failed: {closed}: the folder cannot be read: Permission denied" in answer.out
    assert "1 sent" in answer.out and "1 failed" in answer.out


def test_limits_and_lists_of_a_real_node_are_told_apart(isocenter: Run) -> None:
    def code_and_hint(**options: object) -> tuple[int, str]:
        with accepting(services=[VerificationService()], **options) as acceptor:
            answer = isocenter("echo", at(acceptor))
            return answer.code, answer.err

    class Silent(AccessList):
        def decide(self, request: object, peer_address: str) -> AssociateRj:
            return AssociateRj(1, 1, 1)

    assert code_and_hint(limits=Limits(associations=0))[0] == 3
    assert "no room" in code_and_hint(limits=Limits(associations=0))[1]
    assert "another AE title" in code_and_hint(policy=AccessList(frozenset({"OTHER"})))[1]
    assert "does not know our" in code_and_hint(policy=AccessList(None, {"OTHER": None}))[1]
    assert "gives no reason" in code_and_hint(policy=Silent())[1]
