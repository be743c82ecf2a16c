"""What readers take for granted from other viewers: corners, presets, lengths, columns."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser import objects
from tests.running_server import wait_until


@pytest.fixture
def stack(viewer):
    viewer.open(f"/viewer?StudyInstanceUIDs={objects.STACK_STUDY}")
    viewer.wait("isocenter?.firstImage != null")
    viewer.settled()
    return viewer


def test_each_corner_has_its_own_text(stack):
    corners = {
        "top-left": ["Stack, Stella", "PID-1"],
        "top-right": ["General Hospital", "Chest with contrast", "Axial 1.25mm"],
        "bottom-left": ["W 400  L 40", "%"],
        "bottom-right": ["1 / 30"],
    }
    for place, texts in corners.items():
        corner = stack.page.locator(f".corner.{place}")
        for text in texts:
            expect(corner).to_contain_text(text)


def test_the_windows_of_ct_are_those_that_everybody_has(stack):
    """Width and level in Hounsfield units, behind the two windows of the object."""
    known = {"Soft tissue": (400, 40), "Lung": (1500, -600), "Liver": (150, 90)}
    known |= {"Bone": (2500, 480), "Brain": (80, 40), "Mediastinum": (400, 80)}
    for number, (name, (width, level)) in enumerate(known.items(), 3):
        stack.press(str(number))
        voi = stack.state()["voi"]
        assert (name, voi["width"], voi["center"]) == (name, width, level)


def test_the_scale_bar_is_as_long_as_it_says(stack):
    spacing = float(objects.stack()[0].PixelSpacing[1])
    for keys in ((), ("+", "+"), ("r",), ("-", "h")):
        stack.press(*keys)
        said = stack.page.locator(".scale").inner_text().strip()
        value, unit = re.fullmatch(r"([\d.]+) (cm|mm)", said).groups()
        millimetres = float(value) * {"cm": 10, "mm": 1}[unit]
        to_canvas = stack.state()["toCanvas"]
        pixels_a_column = (to_canvas["a"] ** 2 + to_canvas["b"] ** 2) ** 0.5
        drawn = stack.page.locator(".scale-bar").bounding_box()["width"]
        assert drawn == pytest.approx(millimetres / spacing * pixels_a_column, abs=1)


def cells(viewer, name: str) -> list[str]:
    return [text.casefold() for text in viewer.page.locator(f"td.{name}").all_inner_texts()]


# Heading, class of the cells, the attribute.
COLUMNS = [
    ("Patient", "patient", "PatientName"),
    ("ID", "patient-id", "PatientID"),
    ("Study date", "date", "StudyDate"),
    ("Modality", "modality", "Modality"),
    ("Description", "description", "StudyDescription"),
    ("Accession", "accession", "AccessionNumber"),
]


def test_every_heading_sorts_both_ways(viewer):
    viewer.open("/?patientId=LIST-0")
    listed = [each for each in objects.many_studies() if each.PatientID.startswith("LIST-0")]
    for heading, name, keyword in COLUMNS:
        values = sorted(str(each[keyword].value).casefold() for each in listed)
        heading_cell = viewer.page.get_by_role("columnheader", name=heading, exact=True)
        ends = []
        for _ in range(2):
            before = heading_cell.get_attribute("aria-sort")
            heading_cell.get_by_role("button").click()
            expect(heading_cell).not_to_have_attribute("aria-sort", before)
            descending = heading_cell.get_attribute("aria-sort") == "descending"
            expected = (values[::-1] if descending else values)[:50]
            wait_until(lambda name=name, expected=expected: written(viewer, name) == expected)
            ends.append(expected[0])
        assert ends[0] != ends[1]


def written(viewer, name: str) -> list[str]:
    """A column's cells as the attribute has them."""
    found = cells(viewer, name)
    if name == "date":
        return [re.sub(r"\D", "", text)[:8] for text in found]
    if name == "patient":
        return [re.split(r"\d", text)[0].replace(", ", "^") for text in found]  # then when born
    return found


def test_the_modality_narrows_the_list_to_studies_that_have_it(viewer):
    viewer.open("/?patientId=LIST")
    viewer.page.get_by_role("combobox", name="Modality").select_option("MR")
    expect(viewer.page.locator(".pager-text")).to_contain_text("of 55")
    assert set(cells(viewer, "modality")) == {"mr"}
