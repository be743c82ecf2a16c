"""curl goes on with what broke off, and takes parts."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from tests.factories import ct_slice, part10_bytes
from tests.interop.dicomweb_servers import isocenter_web

from isocenter.archive import Archive

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]

OBJECT = "accept: application/dicom; transfer-syntax=*"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return ct_slice(512, 512)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("archive")
    with Archive.open(directory, durability="fast") as archive:
        archive.ingest(part10_bytes(dataset))
    with isocenter_web(directory) as url:
        yield (
            f"{url}/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
            f"/instances/{dataset.SOPInstanceUID}"
        )


def curl(*arguments: str | Path) -> str:
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_goes_on_with_a_download_that_broke_off(
    url: str, dataset: Dataset, tmp_path: Path
) -> None:
    content = part10_bytes(dataset)
    file = tmp_path / "image.dcm"
    for kept in (1000, len(content) - 1):
        file.write_bytes(content[:kept])
        told = curl("-C", "-", "-H", OBJECT, "-w", "%{http_code} %{size_download}", "-o", file, url)
        assert told == f"206 {len(content) - kept}"
        assert file.read_bytes() == content


def test_it_takes_parts_of_bulk_data(url: str, dataset: Dataset, tmp_path: Path) -> None:
    link, file = f"{url}/bulkdata/7FE00010", tmp_path / "part"
    pixels = dataset.PixelData
    for text, part in (("0-99", pixels[:100]), ("1001-", pixels[1001:]), ("-7", pixels[-7:])):
        assert curl("-r", text, "-w", "%{http_code}", "-o", file, link) == "206"
        assert file.read_bytes() == part
    assert curl("-r", f"{len(pixels)}-", "-w", "%{http_code}", "-o", file, link) == "416"
    headers = curl("--head", link).lower()
    assert f"content-length: {len(pixels)}" in headers
    assert "accept-ranges: bytes" in headers
