from dataclasses import replace

import pytest
from tests.dimse.wire import BIG_ENDIAN, CT, EXPLICIT, IMPLICIT, J2K

from isocenter.dimse.limits import Limits
from isocenter.dimse.messages import Message
from isocenter.dimse.negotiation import (
    EVERYONE,
    LOCAL_LIMIT_EXCEEDED,
    AccessList,
    agreed_contexts,
    negotiate,
)
from isocenter.dimse.pdu import AssociateAc, AssociateRq, ContextAnswer, ProposedContext
from isocenter.dimse.proposal import Proposal
from isocenter.dimse.service import Service
from isocenter.dimse.user_information import (
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from isocenter.errors import AssociationError, ConfigurationError

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


class Find(Service):
    abstract_syntaxes = (FIND,)  # type: ignore[assignment]

    def extended(self, proposed: ExtendedNegotiation) -> bytes:
        return proposed.information[:1]

    def handle(self, context_id: int, request: Message, association: object) -> None:
        raise NotImplementedError


class GetTarget(Service):
    """Lets the requestor be the SCP, as a C-GET does."""

    abstract_syntaxes = (CT,)  # type: ignore[assignment]
    transfer_syntaxes = (J2K, EXPLICIT)  # type: ignore[assignment]

    def roles(self, proposed: RoleSelection) -> RoleSelection:
        return proposed

    def handle(self, context_id: int, request: Message, association: object) -> None:
        raise NotImplementedError


def request(*contexts: ProposedContext, **information: object) -> AssociateRq:
    return AssociateRq("ME", "YOU", contexts, UserInformation(**information))  # type: ignore[arg-type]


def answered(asked: AssociateRq, **options: object) -> AssociateAc:
    agreement = negotiate(asked, "192.0.2.1", [Find(), GetTarget()], EVERYONE, Limits())
    assert isinstance(agreement.answer, AssociateAc)
    return agreement.answer


def test_extended_negotiation_is_answered_by_the_sop_class_s_service_alone() -> None:
    asked = request(
        extended=(ExtendedNegotiation(FIND, b"\1\1"), ExtendedNegotiation("1.2.3", b"\1"))
    )

    assert answered(asked).user_information.extended == (ExtendedNegotiation(FIND, b"\1"),)


def test_a_service_may_grant_the_scp_role() -> None:
    role = RoleSelection(CT, True, True)
    asked = request(ProposedContext(1, CT, (EXPLICIT,)), roles=(role,))

    agreement = negotiate(asked, "192.0.2.1", [GetTarget()], EVERYONE, Limits())

    assert isinstance(agreement.answer, AssociateAc)
    assert agreement.answer.user_information.roles == (role,)
    assert agreement.contexts[1].scp


def test_the_first_proposed_syntax_that_a_service_reads_is_chosen() -> None:
    asked = request(
        ProposedContext(1, CT, (IMPLICIT, EXPLICIT, J2K)),
        ProposedContext(3, FIND, (BIG_ENDIAN, EXPLICIT)),
    )

    assert [c.transfer_syntax for c in answered(asked).contexts] == [EXPLICIT, BIG_ENDIAN]


def test_more_contexts_than_allowed_are_rejected() -> None:
    contexts = [ProposedContext(n, CT, (EXPLICIT,)) for n in (1, 3, 5)]

    agreement = negotiate(request(*contexts), "", [], EVERYONE, Limits(contexts=2))

    assert agreement.answer == LOCAL_LIMIT_EXCEEDED


def test_user_identities_are_refused_where_the_policy_says_so() -> None:
    asked = request(identity=UserIdentity(1, b"jane"))

    assert AccessList(user_identity=False).decide(asked, "") is not None
    assert AccessList().decide(asked, "") is None


def test_an_accepted_context_with_a_syntax_that_was_not_proposed_is_not_used() -> None:
    asked = request(ProposedContext(1, CT, (J2K,)), ProposedContext(3, CT, (EXPLICIT,)))
    answer = AssociateAc(
        "ME",
        "YOU",
        (ContextAnswer(1, 0, EXPLICIT), ContextAnswer(3, 0, EXPLICIT), ContextAnswer(5, 0, J2K)),
        UserInformation(),
    )

    assert set(agreed_contexts(asked, answer)) == {3}


@pytest.mark.parametrize(
    ("proposed", "answered", "roles"),
    [
        ([(CT, True, True)], [(CT, True, True)], (True, True)),
        ([(CT, False, True)], [(CT, False, True)], (False, True)),
        ([(CT, True, True)], [], (True, False)),  # unanswered: the default roles
        ([(CT, True, False)], [(CT, True, True)], (True, False)),  # more than was proposed
        ([], [(CT, True, True)], (True, False)),  # proposed was none
    ],
)
def test_a_role_is_taken_where_both_sides_name_it(
    proposed: list[tuple[str, bool, bool]],
    answered: list[tuple[str, bool, bool]],
    roles: tuple[bool, bool],
) -> None:
    def selections(of: list[tuple[str, bool, bool]]) -> tuple[RoleSelection, ...]:
        return tuple(RoleSelection(*one) for one in of)

    asked = request(ProposedContext(1, CT, (EXPLICIT,)), roles=selections(proposed))
    answer = AssociateAc(
        "ME", "YOU", (ContextAnswer(1, 0, EXPLICIT),), UserInformation(roles=selections(answered))
    )

    agreed = agreed_contexts(asked, answer)[1]
    assert (agreed.scu, agreed.scp) == roles


@pytest.mark.parametrize("syntaxes", ["1.2.840.10008.1.2", (), ""])
def test_a_proposal_without_a_list_of_transfer_syntaxes_is_refused(syntaxes: str) -> None:
    with pytest.raises(ConfigurationError, match="give a list of one UID or more"):
        Proposal(CT, syntaxes)


@pytest.mark.parametrize("length", [65_525, 65_536, 100_000])
def test_a_user_identity_that_fits_no_item_is_refused_in_words(length: int) -> None:
    asked = request(identity=UserIdentity(5, b"x" * length))
    with pytest.raises(AssociationError, match="65535 bytes at most"):
        asked.encode()


@pytest.mark.parametrize(
    ("wanted", "found", "let_in"),
    [
        ("2001:DB8:0:0::1", "2001:db8::1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1", "fe80::1%eth0", True),
        ("2001:db8::1", "2001:db8::2", False),
        ("192.0.2.1", "192.0.2.10", False),
        ("scanner", "192.0.2.1", False),
    ],
)
def test_a_peer_s_address_is_compared_whatever_its_spelling(
    wanted: str, found: str, let_in: bool
) -> None:
    rejection = AccessList(calling_ae_titles={"MODALITY": wanted}).decide(
        replace(request(), calling_ae="MODALITY"), found
    )
    assert (rejection is None) is let_in
