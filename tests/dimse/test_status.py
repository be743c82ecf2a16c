"""Status categories against pynetdicom's registry."""

import pytest
from pynetdicom.status import (
    GENERAL_STATUS,
    QR_FIND_SERVICE_CLASS_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
)

from isocenter.dimse.status import Status, StatusCode, category, describe

THEIRS = {**GENERAL_STATUS, **STORAGE_SERVICE_CLASS_STATUS, **QR_FIND_SERVICE_CLASS_STATUS}


def test_every_code_has_the_category_that_the_standard_gives_it() -> None:
    assert {code: category(code).value for code in THEIRS} == {
        code: meaning[0] for code, meaning in THEIRS.items()
    }


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_named_code_is_described(code: StatusCode) -> None:
    assert "code" not in describe(code)


def test_codes_of_a_service_s_own_range_are_described_by_the_range() -> None:
    assert describe(0xA7FF) == "Refused: Out of resources"
    assert describe(0xC123) == "Error: Cannot understand"


def test_a_status_reads_as_a_sentence() -> None:
    assert str(Status(0xA700, "disk full")) == "A700H Refused: Out of resources: disk full"
    assert Status(0xB000).is_success
    assert not Status(0x0110).is_success
