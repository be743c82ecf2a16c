"""C-STORE: how fast objects are received, kept and indexed, and what that costs the server.

Every trial starts a server on an empty folder, sends, checks that all objects were kept, and ends
it. The lean sender's clock runs from the first C-STORE request to the last answer; storescu's
covers its whole life, with its start and its reading of the files.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from os import environ
from pathlib import Path
from threading import Timer

from benchmarks.association import Association, StorableObject, prepare, seconds_to_store
from benchmarks.bench import Bench, read_ahead, settle
from benchmarks.dataset import Collection
from benchmarks.process import Server
from benchmarks.row import Contenders, Row, Target, Trial
from benchmarks.servers import (
    STOCK,
    TUNED,
    Dcmqrscp,
    Isocenter,
    Orthanc,
    Qrscp,
    Sink,
    Storescp,
)

Start = Callable[[Path, dict[str, str]], Server]
Send = Callable[[Server, Sequence[Sequence[Path]], dict[str, str]], float]

DURABLE: tuple[Start, ...] = (Isocenter, Orthanc)
FAST: tuple[Start, ...] = (
    partial(Isocenter, durable=False),
    partial(Orthanc, durable=False),
    Dcmqrscp,
    Storescp,
    Qrscp,
)


def lean(server: Server, batches: Sequence[Sequence[Path]], environment: dict[str, str]) -> float:
    """Send each batch over its own association by the lean sender; give the seconds it took."""
    opened = [_open(server, batch) for batch in batches]
    settle(server.folder)
    with ThreadPoolExecutor(len(opened)) as senders:
        start = time.perf_counter()
        list(senders.map(lambda pair: seconds_to_store(*pair), opened))
        seconds = time.perf_counter() - start
    for association, _ in opened:
        association.release()
    return seconds


def storescu(
    server: Server, batches: Sequence[Sequence[Path]], environment: dict[str, str]
) -> float:
    """Send each batch by a DCMTK storescu of its own; give the seconds it took."""
    read_ahead(path for batch in batches for path in batch)
    call = ["storescu", "-R", "-aec", server.ae_title, "127.0.0.1", str(server.dicom_port)]
    settle(server.folder)
    start = time.perf_counter()
    senders = [
        subprocess.Popen([*call, *map(str, batch)], env={**environ, **environment})
        for batch in batches
    ]
    codes = [_code(sender) for sender in senders]
    seconds = time.perf_counter() - start
    if any(codes):
        raise RuntimeError(f"storescu to {server.name} ended with {codes}")
    return seconds


def _code(sender: subprocess.Popen[bytes]) -> int:
    """Wait for a sender's end, ten minutes at most.

    `wait(timeout=...)` would look every 50 ms, an eighth of what the fastest trials take.
    """
    limit = Timer(600, sender.kill)
    limit.start()
    try:
        return sender.wait()
    finally:
        limit.cancel()


def _open(server: Server, batch: Sequence[Path]) -> tuple[Association, list[bytes]]:
    objects = [StorableObject.read(path) for path in batch]
    association = Association(server.dicom_port, server.ae_title, objects[0].sop_class_uid)
    return association, prepare(objects, association.maximum_length)


def _storing(
    collection: Callable[[Bench], Collection],
    starts: Sequence[Start],
    *,
    send: Send = lean,
    associations: int = 1,
    environment: dict[str, str] = TUNED,
    share: float = 1.0,
    processor_time: bool = False,
) -> Contenders:
    """Build the contenders of one row; `share` sends only the first part of the collection."""

    @contextmanager
    def contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
        paths = collection(bench).paths
        paths = paths[: max(associations, round(len(paths) * share))]
        batches = [paths[n::associations] for n in range(associations)]

        def trial(start: Start) -> float:
            with start(bench.new_folder(), environment) as server:
                before = server.processor_seconds()
                seconds = send(server, batches, environment)
                used = server.processor_seconds() - before  # not what counting them takes
                server.expect(len(paths))
            return used / len(paths) * 1000 if processor_time else len(paths) / seconds

        named = {_name(start): partial(trial, start) for start in starts}
        yield {name: t for name, t in named.items() if bench.takes_part(name)}

    return contenders


def _name(start: Start) -> str:
    return (start.func if isinstance(start, partial) else start).name  # pyright: ignore


def _ct(bench: Bench) -> Collection:
    return bench.ct


def _small(bench: Bench) -> Collection:
    return bench.small


def _single(bench: Bench) -> Collection:
    return bench.single


_FAST_TARGETS = (Target(3, "Orthanc"), Target(1.2, "dcmqrscp"), Target(8, "pynetdicom"))

ROWS = (
    Row(
        "store-durable-1",
        "C-STORE tuned, durable, 1 association, lean sender",
        "objects/s",
        (Target(2, "Orthanc"),),
        _storing(_ct, DURABLE),
    ),
    Row(
        "store-durable-4",
        "C-STORE tuned, durable, 4 associations, lean sender",
        "objects/s",
        (Target(1.7, "Orthanc"),),
        _storing(_ct, DURABLE, associations=4),
    ),
    Row(
        "store-durable-1-dcmtk",
        "C-STORE tuned, durable, 1 association, storescu",
        "objects/s",
        (Target(2, "Orthanc"),),
        _storing(_ct, DURABLE, send=storescu),
    ),
    Row(
        "store-durable-4-dcmtk",
        "C-STORE tuned, durable, 4 associations, storescu",
        "objects/s",
        (Target(1.7, "Orthanc"),),
        _storing(_ct, DURABLE, send=storescu, associations=4),
    ),
    Row(
        "store-fast-1",
        "C-STORE tuned, fast, 1 association, lean sender",
        "objects/s",
        _FAST_TARGETS,
        _storing(_ct, FAST),
    ),
    Row(
        "store-fast-4",
        "C-STORE tuned, fast, 4 associations, lean sender",
        "objects/s",
        (),
        _storing(_ct, FAST, associations=4),
    ),
    Row(
        "store-fast-1-dcmtk",
        "C-STORE tuned, fast, 1 association, storescu",
        "objects/s",
        _FAST_TARGETS,
        _storing(_ct, (*FAST, Sink), send=storescu),
    ),
    Row(
        "store-stock-1",
        "C-STORE stock, fast, 1 association, storescu",
        "objects/s",
        (Target(25, "Orthanc"),),
        _storing(_ct, (*FAST, Sink), send=storescu, environment=STOCK),
    ),
    Row(
        "store-stock-1-durable",
        "C-STORE stock, durable, 1 association, storescu",
        "objects/s",
        (),
        _storing(_ct, DURABLE, send=storescu, environment=STOCK, share=0.5),
    ),
    Row(
        "store-stock-4",
        "C-STORE stock, durable, 4 associations, storescu",
        "objects/s",
        (),
        _storing(_ct, DURABLE, send=storescu, environment=STOCK, share=0.5, associations=4),
    ),
    Row(
        "store-cpu",
        "server CPU a CT slice stored, durable",
        "ms",
        (Target(1.3),),
        _storing(_ct, DURABLE, processor_time=True),
    ),
    Row(
        "small-durable",
        "2,000 small objects in 200 studies, durable",
        "objects/s",
        (Target(1.4, "Orthanc"),),
        _storing(_small, DURABLE),
    ),
    Row(
        "small-fast",
        "2,000 small objects in 200 studies, fast",
        "objects/s",
        (Target(2.3, "Orthanc"),),
        _storing(_small, FAST),
    ),
    Row(
        "single-durable",
        "2,000 studies of one object, durable",
        "objects/s",
        (),
        _storing(_single, DURABLE),
    ),
    Row(
        "single-fast",
        "2,000 studies of one object, fast",
        "objects/s",
        (),
        _storing(_single, FAST),
    ),
)
