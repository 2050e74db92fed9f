"""The errors of reading a CDK app.

::

    RuntimeError
    └── AssemblyError              one sentence for the author of the app
        ├── AppNotFoundError       there is no CDK app, or no cloud assembly
        ├── SynthesisFailedError   the app failed, or its assembly is incomplete
        ├── StackNotFoundError     the app has no such stack, or several
        └── StepNotFoundError      the app has no such step, or several
"""

from __future__ import annotations


class AssemblyError(RuntimeError):
    """An error that the author of an app has to know; the message starts with one sentence."""


class AppNotFoundError(AssemblyError):
    """There is no CDK app, or no cloud assembly."""


class SynthesisFailedError(AssemblyError):
    """The app failed, or its assembly is incomplete."""


class StackNotFoundError(AssemblyError):
    """The app has no such stack, or several."""


class StepNotFoundError(AssemblyError):
    """The app has no such step, or several."""
