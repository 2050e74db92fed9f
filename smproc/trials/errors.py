"""The errors of trying steps.

::

    RuntimeError
    └── TrialError                 one sentence for the author of the step
        ├── InputError             a file is missing, or there is no input, or several, for one
        ├── RunTimeValueError      a value of the request is known only to other steps
        └── OutputFolderError      the folder of outputs holds something else
"""

from __future__ import annotations


class TrialError(RuntimeError):
    """An error that the author of a step has to know; the message is one sentence."""


class InputError(TrialError):
    """A file is missing, or there is no input, or several, for one."""


class RunTimeValueError(TrialError):
    """A value of the request is known only to other steps."""


class OutputFolderError(TrialError):
    """The folder of outputs holds something else."""
