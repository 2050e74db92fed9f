"""Which images a machine without a container engine can stand in for."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from smproc.local.runners._runner import CannotRun

_AWS_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|[a-z0-9.-]+)/(?P<repository>[a-z0-9._/-]+)(?:[:@].*)?"
)
_PYTHON_REPOSITORIES = frozenset({"sagemaker-scikit-learn"})
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LINKS = "/opt/smproc/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageContents:
    """What stands in for an image.

    Attributes:
        folders: folders of this machine that are visible, read-only, at their own paths.
        links: symbolic links to make, by path.
        path: the image's own PATH.
    """

    folders: tuple[Path, ...]
    links: dict[str, str]
    path: str


def contents_of(image: str) -> ImageContents:
    """Say what stands in for an image.

    Raises:
        CannotRun: nothing here does.
    """
    match = _AWS_IMAGE.fullmatch(image)
    if match is None or match["repository"] not in _PYTHON_REPOSITORIES:
        raise CannotRun(
            f"The laptop AWS cannot run the image {image}: without a container engine it stands in for "
            f"{', '.join(sorted(_PYTHON_REPOSITORIES))} alone, with its own Python {sys.version.split()[0]}"
        )
    return _this_python()


def _this_python() -> ImageContents:
    executable = Path(sys.executable)
    folders = {Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    # A virtual environment's python is a chain of links, each of which must lead somewhere inside, too.
    hop = executable
    while hop.is_symlink():
        hop = hop.parent / hop.readlink()
        folders.add(hop.parent.parent)
    folders |= {folder.resolve() for folder in folders}
    visible = sorted(folder for folder in folders if not folder.is_relative_to("/usr") and folder != Path("/"))
    names = ("python", "python3")
    scripts = executable.parent
    if all((scripts / name).exists() and (scripts / name).samefile(executable) for name in names):
        return ImageContents(folders=tuple(visible), links={}, path=f"{scripts}{os.pathsep}{_SYSTEM_PATH}")
    # A system's interpreter is often python3 alone, or one of several; a virtual environment always has both names,
    # and must be entered through its own path, or it is not recognised as one.
    links = {f"{_LINKS}/{name}": str(executable) for name in names}
    return ImageContents(
        folders=tuple(visible), links=links, path=os.pathsep.join((_LINKS, str(scripts), _SYSTEM_PATH))
    )
