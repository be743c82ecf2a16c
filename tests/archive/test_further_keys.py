"""Keys without a column, on both engines: rare attributes, codes within codes, related counts.

What has to be found is worked out from the values that pydicom reads from the stored files.
"""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import product

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.sequence import Sequence
from sqlalchemy import text
from tests.archive.conftest import keep, uids
from tests.factories import small_object

from isocenter.archive import (
    COMPUTED_KEYS,
    GATHERED_KEYS,
    KEYS,
    RARE_KEYS,
    SEQUENCE_KEYS,
    Archive,
    Level,
    Match,
    Outcome,
    Query,
)
from isocenter.archive.keys import SequenceKey, sequence_number
from isocenter.dicom import tags
from isocenter.errors import QueryError

IDS, NUMBERS, RELATED, CONTAINER = 0x00101000, 0x00201070, 0x0008001A, 0x00400512
CODES, EQUIVALENT, VALUE, SCHEME = 0x00081032, 0x00080121, 0x00080100, 0x00080102
REGIONS = 0x00080063
STUDIES, SERIES, INSTANCES = 0x00201200, 0x00201202, 0x00201204


def code(value: str, scheme: str = "DCM", *equivalents: Dataset, **attributes: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, scheme
    for keyword, content in attributes.items():
        setattr(item, keyword, content)
    if equivalents:
        item.EquivalentCodeSequence = Sequence(equivalents)
    return item


def labels(archive: Archive, level: Level, matches: dict) -> set[str]:
    return {found.text(tags.StudyID) for found in archive.find(Query.of(level, matches))}


def read(archive: Archive, *datasets: Dataset) -> Iterator[Dataset]:
    for dataset in datasets:
        yield dcmread(archive.open_instance(*uids(dataset)).path)


RARE = (
    small_object(StudyID="a", OtherPatientIDs=["P1", "P22"], OtherStudyNumbers=[7, 12]),
    small_object(StudyID="b", OtherPatientIDs="P2", OtherStudyNumbers="0012"),
    small_object(StudyID="c", OtherPatientIDs=["X", "", "Ä-1"], ContainerIdentifier="S24-17;A"),
    small_object(StudyID="d", RelatedGeneralSOPClassUID=["1.2.3", "1.2.4"]),
    small_object(StudyID="e", RelatedGeneralSOPClassUID="1.2.3", ContainerIdentifier="S24-18"),
    small_object(StudyID="f", OtherPatientIDs="", ContainerIdentifier=""),
    small_object(StudyID="g"),
)
for each in RARE:
    each.SpecificCharacterSet = "ISO_IR 100"
VALUES = {
    IDS: ["P1", "P2", "p22", "P*", "?1", "*2", "X", "Ä-1", "nobody", "P1\\X", '""', "", "*"],
    NUMBERS: ["7", "12", "012", "+7", "8", "7\\12", '""', ""],
    RELATED: ["1.2.3", "1.2.4", "1.2.5", "1.2.4\\1.2.5", '""', ""],
    CONTAINER: ["S24-17;A", "s24-*", "S24-1?", "*A", "S24", '""', ""],
}


def expected(dataset: Dataset, tag: int, value: str) -> bool:
    """Tell whether a query matches, by pydicom's values (PS3.4 C.2.2.2)."""
    element = dataset.get(tag)
    found = [] if element is None or element.is_empty else element.value
    listed = [found] if isinstance(found, str | int) else list(found)
    values = [str(each).lower() for each in listed if str(each)]
    if value == '""':
        return not values
    if value.strip("*") == "":
        return True
    asked = value.lower().split("\\")
    if element is not None and element.VR == "IS":
        return bool({int(each) for each in values} & {int(each) for each in asked})
    return any(fnmatchcase(one, pattern) for one, pattern in product(values, asked))


@pytest.mark.parametrize(("tag", "value"), [(tag, each) for tag in VALUES for each in VALUES[tag]])
def test_rare_attributes_match_by_any_of_the_values_that_pydicom_reads(
    shelves: Callable[..., Archive], tag: int, value: str
) -> None:
    archive = shelves(*RARE)
    wanted = {each.StudyID for each in read(archive, *RARE) if expected(each, tag, value)}
    for level in (Level.STUDY, Level.SERIES, Level.INSTANCE):
        assert labels(archive, level, {tag: value}) == wanted


@pytest.mark.parametrize("tag", VALUES)
@pytest.mark.parametrize("level", [Level.STUDY, Level.SERIES, Level.INSTANCE])
def test_rare_attributes_come_with_what_was_found(
    shelves: Callable[..., Archive], tag: int, level: Level
) -> None:
    archive = shelves(*RARE)
    told = {
        each.text(tags.StudyID): each.values.get(tag)
        for each in archive.find(Query(level, include=frozenset({tag, tags.StudyID})))
    }
    if level is not Level.INSTANCE and tag in (RELATED, CONTAINER):
        assert set(told.values()) == {None}
        return
    for each in read(archive, *RARE):
        element = each.get(tag)
        values = [] if element is None or element.is_empty else element.value
        listed = [values] if isinstance(values, str | int) else list(values)
        # As written: pydicom keeps the digits of an integer string.
        assert told[each.StudyID] == (
            [getattr(v, "original_string", str(v)) for v in listed] or None
        )


def test_what_is_no_integer_is_told_and_stays_out_of_the_index(sqlite_archive: Archive) -> None:
    dataset = small_object(OtherStudyNumbers="7")
    dataset["OtherStudyNumbers"]._value = "seven"
    (stored,) = keep(sqlite_archive, dataset)
    assert any("OtherStudyNumbers" in each and "seven" in each for each in stored.warnings)
    assert sqlite_archive.count(Query.of(Level.STUDY, {NUMBERS: '""'})) == 1
    with pytest.raises(QueryError, match="OtherStudyNumbers.*integer"):
        sqlite_archive.find(Query.of(Level.STUDY, {NUMBERS: "seven"}))


def test_the_latest_rare_values_of_a_study_win(archive: Archive) -> None:
    first = small_object(OtherPatientIDs="OLD")
    study = first.StudyInstanceUID
    keep(archive, first, small_object(StudyInstanceUID=study, OtherPatientIDs=["NEW", "NEWER"]))
    assert archive.count(Query.of(Level.STUDY, {IDS: "OLD"})) == 0
    assert archive.count(Query.of(Level.STUDY, {IDS: "newer"})) == 1
    (patient,) = archive.find(Query(Level.PATIENT))
    assert patient.values[IDS] == ["NEW", "NEWER"]


CODED = (
    small_object(
        StudyID="a",
        ProcedureCodeSequence=[
            code("P1", "99A", code("E1", "SCT"), code("E2", "LN"), CodingSchemeVersion="2.0"),
            code("P2", "99B", code("E3", "SCT"), ContextGroupVersion="20230815"),
        ],
    ),
    small_object(
        StudyID="b",
        ProcedureCodeSequence=[code("P1", "99B", code("E1", "LN")), code("P3", "99A")],
    ),
    small_object(StudyID="c", ProcedureCodeSequence=[code("P3", "99A", CodingSchemeVersion="1.0")]),
    small_object(StudyID="d"),
)
WITHIN = (CODES, EQUIVALENT)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({(*WITHIN, VALUE): "E1"}, "ab"),
        ({(*WITHIN, VALUE): "e?"}, "ab"),
        ({(*WITHIN, VALUE): "E1", (*WITHIN, SCHEME): "SCT"}, "a"),
        ({(*WITHIN, VALUE): "E1", (*WITHIN, SCHEME): "SCT", (CODES, VALUE): "P1"}, "a"),
        # The equivalent of another item than the one that has the code.
        ({(*WITHIN, VALUE): "E3", (CODES, VALUE): "P1"}, ""),
        ({(*WITHIN, VALUE): "E2", (*WITHIN, SCHEME): "SCT"}, ""),
        ({(*WITHIN, VALUE): '""', (CODES, VALUE): "P3"}, "bc"),
        ({(*WITHIN, VALUE): '""'}, "bcd"),
        ({(CODES, EQUIVALENT): '""'}, "bcd"),
        ({(CODES, EQUIVALENT): "", (CODES, VALUE): "P2"}, "a"),
        ({CODES: '""'}, "d"),
        ({CODES: ""}, "abcd"),
        ({(CODES, 0x00080103): "2.*"}, "a"),
        ({(CODES, 0x00080103): '""', (CODES, VALUE): "P3"}, "b"),
        ({(CODES, 0x00080106): "2023"}, "a"),
        ({(CODES, 0x00080106): "20230815-"}, "a"),
        ({(CODES, 0x00080106): "-20230814"}, ""),
    ],
)
def test_codes_match_with_those_within_the_same_item(
    shelves: Callable[..., Archive], asked: dict, wanted: str
) -> None:
    archive = shelves(*CODED)
    assert labels(archive, Level.STUDY, asked) == set(wanted)
    assert labels(archive, Level.INSTANCE, asked) == set(wanted)


