"""Whoever makes, changes or reads objects and errs is told so in one line, and nothing is left."""

import http.server
import socket
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from tests.factories import ct_series, ct_slice, part10_bytes
from tests.running_server import running_server

from isocenter.cli import main
from isocenter.cli.compose import KINDS

# One server serves them all, so they belong into one worker.
pytestmark = pytest.mark.xdist_group("mistakes")

GOOD = {
    "sc": ("photo.jpg",),
    "vl": ("photo.jpg",),
    "video": ("film.mp4",),
    "pdf": ("report.pdf",),
    "cda": ("letter.xml",),
    "stl": ("model.stl",),
    "obj": ("model.obj",),
    "mtl": ("model.mtl",),
    "ko": ("ct.dcm",),
    "gsps": ("notes.json", "--from", "ct.dcm"),
    "sr": ("report.md",),
    "series": ("mask.nii.gz", "--modality", "CT"),
    "rtstruct": ("mask.nii.gz", "--from", "series"),
    "seg": ("mask.nii.gz", "--from", "series"),
    "pm": ("mask.nii.gz", "--units", "1", "--from", "series"),
    "rwvm": ("series", "--units", "1"),
    "reg": ("matrix.txt", "--from", "series"),
    "fiducials": ("points.csv", "--from", "series"),
}
"""What each kind takes; the film is not there, and what is wrong beside it is told first."""
NOT_MADE = {"video"}
SAID_OTHERWISE = {
    **dict.fromkeys([one.name for one in KINDS], "another file"),
    **dict.fromkeys(["rtstruct", "seg", "pm"], "lie between those of the series"),
    "reg": "1 components a point",
    "series": "no TIFF picture",
}
"""What content is that could be of the kind, and says something else than it should."""
TAKES_ANY = {("ko", "ct.dcm"), ("rwvm", "ct.dcm"), ("series", "ct.dcm")}


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    (folder / "series").mkdir()
    for number, one in enumerate(ct_series(4, rows=24, columns=32)):
        (folder / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))
    (folder / "ct.dcm").write_bytes(part10_bytes(ct_slice(32, 32)))
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(folder / "photo.jpg")
    labels = np.zeros((4, 24, 32), np.uint8)
    labels[1:3, 5:15, 8:20] = 1
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((0.703125, 0.703125, 1.25))
    image.SetOrigin((-180, -180, -98.75))
    sitk.WriteImage(image, str(folder / "mask.nii.gz"))
    texts = {
        "notes.json": '{"text": [{"text": "Nodule", "anchor": [9, 9]}]}',
        "matrix.txt": "1 0 0 5 0 1 0 0 0 0 1 0 0 0 0 1",
        "points.csv": "identifier,x,y,z\nF1,-170,-170,-98\n",
        "report.md": "# Report\n\nNothing new.\n",
        "report.pdf": "%PDF-1.4\n%%EOF\n",
        "letter.xml": '<ClinicalDocument><id root="1.2.3"/></ClinicalDocument>',
        "model.obj": "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
        "model.mtl": "newmtl skin\nKd 1 0 0\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "model.stl").write_bytes(bytes(80) + (1).to_bytes(4, "little") + bytes(50))
    (folder / "junk").write_bytes(bytes(range(256)) * 4)
    (folder / "void").mkdir()
    return folder


@pytest.fixture
def mistake(monkeypatch, capsys, contents):
    """Run the command, in this process, which must fail in one line and leave nothing."""
    monkeypatch.chdir(contents)

    def run(*arguments: str, code: int = 2) -> Answer:
        before = set(contents.rglob("*"))
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        answer = Answer(int(ended.value.code or 0), printed.out, printed.err)
        assert answer.code == code, answer
        assert "Traceback" not in answer.err and "\\x" not in answer.err
        assert set(contents.rglob("*")) == before
        return answer

    return run


def one_line(answer: Answer) -> str:
    lines = answer.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("isocenter: "), answer
    assert 20 < len(lines[0]) < 400
    return lines[0]


NAMES = [one.name for one in KINDS]
kinds = pytest.mark.parametrize("kind", NAMES)
OF_ANOTHER_KIND = [
    (kind, content)
    for kind in NAMES
    for content in ("missing", "void", "junk", "ct.dcm")
    if (kind, content) not in TAKES_ANY
]


@pytest.mark.parametrize(("kind", "content"), OF_ANOTHER_KIND)
def test_content_of_another_kind_is_refused(kind, content, mistake):
    said = one_line(mistake("compose", kind, content, *GOOD[kind][1:], "-o", "out"))
    assert content in said or SAID_OTHERWISE[kind] in said


SHARED = [
    ((), "say where the"),
    (("-o", "no/where"), "no such folder: no"),
    (("-o", "out", "--template", "missing"), "missing cannot be read"),
    (("--to", "nowhere"), "no archive at nowhere"),
]
RARER = [
    (("-o", "out", "--worklist", "junk"), "Modality Worklist"),
    (("-o", "out", "--set", "PatientNmae=X"), "no attribute of the data dictionary"),
    (("-o", "out", "--set", "Rows=7"), "cannot be set"),
    (("-o", "out", "--transfer-syntax", "1.2.3"), "'1.2.3' is unknown"),
    (("--to", "."), "it holds files and no index.sqlite"),
    (("-o", "/proc/out"), "/proc/out cannot be written"),
    (("--to", "ISOCENTER@127.0.0.1:x"), "AET@HOST:PORT"),
]


@kinds
@pytest.mark.parametrize(("wrong", "says"), SHARED)
def test_what_is_said_beside_the_content_is_refused(kind, wrong, says, mistake):
    said = one_line(mistake("compose", kind, *GOOD[kind], *wrong))
    assert says in said or (kind in NOT_MADE and "film.mp4" in said)


@pytest.mark.parametrize("kind", ["sc", "seg", "series", "gsps"])
@pytest.mark.parametrize(("wrong", "says"), RARER)
def test_what_is_said_wrongly_of_the_object_is_refused(kind, wrong, says, mistake):
    assert says in one_line(mistake("compose", kind, *GOOD[kind], *wrong))


@pytest.mark.parametrize("kind", [name for name in NAMES if name != "rwvm"])  # has no --from
def test_sources_that_are_no_dicom_or_not_there_are_refused(kind, mistake):
    said = one_line(mistake("compose", kind, *GOOD[kind], "--from", "junk", "-o", "out"))
    assert "junk" in said or kind in NOT_MADE


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["derive", "missing", "--smooth", "2mm", "-o", "out"], 2, "no such file or folder"),
        (["derive", "void", "--smooth", "2mm", "-o", "out"], 2, "no image"),
        (["derive", "junk", "--smooth", "2mm", "-o", "out"], 2, "junk"),
        (["derive", "series", "--smooth", "2mm"], 2, "say where the series goes"),
        (["derive", "series", "-o", "out"], 2, "say what is done"),
        (["derive", "series", "--smooth", "2mm", "-o", "ct.dcm"], 2, "ct.dcm is a file"),
        (["derive", "series", "--smooth", "2mm", "-o", "/proc/out"], 2, "cannot be written"),
        (["derive", "series", "--smooth", "2mm", "--transfer-syntax", "1.2.3", "-o", "out"], 2,
         "'1.2.3' is unknown"),
        (["derive", "series", "--pixels", "junk", "-o", "out"], 2, "junk"),
        (["derive", "series", "--smooth", "2mm", "--set", "Rows=7", "-o", "out"], 2,
         "cannot be set"),
        (["volume", "missing", "-o", "out.nii"], 2, "no such file or folder"),
        (["volume", "void", "-o", "out.nii"], 2, "void"),
        (["volume", "junk", "-o", "out.nii"], 2, "junk"),
        (["volume", "series", "-o", "out.xyz"], 2, ".nii"),
        (["volume", "series", "-o", "no/where.nii"], 2, "no such folder"),
        (["volume", "series", "-o", "/proc/out.nii"], 2, "cannot be written"),
        (["volume", "series", "-o", "void"], 2, "void"),
        (["correct", "missing", "--set", "StudyID=7", "-o", "out"], 2, "no such file or folder"),
        (["correct", "ct.dcm", "--set", "StudyID=7"], 2, "say where"),
        (["correct", "ct.dcm", "--set", "StudyID=7", "-o", "photo.jpg"], 2, "photo.jpg"),
        (["correct", "ct.dcm", "--set", "StudyID=7", "-o", "."], 2, "into another folder"),
        (["correct", "ct.dcm", "--map", "missing", "-o", "out"], 2, "missing"),
        (["correct", "ct.dcm", "--map", "junk", "-o", "out"], 2, "junk"),
        (["validate", "missing"], 2, "no such file or folder"),
        (["dump", "missing"], 2, "no such file or folder"),
        (["dump", "void"], 2, "void is a folder"),
        (["dump", "ct.dcm", "--filter", "("], 2, "("),
        (["dump", "junk", "--json"], 2, "junk"),
        (["report", "missing"], 2, "no such file or folder"),
        (["report", "void"], 2, "void"),
        (["report", "junk"], 2, "junk"),
        (["report", "ct.dcm"], 2, "no structured report"),
    ],
)  # fmt: skip
def test_other_commands_refuse_what_cannot_be(arguments, code, says, mistake):
    assert says in one_line(mistake(*arguments, code=code))


