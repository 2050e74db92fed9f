"""The server process of the local AWS: ministack, the SageMaker service that it lacks, and the patches of both."""
