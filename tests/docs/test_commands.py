"""Runs every command that the documents show, top to bottom, one scratch folder a document.

A fenced `console` block is a session: lines that begin with `$ ` are run by bash (a trailing
backslash continues them), the lines below one are what it prints, with `...` for what differs from
run to run. Lines that begin with `>` continue the command above. A command that serves runs until
the document ends; an assignment holds until then. An HTML comment `<!-- not run: why -->` right
above a block takes it out. The documents' ports become free ones.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import av
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.uid import generate_uid
from tests.factories import ct_series, part10_bytes
from tests.free_ports import free_port

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND_SECONDS = 90
READY_SECONDS = 60
# Programs that a document may show and a machine may lack.
PEERS = ("curl", "echoscu", "storescu", "dcmsend", "dcmdump", "findscu")

_BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n+)?^```console\n(?P<body>.*?)^```$", re.M | re.S
)


@dataclass
class Command:
    """One command of a session and what the document says it prints."""

    text: str
    expected: list[str] = field(default_factory=list)


def commands(document: str) -> list[Command]:
    found: list[Command] = []
    for block in _BLOCK.finditer(document):
        if block["skip"]:
            continue
        for line in block["body"].splitlines():
            if found and found[-1].text.endswith("\\"):
                found[-1].text += "\n" + line
            elif found and line.startswith(">"):
                found[-1].text += "\n" + line[2:]
            elif line.startswith("$ "):
                found.append(Command(line[2:]))
            elif found:
                found[-1].expected.append(line)
    return found


class Session:
    """A shell in a scratch folder with this environment's `isocenter`, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8104": str(free_port()), "11112": str(free_port())}
        self.background: list[tuple[subprocess.Popen, Path]] = []
        variables = {k: v for k, v in os.environ.items() if not k.startswith("ISOCENTER_")}
        self.environment = variables | {
            "PATH": os.pathsep.join([str(_own_programs(folder)), os.environ["PATH"]]),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        self.listening = {
            "ISOCENTER_HTTP": f"127.0.0.1:{self.ports['8104']}",
            "ISOCENTER_DICOM": f"127.0.0.1:{self.ports['11112']}",
        }
        _copy_samples(folder)

    def local(self, text: str) -> str:
        return re.sub(r"\b(8104|11112)\b", lambda port: self.ports[port[0]], text)

    def run(self, command: Command) -> None:
        text = self.local(command.text).replace("./scripts/", f"{ROOT}/scripts/")
        expected = [self.local(line) for line in command.expected if line.strip()]
        if assignment := re.fullmatch(r"([A-Z]+)=(\S+)", text):
            value = Template(assignment[2]).substitute(self.environment)
            self.environment[assignment[1]] = value
            return
        if re.match(r"isocenter serve|\S+/scripts/serve", text):
            self.start(text, expected)
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        output = done.stdout + done.stderr
        lacking = missing(expected, output)
        assert not lacking, f"$ {text}\n{output}\nlacks {lacking}"
        assert done.returncode == 0, f"$ {text}\n{output}"

    def start(self, text: str, expected: list[str]) -> None:
        log = self.folder / f".background-{len(self.background)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {text}"],
                cwd=self.folder,
                env=self.environment | self.listening,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.background.append((process, log))
        end = time.monotonic() + READY_SECONDS
        while missing(expected, log.read_text()):
            assert process.poll() is None and time.monotonic() < end, f"$ {text}\n{log.read_text()}"
            time.sleep(0.1)

    def close(self) -> None:
        for process, _ in reversed(self.background):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _own_programs(folder: Path) -> Path:
    """Make a folder with what the documents run of ours, and nothing that stands beside it.

    Beside our Python stand pynetdicom's programs, which have the names of DCMTK's.
    """
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("isocenter", "python"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent / name}" "$@"\n')
        program.chmod(0o755)
    return programs


