"""Corrections: pydicom reads them, dciodvfy accepts them, and undoing gives the old bytes."""

import shutil
import subprocess
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.compose.judges import dciodvfy_errors, needs
from tests.dicom import corpus
from tests.factories import ct_slice, part10_bytes

from isocenter.compose import secondary_capture
from isocenter.compose.correction.corrections import Outcome, correct
from isocenter.dicom import Severity, validate
from isocenter.errors import CannotCompose

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless]


def written(tmp_path: Path, syntax: str = ExplicitVRLittleEndian, **attributes: object) -> Path:
    path = tmp_path / "in" / "a.dcm"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(part10_bytes(ct_slice(**attributes), syntax))
    return path


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_change_and_the_pixels_do_not(tmp_path: Path, syntax: str) -> None:
    path = written(tmp_path, syntax, PatientComments="wrong patient")
    before = pydicom.dcmread(path)
    (result,) = correct(
        [path],
        output=tmp_path / "out",
        set_values={"PatientName": "DOE^JANE", "OtherPatientNames": ["A^B", "C^D"]},
        remove=["PatientComments"],
    )
    assert result.outcome is Outcome.CORRECTED and result.written is not None
    after = pydicom.dcmread(result.written)
    assert after.PatientName == "DOE^JANE"
    assert list(map(str, after.OtherPatientNames)) == ["A^B", "C^D"]
    assert "PatientComments" not in after
    assert after.PixelData == before.PixelData
    assert dciodvfy_errors(result.written) == []


def test_code_strings_are_written_in_capitals_those_of_items_too(tmp_path: Path) -> None:
    path = written(tmp_path, SYNTAXES[0])
    said = {
        "PatientSex": "f",
        "OtherPatientIDsSequence": [{"PatientID": "a1", "TypeOfPatientID": "text"}],
    }
    correct([path], output=tmp_path / "1", set_values=said)
    after = pydicom.dcmread(tmp_path / "1" / "a.dcm")
    (item,) = after.OtherPatientIDsSequence
    assert (after.PatientSex, item.PatientID, item.TypeOfPatientID) == ("F", "a1", "TEXT")
    correct([path], output=tmp_path / "2", replace={"PatientSex": {"F": "m", "M": "f", "O": "m"}})
    assert pydicom.dcmread(tmp_path / "2" / "a.dcm").PatientSex in ("F", "M")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_correction_taken_back_gives_the_same_bytes(tmp_path: Path, syntax: str) -> None:
    path = written(tmp_path, syntax, PatientComments="x")
    correct([path], output=tmp_path / "1", set_values={"PatientID": "7", "PatientAge": "040Y"})
    correct([tmp_path / "1"], output=tmp_path / "2", remove=["PatientComments", "StudyID"])
    correct([tmp_path / "2"], output=tmp_path / "3", undo=True)
    assert (tmp_path / "3" / "a.dcm").read_bytes() == (tmp_path / "1" / "a.dcm").read_bytes()
    correct([tmp_path / "3"], output=tmp_path / "4", undo=True)
    assert (tmp_path / "4" / "a.dcm").read_bytes() == path.read_bytes()


def test_a_correction_taken_back_gives_the_same_bytes_of_every_public_file(
    tmp_path: Path,
) -> None:
    files = [path for path in corpus.files() if path.stat().st_size < 3_000_000]
    for number, path in enumerate(files):
        shutil.copy(path, tmp_path / f"{number:03}.dcm")
    originals = sorted(tmp_path.glob("*.dcm"))
    said = {"PatientName": "DOE^JANE^ELIZABETH", "StudyDescription": "7", "PatientAddress": "x"}
    done = correct(originals, output=tmp_path / "1", set_values=said, remove=["StudyID"])
    changed = [one.path for one in done if one.outcome is Outcome.CORRECTED]
    assert len(changed) > 200
    assert [one.error for one in done if one.path not in changed] == []
    correct([tmp_path / "1"], output=tmp_path / "2", undo=True)
    different = [
        files[int(path.stem)].name
        for path in changed
        if inflated(tmp_path / "2" / path.name) != inflated(path)
    ]
    assert different == []


