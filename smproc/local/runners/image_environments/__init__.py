"""The environments in which a sandbox runs a job: the versions of the image, and what the job itself installs."""

from smproc.local.runners.image_environments.environment import (
    CannotMakeEnvironmentError,
    Environment,
    Environments,
    find_differences,
    install_packages,
)
from smproc.local.runners.image_environments.job_python import ROOT, VARIABLES, JobPython, create_job_python
from smproc.local.runners.image_environments.pythons import Interpreter, describe
from smproc.local.runners.image_environments.versions import ImageVersions, known_images, versions_of

__all__ = [
    "ROOT",
    "VARIABLES",
    "CannotMakeEnvironmentError",
    "Environment",
    "Environments",
    "ImageVersions",
    "Interpreter",
    "JobPython",
    "create_job_python",
    "describe",
    "find_differences",
    "install_packages",
    "known_images",
    "versions_of",
]
