"""Objects made and corrected, beside the libraries that do the same; one thread, no server."""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from benchmarks.bench import Bench, settle
from benchmarks.row import US, Row, Target, Trial
from isocenter.compose import Region, correct, derived_series, rt_structure_set, secondary_capture

CAPTURES = 100
CORRECTED = 1000
SLICES = 200
DERIVED = 400
SIZE = 512


def _rate(work: Callable[[Path], int], bench: Bench) -> Trial:
    """Time one run into a new folder, in objects a second."""

    def trial() -> float:
        folder = bench.new_folder()
        folder.mkdir()
        settle(folder)
        begin = time.perf_counter()
        count = work(folder)
        return count / (time.perf_counter() - begin)

    return trial


def _seconds(work: Callable[[Path], object], bench: Bench) -> Trial:
    def trial() -> float:
        folder = bench.new_folder()
        folder.mkdir()
        settle(folder)
        begin = time.perf_counter()
        work(folder)
        return time.perf_counter() - begin

    return trial


# -- Secondary Captures ----------------------------------------------------------------------------


@contextmanager
def _captures(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    count = max(1, round(CAPTURES * bench.scale))
    pixels = np.random.default_rng(1).integers(0, 4096, (count, SIZE, SIZE)).astype(np.uint16)
    source = pydicom.dcmread(bench.ct.paths[0], stop_before_pixels=True)
    sc: Any = importlib.import_module("highdicom.sc")  # before the clock starts, as ours is

    def ours(folder: Path) -> int:
        for number, image in enumerate(pixels, 1):
            composed = secondary_capture(image, source=source, instance_number=number)
            composed.save(folder / f"{number}.dcm")
        return count

    def theirs(folder: Path) -> int:
        series = generate_uid()
        for number, image in enumerate(pixels, 1):
            captured = sc.SCImage.from_ref_dataset(
                ref_dataset=source,
                pixel_array=image,
                photometric_interpretation="MONOCHROME2",
                bits_allocated=16,
                coordinate_system="PATIENT",
                series_instance_uid=series,
                series_number=1,
                sop_instance_uid=generate_uid(),
                instance_number=number,
                manufacturer="X",
                patient_orientation=("L", "P"),
            )
            captured.save_as(folder / f"{number}.dcm")
        return count

    yield {US: _rate(ours, bench), "highdicom": _rate(theirs, bench)}


# -- corrections -----------------------------------------------------------------------------------


@contextmanager
def _corrections(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    count = max(1, round(CORRECTED * bench.scale))
    source = bench.new_folder()
    source.mkdir()
    for number in range(count):
        path = bench.ct.paths[number % len(bench.ct.paths)]
        (source / f"{number:05}.dcm").hardlink_to(path.resolve())

    def ours(folder: Path) -> int:
        results = correct([source], output=folder, set_values={"PatientName": "DOE^JANE"})
        return sum(one.written is not None for one in results)

    def theirs(folder: Path) -> int:
        for path in sorted(source.iterdir()):
            data_set = pydicom.dcmread(path)
            data_set.PatientName = "DOE^JANE"
            data_set.save_as(folder / path.name)
        return count

    yield {US: _rate(ours, bench), "pydicom": _rate(theirs, bench)}


# -- RT Structure Sets -----------------------------------------------------------------------------


def _series(bench: Bench, count: int) -> Path:
    """Write a CT series of equal slices; rt-utils reads pixel data, so there is some."""
    folder = bench.new_folder()
    folder.mkdir()
    data_set: Dataset = pydicom.dcmread(bench.ct.paths[0])
    frame_of_reference = generate_uid()
    for number in range(count):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.FrameOfReferenceUID = frame_of_reference
        data_set.InstanceNumber = number + 1
        data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data_set.ImagePositionPatient = [-180, -180, float(number)]
        data_set.PixelSpacing, data_set.SliceThickness = [0.7, 0.7], 1
        data_set.SliceLocation = float(number)
        data_set.save_as(folder / f"{number:04}.dcm")
    return folder


def _require_exact(path: Path, series: Path, mask: NDArray[np.bool_]) -> None:
    """Fail unless the contours, filled, are the mask again: fast and wrong does not count."""
    from isocenter.compose.structure_sets.rt_structure_set import read_rt_structure_set

    (region,) = read_rt_structure_set(path)
    if not np.array_equal(region.to_mask(series), mask):
        raise AssertionError("the mask did not come back exactly")


@contextmanager
def _ring(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    count = max(2, round(SLICES * bench.scale))
    series = _series(bench, count)
    first = pydicom.dcmread(series / "0000.dcm")
    rows, columns = np.mgrid[: first.Rows, : first.Columns]
    distance = np.hypot(rows - first.Rows / 2, columns - first.Columns / 2)
    ring = (distance < first.Rows / 3) & (distance >= first.Rows / 6)
    mask = np.repeat(ring[np.newaxis], count, axis=0)

    builder: Any = importlib.import_module("rt_utils").RTStructBuilder

    def ours(folder: Path) -> None:
        rt_structure_set([Region("ring", mask)], source=series).save(folder / "rt.dcm")
        written.append(folder / "rt.dcm")

    def theirs(folder: Path) -> None:
        made = builder.create_new(dicom_series_path=str(series))
        made.add_roi(mask=np.moveaxis(mask, 0, -1), name="ring", use_pin_hole=True)
        made.save(str(folder / "rt.dcm"))

    written: list[Path] = []
    yield {US: _seconds(ours, bench), "rt-utils": _seconds(theirs, bench)}
    for path in written[:1]:
        _require_exact(path, series, mask)


# -- derived series --------------------------------------------------------------------------------

_COPIED = (
    "0010|0010", "0010|0020", "0010|0030", "0020|000d", "0020|0010",
    "0008|0020", "0008|0030", "0008|0050", "0008|0060",
)  # fmt: skip
"""What SimpleITK's example of a modified series copies of patient and study."""


def _by_simple_itk(sitk: Any, series: Path, folder: Path) -> None:
    """Read a series, change its values and write it, as SimpleITK's documentation shows."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOn()
    image = reader.Execute()
    changed = sitk.GetImageFromArray(_clipped(sitk.GetArrayFromImage(image)))
    changed.CopyInformation(image)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    uid = generate_uid()
    for number in range(changed.GetDepth()):
        one = changed[:, :, number]
        for key in _COPIED:
            if reader.HasMetaDataKey(number, key):
                one.SetMetaData(key, reader.GetMetaData(number, key))
        position = changed.TransformIndexToPhysicalPoint((0, 0, number))
        one.SetMetaData("0008|0008", "DERIVED\\SECONDARY")
        one.SetMetaData("0008|0018", generate_uid())
        one.SetMetaData("0020|000e", uid)
        one.SetMetaData("0020|0013", str(number + 1))
        one.SetMetaData("0020|0032", "\\".join(map(str, position)))
        writer.SetFileName(str(folder / f"{number:04}.dcm"))
        writer.Execute(one)


def _clipped(values: NDArray[Any]) -> NDArray[Any]:
    return np.clip(values, -100, 300)


def _values(path: Path) -> NDArray[Any]:
    data_set = pydicom.dcmread(path)
    scale = float(data_set.get("RescaleSlope", 1)), float(data_set.get("RescaleIntercept", 0))
    return data_set.pixel_array * scale[0] + scale[1]


@contextmanager
def _derived(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    count = max(2, round(DERIVED * bench.scale))
    series = _series(bench, count)
    sitk: Any = importlib.import_module("SimpleITK")
    expected = {_clipped(_values(path)).tobytes() for path in series.iterdir()}

    def ours(folder: Path) -> None:
        files = derived_series(series, _clipped).save(folder / "derived")
        written[:] = files

    written: list[Path] = []
    yield {
        US: _seconds(ours, bench),
        "SimpleITK": _seconds(lambda folder: _by_simple_itk(sitk, series, folder), bench),
    }
    if {_values(path).tobytes() for path in written} - expected:
        raise AssertionError("the derived pixels are not the clipped ones")


# -- deformable registrations ----------------------------------------------------------------------

_GRID = """
import sys, time
import numpy as np
import pydicom
from isocenter.compose import deformable_registration
from isocenter.compose.registrations.grids import DisplacementField

def peak():  # what getrusage says begins with the peak of the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

def compose(planes, rows, columns, source, path):
    shape = (planes, rows, columns, 3)
    vectors = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    begin = time.perf_counter()
    field = DisplacementField.from_array(vectors)
    deformable_registration(field, source=source).save(path)
    return time.perf_counter() - begin, vectors.nbytes

source = pydicom.dcmread(sys.argv[4], stop_before_pixels=True)
source.FrameOfReferenceUID = pydicom.uid.generate_uid()
compose(2, 2, 2, source, sys.argv[5])
before = peak()
seconds, size = compose(*map(int, sys.argv[1:4]), source, sys.argv[5])
print(seconds, (peak() - before) / size)
"""
"""Run in a process of its own, whose peak of memory is this object's; prints seconds and sizes."""


def _grid(bench: Bench, answer: int) -> Trial:
    def trial() -> float:
        planes = max(2, round(128 * bench.scale))
        arguments = [planes, 256, 256, bench.ct.paths[0], f"{bench.new_folder()}.dcm"]
        command = [sys.executable, "-c", _GRID, *map(str, arguments)]
        printed = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
        return float(printed.split()[answer])

    return trial


@contextmanager
def _grid_time(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    yield {US: _grid(bench, 0)}


@contextmanager
def _grid_memory(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    yield {US: _grid(bench, 1)}


ROWS = (
    Row(
        "compose-capture",
        "Secondary Capture of a 512 x 512 array, built and saved",
        "objects/s",
        (Target(3, "highdicom"),),
        _captures,
    ),
    Row(
        "compose-correct",
        "Patient's Name of 1,000 CT files corrected, against read, modify, write",
        "objects/s",
        (Target(3, "pydicom"),),
        _corrections,
    ),
    Row(
        "compose-rtstruct",
        "RT Structure Set of a ring over 200 slices",
        "s",
        (Target(2, "rt-utils"),),
        _ring,
    ),
    Row(
        "compose-derived",
        "Derived series of 400 slices of 512 x 512, values clipped, read and written",
        "s",
        (Target(2, "SimpleITK"),),
        _derived,
    ),
    Row(
        "compose-grid",
        "Deformable Spatial Registration of a grid of 256 x 256 x 128, built and saved",
        "s",
        (Target(2),),
        _grid_time,
    ),
    Row(
        "compose-grid-memory",
        "Peak memory meanwhile, the field included, in sizes of the field",
        "times",
        (Target(3),),
        _grid_memory,
    ),
)
