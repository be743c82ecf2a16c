"""WADO-RS: pictures in a colour space that is asked for, with its ICC profile."""

import io
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset
from tests.factories import ct_slice, multi_frame
from tests.services.conftest import Web, path_of
from tests.services.test_studies_retrieve import parts

from isocenter.compose import presentation_state
from isocenter.pixels import to_jpeg
from isocenter.pixels.colour_profiles import ColourSpace, rgb_profile, with_profile
from isocenter.pixels.presentation import PresentationState

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
# sRGB's red, green and blue in other spaces, as their definitions' matrices and curves give them
# (IEC 61966-2-1, Adobe RGB (1998), ISO 22028-2, SMPTE EG 432-1), to the nearest level.
PRIMARIES = {
    "srgb": (RED, GREEN, BLUE),
    "adobergb": ((219, 0, 0), (144, 255, 60), (0, 0, 250)),
    "rommrgb": ((179, 70, 26), (138, 237, 78), (86, 35, 235)),
    "displayp3": ((234, 51, 35), (117, 251, 76), (0, 0, 245)),
}
# Published by Adobe: the profile that it gives away has these columns (Adobe RGB (1998), 4.3.5.3).
ADOBE_COLUMNS = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)


def colours() -> Dataset:
    """An RGB image of red, green and blue thirds."""
    dataset = multi_frame(1, bits=8, samples=3)
    dataset.Rows, dataset.Columns = 8, 48
    del dataset.NumberOfFrames
    dataset.PixelData = np.repeat([[RED, GREEN, BLUE]] * 8, 16, axis=1).astype(np.uint8).tobytes()
    return dataset


def picture(web: Web, dataset: Dataset, query: str, accept: str = "image/png") -> Image.Image:
    answer = web.get(path_of(dataset, f"rendered?{query}"), accept=accept)
    assert answer.status_code == 200, answer.text
    found = Image.open(io.BytesIO(answer.content))
    found.load()
    return found


def profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))


def thirds(image: Image.Image) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(int, np.asarray(image)[4, x])) for x in (8, 24, 40))


@pytest.mark.parametrize("space", PRIMARIES)
@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])
def test_a_picture_is_converted_to_the_space_whose_profile_it_has(
    web: Web, space: str, media_type: str
) -> None:
    web.keep(dataset := colours())
    found = picture(web, dataset, f"iccprofile={space}&quality=100", media_type)
    slack = 1 if media_type == "image/png" else 6
    assert np.abs(np.subtract(thirds(found), PRIMARIES[space])).max() <= slack
    back = ImageCms.profileToProfile(found, profile_of(found), ImageCms.createProfile("sRGB"))
    # Near black a level of a wider space is several of sRGB.
    assert np.abs(np.subtract(thirds(back), (RED, GREEN, BLUE))).max() <= 10 * slack


def test_the_profile_of_adobe_rgb_has_the_published_columns(web: Web) -> None:
    web.keep(dataset := colours())
    found = profile_of(picture(web, dataset, "iccprofile=adobergb")).profile
    columns = [column[0] for column in (found.red_primary, found.green_primary, found.blue_primary)]
    assert np.abs(np.subtract(columns, ADOBE_COLUMNS)).max() < 1e-4
    assert found.xcolor_space.strip() == "RGB"
    assert found.device_class.strip() == "mntr"


def test_without_being_asked_for_or_where_no_is_asked_a_picture_has_no_profile(web: Web) -> None:
    web.keep(dataset := colours())
    for query in ("", "iccprofile=no"):
        for media_type in ("image/png", "image/jpeg"):
            assert "icc_profile" not in picture(web, dataset, query, media_type).info


def own_profile() -> bytes:
    (path,) = (path for path in map(Path, pydicom.data.get_testdata_files("crayons.icc")))
    return path.read_bytes()


def test_yes_gives_a_picture_the_profile_of_its_object(web: Web) -> None:
    profiled, plain = colours(), colours()
    profiled.ICCProfile = own_profile()
    web.keep(profiled, plain)
    found = picture(web, profiled, "iccprofile=yes")
    assert found.info["icc_profile"].rstrip(b"\0") == own_profile().rstrip(b"\0")
    assert thirds(found) == (RED, GREEN, BLUE)
    assert "sRGB" in ImageCms.getProfileDescription(
        profile_of(picture(web, plain, "iccprofile=yes"))
    )


