"""Video: dciodvfy accepts the objects, and FFmpeg decodes the same pictures from them."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_slice

from isocenter.compose.captures.video import video
from isocenter.errors import CannotCompose, NotFound

SYNTAXES = {"mpeg2video": "100", "libx264": "102", "libx265": "107"}
CLASSES = {
    "photographic": "77.1.4.1",
    "endoscopic": "77.1.1.1",
    "microscopic": "77.1.2.1",
    "capture": "7.4",
}


def written(
    path: Path, codec: str = "libx264", size: tuple[int, int] = (48, 64), *,
    pixel_format: str = "yuv420p", times: list[int] | None = None,
) -> Path:  # fmt: skip
    """A film of ten noisy frames, 25 a second, at other times when given (in 1/25 s)."""
    random = np.random.default_rng(1)
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=25, options=quiet)
        stream.height, stream.width = size
        stream.pix_fmt = pixel_format
        for number in range(10):
            pixels = random.integers(0, 256, (*size, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def pictures(source: object) -> list[np.ndarray]:
    with av.open(source) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def pictures_of(path: Path) -> list[np.ndarray]:
    data_set = pydicom.dcmread(path)
    return pictures(io.BytesIO(next(generate_frames(data_set.PixelData, number_of_frames=1))))


@pytest.mark.parametrize("codec", SYNTAXES)
def test_a_stream_that_dicom_has_is_kept(tmp_path: Path, codec: str) -> None:
    file = written(tmp_path / "film.mp4", codec)
    path = video(file, source=ct_slice(8, 8)).save(tmp_path / "video.dcm")
    data_set = pydicom.dcmread(path)
    assert data_set.file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.4.{SYNTAXES[codec]}"
    assert (data_set.Rows, data_set.Columns, data_set.NumberOfFrames) == (48, 64, 10)
    assert data_set.FrameTime == 40
    np.testing.assert_array_equal(pictures_of(path), pictures(str(file)))
    if codec != "libx265":  # which Debian 12's dciodvfy predates
        assert dciodvfy_errors(path) == []


@pytest.mark.parametrize("kind", CLASSES)
def test_each_kind_has_its_sop_class(tmp_path: Path, kind: str) -> None:
    path = video(written(tmp_path / "film.mp4"), kind=kind).save(tmp_path / "video.dcm")
    assert pydicom.dcmread(path).SOPClassUID == f"1.2.840.10008.5.1.4.1.1.{CLASSES[kind]}"
    assert dciodvfy_errors(path) == []


def test_odd_dimensions_become_even(tmp_path: Path) -> None:
    file = written(tmp_path / "film.mkv", "ffv1", (47, 63), pixel_format="bgr0")
    path = video(file).save(tmp_path / "video.dcm")
    data_set = pydicom.dcmread(path)
    assert (data_set.Rows, data_set.Columns, data_set.NumberOfFrames) == (48, 64, 10)
    assert {one.shape for one in pictures_of(path)} == {(48, 64, 3)}
    assert dciodvfy_errors(path) == []


def test_a_variable_rate_becomes_a_constant_one(tmp_path: Path) -> None:
    times = [0, 1, 2, 3, 8, 9, 10, 11, 18, 19]
    path = video(written(tmp_path / "film.mkv", times=times)).save(tmp_path / "video.dcm")
    data_set = pydicom.dcmread(path)
    seconds = data_set.NumberOfFrames * float(data_set.FrameTime) / 1000
    assert seconds == pytest.approx(20 / 25, rel=0.15)
    assert len(pictures_of(path)) == data_set.NumberOfFrames
    assert dciodvfy_errors(path) == []


def test_what_cannot_be_right_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(CannotCompose, match="cannot be read as a video"):
        video(tmp_path / "text.mp4")
    with pytest.raises(NotFound, match="nowhere"):
        video(tmp_path / "nowhere.mp4")
    with pytest.raises(CannotCompose, match="photographic, endoscopic"):
        video(tmp_path / "text.mp4", kind="thermal")


def _turned(path: Path) -> Path:
    """Mark an MP4 to be shown a quarter turn clockwise (ISO/IEC 14496-12 8.3.2)."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(
        ">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30
    )
    path.write_bytes(content)
    return path


def test_a_film_that_players_turn_stands_upright(tmp_path: Path) -> None:
    file = _turned(written(tmp_path / "film.mp4", size=(48, 64)))
    path = video(file).save(tmp_path / "video.dcm")
    data_set = pydicom.dcmread(path)
    assert (data_set.Rows, data_set.Columns, data_set.NumberOfFrames) == (64, 48, 10)
    shown, stored = np.rot90(pictures(str(file))[0], -1), pictures_of(path)[0]
    assert np.abs(shown.astype(int) - stored).mean() < 12
    assert dciodvfy_errors(path) == []


def test_a_film_of_ten_bits_becomes_one_of_eight(tmp_path: Path) -> None:
    file = written(tmp_path / "film.mp4", "libx265", pixel_format="yuv420p10le")
    path = video(file).save(tmp_path / "video.dcm")
    data_set = pydicom.dcmread(path)
    assert data_set.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
    assert (data_set.BitsStored, data_set.NumberOfFrames) == (8, 10)
    difference = pictures(str(file))[0].astype(int) - pictures_of(path)[0]
    assert np.abs(difference).mean() < 12
    assert dciodvfy_errors(path) == []


def test_a_video_has_the_instance_number_that_is_given_0_among_them(tmp_path: Path) -> None:
    file = written(tmp_path / "film.mp4")
    assert video(file, instance_number=0).data_set.InstanceNumber == 0
    assert video(file).data_set.InstanceNumber == 1
