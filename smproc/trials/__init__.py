"""Trials: steps of an app, run now on files of this machine, in a private local AWS without a deployment.

errors.py       the exceptions
files.py        files and directories of this machine
objects.py      the objects of S3 that files are given for
inputs.py       which file goes to which input
definitions.py  the state machine of one step
account.py      the private local AWS, with the app's buckets and files
trial.py        a trial, from its options to its end
outputs.py      the folder of its outputs
"""

from smproc.trials.account import TrialAccount
from smproc.trials.changes import FileChange, changes_between
from smproc.trials.errors import InputError, OutputFolderError, RunTimeValueError, TrialError
from smproc.trials.files import given_files
from smproc.trials.outputs import OutputFolder, files_in
from smproc.trials.trial import Line, TrialRequest, TrialResult, execution_input_of, run_trial

__all__ = [
    "FileChange",
    "InputError",
    "Line",
    "OutputFolder",
    "OutputFolderError",
    "RunTimeValueError",
    "TrialAccount",
    "TrialError",
    "TrialRequest",
    "TrialResult",
    "changes_between",
    "execution_input_of",
    "files_in",
    "given_files",
    "run_trial",
]