def as_told(dataset: Dataset) -> dict[int, list]:
    """The items of a data set in the form of what was found."""
    return {
        int(element.tag): [as_told(item) for item in element.value]
        if element.VR == "SQ"
        else [str(element.value)]
        for element in dataset
    }


@pytest.mark.parametrize("level", [Level.STUDY, Level.SERIES, Level.INSTANCE])
def test_codes_within_codes_come_with_what_was_found_at_every_level_below(
    shelves: Callable[..., Archive], level: Level
) -> None:
    archive = shelves(*CODED)
    found = archive.find(Query(level, include=frozenset({CODES, tags.StudyID})))
    told = {each.text(tags.StudyID): each.items.get(CODES, []) for each in found}
    for each in read(archive, *CODED):
        assert told[each.StudyID] == [
            as_told(item) for item in each.get("ProcedureCodeSequence", [])
        ]


def alternate(series: str, purpose: Dataset) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID, item.ReferencedSOPInstanceUID = series, "1.2.9"
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    return item


def test_sequences_match_three_deep(archive: Archive) -> None:
    one = alternate("1.2.1", code("121329", "DCM", code("L1", "99L"), code("L2", "99M")))
    other = alternate("1.2.2", code("121330", "DCM", code("L3", "99L")))
    dataset = small_object(StudyID="a", AlternateRepresentationSequence=[one, other])
    keep(archive, dataset, small_object(StudyID="b"))
    outer, purpose = 0x00083001, (0x00083001, 0x0040A170)
    deepest = (*purpose, EQUIVALENT)
    together = {(outer, 0x0020000E): "1.2.1", (*purpose, VALUE): "121329", (*deepest, VALUE): "L2"}
    assert labels(archive, Level.INSTANCE, together) == {"a"}
    assert labels(archive, Level.INSTANCE, together | {(*deepest, SCHEME): "99M"}) == {"a"}
    assert labels(archive, Level.INSTANCE, together | {(*deepest, SCHEME): "99L"}) == set()
    assert labels(archive, Level.INSTANCE, together | {(*purpose, VALUE): "121330"}) == set()
    assert labels(archive, Level.INSTANCE, {(*deepest, VALUE): '""'}) == {"b"}
    found = archive.find(Query.of(Level.INSTANCE, {outer: ""}, include=frozenset({outer})))
    (told,) = (each.items[outer] for each in found if outer in each.items)
    (kept,) = read(archive, dataset)
    assert told == [as_told(item) for item in kept.AlternateRepresentationSequence]