def inflated(path: Path) -> bytes:
    """A file, its data set inflated by zlib if it is deflated."""
    data = path.read_bytes()
    if DeflatedExplicitVRLittleEndian.encode() not in data[:1000]:
        return data
    begin = 144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength
    return data[:begin] + zlib.decompress(data[begin:], -zlib.MAX_WBITS)


def test_deflated_files_are_corrected_as_dcmtk_reads_them(tmp_path: Path) -> None:
    dcmconv = needs("dcmconv", "dcmtk")
    plain, path = written(tmp_path, PatientComments="x"), tmp_path / "deflated.dcm"
    subprocess.run([dcmconv, "+td", plain, path], check=True, timeout=60)
    said = {"set_values": {"PatientName": "DOE^JANE"}, "remove": ["PatientComments"]}
    correct([path], output=tmp_path / "out", **said)
    corrected = tmp_path / "out" / path.name
    assert len(corrected.read_bytes()) % 2 == 0
    assert pydicom.dcmread(corrected).file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    again = tmp_path / "again.dcm"
    subprocess.run([dcmconv, "+te", corrected, again], check=True, timeout=60)
    after = pydicom.dcmread(again)
    assert (after.PatientName, "PatientComments" in after) == ("DOE^JANE", False)
    assert after.PixelData == pydicom.dcmread(plain).PixelData
    assert dciodvfy_errors(again) == []
    correct([corrected], output=tmp_path / "back", undo=True)
    assert inflated(tmp_path / "back" / path.name) == inflated(path)


def test_a_large_deflated_file_is_corrected_in_little_memory(tmp_path: Path) -> None:
    image = ct_slice(64, 64)
    image.NumberOfFrames = 8_000
    image.PixelData = bytes(64 * 64 * 2) * 8_000  # 66 MB
    path = tmp_path / "large.dcm"
    path.write_bytes(part10_bytes(image, DeflatedExplicitVRLittleEndian))
    tracemalloc.start()
    try:
        (result,) = correct([path], output=tmp_path / "out", set_values={"PatientID": "7"})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.outcome is Outcome.CORRECTED and most < 20_000_000
    assert pydicom.dcmread(result.written, specific_tags=["PatientID"]).PatientID == "7"


def test_a_deflated_file_that_is_cut_off_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deflated.dcm"
    path.write_bytes(part10_bytes(ct_slice(), DeflatedExplicitVRLittleEndian)[:-1000])
    (result,) = correct([path], output=tmp_path / "out", set_values={"PatientID": "7"})
    assert result.outcome is Outcome.FAILED and "truncated" in result.error
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("syntax", ["+te", "+ti", "+tb"])
def test_group_lengths_are_those_that_dcmtk_counts(tmp_path: Path, syntax: str) -> None:
    dcmconv = needs("dcmconv", "dcmtk")

    def counted(path: Path, *options: str) -> Path:
        made = tmp_path / "counted" / path.name
        made.parent.mkdir(exist_ok=True)
        subprocess.run([dcmconv, *options, syntax, path, made], check=True, timeout=60)
        return made

    path = counted(written(tmp_path, StudyDescription="a", PatientComments="b"), "+g")
    said = {"PatientName": "DOE^JANE^ELIZABETH", "SeriesDescription": "new", "SliceThickness": "2"}
    correct([path], output=tmp_path / "out", set_values=said, remove=["PatientComments"])
    after = pydicom.dcmread(tmp_path / "out" / "a.dcm")
    again = pydicom.dcmread(counted(tmp_path / "out" / "a.dcm", "+g="))
    lengths = {element.tag: element.value for element in after if not element.tag.element}
    assert {tag >> 16 for tag in lengths} >= {0x0008, 0x0010, 0x0018, 0x0020, 0x0028}
    assert lengths == {element.tag: element.value for element in again if not element.tag.element}


def test_what_was_there_before_is_on_record(tmp_path: Path) -> None:
    path = written(tmp_path, PatientName="Doe^John")
    correct(
        [path],
        output=tmp_path / "out",
        set_values={"PatientName": "DOE^JANE"},
        reason="COERCE",
        previous_source="Example Hospital",
    )
    (item,) = pydicom.dcmread(tmp_path / "out" / "a.dcm").OriginalAttributesSequence
    assert item.ModifiedAttributesSequence[0].PatientName == "Doe^John"
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert item.SourceOfPreviousValues == "Example Hospital"
    assert item.ModifyingSystem == "ISOCENTER"


