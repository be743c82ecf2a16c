"""DICOM over TCP: associations, messages, Verification and Storage (PS3.7, PS3.8)."""

from isocenter.dimse.acceptor import Acceptor
from isocenter.dimse.address import PeerAddress
from isocenter.dimse.association import Association
from isocenter.dimse.asynchronous import AsyncAssociation, connect
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.negotiation import (
    AccessList,
    AssociationInfo,
    AssociationPolicy,
    NegotiatedContext,
)
from isocenter.dimse.pdu import AssociateRj, AssociateRq, ProposedContext
from isocenter.dimse.proposal import Proposal
from isocenter.dimse.requestor import connect_sync
from isocenter.dimse.send import SendOutcome, SendProgress, SendResult, send
from isocenter.dimse.service import UNCOMPRESSED, Service
from isocenter.dimse.status import SUCCESS, Status, StatusCategory, StatusCode
from isocenter.dimse.storage import StorageHandler, StorageService, StoreRequest, StoreSink
from isocenter.dimse.user_information import (
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
)
from isocenter.dimse.verification import VERIFICATION, VerificationService
from isocenter.errors import DimseStatusError

__all__ = [
    "SUCCESS",
    "UNCOMPRESSED",
    "VERIFICATION",
    "AccessList",
    "Acceptor",
    "AssociateRj",
    "AssociateRq",
    "Association",
    "AssociationInfo",
    "AssociationPolicy",
    "AsyncAssociation",
    "DimseStatusError",
    "ExtendedNegotiation",
    "Limits",
    "NegotiatedContext",
    "PeerAddress",
    "Proposal",
    "ProposedContext",
    "RoleSelection",
    "SendOutcome",
    "SendProgress",
    "SendResult",
    "Service",
    "Status",
    "StatusCategory",
    "StatusCode",
    "StorageHandler",
    "StorageService",
    "StoreRequest",
    "StoreSink",
    "Timeouts",
    "UserIdentity",
    "UserIdentityType",
    "VerificationService",
    "connect",
    "connect_sync",
    "send",
]
