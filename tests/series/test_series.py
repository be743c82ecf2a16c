"""Series are arrays whose headers follow, read from wherever images are."""

import gc
import struct
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from pydicom.fileset import FileSet
from tests.factories import ct_series, ct_slice, part10_bytes
from tests.running_server import running_server

import isocenter
from isocenter import Series
from isocenter.errors import CannotCompose, NotFound

RLE, J2K, DEFLATED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1.99"


def write(folder: Path, data_sets, syntax="1.2.840.10008.1.2.1"):
    folder.mkdir(exist_ok=True)
    for number, data_set in enumerate(data_sets):
        # Names that sort the other way round: nothing may depend on them.
        (folder / f"{len(data_sets) - number:04}.dcm").write_bytes(part10_bytes(data_set, syntax))
    return folder


def volume(n=5, rows=8, columns=6, **attributes):
    return ct_series(n, rows, columns, **attributes)


def echoes(times=(10, 20, 30), n=4):
    """Slices of several echoes, mixed up."""
    found = []
    for number, time in enumerate(times):
        for data_set in volume(n):
            data_set.EchoTime = time
            data_set.SOPInstanceUID = pydicom.uid.generate_uid()
            data_set.PixelData = (stored(data_set) + number).astype(np.int16).tobytes()
            found.append(data_set)
    first = found[0]
    for data_set in found:
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
            setattr(data_set, keyword, first[keyword].value)
    return [found[one] for one in np.random.default_rng(0).permutation(len(found))]


def stored(data_set):
    """Stored values by pydicom."""
    return pydicom.dcmread(BytesIO(part10_bytes(data_set))).pixel_array


def values_of(data_sets):
    """Real values by pydicom, slices in the order of z."""
    ordered = sorted(data_sets, key=lambda one: float(one.ImagePositionPatient[2]))
    return np.stack(
        [stored(one) * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in ordered]
    )


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "series", volume())


# -- opening ---------------------------------------------------------------------------------------


def test_a_folder_becomes_slices_in_the_order_of_where_they_lie(tmp_path):
    data_sets = volume()
    series = Series.open(write(tmp_path / "s", data_sets))
    assert not series.is_loaded
    assert series.shape == (5, 8, 6)
    assert [axis.name for axis in series.axes] == ["slice", "row", "column"]
    assert [axis.unit for axis in series.axes] == ["mm", "mm", "mm"]
    assert np.array_equal(series, values_of(data_sets))
    assert series.positions.tolist() == sorted(
        [[float(one) for one in each.ImagePositionPatient] for each in data_sets],
        key=lambda one: one[2],
    )


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", RLE, J2K, DEFLATED])
def test_every_transfer_syntax_gives_the_same_values(tmp_path, syntax):
    data_sets = volume()
    series = Series.open(write(tmp_path / "s", data_sets, syntax))
    assert np.array_equal(series, values_of(data_sets))


def test_a_zip_file_and_a_dicomdir_and_data_sets_are_read_alike(tmp_path):
    data_sets = volume()
    folder = write(tmp_path / "s", data_sets)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("README", "no image")
        for path in folder.iterdir():
            archive.write(path, path.name)
    file_set = FileSet()
    for path in folder.iterdir():
        file_set.add(path)
    file_set.write(tmp_path / "medium")
    for where in (
        tmp_path / "s.zip",
        tmp_path / "medium" / "DICOMDIR",
        data_sets,
        [str(path) for path in folder.iterdir()],
    ):
        assert np.array_equal(Series.open(where), values_of(data_sets))


def test_an_archive_gives_the_series_that_is_named(tmp_path):
    mine, other = volume(), volume(3)
    with isocenter.open(str(tmp_path / "archive")) as archive:
        for data_set in (*mine, *other):
            archive.ingest(part10_bytes(data_set))
        uid = mine[0].SeriesInstanceUID
        assert np.array_equal(Series.open(archive, series=uid), values_of(mine))
    series = Series.open(tmp_path / "archive", series=uid)
    assert np.array_equal(series, values_of(mine))
    with pytest.raises(CannotCompose, match="2 series"):
        Series.open(tmp_path / "archive")


