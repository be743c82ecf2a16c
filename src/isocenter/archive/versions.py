"""Names for the bytes of instances, so that nobody takes the pixels of one for those of another."""

import hashlib
import os
import time

from .blobs import BlobStore

__all__ = ["identity_of", "settled_versions", "version_of", "wait_for_replacements"]

# A replacement takes milliseconds; one that was cut off by a crash lies about until the next start.
_PATIENCE = 1.0
_PAUSE = 0.005


def identity_of(status: os.stat_result) -> tuple[int, int, int]:
    """Give the numbers of a file that are others where its bytes are others."""
    # The file that is replaced exists beside the new one, so the two differ in their inode.
    return status.st_size, status.st_mtime_ns, status.st_ino


def version_of(identity: tuple[int, int, int]) -> str:
    """Name the bytes of a file; another name means other bytes.

    Parameters
    ----------
    identity
        Of the file, by `identity_of`.
    """
    named = "{}-{}-{}".format(*identity)
    return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()


def settled_versions(blobs: BlobStore, study: str, series: str) -> dict[str, str]:
    """Name the bytes of every instance of a series, at a moment when none is being replaced.

    A file is replaced a moment before the index says so. What the index and the metadata say after
    this is therefore never older than the bytes that are named.

    Parameters
    ----------
    blobs
        Where the files are.
    study, series
        Study and Series Instance UID.

    Returns
    -------
    dict
        Versions by SOP Instance UID.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        found = blobs.statuses(study, series)
        if not blobs.is_replacing(study, series) or time.monotonic() > end:
            return {instance: version_of(identity_of(status)) for instance, status in found.items()}
        time.sleep(_PAUSE)


def wait_for_replacements(blobs: BlobStore, study: str, series: str) -> None:
    """Wait until no instance of a series is being replaced, but not for one that was cut off.

    Parameters
    ----------
    blobs
        Where the files are.
    study, series
        Study and Series Instance UID.
    """
    end = time.monotonic() + _PATIENCE
    while blobs.is_replacing(study, series) and time.monotonic() < end:
        time.sleep(_PAUSE)
