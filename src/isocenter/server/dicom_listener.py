"""The DICOM side of the server: which services, who may call, how much they may use."""

from collections.abc import Iterable

from isocenter.archive import Archive, Outcome
from isocenter.dimse import Acceptor, AccessList, Limits, VerificationService
from isocenter.errors import ConfigurationError
from isocenter.server.metrics import Metrics
from isocenter.server.settings import Settings
from isocenter.services.storage import storage_service

__all__ = ["dicom_acceptor"]

_ACKNOWLEDGED = frozenset(outcome.value for outcome in Outcome)


def dicom_acceptor(archive: Archive, settings: Settings, metrics: Metrics) -> Acceptor:
    """Make the acceptor of associations; `start` makes it listen.

    Parameters
    ----------
    archive
        Where C-STORE keeps objects.
    settings
        `dicom`, `peers` and the limits are read.
    metrics
        Where stored and refused instances are counted.
    """

    def counted(outcome: str) -> None:
        if outcome in _ACKNOWLEDGED:
            metrics.count("isocenter_stored_instances_total", outcome=outcome)
        else:
            metrics.count("isocenter_refused_instances_total", status=outcome)

    acceptor = Acceptor(
        [VerificationService(), storage_service(archive, counted)],
        host=settings.dicom.host,
        port=settings.dicom.port,
        limits=Limits(
            data_set=settings.max_object_size,
            associations=settings.max_associations,
            associations_per_peer=settings.max_associations_per_peer,
        ),
        policy=AccessList(calling_ae_titles=_callers(settings.peers)),
    )
    metrics.gauge(
        "isocenter_open_associations",
        "DICOM associations that are open.",
        lambda: acceptor.open_associations,
    )
    return acceptor


def _callers(peers: Iterable[str]) -> dict[str, str | None] | None:
    """Give each calling AE title the address it must call from; None lets everyone call."""
    callers: dict[str, str | None] = {}
    for title, _, address in (peer.partition("@") for peer in peers):
        if title in callers:
            raise ConfigurationError(
                f"peers: the AE title {title} stands there twice; an entry without an address "
                "would open the other one to everybody, so give each title once"
            )
        callers[title] = address or None
    return callers or None
