"""In which media types and transfer syntaxes an instance and its frames can be sent."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from isocenter.archive import StoredInstance
from isocenter.dicom import TransferSyntax, transfer_syntax
from isocenter.dicomweb import DICOM, OCTET_STREAM, Representation
from isocenter.errors import IsocenterError
from isocenter.pixels import PixelDescription, can_transcode

__all__ = [
    "ENCODINGS",
    "EXPLICIT",
    "frame_representations",
    "instance_representations",
    "targets_of",
]

EXPLICIT: Final = "1.2.840.10008.1.2.1"
"""UID of Explicit VR Little Endian, the default of PS3.18 8.7.3.5.2."""

_IMPLICIT: Final = "1.2.840.10008.1.2"

# What `pixels` writes, the first of each media type being the one meant where none is named
# (PS3.18 Table 8.7.3-5), save that what is kept comes before it.
ENCODINGS: Final = (
    EXPLICIT,
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.110",
)
"""UIDs of all transfer syntaxes that objects can be brought into, if their pixels allow it."""


def targets_of(instance: StoredInstance) -> tuple[str, ...]:
    """List the transfer syntaxes that an instance can be brought into.

    Parameters
    ----------
    instance
        Its pixel data may be missing or damaged.

    Returns
    -------
    tuple of str
        UIDs, Explicit VR Little Endian first where it is among them.
    """
    if instance.header.pixel_data is None:
        return (EXPLICIT,)
    try:
        description = PixelDescription.from_header(instance.header)
    except IsocenterError:
        return ()
    return tuple(uid for uid in ENCODINGS if can_transcode(description, transfer_syntax(uid)))


@lru_cache(maxsize=1024)
def instance_representations(
    kept: TransferSyntax, targets: Sequence[str], *, single_part: bool
) -> tuple[Representation, ...]:
    """List the forms in which a whole instance can be sent.

    Parameters
    ----------
    kept
        Its transfer syntax in the archive.
    targets
        From `targets_of`.
    single_part
        Whether it may also be sent alone: the request is for one instance.

    Returns
    -------
    tuple of Representation
        The default first: Explicit VR Little Endian, but an object kept with loss (or that cannot
        be decoded) as it is kept, for decoding it would only make it larger.

    References
    ----------
    PS3.18 8.7.3.5.2
    """
    uids = (kept.uid, *targets) if kept.lossy else (*targets, kept.uid)
    return tuple(
        Representation(DICOM, multipart, uid, as_kept=uid == kept.uid)
        for multipart in ((True, False) if single_part else (True,))
        for uid in dict.fromkeys(uids)
    )


@lru_cache(maxsize=1024)
def frame_representations(
    kept: TransferSyntax, targets: Sequence[str], *, single_part: bool
) -> tuple[Representation, ...]:
    """List the forms in which frames of an instance can be sent.

    Parameters
    ----------
    kept
        Transfer syntax of the instance in the archive.
    targets
        From `targets_of`.
    single_part
        Whether one frame is asked for, which may be sent alone.

    Returns
    -------
    tuple of Representation
        The default first: uncompressed in little endian order where the frames can be decoded.

    References
    ----------
    PS3.18 8.7.3.3 and Tables 8.7.3-5, 8.7.3-6
    """
    sent = _as_sent(kept)
    return tuple(
        Representation(media_type, multipart, uid, as_kept=uid == sent)
        for multipart in ((True, False) if single_part else (True,))
        for media_type, uid in dict.fromkeys(_frame_forms(kept.media_type, sent, targets))
    )


def _frame_forms(
    media_type: str | None, sent: str, targets: Sequence[str]
) -> Iterator[tuple[str, str]]:
    if EXPLICIT in targets:
        yield OCTET_STREAM, EXPLICIT
    if media_type:
        yield media_type, sent
    yield OCTET_STREAM, sent
    for uid in targets:
        if name := transfer_syntax(uid).media_type:
            yield name, uid
    for uid in targets:
        yield OCTET_STREAM, uid


def _as_sent(kept: TransferSyntax) -> str:
    """Name the syntax of a native frame: without a data set around it, implicit is explicit."""
    return EXPLICIT if kept.uid == _IMPLICIT or kept.deflated else kept.uid
