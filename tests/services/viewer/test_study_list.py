from collections.abc import Iterator

import pytest
from pydicom.uid import generate_uid
from tests.factories import ct_series, ct_slice, small_object
from tests.services.viewer.conftest import Viewer, opened

from isocenter.services.viewer.study_list import display_name

PEOPLE = [
    # name, id, date, modality, accession, description
    ("Doe^Jane^Mary", "P-100", "20240117", "CT", "A1", "Chest"),
    ("Doe^John", "P-101", "20230201", "MR", "A2", "Head routine"),
    ("Müller^Jürgen", "Q-7", "20200101", "CT", "B3", "Abdomen"),
    ("Yamada^Tarou=山田^太郎", "R-8", "20251231", "US", "B4", ""),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    with opened(tmp_path_factory.mktemp("list")) as viewer:
        for name, patient, date, modality, accession, description in PEOPLE:
            dataset = ct_slice(
                8,
                8,
                PatientName=name,
                PatientID=patient,
                StudyDate=date,
                Modality=modality,
                AccessionNumber=accession,
                StudyDescription=description or None,
            )
            viewer.keep(dataset)
            if patient == "P-100":
                viewer.keep(
                    *ct_series(
                        3,
                        8,
                        8,
                        StudyInstanceUID=dataset.StudyInstanceUID,
                        PatientName=name,
                        PatientID=patient,
                        StudyDate=date,
                        SeriesNumber=7,
                        AccessionNumber=accession,
                        StudyDescription=description,
                    )
                )
        yield viewer


def names(viewer: Viewer, question: str) -> list[str]:
    answer = viewer.get(question)
    assert answer.status_code == 200, answer.text
    return [study["patientName"] for study in answer.json()["studies"]]


def test_newest_studies_come_first_with_what_a_list_shows(filled: Viewer) -> None:
    page = filled.get().json()
    assert page["total"] == 4
    assert [s["studyDate"] for s in page["studies"]] == [
        "20251231",
        "20240117",
        "20230201",
        "20200101",
    ]
    doe = page["studies"][1]
    assert doe["patientName"] == "Doe, Jane Mary" and doe["patientId"] == "P-100"
    assert doe["modalities"] == ["CT"] and doe["description"] == "Chest"
    assert (doe["seriesCount"], doe["instanceCount"]) == (2, 4)
    assert doe["accession"] == "A1" and doe["sex"] == "F" and doe["birthDate"] == "19700102"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("?patientName=doe", {"Doe, Jane Mary", "Doe, John"}),
        ("?patientName=jane", {"Doe, Jane Mary"}),
        ("?patientName=Doe, Jane", {"Doe, Jane Mary"}),
        ("?patientName=muller", {"Müller, Jürgen"}),
        ("?patientName=*rgen*", {"Müller, Jürgen"}),
        ("?patientName=m?ller", {"Müller, Jürgen"}),
        ("?patientName=j*n", {"Doe, Jane Mary", "Doe, John", "Müller, Jürgen"}),
        ("?patientName=d?e, j*e", {"Doe, Jane Mary"}),
        ("?patientName=?ller", set()),
        ("?patientName=太郎", {"Yamada, Tarou"}),
        ("?patientId=p-10", {"Doe, Jane Mary", "Doe, John"}),
        ("?patientId=Q*", {"Müller, Jürgen"}),
        ("?patientId=p?1", {"Doe, Jane Mary", "Doe, John"}),
        ("?modality=CT", {"Doe, Jane Mary", "Müller, Jürgen"}),
        ("?modality=mr,us", {"Doe, John", "Yamada, Tarou"}),
        ("?accession=b", {"Müller, Jürgen", "Yamada, Tarou"}),
        ("?description=ROUTINE", {"Doe, John"}),
        ("?dateFrom=20230201", {"Doe, Jane Mary", "Doe, John", "Yamada, Tarou"}),
        ("?dateTo=20230201", {"Doe, John", "Müller, Jürgen"}),
        ("?dateFrom=20240101&dateTo=20241231", {"Doe, Jane Mary"}),
        ("?patientName=doe&modality=MR", {"Doe, John"}),
        ("?patientName=nobody", set()),
        ("?patientName=%5C", {"Doe, Jane Mary", "Doe, John", "Müller, Jürgen", "Yamada, Tarou"}),
    ],
)
def test_what_is_typed_finds_what_is_meant(
    filled: Viewer, question: str, expected: set[str]
) -> None:
    assert set(names(filled, question)) == expected


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("patientName", "Doe, Jane Mary"),
        ("-patientName", "Yamada, Tarou"),
        ("patientId", "Doe, Jane Mary"),
        ("-patientId", "Yamada, Tarou"),
        ("studyDate", "Müller, Jürgen"),
        ("-studyDate", "Yamada, Tarou"),
        ("-accession", "Yamada, Tarou"),
        ("-instanceCount", "Doe, Jane Mary"),
        ("-modality", "Yamada, Tarou"),
        ("-description", "Doe, John"),
    ],
)
def test_every_column_sorts_both_ways(filled: Viewer, sort: str, first: str) -> None:
    assert names(filled, f"?sort={sort}")[0] == first


