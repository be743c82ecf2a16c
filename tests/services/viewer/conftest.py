"""The viewer API over an archive, asked without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from pydicom import Dataset
from tests.factories import part10_bytes

from isocenter.archive import Archive
from isocenter.services.viewer import router


@dataclass
class Viewer:
    """Asks the viewer API of an archive as a browser on another machine does."""

    archive: Archive
    client: TestClient

    def keep(self, *objects: Dataset | Path, **options: Any) -> None:
        for each in objects:
            content = each.read_bytes() if isinstance(each, Path) else part10_bytes(each, **options)
            self.archive.ingest(content)

    def get(self, path: str = "", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/api/studies{path}", headers=named)

    def series(self, dataset: Dataset) -> Any:
        return self.get(series_path(dataset)).json()


def series_path(dataset: Dataset) -> str:
    return f"/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"


def instance_path(dataset: Dataset, more: str = "") -> str:
    return f"{series_path(dataset)}/instances/{dataset.SOPInstanceUID}{more}"


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[Viewer]:
    with Archive.open(directory / "archive", durability="fast", **options) as archive:
        app = FastAPI()
        app.include_router(router(archive))
        with TestClient(app, client=("192.0.2.1", 50000)) as client:
            yield Viewer(archive, client)


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    with opened(tmp_path) as viewer:
        yield viewer
