"""What is asked over DICOMweb of servers that hold 2,200 small studies and one of 400 CT slices.

A trial has one connection and asks one request after the other; its value is their mean. Each trial
of a row that reads pixels asks for other slices, so that no answer is found ready-made from before,
unless the row says so.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import cycle, islice

from benchmarks.bench import Bench
from benchmarks.dataset import FAMILY_NAMES, uid
from benchmarks.row import Contenders, Row, Target, Trial
from benchmarks.webclient import Connection, get

JSON = "application/dicom+json"
OBJECTS = 'multipart/related; type="application/dicom"'
FRAMES = 'multipart/related; type="application/octet-stream"'
Requests = Callable[[Bench], list[bytes]]


def _instances(bench: Bench) -> list[str]:
    """Give the path of every CT slice, those of the four series mixed."""
    study, slices = uid("ct"), len(bench.ct.paths) // 4
    return [
        f"/dicomweb/studies/{study}/series/{uid('ct', s)}/instances/{uid('ct', s, n)}"
        for n in range(1, slices + 1)
        for s in range(1, 5)
    ]


def _first_studies(bench: Bench) -> list[bytes]:
    return [get("/dicomweb/studies?limit=100", JSON)] * 5


def _studies_by_name(bench: Bench) -> list[bytes]:
    return [get(f"/dicomweb/studies?PatientName={name}*", JSON) for name in FAMILY_NAMES[:5]]


def _series_of_a_study(bench: Bench) -> list[bytes]:
    return [get(f"/dicomweb/studies/{study}/series", JSON) for study in bench.small.studies]


def _metadata(bench: Bench, **headers: str) -> list[bytes]:
    return [get(f"/dicomweb/studies/{bench.ct.studies[0]}/metadata", JSON, **headers)]


def _raw_frames(bench: Bench) -> list[bytes]:
    return [get(f"{path}/frames/1", FRAMES) for path in _instances(bench)]


def _few_raw_frames(bench: Bench) -> list[bytes]:
    return _raw_frames(bench)[:40]


def _rendered_frames(bench: Bench) -> list[bytes]:
    return [get(f"{path}/frames/1/rendered", "image/png") for path in _instances(bench)]


def _whole_study(bench: Bench) -> list[bytes]:
    return [get(f"/dicomweb/studies/{bench.ct.studies[0]}", OBJECTS)]


def _reading(requests: Requests, at_a_time: int, *, rate: bool = False) -> Contenders:
    """Build the contenders of one row; every trial takes the next requests of the list."""

    @contextmanager
    def contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
        asked = requests(bench)
        trial = _gigabytes_a_second if rate else _milliseconds
        yield {
            name: partial(trial, server.http_port, cycle(asked), at_a_time)
            for name, server in bench.filled_servers().items()
        }

    return contenders


def _milliseconds(port: int, turns: Iterator[bytes], at_a_time: int) -> float:
    """Measure one answer of several; the first, which may find caches cold, does not count."""
    with closing(Connection(port)) as connection:
        connection.ask(next(turns))
        return connection.milliseconds(list(islice(turns, at_a_time)))


def _gigabytes_a_second(port: int, turns: Iterator[bytes], at_a_time: int) -> float:
    with closing(Connection(port)) as connection:
        start = time.perf_counter()
        length = sum(connection.ask(next(turns)).length for _ in range(at_a_time))
        return length / (time.perf_counter() - start) / 1e9


ROWS = (
    Row(
        "qido-studies",
        "QIDO `/studies?limit=100` of 2,200 studies",
        "ms",
        (Target(15, "Orthanc"),),
        _reading(_first_studies, 5),
    ),
    Row(
        "qido-name",
        "QIDO studies by patient's name, of 2,200",
        "ms",
        (Target(15, "Orthanc"),),
        _reading(_studies_by_name, 5),
    ),
    Row(
        "qido-series",
        "QIDO series of a study",
        "ms",
        (Target(4, "Orthanc"),),
        _reading(_series_of_a_study, 40),
    ),
    Row(
        "metadata",
        "metadata of the 400-slice study, plain",
        "ms",
        (Target(20, "Orthanc"),),
        _reading(_metadata, 3),
    ),
    Row(
        "metadata-gzip",
        "metadata of the 400-slice study, gzip accepted",
        "ms",
        (Target(20, "Orthanc"),),
        _reading(partial(_metadata, Accept_Encoding="gzip"), 3),
    ),
    Row(
        "frame",
        "one raw frame",
        "ms",
        (Target(4, "Orthanc"),),
        _reading(_raw_frames, 80),
    ),
    Row(
        "frame-again",
        "one raw frame of an instance read lately",
        "ms",
        (Target(4, "Orthanc"),),
        _reading(_few_raw_frames, 80),
    ),
    Row(
        "rendered",
        "one frame rendered as PNG",
        "ms",
        (Target(3.5, "Orthanc"),),
        _reading(_rendered_frames, 40),
    ),
    Row(
        "study",
        "whole study of 400 CT slices retrieved",
        "GB/s",
        (Target(1, "Orthanc"),),
        _reading(_whole_study, 1, rate=True),
    ),
)
