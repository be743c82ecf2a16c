"""PDUs against pynetdicom's codec, which was written by others from the same PS3.8."""

import contextlib
import struct

import pytest
from pynetdicom import pdu as peer
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from isocenter.dimse.invalid_pdu import AbortReason, InvalidPdu
from isocenter.dimse.pdu import (
    Abort,
    AssociateAc,
    AssociateRj,
    AssociateRq,
    ContextAnswer,
    ProposedContext,
    ReleaseRp,
    ReleaseRq,
    decode,
)
from isocenter.dimse.user_information import (
    AsynchronousOperationsWindow,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
JPEG = "1.2.840.10008.1.2.4.50"

RICH = UserInformation(
    maximum_length=65536,
    implementation_class_uid="1.2.3.4",
    implementation_version_name="TEST_1",
    window=AsynchronousOperationsWindow(3, 5),
    roles=(RoleSelection(CT, True, True), RoleSelection(FIND, False, True)),
    extended=(ExtendedNegotiation(FIND, b"\1\0\1"),),
    common_extended=(
        CommonExtendedNegotiation(
            "1.2.3.5", "1.2.840.10008.4.2", (CT, "1.2.840.10008.5.1.4.1.1.4")
        ),
    ),
    identity=UserIdentity(2, b"someone", b"secret", True),
)
REQUEST = AssociateRq(
    "CALLED",
    "CALLING",
    (ProposedContext(1, CT, (EXPLICIT, IMPLICIT)), ProposedContext(255, FIND, (JPEG,))),
    RICH,
)
ACCEPTANCE = AssociateAc(
    "CALLED",
    "CALLING",
    (ContextAnswer(1, 0, IMPLICIT), ContextAnswer(255, 3, JPEG)),
    UserInformation(16384, "1.2.3.4", "TEST_1", roles=(RoleSelection(CT, True, False),)),
)


def body(encoded: bytes) -> bytes:
    return encoded[6:]


def test_pynetdicom_reads_and_rewrites_our_request_unchanged() -> None:
    theirs = peer.A_ASSOCIATE_RQ()
    theirs.decode(REQUEST.encode())

    assert theirs.encode() == REQUEST.encode()
    assert theirs.called_ae_title.strip() == "CALLED"
    contexts = [
        (c.context_id, c.abstract_syntax, c.transfer_syntax) for c in theirs.presentation_context
    ]
    assert contexts == [(1, CT, [EXPLICIT, IMPLICIT]), (255, FIND, [JPEG])]
    information = theirs.user_information
    assert information.maximum_length == 65536
    assert (information.async_ops_window.maximum_number_operations_invoked) == 3
    assert information.ext_neg[0].app_info == b"\1\0\1"
    assert information.user_identity.primary_field == b"someone"
    assert information.role_selection[FIND].scp_role == 1
    assert information.common_ext_neg[0].related_general_sop_class_identification[0] == CT


def test_pynetdicom_reads_and_rewrites_our_acceptance_unchanged() -> None:
    theirs = peer.A_ASSOCIATE_AC()
    theirs.decode(ACCEPTANCE.encode())

    assert theirs.encode() == ACCEPTANCE.encode()
    assert [(c.context_id, c.result) for c in theirs.presentation_context] == [(1, 0), (255, 3)]


@pytest.mark.parametrize("pdu", [REQUEST, ACCEPTANCE, AssociateRj(2, 3, 1), Abort(2, 6)])
def test_what_is_written_is_read_back(pdu: AssociateRq | AssociateAc | AssociateRj | Abort) -> None:
    encoded = pdu.encode()

    assert decode(encoded[0], body(encoded)) == pdu


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (AssociateRj(1, 2, 2), peer.A_ASSOCIATE_RJ),
        (ReleaseRq(), peer.A_RELEASE_RQ),
        (ReleaseRp(), peer.A_RELEASE_RP),
        (Abort(2, 1), peer.A_ABORT_RQ),
    ],
)
def test_pynetdicom_reads_and_rewrites_our_short_pdus_unchanged(
    ours: AssociateRj | ReleaseRq | ReleaseRp | Abort, theirs: type[peer.PDU]
) -> None:
    pdu = theirs()
    pdu.decode(ours.encode())

    assert pdu.encode() == ours.encode()


def test_a_user_identity_written_by_pynetdicom_is_read() -> None:
    primitive = UserIdentityNegotiation()
    primitive.user_identity_type = 1
    primitive.primary_field = b"jane"
    primitive.positive_response_requested = True
    item = primitive.from_primitive().encode()

    information = UserInformation.decode(item)

    assert information.identity == UserIdentity(1, b"jane", b"", True)
    assert information.identity.name == "jane"


def test_a_passcode_never_shows_in_a_representation() -> None:
    assert "secret" not in repr(RICH)
    assert "someone" not in repr(RICH)


def test_unknown_items_and_sub_items_are_ignored() -> None:
    strange = struct.pack(">BxH", 0x7E, 3) + b"abc"
    encoded = body(
        AssociateRq("A", "B", REQUEST.contexts, UserInformation(maximum_length=77)).encode()
    )
    user_item = UserInformation(maximum_length=77).encode()
    with_strange = (
        encoded[: -len(user_item)]
        + strange
        + struct.pack(">BxH", 0x50, len(user_item) - 4 + len(strange))
        + strange
        + user_item[4:]
    )

    request = decode(1, with_strange)

    assert isinstance(request, AssociateRq)
    assert request.contexts == REQUEST.contexts
    assert request.user_information.maximum_length == 77


def test_a_request_cut_anywhere_is_invalid_or_shorter_never_a_crash() -> None:
    whole = body(REQUEST.encode())
    for cut in range(len(whole)):
        with contextlib.suppress(InvalidPdu):
            assert decode(1, whole[:cut]) != REQUEST


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        (9, bytes(4), AbortReason.UNRECOGNIZED_PDU),
        (0, bytes(4), AbortReason.UNRECOGNIZED_PDU),
        (1, bytes(67), AbortReason.INVALID_PARAMETER_VALUE),
        (3, bytes(3), AbortReason.INVALID_PARAMETER_VALUE),
        (5, bytes(8), AbortReason.INVALID_PARAMETER_VALUE),
    ],
)
def test_what_is_no_pdu_says_why(kind: int, content: bytes, reason: AbortReason) -> None:
    with pytest.raises(InvalidPdu) as raised:
        decode(kind, content)

    assert raised.value.reason is reason


def test_control_characters_of_a_hostile_title_do_not_survive() -> None:
    encoded = bytearray(body(REQUEST.encode()))
    encoded[20:36] = b"EVIL\r\nX\x1b[31m\xff   "[:16]

    request = decode(1, bytes(encoded))

    assert isinstance(request, AssociateRq)
    assert request.calling_ae.isprintable()


def test_an_acceptance_returns_the_reserved_fields_of_its_request_unchanged() -> None:
    encoded = bytearray(body(REQUEST.encode()))
    encoded[4:68] = bytes(range(64))
    request = decode(1, bytes(encoded))
    assert isinstance(request, AssociateRq)

    answer = AssociateAc("A", "B", (), UserInformation(), reserved=request.reserved)

    assert body(answer.encode())[4:68] == bytes(range(64))
