"""Refuses to open an archive of patients to a network without anybody having decided so."""

import logging
from collections.abc import Iterator

from isocenter.errors import ConfigurationError
from isocenter.server.settings import Settings

__all__ = ["refuse_open_listeners"]

_log = logging.getLogger(__name__)


def refuse_open_listeners(settings: Settings) -> None:
    """Require authentication of whatever other machines can reach; only warn when `insecure`.

    Raises
    ------
    ConfigurationError
        If HTTP without tokens, or DICOM without a list of peers, would listen on an address other
        than loopback, and `insecure` is not set.
    """
    for danger, remedy in _open_listeners(settings):
        if not settings.insecure:
            raise ConfigurationError(f"{danger}. {remedy}, listen on 127.0.0.1, or say --insecure.")
        _log.warning("%s, as --insecure allows", danger)


def _open_listeners(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what is open to anyone, each with the remedy."""
    if not settings.http.is_loopback and not settings.tokens:
        danger = f"HTTP on {settings.http} can be reached by other machines, and no token is set"
        yield danger, "Set `tokens` (ISOCENTER_TOKENS)"
    if not settings.dicom.is_loopback and not settings.peers:
        danger = f"DICOM on {settings.dicom} can be reached by other machines, by any AE title"
        yield danger, "Name the AE titles that may call with --peers"
