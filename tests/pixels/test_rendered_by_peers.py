"""An object of every still-image syntax as PNG, and as programs that others wrote show it."""

import io
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from tests.compose.judges import needs
from tests.factories import ct_slice, multi_frame, part10_bytes

from isocenter.pixels import to_png
from isocenter.pixels.files import render_file

pytestmark = pytest.mark.peer
ROOT = "1.2.840.10008.1.2"
PACKAGES = {"opj": "libopenjp2-tools", "oj": "openjph-tools", "gd": "libgdcm-tools", "dc": "dcmtk"}


def run(program: str, *arguments: str | Path) -> None:
    package = next(name for start, name in PACKAGES.items() if program.startswith(start))
    command = [needs(program, package), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _gray() -> Dataset:
    """A slice of twelve bits without sign, which all encoders take."""
    dataset = ct_slice(64, 56)
    values = np.frombuffer(dataset.PixelData, "<i2").astype(int) + 1024
    dataset.PixelData = np.clip(values, 0, 4095).astype("<u2").tobytes()
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    del dataset.PixelPaddingValue
    return pydicom.dcmread(io.BytesIO(part10_bytes(dataset)))


def _colour() -> Dataset:
    rows, columns = np.mgrid[:64, :56]
    waves = [np.sin(rows / 9 + n) + np.cos(columns / (7 + n)) for n in range(3)]
    dataset = multi_frame(1, 64, 56, bits=8, samples=3)
    dataset.PixelData = (np.stack(waves, -1) * 60 + 128).astype("u1").tobytes()
    return pydicom.dcmread(io.BytesIO(part10_bytes(dataset)))


def by(program: str, *options: str) -> Callable[[Path, Path], None]:
    """Encode or decode by a program that takes and makes DICOM files."""
    return lambda source, target: run(program, *options, source, target)


def _with(dataset: Dataset, syntax: str, codestream: bytes, target: Path) -> None:
    dataset = deepcopy(dataset)
    dataset.PixelData = encapsulate([codestream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = f"{ROOT}.{syntax}"
    if dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "YBR_RCT"
    dataset.save_as(target)


def _native(dataset: Dataset, values: np.ndarray, target: Path) -> None:
    dataset = deepcopy(dataset)
    dataset["PixelData"].VR = "OW"
    dataset.PixelData = values.astype("<u2" if dataset.BitsAllocated == 16 else "u1").tobytes()
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = f"{ROOT}.1"
    if dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "RGB"
    dataset.save_as(target)


def _as_pnm(dataset: Dataset, path: Path) -> Path:
    values = dataset.pixel_array
    kind, high = (b"P6", 255) if values.ndim == 3 else (b"P5", 4095)
    path = path.with_suffix(".ppm" if values.ndim == 3 else ".pgm")
    head = b"%s\n%d %d\n%d\n" % (kind, values.shape[1], values.shape[0], high)
    path.write_bytes(head + values.astype(">u2" if high > 255 else "u1").tobytes())
    return path


def codestream_by(program: str, syntax: str, *options: str) -> Callable[[Path, Path], None]:
    """Encode by a program that knows codestreams alone."""

    def encode(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(source)
        image, coded = _as_pnm(dataset, source), source.with_suffix(".j2c")
        run(program, "-i", image, "-o", coded, *options)
        _with(dataset, syntax, coded.read_bytes(), target)

    return encode


def codestream_of(program: str) -> Callable[[Path, Path], None]:
    """Decode by a program that knows codestreams alone."""

    def decode(source: Path, target: Path) -> None:
        dataset = pydicom.dcmread(source)
        coded = source.with_suffix(".j2k" if program.startswith("opj") else ".j2c")
        coded.write_bytes(next(generate_frames(dataset.PixelData, number_of_frames=1)))
        image = source.with_suffix(".ppm" if dataset.SamplesPerPixel == 3 else ".pgm")
        run(program, "-i", coded, "-o", image)
        deep = dataset.BitsAllocated == 16
        pixels = np.frombuffer(image.read_bytes(), ">u2" if deep else "u1", offset=_head(image))
        _native(dataset, pixels, target)

    return decode


def _head(image: Path) -> int:
    """Length of a PNM header: three lines, comments not counted."""
    content, place, lines = image.read_bytes(), 0, 0
    while lines < 3:
        lines += content[place : place + 1] != b"#"
        place = content.index(b"\n", place) + 1
    return place


OPENJPEG, OPENJPH = codestream_of("opj_decompress"), codestream_of("ojph_expand")
BOTH = {
    "implicit": (by("dcmconv", "+ti"), by("dcmconv", "+te")),
    "explicit": (by("dcmconv", "+te"), by("gdcmconv", "--raw")),
    "big endian": (by("dcmconv", "+tb"), by("dcmconv", "+te")),
    "deflated": (by("dcmconv", "+td"), by("dcmconv", "+te")),
    "57": (by("dcmcjpeg", "+el"), by("dcmdjpeg", "+cn")),
    "70": (by("dcmcjpeg", "+e1"), by("gdcmconv", "--raw")),
    "80": (by("dcmcjpls", "+el"), by("dcmdjpls")),
    "81": (by("dcmcjpls", "+en", "+md", "2"), by("dcmdjpls")),
    "RLE": (by("dcmcrle"), by("dcmdrle")),
    "90": (by("gdcmconv", "--j2k"), by("gdcmconv", "--raw")),
    "91": (codestream_by("opj_compress", "4.91", "-I", "-r", "4"), OPENJPEG),
    "92": (codestream_by("opj_compress", "4.92"), OPENJPEG),
    "93": (codestream_by("opj_compress", "4.93", "-I", "-r", "4"), OPENJPEG),
    "201": (codestream_by("ojph_compress", "4.201", "-reversible", "true"), OPENJPH),
    "202": (
        codestream_by("ojph_compress", "4.202", "-reversible", "true", "-prog_order", "RPCL"),
        OPENJPH,
    ),
    "203": (codestream_by("ojph_compress", "4.203", "-qstep", "0.001"), OPENJPH),
}
GRAY = {
    **BOTH,
    "50": (by("dcmcjpeg", "+eb"), by("dcmdjpeg", "+cn")),
    "51": (by("dcmcjpeg", "+ee", "+bt"), by("dcmdjpeg", "+cn")),
}
COLOUR = {
    **BOTH,
    "50": (by("dcmcjpeg", "+eb", "+cy"), by("dcmdjpeg")),
    "51": (by("dcmcjpeg", "+ee", "+be"), by("dcmdjpeg")),
}
SYNTAX = {"implicit": "", "explicit": ".1", "big endian": ".2", "deflated": ".1.99", "RLE": ".5"}
CASES = [
    *((name, _gray, ways) for name, ways in GRAY.items()),
    *((name, _colour, ways) for name, ways in COLOUR.items()),
]


@pytest.mark.parametrize(
    ("name", "source", "ways"), CASES, ids=[f"{name}{make.__name__}" for name, make, _ in CASES]
)
def test_a_png_is_what_others_show(
    name: str,
    source: Callable[[], Dataset],
    ways: tuple[Callable[[Path, Path], None], Callable[[Path, Path], None]],
    tmp_path: Path,
) -> None:
    plain, kept, native = (tmp_path / f"{n}.dcm" for n in ("plain", "kept", "native"))
    source().save_as(plain)
    encode, decode = ways
    encode(plain, kept)
    assert pydicom.dcmread(kept).file_meta.TransferSyntaxUID == ROOT + SYNTAX.get(
        name, f".4.{name}"
    )
    decode(kept, native)
    window = ["+Wi", "1"] if source is _gray else []
    run("dcm2pnm", *window, native, tmp_path / "theirs.pnm")
    theirs = np.asarray(Image.open(tmp_path / "theirs.pnm")).astype(int)
    ours = np.asarray(Image.open(io.BytesIO(to_png(render_file(kept))))).astype(int)
    assert ours.shape == theirs.shape
    assert len(np.unique(ours)) > 5
    # DCMTK rounds what the modality transformation gives, and the shades of the window down.
    assert np.abs(ours - theirs).max() <= 2
