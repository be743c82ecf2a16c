"""Orthanc as a Verification and Storage SCU, told by its REST API what to send to us."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from tests.dimse.wire import Shelf, accepting
from tests.factories import ct_slice, part10_bytes
from tests.free_ports import free_port
from tests.interop import peers

pytestmark = [pytest.mark.peer, peers.needs("Orthanc")]


def post(url: str, body: bytes) -> dict[str, object]:
    request = urllib.request.Request(url, data=body, method="POST")
    with urllib.request.urlopen(request, timeout=peers.RUN_SECONDS) as response:
        return json.loads(response.read())


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(scope="module")
def orthanc(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Orthanc's REST API; it knows our acceptor as the modality `us`."""
    folder = tmp_path_factory.mktemp("orthanc")
    http, dicom = free_port(), peers.free_port()
    with accepting(shelf) as acceptor:
        settings = peers.orthanc_configuration(dicom, folder, http)
        settings["DicomModalities"] = {"us": ["ISOCENTER", "127.0.0.1", acceptor.address[1]]}
        (folder / "orthanc.json").write_text(json.dumps(settings))
        with peers.serving([peers.ORTHANC, folder / "orthanc.json"], http, folder):
            yield f"http://127.0.0.1:{http}"


def test_orthanc_s_echo_is_answered(orthanc: str) -> None:
    assert post(f"{orthanc}/modalities/us/echo", b"{}") == {}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_what_orthanc_stores_arrives_in_its_own_encoding(
    orthanc: str, shelf: Shelf, syntax: str
) -> None:
    dataset = ct_slice()
    kept_there = post(f"{orthanc}/instances", part10_bytes(dataset, syntax))
    shelf.kept.clear()

    done = post(f"{orthanc}/modalities/us/store", str(kept_there["ID"]).encode())

    assert done["FailedInstancesCount"] == 0
    (kept,) = shelf.kept
    assert kept.request.sop_instance_uid == dataset.SOPInstanceUID
    assert kept.request.transfer_syntax_uid == syntax
    assert kept.info.calling_ae == "PEER"
