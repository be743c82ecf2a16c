"""Series loaded as arrays, beside pydicom and SimpleITK."""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from benchmarks.bench import Bench
from benchmarks.row import US, Row, Target, Trial

SLICES = 400


def _folder(bench: Bench) -> Path:
    """Write a CT series of different slices, named in another order than they lie."""
    folder = bench.new_folder()
    folder.mkdir()
    count = max(4, round(SLICES * bench.scale))
    data_set = pydicom.dcmread(bench.ct.paths[0])
    pixels = data_set.pixel_array
    data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for number in range(count):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.InstanceNumber = number + 1
        data_set.ImagePositionPatient = [-180, -180, float(number)]
        data_set.PixelData = np.roll(pixels, number, axis=0).tobytes()
        data_set.save_as(folder / f"{number * 7 % count:04}-{number}.dcm")
    return folder


def _by_pydicom(folder: Path) -> NDArray[Any]:
    data_sets = [pydicom.dcmread(path) for path in folder.iterdir()]
    data_sets.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    return np.stack([one.pixel_array for one in data_sets])


def _by_simple_itk(sitk: Any, folder: Path) -> NDArray[Any]:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


@contextmanager
def _load(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    from isocenter.series import Series

    folder = _folder(bench)
    sitk: Any = importlib.import_module("SimpleITK")
    expected = _by_simple_itk(sitk, folder)

    def checked(load: Callable[[], NDArray[Any]], scaled: bool) -> Trial:
        def trial() -> float:
            begin = time.perf_counter()
            values = load()
            seconds = time.perf_counter() - begin
            if scaled and not np.array_equal(values, expected):
                raise AssertionError("the values are not those that SimpleITK reads")
            return seconds

        return trial

    yield {
        US: checked(lambda: np.asarray(Series.open(folder)), True),
        "pydicom": checked(lambda: _by_pydicom(folder), False),  # which leaves them unscaled
        "SimpleITK": checked(lambda: _by_simple_itk(sitk, folder), True),
    }


ROWS = (
    Row(
        "series-load",
        "Series of 400 CT slices as one array in the order of place, headers at hand",
        "s",
        (Target(2, "pydicom"),),
        _load,
    ),
)
