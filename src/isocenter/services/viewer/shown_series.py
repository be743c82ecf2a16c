"""Resolved series, kept while nothing changes in them."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from isocenter.archive import Archive, Change
from isocenter.errors import NotFound

from .frames import ViewerFrames
from .series_model import ShownFrame, ShownSeries, resolve_series

__all__ = ["SeriesOnShelf", "SeriesShelf"]

# Frames of all series on the shelf together; a frame takes about a kilobyte.
_MOST_FRAMES = 100_000


@dataclass(frozen=True, slots=True)
class SeriesOnShelf:
    """A resolved series and its JSON.

    Parameters
    ----------
    shown
        The series.
    body
        What the API answers, ready to be sent.
    """

    shown: ShownSeries
    body: bytes

    def middle(self, instance: str | None = None) -> ShownFrame:
        """Return the frame that stands for the series, or for one of its instances.

        Raises
        ------
        NotFound
            When there is no frame to show.
        """
        frames = [f for f in self.shown.frames if instance is None or f.instance == instance]
        if not frames:
            raise NotFound("there is no frame to show")
        return frames[len(frames) // 2]


class SeriesShelf:
    """Resolves series once and keeps them until they change.

    Parameters
    ----------
    archive
        Where series are kept; its changes empty their place here.
    frames
        Decodes frames for missing windows.
    executor
        Where the work is done.
    """

    def __init__(self, archive: Archive, frames: ViewerFrames, executor: Executor) -> None:
        self._archive = archive
        self._frames = frames
        self._executor = executor
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], SeriesOnShelf] = OrderedDict()
        self._total = 0
        # Being resolved, and whether their study changed meanwhile.
        self._outdated: dict[tuple[str, str], bool] = {}
        self._making: dict[tuple[str, str], asyncio.Future[SeriesOnShelf]] = {}
        archive.subscribe(self._changed)

    async def get(self, study: str, series: str) -> SeriesOnShelf:
        """Return a resolved series.

        Parameters
        ----------
        study, series
            Study and Series Instance UID.

        Raises
        ------
        NotFound
            When there is no such series.
        """
        key = (study, series)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        task = self._making.get(key)
        if task is None:
            loop = asyncio.get_running_loop()
            task = loop.run_in_executor(self._executor, self._make, key)
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(task)

    def _make(self, key: tuple[str, str]) -> SeriesOnShelf:
        with self._lock:
            self._outdated[key] = False
        made: SeriesOnShelf | None = None
        try:
            shown = resolve_series(self._archive, self._frames, *key)
            made = SeriesOnShelf(shown, shown.answer.model_dump_json(by_alias=True).encode())
            return made
        finally:
            with self._lock:
                # What changed meanwhile may be missing in it: it is good for this answer only.
                if not self._outdated.pop(key) and made is not None:
                    self._keep(key, made)

    def _keep(self, key: tuple[str, str], made: SeriesOnShelf) -> None:
        self._drop(key)
        self._kept[key] = made
        self._total += len(made.shown.frames)
        while self._total > _MOST_FRAMES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._total -= len(dropped.shown.frames)

    def _changed(self, changes: Sequence[Change]) -> None:
        studies = {change.study_instance_uid for change in changes}
        with self._lock:
            for key in [key for key in self._kept if key[0] in studies]:
                self._drop(key)
            for key in self._outdated:
                self._outdated[key] |= key[0] in studies
