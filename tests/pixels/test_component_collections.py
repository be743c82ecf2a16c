"""Frames that are components of one codestream (PS3.5 A.4.4), against what OpenJPEG was given."""

import subprocess
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.compose.judges import needs
from tests.pixels import part_2
from tests.pixels.collections_of_frames import (
    LOSSLESS,
    LOSSY,
    collected,
    encoded,
    volume,
)
from tests.pixels.test_part_2 import FOUR, FOUR_DECODED

from isocenter.dicom import frame_table, scan_file, transfer_syntax
from isocenter.dicom.frames import ComponentFrame
from isocenter.dicom.source import opened
from isocenter.errors import IsocenterError, PixelDataError, UnsupportedTransferSyntax
from isocenter.pixels import (
    PixelDescription,
    decode_frame,
    decoded_collections,
    render_file,
    transcode_frame,
)
from isocenter.pixels.files import ImageFile


def decoded(content: bytes, *numbers: int) -> list[NDArray[np.generic]]:
    header = scan_file(content)
    description, table = PixelDescription.from_header(header), frame_table(content, header)
    with opened(content) as (read, _):
        chosen = numbers or range(1, table.number_of_frames + 1)
        return [decode_frame(table.read_frame(read, n), description) for n in chosen]


@pytest.mark.parametrize("syntax", [LOSSLESS, LOSSY])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("sizes", [(4,), (4, 4), (3, 3, 1), (1, 2)], ids=str)
def test_frames_are_those_that_were_encoded(syntax: str, bits: int, sizes: tuple[int, ...]) -> None:
    frames = volume(sum(sizes), bits=bits)
    ends = np.cumsum(sizes)[:-1]
    _, content = collected(
        [encoded(part) for part in np.split(frames, ends)], frames, syntax=syntax
    )
    np.testing.assert_array_equal(decoded(content), frames)


def test_signed_frames_keep_their_sign() -> None:
    frames = (volume(4).astype("i2") - 100).astype("i1")
    _, content = collected([encoded(frames, form="s")], frames)
    np.testing.assert_array_equal(decoded(content), frames)


def test_a_colour_transformation_of_part_1_is_undone() -> None:
    frames = volume(5)
    coded = encoded(frames[:3], "-mct", "1")
    _, content = collected([coded, encoded(frames[3:])], frames)
    np.testing.assert_array_equal(decoded(content), frames)


def test_lossy_frames_are_close() -> None:
    frames = volume(6, 64, 64)
    _, content = collected([encoded(frames, "-I", "-r", "4")], frames)
    found = np.stack(decoded(content)).astype(float)
    errors = np.abs(found - frames).mean(axis=(1, 2))
    beside = np.abs(frames[1:] - frames[:-1].astype(float)).mean()
    assert errors.max() < beside / 2


@pytest.mark.peer
def test_each_frame_is_the_component_that_opj_decompress_finds(tmp_path: Path) -> None:
    program = needs("opj_decompress", "libopenjp2-tools")
    frames = volume(8, 40, 30)
    codestreams = [encoded(part, "-I", "-r", "6") for part in np.split(frames, 2)]
    _, content = collected(codestreams, frames)
    found = decoded(content)
    for number, codestream in enumerate(codestreams):
        coded = tmp_path / f"{number}.j2k"
        coded.write_bytes(codestream)
        for component in range(4):
            raw = tmp_path / f"{number}-{component}.raw"
            command = [program, "-i", coded, "-o", raw, "-c", str(component)]
            subprocess.run(command, capture_output=True, timeout=60, check=True)
            expected = np.frombuffer(raw.read_bytes(), np.uint8).reshape(40, 30)
            np.testing.assert_array_equal(found[4 * number + component], expected)


def test_a_file_renders_each_frame(tmp_path: Path) -> None:
    frames = volume(6)
    windowed = {"WindowCenter": 128, "WindowWidth": 256}
    _, content = collected([encoded(part) for part in np.split(frames, 2)], frames, **windowed)
    path = tmp_path / "collections.dcm"
    path.write_bytes(content)
    for number, frame in enumerate(frames, 1):
        np.testing.assert_array_equal(ImageFile(path).samples(number), frame)
        np.testing.assert_allclose(render_file(path, frame=number), frame, atol=1)


