"""Every DICOM file that ships inside the wheels of pydicom and pydicom-data."""

import importlib.util
import warnings
from functools import cache
from pathlib import Path

import pydicom

# Neither are DICOM: text, colour profiles, and one whose first bytes were cut away.
NOT_DICOM = {"crayons.icc", "README", "no_meta.dcm", "rtplan.dump", "rtstruct.dump", "zipMR.gz"}
# Cut off on purpose.
TRUNCATED = {"MR_truncated.dcm", "rtplan_truncated.dcm"}
_NOT_DATA = {".py", ".pyc", ".json", ".md", ".txt", ".npy"}


@cache
def files() -> list[Path]:
    """Paths of whole DICOM files, in order of their names."""
    found = [path for path in _everything() if path.name not in NOT_DICOM | TRUNCATED]
    assert len(found) > 200, "pydicom-data is a test dependency"
    return found


def named(name: str) -> Path:
    """The file with a name."""
    return next(path for path in _everything() if path.name == name)


@cache
def _everything() -> list[Path]:
    spec = importlib.util.find_spec("data_store")
    assert spec is not None and spec.origin is not None, "pydicom-data is a test dependency"
    roots = [Path(pydicom.__file__).parent / "data", Path(spec.origin).parent / "data"]
    paths = [path for root in roots for path in root.rglob("*") if path.is_file()]
    return sorted((path for path in paths if path.suffix not in _NOT_DATA), key=lambda p: p.name)


def read(path: Path) -> pydicom.Dataset:
    """The file as pydicom reads it, whatever is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)
