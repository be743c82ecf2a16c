"""The files that are still to be sent, shared by the associations that send them."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from isocenter.dimse.outgoing import Outgoing
from isocenter.dimse.status import Status


@dataclass(slots=True)
class Job:
    """One file to send, and how often that was tried."""

    index: int
    outgoing: Outgoing
    attempts: int = 0


class SendQueue:
    """A queue of jobs.

    Parameters
    ----------
    jobs
        What to send.
    attempts
        How often a job, and how often a connection, is tried.
    finished
        Told what became of each job: the peer's status, or why there is none.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        attempts: int,
        finished: Callable[[Job, Status | None, str], None],
    ) -> None:
        self.attempts = max(attempts, 1)
        self._jobs = deque(jobs)
        self._finished = finished
        self._lock = Lock()
        self._error = ""

    def take(self) -> Job | None:
        """Return the next job, or `None` when there is none left."""
        with self._lock:
            return self._jobs.popleft() if self._jobs else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to take."""
        return not self._jobs

    def put_back(self, job: Job) -> None:
        """Return a job that was taken but not tried."""
        with self._lock:
            self._jobs.appendleft(job)

    def lost(self, job: Job, error: str) -> bool:
        """Take note that the association was lost while a job was sent.

        Returns
        -------
        bool
            Whether it is tried again; otherwise it has failed.
        """
        self._error = error
        job.attempts += 1
        again = job.attempts < self.attempts
        if again:
            self.put_back(job)
        else:
            text = f"{error} (attempts: {job.attempts}; the peer's log may say more)"
            self.finish(job, None, text)
        return again

    def finish(self, job: Job, status: Status | None, error: str = "") -> None:
        """Take note of what became of a job."""
        with self._lock:
            self._finished(job, status, error)

    def failed_to_connect(self, error: str) -> None:
        """Take note of why an association could not be made."""
        self._error = error

    def clear(self) -> None:
        """Forget what nobody has taken yet, so that the workers come to their end."""
        with self._lock:
            self._jobs.clear()

    def give_up(self) -> None:
        """Fail what nobody could send."""
        while (job := self.take()) is not None:
            self.finish(job, None, self._error)
