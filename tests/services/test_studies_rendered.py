"""WADO-RS: pictures of studies, series, instances and frames."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from tests.compose.judges import needs
from tests.factories import ct_series, ct_slice, multi_frame, part10_bytes, small_object
from tests.services.conftest import Web, path_of
from tests.services.test_studies_retrieve import parts

from isocenter.archive import StoredInstance
from isocenter.compose import presentation_state
from isocenter.pixels import Window, files
from isocenter.pixels.presentation import PresentationState, VoiSelection


def shown(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def windowed(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR by PS3.3 C.11.2.1.2.1, written out for 8 bits."""
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    grey = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    grey = np.where(values <= low, 0, np.where(values > high, 255, grey))
    return np.floor(grey + 0.5).astype(np.uint8)


def slice_values(dataset: Dataset) -> np.ndarray:
    return np.frombuffer(dataset.PixelData, "<i2").reshape(dataset.Rows, dataset.Columns)


def test_a_slice_is_shown_in_its_own_window(web: Web) -> None:
    dataset = ct_slice(32, 24)
    web.keep(dataset)
    for path in ("rendered", "frames/1/rendered"):
        answer = web.get(path_of(dataset, path), accept="image/png")
        assert answer.headers["content-type"] == "image/png"
        assert np.array_equal(shown(answer.content), windowed(slice_values(dataset), 40, 400))


def test_a_window_can_be_asked_for(web: Web) -> None:
    dataset = ct_slice(32, 24)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered?window=-600,1500,linear"), accept="image/png")
    assert np.array_equal(shown(answer.content), windowed(slice_values(dataset), -600, 1500))


def test_an_object_without_a_window_is_shown_from_its_darkest_to_its_brightest(web: Web) -> None:
    dataset = ct_slice(32, 24, WindowCenter=None, WindowWidth=None)
    web.keep(dataset)
    picture = shown(web.get(path_of(dataset, "rendered"), accept="image/png").content)
    assert (picture.min(), picture.max()) == (0, 255)


