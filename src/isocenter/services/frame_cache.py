"""Encoded frames and thumbnails kept on disk: made once, by one maker at a time, within a bound."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

__all__ = ["FrameCache"]

DEFAULT_LIMIT = 2 << 30
_CHECKSUM = 4


def _checksum(content: bytes | memoryview) -> bytes:
    """Sum up content; never zero for nothing, which is what a power cut leaves."""
    return zlib.crc32(content, 1).to_bytes(_CHECKSUM, "big")


class FrameCache:
    """A folder of made files, the least recently used of which go when it grows too large.

    What stands in it can be made again at any time: it may be deleted while the server runs, and a
    full disk only means that things are made anew. So does a file that a power cut left incomplete:
    each begins with the checksum of the rest.

    Parameters
    ----------
    directory
        Where the files are; made when first needed.
    executor
        Where the work is done.
    limit
        Bytes that the files may take together.
    """

    def __init__(self, directory: Path, executor: Executor, limit: int = DEFAULT_LIMIT) -> None:
        self._directory = directory
        self._executor = executor
        self._limit = limit
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] | None = None
        self._total = 0
        self._making: dict[str, asyncio.Future[bytes]] = {}

    async def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under a key, or make and keep it.

        However many ask for a key at once, it is made once; a waiter that goes away does not stop
        the work for the others.

        Parameters
        ----------
        key
            Names all that the result depends on.
        make
            Makes it, in a thread of the executor.

        Returns
        -------
        bytes
            What was made, now or earlier.

        Raises
        ------
        Exception
            Whatever `make` raises, to all that wait for it.
        """
        name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        task = self._making.get(name)
        if task is None:
            loop = asyncio.get_running_loop()
            task = loop.run_in_executor(self._executor, self._read_or_make, name, make)
            self._making[name] = task
            task.add_done_callback(lambda _: self._making.pop(name, None))
        return await asyncio.shield(task)

    def _read_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._directory / name[:2] / name
        with contextlib.suppress(OSError):
            kept = memoryview(path.read_bytes())
            if bytes(kept[:_CHECKSUM]) == _checksum(kept[_CHECKSUM:]):
                self._used(name, len(kept))
                return bytes(kept[_CHECKSUM:])
        content = make()
        with contextlib.suppress(OSError):  # a cache that cannot be written is only slow
            self._write(path, content)
            self._used(name, _CHECKSUM + len(content))
        return content

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(_checksum(content) + content)
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _used(self, name: str, size: int) -> None:
        """Note a use, and remove what was unused longest when there is too much."""
        with self._lock:
            sizes = self._sizes if self._sizes is not None else self._survey()
            self._total += size - sizes.pop(name, 0)
            sizes[name] = size
            while self._total > self._limit and len(sizes) > 1:
                oldest, length = sizes.popitem(last=False)
                self._total -= length
                with contextlib.suppress(OSError):
                    (self._directory / oldest[:2] / oldest).unlink()

    def _survey(self) -> "OrderedDict[str, int]":
        """Look once at what an earlier process left, oldest first."""
        found: list[tuple[float, str, int]] = []
        for path in self._directory.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, path.name, status.st_size))
        self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
        self._total = sum(self._sizes.values())
        return self._sizes
