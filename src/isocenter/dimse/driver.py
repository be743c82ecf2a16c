"""What both drivers of the protocol machine share, still without I/O: time, and how it ends.

A driver moves bytes between a connection and the machine. The blocking one is
`association.Association`, the one for asyncio `asynchronous.AsyncAssociation`.
"""

import time
from collections.abc import Mapping

from isocenter.dimse.address import host_and_port
from isocenter.dimse.indications import AbortIndication
from isocenter.dimse.limits import Timeouts
from isocenter.dimse.machine import Machine, Wait, seconds_by_wait
from isocenter.dimse.negotiation import AssociationInfo, NegotiatedContext
from isocenter.errors import AssociationAborted, TimedOut


class Driver:
    """One end of an association, whoever moves its bytes.

    Parameters
    ----------
    machine
        The association's protocol machine.
    timeouts
        How long the peer may take.
    info
        Who stands at the two ends, as far as that is known.

    Attributes
    ----------
    info
        The same, with what the peer said of itself.
    """

    def __init__(self, machine: Machine, timeouts: Timeouts, info: AssociationInfo) -> None:
        self._machine = machine
        self._upper = machine.upper
        self._seconds = seconds_by_wait(timeouts)
        self._closed = False
        self._next_message_id = 0
        # When the peer's time is over, or 0 where it begins with the next wait; and how many PDUs
        # had come when it began.
        self._deadline = 0.0
        self._pdus = 0
        self.info = info

    @property
    def contexts(self) -> Mapping[int, NegotiatedContext]:
        """The presentation contexts agreed on, by id."""
        return self._machine.contexts

    @property
    def is_open(self) -> bool:
        """Whether messages may be exchanged."""
        return not self._closed and self._upper.is_established

    def context(self, context_id: int) -> NegotiatedContext:
        """Return one of `contexts`.

        Parameters
        ----------
        context_id
            Its id, odd, 1 to 255.

        Returns
        -------
        NegotiatedContext
            Its SOP class, transfer syntax and roles.

        Raises
        ------
        KeyError
            It was not agreed on.
        """
        return self._machine.contexts[context_id]

    def next_message_id(self) -> int:
        """Return a Message ID (0000,0110) that is not in use, 1 to 65535."""
        self._next_message_id = self._next_message_id % 0xFFFF + 1
        return self._next_message_id

    # Time

    def _seconds_left(self, wait: Wait) -> float:
        """Return how long the peer may still take for what is waited for.

        The time begins where `_deadline` is 0, and anew with each PDU where `wait` says so.

        Raises
        ------
        TimedOut
            It is over; the association is aborted.
        """
        now, pdus = time.monotonic(), self._upper.pdus_received
        limit = now + self._seconds[wait]
        deadline = self._deadline
        if not deadline or (pdus != self._pdus and wait.starts_anew):
            self._pdus = pdus
        elif deadline < limit:
            if now > deadline:
                raise self._timed_out(wait)
            return deadline - now
        self._deadline = limit
        return limit - now

    def _timed_out(self, wait: Wait) -> TimedOut:
        """End the association, as the peer let its time pass; returns the error that says so."""
        upper = self._upper
        if wait in (Wait.ASSOCIATE_RQ, Wait.CLOSE):
            upper.artim_expired()
        else:
            upper.abort()
        return TimedOut(f"{self._peer} let pass the time for {wait.value}")

    # The end

    def _not_taken(self) -> TimedOut:
        """Give the connection up because the peer takes no data; returns the error that says so."""
        self._upper.transport_closed()
        return TimedOut(f"{self._peer} took no data in time")

    def _lost(self) -> AssociationAborted:
        """Give up a connection that broke; returns why: often an A-ABORT came before that."""
        upper = self._upper
        upper.transport_closed()
        while upper.read_on():
            upper.values.clear()
        for indication in upper.indications:
            if isinstance(indication, AbortIndication):
                text = f"{self._peer} ended the association: {indication.detail}"
                return AssociationAborted(text, indication.source, indication.reason)
        return AssociationAborted(f"the connection to {self._peer} is lost")

    @property
    def _peer(self) -> str:
        return host_and_port(self.info.peer_address, self.info.peer_port)
