"""TLS with DCMTK in both directions, each side proving who it is by a certificate."""

import ssl
import subprocess
from pathlib import Path

import pytest
from tests.dimse.wire import Everything, Shelf
from tests.factories import ct_slice, part10_bytes
from tests.free_ports import free_port
from tests.interop import peers

from isocenter.dimse import Acceptor, PeerAddress, StorageService, VerificationService, send
from isocenter.dimse.send import SendOutcome

pytestmark = [pytest.mark.peer, peers.needs("openssl", "storescu", "storescp")]


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate that both sides use and trust."""
    folder = tmp_path_factory.mktemp("credentials")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return key, certificate


@pytest.fixture
def slice_file(tmp_path: Path) -> Path:
    path = tmp_path / "slice.dcm"
    path.write_bytes(part10_bytes(ct_slice()))
    return path


def test_storescu_stores_over_tls_with_a_client_certificate(
    credentials: tuple[Path, Path], slice_file: Path
) -> None:
    key, certificate = credentials
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    shelf = Shelf()
    storage = StorageService(shelf, sop_classes=Everything(), transfer_syntaxes=Everything())
    with Acceptor([VerificationService(), storage], port=0, tls=context) as acceptor:
        port = str(acceptor.address[1])
        tls = ["+tls", key, certificate, "+cf", certificate]
        done = peers.run(["storescu", *tls, "-aec", "ISOCENTER", "localhost", port, slice_file])
        plain = peers.run(["storescu", "-aec", "ISOCENTER", "localhost", port, slice_file])

    assert done.returncode == 0, done.stdout
    assert plain.returncode != 0
    (kept,) = shelf.kept
    assert slice_file.read_bytes().endswith(kept.data)


def test_storescp_keeps_what_is_sent_over_tls(
    credentials: tuple[Path, Path], slice_file: Path, tmp_path: Path
) -> None:
    key, certificate = credentials
    context = ssl.create_default_context(cafile=str(certificate))
    context.load_cert_chain(certificate, key)
    port, out = free_port(), tmp_path / "out"
    out.mkdir()
    command = ["storescp", "+tls", key, certificate, "+cf", certificate, "-od", out, str(port)]
    with peers.serving(command, port, tmp_path):
        (result,) = send([slice_file], PeerAddress("PEER", "localhost", port), tls=context)

    assert result.outcome is SendOutcome.SENT, result.error
    assert len(list(out.iterdir())) == 1
