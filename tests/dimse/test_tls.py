"""Associations over TLS, and silent TLS clients that hold up nobody."""

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dimse.wire import CT, Everything, Shelf, eventually
from tests.factories import ct_slice, part10_bytes

from isocenter.dimse import (
    Acceptor,
    PeerAddress,
    StorageService,
    Timeouts,
    VerificationService,
    connect,
    connect_sync,
)
from isocenter.errors import AssociationError

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate; install openssl"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return key, certificate


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def acceptor(certificate: tuple[Path, Path], shelf: Shelf) -> Iterator[Acceptor]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[1], certificate[0])
    storage = StorageService(shelf, sop_classes=Everything(), transfer_syntaxes=Everything())
    timeouts = Timeouts(connect=1.0, close=0.3, idle=10)
    acceptor = Acceptor([VerificationService(), storage], port=0, tls=context, timeouts=timeouts)
    with acceptor:
        yield acceptor


@pytest.fixture
def client(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[1]))


def test_echo_and_store_over_tls(acceptor: Acceptor, shelf: Shelf, client: ssl.SSLContext) -> None:
    data = part10_bytes(ct_slice(Rows=1000, Columns=1000, PixelData=bytes(2_000_000)))
    peer = PeerAddress("P", *acceptor.address)
    contexts = ["1.2.840.10008.1.1", CT]
    with connect_sync(peer, contexts=contexts, tls=client) as association:
        assert association.echo().code == 0
        assert association.store(data).code == 0

    async def main() -> None:
        async with connect(peer, contexts=contexts, tls=client) as association:
            assert (await association.store(data)).code == 0

    asyncio.run(main())
    assert [data.endswith(kept.data) for kept in shelf.kept] == [True, True]


def test_a_certificate_that_nobody_vouches_for_is_refused(acceptor: Acceptor) -> None:
    with pytest.raises(AssociationError, match="CERTIFICATE_VERIFY_FAILED"):
        connect_sync(PeerAddress("P", *acceptor.address), tls=ssl.create_default_context())


def test_silent_and_plain_clients_hold_up_nobody(
    acceptor: Acceptor, client: ssl.SSLContext
) -> None:
    silent = [socket.create_connection(acceptor.address) for _ in range(10)]
    silent[0].sendall(b"\1\0\0\0\0\4plain")
    with connect_sync(PeerAddress("P", *acceptor.address), tls=client) as association:
        assert association.echo().code == 0
    for one in silent:
        one.settimeout(5)
        with contextlib.suppress(ConnectionError):
            while one.recv(100):
                pass
        one.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc, on Linux only")
@pytest.mark.parametrize("greeting", [b"", b"\1\0\0\0\0\4plain", b"\x16\x03\x01\x02\x00\x01"])
def test_repeated_handshakes_that_fail_leave_nothing_behind(
    acceptor: Acceptor, greeting: bytes
) -> None:
    def knock(times: int) -> None:
        for _ in range(times):
            with socket.create_connection(acceptor.address) as sock:
                sock.sendall(greeting)

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    knock(5)
    assert eventually(lambda: acceptor.open_associations == 0)
    files, threads = descriptors(), threading.active_count()
    knock(100)

    # A thread may tell of the lines that were counted, and a connection may still come.
    assert eventually(lambda: descriptors() <= files + 2)
    assert eventually(lambda: threading.active_count() <= threads)
    assert eventually(lambda: acceptor.open_associations == 0)


def test_an_idle_tls_association_ends_when_the_acceptor_stops(
    acceptor: Acceptor, client: ssl.SSLContext
) -> None:
    association = connect_sync(PeerAddress("P", *acceptor.address), tls=client)
    acceptor.stop(2.0)
    with pytest.raises(AssociationError):
        association.echo()
    association.close()
    assert acceptor.open_associations == 0
