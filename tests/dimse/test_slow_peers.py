"""How long a peer may take for what it sends, by a clock that only the peer moves on."""

import time
from typing import Any

import pytest
from tests.dimse.wire import CT, IMPLICIT, p_data, pdv, store_rq

from isocenter.dimse import Timeouts
from isocenter.dimse.association import Association
from isocenter.dimse.limits import Limits
from isocenter.dimse.machine import Machine
from isocenter.dimse.negotiation import AssociationInfo, NegotiatedContext
from isocenter.dimse.state_machine import State
from isocenter.dimse.upper_layer import Role
from isocenter.errors import TimedOut

_TRANSFER = 4.0
_LONG = (1 << 18) - 6
_BEGUN = p_data(pdv(store_rq())) + p_data(pdv(bytes(_LONG), command=False, last=False))


class _SteadyPeer:
    """A transport whose other end sends so many bytes a second, and stops after some."""

    def __init__(self, data: bytes, rate: float) -> None:
        self._data = data
        self._rate = rate
        self._taken = 0
        self.clock = 0.0

    def receive_into(self, view: memoryview, timeout: float, *, all_of_it: bool = False) -> int:
        """Receive as the system does: what is there, or all of it before the time is over."""
        wanted = min(len(view) if all_of_it else 1, len(view))
        ready = (self._taken + wanted) / self._rate
        stops = self._taken + wanted > len(self._data)
        if stops or ready > self.clock + timeout:
            self.clock += timeout
        else:
            self.clock = max(self.clock, ready)
        there = self._data[self._taken : round(self.clock * self._rate)][: len(view)]
        if not there:
            raise TimeoutError
        view[: len(there)] = there
        self._taken += len(there)
        return len(there)

    def send(self, buffers: Any) -> None:
        """Take an abort."""


def _association(peer: _SteadyPeer, monkeypatch: pytest.MonkeyPatch) -> Association:
    machine = Machine(Role.ACCEPTOR, Limits())
    machine.contexts = {1: NegotiatedContext(1, CT, IMPLICIT)}
    machine.upper.state = State.ESTABLISHED
    monkeypatch.setattr(time, "monotonic", lambda: peer.clock)
    transport: Any = peer
    info = AssociationInfo("PEER", "US", "192.0.2.1", 104)
    return Association(transport, machine, Timeouts(transfer=_TRANSFER), info)


def test_whoever_sends_64_kb_of_a_long_pdu_in_time_may_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = _BEGUN + p_data(pdv(b"ab", command=False))
    peer = _SteadyPeer(data, rate=(1 << 16) / (_TRANSFER - 1.5))
    association = _association(peer, monkeypatch)

    association.receive()

    assert sum(len(view) for batch in association.fragments() for view in batch) == _LONG + 2


def test_a_message_whose_first_pdu_trickles_in_ends_the_association_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = _SteadyPeer(p_data(pdv(store_rq())), rate=10.0)
    association = _association(peer, monkeypatch)

    with pytest.raises(TimedOut):
        association.receive()

    assert _TRANSFER <= peer.clock <= _TRANSFER + 0.3


@pytest.mark.parametrize("rate", [100.0, 1e6])
def test_a_pdu_that_does_not_go_on_ends_the_association_when_the_time_is_over(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = _SteadyPeer(_BEGUN[:50_000], rate)
    association = _association(peer, monkeypatch)
    association.receive()
    began = peer.clock

    with pytest.raises(TimedOut):
        list(association.fragments())

    assert began + _TRANSFER - 0.1 <= peer.clock <= began + _TRANSFER + 0.1
