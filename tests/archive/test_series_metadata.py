"""Metadata is what pydicom makes of the same objects; it is made once and follows changes."""

import contextlib
import gzip
import json
import struct
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from queue import Queue

import pydicom
import pytest
from sqlalchemy import select, update
from tests.archive.conftest import keep, uids
from tests.factories import ct_series, small_object

from isocenter.archive import Action, Archive, Change, schema
from isocenter.archive.quiet_series import QuietSeries
from isocenter.errors import NotFound


def by_pydicom(dataset) -> dict:
    """The JSON model without pixel data, which is a link."""
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(dataset), stop_before_pixels=True)
    return dataset.to_json_dict()


def prepared(archive: Archive) -> list[int]:
    from sqlalchemy import text

    with archive._index.reading() as connection:
        return list(connection.execute(text("SELECT sequence FROM series_metadata")).scalars())


def test_a_study_is_one_array_of_its_instances_in_order(archive):
    series = ct_series(3, 8, 8)
    report = small_object(StudyInstanceUID=series[0].StudyInstanceUID, SeriesNumber=99)
    keep(archive, report, *reversed(series))

    metadata = archive.metadata(report.StudyInstanceUID)

    content = json.loads(gzip.decompress(metadata.gzip()))
    assert content == json.loads(metadata.json())
    assert [each["00080018"]["Value"][0] for each in content] == [
        dataset.SOPInstanceUID for dataset in [*series, report]
    ]


def test_the_attributes_are_those_that_pydicom_reads(sqlite_archive):
    series = ct_series(2, 8, 8)
    keep(sqlite_archive, *series)
    content = json.loads(sqlite_archive.metadata(*uids(series[0])[:2]).json())
    for dataset, ours in zip(series, content, strict=True):
        kept = sqlite_archive.open_instance(*uids(dataset))
        assert ours.pop("7FE00010")["BulkDataURI"] == (
            "/dicomweb/studies/{}/series/{}/instances/{}/bulkdata/7FE00010".format(*uids(dataset))
        )
        assert ours == by_pydicom(kept.read(0, kept.size))


def test_one_instance_has_its_own_metadata(archive):
    series = ct_series(2, 8, 8)
    keep(archive, *series)
    (content,) = json.loads(archive.metadata(*uids(series[1])).json())
    assert content["00080018"]["Value"] == [series[1].SOPInstanceUID]


def test_links_begin_where_the_archive_is_told_to(tmp_path):
    dataset = ct_series(1, 8, 8)[0]
    with Archive.open(tmp_path, durability="fast") as archive:
        keep(archive, dataset)
        before = archive.metadata(dataset.StudyInstanceUID)
    with Archive.open(tmp_path, durability="fast", bulk_data_root="/pacs/dicomweb/") as archive:
        after = archive.metadata(dataset.StudyInstanceUID)
    assert b'"/pacs/dicomweb/studies/' in after.json()
    assert after.etag != before.etag


def test_the_etag_follows_arrivals_and_deletions(archive):
    series = ct_series(3, 8, 8)
    study = series[0].StudyInstanceUID
    keep(archive, *series[:2])
    etags = [archive.metadata(study).etag, archive.metadata(study).etag]
    assert etags[0] == etags[1]
    keep(archive, series[2])
    etags.append(archive.metadata(study).etag)
    assert len(json.loads(archive.metadata(study).json())) == 3
    archive.delete(*uids(series[0]))
    etags.append(archive.metadata(study).etag)
    assert len(json.loads(archive.metadata(study).json())) == 2
    assert len(set(etags)) == 3


def test_only_the_series_that_changed_is_made_again(archive):
    first, second = ct_series(2, 8, 8), ct_series(2, 8, 8)
    for dataset in second:
        dataset.StudyInstanceUID = first[0].StudyInstanceUID
    keep(archive, *first, second[0])
    archive.metadata(first[0].StudyInstanceUID)
    assert sorted(prepared(archive)) == [2, 3]
    keep(archive, second[1])
    archive.metadata(first[0].StudyInstanceUID)
    assert sorted(prepared(archive)) == [2, 4]


