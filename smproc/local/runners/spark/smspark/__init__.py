"""``smspark-submit`` in the sandbox: needs Python 3.9 and nothing of ours but this package.

It behaves like the command of that name in SageMaker's Spark container (github.com/aws/sagemaker-spark-container), with
one difference: Spark runs on this machine, ``--master local[*]``, where the container starts a YARN cluster over all
hosts of the job.
"""
