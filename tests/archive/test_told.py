"""Rows of studies and series say what the files below them say, also when one of these goes."""

import os
import random

import pytest
from pydicom import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage
from tests.archive.conftest import keep, uids
from tests.factories import ct_slice, part10_bytes, small_object

from isocenter.archive import Archive, Level, Match, Outcome, Query, told
from isocenter.dicom import tags

KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
SOP_CLASSES_IN_STUDY = 0x00080062
PATIENT_WEIGHT = 0x00101030


def of_one_study(number: int, **common: object) -> list[Dataset]:
    """Make objects of one series."""
    first = small_object(**common)
    study, series, _ = uids(first)
    both = {"StudyInstanceUID": study, "SeriesInstanceUID": series} | common
    return [first, *(small_object(**both) for _ in range(number - 1))]


def problems(archive: Archive) -> list[str]:
    return [
        f"{problem.kind.value}: {problem.sentence}"
        for thorough in (False, True)
        for problem in archive.check(thorough=thorough).problems
    ]


def test_nothing_is_left_of_the_class_and_modality_of_what_is_replaced(open_archive):
    archive = open_archive(on_conflict="replace")
    dataset = ct_slice(8, 8)
    keep(archive, dataset)
    other = small_object(Modality="KO", SOPClassUID=KeyObjectSelectionDocumentStorage)
    for keyword in KEYWORDS:
        setattr(other, keyword, dataset[keyword].value)
    assert keep(archive, other)[0].outcome is Outcome.REPLACED
    (study,) = archive.find(Query(Level.STUDY))
    assert study.values[SOP_CLASSES_IN_STUDY] == [KeyObjectSelectionDocumentStorage]
    assert study.text(tags.ModalitiesInStudy) == "KO"
    assert problems(archive) == []


def test_what_only_the_deleted_said_goes(archive):
    first, second, last = of_one_study(3)
    first.PatientName, second.PatientName, last.PatientName = "Doe^Jane", "Roe^Jane", "Poe^Jane"
    first.ProtocolName, last.PatientWeight, last.Modality = "Knee", "70", "OT"
    keep(archive, first, second, last)
    archive.delete(*uids(last))
    (series,) = archive.find(Query(Level.SERIES))
    assert series.text(tags.PatientName) == "Roe^Jane"
    assert series.text(tags.Modality) == series.text(tags.ModalitiesInStudy) == "SR"
    assert archive.count(Query(Level.SERIES, (Match(0x00181030, "Knee"),))) == 1
    assert archive.count(Query(Level.STUDY, (Match(PATIENT_WEIGHT, "70"),))) == 0
    assert problems(archive) == []


def test_what_only_the_replaced_said_goes(open_archive):
    archive = open_archive(on_conflict="replace")
    first, last = of_one_study(2)
    last.PatientWeight, last.PatientName, last.Modality = "70", "Poe^Jane", "OT"
    keep(archive, first, last)
    del last.PatientWeight, last.PatientName, last.Modality
    assert keep(archive, last)[0].outcome is Outcome.REPLACED
    (study,) = archive.find(Query(Level.STUDY))
    assert study.text(tags.PatientName) == str(first.PatientName)
    assert study.text(tags.ModalitiesInStudy) == "SR"
    assert archive.count(Query(Level.STUDY, (Match(PATIENT_WEIGHT, "70"),))) == 0
    assert problems(archive) == []
    first.PatientName = "Moe^Jane"  # by which the study's row is known no more
    keep(archive, first)
    assert problems(archive) == []


def test_what_takes_the_place_of_a_lost_file_speaks_for_it(archive):
    first, last = of_one_study(2)
    last.PatientName, last.PatientWeight = "Poe^Jane", "70"
    keep(archive, first, last)
    archive.open_instance(*uids(last)).path.unlink()
    del last.PatientName, last.PatientWeight
    assert keep(archive, last)[0].outcome is Outcome.STORED
    assert archive.find(Query(Level.STUDY))[0].text(tags.PatientName) == str(first.PatientName)
    assert problems(archive) == []


@pytest.mark.parametrize("trouble", ["missing", "damaged"])
def test_what_only_a_lost_file_said_goes_with_its_row(archive, trouble):
    first, last = of_one_study(2)
    last.PatientName, last.PatientWeight = "Poe^Jane", "70"
    keep(archive, first, last)
    path = archive.open_instance(*uids(last)).path
    path.unlink() if trouble == "missing" else os.truncate(path, 300)
    report = archive.check(repair=True)
    assert [problem.kind.value for problem in report.problems] == [trouble]
    assert archive.find(Query(Level.STUDY))[0].text(tags.PatientName) == str(first.PatientName)
    assert problems(archive) == []


def test_where_a_file_that_is_left_cannot_be_read_the_rows_stay(sqlite_archive):
    first, last = of_one_study(2)
    last.PatientName = "Poe^Jane"
    keep(sqlite_archive, first, last)
    path = sqlite_archive.open_instance(*uids(first)).path
    path.rename(path.with_suffix(".away"))
    sqlite_archive.delete(*uids(last))
    assert sqlite_archive.find(Query(Level.STUDY))[0].text(tags.PatientName) == "Poe^Jane"
    path.with_suffix(".away").rename(path)
    sqlite_archive.check(repair=True)
    found = sqlite_archive.find(Query(Level.STUDY))
    assert found[0].text(tags.PatientName) == str(first.PatientName)