def _copy_samples(folder: Path) -> None:
    """Put there what the documents call `study/`, `image.dcm` and the like."""
    samples = Path(pydicom.__file__).parent / "data" / "test_files"
    shutil.copytree(samples / "dicomdirtests" / "98892003", folder / "study")
    shutil.copy(samples / "CT_small.dcm", folder / "ct.dcm")
    _one_of_the_reader_s_own(samples / "CT_small.dcm").save_as(folder / "image.dcm")
    content = (samples / "CT_small.dcm").read_bytes()
    (folder / "old.dcm").write_bytes(content.replace(b"AS\x04\x00000Y", b"AS\x04\x0045  "))
    shutil.copy(samples / "examples_ybr_color.dcm", folder / "wsi.dcm")
    shutil.copytree(samples / "dicomdirtests", folder / "disc")
    shutil.make_archive(str(folder / "study"), "zip", folder / "study")
    _make_contents(folder)


def _one_of_the_reader_s_own(sample: Path) -> pydicom.Dataset:
    """Read a sample as an object that the demo archive does not hold."""
    image = pydicom.dcmread(sample)
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return image


def _make_contents(folder: Path) -> None:
    """Put there what objects are composed from: series, mask, field, picture, film, document."""
    (folder / "series").mkdir()
    for number, one in enumerate(ct_series(4)):
        (folder / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))
    labels = np.zeros((4, 64, 64), np.uint8)
    labels[1:3, 20:40, 20:40] = 1
    field = sitk.GetImageFromArray(np.ones((3, 4, 5, 3), np.float32), isVector=True)
    mask = sitk.GetImageFromArray(labels)
    mask.SetSpacing((0.703125, 0.703125, 1.25))
    mask.SetOrigin((-180, -180, -98.75))
    sitk.WriteImage(mask, str(folder / "mask.nii.gz"))
    sitk.WriteImage(field, str(folder / "field.nii.gz"))
    sitk.WriteImage(sitk.Cast(mask, sitk.sitkFloat32) * 1.5, str(folder / "adc.nii.gz"))
    sitk.WriteTransform(sitk.Euler3DTransform(), str(folder / "rigid.tfm"))
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(folder / "photo.jpg")
    with av.open(str(folder / "film.mp4"), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for level in range(0, 250, 50):
            picture = np.full((48, 64, 3), level, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode(None))
    (folder / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")


def missing(expected: list[str], output: str) -> list[str]:
    """The expected lines that the output lacks, in their order; `...` stands for anything."""
    rest, lacking = output.splitlines(), []
    for line in expected:
        pattern = ".*".join(re.escape(part.strip()) for part in re.split(r"\.\.\.|…", line))
        for index, found in enumerate(rest):
            if re.fullmatch(r"\s*" + pattern + r"\s*", found):
                rest = rest[index + 1 :]
                break
        else:
            lacking.append(line)
    return lacking


@pytest.fixture
def session(tmp_path):
    session = Session(tmp_path)
    yield session
    session.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_the_document_does_what_it_says(path, session):
    shown = commands(path.read_text("utf-8"))
    needed = {word for command in shown for word in shlex.split(command.text, comments=True)}
    lacking = [peer for peer in PEERS if peer in needed and not shutil.which(peer)]
    if lacking:
        pytest.skip(f"needs {', '.join(lacking)}; Debian's packages curl and dcmtk have them")
    for command in shown:
        session.run(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_the_document_leads_somewhere(path):
    prose = re.sub(r"```.*?```|`[^`]*`", "", path.read_text("utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)#\s]+)", prose)
    local = [target for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in local if not (path.parent / target).exists()] == []


def python_of(document: str) -> str:
    return "\n\n".join(re.findall(r"^```python\n(.*?)^```$", document, re.M | re.S))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if python_of(path.read_text("utf-8"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_python_of_the_document_runs_from_top_to_bottom(path, session):
    program = python_of(path.read_text("utf-8"))
    if re.search(r"@127\.0\.0\.1:11112|127\.0\.0\.1:8104", program):
        session.run(Command("isocenter serve", ["HTTP   http://127.0.0.1:8104/"]))
    (session.folder / "example.py").write_text(session.local(program), "utf-8")
    session.run(Command("python example.py"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_the_document_is_of_a_kind_that_is_run(path):
    kinds = re.findall(r"^```(\w+)", path.read_text("utf-8"), re.M)
    assert set(kinds) <= {"console", "python", "toml", "json", "text"}
