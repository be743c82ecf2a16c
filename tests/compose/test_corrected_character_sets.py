"""Correcting Specific Character Set (0008,0005): it says how texts are read, and changes none."""

import subprocess
from pathlib import Path

import pydicom
import pytest
from tests.compose.judges import needs
from tests.compose.test_corrections import written
from tests.factories import ct_slice, part10_bytes

from isocenter.compose.correction.corrections import Outcome, correct


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
