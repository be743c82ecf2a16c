"""What sources say wrongly: told by every kind of object, and in none of them."""

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from tests.compose.derivation_sources import placed_series, written
from tests.compose.judges import dciodvfy_errors
from tests.compose.test_bare_sources import KINDS
from tests.factories import ct_series, ct_slice, part10_bytes

from isocenter import compose
from isocenter.compose import attributes
from isocenter.errors import CannotCompose
from isocenter.series import Series

WRONG = {"PatientAge": "12", "MedicalAlerts": "a" * 70, "InstitutionName": "b" * 65}
STUDY = {Tag(one) for one in attributes.STUDY_REQUIRED}
PICTURE = np.zeros((4, 4), np.uint8)


def saying(image: Dataset, **said: object) -> Dataset:
    """The image with values that pydicom would not take."""
    for keyword, value in said.items():
        tag, vr = Tag(keyword), dictionary_VR(keyword)
        image[tag] = DataElement(tag, vr, value, validation_mode=IGNORE)
    return image


def capture(source: object, **options: object) -> compose.Composed:
    return compose.secondary_capture(PICTURE, source=source, **options)


def told(made: object) -> dict[str, compose.LeftOut]:
    return {one.keyword: one for one in made.left_out}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "series"
    written(folder, [saying(one, **WRONG) for one in ct_series(3, 16, 16)])
    (folder.parent / "a.pdf").write_bytes(b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    (folder.parent / "state.json").write_text('{"window": [40, 400]}')
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_tells_what_its_source_says_wrongly_and_does_not_say_it(source, kind, tmp_path):
    made = KINDS[kind](source)
    objects = [made] if isinstance(made, compose.Composed) else list(made)
    assert {"PatientAge", "InstitutionName"} <= told(made).keys()
    rows = [row for row in made.explain() if row["origin"] == "left out"]
    assert [row["keyword"] for row in rows] == [one.keyword for one in made.left_out]
    for number, one in enumerate(objects):
        assert not told(one).keys() & set(one.data_set.dir())
        wrong = dciodvfy_errors(one.save(tmp_path / f"{number}.dcm"))
        assert [line for line in wrong if any(keyword in line for keyword in WRONG)] == []


def test_what_was_left_out_says_where_it_came_from_and_why(source):
    found = told(capture(source / "000.dcm"))["PatientAge"]
    assert (found.tag, found.found) == (0x00101010, "12")
    assert found.sources == (str(source / "000.dcm"),)
    assert str(found) == (
        f"PatientAge (0010,1010) of {source / '000.dcm'} is left out; expected three digits and D, "
        "W, M or Y"
    )


def test_only_an_explanation_shows_the_value():
    composed = capture(saying(ct_slice(8, 8), InstitutionName="Secret" * 20))
    (one,) = composed.left_out
    assert "Secret" not in f"{one} {one!r}"
    (row,) = [row for row in composed.explain() if row["origin"] == "left out"]
    assert (row["tag"], row["presence"], row["source"]) == ("(0008,0080)", "ABSENT", "")
    assert "SecretSecret" in row["detail"] and "at most 64 characters" in row["detail"]


def test_nothing_is_told_where_nothing_is_wrong():
    composed = capture(ct_slice(8, 8))
    assert composed.left_out == ()
    assert all(row["origin"] != "left out" for row in composed.explain())


def test_what_somebody_sets_instead_is_no_news():
    image = saying(ct_slice(8, 8), **WRONG)
    composed = capture(image, overrides={"PatientAge": "012Y"})
    assert "PatientAge" not in told(composed)
    derived = compose.derived_series([image], lambda a: a, overrides={"PatientAge": "012Y"})
    assert "PatientAge" not in told(derived) and "MedicalAlerts" in told(derived)


def test_what_all_slices_say_wrongly_is_told_once(tmp_path):
    images = [saying(one, PatientAge="12") for one in placed_series(4)]
    saying(images[2], PatientAge="012Y", BodyPartExamined="a.b")
    folder = written(tmp_path / "in", images)
    derived = compose.derived_series(folder, lambda a: a)
    found = told(derived)
    assert [Path(one).name for one in found["PatientAge"].sources] == [
        "000.dcm",
        "001.dcm",
        "003.dcm",
    ]
    assert "3 images, the first " in str(found["PatientAge"])
    assert [Path(one).name for one in found["BodyPartExamined"].sources] == ["002.dcm"]
    derived.save(tmp_path / "out")
    assert derived.left_out == tuple(found.values())
    assert [one.PatientAge for one in map(pydicom.dcmread, sorted((tmp_path / "out").iterdir()))
            if "PatientAge" in one] == ["012Y"]  # fmt: skip


def test_a_written_series_tells_it_too(source, tmp_path):
    files = (Series.open(source) + 1).write(tmp_path / "out")
    assert [path.suffix for path in files] == [".dcm"] * 3
    assert files == sorted(files, key=lambda path: pydicom.dcmread(path).InstanceNumber)
    assert "PatientAge" in told(files) and len(told(files)["PatientAge"].sources) == 3
    assert not any("PatientAge" in pydicom.dcmread(path) for path in files)


def test_images_of_an_acquired_series_tell_what_one_of_them_says_wrongly(tmp_path):
    images = placed_series(3, rows=16, columns=16, spacing=(1, 1, 2))
    saying(images[1], ExposureTime="9" * 13)
    made = compose.acquired_series(
        np.zeros((3, 16, 16), np.int16), modality="CT", source=written(tmp_path / "in", images)
    )
    assert [Path(one).name for one in told(made)["ExposureTime"].sources] == ["001.dcm"]
    kept = [one.data_set.get("ExposureTime") for one in made]
    assert kept[1] is None and None not in (kept[0], kept[2])


def test_a_worklist_item_that_says_it_wrongly_is_named(tmp_path):
    item = Dataset()
    item.PatientName, item.PatientID = "Doe^Jane", "P1"
    saying(item, RequestedProcedureDescription="x" * 65)
    image = ct_slice(8, 8, PatientID="P1", StudyDescription="Chest")
    composed = capture(compose.load(image, worklist=item))
    assert composed.data_set.StudyDescription == "Chest"
    assert told(composed)["StudyDescription"].found.startswith("xxx")


@pytest.mark.parametrize("said", ["YES", "yes"])
def test_an_identity_that_is_called_removed_without_saying_how_is_told(said, tmp_path):
    image = saying(ct_slice(8, 8), PatientIdentityRemoved=said)
    derived = compose.derived_series([image], lambda a: a)
    for made, path in (
        (capture(image), tmp_path / "sc.dcm"),
        (next(iter(derived)), tmp_path / "d.dcm"),
    ):
        assert "PatientIdentityRemoved" not in made.data_set
        assert "(0012,0063)" in told(made)["PatientIdentityRemoved"].expected
        assert dciodvfy_errors(made.save(path)) == []


@pytest.mark.parametrize("said", ["NO", "no"])
def test_a_derived_series_keeps_that_identity_is_not_removed(said, tmp_path):
    image = saying(ct_slice(8, 8), PatientIdentityRemoved=said)
    (path,) = compose.derived_series([image], lambda a: a).save(tmp_path / "out")
    assert pydicom.dcmread(path).PatientIdentityRemoved == "NO"
    assert dciodvfy_errors(path) == []


def test_a_derived_series_never_leaves_out_whose_number_a_patient_id_is(tmp_path):
    image = saying(ct_slice(8, 8), IssuerOfPatientID="i" * 65)
    with pytest.raises(CannotCompose, match=r"IssuerOfPatientID \(0010,0021\)"):
        compose.derived_series([image], lambda a: a).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"StationName": "s" * 17}, "StationName"),
        ({"Manufacturer": "m" * 65}, "Manufacturer"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "axial!"]}, "ImageType"),
        ({"PregnancyStatus": 7}, "PregnancyStatus"),
        ({"Laterality": "x"}, "Laterality"),
    ],
)
def test_a_derived_series_carries_no_wrong_value_into_another_attribute(said, path, tmp_path):
    image = saying(ct_slice(8, 8), **said)
    derived = compose.derived_series([image], lambda a: a)
    (file,) = derived.save(tmp_path / "out")
    assert dciodvfy_errors(file) == []
    assert path in told(derived)


