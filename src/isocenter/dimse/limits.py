"""How much a peer may use, and how long it may take."""

from dataclasses import dataclass, fields

from isocenter.errors import ConfigurationError

# Some 30 years: what all systems can wait for, and count in whole seconds.
_LONGEST = 1e9


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes and counts; each is checked before memory is taken for what a peer claims.

    Parameters
    ----------
    maximum_length
        The longest P-DATA-TF variable field that is announced and taken; 0 is unlimited (PS3.8
        D.1.1), and takes no more memory.
    associate_pdu
        The longest association PDU.
    command_set
        The longest command set.
    data_set
        The longest data set that is streamed to a service.
    identifier
        The longest data set that is held in memory as a whole.
    contexts
        How many presentation contexts a request may propose; PS3.8 has ids for 128.
    associations, associations_per_peer
        How many associations are open at a time, in all and from one address.
    buffer
        How many received bytes an association holds before it hands them on.
    """

    maximum_length: int = 1 << 18
    associate_pdu: int = 1 << 19
    command_set: int = 1 << 16
    data_set: int = 16 << 30
    identifier: int = 16 << 20
    contexts: int = 128
    associations: int = 256
    associations_per_peer: int = 128
    buffer: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each wait lasts at most, in seconds.

    Parameters
    ----------
    connect
        For the TCP connection, and for the TLS handshake.
    artim
        The ARTIM timer (PS3.8 9.1.5) while the association request is awaited.
    close
        The ARTIM timer while the peer is to close the connection.
    associate
        For the answer to our association request, and to our release request.
    response
        For the response to a DIMSE request.
    transfer
        For the next PDU of a message that has begun, or the next 256 kB where a PDU is longer, and
        for the peer to take what is sent.
    idle
        For the next message on an association where nothing is going on.

    Raises
    ------
    ConfigurationError
        A time is negative, infinite or no number.
    """

    connect: float = 15.0
    artim: float = 30.0
    close: float = 5.0
    associate: float = 30.0
    response: float = 120.0
    transfer: float = 60.0
    idle: float = 600.0

    def __post_init__(self) -> None:
        """Refuse what no clock can measure.

        Raises
        ------
        ConfigurationError
            A time is negative, infinite or no number.
        """
        for one in fields(self):
            seconds = getattr(self, one.name)
            if not 0 <= seconds <= _LONGEST:
                raise ConfigurationError(
                    f"the time limit {one.name} is {seconds} seconds: give 0 to {_LONGEST:.0f}"
                )
