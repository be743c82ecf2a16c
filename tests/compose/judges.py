"""Validators that somebody else wrote, read by their text: most exit 0 whatever they find."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

PIXELMED = Path("/usr/share/java/pixelmed.jar")
_XPATH_LIMITS = ("xpathExprOpLimit", "xpathExprGrpLimit", "xpathTotalOpLimit")


def needs(program: str, package: str = "") -> str:
    """Return the program's path, or skip the test and say what would run it."""
    path = shutil.which(program) or shutil.which(program, path=Path(sys.executable).parent)
    if path is None:
        what = f"`apt-get install {package}`" if package else "`scripts/setup dev`"
        pytest.skip(f"{program} is not here; {what} brings it")
    return path


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def dciodvfy_errors(path: str | Path) -> list[str]:
    """Return what David Clunie's IOD validator calls an error."""
    text = _run(needs("dciodvfy", "dicom3tools"), "-new", str(path))
    return [line for line in text.splitlines() if line.startswith("Error")]


def dcentvfy_errors(paths: Iterable[str | Path]) -> list[str]:
    """Return where several objects disagree about what they share."""
    text = _run(needs("dcentvfy", "dicom3tools"), *map(str, paths))
    return [line for line in text.splitlines() if line.startswith("Error")]


def dcmpschk_failures(path: str | Path) -> list[str]:
    """Return the tests that a presentation state fails by DCMTK."""
    text = _run(needs("dcmpschk", "dcmtk"), str(path))
    return [line for line in text.splitlines() if "Test failed" in line or line.startswith("E:")]


def dsrdump(path: str | Path) -> str:
    """Return a structured report as DCMTK reads it; a line that begins with E: is an error."""
    return _run(needs("dsrdump", "dcmtk"), str(path))


def pixelmed_sr_errors(path: str | Path) -> list[str]:
    """Return what PixelMed's template validator objects to; takes some five seconds."""
    needs("java", "default-jre-headless")
    if not PIXELMED.exists():
        pytest.skip(f"{PIXELMED} is not here; `apt-get install pixelmed-apps` brings it")
    limits = [f"-Djdk.xml.{name}=0" for name in _XPATH_LIMITS]
    validator = "com.pixelmed.validate.DicomSRValidator"
    text = _run("java", *limits, "-cp", str(PIXELMED), validator, str(path))
    return [line for line in text.splitlines() if "Error:" in line]