TOO_MANY = {
    "StudyDescription": (["CT", "ABDOMEN"], "1 value (value multiplicity)"),
    "PatientAge": (["045Y", "046Y"], "1 value (value multiplicity)"),
    "PatientSize": (["1.7", "1.8"], "1 value (value multiplicity)"),
    "BodyPartExamined": (["HEAD", "NECK"], "1 value (value multiplicity)"),
}


@pytest.mark.parametrize("keyword", TOO_MANY)
def test_an_attribute_of_too_many_values_is_left_out(keyword, tmp_path):
    values, expected = TOO_MANY[keyword]
    image = saying(ct_slice(8, 8), **{keyword: values})
    (tmp_path / "a.dcm").write_bytes(part10_bytes(image))
    assert any("ultiplicity" in line for line in dciodvfy_errors(tmp_path / "a.dcm"))
    derived = compose.derived_series(tmp_path / "a.dcm", lambda a: a)
    for made, path in (
        (capture(tmp_path / "a.dcm"), tmp_path / "sc.dcm"),
        (next(iter(derived)), tmp_path / "d.dcm"),
    ):
        found = told(made)[keyword]
        assert found.expected == expected and found.sources == (str(tmp_path / "a.dcm"),)
        assert keyword not in made.data_set
        assert dciodvfy_errors(made.save(path)) == []


