import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config
from pydicom.uid import UID

from isocenter.dicom import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    is_path_safe_uid,
    is_valid_uid,
    new_uid,
)


@pytest.mark.parametrize("text", ["1.2", "0.0", "2.25.0", "1.2.840.10008.1.1", "1." + "2" * 62])
def test_what_follows_the_grammar_is_valid(text: str) -> None:
    assert is_valid_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", "1", ".", "1.", ".1", "1..2", "1.02", "01.2", "1.2\n", "1.2 ", "1.2\0", "1.a", "1.-2"]
    + ["1.²", "1.٣", "1." + "2" * 63],
)
def test_what_breaks_the_grammar_is_not_valid(text: str) -> None:
    assert not is_valid_uid(text)


@given(st.text(alphabet="0123456789.", max_size=70))
def test_the_grammar_is_the_one_that_pydicom_knows(text: str) -> None:
    # pydicom also takes a lone component, which has no root and no suffix (PS3.5 9.1).
    reference = UID(text, validation_mode=config.IGNORE)
    assert is_valid_uid(text) == (reference.is_valid and "." in text)


@pytest.mark.parametrize("text", ["1.02", "1", "1.2.840", "0" * 64, "1..2"])
def test_uids_of_sloppy_writers_are_safe_as_names(text: str) -> None:
    assert is_path_safe_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "1/2", "../1", "1\\2", "1\0", "1.2\n", "1 2", "1" * 65, "CON", "1.٣"],
)
def test_nothing_that_leaves_a_folder_is_safe_as_a_name(text: str) -> None:
    assert not is_path_safe_uid(text)


def test_new_uids_differ_and_are_valid_under_their_root() -> None:
    made = [new_uid() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(is_valid_uid(uid) and uid.startswith("2.25.") for uid in made)
    assert uuid.UUID(int=int(made[0].rpartition(".")[2])).version == 4


def test_a_root_of_ones_own_is_used() -> None:
    root = "1.2.826.0.1.3680043.10.9999"
    assert new_uid(root).startswith(root + ".") and is_valid_uid(new_uid(root))


@pytest.mark.parametrize("root", ["1.2." + "3" * 40, "1.02", "hello", "", "1.2."])
def test_a_root_that_leaves_no_room_or_is_none_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="no UID root"):
        new_uid(root)


def test_the_implementation_is_named_as_associations_allow() -> None:
    assert is_valid_uid(IMPLEMENTATION_CLASS_UID)
    assert 1 <= len(IMPLEMENTATION_VERSION_NAME) <= 16 and IMPLEMENTATION_VERSION_NAME.isascii()