def test_text_that_the_objects_own_set_lacks_brings_unicode(tmp_path: Path) -> None:
    path = written(tmp_path, SpecificCharacterSet="ISO_IR 100", InstitutionName="Hôpital")
    correct([path], output=tmp_path / "out", set_values={"PatientName": "山田^太郎"})
    after = pydicom.dcmread(tmp_path / "out" / "a.dcm")
    assert after.SpecificCharacterSet == "ISO_IR 192"
    assert after.PatientName == "山田^太郎"
    assert after.InstitutionName == "Hôpital"
    correct([tmp_path / "out"], output=tmp_path / "back", undo=True)
    assert (tmp_path / "back" / "a.dcm").read_bytes() == path.read_bytes()


def test_values_are_replaced_by_a_table(tmp_path: Path) -> None:
    for name, identity in {"a": "1", "b": "2", "c": "3"}.items():
        (tmp_path / f"{name}.dcm").write_bytes(
            part10_bytes(ct_slice(PatientID=identity), ExplicitVRLittleEndian)
        )
    table = {"PatientID": {"1": "X1", "2": "X2"}}
    results = correct(sorted(tmp_path.glob("*.dcm")), output=tmp_path / "out", replace=table)
    assert [one.outcome.value for one in results] == ["corrected", "corrected", "unchanged"]
    after = [pydicom.dcmread(one).PatientID for one in sorted((tmp_path / "out").iterdir())]
    assert after == ["X1", "X2", "3"]


def test_a_file_that_is_no_dicom_stops_no_other(tmp_path: Path) -> None:
    path = written(tmp_path)
    (path.parent / "0.txt").write_text("hello")
    results = correct([path.parent], output=tmp_path / "out", set_values={"PatientID": "7"})
    assert [one.outcome for one in results] == [Outcome.FAILED, Outcome.CORRECTED]
    assert "0.txt" not in {one.name for one in (tmp_path / "out").iterdir()}


def test_two_files_are_not_written_to_one_place(tmp_path: Path) -> None:
    one = written(tmp_path)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / one.name
    other.write_bytes(one.read_bytes())
    with pytest.raises(CannotCompose, match="would both be written"):
        correct([one, other], output=tmp_path / "out", set_values={"PatientID": "7"})
    assert not (tmp_path / "out").exists()


def test_all_objects_of_a_correction_are_modified_at_one_moment(tmp_path: Path) -> None:
    one = written(tmp_path)
    for number in range(20):
        (one.parent / f"{number}.dcm").write_bytes(one.read_bytes())
    correct([one.parent], output=tmp_path / "out", set_values={"PatientID": "7"})
    moments = {
        pydicom.dcmread(path).OriginalAttributesSequence[0].AttributeModificationDateTime
        for path in (tmp_path / "out").iterdir()
    }
    assert len(moments) == 1