@pytest.mark.parametrize(
    ("keyword", "values", "expected"),
    [
        ("TableSpeed", [1.0, 2.0], "1 value"),
        ("ReconstructionTargetCenterPatient", [1.0, 2.0], "3 values"),
        ("ExposureTimeInms", [1.0, 2.0], "1 value"),
        ("ConvolutionKernel", ["A", "B"], ""),
        ("ImagerPixelSpacing", ["1"], "2 values"),
    ],
)
def test_numbers_of_values_of_derived_images_are_those_of_the_dictionary(
    keyword, values, expected, tmp_path
):
    image = saying(ct_slice(8, 8), **{keyword: values})
    derived = compose.derived_series([image], lambda a: a)
    (path,) = derived.save(tmp_path / "out")
    assert (keyword in pydicom.dcmread(path)) is not bool(expected)
    assert [one.expected for one in derived.left_out] == (
        [f"{expected} (value multiplicity)"] if expected else []
    )
    assert dciodvfy_errors(path) == []


def test_items_with_too_many_values_are_left_out_with_their_sequence(tmp_path):
    item = saying(coded("CT"), CodeMeaning=["CT", "head"])
    image = ct_slice(8, 8, ProcedureCodeSequence=[item])
    for made in (capture(image), compose.derived_series([image], lambda a: a)):
        assert told(made)["ProcedureCodeSequence"].expected == (
            "in its items CodeMeaning (0008,0104): 1 value (value multiplicity)"
        )


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "IssuerOfPatientID"])
def test_who_a_patient_is_is_refused_by_its_number_of_values(keyword, tmp_path):
    image = saying(ct_slice(8, 8), **{keyword: ["1", "2"]})
    for make in (capture, lambda one: compose.derived_series([one], lambda a: a).save(tmp_path)):
        with pytest.raises(CannotCompose, match=rf"{keyword} .* expected 1 value .*orrect"):
            make(image)
    assert capture(image, overrides={keyword: "1"}).data_set[keyword].value == "1"


TYPE_2 = {
    "AccessionNumber": ["1", "2"],
    "StudyID": ["1", "2"],
    "StudyDate": "20240230",
    "ReferringPhysicianName": ["Roe^R", "Poe^P"],
    "KVP": ["80", "140"],
    "SliceThickness": ["1", "2"],
    "AcquisitionNumber": ["1", "2"],
    "PositionReferenceIndicator": "a" * 65,
}


@pytest.mark.parametrize("keyword", TYPE_2)
def test_what_may_be_empty_is_left_empty_and_told(keyword, tmp_path):
    """Type 2 attributes have zero length where the value is unknown (PS3.5 7.4.3)."""
    image = saying(ct_slice(8, 8), **{keyword: TYPE_2[keyword]})
    copied = ("derived", "capture") if Tag(keyword) in STUDY else ("derived",)
    derived = compose.derived_series([image], lambda a: a)
    for name in copied:
        made = capture(image) if name == "capture" else next(iter(derived))
        path = made.save(tmp_path / f"{name}.dcm")
        assert keyword in told(made)
        assert pydicom.dcmread(path)[keyword].is_empty
        assert dciodvfy_errors(path) == []


def test_an_acquired_series_leaves_empty_what_its_source_says_twice(tmp_path):
    said = {"KVP": ["80", "140"], "SliceThickness": ["1", "2"], "AccessionNumber": ["1", "2"]}
    images = [saying(one, **said) for one in placed_series(3, rows=16, columns=16)]
    made = compose.acquired_series(np.zeros((3, 16, 16), np.int16), modality="CT", source=images)
    assert {"KVP", "AccessionNumber"} == told(made).keys()
    for path in made.save(tmp_path / "out"):
        written_one = pydicom.dcmread(path)
        assert (written_one.KVP, written_one.AccessionNumber) == (None, "")
        assert written_one.SliceThickness > 0
        assert dciodvfy_errors(path) == []


