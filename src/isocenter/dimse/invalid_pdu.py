"""The error that a byte stream which breaks PS3.8 raises inside the upper layer."""

from enum import IntEnum

from isocenter.errors import InvalidDicom


class AbortSource(IntEnum):
    """Who aborted (PS3.8 9.3.8)."""

    SERVICE_USER = 0
    SERVICE_PROVIDER = 2


class AbortReason(IntEnum):
    """Why the service provider aborted (PS3.8 9.3.8); a user's abort carries 0."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


class InvalidPdu(InvalidDicom):
    """A PDU that cannot be recognised or breaks PS3.8; the state machine aborts for it (Evt19).

    Parameters
    ----------
    message
        What was found and what was expected.
    reason
        What the A-ABORT answering it says.
    """

    def __init__(
        self, message: str, reason: AbortReason = AbortReason.INVALID_PARAMETER_VALUE
    ) -> None:
        super().__init__(message)
        self.reason = reason
