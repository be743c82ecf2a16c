"""What a service class user asks for, as operations of the protocol machine."""

from isocenter.dicom import sop_class
from isocenter.dicom.transfer_syntaxes import lookup
from isocenter.dimse.machine import Machine, Operation
from isocenter.dimse.messages import CEchoRq, CStoreRq, Response
from isocenter.dimse.outgoing import Outgoing
from isocenter.dimse.status import Status
from isocenter.dimse.verification import VERIFICATION
from isocenter.errors import AssociationError, UnsupportedTransferSyntax


def context_for(machine: Machine, abstract_syntax: str, transfer_syntax: str | None = None) -> int:
    """Return the id of an accepted context for a SOP class, and a transfer syntax where given.

    Raises
    ------
    UnsupportedTransferSyntax
        The SOP class was accepted, but not with this transfer syntax.
    AssociationError
        The SOP class was not accepted.
    """
    accepted = [
        context
        for context in machine.contexts.values()
        if context.abstract_syntax == abstract_syntax
    ]
    for context in accepted:
        if transfer_syntax in (None, context.transfer_syntax):
            return context.context_id
    if accepted:
        raise UnsupportedTransferSyntax(
            f"the peer does not accept {named(abstract_syntax)} in {named(transfer_syntax)}"
        )
    raise AssociationError(f"the peer does not accept {named(abstract_syntax)}")


def named(uid: str | None) -> str:
    """Return a SOP class or transfer syntax as a person knows it."""
    known = uid and (lookup(uid) or sop_class(uid))
    return f"{known.name} ({uid})" if known else str(uid)


def status_of(response: Response) -> Status:
    """Return how the operation ended, as its response says."""
    return Status(response.status, response.error_comment or "", response.offending_element or ())


def echo(machine: Machine, message_id: int) -> Operation[Status]:
    """Ask whether the peer answers (C-ECHO, PS3.7 9.1.5)."""
    context_id = context_for(machine, VERIFICATION)
    request = CEchoRq(message_id=message_id, affected_sop_class_uid=VERIFICATION)
    return status_of((yield from machine.exchange(context_id, request)))


def store_request(
    message_id: int, sop_class_uid: str, sop_instance_uid: str, priority: int = 0
) -> CStoreRq:
    """Make the request of a C-STORE (PS3.7 9.1.1)."""
    return CStoreRq(
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        affected_sop_instance_uid=sop_instance_uid,
        priority=priority,
        has_data_set=True,
    )


def store(machine: Machine, message_id: int, outgoing: Outgoing) -> Operation[Status]:
    """Send one object as it is and wait until the peer says what became of it (C-STORE)."""
    context_id = context_for(machine, outgoing.sop_class_uid, outgoing.transfer_syntax_uid)
    request = store_request(message_id, outgoing.sop_class_uid, outgoing.sop_instance_uid)
    return status_of((yield from machine.exchange(context_id, request, outgoing.pieces())))
