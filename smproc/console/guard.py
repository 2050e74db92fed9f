"""The admission of requests: from pages of the console alone, in a browser that `smproc local open` has let in.

Loopback alone protects from other machines, not from the web pages that the same browser shows. These can send requests
to any port of this machine, and with a name of theirs that leads to 127.0.0.1 (DNS rebinding) read the answers.

See: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html,
https://web.dev/articles/fetch-metadata
"""

from __future__ import annotations

import hmac
from typing import Final

from werkzeug.wrappers import Request, Response

from smproc.console.errors import RefusedError
from smproc.console.tickets import Gate, derive

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
# A page of another port of this machine is "same-site".
_OWN_FETCHES: Final = frozenset({"same-origin", "none"})
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# An object is what somebody else wrote: whatever it is, it runs nothing, loads nothing, and has no origin.
OBJECT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


class Guard:
    """The checks of each request, and the headers of each answer.

    Args:
        port: the console's port.
        secret: the console's secret.
    """

    def __init__(self, port: int, secret: str) -> None:
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        # Cookies do not distinguish ports.
        self._cookie = f"smproc-console-{port}"
        self._session = derive(secret, "session")
        self._gate = Gate(secret)
        self.csrf_token = derive(secret, "csrf")

    def check_host(self, request: Request) -> None:
        """Refuse a request that was sent to another name than this machine's.

        Raises:
            RefusedError: it was.
        """
        if request.headers.get("Host", "") not in self._hosts:
            raise RefusedError(
                421,
                "Unknown host",
                "The console answers to 127.0.0.1 and localhost alone; use the URL it printed.",
            )

    def check_session(self, request: Request) -> None:
        """Refuse a request of another page, or of a browser that was not let in.

        Raises:
            RefusedError: it is one.
        """
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_FETCHES:
            raise RefusedError(403, "Request of another page", "The console answers to its own pages alone.")
        if not _equal(request.cookies.get(self._cookie, ""), self._session):
            raise RefusedError(
                403, "This browser is not signed in", "The console answers to browsers that the command has opened."
            )

    def check_change(self, request: Request) -> None:
        """Refuse a request that changes something and that no form of the console has sent.

        Raises:
            RefusedError: it is one.
        """
        if request.method in _SAFE_METHODS:
            return
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            raise RefusedError(403, "Request of another page", "Only pages of the console can change something.")
        token = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
        if not _equal(token, self.csrf_token):
            raise RefusedError(403, "Outdated page", "The form was made by an earlier console; reload the page.")

    def admit(self, ticket: str, answer: Response) -> None:
        """Give a browser a session for a ticket.

        Raises:
            RefusedError: the ticket is invalid, or was used.
        """
        if not self._gate.admit(ticket):
            raise RefusedError(
                403, "This link was used or is too old", "A link lets one browser in, once, within ten minutes."
            )
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", path="/")

    @staticmethod
    def protect(answer: Response) -> None:
        """Add the headers that keep a browser from more than showing the answer."""
        for name, value in {
            "Content-Security-Policy": _POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            # With "no-referrer", the origin of a form would be "null".
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }.items():
            answer.headers.setdefault(name, value)


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
