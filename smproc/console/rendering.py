"""Templates, and how they show values: times, sizes, statuses, names from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from smproc.graphs import STYLE
from smproc.graphs.runs import STATUS_WORDS, duration
from smproc.installation import install_command
from smproc.local import LocalAws
from smproc.local.ports import port_option
from smproc.terminal_text import printable, shell_word

_GOOD, _BUSY, _BAD, _WARN, _IDLE = ("good", "✓"), ("busy", "▶"), ("bad", "✕"), ("warn", "!"), ("idle", "○")
# Each with a colour, a sign and a word: no state is told by its colour alone.
TONES: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("SUCCEEDED", "Completed", "ok", "running"), _GOOD),
    **dict.fromkeys(("RUNNING", "STARTING", "InProgress", "starting"), _BUSY),
    **dict.fromkeys(("FAILED", "TIMED_OUT", "DEAD_LETTER", "Failed", "stalled", "not running", "stale"), _BAD),
    **dict.fromkeys(("ABORTED", "CAUGHT", "Stopped", "Stopping", "attention", "paused", "PENDING_REDRIVE"), _WARN),
}
_WORDS: Final[Mapping[str, str]] = {
    "InProgress": "in progress",
    "attention": "needs attention",
    "unknown": "not known yet",
    "DEAD_LETTER": "dead letter",
} | {str(status): words for status, words in STATUS_WORDS.items() if status is not None}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC: Final = Path(__file__).parent / "static"
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_UNIT = 1024


class Renderer:
    """Makes answers of templates.

    Args:
        local_aws: the local AWS.
    """

    def __init__(self, local_aws: LocalAws) -> None:
        self.csrf_token = ""
        self._local_aws = local_aws
        self.log = local_aws.status().folder / "console" / "server.log"
        self._environment = Environment(
            loader=PackageLoader("smproc.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "clock": clock,
            "duration": duration,
            "lines_shown": lines_shown,
            "moment": moment,
            "shown": shown,
            "word_of_shell": shell_word,
            "size": size,
            "tone": tone,
            "word": word,
        }
        self._environment.globals |= {
            "execution_url": execution_url,
            "job_url": job_url,
            "object_url": object_url,
            "output_url": output_url,
            "pipeline_url": pipeline_url,
            "install_command": install_command,
            "port_option": port_option(local_aws.port),
            "local_option": f" --local {local_aws.port}" if port_option(local_aws.port) else " --local",
        }

    def page(self, template: str, *, http_status: int = 200, **values: Any) -> Response:
        """Return an answer with a template."""
        defaults = {"csrf_token": self.csrf_token, "aws": self._local_aws.status(), "account": self._local_aws.account}
        text = self._environment.get_template(template).render(defaults | values)
        return Response(text, status=http_status, mimetype="text/html")

    @staticmethod
    def json(value: Mapping[str, Any], *, status: int = 200) -> Response:
        """Return an answer for the script of a page."""
        return Response(json.dumps(value), status=status, mimetype="application/json")

    @staticmethod
    def static(name: str) -> Response:
        """Return a file of the console, which has nothing of the account in it.

        Raises:
            NotFound: there is no such file.
        """
        if name == "graph.css":
            # The rules of a drawing, for the drawing alone.
            return Response(f".graph {{{STYLE}}}", mimetype="text/css")
        path = _STATIC / name
        if path.parent != _STATIC or not path.is_file():
            raise NotFound
        return Response(path.read_bytes(), mimetype=_TYPES[path.suffix])


def shown(text: object) -> str:
    """Return a text from outside with its control characters visible."""
    return printable(str(text))


def lines_shown(text: str) -> str:
    """Return a text of several lines with its other control characters visible."""
    return printable(text.replace("\r\n", "\n"), keep="\t\n")


def tone(status: str) -> tuple[str, str]:
    """Return the colour and the sign of a status."""
    return TONES.get(status, _IDLE)


def word(status: str) -> str:
    """Return a status as people read it."""
    return _WORDS.get(status, status.lower().replace("_", " "))


def clock(at: datetime | None) -> str:
    """Return a time of this machine's zone: the time alone today, else with the day."""
    if at is None:
        return ""
    local = at.astimezone()
    same_day = local.date() == datetime.now(UTC).astimezone().date()
    return f"{local:%H:%M:%S}" if same_day else f"{local:%Y-%m-%d %H:%M:%S}"


def moment(at: datetime) -> str:
    """Return a time with its day and its zone, for programs and tooltips."""
    return at.astimezone().isoformat(timespec="seconds")


def size(count: float) -> str:
    """Return a number of bytes in words."""
    for unit in _UNITS:
        if count < _UNIT or unit == _UNITS[-1]:
            break
        count /= _UNIT
    return f"{count:,.0f} {unit}" if unit == _UNITS[0] else f"{count:,.1f} {unit}"


def pipeline_url(name: str) -> str:
    """Return the path of a pipeline's page."""
    return f"/pipelines/{quote(name)}"


def execution_url(arn: str) -> str:
    """Return the path of an execution's page."""
    return f"/executions/{quote(arn, safe=':')}"


def job_url(name: str) -> str:
    """Return the path of a job's page."""
    return f"/jobs/{quote(name, safe='')}"


def output_url(uri: str) -> str:
    """Return the path of the page of an object, or of the objects below a prefix."""
    return f"/outputs?{urlencode({'uri': uri})}"


def object_url(uri: str, *, download: bool = False) -> str:
    """Return the path of an object itself."""
    return f"/outputs/object?{urlencode({'uri': uri} | ({'download': '1'} if download else {}))}"
