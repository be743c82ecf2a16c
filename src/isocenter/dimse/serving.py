"""Serving one association: await its request, then give each message to its service."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from isocenter.dimse.association import Association
from isocenter.dimse.machine import Machine, Received
from isocenter.dimse.messages import NRequest, Request
from isocenter.dimse.negotiation import NegotiatedContext, service_for
from isocenter.dimse.pdu import AssociateAc, AssociateRq
from isocenter.dimse.service import Service
from isocenter.dimse.status import Status, StatusCode
from isocenter.errors import AssociationError, DimseStatusError

_log = logging.getLogger(__name__)


def establish(association: Association, machine: Machine) -> AssociateRq:
    """Wait for the association request of a connection that was accepted."""
    machine.upper.connected()
    request = association.run(machine.await_request())
    theirs = request.user_information
    association.info = replace(
        association.info,
        calling_ae=request.calling_ae,
        called_ae=request.called_ae,
        implementation_class_uid=theirs.implementation_class_uid,
        implementation_version_name=theirs.implementation_version_name,
        maximum_length=theirs.maximum_length,
        user_name=theirs.identity.name if theirs.identity else None,
    )
    return request


def serve(
    association: Association,
    machine: Machine,
    answer: AssociateAc,
    contexts: Mapping[int, NegotiatedContext],
    services: Sequence[Service],
) -> None:
    """Accept the association, then perform requests until it ends."""
    info = association.info
    who = info.calling_ae, info.called_ae, info.peer_address
    _log.info(
        "association of %s with %s from %s: presentation contexts accepted: %d of %d",
        *(*who, len(contexts), len(answer.contexts)),
    )
    machine.upper.accept(answer)
    machine.agree(contexts, info.maximum_length)
    by_context = {
        context_id: service_for(context.abstract_syntax, services)
        for context_id, context in contexts.items()
    }
    try:
        while (received := association.receive()) is not None:
            _perform(received, association, by_context[received.context_id])
    finally:
        answered = association.answered
        _log.info(
            "association of %s with %s from %s: %d %s answered, %d of them by a failure",
            *(*who, answered, "request" if answered == 1 else "requests", association.failed),
        )


def _perform(received: Received, association: Association, service: Service | None) -> None:
    message, context_id = received.message, received.context_id
    if not isinstance(message, (Request, NRequest)):
        # A cancel that comes too late, or a response that nobody waits for.
        association.skip_data_set()
        return
    assert service is not None, "a context is only accepted for a service"
    try:
        service.handle(context_id, message, association)
        association.skip_data_set()
    except DimseStatusError as error:
        _log.warning(
            "refused a %s from %s at %s: %s",
            type(message).__name__,
            association.info.calling_ae,
            association.info.peer_address,
            error,
        )
        association.respond(context_id, message, Status(error.status, error.comment))
    except AssociationError:
        raise
    except Exception:
        if not association.is_open:
            raise
        _log.exception("%s failed", type(message).__name__)
        status = Status(StatusCode.PROCESSING_FAILURE, "internal error, see this node's log")
        association.respond(context_id, message, status)
