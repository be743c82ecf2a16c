import pydicom
from tests.factories import ct_slice
from tests.pixels.corpus import Picture, files
from tests.services.viewer.conftest import Viewer, instance_path


def rows_of(viewer: Viewer, dataset: pydicom.Dataset) -> list[dict]:
    answer = viewer.get(instance_path(dataset, "/tags"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_element_has_a_row_with_its_name_and_value(viewer: Viewer) -> None:
    dataset = ct_slice(8, 8, PixelSpacing=[0.5, 0.75])
    viewer.keep(dataset)
    rows = {row["tag"]: row for row in rows_of(viewer, dataset)}
    name = rows["(0010,0010)"]
    assert (name["keyword"], name["name"], name["vr"]) == ("PatientName", "Patient's Name", "PN")
    assert (name["value"], name["vm"], name["level"], name["length"]) == ("Doe^Jane", 1, 0, 8)
    assert rows["(0028,0030)"]["value"] == "0.5\\0.75" and rows["(0028,0030)"]["vm"] == 2
    assert rows["(0002,0010)"]["value"].startswith("1.2.840.10008.1.2.1")
    assert rows["(7FE0,0010)"]["value"] == "128 bytes"


def test_sequences_are_flattened_with_their_level(viewer: Viewer) -> None:
    picture = Picture.named("liver_1frame.dcm")
    viewer.keep(picture.path)
    rows = rows_of(viewer, picture.dataset)
    at = next(n for n, row in enumerate(rows) if row["tag"] == "(5200,9229)")
    assert [row["level"] for row in rows[at : at + 3]] == [0, 1, 2]
    assert rows[at]["value"] == "1 item" and rows[at + 1]["name"] == "Item 1"


def test_private_elements_keep_their_creators_names(viewer: Viewer) -> None:
    viewer.keep(files()["CT_small.dcm"])
    rows = {row["tag"]: row for row in rows_of(viewer, Picture.named("CT_small.dcm").dataset)}
    assert rows["(0009,0010)"]["value"] == "GEMS_IDEN_01"
    assert rows["(0009,1001)"]["name"] == "Full fidelity"


def test_long_and_binary_values_are_cut_or_described(viewer: Viewer) -> None:
    dataset = ct_slice(8, 8, PatientComments="x" * 5000)
    dataset.add_new(0x00420011, "OB", bytes(300))
    viewer.keep(dataset)
    rows = {row["tag"]: row for row in rows_of(viewer, dataset)}
    assert len(rows["(0010,4000)"]["value"]) == 1024 and rows["(0010,4000)"]["length"] == 5000
    assert rows["(0042,0011)"]["value"] == "300 bytes"


def test_a_value_that_breaks_its_grammar_is_shown_as_it_stands(viewer: Viewer) -> None:
    picture = Picture.named("badVR.dcm")
    viewer.keep(picture.path)
    rows = {row["tag"]: row for row in rows_of(viewer, picture.dataset)}
    assert rows["(0028,0008)"]["value"].strip() == "1A"


def test_sequences_nested_without_end_are_cut_off(viewer: Viewer) -> None:
    dataset = ct_slice(8, 8)
    inner = pydicom.Dataset()
    for _ in range(60):
        outer = pydicom.Dataset()
        outer.ReferencedSeriesSequence = [inner]
        inner = outer
    dataset.ReferencedSeriesSequence = [inner]
    viewer.keep(dataset)
    assert max(row["level"] for row in rows_of(viewer, dataset)) <= 64
