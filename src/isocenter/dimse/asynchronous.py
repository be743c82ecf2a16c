"""Associations for asyncio: the requestor's driver that never blocks the event loop."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import TypeVar

from isocenter.dimse import operations
from isocenter.dimse.address import PeerAddress
from isocenter.dimse.call import CALLING_AE, Call
from isocenter.dimse.driver import Driver
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.machine import DataSet, Machine, Operation, Received, Wait
from isocenter.dimse.messages import AnyRequest, Message, Response
from isocenter.dimse.negotiation import AssociationInfo
from isocenter.dimse.outgoing import Outgoing, describe
from isocenter.dimse.proposal import Proposal
from isocenter.dimse.status import Status
from isocenter.dimse.transport import set_quick_ack
from isocenter.dimse.user_information import UserIdentity
from isocenter.dimse.verification import VERIFICATION
from isocenter.errors import AssociationError

T = TypeVar("T")

_log = logging.getLogger(__name__)

_RECEIVE = 1 << 18


class AsyncAssociation(Driver):
    """An association that stands, used by one task at a time; made by `isocenter.dimse.connect`.

    Attributes
    ----------
    info
        Who stands at the two ends.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        machine: Machine,
        timeouts: Timeouts,
        info: AssociationInfo,
    ) -> None:
        super().__init__(machine, timeouts, info)
        self._reader = reader
        self._writer = writer
        self._send_timeout = timeouts.transfer

    async def echo(self) -> Status:
        """Ask whether the peer answers (C-ECHO).

        Returns
        -------
        Status
            Success, or the failure that the peer responds; see `Status.is_success`.

        Raises
        ------
        AssociationError
            The peer did not accept Verification, or the association ended.
        """
        return await self.run(operations.echo(self._machine, self.next_message_id()))

    async def store(self, source: Path | str | bytes | Outgoing) -> Status:
        """Send one DICOM file and wait for what the peer makes of it (C-STORE, PS3.7 9.1.1).

        Files are read outside of the loop.

        Parameters
        ----------
        source
            As for `Association.store`: a path, or the bytes of a whole file.

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
        outgoing = source
        if not isinstance(outgoing, Outgoing):
            outgoing = await asyncio.to_thread(describe, outgoing)
        operation = operations.store(self._machine, self.next_message_id(), outgoing)
        return await self.run(operation, reads_files=isinstance(outgoing.source, Path))

    async def exchange(
        self, context_id: int, request: AnyRequest, data: DataSet = None
    ) -> Response:
        """Send a request and wait for its response.

        Parameters
        ----------
        context_id
            The presentation context, one of `contexts`.
        request
            The command set; its Message ID (0000,0110) comes from `next_message_id`.
        data
            The data set, encoded in the context's transfer syntax: whole, or as consecutive pieces.

        Returns
        -------
        Response
            The first one; more follow by `await_response` while the status is pending.

        Raises
        ------
        AssociationError
            Something else than the response arrived, or the association ended.
        """
        return await self.run(self._machine.exchange(context_id, request, data))

    async def await_response(self, request: AnyRequest) -> Response:
        """Wait for the response to a request that `send` sent.

        Parameters
        ----------
        request
            The request, of which the Message ID counts.

        Returns
        -------
        Response
            The next one to it.

        Raises
        ------
        AssociationError
            Something else arrived, or the association ended.
        """
        return await self.run(self._machine.await_response(request))

    async def send(self, context_id: int, message: Message, data: DataSet = None) -> None:
        """Send a message, with its data set whole or as consecutive pieces.

        Parameters
        ----------
        context_id
            The presentation context, one of `contexts`.
        message
            The command set.
        data
            The data set, encoded in the context's transfer syntax: whole, or as consecutive pieces,
            each asked for when the one before is sent.

        Raises
        ------
        AssociationError
            The association ended, or its peer takes no data.
        """
        await self.run(self._machine.send(context_id, message, data))

    async def receive(self) -> Received | None:
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
        return await self.run(self._machine.receive(Wait.RESPONSE))

    async def fragments(self) -> AsyncGenerator[list[memoryview]]:
        """Read the data set of the message received, up to some megabytes at a time.

        Yields
        ------
        list of memoryview
            Consecutive fragments; the views are true until the next step of the iteration.
        """
        while self._machine.data_set_is_open:
            yield await self.run(self._machine.fragments())

    async def read_data_set(self) -> bytes:
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
        return await self.run(self._machine.read_data_set())

    async def release(self) -> None:
        """Release the association and close the connection.

        A peer that ends it in another way than by its answer makes no difference any more.
        """
        if self._closed:
            return
        try:
            if self.is_open:
                await self.run(self._machine.release())
        except AssociationError as error:
            _log.info("%s did not release in order: %s", self._peer, error)
        finally:
            await self._close()

    async def abort(self) -> None:
        """Abort the association and close the connection."""
        if not self._closed:
            self._upper.abort()
            await self._close()

    async def _close(self) -> None:
        self._closed = True
        try:
            with contextlib.suppress(AssociationError):
                await self.run(self._machine.close())
        finally:
            self._writer.close()

    async def run(self, operation: Operation[T], *, reads_files: bool = False) -> T:
        """Drive an operation of the machine to its end.

        Parameters
        ----------
        operation
            What to do.
        reads_files
            Whether its steps read from disk, and so run in a thread.

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
        results: list[T] = []
        self._deadline = 0.0
        try:
            while True:
                if reads_files:
                    wait = await asyncio.to_thread(_step, operation, results)
                else:
                    wait = _step(operation, results)
                await self._flush(wait)
                if wait is None:
                    return results[0]
                if wait is not Wait.SENT:
                    await self._await(wait)
        except Exception:
            with contextlib.suppress(AssociationError):
                await self._flush(None)
            raise
        except asyncio.CancelledError:
            # Half a message may have gone out: nothing else can follow it.
            self._upper.abort()
            self._writer.write(b"".join(self._upper.data_to_send()))
            self._writer.close()
            self._closed = True
            raise

    async def _await(self, wait: Wait) -> None:
        """Receive once."""
        try:
            async with asyncio.timeout(self._seconds_left(wait)):
                data = await self._reader.read(_RECEIVE)
        except TimeoutError as error:
            raise self._timed_out(wait) from error
        except OSError:
            data = b""
        if data:
            self._acknowledge()
            self._upper.receive_data(data)
        else:
            self._upper.transport_closed()

    def _acknowledge(self) -> None:
        sock = self._writer.get_extra_info("socket")
        if sock is not None:
            set_quick_ack(sock)

    async def _flush(self, wait: Wait | None) -> None:
        upper = self._upper
        if not upper.to_send:
            return
        # Joined into bytes of its own: the transport may keep it while buffers are read into again.
        self._writer.write(b"".join(upper.data_to_send()))
        if wait is None or wait is Wait.SENT:
            try:
                async with asyncio.timeout(self._send_timeout):
                    await self._writer.drain()
            except TimeoutError as error:
                raise self._not_taken() from error
            except OSError as error:
                raise self._lost() from error


