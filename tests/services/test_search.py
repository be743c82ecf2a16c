"""QIDO-RS: routes, parameters, attributes, paging."""

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from pydicom import Dataset
from tests.factories import ct_series, ct_slice, small_object
from tests.services.conftest import Web, opened, path_of


def uids(answer: object, tag: str) -> list[str]:
    return [result[tag]["Value"][0] for result in answer.json()]


STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A study of two series of two slices and a report, beside another patient's report."""
    with opened(tmp_path_factory.mktemp("search")) as web:
        first = ct_series(2, 8, 8)
        uid = first[0].StudyInstanceUID
        second = ct_series(2, 8, 8, StudyInstanceUID=uid, SeriesNumber=3)
        web.keep(*first, *second)
        web.keep(small_object(StudyInstanceUID=uid, SeriesNumber=9))
        web.keep(small_object(PatientName="Müller^Jürgen", PatientID="OTHER", StudyDate="20200101"))
        yield web


@pytest.fixture(scope="module")
def study(filled: Web) -> str:
    return uids(filled.get("/studies?PatientID=PID-1"), STUDY)[0]


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/studies", 2),
        ("/series", 4),
        ("/instances", 6),
        ("/studies/{study}/series", 3),
        ("/studies/{study}/instances", 5),
    ],
)
def test_every_route_finds_what_is_below_it(filled: Web, study: str, path: str, count: int) -> None:
    answer = filled.get(path.format(study=study))
    assert (answer.status_code, len(answer.json())) == (200, count)
    assert answer.headers["content-type"] == "application/dicom+json"


def test_instances_of_a_series_are_found_in_the_order_of_their_numbers(
    filled: Web, study: str
) -> None:
    series = uids(filled.get(f"/studies/{study}/series"), SERIES)
    answer = filled.get(f"/studies/{study}/series/{series[0]}/instances")
    assert [r["00200013"]["Value"] for r in answer.json()] == [[1], [2]]


def test_a_study_says_what_the_standard_asks_for(filled: Web, study: str) -> None:
    [found] = filled.get(f"/studies?StudyInstanceUID={study}").json()
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    assert found["00201206"] == {"vr": "IS", "Value": [3]}
    assert found["00201208"] == {"vr": "IS", "Value": [5]}
    assert sorted(found["00080061"]["Value"]) == ["CT", "SR"]
    assert found["00081190"]["Value"] == [f"http://testserver/dicomweb/studies/{study}"]
    assert found["00080056"]["Value"] == ["ONLINE"]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]
    assert {"00080020", "00080030", "00080050", "00080090", "00100020", "00200010"} <= found.keys()
    assert list(found) == sorted(found)


