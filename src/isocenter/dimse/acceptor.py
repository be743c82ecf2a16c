"""The acceptor: listens, lets associations in within limits, and gives requests to services.

One blocking thread an association: `recv` and file writes release the interpreter lock, an idle
one costs a stack that is hardly touched and no processor time at all, and there is no selector to
outgrow.
"""

import contextlib
import logging
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from isocenter.dimse.address import host_and_port, why_not_listening
from isocenter.dimse.association import Association
from isocenter.dimse.limits import Limits, Timeouts
from isocenter.dimse.machine import Machine
from isocenter.dimse.negotiation import (
    EVERYONE,
    LOCAL_LIMIT_EXCEEDED,
    Agreement,
    AssociationInfo,
    AssociationPolicy,
    negotiate,
)
from isocenter.dimse.pdu import AssociateRj, AssociateRq
from isocenter.dimse.service import Service
from isocenter.dimse.serving import establish, serve
from isocenter.dimse.transport import Transport
from isocenter.dimse.upper_layer import Role
from isocenter.errors import ConfigurationError, IsocenterError
from isocenter.log_lines import RepeatedLines

# Anybody who reaches the port can have these written, as often as they like.
_NOT_ACCEPTED = "cannot accept a DICOM connection: %s"
_CLOSED = "closed a connection from %s: %d are open, %d of them its own"
_NO_THREAD = "no thread is left for an association from %s"
_CAME_TO_NOTHING = "association from %s came to nothing: %s"
_REJECTED = "association of %s with %s from %s %s"

_log = logging.getLogger(__name__)
_log.addFilter(RepeatedLines(_NOT_ACCEPTED, _CLOSED, _NO_THREAD, _CAME_TO_NOTHING, _REJECTED))

_BACKLOG = 128
# Connections over the limit that are still told so by an A-ASSOCIATE-RJ; further ones are closed.
_TURNED_AWAY = 16
# How long to leave the listener alone when the system has no file descriptor left, in seconds.
_EXHAUSTED = 0.2


