"""The server process of the local AWS: ministack, patches of it, and the SageMaker service that it lacks."""
