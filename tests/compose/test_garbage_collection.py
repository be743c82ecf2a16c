"""How full garbage collections are put off while objects are built."""

import gc
import threading

import pytest

from isocenter.compose.garbage_collection import fewer_full_collections


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield before
    assert gc.get_threshold() == before


def test_full_collections_become_rarer_and_the_young_ones_do_not(thresholds):
    with fewer_full_collections():
        young, middle, full = gc.get_threshold()
        assert (young, middle) == thresholds[:2] and full > thresholds[2]
        assert gc.isenabled()


def test_thresholds_are_restored_after_an_error(thresholds):
    with pytest.raises(ValueError, match="in vain"), fewer_full_collections():
        raise ValueError("in vain")
    assert gc.get_threshold() == thresholds


def test_an_inner_use_does_not_end_the_outer_one(thresholds):
    with fewer_full_collections():
        outer = gc.get_threshold()
        with fewer_full_collections():
            pass
        assert gc.get_threshold() == outer != thresholds


def test_the_last_thread_restores_whichever_began(thresholds):
    begun, go_on = threading.Event(), threading.Event()

    def build() -> None:
        with fewer_full_collections():
            begun.set()
            go_on.wait(30)

    thread = threading.Thread(target=build)
    with fewer_full_collections():
        thread.start()
        assert begun.wait(30)
    try:
        assert gc.get_threshold() != thresholds
    finally:
        go_on.set()
        thread.join(30)
    assert gc.get_threshold() == thresholds
