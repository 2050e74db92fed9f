"""The registries of container images, as far as the URI of an image names them.

See: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from cdk_sagemaker_processing.model.tokens import STRING_TOKEN

# The text of a token may contain the separators, so a part of a name is a sequence of tokens and other characters.
_LATER = rf"{STRING_TOKEN.pattern}|{{%.*?%}}"
_PART = rf"(?:{_LATER}|[^.:/@$])+"
# The endpoints of a registry, FIPS and dual-stack ones included:
# https://docs.aws.amazon.com/general/latest/gr/ecr.html
_ECR_IMAGE: Final = (
    rf"(?s)(?P<account>{_PART})\.dkr[.-]ecr(?:-fips)?\.(?P<region>{_PART})\.[^/]+/"
    rf"(?P<repository>(?:{_PART}|[./])+)(?::{_PART}[^/]*|@.*)?"
)
_TOKENS: Final = rf"(?s){_LATER}"
_UNKNOWN = "\ufffc"


class EcrImage(NamedTuple):
    """An image in a private registry of Amazon ECR; each part may be a token.

    Attributes:
        account: the account that owns the registry.
        region: the registry's region.
        repository: the repository's name.
    """

    account: str
    region: str
    repository: str

    @classmethod
    def parse(cls, image_uri: str) -> Self | None:
        """Return the image that a URI names, None if it is in another registry or its registry is not known."""
        matched = re.fullmatch(_ECR_IMAGE, image_uri)
        if matched is None or not (
            re.search(_TOKENS, matched["account"]) or re.fullmatch(r"\d{12}", matched["account"])
        ):
            return None
        return cls(account=matched["account"], region=matched["region"], repository=matched["repository"])


def registry_of(image_uri: str) -> str | None:
    """Return the registry's host in an image's URI, ``""`` if the URI names none, None if it is known only later.

    As for Docker, the first part of a path is a host if it has a dot or a port, or is ``localhost``.

    See: https://docs.docker.com/reference/cli/docker/image/tag/
    """
    masked = re.sub(_TOKENS, _UNKNOWN, image_uri)
    host, slash, _ = masked.partition("/")
    if _UNKNOWN in host:
        return None
    return host if slash and ("." in host or ":" in host or host == "localhost") else ""