def test_pages_follow_each_other_and_know_the_total(filled: Viewer) -> None:
    pages = [filled.get(f"?limit=3&offset={n}").json() for n in (0, 3, 6)]
    assert [page["total"] for page in pages] == [4, 4, 4]
    assert [len(page["studies"]) for page in pages] == [3, 1, 0]


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("?sort=shoeSize", 400),
        ("?dateFrom=yesterday", 422),
        ("?limit=0", 422),
        ("?limit=100000", 422),
        ("?offset=-1", 422),
        ("?dateFrom=20249999", 400),
        ("/1.2.three", 422),
        ("/1.2/series/1.2.3/instances/1.2.3.4/frames/0", 422),
    ],
)
def test_a_senseless_question_is_refused_in_words(
    filled: Viewer, question: str, status: int
) -> None:
    answer = filled.get(question)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe^Jane^Mary^Dr^PhD", "Doe, Jane Mary"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
        ("^^^^", ""),
        ("", ""),
    ],
)
def test_names_are_written_as_people_read_them(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_series_come_by_number_and_those_without_pixels_last(viewer: Viewer) -> None:
    study = generate_uid()
    report = small_object(StudyInstanceUID=study, SeriesNumber=1)
    later = ct_slice(8, 8, StudyInstanceUID=study, SeriesNumber=5, SeriesDescription="Later")
    first = ct_series(2, 8, 8, StudyInstanceUID=study, SeriesNumber=2)
    viewer.keep(report, later, *first)
    contents = viewer.get(f"/{study}").json()
    assert contents["study"]["seriesCount"] == 3
    assert [s["number"] for s in contents["series"]] == [2, 5, 1]
    assert [s["displayable"] for s in contents["series"]] == [True, True, False]
    assert [s["frameCount"] for s in contents["series"]] == [2, 1, 0]
    assert contents["series"][2]["thumbnail"] is None
    assert contents["series"][1]["description"] == "Later"


def test_an_unknown_study_is_404(viewer: Viewer) -> None:
    answer = viewer.get("/1.2.3")
    assert answer.status_code == 404 and "1.2.3" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/..", "/a.b", "/1.2/series/%2e%2e", "/" + "1" * 65])
def test_what_is_no_uid_never_reaches_the_archive(viewer: Viewer, path: str) -> None:
    assert viewer.get(path).status_code in (404, 422)


def test_a_study_comes_with_its_first_display_where_that_is_wanted(viewer: Viewer) -> None:
    image, report = ct_slice(8, 8), small_object()
    report.StudyInstanceUID = image.StudyInstanceUID
    viewer.keep(image, report)
    study = f"/{image.StudyInstanceUID}"
    plain = viewer.get(study).json()
    assert "display" not in plain
    whole = viewer.get(f"{study}?display=true").json()
    assert whole.pop("display") == viewer.series(image)
    assert whole == plain


def test_a_study_without_images_comes_without_display(viewer: Viewer) -> None:
    report = small_object()
    viewer.keep(report)
    assert "display" not in viewer.get(f"/{report.StudyInstanceUID}?display=true").json()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("?dateFrom=yesterday", "dateFrom is 'yesterday'; expected a date as YYYYMMDD"),
        ("?dateTo=" + "9" * 900, f"dateTo is '{'9' * 80}'; expected a date as YYYYMMDD"),
        ("/1.2.three", "study is '1.2.three'; expected a UID of 1 to 64 digits and dots"),
    ],
)
def test_a_wrong_parameter_is_told_in_words_not_as_a_pattern(
    viewer: Viewer, path: str, sentence: str
) -> None:
    assert viewer.get(path).json()["detail"] == sentence
