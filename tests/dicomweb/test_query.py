import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocenter.dicomweb.query import Match, SearchParameters, parse_attribute, parse_search
from isocenter.errors import QueryError

PATIENT_ID = 0x00100020


def test_an_empty_query_asks_for_everything() -> None:
    assert parse_search([]) == SearchParameters()


def test_attributes_are_named_by_keyword_or_tag() -> None:
    found = parse_search([("PatientID", "A"), ("0020000d", "1.2")])
    assert found.matches == (Match((PATIENT_ID,), "A"), Match((0x0020000D,), "1.2"))


def test_a_path_goes_down_into_sequences() -> None:
    path = parse_attribute("RequestAttributesSequence.00400009")
    assert path == parse_attribute("00400275.ScheduledProcedureStepID") == (0x00400275, 0x00400009)


def test_fields_may_be_repeated_joined_by_commas_and_all() -> None:
    found = parse_search(
        [
            ("includefield", "PatientID, 00080020"),
            ("includefield", "PatientID"),
            ("includefield", "all"),
        ]
    )
    assert found.include == ((PATIENT_ID,), (0x00080020,))
    assert found.include_all


@pytest.mark.parametrize(
    "parameters",
    [
        [("00091001", "1"), ("00090010", "ACME")],
        [("00081032.00090010", "ACME"), ("00081032.00091001", "1")],
        [("00090010", "ACME"), ("00091002.PatientID", "1")],
        [("ProcedureCodeSequence", "")],
        [("ProcedureCodeSequence.EquivalentCodeSequence", '""')],
    ],
)
def test_private_attributes_come_with_their_creator_and_sequences_without_value(
    parameters: list[tuple[str, str]],
) -> None:
    assert [match.value for match in parse_search(parameters).matches] == [
        value for _, value in parameters
    ]


def test_a_page_and_fuzzy_matching_can_be_asked_for() -> None:
    found = parse_search([("limit", "5"), ("offset", "10"), ("fuzzymatching", "True")])
    assert (found.limit, found.offset, found.fuzzy) == (5, 10, True)


def test_a_page_may_be_larger_than_anything() -> None:
    found = parse_search([("limit", "99999999999999"), ("offset", "4294967296")])
    assert (found.limit, found.offset) == (999_999_999, 999_999_999)


def test_the_accept_parameter_is_no_attribute() -> None:
    assert parse_search([("accept", "application/dicom+json")]) == SearchParameters()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ([("PatientIdentifier", "1")], "unknown attribute 'PatientIdentifier'"),
        ([("0010002", "1")], "unknown attribute"),
        ([("includefield", "Nothing")], "unknown attribute 'Nothing'"),
        ([("PatientID", "1"), ("00100020", "2")], "given twice"),
        ([("limit", "1"), ("limit", "2")], "given twice"),
        ([("limit", "-1")], "whole number"),
        ([("limit", "")], "whole number"),
        ([("offset", "1.5")], "whole number"),
        ([("offset", "٣")], "whole number"),
        ([("fuzzymatching", "maybe")], "true or false"),
        ([("emptyvaluematching", "yes")], "true or false"),
        ([("PatientID", "x" * 5000)], "5000 characters"),
        ([("PatientID", "a\0")], "NUL"),
        ([(".".join(["PatientID"] * 9), "1")], "levels deep"),
        ([("00080007", "1")], r"unknown attribute \(0008,0007\)"),
        ([("PatientID.CodeValue", "1")], r"\(0010,0020\).*is no sequence"),
        ([("ProcedureCodeSequence", "1")], r"\(0008,1032\) is a sequence"),
        ([("00091001", "1")], r"\(0009,1001\).*private creator \(0009,0010\)"),
        ([("00090011", "ACME"), ("00091001", "1")], r"private creator \(0009,0010\)"),
        ([("00081032.00091001", "1"), ("00090010", "ACME")], "private creator"),
    ],
)
def test_what_is_wrong_is_said(parameters: list[tuple[str, str]], sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        parse_search(parameters)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=4))
def test_any_query_is_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    try:
        parse_search(parameters)
    except QueryError as error:
        assert str(error)
