"""DCMTK's dcm2json, written apart from pydicom, says the same of the same files."""

import json
import math
import shutil
import subprocess
from typing import Any

import pytest
from tests.dicom import corpus

from isocenter.dicom import file_json, scan_file

PROGRAM = shutil.which("dcm2json")
# Items with a character set of their own, private dictionaries, and Japanese are beyond it.
OTHERWISE = {"chrSQEncoding.dcm", "chrSQEncoding1.dcm", "chrH31.dcm", "chrH32.dcm"}
OTHERWISE |= {"chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm"}
OTHERWISE |= {"nested_priv_SQ.dcm", "meta_missing_tsyntax.dcm"}
# It writes no compressed pixel data, not even as a link.
COMPARED = [
    path
    for path in corpus.files()
    if path.name not in OTHERWISE and not scan_file(path).transfer_syntax.encapsulated
][::8]


def agree(ours: Any, theirs: Any) -> bool:
    """Equality but for digits of floats, of which DCMTK writes nine."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        ours, theirs = comparable(ours), comparable(theirs)
        return ours.keys() == theirs.keys() and all(agree(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=1e-8)
    return bool(ours == theirs)


def comparable(element: dict[str, Any]) -> dict[str, Any]:
    """A data set or element without what both may write as they like."""
    if element.get("vr") == "PN":  # DCMTK leaves out the delimiters of empty components
        values = [
            name and {k: v.rstrip("^") for k, v in name.items()}
            for name in element.get("Value", [])
        ]
        return {"vr": "PN", "Value": [name for name in values if name and any(name.values())]}
    return {
        key: value
        for key, value in element.items()
        # group lengths, padding, pixels (inline there), character set (as in the file there)
        if not key.endswith("0000") and key not in {"FFFCFFFC", "7FE00010", "00080005"}
    }


@pytest.mark.peer
@pytest.mark.skipif(PROGRAM is None, reason="needs dcm2json of DCMTK (apt-get install dcmtk)")
@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.name)
def test_dcmtk_writes_the_same_json(path: corpus.Path) -> None:
    assert PROGRAM is not None
    run = subprocess.run([PROGRAM, str(path)], capture_output=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    theirs = json.loads(run.stdout.decode("utf-8", "replace"))
    ours = json.loads(file_json(path, scan_file(path), bulk_data_uri="x", bulk_threshold=1 << 20))
    assert agree(ours, {tag: value for tag, value in theirs.items() if tag[:4] != "0002"})
