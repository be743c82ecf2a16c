"""Volume and picture files that are empty, cut off or damaged are refused in our words."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from tests.factories import ct_series

from isocenter import compose
from isocenter.compose.image_files import read_image
from isocenter.errors import CannotCompose, IsocenterError
from isocenter.series import Series

SHAPE = (5, 64, 64)
SUFFIXES = [".nii", ".nii.gz", ".mha", ".nrrd"]
DTYPES = [np.uint8, np.int16, np.uint32, np.float32, np.float64]
OTHERS = ("sitk", "ITK ERROR", "0x", "nrrd]", "Traceback")


def values(dtype: type, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 200, shape).astype(dtype)


def written(path: Path, array: np.ndarray, packed: bool = False) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path), useCompression=packed)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CannotCompose) as error:
        read_image(path)
    said = str(error.value)
    assert path.name in said and "cannot be read as an image" in said
    assert not any(word in said for word in OTHERS)
    return said


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".mhd", ".nhdr", ".hdr", ".img", ".hdr.gz"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_whole_files_are_read_as_they_are(
    tmp_path: Path, suffix: str, dtype: type, packed: bool
) -> None:
    array = values(dtype)
    path = written(tmp_path / f"a{suffix}", array, packed)
    assert np.array_equal(sitk.GetArrayFromImage(read_image(path)), array)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_that_breaks_off_is_not_filled_up(
    tmp_path: Path, suffix: str, dtype: type, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = written(tmp_path / f"whole{suffix}", values(dtype)).read_bytes()
    path = tmp_path / f"part{suffix}"
    for size in (len(whole) - 1, len(whole) // 2, 400, 60):
        path.write_bytes(whole[:size])
        said = refused(path)
        assert "not whole" in said or "breaks off" in said
    assert "MetaImage" not in capfd.readouterr().err  # ITK was not asked


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".mhd", ".nhdr", ".hdr", ".tif"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    (tmp_path / "a.img").touch()
    assert "it is empty; expected a NIfTI" in refused(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_something_else_is_said_to_be_none(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("no volume\n" * 50)
    assert "does not begin as a file of its name does" in refused(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_values_of_which_a_bit_turned_are_not_unpacked(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"a{suffix}", values(np.int16, (40, 64, 64)), packed=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    assert "damaged" in refused(path)


def test_what_is_packed_may_break_off_too(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.nii", values(np.int16)).read_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(whole[:20_000]))
    assert f"{20_000 - 352} bytes of values, and its header speaks of 40960" in refused(path)
    path.write_bytes(gzip.compress(b""))
    assert "has 0 bytes, and a NIfTI header takes 348" in refused(path)


@pytest.mark.parametrize(
    ("suffix", "data"), [(".mhd", "a.raw"), (".nhdr", "a.raw"), (".hdr", "a.img")]
)
def test_a_header_whose_values_are_elsewhere_names_their_file(
    tmp_path: Path, suffix: str, data: str
) -> None:
    path = written(tmp_path / f"a{suffix}", values(np.int16))
    content = (tmp_path / data).read_bytes()
    (tmp_path / data).write_bytes(content[:-2])
    assert "40958 bytes of values, and its header speaks of 40960" in refused(path)
    (tmp_path / data).unlink()
    said = refused(path)
    assert "there is no file" in said and data in said


def test_values_beside_a_header_may_be_packed_alone(tmp_path: Path) -> None:
    array = values(np.float32)
    array[0, 0, 0] = np.nan
    path = written(tmp_path / "a.hdr", array)
    packed = gzip.compress((tmp_path / "a.img").read_bytes())
    (tmp_path / "a.img").unlink()
    (tmp_path / "a.img.gz").write_bytes(packed)
    assert np.array_equal(sitk.GetArrayFromImage(read_image(path)), array, equal_nan=True)


def test_every_function_that_takes_volumes_refuses_broken_ones(tmp_path: Path) -> None:
    series = ct_series(3)
    path = written(tmp_path / "a.nii.gz", values(np.int16))
    path.write_bytes(path.read_bytes()[:9000])
    faces = [
        lambda: compose.acquired_series(path, modality="CT"),
        lambda: compose.segmentation(path, source=series),
        lambda: compose.rt_structure_set(path, source=series),
        lambda: compose.parametric_map(path, source=series, units_of_measure="mm"),
        lambda: compose.deformable_registration(path, source=series, moving=series),
        lambda: Series.from_nifti(path),
    ]
    for face in faces:
        with pytest.raises(IsocenterError, match=r"a\.nii\.gz.* breaks off"):
            face()


@pytest.mark.parametrize("suffix", [".npy", ".png", ".tif", ".bmp", ".jpg", ".jp2"])
def test_pictures_and_arrays_that_are_not_whole_are_told_by_what_is_there(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    array = values(np.uint8, (64, 64, 3))
    np.save(path, array) if suffix == ".npy" else Image.fromarray(array).save(path)
    whole = path.read_bytes()

    def read() -> str:
        with pytest.raises(CannotCompose) as error:
            if suffix == ".npy":
                compose.acquired_series(path, modality="CT", spacing=(1, 1, 1))
            else:
                compose.secondary_capture(path)
        return str(error.value)

    path.touch()
    path.write_bytes(b"")
    assert path.name in read() and "it is empty" in read()
    path.write_bytes(whole[: len(whole) // 2])
    assert (
        path.name in read() and "give the whole file" in read() or "copy the whole file" in read()
    )
    path.write_bytes(b"hello world\n" * 9)
    assert "expected one that numpy.save wrote" in read() or "give a JPEG, PNG" in read()


SHORTS = b"type: short\ndimension: 3\nsizes: 64 64 5\nendian: little\nencoding: raw\n"
META = b"ObjectType = Image\nNDims = 3\nDimSize = 64 64 5\nElementType = MET_SHORT\n"


def as_bits(content: bytes, bits: int) -> bytes:
    return content[:72] + bits.to_bytes(2, "little") + content[74:]


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("a.nii", lambda nifti, _: as_bits(nifti, 32)),  # ITK goes by the type
        ("a.nrrd", lambda _, raw: b"NRRD0004\n" + SHORTS + b"sizes:=9 999 999\n\n" + raw),
        ("a.nrrd", lambda _, raw: b"NRRD0004\n" + SHORTS.replace(b"\n", b"\r\n") + b"\r\n" + raw),
        ("a.mha", lambda _, raw: META + b"ElementDataFile = LOCAL\n" + raw),
    ],
)
def test_headers_that_itk_reads_are_not_taken_for_broken(tmp_path: Path, name, whole) -> None:
    array = values(np.int16)
    nifti = written(tmp_path / "plain.nii", array).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole(nifti, array.tobytes()))
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), array)
    assert np.array_equal(sitk.GetArrayFromImage(read_image(path)), array)


def test_names_of_a_header_and_its_values_may_be_in_capitals(tmp_path: Path) -> None:
    array = values(np.float32)
    path = written(tmp_path / "a.hdr", array)
    (tmp_path / "a.img").rename(tmp_path / "A.IMG")
    path.rename(tmp_path / "A.HDR")
    for name in ("A.HDR", "A.IMG"):
        assert np.array_equal(sitk.GetArrayFromImage(read_image(tmp_path / name)), array)
    content = (tmp_path / "A.IMG").read_bytes()
    (tmp_path / "A.IMG").write_bytes(content[:-4])
    assert "not whole" in refused(tmp_path / "A.HDR")


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("a.nrrd", b"NRRD0004\n" + SHORTS + b"kinds: dog dog dog\n\n", "dog"),
        ("a.nrrd", b"NRRD0004\n" + SHORTS.replace(b"raw", b"bzip2") + b"\n", "bzip2"),
        ("a.nrrd", b"NRRD0004\n" + SHORTS.replace(b"endian: little\n", b"") + b"\n", "endian"),
        ("a.mha", META.replace(b"SHORT", b"HALF") + b"ElementDataFile = LOCAL\n", "Unknown Pixel"),
        ("a.mhd", META + b"ElementDataFile = LIST\nnot_there.raw\n", "MetaImage header"),
    ],
)
def test_a_header_that_itk_does_not_read_is_not_called_damage(
    tmp_path: Path, name: str, header: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(header + values(np.int16).tobytes())
    found = refused(path)
    assert said in found and "damaged" not in found and "/src/" not in found