def test_jpeg_is_the_default_and_its_quality_counts(web: Web) -> None:
    dataset = ct_slice(64, 64)
    web.keep(dataset)
    answers = [web.get(path_of(dataset, f"rendered?quality={quality}")) for quality in (5, 50, 100)]
    assert {answer.headers["content-type"] for answer in answers} == {"image/jpeg"}
    sizes = [len(answer.content) for answer in answers]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_the_accept_parameter_serves_links(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered?accept=image/png"), accept="text/html,*/*;q=0.8")
    assert answer.headers["content-type"] == "image/png"


def test_a_viewport_sets_the_size_and_keeps_the_proportions(web: Web) -> None:
    dataset = ct_slice(32, 64)
    web.keep(dataset)

    def size(viewport: str) -> tuple[int, ...]:
        answer = web.get(path_of(dataset, f"rendered?viewport={viewport}"), accept="image/png")
        return shown(answer.content).shape

    assert size("32,32") == (16, 32)
    assert size("200,50") == (50, 100)
    assert size("10,10,0,0,32,32") == (10, 10)


def test_a_viewport_shows_a_part_and_can_mirror_it(web: Web) -> None:
    dataset = ct_slice(32, 32)
    web.keep(dataset)
    whole = windowed(slice_values(dataset), 40, 400)
    answer = web.get(path_of(dataset, "rendered?viewport=8,8,4,16,8,8"), accept="image/png")
    assert np.array_equal(shown(answer.content), whole[16:24, 4:12])
    answer = web.get(path_of(dataset, "rendered?viewport=8,8,4,16,-8,8"), accept="image/png")
    assert np.array_equal(shown(answer.content), whole[16:24, 4:12][:, ::-1])
    outside = web.get(path_of(dataset, "rendered?viewport=8,8,40,0,8,8"), accept="image/png")
    assert outside.status_code == 404


@pytest.mark.parametrize(
    "query",
    ["quality=0", "window=1", "window=40,400", "viewport=-1,5", "annotation=all", "annotation="],
)
def test_a_malformed_parameter_is_a_bad_request(web: Web, query: str) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    assert web.get(path_of(dataset, f"rendered?{query}")).status_code == 400


def test_colour_is_shown_as_it_is(web: Web) -> None:
    dataset = multi_frame(2, bits=8, samples=3)
    web.keep(dataset, transfer_syntax=RLELossless)
    answer = web.get(path_of(dataset, "frames/2/rendered"), accept="image/png")
    expected = np.frombuffer(dataset.PixelData, np.uint8).reshape(2, 16, 12, 3)[1]
    assert np.array_equal(shown(answer.content), expected)


def test_several_frames_come_as_parts_or_as_one_moving_picture(web: Web) -> None:
    dataset = multi_frame(4, bits=8)
    web.keep(dataset)
    path = path_of(dataset, "frames/4,2/rendered")
    frames = np.frombuffer(dataset.PixelData, np.uint8).reshape(4, 16, 12)
    found = parts(web.get(path, accept='multipart/related; type="image/png"'))
    assert len(found) == 2
    single = web.get(path_of(dataset, "frames/4/rendered"), accept="image/png").content
    assert found[0] == single
    assert len(parts(web.get(path))) == 2
    assert web.get(path, accept="image/png").status_code == 406
    moving = Image.open(io.BytesIO(web.get(path_of(dataset, "rendered"), "image/gif").content))
    assert moving.n_frames == 4
    assert moving.size == frames.shape[:0:-1]


def test_a_study_comes_as_all_its_pictures_or_as_one_for_all(web: Web) -> None:
    first = ct_series(3, 16, 16)
    clip = multi_frame(2, bits=8, StudyInstanceUID=first[0].StudyInstanceUID, SeriesNumber=4)
    report = small_object(StudyInstanceUID=first[0].StudyInstanceUID, SeriesNumber=9)
    web.keep(*first, clip, report)
    study = f"/studies/{first[0].StudyInstanceUID}"
    multipart = 'multipart/related; type="image/jpeg"'
    assert len(parts(web.get(f"{study}/rendered", accept=multipart))) == 5
    series = f"{study}/series/{first[0].SeriesInstanceUID}"
    assert len(parts(web.get(f"{series}/rendered", accept=multipart))) == 3
    one = web.get(f"{series}/rendered", accept="image/png").content
    assert one == web.get(path_of(first[1], "rendered"), accept="image/png").content


@pytest.mark.parametrize("level", ["study", "series", "instance", "frame"])
def test_every_level_has_a_thumbnail(web: Web, level: str) -> None:
    dataset = ct_slice(300, 200)
    web.keep(dataset)
    instance = path_of(dataset)
    path = {
        "study": f"/studies/{dataset.StudyInstanceUID}",
        "series": instance.rpartition("/instances")[0],
        "instance": instance,
        "frame": f"{instance}/frames/1",
    }[level]
    answer = web.get(f"{path}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    assert shown(answer.content).shape == (128, 85)
    larger = web.get(f"{path}/thumbnail?viewport=60,600", accept="image/png")
    assert shown(larger.content).shape == (90, 60)
    again = web.get(f"{path}/thumbnail", if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_series_whose_middle_has_no_pixels_shows_another(web: Web) -> None:
    image = ct_slice(16, 16)
    reports = [
        small_object(
            StudyInstanceUID=image.StudyInstanceUID,
            SeriesInstanceUID=image.SeriesInstanceUID,
            InstanceNumber=number,
        )
        for number in (2, 3, 4)
    ]
    web.keep(image, *reports)
    path = path_of(image).rpartition("/instances")[0]
    assert web.get(f"{path}/thumbnail").status_code == 200


def test_what_has_no_pixels_has_no_pictures(web: Web) -> None:
    dataset = small_object()
    web.keep(dataset)
    multipart = 'multipart/related; type="image/jpeg"'
    for path in (f"/studies/{dataset.StudyInstanceUID}", path_of(dataset)):
        for resource in ("rendered", "thumbnail"):
            assert web.get(f"{path}/{resource}").status_code == 404
    study = f"/studies/{dataset.StudyInstanceUID}/rendered"
    assert web.get(study, accept=multipart).status_code == 404


def test_a_frame_that_is_not_there_is_not_found(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    assert web.get(path_of(dataset, "frames/2/rendered")).status_code == 404
    assert web.get(path_of(dataset, "frames/x/rendered")).status_code == 400


def test_a_frame_is_named_as_it_was_asked_for(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    far = web.get(path_of(dataset, f"frames/{10**20}"))
    assert (far.status_code, f"frame {10**20} " in far.text) == (404, True)
    assert web.get(path_of(dataset, "frames/00000000000001")).status_code == 200
    assert web.get(path_of(dataset, f"frames/{'9' * 5000}")).status_code == 400


def test_pictures_in_other_types_are_not_acceptable(web: Web) -> None:
    dataset = ct_slice(16, 16)
    web.keep(dataset)
    assert web.get(path_of(dataset, "rendered"), accept="image/tiff").status_code == 406
    assert web.get(path_of(dataset, "thumbnail"), accept="text/html").status_code == 406


def test_pixels_that_cannot_be_decoded_are_said_to_be_so(web: Web) -> None:
    dataset = multi_frame(1, bits=8)
    web.keep(dataset, transfer_syntax=JPEG2000Lossless)
    path = next(web.archive.directory.glob("*/*/*.dcm"))
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\x4f\xff\x51")
    content[start + 60 :] = bytes(len(content) - start - 60)
    path.write_bytes(content)
    answer = web.get(path_of(dataset, "rendered"))
    assert answer.status_code == 422
    assert answer.text.strip()


def promising_another(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The file of an object with two frames, promising three (0028,0008)."""
    found, promised = (b"\x28\x00\x08\x00IS\x02\x00%d " % number for number in (2, 3))
    content = part10_bytes(dataset, transfer_syntax)
    assert content.count(found) == 1
    return content.replace(found, promised)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_pictures_of_which_a_frame_is_missing_are_refused_before_the_answer_begins(
    web: Web, level: str, syntax: str
) -> None:
    whole = multi_frame(2, bits=8, InstanceNumber=1)
    uids = {name: whole[name].value for name in ("StudyInstanceUID", "SeriesInstanceUID")}
    lacking = multi_frame(2, bits=8, InstanceNumber=2, **uids)
    web.keep(whole)
    web.archive.ingest(promising_another(lacking, syntax))
    path = path_of(lacking)
    path = {
        "study": path.partition("/series")[0],
        "series": path.partition("/instances")[0],
        "instance": path,
    }[level]
    answer = web.get(f"{path}/rendered", 'multipart/related; type="image/png"')
    assert answer.status_code == 422
    assert "frame 3 is missing" in answer.text
    assert level == "instance" or lacking.SOPInstanceUID in answer.text


def test_a_presentation_state_for_an_image_of_which_a_frame_is_missing_is_refused(web: Web) -> None:
    image = multi_frame(2, bits=8)
    state = presentation_state(PresentationState(), source=image).data_set
    web.keep(state)
    web.archive.ingest(promising_another(image))
    answer = web.get(path_of(state, "rendered"), 'multipart/related; type="image/png"')
    assert answer.status_code == 422
    assert "frame 3 is missing" in answer.text


def test_a_viewport_that_shows_nothing_of_one_image_of_a_series_is_refused(web: Web) -> None:
    large = ct_slice(32, 32, InstanceNumber=1)
    uids = {name: large[name].value for name in ("StudyInstanceUID", "SeriesInstanceUID")}
    web.keep(large, ct_slice(16, 16, InstanceNumber=2, **uids))
    path = path_of(large).partition("/instances")[0]
    query = "rendered?viewport=8,8,20,0,8,8"
    answer = web.get(f"{path}/{query}", 'multipart/related; type="image/png"')
    assert answer.status_code == 404
    assert "16 by 16" in answer.text


def test_pictures_that_turn_out_undecodable_break_off_with_one_line_in_the_log(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = multi_frame(2, bits=8)
    web.keep(dataset, transfer_syntax=JPEG2000Lossless)
    path = next(web.archive.directory.glob("*/*/*.dcm"))
    content = path.read_bytes()
    start, end = content.rindex(b"\xff\x4f\xff\x51") + 60, len(content) - 8
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    answer = web.get(path_of(dataset, "rendered"), 'multipart/related; type="image/png"')
    assert answer.content.count(b"image/png") == 1
    assert not answer.content.endswith(b"--\r\n")
    [record] = [each for each in caplog.records if each.name.startswith("isocenter")]
    assert "broken off" in record.message


def document(media_type: str) -> Dataset:
    dataset = small_object(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    dataset.MIMETypeOfEncapsulatedDocument = media_type
    dataset.EncapsulatedDocument = b"%PDF-1.4 " + bytes(5001)
    return dataset


def test_a_document_is_shown_as_it_is(web: Web) -> None:
    dataset = document("application/pdf")
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered"), accept="application/pdf, image/jpeg")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == dataset.EncapsulatedDocument
    bulk = web.get(path_of(dataset, "bulkdata/00420011"), accept="application/pdf")
    assert bulk.content == dataset.EncapsulatedDocument


def test_a_page_from_an_object_does_not_run_as_one_of_ours(web: Web) -> None:
    dataset = document("text/html")
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered"))
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"


def drawn_by_dcmtk(folder: Path, state: Dataset, image: Dataset) -> np.ndarray:
    """What DCMTK makes of an image by a presentation state."""
    files = folder / "state.dcm", folder / "image.dcm", folder / "picture.pgm"
    for path, dataset in zip(files, (state, image), strict=False):
        path.write_bytes(part10_bytes(dataset))
    command = [needs("dcmp2pgm", "dcmtk"), "-p", *files[:2], files[2]]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return np.asarray(Image.open(files[2]))


@pytest.mark.peer
def test_a_presentation_state_shows_the_images_that_it_names_as_dcmtk_does(
    web: Web, tmp_path: Path
) -> None:
    images = ct_series(2, 40, 40)
    content = PresentationState(voi=(VoiSelection(transforms=(Window(0, 80),)),))
    state = presentation_state(content, source=images).data_set
    web.keep(*images, state)
    expected = [drawn_by_dcmtk(tmp_path, state, image) for image in images]
    first = shown(web.get(path_of(state, "rendered"), accept="image/png").content)
    both = parts(web.get(path_of(state, "rendered"), 'multipart/related; type="image/png"'))
    for ours, theirs in zip((first, *map(shown, both)), (expected[0], *expected), strict=True):
        assert np.abs(ours.astype(int) - theirs).max() <= 1
    small = web.get(path_of(state, "rendered?viewport=20,20"), accept="image/png")
    assert shown(small.content).shape == (20, 20)


def test_a_file_is_parsed_once_for_all_frames_that_a_presentation_state_shows(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = multi_frame(5)
    content = PresentationState(voi=(VoiSelection(transforms=(Window(2048, 4096),)),))
    state = presentation_state(content, source=image).data_set
    web.keep(image, state)
    parsed: list[Path] = []
    dcmread = files._dcmread

    def counted(path: Path, **options: object) -> Dataset:
        parsed.append(path)
        return dcmread(path, **options)

    monkeypatch.setattr(files, "_dcmread", counted)
    answer = web.get(path_of(state, "rendered"), 'multipart/related; type="image/png"')
    pictures = [shown(part) for part in parts(answer)]
    values = np.frombuffer(image.PixelData, "<u2").reshape(5, image.Rows, image.Columns)
    for picture, frame in zip(pictures, values, strict=True):
        assert np.array_equal(picture, windowed(frame, 2048, 4096))
    assert len(parsed) == 1


def test_a_presentation_state_leaves_out_images_that_are_not_here(web: Web) -> None:
    images = ct_series(2, 8, 8)
    state = presentation_state(PresentationState(), source=images).data_set
    web.keep(images[1], state)
    answer = web.get(path_of(state, "rendered"), 'multipart/related; type="image/png"')
    assert len(parts(answer)) == 1
    web.delete(f"/studies/{images[1].StudyInstanceUID}/series/{images[1].SeriesInstanceUID}")
    assert web.get(path_of(state, "rendered")).status_code == 404


def test_a_presentation_state_for_a_frame_that_no_image_has_shows_nothing_and_names_no_file(
    web: Web,
) -> None:
    image = ct_slice(8, 8)
    state = presentation_state(PresentationState(), source=image).data_set
    state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber = 0
    web.keep(image, state)
    answer = web.get(path_of(state, "rendered"))
    assert answer.status_code == 404
    assert ".dcm" not in answer.text


def test_the_pictures_of_an_image_that_is_replaced_meanwhile_end(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, other = ct_slice(8, 8), ct_slice(8, 8, PatientName="Roe^Richard")
    other.SOPInstanceUID = image.SOPInstanceUID
    state = presentation_state(PresentationState(), source=image).data_set
    web.keep(image, state)
    (tmp_path / "other").write_bytes(part10_bytes(other))
    opened = web.archive.open_instance

    def opened_and_replaced(*uids: str) -> StoredInstance:
        instance = opened(*uids)
        if uids[2] == image.SOPInstanceUID:
            shutil.copy(tmp_path / "other", tmp_path / "copy").replace(instance.path)
        return instance

    monkeypatch.setattr(web.archive, "open_instance", opened_and_replaced)
    # The name would be the one's, the pixels the other's.
    assert web.get(path_of(state, "rendered?annotation=patient")).status_code == 404


@pytest.mark.parametrize("query", ["window=40,400,linear", "viewport=20,20,1,1,4,4"])
def test_what_a_presentation_state_says_cannot_be_asked_for(web: Web, query: str) -> None:
    image = ct_slice(8, 8)
    state = presentation_state(PresentationState(), source=image).data_set
    web.keep(image, state)
    assert web.get(path_of(state, f"rendered?{query}")).status_code == 400


def test_a_thumbnail_is_of_the_whole_image(web: Web) -> None:
    web.keep(image := ct_slice(8, 8))
    assert web.get(path_of(image, "thumbnail?viewport=20,20")).status_code == 200
    assert web.get(path_of(image, "thumbnail?viewport=20,20,1,1")).status_code == 400


def test_annotations_are_written_into_the_corners_and_nowhere_else(web: Web) -> None:
    one, other = (ct_slice(256, 256, PatientName=name) for name in ("Doe^Jane", "Roe^Richard"))
    other.PixelData = one.PixelData
    web.keep(one, other)

    def picture(dataset: Dataset, query: str) -> np.ndarray:
        answer = web.get(path_of(dataset, f"rendered{query}"), accept="image/png")
        assert "warning" not in answer.headers
        return shown(answer.content).astype(int)

    plain = picture(one, "")
    patient = picture(one, "?annotation=patient") != plain
    technique = picture(one, "?annotation=technique") != plain
    both = picture(one, "?annotation=patient,technique") != plain
    assert patient[:128, :128].any() and not patient[128:].any() and not patient[:, 128:].any()
    assert technique[:, 128:].any() and not technique[:, :128].any()
    assert np.array_equal(both, patient | technique)
    assert (picture(other, "?annotation=patient") != picture(one, "?annotation=patient")).any()


def test_letters_with_marks_are_written_without_them_rather_than_as_boxes(web: Web) -> None:
    def picture(name: str) -> np.ndarray:
        image = ct_slice(256, 256, PatientName=name, SpecificCharacterSet="ISO_IR 192")
        web.keep(image)
        answer = web.get(path_of(image, "rendered?annotation=patient"), accept="image/png")
        return shown(answer.content)[:32]

    assert np.array_equal(picture("M\u00f6ller^Zo\u00eb"), picture("Moller^Zoe"))
    assert np.array_equal(picture("=Doe^Jane"), picture("Doe^Jane"))


def test_annotations_of_what_is_sent_as_it_is_are_warned_of(web: Web) -> None:
    dataset = document("application/pdf")
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered?annotation=patient"))
    assert answer.status_code == 200
    assert answer.headers["warning"].startswith("299 testserver ")
    assert "not supported: patient" in answer.headers["warning"]
