"""Data sets that hypothesis invents, for pydicom to write."""

import struct

from hypothesis import strategies as st
from pydicom import DataElement, Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sequence import Sequence

ASCII = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\^=")
ANY = st.characters(exclude_categories=["C", "Z"], exclude_characters="\\^=")
WORDS = st.text(ANY, min_size=1, max_size=12)


def several(values: st.SearchStrategy) -> st.SearchStrategy:
    """One value, or a few."""
    return st.lists(values, min_size=1, max_size=3).map(lambda v: v[0] if len(v) == 1 else v)


def binary(size: int) -> st.SearchStrategy[bytes]:
    """Whole words of some size; an even number of bytes."""
    return st.binary(max_size=48).map(lambda raw: raw[: len(raw) // max(size, 2) * max(size, 2)])


def integers(code: str) -> st.SearchStrategy:
    """Numbers of a binary representation."""
    size = struct.calcsize(f"<{code}") * 8
    low = -(2 ** (size - 1)) if code.islower() else 0
    return several(st.integers(low, low + 2**size - 1))


NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=3).map("^".join), min_size=1, max_size=3)
VALUES: dict[str, st.SearchStrategy] = {
    "AE": several(st.text(ASCII, min_size=1, max_size=16)),
    "AS": st.sampled_from(["054Y", "003M", "001D"]),
    "AT": several(st.integers(0, 0xFFFFFFFF)),
    "CS": several(st.text("ABC_9", min_size=1, max_size=16)),
    "DA": several(st.dates().map(lambda day: f"{day.year:04}{day.month:02}{day.day:02}")),
    "DS": several(st.integers(-(10**9), 10**9).map(lambda n: str(n / 1000))),
    "DT": st.datetimes().map(lambda at: f"{at.year:04}" + at.strftime("%m%d%H%M%S")),
    "FL": several(st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "FD": several(st.floats(allow_nan=False, allow_infinity=False)),
    "IS": several(st.integers(-(2**31), 2**31 - 1).map(str)),
    "LO": several(WORDS),
    "LT": WORDS,
    "OB": binary(1),
    "OD": binary(8),
    "OF": binary(4),
    "OL": binary(4),
    "OV": binary(8),
    "OW": binary(2),
    "PN": several(NAMES.map("=".join)),
    "SH": several(WORDS),
    "SL": integers("i"),
    "SS": integers("h"),
    "ST": WORDS,
    "SV": several(st.integers(-(2**53) + 1, 2**53 - 1)),
    "TM": several(st.times().map(lambda at: at.strftime("%H%M%S"))),
    "UC": several(WORDS),
    "UI": several(st.lists(st.integers(0, 9999).map(str), min_size=2, max_size=8).map(".".join)),
    "UL": integers("I"),
    "UN": binary(1),
    "UR": st.text(ASCII, min_size=1, max_size=30),
    "US": integers("H"),
    "UT": WORDS,
    "UV": several(st.integers(0, 2**53 - 1)),
}
# One standard attribute of each representation; private attributes have any.
STANDARD = {vr: tag_for_keyword(f"Selector{vr}Value") for vr in VALUES}


@st.composite
def elements(draw: st.DrawFn) -> DataElement:
    """A standard or private element that is no sequence."""
    vr = draw(st.sampled_from(sorted(VALUES)))
    private = draw(st.integers(0x00111000, 0x001110FF))
    tag = draw(st.sampled_from([STANDARD[vr], private]))
    return DataElement(tag, vr, draw(VALUES[vr] | st.just("" if vr[0] != "O" else b"")))


def plain() -> st.SearchStrategy[Dataset]:
    """Data sets without sequences."""
    return st.lists(elements(), max_size=6).map(_data_set)


def nested(items: st.SearchStrategy[Dataset]) -> st.SearchStrategy[Dataset]:
    """Data sets with a sequence of others, of defined or undefined length."""
    return st.builds(
        _with_sequence,
        st.lists(elements(), max_size=4),
        st.sampled_from([0x00081140, 0x00400275, 0x00111042]),
        st.lists(items, max_size=3),
        st.booleans(),
    )


def data_sets() -> st.SearchStrategy[Dataset]:
    """Data sets with sequences up to some levels deep, in UTF-8."""
    return st.recursive(plain(), nested, max_leaves=6).map(_in_utf_8)


def _data_set(found: list[DataElement]) -> Dataset:
    dataset = Dataset()
    dataset.update({element.tag: element for element in found})
    return dataset


def _with_sequence(
    found: list[DataElement], tag: int, items: list[Dataset], undefined: bool
) -> Dataset:
    dataset = _data_set(found)
    dataset.add_new(tag, "SQ", Sequence(items))
    dataset[tag].is_undefined_length = undefined
    for item in items:
        item.is_undefined_length_sequence_item = undefined
    return dataset


def _in_utf_8(dataset: Dataset) -> Dataset:
    outer = Dataset()
    outer.SpecificCharacterSet = "ISO_IR 192"
    outer.SOPInstanceUID = "1.2.3"
    outer.update({element.tag: element for element in dataset})
    return outer
