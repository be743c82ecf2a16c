import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from tests.factories import ct_series, ct_slice, part10_bytes, small_object
from tests.pixels.corpus import Picture, files
from tests.services.viewer.conftest import Viewer, instance_path, opened, series_path

from isocenter.archive import Archive
from isocenter.archive.change_log import ChangeLog
from isocenter.pixels import Attributes
from isocenter.services.viewer import shown_instances, shown_series
from isocenter.services.viewer.frames import ViewerFrames
from isocenter.services.viewer.instance_header import series_attributes
from isocenter.services.viewer.series_model import ShownSeries, resolve_series


def of_picture(viewer: Viewer, name: str) -> tuple[Dataset, dict]:
    viewer.keep(files()[name])
    dataset = Picture.named(name).dataset
    return dataset, viewer.series(dataset)


def test_a_ct_series_has_one_model_and_its_slices_in_order(viewer: Viewer) -> None:
    slices = ct_series(5, 16, 24, WindowCenterWidthExplanation=None)
    viewer.keep(*reversed(slices))
    model = viewer.series(slices[0])
    assert len(model["models"]) == 1 and len(model["images"]) == 5
    assert [image["instance"] for image in model["images"]] == [s.SOPInstanceUID for s in slices]
    assert [image["number"] for image in model["images"]] == [1, 2, 3, 4, 5]
    assert all(image["window"] is None for image in model["images"])
    assert model["images"][2]["position"] == [float(v) for v in slices[2].ImagePositionPatient]
    assert model["images"][0]["sopClass"] == slices[0].SOPClassUID
    (only,) = model["models"]
    assert (only["rows"], only["columns"], only["format"]) == (16, 24, "int16")
    assert only["modality"]["type"] == "linear" and only["modality"]["units"] == "HU"
    assert only["orientation"] == [1, 0, 0, 0, 1, 0]
    assert only["spacing"]["source"] == "Pixel Spacing" and only["spacing"]["isReal"] is True
    assert model["patient"] == {
        "name": "Doe, Jane",
        "id": "PID-1",
        "birthDate": "19700102",
        "sex": "F",
    }
    assert model["studyInfo"]["institution"] == "General Hospital"


def test_an_image_without_a_plane_tells_what_lies_at_its_edges(viewer: Viewer) -> None:
    plane = {"ImageOrientationPatient": None, "ImagePositionPatient": None}
    told = ct_slice(8, 8, Modality="CR", PatientOrientation=["A", "FR"], **plane)
    silent = ct_slice(8, 8, Modality="CR", PatientOrientation=None, **plane)
    viewer.keep(told, silent)
    (model,) = viewer.series(told)["models"]
    assert model["orientation"] is None
    assert model["patientOrientation"] == {"left": "P", "right": "A", "top": "HL", "bottom": "FR"}
    assert viewer.series(silent)["models"][0]["patientOrientation"] is None


def test_an_image_names_its_window_only_where_it_differs(viewer: Viewer) -> None:
    slices = ct_series(3, 8, 8, WindowCenter=40, WindowWidth=400)
    slices[1].WindowCenter, slices[1].WindowWidth = 50, 500
    viewer.keep(*slices)
    model = viewer.series(slices[0])
    assert model["models"][0]["voi"][0]["center"] == 40
    assert [bool(image["window"]) for image in model["images"]] == [False, True, False]
    own = model["images"][1]["window"][0]
    assert (own["type"], own["function"]) == ("window", "LINEAR")
    assert (own["center"], own["width"]) == (50, 500)


def test_slices_of_different_slope_have_models_of_their_own(viewer: Viewer) -> None:
    slices = ct_series(3, 8, 8)
    slices[2].RescaleSlope = 2
    viewer.keep(*slices)
    model = viewer.series(slices[0])
    assert [image["model"] for image in model["images"]] == [0, 0, 1]


