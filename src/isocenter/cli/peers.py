"""Tells a newcomer why a DICOM node cannot be reached, beyond what the network says."""

import contextlib
import socket
from collections.abc import Generator

from isocenter.dimse.invalid_pdu import AbortSource
from isocenter.errors import AssociationAborted, AssociationError, AssociationRejected, TimedOut

__all__ = ["explain_unreachable"]


@contextlib.contextmanager
def explain_unreachable(destination: str, calling: str = "ISOCENTER") -> Generator[None]:
    """Add to an association's error whose it is and what to look at.

    Parameters
    ----------
    destination
        As the user typed it.
    calling
        Our AE title.
    """
    try:
        yield
    except AssociationError as error:
        text, hint = str(error), _hint(error).format(calling=calling)
        if destination.rpartition("@")[2] not in text:
            text = f"{destination}: {text}"
        raise AssociationError(f"{text}\n{hint}".strip()) from error


def _hint(error: AssociationError) -> str:
    if isinstance(error, AssociationRejected):
        return _REJECTIONS.get((error.source, error.reason), _OTHER_REJECTION)
    cause = error.__cause__
    if isinstance(cause, ConnectionRefusedError):
        return (
            "Nothing listens there: is the node running, and is this its DICOM port? "
            "(Isocenter's is 11112 unless changed; 8104 is for the browser.)"
        )
    if isinstance(cause, (socket.gaierror, ValueError)):
        return "No such host is known; check its name."
    if isinstance(error, TimedOut):
        return (
            "No answer came in time: check address and port, whether a firewall stands between, "
            "and whether the node is busy."
        )
    if isinstance(error, AssociationAborted):
        if error.source == AbortSource.SERVICE_USER and cause is None:
            return "The node speaks DICOM, and broke off by itself: its log may say why."
        return (
            "What listens there may not speak DICOM, or only over TLS, which this command does "
            "not: is this its DICOM port?"
        )
    if isinstance(cause, OSError):
        return "Check the address, and this machine's network."
    return (
        "The node let us in, so address and AE titles are right, but it does not offer this "
        "service to us: its configuration or conformance statement says what it offers."
    )


# By source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21).
_REJECTIONS = {
    (1, 1): "The node gives no reason. Often it does not know our AE title, {calling}: have it "
    "added there, or call as one it knows with --calling (of echo and send).",
    (1, 3): "The node does not know our AE title, {calling}: have it added there, or call as one "
    "it knows with --calling (of echo and send).",
    (
        1,
        7,
    ): "The node has another AE title than the one before the @: its configuration says which.",
    (3, 1): "The node has no room for another association now; try later or with fewer.",
    (3, 2): "The node has no room for another association now; try later or with fewer.",
}
_OTHER_REJECTION = "The node's log may say more."
