"""Video files as streams that a DICOM transfer syntax holds (PS3.5 8.2.5 to 8.2.10)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.reading import no_file
from isocenter.errors import CannotCompose, ConfigurationError

__all__ = ["VideoStream", "read_video"]

LARGEST = 0xFFFFFFFE
"""A fragment's length is 32 bit and even (PS3.5 A.4)."""

_MPEG2 = "1.2.840.10008.1.2.4.100"
_MPEG2_HIGH = "1.2.840.10008.1.2.4.101"
_H264_41 = "1.2.840.10008.1.2.4.102"
_H264_42 = "1.2.840.10008.1.2.4.104"
_H265 = "1.2.840.10008.1.2.4.107"
_H264_PROFILES = frozenset({66, 77, 100})
_METHODS = {"mpeg2video": "ISO_13818_2", "h264": "ISO_14496_10", "hevc": "ISO_23008_2"}


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A stream that goes into Pixel Data as it is, in an MPEG transport stream.

    Parameters
    ----------
    stream
        The transport stream.
    transfer_syntax_uid
        What it conforms to.
    rows, columns, frames
        Its size.
    rate
        Frames a second.
    method
        Lossy Image Compression Method (0028,2114).
    kept
        Whether the pictures are those of the file, not encoded again.
    """

    stream: bytes
    transfer_syntax_uid: str
    rows: int
    columns: int
    frames: int
    rate: Fraction
    method: str
    kept: bool

    @property
    def compression_ratio(self) -> float:
        """Uncompressed size over compressed size."""
        return self.rows * self.columns * 3 * self.frames / len(self.stream)


def read_video(path: str | Path) -> VideoStream:
    """Read a video file; audio and the file's metadata are left out.

    Parameters
    ----------
    path
        Any file that PyAV reads. MPEG-2, H.264 and H.265 of a profile and level that DICOM has,
        4:2:0 with 8 bits and a constant rate, are kept; anything else, and what is marked to be
        shown turned, is encoded as H.264, upright.

    Raises
    ------
    NotFound
        When the file does not exist.
    ConfigurationError
        When PyAV is not installed.
    CannotCompose
        When the file is no video, or has to be encoded again and no encoder is there.
    """
    av = _pyav()
    if not Path(path).is_file():
        raise no_file(path, "video")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _refused(f"{path} holds no video.")
            video = container.streams.video[0]
            packets = [packet for packet in container.demux(video) if packet.size]
            syntax = _transfer_syntax(video.codec_context, packets)
            if syntax is not None and _is_constant(packets) and not _turned(av, path):
                return _kept(av, video, packets, syntax)
        return _encoded_again(av, Path(path))
    except av.error.FFmpegError as error:
        raise _refused(f"{path} cannot be read as a video: {error}.") from error


def _pyav() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ConfigurationError(
            "Video needs PyAV: install isocenter with its extra, `isocenter[video]`."
        ) from error


def _refused(message: str) -> CannotCompose:
    return CannotCompose(message, tag=0x7FE00010, module="Image Pixel")


def _transfer_syntax(context: Any, packets: list[Any]) -> str | None:
    """Return what the stream conforms to, None where it has to be encoded again."""
    if context.pix_fmt not in ("yuv420p", "yuvj420p") or not packets:
        return None
    header = bytes(context.extradata or b"") + bytes(packets[0])
    rows, columns = context.height, context.width
    if context.name == "mpeg2video":
        small = columns <= 720 and rows <= 576
        return _MPEG2 if small else _MPEG2_HIGH if columns <= 1920 and rows <= 1152 else None
    if context.name == "h264":
        profile, level = _h264_level(header)
        if profile not in _H264_PROFILES or columns > 1920 or rows > 1088:
            return None
        return _H264_41 if level <= 41 else _H264_42 if level <= 42 else None
    if context.name == "hevc":
        return _H265 if str(context.profile) == "Main" and _within_level_51(columns, rows) else None
    return None


def _h264_level(header: bytes) -> tuple[int, int]:
    """Return profile_idc and level_idc of the first sequence parameter set (H.264 7.3.2.1)."""
    if header[:1] == b"\x01":  # AVCDecoderConfigurationRecord of MP4
        return header[1], header[3]
    at = header.find(b"\0\0\1")
    while at >= 0 and at + 7 <= len(header):
        if header[at + 3] & 0x1F == 7:
            return header[at + 4], header[at + 6]
        at = header.find(b"\0\0\1", at + 3)
    return 0, 0


def _within_level_51(columns: int, rows: int) -> bool:
    """Tell whether a picture fits level 5.1 (H.265 Table A.8)."""
    return columns * rows <= 8_912_896 and max(columns, rows) <= 8444


def _is_constant(packets: list[Any]) -> bool:
    """Tell whether frames follow each other evenly, up to the rounding of time stamps."""
    times = sorted(packet.pts for packet in packets if packet.pts is not None)
    steps = np.diff(np.array(times, np.int64))
    return len(times) == len(packets) and (not len(steps) or np.ptp(steps) <= 2)


def _turned(av: Any, path: str | Path) -> int:
    """Return by how many quarters, counter-clockwise, players turn the picture."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0), None)
        return 0 if first is None else _quarters(first)


