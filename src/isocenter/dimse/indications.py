"""What the upper layer tells its user: indications and confirmations (PS3.8 7).

Data is told apart from these: `UpperLayer.values`.
"""

from dataclasses import dataclass

from isocenter.dimse.pdu import AssociateAc, AssociateRj, AssociateRq
from isocenter.errors import AssociationAborted


@dataclass(frozen=True, slots=True)
class AssociateIndication:
    """A peer asks for an association; answer with `accept` or `reject`."""

    request: AssociateRq


@dataclass(frozen=True, slots=True)
class AssociateConfirmation:
    """The peer answered our request: accepted or rejected."""

    answer: AssociateAc | AssociateRj


@dataclass(frozen=True, slots=True)
class ReleaseIndication:
    """The peer asks to release; answer with `respond_release`.

    `collision` tells that both sides asked at the same time.
    """

    collision: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseConfirmation:
    """The peer agreed to our release."""


@dataclass(frozen=True, slots=True)
class AbortIndication:
    """The association is over: by the peer's A-ABORT, its closing, or bytes that break PS3.8.

    Parameters
    ----------
    source, reason
        As in A-ABORT (PS3.8 9.3.8).
    by_peer
        Whether the peer ended it, not this side for the peer's fault.
    detail
        What happened, as a sentence's end.
    """

    source: int
    reason: int
    by_peer: bool
    detail: str

    def error(self) -> AssociationAborted:
        """Return the error that tells it."""
        by = "the peer ended the association" if self.by_peer else "association aborted"
        return AssociationAborted(f"{by}: {self.detail}", self.source, self.reason)


Indication = (
    AssociateIndication
    | AssociateConfirmation
    | ReleaseIndication
    | ReleaseConfirmation
    | AbortIndication
)
