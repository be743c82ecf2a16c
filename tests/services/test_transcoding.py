"""Objects in another transfer syntax are made a frame at a time, in the memory of a frame."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom.uid import RLELossless
from starlette.requests import Request
from tests.factories import multi_frame, part10_bytes

from isocenter.dicom.transfer_syntaxes import transfer_syntax
from isocenter.services.frames import frames_answer
from isocenter.services.transcoding import transcoded_object

FRAME = 1024 * 1024 * 2


def held_while_taken(pieces) -> list[int]:
    """Give how many bytes are in use after each large piece was let go of."""
    held = []
    tracemalloc.start()
    for piece in pieces:
        large = len(piece) > FRAME // 2
        del piece
        if large:
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return held


@pytest.mark.parametrize(
    ("kept", "target"),
    [
        pytest.param((RLELossless,), "1.2.840.10008.1.2.1", id="native"),
        pytest.param((), "1.2.840.10008.1.2.5", id="encapsulated"),
    ],
)
def test_a_frame_that_was_given_is_held_no_longer_however_long_its_taker_takes(web, kept, target):
    dataset = multi_frame(3, 1024, 1024)
    web.archive.ingest(part10_bytes(dataset, *kept))
    instance = web.archive.open_instance(
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    )
    held = held_while_taken(transcoded_object(instance, transfer_syntax(target)))
    assert len(held) == 3
    assert max(held) < FRAME // 2


def test_frames_of_a_list_are_held_no_longer_either(web):
    dataset = multi_frame(3, 1024, 1024)
    web.archive.ingest(part10_bytes(dataset, RLELossless))
    instance = web.archive.open_instance(
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    )
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
    request = Request({**scope, "headers": [(b"accept", b"*/*")]})
    with ThreadPoolExecutor(1) as pool:
        answer = frames_answer(request, instance, [1, 2, 3], pool)
        held = held_while_taken(answer._pieces)
    assert len(held) == 3
    assert max(held) < FRAME // 2
