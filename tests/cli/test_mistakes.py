"""What a newcomer gets wrong is answered with what to do, an exit code, and no traceback."""

import errno
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main
from pydicom.data import get_testdata_file
from tests.factories import ct_slice, part10_bytes
from tests.running_server import running_server

from isocenter.cli import main
from isocenter.cli.program import app

COMMANDS = typer.main.get_command(app).commands
OBJECT = get_testdata_file("CT_small.dcm")

# One server serves them all, so they belong into one worker.
pytestmark = pytest.mark.xdist_group("mistakes")


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def isocenter(monkeypatch, capsys):
    """The command, in this process."""

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        # The log of this process is the tests', and other tests read it.
        monkeypatch.setattr("isocenter.server.logs.configure", lambda level: None)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["frobnicate"], 2, "No such command"),
        (["echo"], 2, "Missing argument"),
        (["echo", "localhost:11112"], 2, "give AET@HOST:PORT"),
        (["echo", "ISOCENTER@127.0.0.1:99999"], 2, "not between 1 and 65535"),
        (["echo", "SEVENTEEN-LETTERS@127.0.0.1:11112"], 2, "1 to 16"),
        (["echo", "ISOCENTER@127.0.0.1:1"], 3, "Nothing listens there"),
        (["echo", "ISOCENTER@no-such-host.invalid:104"], 3, "No such host is known"),
        (["send", "no-such-file", "ISOCENTER@127.0.0.1:1"], 2, "no such file or folder"),
        (["send", "ISOCENTER@127.0.0.1:1", "no-such-file"], 2, "the destination comes last"),
        (["send", __file__, "ISOCENTER@127.0.0.1:1"], 3, "Nothing listens there"),
        (["serve", "--http", "nonsense"], 2, "--http"),
        (["serve", "--aet", "SEVENTEEN-LETTERS"], 2, "--aet"),
        (["serve", "--durability", "sometimes"], 2, "'safe' or 'fast'"),
        (["serve", "--config", "no-such-file.toml"], 2, "no-such-file.toml"),
        (["serve", "--data", __file__, "--http", "0"], 2, "is no folder"),
        (["import", str(OBJECT), "--data", f"{__file__}/x"], 2, "Not a directory"),
        (["check", "--data", "nowhere"], 2, "no archive at nowhere"),
        (["config", "--config", "no-such-file.toml"], 2, "no-such-file.toml"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(
    arguments, code, says, isocenter, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    answer = isocenter(*arguments)
    assert says in answer.out + answer.err
    assert answer.code == code
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("aet = ARCHIVE", "text stands in quotes"),
        ('[server]\naet = "ARCHIVE"', "in no table [server]"),
        ('max_object_size = "lots"', "such as 8GiB"),
        ('ateit = "ARCHIVE"', "did you mean aet?"),
    ],
)
def test_a_mistake_in_the_configuration_is_answered_with_what_to_write(
    content, says, isocenter, tmp_path
):
    file = tmp_path / "isocenter.toml"
    file.write_text(content)
    answer = isocenter("config", "--config", str(file))
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_a_folder_where_nobody_may_write_is_named_with_what_to_do(isocenter, tmp_path, monkeypatch):
    def forbidden(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", forbidden)  # root, who may run this, may write everywhere
    answer = isocenter("serve", "--http", "0", "--data", str(tmp_path / "closed"))
    assert answer.code == 2
    assert str(tmp_path / "closed") in answer.err and "write there" in answer.err


def test_a_taken_dicom_port_is_answered_with_what_to_do(isocenter, server, tmp_path):
    answer = isocenter(
        *("serve", "--http", "0", "--data", str(tmp_path / "data")),
        *("--dicom", str(server.dicom_port)),
    )
    assert answer.code == 2
    assert "is Isocenter running already?" in answer.err and "while" not in answer.err


def test_what_config_prints_is_a_configuration(isocenter, tmp_path):
    file = tmp_path / "isocenter.toml"
    file.write_text(isocenter("config").out)
    assert isocenter("config", "--config", str(file)).code == 0


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_the_help_of_a_command_is_in_words_and_every_summary_is_whole(command, isocenter):
    shown = isocenter(*command, "--help").out
    assert not re.search(r"<\w+|<list", shown)
    assert not re.search(r"^  \w+ +\S.*\.\.\.$", shown, re.M)


def test_an_interrupt_while_the_program_loads_ends_without_a_traceback(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    answer = subprocess.run(
        [sys.executable, "-m", "isocenter", "version"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (130, "")


def test_the_port_of_the_browser_is_not_mistaken_for_the_dicom_port(isocenter, server):
    answer = isocenter("echo", f"ISOCENTER@{server.http.removeprefix('http://')}")
    assert answer.code == 3
    assert "is this its DICOM port?" in answer.err


def test_a_file_that_is_no_dicom_is_a_failure_when_named_and_skipped_in_a_folder(
    isocenter, server, tmp_path
):
    (tmp_path / "notes.txt").write_text("no DICOM at all")
    here = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
    named = isocenter("send", str(tmp_path / "notes.txt"), here)
    assert named.code == 1
    assert "notes.txt: this is no DICOM file" in named.out
    (tmp_path / "slice.dcm").write_bytes(part10_bytes(ct_slice()))
    found = isocenter("send", str(tmp_path), here)
    assert found.code == 0
    assert "1 sent" in found.out and "1 skipped" in found.out


def test_a_defect_asks_to_be_reported_and_shows_its_traceback_only_when_asked(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("of course")

    monkeypatch.setattr("isocenter.cli.program.app", broken)
    monkeypatch.delenv("ISOCENTER_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    assert "defect" in capsys.readouterr().err
    monkeypatch.setenv("ISOCENTER_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main()


def test_the_version_is_told_by_command_and_by_option(isocenter):
    command, option = isocenter("version"), isocenter("--version")
    assert (option.code, option.out) == (0, command.out)
    assert option.out.startswith("isocenter ") and not option.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "arguments",
    [
        "validate pipe",
        "dump pipe",
        "dump pipe --json",
        "report pipe",
        "send pipe ISOCENTER@127.0.0.1:1",
        "import pipe --data archive",
        "import folder --data archive --config pipe",
        "config --config pipe",
        "serve --config pipe",
        "correct folder --map pipe -o corrected",
        "derive folder --smooth 2mm --template pipe -o derived",
        "compose ko pipe -o out.dcm",
        "compose seg mask.nii --from pipe -o out.dcm",
        "compose gsps pipe --from folder -o out.dcm",
        "compose sc picture.png --template pipe -o out.dcm",
    ],
)
def test_no_command_waits_for_a_named_pipe(arguments, isocenter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    answer = isocenter(*arguments.split())
    assert (answer.code, answer.err) == (
        2,
        "isocenter: pipe is a named pipe; give a file or a folder\n",
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "arguments",
    [
        "dump /dev/zero",
        "dump /dev/zero --json",
        "report /dev/zero",
        "send folder ISOCENTER@127.0.0.1:1 --results /dev/zero",
        "config --config /dev/zero",
        "correct folder --map /dev/zero -o corrected",
        "derive folder --smooth 2mm --template /dev/zero -o derived",
        "compose ko /dev/zero -o out.dcm",
        "compose gsps /dev/zero --from folder -o out.dcm",
    ],
)
def test_no_command_reads_a_device_without_end(arguments, isocenter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "ct.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    answer = isocenter(*arguments.split())
    assert answer.code == 2
    assert "/dev/zero" in answer.err and "is no file" in answer.err
    assert sorted(os.listdir()) == ["folder"]


def test_a_shell_s_pipe_without_a_name_is_read(tmp_path):
    if not Path("/dev/stdin").exists():
        pytest.skip("this system has no /dev/stdin; run on Linux or macOS")
    answer = subprocess.run(
        [sys.executable, "-m", "isocenter", "config", "--config", "/dev/stdin"],
        input='aet = "PIPED"',
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert "PIPED" in answer.stdout, answer.stderr
