"""Coverage-guided fuzzing of all that reads data sets: `tests/fuzz/run.py`."""

import contextlib
import json

from isocenter.dicom import (
    TRANSFER_SYNTAXES,
    FrameTable,
    Header,
    TransferSyntax,
    data_set_json,
    file_json,
    frame_table,
    locate,
    scan,
    scan_file,
)
from isocenter.dicom.recurring import RecurringElements
from isocenter.dicom.source import opened
from isocenter.errors import IsocenterError, NeedMoreData

RECURRING = RecurringElements()  # of all inputs before
SYNTAXES = sorted(TRANSFER_SYNTAXES.values(), key=lambda syntax: syntax.uid)


def one_input(data: bytes) -> None:
    """Any bytes give an answer or a named error: as a file, and as a data set of some syntax."""
    _file(data)
    if data:
        _data_set(data[1:], SYNTAXES[data[0] % len(SYNTAXES)])


def _file(data: bytes) -> None:
    try:
        header = scan_file(data)
    except IsocenterError:
        return
    _header(header)
    if not header.inflated:
        _frames(data, header)
    with contextlib.suppress(IsocenterError):
        json.loads(file_json(data, header, bulk_data_uri="bulk"))


def _data_set(data: bytes, syntax: TransferSyntax) -> None:
    try:
        whole = scan(data, syntax, final=True)
    except IsocenterError:
        whole = None
    try:
        part = scan(data[: len(data) // 2], syntax)
        assert whole is None or part.pixel_data == whole.pixel_data
        assert whole is None or part.values == whole.values
    except (NeedMoreData, IsocenterError):
        pass
    if whole is not None:
        again = scan(data, syntax, final=True, recurring=RECURRING)
        assert (again.values, again.pixel_data) == (whole.values, whole.pixel_data)
        _header(whole)
        _frames(data, whole)
    _json(data, syntax)


def _header(header: Header) -> None:
    assert header.number_of_frames >= 1
    for tag in header.values:
        header.text(tag)
        header.strings(tag)
        header.integer(tag)


def _frames(data: bytes, header: Header) -> None:
    try:
        table = frame_table(data, header)
        assert FrameTable.from_bytes(table.to_bytes()) == table
        with opened(data) as (read, _):
            for number in (1, 2, table.number_of_frames):
                assert len(table.read_frame(read, number)) <= len(data)
    except IsocenterError:
        pass


def _json(data: bytes, syntax: TransferSyntax) -> None:
    links: list[str] = []

    def link(path: str) -> str:
        links.append(path)
        return path

    try:
        written = data_set_json(data, syntax, bulk_data_uri=link, bulk_threshold=8)
    except IsocenterError:
        return
    assert list(json.loads(written)) == sorted(json.loads(written))
    for path in links[:8]:
        try:
            place = locate(data, syntax, path)
        except IsocenterError:
            continue
        assert place.offset + place.length <= len(data)
