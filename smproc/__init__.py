"""The ``smproc`` command, the operations that it offers, and the local AWS. Never imports aws_cdk."""