def test_an_attribute_out_of_order_is_changed_where_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, PatientID="1")
    data = path.read_bytes()
    name, identity = data.index(b"\x10\0\x10\0PN"), data.index(b"\x10\0\x20\0LO")
    end = data.index(b"\x10\0\x30\0DA")
    path.write_bytes(data[:name] + data[identity:end] + data[name:identity] + data[end:])
    correct([path], output=tmp_path / "out", set_values={"PatientName": "A^B", "PatientID": "7"})
    after = (tmp_path / "out" / "a.dcm").read_bytes()
    head = after[: after.index(b"\x00\x04\x61\x05SQ")]
    assert [head.count(one) for one in (b"\x10\0\x10\0PN", b"\x10\0\x20\0LO")] == [1, 1]
    correct([tmp_path / "out"], output=tmp_path / "back", undo=True)
    assert (tmp_path / "back" / "a.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("keyword", "value", "sentence"),
    [
        ("SOPInstanceUID", "1.2.3", "derive a new object"),
        ("SOPClassUID", "1.2.3", "another kind"),
        ("Rows", "5", "pixels"),
        ("BitsStored", "7", "pixels"),
        ("00100000", 4, "the lengths"),
    ],
)
def test_what_must_not_change_is_refused_by_name(
    tmp_path: Path, keyword: str, value: str, sentence: str
) -> None:
    path = written(tmp_path)
    (tmp_path / "map.csv").write_text(f"match:PatientID,{keyword}\nPID-1,{value}\n")
    for said in (
        {"set_values": {keyword: value}},
        {"remove": [keyword]},
        {"replace": {keyword: {"512": str(value)}}},
        {"table": tmp_path / "map.csv"},
    ):
        with pytest.raises(CannotCompose, match=f"not corrected: .*{sentence}"):
            correct([path], output=tmp_path / "out", **said)
    assert not (tmp_path / "out").exists()
    tag = {int(keyword, 16) if keyword.isdecimal() else tag_for_keyword(keyword): value}
    (result,) = correct([path], output=tmp_path / "out", rules=[lambda _header: tag])
    assert result.outcome is Outcome.FAILED and sentence in result.error
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("keyword", "value", "listed"),
    [
        ("PatientSex", "X", "M, F, O"),
        ("Laterality", "X", "R, L"),
        ("BurnedInAnnotation", "MAYBE", "YES, NO"),
    ],
)
def test_a_value_that_the_standard_does_not_list_is_refused_with_its_list(
    tmp_path: Path, keyword: str, value: str, listed: str
) -> None:
    path = written(tmp_path, BurnedInAnnotation="YES", Laterality="L")
    old = str(pydicom.dcmread(path)[keyword].value)
    (tmp_path / "map.csv").write_text(f"match:PatientID,{keyword}\nPID-1,{value}\n")
    for said in (
        {"set_values": {keyword: value}},
        {"replace": {keyword: {old: value}}},
        {"table": tmp_path / "map.csv"},
    ):
        (result,) = correct([path], output=tmp_path / "out", **said)
        assert result.outcome is Outcome.FAILED
        assert keyword in result.error and f"one of {listed}" in result.error
        assert value not in result.error
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    "keyword",
    ["PatientID", "PatientName", "StudyDate", "StudyID", "AccessionNumber", "Manufacturer"],
)
def test_what_is_removed_stays_empty_where_the_object_must_have_it(
    tmp_path: Path, keyword: str
) -> None:
    path = written(tmp_path)
    correct([path], output=tmp_path / "out", remove=[keyword])
    after = pydicom.dcmread(tmp_path / "out" / "a.dcm")
    assert keyword in after and not after[keyword].value
    assert dciodvfy_errors(tmp_path / "out" / "a.dcm") == []
    correct([tmp_path / "out"], output=tmp_path / "back", undo=True)
    assert (tmp_path / "back" / "a.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("keyword", ["Modality", "PixelSpacing", "RescaleSlope", "ImageType"])
def test_what_must_have_a_value_is_neither_removed_nor_emptied(
    tmp_path: Path, keyword: str
) -> None:
    path = written(tmp_path)
    for said in ({"remove": [keyword]}, {"set_values": {keyword: ""}}):
        (result,) = correct([path], output=tmp_path / "out", **said)
        assert result.outcome is Outcome.FAILED
        assert keyword in result.error and "must have a value" in result.error
    assert not list(tmp_path.glob("out/*"))


CONDITIONAL = [
    ("WindowWidth", {}, "VOI LUT module", "Window Center (0028,1050) is present"),
    (
        "ResponsiblePersonRole",
        {"ResponsiblePerson": "A^B", "ResponsiblePersonRole": "PARENT"},
        "Patient module",
        "Responsible Person (0010,2297) is present",
    ),
    (
        "DeidentificationMethod",
        {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"},
        "Patient module",
        "Patient Identity Removed (0012,0062) is YES",
    ),
]


@pytest.mark.parametrize(("keyword", "attributes", "module", "condition"), CONDITIONAL)
def test_what_must_have_a_value_as_its_condition_holds_is_neither_removed_nor_emptied(
    tmp_path: Path, keyword: str, attributes: dict[str, str], module: str, condition: str
) -> None:
    path = written(tmp_path, **attributes)
    assert dciodvfy_errors(path) == []
    for said in ({"remove": [keyword]}, {"set_values": {keyword: ""}}):
        (result,) = correct([path], output=tmp_path / "out", **said)
        assert result.outcome is Outcome.FAILED
        assert keyword in result.error and module in result.error
        assert f"Type 1C, required if {condition}" in result.error
    assert not list(tmp_path.glob("out/*"))
    data_set = pydicom.dcmread(path)
    delattr(data_set, keyword)
    data_set.save_as(path)
    assert any(keyword in line for line in dciodvfy_errors(path))


WINDOW = ["WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"]


def test_what_a_condition_asks_for_goes_with_what_it_depends_on(tmp_path: Path) -> None:
    path = written(tmp_path, PatientIdentityRemoved="YES", DeidentificationMethod="by hand")
    (result,) = correct([path], output=tmp_path / "1", remove=WINDOW)
    assert result.outcome is Outcome.CORRECTED
    said = {"set_values": {"PatientIdentityRemoved": "NO"}, "remove": ["DeidentificationMethod"]}
    (result,) = correct([tmp_path / "1"], output=tmp_path / "2", **said)
    assert result.outcome is Outcome.CORRECTED
    assert dciodvfy_errors(tmp_path / "2" / "a.dcm") == []


def test_what_may_be_empty_is_emptied_as_its_condition_holds(tmp_path: Path) -> None:
    path = written(tmp_path, BodyPartExamined="HAND", Laterality="L")
    correct([path], output=tmp_path / "out", remove=["Laterality"])
    after = pydicom.dcmread(tmp_path / "out" / "a.dcm")
    assert "Laterality" in after and not after.Laterality
    # It wants no Laterality of this image at all.
    assert dciodvfy_errors(tmp_path / "out" / "a.dcm") == dciodvfy_errors(path)


def test_what_may_be_absent_and_not_empty_is_not_emptied(tmp_path: Path) -> None:
    path = written(tmp_path, ResponsiblePerson="A^B", ResponsiblePersonRole="PARENT")
    said = {"remove": ["ResponsiblePerson"], "set_values": {"ResponsiblePersonRole": ""}}
    (result,) = correct([path], output=tmp_path / "out", **said)
    assert "not empty (Type 1C); give a value, or take it out" in result.error
    both = ["ResponsiblePerson", "ResponsiblePersonRole"]
    (result,) = correct([path], output=tmp_path / "out", remove=both)
    assert dciodvfy_errors(result.written) == []


SAID = [
    ("ConversionType", None, "cannot be taken out: such an object must have a value of it (Type 1"),
    ("DeidentificationMethod", None, "it (Type 1C, required if Patient Identity Removed (0012"),
    ("DeidentificationMethod", "", "cannot be emptied: such an object must have a value of it"),
    ("ResponsiblePersonRole", "", "but not empty (Type 1C); give a value, or take it out"),
]


@pytest.mark.parametrize(("keyword", "value", "said"), SAID)
def test_composed_and_corrected_objects_are_refused_the_same_in_the_same_words(
    tmp_path: Path, keyword: str, value: str | None, said: str
) -> None:
    identity = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"}
    pixels = np.zeros((4, 4), np.uint8)
    path = secondary_capture(pixels, overrides=identity).save(tmp_path / "a.dcm")
    with pytest.raises(CannotCompose) as refused:
        secondary_capture(pixels, overrides={**identity, keyword: value})
    given = {"remove": [keyword]} if value is None else {"set_values": {keyword: value}}
    (result,) = correct([path], output=tmp_path / "out", **given)
    assert result.error == str(refused.value)
    assert said in result.error


def test_an_optional_module_goes_as_a_whole(tmp_path: Path) -> None:
    trial = {
        "ClinicalTrialSponsorName": "S",
        "ClinicalTrialProtocolID": "P",
        "ClinicalTrialProtocolName": "",
        "ClinicalTrialSiteID": "",
        "ClinicalTrialSiteName": "",
        "ClinicalTrialSubjectID": "7",
    }
    path = written(tmp_path, **trial)
    (one,) = correct([path], output=tmp_path / "one", remove=["ClinicalTrialSponsorName"])
    assert "must have a value" in one.error
    correct([path], output=tmp_path / "all", remove=trial)
    after = pydicom.dcmread(tmp_path / "all" / "a.dcm")
    assert not [keyword for keyword in trial if keyword in after]
    assert dciodvfy_errors(tmp_path / "all" / "a.dcm") == []


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_files_that_are_read_are_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool, undo: bool, whole: bool
) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(path.parent)
    monkeypatch.chdir(path.parent)
    given = [path.parent if whole else path]
    said = {"undo": True} if undo else {"set_values": {"PatientName": "DOE^JANE"}}
    with pytest.raises(CannotCompose, match=r"a\.dcm is read.*into another folder"):
        correct(given, output=tmp_path / "link" if linked else ".", **said)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["a.dcm"]
    correct(given, output="below", set_values={"PatientName": "DOE^JANE"})
    assert pydicom.dcmread("below/a.dcm").PatientName == "DOE^JANE"
    assert path.read_bytes() == before


def test_what_is_not_there_is_not_made_by_removing_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    data_set = pydicom.dcmread(path)
    del data_set.StudyID
    data_set.save_as(path)
    (result,) = correct([path], output=tmp_path / "out", remove=["StudyID", "MilitaryRank"])
    assert result.outcome is Outcome.UNCHANGED
    assert (tmp_path / "out" / "a.dcm").read_bytes() == path.read_bytes()


def worklist_item(path: Path, **attributes: str) -> Path:
    item = pydicom.Dataset()
    item.PatientID, item.PatientName = "W1", "LEAVITT^HENRIETTA"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in attributes.items():
            setattr(item, keyword, value)
    item.file_meta = pydicom.dataset.FileMetaDataset()
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.save_as(path, enforce_file_format=False)
    return path


def test_a_worklist_items_old_dates_are_mended(tmp_path: Path) -> None:
    item = worklist_item(tmp_path / "item.dcm", PatientBirthDate="1868.07.04", PatientSex="F")
    correct([written(tmp_path)], output=tmp_path / "out", worklist=item)
    after = pydicom.dcmread(tmp_path / "out" / "a.dcm")
    assert (after.PatientID, after.PatientBirthDate, after.PatientSex) == ("W1", "18680704", "F")
    assert dciodvfy_errors(tmp_path / "out" / "a.dcm") == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "1868-07-04"),
        ("PatientSex", "f."),
        ("AccessionNumber", "1" * 17),
        ("StudyInstanceUID", "study"),
        ("PatientID", "1\\2"),
    ],
)
def test_a_worklist_items_value_that_is_none_is_refused(
    tmp_path: Path, keyword: str, value: str
) -> None:
    item = worklist_item(tmp_path / "item.dcm", **{keyword: value})
    with pytest.raises(CannotCompose, match=f"worklist item: .*{keyword} .*expected"):
        correct([written(tmp_path)], output=tmp_path / "out", worklist=item)
    assert not (tmp_path / "out").exists()


