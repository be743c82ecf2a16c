import io
import os
from pathlib import Path

import pytest

from isocenter.dicom.source import mapped, opened
from isocenter.errors import NotDicom

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("positional", [True, False])
def test_bytes_are_read_at_places_of_whatever_holds_them(
    path: Path, positional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not positional:  # as on Windows
        monkeypatch.delattr(os, "pread")
    with path.open("rb") as file:
        for source in (path, str(path), file.fileno(), file, CONTENT, memoryview(CONTENT)):
            with opened(source) as (read, size):
                assert size == len(CONTENT)
                assert read(1000, 30) == CONTENT[1000:1030] and read(3, 2) == CONTENT[3:5]
                assert read(len(CONTENT) - 4, 30) == CONTENT[-4:] and read(len(CONTENT), 1) == b""


def test_all_bytes_are_mapped_or_read(path: Path) -> None:
    with path.open("rb") as file:
        for source in (path, str(path), file.fileno(), file, io.BytesIO(CONTENT), CONTENT):
            with mapped(source) as content:
                assert len(content) == len(CONTENT) and content[7:9] == CONTENT[7:9]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("look", [opened, mapped])
def test_a_pipe_and_a_device_are_no_files(tmp_path: Path, look) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(NotDicom, match="no file"), look(path):
            pass
