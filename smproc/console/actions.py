"""The actions of a browser: each calls the function that its command calls, and leads back to a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from smproc.console.errors import RefusedError
from smproc.console.reader import Reader
from smproc.console.rendering import Renderer, execution_url, job_url, pipeline_url
from smproc.console.uploads import UPLOAD_MAX_BYTES, upload_stream
from smproc.operations import ProcessingJob, redrive, retry
from smproc.terminal_text import counted

_SEE_OTHER: Final = 303
Number = TypeVar("Number", int, float)


class Actions:
    """The actions.

    Args:
        reader: what the pages show.
        renderer: makes answers.
    """

    def __init__(self, reader: Reader, renderer: Renderer) -> None:
        self._reader = reader
        self._renderer = renderer

    def upload(self, request: Request) -> Response:
        """Upload files: the body of a request of the script, or the files of a form."""
        pipeline = self._reader.pipeline_named(request.args.get("pipeline", ""))
        if request.mimetype == "multipart/form-data":
            files = [file for file in request.files.getlist("file") if file.filename]
            if not files:
                raise RefusedError(400, "No file", "Choose a file to upload.")
            done = [upload_stream(pipeline, str(file.filename), file.stream).uri for file in files]
            return self._done(pipeline_url(pipeline.name), f"Uploaded {', '.join(done)}.")
        if (request.content_length or 0) > UPLOAD_MAX_BYTES:
            raise RefusedError(413, "The file is too large", f"A file must have at most {UPLOAD_MAX_BYTES:,} bytes.")
        upload = upload_stream(pipeline, request.args.get("name", ""), request.stream)
        self._reader.forget()
        return self._renderer.json({"uri": upload.uri, "size": upload.size}, status=201)

    def retry(self, request: Request) -> Response:
        """Run the objects of a failed execution again."""
        arn = request.form.get("arn", "")
        about = retry(self._reader.pipeline_of_execution(arn), arn)
        return self._done(execution_url(arn), f"{about} runs again, in a new execution.")

    def redrive_execution(self, request: Request) -> Response:
        """Continue a failed execution from the state that failed."""
        arn = request.form.get("arn", "")
        self._reader.session.client("stepfunctions").redrive_execution(executionArn=arn)
        return self._done(execution_url(arn), "The execution continues from the state that did not succeed.")

    def stop_execution(self, request: Request) -> Response:
        """Stop an execution, and with it its jobs."""
        arn = request.form.get("arn", "")
        self._reader.session.client("stepfunctions").stop_execution(executionArn=arn)
        return self._done(execution_url(arn), "The execution is stopped.")

    def stop_job(self, request: Request) -> Response:
        """Stop a job."""
        name = request.form.get("name", "")
        ProcessingJob(name, session=self._reader.session).stop()
        return self._done(job_url(name), "The job is being stopped.")

    def redrive(self, request: Request) -> Response:
        """Send the dead letters of a pipeline back to its queue."""
        pipeline = self._reader.pipeline_named(request.form.get("pipeline", ""))
        count = sum(1 for _ in redrive(pipeline))
        words = counted(count, "dead letter")
        return self._done("/dead-letters", f"Sent {words} back to the queue of {pipeline.name}.")

    def put_fault(self, request: Request) -> Response:
        """Inject a fault."""
        form = request.form
        kind = form.get("kind", "")
        times = form.get("times", "").strip()
        self._reader.local_aws.put_fault(
            kind,
            times=_number(int, times, "times") if times else None,
            share=_number(float, form.get("share") or "1", "share"),
            seconds=_number(float, form.get("seconds") or "0", "seconds") if kind == "delay" else 0.0,
            name_contains=form.get("name_contains", ""),
        )
        return self._done("/faults", f"The fault {kind} is active.")

    def clear_faults(self, _: Request) -> Response:
        """Remove all faults."""
        self._reader.local_aws.clear_faults()
        return self._done("/faults", "Removed all faults.")

    def _done(self, path: str, note: str) -> Response:
        """Lead to a page that shows what was done."""
        self._reader.forget()
        name = self._reader.notes.add(note)
        return redirect(f"{path}?{urlencode({'note': name})}", code=_SEE_OTHER)


def _number(kind: Callable[[str], Number], text: str, name: str) -> Number:
    try:
        return kind(text)
    except ValueError:
        raise RefusedError(400, "No number", f"{name} must be a number, got {text!r}.") from None
