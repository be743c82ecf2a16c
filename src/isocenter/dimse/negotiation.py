"""Negotiating an association: whom to let in, which contexts, roles and items to agree on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType
from typing import Protocol

from isocenter.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from isocenter.dimse.limits import Limits
from isocenter.dimse.pdu import (
    APPLICATION_CONTEXT,
    AssociateAc,
    AssociateRj,
    AssociateRq,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    RejectResult,
    RejectSource,
)
from isocenter.dimse.service import Service
from isocenter.dimse.user_information import (
    AsynchronousOperationsWindow,
    ExtendedNegotiation,
    RoleSelection,
    UserInformation,
)


@dataclass(frozen=True, slots=True)
class NegotiatedContext:
    """A presentation context that both sides agreed on.

    Parameters
    ----------
    context_id
        Odd, 1 to 255.
    abstract_syntax
        UID of a SOP class.
    transfer_syntax
        UID of the syntax that data sets in it have.
    scu, scp
        Whether the association's requestor may take the role.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    scu: bool = True
    scp: bool = False


@dataclass(frozen=True, slots=True)
class AssociationInfo:
    """Who stands at the two ends of an association.

    Parameters
    ----------
    calling_ae, called_ae
        Titles of requestor and acceptor.
    peer_address, peer_port
        Where the other end is.
    implementation_class_uid, implementation_version_name
        What the peer says that it is; empty where it does not.
    maximum_length
        The longest P-DATA-TF variable field that the peer takes, in bytes; 0 is unlimited.
    user_name
        Of the requestor's user identity, where it carries one in clear.
    """

    calling_ae: str
    called_ae: str
    peer_address: str
    peer_port: int
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    maximum_length: int = 0
    user_name: str | None = None


class AssociationPolicy(Protocol):
    """Decides whom an acceptor lets in."""

    def decide(self, request: AssociateRq, peer_address: str) -> AssociateRj | None:
        """Return a rejection, or `None` to let the requestor in.

        Parameters
        ----------
        request
            What the peer asks for.
        peer_address
            The address that it calls from.

        Returns
        -------
        AssociateRj or None
            What is sent as rejection.

        References
        ----------
        PS3.8 9.3.4
        """
        ...

    def identity_response(self, request: AssociateRq) -> bytes | None:
        """Return the answer to a user identity that asks for one; `None` gives none.

        Parameters
        ----------
        request
            What the peer asks for, after `decide` let it in.

        Returns
        -------
        bytes or None
            The server response field of the User Identity sub-item.

        References
        ----------
        PS3.7 D.3.3.7
        """
        ...


CALLING_AE_NOT_RECOGNIZED = AssociateRj(RejectResult.PERMANENT, RejectSource.SERVICE_USER, 3)
CALLED_AE_NOT_RECOGNIZED = AssociateRj(RejectResult.PERMANENT, RejectSource.SERVICE_USER, 7)
NO_REASON_GIVEN = AssociateRj(RejectResult.PERMANENT, RejectSource.SERVICE_USER, 1)
APPLICATION_CONTEXT_NOT_SUPPORTED = AssociateRj(
    RejectResult.PERMANENT, RejectSource.SERVICE_USER, 2
)
LOCAL_LIMIT_EXCEEDED = AssociateRj(
    RejectResult.TRANSIENT, RejectSource.SERVICE_PROVIDER_PRESENTATION, 2
)


@dataclass(frozen=True, slots=True)
class AccessList:
    """A policy of AE titles and addresses.

    Parameters
    ----------
    called_ae_titles
        Titles that this node answers to; `None` answers to any.
    calling_ae_titles
        Titles that may call, each with the address it must call from or `None` for any address;
        `None` in place of the mapping lets everyone call.
    user_identity
        Whether requestors that bring a user identity are let in (it is not checked).
    """

    called_ae_titles: frozenset[str] | None = None
    calling_ae_titles: Mapping[str, str | None] | None = None
    user_identity: bool = True

    def decide(self, request: AssociateRq, peer_address: str) -> AssociateRj | None:
        """Return a rejection, or `None` to let the requestor in.

        Parameters
        ----------
        request
            What the peer asks for.
        peer_address
            The address that it calls from.

        Returns
        -------
        AssociateRj or None
            With the reason: called or calling title not recognized, or none given.

        References
        ----------
        PS3.8 9.3.4
        """
        called, calling = self.called_ae_titles, self.calling_ae_titles
        if called is not None and request.called_ae not in called:
            return CALLED_AE_NOT_RECOGNIZED
        if calling is not None:
            wanted = calling.get(request.calling_ae, "")
            if wanted is not None and not _is_same_address(wanted, peer_address):
                return CALLING_AE_NOT_RECOGNIZED
        if request.user_information.identity is not None and not self.user_identity:
            return NO_REASON_GIVEN
        return None

    def identity_response(self, request: AssociateRq) -> bytes | None:
        """Return an empty answer where one is asked for: identities are let in unchecked.

        Parameters
        ----------
        request
            What the peer asks for.

        Returns
        -------
        bytes or None
            Empty where the request brings an identity and asks for a response, else None.

        References
        ----------
        PS3.7 D.3.3.7
        """
        identity = request.user_information.identity
        return b"" if identity is not None and identity.response_requested else None


def _is_same_address(wanted: str, found: str) -> bool:
    """Compare addresses, not their spelling; a name is no address and equals itself only."""
    try:
        return _address(wanted) == _address(found)
    except ValueError:
        return wanted == found


def _address(text: str) -> IPv4Address | IPv6Address:
    # The zone of a link-local address names an interface of this machine, nothing of the peer.
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