def test_a_quiet_series_is_prepared_before_anybody_asks(tmp_path):
    with Archive.open(tmp_path, durability="fast", prepare_metadata=True) as archive:
        keep(archive, *ct_series(2, 8, 8))
        deadline = time.monotonic() + 30
        while not prepared(archive) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert prepared(archive) == [2]


def frame_of(content: bytes, blocks: bytes) -> bytes:
    return struct.pack("<IQQ", zlib.crc32(content), len(content), len(blocks)) + blocks


@pytest.mark.parametrize(
    "damaged",
    [
        lambda body: gzip.compress(b"{}"),
        lambda body: frame_of(b"{}", zlib.compress(b"{}")),
        lambda body: frame_of(b"{}", gzip.compress(b"{}")),
        lambda body: body[:-1],
        lambda body: body[:10],
        lambda body: body + b"\0",
        lambda body: body[:-4] + b"what",
        lambda body: body[: len(body) // 2] * 2,
        lambda body: b"\xff" * len(body),
    ],
)
def test_prepared_metadata_that_cannot_be_read_is_made_anew(sqlite_archive, damaged):
    """An older version may have kept it in another form."""
    series = ct_series(2, 8, 8)
    keep(sqlite_archive, *series)
    study = series[0].StudyInstanceUID
    expected = json.loads(sqlite_archive.metadata(study).json())
    with sqlite_archive._index.writing() as transaction:
        rows = schema.series_metadata
        (body,) = transaction.execute(select(rows.c.body)).scalars()
        transaction.execute(update(rows).values(body=damaged(body)))

    for _ in range(2):
        metadata = sqlite_archive.metadata(study)
        assert json.loads(metadata.json()) == expected
        assert json.loads(gzip.decompress(metadata.gzip())) == expected
    with sqlite_archive._index.reading() as connection:
        assert connection.execute(select(rows.c.body)).scalar_one() == body


def test_an_object_whose_data_set_breaks_off_still_says_what_it_is(sqlite_archive):
    dataset = small_object()
    keep(sqlite_archive, dataset)
    path = sqlite_archive.open_instance(*uids(dataset)).path
    path.write_bytes(path.read_bytes()[:-20])
    (content,) = json.loads(sqlite_archive.metadata(*uids(dataset)[:2]).json())
    assert content["0020000D"]["Value"] == [dataset.StudyInstanceUID]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_what_is_not_there_is_not_found(archive, levels):
    dataset = small_object()
    keep(archive, dataset)
    with pytest.raises(NotFound):
        archive.metadata(*uids(dataset)[: levels - 1], "1.2.3")


@contextlib.contextmanager
def quiet_series(**waits: float) -> Iterator[tuple[QuietSeries, Queue[tuple[str, str, float]]]]:
    """What names quiet series, and where they go with the time at which they were named."""
    prepared: Queue[tuple[str, str, float]] = Queue()
    quiet = QuietSeries(lambda *name: prepared.put((*name, time.monotonic())), **waits)
    try:
        yield quiet, prepared
    finally:
        quiet.close()


def test_a_series_is_prepared_when_nothing_arrives_for_any_other() -> None:
    with quiet_series(seconds=0.3, patience=600) as (quiet, prepared):
        quiet.note([arrival("1.1")])
        time.sleep(0.1)
        last = time.monotonic()
        quiet.note([arrival("2.1")])
        named = [prepared.get(timeout=30) for _ in range(2)]
    assert [series for _, series, _ in named] == ["1.1", "2.1"]
    # A machine that slept for longer than the quiet lasts has prepared the first before.
    assert named[1][2] >= last + 0.3


def test_a_series_does_not_wait_for_the_others_without_end() -> None:
    with quiet_series(seconds=0.5, patience=0.5) as (quiet, prepared):
        quiet.note([arrival("1.1")])
        end = time.monotonic() + 30
        while prepared.empty() and time.monotonic() < end:
            quiet.note([arrival("2.1")])
            time.sleep(0.02)
        assert prepared.get(timeout=0)[1] == "1.1"


def arrival(series: str) -> Change:
    return Change(1, Action.CREATED, "1", series, "1", datetime.now(UTC))
