import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocenter.dimse.fragments import LARGEST_SENT, fragment_size, p_data
from isocenter.errors import AssociationError


@pytest.mark.parametrize(
    ("maximum_length", "size"),
    [(7, 1), (8, 2), (9, 2), (16384, 16378), (16385, 16378), (0, LARGEST_SENT - 6)],
)
def test_fragments_are_even_and_fit_the_peer(maximum_length: int, size: int) -> None:
    assert fragment_size(maximum_length) == size


@pytest.mark.parametrize("maximum_length", [1, 6])
def test_a_peer_that_takes_not_one_byte_is_named_as_such(maximum_length: int) -> None:
    with pytest.raises(AssociationError, match="maximum length"):
        fragment_size(maximum_length)


@given(st.binary(max_size=300), st.integers(7, 100), st.booleans(), st.booleans())
def test_pdus_fit_and_their_fragments_join_to_what_was_cut(
    data: bytes, maximum_length: int, command: bool, last: bool
) -> None:
    size = fragment_size(maximum_length)
    stream = b"".join(p_data(5, data, size, command=command, last=last))

    joined, controls = b"", list[int]()
    while stream:
        kind, length, value_length, context_id, control = struct.unpack_from(">BxIIBB", stream)
        assert (kind, context_id, value_length) == (4, 5, length - 4)
        assert length <= maximum_length
        joined += stream[12 : 6 + length]
        controls.append(control)
        stream = stream[6 + length :]

    assert joined == data
    assert controls[:-1] == [int(command)] * (len(controls) - 1)
    assert controls[-1] == int(command) | 2 * int(last)