def test_a_collection_is_decoded_once_for_all_of_its_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = volume(8)
    _, content = collected([encoded(part) for part in np.split(frames, 2)], frames)
    calls = count_decoding(monkeypatch)
    np.testing.assert_array_equal(decoded(content), frames)
    assert len(calls) == 2


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    fresh = decoded_collections.DecodedCollections(1 << 20)
    monkeypatch.setattr("isocenter.pixels.decode._COLLECTIONS", fresh)
    calls: list[int] = []
    real = imagecodecs.jpeg2k_decode

    def counted(data: bytes, **options: object) -> NDArray[np.generic]:
        calls.append(len(data))
        return real(data, **options)

    monkeypatch.setattr("imagecodecs.jpeg2k_decode", counted)
    return calls


def test_what_is_done_to_a_frame_is_done_to_no_other() -> None:
    frames = volume(4)
    _, content = collected([encoded(frames)], frames)
    decoded(content, 2)[0][...] = 0
    np.testing.assert_array_equal(decoded(content), frames)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [volume(4) + np.uint8(n) for n in range(4)]
    contents = [collected([encoded(frames)], frames)[1] for frames in objects]
    size = max(map(len, contents)) + objects[0].nbytes
    calls = count_decoding(monkeypatch)
    kept = decoded_collections.DecodedCollections(2 * size)
    monkeypatch.setattr("isocenter.pixels.decode._COLLECTIONS", kept)
    for content, frames in zip(contents, objects, strict=True):
        np.testing.assert_array_equal(decoded(content), frames)
        assert sum(each.size for each in kept._kept) <= 2 * size
    decoded(contents[-1], 3)
    assert len(calls) == 4
    decoded(contents[0], 3)
    assert len(calls) == 5


def test_threads_that_want_frames_of_one_collection_decode_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = volume(6, 200, 200)
    _, content = collected([encoded(frames)], frames)
    calls = count_decoding(monkeypatch)
    found: dict[int, NDArray[np.generic]] = {}

    def work(number: int) -> None:
        (found[number],) = decoded(content, number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    np.testing.assert_array_equal([found[n] for n in range(1, 7)], frames)
    assert len(calls) == 1


def refusal(content: bytes) -> str:
    with pytest.raises(PixelDataError) as found:
        decoded(content, 1)
    return str(found.value)


def changed(codestream: bytes, component: int, field: int, value: int) -> bytes:
    """Another Ssiz (0), XRsiz (1) or YRsiz (2) of a component (ISO/IEC 15444-1 A.5.1)."""
    place = 42 + 3 * component + field
    return codestream[:place] + bytes([value]) + codestream[place + 1 :]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [(0, 6, "differ in depth"), (0, 0x87, "sign"), (1, 2, "XRsiz"), (2, 2, "YRsiz")],
)
def test_components_that_are_not_alike_are_no_frames(field: int, value: int, said: str) -> None:
    frames = volume(4)
    _, content = collected([changed(encoded(frames), 2, field, value)], frames)
    assert said in refusal(content)


def test_components_of_another_size_are_told() -> None:
    frames = volume(4)
    _, content = collected([encoded(frames)], frames[:, :-1])
    assert "24 rows by 20 columns" in refusal(content)


def test_a_collection_that_asks_for_more_memory_than_a_frame_may_is_refused() -> None:
    frames = volume(4, 64, 64)
    _, content = collected([encoded(frames)], frames)
    header = scan_file(content)
    table, description = frame_table(content, header), PixelDescription.from_header(header)
    with opened(content) as (read, _):
        frame = table.read_frame(read, 1)
    with pytest.raises(PixelDataError, match="the 4 frames of one JPEG 2000 codestream take 16384"):
        decode_frame(frame, description, limit=16383)


