import gzip
import io
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tests.factories import ct_slice, multi_frame, part10_bytes
from tests.pixels.corpus import Picture, files
from tests.services.viewer.conftest import Viewer, instance_path, opened, series_path


def test_a_raw_frame_is_the_stored_values(viewer: Viewer) -> None:
    dataset = ct_slice(64, 48)
    viewer.keep(dataset)
    answer = viewer.get(instance_path(dataset, "/frames/1"), accept_encoding="identity")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "content-encoding" not in answer.headers
    assert answer.content == dataset.PixelData


def test_the_frame_shown_first_can_be_had_before_it_is_known_which_that_is(viewer: Viewer) -> None:
    low, high = ct_slice(64, 48), ct_slice(64, 48)
    high.StudyInstanceUID, high.SeriesInstanceUID = low.StudyInstanceUID, low.SeriesInstanceUID
    low.InstanceNumber, high.InstanceNumber = 1, 2
    low.ImagePositionPatient, high.ImagePositionPatient = [0, 0, 0], [0, 0, 5]
    viewer.keep(high, low)
    study = f"/{low.StudyInstanceUID}/first-frame"
    for path in (study, f"{study}?series={low.SeriesInstanceUID}"):
        early = viewer.get(path)
        assert early.content == low.PixelData
        place = early.headers["content-location"]
        assert low.SOPInstanceUID in place
        assert viewer.client.get(place).content == low.PixelData
        assert early.headers["cache-control"] == "no-store"


def test_where_no_frame_can_be_shown_first_the_answer_is_empty(viewer: Viewer) -> None:
    broken = Picture.named("MR_small_jpeg_ls_lossless.dcm").dataset
    broken.Columns = 63
    buffer = io.BytesIO()
    broken.save_as(buffer)
    viewer.archive.ingest(buffer.getvalue())
    assert viewer.get(f"/{broken.StudyInstanceUID}/first-frame").status_code == 204
    assert viewer.get("/1.2.3/first-frame").status_code == 204
    assert viewer.get(f"/{broken.StudyInstanceUID}/first-frame?series=1.2").status_code == 204


def test_a_frame_is_compressed_where_that_pays(viewer: Viewer) -> None:
    smooth, noise = ct_slice(64, 64), ct_slice(64, 64)
    noise.PixelData = np.random.default_rng(1).bytes(64 * 64 * 2)
    viewer.keep(smooth, noise)
    with viewer.client.stream("GET", "/api/studies" + instance_path(smooth, "/frames/1")) as sent:
        assert sent.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(sent.iter_raw())) == smooth.PixelData
    assert "content-encoding" not in viewer.get(instance_path(noise, "/frames/1")).headers


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_compressed_frames_are_decoded(viewer: Viewer, syntax: str) -> None:
    dataset = ct_slice(64, 48)
    viewer.keep(dataset, transfer_syntax=syntax)
    assert viewer.get(instance_path(dataset, "/frames/1")).content == dataset.PixelData


def test_every_frame_of_a_multi_frame_object_has_its_number(viewer: Viewer) -> None:
    dataset = multi_frame(5, 16, 16)
    viewer.keep(dataset)
    size = len(dataset.PixelData) // 5
    for number in (1, 3, 5):
        found = viewer.get(instance_path(dataset, f"/frames/{number}")).content
        assert found == dataset.PixelData[(number - 1) * size : number * size]
    assert viewer.get(instance_path(dataset, "/frames/6")).status_code == 404
    assert viewer.get(instance_path(dataset, "/frames/0")).status_code == 422


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "emri_small.dcm", "US1_UNCR.dcm", "OBXXXX1A.dcm", "vlut_04.dcm"]
)
def test_htj2k_holds_the_same_samples(viewer: Viewer, name: str) -> None:
    picture = Picture.named(name)
    viewer.keep(picture.path)
    for _ in range(2):  # made, then taken from the cache
        answer = viewer.get(instance_path(picture.dataset, "/frames/1?encoding=htj2k"))
        assert answer.headers["content-type"] == "image/jphc"
        # OpenJPEG's decoder; OpenJPH's encoder made it.
        found = imagecodecs.jpeg2k_decode(answer.content)
        np.testing.assert_array_equal(found, picture.samples())
    assert any((viewer.archive.directory / ".cache").rglob("*"))


def test_samples_too_deep_for_htj2k_are_refused_with_a_way_out(viewer: Viewer) -> None:
    picture = Picture.named("rtdose_1frame.dcm")
    viewer.keep(picture.path)
    answer = viewer.get(instance_path(picture.dataset, "/frames/1?encoding=htj2k"))
    assert answer.status_code == 415 and "encoding=raw" in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["raw", "htj2k"])
