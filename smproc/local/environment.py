"""The environment that points AWS's tools at the local AWS, and at nothing else."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCOUNT = "000000000000"
_LOOPBACK = "127.0.0.1,localhost"
# Each of these can lead a client to a real account although the endpoint is set.
_REDIRECTING = (
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


def pointing_at(port: int, region: str, inherited: Mapping[str, str], account: str = ACCOUNT) -> dict[str, str]:
    """Return the variables to set.

    Args:
        port: the port of the local AWS.
        region: its region.
        inherited: the environment that they are added to; its proxy exceptions are kept.
        account: the account. Default: 000000000000.
    """
    exceptions = inherited.get("NO_PROXY") or inherited.get("no_proxy")
    no_proxy = f"{_LOOPBACK},{exceptions}" if exceptions else _LOOPBACK
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        # ministack takes an access key of 12 digits as the account; every key may do everything in its account.
        "AWS_ACCESS_KEY_ID": "test" if account == ACCOUNT else account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The user's configuration files can name roles, endpoints of services and "ignore_configured_endpoint_urls".
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "CDK_DEFAULT_ACCOUNT": account,
        "CDK_DEFAULT_REGION": region,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def sagemaker_config(region: str, account: str) -> dict[str, Any]:
    """Return the content of a configuration file of the SageMaker SDK that names its default bucket.

    Without it, the SDK asks STS for the account, at an address of AWS that it builds itself. The name is the one that
    the SDK would choose.

    Args:
        region: the region.
        account: the account.

    See: https://sagemaker.readthedocs.io/en/stable/overview.html#configuring-and-using-defaults-with-the-sagemaker-python-sdk
    """
    session = {"DefaultS3Bucket": f"sagemaker-{region}-{account}"}
    return {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"Session": session}}}}


def to_unset(inherited: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables to remove: those that could redirect a client to a real account.

    Args:
        inherited: the environment to search for service-specific endpoints (``AWS_ENDPOINT_URL_S3``).
    """
    endpoints = {name for name in inherited if name.startswith("AWS_ENDPOINT_URL_")}
    return tuple(sorted({*_REDIRECTING, *endpoints}))


def redirected(port: int, region: str, inherited: Mapping[str, str], account: str = ACCOUNT) -> dict[str, str]:
    """Return a whole environment: the inherited one, pointed at the local AWS and at no real account."""
    removed = set(to_unset(inherited))
    kept = {name: value for name, value in inherited.items() if name not in removed}
    return {**kept, **pointing_at(port, region, inherited, account)}


def with_source_root(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a child imports the same packages, also those that only sys.path leads to."""
    library = importlib.util.find_spec("cdk_sagemaker_processing")
    roots = [
        Path(__file__).parents[2],
        *(Path(location).parent for location in (library and library.submodule_search_locations) or ()),
    ]
    paths = [*dict.fromkeys(map(str, roots)), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
