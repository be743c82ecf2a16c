"""Every transfer syntax and SOP class that we must take, from pynetdicom and back to it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE, build_context, evt
from pynetdicom.events import Event
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import register_uid
from tests.dicom.test_sop_classes import PRIVATE
from tests.dimse.wire import accepting
from tests.factories import ct_slice, multi_frame, part10_bytes, small_object

from isocenter.archive import Archive
from isocenter.dimse import (
    Acceptor,
    PeerAddress,
    Proposal,
    SendOutcome,
    UserIdentity,
    connect_sync,
    send,
)
from isocenter.errors import AssociationRejected
from isocenter.services.storage import storage_service

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("dimse-tables")]

ROOT = "1.2.840.10008.1.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = [
    ROOT,
    *(f"{ROOT}.{n}" for n in ("1", "2", "1.99", "5", "8.1")),
    *(f"{ROOT}.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93)),
    *(f"{ROOT}.4.{n}" for n in (100, 101, 102, 103, 104, 105, 106, 107, 108)),
    *(f"{ROOT}.4.{n}" for n in (110, 111, 112, 201, 202, 203)),
]
RETIRED = [
    "1.2.840.10008.5.1.1.27",  # Stored Print
    "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image
    "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image
    "1.2.840.10008.5.1.4.1.1.3",  # Ultrasound Multi-frame Image
    "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine Image
    "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound Image
    "1.2.840.10008.5.1.4.1.1.9",  # Standalone Curve
    "1.2.840.10008.5.1.4.1.1.10",  # Standalone Modality LUT
    "1.2.840.10008.5.1.4.1.1.12.3",  # X-Ray Angiographic Bi-Plane Image
    "1.2.840.10008.5.1.4.1.1.77.1",  # VL Image
]

for number, each in enumerate([*PRIVATE, *RETIRED]):  # of which pynetdicom knows nothing
    register_uid(each, f"FurtherStorage{number}", StorageServiceClass)


def content(syntax: str) -> bytes:
    """A file in a transfer syntax; of a video the stream stands for whatever a camera sends."""
    dataset = multi_frame(2, 24, 16, bits=8, samples=3, NumberOfFrames=2)
    return part10_bytes(dataset, syntax)


@dataclass
class Peer:
    """What a Storage SCP of pynetdicom was sent, and what it was told of its requestors."""

    port: int = 0
    received: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    identities: list[tuple[int, bytes | None, bytes | None]] = field(default_factory=list)
    calling: list[tuple[str, int]] = field(default_factory=list)

    def store(self, event: Event) -> int:
        request = event.request
        self.received[request.AffectedSOPInstanceUID] = (
            request.AffectedSOPClassUID,
            event.context.transfer_syntax,
            request.DataSet.getvalue(),
        )
        return 0

    def identity(self, event: Event) -> tuple[bool, bytes | None]:
        self.identities.append((event.user_id_type, event.primary_field, event.secondary_field))
        return event.primary_field == b"jane", b"a ticket"

    def established(self, event: Event) -> None:
        requestor = event.assoc.requestor
        self.calling.append((requestor.ae_title, requestor.maximum_length))

    def start(self, maximum_length: int = 16382) -> AE:
        entity = AE("PEER")
        entity.maximum_pdu_size = maximum_length
        for sop_class in [CT, "1.2.840.10008.5.1.4.1.1.7.3", *PRIVATE, *RETIRED]:
            entity.add_supported_context(sop_class, SYNTAXES, scu_role=True, scp_role=True)
        entity.add_supported_context("1.2.840.10008.1.1")
        handlers = [
            (evt.EVT_C_STORE, self.store),
            (evt.EVT_USER_ID, self.identity),
            (evt.EVT_ESTABLISHED, self.established),
        ]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = server.server_address[1]
        return entity

    @property
    def address(self) -> PeerAddress:
        return PeerAddress("PEER", "127.0.0.1", self.port)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    peer = Peer()
    entity = peer.start()
    yield peer
    entity.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with Archive.open(tmp_path_factory.mktemp("kept"), durability="fast") as archive:
        yield archive


@pytest.fixture(scope="module")
def node(archive: Archive) -> Iterator[Acceptor]:
    with accepting(services=[storage_service(archive)]) as acceptor:
        yield acceptor


def sent_by_pynetdicom(node: Acceptor, contexts: list[object], files: list[Path]) -> None:
    """Store over one association, whose every context must be accepted."""
    host, port = node.address
    entity = AE("MODALITY")
    association = entity.associate(host, port, contexts=contexts, ae_title="ISOCENTER")
    assert association.is_established
    try:
        assert len(association.accepted_contexts) == len(contexts)
        for file in files:
            assert association.send_c_store(file).Status == 0
            # Where the next request comes before pynetdicom's own thread is through with this one,
            # that thread takes the answer to it, and the requestor waits for ever.
            time.sleep(0.05)
    finally:
        association.release()


def kept(archive: Archive, uid: str) -> Path:
    (path,) = archive.directory.rglob(f"{uid}.dcm")
    return path


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_object_comes_and_goes_in_its_own_transfer_syntax(
    syntax: str, node: Acceptor, archive: Archive, peer: Peer, tmp_path: Path
) -> None:
    source = tmp_path / "object.dcm"
    source.write_bytes(content(syntax))
    original = dcmread(source)
    uid, sop_class = original.SOPInstanceUID, original.SOPClassUID

    sent_by_pynetdicom(node, [build_context(sop_class, syntax)], [source])
    found = dcmread(kept(archive, uid))
    assert found.file_meta.TransferSyntaxUID == syntax
    assert found == original

    (result,) = send([kept(archive, uid)], peer.address)
    assert result.outcome is SendOutcome.SENT, result.error
    class_received, syntax_received, data = peer.received[uid]
    assert (class_received, syntax_received) == (sop_class, syntax)
    assert kept(archive, uid).read_bytes().endswith(data)


def test_private_and_retired_classes_come_and_go(
    node: Acceptor, archive: Archive, peer: Peer, tmp_path: Path
) -> None:
    classes = [*PRIVATE, *RETIRED]
    files = [tmp_path / uid for uid in classes]
    for file in files:
        file.write_bytes(part10_bytes(small_object(SOPClassUID=file.name)))
    uids = [dcmread(file).SOPInstanceUID for file in files]

    contexts = [build_context(uid, f"{ROOT}.1") for uid in classes]
    sent_by_pynetdicom(node, contexts, files)
    results = send([kept(archive, uid) for uid in uids], peer.address)

    assert [result.error for result in results] == [""] * len(classes)
    for file, uid in zip(files, uids, strict=True):
        sop_class, _, data = peer.received[uid]
        assert sop_class == file.name
        assert file.read_bytes().endswith(data)


@pytest.mark.parametrize("maximum_length", [7, 8, 10, 17])
def test_a_peer_with_a_maximum_length_of_a_few_bytes_is_sent_whole_objects(
    maximum_length: int, tmp_path: Path
) -> None:
    peer, path = Peer(), tmp_path / "small.dcm"
    dataset = ct_slice(2, 2, PatientComments=None)
    path.write_bytes(part10_bytes(dataset))
    entity = peer.start(maximum_length)
    try:
        (result,) = send([path], peer.address)
    finally:
        entity.shutdown()
    assert result.outcome is SendOutcome.SENT, result.error
    assert path.read_bytes().endswith(peer.received[dataset.SOPInstanceUID][2])


def test_a_peer_hears_who_calls_on_whose_behalf_and_how_much_may_be_sent_back(peer: Peer) -> None:
    identity = UserIdentity(2, b"jane", b"secret", True)
    with connect_sync(peer.address, calling_ae="WORKSTATION", identity=identity) as association:
        assert association.echo().code == 0
    assert peer.identities == [(2, b"jane", b"secret")]
    title, maximum_length = peer.calling[-1]
    assert title == "WORKSTATION"
    assert maximum_length > 100_000


def test_a_user_whom_the_peer_refuses_gets_no_association(peer: Peer) -> None:
    with pytest.raises(AssociationRejected):
        connect_sync(peer.address, identity=UserIdentity(1, b"nobody", b"", True))


def test_a_peer_grants_the_roles_that_are_asked_for(peer: Peer) -> None:
    wanted = [Proposal(CT, scu=True, scp=True), Proposal("1.2.840.10008.1.1")]
    with connect_sync(peer.address, contexts=wanted) as association:
        roles = [(each.scu, each.scp) for each in association.contexts.values()]
    assert roles == [(True, True), (True, False)]
