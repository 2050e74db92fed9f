"""The ASGI application of the local AWS: ministack's, with the credentials endpoint of jobs added."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from smproc.local.server.execution import CredentialsEndpoint

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
Application = Callable[[_Message, _Receive, _Send], Awaitable[None]]
# Requests on loopback cross no network: they satisfy policies that require TLS (aws:SecureTransport).
_TLS_HEADER = (b"x-forwarded-proto", b"https")
# Only S3 reads with these methods; nearly every request of the other APIs is a POST.
_READ_METHODS = ("GET", "HEAD")
# The operations of JSON protocols that change nothing, as their names say; taking an activity's task is a change.
_READ_TARGET = re.compile(rb"[^.]*\.(Describe|List|Get(?!ActivityTask)|BatchGet|Filter|Query|Scan|Search|Lookup)")


def with_credentials(
    application: Application, credentials: CredentialsEndpoint, note_change: Callable[[], None]
) -> Application:
    """Return an ASGI application that also serves the credentials of jobs' roles.

    Args:
        application: answers the requests to AWS' APIs.
        credentials: answers the requests for credentials.
        note_change: called after each request that may have changed the account.
    """

    async def serve(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(CredentialsEndpoint.path):
            await application(_as_over_tls(scope), receive, send)
            if scope["type"] == "http" and _may_change(scope):
                note_change()
            return
        headers = dict(scope["headers"])
        status, body = credentials.answer(scope["path"], headers.get(b"authorization", b"").decode("latin-1"))
        content_type = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": int(status), "headers": [content_type]})
        await send({"type": "http.response.body", "body": body})

    return serve


def _may_change(scope: _Message) -> bool:
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    return scope["method"] not in _READ_METHODS and _READ_TARGET.match(target) is None


def _as_over_tls(scope: _Message) -> _Message:
    return {**scope, "headers": [*scope["headers"], _TLS_HEADER]} if scope["type"] == "http" else scope
