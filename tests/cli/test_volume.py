"""`isocenter volume` and `isocenter compose series`: to research and back."""

import numpy as np
import pytest
import SimpleITK as sitk
from tests.compose.judges import dciodvfy_errors
from tests.factories import ct_series, part10_bytes

from isocenter.cli import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "series").mkdir()
    for number, one in enumerate(ct_series(4)):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(part10_bytes(one))

    def isocenter(*arguments):
        monkeypatch.setattr("sys.argv", ["isocenter", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return isocenter


def read(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def test_a_series_goes_to_nifti_and_comes_back(run, tmp_path):
    code, out, _ = run("volume", "series", "-o", "v.nii.gz")
    assert (code, out) == (0, "wrote v.nii.gz: 4 slices, 64 rows, 64 columns, int16\n")
    code, out, _ = run(
        "compose", "series", "v.nii.gz", "--modality", "ct", "--from", "series", "-o", "back"
    )
    assert (code, out) == (0, "wrote 4 CT Image Storage to back\n")
    ours, theirs = read(tmp_path / "back"), read(tmp_path / "series")
    assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
    assert ours.GetOrigin() == pytest.approx(theirs.GetOrigin(), abs=1e-4)
    assert all(dciodvfy_errors(path) == [] for path in (tmp_path / "back").iterdir())


@pytest.fixture
def label_map(tmp_path, run):
    """Two organs on the grid of the series, and fractions of one."""
    labels = np.zeros((4, 64, 64), np.uint8)
    labels[1:3, 20:40, 20:40] = 1
    labels[1:3, 25:30, 25:30] = 0  # a hole
    labels[3, 5:9, 6:20] = 2
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(read(tmp_path / "series"))
    sitk.WriteImage(image, tmp_path / "mask.nii.gz")
    sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32) / 4, tmp_path / "values.nii.gz")
    return labels


@pytest.mark.parametrize(
    "command",
    [
        ("seg", "--segment"),
        ("seg", "--kind", "labelmap", "--segment"),
        ("rtstruct", "--region"),
        ("rtstruct", "--holes", "keyhole", "--region"),
    ],
)
def test_what_was_marked_comes_back_as_the_label_map_that_it_was(command, run, label_map, tmp_path):
    kind, *more, named = command
    names = (named, "1=Liver", named, "2=Spleen")
    made = ("compose", kind, "mask.nii.gz", *more, *names, "--from", "series", "-o", "made.dcm")
    assert run(*made)[0] == 0
    code, out, error = run("volume", "made.dcm", "--from", "series", "-o", "back.nii.gz")
    assert (code, error) == (0, "") and "1 = Liver\n2 = Spleen\n" in out
    back, mask = (sitk.ReadImage(tmp_path / name) for name in ("back.nii.gz", "mask.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(back), label_map)
    assert back.GetOrigin() == pytest.approx(mask.GetOrigin(), abs=1e-4)
    assert back.GetDirection() == pytest.approx(mask.GetDirection())
    assert back.GetSpacing() == pytest.approx(mask.GetSpacing(), abs=1e-5)
    code, out, _ = run(
        *("volume", "made.dcm", "--from", "series", "--segment", "2", "-o", "one.nrrd")
    )
    assert code == 0 and "2 = Spleen" in out and "Liver" not in out
    one = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "one.nrrd"))
    assert np.array_equal(one, label_map == 2)


def test_measured_values_come_back_as_they_were(run, label_map, tmp_path):
    run("compose", "pm", "values.nii.gz", "--units", "1", "--from", "series", "-o", "made.dcm")
    code, _, error = run("volume", "made.dcm", "--from", "series", "-o", "back.nii.gz")
    assert (code, error) == (0, "")
    back = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "back.nii.gz"))
    assert np.array_equal(back, label_map / 4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("volume", "made.dcm", "-o", "v.nii"), "made on (--from PATH)"),
        (("volume", "made.dcm", "--item", "1", "-o", "v.nii"), "made.dcm is no registration"),
        (("volume", "mask.nii.gz", "--segment", "1", "-o", "v.nii"), "not a DICOM object"),
        (("volume", "made.dcm", "--from", "series", "--segment", "7", "-o", "v.nii"),
         "choose one segment (--segment NUMBER) of 1 (Region 1), 2 (Region 2)"),
        (("volume", "made.dcm", "--from", "nowhere", "-o", "v.nii"), "nowhere"),
        (("volume", "made.dcm", "--from", "series", "--by", "time", "-o", "v.nii"), "--by"),
        (("volume", "series/0.dcm", "--from", "series", "-o", "v.nii"), "is no Segmentation"),
        (("volume", "series", "--from", "series", "-o", "v.nii"), "one object"),
    ],
)  # fmt: skip
def test_a_volume_that_cannot_be_is_refused(arguments, says, run, label_map, tmp_path):
    run("compose", "rtstruct", "mask.nii.gz", "--from", "series", "-o", "made.dcm")
    code, _, error = run(*arguments)
    assert code == 2 and says in error
    assert not (tmp_path / "v.nii").exists()


