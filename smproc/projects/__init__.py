"""New projects: a CDK app in a directory of its own."""

from __future__ import annotations

from smproc.projects.errors import ProjectError, ProjectExistsError
from smproc.projects.files import check_empty, write_project

__all__ = ["ProjectError", "ProjectExistsError", "check_empty", "write_project"]
