"""Fewer full garbage collections while an object of very many items is built or written."""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["fewer_full_collections"]

_RARELY = 1000
"""How many collections of the middle generation come before a full one, by default 10."""

_lock = threading.Lock()
_builders = 0
_thresholds = gc.get_threshold()


@contextmanager
def fewer_full_collections() -> Generator[None]:
    """Put full garbage collections off; also a decorator. May be nested, and used by threads.

    A hundred thousand references are millions of containers that all stay, and a full collection
    looks through every one of them again. Young ones are collected as ever, and full collections
    still come after some millions of new containers, so that nothing grows without limit where
    builders never pause.
    """
    global _builders, _thresholds
    with _lock:
        if _builders == 0:
            _thresholds = gc.get_threshold()
            gc.set_threshold(*_thresholds[:2], max(_RARELY, _thresholds[2]))
        _builders += 1
    try:
        yield
    finally:
        with _lock:
            _builders -= 1
            if _builders == 0:
                gc.set_threshold(*_thresholds)