def test_a_worklist_items_value_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    item = worklist_item(tmp_path / "item.dcm", PatientSex="X")
    (result,) = correct([written(tmp_path)], output=tmp_path / "out", worklist=item)
    assert "PatientSex" in result.error and "one of M, F, O" in result.error


def test_an_unknown_attribute_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CannotCompose, match="'PatientNmae' is no attribute"):
        correct([written(tmp_path)], output=tmp_path / "out", set_values={"PatientNmae": "x"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SeriesNumber", "many"),
        ("PatientBirthDate", "1970-01-01"),
        ("StudyDate", "20230230"),
        ("PatientAge", "12"),
        ("BurnedInAnnotation", "n.a."),
        ("PatientName", "a^b^c^d^e^f"),
        ("AccessionNumber", "1" * 17),
    ],
)
def test_a_value_that_is_none_is_refused_before_anything_is_written(
    tmp_path: Path, keyword: str, value: str
) -> None:
    path = written(tmp_path)
    (tmp_path / "map.csv").write_text(f"match:PatientID,{keyword}\nPID-1,{value}\n")
    for said in ({"set_values": {keyword: value}}, {"table": tmp_path / "map.csv"}):
        with pytest.raises(CannotCompose, match=f"{keyword} .*expected") as refusal:
            correct([path], output=tmp_path / "out", **said)
        assert value not in str(refusal.value).replace(str(tmp_path), "")
    assert "map.csv, line 2" in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_what_no_object_can_be_without_is_not_removed(tmp_path: Path, keyword: str) -> None:
    with pytest.raises(CannotCompose, match=f"without {keyword}"):
        correct([written(tmp_path)], output=tmp_path / "out", remove=[keyword])
    assert not (tmp_path / "out").exists()


