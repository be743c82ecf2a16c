"""A multi-frame object of 2 GiB: the most memory that the server holds while it passes through.

Every trial starts a server, sends the object by C-STORE or STOW-RS in pieces, asks for frames all
over it, and reads the server's peak. The sender never holds the whole object. No peer takes part:
Orthanc 1.10.1 was at 4 GB of memory and not done after nine minutes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain

from benchmarks.association import Association, prepare_stream
from benchmarks.bench import Bench
from benchmarks.multiframe import MultiFrame
from benchmarks.process import Server, ServerError
from benchmarks.reading import FRAMES
from benchmarks.row import Contenders, Row, Target, Trial
from benchmarks.servers import TUNED, Isocenter
from benchmarks.webclient import Connection, get, post_stream
from benchmarks.webstoring import BOUNDARY

FRAMES_READ = 64
PART_HEAD = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
PART_TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


def _by_c_store(server: Server, large: MultiFrame) -> None:
    association = Association(server.dicom_port, server.ae_title, large.sop_class_uid)
    association.store_stream(
        prepare_stream(
            large.sop_class_uid,
            large.sop_instance_uid,
            large.data_set(),
            association.maximum_length,
        )
    )
    association.release()


def _by_stow(server: Server, large: MultiFrame) -> None:
    connection = Connection(server.http_port)
    head, tail = PART_HEAD, PART_TAIL
    request = post_stream(
        "/dicomweb/studies",
        f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        "application/dicom+json",
        len(head) + large.size + len(tail),
    )
    connection.ask_stream(request, chain((head,), large.part10(), (tail,)))
    connection.close()


def _read_frames(server: Server, large: MultiFrame) -> None:
    connection = Connection(server.http_port)
    for number in range(1, large.frames + 1, max(1, large.frames // FRAMES_READ)):
        path = f"{large.path}/frames/{number}"
        answer = connection.ask(get(path, FRAMES), keep=True)
        if large.frame(number) not in answer.body:
            raise ServerError(f"{server.name} served other bytes than frame {number}")
    connection.close()


def _contenders(by_stow: bool) -> Contenders:
    send = _by_stow if by_stow else _by_c_store

    def trial(bench: Bench) -> float:
        large = MultiFrame.of_size(round((2 << 30) * bench.scale))
        with Isocenter(bench.new_folder(), TUNED) as server:
            send(server, large)
            server.expect(1)
            _read_frames(server, large)
            return server.peak_memory() / 1e6

    @contextmanager
    def contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
        yield {"Isocenter": partial(trial, bench)} if bench.takes_part("Isocenter") else {}

    return contenders


ROWS = (
    Row(
        "large-c-store",
        "peak memory: 2 GB multi-frame by C-STORE, then frame by frame",
        "MB",
        (Target(200),),
        _contenders(by_stow=False),
    ),
    Row(
        "large-stow",
        "peak memory: 2 GB multi-frame by STOW-RS, then frame by frame",
        "MB",
        (Target(200),),
        _contenders(by_stow=True),
    ),
)
