"""The command ``train`` of SageMaker's framework images: script mode, as far as the local AWS supports it."""