def test_a_segmentation_needs_no_images(run, label_map, tmp_path):
    run("compose", "seg", "mask.nii.gz", "--from", "series", "-o", "made.dcm")
    code, out, error = run("volume", "made.dcm", "-o", "back.nii.gz")
    assert (code, error) == (0, "")
    assert out.startswith("wrote back.nii.gz: 3 slices, 64 rows, 64 columns, uint16\n1 = ")
    back = sitk.ReadImage(tmp_path / "back.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(back), label_map[1:])
    (mask,) = (sitk.ReadImage(tmp_path / "mask.nii.gz"),)
    first = mask.TransformIndexToPhysicalPoint((0, 0, 1))
    assert back.GetOrigin() == pytest.approx(first, abs=1e-4)
    assert back.GetSpacing() == pytest.approx(mask.GetSpacing(), abs=1e-5)
    assert run("volume", "made.dcm", "--segment", "2", "-o", "two.nrrd")[0] == 0
    assert np.array_equal(
        sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "two.nrrd")), label_map[1:] == 2
    )


def test_a_registration_comes_back_as_field_and_as_transform(run, label_map, tmp_path):
    mask = sitk.ReadImage(tmp_path / "mask.nii.gz")
    values = np.random.default_rng(7).normal(0, 2, (4, 64, 64, 3)).astype(np.float32)
    image = sitk.GetImageFromArray(values, isVector=True)
    image.CopyInformation(mask)
    sitk.WriteImage(image, tmp_path / "field.nrrd")
    sitk.WriteTransform(sitk.TranslationTransform(3, (1.0, 2.0, -3.0)), tmp_path / "moved.tfm")
    run("compose", "reg", "field.nrrd", "--from", "series", "-o", "reg.dcm")
    code, out, error = run("volume", "reg.dcm", "-o", "back.nii.gz")
    assert (code, error) == (0, "")
    assert out == "wrote back.nii.gz: a field of 4 planes, 64 rows, 64 columns\n"
    back = sitk.ReadImage(tmp_path / "back.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(back), values)
    run("compose", "reg", "moved.tfm", "--from", "series", "-o", "linear.dcm")
    code, out, error = run("volume", "linear.dcm", "--item", "2", "-o", "back.tfm")
    assert (code, error) == (0, "")
    found = sitk.ReadTransform(tmp_path / "back.tfm").TransformPoint((0.0, 0.0, 0.0))
    assert found == pytest.approx((1.0, 2.0, -3.0), abs=1e-12)
    for arguments, says in (
        (("linear.dcm", "-o", "v.nii"), "no grid"),
        (("linear.dcm", "--item", "9", "-o", "v.tfm"), "no item 9"),
        (("reg.dcm", "--from", "series", "-o", "v.nii"), "--from: a registration"),
        (("reg.dcm", "--segment", "1", "-o", "v.nii"), "--segment: a registration"),
        (("reg.dcm", "--by", "time", "-o", "v.nii"), "neither --series nor --by"),
    ):
        code, _, error = run("volume", *arguments)
        assert code == 2 and says in error
        assert not (tmp_path / "v.nii").exists() and not (tmp_path / "v.tfm").exists()


def test_several_volumes_are_told_apart_by_what_is_said(run, tmp_path):
    np.save(tmp_path / "v.npy", np.arange(2 * 3 * 8 * 6, dtype=np.int16).reshape(2, 3, 8, 6))
    code, _, error = run(
        *("compose", "series", "v.npy", "--modality", "MR", "--spacing", "2x1x1mm"),
        *("--tag", "EchoTime=10,20", "-o", "out"),
    )
    assert (code, error) == (0, "")
    code, out, _ = run("volume", "out", "--by", "echo", "-o", "w.npy")
    assert out == "wrote w.npy: 2 of EchoTime, 3 slices, 8 rows, 6 columns, int16\n"
    assert np.array_equal(np.load(tmp_path / "w.npy"), np.load(tmp_path / "v.npy"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("volume", "series", "-o", "v.png"), "names no format"),
        (("volume", "series", "-o", "no/v.nii"), "no such folder: no"),
        (("volume", "nowhere", "-o", "v.nii"), "no such file or folder: nowhere"),
        (("compose", "series", "v.npy", "--modality", "CT"), "say where the series goes"),
        (("compose", "series", "v.npy", "--modality", "CT", "-o", "out"), "no file v.npy"),
        (
            ("compose", "series", "v.npy", "--modality", "CT", "-o", "out", "--tag", "EchoTime=a"),
            "write numbers",
        ),
    ],
)
def test_mistakes_are_told_and_leave_nothing(run, tmp_path, arguments, message):
    code, out, error = run(*arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert [one.name for one in tmp_path.iterdir()] == ["series"]
