"""Queries find what PS3.4 C.2.2.2 says, on both engines."""

import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.uid import generate_uid
from tests.archive.conftest import keep
from tests.factories import ct_series, ct_slice, small_object

from isocenter.archive import KEYS, Level, Order, Query
from isocenter.dicom import tags
from isocenter.errors import NotFound, QueryError


def labels(found) -> set[str]:
    """The studies that were found, by their IDs."""
    return {each.text(tags.StudyID) for each in found}


def study(label: str, **attributes) -> Dataset:
    return small_object(StudyID=label, **attributes)


def found(archive, tag, value, **options) -> set[str]:
    return labels(archive.find(Query.of(Level.STUDY, {tag: value}, **options)))


IDS = (
    study("a", PatientID="P1"),
    study("b", PatientID="P12"),
    study("c", PatientID="P_1"),
    study("d", PatientID=""),
    study("e", PatientID="Straße"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("P1", {"a"}),
        ("p1", {"a"}),
        ("P1*", {"a", "b"}),
        ("*1?", {"b"}),
        ("P_1", {"c"}),
        ("P%1", set()),
        ("P\\P_1", {"c"}),
        ("P1\\P_1", {"a", "c"}),
        ("", {"a", "b", "c", "d", "e"}),
        ("*", {"a", "b", "c", "d", "e"}),
        ('""', {"d"}),
        ("[P]1", set()),
        ("straße", {"e"}),
        ("STRASSE", {"e"}),
    ],
)
def test_text_matches_exactly_by_wildcard_by_list_and_universally(shelves, value, expected):
    assert found(shelves(*IDS), tags.PatientID, value) == expected


NAMES = (
    study("a", PatientName="Doe^Jane"),
    study("b", PatientName="Doe^Janet^M^Dr"),
    study("c", PatientName="Müller^Änne"),
    study("d", PatientName="DOE^^^^"),
    study("e", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("doe^jane", {"a"}),
        ("Doe^Jane^^^", {"a"}),
        ("DOE", {"d"}),
        ("DOE^*", {"a", "b", "d"}),
        ("D*", {"a", "b", "d"}),
        ("*jan*", {"a", "b"}),
        ("muller^anne", {"c"}),
        ("MÜLLER^*", {"c"}),
        ("山田^太郎", {"e"}),
        ("Yamada^Tarou", {"e"}),
        ("yamada*=山田*", {"e"}),
        ("yamada*=鈴木*", set()),
        ("やまだ^*", {"e"}),
        ("doe^jane\\muller^anne", {"a", "c"}),
    ],
)
def test_person_names_match_whole_without_case_and_accents_in_any_script(shelves, value, expected):
    assert found(shelves(*NAMES), tags.PatientName, value) == expected


WORDS = (
    study("a", PatientName="Doe^Jane"),
    study("b", PatientName="Doe^Janet"),
    study("c", PatientName="Schmidt-Mayer^Marie Luise"),
    study("d", PatientName="Yamada^Tarou=山田^太郎"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jan", {"a", "b"}),
        ("jane doe", {"a", "b"}),
        ("doe janet", {"b"}),
        ("do^ja", {"a", "b"}),
        ("luise", {"c"}),
        ("ane", set()),
        ("marie schm", {"c"}),
        ("太", {"d"}),
        ("j?ne", {"a", "b"}),
        ("*net d*e", {"b"}),
        ("schm?dt mar*", {"c"}),
        ("?ane", {"a", "b"}),
        ("?ne", set()),
    ],
)
def test_fuzzy_matching_finds_words_by_their_beginnings(shelves, value, expected):
    assert found(shelves(*WORDS), tags.PatientName, value, fuzzy=True) == expected


DATES = (
    study("a", StudyDate="20240101"),
    study("b", StudyDate="20240115"),
    study("c", StudyDate="20240301"),
    study("d", StudyDate=""),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20240115", {"b"}),
        ("20240101-20240131", {"a", "b"}),
        ("20240116-", {"c"}),
        ("-20240114", {"a"}),
        ("2024.01.15", {"b"}),
        ('""', {"d"}),
    ],
)
def test_dates_match_singly_and_by_range(shelves, value, expected):
    assert found(shelves(*DATES), tags.StudyDate, value) == expected


