"""Text files are read whole, in UTF-8, and never without end."""

import os
import threading
from pathlib import Path

import pytest

from isocenter.dicom.text_files import read_text


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfGr\xc3\xb6\xc3\x9fe\n")
    assert read_text(tmp_path / "text") == "Größe\n"


def test_too_much_is_refused_with_how_much_there_may_be(tmp_path: Path) -> None:
    with (tmp_path / "text").open("wb") as file:
        file.truncate((1 << 20) + 1)
    assert len(read_text(tmp_path / "text", largest=(1 << 20) + 1)) == (1 << 20) + 1
    with pytest.raises(OSError, match="more than 1 MiB of text"):
        read_text(tmp_path / "text", largest=1 << 20)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.timeout(60)
def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(OSError, match="this is no file"):
            read_text(path)


@pytest.mark.parametrize("name", ["missing", "a\0b", "a\ud800b"])
def test_a_name_that_no_file_has_is_that_of_a_missing_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / name)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
def test_a_pipe_without_a_name_is_read_to_its_end() -> None:
    read, write = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(write, b"a = 1"), os.close(write)))
    writer.start()
    try:
        assert read_text(f"/dev/fd/{read}") == "a = 1"
    finally:
        writer.join()
        os.close(read)