def test_a_cut_codestream_is_refused_and_not_kept() -> None:
    frames = volume(4)
    coded = encoded(frames)
    for end in (40, 43, 50, len(coded) // 2):
        _, content = collected([coded[: end - end % 2]], frames)
        assert refusal(content)
    _, content = collected([coded], frames)
    np.testing.assert_array_equal(decoded(content), frames)


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_refused_or_changes_values_but_nothing_else(seed: int) -> None:
    frames = volume(4)
    coded = bytearray(encoded(frames))
    random = np.random.default_rng(seed)
    for place in random.integers(0, len(coded), 60):
        damaged = coded.copy()
        damaged[place] ^= int(random.integers(1, 256))
        _, content = collected([bytes(damaged)], frames)
        try:
            found = decoded(content)
        except IsocenterError:
            continue
        assert np.shape(found) == frames.shape


def test_a_single_frame_with_many_components_is_none_of_them() -> None:
    frames = volume(4)
    _, content = collected([encoded(frames)], frames, NumberOfFrames=1)
    assert "4 components, Samples per Pixel (0028,0002) says 1; frames may be" in refusal(content)


def test_components_in_a_file_format_are_not_taken_for_frames() -> None:
    """PS3.5 A.4.4 forbids it: how many there are is read of codestreams alone."""
    frames = volume(4)
    jp2 = bytes(imagecodecs.jpeg2k_encode(np.moveaxis(frames, 0, -1), codecformat="jp2", level=0))
    _, content = collected([jp2], frames)
    assert "without a file format around them" in refusal(content)


def test_a_codestream_is_not_given_for_one_of_its_frames() -> None:
    frames = volume(4)
    header = scan_file(collected([encoded(frames)], frames)[1])
    description = PixelDescription.from_header(header)
    frame = ComponentFrame(encoded(frames), 1, 4)
    with pytest.raises(UnsupportedTransferSyntax, match="one of 4 components"):
        transcode_frame(frame, description, header.transfer_syntax)
    explicit = transfer_syntax("1.2.840.10008.1.2.1")
    assert transcode_frame(frame, description, explicit) == frames[1].tobytes()


def test_a_component_frame_is_the_bytes_of_its_codestream() -> None:
    frame = ComponentFrame(b"codestream", 2, 4)
    assert (frame, frame.component, frame.components) == (b"codestream", 2, 4)


@pytest.mark.parametrize("syntax", [LOSSLESS, LOSSY])
def test_transformations_across_frames_are_undone(syntax: str) -> None:
    frames = np.moveaxis(np.frombuffer(FOUR_DECODED, np.uint8).reshape(8, 8, 4), -1, 0)
    _, content = collected([FOUR], frames, syntax=syntax)
    np.testing.assert_array_equal(decoded(content), frames)
    twice = np.concatenate([frames, frames])
    _, content = collected([FOUR, FOUR], twice, syntax=syntax)
    np.testing.assert_array_equal(decoded(content), twice)


def test_components_before_a_transformation_may_differ_in_depth() -> None:
    frames = np.moveaxis(np.frombuffer(FOUR_DECODED, np.uint8).reshape(8, 8, 4), -1, 0)
    _, content = collected([changed(FOUR, 3, 0, 8)], frames)  # Ssiz; CBD tells what comes out
    np.testing.assert_array_equal(decoded(content)[0], frames[0])


def across(frames: NDArray[np.uint8]) -> bytes:
    """An even number of frames by one level of the 5-3 wavelet across them, without loss.

    The forward lifting steps are those of ISO/IEC 15444-1 F.4.8.1, with frames in a line.
    """
    even, odd = frames[0::2].astype(int) - 128, frames[1::2].astype(int) - 128
    behind = np.concatenate([even[1:], even[-1:]])
    high = odd - (even + behind) // 2
    before = np.concatenate([high[:1], high[:-1]])
    low = even + (before + high + 2) // 4
    count = len(frames)
    line = part_2.collection(part_2.WAVELET, range(count), range(count), 1, 1, flags=1) + bytes(4)
    return part_2.part_2(
        part_2.components(np.moveaxis(np.concatenate([low, high]).astype(np.int16), 0, -1)),
        part_2.cbd(count),
        part_2.mct(part_2.OFFSET, 1, [128] * count),
        part_2.mcc(1, line),
        part_2.mco(1),
        use=4,
    )


def test_wavelets_across_frames_are_undone_without_loss() -> None:
    frames = volume(14, 40, 30)
    _, content = collected(
        [across(part) for part in np.split(frames, [8])], frames, syntax=LOSSLESS
    )
    np.testing.assert_array_equal(decoded(content), frames)
