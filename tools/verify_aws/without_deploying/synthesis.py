"""The synth of app.py, of each example and of the laboratory, in one process: jsii starts once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.helpers.stacks import WITH_PATHS, run_apps

ROOT: Final = Path(__file__).resolve().parents[3]
LABORATORY: Final = ROOT / "tools" / "verify_aws" / "laboratory" / "app.py"


class SynthesisError(Exception):
    """An app of this repository that does not synthesize."""


def apps() -> dict[str, Path]:
    """Return the files of the apps by their names."""
    examples = {path.parent.name: path.with_name("app.py") for path in sorted((ROOT / "examples").glob("*/cdk.json"))}
    return {"app": ROOT / "app.py", **examples, "laboratory": LABORATORY}


def synthesize(directory: Path) -> dict[str, Path]:
    """Synthesize each app to a directory below the given one, in a process of its own; return them by name.

    Raises:
        SynthesisError: an app failed.
    """
    found = {name: directory / name for name in apps()}
    try:
        run_apps({path: found[name] for name, path in apps().items()}, cwd=ROOT, **WITH_PATHS)
    except RuntimeError as error:
        raise SynthesisError(f"the apps must synthesize: {str(error)[-2000:]}") from None
    return found
