"""What a requestor asks for, still without a connection: both ways to connect begin with it."""

import contextlib
from collections.abc import Generator, Iterable

from isocenter.dimse.address import PeerAddress, check_ae_title
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.machine import Machine, Operation
from isocenter.dimse.negotiation import AssociationInfo
from isocenter.dimse.proposal import Proposal, associate_request
from isocenter.dimse.upper_layer import Role
from isocenter.dimse.user_information import UserIdentity
from isocenter.errors import AssociationError, TimedOut

CALLING_AE = "ISOCENTER"
"""The title under which this node calls unless told otherwise."""


class Call:
    """An association that is asked for.

    Parameters
    ----------
    destination, contexts, calling_ae, limits, timeouts, identity
        As for `connect_sync`.

    Attributes
    ----------
    peer
        Whom to connect to.
    machine
        The association's protocol machine.
    timeouts
        How long the peer may take.
    info
        Who stands at the two ends, before the peer has said anything.

    Raises
    ------
    ConfigurationError
        The destination or the calling title is malformed.
    AssociationError
        No context is proposed, or more than fit.
    """

    def __init__(
        self,
        destination: PeerAddress | str,
        contexts: Iterable[Proposal | str],
        calling_ae: str,
        limits: Limits | None,
        timeouts: Timeouts | None,
        identity: UserIdentity | None,
    ) -> None:
        peer = PeerAddress.parse(destination) if isinstance(destination, str) else destination
        title, limits = check_ae_title(calling_ae), limits or Limits()
        self._request = associate_request(peer.ae_title, title, contexts, limits, identity)
        self.peer = peer
        self.machine = Machine(Role.REQUESTOR, limits)
        self.timeouts = timeouts or Timeouts()
        self.info = AssociationInfo(title, peer.ae_title, peer.host, peer.port)

    def associate(self) -> Operation[AssociationInfo]:
        """Ask for the association over a transport connection that stands."""
        return self.machine.associate(self._request, (self.peer.host, self.peer.port))

    @contextlib.contextmanager
    def connecting(self) -> Generator[None]:
        """Tell in words why no transport connection came about.

        Raises
        ------
        TimedOut, AssociationError
            In place of what sockets raise.
        """
        try:
            yield
        except TimeoutError as error:
            raise TimedOut(f"{self.peer} did not take the connection in time") from error
        except OSError as error:
            why = error.strerror or error
            raise AssociationError(f"cannot connect to {self.peer}: {why}") from error
        except ValueError as error:  # of names that cannot even be asked for
            why = f"{self.peer.host!r} is no name of a host"
            raise AssociationError(f"cannot connect to {self.peer}: {why}") from error
