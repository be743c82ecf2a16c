import contextlib

from tests.factories import ct_slice, part10_bytes

from isocenter.archive import Outcome
from isocenter.errors import NotDicom
from isocenter.server.opening import open_archive
from isocenter.server.settings import load


def test_the_settings_reach_the_archive(tmp_path):
    settings = load(
        {
            "data": tmp_path / "data",
            "on_conflict": "replace",
            "durability": "fast",
            "quarantine": tmp_path / "refused",
        }
    ).settings
    with open_archive(settings) as archive:
        dataset = ct_slice(8, 8)
        archive.ingest(part10_bytes(dataset))
        dataset.PatientName = "Another^Name"
        assert archive.ingest(part10_bytes(dataset)).outcome is Outcome.REPLACED
        with contextlib.suppress(NotDicom):
            archive.ingest(b"no DICOM" * 100)
    assert list((tmp_path / "data").rglob("*.dcm"))
    assert len(list((tmp_path / "refused").glob("*.dcm"))) == 1


def test_the_index_can_live_elsewhere(tmp_path):
    index = tmp_path / "index-elsewhere.sqlite"
    settings = load({"data": tmp_path / "data", "index_url": f"sqlite:///{index}"}).settings
    with open_archive(settings) as archive:
        archive.ingest(part10_bytes(ct_slice(8, 8)))
    assert index.exists()
