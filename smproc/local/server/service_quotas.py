"""Service Quotas: the quotas of SageMaker for processing jobs, and the rates of Step Functions.

AWS: ListServiceQuotas returns the quotas of an account, ListAWSDefaultServiceQuotas their defaults, 100 on a page.
Those of SageMaker have a name for each instance type and each use of it, such as
``ml.m5.xlarge for processing job usage``; here, `smproc local fault quota` sets them to 0. Those of Step Functions are
the sizes and the refill rates of token buckets; the local AWS answers the defaults that AWS documents for the region,
and enforces none: nothing is throttled here.
See: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
See: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListAWSDefaultServiceQuotas.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cdk_sagemaker_processing.model.limits import shapes
from smproc.local.server import patches

# AWS's own defaults differ by instance type and account.
DEFAULT_VALUE: Final = 20.0
# Its name in the signatures of requests, and the prefix of their targets.
QUOTAS_SERVICE: Final = "servicequotas"
QUOTAS_TARGETS: Final = "ServiceQuotasV20190624."
_CONTENT_TYPE = "application/x-amz-json-1.1"
_OK, _BAD_REQUEST = 200, 400
_PAGE_MAX = 100
_OPERATIONS: Final = ("ListServiceQuotas", "ListAWSDefaultServiceQuotas")
_SERVICES: Final = {"sagemaker": "Amazon SageMaker", "states": "AWS Step Functions"}
# The regions where the rates of Step Functions are higher than elsewhere.
_LARGE_REGIONS: Final = frozenset({"us-east-1", "us-west-2", "eu-west-1"})
_BUCKET, _REFILL = "throttle token bucket size", "throttle token refill rate per second"
# The code of a quota of Step Functions, and its defaults in the large regions and elsewhere. These are the quotas whose
# defaults the page above has by region and under the name of Service Quotas, which has more of them.
_OF_STATES: Final[Mapping[str, tuple[str, int, int]]] = {
    f"DescribeExecution {_BUCKET}": ("L-A0B4DA4A", 300, 250),
    f"DescribeExecution {_REFILL}": ("L-4A5FADE3", 15, 10),
    f"ListExecutions {_BUCKET}": ("L-7A4BEE15", 200, 100),
    f"ListExecutions {_REFILL}": ("L-1342F2DA", 5, 2),
    "Open executions": ("L-B8A5B662", 1_000_000, 1_000_000),
    f"RedriveExecution {_BUCKET}": ("L-DB101538", 1_300, 800),
    f"RedriveExecution {_REFILL}": ("L-1D8665FF", 300, 150),
    f"StartExecution {_BUCKET}": ("L-CE9F8059", 1_300, 800),
    f"StartExecution {_REFILL}": ("L-1B55A735", 300, 150),
    f"StateTransition {_BUCKET}": ("L-137B3F65", 5_000, 800),
    f"StateTransition {_REFILL}": ("L-AD9B4E93", 5_000, 800),
    f"StopExecution {_BUCKET}": ("L-31300AD4", 1_000, 500),
    f"StopExecution {_REFILL}": ("L-898DDD72", 200, 25),
}


def quota_name(instance_type: str) -> str:
    """Return the name of the quota for an instance type in processing jobs."""
    return f"{instance_type} for processing job usage"


def states_quotas(region: str) -> dict[str, float]:
    """Return the default quotas of Step Functions in a region, by their names."""
    return {name: float(large if region in _LARGE_REGIONS else other) for name, (_, large, other) in _OF_STATES.items()}


@dataclass(frozen=True, slots=True)
class _Quota:
    """A quota of a service: its code, its name and its value."""

    code: str
    name: str
    value: float


class ServiceQuotas:
    """The service.

    Args:
        exhausted: returns the instance types whose quotas are 0.
    """

    def __init__(self, exhausted: Callable[[], Collection[str]]) -> None:
        self._exhausted = exhausted

    async def handle(
        self, _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer a request of the JSON 1.1 protocol, as `patches.Handler` describes."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        request = json.loads(body or b"{}")
        status, answer = _OK, {}
        if operation not in _OPERATIONS:
            message = f"The local AWS does not implement servicequotas:{operation}; it has {' and '.join(_OPERATIONS)}"
            status, answer = _BAD_REQUEST, {"__type": "NotImplemented", "message": message}
        elif (service := request.get("ServiceCode")) not in _SERVICES:
            message = f"The local AWS has the quotas of {' and '.join(_SERVICES)} alone, not of {service!r}"
            status, answer = _BAD_REQUEST, {"__type": "NoSuchResourceException", "message": message}
        else:
            is_default = operation == "ListAWSDefaultServiceQuotas"
            quotas = self._of_sagemaker(is_default=is_default) if service == "sagemaker" else _of_states()
            # The ARN of a default names no account.
            account = "" if is_default else patches.request_account()
            answer = _page([_described(service, account, quota) for quota in quotas], request)
        found = {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
        return status, found, json.dumps(answer).encode()

    def _of_sagemaker(self, *, is_default: bool) -> list[_Quota]:
        zero = set(self._exhausted())
        types: list[str] = sorted({*shapes()["ProcessingInstanceType"]["enum"], *zero})
        return [
            _Quota(
                code=f"L-{hashlib.sha256(quota_name(one).encode()).hexdigest()[:8].upper()}",
                name=quota_name(one),
                value=0.0 if one in zero and not is_default else DEFAULT_VALUE,
            )
            for one in types
        ]


def _of_states() -> list[_Quota]:
    values = states_quotas(patches.request_region())
    return [_Quota(code, name, values[name]) for name, (code, *_) in _OF_STATES.items()]


def _page(quotas: list[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    start = int(request.get("NextToken") or 0)
    size = min(int(request.get("MaxResults") or _PAGE_MAX), _PAGE_MAX)
    more = {"NextToken": str(start + size)} if start + size < len(quotas) else {}
    return {"Quotas": quotas[start : start + size], **more}


def _described(service: str, account: str, quota: _Quota) -> dict[str, Any]:
    return {
        "ServiceCode": service,
        "ServiceName": _SERVICES[service],
        "QuotaArn": f"arn:aws:servicequotas:{patches.request_region()}:{account}:{service}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