def test_only_files_beside_the_deleted_are_read_where_all_say_the_same(archive, monkeypatch):
    slices = of_one_study(9)
    keep(archive, *slices)
    read = scans_of(monkeypatch)
    archive.delete(*uids(slices[4]))
    assert sorted(read) == sorted(uids(each)[2] for each in slices[3:6])


def scans_of(monkeypatch) -> list[str]:
    """Collect the files whose headers are read so that rows above them can be put right."""
    read: list[str] = []
    scan = told.scan_file
    monkeypatch.setattr(
        told, "scan_file", lambda path, **k: read.append(path.stem) or scan(path, **k)
    )
    return read


@pytest.mark.parametrize("wrong_ones", ["in between", "at the beginning", "each another", "last"])
def test_what_instances_disagree_about_is_not_read_of_all_for_each_that_goes(
    sqlite_archive, monkeypatch, wrong_ones
):
    slices = of_one_study(200, PatientName="Doe^Jane", StudyDescription="Knee")
    places = {
        "in between": range(0, 40, 4),
        "at the beginning": range(10),
        "each another": range(0, 200, 20),
        "last": range(190, 200),
    }[wrong_ones]
    for number in places:
        slices[number].PatientName = f"Roe^{number if wrong_ones == 'each another' else 'Joe'}"
        slices[number].StudyDescription = "Hip"
    keep(sqlite_archive, *slices)
    read = scans_of(monkeypatch)
    for number in places:
        sqlite_archive.delete(*uids(slices[number]))
    assert len(read) < 900  # the last that goes takes all; else those around it do
    assert sqlite_archive.find(Query(Level.STUDY))[0].text(tags.PatientName) == "Doe^Jane"
    assert problems(sqlite_archive) == []


def test_what_only_the_latest_overruled_is_found_behind_it(sqlite_archive, monkeypatch):
    slices = of_one_study(60, PatientName="Doe^Jane", ReferencedStudySequence=[referenced("1.2")])
    slices[-1].PatientName, slices[-1].ReferencedStudySequence = "Roe^Jane", [referenced("1.3")]
    keep(sqlite_archive, *slices)
    read = scans_of(monkeypatch)
    sqlite_archive.delete(*uids(slices[-1]))
    assert len(read) < 10
    assert sqlite_archive.find(Query(Level.STUDY))[0].text(tags.PatientName) == "Doe^Jane"
    assert problems(sqlite_archive) == []


@pytest.mark.parametrize("institution", [None, "Elsewhere"])
def test_no_file_is_read_again_for_each_lost_one_that_comes_back(archive, monkeypatch, institution):
    slices = of_one_study(9)
    keep(archive, *slices)
    names = [uids(each)[2] for each in slices]
    for each in slices[6:]:
        archive.open_instance(*uids(each)).path.unlink()
    read = scans_of(monkeypatch)
    for each in slices[6:]:
        if institution:
            each.InstitutionName = institution
        keep(archive, each)
    times = 1 if institution else 0  # one that comes back as it was says what it said
    assert {name: read.count(name) for name in names[:6]} == dict.fromkeys(names[:6], times)
    assert problems(archive) == []


def referenced(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", uid
    return item


def some_values(dice: random.Random) -> dict[str, object]:
    """Give values of study and series, of one component group or two, in sequences or not."""
    some = {
        "PatientName": dice.choice([None, "Doe^Jane", "Roe^Jane", "Yamada^Tarou=山田^太郎"]),
        "PatientWeight": dice.choice([None, "70", "71"]),
        "ReferencedStudySequence": dice.choice([None, [referenced("1.2")], [referenced("1.3")]]),
        "Modality": dice.choice(["SR", "KO", None]),
        "ProtocolName": dice.choice([None, "Knee", "Hip"]),
        "SOPClassUID": dice.choice(
            [KeyObjectSelectionDocumentStorage, "1.2.840.10008.5.1.4.1.1.88.11"]
        ),
    }
    return {"SpecificCharacterSet": "ISO_IR 192"} | some


def test_nothing_that_comes_or_goes_leaves_anything_for_a_check(open_archive):
    archive, dice = open_archive(on_conflict="replace"), random.Random(2)
    study = small_object().StudyInstanceUID
    series = [small_object().SeriesInstanceUID for _ in range(2)]
    kept: list[tuple[str, str, str]] = []
    for _ in range(30):
        step = dice.choice(["store", "store", "replace", "replace", "delete", "delete series"])
        if step.startswith("delete") and kept:
            gone = dice.choice(kept)[: 3 if step == "delete" else 2]
            archive.delete(*gone)
            kept = [names for names in kept if names[: len(gone)] != gone]
        else:
            new = study, dice.choice(series), small_object().SOPInstanceUID
            names = dice.choice(kept) if step == "replace" and kept else new
            given = dict(zip(KEYWORDS, names, strict=True))
            archive.ingest(part10_bytes(small_object(**given, **some_values(dice))))
            kept = [*(each for each in kept if each != names), names]
        assert problems(archive) == [], step
