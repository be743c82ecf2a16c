"""The Python of docs/reference/dimse.md runs as it stands there."""

import re
from pathlib import Path

import pytest
from tests.dimse.wire import accepting
from tests.factories import ct_slice, part10_bytes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dimse.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_each_example_runs(
    block: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "study").mkdir()
    for path in (tmp_path / "image.dcm", tmp_path / "study" / "1.dcm"):
        path.write_bytes(part10_bytes(ct_slice()))
    monkeypatch.chdir(tmp_path)
    with accepting() as acceptor:
        exec(block.replace("11112", str(acceptor.address[1])), {"__name__": "example"})

    output = capsys.readouterr().out
    assert "Success" in output or "0 failed" in output or "listening" in output
