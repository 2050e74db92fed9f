"""Names of processing jobs."""

from __future__ import annotations

import re

UUID_LENGTH = 36
JOB_NAME_MAX = 63
BASE_NAME_MAX = JOB_NAME_MAX - UUID_LENGTH - 1


def base_job_name(text: str) -> str:
    """Return a prefix for job names: at most 26 letters, digits and single hyphens, which leaves room for a UUID.

    Args:
        text: any text, e.g. the name of the image's repository.

    Example:
        >>> base_job_name("my_image/très long, much longer than it may be")
        'my-image-tr-s-long-much-lo'
    """
    legal = re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")
    return legal[:BASE_NAME_MAX].strip("-") or "job"
