"""A short run of every fuzzer; `scripts/fuzz` runs one for as long as it is let."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TARGETS = sorted(path.stem.removesuffix("_fuzzer") for path in HERE.glob("*_fuzzer.py"))
SECONDS = 5
MORE_MB = 1024
"""What a fuzzer may take beyond the largest size that this process ever had, which it inherits."""


@pytest.mark.skipif(
    find_spec("atheris") is None,
    reason="atheris is not installed; it has wheels for Linux and is in the dev dependencies",
)
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_found_in_a_few_seconds_breaks_the_parser(target: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    import resource  # Linux, as the fuzzer

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    run = subprocess.run(
        [
            sys.executable,
            str(HERE / "run.py"),
            target,
            str(corpus),
            f"-max_total_time={SECONDS}",
            f"-rss_limit_mb={largest + MORE_MB}",
            "-timeout=10",
            f"-artifact_prefix={tmp_path}/",
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    found = [f"{path.name}: {path.read_bytes()!r}" for path in tmp_path.glob("*-*")]
    assert run.returncode == 0, f"{found}\n{run.stderr[-4000:]}"
    assert any(corpus.iterdir()), "the fuzzer reached no code of the parser"
