"""What moves objects never turns them into Python objects, and what is not used is not loaded."""

import json
import subprocess
import sys
from pathlib import Path

from tests.factories import ct_slice, part10_bytes

HEAVY = ("pydicom", "highdicom", "numpy", "imagecodecs", "SimpleITK")


def loaded_by(program: str, *arguments: object) -> set[str]:
    """Which of the heavy packages a program has loaded when it ends."""
    telling = f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", telling, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1])) & {*HEAVY, "sqlalchemy", "fastapi"}


def test_importing_isocenter_loads_nothing_of_it() -> None:
    assert loaded_by("import isocenter") == set()


def test_an_object_is_kept_found_described_and_read_without_pydicom(tmp_path: Path) -> None:
    dataset = ct_slice(16, 16)
    (tmp_path / "image.dcm").write_bytes(part10_bytes(dataset, "1.2.840.10008.1.2.4.80"))
    program = """
import isocenter
from isocenter.archive import Level, Query
with isocenter.open(sys.argv[1]) as archive:
    archive.ingest(open(sys.argv[2], "rb").read())
    (found,) = archive.find(Query(Level.INSTANCE))
    uids = [found.text(tag) for tag in (0x0020000D, 0x0020000E, 0x00080018)]
    assert archive.metadata(*uids).json().startswith(b"[{")
    assert archive.open_instance(*uids).frame(1)
    assert not archive.check(thorough=True).problems
"""
    loaded = loaded_by(program, tmp_path / "data", tmp_path / "image.dcm")
    assert loaded == {"sqlalchemy"}


def test_an_association_is_served_and_asked_without_pydicom() -> None:
    program = """
from isocenter.dimse import Acceptor, VerificationService, connect_sync
with Acceptor([VerificationService()], port=0) as acceptor:
    with connect_sync("ISOCENTER@127.0.0.1:%d" % acceptor.address[1]) as association:
        assert association.echo().code == 0
"""
    assert loaded_by(program) == set()