def test_a_dicomweb_server_gives_a_series_by_its_url(tmp_path):
    mine, other = volume(), volume(3)
    with isocenter.open(str(tmp_path / "archive")) as archive:
        for data_set in (*mine, *other):
            archive.ingest(part10_bytes(data_set))
    first = mine[0]
    with running_server(tmp_path / "archive") as server:
        study = f"{server.http}/dicomweb/studies/{first.StudyInstanceUID}"
        series = Series.open(f"{study}/series/{first.SeriesInstanceUID}")
        with pytest.raises(NotFound, match="404"):
            Series.open(f"{study}/series/1.2.3")
    assert np.array_equal(series, values_of(mine))


def test_several_series_are_opened_each_by_its_uid(tmp_path):
    mine, other = volume(), volume(3)
    write(tmp_path / "s", mine), write(tmp_path / "s" / "t", other)
    found = Series.open_all(tmp_path / "s")
    assert {uid: len(series) for uid, series in found.items()} == {
        mine[0].SeriesInstanceUID: 5,
        other[0].SeriesInstanceUID: 3,
    }


def test_two_patients_are_refused(tmp_path):
    one = {"SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2.4"}
    write(tmp_path / "s", [*volume(2, **one), *volume(2, PatientID="OTHER", **one)])
    with pytest.raises(CannotCompose, match="2 different patients"):
        Series.open(tmp_path / "s")


def test_a_folder_without_images_says_so(tmp_path):
    (tmp_path / "README").write_text("nothing")
    with pytest.raises(NotFound, match="no image"):
        Series.open(tmp_path)
    with pytest.raises(NotFound):
        Series.open(tmp_path / "nowhere")


# -- sorting ---------------------------------------------------------------------------------------


