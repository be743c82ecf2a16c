"""The sample studies are there, are whole, and never come between studies of a user's own."""

import logging
import re
import time
from importlib.resources import files

import httpx
import pytest
from tests.factories import ct_slice, part10_bytes
from tests.running_server import running_server

from isocenter.archive import Archive, Level, Query
from isocenter.server import demo

MODALITIES = 0x00080060


@pytest.fixture
def archive(tmp_path):
    with Archive.open(tmp_path / "data", durability="fast") as archive:
        yield archive


@pytest.mark.parametrize("sample", demo.SAMPLES)
def test_each_sample_is_in_the_pydicom_that_is_installed(sample):
    place = files("pydicom") / "data" / sample
    assert place.is_file() or list(place.iterdir())


def test_all_samples_are_stored_and_show_many_modalities(archive, caplog):
    with caplog.at_level(logging.WARNING):
        stored = demo.fill(archive)
    assert caplog.messages == []
    assert archive.count(Query(Level.INSTANCE)) == stored
    series = archive.find(Query(Level.SERIES, limit=1000))
    shown = {value for found in series for value in found.values[MODALITIES]}
    assert {"CT", "MR", "US", "CR", "NM", "OT", "SEG", "SR", "RTDOSE", "RTPLAN", "ECG"} <= shown


def test_an_archive_with_something_in_it_is_left_alone(archive):
    archive.ingest(part10_bytes(ct_slice(8, 8)))
    assert demo.fill(archive) == 0
    assert archive.count(Query(Level.INSTANCE)) == 1


def test_the_metrics_count_every_sample(tmp_path):
    with running_server(tmp_path / "data", "--demo") as server:
        stored = re.search(r"^demo +(\d+) ", server.output, re.M)[1]
        end = time.monotonic() + 60
        counted = None
        while counted != stored and time.monotonic() < end:
            metrics = httpx.get(f"{server.http}/metrics").text
            counted = re.search(r'^isocenter_changes_total{action="created"} (\d+)$', metrics, re.M)
            counted = counted and counted[1]
            time.sleep(0.05)
        assert counted == stored