TIMES = (
    study("a", StudyTime="081530"),
    study("b", StudyTime="081530.5"),
    study("c", StudyTime="1730"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("08", {"a", "b"}),
        ("0815", {"a", "b"}),
        ("081530", {"a", "b"}),
        ("081530.5", {"b"}),
        ("0800-0900", {"a", "b"}),
        ("-0815", {"a", "b"}),
        ("1200-", {"c"}),
        ("08:15-08:15", {"a", "b"}),
    ],
)
def test_times_match_with_the_precision_that_they_are_given(shelves, value, expected):
    assert found(shelves(*TIMES), tags.StudyTime, value) == expected


def test_a_date_range_and_a_time_range_are_one_range_where_that_is_asked(archive):
    keep(
        archive,
        study("a", StudyDate="20240101", StudyTime="070000"),
        study("b", StudyDate="20240101", StudyTime="200000"),
        study("c", StudyDate="20240102", StudyTime="040000"),
        study("d", StudyDate="20240102", StudyTime="090000"),
    )
    night = {tags.StudyDate: "20240101-20240102", tags.StudyTime: "180000-060000"}
    both = Query.of(Level.STUDY, night, combined_date_time=True)
    assert labels(archive.find(both)) == {"b", "c"}
    assert labels(archive.find(Query.of(Level.STUDY, night))) == set()
    whole_days = Query.of(Level.STUDY, night | {tags.StudyTime: "*"}, combined_date_time=True)
    assert labels(archive.find(whole_days)) == {"a", "b", "c", "d"}


MOMENTS = (
    study("a", AcquisitionDateTime="20240117110000+0000"),
    study("b", AcquisitionDateTime="20240117120000"),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20240117", {"a", "b"}),
        ("20240117120000", {"b"}),
        ("202401171130-", {"b"}),
        ("20240117120000+0100", {"a"}),
        ("20240117100000-0200-20240117110000-0200", {"b"}),
    ],
)
def test_date_times_match_across_time_zones(shelves, value, expected):
    assert found(shelves(*MOMENTS), tags.AcquisitionDateTime, value) == expected


def test_uids_match_by_list_and_never_by_wildcard(archive):
    a, b, c = study("a"), study("b"), study("c")
    keep(archive, a, b, c)
    both = f"{a.StudyInstanceUID}\\{c.StudyInstanceUID}"
    assert found(archive, tags.StudyInstanceUID, both) == {"a", "c"}


@pytest.mark.parametrize("value", ["1.2.*", "abc", "1.2\\", "1.2?", "1" * 65])
def test_what_is_no_uid_is_refused_by_name(archive, value):
    with pytest.raises(QueryError, match=r"StudyInstanceUID.*expected a UID"):
        found(archive, tags.StudyInstanceUID, value)


@pytest.mark.parametrize(
    "path", [tags.PatientName, tags.PatientID, tags.ModalitiesInStudy, tags.StudyDate]
)
def test_half_of_a_character_is_refused_by_name(archive, path):
    with pytest.raises(QueryError, match=rf"{path >> 16:04X}.*character 2 is half of one"):
        found(archive, path, "a\ud800b")


def test_nothing_is_kept_under_what_is_no_uid(archive):
    keep(archive, study("a"))
    for name in ("a\ud800b", "abc", "../a", ""):
        for act in (archive.instances, archive.delete):
            with pytest.raises(NotFound):
                act(name)
        with pytest.raises(NotFound):
            archive.open_instance("1.2", "1.3", name)


@pytest.mark.parametrize("value", ["", "*", "**"])
@pytest.mark.parametrize(
    "tag",
    [
        *(tags.StudyDate, tags.StudyTime, tags.AcquisitionDateTime, tags.StudyInstanceUID),
        *(tags.SeriesNumber, tags.PatientName, tags.ModalitiesInStudy, tags.SOPClassesInStudy),
        *(tags.InstanceAvailability, tags.NumberOfStudyRelatedInstances),
    ],
)
def test_a_star_alone_matches_everything_whatever_the_attribute(shelves, tag, value):
    everything = shelves(study("a", StudyDate="20240117", SeriesNumber=7), study("b", StudyDate=""))
    assert found(everything, tag, value) == {"a", "b"}