def _quarters(frame: Any) -> int:
    """Return the turn that a frame's display matrix asks for; slanted ones are left alone."""
    return round(getattr(frame, "rotation", 0) / 90) % 4


def _rate(video: Any) -> Fraction:
    rate = video.average_rate or video.guessed_rate
    if not rate:
        raise _refused("The video does not say how many frames it has a second.")
    return Fraction(rate)


def _kept(av: Any, video: Any, packets: list[Any], syntax: str) -> VideoStream:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mpegts") as target:
        stream = target.add_stream_from_template(video)
        for packet in packets:
            packet.stream = stream
            target.mux(packet)
    context = video.codec_context
    return VideoStream(
        _checked(buffer.getvalue()),
        syntax,
        context.height,
        context.width,
        len(packets),
        _rate(video),
        _METHODS[context.name],
        kept=True,
    )


def _encoded_again(av: Any, path: Path) -> VideoStream:
    """Encode as H.264 of constant rate, odd sizes made even by repeating the last pixels."""
    try:
        av.codec.Codec("libx264", "w")
    except Exception as error:
        raise _refused(
            f"{path} does not fit a DICOM transfer syntax as it is, and this PyAV has no H.264 "
            "encoder; convert it to H.264 High Profile, 4:2:0, constant frame rate."
        ) from error
    buffer = BytesIO()
    with av.open(str(path)) as container, av.open(buffer, "w", format="mpegts") as target:
        video = container.streams.video[0]
        rate = _rate(video).limit_denominator(1001)
        stream = target.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.options = {"profile": "high", "level": "4.1", "crf": "17"}
        frames = 0
        for picture in _evenly(container, video, rate):
            if not frames:
                stream.height, stream.width = picture.shape[:2]
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            frames += 1
        target.mux(stream.encode(None))
        rows, columns = stream.height, stream.width
    if columns > 1920 or rows > 1088:
        raise _refused(
            f"{path} has {columns} x {rows} pixels; H.264 level 4.1 holds 1920 x 1088. Scale it."
        )
    return VideoStream(
        _checked(buffer.getvalue()), _H264_41, rows, columns, frames, rate, "ISO_14496_10", False
    )


def _evenly(container: Any, video: Any, rate: Fraction) -> Any:
    """Yield pictures at constant rate: each instant shows the last frame that had begun."""
    shown: NDArray[np.uint8] | None = None
    begin: float | None = None
    count = 0
    for frame in container.decode(video):
        time = float(frame.time if frame.time is not None else count / rate)
        begin = time if begin is None else begin
        due = round((time - begin) * float(rate))
        while shown is not None and count < due:
            yield shown
            count += 1
        pixels = np.rot90(frame.to_ndarray(format="rgb24"), _quarters(frame))
        odd = [(0, size % 2) for size in pixels.shape[:2]]
        shown = np.pad(pixels, [*odd, (0, 0)], mode="edge")
    if shown is None:
        raise _refused("The video has no frame that can be decoded.")
    yield shown


def _checked(stream: bytes) -> bytes:
    if len(stream) > LARGEST:
        raise _refused(f"The video has {len(stream)} bytes; at most {LARGEST} fit in one fragment.")
    return stream
