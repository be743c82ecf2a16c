"""`isocenter compose` and `isocenter correct`, read by pydicom and judged by dciodvfy."""

import http.server
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series, ct_slice, part10_bytes
from tests.running_server import running_server

import isocenter
from isocenter.cli import main


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ct.dcm").write_bytes(part10_bytes(ct_slice(32, 32)))
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(tmp_path / "photo.jpg")

    def isocenter_command(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return isocenter_command


@pytest.fixture
def series(tmp_path) -> Path:
    (tmp_path / "series").mkdir()
    for number, one in enumerate(ct_series(4, rows=24, columns=32)):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))
    return tmp_path / "series"


def label_map(flip: bool = False) -> sitk.Image:
    labels = np.zeros((4, 24, 32), np.uint8)
    labels[1:3, 5:15, 8:20] = 1
    image = sitk.GetImageFromArray(labels[:, ::-1] if flip else labels)
    image.SetSpacing((0.703125, 0.703125, 1.25))
    top = -180 + (23 * 0.703125 if flip else 0)
    image.SetOrigin((-180, top, -98.75))
    image.SetDirection((1, 0, 0, 0, -1 if flip else 1, 0, 0, 0, 1))
    return image


def test_a_jpeg_becomes_a_secondary_capture_of_the_patient(run):
    answer = run("compose", "sc", "photo.jpg", "--from", "ct.dcm", "-o", "out.dcm")
    assert (answer.code, answer.out) == (0, "wrote out.dcm\n")
    composed = pydicom.dcmread("out.dcm")
    assert composed.PatientID == pydicom.dcmread("ct.dcm").PatientID
    assert dciodvfy_errors("out.dcm") == []


def test_values_are_set_and_their_origin_explained(run):
    answer = run(
        "compose", "sc", "photo.jpg", "-o", "out.dcm", "--explain",
        *("--set", "SeriesNumber=7", "--set", "ImageType=DERIVED\\SECONDARY"),
    )  # fmt: skip
    assert answer.code == 0
    composed = pydicom.dcmread("out.dcm")
    assert composed.SeriesNumber == 7 and list(composed.ImageType) == ["DERIVED", "SECONDARY"]
    (line,) = [line for line in answer.out.splitlines() if "SeriesNumber" in line]
    assert line.split() == ["(0020,0011)", "SeriesNumber", "IS", "ALWAYS", "USER", "override"]


@pytest.fixture
def wrong(tmp_path) -> str:
    image = part10_bytes(ct_slice(32, 32, PatientAge="012Y"))
    (tmp_path / "wrong.dcm").write_bytes(image.replace(b"012Y", b"Jane"))
    return "wrong.dcm"


def test_what_a_source_says_wrongly_is_noted_on_standard_error_without_its_value(run, wrong):
    answer = run("compose", "sc", "photo.jpg", "--from", wrong, "-o", "out.dcm")
    assert (answer.code, answer.out) == (0, "wrote out.dcm\n")
    assert answer.err == (
        "note: PatientAge (0010,1010) of wrong.dcm is left out; expected three digits and D, W, M "
        "or Y; set it (--set) or correct it there\n"
    )
    assert "PatientAge" not in pydicom.dcmread("out.dcm")
    assert dciodvfy_errors("out.dcm") == []


