"""Refusals of requests, as errors that the SDKs read in the protocol of the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from smproc.local.server.operation_names import service_model

Answer = tuple[int, dict[str, str], bytes]

_FORM = "application/x-www-form-urlencoded"


def refusal(service: str, headers: Mapping[str, str], status: int, code: str, message: str) -> Answer:
    """Return the answer that refuses a request.

    Args:
        service: the name of the service, in the routing of requests.
        headers: the headers of the request, with names in lower case.
        status: the HTTP status.
        code: the code of the error.
        message: its message.
    """
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if headers.get("content-type", "").startswith(_FORM):
        # See: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#operation-error-serialization
        text = f"<Error>{error}</Error>"
        of_ec2 = service == "ec2"
        text = f"<Response><Errors>{text}</Errors></Response>" if of_ec2 else f"<ErrorResponse>{text}</ErrorResponse>"
        return status, {"Content-Type": "text/xml"}, text.encode()
    model = service_model(service)
    if model is not None and model.resolved_protocol == "rest-xml":
        # See: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
        text = f"<Error>{error}</Error>"
        if service != "s3":
            text = f"<ErrorResponse>{text}</ErrorResponse>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    answer = json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, answer
