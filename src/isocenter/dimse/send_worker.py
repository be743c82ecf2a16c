"""One association's share in sending many files."""

import ssl
import time
from collections.abc import Iterator, Sequence

from isocenter.dimse.address import PeerAddress
from isocenter.dimse.association import Association
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.machine import Buffer
from isocenter.dimse.messages import CStoreRq
from isocenter.dimse.operations import named, status_of, store_request
from isocenter.dimse.outgoing import Outgoing, PieceReader
from isocenter.dimse.proposal import Proposal
from isocenter.dimse.reencoding import is_uncompressed, reencode
from isocenter.dimse.requestor import connect_sync
from isocenter.dimse.send_queue import Job, SendQueue
from isocenter.errors import (
    AssociationError,
    AssociationRejected,
    IsocenterError,
    UnsupportedTransferSyntax,
)

_PERMANENT = 1
_FIRST_PAUSE = 0.25


class _Prepared:
    """A job whose request is made and whose first piece is read, ready to be sent at once."""

    def __init__(self, job: Job, association: Association, reader: PieceReader) -> None:
        self.job = job
        outgoing = job.outgoing
        self.context_id, syntax = _choose_context(association, outgoing)
        self.request: CStoreRq = store_request(
            association.next_message_id(), outgoing.sop_class_uid, outgoing.sop_instance_uid
        )
        self._rest: Iterator[Buffer]
        if syntax == outgoing.transfer_syntax_uid:
            self._rest = outgoing.pieces(reader)
        else:
            self._rest = iter([reencode(outgoing, syntax)])
        self._first = next(self._rest, b"")

    def data(self) -> Iterator[Buffer]:
        """Return the data set's pieces."""
        yield self._first
        yield from self._rest


class Worker:
    """Sends jobs of a queue over one association at a time.

    Parameters
    ----------
    queue
        Shared by all workers.
    contexts
        What to propose.
    peer, calling_ae, limits, timeouts, tls
        As for `connect_sync`.
    """

    def __init__(
        self,
        queue: SendQueue,
        contexts: Sequence[Proposal],
        peer: PeerAddress,
        calling_ae: str,
        limits: Limits,
        timeouts: Timeouts,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._queue = queue
        self._contexts = contexts
        self._peer = peer
        self._calling_ae = calling_ae
        self._limits = limits
        self._timeouts = timeouts
        self._tls = tls
        self._reader = PieceReader()

    def run(self) -> None:
        """Send until the queue is empty, or the peer cannot be reached any more."""
        failures = 0
        while not self._queue.is_empty and failures < self._queue.attempts:
            if failures:
                time.sleep(_FIRST_PAUSE * 2**failures)
            try:
                association = self._connect()
            except AssociationError as error:
                self._queue.failed_to_connect(str(error))
                failures += 1
                if isinstance(error, AssociationRejected) and error.result == _PERMANENT:
                    return
                continue
            failures = 0 if self._send_all(association) else failures + 1

    def _connect(self) -> Association:
        return connect_sync(
            self._peer,
            contexts=self._contexts,
            calling_ae=self._calling_ae,
            limits=self._limits,
            timeouts=self._timeouts,
            tls=self._tls,
        )

    def _send_all(self, association: Association) -> bool:
        """Send jobs until there are none or the association is lost; whether any was finished."""
        finished = False
        current = self._prepare(association)
        while current is not None:
            following: _Prepared | None = None
            try:
                association.send(current.context_id, current.request, current.data())
                # The file behind is read while the peer stores this one.
                following = self._prepare(association)
                response = association.await_response(current.request)
            except (IsocenterError, OSError) as error:
                association.abort()
                return self._lost(current, following, error) or finished
            finished = True
            self._queue.finish(current.job, status_of(response))
            current = following
        association.release()
        return True

    def _lost(self, current: _Prepared, following: _Prepared | None, error: Exception) -> bool:
        """Put back what was under way, or fail it for good; returns whether it failed."""
        if following is not None:
            self._queue.put_back(following.job)
        if isinstance(error, AssociationError):
            return not self._queue.lost(current.job, str(error))
        self._queue.finish(current.job, None, str(error))
        return True

    def _prepare(self, association: Association) -> _Prepared | None:
        """Take the next job that can be sent; those that cannot are finished."""
        while (job := self._queue.take()) is not None:
            try:
                return _Prepared(job, association, self._reader)
            except (IsocenterError, OSError) as error:
                self._queue.finish(job, None, str(error))
        return None


def _choose_context(association: Association, outgoing: Outgoing) -> tuple[int, str]:
    """Return a context for an object, and the transfer syntax to send it in."""
    own = outgoing.transfer_syntax_uid
    accepted = {
        context.transfer_syntax: context.context_id
        for context in association.contexts.values()
        if context.abstract_syntax == outgoing.sop_class_uid
    }
    if own in accepted:
        return accepted[own], own
    if is_uncompressed(own):
        for syntax, context_id in accepted.items():
            if is_uncompressed(syntax):
                return context_id, syntax
    syntax = "an uncompressed transfer syntax" if is_uncompressed(own) else named(own)
    raise UnsupportedTransferSyntax(
        f"{association.info.called_ae} does not accept {named(outgoing.sop_class_uid)} in "
        f"{syntax}; its configuration or conformance statement says what it takes"
    )
