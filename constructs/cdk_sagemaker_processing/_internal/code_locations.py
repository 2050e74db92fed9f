"""The locations of local code in S3, and the part of them that stays when the code changes."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import root_of


def register_code_location(scope: IConstruct, location: str, folder: str) -> None:
    """Register a location that changes with its content.

    Args:
        scope: a construct of the app.
        location: the URI of the files, which contains their hash.
        folder: the URI above it, which is the same for every content.
    """
    _FOLDERS.setdefault(root_of(scope), {})[location] = folder


def grantable_uri(scope: IConstruct, uri: str) -> str:
    """Return the URI to grant access to: the folder above local code, or any other URI as it is.

    A grant on ``code/<hash>/`` would change the role's policy with each edit of a script, and ``cdk deploy`` asks
    before it changes a policy; without a terminal it fails. aws-cdk's own assets grant their whole bucket for the same
    reason.

    Args:
        scope: a construct of the app.
        uri: an S3 URI.

    See: https://docs.aws.amazon.com/cdk/v2/guide/ref-cli-cmd-deploy.html
    """
    for location, folder in _FOLDERS.get(root_of(scope), {}).items():
        if uri == location or uri.startswith(f"{location}/"):
            return folder
    return uri


_FOLDERS: WeakKeyDictionary[IConstruct, dict[str, str]] = WeakKeyDictionary()
