"""Operations that nothing carries out here: they are refused by name, and answer nothing invented.

AWS: an operation does its work, or fails with an error that has a code and a message.
See: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
See: https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html

ministack 1.5.33: `ministack.services.bedrock_runtime` and `ministack.services.bedrock_agent_runtime` answer invented
text, `ministack.services.translate` and `ministack.services.transcribe` write it to S3; `ministack.services.batch`,
`ministack.services.emr` and, without Docker, `ministack.services.codebuild` report the success of what they have not
run, `ministack.services.inspector2` the vulnerabilities of images that do not exist. `ministack.app` answers a service
that it lacks with a body that no SDK reads as an error.

Removable when: these modules refuse what they do not carry out, and `ministack.app` answers errors of the protocol for
a service that it lacks (not so in 1.5.33).
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.operation_names import operation_name
from smproc.local.server.patches.hosting import Handler
from smproc.local.server.patches.registry import Names, application
from smproc.local.server.refusals import Answer, refusal

_MODEL: Final = "no model runs here"
_JOB: Final = "nothing runs its jobs here"
# The operations that would answer without doing their work, by the service's name in the routing of requests; each with
# what is not there.
_REFUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "batch": {"SubmitJob": _JOB},
    "bedrock-agent-runtime": {
        "GenerateQuery": _MODEL,
        "InvokeAgent": _MODEL,
        "InvokeFlow": _MODEL,
        "InvokeInlineAgent": _MODEL,
        "OptimizePrompt": _MODEL,
        "Rerank": _MODEL,
        "RetrieveAndGenerate": _MODEL,
        "RetrieveAndGenerateStream": _MODEL,
        "StartFlowExecution": _MODEL,
    },
    "bedrock-runtime": {
        "Converse": _MODEL,
        "ConverseStream": _MODEL,
        "InvokeModel": _MODEL,
        "InvokeModelWithResponseStream": _MODEL,
        "StartAsyncInvoke": _MODEL,
    },
    "codebuild": {"StartBuild": "nothing runs its builds here"},
    "elasticmapreduce": {"AddJobFlowSteps": _JOB, "RunJobFlow": "no cluster runs here"},
    "inspector2": {"ListFindings": "nothing is scanned here"},
    "transcribe": {"StartTranscriptionJob": _MODEL},
    "translate": {"StartTextTranslationJob": _MODEL},
}
NAMES: Names = {"ministack.app": {"SERVICE_HANDLERS": lambda value: set(_REFUSED) <= set(value)}}

# The SDKs do not repeat a request that is answered so.
_STATUS: Final = 501
_CODE: Final = "NotImplemented"
_log = logging.getLogger("smproc.not_implemented")


class _Handlers(dict[str, Handler]):
    """The handlers of services; a service that has none is refused."""

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as that of dict
        """Return the handler of a service."""
        return super().get(name) or default or functools.partial(_refuse_all, name)


def apply() -> None:
    """Refuse the operations, and the services that ministack lacks."""
    app = application()
    handlers = _Handlers(app.SERVICE_HANDLERS)
    for service, operations in _REFUSED.items():
        # ministack passes Bedrock's requests on to a model, if it is told where one is.
        if service != "bedrock-runtime" or not os.environ.get("MINISTACK_BEDROCK_PROXY_URL"):
            handlers[service] = _without(service, operations, handlers[service])
    vars(app)["SERVICE_HANDLERS"] = handlers


def _without(service: str, operations: Mapping[str, str], handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def answered(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        operation = operation_name(service, method, path, headers, body, query)
        if operation in operations:
            return _refusal(service, operation, headers, operations[operation])
        return await handler(method, path, headers, body, query)

    return answered


async def _refuse_all(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
) -> Answer:
    operation = operation_name(service, method, path, headers, body, query)
    return _refusal(service, operation, headers, f"it has no service {service}")


def _refusal(service: str, operation: str, headers: Mapping[str, str], reason: str) -> Answer:
    message = f"The local AWS does not implement {service}:{operation}: {reason}"
    _log.warning("%s", message)
    return refusal(service, headers, _STATUS, _CODE, message)