def test_a_series_says_its_study_where_the_path_does_not(filled: Web, study: str) -> None:
    below = filled.get(f"/studies/{study}/series").json()[0]
    alone = filled.get(f"/series?StudyInstanceUID={study}").json()[0]
    assert "00100010" not in below
    assert alone["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
    assert below["0020000D"]["Value"] == [study]
    assert below["00400275"]["Value"][0]["00401001"]["Value"] == ["RP1"]


def test_an_empty_attribute_has_no_value(web: Web) -> None:
    web.keep(small_object(AccessionNumber=""))
    assert web.get("/studies").json()[0]["00080050"] == {"vr": "SH"}


@pytest.mark.parametrize(
    "query",
    [
        "PatientName=DOE*",
        "PatientName=doe^jane",
        "00100010=*Jane",
        "PatientID=PID-?",
        "StudyDate=20240101-20241231",
        "StudyDate=20240117&StudyTime=0800-0900",
        "StudyDate=20230601-",
        "AccessionNumber=",
        "ModalitiesInStudy=CT",
        "ModalitiesInStudy=MR,CT",
        "Modality=CT",
        "PatientName=jan do&fuzzymatching=true",
        "NumberOfStudyRelatedInstances=5",
        'PatientBirthTime=""&emptyvaluematching=true',
        "Modality=PT\\CT&multiplevaluematching=true",
        "charset=utf-8",
    ],
)
def test_all_kinds_of_matching_find_the_study(filled: Web, study: str, query: str) -> None:
    assert study in uids(filled.get(f"/studies?{query}"), STUDY)


@pytest.mark.parametrize("name", ["müller*", "MULLER^JURGEN", "M%C3%BCller^J*"])
def test_names_match_whatever_their_case_and_accents(filled: Web, study: str, name: str) -> None:
    assert len(filled.get(f"/studies?PatientName={name}").json()) == 1


def test_a_list_of_uids_matches_each_of_them(filled: Web, study: str) -> None:
    both = ",".join(uids(filled.get("/studies"), STUDY))
    assert len(filled.get(f"/studies?StudyInstanceUID={both}").json()) == 2


def test_joined_codes_match_each_of_them(filled: Web) -> None:
    assert len(filled.get("/series?Modality=CT,SR").json()) == 4
    assert len(filled.get("/series?Modality=CT%2CMR").json()) == 2
    assert filled.get("/series?Modality=MR,PT").status_code == 204


def test_a_code_that_has_a_comma_against_the_standard_is_found_by_it(web: Web) -> None:
    web.keep(ct_slice(8, 8, BodyPartExamined="HEAD,NECK"), ct_slice(8, 8, BodyPartExamined="NECK"))
    web.keep(ct_slice(8, 8, BodyPartExamined="LEG"))
    assert len(web.get("/series?BodyPartExamined=HEAD,NECK").json()) == 2
    assert len(web.get("/series?BodyPartExamined=NECK,LEG").json()) == 2
    assert len(web.get("/series?BodyPartExamined=HEAD*").json()) == 1


def test_a_page_behind_everything_is_no_content(filled: Web) -> None:
    assert filled.get("/studies?offset=99999999999999999999").status_code == 204
    assert len(filled.get("/studies?limit=99999999999999999999").json()) == 2


def test_items_of_sequences_match(filled: Web, study: str) -> None:
    path = f"/studies/{study}/series?RequestAttributesSequence.RequestedProcedureID="
    assert len(filled.get(f"{path}RP1").json()) == 2
    assert filled.get(f"{path}nothing").status_code == 204


def test_the_newest_study_comes_first(filled: Web, study: str) -> None:
    assert uids(filled.get("/studies"), STUDY)[0] == study


def test_nothing_found_is_no_content(filled: Web, study: str) -> None:
    for path in ("/studies?PatientID=nobody", "/studies/1.2.3/series", "/studies?limit=0"):
        answer = filled.get(path)
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_page_is_cut_out_of_the_results(filled: Web, study: str) -> None:
    everything = uids(filled.get("/instances"), INSTANCE)
    pages = [uids(filled.get(f"/instances?limit=4&offset={at}"), INSTANCE) for at in (0, 4)]
    assert pages[0] + pages[1] == everything
    assert "warning" not in filled.get("/instances?limit=4").headers


def test_results_that_the_server_cut_off_are_told(
    filled: Web, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isocenter.services.search.LARGEST_PAGE", 3)
    answer = filled.get("/instances")
    assert len(answer.json()) == 3
    assert answer.headers["warning"].startswith('299 testserver "There are more results')


def test_further_fields_can_be_included(filled: Web, study: str) -> None:
    def fields(query: str) -> set[str]:
        return set(filled.get(f"/studies/{study}/instances?limit=1{query}").json()[0])

    assert "00081030" not in fields("")
    added = fields("&includefield=StudyDescription,00100010&includefield=Manufacturer")
    assert {"00081030", "00100010", "00080070"} <= added
    assert added < fields("&includefield=all")


def test_a_field_that_cannot_be_included_is_told(filled: Web, study: str) -> None:
    answer = filled.get("/studies?includefield=PixelSpacing,Rows")
    assert answer.status_code == 200
    assert "00280010, 00280030" in answer.headers["warning"]


def test_of_many_fields_that_cannot_be_included_some_are_named(filled: Web, study: str) -> None:
    fields = ",".join(f"{0x00091000 + number:08X}" for number in range(500))
    warning = filled.get(f"/studies?includefield={fields}").headers["warning"]
    assert "00091000, 00091001" in warning
    assert "00091013 and 480 more" in warning
    assert len(warning) < 500


@pytest.mark.parametrize(
    "path",
    [
        "/studies?NoSuchAttribute=1",
        "/studies?00080007=1",
        "/studies?00091001=1",
        "/studies?PatientID.CodeValue=1",
        "/studies?SourceImageSequence=1",
        "/studies?RequestAttributesSequence=1",
        "/studies?PatientID=1&PatientID=2",
        "/studies?StudyDate=yesterday",
        "/studies?limit=many",
        "/studies?fuzzymatching=perhaps",
        "/studies/abc/series",
        "/studies/1.2/series/x/instances",
    ],
)
def test_what_cannot_be_asked_is_a_bad_request(web: Web, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 400
    assert answer.text.strip()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("PregnancyStatus=4", "001021C0"),
        ("ProcedureCodeSequence.MappingResourceName=x", "00081032.00080122"),
        ("00090010=ACME&00091001=1", "00090010, 00091001"),
        ("SourceImageSequence.ReferencedSOPInstanceUID=1.2", "00082112.00081155"),
    ],
)
def test_attributes_that_the_index_does_not_keep_match_anything_and_are_told(
    filled: Web, study: str, query: str, named: str
) -> None:
    """PS3.18 8.3: unsupported query parameters are as if they were not there, and warned of."""
    warning = f'299 testserver "Not matched, because the index does not keep it: {named}"'
    answer = filled.get(f"/studies?PatientID=PID-1&{query}")
    assert (answer.headers["warning"], uids(answer, STUDY)) == (warning, [study])
    nothing = filled.get(f"/studies?PatientID=nobody&{query}")
    assert (nothing.status_code, nothing.headers["warning"]) == (204, warning)


def test_one_answer_warns_of_all_that_was_asked_for_in_vain(filled: Web, study: str) -> None:
    answer = filled.get("/studies?PregnancyStatus=4&includefield=PixelSpacing")
    assert answer.headers["warning"].count("299 testserver") == 2


def test_results_come_as_xml_where_asked(filled: Web, study: str) -> None:
    answer = filled.get("/studies", accept='multipart/related; type="application/dicom+xml"')
    assert answer.headers["content-type"].startswith("multipart/related")
    parts = answer.content.split(b"\r\n\r\n")[1:]
    documents = [ElementTree.fromstring(part.rpartition(b"\r\n--")[0]) for part in parts]
    assert len(documents) == 2


def test_an_unacceptable_form_is_refused(filled: Web, study: str) -> None:
    assert filled.get("/studies", accept="text/html").status_code == 406


@pytest.mark.parametrize("name", ["=", "==", ""])
def test_a_name_of_empty_component_groups_is_told_as_a_value_that_is_empty(
    web: Web, name: str
) -> None:
    dataset = ct_slice(PatientName=name, ReferringPhysicianName=name)
    web.keep(dataset)
    (found,) = web.get("/studies?includefield=all").json()
    # pydicom's form, and that of metadata.
    expected = {"vr": "PN"}
    assert dataset.to_json_dict()["00100010"] == expected
    assert found["00100010"] == found["00080090"] == expected
    (metadata,) = web.get(path_of(dataset, "metadata")).json()
    assert metadata["00100010"] == expected


def test_a_value_keeps_its_characters(web: Web) -> None:
    web.keep(ct_slice(8, 8, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"))
    [found] = web.get("/studies").json()
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


@pytest.mark.parametrize("path", ["/studies", "/studies/{study}/metadata"])
def test_programs_that_know_json_but_not_dicom_are_answered(
    filled: Web, study: str, path: str
) -> None:
    plain = filled.get(path.format(study=study), accept="application/json")
    assert plain.headers["content-type"] == "application/json"
    named = filled.get(path.format(study=study), accept="application/json, application/dicom+json")
    assert named.json() == plain.json()
    anything = filled.get(path.format(study=study))
    assert anything.headers["content-type"] == "application/dicom+json"


def test_the_anatomic_regions_of_a_study_are_matched_and_told_where_they_are_asked_for(
    web: Web,
) -> None:
    chest, other = small_object(), small_object()
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", "SCT", "Chest"
    chest.AnatomicRegionSequence = [item]
    web.keep(chest, other)
    sequence = "AnatomicRegionsInStudyCodeSequence"
    (found,) = web.get(f"/studies?{sequence}.CodeValue=51185008&includefield={sequence}").json()
    assert found["0020000D"]["Value"] == [chest.StudyInstanceUID]
    assert found["00080063"] == {"vr": "SQ", "Value": [item.to_json_dict()]}
    assert web.get(f"/studies?{sequence}.CodeValue=69536005").status_code == 204
    for query in (f"includefield=all,{sequence}", f"{sequence}.CodeValue=5*&includefield=all"):
        told = web.get(f"/studies?StudyInstanceUID={chest.StudyInstanceUID}&{query}").json()
        assert told[0]["00080063"] == found["00080063"]
