"""A local AWS whose sandboxes have the versions of the images, for tests of scripts that need those."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from smproc.local import LocalAws
from smproc.local.runners.image_environments.pythons import find_python
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.ports import free_port
from tests.helpers.sandboxes import require_any_sandbox


@contextlib.contextmanager
def local_aws_with_versions(state_dir: Path) -> Iterator[RunningLocalAws]:
    """Run a local AWS that makes the environments of images."""
    require_any_sandbox()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMPROC_IMAGE_ENVIRONMENTS", "on")
        with LocalAws(free_port(), state_dir=state_dir, runner="process", enforce_iam=False) as local_aws:
            user = RunningLocalAws(local_aws, "any")
            yield user
            user.close()


def require_python(version: str, image: str) -> None:
    """Skip the test if this machine lacks the Python of an image.

    uv could download it, but from GitHub alone, and a test depends on nothing but the index of packages.
    """
    found = find_python(version, Path("/nowhere"))
    if found is None or found.minor != version:
        pytest.skip(f"needs Python {version} of the image {image} (uv python install {version}, from GitHub)")
