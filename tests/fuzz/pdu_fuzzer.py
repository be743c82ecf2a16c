"""Coverage-guided fuzzing of the PDU parser and the messages on it: `tests/fuzz/run.py`."""

from collections.abc import Iterator

from isocenter.dimse.limits import Limits
from isocenter.dimse.machine import Machine, Operation, Wait
from isocenter.dimse.negotiation import EVERYONE, negotiate
from isocenter.dimse.pdu import AssociateAc, AssociateRq, ProposedContext
from isocenter.dimse.upper_layer import Role
from isocenter.dimse.user_information import UserInformation
from isocenter.dimse.verification import VerificationService
from isocenter.errors import IsocenterError

LIMITS = Limits(
    maximum_length=256, associate_pdu=1024, command_set=512, data_set=2048, identifier=1024
)

GREETING = AssociateRq(
    "CALLED", "CALLING", (ProposedContext(1, "1.2", ("1.2.3",)),), UserInformation(16384)
).encode()


class _Everything(VerificationService):
    """A service for any SOP class, so that any context of the input is accepted."""

    @property
    def abstract_syntaxes(self) -> "_Everything":
        return self

    @property
    def transfer_syntaxes(self) -> "_Everything":
        return self

    def __contains__(self, _: object) -> bool:
        return True


def outcome(data: bytes, cut: int) -> list[object]:
    """What an acceptor understands of a stream received in pieces of `cut` bytes."""
    machine = Machine(Role.ACCEPTOR, LIMITS)
    upper = machine.upper
    upper.connected()
    seen: list[object] = []
    pieces = _pieces(data, cut)
    try:
        for wait in _serve(machine, seen):
            assert wait is not Wait.SENT
            piece = next(pieces, b"")
            if piece:
                upper.receive_data(piece)
            else:
                upper.received(0)
    except IsocenterError as error:
        seen.append(type(error))
    seen.append(upper.is_established)
    return seen


def _pieces(data: bytes, cut: int) -> Iterator[bytes]:
    """Cut a stream; what is sent ahead of the answer to its first PDU would be out of turn."""
    first = 6 + int.from_bytes(data[2:6], "big")
    for part in (data[:first], data[first:]):
        for start in range(0, len(part), cut):
            yield part[start : start + cut]


def _serve(machine: Machine, seen: list[object]) -> Operation[None]:
    request = yield from machine.await_request()
    seen.append(request)
    agreement = negotiate(request, "192.0.2.1", [_Everything()], EVERYONE, LIMITS)
    if not isinstance(agreement.answer, AssociateAc):
        machine.upper.reject(agreement.answer)
        return
    agreement.answer.encode()
    machine.upper.accept(agreement.answer)
    machine.agree(agreement.contexts, request.user_information.maximum_length)
    while (received := (yield from machine.receive())) is not None:
        seen.append(received)
        seen.append((yield from machine.read_data_set()))


def one_input(data: bytes) -> None:
    """Any bytes are understood, or end the association by a named error; cuts do not matter.

    They are tried twice: as a connection's first bytes, and in an association that stands.
    """
    for stream in (data, GREETING + data):
        whole = outcome(stream, len(stream) + 1)
        for cut in (1, 7, 100):
            assert outcome(stream, cut) == whole