EVERYONE = AccessList()


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an acceptor says to a request, and what both sides may do then."""

    answer: AssociateAc | AssociateRj
    contexts: Mapping[int, NegotiatedContext]


def negotiate(
    request: AssociateRq,
    peer_address: str,
    services: Sequence[Service],
    policy: AssociationPolicy,
    limits: Limits,
) -> Agreement:
    """Answer an association request.

    Parameters
    ----------
    request
        What the peer asks for.
    peer_address
        Where it calls from.
    services
        What this node offers; the first that names an abstract syntax answers for it.
    policy
        Who is let in.
    limits
        How many contexts may be proposed, and the maximum length announced.
    """
    if request.application_context != APPLICATION_CONTEXT:
        return Agreement(APPLICATION_CONTEXT_NOT_SUPPORTED, {})
    if len(request.contexts) > limits.contexts:
        return Agreement(LOCAL_LIMIT_EXCEEDED, {})
    rejection = policy.decide(request, peer_address)
    if rejection is not None:
        return Agreement(rejection, {})
    roles = _roles(request, services)
    answers, contexts = _contexts(request.contexts, services, roles)
    information = UserInformation(
        maximum_length=limits.maximum_length,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        window=AsynchronousOperationsWindow() if request.user_information.window else None,
        roles=tuple(roles.values()),
        extended=_extended(request, services),
        identity_response=policy.identity_response(request),
    )
    answer = AssociateAc(
        request.called_ae, request.calling_ae, answers, information, reserved=request.reserved
    )
    return Agreement(answer, MappingProxyType(contexts))


def service_for(abstract_syntax: str, services: Sequence[Service]) -> Service | None:
    """Return the first service that answers for an abstract syntax."""
    return next((s for s in services if abstract_syntax in s.abstract_syntaxes), None)


def agreed_contexts(request: AssociateRq, answer: AssociateAc) -> dict[int, NegotiatedContext]:
    """Return what the requestor may use of what it proposed.

    An accepted context with a transfer syntax that was not proposed is left out: nothing could be
    sent in it. A role that was not proposed is not taken (PS3.7 D.3.3.4.2).
    """
    roles = _granted(request.user_information.roles, answer.user_information.roles)
    proposed = {context.context_id: context for context in request.contexts}
    contexts: dict[int, NegotiatedContext] = {}
    for reply in answer.contexts:
        context = proposed.get(reply.context_id)
        if context is None or reply.result != ContextResult.ACCEPTANCE:
            continue
        if reply.transfer_syntax in context.transfer_syntaxes:
            role = roles.get(context.abstract_syntax)
            contexts[reply.context_id] = NegotiatedContext(
                reply.context_id,
                context.abstract_syntax,
                reply.transfer_syntax,
                role.scu if role else True,
                role.scp if role else False,
            )
    return contexts


def _granted(
    proposed: Iterable[RoleSelection], answered: Iterable[RoleSelection]
) -> dict[str, RoleSelection]:
    """Return what both sides say of roles, by SOP class."""
    asked = {role.sop_class_uid: role for role in proposed}
    return {
        role.sop_class_uid: RoleSelection(
            role.sop_class_uid,
            role.scu and asked[role.sop_class_uid].scu,
            role.scp and asked[role.sop_class_uid].scp,
        )
        for role in answered
        if role.sop_class_uid in asked
    }


def _roles(request: AssociateRq, services: Sequence[Service]) -> dict[str, RoleSelection]:
    roles: dict[str, RoleSelection] = {}
    for proposed in request.user_information.roles:
        service = service_for(proposed.sop_class_uid, services)
        if service is not None:
            roles[proposed.sop_class_uid] = service.roles(proposed)
    return roles


def _extended(request: AssociateRq, services: Sequence[Service]) -> tuple[ExtendedNegotiation, ...]:
    answers: list[ExtendedNegotiation] = []
    for proposed in request.user_information.extended:
        service = service_for(proposed.sop_class_uid, services)
        answer = service.extended(proposed) if service is not None else None
        if answer is not None:
            answers.append(ExtendedNegotiation(proposed.sop_class_uid, answer))
    return tuple(answers)


def _contexts(
    proposals: Sequence[ProposedContext],
    services: Sequence[Service],
    roles: Mapping[str, RoleSelection],
) -> tuple[tuple[ContextAnswer, ...], dict[int, NegotiatedContext]]:
    answers: dict[int, ContextAnswer] = {}
    contexts: dict[int, NegotiatedContext] = {}
    for proposed in proposals:
        if proposed.context_id in answers:
            continue
        answer = _answer(proposed, services)
        answers[proposed.context_id] = answer
        if answer.result == ContextResult.ACCEPTANCE:
            role = roles.get(proposed.abstract_syntax)
            contexts[proposed.context_id] = NegotiatedContext(
                proposed.context_id,
                proposed.abstract_syntax,
                answer.transfer_syntax,
                role.scu if role else True,
                role.scp if role else False,
            )
    return tuple(answers.values()), contexts


def _answer(proposed: ProposedContext, services: Sequence[Service]) -> ContextAnswer:
    # With a rejection the transfer syntax is not significant, but some peers want one to be there.
    shown = proposed.transfer_syntaxes[0] if proposed.transfer_syntaxes else ""
    shown = shown if shown.isascii() else ""
    context_id = proposed.context_id
    if context_id % 2 == 0 or not proposed.abstract_syntax:
        return ContextAnswer(context_id, ContextResult.NO_REASON, shown)
    service = service_for(proposed.abstract_syntax, services)
    if service is None:
        return ContextAnswer(context_id, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, shown)
    chosen = service.accept(proposed)
    if chosen is None:
        return ContextAnswer(context_id, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, shown)
    return ContextAnswer(context_id, ContextResult.ACCEPTANCE, chosen)