def test_a_known_frame_is_not_sent_again(viewer: Viewer, encoding: str) -> None:
    dataset = ct_slice(64, 48)
    viewer.keep(dataset)
    path = instance_path(dataset, f"/frames/1?encoding={encoding}")
    first = viewer.get(path)
    again = viewer.get(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert viewer.get(path, if_none_match='"other"').status_code == 200


def test_a_frame_at_odds_with_its_description_says_what_is_wrong(viewer: Viewer) -> None:
    dataset = Picture.named("MR_small_jpeg_ls_lossless.dcm").dataset
    dataset.Columns = 63
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    viewer.archive.ingest(buffer.getvalue())
    answer = viewer.get(instance_path(dataset, "/frames/1"))
    assert answer.status_code == 422
    assert "64 rows by 64 columns" in answer.json()["detail"]


def test_a_promised_frame_that_is_missing_costs_only_itself(viewer: Viewer) -> None:
    dataset = multi_frame(3, 16, 16)
    content = part10_bytes(dataset, "1.2.840.10008.1.2.4.90")
    viewer.archive.ingest(content.replace(b"\x28\0\x08\0IS\x02\x003 ", b"\x28\0\x08\0IS\x02\x005 "))
    path = instance_path(dataset, "/frames/{}")
    assert viewer.get(path.format(3)).status_code == 200
    missing = viewer.get(path.format(5))
    assert missing.status_code == 422 and missing.json()["detail"]


def test_thumbnails_are_small_and_square_pixeled(viewer: Viewer) -> None:
    wide = ct_slice(100, 600, PixelSpacing=[2, 1])
    viewer.keep(wide)
    for path in (series_path(wide), instance_path(wide)):
        answer = viewer.get(path + "/thumbnail")
        assert answer.headers["content-type"] == "image/jpeg"
        # 100 rows of 2 mm and 600 columns of 1 mm: a third as high as wide.
        assert Image.open(io.BytesIO(answer.content)).size == (256, 85)
        etag = answer.headers["etag"]
        assert viewer.get(path + "/thumbnail", if_none_match=etag).status_code == 304


def test_a_small_picture_is_not_enlarged_for_its_thumbnail(viewer: Viewer) -> None:
    dataset = ct_slice(30, 40, PixelSpacing=[1, 1])
    viewer.keep(dataset)
    answer = viewer.get(series_path(dataset) + "/thumbnail")
    assert Image.open(io.BytesIO(answer.content)).size == (40, 30)


def test_an_overlay_is_sent_a_byte_a_pixel(viewer: Viewer) -> None:
    name = "MR-SIEMENS-DICOM-WithOverlays.dcm"
    viewer.keep(files()[name])
    dataset = Picture.named(name).dataset
    found = np.frombuffer(viewer.get(instance_path(dataset, "/overlays/0")).content, np.uint8)
    np.testing.assert_array_equal(found, dataset.overlay_array(0x6000).reshape(-1))
    assert viewer.get(instance_path(dataset, "/overlays/1")).status_code == 404
    assert viewer.get(instance_path(dataset, "/overlays/16")).status_code == 422


@pytest.mark.parametrize(
    "path", ["/frames/1?encoding=raw", "/frames/1?encoding=htj2k", "/overlays/0", "/thumbnail"]
)
def test_no_browser_shows_what_was_replaced(tmp_path: Path, path: str) -> None:
    """A model is never cached, so pixels from a cache could be another object's."""
    dataset = Picture.named("MR-SIEMENS-DICOM-WithOverlays.dcm").dataset
    with opened(tmp_path, on_conflict="replace") as viewer:
        viewer.keep(dataset)
        first = viewer.get(instance_path(dataset, path))
        assert "no-cache" in first.headers["cache-control"]
        known = {"if_none_match": first.headers["etag"]}
        assert viewer.get(instance_path(dataset, path), **known).status_code == 304
        dataset.PatientName = "Somebody^Else"
        viewer.keep(dataset)
        assert viewer.get(instance_path(dataset, path), **known).status_code == 200


def test_a_version_s_pixels_are_kept_for_good_and_gone_once_it_is_replaced(tmp_path: Path) -> None:
    dataset = Picture.named("MR-SIEMENS-DICOM-WithOverlays.dcm").dataset
    with opened(tmp_path, on_conflict="replace") as viewer:
        viewer.keep(dataset)
        model = viewer.series(dataset)
        version = model["images"][0]["version"]
        paths = [
            "/api/studies"
            + instance_path(dataset, f"/frames/1?encoding={encoding}&version={version}")
            for encoding in ("raw", "htj2k")
        ]
        paths.append(model["models"][0]["overlays"][0]["url"])
        for path in paths:
            answer = viewer.client.get(path)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"], path
        dataset.RescaleSlope = 2
        viewer.keep(dataset)
        for path in paths:
            answer = viewer.client.get(path)
            assert answer.status_code == 410
            assert "replaced" in answer.json()["detail"]
        renewed = viewer.series(dataset)["images"][0]["version"]
        assert renewed != version
        path = instance_path(dataset, f"/frames/1?version={renewed}")
        assert viewer.get(path).status_code == 200


def test_a_model_waits_for_a_replacement_that_is_under_way(tmp_path: Path) -> None:
    """Its file stands in the place already, while index and metadata speak of the old one."""
    dataset = ct_slice(8, 8)
    with opened(tmp_path, on_conflict="replace") as viewer:
        viewer.keep(dataset)
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID)
        replaced = viewer.archive.directory / ".replaced"
        under_way = replaced / f"2_{'_'.join(uids)}_{dataset.SOPInstanceUID}.dcm"
        under_way.write_bytes(b"")
        waiting = threading.Thread(target=viewer.archive.versions, args=uids)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        under_way.unlink()
        waiting.join(60)
        assert not waiting.is_alive()
