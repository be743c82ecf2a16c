"""Voxels lie in the patient where the headers of research files say it, in every dialect."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from tests.compose.test_acquired import affine, matrix_of, places, read_by_simpleitk

from isocenter.compose.acquisition.acquired import acquired_series
from isocenter.errors import CannotCompose

VOXELS = np.arange(120, dtype="<i2").reshape(4, 6, 5)
PLACE = affine((1.5, 2, 3), (-10, 20, 30), (0.1, 0.2, 0.3))
OTHER = affine((1.5, 2, 3), (5, 6, 7), (-0.3, 0.1, 0.5))
LPS, RAS, LAS = np.diag([1.0, 1, 1, 1]), np.diag([-1.0, -1, 1, 1]), np.diag([1.0, -1, 1, 1])


def assert_lies(tmp_path: Path, file: Path, expected):
    """The first volume of the series of a file has each voxel where it is expected, in LPS."""
    first = tmp_path / "first"
    first.mkdir()
    for path in acquired_series(file, modality="MR").save(tmp_path / "out"):
        if pydicom.dcmread(path).get("TemporalPositionIdentifier", 1) == 1:
            shutil.copy(path, first)
    image = read_by_simpleitk(first)
    found = sitk.GetArrayFromImage(image)
    assert np.array_equal(np.sort(found, axis=None), VOXELS.ravel())
    assert places(found, matrix_of(image)) == pytest.approx(places(VOXELS, expected), abs=2e-3)


def mirrored(matrix):
    return matrix @ np.diag([-1.0, 1, 1, 1])


def nifti(path: Path, *, sform=None, qform=None, pixdim=None, units=2):
    """A NIfTI-1 file; forms are a code and a matrix to LPS."""
    image = sitk.GetImageFromArray(VOXELS)
    code, matrix = qform or (0, affine((1.5, 2, 3)))
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(lengths.tolist())
    image.SetDirection((matrix[:3, :3] / lengths).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    sitk.WriteImage(image, str(path))  # which says the same in both forms
    content = bytearray(path.read_bytes())
    struct.pack_into("<hh", content, 252, code, sform[0] if sform else 0)
    if sform:
        content[280:328] = (RAS @ sform[1])[:3].astype("<f4").tobytes()
    if pixdim:
        struct.pack_into("<3f", content, 80, *pixdim)
    content[123] = units
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        ({"sform": (1, PLACE)}, PLACE),
        ({"sform": (4, PLACE)}, PLACE),
        ({"qform": (1, PLACE)}, PLACE),
        ({"sform": (1, PLACE), "qform": (1, OTHER)}, PLACE),
        ({"sform": (2, PLACE), "qform": (1, OTHER)}, OTHER),
        ({"sform": (4, PLACE), "qform": (1, OTHER)}, OTHER),
        ({"sform": (1, mirrored(PLACE))}, mirrored(PLACE)),
        ({"qform": (1, mirrored(PLACE))}, mirrored(PLACE)),
        ({"sform": (1, PLACE), "pixdim": (7, 8, 9)}, PLACE),
        ({"sform": (1, PLACE), "units": 3}, np.diag([1e-3, 1e-3, 1e-3, 1]) @ PLACE),
    ],
    ids=["sform", "sform alone", "qform", "scanner", "aligned", "MNI", "mirrored", "mirrored qform",
         "other pixdim", "microns"],
)  # fmt: skip
def test_of_two_forms_of_nifti_that_of_the_scanner_counts(tmp_path, forms, expected):
    assert_lies(tmp_path, nifti(tmp_path / "v.nii", **forms), expected)


def written(matrix, *, extra=()):
    """Space Directions and Space Origin of NRRD."""

    def vector(numbers):
        return f"({','.join(repr(float(one)) for one in (*numbers, *extra))})"

    return {
        "space directions": " ".join(vector(matrix[:3, axis]) for axis in range(3)),
        "space origin": vector(matrix[:3, 3]),
    }


def nrrd(path: Path, fields, voxels=VOXELS):
    sizes = " ".join(str(one) for one in voxels.shape[::-1])
    said = {
        "type": "int16", "dimension": voxels.ndim, "sizes": sizes,
        "encoding": "raw", "endian": "little", **fields,
    }  # fmt: skip
    head = "NRRD0005\n" + "".join(f"{key}: {value}\n" for key, value in said.items())
    path.write_bytes(head.encode() + b"\n" + voxels.tobytes())
    return path


@pytest.mark.parametrize(
    ("space", "turn"),
    [
        ("left-posterior-superior", LPS),
        ("LPS", LPS),
        ("right-anterior-superior", RAS),
        ("RAS", RAS),
        ("left-anterior-superior", LAS),
        ("LAS", LAS),
    ],
)
@pytest.mark.parametrize("matrix", [PLACE, mirrored(PLACE)], ids=["right-handed", "mirrored"])
def test_every_space_of_nrrd_leads_to_the_same_place(tmp_path, space, turn, matrix):
    fields = {"space": space, **written(turn @ matrix), "kinds": "domain domain domain"}
    assert_lies(tmp_path, nrrd(tmp_path / "v.nrrd", fields), matrix)


@pytest.mark.parametrize(("space", "turn"), [("left-posterior", LPS), ("right-anterior", RAS)])
def test_times_of_nrrd_do_not_move_the_voxels(tmp_path, space, turn):
    fields = {"space": f"{space}-superior-time", **written(turn @ PLACE, extra=(0,))}
    fields["space directions"] += " (0,0,0,2)"
    fields["kinds"] = "domain domain domain time"
    file = nrrd(tmp_path / "v.nrrd", fields, np.stack([VOXELS, VOXELS + 1000]))
    assert_lies(tmp_path, file, PLACE)


def test_units_of_a_file_count(tmp_path):
    fields = {"space": "LPS", **written(PLACE), "space units": '"cm" "cm" "cm"'}
    assert_lies(tmp_path, nrrd(tmp_path / "v.nrrd", fields), np.diag([10.0, 10, 10, 1]) @ PLACE)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed"])
def test_a_space_that_is_not_the_patient_s_says_no_place(tmp_path, space):
    file = nrrd(tmp_path / "v.nrrd", {"space": space, **written(PLACE)})
    with pytest.raises(CannotCompose, match="does not say where"):
        acquired_series(file, modality="MR")
    assert len(acquired_series(file, modality="MR", affine=PLACE)) == 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ElementSpacing": "1.5 2 3"}, np.diag([1.5, 2, 3, 1])),
        ({"ElementSpacing": "1.5 2 3", "AnatomicalOrientation": "RAI"}, np.diag([1.5, 2, 3, 1])),
        ({"ElementSpacing": "1.5 2 3", "Position": "5 6 7"}, affine((1.5, 2, 3), (5, 6, 7))),
        ({"ElementSpacing": "1.5 2 3", "DistanceUnits": "cm"}, np.diag([15.0, 20, 30, 1])),
    ],
    ids=["spacing", "orientation", "position", "centimetres"],
)
def test_metaimage_lies_where_its_few_words_say(tmp_path, fields, expected):
    said = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
        **fields, "DimSize": "5 6 4", "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL",
    }  # fmt: skip
    head = "".join(f"{key} = {value}\n" for key, value in said.items())
    (tmp_path / "v.mha").write_bytes(head.encode() + VOXELS.tobytes())
    assert_lies(tmp_path, tmp_path / "v.mha", expected)


def test_a_file_that_itk_does_not_read_is_told_why(tmp_path):
    (tmp_path / "two.nii").write_bytes(struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + bytes(600))
    with pytest.raises(CannotCompose, match="NIfTI-2"):
        acquired_series(tmp_path / "two.nii", modality="MR")
    head = b"ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 5 6 4\n"
    head += b"ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    (tmp_path / "cut.mha").write_bytes(head + bytes(100))
    with pytest.raises(CannotCompose) as refused:
        acquired_series(tmp_path / "cut.mha", modality="MR")
    assert "No such file" not in str(refused.value)
