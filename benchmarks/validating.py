"""How long it takes to find what is wrong with a CT slice, in this process and by dciodvfy's."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.row import US, Row, Target, Trial

FILES = 100


def _milliseconds(judge: Callable[[Path], object], paths: list[Path]) -> float:
    start = time.perf_counter()
    for path in paths:
        judge(path)
    return (time.perf_counter() - start) * 1000 / len(paths)


def _dciodvfy(path: Path) -> None:
    subprocess.run(
        ["dciodvfy", "-new", path], capture_output=True, timeout=60, check=False
    )  # exits with 1 for what it finds


@contextmanager
def _contenders(bench: Bench) -> Iterator[Mapping[str, Trial]]:
    from isocenter.dicom import validate

    paths = list(islice(bench.ct.paths, FILES))
    validate(paths[0])  # loads the table
    trials: dict[str, Trial] = {US: lambda: _milliseconds(validate, paths)}
    if shutil.which("dciodvfy"):
        trials["dciodvfy"] = lambda: _milliseconds(_dciodvfy, paths)
    yield trials


ROWS = (Row("validate", "validate a CT file", "ms", (Target(20),), _contenders),)
