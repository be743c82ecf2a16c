"""Correcting Specific Character Set (0008,0005): it says how texts are read, and changes none."""

import subprocess
from pathlib import Path

import pydicom
import pytest
from tests.compose.judges import needs
from tests.compose.test_corrections import written
from tests.factories import ct_slice, part10_bytes

from isocenter.compose.correction.corrections import Outcome, correct
from isocenter.errors import CannotCompose


def in_latin(tmp_path: Path) -> Path:
    """A file whose Institution Name is Latin text of more than ASCII."""
    return written(tmp_path, SpecificCharacterSet="ISO_IR 100", InstitutionName="Klinik Köln")


def in_unicode_called_latin(tmp_path: Path) -> Path:
    """A file as devices make it that write Unicode and say another set."""
    image = ct_slice(SpecificCharacterSet="ISO_IR 192", InstitutionName="Klinik Köln")
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_bytes(image).replace(b"ISO_IR 192", b"ISO_IR 100"))
    return path


def test_a_wrong_set_is_corrected_and_new_text_is_written_in_the_right_one(tmp_path: Path) -> None:
    path = in_unicode_called_latin(tmp_path)
    (result,) = correct(
        [path],
        output=tmp_path / "out",
        set_values={"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Müller^Jürgen"},
    )
    assert result.outcome is Outcome.CORRECTED and result.written is not None
    after = pydicom.dcmread(result.written)
    assert (after.PatientName, after.InstitutionName) == ("Müller^Jürgen", "Klinik Köln")
    shown = subprocess.run(
        [needs("dcmdump"), "+U8", result.written], capture_output=True, timeout=30, check=True
    )
    assert "[Müller^Jürgen]" in shown.stdout.decode()
    (undone,) = correct([result.written], output=tmp_path / "undone", undo=True)
    assert undone.written is not None
    assert undone.written.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("term", ["ISO_IR 192", "ISO 2022 IR 6\\ISO 2022 IR 87"])
def test_a_set_that_the_texts_are_not_in_is_refused(tmp_path: Path, term: str) -> None:
    (result,) = correct(
        [in_latin(tmp_path)], output=tmp_path / "out", set_values={"SpecificCharacterSet": term}
    )
    assert result.outcome is Outcome.FAILED
    assert "InstitutionName" in result.error and "Köln" not in result.error


def test_the_set_of_more_than_ascii_is_not_removed(tmp_path: Path) -> None:
    (result,) = correct(
        [in_latin(tmp_path)], output=tmp_path / "out", remove=["SpecificCharacterSet"]
    )
    assert result.outcome is Outcome.FAILED and "InstitutionName" in result.error


def test_texts_of_items_are_held_against_the_set_too(tmp_path: Path) -> None:
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99X", "Schädel"
    path = written(tmp_path, SpecificCharacterSet="ISO_IR 100", AnatomicRegionSequence=[code])
    (result,) = correct(
        [path], output=tmp_path / "out", set_values={"SpecificCharacterSet": "ISO_IR 192"}
    )
    assert result.outcome is Outcome.FAILED and "CodeMeaning" in result.error


def test_a_set_that_is_none_is_refused(tmp_path: Path) -> None:
    (result,) = correct(
        [in_latin(tmp_path)], output=tmp_path / "out", set_values={"SpecificCharacterSet": "UTF8"}
    )
    assert result.outcome is Outcome.FAILED and "ISO_IR 192" in result.error


def test_text_that_the_given_set_lacks_is_refused(tmp_path: Path) -> None:
    (result,) = correct(
        [in_latin(tmp_path)],
        output=tmp_path / "out",
        set_values={"SpecificCharacterSet": "ISO_IR 101", "PatientName": "山田^太郎"},
    )
    assert result.outcome is Outcome.FAILED and "PatientName" in result.error


def test_whose_values_they_were_is_said_in_a_set_that_holds_it(tmp_path: Path) -> None:
    path = in_latin(tmp_path)
    sources = ["Klinik Süd", "Клиника"]  # the second moves all text into Unicode
    for number, source in enumerate(sources):
        (result,) = correct(
            [path if number == 0 else tmp_path / "0"],
            output=tmp_path / str(number),
            set_values={"PatientComments": str(number)},
            previous_source=source,
        )
        assert not result.error and result.written is not None
        after = pydicom.dcmread(result.written)
        items = after.OriginalAttributesSequence
        assert [one.SourceOfPreviousValues for one in items] == sources[: number + 1]
        assert after.InstitutionName == "Klinik Köln"
    correct([tmp_path / "1"], output=tmp_path / "undone", undo=True)
    assert (tmp_path / "undone" / "a.dcm").read_bytes() == (tmp_path / "0/a.dcm").read_bytes()
    correct([tmp_path / "undone"], output=tmp_path / "first", undo=True)
    assert (tmp_path / "first" / "a.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "said",
    [
        {"set_values": {"PatientName": "a\ud800b"}},
        {"set_values": {"OtherPatientIDsSequence": [{"PatientID": "a\ud800b"}]}},
        {"replace": {"PatientID": {"1": "a\ud800b"}}},
        {"set_values": {"PatientSex": "O"}, "previous_source": "a\ud800b"},
        {"set_values": {"PatientSex": "O"}, "previous_source": "Hospital, " * 7},
    ],
)
def test_text_that_no_set_holds_and_a_source_that_is_too_long_are_refused(
    tmp_path: Path, said: dict[str, object]
) -> None:
    with pytest.raises(CannotCompose, match="unpaired surrogates|at most 64 characters"):
        correct([in_latin(tmp_path)], output=tmp_path / "out", **said)
    assert not (tmp_path / "out").exists()