def _step(operation: Operation[T], results: list[T]) -> Wait | None:
    """Resume an operation; `None` when it is done, with its result appended to `results`."""
    try:
        return next(operation)
    except StopIteration as done:
        results.append(done.value)
        return None


@contextlib.asynccontextmanager
async def connect(
    destination: PeerAddress | str,
    *,
    contexts: Iterable[Proposal | str] = (VERIFICATION,),
    calling_ae: str = CALLING_AE,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    tls: ssl.SSLContext | None = None,
    identity: UserIdentity | None = None,
) -> AsyncGenerator[AsyncAssociation]:
    """Open an association: `async with connect("AET@HOST:PORT") as association`.

    It is released at the end of the block, or aborted when an error leaves the block.

    Parameters
    ----------
    destination
        `AET@HOST:PORT`.
    contexts
        What to propose; a bare UID stands for a SOP class with the uncompressed syntaxes.
    calling_ae
        This node's title.
    limits, timeouts
        How much the peer may use, and how long it may take.
    tls
        A client-side context; plain TCP without it.
    identity
        The user on whose behalf it is.

    Yields
    ------
    AsyncAssociation
        The association, with `contexts` as the peer accepted them.

    Raises
    ------
    AssociationRejected, AssociationAborted, TimedOut, AssociationError
        The peer does not want the association, or cannot be reached.
    ConfigurationError
        The destination or the calling title is malformed.
    """
    call = Call(destination, contexts, calling_ae, limits, timeouts, identity)
    association = AsyncAssociation(*await _open(call, tls), call.machine, call.timeouts, call.info)
    try:
        association.info = await association.run(call.associate())
        yield association
    except BaseException:
        await association.abort()
        raise
    await association.release()


async def _open(
    call: Call, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    peer = call.peer
    with call.connecting():
        async with asyncio.timeout(call.timeouts.connect):
            return await asyncio.open_connection(
                peer.host,
                peer.port,
                ssl=tls,
                server_hostname=peer.host if tls is not None else None,
            )
