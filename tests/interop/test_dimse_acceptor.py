"""Our Verification and Storage SCP against the SCUs of others."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from tests.dimse.wire import Shelf, accepting
from tests.factories import ct_slice, part10_bytes
from tests.interop import peers

from isocenter.dimse import Acceptor

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("dimse-acceptor")]

Command = list[str | Path]


def _scu_js(*arguments: str | Path) -> Command:
    peers.install_node_packages()
    return [peers.node(), peers.NODE_FOLDER / "scu.js", "127.0.0.1", *arguments]


ECHO: dict[str, tuple[tuple[str, ...], Callable[[str], Command]]] = {
    "echoscu": (("echoscu",), lambda port: ["echoscu", "-aec", "ISOCENTER", "127.0.0.1", port]),
    "dicom_echo": (("dicom_echo",), lambda port: ["dicom_echo", "-c", "ISO", "127.0.0.1", port]),
    "odil": (("odil",), lambda port: ["odil", "echo", "127.0.0.1", port, "ODIL", "ISOCENTER"]),
    "pixelmed": (
        ("java",),
        lambda port: peers.pixelmed_command(
            "VerificationSOPClassSCU", "127.0.0.1", port, "ISOCENTER", "PIXELMED", "NONSECURE"
        ),
    ),
    "pynetdicom": (
        (),
        lambda port: [sys.executable, "-m", "pynetdicom", "echoscu", "127.0.0.1", port],
    ),
    "dcmjs-dimse": ((), lambda port: _scu_js(port, "echo")),
}

STORE: dict[str, tuple[tuple[str, ...], Callable[[str, list[Path]], Command]]] = {
    "storescu": (
        ("storescu",),
        lambda port, files: ["storescu", "-aec", "ISOCENTER", "127.0.0.1", port, *files],
    ),
    "storescu with the smallest PDU": (
        ("storescu",),
        lambda port, files: (
            ["storescu", "--max-pdu", "4096", "--max-send-pdu", "4096"]
            + ["127.0.0.1", port, *files]
        ),
    ),
    "dcmsend": (("dcmsend",), lambda port, files: ["dcmsend", "127.0.0.1", port, *files]),
    "send_image": (
        ("send_image",),
        lambda port, files: ["send_image", "-c", "ISOCENTER", "127.0.0.1", port, *files],
    ),
    "odil": (
        ("odil",),
        lambda port, files: ["odil", "store", "127.0.0.1", port, "ODIL", "ISOCENTER", *files],
    ),
    "pixelmed": (
        ("java",),
        lambda port, files: peers.pixelmed_command(
            "StorageSOPClassSCU", "127.0.0.1", port, "ISOCENTER", "PIXELMED", files[0], "0"
        ),
    ),
    "pynetdicom": (
        (),
        lambda port, files: (
            [sys.executable, "-m", "pynetdicom", "storescu", "127.0.0.1", port] + files
        ),
    ),
    "dcmjs-dimse": ((), lambda port, files: _scu_js(port, "store", *files)),
}

ONE_FILE_ONLY = {"pixelmed", "pynetdicom"}


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(scope="module")
def acceptor(shelf: Shelf) -> Iterator[Acceptor]:
    with accepting(shelf) as running:
        yield running


def needing(
    table: dict[str, tuple[tuple[str, ...], Callable[..., Command]]],
) -> list[object]:
    return [
        pytest.param(name, marks=peers.needs(*entry[0]), id=name) for name, entry in table.items()
    ]


@pytest.mark.parametrize("name", needing(ECHO))
def test_the_peer_s_echo_is_answered(name: str, acceptor: Acceptor, tmp_path: Path) -> None:
    done = peers.run(ECHO[name][1](str(acceptor.address[1])), cwd=tmp_path)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", needing(STORE))
def test_what_the_peer_sends_arrives(
    name: str, acceptor: Acceptor, shelf: Shelf, tmp_path: Path
) -> None:
    objects = [ct_slice(InstanceNumber=n) for n in range(1 if name in ONE_FILE_ONLY else 3)]
    files = [tmp_path / f"{n}.dcm" for n in range(len(objects))]
    for path, dataset in zip(files, objects, strict=True):
        path.write_bytes(part10_bytes(dataset, ExplicitVRLittleEndian))
    shelf.kept.clear()

    done = peers.run(STORE[name][1](str(acceptor.address[1]), files), cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert [kept.ended for kept in shelf.kept] == ["finished"] * len(objects), done.stdout
    for dataset in objects:
        (kept,) = [k for k in shelf.kept if k.request.sop_instance_uid == dataset.SOPInstanceUID]
        assert dataset.PixelData in bytes(kept.data)


@peers.needs("storescu")
@pytest.mark.parametrize(
    ("option", "syntax"), [("-xv", JPEG2000Lossless), ("-xr", RLELossless)], ids=["J2K", "RLE"]
)
def test_a_compressed_object_arrives_in_its_own_encoding(
    option: str, syntax: str, acceptor: Acceptor, shelf: Shelf, tmp_path: Path
) -> None:
    path = tmp_path / "object.dcm"
    path.write_bytes(part10_bytes(ct_slice(), syntax))
    shelf.kept.clear()

    done = peers.run(["storescu", option, "127.0.0.1", str(acceptor.address[1]), path])

    assert done.returncode == 0, done.stdout
    assert shelf.kept[0].request.transfer_syntax_uid == syntax
    assert path.read_bytes().endswith(shelf.kept[0].data)


@peers.needs("storescu")
def test_four_peers_store_at_the_same_time(
    acceptor: Acceptor, shelf: Shelf, tmp_path: Path
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [tmp_path / f"{n}.dcm" for n in range(8)]
    for path in files:
        path.write_bytes(part10_bytes(ct_slice(), ExplicitVRLittleEndian))
    shelf.kept.clear()

    def one(start: int) -> int:
        command = ["storescu", "127.0.0.1", str(acceptor.address[1]), *files[start::4]]
        return peers.run(command).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == [0] * 4
    assert len(shelf.kept) == 8


def test_pynetdicom_negotiates_all_that_it_can(acceptor: Acceptor) -> None:
    """Window, roles, extended and common extended negotiation, and an identity, in one request."""
    from pynetdicom import AE, build_role
    from pynetdicom.pdu_primitives import (
        AsynchronousOperationsWindowNegotiation,
        SOPClassCommonExtendedNegotiation,
        SOPClassExtendedNegotiation,
        UserIdentityNegotiation,
    )

    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 0  # as many as it likes
    window.maximum_number_operations_performed = 5
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = CTImageStorage
    extended.service_class_application_information = b"\2\0\3\0\1\0"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = CTImageStorage, "1.2.840.10008.4.2"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 2, b"jane"
    identity.secondary_field, identity.positive_response_requested = b"secret", True
    role = build_role(CTImageStorage, scu_role=True, scp_role=True)
    client = AE()
    client.add_requested_context(CTImageStorage)
    client.add_requested_context("1.2.840.10008.1.1")

    host, port = acceptor.address
    association = client.associate(
        host, port, ext_neg=[window, extended, common, identity, role], ae_title="ISOCENTER"
    )

    assert association.is_established
    try:
        answered = {type(each): each for each in association.acceptor.user_information}
        given = answered[AsynchronousOperationsWindowNegotiation]
        assert given.maximum_number_operations_invoked == 1
        assert given.maximum_number_operations_performed == 1
        assert answered[UserIdentityNegotiation].server_response == b""
        assert [(c.as_scu, c.as_scp) for c in association.accepted_contexts] == [(True, False)] * 2
        assert association.send_c_echo().Status == 0
    finally:
        association.release()
