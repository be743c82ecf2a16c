"""Sending many files over parallel associations, with a result for each."""

import os
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from threading import Thread

from isocenter.dimse.address import PeerAddress, check_ae_title
from isocenter.dimse.call import CALLING_AE
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.outgoing import describe
from isocenter.dimse.send_queue import Job, SendQueue
from isocenter.dimse.send_worker import Worker
from isocenter.dimse.status import Status
from isocenter.dimse.storage_contexts import batches
from isocenter.errors import IsocenterError, NotDicom

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


class SendOutcome(Enum):
    """What became of a file."""

    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one file.

    Parameters
    ----------
    path
        The file.
    outcome
        `SENT` when the peer keeps it; `SKIPPED` when it was found in a folder and is nothing that
        can be stored (no DICOM, or a DICOMDIR).
    status
        What the peer responded, `None` if it did not come to that.
    error
        Why it was not sent.
    sop_instance_uid
        Which instance it holds, empty when that could not be read.
    note
        What was odd about a file that was sent all the same, such as File Meta Information that
        names another instance, or the warning with which the peer keeps it.
    """

    path: Path
    outcome: SendOutcome
    status: Status | None = None
    error: str = ""
    sop_instance_uid: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How far a `send` is, said after each file.

    Parameters
    ----------
    result
        The file that was just finished.
    done, total
        Counts of files.
    done_bytes, total_bytes
        Sizes of those that can be sent.
    """

    result: SendResult
    done: int
    total: int
    done_bytes: int
    total_bytes: int


def send(
    paths: Iterable[Path | str],
    destination: PeerAddress | str,
    *,
    calling_ae: str = CALLING_AE,
    associations: int = 1,
    attempts: int = 3,
    leave_out: Callable[[Path], bool] | None = None,
    progress: Callable[[SendProgress], None] | None = None,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    tls: ssl.SSLContext | None = None,
) -> list[SendResult]:
    """Store files at a peer.

    Parameters
    ----------
    paths
        Files, and folders that are searched for files.
    destination
        `AET@HOST:PORT`.
    calling_ae
        This node's title.
    associations
        How many associations send at the same time, 1 or more.
    attempts
        How often a file, or a connection, is tried when the association is lost.
    leave_out
        Tells of each file whether it is passed over, for example because it was sent before.
    progress
        Called after each file, from the threads that send, one call at a time.
    limits, timeouts, tls
        As for `connect_sync`.

    Returns
    -------
    list of SendResult
        One for each file, in the order of `paths`. To resume, send those that failed again.

    Notes
    -----
    Data sets are sent as they are. Only where a peer takes none of an uncompressed file's own
    transfer syntax is it written anew, in another uncompressed one.
    """
    peer = PeerAddress.parse(destination) if isinstance(destination, str) else destination
    title = check_ae_title(calling_ae)
    plan = _Plan(progress)
    for path, found in _files(paths, plan.unreadable):
        if leave_out is None or not leave_out(path):
            plan.add(path, found)
    plan.begin()
    options = (peer, title, limits or Limits(), timeouts or Timeouts(), tls)
    for contexts, jobs in batches(plan.jobs):
        queue = SendQueue(jobs, attempts, plan.finished)
        count = max(1, min(associations, len(jobs)))
        _run([Worker(queue, contexts, *options) for _ in range(count)], queue)
        queue.give_up()
    return plan.results()


def _run(workers: Sequence[Worker], queue: SendQueue) -> None:
    """Let all workers work, one of them in this thread, so that it can be interrupted."""
    threads = [Thread(target=worker.run, name="dimse-send") for worker in workers[1:]]
    for thread in threads:
        thread.start()
    try:
        workers[0].run()
    except BaseException:
        queue.clear()
        raise
    finally:
        for thread in threads:
            thread.join()


class _Plan:
    """The files of one `send` and what became of them."""

    def __init__(self, progress: Callable[[SendProgress], None] | None) -> None:
        self._progress = progress
        self._paths: list[Path] = []
        self._results: dict[int, SendResult] = {}
        self.jobs: list[Job] = []
        self._done_bytes = 0
        self._total_bytes = 0

    def add(self, path: Path, found: bool) -> None:
        """Look at a file; one that was found in a folder may be something else than DICOM."""
        index = len(self._paths)
        self._paths.append(path)
        try:
            outgoing = describe(path)
            if outgoing.sop_class_uid == _MEDIA_STORAGE_DIRECTORY:
                raise NotDicom("a DICOMDIR is no object that can be stored")
        except (IsocenterError, OSError) as error:
            skipped = found and isinstance(error, NotDicom)
            outcome = SendOutcome.SKIPPED if skipped else SendOutcome.FAILED
            self._results[index] = SendResult(path, outcome, error=str(error))
        else:
            self.jobs.append(Job(index, outgoing))
            self._total_bytes += outgoing.size

    def unreadable(self, error: OSError) -> None:
        """Take note of a folder in which nothing can be looked for."""
        path, why = Path(error.filename), f"the folder cannot be read: {error.strerror or error}"
        self._results[len(self._paths)] = SendResult(path, SendOutcome.FAILED, error=why)
        self._paths.append(path)

    def begin(self) -> None:
        """Report the files that are not going to be sent."""
        for number, result in enumerate(list(self._results.values()), 1):
            self._report(result, number)

    def finished(self, job: Job, status: Status | None, error: str) -> None:
        """Take note of what became of a file; called by one thread at a time."""
        sent = status is not None and status.is_success
        outcome = SendOutcome.SENT if sent else SendOutcome.FAILED
        text = error or ("" if sent else str(status))
        uid, note = job.outgoing.sop_instance_uid, job.outgoing.note
        if sent and status is not None and status.code:  # kept, with a warning
            note = "; ".join(filter(None, (note, str(status))))
        result = SendResult(self._paths[job.index], outcome, status, text, uid, note)
        self._results[job.index] = result
        self._done_bytes += job.outgoing.size
        self._report(result, len(self._results))

    def results(self) -> list[SendResult]:
        """Return all results, in the order of the files."""
        return [self._results[index] for index in range(len(self._paths))]

    def _report(self, result: SendResult, done: int) -> None:
        if self._progress is not None:
            self._progress(
                SendProgress(result, done, len(self._paths), self._done_bytes, self._total_bytes)
            )


def _files(
    paths: Iterable[Path | str], unreadable: Callable[[OSError], None]
) -> Iterator[tuple[Path, bool]]:
    """Yield files, and whether each was found in a folder."""
    for path in map(Path, paths):
        if not path.is_dir():
            yield path, False
            continue
        for folder, folders, names in os.walk(path, onerror=unreadable):
            folders.sort()
            for name in sorted(names):
                yield Path(folder, name), True
