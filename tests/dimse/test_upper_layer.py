"""The upper layer, transition by transition, and its parser on any stream of bytes."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocenter.dimse.indications import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    Indication,
    ReleaseConfirmation,
    ReleaseIndication,
)
from isocenter.dimse.invalid_pdu import AbortReason, AbortSource
from isocenter.dimse.pdu import (
    Abort,
    AssociateAc,
    AssociateRj,
    AssociateRq,
    PresentationDataValue,
    ProposedContext,
)
from isocenter.dimse.state_machine import TRANSITIONS, Event, State
from isocenter.dimse.upper_layer import Role, UpperLayer
from isocenter.dimse.user_information import UserInformation
from isocenter.errors import AssociationError

INFORMATION = UserInformation(maximum_length=16384, implementation_class_uid="1.2.3")
CONTEXT = ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))
REQUEST = AssociateRq("CALLED", "CALLING", (CONTEXT,), INFORMATION)
ACCEPTANCE = AssociateAc("CALLED", "CALLING", (), INFORMATION)
REJECTION = AssociateRj(1, 1, 7)

RELEASE_RQ = bytes.fromhex("05000000000400000000")
RELEASE_RP = bytes.fromhex("06000000000400000000")
ABORT = bytes.fromhex("07000000000400000000")
P_DATA = bytes.fromhex("040000000008000000040103") + b"xy"
INVALID = b"\x99" + bytes(9)
PROVIDER_ABORT_UNEXPECTED = bytes.fromhex("07000000000400000202")
PROVIDER_ABORT_UNRECOGNIZED = bytes.fromhex("07000000000400000201")

CAUSES: dict[Event, Callable[[UpperLayer], None]] = {
    Event.ASSOCIATE_REQUEST: lambda upper: upper.associate(REQUEST),
    Event.TRANSPORT_CONFIRMED: lambda upper: upper.connected(),
    Event.ASSOCIATE_AC_RECEIVED: lambda upper: upper.receive_data(ACCEPTANCE.encode()),
    Event.ASSOCIATE_RJ_RECEIVED: lambda upper: upper.receive_data(REJECTION.encode()),
    Event.TRANSPORT_INDICATED: lambda upper: upper.connected(),
    Event.ASSOCIATE_RQ_RECEIVED: lambda upper: upper.receive_data(REQUEST.encode()),
    Event.ASSOCIATE_RESPONSE_ACCEPT: lambda upper: upper.accept(ACCEPTANCE),
    Event.ASSOCIATE_RESPONSE_REJECT: lambda upper: upper.reject(REJECTION),
    Event.P_DATA_REQUEST: lambda upper: upper.send_p_data([P_DATA]),
    Event.P_DATA_RECEIVED: lambda upper: upper.receive_data(P_DATA),
    Event.RELEASE_REQUEST: lambda upper: upper.release(),
    Event.RELEASE_RQ_RECEIVED: lambda upper: upper.receive_data(RELEASE_RQ),
    Event.RELEASE_RP_RECEIVED: lambda upper: upper.receive_data(RELEASE_RP),
    Event.RELEASE_RESPONSE: lambda upper: upper.respond_release(),
    Event.ABORT_REQUEST: lambda upper: upper.abort(),
    Event.ABORT_RECEIVED: lambda upper: upper.receive_data(ABORT),
    Event.TRANSPORT_CLOSED: lambda upper: upper.received(0),
    Event.ARTIM_EXPIRED: lambda upper: upper.artim_expired(),
    Event.INVALID_PDU: lambda upper: upper.receive_data(INVALID),
}

# What PS3.8 Tables 9-6 to 9-9 let each action do: sent bytes, the indication's type, ARTIM (True
# started, False stopped, None left alone), transport closed.
EFFECTS: dict[str, tuple[bytes | None, type | None, bool | None, bool]] = {
    "AE-1": (None, None, None, False),
    "AE-2": (REQUEST.encode(), None, None, False),
    "AE-3": (None, AssociateConfirmation, None, False),
    "AE-4": (None, AssociateConfirmation, None, True),
    "AE-5": (None, None, True, False),
    "AE-6": (None, AssociateIndication, False, False),
    "AE-7": (ACCEPTANCE.encode(), None, None, False),
    "AE-8": (REJECTION.encode(), None, True, False),
    "DT-1": (P_DATA, None, None, False),
    "DT-2": (None, list, None, False),
    "AR-1": (RELEASE_RQ, None, None, False),
    "AR-2": (None, ReleaseIndication, None, False),
    "AR-3": (None, ReleaseConfirmation, None, True),
    "AR-4": (RELEASE_RP, None, True, False),
    "AR-5": (None, None, False, True),
    "AR-6": (None, list, None, False),
    "AR-7": (P_DATA, None, None, False),
    "AR-8": (None, ReleaseIndication, None, False),
    "AR-9": (RELEASE_RP, None, None, False),
    "AR-10": (None, ReleaseConfirmation, None, False),
    "AA-1": (ABORT, None, True, False),
    "AA-2": (None, None, False, True),
    "AA-3": (None, AbortIndication, None, True),
    "AA-4": (None, AbortIndication, None, True),
    "AA-5": (None, None, False, True),
    "AA-6": (None, None, None, False),
    "AA-7": (PROVIDER_ABORT_UNEXPECTED, None, None, False),
    "AA-8": (PROVIDER_ABORT_UNEXPECTED, AbortIndication, True, False),
}


def in_state(state: State, role: Role) -> UpperLayer:
    upper = UpperLayer(role)
    upper.state = state
    upper._request = REQUEST
    upper.artim_runs = state in (State.AWAITING_ASSOCIATE_RQ, State.AWAITING_TRANSPORT_CLOSE)
    return upper


def next_told(upper: UpperLayer) -> Indication | list[PresentationDataValue] | None:
    """Take what happened next: data, another indication, or nothing yet."""
    if upper.values:
        values = list(upper.values)
        upper.values.clear()
        return values
    return upper.indications.popleft() if upper.indications else None


def role_for(event: Event) -> Role:
    return Role.ACCEPTOR if event is Event.TRANSPORT_INDICATED else Role.REQUESTOR


@pytest.mark.parametrize(
    ("event", "state"), list(TRANSITIONS), ids=lambda value: f"{type(value).__name__}{int(value)}"
)
def test_each_event_in_each_state_does_what_its_action_says(event: Event, state: State) -> None:
    action, next_state = TRANSITIONS[event, state]
    sent, indication, artim, closed = EFFECTS[action.value]
    upper = in_state(state, role_for(event))
    artim_before = upper.artim_runs

    CAUSES[event](upper)

    if event is Event.INVALID_PDU and action.value in ("AA-7", "AA-8"):
        sent = PROVIDER_ABORT_UNRECOGNIZED
    assert upper.state is next_state
    assert b"".join(upper.data_to_send()) == (sent or b"")
    received = next_told(upper)
    assert (type(received) if received else None) is indication
    assert next_told(upper) is None
    assert upper.artim_runs is (artim_before if artim is None else artim)
    assert upper.close_transport is closed


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (event, state)
        for event in (
            Event.ASSOCIATE_RESPONSE_ACCEPT,
            Event.P_DATA_REQUEST,
            Event.RELEASE_REQUEST,
            Event.RELEASE_RESPONSE,
        )
        for state in State
        if (event, state) not in TRANSITIONS
    ],
    ids=lambda value: f"{type(value).__name__}{int(value)}",
)
def test_what_the_user_may_not_ask_for_in_a_state_is_refused(event: Event, state: State) -> None:
    upper = in_state(state, Role.REQUESTOR)

    with pytest.raises(AssociationError):
        CAUSES[event](upper)

    assert upper.state is state
    assert not upper.data_to_send()


def test_release_collision_leads_the_acceptor_to_sta10_and_then_sta12() -> None:
    upper = in_state(State.AWAITING_RELEASE_RP, Role.ACCEPTOR)

    upper.receive_data(RELEASE_RQ)
    assert upper.state is State.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP
    assert next_told(upper) == ReleaseIndication(collision=True)

    upper.receive_data(RELEASE_RP)
    assert upper.state is State.COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE
    assert next_told(upper) == ReleaseConfirmation()

    upper.respond_release()
    assert b"".join(upper.data_to_send()) == RELEASE_RP
    assert upper.state is State.AWAITING_TRANSPORT_CLOSE


def test_two_upper_layers_that_release_at_once_both_end_released() -> None:
    requestor = in_state(State.ESTABLISHED, Role.REQUESTOR)
    acceptor = in_state(State.ESTABLISHED, Role.ACCEPTOR)
    requestor.release()
    acceptor.release()

    to_acceptor, to_requestor = requestor.data_to_send(), acceptor.data_to_send()
    requestor.receive_data(b"".join(to_requestor))
    acceptor.receive_data(b"".join(to_acceptor))
    requestor.respond_release()
    acceptor.receive_data(b"".join(requestor.data_to_send()))
    acceptor.respond_release()
    requestor.receive_data(b"".join(acceptor.data_to_send()))

    assert requestor.state is State.IDLE
    assert requestor.close_transport
    assert acceptor.state is State.AWAITING_TRANSPORT_CLOSE


@pytest.mark.parametrize(
    ("version", "accepted"), [(1, True), (3, True), (0x8001, True), (2, False)]
)
def test_only_bit_0_of_the_protocol_version_counts(version: int, accepted: bool) -> None:
    upper = in_state(State.AWAITING_ASSOCIATE_RQ, Role.ACCEPTOR)
    request = AssociateRq("A", "B", (CONTEXT,), INFORMATION, protocol_version=version)

    upper.receive_data(request.encode())

    if accepted:
        assert upper.state is State.AWAITING_LOCAL_ASSOCIATE_RESPONSE
    else:
        assert b"".join(upper.data_to_send()) == bytes.fromhex("03000000000400010202")
        assert upper.state is State.AWAITING_TRANSPORT_CLOSE
        assert upper.artim_runs


@pytest.mark.parametrize(
    ("kind", "length"),
    [(1, 0xFFFFFFFF), (2, 1 << 20), (4, (1 << 18) + 1), (5, 5), (7, 0x7FFFFFFF)],
)
def test_a_length_over_its_limit_aborts_before_its_bytes_are_awaited(
    kind: int, length: int
) -> None:
    upper = in_state(State.ESTABLISHED, Role.ACCEPTOR)

    upper.receive_data(struct.pack(">BxI", kind, length))

    assert (
        b"".join(upper.data_to_send())
        == Abort(AbortSource.SERVICE_PROVIDER, AbortReason.INVALID_PARAMETER_VALUE).encode()
    )


def test_a_claimed_length_takes_no_memory_before_its_bytes_come() -> None:
    upper = UpperLayer(Role.ACCEPTOR, associate_limit=1 << 30)
    upper.connected()

    upper.receive_data(struct.pack(">BxI", 1, 1 << 29))

    assert len(upper.buffer.view) <= 1 << 16


def test_the_longest_pdu_that_there_is_takes_no_more_memory_than_the_buffer() -> None:
    upper = UpperLayer(Role.ACCEPTOR, maximum_length=0, buffer_size=1 << 17)
    upper.state = State.ESTABLISHED
    upper.receive_data(struct.pack(">BxIIBB", 4, 0xFFFFFFFF, 0xFFFFFFFB, 1, 0))

    for _ in range(20):
        upper.received(len(upper.space()))
        assert len(upper.buffer.view) <= 1 << 17

    assert upper.is_established
    assert sum(len(data) for _, _, data in upper.values) > 20 << 16


def test_nothing_behind_an_invalid_pdu_is_looked_at() -> None:
    upper = in_state(State.ESTABLISHED, Role.ACCEPTOR)

    upper.receive_data(INVALID + P_DATA + RELEASE_RQ)
    upper.receive_data(ABORT)

    assert isinstance(next_told(upper), AbortIndication)
    assert next_told(upper) is None
    assert upper.state is State.AWAITING_TRANSPORT_CLOSE


@pytest.mark.parametrize("values", [b"", bytes(3), struct.pack(">IBB", 9, 1, 0)])
def test_data_out_of_turn_is_answered_by_one_abort_whatever_is_in_it(values: bytes) -> None:
    upper = in_state(State.AWAITING_ASSOCIATE_AC, Role.REQUESTOR)

    upper.receive_data(struct.pack(">BxI", 4, len(values)) + values + P_DATA)

    assert b"".join(upper.data_to_send()) == PROVIDER_ABORT_UNEXPECTED


def test_the_rest_of_a_pdu_is_dropped_once_this_side_aborts() -> None:
    upper = in_state(State.ESTABLISHED, Role.ACCEPTOR)
    upper.receive_data(P_DATA[:-1])
    assert isinstance(next_told(upper), list)
    upper.abort()
    upper.data_to_send()

    upper.receive_data(P_DATA[-1:] + P_DATA)

    assert next_told(upper) is None
    assert upper.data_to_send() == []


def pdus() -> st.SearchStrategy[bytes]:
    values = st.binary(max_size=40).map(
        lambda data: struct.pack(">IBB", len(data) + 2, 1, 0) + data
    )
    p_data = st.lists(values, min_size=1, max_size=4).map(
        lambda parts: struct.pack(">BxI", 4, sum(map(len, parts))) + b"".join(parts)
    )
    rest = st.sampled_from([RELEASE_RQ, RELEASE_RP, ABORT, INVALID, REQUEST.encode()])
    return st.lists(st.one_of(p_data, p_data, p_data, rest, st.binary(max_size=8)), max_size=8).map(
        b"".join
    )


def observed(stream: bytes, cuts: list[int]) -> tuple[list[object], bytes, State]:
    """What happens; the fragments of a message are joined."""
    upper = in_state(State.ESTABLISHED, Role.ACCEPTOR)
    seen: list[object] = []
    start = 0
    for end in [*cuts, len(stream)]:
        upper.receive_data(stream[start:end])
        start = end
        while (indication := next_told(upper)) is not None:
            if isinstance(indication, list):
                for value in indication:
                    add(seen, value)
            else:
                seen.append(indication)
        upper.buffer.recycle()
    return seen, b"".join(upper.data_to_send()), upper.state


def add(seen: list[object], value: PresentationDataValue) -> None:
    context_id, control, data = value
    fragment = (context_id, control, bytes(data))
    before = seen[-1] if seen else None
    if isinstance(before, tuple) and before[:2] == (context_id, control & ~2):
        fragment = (context_id, control, before[2] + fragment[2])
        seen.pop()
    seen.append(fragment)


@given(pdus(), st.data())
def test_however_a_stream_is_cut_the_same_happens(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))

    assert observed(stream, cuts) == observed(stream, [])


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6), st.integers(1, 3))
def test_no_more_is_sure_to_come_than_a_message_has_left(parts: list[bytes], together: int) -> None:
    values = [
        struct.pack(">IBB", len(part) + 2, 1, 2 if number == len(parts) else 0) + part
        for number, part in enumerate(parts, 1)
    ]
    pdus = [b"".join(values[n : n + together]) for n in range(0, len(values), together)]
    stream = b"".join(struct.pack(">BxI", 4, len(pdu)) + pdu for pdu in pdus)
    upper = in_state(State.ESTABLISHED, Role.ACCEPTOR)

    for position, byte in enumerate(stream, 1):
        upper.receive_data(bytes([byte]))
        sure = upper.sure_to_come
        assert 0 <= sure <= len(stream) - position


def test_views_stay_true_until_the_buffer_is_recycled() -> None:
    upper = UpperLayer(Role.ACCEPTOR, maximum_length=1 << 12, buffer_size=1 << 16)
    upper.state = State.ESTABLISHED
    views: list[memoryview] = []
    expected = b""
    for number in range(200):
        piece = bytes([number]) * 1000
        expected += piece
        upper.receive_data(struct.pack(">BxIIBB", 4, 1006, 1002, 1, 0) + piece)
        indication = next_told(upper)
        assert isinstance(indication, list)
        views += [data for _, _, data in indication]

    assert b"".join(views) == expected
