"""Series to derive from, and what SimpleITK reads in a folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from tests.factories import composite, ct_series, part10_bytes

CR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.1"


def written(folder: Path, images: Iterable[Dataset], syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write images into a new folder."""
    folder.mkdir(parents=True)
    for number, one in enumerate(images):
        (folder / f"{number:03}.dcm").write_bytes(part10_bytes(one, syntax))
    return folder


def placed_series(
    count: int = 6,
    *,
    directions: np.ndarray | None = None,
    origin: Iterable[float] = (-20.0, 10.0, 33.0),
    spacing: tuple[float, float, float] = (0.7, 0.9, 2.5),
    rows: int = 20,
    columns: int = 24,
    **attributes: Any,
) -> list[Dataset]:
    """CT slices on a grid: spacing along columns, rows, slices; directions in its columns."""
    axes = np.eye(3) if directions is None else directions
    images = ct_series(count, rows, columns, **attributes)
    for number, one in enumerate(images):
        position = np.array(list(origin)) + axes[:, 2] * spacing[2] * number
        one.ImagePositionPatient = [f"{value:.10g}"[:16] for value in position]
        one.ImageOrientationPatient = [f"{value:.12g}"[:16] for value in (*axes[:, 0], *axes[:, 1])]
        one.PixelSpacing = [str(spacing[1]), str(spacing[0])]
        one.SliceThickness = str(spacing[2])
        one.SliceLocation = f"{position @ axes[:, 2]:.10g}"[:16]
        one.ReferencedImageSequence = images[0].ReferencedImageSequence
        one.ReferencedStudySequence = images[0].ReferencedStudySequence
    return images


def computed_radiograph(rows: int = 40, columns: int = 30) -> Dataset:
    """A CR image, which says how far apart its pixels are and not where it lies."""
    image = composite(CR_IMAGE_STORAGE, "CR")
    image.ImageType = ["ORIGINAL", "PRIMARY"]
    image.ContentDate, image.ContentTime = "20240117", "081612"
    image.AcquisitionDate, image.AcquisitionTime = "20240117", "081610"
    image.Manufacturer, image.PatientOrientation = "ACME", ["L", "F"]
    image.BodyPartExamined, image.ViewPosition = "CHEST", "PA"
    image.ImagerPixelSpacing = ["0.2", "0.15"]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME1"
    image.Rows, image.Columns = rows, columns
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    values = np.random.default_rng(7).integers(0, 4096, (rows, columns))
    image.PixelData = values.astype("<u2").tobytes()
    image["PixelData"].VR = "OW"
    return image


def read(folder: Path) -> sitk.Image:
    """Read a series as SimpleITK does, by its files in geometric order."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()
