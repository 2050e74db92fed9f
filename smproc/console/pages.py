"""The pages that a browser reads."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.console.graph import draw
from smproc.console.guard import OBJECT_POLICY
from smproc.console.preview import PICTURES, preview
from smproc.console.reader import LOG_LINES_MAX, Reader
from smproc.console.rendering import Renderer
from smproc.console.uploads import UPLOAD_MAX_BYTES
from smproc.operations.executions import FAILED_STATUSES
from smproc.terminal_text import printable

# Milliseconds between two requests of a page whose content changes, or hardly does.
_LIVE: Final = 1000
_QUIET: Final = 5000
FAULTS: Final = {
    "throttle": "calls of the SageMaker API fail with ThrottlingException",
    "quota": "the creation of a job fails with ResourceLimitExceeded",
    "capacity": "jobs are created, then fail with a CapacityError",
    "error": "jobs are created, then fail with an InternalServerError",
    "delay": "jobs start later",
}


class Pages:
    """The pages.

    Args:
        reader: what they show.
        renderer: makes answers.
    """

    def __init__(self, reader: Reader, renderer: Renderer) -> None:
        self._reader = reader
        self._renderer = renderer

    def home(self, request: Request) -> Response:
        """Show the pipelines."""
        return self._page(request, "home.html", poll=_QUIET, statuses=self._reader.statuses())

    def pipeline(self, request: Request, name: str) -> Response:
        """Show a pipeline, its uploads and executions."""
        view = self._reader.pipeline(name)
        status = view.details.status
        poll = _LIVE * 2
        return self._page(
            request, "pipeline.html", poll=poll, view=view, status=status, upload_max_bytes=UPLOAD_MAX_BYTES
        )

    def execution(self, request: Request, arn: str) -> Response:
        """Show an execution."""
        view = self._reader.execution(arn)
        return self._page(
            request,
            "execution.html",
            poll=_LIVE if view.goes_on else _QUIET,
            view=view,
            drawing=draw(view.definition, view.title, view.run),
            failed=view.run.status in FAILED_STATUSES,
        )

    def job(self, request: Request, name: str) -> Response:
        """Show a job with its log and its outputs."""
        view = self._reader.job(name)
        lines, count = self._reader.log(name)
        return self._page(
            request,
            "job.html",
            poll=_LIVE if not view.ended else _QUIET,
            view=view,
            lines=lines,
            count=count,
            lines_max=LOG_LINES_MAX,
        )

    def log(self, request: Request, name: str) -> Response:
        """Return the lines of a job's log after those that a page shows."""
        lines, count = self._reader.log(name, request.args.get("after", 0, type=int))
        answer = self._renderer.page("log_lines.html", lines=lines)
        answer.headers["X-Log-Lines"] = str(count)
        return answer

    def output(self, request: Request) -> Response:
        """Show an object, or the objects below a prefix."""
        uri = request.args.get("uri", "").lstrip()  # a key may end with a space
        shown = preview(self._reader.session, uri) if uri else None
        return self._page(request, "output.html", poll=0, uri=uri, shown=shown)

    def s3_object(self, request: Request) -> Response:
        """Return an object: as a picture, else as a file to save, never as a page."""
        place = S3Uri.parse(request.args.get("uri", ""))
        found = self._reader.session.client("s3").get_object(Bucket=place.bucket, Key=place.key)
        name = PurePosixPath(place.key).name
        kind = PICTURES.get(PurePosixPath(name).suffix.lower())
        answer = send_file(
            found["Body"],
            request.environ,
            mimetype=kind or "application/octet-stream",
            as_attachment=kind is None or "download" in request.args,
            download_name=printable(name, keep=""),  # a header is one line
            conditional=False,
            etag=False,
        )
        answer.content_length = found["ContentLength"]
        answer.headers["Content-Security-Policy"] = OBJECT_POLICY
        return answer

    def dead_letters(self, request: Request) -> Response:
        """Show the dead letters of all pipelines."""
        letters = [(one, self._reader.dead_letters(one)) for one in self._reader.pipelines()]
        return self._page(request, "dead_letters.html", poll=0, letters=letters)

    def faults(self, request: Request) -> Response:
        """Show the faults that are injected, and a form for another."""
        return self._page(request, "faults.html", poll=_QUIET, faults=self._reader.local_aws.faults(), kinds=FAULTS)

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        note = self._reader.notes.take(request.args.get("note", ""))
        return self._renderer.page(template, note=note, path=request.path, **values)
