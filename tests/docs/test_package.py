"""What `pip install` gives: the command, with the built viewer inside."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
# One wheel serves them all, so they belong into one worker.
pytestmark = pytest.mark.xdist_group("package")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not UV.exists() or not (ROOT / "viewer" / "node_modules").exists():
        pytest.skip("needs the environment of scripts/setup, to build without a network")
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    _copy_source(source)
    command = [UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run(
        [*command, "--out-dir", folder, source],
        env=os.environ | {"PATH": str(_shell_alone(folder))},
        check=True,
        timeout=110,
    )
    (built,) = folder.glob("*.whl")
    return built


def _shell_alone(folder: Path) -> Path:
    """Make a search path on which there is no Node; npm runs its scripts by a shell."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    return programs


def _copy_source(target: Path) -> None:
    """Copy what is built: building in place would pull the viewer from under other tests."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy2(ROOT / name, target)
    for name in ("src", "viewer"):
        ignored = shutil.ignore_patterns("__pycache__", "static", "node_modules")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    (target / "viewer" / "node_modules").symlink_to(ROOT / "viewer" / "node_modules")


def test_the_wheel_carries_the_built_viewer_and_nothing_of_its_source(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "isocenter/server/static/index.html" in names
    page = zipfile.ZipFile(wheel).read("isocenter/server/static/index.html").decode()
    scripts = [name for name in names if name.endswith(".js")]
    assert any(Path(script).name in page for script in scripts)
    assert not [name for name in names if name.endswith((".ts", ".tsx"))]
    assert not [name for name in names if name.startswith(("tests/", "viewer/", "benchmarks/"))]


def test_the_wheel_carries_the_index_migrations_and_type_information(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert any("archive/migrations/versions/" in name for name in names)
    assert "isocenter/py.typed" in names


def test_what_the_wheel_installs_runs(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "isocenter", "version"],
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("isocenter ")
    shutil.rmtree(tmp_path / "site")
