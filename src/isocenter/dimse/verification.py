"""The Verification service class in the SCP's role (PS3.4 A)."""

from collections.abc import Container
from typing import TYPE_CHECKING

from isocenter.dimse.messages import CEchoRq, Message
from isocenter.dimse.service import Service
from isocenter.dimse.status import SUCCESS, StatusCode
from isocenter.errors import DimseStatusError

if TYPE_CHECKING:
    from isocenter.dimse.association import Association

VERIFICATION = "1.2.840.10008.1.1"
"""Verification SOP Class."""


class VerificationService(Service):
    """Answers C-ECHO."""

    @property
    def abstract_syntaxes(self) -> Container[str]:
        """Verification only."""
        return (VERIFICATION,)

    def handle(self, context_id: int, request: Message, association: "Association") -> None:
        """Respond with success.

        Parameters
        ----------
        context_id
            The presentation context that the request came on.
        request
            A C-ECHO request.
        association
            Where to respond.

        Raises
        ------
        DimseStatusError
            The request is another one.
        """
        if not isinstance(request, CEchoRq):
            raise DimseStatusError(
                StatusCode.UNRECOGNIZED_OPERATION, "only C-ECHO is performed here"
            )
        association.respond(context_id, request, SUCCESS)
