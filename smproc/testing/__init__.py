"""The types of the pytest plugin's fixtures, for the annotations of tests: ``from smproc.testing import StepRunner``.

The plugin comes with the package; nothing has to be configured. See ``docs/testing.md``.

    fixtures.py        the functions that the fixtures return
    results.py         what they return: logs, jobs, outputs
    cloudformation.py  a deployment without the CDK CLI
"""

from smproc.local import PrivateLocalAws as LocalAws
from smproc.testing.fixtures import DeployedStack, Deployer, StepRunner, Uploader
from smproc.testing.results import Outputs, StepResult, UploadResult

__all__ = [
    "DeployedStack",
    "Deployer",
    "LocalAws",
    "Outputs",
    "StepResult",
    "StepRunner",
    "UploadResult",
    "Uploader",
]