def test_control_characters_of_a_series_description_go_nowhere(tmp_path):
    image = saying(ct_slice(8, 8), SeriesDescription="a\x01b")
    assert dciodvfy_errors(capture(image).save(tmp_path / "sc.dcm")) == []
    (path,) = compose.derived_series([image], lambda a: a).save(tmp_path / "out")
    assert dciodvfy_errors(path) == []


def test_other_patient_ids_that_are_none_do_not_become_items(tmp_path):
    image = saying(ct_slice(8, 8), OtherPatientIDs=["A1", "o" * 65])
    composed = capture(image)
    assert [one.PatientID for one in composed.data_set.OtherPatientIDsSequence] == ["A1"]
    assert "OtherPatientIDs" in told(composed)
    assert dciodvfy_errors(composed.save(tmp_path / "sc.dcm")) == []


def test_a_series_number_that_is_none_stops_nobody(tmp_path):
    content = part10_bytes(ct_slice(8, 8, SeriesNumber="73"))
    number = struct.pack("<HH2sH", 0x0020, 0x0011, b"IS", 2)
    (tmp_path / "a.dcm").write_bytes(content.replace(number + b"73", number + b"ab"))
    capture(tmp_path / "a.dcm").save(tmp_path / "sc.dcm")
    (derived,) = compose.derived_series(tmp_path / "a.dcm", lambda a: a).save(tmp_path / "out")
    for path in (tmp_path / "sc.dcm", derived):
        assert pydicom.dcmread(path).SeriesNumber > 0
        assert dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    ("keyword", "said", "how"),
    [
        ("BodyPartExamined", "chest", "in capitals"),
        ("StudyDate", "2024.01.17", "without dots"),
        ("StudyTime", "08:15:00", "without colons"),
        ("PatientWeight", "61.12345678901234567", "rounded to 16 characters"),
    ],
)
def test_an_explanation_says_how_a_value_was_mended(keyword, said, how):
    image = saying(ct_slice(8, 8), **{keyword: said})
    for made in (capture(image), compose.derived_series([image], lambda a: a)):
        (row,) = [row for row in made.explain() if row["keyword"] == keyword]
        assert (row["source"], row["detail"].endswith(f", {how}")) == ("COPY", True)


def test_an_explanation_says_that_a_given_value_was_raised_to_capitals():
    for made in (
        capture(ct_slice(8, 8), overrides={"BodyPartExamined": "chest"}),
        compose.derived_series(
            [ct_slice(8, 8)], lambda a: a, overrides={"BodyPartExamined": "chest"}
        ),
    ):
        (row,) = [row for row in made.explain() if row["keyword"] == "BodyPartExamined"]
        assert (row["source"], row["detail"]) == ("USER", "override, in capitals")


def coded(meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "CT", "99ACME"
    return saying(item, CodeMeaning=meaning)


def test_items_that_say_something_wrongly_are_left_out_with_their_sequence(tmp_path):
    image = ct_slice(8, 8, ProcedureCodeSequence=[coded("m" * 65)])
    derived = compose.derived_series([image], lambda a: a)
    for made, path in (
        (capture(image), tmp_path / "sc.dcm"),
        (next(iter(derived)), tmp_path / "d"),
    ):
        assert "ProcedureCodeSequence" not in made.data_set
        found = told(made)["ProcedureCodeSequence"]
        assert found.expected == "in its items CodeMeaning (0008,0104): at most 64 characters"
        assert dciodvfy_errors(made.save(path)) == []


def test_items_are_mended_like_attributes(tmp_path):
    item = saying(Dataset(), PatientID="A1", TypeOfPatientID="text")
    image = ct_slice(8, 8, OtherPatientIDsSequence=[item])
    derived = compose.derived_series([image], lambda a: a)
    for made, path in (
        (capture(image), tmp_path / "sc.dcm"),
        (next(iter(derived)), tmp_path / "d"),
    ):
        assert made.data_set.OtherPatientIDsSequence[0].TypeOfPatientID == "TEXT"
        assert item.TypeOfPatientID == "text" and made.left_out == ()
        assert dciodvfy_errors(made.save(path)) == []
        (row,) = [row for row in made.explain() if row["keyword"] == "OtherPatientIDsSequence"]
        assert row["detail"].endswith(", its items mended")
