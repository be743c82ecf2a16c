"""The pixel-bearing files that ship inside the wheels of pydicom and pydicom-data."""

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pydicom

from isocenter.dicom import frame_table, inflate, read_file_meta, scan_file
from isocenter.dicom.source import opened
from isocenter.errors import InvalidDicom
from isocenter.pixels import (
    DataSetAttributes,
    DisplayedFrame,
    PixelDescription,
    decode_frame,
    display_models,
    displayed_samples,
)

# They have Pixel Data by name only: no rows, no columns.
NOT_IMAGES = {"meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm"}
# The header of its codestream was overwritten with a sequence delimiter on purpose.
BROKEN = {"JPEG2000-embedded-sequence-delimiter.dcm"}
# One promised frame is missing.
SHORT = {"emri_small_jpeg_2k_lossless_too_short.dcm"}


def _roots() -> list[Path]:
    spec = importlib.util.find_spec("data_store")
    assert spec is not None and spec.origin is not None, "pydicom-data is a test dependency"
    return [Path(pydicom.__file__).parent / "data", Path(spec.origin).parent / "data"]


@cache
def files() -> dict[str, Path]:
    """Pixel-bearing files by name."""
    found = {}
    for root in _roots():
        for path in sorted(root.rglob("*")):
            if not path.is_file() or path.name in NOT_IMAGES | BROKEN:
                continue
            try:
                header = scan_file(path)
            except InvalidDicom:
                continue  # the scan has tests of its own
            if header.pixel_data is not None:
                found[path.name] = path
    return found


@dataclass
class Picture:
    """One file as our code sees it, and as pydicom does."""

    path: Path
    description: PixelDescription

    @classmethod
    def named(cls, name: str) -> "Picture":
        return cls.of(files()[name])

    @classmethod
    def of(cls, path: Path) -> "Picture":
        return cls(path, PixelDescription.from_header(scan_file(path)))

    @property
    def dataset(self) -> pydicom.Dataset:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(self.path, force=True)

    def data(self, number: int = 1) -> bytes:
        """The bytes of one frame."""
        header, source = scan_file(self.path), self.path
        if header.inflated:
            content = self.path.read_bytes()
            source = inflate(content[read_file_meta(content).data_set_offset :])
        table = frame_table(source, header)
        with opened(source) as (read, _):
            return table.read_frame(read, number)

    def stored(self, number: int = 1, *, rgb: bool = True) -> np.ndarray:
        return decode_frame(self.data(number), self.description, rgb=rgb)

    def frames(self) -> tuple[DisplayedFrame, ...]:
        return display_models(DataSetAttributes(self.dataset), self.description)

    def samples(self, number: int = 1) -> np.ndarray:
        palette = self.frames()[number - 1].model.palette
        return displayed_samples(self.stored(number), self.description, palette)
