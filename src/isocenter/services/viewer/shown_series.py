"""Resolved series, kept while nothing changes in them."""

import asyncio
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from isocenter.archive import Archive
from isocenter.errors import NotFound

from .frames import ViewerFrames
from .series_model import ShownSeries, resolve_series
from .shown_instances import ShownFrame

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

    def first(self) -> ShownFrame:
        """Return the frame that is shown first.

        Raises
        ------
        NotFound
            When there is no frame to show.
        """
        if not self.shown.frames:
            raise NotFound("there is no frame to show")
        return self.shown.frames[0]


class SeriesShelf:
    """Resolves series once and keeps them until their study changes.

    Every answer is as new as the index is when it is asked for: what was acknowledged before is in
    it, whichever process acknowledged it.

    Parameters
    ----------
    archive
        Where series are kept.
    frames
        Decodes frames for missing windows.
    executor
        Where the work is done.
    """

    def __init__(self, archive: Archive, frames: ViewerFrames, executor: Executor) -> None:
        self._archive = archive
        self._frames = frames
        self._executor = executor
        self._total = 0
        # By study and series, with the change of the study up to which they are good.
        self._kept: OrderedDict[tuple[str, str], tuple[int, SeriesOnShelf]] = OrderedDict()
        self._making: dict[tuple[str, str, int], asyncio.Future[SeriesOnShelf]] = {}

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
        loop = asyncio.get_running_loop()
        last = await loop.run_in_executor(self._executor, self._archive.last_change, study)
        if not last:  # what comes from now on would be kept under no change
            raise NotFound(f"study {study[:64]} is not in this archive")
        good_until, kept = self._kept.get(key, (-1, None))
        if kept is not None and good_until == last:
            self._kept.move_to_end(key)
            return kept
        making = self._making.get((*key, last))
        if making is None:
            before = kept and kept.shown
            making = loop.run_in_executor(self._executor, self._resolve, *key, before)
            self._making[*key, last] = making
            making.add_done_callback(partial(self._made, key, last))
        return await asyncio.shield(making)

    def _resolve(self, study: str, series: str, before: ShownSeries | None) -> SeriesOnShelf:
        shown = resolve_series(self._archive, self._frames, study, series, before)
        return SeriesOnShelf(shown, shown.answer.model_dump_json(by_alias=True).encode())

    def _made(self, key: tuple[str, str], last: int, making: asyncio.Future[SeriesOnShelf]) -> None:
        del self._making[*key, last]
        self._drop(key)
        if making.cancelled() or making.exception() is not None:
            return
        self._kept[key] = last, making.result()
        self._total += len(making.result().shown.frames)
        while self._total > _MOST_FRAMES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        if key in self._kept:
            _, dropped = self._kept.pop(key)
            self._total -= len(dropped.shown.frames)