def test_what_tells_images_of_one_place_apart_is_the_tag_axis(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    assert series.shape == (3, 4, 8, 6)
    axis = series.axis("tag")
    assert (axis.keyword, axis.unit, axis.values.tolist()) == ("EchoTime", "ms", [10, 20, 30])
    assert (series[1] - series[0] == 1).all()
    assert series.get("EchoTime", slice=3, tag=2) == 30


@pytest.mark.parametrize(
    ("by", "keyword", "values"),
    [
        ("b-value", "DiffusionBValue", [0.0, 1000.0]),
        ("flip", "FlipAngle", [5, 20]),
        ("trigger", "TriggerTime", [0, 300]),
        ("time", "AcquisitionTime", ["100000", "100005.5"]),
        ("InstanceNumber", "InstanceNumber", None),
    ],
)
def test_any_attribute_may_sort_the_tag_axis(tmp_path, by, keyword, values):
    data_sets = []
    for n in range(2):
        for k, data_set in enumerate(volume(3, SeriesInstanceUID="1.2", StudyInstanceUID="1.3")):
            data_set.SOPInstanceUID = pydicom.uid.generate_uid()
            setattr(data_set, keyword, values[n] if values else 10 * n + k)
            data_sets.append(data_set)
    series = Series.open(write(tmp_path / "s", data_sets[::-1]), by=by)
    assert series.shape[:2] == (2, 3)
    assert series.axis("tag").keyword == keyword
    if by == "time":
        assert series.axis("tag").unit == "s"
        assert series.axis("tag").values.tolist() == [36000, 36005.5]


def test_setting_what_the_tag_axis_is_sorted_by_changes_its_numbers(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    series.set("EchoTime", 25, tag=1)
    assert series.axis("tag").values.tolist() == [10, 25, 30]


def test_a_slice_missing_from_one_echo_is_named(tmp_path):
    data_sets = echoes()
    write(tmp_path / "s", data_sets[1:])
    with pytest.raises(CannotCompose, match="3 images lie at most places, but 2 at .* mm"):
        Series.open(tmp_path / "s")


def test_images_of_one_place_that_nothing_tells_apart_are_refused(tmp_path):
    again = volume(2, SeriesInstanceUID="1.2", StudyInstanceUID="1.3")
    for data_set in again:
        data_set.SOPInstanceUID = pydicom.uid.generate_uid()
    with pytest.raises(CannotCompose, match="does not tell them apart"):
        Series.open([*volume(2, SeriesInstanceUID="1.2", StudyInstanceUID="1.3"), *again])


def test_the_same_object_twice_is_taken_once_and_remarked(tmp_path):
    data_sets = volume()
    series = Series.open([*data_sets, data_sets[2]])
    assert len(series) == 5
    assert "twice" in series.remarks[0]


def test_missing_slices_are_remarked_and_have_no_affine(tmp_path):
    data_sets = volume(8)
    series = Series.open([*data_sets[:3], *data_sets[5:]])
    assert "about 2 slices are missing" in series.remarks[0]
    assert series.steps.tolist() == [1.25, 1.25, 3.75, 1.25, 1.25]
    assert series.spacing[0] == 1.25
    with pytest.raises(CannotCompose, match="not evenly spaced"):
        _ = series.affine


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Rows": 4, "PixelData": bytes(4 * 6 * 2)}, "differ in rows"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "not parallel"),
        ({"ImagePositionPatient": None}, "no position"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "perpendicular"),
        ({"PixelSpacing": [0, 1]}, "positive"),
    ],
)
def test_images_that_make_no_volume_are_refused(change, message):
    data_sets = volume()
    for keyword, value in change.items():
        if value is None:
            del data_sets[2][keyword]
        else:
            setattr(data_sets[2], keyword, value)
    with pytest.raises(CannotCompose, match=message):
        Series.open(data_sets)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected"),
    [
        ({"BitsStored": 16, "PixelRepresentation": 1}, 1, 0, "int16"),
        ({"BitsStored": 16, "PixelRepresentation": 0}, 1, 0, "uint16"),
        ({"BitsStored": 12, "PixelRepresentation": 0}, 1, -1024, "int16"),
        ({"BitsStored": 16, "PixelRepresentation": 0}, 1, -1024, "int32"),
        ({"BitsStored": 16, "PixelRepresentation": 0}, 1, -32768, "int16"),
        ({"BitsStored": 12, "PixelRepresentation": 0}, 2, 0, "int16"),
        ({"BitsStored": 16, "PixelRepresentation": 0}, 0.5, 1, "float32"),
    ],
)
def test_the_type_holds_every_value_that_may_be_there(stored, slope, intercept, expected):
    raw = np.array([[0, 1], [4095, 77]], np.uint16)
    if stored["BitsStored"] == 16 and stored["PixelRepresentation"] == 0:
        raw[1, 1] = 65535
    data_set = ct_slice(
        2, 2, RescaleSlope=slope, RescaleIntercept=intercept, PixelPaddingValue=None, **stored
    )
    data_set.HighBit = stored["BitsStored"] - 1
    data_set.PixelData = raw.tobytes()
    series = Series.open(data_set)
    assert series.dtype == expected
    kind = np.int16 if stored["PixelRepresentation"] else np.uint16
    wanted = raw.astype(kind).astype(float) * slope + intercept
    assert np.array_equal(series.array[0], wanted)


def test_each_image_has_its_own_slope():
    data_sets = volume(3)
    for number, data_set in enumerate(data_sets, 1):
        data_set.RescaleSlope = number / 4
    assert np.asarray(Series.open(data_sets)) == pytest.approx(values_of(data_sets))


