"""STOW-RS (PS3.18 10.5): ten CT slices a request, one connection, durable."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench, settle
from benchmarks.row import Row, Target, Trial
from benchmarks.servers import TUNED, Isocenter, Orthanc
from benchmarks.webclient import Connection, post

A_REQUEST = 10
BOUNDARY = "isocenter-benchmark"


def _multipart(paths: tuple[Path, ...]) -> bytes:
    parts = [
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + path.read_bytes()
        for path in paths
    ]
    return b"\r\n".join(parts) + f"\r\n--{BOUNDARY}--\r\n".encode()


@contextmanager
def _contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    paths = bench.ct.paths
    content_type = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    requests = [
        post(
            "/dicomweb/studies",
            content_type,
            "application/dicom+json",
            _multipart(paths[start : start + A_REQUEST]),
        )
        for start in range(0, len(paths), A_REQUEST)
    ]

    def trial(kind: type[Isocenter] | type[Orthanc]) -> float:
        with kind(bench.new_folder(), TUNED) as server:
            connection = Connection(server.http_port)
            settle(server.folder)
            start = time.perf_counter()
            for request in requests:
                connection.ask(request)
            seconds = time.perf_counter() - start
            connection.close()
            server.expect(len(paths))
        return len(paths) / seconds

    kinds = [kind for kind in (Isocenter, Orthanc) if bench.takes_part(kind.name)]
    yield {kind.name: partial(trial, kind) for kind in kinds}


ROWS = (
    Row(
        "stow",
        "STOW-RS 10 CT slices a request, durable",
        "objects/s",
        (Target(2.5, "Orthanc"),),
        _contenders,
    ),
)
