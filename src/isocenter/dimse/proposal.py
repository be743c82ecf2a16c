"""What a requestor proposes: SOP classes with transfer syntaxes and roles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isocenter.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from isocenter.dimse.limits import Limits
from isocenter.dimse.pdu import AssociateRq, ProposedContext
from isocenter.dimse.service import UNCOMPRESSED
from isocenter.dimse.user_information import (
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from isocenter.errors import AssociationError, ConfigurationError

MAXIMUM_CONTEXTS = 128
"""How many presentation contexts fit into an association: ids are odd, 1 to 255 (PS3.8 9.3.2.2)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One presentation context to ask for.

    Parameters
    ----------
    abstract_syntax
        A SOP class.
    transfer_syntaxes
        One or more, in order of preference; the peer picks one.
    scu, scp
        The roles that this side takes; the peer is only asked where they are not SCU alone.
    extended
        Service-class application information for the SOP class, where there is any.

    Raises
    ------
    ConfigurationError
        There is no transfer syntax, or a text stands where a list of them belongs.
    """

    abstract_syntax: str
    transfer_syntaxes: Sequence[str] = UNCOMPRESSED
    scu: bool = True
    scp: bool = False
    extended: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what PS3.8 9.3.2.2 has no item for."""
        if isinstance(self.transfer_syntaxes, str) or not self.transfer_syntaxes:
            raise ConfigurationError(
                f"transfer_syntaxes of the proposal of {self.abstract_syntax} is "
                f"{self.transfer_syntaxes!r}: give a list of one UID or more"
            )


def associate_request(
    called_ae: str,
    calling_ae: str,
    proposals: Iterable[Proposal | str],
    limits: Limits,
    identity: UserIdentity | None = None,
) -> AssociateRq:
    """Make the request for an association.

    Parameters
    ----------
    called_ae, calling_ae
        The titles of the peer and of this node.
    proposals
        What to propose; a bare UID stands for a SOP class with the uncompressed syntaxes.
    limits
        Whose `maximum_length` is announced.
    identity
        The user on whose behalf it is (PS3.7 D.3.3.7).

    Raises
    ------
    AssociationError
        There are none, or more than fit.
    """
    listed = [Proposal(one) if isinstance(one, str) else one for one in proposals]
    if not 1 <= len(listed) <= MAXIMUM_CONTEXTS:
        raise AssociationError(
            f"{len(listed)} presentation contexts: an association takes 1 to {MAXIMUM_CONTEXTS}"
        )
    contexts = tuple(
        ProposedContext(2 * index + 1, one.abstract_syntax, tuple(one.transfer_syntaxes))
        for index, one in enumerate(listed)
    )
    roles = {
        one.abstract_syntax: RoleSelection(one.abstract_syntax, one.scu, one.scp)
        for one in listed
        if one.scp or not one.scu
    }
    extended = {
        one.abstract_syntax: ExtendedNegotiation(one.abstract_syntax, one.extended)
        for one in listed
        if one.extended is not None
    }
    information = UserInformation(
        maximum_length=limits.maximum_length,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        roles=tuple(roles.values()),
        extended=tuple(extended.values()),
        identity=identity,
    )
    return AssociateRq(called_ae, calling_ae, contexts, information)
