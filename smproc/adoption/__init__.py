"""Existing processing jobs as apps of the CDK: jobs that have run, notebooks and scripts, SageMaker Pipelines.

Nothing that is adopted is run. What cannot be told from it becomes a note: a comment in the app, and a line on the
terminal.
"""

from __future__ import annotations

from smproc.adoption.app import AdoptedApp, render_app
from smproc.adoption.errors import AdoptionError, NothingToAdoptError, UnreadableSourceError
from smproc.adoption.jobs import adopt_job, describe, read_description
from smproc.adoption.notebooks import adopt_notebook
from smproc.adoption.pipelines import adopt_pipeline, read_definition

__all__ = [
    "AdoptedApp",
    "AdoptionError",
    "NothingToAdoptError",
    "UnreadableSourceError",
    "adopt_job",
    "adopt_notebook",
    "adopt_pipeline",
    "describe",
    "read_definition",
    "read_description",
    "render_app",
]