def numbers(sequence: SequenceKey, *outer: int) -> Iterator[int]:
    yield sequence_number(*outer, sequence.tag)
    for inner in sequence.inner:
        yield from numbers(inner, *outer, sequence.tag)


def test_no_two_sequences_have_the_same_number() -> None:
    found = [number for sequence in SEQUENCE_KEYS for number in numbers(sequence)]
    assert len(set(found)) == len(found)
    assert all(0 < number < 2**63 for number in found)


def test_the_regions_of_a_study_come_with_their_equivalents_and_match_where_there_are_none(
    archive: Archive,
) -> None:
    chest = code("51185008", "SCT", code("T-D3000", "SRT"), CodeMeaning="Chest")
    head = code("69536005", "SCT", CodeMeaning="Head")
    first = small_object(StudyID="a", AnatomicRegionSequence=[chest, head])
    more = small_object(StudyInstanceUID=first.StudyInstanceUID, AnatomicRegionSequence=[head])
    plain = small_object(StudyID="a", StudyInstanceUID=first.StudyInstanceUID)
    keep(archive, first, more, plain, small_object(StudyID="b"))
    assert labels(archive, Level.STUDY, {(REGIONS, EQUIVALENT, VALUE): "T-D*"}) == {"a"}
    assert labels(archive, Level.STUDY, {REGIONS: '""'}) == {"b"}
    assert labels(archive, Level.STUDY, {(REGIONS, VALUE): '""'}) == {"b"}
    (told,) = (
        each.items[REGIONS]
        for each in archive.find(Query(Level.STUDY, include=frozenset({REGIONS})))
        if REGIONS in each.items
    )
    assert told == [as_told(chest), as_told(head)]


