"""Build the wheel and the sdist, install each into an empty environment, and synthesize an app with it.

    python tools/check_distributions.py

Run by ``make dist``, which leaves both in ``dist/``. It needs the package index, as any installation does. Both must
give the same template and the same assets.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
APP = """\
import sys
import aws_cdk as cdk
import cdk_sagemaker_processing as library

assert library.__file__.startswith(sys.prefix), library.__file__
app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Stack")
processor = library.SKLearnProcessor(stack, "P", framework_version="1.2-1", instance_type="ml.m5.large")
step = processor.run(
    "Run",
    code="run.py",
    inputs=[library.uploaded_objects()],
    outputs=[library.ProcessingOutput(source="/opt/ml/processing/out")],
)
library.EventDrivenProcessing(stack, "Pipeline", steps=[step], batch_size=10)
app.synth()
"""


def build() -> list[Path]:
    """Build the wheel and the sdist into an empty ``dist/``."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(DIST)], cwd=ROOT, check=True)
    return sorted(DIST.iterdir(), reverse=True)


def synthesized_with(distribution: Path, directory: Path) -> dict[str, str]:
    """Install a distribution into an empty environment, and return the hash of each file that an app synthesizes."""
    subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
    python = directory / "venv" / "bin" / "python"
    # Nothing of this checkout or of its environment is visible.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}

    def run(*command: str | Path) -> None:
        subprocess.run(command, cwd=directory, env=environment, check=True)

    run(python, "-m", "pip", "install", "--quiet", distribution)
    (directory / "app.py").write_text(APP, encoding="utf-8")
    (directory / "run.py").write_text("print('hello')\n", encoding="utf-8")
    out = directory / "cdk.out"
    run(python, "app.py", out)
    run(directory / "venv" / "bin" / "smproc", "--version")
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "tree.json", "cdk.out")
    }


def main() -> int:
    """Check both distributions; the exit status is 0 when both synthesize the same."""
    synthesized = {}
    for distribution in build():
        with tempfile.TemporaryDirectory() as directory:
            synthesized[distribution.name] = synthesized_with(distribution, Path(directory))
        count = len(synthesized[distribution.name])
        sys.stdout.write(f"{distribution.name}: installed into an empty environment, {count} files synthesized\n")
    first, second = synthesized.values()
    if first != second:
        sys.stderr.write("wheel and sdist synthesize different files\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