def test_without_a_window_the_values_of_the_series_make_one(viewer: Viewer) -> None:
    slices = ct_series(3, 8, 8, WindowCenter=None, WindowWidth=None, RescaleIntercept=0)
    for number, each in enumerate(slices):
        each.PixelPaddingValue = -2000
        values = np.full((8, 8), -2000, "<i2")
        values[0, :2] = (100 * number, 100 * number + 55)
        each.PixelData = values.tobytes()
    viewer.keep(*slices)
    (model,) = viewer.series(slices[0])["models"]
    assert model["voi"] == []
    # LINEAR over 0 to 255: padding does not count, all three slices do.
    assert model["defaultWindow"] == {"function": "LINEAR", "center": 128, "width": 256}


def test_enhanced_frames_are_spread_out_with_their_own_planes(viewer: Viewer) -> None:
    dataset, model = of_picture(viewer, "eCT_Supplemental.dcm")
    assert [image["frame"] for image in model["images"]] in ([1, 2], [2, 1])
    assert len({tuple(image["position"]) for image in model["images"]}) == 2
    palette = model["models"][0]["supplementalPalette"]
    assert palette["first"] == 1024 and len(base64.b64decode(palette["colours"])) == 300


def test_tables_travel_as_little_endian_words(viewer: Viewer) -> None:
    dataset, model = of_picture(viewer, "mlut_18.dcm")
    modality = model["models"][0]["modality"]
    item = dataset.ModalityLUTSequence[0]
    assert modality["type"] == "lut" and modality["first"] == item["LUTDescriptor"].value[1]
    values = np.frombuffer(base64.b64decode(modality["values"]), "<u2")
    np.testing.assert_array_equal(values, np.array(item.LUTData, np.uint16))


def test_a_voi_lut_too_large_for_the_metadata_is_fetched(viewer: Viewer) -> None:
    table = Dataset()
    values = np.arange(4096, dtype="<u2")
    table.add_new(0x00283002, "US", [4096, 0, 12])
    table.add_new(0x00283006, "OW", values.tobytes())
    dataset = ct_slice(8, 8, WindowCenter=None, WindowWidth=None)
    dataset.VOILUTSequence = Sequence([table])
    viewer.keep(dataset)
    (voi,) = viewer.series(dataset)["models"][0]["voi"]
    assert voi["bits"] == 12
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(voi["values"]), "<u2"), values)


def test_instances_with_overlays_have_addresses_of_their_own(viewer: Viewer) -> None:
    slices = ct_series(2, 8, 8)
    for each in slices:
        each.add_new(0x60000010, "US", 8)
        each.add_new(0x60000011, "US", 8)
        each.add_new(0x60000040, "CS", "G")
        each.add_new(0x60000050, "SS", [1, 1])
        each.add_new(0x60000100, "US", 1)
        each.add_new(0x60000102, "US", 0)
        each.add_new(0x60003000, "OW", bytes([each.InstanceNumber]) + bytes(7))
    viewer.keep(*slices)
    model = viewer.series(slices[0])
    urls = [model["models"][image["model"]]["overlays"][0]["url"] for image in model["images"]]
    assert urls[0] != urls[1]
    found = [viewer.client.get(url).content for url in urls]
    assert [bytes(bits[:8]) for bits in found] == [
        bytes([1, 0, 0, 0, 0, 0, 0, 0]),
        bytes([0, 1, 0, 0, 0, 0, 0, 0]),
    ]
    assert all(len(bits) == 64 for bits in found)


def test_what_cannot_be_shown_is_named_and_the_rest_is_shown(viewer: Viewer) -> None:
    good, bad = ct_series(2, 8, 8)
    bad.PhotometricInterpretation = "CMYK"
    viewer.keep(good, bad)
    model = viewer.series(good)
    assert [image["instance"] for image in model["images"]] == [good.SOPInstanceUID]
    assert model["problems"][0].startswith(bad.SOPInstanceUID)
    assert "Photometric Interpretation" in model["problems"][0]


def test_a_series_without_pixels_has_no_images(viewer: Viewer) -> None:
    report = small_object()
    viewer.keep(report)
    model = viewer.series(report)
    assert model["images"] == [] and model["models"] == []
    assert viewer.get(series_path(report) + "/thumbnail").status_code == 404