def test_numbers_match_by_their_worth(archive):
    keep(archive, study("a", SeriesNumber=7), study("b", SeriesNumber=17))
    assert found(archive, tags.SeriesNumber, "007") == {"a"}
    with pytest.raises(QueryError, match="SeriesNumber"):
        found(archive, tags.SeriesNumber, "seven")


def request(step: str, procedure: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, procedure
    return item


def test_sequences_match_where_one_item_has_it_all(archive):
    keep(
        archive,
        study("a", RequestAttributesSequence=[request("S1", "R1"), request("S2", "R2")]),
        study("b", RequestAttributesSequence=[request("S1", "R2")]),
        study("c"),
    )
    step = (tags.RequestAttributesSequence, tags.ScheduledProcedureStepID)
    procedure = (tags.RequestAttributesSequence, tags.RequestedProcedureID)
    series = Query.of(Level.SERIES, {step: "s1", procedure: "R2"})
    assert labels(archive.find(series)) == {"b"}
    assert found(archive, step, "S*") == {"a", "b"}
    assert found(archive, step, "") == {"a", "b", "c"}


def test_items_of_sequences_come_with_what_was_found(archive):
    keep(archive, study("a", RequestAttributesSequence=[request("S1", "R1"), request("S2", "R2")]))
    (series,) = archive.find(Query(Level.SERIES))
    assert series.items[tags.RequestAttributesSequence] == [
        {tags.ScheduledProcedureStepID: ["S1"], tags.RequestedProcedureID: ["R1"]},
        {tags.ScheduledProcedureStepID: ["S2"], tags.RequestedProcedureID: ["R2"]},
    ]


def test_attributes_with_several_values_match_by_any_of_them(archive):
    keep(archive, study("a", OperatorsName=["Ada^A", "Bob^B"]), study("b", OperatorsName="Bob^C"))
    assert found(archive, tags.OperatorsName, "bob^b") == {"a"}
    assert found(archive, tags.OperatorsName, "ada*") == {"a"}
    (series,) = archive.find(Query.of(Level.SERIES, {tags.OperatorsName: "Ada*"}))
    assert series.values[tags.OperatorsName] == ["Ada^A", "Bob^B"]


def test_a_study_is_found_by_one_series_that_meets_all_that_is_asked_of_series(archive):
    ct = ct_slice(8, 8, StudyID="a", Modality="CT", BodyPartExamined="CHEST")
    mr = small_object(
        StudyID="a", StudyInstanceUID=ct.StudyInstanceUID, Modality="MR", BodyPartExamined="HEAD"
    )
    keep(archive, ct, mr)
    query = {tags.Modality: "CT", tags.BodyPartExamined: "HEAD"}
    assert archive.count(Query.of(Level.STUDY, query)) == 0
    assert archive.count(Query.of(Level.STUDY, query | {tags.BodyPartExamined: "CHEST"})) == 1
    assert found(archive, tags.ModalitiesInStudy, "MR") == {"a"}
    assert found(archive, tags.ModalitiesInStudy, "US\\M*") == {"a"}
    assert found(archive, tags.ModalitiesInStudy, "PT") == set()


def test_computed_attributes_are_told_and_matched(archive):
    series = ct_series(3, 8, 8, StudyID="a")
    report = small_object(StudyID="a", StudyInstanceUID=series[0].StudyInstanceUID)
    keep(archive, *series, report, study("b"))

    (a,) = archive.find(Query.of(Level.STUDY, {tags.NumberOfStudyRelatedInstances: "4"}))

    assert a.values[tags.ModalitiesInStudy] == ["CT", "SR"]
    assert set(a.values[tags.SOPClassesInStudy]) == {series[0].SOPClassUID, report.SOPClassUID}
    assert a.text(tags.NumberOfStudyRelatedSeries) == "2"
    assert a.text(tags.InstanceAvailability) == "ONLINE"
    assert found(archive, tags.NumberOfStudyRelatedSeries, "1") == {"b"}
    assert found(archive, tags.SOPClassesInStudy, series[0].SOPClassUID) == {"a"}
    assert found(archive, tags.InstanceAvailability, "OFFLINE") == set()
    query = Query.of(Level.SERIES, {0x00201209: "3"})
    assert archive.find(query)[0].text(tags.SeriesInstanceUID) == series[0].SeriesInstanceUID


def test_patients_are_found_once_with_their_latest_attributes(archive):
    keep(
        archive,
        study("a", PatientID="P1", PatientName="Doe^Jane", Modality="SR"),
        study("b", PatientID="P1", PatientName="Smith^Jane"),
        study("c", PatientID="P2", PatientName="Adams^Eve"),
        study("d", PatientID="P1", IssuerOfPatientID="elsewhere", PatientName="Zoe^Other"),
    )
    found = archive.find(Query(Level.PATIENT))
    assert [
        (f.text(tags.PatientName), f.text(tags.NumberOfPatientRelatedStudies)) for f in found
    ] == [
        ("Adams^Eve", "1"),
        ("Smith^Jane", "2"),
        ("Zoe^Other", "1"),
    ]
    assert archive.count(Query.of(Level.PATIENT, {tags.PatientID: "P1"})) == 2
    page = archive.find(Query(Level.PATIENT, limit=1, offset=1))
    assert [f.text(tags.PatientName) for f in page] == ["Smith^Jane"]


def test_studies_come_newest_first_and_those_without_date_last(archive):
    keep(
        archive,
        study("b", StudyDate="20230101"),
        study("d", StudyDate=""),
        study("a", StudyDate="20240101"),
        study("c", StudyDate="20220101"),
    )
    order = [each.text(tags.StudyID) for each in archive.find(Query(Level.STUDY))]
    assert order == ["a", "b", "c", "d"]


def test_series_and_instances_come_by_number(archive):
    series = ct_series(12, 8, 8)
    for number, dataset in enumerate(series):
        dataset.InstanceNumber = 12 - number
    keep(archive, *series)
    found = archive.find(
        Query.of(Level.INSTANCE, {tags.StudyInstanceUID: series[0].StudyInstanceUID})
    )
    assert [int(f.text(tags.InstanceNumber)) for f in found] == list(range(1, 13))


def test_order_paging_and_count(archive):
    keep(archive, *(study(label, PatientName=label) for label in "caebd"))
    by_name = (Order(tags.PatientName, descending=True),)
    page = archive.find(Query(Level.STUDY, order=by_name, limit=2, offset=1))
    assert [each.text(tags.StudyID) for each in page] == ["d", "c"]
    assert archive.count(Query(Level.STUDY, limit=2)) == 5
    assert len(archive.find(Query(Level.STUDY, offset=4))) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (0x00280002, "1"),
        (tags.RequestAttributesSequence, "x"),
        ((tags.RequestAttributesSequence, 0x00080060), "x"),
        (tags.StudyDate, "yesterday"),
        (tags.StudyDate, "20240230"),
        (tags.StudyTime, "25"),
        (tags.AcquisitionDateTime, "noon"),
        (tags.PatientSize, "tall"),
    ],
)
def test_what_cannot_be_matched_is_a_query_error(sqlite_archive, path, value):
    with pytest.raises(QueryError):
        sqlite_archive.find(Query.of(Level.STUDY, {path: value}))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_of_a_level_can_be_matched_and_comes_back(sqlite_archive, key):
    """By the values of an object that has them all, against pydicom's reading of it."""
    dataset = ct_slice(8, 8, PatientName="Doe^Jane", IssuerOfPatientID="HOSPITAL")
    dataset.PatientBirthTime, dataset.OtherPatientNames = "0102", "Roe^Jane"
    dataset.PatientComments, dataset.EthnicGroup = "calm", "x"
    dataset.TimezoneOffsetFromUTC, dataset.FrameOfReferenceUID = "+0100", generate_uid()
    dataset.Laterality, dataset.AcquisitionDateTime = "L", "20040119072730.123"
    dataset.AcquisitionNumber, dataset.NumberOfFrames = 3, 1
    dataset.ContentDate, dataset.ContentTime = "20040119", "072731"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20040119", "072730"
    keep(sqlite_archive, dataset)
    value = str(dataset[key.keyword].value)

    level = max(key.level, Level.SERIES)
    (found,) = sqlite_archive.find(Query.of(level, {key.tag: value}))

    assert found.text(key.tag) == value


