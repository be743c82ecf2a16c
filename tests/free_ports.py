"""Ports for programs that cannot be told to choose one themselves."""

import random
import socket

# Below those that Linux (32768 and up) and others (49152 and up) give to whoever asks for any:
# nobody gets one between the moment in which it is found free and that in which it is used.
_PORTS = range(20_000, 32_768)
_chance = random.SystemRandom()


def free_port() -> int:
    """A port on the loopback interface that nobody listens on now."""
    while True:
        port = _chance.choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
