"""What the kernel is asked for, and in which order, before an object counts as kept."""

import re
from pathlib import Path

from tests.factories import ct_slice, part10_bytes
from tests.tracing import traced

TRACED = "fsync,fdatasync,link,linkat,rename,renameat2,write,writev,pwrite64"
PROGRAM = """
import os, sys, isocenter
folder, durability, *paths = sys.argv[1:]
with isocenter.open(folder, durability=durability) as archive:
    for path in paths:
        archive.ingest(path)
        os.write(1, b"kept")
"""


def system_calls(folder: Path, durability: str) -> list[tuple[str, str]]:
    """Name and file of each call for the second of two objects, until it is said to be kept."""
    folder.mkdir()
    paths = [folder / "1.dcm", folder / "2.dcm"]
    for path in paths:
        path.write_bytes(part10_bytes(ct_slice(16, 16)))
    log = folder / "log"
    arguments = [folder / "data", durability, *paths]
    said = traced(PROGRAM, arguments, calls=TRACED, log=log, options=["-y"])
    assert said == "keptkept"
    _, of_the_second, _ = log.read_text().split('"kept", 4)')
    found = re.findall(r"^\d+ +(\w+)\((?:\d+<([^>]*)>)?", of_the_second, re.M)
    return [(name, file.removeprefix(str(folder / "data"))) for name, file in found]


def first(calls: list[tuple[str, str]], name: str, file: str) -> int:
    """Where a call for a file (its name's pattern) stands."""
    return next(
        i for i, call in enumerate(calls) if call[0] == name and re.fullmatch(file, call[1])
    )


def test_bytes_then_names_then_row_are_synced_before_an_object_is_said_to_be_kept(tmp_path):
    calls = system_calls(tmp_path / "safe", "safe")
    bytes_written = first(calls, "writev", r"/\.incoming/.*")
    bytes_synced = first(calls, "fdatasync", r"/\.incoming/.*|/[\d.]+/[\d.]+/[\d.]+\.dcm")
    folders = [first(calls, "fsync", pattern) for pattern in (r"/[\d.]+/[\d.]+", r"/[\d.]+", "")]
    row_written = first(calls, "pwrite64", r"/index\.sqlite-wal")
    row_synced = first(calls, "fdatasync", r"/index\.sqlite-wal")

    assert bytes_written < bytes_synced < row_written < row_synced
    assert all(folder < row_written for folder in folders)
    # The row is written once; what comes behind its sync is nothing more of it.
    assert ("pwrite64", "/index.sqlite-wal") not in calls[row_synced:]


def test_nothing_is_synced_where_speed_was_chosen(tmp_path):
    calls = system_calls(tmp_path / "fast", "fast")
    assert ("pwrite64", "/index.sqlite-wal") in calls
    assert [call for call in calls if "sync" in call[0]] == []
