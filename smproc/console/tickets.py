"""Tickets that let a browser in, once each, and the values that follow from the console's secret.

The secret is in a file that only its owner can read: whoever can make a ticket could read the state of the local AWS
anyway. The ticket is an argument of the program that opens the browser, which other users of the machine can see;
therefore it is of no use after the browser has used it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time

LIFETIME_IN_SECONDS = 600


def new_ticket(secret: str) -> str:
    """Return a ticket that is valid once, for ten minutes.

    Args:
        secret: the console's secret.
    """
    content = f"{int(time.time()) + LIFETIME_IN_SECONDS}.{secrets.token_urlsafe(12)}"
    return f"{content}.{derive(secret, f'ticket {content}')}"


def derive(secret: str, purpose: str) -> str:
    """Return a value for one purpose, from which neither the secret nor that for another purpose follows."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


class Gate:
    """The tickets that have been used.

    Args:
        secret: the console's secret.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def admit(self, ticket: str) -> bool:
        """Return whether a ticket is valid, and use it up."""
        content, _, signature = ticket.rpartition(".")
        expected = derive(self._secret, f"ticket {content}")
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return False
        expires, now = int(content.partition(".")[0]), int(time.time())
        with self._lock:
            self._used = {used: until for used, until in self._used.items() if until >= now}
            if expires < now or content in self._used:
                return False
            self._used[content] = expires
        return True
