"""What every row needs: the data, a place for the servers, and servers that are already filled."""

import itertools
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp
from types import TracebackType
from typing import Self

from benchmarks import dataset
from benchmarks.association import Association, StorableObject, prepare, seconds_to_store
from benchmarks.process import Server
from benchmarks.servers import TUNED, Isocenter, Orthanc

READY_BYTES = 768 << 20


@dataclass
class Bench:
    """One run of the benchmarks.

    Parameters
    ----------
    work_dir
        Where data and servers' folders go; all of them on this one disk.
    rounds
        Trials of each contender.
    scale
        Share of the data, from 0.01 to 1; less than 1 for a quick look, not for figures to keep.
    contenders
        Names of those that run; empty means all.
    attempts
        How often at most a trial is done that the machine's host disturbs.
    run
        When it began.
    """

    work_dir: Path
    rounds: int = 5
    scale: float = 1.0
    contenders: frozenset[str] = frozenset()
    attempts: int = 1
    run: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _servers: dict[str, Server] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def ct(self) -> dataset.Collection:
        """400 CT slices of 527 kB, one study of four series."""
        return dataset.ct_slices(self._data, slices=self._scaled(100))

    @cached_property
    def stacks(self) -> dataset.Collection:
        """CT studies of one series of 25 slices, one for each attempt and one before them."""
        return dataset.ct_stacks(self._data, studies=self.rounds * self.attempts + 1)

    @cached_property
    def small(self) -> dataset.Collection:
        """2,000 objects of 11 kB in 200 studies."""
        return dataset.small_objects(self._data, studies=self._scaled(200))

    @cached_property
    def single(self) -> dataset.Collection:
        """2,000 studies of one object of 11 kB."""
        return dataset.single_object_studies(self._data, studies=self._scaled(2000))

    def takes_part(self, contender: str) -> bool:
        """Whether a contender was asked for."""
        return not self.contenders or contender in self.contenders

    def new_folder(self) -> Path:
        """Name a folder for one start of a server.

        All folders go at the end of the run, not earlier: for minutes after many files were
        deleted, ext4 is slow to make new ones.
        """
        return self._folder / f"{next(self._numbers)}"

    def filled_servers(self) -> dict[str, Server]:
        """Isocenter and Orthanc, both holding every collection; started once a run."""
        for kind in (Isocenter, Orthanc):
            if kind.name not in self._servers and self.takes_part(kind.name):
                server = self._stack.enter_context(kind(self.new_folder(), TUNED))
                for collection in (self.single, self.small, self.ct):
                    fill(server, collection)
                self._servers[kind.name] = server
        return dict(self._servers)

    @cached_property
    def _folder(self) -> Path:
        folder = mkdtemp(prefix="servers-", dir=self.work_dir)
        self._stack.callback(rmtree, folder, ignore_errors=True)
        return Path(folder)

    @property
    def _data(self) -> Path:
        return self.work_dir / "data"

    def _scaled(self, count: int) -> int:
        return max(1, round(count * self.scale))


def read_ahead(paths: Iterable[Path]) -> None:
    """Have files in the page cache, so that a sender that reads them does not wait for the disk."""
    for path in paths:
        path.read_bytes()


def settle(folder: Path) -> None:
    """Make disk and memory ready for a trial that stores objects, just before its clock starts.

    What others wrote is on the disk then, and the page cache has memory at hand: a virtual
    machine's host takes back what lies free, and giving it again takes ten times as long as
    filling it.
    """
    os.sync()
    part = bytes(1 << 19)
    with TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(READY_BYTES // len(part)):
            file.write(part)


def fill(server: Server, collection: dataset.Collection) -> None:
    """Send a whole collection over one association."""
    objects = [StorableObject.read(path) for path in collection.paths]
    association = Association(server.dicom_port, server.ae_title, objects[0].sop_class_uid)
    seconds_to_store(association, prepare(objects, association.maximum_length))
    association.release()
