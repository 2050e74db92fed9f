"""Ports for the servers of tests."""

from __future__ import annotations

import random
import socket

# Below the range from which the kernel assigns client ports (ip_local_port_range): a server that is stopped or killed
# gets its port again, no matter how many connections other tests open meanwhile.
_FIRST, _LAST = 20_000, 32_000


def free_port() -> int:
    """Return a port on which nothing listens."""
    while True:
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
