"""The synth of app.py, of each example and of the laboratory, in one process: jsii starts once.

python -m tools.verify_aws.without_deploying.synthesis DIRECTORY
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from unittest import mock

ROOT: Final = Path(__file__).resolve().parents[3]
LABORATORY: Final = ROOT / "tools" / "verify_aws" / "laboratory" / "app.py"
# For the paths of constructs, as the CDK CLI asks for them.
_CONTEXT: Final = {"aws:cdk:enable-path-metadata": True}


class SynthesisError(Exception):
    """An app of this repository that does not synthesize."""


def apps() -> dict[str, Path]:
    """Return the files of the apps by their names."""
    examples = sorted((ROOT / "examples").glob("*.py")) + sorted((ROOT / "examples" / "processors").glob("*.py"))
    return {path.stem: path for path in (ROOT / "app.py", *examples)} | {"laboratory": LABORATORY}


def synthesize(directory: Path) -> dict[str, Path]:
    """Synthesize each app to a directory below the given one, in a process of its own; return them by name.

    Raises:
        SynthesisError: an app failed.
    """
    command = [sys.executable, "-m", "tools.verify_aws.without_deploying.synthesis", str(directory)]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if ran.returncode:
        raise SynthesisError(f"the apps must synthesize, got exit status {ran.returncode}:\n{ran.stderr[-2000:]}")
    return {name: directory / name for name in apps()}


def _synthesize_here(directory: Path) -> None:
    import aws_cdk as cdk  # noqa: PLC0415 - it starts Node, which the parent process does not need

    for name, path in apps().items():
        out = str(directory / name)

        class App(cdk.App):
            def __init__(self, *, out: str = out, **options: Any) -> None:
                super().__init__(**options | {"outdir": out, "context": {**_CONTEXT, **options.get("context", {})}})

        with mock.patch.object(cdk, "App", App):
            runpy.run_path(str(path), run_name="__main__")


if __name__ == "__main__":
    _synthesize_here(Path(sys.argv[1]))
