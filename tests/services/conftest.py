"""An archive behind DICOMweb routes, asked without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from pydicom import Dataset
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.factories import part10_bytes

from isocenter.archive import Archive
from isocenter.services import studies

BOUNDARY = "part-of-a-test"


def multipart(*contents: bytes, head: str = "Content-Type: application/dicom\r\n") -> bytes:
    parts = (f"--{BOUNDARY}\r\n{head}\r\n".encode() + content for content in contents)
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def path_of(dataset: Dataset, *more: str) -> str:
    """The path of an instance, and of what is below it."""
    path = (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )
    return "/".join([path, *more])


@dataclass
class Web:
    """Asks the DICOMweb service of an archive."""

    archive: Archive
    client: TestClient

    def get(self, path: str, accept: str = "*/*", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/dicomweb{path}", headers={"accept": accept, **named})

    def delete(self, path: str) -> Response:
        return self.client.delete(f"/dicomweb{path}")

    def post(
        self, body: Any, content_type: str, path: str = "/studies", **headers: str
    ) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {"content-type": content_type} | named
        return self.client.post(f"/dicomweb{path}", content=body, headers=named)

    def store(self, *contents: bytes, path: str = "/studies", **headers: str) -> Response:
        content_type = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        return self.post(multipart(*contents), content_type, path, **headers)

    def keep(self, *datasets: Dataset, transfer_syntax: str = "1.2.840.10008.1.2.1") -> None:
        """Put objects into the archive without asking the service."""
        for dataset in datasets:
            self.archive.ingest(part10_bytes(dataset, transfer_syntax))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with opened(tmp_path / "archive") as web:
        yield web


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[Web]:
    with Archive.open(directory, durability="fast", **options) as archive:
        app = Starlette(routes=[Mount("/dicomweb", routes=studies.routes(archive))])
        with TestClient(app, raise_server_exceptions=True) as client:
            yield Web(archive, client)
