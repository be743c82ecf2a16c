"""Frames that are components of one codestream (PS3.5 A.4.4), on the canvas."""

import httpx
import numpy as np
from pydicom.pixels import apply_windowing
from tests.browser import objects
from tests.browser.test_pixels import compare, open_plain
from tests.pixels.collections_of_frames import collected, encoded, volume


def test_every_component_is_a_frame_of_its_own(viewer) -> None:
    frames = volume(6, 64, 80)
    # In a study that is there: the list of studies is counted elsewhere.
    given = {"StudyInstanceUID": objects.STUDY, "SeriesNumber": 94}
    given |= {"WindowCenter": 100, "WindowWidth": 150}
    dataset, content = collected([encoded(part) for part in np.split(frames, 2)], frames, **given)
    url, headers = viewer.address + "/dicomweb/studies", {"content-type": "application/dicom"}
    assert httpx.post(url, content=content, headers=headers).status_code == 200
    open_plain(viewer, dataset)
    for number, frame in enumerate(frames, 1):
        assert viewer.state()["frame"] == number
        shown = apply_windowing(frame, dataset)
        compare(viewer, np.rint(np.clip(shown, 0, 255)).astype(np.uint8), tolerance=1)
        viewer.press("ArrowDown")