def test_monochrome1_keeps_its_values_and_colour_comes_last():
    data_set = ct_slice(8, 6, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(Series.open(data_set).array[0], values_of([data_set])[0])
    colored = _colored()
    series = Series.open(colored)
    assert series.shape == (1, 2, 3, 3)
    assert np.array_equal(series.array[0], stored(colored))
    assert series[..., 0].shape == (1, 2, 3)


def _colored():
    data_set = ct_slice(2, 3, PixelPaddingValue=None)
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 3, "RGB"
    data_set.PlanarConfiguration = 0
    data_set.BitsAllocated = data_set.BitsStored = 8
    data_set.HighBit, data_set.PixelRepresentation = 7, 0
    data_set.PixelData = np.arange(18, dtype=np.uint8).tobytes()
    return data_set


def test_only_the_images_that_are_asked_for_are_read(tmp_path):
    write(tmp_path / "s", volume(40, 128, 128))
    gc.collect()
    series = Series.open(tmp_path / "s")
    tracemalloc.start()
    largest = max(float(np.asarray(one).max()) for one in series)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not series.is_loaded
    assert largest == series.array.max()
    assert peak < 8 * 128 * 128 * 2 * 2  # of 40 images


# -- an array --------------------------------------------------------------------------------------

INDEX = st.one_of(st.integers(-4, 3), st.slices(4))


@given(st.tuples(INDEX, st.slices(8), st.slices(6)))
def test_a_part_is_what_numpy_gives_and_lies_where_its_voxels_lie(key):
    data_sets = SHARED
    series = Series.open(data_sets)
    expected = values_of(data_sets)[key]
    if 0 in expected.shape:
        return
    part = series[key]
    assert isinstance(part, Series)
    assert not part.is_loaded
    assert np.array_equal(part, expected)
    whole = np.stack(np.meshgrid(*map(np.arange, (4, 8, 6)), indexing="ij"), -1)
    chosen = whole[key].reshape(-1, 3)
    points = (np.c_[chosen[:, ::-1], np.ones(len(chosen))] @ series.affine.T)[:, :3]
    index = np.stack(np.meshgrid(*map(np.arange, part.shape[-2:]), indexing="ij"), -1).reshape(
        -1, 2
    )
    mine = np.concatenate([plane.to_patient(index[:, ::-1]) for plane in part.planes])
    assert mine == pytest.approx(points)


SHARED = volume(4)


@pytest.mark.parametrize(
    "key",
    [
        [0, 2],
        np.array([True, False, True, True, False]),
        (slice(None), 3),
        (slice(None), slice(None), 2),
        (1, 2, 3),
        (Ellipsis, slice(1, 4)),
        None,
        (slice(1, 3), Ellipsis),
    ],
    ids=str,
)
def test_other_indices_are_numpys(folder, key):
    series = Series.open(folder)
    assert np.array_equal(np.asarray(series[key]), np.asarray(series)[key])


def test_arithmetic_keeps_the_header_and_the_place(folder):
    series = Series.open(folder)
    plain = np.asarray(series)
    for result, expected in (
        (series * 2 + 1, plain * 2 + 1),
        (10 - series, 10 - plain),
        (series / series.max(), plain / plain.max()),
        (np.sqrt(np.abs(series)), np.sqrt(np.abs(plain))),
        (np.clip(series, 0, 100), np.clip(plain, 0, 100)),
        (np.where(series > 0, series, 0), np.where(plain > 0, plain, 0)),
        (series > 5, plain > 5),
        (-series, -plain),
    ):
        assert isinstance(result, Series)
        assert np.array_equal(result, expected)
        assert result.get("PatientName") == series.get("PatientName")
        assert np.array_equal(result.affine, series.affine)
    changed = series.copy()
    changed += 3
    changed[2, :, 1] = 7
    assert changed.array[0, 0, 0] == plain[0, 0, 0] + 3
    assert (changed.array[2, :, 1] == 7).all()
    assert np.array_equal(series, plain)
    assert np.array_equal(series[series > 5], plain[plain > 5])


def test_a_reduction_drops_the_axis_and_what_the_images_disagree_about(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    plain = np.asarray(series)
    mean = series.mean(axis=0)
    assert isinstance(mean, Series)
    assert np.array_equal(mean, plain.mean(axis=0))
    assert mean.get("EchoTime") is None
    assert mean.get("PatientID") == series.get("PatientID")
    assert np.array_equal(mean.affine, series.affine)
    projection = np.max(series, axis=1)
    assert projection.shape == (3, 8, 6)
    assert projection.get("EchoTime", tag=1) == 20
    assert projection.get("ImagePositionPatient") is None
    assert isinstance(np.sum(series, axis=(2, 3)), np.ndarray)
    assert np.sum(series) == plain.sum()
    assert np.array_equal(np.percentile(series, 50, axis=0), np.percentile(plain, 50, axis=0))


def test_series_that_lie_elsewhere_are_not_added(folder):
    series = Series.open(folder)
    moved = Series.open(folder)
    moved.set("ImagePositionPatient", [1, 2, 3], slice=0)
    with pytest.raises(CannotCompose, match="different places"):
        _ = series + moved


# -- memory ----------------------------------------------------------------------------------------


def test_attributes_are_set_for_all_images_or_some_and_files_stay_as_they_are(folder):
    series = Series.open(folder)
    series.set("PatientName", "Roe^Richard")
    series.set("ImageComments", "noisy", slice=[1, 3])
    assert [str(one) for one in series.values_of("PatientName").flat] == ["Roe^Richard"] * 5
    assert series.values_of("ImageComments")[0].tolist() == [
        "none",
        "noisy",
        "none",
        "noisy",
        "none",
    ]
    assert Series.open(folder).get("ImageComments", slice=1) == "none"
    with pytest.raises(CannotCompose, match="NoSuchThing"):
        series.set("NoSuchThing", 1)
    with pytest.raises(CannotCompose):
        series.set("SeriesNumber", "many")
    with pytest.raises(IndexError, match="slice 9 of 5"):
        series.get("PatientName", slice=9)


def test_the_header_is_that_of_a_single_image_of_the_part(folder):
    part = Series.open(folder)[1:3, 2:6, 1:]
    header = part.header(slice=1)
    assert (header.Rows, header.Columns) == (4, 5)
    assert [float(one) for one in header.ImagePositionPatient] == pytest.approx(part.positions[1])
    assert "PixelData" not in header


def test_an_enhanced_object_is_a_series_of_its_frames(tmp_path):
    from isocenter.compose.acquisition.acquired import acquired_series

    array = np.random.default_rng(0).integers(0, 4000, (2, 4, 8, 6)).astype(np.int16)
    (path,) = acquired_series(
        array, modality="MR", spacing=(2, 1, 1), tag=("EchoTime", [10, 20]), enhanced=True
    ).save(tmp_path / "out")
    series = Series.open(path)
    assert np.array_equal(series, array)
    assert series.axis("tag").keyword == "EffectiveEchoTime"
    assert series.get("EffectiveEchoTime", tag=1, slice=2) == 20
    assert series.get("SliceThickness") == 2
    assert series.spacing == (2, 1, 1)


def test_simpleitk_sees_the_same_affine(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    theirs = reader.Execute()
    series = Series.open(folder)
    image = series.to_sitk()
    assert image.GetOrigin() == pytest.approx(theirs.GetOrigin())
    assert image.GetSpacing() == pytest.approx(theirs.GetSpacing())
    assert image.GetDirection() == pytest.approx(theirs.GetDirection())
    assert np.array_equal(series, sitk.GetArrayFromImage(theirs))
    assert np.array_equal(series.affine_ras, np.diag([-1, -1, 1, 1]) @ series.affine)


# -- ways out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v.nii.gz", "v.nii", "v.mha", "v.nrrd"])
def test_a_series_goes_to_a_file_and_comes_back_with_its_headers(folder, tmp_path, name):
    series = Series.open(folder)
    path = series.to_nifti(tmp_path / name)
    plain = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(plain), series)
    back = Series.from_nifti(path, like=series)
    assert np.array_equal(back, series)
    assert back.get("PatientName") == series.get("PatientName")
    assert Series.from_nifti(path).affine == pytest.approx(series.affine, abs=1e-4)
    other = series[1:]
    with pytest.raises(CannotCompose, match="another grid"):
        Series.from_nifti(path, like=other)


def test_a_series_of_four_axes_goes_to_nifti(tmp_path):
    series = Series.open(write(tmp_path / "s", echoes()))
    image = sitk.ReadImage(str(series.to_nifti(tmp_path / "v.nii.gz")))
    assert image.GetSize() == (6, 8, 4, 3)
    assert np.array_equal(sitk.GetArrayFromImage(image), series)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [("FrameReferenceTime", 2.5), ("EchoTime", 2.5), ("DiffusionBValue", 1)],
)
def test_nifti_s_seconds_between_volumes_are_seconds(tmp_path, keyword, expected):
    values = np.zeros((3, 2, 4, 5), np.int16)
    series = Series.from_array(values, tag=(keyword, [0, 2500, 5000]))
    header = series.to_nifti(tmp_path / "v.nii").read_bytes()
    assert header[123] & 0x38 == 8  # xyzt_units: NIFTI_UNITS_SEC
    (found,) = struct.unpack_from("<f", header, 76 + 4 * 4)  # pixdim[4]
    assert found == expected


@pytest.mark.parametrize("unit", [8, 16])
def test_times_of_a_nifti_file_are_kept(tmp_path, unit):
    series = Series.from_array(
        np.zeros((3, 2, 4, 5), np.int16), tag=("FrameReferenceTime", [0, 2500, 5000])
    )
    path = series.to_nifti(tmp_path / "v.nii")
    header = bytearray(path.read_bytes())
    header[123] = header[123] & 7 | unit  # xyzt_units: seconds, milliseconds
    struct.pack_into("<f", header, 76 + 4 * 4, 2.5 if unit == 8 else 2500)
    path.write_bytes(header)
    axis = Series.from_nifti(path).axis("tag")
    assert (axis.unit, list(axis.values)) == ("s", [0, 2.5, 5])
    again = Series.from_nifti(path).to_nifti(tmp_path / "again.nii").read_bytes()
    assert struct.unpack_from("<f", again, 76 + 4 * 4) == (2.5,)


@pytest.mark.parametrize("read_before", [False, True])
def test_what_is_changed_in_a_part_is_not_changed_in_the_whole(folder, read_before):
    series, plain = Series.open(folder), np.array(Series.open(folder))
    if read_before:
        _ = series.array
    for key in (1, slice(1, 3), slice(None), (slice(None), slice(0, 2))):
        part = series[key]
        part[...] = 7
        assert (np.asarray(part) == 7).all()
        assert np.array_equal(series, plain)
    part = series[1:]
    series[...] = 5
    assert np.array_equal(part, plain[1:])


def test_times_past_midnight_come_after_those_before(tmp_path):
    images = echoes(times=(1, 2, 3))
    moments = {1: ("20240101", "235950"), 2: ("20240102", "000010"), 3: ("20240102", "000030.5")}
    for image in images:
        moment = moments[int(image.EchoTime)]
        image.AcquisitionDate, image.AcquisitionTime = moment
    series = Series.open(write(tmp_path / "s", images), by="time")
    assert [series.get("EchoTime", tag=n) for n in range(3)] == [1, 2, 3]
    assert list(np.diff(series.axis("tag").values)) == [20, 20.5]


def test_an_image_without_its_day_is_put_beside_those_of_its_time(tmp_path):
    images = echoes(times=(1, 2))
    for image in images:
        late = image.EchoTime == 2
        image.AcquisitionDate = "20240102" if late else "20240101"
        image.AcquisitionTime = "000010" if late else "235950"
    del images[-1].AcquisitionDate
    series = Series.open(write(tmp_path / "s", images), by="AcquisitionTime")
    for n in range(2):
        assert len({series.get("EchoTime", tag=n, slice=k) for k in range(series.shape[1])}) == 1


def test_a_name_of_no_format_is_refused_and_leaves_nothing(folder, tmp_path):
    with pytest.raises(CannotCompose, match="names no format"):
        Series.open(folder).to_nifti(tmp_path / "v.png")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["series"]


def test_a_new_volume_needs_its_modality(tmp_path):
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    series = Series.from_array(array, affine=np.diag([1, 1, 2, 1]))
    with pytest.raises(CannotCompose, match="modality"):
        series.write(tmp_path / "out")
    series.set("PatientID", "P7")
    series.write(tmp_path / "out", modality="MR")
    back = Series.open(tmp_path / "out")
    assert np.array_equal(back, array)
    assert back.get("PatientID") == "P7"
