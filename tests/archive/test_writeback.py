"""Writing back early."""

import os
from pathlib import Path

from isocenter.archive.writeback import begin_writing_back


def test_what_is_written_back_early_stays_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w+b", buffering=0) as file:
        for part in (b"a" * 5000, b"b" * 5000):
            start = file.seek(0, os.SEEK_END)
            file.write(part)
            begin_writing_back(file.fileno(), start, len(part))
    assert path.read_bytes() == b"a" * 5000 + b"b" * 5000


def test_a_file_that_cannot_be_written_back_early_is_no_error() -> None:
    reading, writing = os.pipe()
    begin_writing_back(writing, 0, 1)
    os.close(reading)
    os.close(writing)
