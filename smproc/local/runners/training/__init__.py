"""The command ``train`` of images that substitute for SageMaker's own, for a sandbox.

The package ``smtrain`` runs in a job's program and so imports nothing from outside its own directory.
"""

from smproc.local.runners.training.installation import train_command, train_files

__all__ = ["train_command", "train_files"]