def test_what_is_related_to_a_patient_is_counted_and_matched_at_every_level(
    archive: Archive,
) -> None:
    first = small_object(StudyID="a", PatientID="P1")
    keep(
        archive,
        first,
        small_object(StudyID="a", PatientID="P1", StudyInstanceUID=first.StudyInstanceUID),
        small_object(StudyID="b", PatientID="P1"),
        small_object(StudyID="c", PatientID="p1"),
        small_object(StudyID="d", PatientID="P1", IssuerOfPatientID="elsewhere"),
        small_object(StudyID="e", PatientID=""),
        small_object(StudyID="f", PatientID=""),
    )
    wanted = {
        "a": ["2", "3", "3"],
        "b": ["2", "3", "3"],
        "c": ["1", "1", "1"],
        "d": ["1", "1", "1"],
        "e": ["2", "2", "2"],
        "f": ["2", "2", "2"],
    }
    include = frozenset({STUDIES, SERIES, tags.StudyID})
    for level in (Level.STUDY, Level.SERIES, Level.INSTANCE):
        told = {
            each.text(tags.StudyID): [each.text(tag) for tag in (STUDIES, SERIES, INSTANCES)]
            for each in archive.find(Query(level, include=include))
        }
        assert told == wanted
    assert labels(archive, Level.STUDY, {STUDIES: "1"}) == {"c", "d"}
    assert labels(archive, Level.STUDY, {SERIES: "3"}) == {"a", "b"}
    assert labels(archive, Level.INSTANCE, {INSTANCES: "2"}) == {"e", "f"}
    assert labels(archive, Level.STUDY, {INSTANCES: ""}) == set(wanted)
    patients = archive.find(Query.of(Level.PATIENT, {STUDIES: "2", tags.PatientID: "P1"}))
    assert [each.text(INSTANCES) for each in patients] == ["3"]
    # As for any patient: one in whose row the counts stand says the same.
    for each in archive.find(Query(Level.PATIENT)):
        identity = {tags.PatientID: each.text(tags.PatientID) or '""'}
        studies = archive.find(Query.of(Level.STUDY, identity, include=include))
        counted = {found.text(STUDIES) for found in studies}
        assert each.text(STUDIES) in counted


