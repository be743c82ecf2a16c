"""The kernel's own record of what a Python program asks of it, by strace."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


def traced(
    program: str,
    arguments: Sequence[str | Path],
    *,
    calls: str,
    log: Path,
    options: Sequence[str] = (),
) -> str:
    """Run a program of Python with a record of some system calls; returns what it printed.

    Skips the test where strace is missing, or may trace nobody: a container needs the capability
    SYS_PTRACE for it.
    """
    if shutil.which("strace") is None:
        pytest.skip("needs strace (Debian's package strace)")
    record = ["strace", "-f", "-s", "8", *options, "-e", f"trace={calls}", "-o", log]
    command = [*record, sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode and done.stderr.startswith("strace: "):
        said = done.stderr.splitlines()[0]
        pytest.skip(f"needs a system that lets processes be traced (SYS_PTRACE): {said}")
    assert done.returncode == 0, done.stderr
    return done.stdout
