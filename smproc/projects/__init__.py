"""New projects: a CDK app in a directory of its own."""

from __future__ import annotations

from smproc.projects.errors import ProjectError, ProjectExistsError
from smproc.projects.files import check_empty, write_project
from smproc.projects.kinds import Kind
from smproc.projects.new import new_project, project_files

__all__ = ["Kind", "ProjectError", "ProjectExistsError", "check_empty", "new_project", "project_files", "write_project"]
