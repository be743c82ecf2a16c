"""Application entity titles and where to find the entity on the network."""

import errno
import re
from dataclasses import dataclass

from isocenter.errors import ConfigurationError

_DESTINATION = re.compile(
    r"(?P<title>[^@]+)@(?P<host>\[[^\]]+\]|[^\s:@\[\]]+)(:(?P<port>[0-9]{1,9}))?"
)
_FORM = "give AET@HOST:PORT, such as ISOCENTER@127.0.0.1:11112"

_HINTS = {
    errno.EADDRINUSE: "; is Isocenter running already? Otherwise choose another port",
    errno.EACCES: "; ports below 1024 need a privilege, so choose a higher one",
    errno.EADDRNOTAVAIL: "; that is no address of this machine",
}

REGISTERED_PORT = 11112
"""The port that is registered for DICOM (PS3.8 9.1.1)."""


def check_ae_title(title: str) -> str:
    r"""Return an AE title without its insignificant spaces.

    Parameters
    ----------
    title
        1 to 16 characters of the default repertoire, without backslash or control characters
        (PS3.5 6.2, VR AE).

    Raises
    ------
    ConfigurationError
        The title breaks that rule.
    """
    stripped = title.strip(" ")
    allowed = stripped.isascii() and stripped.isprintable() and "\\" not in stripped
    if allowed and 1 <= len(stripped) <= 16:
        return stripped
    raise ConfigurationError(
        f"{title!r} is no AE title: give 1 to 16 ASCII characters without backslash"
    )


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """A remote application entity: its title, host and port.

    Parameters
    ----------
    ae_title
        1 to 16 characters.
    host
        Name or IP address, an IPv6 one without brackets.
    port
        1 to 65535.
    """

    ae_title: str
    host: str
    port: int = REGISTERED_PORT

    @classmethod
    def parse(cls, text: str) -> "PeerAddress":
        """Read `AET@HOST:PORT`; the port may be left out, an IPv6 host stands in brackets.

        Parameters
        ----------
        text
            Such as `ARCHIVE@10.0.0.5:104` or `ARCHIVE@[::1]`; without port it is 11112.

        Returns
        -------
        PeerAddress
            Its parts, the title without blanks around it.

        Raises
        ------
        ConfigurationError
            The text has another form, or a part is impossible.
        """
        match = _DESTINATION.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError(f"{text!r} is no destination{_fault(text)}; {_FORM}")
        port = int(match["port"] or REGISTERED_PORT)
        if not 0 < port < 65536:
            raise ConfigurationError(f"port {port} of {text!r} is not between 1 and 65535")
        return cls(check_ae_title(match["title"]), match["host"].strip("[]"), port)

    def __str__(self) -> str:
        return f"{self.ae_title}@{host_and_port(self.host, self.port)}"


def host_and_port(host: str, port: int) -> str:
    """Write an address as people do: an IPv6 one in brackets, then the port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fault(text: str) -> str:
    """Say what is wrong with a malformed destination, as far as that can be told."""
    title, at, place = text.strip().rpartition("@")
    if "://" in text:
        return " but a URL"
    if not at:
        return ": the AE title and the @ before the host are missing"
    if not title:
        return ": the AE title before the @ is missing"
    if place.count(":") > 1:
        return ": an IPv6 address stands in brackets, as in AET@[::1]:11112"
    return ": the host behind the @ is missing" if place.partition(":")[0] == "" else ""


def why_not_listening(error: OSError) -> str:
    """Say why an address cannot be listened on, and what to do about it."""
    # Python adds the address to what the system said, in brackets.
    reason = str(error.strerror).partition(" (while")[0]
    return reason + _HINTS.get(error.errno or 0, "")
