"""A job's own Python: a virtual environment that only this job can change, on top of the environment of its image.

``pip install`` in a job writes here. The packages of the image's environment come after those of the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners.image_environments.pip_settings import PipSettings
from smproc.local.runners.image_environments.pythons import Interpreter

# The path in the sandbox.
ROOT = "/opt/smproc/python"
# Where ``pip install --user`` installs.
VARIABLES = {"PYTHONUSERBASE": f"{ROOT}/user"}
_PIP = """\
#!{root}/bin/python
import sys
from pip._internal.cli.main import main
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class JobPython:
    """A job's Python.

    Attributes:
        directory: its directory on this machine, which the job sees as `ROOT`.
        visible: the files and directories of this machine that pip's settings name.
    """

    directory: Path
    visible: Mapping[str, Path]


def create_job_python(directory: Path, interpreter: Interpreter) -> JobPython:
    """Create a job's Python.

    Args:
        directory: the directory to create it in.
        interpreter: the Python with the packages of the job's image.
    """
    packages = directory / "lib" / f"python{interpreter.minor}" / "site-packages"
    packages.mkdir(parents=True)
    # Python ignores a directory that does not exist when it starts.
    user = directory / "user" / "lib" / f"python{interpreter.minor}" / "site-packages"
    user.mkdir(parents=True)
    scripts = directory / "bin"
    scripts.mkdir()
    # pip installs with --user, as in an image, only where this is true.
    settings = f"home = {interpreter.base.parent}\ninclude-system-site-packages = true\n"
    (directory / "pyvenv.cfg").write_text(f"{settings}version = {interpreter.version}\n", encoding="utf-8")
    # A line that starts with "import" is executed: so the .pth files of the image's packages are read, too. What the
    # user directory has comes before them. The packages of the Python that the environment was made with do not count.
    lines = ["import site, sys; site.PREFIXES[:] = [sys.prefix]; site.addsitedir(site.getusersitepackages())"]
    lines += [f"import site; site.addsitedir({path!r})" for path in interpreter.packages]
    (packages / "_image.pth").write_text("\n".join([*lines, ""]), encoding="utf-8")
    python = f"python{interpreter.minor}"
    (scripts / python).symlink_to(interpreter.base)
    for name in ("python", "python3"):
        (scripts / name).symlink_to(python)
    for name in ("pip", "pip3", f"pip{interpreter.minor}"):
        (scripts / name).write_text(_PIP.format(root=ROOT), encoding="utf-8")
        (scripts / name).chmod(0o755)
    pip = PipSettings.of_this_machine()
    (directory / "pip.conf").write_text(pip.to_file(), encoding="utf-8")
    return JobPython(directory, {str(path): path for path in pip.files})
