"""An association over a blocking connection: the driver of plain code and of the acceptor."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from isocenter.dimse import operations
from isocenter.dimse.driver import Driver
from isocenter.dimse.invalid_pdu import AbortSource
from isocenter.dimse.limits import Timeouts
from isocenter.dimse.machine import DataSet, Machine, Operation, Received, Wait
from isocenter.dimse.messages import AnyRequest, Message, Response, respond
from isocenter.dimse.negotiation import AssociationInfo
from isocenter.dimse.outgoing import Outgoing, describe
from isocenter.dimse.status import Status
from isocenter.dimse.transport import Buffer, Transport
from isocenter.dimse.upper_layer import Role
from isocenter.errors import AssociationAborted, AssociationError

T = TypeVar("T")

_log = logging.getLogger(__name__)

# An association that is quiet for this long gives its large buffer back, in seconds.
_QUIET = 2.0

# The system waits for so many bytes that must come: looking at each part of them takes longer.
_WORTH_WAITING = 1 << 15


class Association(Driver):
    """An association that stands, used by one thread at a time.

    Made by `isocenter.dimse.connect_sync`, or by an acceptor, which gives it to its services.

    Attributes
    ----------
    info
        Who stands at the two ends.
    answered, failed
        How many requests got their final response, and how many of these said failure.
    """

    def __init__(
        self, transport: Transport, machine: Machine, timeouts: Timeouts, info: AssociationInfo
    ) -> None:
        super().__init__(machine, timeouts, info)
        self._transport = transport
        # What `receive` waits for: a requestor expects responses, an acceptor just the next.
        requestor = machine.upper.role is Role.REQUESTOR
        self._patience = Wait.RESPONSE if requestor else Wait.MESSAGE
        self._stopping = False
        # True until the first message: a connection that asks for nothing yet loses nothing.
        self._is_idle = True
        self.answered = self.failed = 0

    # Messages

    def receive(self) -> Received | None:
        """Wait for the next message; `None` when the peer released the association.

        Returns
        -------
        Received or None
            The message and its context; `fragments` or `read_data_set` reads its data set.

        Raises
        ------
        AssociationError
            The association ended in another way, or the peer sent nothing in time.
        """
        self._is_idle = True
        try:
            if self._stopping:
                raise self._stopped()
            return self.run(self._machine.receive(self._patience))
        finally:
            self._is_idle = False

    def fragments(self) -> Iterator[list[memoryview]]:
        """Read the data set of the message received, up to some megabytes at a time.

        Yields
        ------
        list of memoryview
            Consecutive fragments; the views are true until the next step of the iteration.
        """
        machine = self._machine
        while machine.data_set_is_open:
            self._deadline = 0.0
            try:
                while (batch := machine.take_fragments()) is None:
                    self._await(Wait.REST)
            except Exception:
                self._flush_quietly()
                raise
            yield batch

    def read_data_set(self) -> bytes:
        """Read the data set of the message received as a whole, up to `Limits.identifier`.

        Returns
        -------
        bytes
            In the transfer syntax of the context; empty where the message has none.

        Raises
        ------
        LimitExceeded
            It is longer; the association is aborted.
        """
        return self.run(self._machine.read_data_set())

    def skip_data_set(self) -> None:
        """Read what is left of the data set and drop it."""
        if self._machine.data_set_is_open:
            for _ in self.fragments():
                pass

    def send(self, context_id: int, message: Message, data: DataSet = None) -> None:
        """Send a message, with its data set whole or as consecutive pieces.

        Parameters
        ----------
        context_id
            The presentation context, one of `contexts`.
        message
            The command set; a request's Message ID (0000,0110) comes from `next_message_id`.
        data
            The data set, encoded in the context's transfer syntax: whole, or as consecutive pieces,
            each asked for when the one before is sent.

        Raises
        ------
        AssociationError
            The association ended, or its peer takes no data.
        """
        self.run(self._machine.send(context_id, message, data))

    def respond(self, context_id: int, request: AnyRequest, status: Status) -> None:
        """Skip what is left of the request's data set and send its final response.

        Parameters
        ----------
        context_id, request
            The presentation context, and the request that came on it.
        status
            How it ended; of the comment 64 ASCII characters are sent.
        """
        self.send_response(self.response(context_id, request, status))
        self.failed += not status.is_success

    def response(self, context_id: int, request: AnyRequest, status: Status) -> list[Buffer]:
        """Encode the final response to a request ahead of the moment when it is sent.

        Parameters
        ----------
        context_id, request, status
            As for `respond`.

        Returns
        -------
        list of bytes-like
            P-DATA-TF PDUs, to be given to `send_response`.
        """
        comment = status.comment.encode("ascii", "replace").decode("ascii")[:64]
        response = respond(
            request,
            status.code,
            error_comment=comment or None,
            offending_element=status.offending_element or None,
        )
        return self._machine.encoded(context_id, response)

    def send_response(self, encoded: list[Buffer]) -> None:
        """Skip what is left of the request's data set and send what `response` encoded.

        Parameters
        ----------
        encoded
            What `response` returned.
        """
        self.skip_data_set()
        self._upper.send_p_data(encoded)
        self._flush()
        self.answered += 1

    def exchange(self, context_id: int, request: AnyRequest, data: DataSet = None) -> Response:
        """Send a request and wait for its response.

        Parameters
        ----------
        context_id, request, data
            As for `send`.

        Returns
        -------
        Response
            The first one; more follow by `await_response` while the status is pending.

        Raises
        ------
        AssociationError
            Something else than the response arrived, or the association ended.
        """
        return self.run(self._machine.exchange(context_id, request, data))

    def echo(self) -> Status:
        """Ask whether the peer answers (C-ECHO, PS3.7 9.1.5).

        Returns
        -------
        Status
            Success, or the failure that the peer responds; see `Status.is_success`.

        Raises
        ------
        AssociationError
            The peer did not accept Verification, or the association ended.
        """
        return self.run(operations.echo(self._machine, self.next_message_id()))

    def store(self, source: Path | str | bytes | Outgoing) -> Status:
        """Send one DICOM file and wait for what the peer makes of it (C-STORE, PS3.7 9.1.1).

        Parameters
        ----------
        source
            A path, or the bytes of a whole file. Its data set is sent as it is, in an accepted
            context of its SOP class and transfer syntax.

        Returns
        -------
        Status
            What the peer responds: success, a warning or a failure; see `Status.is_success`.

        Raises
        ------
        UnsupportedTransferSyntax
            The peer did not accept the file's transfer syntax.
        AssociationError
            It did not accept its SOP class, or the association ended.
        InvalidDicom, OSError
            The file cannot be read.
        """
        outgoing = source if isinstance(source, Outgoing) else describe(source)
        return self.run(operations.store(self._machine, self.next_message_id(), outgoing))

    def await_response(self, request: AnyRequest) -> Response:
        """Wait for the response to a request that `send` sent.

        Parameters
        ----------
        request
            The request, of which the Message ID counts.

        Returns
        -------
        Response
            The next one to it.
        """
        return self.run(self._machine.await_response(request))

    # The end

    def release(self) -> None:
        """Release the association and close the connection.

        A peer that ends it in another way than by its answer makes no difference any more.
        """
        if self.is_open:
            try:
                self.run(self._machine.release())
            except AssociationError as error:
                _log.info("%s did not release in order: %s", self._peer, error)
        self.close()

    def abort(self) -> None:
        """Abort the association and close the connection."""
        if not self._closed:
            self._upper.abort()
            self.close()

    def close(self) -> None:
        """Close the connection; where the peer has to close first, wait for it (ARTIM)."""
        if self._closed:
            return
        self._closed = True
        try:
            self.run(self._machine.close())
        except (AssociationError, OSError):
            pass
        finally:
            self._transport.close()

    def stop(self, *, now: bool = False) -> None:
        """Let the association end by an abort, from any thread: between two messages, or now.

        Parameters
        ----------
        now
            Whether to break off a message that is on its way.
        """
        self._stopping = True
        if now or self._is_idle:
            self._transport.stop_receiving()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()

    # Driving

    def run(self, operation: Operation[T]) -> T:
        """Drive an operation of the machine to its end.

        Parameters
        ----------
        operation
            What to do.

        Returns
        -------
        object
            What the operation returns.

        Raises
        ------
        TimedOut
            The peer did not do its part in time; the association is aborted.
        AssociationAborted
            The association is over.
        """
        self._deadline = 0.0
        try:
            while True:
                wait = next(operation)
                if wait is Wait.SENT:
                    self._flush()
                else:
                    self._await(wait)
        except StopIteration as done:
            self._flush()
            return done.value
        except Exception:
            self._flush_quietly()
            raise

    def _await(self, wait: Wait) -> None:
        """Send what is to be sent, and receive once."""
        upper = self._upper
        if upper.to_send:
            self._flush()
        try:
            count = self._receive(self._seconds_left(wait))
        except TimeoutError as error:
            raise self._timed_out(wait) from error
        except OSError:
            count = 0
        if not count and self._stopping and wait is not Wait.CLOSE:
            raise self._stopped()
        upper.received(count)

    def _receive(self, seconds: float) -> int:
        upper, receive_into = self._upper, self._transport.receive_into
        if seconds > _QUIET:
            # The same limit nearly always, of which the system need not be told again.
            space, sure = upper.space(), upper.sure_to_come
            try:
                if sure >= _WORTH_WAITING:
                    return receive_into(space[:sure], _QUIET, all_of_it=True)
                return receive_into(space, _QUIET)
            except TimeoutError:
                upper.buffer.shrink()
                seconds -= _QUIET
        return receive_into(upper.space(), seconds)

    def _flush(self) -> None:
        upper = self._upper
        if upper.to_send:
            try:
                self._transport.send(upper.data_to_send())
            except TimeoutError as error:
                raise self._not_taken() from error
            except OSError as error:
                with contextlib.suppress(OSError):  # why it broke may wait to be read
                    upper.received(self._transport.receive_into(upper.space(), 0.1))
                raise self._lost() from error

    def _flush_quietly(self) -> None:
        """Send an abort on its way out, if it can be sent."""
        with contextlib.suppress(AssociationError):
            self._flush()

    def _stopped(self) -> AssociationAborted:
        self._upper.abort()
        self._flush_quietly()
        return AssociationAborted("this node stops", AbortSource.SERVICE_USER)
