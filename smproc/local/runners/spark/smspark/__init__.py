"""``smspark-submit`` inside the sandbox: of the standard library, and of nothing of ours but this package.

It does what the command of that name does in SageMaker's Spark container (github.com/aws/sagemaker-spark-container),
with the one difference that Spark runs in this process's machine, ``--master local[*]``, where the container starts a
YARN cluster over all hosts of the job.
"""
