"""The attributes of kept instances, without their pixels, from the prepared metadata."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from isocenter.archive import Archive, Metadata, StoredInstance
from isocenter.dicom import tags
from isocenter.dicom.json_model import file_json
from isocenter.errors import IsocenterError, NotFound
from isocenter.pixels import Attributes, JsonAttributes
from isocenter.services.bulk_data import value_of

__all__ = ["instance_attributes", "series_attributes"]

_DECODER = json.JSONDecoder()
_SOP_INSTANCE_UID = f"{tags.SOPInstanceUID:08X}"
_BULK_PATH = re.compile(r"/bulkdata/([0-9A-Fa-f/]+)$")
# A whole palette or VOI LUT is 128 kB.
_INLINE = 1 << 18


def instance_attributes(stored: StoredInstance) -> Attributes:
    """Read the attributes of one instance.

    Parameters
    ----------
    stored
        The open instance.

    Returns
    -------
    attributes : Attributes
        All but pixel data itself.

    Raises
    ------
    InvalidDicom
        When the data set breaks off.
    """
    text = file_json(
        stored.descriptor, stored.header, bulk_data_uri="/bulkdata", bulk_threshold=_INLINE
    )
    return JsonAttributes(json.loads(text), partial(_bulk, lambda: stored))


def series_attributes(
    archive: Archive, study: str, series: str, only: Iterable[str] | None = None
) -> Iterator[tuple[str, Attributes]]:
    """Read the attributes of instances of a series, one after the other.

    Parameters
    ----------
    archive
        Where they are kept.
    study, series
        Study and Series Instance UID.
    only
        SOP Instance UIDs of those that are wanted; None for all, in the archive's order. Some of
        many are had faster one by one: that does not read the others.

    Yields
    ------
    instance : str
        SOP Instance UID.
    attributes : Attributes
        All but pixel data itself; not to be kept, for memory's sake.

    Raises
    ------
    NotFound
        When there is no such series. An instance that is not there, any more, is left out.
    """
    if only is None:
        yield from _attributes(archive, study, series, archive.metadata(study, series))
        return
    for instance in only:
        try:
            metadata = archive.metadata(study, series, instance)
        except NotFound:
            continue
        yield from _attributes(archive, study, series, metadata)


def _attributes(
    archive: Archive, study: str, series: str, metadata: Metadata
) -> Iterator[tuple[str, Attributes]]:
    # Object by object: to have all of them at once takes four times as long, most of it spent by
    # the garbage collector, and a hundred times the memory.
    text = metadata.json().decode()
    position = 1
    while text[position : position + 1] == "{":
        model, position = _DECODER.raw_decode(text, position)
        position += 1  # a comma, or the end
        instance = _uid(model)
        yield (
            instance,
            JsonAttributes(
                model, partial(_bulk, partial(archive.open_instance, study, series, instance))
            ),
        )


def _uid(model: dict[str, Any]) -> str:
    values = model.get(_SOP_INSTANCE_UID, {}).get("Value") or [""]
    return str(values[0])


def _bulk(open_instance: Callable[[], StoredInstance], uri: str) -> bytes | None:
    """Fetch a value that the JSON only links to: a large lookup table, an overlay."""
    path = _BULK_PATH.search(uri)
    if path is None:
        return None
    try:
        return value_of(open_instance(), path.group(1))
    except IsocenterError:
        return None
