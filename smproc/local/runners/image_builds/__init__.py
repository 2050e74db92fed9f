"""Images with the contents of SageMaker's own, which an engine cannot pull without an account, built here."""

from smproc.local.runners.image_builds.build import CannotBuildImageError, ImageBuild, build_image
from smproc.local.runners.image_builds.labels import BuiltImage, built_image, local_name

__all__ = ["BuiltImage", "CannotBuildImageError", "ImageBuild", "build_image", "built_image", "local_name"]
