"""The errors of new projects.

::

    RuntimeError
    └── ProjectError                one sentence for the person who creates a project
        └── ProjectExistsError      the directory is not empty
"""

from __future__ import annotations


class ProjectError(RuntimeError):
    """An error that the person who creates a project has to know; the message is one sentence."""


class ProjectExistsError(ProjectError):
    """The directory of a new project is not empty."""