@pytest.mark.parametrize("spelling", ["1.8", "1.80", "+1.8E0", " 1.8 "])
def test_a_decimal_string_is_matched_by_its_number(archive, spelling):
    keep(archive, small_object(StudyID="a", PatientSize="1.80"))
    keep(archive, small_object(StudyID="b", PatientSize="1.81"))
    (found,) = archive.find(Query.of(Level.STUDY, {tags.PatientSize: spelling}))
    assert (found.text(tags.StudyID), found.text(tags.PatientSize)) == ("a", "1.80")


@pytest.mark.parametrize("keyword", ["ReferencedStudySequence", "ReferencedPatientSequence"])
def test_what_a_study_refers_to_is_matched(archive, keyword):
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", "1.2.3"
    keep(archive, small_object(StudyID="a", **{keyword: [item]}))
    keep(archive, small_object(StudyID="b"))
    path = (tag_for_keyword(keyword), 0x00081155)
    (found,) = archive.find(Query.of(Level.STUDY, {path: "1.2.3"}))
    assert found.text(tags.StudyID) == "a"
    assert not archive.find(Query.of(Level.STUDY, {path: "1.2.4"}))


def test_values_that_break_their_vr_are_told_and_left_out_of_the_index(sqlite_archive):
    dataset = small_object()
    dataset["StudyDate"]._value = "soon"
    stored = keep(sqlite_archive, dataset)[0]
    assert any("StudyDate" in warning and "soon" in warning for warning in stored.warnings)
    assert tags.StudyDate not in sqlite_archive.find(Query(Level.STUDY))[0].values