def test_colours_are_those_of_the_profile_of_the_object_or_of_its_optical_path(web: Web) -> None:
    p3 = rgb_profile(ColourSpace.DISPLAY_P3)
    top, path = colours(), colours()
    top.ICCProfile = p3
    path.OpticalPathSequence = [Dataset()]
    path.OpticalPathSequence[0].OpticalPathIdentifier = "1"
    path.OpticalPathSequence[0].ICCProfile = p3
    web.keep(top, path)
    for dataset in (top, path):
        found = picture(web, dataset, "iccprofile=displayp3")
        assert thirds(found) == (RED, GREEN, BLUE)
        # All three are outside of sRGB: the nearest of its colours are its own primaries.
        assert thirds(picture(web, dataset, "iccprofile=srgb")) == (RED, GREEN, BLUE)
        assert thirds(picture(web, dataset, "iccprofile=adobergb")) != PRIMARIES["adobergb"]


def test_optical_paths_with_different_profiles_have_none_in_common(web: Web) -> None:
    dataset = colours()
    dataset.OpticalPathSequence = [Dataset(), Dataset()]
    for item, space in zip(dataset.OpticalPathSequence, ColourSpace, strict=False):
        item.OpticalPathIdentifier = space.name
        item.ICCProfile = rgb_profile(space)
    web.keep(dataset)
    answer = web.get(path_of(dataset, "rendered?iccprofile=yes"))
    assert answer.status_code == 400
    assert "2 different ICC profiles" in answer.text


def test_a_gray_picture_becomes_one_of_srgb(web: Web) -> None:
    web.keep(dataset := ct_slice(16, 16))
    plain = np.asarray(picture(web, dataset, ""))
    for query in ("iccprofile=yes", "iccprofile=srgb"):
        found = picture(web, dataset, query)
        assert "sRGB" in ImageCms.getProfileDescription(profile_of(found))
        assert np.array_equal(np.asarray(found), np.repeat(plain[..., None], 3, axis=2))


def test_the_colours_of_a_presentation_state_are_those_of_its_profile(web: Web) -> None:
    image = colours()
    state = presentation_state(PresentationState(), source=image).data_set
    state.ICCProfile = own_profile()
    web.keep(image, state)
    assert picture(web, state, "iccprofile=yes").info["icc_profile"].startswith(own_profile()[:500])


def test_every_part_of_several_pictures_has_the_profile(web: Web) -> None:
    web.keep(dataset := multi_frame(3, bits=8, samples=3))
    accept = 'multipart/related; type="image/png"'
    found = parts(web.get(path_of(dataset, "rendered?iccprofile=rommrgb"), accept))
    assert len(found) == 3
    for part in found:
        assert "ROMM" in ImageCms.getProfileDescription(profile_of(Image.open(io.BytesIO(part))))


@pytest.mark.parametrize(
    ("profile", "query", "accept"),
    [
        (b"no profile", "iccprofile=yes", "image/png"),
        (b"no profile", "iccprofile=srgb", "image/png"),
        (
            ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
            "iccprofile=yes",
            "image/png",
        ),
        (None, "iccprofile=adobergb", "image/gif"),
        (
            rgb_profile(ColourSpace.SRGB)[:16] + b"\xff" * 4 + rgb_profile(ColourSpace.SRGB)[20:],
            "iccprofile=srgb",
            "image/png",
        ),
        (rgb_profile(ColourSpace.DISPLAY_P3) + bytes(17 << 20), "iccprofile=yes", "image/jpeg"),
    ],
    ids=["none", "none-converted", "of-lab", "gif", "of-bytes-no-text", "too-long-for-jpeg"],
)
def test_what_cannot_be_done_is_a_bad_request(
    web: Web, profile: bytes | None, query: str, accept: str
) -> None:
    dataset = colours()
    if profile is not None:
        dataset.ICCProfile = profile
    web.keep(dataset)
    answer = web.get(path_of(dataset, f"rendered?{query}"), accept=accept)
    assert answer.status_code == 400
    assert "iccprofile" in answer.text
    assert web.get(path_of(dataset, "rendered?iccprofile=no"), accept=accept).status_code == 200


def test_a_moving_picture_is_in_srgb_where_that_is_asked_for(web: Web) -> None:
    dataset = multi_frame(2, bits=8, samples=3)
    web.keep(dataset)
    for query in ("iccprofile=srgb", "iccprofile=yes"):
        answer = web.get(path_of(dataset, f"rendered?{query}"), accept="image/gif")
        assert Image.open(io.BytesIO(answer.content)).n_frames == 2


def test_a_profile_that_is_longer_than_a_segment_of_jpeg_is_read_whole() -> None:
    profile = np.random.default_rng(1).bytes(150_000)
    file = with_profile(to_jpeg(np.zeros((8, 8, 3), np.uint8)), profile)
    assert Image.open(io.BytesIO(file)).info["icc_profile"] == profile
