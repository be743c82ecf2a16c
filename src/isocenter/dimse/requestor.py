"""Opening associations from plain, blocking code."""

import contextlib
import socket
import ssl
from collections.abc import Iterable

from isocenter.dimse.address import PeerAddress
from isocenter.dimse.association import Association
from isocenter.dimse.call import CALLING_AE, Call
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.proposal import Proposal
from isocenter.dimse.transport import Transport
from isocenter.dimse.user_information import UserIdentity
from isocenter.dimse.verification import VERIFICATION


def connect_sync(
    destination: PeerAddress | str,
    *,
    contexts: Iterable[Proposal | str] = (VERIFICATION,),
    calling_ae: str = CALLING_AE,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    tls: ssl.SSLContext | None = None,
    identity: UserIdentity | None = None,
) -> Association:
    """Open an association; use it as a context manager, which releases it (or aborts on an error).

    Parameters
    ----------
    destination
        `AET@HOST:PORT`.
    contexts
        What to propose; a bare UID stands for a SOP class with the uncompressed syntaxes.
    calling_ae
        This node's title.
    limits, timeouts
        How much the peer may use, and how long it may take.
    tls
        A client-side context; plain TCP without it.
    identity
        The user on whose behalf it is.

    Returns
    -------
    Association
        The association, with `contexts` as the peer accepted them: maybe none of them.

    Raises
    ------
    AssociationRejected, AssociationAborted, TimedOut, AssociationError
        The peer does not want the association, or cannot be reached.
    ConfigurationError
        The destination or the calling title is malformed.
    """
    call = Call(destination, contexts, calling_ae, limits, timeouts, identity)
    transport = Transport(_open(call, tls), call.timeouts.transfer)
    association = Association(transport, call.machine, call.timeouts, call.info)
    with contextlib.ExitStack() as on_error:
        on_error.callback(association.abort)
        association.info = association.run(call.associate())
        on_error.pop_all()
    return association


def _open(call: Call, tls: ssl.SSLContext | None) -> socket.socket:
    peer = call.peer
    with call.connecting(), contextlib.ExitStack() as on_error:
        connection = socket.create_connection((peer.host, peer.port), call.timeouts.connect)
        on_error.callback(connection.close)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=peer.host)
        connection.settimeout(None)
        on_error.pop_all()
        return connection
