"""What the local AWS's port answers beside AWS's own APIs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from smproc.local.server.execution import CredentialsEndpoint

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
Application = Callable[[_Message, _Receive, _Send], Awaitable[None]]
# What crosses no network needs no TLS: policies that demand it (aws:SecureTransport) are satisfied.
_BY_TLS = (b"x-forwarded-proto", b"https")
# Of S3 alone; in the other APIs every request is a POST.
_READING = ("GET", "HEAD")


def front(application: Application, credentials: CredentialsEndpoint, note_change: Callable[[], None]) -> Application:
    """An ASGI application that also hands out the credentials of jobs' roles.

    Args:
        application: answers for AWS.
        credentials: hands them out.
        note_change: called whenever something may have changed in the account.
    """

    async def answer(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(CredentialsEndpoint.path):
            await application(_as_by_tls(scope), receive, send)
            if scope["type"] == "http" and scope["method"] not in _READING:
                note_change()
            return
        headers = dict(scope["headers"])
        status, body = credentials.answer(scope["path"], headers.get(b"authorization", b"").decode("latin-1"))
        content_type = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": int(status), "headers": [content_type]})
        await send({"type": "http.response.body", "body": body})

    return answer


def _as_by_tls(scope: _Message) -> _Message:
    return {**scope, "headers": [*scope["headers"], _BY_TLS]} if scope["type"] == "http" else scope
