"""What 100 open, silent associations cost: processor seconds a second, over a while."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from pydicom.uid import CTImageStorage

from benchmarks.association import Association
from benchmarks.bench import Bench
from benchmarks.process import Server
from benchmarks.row import Row, Target, Trial
from benchmarks.servers import TUNED, Isocenter, Orthanc

ASSOCIATIONS = 100
SETTLE_SECONDS = 2
WATCH_SECONDS = 10


class Pynetdicom(Server):
    """A pynetdicom Storage SCP; its qrscp takes no more than ten associations."""

    name = "pynetdicom"
    ae_title = "PYNETDICOM"

    def command(self) -> list[str]:
        program = (
            "from pynetdicom import AE, StoragePresentationContexts\n"
            "ae = AE()\n"
            f"ae.maximum_associations = {ASSOCIATIONS + 10}\n"
            "ae.network_timeout = 600\n"
            "ae.supported_contexts = StoragePresentationContexts\n"
            f"ae.start_server(('127.0.0.1', {self.dicom_port}))\n"
        )
        return [sys.executable, "-c", program]

    def stored(self) -> int:
        return 0


def _trial(start: Callable[[Path, dict[str, str]], Server], bench: Bench) -> float:
    """Open the associations, and give the share of one core that the server then uses."""
    with start(bench.new_folder(), TUNED) as server, ExitStack() as opened:
        for _ in range(ASSOCIATIONS):
            association = Association(server.dicom_port, server.ae_title, CTImageStorage)
            opened.callback(association.release)
        time.sleep(SETTLE_SECONDS)
        before, start_time = server.processor_seconds(), time.perf_counter()
        time.sleep(WATCH_SECONDS)
        used = server.processor_seconds() - before
        return used / (time.perf_counter() - start_time)


@contextmanager
def _contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    starts: dict[str, Callable[[Path, dict[str, str]], Server]] = {
        "Isocenter": Isocenter,
        "Orthanc": partial(Orthanc, association_threads=ASSOCIATIONS),
        "pynetdicom": Pynetdicom,
    }
    yield {n: partial(_trial, start, bench) for n, start in starts.items() if bench.takes_part(n)}


ROWS = (
    Row(
        "idle",
        "idle with 100 open associations",
        "cores",
        (Target(0.02),),
        _contenders,
    ),
)