def test_more_patients_than_one_question_holds_are_counted(
    sqlite_archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isocenter.archive.finding._MOST_PATIENTS", 2)
    keep(sqlite_archive, *(small_object(PatientID=f"P{number % 5}") for number in range(10)))
    found = sqlite_archive.find(Query(Level.STUDY, include=frozenset({STUDIES})))
    assert [each.text(STUDIES) for each in found] == ["2"] * 10


def full() -> Dataset:
    """An object with values for all that an index of before does not hold."""
    specimen, template = Dataset(), Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "S24-17;A;1", "1.2.77"
    template.TemplateIdentifier, template.MappingResource = "1500", "DCMR"
    region = code("51185008", "SCT", code("T-D3000", "SRT"), CodingSchemeVersion="2024")
    return small_object(
        OtherPatientIDs=["P1", "P2"],
        OtherStudyNumbers="12",
        ContainerIdentifier="S24-17;A",
        RelatedGeneralSOPClassUID="1.2.3",
        SpecimenDescriptionSequence=[specimen],
        ContentTemplateSequence=[template],
        AnatomicRegionSequence=[region],
        ProcedureCodeSequence=[code("P1", "99A", code("E1", "SCT"))],
    )


NEW = [
    {IDS: "P2"},
    {NUMBERS: "12"},
    {CONTAINER: "S24*"},
    {RELATED: "1.2.3"},
    {(0x00400560, 0x00400551): "S24-17*"},
    {(0x00400560, 0x00400554): "1.2.77"},
    {(0x0040A504, 0x0040DB00): "1500"},
    {(0x0040A504, 0x00080105): "DCMR"},
    {(0x00082218, 0x00080103): "2024"},
    {(0x00082218, EQUIVALENT, VALUE): "T-D3000"},
    {(CODES, EQUIVALENT, VALUE): "E1"},
]


def test_an_index_of_before_opens_and_a_thorough_check_fills_it(
    open_archive: Callable[..., Archive],
) -> None:
    archive = open_archive()
    dataset = full()
    keep(archive, dataset, small_object())
    before = (
        "DELETE FROM item_value WHERE sequence_tag = 0 OR sequence_tag > 4294967295"
        f" OR sequence_tag IN ({0x0040A504}, {0x00400560}) OR tag = {0x00080103}"
    )
    with archive._index.writing() as transaction:
        transaction.execute(text(before))
    archive.close()

    archive = open_archive()
    assert [archive.count(Query.of(Level.INSTANCE, asked)) for asked in NEW] == [0] * len(NEW)
    problems = archive.check(thorough=True, repair=True).problems
    # Filled, not mended: nothing that was kept had been wrong.
    assert {(each.kind.value, each.repaired) for each in problems} == {("incomplete", True)}
    assert "RelatedGeneralSOPClassUID" in " ".join(each.sentence for each in problems)
    assert [archive.count(Query.of(Level.INSTANCE, asked)) for asked in NEW] == [1] * len(NEW)
    assert not archive.check(thorough=True).problems
    (stored,) = keep(archive, dataset)
    assert stored.outcome is Outcome.UNCHANGED


def test_every_key_has_the_value_representation_of_the_standard() -> None:
    def of(sequences: tuple[SequenceKey, ...]) -> Iterator[tuple[int, str, str]]:
        for sequence in sequences:
            yield sequence.tag, sequence.keyword, "SQ"
            yield from ((key.tag, key.keyword, key.vr) for key in sequence.items)
            yield from of(sequence.inner)

    for tag, keyword, vr in of(SEQUENCE_KEYS):
        assert (tag_for_keyword(keyword), dictionary_VR(tag)) == (tag, vr)


def test_a_path_that_the_index_does_not_know_is_refused(sqlite_archive: Archive) -> None:
    for path in ((CODES, tags.PatientID), (*WITHIN, EQUIVALENT, VALUE), (CODES, VALUE, VALUE)):
        with pytest.raises(QueryError, match="the index does not know it"):
            sqlite_archive.find(Query(Level.STUDY, (Match(path, ""),)))
    with pytest.raises(QueryError, match="EquivalentCodeSequence.*it is a sequence"):
        sqlite_archive.find(Query.of(Level.STUDY, {WITHIN: "x"}))


def paths(sequences: tuple[SequenceKey, ...], *outer: int) -> Iterator[tuple[tuple[int, ...], str]]:
    for sequence in sequences:
        yield (*outer, sequence.tag), "SQ"
        yield from (((*outer, sequence.tag, key.tag), key.vr) for key in sequence.items)
        yield from paths(sequence.inner, *outer, sequence.tag)


ASKED = {
    "DA": "18000101-18991231",
    "TM": "0001-0002",
    "DT": "1999-2001",
    "IS": "7\\8",
    "US": "7",
    "DS": "1.5",
}
ASKED |= {"UI": "1.2.3\\1.2.4", "PN": "Q*=Q", "SQ": ""}


@pytest.mark.parametrize("level", Level)
def test_every_key_takes_what_its_vr_allows_at_every_level(
    shelves: Callable[..., Archive], level: Level
) -> None:
    archive = shelves(*CODED)
    everything = archive.count(Query(level))
    single = (((key.tag,), key.vr) for key in (*KEYS, *RARE_KEYS, *COMPUTED_KEYS))
    for path, vr in (*single, *paths((*SEQUENCE_KEYS, *GATHERED_KEYS))):
        named = path[0] if len(path) == 1 else path
        wanted = 0 if vr != "SQ" else everything
        assert archive.count(Query.of(level, {named: ASKED.get(vr, "?Q*Q\\QQ")})) == wanted
        assert archive.count(Query.of(level, {named: '""'})) <= everything
        assert archive.count(Query.of(level, {named: ""})) == everything
