"""What the command line makes of the streams that it is given, and of Ctrl+C as it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_core import SchemaError, SchemaValidator, core_schema
from pydicom.data import get_testdata_file
from typer.testing import CliRunner

from isocenter.cli import program

OBJECT = str(get_testdata_file("CT_small.dcm"))
LONG_DUMP = f"dump {OBJECT} --bytes 40000"
# As a shell runs it: what is printed is held back until the end, or until there is much of it.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

needs_a_shell = pytest.mark.skipif(os.name == "nt", reason="Windows has no such shell")


def in_a_shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `isocenter` is this one."""
    return subprocess.run(
        ["bash", "-c", f'isocenter() {{ "{sys.executable}" -m isocenter "$@"; }}\n{command}'],
        env=BUFFERED | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@needs_a_shell
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["held", "at once"])
@pytest.mark.parametrize(
    "command", ["--help", "version", "config", f"dump {OBJECT}", f"dump {OBJECT} --json"]
)
def test_a_reader_who_has_enough_is_no_failure(command, variables):
    done = in_a_shell(f"isocenter {command} | true; exit ${{PIPESTATUS[0]}}", **variables)
    assert (done.returncode, done.stderr) == (0, "")


@needs_a_shell
def test_what_failed_stays_failed_when_the_reader_has_enough(tmp_path):
    (tmp_path / "cut.dcm").write_bytes(Path(OBJECT).read_bytes()[:5000])
    command = f"isocenter import {tmp_path}/cut.dcm --data {tmp_path}/data"
    done = in_a_shell(f"{command} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("send", "isocenter send [OPTIONS] PATH... AET@HOST:PORT"),
        ("import", "isocenter import [OPTIONS] PATH..."),
        ("dump", "isocenter dump [OPTIONS] FILE"),
        ("compose sc", "isocenter compose sc [OPTIONS] PICTURE..."),
    ],
)
def test_usage_names_what_must_be_given_as_manual_pages_do(command, usage):
    help_of = CliRunner().invoke(program.app, [*command.split(), "--help"], prog_name="isocenter")
    assert help_of.stdout.splitlines()[0].strip() == f"Usage: {usage}"


@needs_a_shell
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["held", "at once"])
@pytest.mark.parametrize(
    "command",
    ["--help", "version", "config", LONG_DUMP, f"dump {OBJECT} --json", f"validate {OBJECT}"],
    ids=["help", "version", "config", "more than is held", "bytes", "a judgement"],
)
def test_output_that_cannot_be_written_is_told(command, variables):
    done = in_a_shell(f"isocenter {command} > /dev/full", **variables)
    assert done.stderr == "isocenter: standard output: No space left on device\n"
    assert done.returncode == 1


@needs_a_shell
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["dump no-such-file", "dump --no-such-option", "dump"])
def test_the_exit_code_is_the_same_where_the_mistake_cannot_be_told(command):
    assert in_a_shell(f"isocenter {command} 2> /dev/full").returncode == 2


@needs_a_shell
def test_what_is_printed_at_once_is_whole():
    """As much as a pipe takes many goes for."""
    held = in_a_shell(f"isocenter {LONG_DUMP}")
    at_once = in_a_shell(f"isocenter {LONG_DUMP}", PYTHONUNBUFFERED="1")
    assert len(held.stdout) > 1 << 16
    assert (at_once.returncode, at_once.stdout) == (0, held.stdout)


@needs_a_shell
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["version", f"dump {OBJECT}", f"dump {OBJECT} --json"])
def test_closed_streams_are_no_defect(command, closed):
    done = in_a_shell(f"isocenter {command} {closed}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_a_shell
def test_an_error_is_not_printed_among_the_output_where_standard_error_is_closed():
    done = in_a_shell("isocenter dump no-such-file 2>&-")
    assert (done.returncode, done.stdout) == (2, "")


@needs_a_shell
def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    """A library that complains on standard error would write into it."""
    program_text = (
        "import sys; from isocenter.cli import main; import isocenter.cli.program as program\n"
        f"program.app = lambda: sys.exit(open({str(tmp_path / 'file')!r}, 'w').fileno())\n"
        "main()"
    )
    done = in_a_shell(f"'{sys.executable}' -c \"$TEXT\" <&- >&- 2>&-", TEXT=program_text)
    assert done.returncode > 2


class Interrupted:
    """A value that is looked at just as somebody presses Ctrl+C."""

    def __repr__(self) -> str:
        raise KeyboardInterrupt


def as_a_name_is_set() -> None:
    class Descriptor:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    type("Owner", (), {"descriptor": Descriptor()})


def as_a_model_is_built() -> None:
    SchemaValidator(core_schema.literal_schema([Interrupted()]))


@pytest.mark.parametrize("loading", [as_a_name_is_set, as_a_model_is_built])
def test_an_interrupt_that_a_library_makes_another_error_of_is_one(loading, monkeypatch, capsys):
    """Python 3.11 wraps what `__set_name__` raises, pydantic what a schema meets."""
    try:
        loading()
    except (RuntimeError, SchemaError) as error:
        raised = error
    except KeyboardInterrupt:
        pytest.skip("these versions wrap it no more; Python 3.11 and the locked pydantic do")

    def interrupted() -> None:
        raise raised

    monkeypatch.setattr(program, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "")
