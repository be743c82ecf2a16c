"""The Storage service class in the SCP's role, over whatever keeps the data sets (PS3.4 B)."""

from collections.abc import Container, Sequence
from typing import NamedTuple, Protocol

from isocenter.dimse.association import Association
from isocenter.dimse.messages import CStoreRq, Message
from isocenter.dimse.negotiation import AssociationInfo, NegotiatedContext
from isocenter.dimse.service import Service
from isocenter.dimse.status import SUCCESS, Status, StatusCode
from isocenter.errors import DimseStatusError, OutOfResources


class StoreRequest(NamedTuple):
    """What a C-STORE request says about the data set behind it; nothing of it is checked yet."""

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    priority: int = 0
    move_originator_ae: str | None = None
    move_originator_message_id: int | None = None


class StoreSink(Protocol):
    """Where one data set goes. Exactly one of `finish` and `abort` is called, last."""

    def write(self, fragments: Sequence[memoryview]) -> None:
        """Take the next bytes, up to some megabytes; the views are true during the call only.

        Parameters
        ----------
        fragments
            Consecutive bytes of the data set, as encoded.

        Raises
        ------
        DimseStatusError, OutOfResources
            The rest of the data set is skipped and this failure responded.
        """
        ...

    def finish(self) -> Status:
        """Keep the data set, which is complete now; what is returned goes into the response.

        Returns
        -------
        Status
            Success, a warning or a failure (PS3.4 B.2.3).
        """
        ...

    def abort(self) -> None:
        """Forget the data set: the association ended, or `write` failed."""
        ...


class StorageHandler(Protocol):
    """Who keeps data sets."""

    def begin(self, request: StoreRequest, association: AssociationInfo) -> StoreSink:
        """Prepare for a data set that is about to arrive.

        Parameters
        ----------
        request
            What the request says about the data set.
        association
            Who sends it.

        Returns
        -------
        StoreSink
            Takes the data set.

        Raises
        ------
        DimseStatusError
            It is refused with this status; its data set is skipped.
        """
        ...


class StorageService(Service):
    """Answers C-STORE.

    Parameters
    ----------
    handler
        Who keeps the data sets; called from several threads at a time.
    sop_classes
        The SOP classes that are stored.
    transfer_syntaxes
        The transfer syntaxes that are stored. Data sets are kept as they come, so the proposer's
        own order decides among them.
    """

    def __init__(
        self,
        handler: StorageHandler,
        *,
        sop_classes: Container[str],
        transfer_syntaxes: Container[str],
    ) -> None:
        self._handler = handler
        self._sop_classes = sop_classes
        self._transfer_syntaxes = transfer_syntaxes

    @property
    def abstract_syntaxes(self) -> Container[str]:
        """The SOP classes that are stored."""
        return self._sop_classes

    @property
    def transfer_syntaxes(self) -> Container[str]:
        """The transfer syntaxes that are stored."""
        return self._transfer_syntaxes

    def handle(self, context_id: int, request: Message, association: Association) -> None:
        """Hand the data set to the handler as it arrives, and respond what that says.

        Parameters
        ----------
        context_id
            The presentation context that the request came on.
        request
            A C-STORE request with a data set.
        association
            Where the data set is read and the response sent.

        Raises
        ------
        DimseStatusError
            The request is another one or names another SOP class than its context, or the handler
            refuses it.
        """
        if not isinstance(request, CStoreRq) or not request.has_data_set:
            raise DimseStatusError(
                StatusCode.UNRECOGNIZED_OPERATION, "only C-STORE with a data set is performed here"
            )
        context = association.context(context_id)
        store_request = _store_request(request, context)
        # Ahead of the data set, while the sender makes that ready: behind it the sender waits.
        success = association.response(context_id, request, SUCCESS)
        try:
            sink = self._handler.begin(store_request, association.info)
            status = _fill(sink, association)
        except OutOfResources as error:
            status = Status(StatusCode.OUT_OF_RESOURCES, str(error))
        if status is SUCCESS:  # what is usual, and encoded already
            association.send_response(success)
        else:
            association.respond(context_id, request, status)


def _store_request(request: CStoreRq, context: NegotiatedContext) -> StoreRequest:
    if request.affected_sop_class_uid != context.abstract_syntax:
        raise DimseStatusError(
            StatusCode.SOP_CLASS_NOT_SUPPORTED,
            "AffectedSOPClassUID (0000,0002) is not the context's SOP class",
        )
    return StoreRequest(
        request.message_id,
        request.affected_sop_class_uid,
        request.affected_sop_instance_uid,
        context.transfer_syntax,
        request.priority,
        request.move_originator_ae,
        request.move_originator_message_id,
    )


def _fill(sink: StoreSink, association: Association) -> Status:
    try:
        for fragments in association.fragments():
            sink.write(fragments)
    except BaseException:
        sink.abort()
        raise
    return sink.finish()