def with_private(
    path: Path, creator: str = "ACME 1.0", syntax: str = ExplicitVRLittleEndian
) -> Path:
    image = ct_slice()
    image.remove_private_tags()
    block = image.private_block(0x0009, creator, create=True)
    block.add_new(0x10, "LO", "old")
    block.add_new(0x11, "SH", "stays")
    path.write_bytes(part10_bytes(image, syntax))
    return path


@pytest.mark.parametrize(
    ("key", "value", "vr"),
    [
        ("0009,1012:LO", "new", "LO"),
        ("(0009,1012):DS", "1.5", "DS"),
        ("00091012:US", 7, "US"),
        ("00091010", "new", "LO"),  # as the file has it
    ],
)
def test_a_private_element_gets_the_representation_that_is_said_or_its_own(
    tmp_path: Path, key: str, value: object, vr: str
) -> None:
    path = with_private(tmp_path / "a.dcm")
    (result,) = correct([path], output=tmp_path / "out", set_values={key: value})
    assert result.error == ""
    after = pydicom.dcmread(result.written)
    found = after[int(key.strip("(")[:4] + key.replace("(", "").replace(",", "")[4:8], 16)]
    assert (found.VR, str(found.value)) == (vr, str(value))
    (item,) = after.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert found.tag not in item or item[0x00090010].value == "ACME 1.0"
    assert [one for one in validate(result.written) if one.severity is Severity.ERROR] == []
    dump = subprocess.run(
        [needs("dcmdump", "dcmtk"), result.written], capture_output=True, text=True, timeout=60
    )
    place = f"({found.tag.group:04x},{found.tag.element:04x}) {vr}"
    assert dump.stderr == "" and place in dump.stdout
    correct([tmp_path / "out"], output=tmp_path / "back", undo=True)
    assert (tmp_path / "back" / "a.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_known_creators_elements_need_no_representation(tmp_path: Path, syntax: str) -> None:
    path = with_private(tmp_path / "a.dcm", "GEMS_IDEN_01", syntax)
    said = {"00091004": "CT_LightSpeed", "00091027": "1000000000"}  # SH and SL by its dictionary
    (result,) = correct([path], output=tmp_path / "out", set_values=said)
    assert result.error == ""
    after = pydicom.dcmread(result.written)
    assert [(after[key].VR, after[key].value) for key in (0x00091004, 0x00091027)] == [
        ("SH", "CT_LightSpeed"),
        ("SL", 1000000000),
    ]


def test_a_creator_and_its_elements_come_together_and_go_together(tmp_path: Path) -> None:
    path = written(tmp_path)
    said = {"0019,1001:LO": "x", "0019,0010": "ACME 1.0"}
    correct([path], output=tmp_path / "1", set_values=said)
    after = pydicom.dcmread(tmp_path / "1" / "a.dcm")
    assert after.private_block(0x0019, "ACME 1.0")[0x01].value == "x"
    assert [one for one in validate(tmp_path / "1") if one.severity is Severity.ERROR] == []
    (result,) = correct([tmp_path / "1"], output=tmp_path / "2", remove=["00190010"])
    assert "reserves the block" in result.error and "remove that, too" in result.error
    both = ["00190010", "00191001"]
    (result,) = correct([tmp_path / "1"], output=tmp_path / "2", remove=both)
    assert "00191001" not in pydicom.dcmread(result.written)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("0009,1012", "is in no data dictionary of its creator known here; say its value rep"),
        ("0019,1012:LO", "no private creator reserves; set the creator, too: 0019,0010=NAME"),
        ("0019,1012", "no private creator reserves; set the creator, too: 0019,0010=NAME"),
        ("0009,1012:XX", "'XX', said with Private (0009,1012), is no value representation"),
        ("PatientName:LO", "expected one of PN"),
        ("0007,1010:LO", "is no place for a private element"),
        ("0009,0101:LO", "is no place for a private element"),
        ("0010,9999", "is in no data dictionary known here; say its value representation"),
        ("0009,1012:DA", "is no DA (PS3.5 6.2); expected YYYYMMDD"),
    ],
)
def test_a_private_element_that_cannot_be_is_refused_and_how_it_can_is_said(
    tmp_path: Path, key: str, sentence: str
) -> None:
    path = with_private(tmp_path / "a.dcm")
    try:
        (result,) = correct([path], output=tmp_path / "out", set_values={key: "x"})
        said = result.error
    except CannotCompose as error:
        said = str(error)
    assert sentence in said
    assert not list(tmp_path.glob("out/*"))