class Acceptor:
    """Accepts associations and serves them.

    Parameters
    ----------
    services
        What is offered; the first that names an abstract syntax answers for it.
    host, port
        Where to listen; port 0 takes a free one (see `address`).
    limits, timeouts
        How much a peer may use, and how long it may take.
    policy
        Who is let in; everyone unless given.
    tls
        A server-side context; plain TCP without it.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        host: str = "127.0.0.1",
        port: int = 11112,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        policy: AssociationPolicy | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._services = tuple(services)
        self._host = host
        self._port = port
        self._limits = limits or Limits()
        self._timeouts = timeouts or Timeouts()
        self._policy = policy or EVERYONE
        self._tls = tls
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, Association | None] = {}
        self._peers: Counter[str] = Counter()
        self._listener: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._stopping = False

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: host and port."""
        return self._host, self._port

    @property
    def open_associations(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._threads)

    def start(self) -> None:
        """Bind, listen and return; associations are served by threads.

        Raises
        ------
        ConfigurationError
            The address cannot be bound.
        """
        try:
            self._listener = socket.create_server(
                (self._host, self._port),
                family=socket.AF_INET6 if ":" in self._host else socket.AF_INET,
                dualstack_ipv6=self._host == "::" and socket.has_dualstack_ipv6(),
                backlog=_BACKLOG,
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen for DICOM on {host_and_port(self._host, self._port)}: "
                f"{why_not_listening(error)}"
            ) from error
        self._stopping = False
        self._listener.setblocking(False)
        self._port = int(self._listener.getsockname()[1])
        wake, self._waker = socket.socketpair()
        arguments = (self._listener, wake)
        self._accepting = threading.Thread(
            target=self._accept, args=arguments, name="dimse-acceptor", daemon=True
        )
        self._accepting.start()

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop listening, let messages under way be finished, abort the rest.

        Parameters
        ----------
        grace_seconds
            How long an association that is inside a message may go on.
        """
        if self._accepting is None or self._waker is None or self._listener is None:
            return
        self._waker.close()
        self._accepting.join()
        self._listener.close()
        self._accepting = None
        self._stopping = True
        self._end(time.monotonic() + grace_seconds, now=False)
        self._end(time.monotonic() + min(grace_seconds, 1.0), now=True)

    def _end(self, deadline: float, *, now: bool) -> None:
        with self._lock:
            threads = dict(self._threads)
        # Threads without an association are still at their TLS handshake: nothing is lost there.
        served = {thread: one for thread, one in threads.items() if one is not None}
        for association in served.values():
            association.stop(now=now)
        for thread in served:
            thread.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # Connections

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, wake:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if wake in ready:
                    return
                try:
                    connection, address = listener.accept()
                except (BlockingIOError, ConnectionError):
                    continue
                except OSError as error:
                    _log.error(_NOT_ACCEPTED, error.strerror)
                    time.sleep(_EXHAUSTED)
                    continue
                # A listener for both families shows IPv4 peers in IPv6's clothes.
                self._admit(connection, str(address[0]).removeprefix("::ffff:"), int(address[1]))

    def _admit(self, connection: socket.socket, host: str, port: int) -> None:
        limits = self._limits
        with self._lock:
            total, of_peer = len(self._threads), self._peers[host]
            excess = max(total - limits.associations, of_peer - limits.associations_per_peer)
            thread = None
            if excess < _TURNED_AWAY:
                thread = threading.Thread(
                    target=self._converse,
                    args=(connection, host, port, excess >= 0),
                    name=f"dimse-{host}:{port}",
                    daemon=True,
                )
                self._threads[thread] = None
                self._peers[host] += 1
        if thread is None:
            connection.close()
            _log.warning(_CLOSED, host, total, of_peer)
            return
        try:
            thread.start()
        except RuntimeError:
            _log.error(_NO_THREAD, host)
            connection.close()
            self._forget(thread, host)

    def _converse(self, connection: socket.socket, host: str, port: int, full: bool) -> None:
        has_asked = False
        try:
            with contextlib.closing(self._secure(connection)) as secured:
                association, machine = self._begin(secured, host, port)
                try:
                    request = establish(association, machine)
                    has_asked = True
                    self._answer(request, association, machine, full)
                except BaseException:
                    association.abort()
                    raise
                finally:
                    association.close()
        except (IsocenterError, OSError) as error:
            text = "association from %s ended: %s" if has_asked else _CAME_TO_NOTHING
            _log.info(text, host_and_port(host, port), error)
        except Exception:
            _log.exception("association from %s failed", host_and_port(host, port))
        finally:
            self._forget(threading.current_thread(), host)

    def _secure(self, connection: socket.socket) -> socket.socket:
        connection.setblocking(True)
        if self._tls is None:
            return connection
        # The handshake happens in the association's own thread: a silent peer holds up nobody else.
        connection.settimeout(self._timeouts.connect)
        with contextlib.ExitStack() as on_error:
            on_error.callback(connection.close)
            secured = self._tls.wrap_socket(connection, server_side=True)
            on_error.pop_all()
        return secured

    def _begin(
        self, connection: socket.socket, host: str, port: int
    ) -> tuple[Association, Machine]:
        transport = Transport(connection, self._timeouts.transfer)
        machine = Machine(Role.ACCEPTOR, self._limits)
        info = AssociationInfo("", "", host, port)
        association = Association(transport, machine, self._timeouts, info)
        with self._lock:
            self._threads[threading.current_thread()] = association
        if self._stopping:
            association.stop()
        return association, machine

    def _answer(
        self, request: AssociateRq, association: Association, machine: Machine, full: bool
    ) -> None:
        info = association.info
        if full:
            agreement = Agreement(LOCAL_LIMIT_EXCEEDED, {})
        else:
            agreement = negotiate(
                request, info.peer_address, self._services, self._policy, self._limits
            )
        answer = agreement.answer
        if not isinstance(answer, AssociateRj):
            serve(association, machine, answer, agreement.contexts, self._services)
            return
        machine.upper.reject(answer)
        _log.warning(
            _REJECTED, info.calling_ae, info.called_ae, info.peer_address, answer.describe()
        )

    def _forget(self, thread: threading.Thread, host: str) -> None:
        with self._lock:
            del self._threads[thread]
            self._peers[host] -= 1
            if not self._peers[host]:
                del self._peers[host]