def test_a_series_shows_what_was_acknowledged_before_it_was_asked_for(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # News of changes may take any time to come: no answer waits for them.
    monkeypatch.setattr(ChangeLog, "_deliver_news", lambda self: None)
    slices = ct_series(3, 8, 8)
    for count, each in enumerate(slices, 1):
        viewer.keep(each)
        assert len(viewer.series(each)["images"]) == count
    viewer.archive.delete(slices[0].StudyInstanceUID, None, slices[1].SOPInstanceUID)
    assert len(viewer.series(slices[0])["images"]) == 2
    viewer.archive.delete(slices[0].StudyInstanceUID)
    assert viewer.get(series_path(slices[0])).status_code == 404
    viewer.keep(slices[2])
    assert len(viewer.series(slices[0])["images"]) == 1


def test_a_series_that_came_while_it_was_asked_for_goes_when_it_is_deleted(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ct_slice(8, 8)
    last_change = viewer.archive.last_change

    def overtaken(study: str) -> int:
        found = last_change(study)
        monkeypatch.undo()
        viewer.keep(dataset)
        return found

    monkeypatch.setattr(viewer.archive, "last_change", overtaken)
    viewer.get(series_path(dataset))
    viewer.archive.delete(dataset.StudyInstanceUID)
    assert viewer.get(series_path(dataset)).status_code == 404


def test_a_series_shows_what_another_process_has_just_kept(viewer: Viewer) -> None:
    first, second = ct_series(2, 8, 8)
    viewer.keep(first)
    assert len(viewer.series(first)["images"]) == 1
    with Archive.open(viewer.archive.directory, durability="fast") as another:
        another.ingest(part10_bytes(second))
        assert len(viewer.series(first)["images"]) == 2


def test_a_series_is_resolved_once_for_all_that_ask_while_nothing_changes(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[str] = []

    def counted(
        archive: Archive,
        frames: ViewerFrames,
        study: str,
        series: str,
        before: ShownSeries | None,
    ) -> ShownSeries:
        resolved.append(series)
        return resolve_series(archive, frames, study, series, before)

    monkeypatch.setattr(shown_series, "resolve_series", counted)
    dataset = ct_slice(8, 8)
    viewer.keep(dataset)
    for _ in range(3):
        viewer.series(dataset)
    assert resolved == [dataset.SeriesInstanceUID]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """SOP Instance UIDs of all that is read to resolve series, as it happens."""
    uids: list[str] = []

    def noted(*arguments: Any) -> Iterator[tuple[str, Attributes]]:
        for uid, attributes in series_attributes(*arguments):
            uids.append(uid)
            yield uid, attributes

    monkeypatch.setattr(shown_instances, "series_attributes", noted)
    return uids


def test_of_a_series_that_grows_only_what_has_come_is_read(viewer: Viewer, read: list[str]) -> None:
    slices = ct_series(6, 8, 8)
    viewer.keep(*slices[::2])
    viewer.series(slices[0])
    read.clear()
    viewer.keep(slices[3], slices[1])
    images = viewer.series(slices[0])["images"]
    assert sorted(read) == sorted(each.SOPInstanceUID for each in (slices[1], slices[3]))
    assert [image["instance"] for image in images] == [each.SOPInstanceUID for each in slices[:5]]
    assert [image["number"] for image in images] == [1, 2, 3, 4, 5]


def test_of_a_series_in_which_an_object_is_replaced_that_one_is_read(
    tmp_path: Path, read: list[str]
) -> None:
    slices = ct_series(3, 8, 8)
    with opened(tmp_path, on_conflict="replace") as viewer:
        viewer.keep(*slices)
        before = viewer.series(slices[0])["images"]
        read.clear()
        slices[1].RescaleSlope = 3
        slices[1].InstanceNumber = 9
        viewer.keep(slices[1])
        model = viewer.series(slices[0])
    assert read == [slices[1].SOPInstanceUID]
    shown = {image["instance"]: image for image in model["images"]}
    replaced = shown[slices[1].SOPInstanceUID]
    assert model["models"][replaced["model"]]["modality"]["slope"] == 3
    assert replaced["number"] == 9
    assert replaced["version"] not in {image["version"] for image in before}


def test_of_a_series_from_which_an_object_is_deleted_nothing_is_read(
    viewer: Viewer, read: list[str]
) -> None:
    slices = ct_series(3, 8, 8)
    viewer.keep(*slices)
    viewer.series(slices[0])
    read.clear()
    viewer.archive.delete(slices[0].StudyInstanceUID, None, slices[1].SOPInstanceUID)
    images = viewer.series(slices[0])["images"]
    assert read == []
    assert [image["instance"] for image in images] == [
        each.SOPInstanceUID for each in (slices[0], slices[2])
    ]


def test_a_series_that_grew_says_the_same_as_one_that_came_whole(
    viewer: Viewer, tmp_path: Path
) -> None:
    slices = ct_series(5, 8, 8, WindowCenter=None, WindowWidth=None)
    slices[1].RescaleSlope = 2
    slices[3].PhotometricInterpretation = "CMYK"
    for each in slices:
        viewer.keep(each)
        grown = viewer.series(each)
    with opened(tmp_path / "other") as other:
        other.keep(*slices)
        whole = other.series(slices[0])
    for image in (*grown["images"], *whole["images"]):
        del image["version"]  # of the file, which is another one
    assert grown == whole


def test_unknown_series_and_instances_are_404(viewer: Viewer) -> None:
    dataset = ct_slice(8, 8)
    viewer.keep(dataset)
    other = ct_slice(8, 8, StudyInstanceUID=dataset.StudyInstanceUID)
    for path in (
        series_path(other),
        series_path(other) + "/thumbnail",
        instance_path(other, "/tags"),
        instance_path(other, "/frames/1"),
        instance_path(other, "/frames/1?encoding=htj2k"),
        instance_path(other, "/overlays/0"),
    ):
        assert viewer.get(path).status_code == 404, path


# They lack a UID, or have one that is none: an archive refuses them.
WITHOUT_UIDS = {
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "bad_sequence.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    with opened(tmp_path_factory.mktemp("corpus"), on_conflict="replace") as viewer:
        yield viewer


@pytest.mark.parametrize("name", [name for name in files() if name not in WITHOUT_UIDS])
def test_every_file_of_the_corpus_gets_a_model_and_its_pixels(shared: Viewer, name: str) -> None:
    picture = Picture.named(name)
    dataset = picture.dataset
    shared.keep(picture.path)
    model = shared.series(dataset)
    assert not model["problems"]
    image = next(i for i in model["images"] if i["instance"] == dataset.SOPInstanceUID)
    shown = model["models"][image["model"]]
    answer = shared.get(instance_path(dataset, f"/frames/{image['frame']}"))
    form = "uint8" if shown["format"] == "rgb8" else shown["format"]
    found = np.frombuffer(answer.content, np.dtype(form).newbyteorder("<"))
    np.testing.assert_array_equal(found, picture.samples(image["frame"]).reshape(-1))


def test_uids_of_other_studies_do_not_open_a_series(viewer: Viewer) -> None:
    dataset = ct_slice(8, 8)
    viewer.keep(dataset)
    path = f"/{generate_uid()}/series/{dataset.SeriesInstanceUID}"
    assert viewer.get(path).status_code == 404


def test_a_study_whose_objects_name_different_patients_says_so(viewer: Viewer) -> None:
    one = ct_slice(8, 8, PatientName="Doe^Jane", PatientID="1")
    other = ct_slice(8, 8, PatientName="Roe^Jane", PatientID="2")
    other.StudyInstanceUID = one.StudyInstanceUID
    viewer.keep(one)
    assert viewer.series(one)["problems"] == []
    viewer.keep(other)
    (problem,) = viewer.series(one)["problems"]
    assert "(0010,0010)" in problem and "(0010,0020)" in problem
