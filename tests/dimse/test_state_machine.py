"""The transition table against pynetdicom's, which others wrote from the same PS3.8 Table 9-10."""

from pynetdicom.fsm import TRANSITION_TABLE

from isocenter.dimse.state_machine import TRANSITIONS, State


def test_every_transition_and_no_other_is_that_of_table_9_10() -> None:
    theirs = {
        (int(event.removeprefix("Evt")), int(state.removeprefix("Sta"))): action.replace("_", "-")
        for (event, state), action in TRANSITION_TABLE.items()
    }

    ours = {
        (int(event), int(state)): action.value
        for (event, state), (action, _) in TRANSITIONS.items()
    }

    assert {key: value.upper() for key, value in theirs.items()} == ours


def test_each_action_leads_to_the_state_of_tables_9_6_to_9_9() -> None:
    # Where the standard gives two (AE-6, AR-8), the first.
    next_states = {
        **{"AE-1": 4, "AE-2": 5, "AE-3": 6, "AE-4": 1, "AE-5": 2, "AE-6": 3, "AE-7": 6, "AE-8": 13},
        **{"DT-1": 6, "DT-2": 6},
        **{"AR-1": 7, "AR-2": 8, "AR-3": 1, "AR-4": 13, "AR-5": 1, "AR-6": 7, "AR-7": 8},
        **{"AR-8": 9, "AR-9": 11, "AR-10": 12},
        **{"AA-1": 13, "AA-2": 1, "AA-3": 1, "AA-4": 1, "AA-5": 1, "AA-6": 13, "AA-7": 13},
        **{"AA-8": 13},
    }

    assert {action.value: int(state) for action, state in TRANSITIONS.values()} == next_states


def test_all_thirteen_states_can_be_reached() -> None:
    reached = {state for _, state in TRANSITIONS.values()}

    # Sta10 is reached by AR-8 at the acceptor.
    assert reached | {State.COLLISION_ACCEPTOR_AWAITING_RELEASE_RP} == set(State)
