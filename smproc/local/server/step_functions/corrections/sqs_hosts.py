"""SQS, URLs that are those of no queue.

AWS: the SDK sends a message to the host of the QueueUrl, so a URL without an account and a queue is that of a host that
does not exist.
See: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sqs.html

moto: botocore ignores the host, and the error is that of the service.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
    StateTaskServiceSqs,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from smproc.local.server.step_functions import failures, moto_package

_eval_service_task = StateTaskServiceSqs._eval_service_task


def apply() -> None:
    """Report the host."""
    moto_package.replace(StateTaskServiceSqs, "_eval_service_task", _eval_with_host)


def _eval_with_host(
    self: StateTaskServiceSqs, env: Environment, normalised_parameters: dict[str, Any], **arguments: Any
) -> None:
    try:
        _eval_service_task(self, env=env, normalised_parameters=normalised_parameters, **arguments)
    except ClientError as error:
        url = urlsplit(str(normalised_parameters.get("QueueUrl", "")))
        host, is_queue = url.hostname or url.path, url.hostname and url.path.strip("/")
        if is_queue:
            raise
        cause = f"Unable to execute HTTP request: {host}: Name or service not known"
        resource = self._get_sfn_resource()
        raise failures.task(env, "sqs", resource, "SQS.SdkClientException", cause) from error
