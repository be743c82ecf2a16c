"""What an application offers on an association: the protocol between acceptor and services."""

from abc import ABC, abstractmethod
from collections.abc import Container
from typing import TYPE_CHECKING

from isocenter.dimse.messages import Message
from isocenter.dimse.pdu import ProposedContext
from isocenter.dimse.user_information import ExtendedNegotiation, RoleSelection

if TYPE_CHECKING:
    from isocenter.dimse.association import Association


class Service(ABC):
    """A service class in the SCP's role.

    One object serves all associations at the same time, each from a thread of its own.
    """

    @property
    @abstractmethod
    def abstract_syntaxes(self) -> Container[str]:
        """The SOP classes that this service answers for."""

    @property
    def transfer_syntaxes(self) -> Container[str]:
        """The transfer syntaxes that this service reads: uncompressed unless overridden."""
        return UNCOMPRESSED

    def accept(self, proposed: ProposedContext) -> str | None:
        """Choose the transfer syntax of a presentation context, or `None` to refuse them all.

        The proposer's order is kept, so that whoever sends in the encoding that it holds need not
        encode again.

        Parameters
        ----------
        proposed
            What the requestor proposes for one of `abstract_syntaxes`.

        Returns
        -------
        str or None
            UID of the first proposed syntax that is one of `transfer_syntaxes`.
        """
        readable = self.transfer_syntaxes
        return next((uid for uid in proposed.transfer_syntaxes if uid in readable), None)

    def roles(self, proposed: RoleSelection) -> RoleSelection:
        """Choose among the roles that the requestor proposes for itself (PS3.7 D.3.3.4).

        Parameters
        ----------
        proposed
            The roles that the requestor wants for a SOP class.

        Returns
        -------
        RoleSelection
            Unless overridden, SCU where it is proposed, and never SCP.
        """
        return RoleSelection(proposed.sop_class_uid, proposed.scu, False)

    def extended(self, proposed: ExtendedNegotiation) -> bytes | None:
        """Answer service-class application information; `None` leaves it unanswered.

        Parameters
        ----------
        proposed
            What the requestor sends for a SOP class (PS3.7 D.3.3.5).

        Returns
        -------
        bytes or None
            The answer's application information; unless overridden, None.
        """
        return None

    @abstractmethod
    def handle(self, context_id: int, request: Message, association: "Association") -> None:
        """Perform one request and send its response or responses.

        Parameters
        ----------
        context_id
            The presentation context that the request came on.
        request
            The request; where `has_data_set`, its data set is read from `association.fragments()`
            or `association.read_data_set()`. What is left unread is skipped.
        association
            Where to respond.

        Raises
        ------
        DimseStatusError
            The request fails with this status: the caller sends the response.
        """


UNCOMPRESSED = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
)
"""Explicit VR Little Endian, Implicit VR Little Endian, Explicit VR Big Endian."""