TABLES = {
    "byte order mark": "\ufeffmatch:PatientID,PatientName\nPID-1,A^B\n",
    "semicolons": "match:PatientID;PatientName\nPID-1;A^B\n",
    "tabs": "match:PatientID\tPatientName\nPID-1\tA^B\n",
    "named delimiter": "sep=;\nmatch:PatientID;PatientName\nPID-1;A^B\n",
    "old lines": "match:PatientID,PatientName\rPID-1,A^B\r",
    "blank lines": "match:PatientID,PatientName\n\nPID-1,A^B\n,\n;;\n",
    "spaces and capitals": "Match: PatientID , PatientName\nPID-1 , A^B\n",
    "quotes": 'match:PatientID,"PatientName"\n"PID-1","A^B"\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_however_a_spreadsheet_writes_it(tmp_path: Path, name: str) -> None:
    path, table = written(tmp_path, PatientID="PID-1"), tmp_path / "map.csv"
    table.write_bytes(TABLES[name].encode())
    (result,) = correct([path], output=tmp_path / "out", table=table)
    assert result.written is not None and pydicom.dcmread(result.written).PatientName == "A^B"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("PatientID,PatientName\n1,A\n", "expected at least one to compare, such as match:"),
        ("match:PatientID,Patient Name\n1,A\n", "column 2: .*keyword, which is PatientName"),
        ("match:Patient ID,PatientName\n1,A\n", "column 1: .*keyword, which is PatientID"),
        ("match:PatientID,PatientName\n1,A\n1,B\n", "line 3: line 2 has the same match:PatientID;"),
        ("match:PatientID,PatientName,PatientName\n1,A,B\n", "two columns for PatientName"),
        ("match:PatientID,PatientName\n1,A, B\n", "line 2: 3 cells under 2 columns; put values"),
        ("match:PatientID,PatientName\n", "no rows below its header"),
        ("", "has the columns of no name"),
        ("match:PatientID,ProcedureCodeSequence\n1,A\n", "which no cell of a table can hold"),
        ("match:PatientID,DiffusionBValue\n1,high\n", "is no FD .*expected a number"),
        ("PK\x03\x04", "spreadsheet's own file; save it as CSV"),
        ("match:PatientID,PatientName\n1,M\udcfcller\n", "not in UTF-8.*save it as UTF-8"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_by_line_or_column(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path, table = written(tmp_path), tmp_path / "map.csv"
    table.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CannotCompose, match=sentence):
        correct([path], output=tmp_path / "out", table=table)
    with pytest.raises(CannotCompose, match="cannot be read as a table"):
        correct([path], output=tmp_path / "out", table=tmp_path)
    assert not (tmp_path / "out").exists()


def test_numbers_of_a_table_are_stored_as_numbers(tmp_path: Path) -> None:
    path, table = written(tmp_path, PatientID="1"), tmp_path / "map.csv"
    table.write_text("match:PatientID,DiffusionBValue\n1,1000\n")
    (result,) = correct([path], output=tmp_path / "out", table=table)
    assert pydicom.dcmread(result.written).DiffusionBValue == 1000.0


def test_nothing_is_taken_back_where_nothing_was_corrected(tmp_path: Path) -> None:
    (result,) = correct([written(tmp_path)], output=tmp_path / "out", undo=True)
    assert result.outcome is Outcome.FAILED and "no correction" in result.error


@given(
    st.dictionaries(
        st.sampled_from(["PatientID", "StudyDescription", "AccessionNumber", "StationName"]),
        st.none()
        | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=16).map(
            lambda text: text.replace("\\", "")
        ),
        min_size=1,
    ),
    st.sampled_from(SYNTAXES[:3]),
)
@settings(max_examples=60, deadline=None)
def test_any_correction_can_be_taken_back(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, str | None], syntax: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("any")
    path = written(tmp_path, syntax)
    (result,) = correct([path], output=tmp_path / "out", set_values=changes)
    if result.outcome is Outcome.CORRECTED:
        correct([tmp_path / "out"], output=tmp_path / "back", undo=True)
        assert (tmp_path / "back" / "a.dcm").read_bytes() == path.read_bytes()