def test_libraries_do_not_warn_a_user_of_values_by_showing_them(run, tmp_path):
    image = part10_bytes(ct_slice(32, 32, SeriesNumber=1234))
    (tmp_path / "odd.dcm").write_bytes(image.replace(b"1234", b"1.50"))
    command = ["compose", "sc", "photo.jpg", "--from", "odd.dcm", "-o", "out.dcm"]
    done = subprocess.run(
        [sys.executable, "-m", "isocenter", *command], capture_output=True, timeout=120, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote out.dcm\n", "")


def test_an_explanation_shows_what_was_left_out_and_its_value(run, wrong):
    answer = run("compose", "sc", "photo.jpg", "--from", wrong, "--explain", "--dry-run")
    (line,) = [line for line in answer.out.splitlines() if "PatientAge" in line]
    assert line.split()[:6] == ["(0010,1010)", "PatientAge", "AS", "ABSENT", "left", "out"]
    assert line.endswith("wrong.dcm: found 'Jane', expected three digits and D, W, M or Y")
    assert "note: PatientAge" in answer.err


def test_nothing_is_noted_where_another_value_is_set(run, wrong):
    answer = run(
        "compose", "sc", "photo.jpg", "--from", wrong, "--set", "PatientAge=012Y", "-o", "out.dcm"
    )
    assert (answer.code, answer.err) == (0, "")


def test_a_dry_run_keeps_nothing(run, tmp_path):
    before = set(tmp_path.iterdir())
    assert run("compose", "sc", "photo.jpg", "--dry-run", "-o", "out.dcm").code == 0
    assert set(tmp_path.iterdir()) == before


def test_an_object_goes_straight_into_an_archive(run, tmp_path):
    isocenter.open(tmp_path / "archive").close()
    assert run("compose", "sc", "photo.jpg", "--from", "ct.dcm", "--to", "archive").code == 0
    assert len(list((tmp_path / "archive").rglob("*.dcm"))) == 1


def test_an_object_goes_straight_to_a_node_and_to_a_web_server(run, tmp_path):
    with running_server(tmp_path / "data") as server:
        node = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
        for to in (node, f"{server.http}/dicomweb"):
            answer = run("compose", "sc", "photo.jpg", "--from", "ct.dcm", "--to", to)
            assert (answer.code, answer.out) == (0, f"1 stored at {to}\n"), answer.err
    assert len(list((tmp_path / "data").rglob("*.dcm"))) == 2


def test_corrected_files_go_straight_into_an_archive(run, tmp_path):
    isocenter.open(tmp_path / "archive").close()
    before = set(tmp_path.iterdir())
    command = ("correct", "ct.dcm", "--set", "PatientName=DOE^JOHN", "--to", "archive")
    assert run(*command, "--dry-run").out == "1 corrected, 0 unchanged, 0 failed; nothing written\n"
    answer = run(*command)
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "1 stored at archive")
    assert set(tmp_path.iterdir()) == before
    (kept,) = (tmp_path / "archive").rglob("*.dcm")
    assert pydicom.dcmread(kept).PatientName == "DOE^JOHN"
    assert "no archive at nowhere" in run(*command[:-1], "nowhere").err


def test_a_server_that_cannot_be_reached_or_refuses_is_told_apart(run, tmp_path):
    answer = run("compose", "sc", "photo.jpg", "--to", "http://127.0.0.1:1/dicomweb")
    assert answer.code == 3 and "cannot be reached" in answer.err
    answer = run("compose", "sc", "photo.jpg", "--to", "ISOCENTER@127.0.0.1:1")
    assert answer.code == 3 and "Nothing listens there" in answer.err


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (202, {"00081198": {"vr": "SQ", "Value": [{"00081197": {"Value": [0xA700]}}]}}, 1),
        (200, {"00081198": {"vr": "SQ", "Value": [{}]}}, 1),
        (200, ["not", "a", "data set"], 1),
        (200, {"00081199": {"vr": "SQ", "Value": [{}]}}, 0),
    ],
)
def test_what_a_web_server_accepts_and_does_not_store_has_failed(run, status, answered, code):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answered).encode())

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/dicomweb"
        answer = run("compose", "sc", "photo.jpg", "--to", url)
        server.shutdown()
    assert answer.code == code
    assert ("1 stored" in answer.out) is (code == 0)
    assert ("A700H" in answer.out) is (status == 202)


@pytest.mark.parametrize("flip", [False, True])
def test_a_label_map_becomes_regions_whichever_way_its_rows_run(run, series, flip):
    sitk.WriteImage(label_map(flip), "mask.nii.gz")
    answer = run(
        "compose", "rtstruct", "mask.nii.gz", "--from", "series", "--region", "1=Liver",
        *("-o", "out.dcm"),
    )  # fmt: skip
    assert answer.code == 0, answer.err
    from isocenter.compose.structure_sets.rt_structure_set import read_rt_structure_set

    (region,) = read_rt_structure_set("out.dcm")
    assert region.name == "Liver"
    expected = sitk.GetArrayFromImage(label_map()).astype(bool)
    np.testing.assert_array_equal(region.to_mask("series"), expected)
    assert dciodvfy_errors("out.dcm") == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda image: image.SetSpacing((1, 1, 1.25)), "spacing"),
        (lambda image: image.SetOrigin((-170, -180, -98.75)), "shifted"),
        (lambda image: image.SetOrigin((-180, -180, -98)), "between those of the series"),
        (lambda image: image.SetOrigin((-180, -180, -90)), "covers 0 of the 4"),
    ],
)
def test_a_label_map_of_another_grid_is_refused(run, series, change, says):
    image = label_map()
    change(image)
    sitk.WriteImage(image, "mask.nii.gz")
    answer = run("compose", "rtstruct", "mask.nii.gz", "--from", "series", "-o", "out.dcm")
    assert answer.code == 2 and says in answer.err
    assert not Path("out.dcm").exists()


