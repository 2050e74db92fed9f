"""Service Quotas: the quotas of SageMaker for processing jobs, which `smproc local fault quota` sets to 0.

AWS: ListServiceQuotas returns the quotas of an account, 100 on a page; those of SageMaker have a name for each instance
type and each use of it, such as ``ml.m5.xlarge for processing job usage``.
See: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection
from typing import Any, Final

from cdk_sagemaker_processing.model.limits import shapes
from smproc.local.server import patches

# AWS's own defaults differ by instance type and account.
DEFAULT_VALUE: Final = 20.0
# Its name in the signatures of requests, and the prefix of their targets.
QUOTAS_SERVICE: Final = ("servicequotas", "ServiceQuotasV20190624.")
_CONTENT_TYPE = "application/x-amz-json-1.1"
_OK, _BAD_REQUEST = 200, 400
_PAGE_MAX = 100
_SERVICE: Final = {"ServiceCode": "sagemaker", "ServiceName": "Amazon SageMaker"}


def quota_name(instance_type: str) -> str:
    """Return the name of the quota for an instance type in processing jobs."""
    return f"{instance_type} for processing job usage"


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
        if operation != "ListServiceQuotas":
            message = f"The local AWS does not implement servicequotas:{operation}; it has ListServiceQuotas"
            status, answer = _BAD_REQUEST, {"__type": "NotImplemented", "message": message}
        elif request.get("ServiceCode") != "sagemaker":
            message = f"The local AWS has the quotas of sagemaker alone, not of {request.get('ServiceCode')!r}"
            status, answer = _BAD_REQUEST, {"__type": "NoSuchResourceException", "message": message}
        else:
            answer = self._page(request)
        found = {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
        return status, found, json.dumps(answer).encode()

    def _page(self, request: dict[str, Any]) -> dict[str, Any]:
        zero = set(self._exhausted())
        types: list[str] = sorted({*shapes()["ProcessingInstanceType"]["enum"], *zero})
        start = int(request.get("NextToken") or 0)
        size = min(int(request.get("MaxResults") or _PAGE_MAX), _PAGE_MAX)
        quotas = [_quota(one, 0.0 if one in zero else DEFAULT_VALUE) for one in types[start : start + size]]
        more = {"NextToken": str(start + size)} if start + size < len(types) else {}
        return {"Quotas": quotas, **more}


def _quota(instance_type: str, value: float) -> dict[str, Any]:
    name = quota_name(instance_type)
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    region, account = patches.request_region(), patches.request_account()
    return {
        **_SERVICE,
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:sagemaker/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
