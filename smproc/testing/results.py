"""The results that a test asserts on: the log of a step, its jobs, its outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smproc.terminal_text import counted
from smproc.trials import files_in

if TYPE_CHECKING:
    import pandas as pd

    from smproc.operations import ProcessingJob

_LOG_LINES = 20


@dataclass(frozen=True)
class Outputs(Mapping[str, Path]):
    """The outputs of jobs as files on this machine, by their names such as ``train/train.csv``.

    Of a workflow, or of an upload, the name starts with the step: ``Split/train/train.csv``.

    Attributes:
        directory: the directory that they are in.
    """

    directory: Path

    def __getitem__(self, name: str) -> Path:
        found = self._files()
        if name in found:
            return found[name]
        # A test names the step only where that makes a difference.
        matching = [path for key, path in found.items() if key.endswith(f"/{name}")]
        if len(matching) == 1:
            return matching[0]
        problem = "several outputs end in" if matching else "there is no output"
        raise KeyError(f"{problem} {name!r}; there are: {', '.join(sorted(found)) or 'none'}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._files())

    def __len__(self) -> int:
        return len(self._files())

    def table(self, name: str) -> pd.DataFrame:
        """Return a CSV, TSV or Parquet file as a table of pandas.

        Args:
            name: the name of the output.

        Raises:
            KeyError: there is no such output, or there are several.
        """
        import pandas as pd  # noqa: PLC0415 - optional, and slow to load

        path = self[name]
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")

    def json(self, name: str) -> Any:  # noqa: ANN401 - a value of JSON
        """Return the content of a JSON file.

        Args:
            name: the name of the output.

        Raises:
            KeyError: there is no such output, or there are several.
        """
        return json.loads(self[name].read_text(encoding="utf-8"))

    def _files(self) -> dict[str, Path]:
        return files_in(self.directory)


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """The end of a step that was run alone, or of a workflow.

    Attributes:
        status: ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
        log: the lines that the jobs printed.
        outputs: the files that they wrote; none if the execution failed.
        reason: why it failed; empty if it succeeded.
        exit_message: what the script wrote to /opt/ml/output/message.
        seconds: how long it took.
    """

    status: str
    log: Sequence[str] = field(repr=False)
    outputs: Outputs = field(repr=False)
    reason: str = ""
    exit_message: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def succeeded(self) -> bool:
        """True if it succeeded."""
        return self.status == "SUCCEEDED"


@dataclass(frozen=True, kw_only=True)
class UploadResult:
    """The end of the execution that an upload started.

    Attributes:
        status: the status of the execution.
        execution_arn: its ARN.
        jobs: the handles of its jobs, in the order of their creation.
        log: the lines that they printed.
        outputs: the files that they wrote, downloaded.
        reason: why it failed; empty if it succeeded.
    """

    status: str
    execution_arn: str
    jobs: Sequence[ProcessingJob] = field(repr=False)
    log: Sequence[str] = field(repr=False)
    outputs: Outputs = field(repr=False)
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        """True if it succeeded."""
        return self.status == "SUCCEEDED"

    @property
    def job(self) -> ProcessingJob:
        """The handle of the only job.

        Raises:
            ValueError: there are several, or none.
        """
        if len(self.jobs) != 1:
            raise ValueError(f"the execution must have one job, got {len(self.jobs)}; see jobs")
        return self.jobs[0]


def failure_text(what: str, status: str, reason: str, log: Sequence[str]) -> str:
    """Return the message of a failed step or upload, with the end of its log.

    Args:
        what: what has failed, for example ``the step Split``.
        status: the status of the execution.
        reason: the reason.
        log: the lines of the log.
    """
    shown = list(log[-_LOG_LINES:])
    text = f"{what} ended as {status}: {reason}"
    if shown:
        text += f"\nlast {len(shown)} of {counted(len(log), 'line')} of its log:\n" + "\n".join(
            f"  {line}" for line in shown
        )
    return text