def test_a_field_becomes_a_registration(run, series):
    field = sitk.GetImageFromArray(np.ones((3, 4, 5, 3), np.float32), isVector=True)
    sitk.WriteImage(field, "field.mha")
    answer = run("compose", "reg", "field.mha", "--from", "series", "-o", "out.dcm")
    assert answer.code == 0, answer.err
    assert dciodvfy_errors("out.dcm") == []


def test_nothing_is_written_over_an_image_of_the_folder_that_is_read(run, series):
    image = series / "0.dcm"
    before = image.read_bytes()
    answer = run("compose", "ko", "series/1.dcm", "--from", "series", "-o", "series/0.dcm")
    assert answer.code == 2 and "would write over what is read" in answer.err
    assert image.read_bytes() == before


def test_selected_objects_become_key_objects(run, series):
    answer = run("compose", "ko", "series", "--note", "Look here", "-o", "out.dcm")
    assert answer.code == 0, answer.err
    assert len(pydicom.dcmread("out.dcm").ContentSequence) == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compose", "sc", "photo.jpg"], "say where the object goes"),
        (["compose", "sc", "photo.jpg", "-o", "no/where.dcm"], "no such folder"),
        (["compose", "sc", "nothing.jpg", "-o", "o.dcm"], "There is no file nothing.jpg"),
        (["compose", "sc", "photo.jpg", "-o", "o.dcm", "--set", "Rows"], "write KEY=VALUE"),
        (["compose", "sc", "photo.jpg", "-o", "o.dcm", "--set", "Rows=x"], "'x' is no US"),
        (["compose", "sc", "photo.jpg", "-o", "o.dcm", "--set", "Rwos=1"], "no attribute"),
        (["compose", "sc", "photo.jpg", "-o", "o.dcm", "--spacing", "0"], "--spacing 0"),
        (["compose", "sc", "photo.jpg", "--to", "nowhere"], "no archive at nowhere"),
        (["compose", "stl", "photo.jpg", "-o", "o.dcm"], "no binary STL"),
        (["compose", "rtstruct", "photo.jpg", "-o", "o.dcm"], "--from PATH is missing"),
        (["correct", "ct.dcm", "-o", "out"], "say what changes"),
        (["correct", "ct.dcm", "--undo"], "say where"),
        (["correct", "ct.dcm", "-o", "out", "--set", "PatientID=1", "--reason", "X"], "--reason X"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(run, arguments, says):
    answer = run(*arguments)
    assert answer.code == 2 and says in " ".join(answer.err.split())


def test_a_correction_is_made_and_taken_back(run):
    changed = run(
        *("correct", "ct.dcm", "--set", "PatientName=DOE^JOHN", "--remove", "PatientComments"),
        *("-o", "out"),
    )
    assert (changed.code, changed.out) == (0, "1 corrected, 0 unchanged, 0 failed\n")
    assert pydicom.dcmread("out/ct.dcm").PatientName == "DOE^JOHN"
    assert run("correct", "out", "--undo", "-o", "back").code == 0
    assert Path("back/ct.dcm").read_bytes() == Path("ct.dcm").read_bytes()


def test_a_table_says_which_object_gets_what(run, series):
    for number, path in enumerate(sorted(series.iterdir())):
        run("correct", str(path), "--set", f"PatientID=P{number}", "-o", "in")
    Path("map.csv").write_text(
        "match:PatientID,PatientName,StudyID\nP0,ZERO^A,S0\nP2,TWO^C,\n", "utf-8"
    )
    answer = run("correct", "in", "--map", "map.csv", "-o", "out")
    assert answer.out == "2 corrected, 2 unchanged, 0 failed\n"
    after = [pydicom.dcmread(path) for path in sorted(Path("out").iterdir())]
    assert [str(one.PatientName) for one in after] == ["ZERO^A", "Doe^Jane", "TWO^C", "Doe^Jane"]
    assert [one.StudyID for one in after] == ["S0", "S1", "S1", "S1"]


def test_a_value_is_replaced_where_it_is_what_was_said(run, series):
    for number, path in enumerate(sorted(series.iterdir())):
        run("correct", str(path), "--set", f"PatientID=P{number}", "-o", "in")
    answer = run("correct", "in", "--replace", "PatientID:P1=Q1", "--replace", "PatientID:P3=",
                 "-o", "out")  # fmt: skip
    assert answer.out == "2 corrected, 2 unchanged, 0 failed\n"
    after = [pydicom.dcmread(path).PatientID or "" for path in sorted(Path("out").iterdir())]
    assert after == ["P0", "Q1", "P2", ""]
    wrong = run("correct", "in", "--replace", "PatientID=P1", "-o", "other")
    assert wrong.code == 2 and "write KEY:OLD=NEW" in wrong.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("PatientID,PatientName\n1,A\n", "match:PatientID"),
        ("match:PatientID,PatientNmae\n1,A\n", "'PatientNmae' is no attribute"),
        ("match:PatientID,PatientName\n1,A\n1,B\n", "line 3"),
        ("match:PatientID,PatientName\n1,A,B\n", "3 cells under 2 columns"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(run, text, says):
    Path("map.csv").write_text(text, "utf-8")
    answer = run("correct", "ct.dcm", "--map", "map.csv", "-o", "out")
    assert answer.code == 2 and says in answer.err
    assert not Path("out").exists()


def worklist_item(patient: str = "W1") -> Dataset:
    item, step = Dataset(), Dataset()
    item.PatientID, item.PatientName = patient, "RIGHT^NAME"
    item.PatientBirthDate, item.PatientSex = "19800203", "O"
    item.AccessionNumber, item.StudyInstanceUID = "ACC9", "1.2.3.4"
    item.RequestedProcedureDescription, item.ReferringPhysicianName = "CT HEAD", "REF^X"
    step.Modality = "MR"
    step.ScheduledProcedureStepStartDate = "20260102"
    step.ScheduledProcedureStepStartTime = "101112"
    item.ScheduledProcedureStepSequence = [step]
    return item


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("PatientID", "W1"),
        ("PatientName", "RIGHT^NAME"),
        ("PatientBirthDate", "19800203"),
        ("PatientSex", "O"),
        ("AccessionNumber", "ACC9"),
        ("StudyInstanceUID", "1.2.3.4"),
        ("StudyDate", "20260102"),
        ("StudyTime", "101112"),
        ("StudyDescription", "CT HEAD"),
        ("ReferringPhysicianName", "REF^X"),
        ("Modality", "CT"),
    ],
)
def test_a_worklist_item_gives_what_it_knows(run, keyword, expected):
    Path("item.dcm").write_bytes(part10_bytes(_with_identity(worklist_item())))
    assert run("correct", "ct.dcm", "--worklist", "item.dcm", "-o", "out").code == 0
    assert str(pydicom.dcmread("out/ct.dcm")[keyword].value) == expected


