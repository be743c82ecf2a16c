import contextlib

import pytest
from tests.factories import ct_slice, part10_bytes

from isocenter.archive import Outcome
from isocenter.errors import ConfigurationError, NotDicom, OutOfResources
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


@pytest.mark.parametrize(
    ("index_url", "error"),
    [
        ("sqlite:////no-such-folder/index.sqlite", OutOfResources),
        ("postgresql+psycopg://nobody@127.0.0.1:1/nothing", OutOfResources),
        ("nonsense://somewhere", ConfigurationError),
    ],
)
def test_an_index_that_cannot_be_opened_leaves_no_folder_behind(tmp_path, index_url, error):
    settings = load({"data": tmp_path / "deep" / "data", "index_url": index_url}).settings
    with pytest.raises(error):
        open_archive(settings)
    assert not list(tmp_path.iterdir())


def test_an_index_that_cannot_be_opened_takes_nothing_away_that_was_there(tmp_path):
    (tmp_path / "data" / ".aside").mkdir(parents=True)
    settings = load({"data": tmp_path / "data", "index_url": "nonsense://somewhere"}).settings
    with pytest.raises(ConfigurationError):
        open_archive(settings)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".aside"]


@pytest.mark.parametrize("below", ["", "deep/er"])
def test_a_quarantine_that_can_be_no_folder_is_refused_before_anything_is_made(tmp_path, below):
    (tmp_path / "file").touch()
    settings = load({"data": tmp_path / "data", "quarantine": tmp_path / "file" / below}).settings
    with pytest.raises(ConfigurationError, match=r"file is no folder; .* \(--quarantine\)"):
        open_archive(settings)
    assert not (tmp_path / "data").exists()
