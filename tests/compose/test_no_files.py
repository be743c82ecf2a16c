"""What is no file is refused in words by all that reads one: no pipe is waited for."""

import os
from pathlib import Path

import numpy as np
import pytest
from tests.factories import ct_slice, part10_bytes

from isocenter import compose
from isocenter.compose.image_files import write_image
from isocenter.compose.reports import read_structured_report
from isocenter.errors import CannotCompose, IsocenterError, NotFound
from isocenter.series import Series

_PIXELS = np.zeros((4, 4), np.uint8)
READERS = {
    "load": compose.load,
    "load a worklist item": lambda path: compose.load(None, worklist=path),
    "read a template": compose.Template.read,
    "correct": lambda path: compose.correct([path], output="out", set_values={"PatientSex": "O"}),
    "correct by a table": lambda path: compose.correct(["ct.dcm"], output="out", table=path),
    "correct by an item": lambda path: compose.correct(["ct.dcm"], output="out", worklist=path),
    "encapsulate": lambda path: compose.pdf(path, source="ct.dcm"),
    "capture": lambda path: compose.sc([path], source="ct.dcm"),
    "capture from": lambda path: compose.sc(_PIXELS, source=path),
    "capture in a series of": lambda path: compose.sc(_PIXELS, source="ct.dcm", series_of=path),
    "film": lambda path: compose.video(path, source="ct.dcm"),
    "present": lambda path: compose.gsps(path, source="ct.dcm"),
    "read a presentation state": compose.read_presentation_state,
    "report": lambda path: compose.sr(path, source="ct.dcm"),
    "read a report": read_structured_report,
    "read measurements": compose.read_measurements,
    "select": compose.ko,
    "make a series": lambda path: compose.series(path, source="ct.dcm", modality="CT"),
    "mark regions": lambda path: compose.rtstruct(path, source="ct.dcm"),
    "read regions": compose.read_rt_structure_set,
    "segment": lambda path: compose.seg(path, source="ct.dcm"),
    "read a segmentation": compose.read_segmentation,
    "read segments": compose.read_segments,
    "read a map": compose.read_parametric_map,
    "read a mapping": compose.read_real_world_value_mapping,
    "register": lambda path: compose.reg(path, source="ct.dcm"),
    "read a registration": compose.read_spatial_registration,
    "read a deformation": compose.read_deformable_registration,
    "read a field": compose.read_field,
    "read a matrix": compose.read_matrix,
    "read a transform": compose.registration_transform,
    "read fiducials": compose.read_fiducials,
    "read spatial fiducials": compose.read_spatial_fiducials,
    "read a volume": compose.object_volume,
    "derive": lambda path: compose.derive(path, compose.Smooth(2.0)),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ct.dcm").write_bytes(part10_bytes(ct_slice(8, 8)))
    return tmp_path


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("reader", READERS)
def test_nothing_waits_for_a_pipe_or_reads_without_end(reader: str, here: Path) -> None:
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero", "missing", "a\ud800b"):
        with pytest.raises(IsocenterError) as refused:
            READERS[reader](path)
        assert path in str(refused.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.nii", "pipe.mhd", "pipe.npy"])
def test_no_file_takes_the_place_of_a_device_or_pipe(name: str, here: Path) -> None:
    os.mkfifo(name)
    with pytest.raises(CannotCompose, match="is a device, pipe or socket"):
        if name == "pipe":
            compose.sc(_PIXELS, source="ct.dcm").save(name)
        elif name == "pipe.mhd":
            write_image(None, name)
        else:
            Series.from_array(np.zeros((2, 4, 4)), affine=np.eye(4)).to_nifti(name)
    assert Path(name).is_fifo() and sorted(os.listdir()) == ["ct.dcm", name]


@pytest.mark.parametrize(
    ("reader", "name", "text", "says"),
    [
        ("read segments", "deep.json", "[" * 100_000, "deep.json cannot be read as segments"),
        ("read fiducials", "deep.json", "[" * 100_000, "deep.json cannot be read as fiducials"),
        ("read fiducials", "a.csv", "x,y\n" + "1" * 200_000, "a.csv cannot be read as fiducials"),
        ("read a template", "deep.toml", "a=" + "[" * 100_000, "deep.toml is not TOML"),
        (
            "correct by a table",
            "a.csv",
            "match:PatientID,PatientSex\n" + "1" * 200_000,
            "a.csv cannot be read as a table",
        ),
    ],
)
def test_text_that_its_reader_chokes_on_is_refused_by_name(
    reader: str, name: str, text: str, says: str, here: Path
) -> None:
    Path(name).write_text(text)
    with pytest.raises(IsocenterError, match=says):
        READERS[reader](name)


@pytest.mark.parametrize(
    ("reader", "what"),
    [
        ("encapsulate", "document"),
        ("film", "video"),
        ("mark regions", "volume"),
        ("read a field", "volume"),
        ("read a matrix", "matrix"),
        ("read fiducials", "fiducials"),
        ("read a segmentation", "object"),
        ("read segments", "segments"),
        ("report", "report"),
    ],
)
def test_a_folder_in_place_of_a_file_is_told_from_one_that_is_not_there(
    reader: str, what: str, here: Path
) -> None:
    (here / "series").mkdir()
    with pytest.raises(NotFound, match=f"^series is a folder; name the file of the {what}"):
        READERS[reader]("series")
