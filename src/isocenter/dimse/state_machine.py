"""The upper layer's state machine as data: PS3.8 9.2, Tables 9-1 to 9-10."""

from enum import IntEnum, StrEnum
from types import MappingProxyType


class State(IntEnum):
    """Where a connection stands; the value is the number in PS3.8 9.2.1 (`Sta1` is 1)."""

    IDLE = 1
    AWAITING_ASSOCIATE_RQ = 2
    AWAITING_LOCAL_ASSOCIATE_RESPONSE = 3
    AWAITING_TRANSPORT = 4
    AWAITING_ASSOCIATE_AC = 5
    ESTABLISHED = 6
    AWAITING_RELEASE_RP = 7
    AWAITING_LOCAL_RELEASE_RESPONSE = 8
    COLLISION_REQUESTOR_AWAITING_LOCAL_RESPONSE = 9
    COLLISION_ACCEPTOR_AWAITING_RELEASE_RP = 10
    COLLISION_REQUESTOR_AWAITING_RELEASE_RP = 11
    COLLISION_ACCEPTOR_AWAITING_LOCAL_RESPONSE = 12
    AWAITING_TRANSPORT_CLOSE = 13


class Event(IntEnum):
    """What happens to a connection; the value is the number in Table 9-10 (`Evt1` is 1)."""

    ASSOCIATE_REQUEST = 1
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC_RECEIVED = 3
    ASSOCIATE_RJ_RECEIVED = 4
    TRANSPORT_INDICATED = 5
    ASSOCIATE_RQ_RECEIVED = 6
    ASSOCIATE_RESPONSE_ACCEPT = 7
    ASSOCIATE_RESPONSE_REJECT = 8
    P_DATA_REQUEST = 9
    P_DATA_RECEIVED = 10
    RELEASE_REQUEST = 11
    RELEASE_RQ_RECEIVED = 12
    RELEASE_RP_RECEIVED = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    ABORT_RECEIVED = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU = 19


class Action(StrEnum):
    """What a transition does, named as in Tables 9-6 to 9-9."""

    AE_1 = "AE-1"
    AE_2 = "AE-2"
    AE_3 = "AE-3"
    AE_4 = "AE-4"
    AE_5 = "AE-5"
    AE_6 = "AE-6"
    AE_7 = "AE-7"
    AE_8 = "AE-8"
    DT_1 = "DT-1"
    DT_2 = "DT-2"
    AR_1 = "AR-1"
    AR_2 = "AR-2"
    AR_3 = "AR-3"
    AR_4 = "AR-4"
    AR_5 = "AR-5"
    AR_6 = "AR-6"
    AR_7 = "AR-7"
    AR_8 = "AR-8"
    AR_9 = "AR-9"
    AR_10 = "AR-10"
    AA_1 = "AA-1"
    AA_2 = "AA-2"
    AA_3 = "AA-3"
    AA_4 = "AA-4"
    AA_5 = "AA-5"
    AA_6 = "AA-6"
    AA_7 = "AA-7"
    AA_8 = "AA-8"


# One row an event: states on the left of each colon, action and next state on the right. AE-6 may
# go to Sta13 instead (it rejects), AR-8 goes to Sta10 instead at the association's acceptor.
_ROWS: dict[int, str] = {
    1: "1: AE-1 4",
    2: "4: AE-2 5",
    3: "2: AA-1 13; 5: AE-3 6; 3 6 7 8 9 10 11 12: AA-8 13; 13: AA-6 13",
    4: "2: AA-1 13; 5: AE-4 1; 3 6 7 8 9 10 11 12: AA-8 13; 13: AA-6 13",
    5: "1: AE-5 2",
    6: "2: AE-6 3; 3 5 6 7 8 9 10 11 12: AA-8 13; 13: AA-7 13",
    7: "3: AE-7 6",
    8: "3: AE-8 13",
    9: "6: DT-1 6; 8: AR-7 8",
    10: "2: AA-1 13; 6: DT-2 6; 7: AR-6 7; 3 5 8 9 10 11 12: AA-8 13; 13: AA-6 13",
    11: "6: AR-1 7",
    12: "2: AA-1 13; 6: AR-2 8; 7: AR-8 9; 3 5 8 9 10 11 12: AA-8 13; 13: AA-6 13",
    13: "2: AA-1 13; 7 11: AR-3 1; 10: AR-10 12; 3 5 6 8 9 12: AA-8 13; 13: AA-6 13",
    14: "8 12: AR-4 13; 9: AR-9 11",
    15: "4: AA-2 1; 3 5 6 7 8 9 10 11 12: AA-1 13",
    16: "2 13: AA-2 1; 3 5 6 7 8 9 10 11 12: AA-3 1",
    17: "2: AA-5 1; 3 4 5 6 7 8 9 10 11 12: AA-4 1; 13: AR-5 1",
    18: "2 13: AA-2 1",
    19: "2: AA-1 13; 3 5 6 7 8 9 10 11 12: AA-8 13; 13: AA-7 13",
}


def _table() -> dict[tuple[Event, State], tuple[Action, State]]:
    table: dict[tuple[Event, State], tuple[Action, State]] = {}
    for event, row in _ROWS.items():
        for cell in row.split(";"):
            states, outcome = cell.split(":")
            action, next_state = outcome.split()
            for state in states.split():
                entry = Action(action), State(int(next_state))
                table[Event(event), State(int(state))] = entry
    return table


TRANSITIONS = MappingProxyType(_table())
"""(event, state) to (action, next state); a pair that is absent cannot happen (PS3.8 9.2.3)."""
