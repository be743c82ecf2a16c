"""How every instance of a series is shown, each read once for as long as its bytes are the same."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from isocenter.archive import Archive, Found
from isocenter.dicom import tags, transfer_syntax
from isocenter.dicom.number_strings import parse_integer
from isocenter.errors import IsocenterError
from isocenter.pixels import Attributes, DisplayedFrame, DisplayResolver, PixelDescription
from isocenter.pixels.own_shutters import own_shutters
from isocenter.pixels.presentation import Shutter

from .instance_header import series_attributes
from .study_list import displayable

__all__ = ["ShownFrame", "ShownInstance", "ShownInstances", "integer", "show_instances"]


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """A frame in its place in a series.

    Parameters
    ----------
    instance, sop_class
        SOP Instance and SOP Class UID.
    version
        Of the instance's bytes.
    instance_number
        Instance Number (0020,0013), if any.
    shown
        How it is shown.
    shutter
        What of it is hidden.
    """

    instance: str
    sop_class: str
    version: str
    instance_number: int | None
    shown: DisplayedFrame
    shutter: Shutter | None = None


@dataclass(frozen=True, slots=True)
class ShownInstance:
    """How the frames of one instance are shown.

    Parameters
    ----------
    made_of
        Names the bytes that were read, and says what the index knew of them.
    frames
        In their order; none where the instance cannot be shown.
    problems
        What of it could not be used, a sentence each.
    """

    made_of: tuple[str, ...]
    frames: tuple[ShownFrame, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownInstances:
    """What has been read of a series.

    Parameters
    ----------
    by_uid
        By SOP Instance UID, in the archive's order.
    resolver
        Knows the last one that was resolved; the next ones share with it what they have in common.
        It is not to be used but by a copy.
    """

    by_uid: Mapping[str, ShownInstance]
    resolver: DisplayResolver


def show_instances(
    archive: Archive,
    study: str,
    series: str,
    rows: Sequence[Found],
    versions: Mapping[str, str],
    before: ShownInstances | None = None,
) -> ShownInstances:
    """Resolve the frames of the instances of a series.

    Parameters
    ----------
    archive
        Where they are kept.
    study, series
        Study and Series Instance UID.
    rows
        What the index knows of the instances.
    versions
        Of their bytes, by SOP Instance UID; named before the rows were found.
    before
        What was read earlier: what has the same bytes still is not read again.
    """
    shown = {row.text(tags.SOPInstanceUID): row for row in rows if displayable(row)}
    read = _unchanged(shown, versions, before)
    resolver = copy(before.resolver) if before else DisplayResolver()
    only = [uid for uid in shown if uid not in read] if read else None
    for uid, attributes in series_attributes(archive, study, series, only):
        if uid in shown:
            read[uid] = _shown(
                uid, _made_of(shown[uid], versions.get(uid, "")), attributes, resolver
            )
    return ShownInstances({uid: read[uid] for uid in shown if uid in read}, resolver)


def _unchanged(
    shown: Mapping[str, Found], versions: Mapping[str, str], before: ShownInstances | None
) -> dict[str, ShownInstance]:
    if before is None:
        return {}
    known = ((uid, before.by_uid.get(uid), versions.get(uid)) for uid in shown)
    return {
        uid: read
        for uid, read, version in known
        if read and version and read.made_of == _made_of(shown[uid], version)
    }


def _made_of(row: Found, version: str) -> tuple[str, str, str, str]:
    syntax = row.text(tags.AvailableTransferSyntaxUID)
    return version, syntax, row.text(tags.InstanceNumber), row.text(tags.SOPClassUID)


def _shown(
    uid: str,
    made_of: tuple[str, str, str, str],
    attributes: Attributes,
    resolver: DisplayResolver,
) -> ShownInstance:
    """Resolve the frames of one instance; where it cannot be shown, a sentence says why."""
    version, syntax, number, sop_class = made_of
    problems: list[str] = []
    try:
        description = PixelDescription.from_attributes(attributes, transfer_syntax(syntax))
        shown = resolver.resolve(attributes, description)
        shutters = own_shutters(attributes, len(shown), problems)
    except IsocenterError as problem:
        return ShownInstance(made_of, (), (*problems, f"{uid}: {problem}"))
    frames = tuple(
        ShownFrame(uid, sop_class, version, integer(number), frame, shutter)
        for frame, shutter in zip(shown, shutters, strict=True)
    )
    return ShownInstance(made_of, frames, tuple(problems))


def integer(text: str) -> int | None:
    """Read a number that the index keeps as text; None where it is none."""
    try:
        return parse_integer(text)
    except ValueError:
        return None
