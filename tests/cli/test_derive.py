"""`isocenter derive`, read by SimpleITK and judged by dciodvfy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from tests.compose.derivation_sources import placed_series, read, written
from tests.compose.judges import dciodvfy_errors
from tests.factories import part10_bytes, small_object
from tests.running_server import running_server

from isocenter.cli import main


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "series", placed_series(5))

    def derive(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["isocenter", "derive", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return derive


def test_a_series_is_smoothed_into_a_new_folder(run, tmp_path):
    (tmp_path / "series" / "report.dcm").write_bytes(part10_bytes(small_object()))
    answer = run("series", "--smooth", "2mm", "-o", "out")
    assert (answer.code, answer.err) == (0, "")
    assert "wrote 5 CT Image Storage to out" in answer.out
    assert "report.dcm: no image (SR)" in answer.out
    source = sitk.Cast(read(tmp_path / "series"), sitk.sitkFloat32)
    expected = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(source, 2.0))
    found = sitk.GetArrayFromImage(read(tmp_path / "out"))
    assert np.abs(found - expected).max() <= 0.5 + 1e-3
    assert all(dciodvfy_errors(path) == [] for path in (tmp_path / "out").iterdir())


def test_a_series_is_resampled(run, tmp_path):
    answer = run("series", "--resample", "1x1.2x2mm", "--interpolation", "nearest", "-o", "out")
    assert answer.code == 0
    found = read(tmp_path / "out")
    assert np.allclose(found.GetSpacing(), (1.2, 1.0, 2.0))
    assert found.GetOrigin() == pytest.approx((-20, 10, 33))


def test_new_pixels_come_from_a_file(run, tmp_path):
    new = read(tmp_path / "series") * 2
    sitk.WriteImage(new, "new.nii.gz")
    answer = run(
        "series", "--pixels", "new.nii.gz", "--description", "Doubled", "--title", "Twice",
        "--code", "Pixel by pixel addition", "--set", "SeriesNumber=77", "-o", "out",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    found = sitk.GetArrayFromImage(read(tmp_path / "out"))
    assert np.array_equal(found, sitk.GetArrayFromImage(new))
    one = pydicom.dcmread(next((tmp_path / "out").iterdir()))
    assert (one.SeriesDescription, one.SeriesNumber) == ("Twice", 77)
    assert one.DerivationDescription == "Doubled"


@pytest.mark.parametrize("where", [("-o", "out"), ("--dry-run",), ("--explain",)])
def test_what_all_slices_say_wrongly_is_noted_once(run, tmp_path, where):
    for path in (tmp_path / "series").iterdir():
        age = b"AS\x04\x00"
        before = path.read_bytes()
        place = before.index(age, before.index(b"\x10\x00\x10\x10")) + len(age)
        path.write_bytes(before[:place] + b"old " + before[place + 4 :])
    answer = run("series", "--smooth", "2mm", *where)
    (line,) = answer.err.splitlines()
    first = Path("series", "000.dcm")
    assert line.startswith(f"note: PatientAge (0010,1010) of 5 images, the first {first}, is left")
    assert answer.code == 0 and "note: PatientAge" not in answer.out


def test_explain_and_dry_run_keep_nothing(run, tmp_path):
    answer = run("series", "--smooth", "2", "--explain", "--dry-run", "-o", "out")
    assert "(0008,2112) SourceImageSequence" in answer.out
    assert "would write 5 CT Image Storage; nothing kept" in answer.out
    assert not (tmp_path / "out").exists()


def test_a_series_goes_to_a_node_a_url_or_an_archive(run, tmp_path):
    with running_server(tmp_path / "data") as server:
        node = f"ISOCENTER@127.0.0.1:{server.dicom_port}"
        for to in (node, f"{server.http}/dicomweb"):
            answer = run("series", "--smooth", "2mm", "--to", to)
            assert answer.code == 0 and f"5 stored at {to}" in answer.out, answer.err
    answer = run("series", "--smooth", "2mm", "--to", "data")
    assert "5 stored at data" in answer.out, answer.err
    assert len(list((tmp_path / "data").rglob("*.dcm"))) == 15


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("series", "--smooth", "2mm"), "say where the series goes"),
        (("series", "-o", "out"), "say what is done"),
        (("series", "--smooth", "2", "--resample", "1x1x1", "-o", "out"), "say what is done"),
        (("series", "--smooth", "wide", "-o", "out"), "write millimetres, such as 2mm"),
        (("series", "--resample", "1", "-o", "out"), "such as 1x1x1mm"),
        (("series", "--resample", "1x1mm", "-o", "out"), "three positive numbers"),
        (("series", "--resample", "1x1x1", "--interpolation", "cubic", "-o", "out"), "b-spline"),
        (("series", "--pixels", "none.nii", "-o", "out"), "no file none.nii"),
        (("series", "--pixels", "text.nii", "-o", "out"), "cannot be read as an image"),
        (("series", "--smooth", "2", "--series", "1.2.3", "-o", "out"), "no series 1.2.3"),
        (("series", "--smooth", "2", "--code", "Magic", "-o", "out"), "CID 7203"),
        (("nowhere", "--smooth", "2", "-o", "out"), "no such file or folder"),
        (("series", "--smooth", "2", "-o", "a/b/out"), "no such folder"),
        (("series", "--smooth", "2", "-o", "text.nii"), "is a file"),
        (("series", "--smooth", "2", "-o", "series"), "has files already"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, says, run, tmp_path):
    Path("text.nii").write_text("no image")
    answer = run(*arguments)
    assert answer.code == 2 and says in answer.err and "Traceback" not in answer.err
    assert not (tmp_path / "out").exists()