def test_the_latest_value_of_a_study_wins_and_gaps_are_filled(archive):
    first = study("a", PatientName="Doe^Jane", AccessionNumber="", StudyDescription="Old")
    keep(archive, first)
    later = small_object(
        StudyInstanceUID=first.StudyInstanceUID,
        StudyID="a",
        PatientName="Roe^Jane",
        AccessionNumber="A7",
        StudyDescription=None,
    )
    keep(archive, later)

    (found,) = archive.find(Query(Level.STUDY))

    assert found.text(tags.PatientName) == "Roe^Jane"
    assert found.text(tags.AccessionNumber) == "A7"
    assert found.text(tags.StudyDescription) == "Old"
    assert archive.count(Query.of(Level.STUDY, {tags.PatientName: "roe*"})) == 1
    assert archive.count(Query.of(Level.STUDY, {tags.PatientName: "doe*"})) == 0
    (conflict,) = archive.conflicts(first.StudyInstanceUID)
    assert (conflict.tag, conflict.value) == (tags.PatientName, "Doe^Jane")
    assert conflict.sop_instance_uid == later.SOPInstanceUID


def region(code: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", meaning
    return item


REGIONS, CODE_VALUE, MEANING = 0x00080063, 0x00080100, 0x00080104


def test_studies_are_found_by_the_anatomic_regions_of_their_instances(archive):
    """PS3.4 Table C.6-5, Anatomic Regions in Study Code Sequence."""
    chest, head = region("51185008", "Chest"), region("69536005", "Head")
    first = study("a", AnatomicRegionSequence=[chest])
    uid = first.StudyInstanceUID
    same = study("a", AnatomicRegionSequence=[chest], StudyInstanceUID=uid)
    other = study("a", AnatomicRegionSequence=[head], StudyInstanceUID=uid)
    keep(archive, first, same, other, study("b", AnatomicRegionSequence=[chest]), study("c"))
    assert found(archive, (REGIONS, CODE_VALUE), "51185008") == {"a", "b"}
    assert found(archive, (REGIONS, MEANING), "head") == {"a"}
    both = {(REGIONS, CODE_VALUE): "51185008", (REGIONS, MEANING): "Head"}
    assert archive.count(Query.of(Level.STUDY, both)) == 0
    of_instances = {(0x00082218, CODE_VALUE): "69536005"}
    assert archive.count(Query.of(Level.INSTANCE, of_instances)) == 1

    include = frozenset({REGIONS, tags.StudyID})
    told = {
        each.text(tags.StudyID): each.items.get(REGIONS)
        for each in archive.find(Query(Level.STUDY, include=include))
    }
    as_told = [
        {CODE_VALUE: [code], 0x00080102: ["SCT"], MEANING: [meaning]}
        for code, meaning in (("51185008", "Chest"), ("69536005", "Head"))
    ]
    assert told == {"a": as_told, "b": as_told[:1], "c": None}
    archive.delete(uid, other.SeriesInstanceUID)
    assert found(archive, (REGIONS, CODE_VALUE), "69536005") == set()
