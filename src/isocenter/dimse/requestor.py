"""Opening associations from plain, blocking code."""

import contextlib
import socket
import ssl
from collections.abc import Iterable

from isocenter.dimse.address import PeerAddress, check_ae_title
from isocenter.dimse.association import Association
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.machine import Machine
from isocenter.dimse.negotiation import AssociationInfo
from isocenter.dimse.proposal import Proposal, associate_request
from isocenter.dimse.transport import Transport
from isocenter.dimse.upper_layer import Role
from isocenter.dimse.user_information import UserIdentity
from isocenter.dimse.verification import VERIFICATION
from isocenter.errors import AssociationError, TimedOut

CALLING_AE = "ISOCENTER"
"""The title under which this node calls unless told otherwise."""


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
    peer = PeerAddress.parse(destination) if isinstance(destination, str) else destination
    limits, timeouts = limits or Limits(), timeouts or Timeouts()
    title = check_ae_title(calling_ae)
    request = associate_request(peer.ae_title, title, contexts, limits, identity)
    transport = Transport(_open(peer, timeouts, tls), timeouts.transfer)
    machine = Machine(Role.REQUESTOR, limits)
    association = Association(transport, machine, timeouts)
    with contextlib.ExitStack() as on_error:
        on_error.callback(association.abort)
        association.info = AssociationInfo(title, peer.ae_title, peer.host, peer.port)
        association.info = association.run(machine.associate(request, (peer.host, peer.port)))
        on_error.pop_all()
    return association


def _open(peer: PeerAddress, timeouts: Timeouts, tls: ssl.SSLContext | None) -> socket.socket:
    with contextlib.ExitStack() as on_error:
        try:
            connection = socket.create_connection((peer.host, peer.port), timeouts.connect)
            on_error.callback(connection.close)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_hostname=peer.host)
        except TimeoutError as error:
            raise TimedOut(f"{peer} did not take the connection in time") from error
        except OSError as error:
            raise AssociationError(
                f"cannot connect to {peer}: {error.strerror or error}"
            ) from error
        on_error.pop_all()
        connection.settimeout(None)
        return connection