def test_a_capture_of_a_worklist_item_is_of_its_patient_and_study(run):
    Path("item.dcm").write_bytes(part10_bytes(_with_identity(worklist_item())))
    command = ("compose", "sc", "photo.jpg", "--worklist", "item.dcm", "-o", "out.dcm")
    assert run(*command).code == 0
    composed = pydicom.dcmread("out.dcm")
    assert (composed.PatientID, composed.AccessionNumber) == ("W1", "ACC9")
    assert (composed.StudyInstanceUID, composed.Modality) == ("1.2.3.4", "MR")
    assert dciodvfy_errors("out.dcm") == []


def test_a_worklist_item_of_another_patient_than_the_source_is_refused(run):
    Path("item.dcm").write_bytes(part10_bytes(_with_identity(worklist_item())))
    answer = run(
        *("compose", "sc", "photo.jpg", "--from", "ct.dcm", "--worklist", "item.dcm"),
        *("-o", "out.dcm"),
    )
    assert answer.code == 2 and "different patients" in answer.err
    assert not Path("out.dcm").exists()


def test_sources_of_two_patients_are_refused_by_their_files_without_quoting_who_they_are(run):
    Path("other.dcm").write_bytes(part10_bytes(ct_slice(16, 16, PatientID="SECRET-2")))
    answer = run(
        *("compose", "sc", "photo.jpg", "--from", "ct.dcm", "--from", "other.dcm"),
        *("-o", "out.dcm"),
    )
    assert answer.code == 2 and "ct.dcm and other.dcm" in answer.err
    assert "SECRET" not in answer.err and "P1" not in answer.err
    assert not Path("out.dcm").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("seg", "mask.nii.gz", "--from", "series"),
        ("pm", "mask.nii.gz", "--units", "1", "--from", "series"),
        ("rwvm", "series", "--units", "1", "--slope", "2"),
        ("reg", "matrix.txt", "--from", "series"),
        ("fiducials", "points.csv", "--from", "series"),
        ("sr", "report.md", "--from", "series"),
        ("sr", "report.md"),
        ("series", "mask.nii.gz", "--modality", "MR", "--from", "series"),
    ],
    ids=lambda command: " ".join(command[:2]) if isinstance(command, tuple) else command,
)
def test_every_kind_of_object_is_made_for_a_worklist_item(command, run, series, tmp_path):
    patient = pydicom.dcmread(series / "0.dcm").PatientID
    item = _with_identity(worklist_item(patient))
    (tmp_path / "item.dcm").write_bytes(part10_bytes(item))
    sitk.WriteImage(label_map(), tmp_path / "mask.nii.gz")
    (tmp_path / "matrix.txt").write_text("1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    (tmp_path / "points.csv").write_text("identifier,x,y,z\nF1,-170,-170,-98\n")
    (tmp_path / "report.md").write_text("# Report\n\nNothing new.\n")
    (tmp_path / "made").mkdir()
    answer = run("compose", *command, "--worklist", "item.dcm", "-o", "made")
    assert answer.code == 0, answer.err
    for path in (tmp_path / "made").iterdir():
        composed = pydicom.dcmread(path)
        assert (composed.PatientID, composed.AccessionNumber) == (patient, "ACC9")
        assert composed.StudyInstanceUID == "1.2.3.4"
        assert "ReferencedSeriesSequence" not in composed  # which would mean the item's study
        assert dciodvfy_errors(path) == []


def test_a_presentation_state_is_not_put_into_another_study_than_its_images(run, tmp_path):
    (tmp_path / "notes.json").write_text('{"text": [{"text": "Nodule", "anchor": [9, 9]}]}')
    patient = pydicom.dcmread("ct.dcm").PatientID
    item = _with_identity(worklist_item(patient))
    (tmp_path / "item.dcm").write_bytes(part10_bytes(item))
    answer = run("compose", "gsps", "notes.json", "--from", "ct.dcm", "--worklist", "item.dcm",
                 "-o", "state.dcm")  # fmt: skip
    assert answer.code == 2 and "another study" in answer.err
    assert not Path("state.dcm").exists()


def _with_identity(item: Dataset) -> Dataset:
    """pydicom's writer wants to know what a file holds; a worklist item is no SOP Instance."""
    item.SOPClassUID, item.SOPInstanceUID = "1.2.840.10008.5.1.4.31", "1.2.3"
    return item


def test_a_presentation_state_from_json_says_what_was_asked_for(run, tmp_path) -> None:
    (tmp_path / "notes.json").write_text('{"text": [{"text": "Nodule", "anchor": [9, 9]}]}')
    answer = run("compose", "gsps", "notes.json", "--from", "ct.dcm", "--title", "Growing",
                 "--creator", "Doe^Jane", "-o", "state.dcm")  # fmt: skip
    assert (answer.code, answer.out) == (0, "wrote state.dcm\n")
    assert dciodvfy_errors(tmp_path / "state.dcm") == []
    state = pydicom.dcmread(tmp_path / "state.dcm")
    assert (state.ContentDescription, str(state.ContentCreatorName)) == ("Growing", "Doe^Jane")
    assert state.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue == "Nodule"


@pytest.mark.parametrize(
    ("content", "source", "said"),
    [
        ('{"text": []}', (), "--from PATH is missing"),
        ("{", ("--from", "ct.dcm"), "notes.json is not JSON"),
        ('{"text": [{"text": "x"}]}', ("--from", "ct.dcm"), "a text has no place"),
        ('{"graphics": [{"type": "circle", "points": [[99, 9], [9, 9]]}]}',
         ("--from", "ct.dcm"), "99,9 outside of the image"),
    ],
)  # fmt: skip
def test_a_presentation_state_that_cannot_be_right_leaves_nothing(
    run, tmp_path, content: str, source: tuple, said: str
) -> None:
    (tmp_path / "notes.json").write_text(content)
    answer = run("compose", "gsps", "notes.json", *source, "-o", "state.dcm")
    assert answer.code != 0 and said in answer.err and "Traceback" not in answer.err
    assert not (tmp_path / "state.dcm").exists()
