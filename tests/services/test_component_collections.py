"""Frames that are components of one codestream (PS3.5 A.4.4), as every resource sends them."""

import io
import threading

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import pixel_array
from tests.pixels.collections_of_frames import LOSSY, collected, encoded, volume
from tests.services.conftest import Web, path_of
from tests.services.test_studies_retrieve import parts
from tests.services.viewer import conftest as viewers

FRAMES = volume(6, bits=16)
EXPLICIT, HTJ2K, JPEG_LS, RLE = (f"1.2.840.10008.1.2.{n}" for n in ("1", "4.201", "4.80", "5"))
PARTS = 'multipart/related; type="application/octet-stream"'


@pytest.fixture
def kept(web: Web) -> tuple[Dataset, bytes]:
    """A multi-frame object in two collections, in the archive."""
    codestreams = [encoded(part) for part in np.split(FRAMES, 2)]
    windowed = {"WindowCenter": 2**15, "WindowWidth": 2**16}
    dataset, content = collected(codestreams, FRAMES, parts=2, **windowed)
    web.archive.ingest(content)
    return dataset, content


def values(data: bytes) -> NDArray[np.uint16]:
    return np.frombuffer(data, "<u2").reshape(FRAMES.shape[1:])


@pytest.mark.parametrize("accept", ["*/*", PARTS, f"{PARTS}; transfer-syntax=*"])
def test_a_frame_is_sent_as_its_own_pixels(web: Web, kept: tuple[Dataset, bytes], accept: str):
    for number, frame in enumerate(FRAMES, 1):
        [sent] = parts(web.get(path_of(kept[0], f"frames/{number}"), accept=accept))
        np.testing.assert_array_equal(values(sent), frame)


def test_frames_of_two_collections_are_sent_in_the_order_asked_for(web, kept):
    sent = parts(web.get(path_of(kept[0], "frames/6,1,4"), accept=PARTS))
    for data, frame in zip(sent, FRAMES[[5, 0, 3]], strict=True):
        np.testing.assert_array_equal(values(data), frame)


@pytest.mark.parametrize(
    ("syntax", "media_type", "decode"),
    [
        (HTJ2K, "image/jphc", imagecodecs.jpeg2k_decode),
        (JPEG_LS, "image/jls", imagecodecs.jpegls_decode),
        ("*", "image/jls", imagecodecs.jpegls_decode),
    ],
)
def test_a_frame_is_sent_in_another_transfer_syntax(web, kept, syntax, media_type, decode):
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    [sent] = parts(web.get(path_of(kept[0], "frames/5"), accept=accept))
    np.testing.assert_array_equal(decode(sent), FRAMES[4])


@pytest.mark.parametrize("media_type", ["application/octet-stream", "image/jpx"])
@pytest.mark.parametrize("form", ['multipart/related; type="{}"', "{}"])
def test_no_frame_is_there_as_kept_and_that_is_said(web, kept, media_type, form):
    accept = f"{form.format(media_type)}; transfer-syntax={LOSSY}"
    for path in ("frames/2", "frames/1,2") if form.startswith("m") else ("frames/2",):
        answer = web.get(path_of(kept[0], path), accept=accept)
        assert answer.status_code == 406
        assert "frames that are components of one codestream cannot be sent as" in answer.text
        assert EXPLICIT in answer.text
        assert LOSSY not in answer.text.partition("acceptable are")[2]


def test_the_bulk_data_of_pixel_data_is_all_frames(web, kept):
    sent = parts(web.get(path_of(kept[0], "bulkdata/7FE00010"), accept=PARTS))
    np.testing.assert_array_equal([values(each) for each in sent], FRAMES)
    kept_alone = f"{PARTS}; transfer-syntax={LOSSY}"
    assert web.get(path_of(kept[0], "bulkdata/7FE00010"), accept=kept_alone).status_code == 406


def test_the_object_is_sent_as_it_is_kept(web, kept):
    answer = web.get(path_of(kept[0]), accept=f"application/dicom; transfer-syntax={LOSSY}")
    found = dcmread(io.BytesIO(answer.content))
    assert found.file_meta.TransferSyntaxUID == LOSSY
    assert found.PixelData == dcmread(io.BytesIO(kept[1])).PixelData


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
def test_the_object_is_sent_in_another_transfer_syntax(web, kept, syntax):
    answer = web.get(path_of(kept[0]), accept=f"application/dicom; transfer-syntax={syntax}")
    found = dcmread(io.BytesIO(answer.content))
    assert found.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(pixel_array(found), FRAMES)


def test_frames_are_rendered_and_the_middle_one_is_the_thumbnail(web, kept):
    for number, frame in enumerate(FRAMES, 1):
        answer = web.get(path_of(kept[0], f"frames/{number}/rendered"), accept="image/png")
        shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"), int)
        np.testing.assert_allclose(shown, frame / 257, atol=1)
    answer = web.get(path_of(kept[0], "thumbnail"), accept="image/png")
    thumbnail = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"), float)
    height, width = thumbnail.shape
    middle = Image.fromarray((FRAMES[2] >> 8).astype("u1")).resize((width, height))
    assert np.abs(thumbnail - np.asarray(middle)).mean() < 4


def test_readers_of_all_frames_at_once_get_each_their_own(web, kept):
    found: dict[int, bytes] = {}

    def work(number: int) -> None:
        [found[number]] = parts(web.get(path_of(kept[0], f"frames/{number}"), accept=PARTS))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    np.testing.assert_array_equal([values(found[n]) for n in range(1, 7)], FRAMES)


def test_components_that_are_no_frames_are_refused_in_words(web: Web):
    dataset, content = collected([encoded(FRAMES)], FRAMES, NumberOfFrames=5)
    web.archive.ingest(content)
    for path in ("frames/1", "frames/1/rendered", "rendered", "thumbnail"):
        answer = web.get(path_of(dataset, path))
        assert answer.status_code >= 400
        assert "6 components in 1 codestream, Number of Frames (0028,0008) is 5" in answer.text
    assert web.get(path_of(dataset), accept="application/dicom; transfer-syntax=*").is_success
    assert web.get(path_of(dataset, "metadata"), accept="application/dicom+json").is_success


def test_the_viewer_gets_each_frame(tmp_path):
    dataset, content = collected([encoded(part) for part in np.split(FRAMES, 2)], FRAMES)
    with viewers.opened(tmp_path) as viewer:
        viewer.archive.ingest(content)
        [series] = [viewer.series(dataset)]
        assert str(series).count("'error'") == 0
        for number, frame in enumerate(FRAMES, 1):
            path = viewers.instance_path(dataset, f"/frames/{number}")
            np.testing.assert_array_equal(values(viewer.get(path).content), frame)
            coded = viewer.get(f"{path}?encoding=htj2k").content
            np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(coded), frame)
        answer = viewer.get(viewers.instance_path(dataset, "/thumbnail"))
        assert answer.headers["content-type"] == "image/jpeg"
