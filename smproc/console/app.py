"""The console as a WSGI application: requests to pages, errors to sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from cdk_sagemaker_processing.model.errors import InvalidValueError
from smproc.console.actions import Actions
from smproc.console.errors import RefusedError
from smproc.console.guard import Guard
from smproc.console.pages import Pages
from smproc.console.reader import Reader
from smproc.console.rendering import Renderer
from smproc.console.uploads import UPLOAD_MAX_BYTES
from smproc.graphs import GraphError
from smproc.local import LocalAws, LocalAwsError
from smproc.operations import (
    JobNotFoundError,
    NothingToRetryError,
    OperationError,
    PipelineNotFoundError,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)
_NOT_FOUND: Final = (JobNotFoundError, NothingToRetryError, PipelineNotFoundError)
_IMPOSSIBLE: Final = (OperationError, GraphError, InvalidValueError, LocalAwsError)
_ABSENT_CODES: Final = frozenset({"NoSuchKey", "NoSuchBucket", "404", "ExecutionDoesNotExist", "InvalidArn"})
_PAGES: Final = {
    "/": "home",
    "/pipelines/<path:name>": "pipeline",
    "/executions/<path:arn>": "execution",
    "/jobs/<name>": "job",
    "/jobs/<name>/log": "log",
    "/outputs": "output",
    "/outputs/object": "s3_object",
    "/dead-letters": "dead_letters",
    "/faults": "faults",
}
_ACTIONS: Final = {
    "/uploads": "upload",
    "/executions/retry": "retry",
    "/executions/redrive": "redrive_execution",
    "/executions/stop": "stop_execution",
    "/jobs/stop": "stop_job",
    "/dead-letters/redrive": "redrive",
    "/faults": "put_fault",
    "/faults/clear": "clear_faults",
}
_OPEN, _STATIC = "open", "static"
_RECOVERY_IN_MILLISECONDS: Final = 3000


class _Request(Request):
    """A request with limits for forms."""

    max_content_length = UPLOAD_MAX_BYTES + 1024 * 1024
    max_form_memory_size = 1024 * 1024
    max_form_parts = 100


class ConsoleApp:
    """The console of a local AWS.

    Args:
        local_aws: the local AWS.
        secret: the secret from which tickets, sessions and tokens of forms follow.
    """

    def __init__(self, local_aws: LocalAws, secret: str) -> None:
        self._local_aws = local_aws
        self._secret = secret
        reader = Reader(local_aws)
        self._renderer = Renderer(local_aws)
        self._pages = Pages(reader, self._renderer)
        self._actions = Actions(reader, self._renderer)
        self._map = Map(
            [
                Rule("/open", endpoint=_OPEN, methods=["GET"]),
                Rule("/static/<name>", endpoint=_STATIC, methods=["GET"]),
                *(Rule(path, endpoint=name, methods=["GET"]) for path, name in _PAGES.items()),
                *(Rule(path, endpoint=name, methods=["POST"]) for path, name in _ACTIONS.items()),
            ],
            merge_slashes=False,
            strict_slashes=False,
        )
        self._guard: Guard | None = None

    def serve_at(self, port: int) -> None:
        """Take the port at which browsers reach the console; before that, every request is refused."""
        self._guard = Guard(port, self._secret)
        self._renderer.csrf_token = self._guard.csrf_token

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = _Request(environ)
        answer = self._answer(request)
        Guard.protect(answer)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except HTTPException as error:
            return self._problem(request, error.code or 500, error.name, _sentence_of(error))
        except Exception as error:  # noqa: BLE001 - a page says what is wrong
            return self._problem(request, *self._told(request, error))

    def _told(self, request: Request, error: Exception) -> tuple[int, str, str]:
        """Return the status, the title and the sentence with which an error is told."""
        if isinstance(error, RefusedError):
            return error.status, error.title, str(error)
        if isinstance(error, (BotoCoreError, ClientError, LocalAwsError)) and not self._runs():
            return 503, "The local AWS does not run", ""
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if isinstance(error, _NOT_FOUND) or code in _ABSENT_CODES:
            return 404, "Not found", _sentence(str(error))
        if isinstance(error, _IMPOSSIBLE):
            return 400, "That is not possible", _sentence(str(error))
        if isinstance(error, (BotoCoreError, ClientError)):
            return 502, "The local AWS has refused", _sentence(str(error))
        _log.error("%s %s", request.method, request.path, exc_info=error)
        return 500, "A defect of the console", f"The console's log has more: {self._renderer.log}"

    def _dispatch(self, request: Request) -> Response:
        guard = self._guard
        if guard is None:
            raise RefusedError(503, "Starting", "The console is starting; reload the page.")
        guard.check_host(request)
        endpoint, values = self._map.bind_to_environ(request.environ).match()
        if endpoint == _STATIC:
            return self._renderer.static(values["name"])
        if endpoint == _OPEN:
            answer = self._renderer.page("welcome.html")
            guard.admit(request.args.get("ticket", ""), answer)
            return answer
        guard.check_session(request)
        guard.check_change(request)
        owner = self._actions if request.method == "POST" else self._pages
        handle: Callable[..., Response] = getattr(owner, endpoint)
        answer = handle(request, **values)
        if request.method in ("GET", "HEAD") and answer.status_code == 200 and not answer.is_streamed:  # noqa: PLR2004
            answer.add_etag()
            answer.make_conditional(request)
        return answer

    def _runs(self) -> bool:
        return self._local_aws.status().running

    def _problem(self, request: Request, status: int, title: str, message: str) -> Response:
        if request.accept_mimetypes.best == "application/json":
            return self._renderer.json({"error": message or title}, status=status)
        return self._renderer.page(
            "problem.html",
            http_status=status,
            code=status,
            title=title,
            message=message,
            running=self._runs(),
            # The page goes on when the local AWS runs again.
            poll=_RECOVERY_IN_MILLISECONDS if status == 503 else 0,  # noqa: PLR2004 - the status of HTTP
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def _sentence_of(error: HTTPException) -> str:
    if error.code == 404:  # noqa: PLR2004 - the status of HTTP
        return "The console has no such page."
    if error.code == 413:  # noqa: PLR2004 - the status of HTTP
        return f"A file must have at most {UPLOAD_MAX_BYTES // 2**20:,} MiB; upload it with `aws s3 cp`."
    description: Any = error.description
    return str(description or error.name)
