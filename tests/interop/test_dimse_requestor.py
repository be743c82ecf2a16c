"""Our Verification and Storage SCU against the SCPs of others."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.factories import ct_series, ct_slice, part10_bytes
from tests.interop import peers

from isocenter.dimse import PeerAddress, Proposal, SendOutcome, connect, connect_sync, send

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("dimse-requestor")]

SERVERS = [
    pytest.param(name, marks=peers.needs(*peers.PROGRAMS[name]), id=name)
    for name in peers.STORAGE_SERVERS
]


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, peers.StorageServer]]:
    name = str(request.param)
    if name == "dcmjs-dimse":
        peers.install_node_packages()
    with peers.storage_server(name, tmp_path_factory.mktemp(name)) as running:
        yield name, running


def address(server: tuple[str, peers.StorageServer]) -> PeerAddress:
    peers.await_listening(server[1].port)
    return PeerAddress("PEER", "127.0.0.1", server[1].port)


def test_the_peer_answers_an_echo(server: tuple[str, peers.StorageServer]) -> None:
    with connect_sync(address(server)) as association:
        assert association.echo().code == 0
        assert association.info.implementation_class_uid


def test_the_peer_answers_an_echo_from_asyncio(server: tuple[str, peers.StorageServer]) -> None:
    async def main() -> None:
        async with connect(address(server)) as association:
            assert (await association.echo()).code == 0

    asyncio.run(main())


def stored(server: tuple[str, peers.StorageServer], uid: str) -> pydicom.Dataset:
    """The one object with a SOP Instance UID that the peer stored."""
    found = [pydicom.dcmread(path, force=True) for path in server[1].files()]
    (one,) = [dataset for dataset in found if dataset.SOPInstanceUID == uid]
    return one


def test_the_peer_keeps_what_parallel_associations_send(
    server: tuple[str, peers.StorageServer], tmp_path: Path
) -> None:
    # CTN's simple server serves one association at a time, and says so by not answering; odil's
    # does not even listen meanwhile. dcmqrscp refuses objects where several write into one study.
    associations = 1 if server[0] in ("simple_storage", "odil", "dcmqrscp") else 3
    objects = [ct_slice(InstanceNumber=n) for n in range(6)]
    paths = [tmp_path / f"{n}.dcm" for n in range(6)]
    for path, dataset in zip(paths, objects, strict=True):
        path.write_bytes(part10_bytes(dataset, ExplicitVRLittleEndian))

    results = send(paths, address(server), associations=associations)

    assert [(r.outcome, r.error) for r in results] == [(SendOutcome.SENT, "")] * 6
    for dataset in objects:
        kept = stored(server, dataset.SOPInstanceUID)
        assert kept.PixelData == dataset.PixelData
        assert kept.PatientName == dataset.PatientName


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_the_peer_keeps_other_transfer_syntaxes_or_the_refusal_is_clear(
    server: tuple[str, peers.StorageServer], tmp_path: Path, syntax: str
) -> None:
    dataset = ct_slice()
    path = tmp_path / "object.dcm"
    path.write_bytes(part10_bytes(dataset, syntax))

    (result,) = send([path], address(server))

    if result.outcome is SendOutcome.SENT:
        assert stored(server, dataset.SOPInstanceUID).SOPClassUID == dataset.SOPClassUID
    else:
        assert syntax == RLELossless
        assert "RLE Lossless" in result.error


@peers.needs("dcmqrscp", "findscu")
def test_the_command_sends_a_study_that_dcmqrscp_keeps_whole_and_finds(tmp_path: Path) -> None:
    objects = ct_series(20, 32, 32)
    folder = tmp_path / "study"
    folder.mkdir()
    for dataset in objects:
        (folder / dataset.SOPInstanceUID).write_bytes(part10_bytes(dataset))
    with peers.storage_server("dcmqrscp", tmp_path / "peer") as server:
        peer = f"PEER@127.0.0.1:{server.port}"
        command = [sys.executable, "-m", "isocenter", "send", folder, peer, "--associations", "1"]
        done = peers.run(command)
        assert done.returncode == 0, done.stdout
        keys = ["QueryRetrieveLevel=IMAGE", "SOPInstanceUID"]
        keys += [f"StudyInstanceUID={objects[0].StudyInstanceUID}"]
        keys += [f"SeriesInstanceUID={objects[0].SeriesInstanceUID}"]
        matching = [word for key in keys for word in ("-k", key)]
        found = peers.run(
            ["findscu", "-S", "-aec", "PEER", *matching, "127.0.0.1", str(server.port)]
        )
    kept = {path.SOPInstanceUID: path.PixelData for path in map(pydicom.dcmread, server.files())}
    assert kept == {dataset.SOPInstanceUID: dataset.PixelData for dataset in objects}
    assert all(dataset.SOPInstanceUID in found.stdout for dataset in objects)


@peers.needs("storescp")
@pytest.mark.parametrize("from_memory", [False, True])
def test_a_deflated_file_of_odd_length_is_sent_in_even_fragments(
    tmp_path: Path, from_memory: bool
) -> None:
    """DCMTK aborts at an odd one."""
    path = Path(pydicom.__file__).parent / "data/test_files/image_dfl.dcm"
    with peers.storage_server("storescp", tmp_path / "peer") as server:
        peer = address(("storescp", server))
        source = path.read_bytes() if from_memory else path
        image = pydicom.dcmread(path)
        deflated = Proposal(image.SOPClassUID, (image.file_meta.TransferSyntaxUID,))
        with connect_sync(peer, contexts=[deflated]) as association:
            assert association.store(source).code == 0
        kept = stored(("storescp", server), image.SOPInstanceUID)
    assert kept.PixelData == image.PixelData
