"""Commits are shared by those who wait, and each gets its own result."""

import threading

import pytest

from isocenter.archive.group_commit import GroupCommit


def test_what_queues_during_a_commit_shares_the_next():
    batches, first_entered, release = [], threading.Event(), threading.Event()

    def write(items):
        batches.append(list(items))
        first_entered.set()
        release.wait(timeout=30)
        return [item * 10 for item in items]

    commits, results = GroupCommit(write), {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: commits.commit(n)}))
        for n in range(5)
    ]
    threads[0].start()
    assert first_entered.wait(timeout=30)
    for thread in threads[1:]:
        thread.start()
    while len(commits._queue) < 4:
        pass
    release.set()
    for thread in threads:
        thread.join(timeout=30)
    assert [sorted(batch) for batch in batches] == [[0], [1, 2, 3, 4]]
    assert results == {n: n * 10 for n in range(5)}


def test_an_error_goes_to_its_item_alone():
    def write(items):
        return [ValueError("odd") if item % 2 else item for item in items]

    commits = GroupCommit(write)
    assert commits.commit(2) == 2
    with pytest.raises(ValueError, match="odd"):
        commits.commit(3)


def test_an_error_of_the_whole_commit_goes_to_all():
    def write(items):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        GroupCommit(write).commit(1)
