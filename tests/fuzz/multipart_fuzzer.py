"""Coverage-guided fuzzing of the multipart reader: `tests/fuzz/run.py`."""

from isocenter.dicomweb.multipart import (
    BodyEnded,
    MultipartLimits,
    MultipartReader,
    PartData,
    PartEnded,
    PartStarted,
)
from isocenter.errors import IsocenterError

LIMITS = MultipartLimits(header_bytes=64, preamble_bytes=64, parts=16, part_bytes=256)


def outcome(body: bytes, cut: int) -> list[object]:
    """The parts read from a body received in pieces of `cut` bytes, then its end or an error."""
    reader = MultipartReader("b", LIMITS)
    seen: list[object] = []
    content = bytearray()
    try:
        for at in range(0, len(body), cut):
            for event in reader.receive(body[at : at + cut]):
                match event:
                    case PartStarted(headers):
                        seen.append(dict(headers))
                        content.clear()
                    case PartData(data):
                        assert data
                        content += data
                    case PartEnded():
                        seen.append(bytes(content))
                    case BodyEnded():
                        seen.append("ended")
        reader.finish()
    except IsocenterError as error:
        seen.append(type(error))
    return seen


def one_input(data: bytes) -> None:
    """The same bytes give the same parts however they are cut, or a named error."""
    whole = outcome(data, max(1, len(data)))
    for cut in (1, 3, 17):
        assert outcome(data, cut) == whole
    if whole and whole[-1] == "ended":
        contents = [item for item in whole if isinstance(item, bytes)]
        assert all(b"\r\n--b" not in content for content in contents)