def test_what_is_read_is_not_written_over(mistake, contents):
    before = (contents / "ct.dcm").read_bytes()
    said = one_line(mistake("compose", "ko", "ct.dcm", "-o", "ct.dcm"))
    assert "write over" in said
    said = one_line(mistake("compose", "sc", "photo.jpg", "--from", "ct.dcm", "-o", "./ct.dcm"))
    assert "write over" in said and (contents / "ct.dcm").read_bytes() == before


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


COMMANDS = [
    ("compose", "sc", "photo.jpg"),
    ("compose", "series", "mask.nii.gz", "--modality", "CT"),
    ("derive", "series", "--smooth", "2mm"),
]


def test_a_node_that_knows_neither_of_us_says_so(mistake):
    """The peer answers with A-ASSOCIATE-RJ (PS3.8 9.3.4): permanent, Called AE Title unknown."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reject() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1 << 16)
                peer.sendall(bytes([3, 0, 0, 0, 0, 4, 0, 1, 1, 7]))
                peer.recv(1)

        threading.Thread(target=reject, daemon=True).start()
        to = f"STRANGER@127.0.0.1:{listener.getsockname()[1]}"
        answer = mistake("compose", "sc", "photo.jpg", "--to", to, code=3)
    assert "another AE title than the one before the @" in answer.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_a_destination_that_refuses_is_told_from_one_that_is_not_there(command, mistake, server):
    gone = mistake(*command, "--to", "ISOCENTER@127.0.0.1:1", code=3)
    assert "Nothing listens there" in gone.err
    assert "cannot be reached" in mistake(*command, "--to", "http://127.0.0.1:1/d", code=3).err
    unknown = mistake(*command, "--to", f"{server.http}/api/nowhere", code=1)
    assert "answered 40" in unknown.out and "stored" not in unknown.out


def test_a_server_that_answers_nothing_useful_is_told(mistake):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(b"220 this is no web server\r\n")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/dicomweb"
        answer = mistake("compose", "sc", "photo.jpg", "--to", url, code=3)
        server.shutdown()
    assert url in answer.err
